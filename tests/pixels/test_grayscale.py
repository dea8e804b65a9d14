"""Grey values: the functions of PS3.3 C.11 and what happens when the header gives none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pacs.pixels.description import PixelDescription
from pacs.pixels.grayscale import apply_lookup_table, apply_window, display_values, stored_values
from pacs.pixels.interfaces import Window, WindowFunction
from pacs.pixels.presentation import LookupTable, Presentation

LINEAR, EXACT, SIGMOID = (
    WindowFunction.LINEAR,
    WindowFunction.LINEAR_EXACT,
    WindowFunction.SIGMOID,
)


def _described(**changes: object) -> PixelDescription:
    values: dict[str, object] = {
        "rows": 1,
        "columns": 5,
        "samples_per_pixel": 1,
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "pixel_representation": 0,
        "photometric_interpretation": "MONOCHROME2",
        "planar_configuration": 0,
        "number_of_frames": 1,
    }
    return PixelDescription(**{**values, **changes})  # type: ignore[arg-type] # by name


def _presented(**changes: object) -> Presentation:
    values: dict[str, object] = {
        "slope": 1.0,
        "intercept": 0.0,
        "modality_lut": None,
        "voi": None,
        "inverted": False,
        "padding": None,
        "pixel_height": 1.0,
    }
    return Presentation(**{**values, **changes})  # type: ignore[arg-type] # by name


def _shown(
    numbers: list[int],
    presentation: Presentation,
    window: Window | None = None,
    kind: str = "u2",
    **described: object,
) -> list[int]:
    samples = np.array([numbers], kind)
    shown = display_values(samples, _described(**described), presentation, window)
    return [int(value) for value in shown[0]]


# --- the window functions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "value", "expected"),
    [
        # PS3.3 C.11.2.1.2.1: c=2048, w=4096 maps 0 to ymin and 4095 to ymax
        (Window(2048, 4096), 0, 0),
        (Window(2048, 4096), 4095, 255),
        (Window(2048, 4096), -1, 0),
        (Window(2048, 4096), 4096, 255),
        # c=2048, w=1: below 2047.5 black, above white
        (Window(2048, 1), 2047, 0),
        (Window(2048, 1), 2048, 255),
        # c=0, w=100: -50 and less black, 49 and more white
        (Window(0, 100), -50, 0),
        (Window(0, 100), 49, 255),
        # PS3.3 C.11.2.1.3.2: c - w/2 black, c + w/2 white, c in the middle
        (Window(0, 100, EXACT), -50, 0),
        (Window(0, 100, EXACT), 0, 127.5),
        (Window(0, 100, EXACT), 50, 255),
        (Window(0, 0.5, EXACT), 0.125, 191.25),
        # PS3.3 C.11.2.1.3.1
        (Window(100, 40, SIGMOID), 100, 127.5),
        (Window(100, 40, SIGMOID), 110, 255 / (1 + np.exp(-1))),
        (Window(100, 40, SIGMOID), 1e9, 255),
        (Window(100, 40, SIGMOID), -1e9, 0),
    ],
)
def test_a_window_maps_as_the_standard_says(window: Window, value: float, expected: float) -> None:
    mapped = apply_window(np.array([value], np.float64), window)

    assert mapped[0] == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2),
    center=st.floats(-1e5, 1e5),
    width=st.floats(1, 1e5),
    function=st.sampled_from(WindowFunction),
)
def test_windows_never_turn_brightness_round(
    values: list[float], center: float, width: float, function: WindowFunction
) -> None:
    ascending: NDArray[np.float64] = np.sort(np.array(values))

    mapped = apply_window(ascending, Window(center, width, function))

    assert (np.diff(mapped) >= 0).all()
    assert mapped.min() >= 0
    assert mapped.max() <= 255


def test_a_table_holds_its_ends() -> None:
    table = LookupTable(-2, np.array([10, 20, 30], np.uint16), 255)

    mapped = apply_lookup_table(np.array([-5.0, -2.0, -1.0, 0.0, 9.0]), table)

    assert mapped.tolist() == [10, 10, 20, 30, 30]


# --- from stored values to grey ------------------------------------------------------------------


def test_rescale_comes_before_the_window() -> None:
    presentation = _presented(slope=2.0, intercept=-1000.0, voi=Window(0, 101))

    assert _shown([0, 475, 500, 525, 900], presentation) == [0, 1, 129, 255, 255]


def test_a_modality_table_replaces_the_rescale() -> None:
    table = LookupTable(1, np.array([0, 50, 100], np.uint16), 100)
    presentation = _presented(modality_lut=table, slope=9.0, voi=Window(50, 100, EXACT))

    assert _shown([0, 1, 2, 3, 4], presentation) == [0, 0, 128, 255, 255]


def test_a_voi_table_is_stretched_to_the_screen() -> None:
    table = LookupTable(0, np.array([0, 1023, 4095], np.uint16), 4095)

    assert _shown([0, 1, 2, 3, 3], _presented(voi=table)) == [0, 64, 255, 255, 255]


def test_the_asked_window_counts_more_than_the_headers() -> None:
    presentation = _presented(voi=Window(10_000, 2))

    assert _shown([0, 1, 2, 3, 4], presentation, Window(2, 4, EXACT)) == [0, 64, 128, 191, 255]


def test_inverted_means_low_is_white() -> None:
    presentation = _presented(voi=Window(2, 4, EXACT), inverted=True)

    assert _shown([0, 1, 2, 3, 4], presentation) == [255, 191, 128, 64, 0]


def test_signed_numbers_are_shown_in_order() -> None:
    shown = _shown(
        [-32768, -16384, 0, 16384, 32767], _presented(), kind="i2", pixel_representation=1
    )

    assert shown == [0, 64, 128, 191, 255]


def test_without_a_window_the_least_is_black_and_the_greatest_white() -> None:
    assert _shown([300, 310, 320, 330, 340], _presented()) == [0, 64, 128, 191, 255]


def test_padding_does_not_widen_the_automatic_window() -> None:
    presentation = _presented(padding=(60_000, 60_000))

    assert _shown([60_000, 0, 10, 20, 40], presentation) == [255, 0, 64, 128, 255]


def test_an_eight_bit_picture_is_shown_as_it_is() -> None:
    shown = _shown(
        [7, 50, 51, 52, 99], _presented(), kind="u1", bits_allocated=8, bits_stored=8, high_bit=7
    )

    assert shown == [7, 50, 51, 52, 99]


def test_a_mask_is_black_and_white_even_when_it_is_full() -> None:
    samples = np.ones((1, 5), np.uint8)
    described = _described(bits_allocated=1, bits_stored=1, high_bit=0)

    assert display_values(samples, described, _presented(), None).tolist() == [[255] * 5]


def test_a_uniform_picture_is_black() -> None:
    assert _shown([500] * 5, _presented()) == [0] * 5


def test_numbers_of_32_bits_are_shown() -> None:
    numbers = [0, 1 << 30, 1 << 31, 3 << 30, (1 << 32) - 1]

    shown = _shown(numbers, _presented(), kind="u4", bits_allocated=32, bits_stored=32, high_bit=31)

    assert shown == [0, 64, 128, 191, 255]


def test_floating_point_numbers_are_shown_and_what_is_no_number_is_black() -> None:
    samples = np.array([[np.nan, 0.0, 0.25, 0.5, 1.0]], np.float32)
    described = _described(bits_allocated=32, bits_stored=32, high_bit=31, is_float=True)

    shown = display_values(samples, described, _presented(), None)

    assert shown.tolist() == [[0, 0, 64, 128, 255]]


def test_overlay_bits_above_the_stored_ones_are_not_shown() -> None:
    samples = np.array([0xF123, 0x0123], np.uint16)

    stored = stored_values(samples, _described(bits_stored=12, high_bit=11))

    assert stored.tolist() == [0x123, 0x123]


def test_signs_are_taken_from_the_highest_stored_bit() -> None:
    samples = np.array([0x0FFF, 0x07FF], np.int16)

    stored = stored_values(samples, _described(bits_stored=12, high_bit=11, pixel_representation=1))

    assert stored.tolist() == [-1, 0x7FF]


def test_a_shifted_picture_is_shifted_back() -> None:
    samples = np.array([0x1230], np.uint16)

    stored = stored_values(samples, _described(bits_stored=12, high_bit=15))

    assert stored.tolist() == [0x123]
