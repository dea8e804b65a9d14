"""PALETTE COLOR: stored values to RGB through three lookup tables. PS3.3 C.7.6.3.1.5, C.7.9."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from pacs.errors import NotDecodable
from pacs.pixels.description import PixelDescription
from pacs.pixels.interfaces import EncodedFrame
from pacs.pixels.presentation import (
    PYDICOM_ERRORS,
    HeaderReader,
    LookupTable,
    parsed_header,
)

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED_DATA = 0x00281221


def rgb_through_palette(
    stored: NDArray[Any], frame: EncodedFrame, description: PixelDescription
) -> NDArray[np.uint8]:
    """Shape (rows, columns, 3). Raises NotDecodable for an instance without a usable palette."""
    ds = parsed_header(frame)
    reader = HeaderReader(ds, frame, description)
    found = [reader.table(ds, *tags) for tags in zip(_DESCRIPTORS, _DATA, strict=True)]
    tables = [table for table in found if table is not None]
    if len(tables) < 3:
        tables = _segmented(ds)
    shift = 8 if max(int(table.values.max()) for table in tables) > 0xFF else 0
    channels = [_through(stored, table) >> shift for table in tables]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _through(stored: NDArray[Any], table: LookupTable) -> NDArray[np.uint16]:
    return table.values[np.clip(stored.astype(np.int64) - table.first, 0, len(table.values) - 1)]


def _segmented(ds: Dataset) -> list[LookupTable]:
    """Tables given by segments are spelled out by pydicom. PS3.3 C.7.9.2."""
    if _SEGMENTED_DATA not in ds:
        raise NotDecodable("the instance is PALETTE COLOR but has no usable palette")
    try:
        entries, first = (int(number) for number in ds[_DESCRIPTORS[0]].value[:2])
        index = np.arange(entries or 1 << 16, dtype=np.int64) + first
        spelled = apply_color_lut(index, ds)
    except PYDICOM_ERRORS as error:
        raise NotDecodable(f"the segmented palette is damaged: {error}") from error
    return [LookupTable(first, spelled[:, i].astype(np.uint16), 0xFFFF) for i in range(3)]
