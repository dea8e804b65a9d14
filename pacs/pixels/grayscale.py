"""Grayscale: from stored values through modality values to display values, 0 black to 255 white.

PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (MONOCHROME1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacs.pixels.description import PixelDescription
from pacs.pixels.interfaces import Window, WindowFunction
from pacs.pixels.presentation import LookupTable, Presentation

Floats = NDArray[np.float64]
_WHITE = 255.0


def display_values(
    samples: NDArray[Any],
    description: PixelDescription,
    presentation: Presentation,
    window: Window | None,
) -> NDArray[np.uint8]:
    """Shape as samples.

    window  what the asker wants instead of the header's own VOI; must be usable.
    """
    if description.is_float:
        return _display(np.asarray(samples, np.float64), description, presentation, window)
    stored = stored_values(samples, description)
    least, most = int(stored.min()), int(stored.max())
    if most - least > 0xFFFF:
        return _display(stored.astype(np.float64), description, presentation, window)
    # Few different values: compute each once, then look up. The automatic window is taken from
    # the values themselves, since padding may lie far outside.
    voi = window or presentation.voi or _automatic(stored, description, presentation)
    table = _display(
        np.arange(least, most + 1, dtype=np.float64), description, replace(presentation, voi=voi)
    )
    return table.take(_index_from(stored, least))


def stored_values(samples: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Without what old devices kept in the bits around the stored ones (overlays)."""
    if _fits(samples, description):
        return samples
    wide: NDArray[np.int64] = samples.astype(np.int64)
    values = (wide >> (description.high_bit + 1 - description.bits_stored)) & (
        (1 << description.bits_stored) - 1
    )
    if description.pixel_representation == 1:
        sign = 1 << (description.bits_stored - 1)
        values = (values ^ sign) - sign
    return values


def apply_window(values: Floats, window: Window) -> Floats:
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.1, C.11.2.1.3.2."""
    if window.function is WindowFunction.SIGMOID:
        exponent = np.clip(-4.0 * (values - window.center) / window.width, -700.0, 700.0)
        return _WHITE / (1.0 + np.exp(exponent))
    if window.function is WindowFunction.LINEAR_EXACT:
        ramp = (values - window.center) / window.width + 0.5
    elif window.width == 1.0:
        ramp = (values > window.center - 0.5).astype(np.float64)
    else:
        ramp = (values - (window.center - 0.5)) / (window.width - 1.0) + 0.5
    return np.clip(ramp, 0.0, 1.0) * _WHITE


def apply_lookup_table(values: Floats, table: LookupTable) -> Floats:
    """Inputs beyond the table get its first or last entry. PS3.3 C.11.1.1.1."""
    index = np.clip(values - table.first, 0, len(table.values) - 1).astype(np.intp)
    return table.values[index].astype(np.float64)


def modality_values(stored: Floats, presentation: Presentation) -> Floats:
    if presentation.modality_lut is not None:
        return apply_lookup_table(stored, presentation.modality_lut)
    return stored * presentation.slope + presentation.intercept


def _fits(samples: NDArray[Any], description: PixelDescription) -> bool:
    """Whether all values are numbers of just the stored bits, as they nearly always are."""
    if description.high_bit != description.bits_stored - 1:
        return False
    most = 1 << description.bits_stored
    if description.pixel_representation == 1:
        return bool(samples.min() >= -(most >> 1) and samples.max() < most >> 1)
    return bool(samples.max() < most)


def _index_from(stored: NDArray[Any], least: int) -> NDArray[Any]:
    """stored - least, without widening 16-bit numbers: the difference is right modulo 2**16."""
    if stored.dtype.itemsize == 2:
        return np.subtract(stored.view(np.uint16), np.uint16(least & 0xFFFF), dtype=np.uint16)
    return stored.astype(np.int64) - least


def _display(
    stored: Floats,
    description: PixelDescription,
    presentation: Presentation,
    window: Window | None = None,
) -> NDArray[np.uint8]:
    values = modality_values(stored, presentation)
    voi = window or presentation.voi or _automatic(stored, description, presentation)
    if isinstance(voi, LookupTable):
        grey = apply_lookup_table(values, voi) * (_WHITE / voi.white)
    else:
        grey = apply_window(values, voi)
    if presentation.inverted:
        grey = _WHITE - grey
    return np.rint(np.nan_to_num(grey)).astype(np.uint8)


def _automatic(
    stored: NDArray[Any], description: PixelDescription, presentation: Presentation
) -> Window:
    """From the least to the greatest value; what already fits a screen is left as it is."""
    full_range = _screen_range(description)
    if full_range is not None and presentation.keeps_values:
        return full_range
    picture = _without_padding(stored, presentation.padding)
    values = modality_values(np.array([picture.min(), picture.max()], np.float64), presentation)
    least, most = float(values.min()), float(values.max())
    if most == least:
        most = least + 1.0
    return Window((least + most) / 2, most - least, WindowFunction.LINEAR_EXACT)


def _screen_range(description: PixelDescription) -> Window | None:
    """8-bit pictures were made for a screen; a stretch of each frame would make a cine flicker."""
    if description.is_float or description.pixel_representation == 1:
        return None
    if description.bits_stored in (1, 8):
        most = (1 << description.bits_stored) - 1
        return Window(most / 2, most, WindowFunction.LINEAR_EXACT)
    return None


def _without_padding(stored: NDArray[Any], padding: tuple[int, int] | None) -> NDArray[Any]:
    picture = stored[np.isfinite(stored)] if stored.dtype.kind == "f" else stored
    if padding is not None:
        picture = picture[(picture < padding[0]) | (picture > padding[1])]
    return picture if picture.size else np.zeros(1)
