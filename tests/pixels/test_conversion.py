"""Whole instances in other transfer syntaxes, and comparing two by their pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from pacs.errors import NotAcceptable, NotDecodable
from pacs.pixels.in_process import InProcessDecoder
from pacs.pixels.interfaces import LOSSLESS_TARGETS, EncodedInstance
from tests.builders import (
    ct_slice,
    enhanced_mr,
    palette_picture,
    segmentation,
    sr,
    us_cine,
    us_still,
)
from tests.encodings import NATIVE, compressed, data_set_bytes
from tests.pixels.encoded import instance_from, instance_of

DECODER = InProcessDecoder()
EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
PIXELS_CHANGE = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration"}


def _converted(instance: EncodedInstance, target: str) -> bytes:
    return b"".join(DECODER.convert_instance(instance, target))


def _read(data: bytes, target: str) -> Dataset:
    return read_dataset(io.BytesIO(data), target == IMPLICIT, True)


def _as_written(ds: Dataset) -> Dataset:
    """Written and read again: pydicom settles which VR an ambiguous element has when it writes."""
    return _read(data_set_bytes(ds), EXPLICIT)


def _described(ds: Dataset) -> dict[str, object]:
    left_out = {ds[keyword].tag.json_key for keyword in PIXELS_CHANGE if keyword in ds}
    return {key: value for key, value in ds.to_json_dict().items() if key not in left_out}


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("source", NATIVE)
@pytest.mark.parametrize("build", [ct_slice, us_cine, enhanced_mr, segmentation, palette_picture])
def test_native_instances_only_change_their_encoding(
    build: Callable[[], Dataset], source: UID, target: str
) -> None:
    ds = build()

    converted = _read(_converted(instance_of(ds, source), target), target)

    assert _described(converted) == _described(_as_written(ds))
    assert converted.PixelData == ds.PixelData


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("source", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("build", [ct_slice, us_cine, enhanced_mr, palette_picture])
def test_compressed_instances_are_decompressed(
    build: Callable[[], Dataset], source: UID, target: str
) -> None:
    ds = build()

    converted = _read(_converted(instance_of(compressed(ds, source)), target), target)

    assert converted.PixelData == ds.PixelData
    assert converted.PhotometricInterpretation == ds.PhotometricInterpretation
    assert _described(converted) == _described(_as_written(ds))


def test_lossy_colour_is_decompressed_to_rgb_and_still_says_it_was_lossy() -> None:
    ds = compressed(us_still(), JPEGBaseline8Bit)

    converted = _read(_converted(instance_of(ds), EXPLICIT), EXPLICIT)

    assert converted.PhotometricInterpretation == "RGB"
    assert converted.LossyImageCompression == "01"
    assert len(converted.PixelData) == 48 * 64 * 3


@pytest.mark.parametrize("target", sorted(LOSSLESS_TARGETS))
@pytest.mark.parametrize("build", [ct_slice, us_cine, enhanced_mr])
def test_instances_survive_lossless_compression(build: Callable[[], Dataset], target: str) -> None:
    ds = build()

    encoded = _converted(instance_of(ds), target)
    again = _read(_converted(instance_from(encoded, target), EXPLICIT), EXPLICIT)

    assert again.PixelData == ds.PixelData
    assert _described(again) == _described(_as_written(ds))


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_single_bit_frames_are_joined_without_gaps(frames: int) -> None:
    ds = segmentation(frames=frames)
    encoded = _converted(instance_of(ds), str(RLELossless))

    again = _read(_converted(instance_from(encoded, str(RLELossless)), EXPLICIT), EXPLICIT)

    assert again.PixelData == ds.PixelData
    assert again["PixelData"].VR == "OB"


def test_reports_change_their_encoding_too() -> None:
    ds = sr()

    converted = _read(_converted(instance_of(ds), IMPLICIT), IMPLICIT)

    assert converted.to_json_dict() == ds.to_json_dict()


@pytest.mark.parametrize("source", [EXPLICIT, IMPLICIT, str(ExplicitVRBigEndian), str(RLELossless)])
def test_elements_after_the_pixels_are_kept(source: str) -> None:
    ds = ct_slice()
    ds.add_new(0x7FE10010, "LO", "MOVIES OF THE TEST")
    ds.add_new(0x7FE11001, "UN", b"movie!")
    if source == RLELossless:
        ds = compressed(ds, RLELossless)

    converted = _read(_converted(instance_of(ds, source), EXPLICIT), EXPLICIT)

    assert converted[0x7FE10010].value == "MOVIES OF THE TEST"
    assert converted[0x7FE11001].value == b"movie!"


def test_an_offset_table_of_the_old_frames_is_left_out() -> None:
    ds = compressed(us_cine(), RLELossless)
    ds.ExtendedOffsetTable = bytes(32)
    ds.ExtendedOffsetTableLengths = bytes(32)

    converted = _read(_converted(instance_of(ds), EXPLICIT), EXPLICIT)

    assert "ExtendedOffsetTable" not in converted
    assert "ExtendedOffsetTableLengths" not in converted


def test_pixels_nobody_can_decode_pass_natively() -> None:
    ds = ct_slice()
    ds.BitsAllocated = 12

    converted = _read(_converted(instance_of(ds), IMPLICIT), IMPLICIT)

    assert converted.PixelData == ds.PixelData


def test_a_target_that_is_lossy_or_unknown_is_refused_at_once() -> None:
    with pytest.raises(NotAcceptable):
        DECODER.convert_instance(instance_of(ct_slice()), str(JPEGBaseline8Bit))
    with pytest.raises(NotAcceptable):
        DECODER.convert_instance(instance_of(ct_slice()), str(DeflatedExplicitVRLittleEndian))


def test_part_of_a_picture_is_not_given_out_as_the_whole() -> None:
    ds = compressed(us_cine(frames=4), RLELossless)
    ds.NumberOfFrames = 5

    with pytest.raises(NotDecodable, match="4 of 5 frames"):
        DECODER.convert_instance(instance_of(ds), EXPLICIT)


def test_a_native_value_cut_short_is_not_padded() -> None:
    whole = instance_of(ct_slice())
    cut = replace(whole, read=lambda offset, length: whole.read(offset, length)[:100])

    with pytest.raises(NotDecodable, match="cut short"):
        _converted(cut, EXPLICIT)


# --- comparing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("build", [ct_slice, us_cine])
def test_the_same_pixels_are_the_same_in_every_lossless_syntax(
    build: Callable[[], Dataset], syntax: UID
) -> None:
    native, packed = instance_of(build()), instance_of(compressed(build(), syntax))

    assert DECODER.same_pixels(native, packed)
    assert DECODER.same_pixels(packed, native)


def test_one_other_pixel_in_the_last_frame_is_seen() -> None:
    ds = us_cine()
    pixels = np.frombuffer(ds.PixelData, np.uint8).copy()
    pixels[-1] ^= 1
    other = us_cine(pixel_data=pixels.tobytes())

    assert not DECODER.same_pixels(instance_of(ds), instance_of(other))


def test_another_number_of_frames_is_seen() -> None:
    assert not DECODER.same_pixels(instance_of(us_cine(frames=2)), instance_of(us_cine(frames=3)))


def test_lossy_never_equals_lossless() -> None:
    ds = ct_slice(pixel_data=bytes(64 * 64 * 2))  # uniform, so even lossy coding keeps it
    native = instance_of(ds)

    assert not DECODER.same_pixels(native, instance_of(compressed(ds, JPEGExtended12Bit)))
    assert not DECODER.same_pixels(native, instance_of(compressed(ds, JPEGLSNearLossless)))


def test_pixels_that_cannot_be_decoded_equal_nothing() -> None:
    broken = compressed(ct_slice(), JPEG2000Lossless)
    broken.PixelData = encapsulate([b"this is no JPEG 2000"])

    assert not DECODER.same_pixels(instance_of(broken), instance_of(broken))
    assert not DECODER.same_pixels(instance_of(sr()), instance_of(sr()))
