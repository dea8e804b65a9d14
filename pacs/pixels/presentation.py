"""How the header wants its pixels shown: modality and VOI transformations, palette, pixel shape.

Values are read from the raw elements, since a device's wrong number must cost that number only.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from pacs.errors import NotDecodable
from pacs.pixels.description import PixelDescription, known_syntax
from pacs.pixels.interfaces import EncodedFrame, Window, WindowFunction

PYDICOM_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises on hostile data sets."""

_SHARED_GROUPS = 0x52009229
_PER_FRAME_GROUPS = 0x52009230
_PIXEL_VALUE_TRANSFORMATION = 0x00289145
_FRAME_VOI_LUT = 0x00289132
_PIXEL_MEASURES = 0x00289110
_PIXEL_SPACING = 0x00280030
_SPACINGS = (_PIXEL_SPACING, 0x00181164, 0x00182010)
"""Pixel Spacing, Imager Pixel Spacing, Nominal Scanned Pixel Spacing: rows, then columns."""
_PIXEL_ASPECT_RATIO = 0x00280034
_PADDING_VALUE = 0x00280120
_PADDING_LIMIT = 0x00280121
_WINDOW_CENTER = 0x00281050
_WINDOW_WIDTH = 0x00281051
_VOI_LUT_FUNCTION = 0x00281056
_RESCALE_INTERCEPT = 0x00281052
_RESCALE_SLOPE = 0x00281053
_MODALITY_LUT = 0x00283000
_LUT_DESCRIPTOR = 0x00283002
_LUT_DATA = 0x00283006
_VOI_LUT = 0x00283010
_PRESENTATION_LUT_SHAPE = 0x20500020
_MAX_ASPECT = 20.0


@dataclass(frozen=True, eq=False)
class LookupTable:
    """first  the input that maps to values[0]; what lies beyond the table gets its nearest end.

    white  the greatest output the table can hold.
    """

    first: int
    values: NDArray[np.uint16]
    white: int


@dataclass(frozen=True, eq=False)
class Presentation:
    """What the header says about showing one frame.

    modality_lut, slope, intercept   stored to modality values; the table wins. PS3.3 C.11.1.
    voi      the first usable VOI LUT or window, None when there is none. PS3.3 C.11.2.
    inverted low values are white.
    padding  stored values from..to that only fill up the rectangle. PS3.3 C.7.5.1.1.2.
    pixel_height   of one pixel, as a multiple of its width.
    """

    slope: float
    intercept: float
    modality_lut: LookupTable | None
    voi: Window | LookupTable | None
    inverted: bool
    padding: tuple[int, int] | None
    pixel_height: float

    @property
    def keeps_values(self) -> bool:
        """Whether modality values are the stored ones."""
        return self.modality_lut is None and self.slope == 1.0 and self.intercept == 0.0


def read_presentation(frame: EncodedFrame, description: PixelDescription) -> Presentation:
    """Of the frame's own functional groups where the instance has them. Raises NotDecodable."""
    reader = HeaderReader(parsed_header(frame), frame, description)
    slope, intercept = reader.rescale()
    return Presentation(
        slope=slope,
        intercept=intercept,
        modality_lut=reader.lookup_table(_MODALITY_LUT),
        voi=reader.lookup_table(_VOI_LUT) or reader.window(),
        inverted=reader.is_inverted(),
        padding=reader.padding(),
        pixel_height=reader.pixel_height(),
    )


def parsed_header(frame: EncodedFrame) -> Dataset:
    """The header as a data set. Raises NotDecodable."""
    return _parse(frame.header, frame.transfer_syntax_uid)


# The frames of one instance are asked for one after another, all with the same header.
@lru_cache(maxsize=2)
def _parse(header: bytes, transfer_syntax_uid: str) -> Dataset:
    syntax = known_syntax(transfer_syntax_uid)
    try:
        return read_dataset(io.BytesIO(header), not syntax.explicit_vr, syntax.little_endian)
    except PYDICOM_ERRORS as error:
        raise NotDecodable(f"the header cannot be read: {error}") from error


class HeaderReader:
    """Reads single values; one that is absent or wrong is None, never an error."""

    def __init__(self, ds: Dataset, frame: EncodedFrame, description: PixelDescription) -> None:
        self._ds = ds
        self._frame = frame
        self._description = description
        self._order = "<" if known_syntax(frame.transfer_syntax_uid).little_endian else ">"

    def rescale(self) -> tuple[float, float]:
        """Slope and intercept; a slope of 0 would blank the picture and is not believed."""
        source = self._group(_PIXEL_VALUE_TRANSFORMATION) or self._ds
        slope = next(self.decimals(source, _RESCALE_SLOPE), 1.0) or 1.0
        return slope, next(self.decimals(source, _RESCALE_INTERCEPT), 0.0)

    def window(self) -> Window | None:
        """The first window that can be used."""
        source = self._group(_FRAME_VOI_LUT) or self._ds
        function = self._function(source)
        centers = self.decimals(source, _WINDOW_CENTER)
        widths = self.decimals(source, _WINDOW_WIDTH)
        windows = (Window(*pair, function) for pair in zip(centers, widths, strict=False))
        return next((window for window in windows if is_usable(window)), None)

    def lookup_table(self, sequence_tag: int) -> LookupTable | None:
        """The table in the first item of a Modality or VOI LUT Sequence."""
        item = _first_item(self._ds, sequence_tag)
        return None if item is None else self.table(item, _LUT_DESCRIPTOR, _LUT_DATA)

    def table(self, source: Dataset, descriptor_tag: int, data_tag: int) -> LookupTable | None:
        descriptor, data = raw_value(source, descriptor_tag), raw_value(source, data_tag)
        if len(descriptor) < 6 or not data:
            return None
        entries, first, bits = struct.unpack_from(self._order + "HHH", descriptor)
        entries = entries or 1 << 16
        if self._is_signed(source, descriptor_tag) and first >= 1 << 15:
            first -= 1 << 16
        values = _table_values(data, entries, self._order)
        if values is None:
            return None
        return LookupTable(first, values, _white(values, bits))

    def is_inverted(self) -> bool:
        if self._description.photometric_interpretation == "MONOCHROME1":
            return True
        return self.text(self._ds, _PRESENTATION_LUT_SHAPE) == "INVERSE"

    def padding(self) -> tuple[int, int] | None:
        value = self._stored_value(_PADDING_VALUE)
        if value is None:
            return None
        limit = self._stored_value(_PADDING_LIMIT)
        limit = value if limit is None else limit
        return min(value, limit), max(value, limit)

    def pixel_height(self) -> float:
        measures = self._group(_PIXEL_MEASURES)
        if measures is not None:
            return _ratio(list(self.decimals(measures, _PIXEL_SPACING)))
        for tag in (*_SPACINGS, _PIXEL_ASPECT_RATIO):
            pair = list(self.decimals(self._ds, tag))
            if len(pair) == 2:
                return _ratio(pair)
        return 1.0

    def decimals(self, source: Dataset, tag: int) -> Iterator[float]:
        """The numbers of a DS or IS; ends before the first that is none."""
        for part in raw_value(source, tag).decode("ascii", "replace").split("\\"):
            try:
                number = float(part.strip(" \0"))
            except ValueError:
                return
            if not math.isfinite(number):
                return
            yield number

    def text(self, source: Dataset, tag: int) -> str:
        return raw_value(source, tag).decode("ascii", "replace").strip(" \0").upper()

    def _function(self, source: Dataset) -> WindowFunction:
        name = self.text(source, _VOI_LUT_FUNCTION)
        return WindowFunction(name) if name in set(WindowFunction) else WindowFunction.LINEAR

    def _stored_value(self, tag: int) -> int | None:
        raw = raw_value(self._ds, tag)
        if len(raw) < 2:
            return None
        kind = "h" if self._description.pixel_representation == 1 else "H"
        return int(struct.unpack_from(self._order + kind, raw)[0])

    def _is_signed(self, source: Dataset, tag: int) -> bool:
        vr = value_representation(source, tag)
        return vr == "SS" if vr in ("SS", "US") else self._description.pixel_representation == 1

    def _group(self, tag: int) -> Dataset | None:
        """A functional group of this frame, or the shared one. PS3.3 C.7.6.16."""
        own = _item(self._ds, _PER_FRAME_GROUPS, self._frame.frame_index)
        for groups in (own, _first_item(self._ds, _SHARED_GROUPS)):
            item = None if groups is None else _first_item(groups, tag)
            if item is not None:
                return item
        return None


def is_usable(window: Window) -> bool:
    """PS3.3 C.11.2.1.2.1 and C.11.2.1.3: width at least 1 for LINEAR, above 0 for the others."""
    if not (math.isfinite(window.center) and math.isfinite(window.width)):
        return False
    return window.width >= 1 if window.function is WindowFunction.LINEAR else window.width > 0


def _first_item(source: Dataset, tag: int) -> Dataset | None:
    return _item(source, tag, 0)


def _item(source: Dataset, tag: int, index: int) -> Dataset | None:
    if tag not in source:
        return None
    try:
        item: Dataset = source[tag].value[index]
    except PYDICOM_ERRORS:
        return None
    return item


def raw_value(source: Dataset, tag: int) -> bytes:
    """The element's value as it came, b"" when absent."""
    value = _element(source, tag).value if tag in source else None
    return value if isinstance(value, bytes) else b""


def value_representation(source: Dataset, tag: int) -> str | None:
    vr: str | None = _element(source, tag).VR
    return vr


def _element(source: Dataset, tag: int) -> Any:
    return source.get_item(tag)


def _table_values(data: bytes, entries: int, order: str) -> NDArray[np.uint16] | None:
    """Entries are words, or bytes where the data are just long enough. PS3.3 C.11.1.1.1."""
    if len(data) >= 2 * entries:
        return np.frombuffer(data, f"{order}u2", count=entries).astype(np.uint16)
    if len(data) >= entries:
        return np.frombuffer(data, np.uint8, count=entries).astype(np.uint16)
    return None


def _white(values: NDArray[np.uint16], bits: int) -> int:
    """Some devices announce 16 bits and use fewer, or fewer bits than they use."""
    greatest = int(values.max())
    white = (1 << bits) - 1 if 1 <= bits <= 16 else 0
    return white if white >= greatest else max(greatest, 1)


def _ratio(pair: list[float]) -> float:
    if len(pair) != 2 or min(pair) <= 0:
        return 1.0
    ratio = pair[0] / pair[1]
    return ratio if 1 / _MAX_ASPECT <= ratio <= _MAX_ASPECT else 1.0
