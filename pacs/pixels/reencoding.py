"""Rewriting the elements of a data set in little endian, with or without explicit VRs.

Values keep their bytes (turned round where they were big endian), so text is neither decoded nor
re-encoded. Sequences come out with undefined length. Retired group lengths are left out, since
they would be wrong. PS3.5 Section 7.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydicom.datadict import dictionary_VR

from pacs.dicom.element_walk import ElementWalk, HeaderLimits
from pacs.dicom.transfer_syntaxes import TransferSyntax
from pacs.errors import InstanceRefused, NotDecodable

_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
_ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_UNDEFINED = 0xFFFFFFFF
_UNDEFINED_BYTES = b"\xff\xff\xff\xff"
_SHORT = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"}
) | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
_MAX_SHORT_LENGTH = 0xFFFE
_UNIT: dict[bytes, int] = {
    b"AT": 2,
    b"FD": 8,
    b"FL": 4,
    b"OD": 8,
    b"OF": 4,
    b"OL": 4,
    b"OV": 8,
    b"OW": 2,
    b"SL": 4,
    b"SS": 2,
    b"SV": 8,
    b"UL": 4,
    b"US": 2,
    b"UV": 8,
}
"""Bytes that big endian turns round together. PS3.5 7.3."""

_CHOICES: dict[str, bytes] = {"OB or OW": b"OW", "US or SS or OW": b"OW", "US or OW": b"OW"}
"""What an implicit element is when the dictionary offers several VRs; US or SS goes by the sign."""
_PIXEL_REPRESENTATION = 0x00280103
_LUT_DESCRIPTORS = frozenset({0x00283002, 0x00281101, 0x00281102, 0x00281103})


@dataclass(frozen=True)
class Replacement:
    """A new value of a top-level element, added when it is absent; value None removes it."""

    vr: bytes
    value: bytes | None


def rewrite(
    data: bytes,
    source: TransferSyntax,
    *,
    explicit_vr: bool,
    replacements: Mapping[int, Replacement] | None = None,
) -> bytes:
    """The elements of data (a data set or a part of one, with whole elements) written anew.

    Raises NotDecodable when the elements cannot be followed.
    """
    writer = _Writer(memoryview(data), source, explicit_vr, dict(replacements or {}))
    try:
        writer.run()
    except InstanceRefused as error:
        raise NotDecodable(f"the data set cannot be rewritten: {error.message}") from error
    return writer.finished()


def element_header(tag: int, vr: bytes, length: int, *, explicit_vr: bool) -> bytes:
    """Of a little endian element; length 0xFFFFFFFF is undefined."""
    group, number = tag >> 16, tag & 0xFFFF
    if not explicit_vr:
        return struct.pack("<HHI", group, number, length)
    if vr in _SHORT:
        return struct.pack("<HH2sH", group, number, vr, length)
    return struct.pack("<HH2sHI", group, number, vr, 0, length)


def holds_encapsulated(data: bytes, source: TransferSyntax) -> frozenset[int]:
    """Top-level sequences with compressed pixels somewhere within (icons of compressed images)."""
    finder = _EncapsulatedFinder(memoryview(data), source, HeaderLimits())
    try:
        finder.run()
    except InstanceRefused as error:
        raise NotDecodable(f"the data set cannot be rewritten: {error.message}") from error
    return frozenset(finder.found)


class _EncapsulatedFinder(ElementWalk):
    def __init__(self, data: memoryview, syntax: TransferSyntax, limits: HeaderLimits) -> None:
        super().__init__(data, syntax, limits)
        self.found: set[int] = set()
        self._top = 0

    def visit_sequence(self, tag: int) -> None:
        if self.depth == 1:
            self._top = tag

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:  # noqa: ARG002
        if self.depth and self.data[value - 4 : value] == _UNDEFINED_BYTES:
            self.found.add(self._top)


@dataclass
class _Writer:
    """Walks and writes at once."""

    data: memoryview
    source: TransferSyntax
    explicit_vr: bool
    pending: dict[int, Replacement]
    pieces: list[bytes] = field(default_factory=list)

    def run(self) -> None:
        _WritingWalk(self).run()

    def finished(self) -> bytes:
        self.add_pending(before=1 << 32)
        return b"".join(self.pieces)

    def add_pending(self, *, before: int) -> None:
        """Write replacements that were not in the data, each at its place."""
        for tag in sorted(tag for tag in self.pending if tag < before):
            replacement = self.pending.pop(tag)
            if replacement.value is not None:
                self.element(tag, replacement.vr, replacement.value)

    def element(self, tag: int, vr: bytes, value: bytes) -> None:
        value += b"\0" * (len(value) % 2)
        if vr in _SHORT and len(value) > _MAX_SHORT_LENGTH:
            # An implicit value may be longer than an explicit one of its VR. PS3.5 6.2.2.
            vr = b"UN"
        self.pieces.append(element_header(tag, vr, len(value), explicit_vr=self.explicit_vr))
        self.pieces.append(value)


class _WritingWalk(ElementWalk):
    def __init__(self, writer: _Writer) -> None:
        super().__init__(writer.data, writer.source, HeaderLimits())
        self._writer = writer
        self._big_endian = not writer.source.little_endian
        self._signed = False
        self._open_kinds: list[bytes] = []
        self._left_out_depth: int | None = None

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:
        if self._left_out_depth is not None or not tag & 0xFFFF:
            return
        data = bytes(self.data[value:end])
        if tag == _PIXEL_REPRESENTATION and not self.depth:
            self._signed = data[:2] in (b"\x01\x00", b"\x00\x01")
        if not self.depth and self._replaced(tag):
            return
        if self.data[value - 4 : value] == _UNDEFINED_BYTES and vr in (b"OB", b"OW"):
            self._encapsulated(tag, vr, data)
            return
        written_vr = vr or self._vr(tag)
        self._writer.element(tag, written_vr, self._turned_round(data, written_vr))

    def visit_sequence(self, tag: int) -> None:
        if self._left_out_depth is None and self.depth == 1 and self._replaced(tag):
            self._left_out_depth = self.depth
        self._open_kinds.append(_SEQUENCE_END)
        if self._left_out_depth is None:
            header = element_header(tag, b"SQ", _UNDEFINED, explicit_vr=self._writer.explicit_vr)
            self._writer.pieces.append(header)

    def visit_item(self) -> None:
        self._open_kinds.append(_ITEM_END)
        if self._left_out_depth is None:
            self._writer.pieces.append(_ITEM)

    def visit_end(self) -> None:
        ending = self._open_kinds.pop()
        if self._left_out_depth is None:
            self._writer.pieces.append(ending)
        elif self.depth < self._left_out_depth:
            self._left_out_depth = None

    def _replaced(self, tag: int) -> bool:
        """Whether the element gets another value (which is written here) or is left out."""
        self._writer.add_pending(before=tag)
        replacement = self._writer.pending.pop(tag, None)
        if replacement is None:
            return False
        if replacement.value is not None:
            self._writer.element(tag, replacement.vr, replacement.value)
        return True

    def _encapsulated(self, tag: int, vr: bytes, fragments: bytes) -> None:
        header = element_header(tag, vr, _UNDEFINED, explicit_vr=self._writer.explicit_vr)
        self._writer.pieces += [header, fragments]

    def _vr(self, tag: int) -> bytes:
        """Of an implicit element. PS3.5 6.2.2, 7.8."""
        if tag >> 16 & 1:
            is_creator = 0x10 <= tag & 0xFFFF <= 0xFF
            return b"LO" if is_creator else b"UN"
        try:
            name = dictionary_VR(tag)
        except KeyError:
            return b"UN"
        if name == "US or SS":
            return b"SS" if self._signed and tag not in _LUT_DESCRIPTORS else b"US"
        return _CHOICES.get(name) or name.encode("ascii")

    def _turned_round(self, value: bytes, vr: bytes) -> bytes:
        unit = _UNIT.get(vr, 1) if self._big_endian else 1
        if unit == 1 or len(value) % unit:
            return value
        return np.frombuffer(value, f">u{unit}").astype(f"<u{unit}").tobytes()
