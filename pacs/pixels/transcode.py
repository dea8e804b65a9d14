"""One stored frame to another transfer syntax, without loss or not at all.

Every encoded frame is decoded again and compared before it is given out: a codec's limit (a sign,
an odd number of bits) must never become a changed picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pacs.dicom.transfer_syntaxes import (
    DEFLATED_IMAGE_FRAME,
    RLE_LOSSLESS,
)
from pacs.errors import NotAcceptable, NotDecodable
from pacs.pixels.codecs import decode_samples, decoded_photometric_interpretation
from pacs.pixels.decoding import bytes_of, decode_frame
from pacs.pixels.description import PixelDescription, describe_pixels, known_syntax
from pacs.pixels.interfaces import (
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    NATIVE_TARGETS,
    EncodedFrame,
)
from pacs.pixels.native import Samples
from pacs.pixels.run_length import encode_planes

Encoder = Callable[[Samples, PixelDescription], bytes]


def transcode_frame(frame: EncodedFrame, transfer_syntax_uid: str) -> bytes:
    """See PixelDecoder.transcode_frame."""
    if transfer_syntax_uid in NATIVE_TARGETS:
        return decode_frame(frame).data
    encoder = _ENCODERS.get(transfer_syntax_uid)
    if encoder is None:
        raise NotAcceptable(f"frames cannot be written in transfer syntax {transfer_syntax_uid}")
    description = describe_pixels(frame.header, frame.transfer_syntax_uid, frame.pixel_tag)
    if description.is_float:
        raise NotAcceptable("floating point pixels can only be sent natively")
    samples = decode_samples(frame, description)
    decoded = _decoded(description, frame.transfer_syntax_uid)
    try:
        data = encoder(samples, decoded)
    except (RuntimeError, ValueError, TypeError) as error:
        raise _cannot_hold(transfer_syntax_uid, decoded) from error
    _check_exact(samples, replace(frame, data=data, frame_index=0), transfer_syntax_uid, decoded)
    return data


def transcoded_photometric_interpretation(
    description: PixelDescription, stored_uid: str, transfer_syntax_uid: str
) -> str:
    """What the header must say once all frames are in the other syntax."""
    if transfer_syntax_uid in NATIVE_TARGETS:
        return decoded_photometric_interpretation(description, known_syntax(stored_uid).coding)
    decoded = _decoded(description, stored_uid).photometric_interpretation
    return "YBR_RCT" if decoded == "RGB" and transfer_syntax_uid in _TRANSFORM_COLOURS else decoded


def _decoded(description: PixelDescription, stored_uid: str) -> PixelDescription:
    """Of the samples an encoder gets: colour by pixel, with full chrominance."""
    decoded = decoded_photometric_interpretation(description, known_syntax(stored_uid).coding)
    return replace(
        description,
        photometric_interpretation="YBR_FULL" if decoded == "YBR_FULL_422" else decoded,
        planar_configuration=0,
    )


def _jpeg_lossless(samples: Samples, description: PixelDescription) -> bytes:
    colourspace = "rgb" if samples.ndim == 3 else None
    return bytes(
        imagecodecs.jpeg8_encode(
            _unsigned(samples),
            lossless=True,
            predictor=1,
            bitspersample=_bits_used(samples, description),
            colorspace=colourspace,
            outcolorspace=colourspace,
        )
    )


def _jpeg_ls(samples: Samples, description: PixelDescription) -> bytes:  # noqa: ARG001
    return bytes(imagecodecs.jpegls_encode(_unsigned(samples), level=0))


def _jpeg_2000(samples: Samples, description: PixelDescription) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            samples,
            level=0,
            reversible=True,
            codecformat="j2k",
            mct=description.photometric_interpretation == "RGB",
            bitspersample=_bits_used(samples, description),
        )
    )


def _htj2k(samples: Samples, description: PixelDescription) -> bytes:
    """OpenJPH always writes resolutions first (RPCL); tile-part lengths make it seekable."""
    return bytes(
        imagecodecs.htj2k_encode(
            samples,
            reversible=True,
            rgb=description.photometric_interpretation == "RGB",
            planar=False,
            tlm=True,
        )
    )


def _jpeg_xl(samples: Samples, description: PixelDescription) -> bytes:  # noqa: ARG001
    return bytes(imagecodecs.jpegxl_encode(_unsigned(samples), lossless=True, usecontainer=False))


def _rle(samples: Samples, description: PixelDescription) -> bytes:
    if description.bits_allocated == 1:
        packed = np.frombuffer(bytes_of(samples, description), np.uint8)
        return encode_planes(packed.reshape(1, 1, -1), packed.size)
    big_endian = samples.astype(samples.dtype.newbyteorder(">"))
    count = description.samples_per_pixel
    each = big_endian.reshape(-1, count).view(np.uint8).reshape(-1, count, samples.itemsize)
    return encode_planes(np.ascontiguousarray(each.transpose(1, 2, 0)), description.columns)


def _deflated(samples: Samples, description: PixelDescription) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(bytes_of(samples, description)) + compressor.flush()


_ENCODERS: dict[str, Encoder] = {
    JPEG_LOSSLESS_SV1: _jpeg_lossless,
    JPEG_LS_LOSSLESS: _jpeg_ls,
    JPEG_2000_LOSSLESS: _jpeg_2000,
    JPEG_XL_LOSSLESS: _jpeg_xl,
    HTJ2K_LOSSLESS: _htj2k,
    HTJ2K_LOSSLESS_RPCL: _htj2k,
    RLE_LOSSLESS: _rle,
    DEFLATED_IMAGE_FRAME: _deflated,
}

_TRANSFORM_COLOURS = frozenset({JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL})


def _unsigned(samples: NDArray[Any]) -> NDArray[Any]:
    """Two's complement as these codecs want it, which know no signs."""
    return np.ascontiguousarray(samples).view(np.dtype(f"<u{samples.itemsize}"))


def _bits_used(samples: Samples, description: PixelDescription) -> int:
    """Bits Stored, or all when something lies in the bits around them."""
    if description.pixel_representation == 1 or int(samples.max()) >> description.bits_stored:
        return description.bits_allocated
    return description.bits_stored


def _check_exact(
    samples: Samples, encoded: EncodedFrame, transfer_syntax_uid: str, description: PixelDescription
) -> None:
    # Without a name for its colours a decoder leaves them as they are.
    plain = replace(description, photometric_interpretation="")
    try:
        again = decode_samples(replace(encoded, transfer_syntax_uid=transfer_syntax_uid), plain)
    except NotDecodable as error:
        raise _cannot_hold(transfer_syntax_uid, description) from error
    if not np.array_equal(samples, again):
        raise _cannot_hold(transfer_syntax_uid, description)


def _cannot_hold(transfer_syntax_uid: str, description: PixelDescription) -> NotAcceptable:
    return NotAcceptable(
        f"transfer syntax {transfer_syntax_uid} cannot hold these pixels without loss "
        f"({description.bits_allocated} bits, {description.samples_per_pixel} samples per pixel)"
    )
