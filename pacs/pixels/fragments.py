"""The items of an encapsulated pixel value: walking them, telling frames apart, joining a frame.

Offset tables are believed only as far as they fit what they point at. PS3.5 A.4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pacs.dicom.transfer_syntaxes import Coding
from pacs.errors import NotDecodable
from pacs.pixels.description import MAX_FRAME_BYTES, PixelDescription
from pacs.pixels.interfaces import ReadRange

_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"
_HEADER = 8
_READ_AHEAD = 32 * 1024
_MAX_FRAGMENTS = 1_000_000
_MAX_TABLE_BYTES = 4 * _MAX_FRAGMENTS

CODESTREAM_STARTS: dict[Coding, tuple[bytes, ...]] = {
    Coding.JPEG: (b"\xff\xd8\xff",),
    Coding.JPEG_LOSSLESS: (b"\xff\xd8\xff",),
    Coding.JPEG_LS: (b"\xff\xd8\xff",),
    Coding.JPEG_2000: (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "),
    Coding.HTJ2K: (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "),
    Coding.JPEG_XL: (b"\xff\x0a", b"\x00\x00\x00\x0cJXL "),
}
"""How a frame begins; a fragment that begins otherwise continues the frame before it."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes of the pixel value."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True)
class Fragment:
    """One item: where it begins with its header, how long its value is, how that begins."""

    offset: int
    value_length: int
    head: bytes

    @property
    def end(self) -> int:
        return self.offset + _HEADER + self.value_length


def frames_by_table(read: ReadRange, description: PixelDescription) -> tuple[ByteRange, ...] | None:
    """Frames as an offset table tells, or None when there is none or it cannot be right.

    What lies within a range is looked at only by `join_fragments`.
    """
    base = _offset_table(read)
    starts = description.frame_offsets or _basic_offsets(read, base)
    if len(starts) != description.number_of_frames or starts[0] != 0:
        return None
    if any(later <= earlier for earlier, later in pairwise(starts)):
        return None
    end = _end_of_last_frame(read, base.end + starts[-1])
    if end is None:
        return None
    bounds = [*(base.end + start for start in starts), end]
    return tuple(ByteRange(start, stop - start) for start, stop in pairwise(bounds))


def frames_by_walking(
    read: ReadRange, description: PixelDescription, coding: Coding
) -> tuple[ByteRange, ...]:
    """Frames as the items themselves tell. Raises NotDecodable when they cannot be told apart."""
    fragments = list(_walk(read, _offset_table(read).end))
    if not fragments:
        raise NotDecodable("Pixel Data holds no fragment")
    starts = _first_fragments(fragments, description.number_of_frames, coding)
    bounds = [*(fragments[index].offset for index in starts), fragments[-1].end]
    return tuple(ByteRange(start, stop - start) for start, stop in pairwise(bounds))


def join_fragments(items: bytes) -> bytes | None:
    """The values of these items, or None when the bytes are not exactly some whole items."""
    values: list[bytes] = []
    position = 0
    while position < len(items):
        if items[position : position + 4] != _ITEM or position + _HEADER > len(items):
            return None
        start = position + _HEADER
        position = start + _length_at(items, position)
        values.append(items[start:position])
    return b"".join(values) if position == len(items) and values else None


def end_of_value(read: ReadRange) -> int:
    """Where the data set goes on after the encapsulated value (its delimiter included)."""
    end = _offset_table(read).end
    for fragment in _walk(read, end):
        end = fragment.end
    return end + _HEADER if read(end, 4) == _SEQUENCE_END else end


def _offset_table(read: ReadRange) -> ByteRange:
    """The first item, which holds the Basic Offset Table or nothing."""
    header = read(0, _HEADER)
    if len(header) < _HEADER or header[:4] != _ITEM:
        raise NotDecodable("Pixel Data holds no item")
    return ByteRange(0, _HEADER + _length_at(header, 0))


def _basic_offsets(read: ReadRange, table: ByteRange) -> tuple[int, ...]:
    length = table.length - _HEADER
    if length == 0 or length % 4 or length > _MAX_TABLE_BYTES:
        return ()
    raw = read(_HEADER, length)
    return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])


def _end_of_last_frame(read: ReadRange, start: int) -> int | None:
    end = None
    try:
        for fragment in _walk(read, start):
            end = fragment.end
    except NotDecodable:
        return None
    return end


def _walk(read: ReadRange, position: int) -> Iterator[Fragment]:
    """Items from here to the delimiter; one that is missing at the end of the data is forgiven."""
    ahead, ahead_at = b"", position
    for _ in range(_MAX_FRAGMENTS):
        if position + 2 * _HEADER > ahead_at + len(ahead) or position < ahead_at:
            ahead, ahead_at = read(position, _READ_AHEAD), position
        at = position - ahead_at
        tag = ahead[at : at + 4]
        if tag == _SEQUENCE_END or len(ahead) - at < _HEADER:
            return
        if tag != _ITEM:
            raise NotDecodable(f"Pixel Data is damaged: no item at byte {position} of its value")
        length = _length_at(ahead, at)
        if length > MAX_FRAME_BYTES:
            raise NotDecodable(f"Pixel Data is damaged: it announces a fragment of {length} bytes")
        yield Fragment(position, length, ahead[at + _HEADER : at + 2 * _HEADER + 4])
        position += _HEADER + length
    raise NotDecodable(f"Pixel Data has over {_MAX_FRAGMENTS} fragments")


def _length_at(data: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", data, position + 4)[0])


def _first_fragments(
    fragments: Sequence[Fragment], number_of_frames: int, coding: Coding
) -> list[int]:
    """Which fragments begin a frame."""
    if number_of_frames == 1:
        return [0]
    if len(fragments) == number_of_frames:
        return list(range(len(fragments)))
    markers = CODESTREAM_STARTS.get(coding)
    if markers is None:
        # RLE has one fragment per frame (PS3.5 A.4.2) and so has a deflated frame.
        starts = list(range(len(fragments)))
    else:
        starts = [i for i, fragment in enumerate(fragments) if fragment.head.startswith(markers)]
    if not starts or starts[0] != 0 or len(starts) > number_of_frames:
        raise NotDecodable(
            f"{len(fragments)} fragments cannot be told apart as {number_of_frames} frames"
        )
    return starts
