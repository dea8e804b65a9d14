"""Many frames become one GIF that moves at the speed they were taken."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from pacs.errors import NotDecodable
from pacs.pixels.animation import animated
from pacs.pixels.interfaces import PictureType, RenderRequest
from pacs.pixels.rendering import render_frame
from pacs.pixels.timing import frame_durations_ms
from tests.builders import ct_slice, enhanced_mr, us_cine
from tests.encodings import NATIVE
from tests.pixels.encoded import frame_of


def durations(ds: Dataset, count: int, syntax: str | None = None) -> tuple[float, ...]:
    frame = frame_of(ds, syntax)
    return frame_durations_ms(frame.header, frame.transfer_syntax_uid, count)


def stills_of(ds: Dataset) -> list[bytes]:
    return [
        render_frame(frame_of(ds, frame_index=index), RenderRequest(PictureType.GIF))
        for index in range(int(ds.NumberOfFrames))
    ]


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


@pytest.mark.parametrize("syntax", NATIVE)
def test_the_frame_time_counts_first(syntax: str) -> None:
    ds = us_cine(frame_time="33.3", cine_rate="10", recommended_display_frame_rate="5")

    assert durations(ds, 3, syntax) == (33.3, 33.3, 33.3)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"recommended_display_frame_rate": "20", "cine_rate": "10"}, (50.0, 50.0, 50.0)),
        ({"cine_rate": "10"}, (100.0, 100.0, 100.0)),
        ({"frame_time_vector": ["0", "30", "50"]}, (30.0, 50.0, 50.0)),
        ({"frame_time_vector": ["0", "-30", "50"], "cine_rate": "10"}, (100.0, 100.0, 100.0)),
        ({"frame_time": "0", "cine_rate": "0"}, (100.0, 100.0, 100.0)),
        ({"frame_time": "1e30"}, (100.0, 100.0, 100.0)),
        ({}, (100.0, 100.0, 100.0)),
    ],
)
def test_what_else_tells_the_time_is_taken_when_it_can_be(
    attributes: dict[str, Any], expected: tuple[float, ...]
) -> None:
    assert durations(ct_slice(**attributes), 3) == expected


@pytest.mark.parametrize("ds", [enhanced_mr(frames=4), us_cine(frames=4)], ids=["grey", "colour"])
def test_each_frame_is_the_still_picture(ds: Dataset) -> None:
    stills = stills_of(ds)

    film = opened(b"".join(animated(stills, [40.0] * 4)))

    assert getattr(film, "n_frames", 1) == 4
    assert film.info["loop"] == 0
    for index, still in enumerate(stills):
        film.seek(index)
        np.testing.assert_array_equal(film.convert("RGB"), opened(still).convert("RGB"))


@pytest.mark.parametrize(
    ("each_ms", "expected"),
    [
        (33.3, [30, 40, 30, 30, 40, 30]),
        (40.0, [40] * 6),
        (1.0, [20] * 6),
        (1e9, [655350] * 6),
    ],
)
def test_rounding_makes_a_film_neither_faster_nor_slower(
    each_ms: float, expected: list[int]
) -> None:
    film = opened(b"".join(animated(stills_of(us_cine(frames=6)), [each_ms] * 6)))

    told = []
    for index in range(6):
        film.seek(index)
        told.append(film.info["duration"])

    assert told == expected


@pytest.mark.parametrize("cut", [0, 5, 12, 100, 800])
def test_a_still_that_is_cut_short_is_refused(cut: int) -> None:
    still = stills_of(us_cine(frames=1))[0]

    with pytest.raises(NotDecodable):
        list(animated([still, still[:cut]], [40.0, 40.0]))


def test_stills_of_different_sizes_are_refused() -> None:
    small, large = stills_of(us_cine(frames=1)), stills_of(us_cine(frames=1, rows=50))

    with pytest.raises(NotDecodable, match="of one size"):
        list(animated(small + large, [40.0, 40.0]))
