"""Still GIF pictures to one that moves, without unpacking any of them. GIF89a specification."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pacs.errors import NotDecodable

_SIGNATURES = (b"GIF87a", b"GIF89a")
_HAS_TABLE = 0x80
_TABLE_SIZE = 0x07
_INTERLACED = 0x40
_EXTENSION, _IMAGE, _TRAILER = b"!", b",", b";"
_FOR_EVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_SHORTEST = 2
"""Hundredths of a second; browsers take less for a mistake and show the frame for ten."""
_LONGEST = 0xFFFF


@dataclass(frozen=True)
class _Still:
    """width, height, flags as in the image descriptor; data with the code size before it."""

    width: int
    height: int
    flags: int
    colours: bytes
    data: bytes


def animated(stills: Iterable[bytes], durations_ms: Iterable[float]) -> Iterator[bytes]:
    """The pieces of a GIF that shows the stills again and again, each for its time.

    Times are told in hundredths of a second; what rounding takes from one frame the next gets.
    Raises NotDecodable for stills that are no GIF or not all of one size.
    """
    size = None
    shown_ms, told = 0.0, 0
    for file, duration_ms in zip(stills, durations_ms, strict=True):
        still = _parsed(file)
        if size is None:
            size = still.width, still.height
            yield b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0) + _FOR_EVER
        if size != (still.width, still.height):
            raise NotDecodable("the frames are not all of one size")
        shown_ms += duration_ms
        delay = min(max(round(shown_ms / 10) - told, _SHORTEST), _LONGEST)
        told += delay
        yield _frame(still, delay)
    yield _TRAILER


def _frame(still: _Still, delay: int) -> bytes:
    control = b"!\xf9\x04" + struct.pack("<BHBB", 0x04, delay, 0, 0)
    place = struct.pack("<HHHHB", 0, 0, still.width, still.height, still.flags)
    return control + _IMAGE + place + still.colours + still.data


def _parsed(file: bytes) -> _Still:
    try:
        return _still(file)
    except (IndexError, struct.error) as error:
        raise NotDecodable("a frame was drawn as a GIF that is cut short") from error


def _still(file: bytes) -> _Still:
    """The first picture of a file that has just one."""
    if file[:6] not in _SIGNATURES:
        raise NotDecodable("a frame was drawn as something else than a GIF")
    flags = file[10]
    offset = 13
    colours = file[offset : offset + _table_length(flags)]
    offset += len(colours)
    while file[offset : offset + 1] == _EXTENSION:
        offset = _after_blocks(file, offset + 2)
    if file[offset : offset + 1] != _IMAGE:
        raise NotDecodable("a frame was drawn as a GIF without a picture")
    width, height, own_flags = struct.unpack_from("<4xHHB", file, offset + 1)
    offset += 10
    if own_flags & _HAS_TABLE:
        flags = own_flags
        colours = file[offset : offset + _table_length(flags)]
        offset += len(colours)
    kept = (flags & (_HAS_TABLE | _TABLE_SIZE)) | (own_flags & _INTERLACED)
    return _Still(width, height, kept, colours, file[offset : _after_blocks(file, offset + 1)])


def _table_length(flags: int) -> int:
    return 3 << ((flags & _TABLE_SIZE) + 1) if flags & _HAS_TABLE else 0


def _after_blocks(file: bytes, offset: int) -> int:
    """Where the blocks that begin here are over; each begins with its length, the last has 0."""
    while file[offset]:
        offset += 1 + file[offset]
    return offset + 1
