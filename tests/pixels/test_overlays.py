"""Drawings that a device laid over its picture are seen on it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from pacs.pixels.interfaces import PictureType, RenderRequest
from pacs.pixels.rendering import render_frame
from tests.builders import enhanced_mr
from tests.encodings import NATIVE
from tests.pixels.encoded import frame_of, picture

GREY = np.full((12, 10), 90, np.uint8)


def overlaid(
    ds: Dataset,
    bits: NDArray[np.uint8],
    *,
    origin: tuple[int, int] = (1, 1),
    group: int = 0x6000,
    kind: str = "G",
    **more: Any,
) -> Dataset:
    """`bits` of 0 and 1, (rows, columns) or (frames, rows, columns)."""
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.add_new((group, 0x0010), "US", bits.shape[-2])
    ds.add_new((group, 0x0011), "US", bits.shape[-1])
    ds.add_new((group, 0x0040), "CS", kind)
    ds.add_new((group, 0x0050), "SS", list(origin))
    ds.add_new((group, 0x0100), "US", 1)
    ds.add_new((group, 0x0102), "US", 0)
    ds.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    for name, value in more.items():
        tag, vr = {"frames": (0x0015, "IS"), "first_frame": (0x0051, "US")}[name]
        ds.add_new((group, tag), vr, value)
    return ds


def shown(
    ds: Dataset, *, frame_index: int = 0, transfer_syntax_uid: str | None = None
) -> NDArray[Any]:
    frame = frame_of(ds, transfer_syntax_uid, frame_index=frame_index)
    file = render_frame(frame, RenderRequest(PictureType.PNG))
    return np.array(Image.open(io.BytesIO(file)))


def drawing(rows: int, columns: int) -> NDArray[np.uint8]:
    bits: NDArray[np.uint8] = np.zeros((rows, columns), np.uint8)
    bits.flat[::3] = 1
    return bits


@pytest.mark.parametrize("kind", ["G", "R"])
@pytest.mark.parametrize("syntax", NATIVE)
def test_a_drawing_is_white_and_all_else_stays(syntax: str, kind: str) -> None:
    bits = drawing(12, 10)

    seen = shown(overlaid(picture(GREY), bits, kind=kind), transfer_syntax_uid=syntax)

    np.testing.assert_array_equal(seen, np.where(bits == 1, 255, 90))


def test_a_drawing_on_colour_is_white_too() -> None:
    bits = drawing(12, 10)
    red = np.zeros((12, 10, 3), np.uint8)
    red[:, :, 0] = 200

    seen = shown(overlaid(picture(red), bits))

    assert (seen[bits == 1] == 255).all()
    assert (seen[bits == 0] == [200, 0, 0]).all()


def test_all_groups_are_drawn() -> None:
    first, last = np.zeros((2, 12, 10), np.uint8)
    first[2, 3] = last[7, 8] = 1

    seen = shown(overlaid(overlaid(picture(GREY), first), last, group=0x601E))

    assert {tuple(at) for at in np.argwhere(seen == 255)} == {(2, 3), (7, 8)}


@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    top=st.integers(-40, 40),
    left=st.integers(-40, 40),
)
def test_a_drawing_lies_where_its_origin_says_and_is_cut_at_the_border(
    rows: int, columns: int, top: int, left: int
) -> None:
    bits = drawing(rows, columns)
    wide = np.full((12 + 160, 10 + 160), 90, np.uint8)
    wide[80 + top : 80 + top + rows, 80 + left : 80 + left + columns][bits == 1] = 255

    seen = shown(overlaid(picture(GREY), bits, origin=(top + 1, left + 1)))

    np.testing.assert_array_equal(seen, wide[80:92, 80:90])


@pytest.mark.parametrize("syntax", NATIVE)
def test_each_frame_has_its_own_drawing(syntax: str) -> None:
    bits = np.zeros((2, 7, 5), np.uint8)
    bits[0, 1, 2] = bits[1, 3, 4] = 1
    ds = enhanced_mr(frames=4)
    plain = [shown(ds, frame_index=index, transfer_syntax_uid=syntax) for index in range(4)]
    overlaid(ds, bits, origin=(11, 11), frames=2, first_frame=2)

    seen = [shown(ds, frame_index=index, transfer_syntax_uid=syntax) for index in range(4)]

    plain[1][11, 12] = plain[2][13, 14] = 255
    np.testing.assert_array_equal(seen, plain)


def test_a_single_drawing_lies_on_all_frames() -> None:
    ds = overlaid(enhanced_mr(frames=3), np.ones((32, 32), np.uint8))

    seen = [shown(ds, frame_index=index) for index in range(3)]

    assert all(frame.min() == 255 for frame in seen)


def test_a_drawing_in_the_unused_bits_of_the_picture_is_drawn() -> None:
    bits = drawing(12, 10)
    values = np.full((12, 10), 300, np.uint16)
    ds = picture(values | (bits.astype(np.uint16) << 12), bits_stored=12)
    ds.WindowCenter, ds.WindowWidth = "2000", "4000"
    overlaid(ds, bits).pop((0x6000, 0x3000))
    ds[0x6000, 0x0100].value, ds[0x6000, 0x0102].value = 16, 12

    seen = shown(ds)

    assert (seen[bits == 1] == 255).all()
    assert (seen[bits == 0] < 30).all()


@pytest.mark.parametrize(
    ("element", "value"),
    [(0x0010, 65535), (0x0011, 65535), (0x0010, 0), (0x0011, 13), (0x3000, b""), (0x3000, b"\1\0")],
)
def test_a_drawing_that_cannot_be_as_it_says_is_left_out(element: int, value: object) -> None:
    ds = overlaid(picture(GREY), np.ones((12, 10), np.uint8))
    ds[0x6000, element].value = value

    np.testing.assert_array_equal(shown(ds), GREY)


def test_a_group_without_values_is_left_out() -> None:
    ds = overlaid(picture(GREY), np.ones((12, 10), np.uint8))
    for element in ds.group_dataset(0x6000):
        ds[element.tag].value = None

    np.testing.assert_array_equal(shown(ds), GREY)
