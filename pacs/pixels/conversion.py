"""Whole instances: converted to another transfer syntax frame by frame, and compared by pixels."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pacs.dicom.transfer_syntaxes import TransferSyntax
from pacs.errors import NotAcceptable, NotDecodable
from pacs.pixels.description import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PixelDescription,
    describe_pixels,
    known_syntax,
)
from pacs.pixels.fragments import end_of_value
from pacs.pixels.frames import FrameTable, encoded_frame, locate_frames
from pacs.pixels.interfaces import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    LOSSLESS_TARGETS,
    NATIVE_TARGETS,
    PIXEL_DATA,
    EncodedFrame,
    EncodedInstance,
    NativeFrame,
    ReadRange,
)
from pacs.pixels.reencoding import Replacement, element_header, holds_encapsulated, rewrite
from pacs.pixels.transcode import transcoded_photometric_interpretation

_PIECE_BYTES = 1 << 20
_MAX_TRAILER_BYTES = 256 << 20
_UNDEFINED = 0xFFFFFFFF
_ITEM = struct.Struct("<HHI")
_EMPTY_OFFSET_TABLE = _ITEM.pack(0xFFFE, 0xE000, 0)
_SEQUENCE_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_FLOAT_VRS: dict[int, bytes] = {FLOAT_PIXEL_DATA: b"OF", DOUBLE_FLOAT_PIXEL_DATA: b"OD"}


class FrameWork(Protocol):
    """The part of a PixelDecoder that works on single frames."""

    def decode_frame(self, frame: EncodedFrame) -> NativeFrame: ...

    def transcode_frame(self, frame: EncodedFrame, transfer_syntax_uid: str) -> bytes: ...


def convert_instance(
    decoder: FrameWork, instance: EncodedInstance, transfer_syntax_uid: str
) -> Iterator[bytes]:
    """See PixelDecoder.convert_instance; decoder does the work on single frames."""
    if transfer_syntax_uid not in NATIVE_TARGETS | LOSSLESS_TARGETS:
        raise NotAcceptable(f"instances cannot be written in {transfer_syntax_uid}")
    pieces = _pieces(decoder, instance, transfer_syntax_uid)
    # With the first piece comes whatever can be known to be wrong.
    return itertools.chain([next(pieces)], pieces)


def same_pixels(decoder: FrameWork, one: EncodedInstance, other: EncodedInstance) -> bool:
    """See PixelDecoder.same_pixels."""
    try:
        return _is_lossy(one) == _is_lossy(other) and _equal_frames(decoder, one, other)
    except NotDecodable:
        return False


def _is_lossy(instance: EncodedInstance) -> bool:
    return known_syntax(instance.transfer_syntax_uid).lossy


def _equal_frames(decoder: FrameWork, one: EncodedInstance, other: EncodedInstance) -> bool:
    tables = locate_frames(one), locate_frames(other)
    counts = {table.frame_count for table in tables}
    announced = {table.description.number_of_frames for table in tables}
    if len(counts) != 1 or len(announced) != 1:
        return False
    return all(
        decoder.decode_frame(encoded_frame(one, tables[0], index))
        == decoder.decode_frame(encoded_frame(other, tables[1], index))
        for index in range(tables[0].frame_count)
    )


def _pieces(decoder: FrameWork, instance: EncodedInstance, target: str) -> Iterator[bytes]:
    source = known_syntax(instance.transfer_syntax_uid)
    explicit_vr = known_syntax(target).explicit_vr
    if instance.pixel_tag is None:
        yield rewrite(instance.header, source, explicit_vr=explicit_vr)
        return
    if not source.is_encapsulated and target in NATIVE_TARGETS:
        yield from _native_as_it_is(instance, source, explicit_vr)
    elif target in NATIVE_TARGETS:
        yield from _decoded(decoder, instance, source, target)
    else:
        yield from _encoded(decoder, instance, source, target)
    yield from _trailer(instance, source, explicit_vr)


def _native_as_it_is(
    instance: EncodedInstance, source: TransferSyntax, explicit_vr: bool
) -> Iterator[bytes]:
    """Only the encoding of the elements changes, so even pixels nobody can decode pass."""
    tag, length = instance.pixel_tag or PIXEL_DATA, instance.value_length or 0
    vr = _FLOAT_VRS.get(tag, instance.pixel_vr.encode("ascii"))
    unit = 1 if source.little_endian else _swapped_unit(instance, vr)
    yield rewrite(instance.header, source, explicit_vr=explicit_vr)
    yield element_header(tag, vr, length + length % 2, explicit_vr=explicit_vr)
    for offset in range(0, length, _PIECE_BYTES):
        wanted = min(_PIECE_BYTES, length - offset)
        piece = instance.read(offset, wanted)
        if len(piece) != wanted:
            raise NotDecodable("Pixel Data is cut short")
        yield _turned_round(piece, unit)
    yield b"\0" * (length % 2)


def _swapped_unit(instance: EncodedInstance, vr: bytes) -> int:
    if vr == b"OB":
        return 1
    bits = describe_pixels(
        instance.header, instance.transfer_syntax_uid, instance.pixel_tag
    ).bits_allocated
    return max(bits // 8, 2)


def _turned_round(piece: bytes, unit: int) -> bytes:
    if unit == 1 or len(piece) % unit:
        return piece
    return np.frombuffer(piece, f">u{unit}").astype(f"<u{unit}").tobytes()


def _decoded(
    decoder: FrameWork, instance: EncodedInstance, source: TransferSyntax, target: str
) -> Iterator[bytes]:
    table = _complete_table(instance)
    frames = _frames(instance, table)
    first = decoder.decode_frame(next(frames))
    header = _header(instance, source, table.description, target)
    bits = len(first.data) * 8
    if first.bits_allocated == 1:
        bits = table.description.full_frame_bits
    length = -(-bits * table.frame_count // 8)
    if length > _UNDEFINED - 2:
        raise NotAcceptable("the decompressed pixels are larger than an element can be")
    vr = _FLOAT_VRS.get(instance.pixel_tag or 0, b"OB" if first.bits_allocated <= 8 else b"OW")
    tag = instance.pixel_tag or PIXEL_DATA
    explicit_vr = known_syntax(target).explicit_vr
    yield header + element_header(tag, vr, length + length % 2, explicit_vr=explicit_vr)
    data = itertools.chain([first.data], (decoder.decode_frame(frame).data for frame in frames))
    yield from _joined(data, bits) if bits % 8 else data
    yield b"\0" * (length % 2)


def _joined(frames: Iterable[bytes], frame_bits: int) -> Iterator[bytes]:
    """Frames of single bits follow each other without a gap. PS3.5 8.1.1."""
    carried: NDArray[np.uint8] = np.zeros(0, np.uint8)
    for frame in frames:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[:frame_bits]
        bits = np.concatenate([carried, bits])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        carried = bits[whole:]
    yield np.packbits(carried, bitorder="little").tobytes()


def _encoded(
    decoder: FrameWork, instance: EncodedInstance, source: TransferSyntax, target: str
) -> Iterator[bytes]:
    if instance.pixel_tag != PIXEL_DATA:
        raise NotAcceptable("floating point pixels can only be sent natively")
    table = _complete_table(instance)
    frames = _frames(instance, table)
    first = decoder.transcode_frame(next(frames), target)
    header = _header(instance, source, table.description, target)
    yield header + element_header(PIXEL_DATA, b"OB", _UNDEFINED, explicit_vr=True)
    yield _EMPTY_OFFSET_TABLE
    others = (decoder.transcode_frame(frame, target) for frame in frames)
    for data in itertools.chain([first], others):
        yield _ITEM.pack(0xFFFE, 0xE000, len(data) + len(data) % 2)
        yield data + b"\0" * (len(data) % 2)
    yield _SEQUENCE_END


def _complete_table(instance: EncodedInstance) -> FrameTable:
    """Part of a picture must not be given out as the whole."""
    table = locate_frames(instance)
    announced = table.description.number_of_frames
    if table.frame_count != announced:
        raise NotDecodable(f"Pixel Data has {table.frame_count} of {announced} frames")
    return table


def _frames(instance: EncodedInstance, table: FrameTable) -> Iterator[EncodedFrame]:
    return (encoded_frame(instance, table, index) for index in range(table.frame_count))


def _header(
    instance: EncodedInstance, source: TransferSyntax, description: PixelDescription, target: str
) -> bytes:
    """The header with what describes the pixels made true for the target."""
    replacements = {
        EXTENDED_OFFSET_TABLE: Replacement(b"OV", None),
        EXTENDED_OFFSET_TABLE_LENGTHS: Replacement(b"OV", None),
    }
    # A compressed icon is in the instance's own transfer syntax and cannot stay as it is.
    for tag in holds_encapsulated(instance.header, source):
        replacements[tag] = Replacement(b"SQ", None)
    if description.samples_per_pixel > 1:
        name = transcoded_photometric_interpretation(description, source.uid, target)
        padded = name.encode("ascii") + b" " * (len(name) % 2)
        replacements[PHOTOMETRIC_INTERPRETATION] = Replacement(b"CS", padded)
        replacements[PLANAR_CONFIGURATION] = Replacement(b"US", b"\0\0")
    return rewrite(
        instance.header,
        source,
        explicit_vr=known_syntax(target).explicit_vr,
        replacements=replacements,
    )


def _trailer(
    instance: EncodedInstance, source: TransferSyntax, explicit_vr: bool
) -> Iterator[bytes]:
    """The elements after the pixels: padding, private groups such as 7FE1."""
    start = instance.value_length
    if start is None:
        start = end_of_value(instance.read)
    if source.little_endian and source.explicit_vr == explicit_vr:
        yield from _rest(instance.read, start)
        return
    rest, size = [], 0
    for piece in _rest(instance.read, start):
        rest.append(piece)
        size += len(piece)
        if size > _MAX_TRAILER_BYTES:
            raise NotAcceptable("what follows the pixels is too large to be rewritten")
    yield rewrite(b"".join(rest), source, explicit_vr=explicit_vr)


def _rest(read: ReadRange, offset: int) -> Iterator[bytes]:
    while piece := read(offset, _PIECE_BYTES):
        yield piece
        offset += len(piece)
