"""Native pixels: from bytes as stored, in either byte order, to an array and back.

PS3.5 8.1.1 and Annex D: samples follow each other without gaps, the first in the lowest bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacs.errors import NotDecodable
from pacs.pixels.colour import with_full_chrominance
from pacs.pixels.description import HALVED_CHROMINANCE, PixelDescription, known_syntax
from pacs.pixels.frames import bits_before_frame, has_swapped_words
from pacs.pixels.interfaces import EncodedFrame

Samples = NDArray[Any]


def sample_type(description: PixelDescription) -> np.dtype[Any]:
    """Of one sample in our own arrays: little endian, 8 bits for single-bit pixels."""
    if description.is_float:
        return np.dtype(f"<f{description.bits_allocated // 8}")
    kind = "i" if description.pixel_representation == 1 else "u"
    return np.dtype(f"<{kind}{max(description.bits_allocated // 8, 1)}")


def native_samples(frame: EncodedFrame, description: PixelDescription) -> Samples:
    """The frame as (rows, columns) or (rows, columns, 3); 4:2:2 chrominance is made full."""
    data = little_endian_bytes(frame, description)
    if description.bits_allocated == 1:
        return _single_bits(data, frame, description)
    values = np.frombuffer(data, sample_type(description))
    if is_halved(description, len(data)):
        wanted = description.pixels * 2
        return with_full_chrominance(values[:wanted], description.rows, description.columns)
    return arranged(values, description)


def is_halved(description: PixelDescription, frame_bytes: int) -> bool:
    """Whether a native frame of this length shares chrominance between two pixels."""
    return (
        description.photometric_interpretation in HALVED_CHROMINANCE
        and frame_bytes < description.full_frame_bytes
    )


def arranged(values: NDArray[Any], description: PixelDescription) -> Samples:
    """A run of samples as (rows, columns[, 3]), from either planar configuration."""
    rows, columns, samples = description.rows, description.columns, description.samples_per_pixel
    wanted = rows * columns * samples
    if values.size < wanted:
        raise NotDecodable(f"the frame has {values.size} of {wanted} samples")
    values = values[:wanted]
    if samples == 1:
        return values.reshape(rows, columns)
    if description.planar_configuration == 1:
        return np.ascontiguousarray(values.reshape(samples, rows, columns).transpose(1, 2, 0))
    return values.reshape(rows, columns, samples)


def little_endian_bytes(frame: EncodedFrame, description: PixelDescription) -> bytes:
    """The frame's bytes in little endian order, still as they were packed."""
    return swapped_to_little_endian(
        frame.data, description, frame.transfer_syntax_uid, frame.pixel_vr
    )


def swapped_to_little_endian(
    data: bytes, description: PixelDescription, transfer_syntax_uid: str, vr: str
) -> bytes:
    if has_swapped_words(description, transfer_syntax_uid, vr):
        return _swapped(data, 2)
    if known_syntax(transfer_syntax_uid).little_endian or description.bits_allocated <= 8:
        return data
    return _swapped(data, description.bits_allocated // 8)


def packed_bits(samples: Samples) -> bytes:
    """Pixels of 0 or 1 as bits, the first pixel lowest."""
    return np.packbits(samples.reshape(-1).astype(bool), bitorder="little").tobytes()


def _swapped(data: bytes, unit: int) -> bytes:
    whole = len(data) // unit * unit
    return np.frombuffer(data[:whole], f">u{unit}").astype(f"<u{unit}").tobytes() + data[whole:]


def _single_bits(data: bytes, frame: EncodedFrame, description: PixelDescription) -> Samples:
    skipped = bits_before_frame(description, frame, description.native_frame_bits)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return arranged(bits[skipped:], description)
