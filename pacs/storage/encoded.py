"""Presents an instance, just received or long stored, to whoever decodes pixels."""

from __future__ import annotations

from pacs.dicom.header import inflate
from pacs.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    transfer_syntax,
)
from pacs.errors import InstanceUnreadable, NotDecodable
from pacs.pixels.interfaces import EncodedInstance
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import PixelLocation, StoredInstance

_EXPLICIT_PREFIX = 12
_MAX_HEADER_BYTES = 256 << 20


def encoded_from_bytes(
    data_set: memoryview, transfer_syntax_uid: str, pixels: PixelLocation | None
) -> EncodedInstance:
    """Of a whole data set in memory that is not deflated (any more)."""
    if pixels is None:
        return EncodedInstance(bytes(data_set), transfer_syntax_uid, _nothing, None, pixel_tag=None)

    def read(offset: int, length: int) -> bytes:
        start = pixels.offset + offset
        return bytes(data_set[start : start + length])

    return EncodedInstance(
        header=bytes(data_set[: pixels.header_length]),
        transfer_syntax_uid=transfer_syntax_uid,
        read=read,
        value_length=pixels.length,
        pixel_tag=pixels.tag,
        pixel_vr=_pixel_vr(bytes(data_set[pixels.header_length : pixels.offset])),
    )


def encoded_from_store(reader: InstanceReader, instance: StoredInstance) -> EncodedInstance:
    """Of a stored instance; pixels are read piece by piece unless the data set is deflated."""
    uid, pixels, stored = instance.transfer_syntax_uid, instance.pixels, instance.stored
    syntax = transfer_syntax(uid)
    if syntax is not None and syntax.deflated:
        return encoded_from_bytes(_inflated(reader, instance), _undeflated(uid), pixels)
    if pixels is None:
        header = _header(reader, instance, stored.data_set_size)
        return EncodedInstance(header, uid, _nothing, None, pixel_tag=None)
    lead = _header(reader, instance, pixels.offset)

    def read(offset: int, length: int) -> bytes:
        return reader.part(stored, pixels.offset + offset, length)

    return EncodedInstance(
        header=lead[: pixels.header_length],
        transfer_syntax_uid=uid,
        read=read,
        value_length=pixels.length,
        pixel_tag=pixels.tag,
        pixel_vr=_pixel_vr(lead[pixels.header_length :]),
    )


def _header(reader: InstanceReader, instance: StoredInstance, length: int) -> bytes:
    if length > _MAX_HEADER_BYTES:
        raise NotDecodable(
            f"instance {instance.identity.sop_instance_uid} has {length} bytes before its pixels; "
            "that is more than is opened at once, download it instead"
        )
    return reader.part(instance.stored, 0, length)


def _inflated(reader: InstanceReader, instance: StoredInstance) -> memoryview:
    deflated = b"".join(reader.data_set(instance.stored))
    try:
        return memoryview(inflate(memoryview(deflated), _MAX_HEADER_BYTES))
    except InstanceUnreadable as error:
        raise NotDecodable(str(error)) from error


def _undeflated(uid: str) -> str:
    return EXPLICIT_VR_LITTLE_ENDIAN if uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN else uid


def _pixel_vr(element_start: bytes) -> str:
    """The VR of the pixel element, from its tag, VR and length fields; OW where it is implicit."""
    explicit = len(element_start) == _EXPLICIT_PREFIX
    return element_start[4:6].decode("ascii", "replace") if explicit else "OW"


def _nothing(offset: int, length: int) -> bytes:
    del offset, length
    return b""
