"""Where single frames lie within a stored pixel value, and how one is read.

A table of frames is a value: it may be kept as long as the instance is.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from pacs.dicom.transfer_syntaxes import Coding
from pacs.errors import NotDecodable, NotFound
from pacs.pixels import video
from pacs.pixels.description import (
    HALVED_CHROMINANCE,
    PixelDescription,
    describe_pixels,
    known_syntax,
)
from pacs.pixels.fragments import (
    ByteRange,
    frames_by_table,
    frames_by_walking,
    join_fragments,
)
from pacs.pixels.interfaces import PIXEL_DATA, EncodedFrame, EncodedInstance


@dataclass(frozen=True)
class FrameTable:
    """Where the frames of one instance are.

    ranges        encapsulated: each frame's items with their headers; None: frames are native.
    by_table      the ranges come from an offset table and were not compared with the items.
    frame_bits    native: of one frame as stored.
    frame_count   how many frames are there, which may be fewer than announced.
    """

    description: PixelDescription
    frame_count: int
    ranges: tuple[ByteRange, ...] | None = None
    by_table: bool = False
    frame_bits: int = 0


def pixel_vr(element_header: bytes, transfer_syntax_uid: str) -> str:
    """The VR in the pixel element's own header (the bytes between data set header and value)."""
    vr = element_header[4:6]
    explicit = known_syntax(transfer_syntax_uid).explicit_vr
    return vr.decode("ascii") if explicit and vr.isalpha() and vr.isascii() else "OW"


def locate_frames(instance: EncodedInstance) -> FrameTable:
    """Find the frames; reads at most offset table and item headers.

    Raises NotDecodable for an instance without pixels, with a wrong description or with a video.
    """
    description = describe_pixels(instance.header, instance.transfer_syntax_uid, instance.pixel_tag)
    syntax = known_syntax(instance.transfer_syntax_uid)
    video.refuse_what_has_no_frames(syntax)
    if syntax.is_encapsulated != (instance.value_length is None):
        raise NotDecodable(f"Pixel Data is not stored as {syntax.name} demands")
    if instance.value_length is None:
        return _encapsulated_table(instance, description, syntax.coding)
    return _native_table(description, instance.value_length)


def encoded_frame(instance: EncodedInstance, table: FrameTable, frame_index: int) -> EncodedFrame:
    """Read one frame, frame_index from 0.

    Raises NotFound when the instance does not announce so many frames, NotDecodable when it
    announces them but does not hold them.
    """
    _check_present(table, frame_index)
    if table.ranges is None:
        data = _native_bytes(instance, table, frame_index)
    else:
        data = _encapsulated_bytes(instance, table, table.ranges, frame_index)
    return EncodedFrame(
        header=instance.header,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        frame_index=frame_index,
        data=data,
        pixel_tag=instance.pixel_tag or PIXEL_DATA,
        pixel_vr=instance.pixel_vr,
    )


def native_frame_bytes(frame: EncodedFrame, table: FrameTable) -> bytes | None:
    """A native frame in little endian order, each sample where it is stored.

    None when it is encapsulated, or shares a byte or a swapped word with its neighbours.
    """
    if table.ranges is not None or table.frame_bits % 8:
        return None
    description, uid = table.description, frame.transfer_syntax_uid
    if known_syntax(uid).little_endian:
        return frame.data
    if has_swapped_words(description, uid, frame.pixel_vr):
        return _swapped(frame.data, 2) if table.frame_bits % 16 == 0 else None
    return _swapped(frame.data, max(description.bits_allocated // 8, 1))


_UNIT_CODES = {2: "H", 4: "I", 8: "Q"}


def _swapped(data: bytes, unit: int) -> bytes:
    if unit not in _UNIT_CODES:
        return data
    words = array(_UNIT_CODES[unit], data[: len(data) // unit * unit])
    words.byteswap()
    return words.tobytes()


def bits_before_frame(description: PixelDescription, frame: EncodedFrame, frame_bits: int) -> int:
    """How many bits of frame.data belong to the frame before; 0 but for small or 1-bit frames."""
    unit = 16 if has_swapped_words(description, frame.transfer_syntax_uid, frame.pixel_vr) else 8
    return frame.frame_index * frame_bits % unit


def has_swapped_words(description: PixelDescription, transfer_syntax_uid: str, vr: str) -> bool:
    """Whether 16-bit words of smaller samples are stored high byte first. PS3.5 7.3."""
    little_endian = known_syntax(transfer_syntax_uid).little_endian
    return not little_endian and vr == "OW" and description.bits_allocated <= 8


def _encapsulated_table(
    instance: EncodedInstance, description: PixelDescription, coding: Coding
) -> FrameTable:
    ranges = frames_by_table(instance.read, description)
    by_table = ranges is not None
    if ranges is None:
        ranges = frames_by_walking(instance.read, description, coding)
    return FrameTable(description, len(ranges), ranges, by_table)


def _native_table(description: PixelDescription, value_length: int) -> FrameTable:
    bits = description.native_frame_bits
    if description.photometric_interpretation in HALVED_CHROMINANCE:
        # Some senders keep the name of the JPEG they decompressed but write all samples.
        all_frames = description.full_frame_bits * description.number_of_frames // 8
        bits = description.full_frame_bits if value_length >= all_frames else bits
    held = min(value_length * 8 // bits, description.number_of_frames)
    return FrameTable(description, held, frame_bits=bits)


def _check_present(table: FrameTable, frame_index: int) -> None:
    announced = table.description.number_of_frames
    if not 0 <= frame_index < announced:
        raise NotFound(f"frame {frame_index + 1} of an instance with {announced} frames")
    if frame_index >= table.frame_count:
        raise NotDecodable(f"Pixel Data has {table.frame_count} of {announced} frames")


def _native_bytes(instance: EncodedInstance, table: FrameTable, frame_index: int) -> bytes:
    description = table.description
    swapped = has_swapped_words(description, instance.transfer_syntax_uid, instance.pixel_vr)
    unit = 16 if swapped else 8
    first_bit = frame_index * table.frame_bits
    start = first_bit // unit * (unit // 8)
    stop = -(-(first_bit + table.frame_bits) // unit) * (unit // 8)
    data = instance.read(start, stop - start)
    if len(data) * 8 < table.frame_bits:
        raise NotDecodable(
            f"Pixel Data is cut short: frame {frame_index + 1} has {len(data)} "
            f"of {stop - start} bytes"
        )
    return data


def _encapsulated_bytes(
    instance: EncodedInstance, table: FrameTable, ranges: Sequence[ByteRange], frame_index: int
) -> bytes:
    where = ranges[frame_index]
    data = join_fragments(instance.read(where.offset, where.length))
    if data is not None:
        return data
    if not table.by_table:
        raise NotDecodable(f"Pixel Data is cut short within frame {frame_index + 1}")
    # The offset table lied about this frame; the items themselves do not.
    coding = known_syntax(instance.transfer_syntax_uid).coding
    walked = frames_by_walking(instance.read, table.description, coding)
    honest = FrameTable(table.description, len(walked), walked)
    _check_present(honest, frame_index)
    return _encapsulated_bytes(instance, honest, walked, frame_index)
