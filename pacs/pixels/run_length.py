"""RLE: a frame as byte planes, each packed with the PackBits scheme. PS3.5 Annex G."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pacs.errors import NotDecodable
from pacs.pixels.description import PixelDescription

_HEADER = struct.Struct("<16I")
_MAX_SEGMENTS = 15
_SLACK = 256
"""Some encoders pad a plane; more than this is no padding."""


def decode_planes(data: bytes, description: PixelDescription) -> NDArray[np.uint8]:
    """Shape (samples per pixel, bytes per sample, bytes per plane), high byte first.

    Raises NotDecodable when the frame has another number of planes or a plane ends too early.
    """
    bytes_per_sample = max(description.bits_allocated // 8, 1)
    segments = _segments(data)
    expected = description.samples_per_pixel * bytes_per_sample
    if len(segments) != expected:
        raise NotDecodable(f"the RLE frame has {len(segments)} segments, not {expected}")
    plane_bytes = description.pixels
    if description.bits_allocated == 1:
        plane_bytes = -(-plane_bytes // 8)
    planes = [_unpack(segment, plane_bytes) for segment in segments]
    shape = (description.samples_per_pixel, bytes_per_sample, plane_bytes)
    return np.frombuffer(b"".join(planes), np.uint8).reshape(shape)


def encode_planes(planes: NDArray[np.uint8], row_bytes: int) -> bytes:
    """The inverse of `decode_planes`; runs end with each row, and segments are of even length."""
    segments = [
        _pack(planes[sample, byte].reshape(-1, row_bytes))
        for sample in range(planes.shape[0])
        for byte in range(planes.shape[1])
    ]
    offsets, position = [], _HEADER.size
    for segment in segments:
        offsets.append(position)
        position += len(segment)
    offsets += [0] * (_MAX_SEGMENTS - len(segments))
    return b"".join([_HEADER.pack(len(segments), *offsets), *segments])


def _segments(data: bytes) -> list[bytes]:
    if len(data) < _HEADER.size:
        raise NotDecodable("the RLE frame ends within its header")
    count, *offsets = _HEADER.unpack_from(data)
    if not 1 <= count <= _MAX_SEGMENTS:
        raise NotDecodable(f"the RLE header announces {count} segments")
    bounds = [*offsets[:count], len(data)]
    if bounds[0] < _HEADER.size or bounds != sorted(bounds):
        raise NotDecodable("the RLE header has offsets that do not ascend within the frame")
    return [data[start:stop] for start, stop in pairwise(bounds)]


def _unpack(segment: bytes, plane_bytes: int) -> bytes:
    out: Any = bytearray(plane_bytes + _SLACK)
    try:
        plane = bytes(imagecodecs.packbits_decode(segment, out=out))
    except (RuntimeError, ValueError) as error:
        raise NotDecodable(f"an RLE segment cannot be unpacked: {error}") from error
    if len(plane) < plane_bytes:
        raise NotDecodable(f"an RLE segment has {len(plane)} of {plane_bytes} bytes")
    return plane[:plane_bytes]


def _pack(rows: NDArray[np.uint8]) -> bytes:
    packed = b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in rows)
    return packed + b"\0" * (len(packed) % 2)
