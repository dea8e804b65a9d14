"""Which decoder understands which coding; every codec's errors become ours here.

A frame's codestream is compared with the header before a codec sees it: a codec allocates what
the codestream announces.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, Coding
from pacs.errors import DecodingLimitExceeded, NotDecodable
from pacs.pixels.codestreams import Codestream, read_codestream
from pacs.pixels.colour import YBR_FULL_RANGE, rgb_from
from pacs.pixels.description import PixelDescription, known_syntax
from pacs.pixels.interfaces import EncodedFrame
from pacs.pixels.native import Samples, arranged, native_samples, sample_type
from pacs.pixels.run_length import decode_planes

Decoder = Callable[[EncodedFrame, PixelDescription], Samples]

_KEEPS_ITS_COLOUR = frozenset(
    {Coding.NATIVE, Coding.RLE, Coding.DEFLATED_FRAME, Coding.UNCOMPRESSED_FRAME}
)
"""These only pack bytes; the others are decoded to RGB."""


def decode_samples(frame: EncodedFrame, description: PixelDescription) -> Samples:
    """The frame as an array of `sample_type`, shape (rows, columns) or (rows, columns, 3).

    Colour is as `decoded_photometric_interpretation` says, 4:2:2 chrominance made full.
    Raises NotDecodable, DecodingLimitExceeded.
    """
    syntax = known_syntax(frame.transfer_syntax_uid)
    decoder = DECODERS.get(syntax.coding)
    if decoder is None:
        raise NotDecodable(f"no decoder for transfer syntax {syntax.uid} ({syntax.name})")
    try:
        return decoder(frame, description)
    except (RuntimeError, ValueError, OverflowError, zlib.error) as error:
        raise NotDecodable(f"the {syntax.coding.value} frame is damaged: {error}") from error
    except MemoryError as error:
        raise DecodingLimitExceeded("decoding the frame took too much memory") from error


def decoded_photometric_interpretation(description: PixelDescription, coding: Coding) -> str:
    """Of what `decode_samples` returns, but for 4:2:2 made full; never empty."""
    if description.samples_per_pixel == 1:
        return description.photometric_interpretation or "MONOCHROME2"
    if coding in _KEEPS_ITS_COLOUR:
        return description.photometric_interpretation or "RGB"
    return "RGB"


def _decode_jpeg(frame: EncodedFrame, description: PixelDescription) -> Samples:
    stream = _checked_codestream(frame, description)
    if not stream.is_ended:
        raise NotDecodable("the JPEG codestream is cut short")
    if stream.samples_per_pixel == 1 or stream.is_lossless_jpeg:
        values = imagecodecs.jpeg8_decode(frame.data, out=_blank(stream))
        return _in_rgb(_in_own_type(values, description, stream), description)
    return _in_own_type(
        imagecodecs.jpeg8_decode(
            frame.data,
            colorspace="ycbcr" if _is_ycbcr_jpeg(description, stream) else "rgb",
            outcolorspace="rgb",
            out=_blank(stream),
        ),
        description,
        stream,
    )


def _is_ycbcr_jpeg(description: PixelDescription, stream: Codestream) -> bool:
    """The codestream's own word counts first; the header's when it has none."""
    if stream.is_transformed is not None:
        return stream.is_transformed
    return description.photometric_interpretation != "RGB"


def _decode_jpeg_ls(frame: EncodedFrame, description: PixelDescription) -> Samples:
    stream = _checked_codestream(frame, description)
    # Planes that are not interleaved come transposed, which a given array would not allow.
    values = imagecodecs.jpegls_decode(frame.data)
    return _in_rgb(_in_own_type(values, description, stream), description)


def _decode_jpeg_2000(frame: EncodedFrame, description: PixelDescription) -> Samples:
    """HTJ2K too: its own decoder in imagecodecs is twice as fast, but when it meets damage it
    returns what happens to lie in memory instead of an error.
    """
    stream = _checked_codestream(frame, description)
    values = imagecodecs.jpeg2k_decode(frame.data, out=_blank(stream))
    return _in_rgb(_in_own_type(values, description, stream), description)


def _decode_jpeg_xl(frame: EncodedFrame, description: PixelDescription) -> Samples:
    shape = _shape(description)
    # The size lies in variable bits; the decoder compares it with the array before it decodes.
    try:
        values = imagecodecs.jpegxl_decode(frame.data, out=np.zeros(shape, _jxl_type(description)))
    except ValueError:
        values = imagecodecs.jpegxl_decode(frame.data, out=np.zeros(shape, np.uint8))
    # Signed numbers come as two's complement, of the stored bits or of all.
    is_narrow = int(values.max()) >> description.bits_stored == 0
    precision = description.bits_stored if is_narrow else description.bits_allocated
    stream = Codestream(
        description.rows, description.columns, description.samples_per_pixel, precision
    )
    return _in_own_type(values, description, stream)


def _jxl_type(description: PixelDescription) -> type[Any]:
    return np.uint16 if description.bits_allocated > 8 else np.uint8


def _decode_rle(frame: EncodedFrame, description: PixelDescription) -> Samples:
    planes = decode_planes(frame.data, description)
    if description.bits_allocated == 1:
        return arranged(np.unpackbits(planes[0, 0], bitorder="little"), description)
    big_endian = sample_type(description).newbyteorder(">")
    # (samples, bytes, pixels) -> (pixels, samples, bytes): the bytes of a sample side by side.
    side_by_side = np.ascontiguousarray(planes.transpose(2, 0, 1))
    values = side_by_side.view(big_endian).astype(sample_type(description))
    return values.reshape(_shape(description))


def _decode_deflated(frame: EncodedFrame, description: PixelDescription) -> Samples:
    """Each frame is a raw deflate stream of its native bytes."""
    expected = -(-description.native_frame_bits // 8)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(frame.data, expected + 2)
    if len(data) < expected or len(data) > expected + 1:
        raise NotDecodable(f"the deflated frame does not inflate to {expected} bytes")
    return _decode_single(frame, data, description)


def _decode_uncompressed(frame: EncodedFrame, description: PixelDescription) -> Samples:
    return _decode_single(frame, frame.data, description)


def _decode_single(frame: EncodedFrame, data: bytes, description: PixelDescription) -> Samples:
    """Native bytes of one frame that begins on a byte of its own."""
    alone = EncodedFrame(frame.header, frame.transfer_syntax_uid, 0, data)
    return native_samples(alone, description)


DECODERS: dict[Coding, Decoder] = {
    Coding.NATIVE: native_samples,
    Coding.JPEG: _decode_jpeg,
    Coding.JPEG_LOSSLESS: _decode_jpeg,
    Coding.JPEG_LS: _decode_jpeg_ls,
    Coding.JPEG_2000: _decode_jpeg_2000,
    Coding.HTJ2K: _decode_jpeg_2000,
    Coding.JPEG_XL: _decode_jpeg_xl,
    Coding.RLE: _decode_rle,
    Coding.DEFLATED_FRAME: _decode_deflated,
    Coding.UNCOMPRESSED_FRAME: _decode_uncompressed,
}

DECODABLE: frozenset[str] = frozenset(
    uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.coding in DECODERS
)
"""Transfer syntaxes whose frames can be decoded (given pixels without damage)."""


def _checked_codestream(frame: EncodedFrame, description: PixelDescription) -> Codestream:
    """The codestream's announcement, when it is that of the header."""
    stream = read_codestream(frame.data, known_syntax(frame.transfer_syntax_uid).coding)
    announced = (stream.rows, stream.columns, stream.samples_per_pixel)
    expected = (description.rows, description.columns, description.samples_per_pixel)
    if announced != expected:
        raise NotDecodable(
            "the codestream has {}x{} pixels of {} samples, ".format(*announced)
            + "the header says {}x{} of {}".format(*expected)
        )
    if stream.precision > description.bits_allocated:
        raise NotDecodable(
            f"the codestream has {stream.precision} bits per sample, "
            f"the header allocates {description.bits_allocated}"
        )
    return stream


def _blank(stream: Codestream) -> NDArray[Any]:
    """Where to decode to. Zeros, so that what a damaged frame leaves out is black and never the
    memory of an earlier picture.
    """
    size = 1 if stream.precision <= 8 else 2 if stream.precision <= 16 else 4
    shape: tuple[int, ...] = (stream.rows, stream.columns)
    if stream.samples_per_pixel > 1:
        shape = (*shape, stream.samples_per_pixel)
    return np.zeros(shape, f"<{'i' if stream.is_signed else 'u'}{size}")


def _in_own_type(
    values: NDArray[Any], description: PixelDescription, stream: Codestream
) -> Samples:
    """The decoded numbers as `sample_type`: same bits, signs made right."""
    if values.shape != _shape(description):
        raise NotDecodable(f"the decoder returned {values.shape}, not {_shape(description)}")
    own = sample_type(description)
    if own.kind == "i" and values.dtype.kind == "u":
        return _signed(values, own, stream.precision)
    return values.astype(own, copy=False)


def _signed(values: NDArray[Any], own: np.dtype[Any], precision: int) -> Samples:
    """Codestreams without a sign carry two's complement numbers of `precision` bits."""
    if precision == own.itemsize * 8:
        return values.astype(own.newbyteorder("<"), copy=False)
    sign = own.type(1 << (precision - 1))
    wide: Samples = values.astype(own)
    extended: Samples = np.subtract(wide ^ sign, sign)
    return extended


def _in_rgb(samples: Samples, description: PixelDescription) -> Samples:
    if description.photometric_interpretation in YBR_FULL_RANGE:
        return rgb_from(samples, description.photometric_interpretation, description.bits_stored)
    return samples


def _shape(description: PixelDescription) -> tuple[int, ...]:
    if description.samples_per_pixel == 1:
        return (description.rows, description.columns)
    return (description.rows, description.columns, description.samples_per_pixel)
