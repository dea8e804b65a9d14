"""Colour: from every photometric interpretation to RGB. PS3.3 C.7.6.3.1.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pacs.errors import NotDecodable

Samples = NDArray[Any]
"""Shape (rows, columns) or (rows, columns, 3)."""

_FROM_YBR = np.array(
    [[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], dtype=np.float32
)
"""Rows R, G, B; columns Y, Cb, Cr, chrominance around 0. The inverse of the standard's matrix."""

_PARTIAL_BLACK, _PARTIAL_LUMA, _PARTIAL_CHROMA = 16.0, 219.0, 224.0
"""YBR_PARTIAL uses 16..235 for luminance and 16..240 for chrominance, of 256."""

YBR_FULL_RANGE = frozenset({"YBR_FULL", "YBR_FULL_422"})
YBR_PARTIAL_RANGE = frozenset({"YBR_PARTIAL_422", "YBR_PARTIAL_420"})


def rgb_from(samples: Samples, photometric_interpretation: str, bits_stored: int) -> Samples:
    """RGB of the same shape and type. samples has full chrominance, shape (rows, columns, 3).

    YBR_ICT, YBR_RCT and XYB are undone by their decoders; what comes with these names is RGB.
    """
    if photometric_interpretation in YBR_FULL_RANGE:
        return _rgb_from_ybr_full(samples, bits_stored)
    if photometric_interpretation in YBR_PARTIAL_RANGE:
        return _rgb_from_ybr_partial(samples, bits_stored)
    return samples


def with_full_chrominance(data: NDArray[Any], rows: int, columns: int) -> Samples:
    """Native YBR_FULL_422 (Y1 Y2 Cb Cr for two pixels of a row) as (rows, columns, 3)."""
    if columns % 2:
        raise NotDecodable(f"4:2:2 chrominance needs an even number of columns, not {columns}")
    pairs = data.reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns, 3), dtype=data.dtype)
    full[:, 0::2, 0] = pairs[:, :, 0]
    full[:, 1::2, 0] = pairs[:, :, 1]
    full[:, :, 1] = np.repeat(pairs[:, :, 2], 2, axis=1)
    full[:, :, 2] = np.repeat(pairs[:, :, 3], 2, axis=1)
    return full


def _rgb_from_ybr_full(samples: Samples, bits_stored: int) -> Samples:
    if samples.dtype == np.uint8 and bits_stored == 8:
        # Pillow computes the same sums from tables, five times faster.
        picture = Image.fromarray(np.ascontiguousarray(samples), mode="YCbCr")
        return np.asarray(picture.convert("RGB"))
    values = samples.astype(np.float32)
    values[..., 1:] -= 1 << (bits_stored - 1)
    return _clipped(values @ _FROM_YBR.T, samples.dtype, bits_stored)


def _rgb_from_ybr_partial(samples: Samples, bits_stored: int) -> Samples:
    values = samples.astype(np.float32)
    unit = 2.0 ** (bits_stored - 8)
    white = (1 << bits_stored) - 1
    values[..., 0] = (values[..., 0] - _PARTIAL_BLACK * unit) * (white / (_PARTIAL_LUMA * unit))
    values[..., 1:] -= 128.0 * unit
    values[..., 1:] *= white / (_PARTIAL_CHROMA * unit)
    return _clipped(values @ _FROM_YBR.T, samples.dtype, bits_stored)


def _clipped(values: NDArray[np.float32], dtype: np.dtype[Any], bits_stored: int) -> Samples:
    return np.clip(np.rint(values), 0, (1 << bits_stored) - 1).astype(dtype)
