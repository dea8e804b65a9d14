"""The head of a DICOM file: preamble, `DICM` and file meta information. PS3.10 Section 7.1."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pacs.dicom.identity import strip_uid
from pacs.dicom.transfer_syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from pacs.errors import InstanceUnreadable

IMPLEMENTATION_CLASS_UID = "2.25.89990364239741263105044942049823990724"
IMPLEMENTATION_VERSION_NAME = "PACS_01"
PRIVATE_INFORMATION_CREATOR_UID = "2.25.232789002031668183926914888229711882036"

_PREAMBLE = bytes(128)
_MAGIC = b"DICM"
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT"})
_MAX_META_BYTES = 1 << 20
_EXPLICIT_VRS = frozenset({b"UI", b"CS", b"UL", b"SH", b"LO", b"DA", b"TM", b"PN", b"OB", b"SQ"})


@dataclass(frozen=True)
class FileHead:
    """What precedes the data set, and where that begins.

    Absent attributes are None; transfer_syntax_uid is always something, guessed when it must be.
    private_information  what we wrote into (0002,0102) ourselves; that of others is None.
    """

    data_set_offset: int
    transfer_syntax_uid: str
    sop_class_uid: str | None
    sop_instance_uid: str | None
    private_information: bytes | None = None


def read_file_head(data: bytes | bytearray | memoryview) -> FileHead:
    """Read the head of a file, or raise InstanceUnreadable.

    Forgives what real files do: no preamble, no file meta at all, a wrong or absent group length
    (the elements of group 0002 are walked, not trusted).
    """
    view = memoryview(data)
    start = _after_magic(view)
    elements, offset = _walk_meta(view, start)
    syntax = _uid(elements.get(0x0010)) or _guess_transfer_syntax(view[offset : offset + 6])
    is_ours = _uid(elements.get(0x0100)) == PRIVATE_INFORMATION_CREATOR_UID
    return FileHead(
        offset,
        syntax,
        _uid(elements.get(0x0002)),
        _uid(elements.get(0x0003)),
        elements.get(0x0102, b"").rstrip(b"\0") if is_ours else None,
    )


def read_own_head(data: bytes | bytearray | memoryview) -> FileHead:
    """Read a head that `build_file_head` wrote, or raise InstanceUnreadable.

    Its end is where its group length says: a data set as received may begin with elements of group
    0002 of its own, which some senders leave in.
    """
    view = memoryview(data)
    start = len(_PREAMBLE) + len(_MAGIC)
    is_ours = bytes(view[len(_PREAMBLE) : start]) == _MAGIC and len(view) >= start + 12
    if not is_ours or bytes(view[start : start + 6]) != b"\x02\x00\x00\x00UL":
        raise InstanceUnreadable("this is no file head that this archive wrote")
    end = start + 12 + int.from_bytes(view[start + 8 : start + 12], "little")
    if end > len(view):
        raise InstanceUnreadable("the file ends within its file meta information")
    return replace(read_file_head(view[:end]), data_set_offset=end)


def _after_magic(view: memoryview) -> int:
    if bytes(view[128:132]) == _MAGIC:
        return 132
    if bytes(view[:4]) == _MAGIC:
        return 4
    if len(view) >= 8 and _looks_like_an_element(bytes(view[:8])):
        return 0
    raise InstanceUnreadable("this is no DICOM file: neither 'DICM' nor a first element is there")


def _looks_like_an_element(first: bytes) -> bool:
    group, _element, length = struct.unpack("<HHI", first)
    explicit = first[4:6] in _EXPLICIT_VRS
    return group in (0x0002, 0x0008) and (explicit or 0 < length <= 256)


def _walk_meta(view: memoryview, start: int) -> tuple[dict[int, bytes], int]:
    elements: dict[int, bytes] = {}
    offset = start
    while offset + 8 <= len(view) and view[offset] == 2 and view[offset + 1] == 0:
        element = int.from_bytes(view[offset + 2 : offset + 4], "little")
        vr = bytes(view[offset + 4 : offset + 6])
        length, offset = _length_and_value(view, offset, vr)
        if offset + length > len(view) or length > _MAX_META_BYTES:
            raise InstanceUnreadable("the file ends within its file meta information")
        elements[element] = bytes(view[offset : offset + length])
        offset += length
    return elements, offset


def _length_and_value(view: memoryview, offset: int, vr: bytes) -> tuple[int, int]:
    if vr in _LONG_VRS:
        if offset + 12 > len(view):
            raise InstanceUnreadable("the file ends within its file meta information")
        return int.from_bytes(view[offset + 8 : offset + 12], "little"), offset + 12
    return int.from_bytes(view[offset + 6 : offset + 8], "little"), offset + 8


def _uid(raw: bytes | None) -> str | None:
    return (strip_uid(raw) or None) if raw is not None else None


def _guess_transfer_syntax(first: memoryview) -> str:
    """Of a bare data set: explicit when a VR stands where one would."""
    vr = bytes(first[4:6])
    return EXPLICIT_VR_LITTLE_ENDIAN if vr.isalpha() and vr.isupper() else IMPLICIT_VR_LITTLE_ENDIAN


def build_file_head(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    source_ae_title: str | None = None,
    private_information: bytes | None = None,
) -> bytes:
    """Preamble, `DICM` and file meta information for a data set in this transfer syntax.

    private_information  kept in (0002,0102) under our creator UID (0002,0100).
    """
    elements = b"".join(
        _encode(element, vr, value)
        for element, vr, value in _meta_elements(
            sop_class_uid,
            sop_instance_uid,
            transfer_syntax_uid,
            source_ae_title,
            private_information,
        )
    )
    group_length = _encode(0x0000, b"UL", struct.pack("<I", len(elements)))
    return _PREAMBLE + _MAGIC + group_length + elements


def _meta_elements(
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    source_ae_title: str | None,
    private_information: bytes | None,
) -> Iterator[tuple[int, bytes, bytes]]:
    yield 0x0001, b"OB", b"\x00\x01"
    yield 0x0002, b"UI", sop_class_uid.encode()
    yield 0x0003, b"UI", sop_instance_uid.encode()
    yield 0x0010, b"UI", transfer_syntax_uid.encode()
    yield 0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()
    yield 0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()
    if source_ae_title:
        yield 0x0016, b"AE", source_ae_title.encode("ascii", "replace")[:16]
    if private_information is not None:
        yield 0x0100, b"UI", PRIVATE_INFORMATION_CREATOR_UID.encode()
        yield 0x0102, b"OB", private_information


def _encode(element: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    if vr in _LONG_VRS:
        return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value
