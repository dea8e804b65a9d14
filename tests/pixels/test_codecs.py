"""Decoding: what an encoder put in comes out, colours and signs included."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from pacs.errors import NotDecodable
from pacs.pixels.codecs import DECODABLE
from pacs.pixels.decoding import decode_frame
from pacs.pixels.interfaces import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    EncodedFrame,
    NativeFrame,
)
from tests.builders import ct_slice, enhanced_mr, segmentation, us_still
from tests.encodings import LOSSLESS, NATIVE, DeflatedImageFrame, JPEGXLLossless, compressed
from tests.pixels.encoded import frame_of, instance_of, picture, values_of

EXPLICIT = "1.2.840.10008.1.2.1"


def _encoded(
    data: bytes | bytearray, syntax: str, like: NDArray[Any], **attributes: Any
) -> EncodedFrame:
    """A frame whose header describes `like` and whose bytes are data."""
    ds = picture(like, **attributes)
    return EncodedFrame(instance_of(ds).header, str(syntax), 0, bytes(data))


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
def test_native_numbers_come_back_in_every_byte_order(syntax: UID, kind: str) -> None:
    numbers = (np.arange(35).reshape(5, 7) - 3).astype(kind)

    decoded = decode_frame(frame_of(picture(numbers), syntax))

    np.testing.assert_array_equal(values_of(decoded), numbers)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_grey_comes_back(syntax: UID) -> None:
    ds = ct_slice(rows=33, columns=17)

    decoded = decode_frame(frame_of(compressed(ds, syntax)))

    assert decoded == decode_frame(frame_of(ds))


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_colour_comes_back_by_pixel(syntax: UID) -> None:
    ds = us_still(rows=17, columns=33)

    decoded = decode_frame(frame_of(compressed(ds, syntax)))

    assert decoded.photometric_interpretation == "RGB"
    assert decoded == decode_frame(frame_of(ds))


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_every_frame_is_its_own(syntax: UID) -> None:
    ds = enhanced_mr(frames=3)

    decoded = [decode_frame(frame_of(compressed(ds, syntax), frame_index=i)) for i in range(3)]

    assert decoded == [decode_frame(frame_of(ds, frame_index=i)) for i in range(3)]


@settings(max_examples=25, deadline=None)
@given(
    numbers=arrays.arrays(
        np.dtype("<u2"),
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.integers(0, 4095),
    ),
    syntax=st.sampled_from(LOSSLESS),
)
def test_encoding_then_decoding_changes_nothing(numbers: NDArray[np.uint16], syntax: UID) -> None:
    ds = picture(numbers, bits_stored=12)

    decoded = decode_frame(frame_of(compressed(ds, syntax)))

    np.testing.assert_array_equal(values_of(decoded), numbers)


@pytest.mark.parametrize("bits", [9, 12, 15, 16])
def test_codestreams_without_sign_carry_signed_numbers(bits: int) -> None:
    numbers = np.array([[-(1 << (bits - 1)), -1], [0, (1 << (bits - 1)) - 1]], np.int16)
    unsigned = numbers.view(np.uint16) & np.uint16((1 << bits) - 1)
    data = imagecodecs.jpeg8_encode(unsigned, lossless=True, predictor=1, bitspersample=bits)

    decoded = decode_frame(_encoded(data, JPEGLosslessSV1, numbers, bits_stored=bits))

    np.testing.assert_array_equal(values_of(decoded), numbers)


def test_a_signed_jpeg_2000_keeps_its_signs() -> None:
    numbers = np.arange(-50, 50, dtype=np.int16).reshape(10, 10) * 40
    data = imagecodecs.jpeg2k_encode(numbers, level=0, reversible=True, codecformat="j2k")

    decoded = decode_frame(_encoded(data, JPEG2000Lossless, numbers))

    np.testing.assert_array_equal(values_of(decoded), numbers)


def test_a_codestream_narrower_than_its_pixels_is_widened() -> None:
    numbers = np.arange(64, dtype=np.uint16).reshape(8, 8)
    data = imagecodecs.jpegls_encode(numbers.astype(np.uint8))

    decoded = decode_frame(_encoded(data, JPEGLSLossless, numbers))

    np.testing.assert_array_equal(values_of(decoded), numbers)


@pytest.mark.parametrize("colour", ["YBR_FULL_422", "YBR_FULL", "RGB"])
def test_jpeg_colour_comes_out_as_rgb(colour: str) -> None:
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[:8] = (200, 30, 40)
    rgb[8:] = (20, 60, 220)
    space = "rgb" if colour == "RGB" else "ycbcr"
    data = imagecodecs.jpeg8_encode(
        rgb, level=98, colorspace="rgb", outcolorspace=space, subsampling="444"
    )
    frame = _encoded(data, JPEGBaseline8Bit, rgb, PhotometricInterpretation=colour)

    decoded = decode_frame(frame)

    assert decoded.photometric_interpretation == "RGB"
    assert np.abs(values_of(decoded).astype(int) - rgb).max() <= 4


def test_the_adobe_marker_counts_more_than_the_header() -> None:
    rgb = np.full((8, 8, 3), (200, 30, 40), np.uint8)
    jpeg = bytes(imagecodecs.jpeg8_encode(rgb, level=98, colorspace="rgb", outcolorspace="ycbcr"))
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"
    frame = _encoded(jpeg[:2] + adobe + jpeg[2:], JPEGBaseline8Bit, rgb)

    decoded = decode_frame(frame)

    assert np.abs(values_of(decoded).astype(int) - rgb).max() <= 3


def test_lossless_jpeg_of_ybr_full_becomes_rgb() -> None:
    ybr = np.full((4, 4, 3), (81, 90, 240), np.uint8)
    data = imagecodecs.jpeg8_encode(
        ybr, lossless=True, predictor=1, colorspace="rgb", outcolorspace="rgb"
    )
    frame = _encoded(data, JPEGLosslessSV1, ybr, PhotometricInterpretation="YBR_FULL")

    decoded = decode_frame(frame)

    # Y + 1.402 (Cr - 128), Y - 0.344 (Cb - 128) - 0.714 (Cr - 128), Y + 1.772 (Cb - 128)
    assert np.abs(values_of(decoded)[0, 0].astype(int) - (238, 14, 14)).max() <= 1


def test_twelve_bit_jpeg_is_decoded() -> None:
    ds = ct_slice(rows=32, columns=32)

    decoded = decode_frame(frame_of(compressed(ds, JPEGExtended12Bit)))

    original = values_of(decode_frame(frame_of(ds)))
    assert np.abs(values_of(decoded).astype(int) - original.astype(int)).max() <= 12


@pytest.mark.parametrize("planar_configuration", [0, 1])
def test_native_colour_comes_out_by_pixel(planar_configuration: int) -> None:
    rgb = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    ds = picture(rgb, PlanarConfiguration=planar_configuration)
    if planar_configuration:
        ds.PixelData = rgb.transpose(2, 0, 1).tobytes()

    decoded = decode_frame(frame_of(ds))

    np.testing.assert_array_equal(values_of(decoded), rgb)


def test_rle_colour_keeps_its_name() -> None:
    ds = compressed(us_still(), RLELossless)
    ds.PhotometricInterpretation = "YBR_FULL"

    decoded = decode_frame(frame_of(ds))

    assert decoded.photometric_interpretation == "YBR_FULL"


def test_native_422_stays_as_it_is_stored() -> None:
    ds = us_still(rows=4, columns=6, photometric_interpretation="YBR_FULL_422")
    ds.PixelData = bytes(range(4 * 6 * 2))

    decoded = decode_frame(frame_of(ds))

    assert decoded.photometric_interpretation == "YBR_FULL_422"
    assert decoded.data == ds.PixelData


@pytest.mark.parametrize("syntax", [*NATIVE, "OW big endian"])
def test_single_bits_are_repacked_to_begin_with_the_frame(syntax: str) -> None:
    ds = segmentation(frames=3, rows=9, columns=7)
    all_bits = np.unpackbits(np.frombuffer(ds.PixelData, np.uint8), bitorder="little")
    if syntax == "OW big endian":
        ds["PixelData"].VR = "OW"
        syntax = str(ExplicitVRBigEndian)

    decoded = [decode_frame(frame_of(ds, syntax, frame_index=index)) for index in range(3)]

    for index, frame in enumerate(decoded):
        bits = np.unpackbits(np.frombuffer(frame.data, np.uint8), bitorder="little")
        np.testing.assert_array_equal(bits[:63], all_bits[63 * index : 63 * (index + 1)])
        assert len(frame.data) == 8


@pytest.mark.parametrize(
    ("kind", "tag"), [("f4", FLOAT_PIXEL_DATA), ("f8", DOUBLE_FLOAT_PIXEL_DATA)]
)
def test_floating_point_pixels_are_numbers_as_they_are(kind: str, tag: int) -> None:
    numbers = np.array([[0.5, -1.25], [1e9, -0.0]], kind)
    like = np.zeros((2, 2), f"u{numbers.itemsize}")
    header = instance_of(picture(like)).header

    decoded = decode_frame(EncodedFrame(header, EXPLICIT, 0, numbers.tobytes(), tag))

    assert decoded.is_float
    np.testing.assert_array_equal(values_of(decoded), numbers)


def test_signed_jpeg_xl_of_fewer_bits_keeps_its_signs() -> None:
    numbers = np.array([[-2048, -1], [0, 2047]], np.int16)
    data = imagecodecs.jpegxl_encode(
        (numbers & 0xFFF).astype("u2"), lossless=True, bitspersample=12
    )

    decoded = decode_frame(_encoded(data, JPEGXLLossless, numbers, bits_stored=12))

    np.testing.assert_array_equal(values_of(decoded), numbers)


def test_every_syntax_with_frames_has_a_decoder() -> None:
    without = {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107"}

    assert {EXPLICIT, str(RLELossless), str(JPEG2000), DeflatedImageFrame} <= DECODABLE
    assert not without & DECODABLE


# --- damage and hostility ------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [s for s in LOSSLESS if s != RLELossless])
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(syntax: UID) -> None:
    large = frame_of(compressed(ct_slice(rows=64, columns=64), syntax))
    small = instance_of(ct_slice(rows=16, columns=16)).header

    with pytest.raises(NotDecodable):
        decode_frame(replace(large, header=small))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless])
def test_a_codestream_that_announces_gigabytes_is_refused_for_its_size(syntax: UID) -> None:
    frame = frame_of(compressed(picture(np.zeros((16, 16), np.uint8)), syntax))
    if syntax == JPEG2000Lossless:
        where, sides = frame.data.index(b"\xff\x51") + 6, struct.pack(">II", 65535, 65535)
    else:
        marker = b"\xff\xf7" if syntax == JPEGLSLossless else b"\xff\xc0"
        where, sides = frame.data.index(marker) + 5, struct.pack(">HH", 65535, 65535)
    bomb = frame.data[:where] + sides + frame.data[where + len(sides) :]

    with pytest.raises(NotDecodable, match="65535x65535 pixels"):
        decode_frame(replace(frame, data=bomb))


def test_rle_that_swells_is_stopped_at_the_size_of_a_plane() -> None:
    planes = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 2000
    frame = _encoded(planes, RLELossless, np.zeros((8, 8), np.uint8))

    with pytest.raises(NotDecodable, match="cannot be unpacked"):
        decode_frame(frame)


def test_a_deflated_frame_that_swells_is_stopped() -> None:
    bomb = zlib.compressobj(wbits=-15)
    data = bomb.compress(bytes(10_000_000)) + bomb.flush()
    frame = _encoded(data, DeflatedImageFrame, np.zeros((8, 8), np.uint8))

    with pytest.raises(NotDecodable, match="does not inflate to 64 bytes"):
        decode_frame(frame)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (b"", "ends within its header"),
        (struct.pack("<16I", 0, *[64] * 15), "announces 0 segments"),
        (struct.pack("<16I", 99, *[64] * 15), "announces 99 segments"),
        (struct.pack("<16I", 2, 64, 64, *[0] * 13), "2 segments, not 1"),
        (struct.pack("<16I", 1, 4, *[0] * 14), "offsets that do not ascend"),
        (struct.pack("<16I", 1, 64, *[0] * 14) + b"\x02abc", "3 of 64 bytes"),
    ],
)
def test_damaged_rle_is_named(header: bytes, named: str) -> None:
    frame = _encoded(header, RLELossless, np.zeros((8, 8), np.uint8))

    with pytest.raises(NotDecodable, match=named):
        decode_frame(frame)


def test_an_rle_segment_may_be_padded() -> None:
    data = struct.pack("<16I", 1, 64, *[0] * 14) + b"\xc1\x07" + b"\x01\x00\x00"
    frame = _encoded(data, RLELossless, np.zeros((8, 8), np.uint8))

    decoded = decode_frame(frame)

    assert decoded.data == b"\x07" * 64


def test_a_jpeg_cut_short_is_not_shown_half_grey() -> None:
    frame = frame_of(
        compressed(
            picture(np.arange(4096, dtype="u2").astype("u1").reshape(64, 64)), JPEGBaseline8Bit
        )
    )

    with pytest.raises(NotDecodable, match="cut short"):
        decode_frame(replace(frame, data=frame.data[: len(frame.data) // 2]))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), syntax=st.sampled_from([*LOSSLESS, JPEGBaseline8Bit]))
def test_damaged_codestreams_decode_or_are_refused(data: st.DataObject, syntax: UID) -> None:
    frame = frame_of(compressed(picture(np.arange(256, dtype="u1").reshape(16, 16)), syntax))
    damaged = bytearray(frame.data)
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(damaged) - 1))
        damaged[where] = data.draw(st.integers(0, 255))

    try:
        decoded: NativeFrame | None = decode_frame(replace(frame, data=bytes(damaged)))
    except NotDecodable:
        decoded = None

    assert decoded is None or len(decoded.data) == 256


@settings(deadline=None)
@given(
    header=st.binary(max_size=300),
    data=st.binary(max_size=64),
    syntax=st.sampled_from(sorted(DECODABLE)),
)
def test_random_bytes_are_refused(header: bytes, data: bytes, syntax: str) -> None:
    with pytest.raises(NotDecodable):
        decode_frame(EncodedFrame(header, syntax, 0, data))
