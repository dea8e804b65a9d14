"""What is believed of a header, and what is not."""

from __future__ import annotations

import pytest

from pacs.errors import NotDecodable
from pacs.pixels.description import describe_pixels
from pacs.pixels.interfaces import FLOAT_PIXEL_DATA
from tests.builders import ct_slice, segmentation, sr, us_still
from tests.encodings import NATIVE
from tests.pixels.encoded import instance_of


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_ct_slice_is_described_alike_in_every_native_syntax(syntax: str) -> None:
    instance = instance_of(ct_slice(rows=5, columns=7), syntax)

    described = describe_pixels(instance.header, instance.transfer_syntax_uid)

    assert (described.rows, described.columns) == (5, 7)
    assert (described.bits_allocated, described.bits_stored, described.high_bit) == (16, 12, 11)
    assert described.photometric_interpretation == "MONOCHROME2"
    assert described.number_of_frames == 1


def test_single_bit_frames_are_counted_in_bits() -> None:
    instance = instance_of(segmentation(rows=9, columns=7))

    described = describe_pixels(instance.header, instance.transfer_syntax_uid)

    assert described.native_frame_bits == 63


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"Rows": 0}, "Rows is 0"),
        ({"Columns": 0}, "Columns is 0"),
        ({"Rows": None}, "Rows is missing"),
        ({"Rows": 65535, "Columns": 65535}, "one frame would have 8589672450 bytes"),
        ({"BitsAllocated": 12}, "Bits Allocated is 12"),
        ({"BitsStored": 17}, "Bits Stored is 17"),
        ({"SamplesPerPixel": 4}, "Samples per Pixel is 4"),
        ({"SamplesPerPixel": 3}, "MONOCHROME2 with 3 samples"),
    ],
)
def test_a_value_that_cannot_be_is_named(attributes: dict[str, int | None], named: str) -> None:
    ds = ct_slice()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    instance = instance_of(ds)

    with pytest.raises(NotDecodable, match=named):
        describe_pixels(instance.header, instance.transfer_syntax_uid)


def test_a_number_of_frames_that_is_no_number_is_named() -> None:
    header = instance_of(us_still(number_of_frames=10)).header.replace(b"10", b"1A")

    with pytest.raises(NotDecodable, match="Number of Frames is '1A'"):
        describe_pixels(header, "1.2.840.10008.1.2.1")


def test_zero_frames_mean_one() -> None:
    instance = instance_of(ct_slice(number_of_frames=0))

    described = describe_pixels(instance.header, instance.transfer_syntax_uid)

    assert described.number_of_frames == 1


def test_a_report_has_no_pixels() -> None:
    instance = instance_of(sr())

    with pytest.raises(NotDecodable, match="no pixel data"):
        describe_pixels(instance.header, instance.transfer_syntax_uid, instance.pixel_tag)


def test_float_pixels_need_32_bits() -> None:
    instance = instance_of(ct_slice())

    with pytest.raises(NotDecodable, match="Bits Allocated is 16"):
        describe_pixels(instance.header, instance.transfer_syntax_uid, FLOAT_PIXEL_DATA)


def test_an_unknown_transfer_syntax_has_no_decoder() -> None:
    instance = instance_of(ct_slice())

    with pytest.raises(NotDecodable, match=r"unknown transfer syntax 1\.2\.3"):
        describe_pixels(instance.header, "1.2.3")


def test_a_header_that_ends_within_an_element_is_not_believed() -> None:
    header = instance_of(ct_slice()).header

    with pytest.raises(NotDecodable, match="header cannot be read"):
        describe_pixels(header[:-1], "1.2.840.10008.1.2.1")
