"""Overlay planes: the drawings and outlines a device laid over its picture. PS3.3 C.9.2, C.9.3.

What cannot be drawn as it says is left out: a damaged drawing must not cost the picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.pixels.description import PixelDescription, known_syntax
from pacs.pixels.interfaces import EncodedFrame
from pacs.pixels.presentation import parsed_header, raw_value, value_representation

Bits = NDArray[np.uint8]

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS = 0x0010
_COLUMNS = 0x0011
_NUMBER_OF_FRAMES = 0x0015
_ORIGIN = 0x0050
_FRAME_ORIGIN = 0x0051
_BITS_ALLOCATED = 0x0100
_BIT_POSITION = 0x0102
_DATA = 0x3000
_MAX_PIXELS = 64 * 1024 * 1024
"""No drawing is larger, and one bit of a header becomes a byte here."""
_COUNT = re.compile(r"\+?[0-9]{1,9}")
_WHITE = 255


@dataclass(frozen=True)
class _Plane:
    """One overlay group, for one frame of the picture.

    top, left  where its first pixel lies on the picture, from 0; may be outside of it.
    """

    rows: int
    columns: int
    top: int
    left: int


def with_overlays(
    pixels: NDArray[np.uint8],
    samples: NDArray[Any],
    frame: EncodedFrame,
    description: PixelDescription,
) -> NDArray[np.uint8]:
    """The 8-bit picture with all overlays of this frame in white, graphics and regions alike.

    samples  as decoded, in whose unused bits old devices kept their overlays.
    """
    ds = parsed_header(frame)
    drawn = pixels
    for group in _GROUPS:
        for plane, bits in _planes(_OverlayReader(ds, group, frame), samples, description):
            if drawn is pixels:
                drawn = pixels.copy()
            _draw(drawn, plane, bits)
    return drawn


def _planes(
    reader: _OverlayReader, samples: NDArray[Any], description: PixelDescription
) -> Iterator[tuple[_Plane, Bits]]:
    """The plane of this group, if it has one for this frame."""
    plane = reader.plane()
    if plane is None:
        return
    bits = reader.bits(plane)
    if bits is None:
        bits = _embedded(reader.bit_position(), samples, description)
    if bits is not None:
        yield plane, bits


class _OverlayReader:
    """Reads one overlay group of a header; what is absent or wrong is None."""

    def __init__(self, ds: Dataset, group: int, frame: EncodedFrame) -> None:
        self._ds = ds
        self._group = group << 16
        self._frame = frame
        self._little_endian = known_syntax(frame.transfer_syntax_uid).little_endian

    def plane(self) -> _Plane | None:
        rows, columns = self._number(_ROWS), self._number(_COLUMNS)
        if not rows or not columns or rows * columns > _MAX_PIXELS:
            return None
        top, left = self._origin()
        return _Plane(rows, columns, top, left)

    def bits(self, plane: _Plane) -> Bits | None:
        """Of Overlay Data: 0 or 1, (rows, columns). None when it holds none for this frame."""
        index = self._overlay_frame()
        data = self._raw(_DATA)
        wanted = plane.rows * plane.columns
        if index is None or len(data) * 8 < (index + 1) * wanted:
            return None
        first, skipped = divmod(index * wanted, 8)
        # Whole words, since words may have to be swapped.
        skipped += first % 2 * 8
        first -= first % 2
        piece = data[first : first + (skipped + wanted + 15) // 16 * 2]
        values = np.frombuffer(self._in_order(piece), np.uint8)
        bits = np.unpackbits(values, count=skipped + wanted, bitorder="little")
        return bits[skipped:].reshape(plane.rows, plane.columns)

    def bit_position(self) -> int | None:
        """Of an overlay kept in Pixel Data, which PS3.3 allowed until 2004."""
        if self._raw(_DATA) or self._number(_BITS_ALLOCATED) in (None, 1):
            return None
        return self._number(_BIT_POSITION)

    def _overlay_frame(self) -> int | None:
        """Which frame of the overlay lies on this one; a single one lies on all. PS3.3 C.9.3."""
        text = self._raw(_NUMBER_OF_FRAMES).decode("ascii", "replace").strip(" \0")
        count = int(text) if _COUNT.fullmatch(text) else 0
        if not count:
            return 0
        index = self._frame.frame_index + 1 - (self._number(_FRAME_ORIGIN) or 1)
        return index if 0 <= index < count else None

    def _origin(self) -> tuple[int, int]:
        raw = self._raw(_ORIGIN)
        if len(raw) < 4:
            return 0, 0
        row, column = struct.unpack_from(f"{self._order}hh", raw)
        return row - 1, column - 1

    def _number(self, element: int) -> int | None:
        raw = self._raw(element)
        return int(struct.unpack_from(f"{self._order}H", raw)[0]) if len(raw) >= 2 else None

    def _raw(self, element: int) -> bytes:
        return raw_value(self._ds, self._group | element)

    @property
    def _order(self) -> str:
        return "<" if self._little_endian else ">"

    def _in_order(self, data: bytes) -> bytes:
        vr = value_representation(self._ds, self._group | _DATA)
        if self._little_endian or vr != "OW":
            return data
        return np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()


def _embedded(
    position: int | None, samples: NDArray[Any], description: PixelDescription
) -> Bits | None:
    """A bit plane beside the stored bits. Signs may have been extended into those: not looked at.

    Rows and Columns of such an overlay are those of the picture.
    """
    if position is None or description.pixel_representation == 1 or samples.dtype.kind != "u":
        return None
    lowest = description.high_bit + 1 - description.bits_stored
    if lowest <= position <= description.high_bit or position >= description.bits_allocated:
        return None
    bits: Bits = ((samples >> position) & 1).astype(np.uint8)
    return bits if bits.ndim == 2 else None


def _draw(pixels: NDArray[np.uint8], plane: _Plane, bits: Bits) -> None:
    top, left = max(plane.top, 0), max(plane.left, 0)
    covered = bits[top - plane.top :, left - plane.left :]
    below = pixels[top : top + covered.shape[0], left : left + covered.shape[1]]
    below[covered[: below.shape[0], : below.shape[1]] != 0] = _WHITE
