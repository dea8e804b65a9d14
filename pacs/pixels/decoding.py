"""One stored frame to one native frame."""

from __future__ import annotations

from pacs.errors import NotDecodable
from pacs.pixels.codecs import decode_samples, decoded_photometric_interpretation
from pacs.pixels.description import PixelDescription, describe_pixels, known_syntax
from pacs.pixels.interfaces import EncodedFrame, NativeFrame
from pacs.pixels.native import Samples, is_halved, little_endian_bytes, packed_bits


def decode_frame(frame: EncodedFrame) -> NativeFrame:
    """See PixelDecoder.decode_frame."""
    description = describe_pixels(frame.header, frame.transfer_syntax_uid, frame.pixel_tag)
    coding = known_syntax(frame.transfer_syntax_uid).coding
    return _native(
        _native_bytes(frame, description),
        description,
        decoded_photometric_interpretation(description, coding),
    )


def _native_bytes(frame: EncodedFrame, description: PixelDescription) -> bytes:
    syntax = known_syntax(frame.transfer_syntax_uid)
    if not syntax.is_encapsulated and is_halved(description, len(frame.data)):
        return _halved_bytes(frame, description)
    return bytes_of(decode_samples(frame, description), description)


def bytes_of(samples: Samples, description: PixelDescription) -> bytes:
    """Samples as they stand in a native frame, colour by pixel."""
    return packed_bits(samples) if description.bits_allocated == 1 else samples.tobytes()


def _halved_bytes(frame: EncodedFrame, description: PixelDescription) -> bytes:
    """4:2:2 chrominance natively: kept as it is, since making it full would be another picture."""
    wanted = description.native_frame_bits // 8
    data = little_endian_bytes(frame, description)[:wanted]
    if len(data) < wanted:
        raise NotDecodable(f"the frame has {len(data)} of {wanted} bytes")
    return data


def _native(
    data: bytes, description: PixelDescription, photometric_interpretation: str
) -> NativeFrame:
    return NativeFrame(
        data=data,
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        bits_allocated=description.bits_allocated,
        bits_stored=description.bits_stored,
        pixel_representation=description.pixel_representation,
        photometric_interpretation=photometric_interpretation,
        is_float=description.is_float,
    )
