"""Finding single frames: native ones by counting, encapsulated ones by offsets and items."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from pacs.errors import NotDecodable, NotFound
from pacs.pixels.fragments import end_of_value
from pacs.pixels.frames import encoded_frame, locate_frames
from pacs.pixels.interfaces import EncodedInstance
from tests.builders import enhanced_mr, segmentation, us_cine
from tests.encodings import compressed, frames_of
from tests.pixels.encoded import instance_of

_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def _cine(frames: int) -> Dataset:
    return compressed(us_cine(frames=frames, rows=8, columns=8), JPEGBaseline8Bit)


def _with_value(value: bytes, *, frames: int, syntax: str = JPEGBaseline8Bit) -> EncodedInstance:
    """An encapsulated instance with exactly this pixel value."""
    header = instance_of(_cine(frames)).header
    return EncodedInstance(
        header, str(syntax), lambda offset, length: value[offset : offset + length], None
    )


def _jpegs(count: int) -> list[bytes]:
    return [b"\xff\xd8\xff" + bytes([index]) * (9 + 2 * index) for index in range(count)]


def _read_all(instance: EncodedInstance) -> list[bytes]:
    table = locate_frames(instance)
    return [encoded_frame(instance, table, index).data for index in range(table.frame_count)]


def test_native_frames_follow_each_other() -> None:
    ds = enhanced_mr(frames=3)

    read = _read_all(instance_of(ds))

    assert read == [frame.tobytes() for frame in frames_of(ds)]


def test_a_single_bit_frame_comes_with_the_bytes_around_it() -> None:
    instance = instance_of(segmentation(frames=3, rows=9, columns=7))
    table = locate_frames(instance)

    second = encoded_frame(instance, table, 1)

    assert second.data == instance.read(7, 9)  # bits 63 to 125


def test_swapped_words_are_read_whole() -> None:
    ds = segmentation(frames=3, rows=9, columns=7)
    ds["PixelData"].VR = "OW"
    instance = instance_of(ds, ExplicitVRBigEndian)

    second = encoded_frame(instance, locate_frames(instance), 1)

    assert second.data == instance.read(6, 10)  # words from bit 48 to bit 127


def test_a_frame_beyond_those_announced_is_not_found() -> None:
    instance = instance_of(enhanced_mr(frames=3))
    table = locate_frames(instance)

    with pytest.raises(NotFound, match="frame 4 of an instance with 3 frames"):
        encoded_frame(instance, table, 3)


def test_frames_that_were_announced_but_are_not_there_are_named() -> None:
    instance = instance_of(enhanced_mr(frames=3, number_of_frames=999_999))
    table = locate_frames(instance)

    first = encoded_frame(instance, table, 0)

    assert len(first.data) == 32 * 32 * 2
    with pytest.raises(NotDecodable, match="Pixel Data has 3 of 999999 frames"):
        encoded_frame(instance, table, 3)


def test_a_value_shorter_than_its_length_says_is_not_taken_for_a_frame() -> None:
    whole = instance_of(enhanced_mr(frames=1))
    cut = replace(whole, read=lambda offset, length: whole.read(offset, min(length, 100)))

    with pytest.raises(NotDecodable, match="cut short"):
        encoded_frame(cut, locate_frames(cut), 0)


def test_an_uncompressed_422_frame_written_with_all_samples_is_read_whole() -> None:
    ds = us_cine(frames=2, rows=4, columns=4, photometric_interpretation="YBR_FULL_422")

    read = _read_all(instance_of(ds))

    assert [len(frame) for frame in read] == [48, 48]


@pytest.mark.parametrize("with_table", [True, False])
@pytest.mark.parametrize("with_delimiter", [True, False])
def test_one_fragment_per_frame(with_table: bool, with_delimiter: bool) -> None:
    frames = _jpegs(3)
    items = [_item(frame) for frame in frames]
    offsets = struct.pack("<3I", 0, len(items[0]), len(items[0] + items[1]))
    value = _item(offsets if with_table else b"") + b"".join(items)

    read = _read_all(_with_value(value + _DELIMITER * with_delimiter, frames=3))

    assert read == frames


@pytest.mark.parametrize(
    "offsets",
    [
        (0, 7, 9),  # into the middle of items
        (0, 0, 0),
        (4, 8, 12),
        (0, 100_000, 200_000),  # outside
        (0, 4_294_967_000, 4_294_967_001),
        (0,),
    ],
)
def test_an_offset_table_that_lies_costs_nothing(offsets: Sequence[int]) -> None:
    frames = _jpegs(3)
    table = _item(struct.pack(f"<{len(offsets)}I", *offsets))
    value = table + b"".join(_item(frame) for frame in frames) + _DELIMITER

    read = _read_all(_with_value(value, frames=3))

    assert read == frames


def test_a_table_wrong_only_in_the_middle_is_found_out_when_the_frame_is_read() -> None:
    frames = _jpegs(3)
    items = [_item(frame) for frame in frames]
    last = len(items[0] + items[1])
    value = _item(struct.pack("<3I", 0, 5, last)) + b"".join(items) + _DELIMITER
    instance = _with_value(value, frames=3)
    table = locate_frames(instance)

    second = encoded_frame(instance, table, 1)

    assert table.by_table
    assert second.data == frames[1]


def test_frames_in_several_fragments_are_told_apart_by_how_they_begin() -> None:
    frames = _jpegs(2)
    pieces = [frames[0][:6], frames[0][6:], frames[1][:4], frames[1][4:8], frames[1][8:]]
    value = _item(b"") + b"".join(_item(piece) for piece in pieces) + _DELIMITER

    read = _read_all(_with_value(value, frames=2))

    assert read == frames


def test_all_fragments_of_a_single_frame_belong_together() -> None:
    value = _item(b"") + _item(b"\xff\xd8\xff\x00") + _item(b"\xff\xd8\xff\x01") + _DELIMITER

    read = _read_all(_with_value(value, frames=1))

    assert read == [b"\xff\xd8\xff\x00\xff\xd8\xff\x01"]


def test_more_rle_fragments_than_frames_cannot_be_told_apart() -> None:
    value = _item(b"") + _item(b"ab") * 5 + _DELIMITER

    with pytest.raises(NotDecodable, match="5 fragments cannot be told apart as 2 frames"):
        locate_frames(_with_value(value, frames=2, syntax=RLELossless))


def test_fewer_fragments_than_frames_give_the_frames_there_are() -> None:
    value = _item(b"") + _item(_jpegs(1)[0]) + _DELIMITER
    instance = _with_value(value, frames=5)
    table = locate_frames(instance)

    assert encoded_frame(instance, table, 0).data == _jpegs(1)[0]
    with pytest.raises(NotDecodable, match="Pixel Data has 1 of 5 frames"):
        encoded_frame(instance, table, 4)


def test_an_extended_offset_table_is_used() -> None:
    ds = _cine(3)
    plain = instance_of(ds)
    items = plain.read(8 + 12, 1 << 20)  # behind the basic table of three offsets
    starts = struct.unpack("<3I", plain.read(8, 12))
    ds.ExtendedOffsetTable = struct.pack("<3Q", *starts)
    value = _item(b"") + items
    read_ranges: list[int] = []

    def read(offset: int, length: int) -> bytes:
        read_ranges.append(offset)
        return value[offset : offset + length]

    instance = replace(instance_of(ds), read=read)
    table = locate_frames(instance)
    reads_to_locate = len(read_ranges)
    frame = encoded_frame(instance, table, 1)

    assert table.by_table
    assert reads_to_locate <= 3
    assert frame.data == encoded_frame(plain, locate_frames(plain), 1).data


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"", "holds no item"),
        (_DELIMITER, "holds no item"),
        (_item(b"") + _DELIMITER, "holds no fragment"),
        (_item(b"") + _item(b"abcd") + b"garbage is here", "no item at byte"),
        (_item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFF0), "fragment of 4294967280"),
    ],
)
def test_damaged_encapsulation_is_named(value: bytes, named: str) -> None:
    instance = _with_value(value, frames=2)

    with pytest.raises(NotDecodable, match=named):
        _read_all(instance)


def test_a_fragment_cut_short_is_no_frame() -> None:
    value = _item(b"") + _item(_jpegs(1)[0])[:-3]
    instance = _with_value(value, frames=1)

    with pytest.raises(NotDecodable, match="cut short within frame 1"):
        encoded_frame(instance, locate_frames(instance), 0)


def test_native_pixels_under_a_compressed_syntax_are_refused() -> None:
    instance = replace(instance_of(us_cine()), transfer_syntax_uid=str(JPEGBaseline8Bit))

    with pytest.raises(NotDecodable, match="not stored as JPEG Baseline"):
        locate_frames(instance)


@pytest.mark.parametrize(
    ("syntax", "named"),
    [("1.2.840.10008.1.2.4.102", "is a video"), ("1.2.840.10008.1.2.4.94", "only referenced")],
)
def test_what_has_no_frames_says_why(syntax: str, named: str) -> None:
    instance = replace(instance_of(us_cine()), transfer_syntax_uid=syntax, value_length=None)

    with pytest.raises(NotDecodable, match=named):
        locate_frames(instance)


@pytest.mark.parametrize("ending", [_DELIMITER, b""])
def test_the_end_of_an_encapsulated_value_is_found(ending: bytes) -> None:
    value = _item(b"") + _item(b"stream") + _item(b"goes on ") + ending

    end = end_of_value(lambda offset, length: (value + b"next")[offset : offset + length])

    assert end == len(value)


@settings(deadline=None)
@given(
    frames=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=2),
    has_table=st.booleans(),
)
def test_what_was_fragmented_comes_back(frames: list[list[bytes]], has_table: bool) -> None:
    fragmented: list[list[bytes]] = [
        [b"\xff\xd8\xff" + pieces[0], *(b"\0" + piece for piece in pieces[1:])] for pieces in frames
    ]
    encoded = [b"".join(_item(piece) for piece in pieces) for pieces in fragmented]
    starts: Any = np.cumsum([0, *map(len, encoded[:-1])]).astype("<u4")
    value = _item(starts.tobytes() if has_table else b"") + b"".join(encoded) + _DELIMITER

    read = _read_all(_with_value(value, frames=len(frames)))

    assert read == [b"".join(pieces) for pieces in fragmented]
