"""Computes a colour ultrasound loop of an invented heart: a beating chamber with coloured flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pacs.demo.shapes import Ellipse, Grid, Plane, coverage, grain, grid, radius

ROWS, COLUMNS = 384, 512
FRAMES = 16
FRAME_TIME_MS = 50
SPACING_MM = 0.42

_TOP_MM = -74.0
_DEPTH_MM = 146.0
_HALF_ANGLE = 0.68

SECTOR = (12, 8, 452, 362)
"""First column, first row, last column, last row of the region with tissue."""


@dataclass(frozen=True)
class _Still:
    """What does not move: where pixels are in the fan, and the grain of the tissue."""

    where: Grid
    angle: Plane
    distance_mm: Plane
    grain: Plane


def beating_heart(random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """FRAMES pictures of shape (ROWS, COLUMNS, 3), one whole beat."""
    still = _still(random)
    for index in range(FRAMES):
        phase = 2 * np.pi * index / FRAMES
        squeeze = 1 - 0.13 * (1 - np.cos(phase))
        gray = _tissue(still, squeeze, random)
        picture = np.repeat(gray[:, :, None], 3, axis=2)
        _lay_flow(picture, still, phase, squeeze)
        _draw_margin(picture, index)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def _still(random: np.random.Generator) -> _Still:
    where = grid(ROWS, COLUMNS, spacing_mm=SPACING_MM)
    centred = Grid(where.x + 10, where.y, SPACING_MM)
    height = centred.y - _TOP_MM
    angle, distance = np.arctan2(centred.x, height), np.hypot(centred.x, height)
    speckle = np.hypot(grain((512, 512), random, size=3), grain((512, 512), random, size=3))
    # Grains follow the beams: they are narrow near the probe and wide far from it.
    beam = ((angle + _HALF_ANGLE) / (2 * _HALF_ANGLE) * 400).astype(int) % 512
    along = (distance / _DEPTH_MM * 500).astype(int) % 512
    return _Still(centred, angle, distance, speckle[along, beam])


def _chamber(squeeze: float) -> Ellipse:
    return Ellipse(6, 8, 24 * squeeze, 42 * (0.6 + 0.4 * squeeze), angle=0.12)


def _tissue(still: _Still, squeeze: float, random: np.random.Generator) -> Plane:
    where, chamber = still.where, _chamber(squeeze)
    echo = where.filled(46)
    wall = Ellipse(chamber.x, chamber.y, chamber.half_width + 13, chamber.half_height + 12, 0.12)
    echo += coverage(where, wall, edge_mm=3) * 62
    rim = np.exp(-(((radius(where, wall) - 1) / 0.05) ** 2))
    echo += rim * 70
    echo -= coverage(where, chamber, edge_mm=3) * 100
    atrium = Ellipse(14, 62, 21 * (2 - squeeze), 15, 0.05)
    echo -= coverage(where, atrium, edge_mm=3) * 90
    right = Ellipse(-31, 4, 11 * squeeze, 30, angle=0.3)
    echo -= coverage(where, right, edge_mm=3) * 80
    _add_valve(echo, where, squeeze)
    lit = np.clip(echo, 4, None) * still.grain * (1.15 - 0.5 * still.distance_mm / _DEPTH_MM)
    lit += 5 * grain(where.shape, random, size=2)
    return np.asarray(np.where(_is_in_fan(still), np.clip(lit, 0, 235), 0), np.float32)


def _add_valve(echo: Plane, where: Grid, squeeze: float) -> None:
    """Two leaflets between the chambers, open while the chamber is wide."""
    opening = (squeeze - 0.74) / 0.26
    for side in (-1, 1):
        leaflet = Ellipse(10 + side * 10, 46 - 5 * opening, 10, 1.6, angle=side * 1.1 * opening)
        echo += coverage(where, leaflet, edge_mm=1.5) * 190


def _is_in_fan(still: _Still) -> NDArray[np.bool_]:
    inside = (np.abs(still.angle) < _HALF_ANGLE) & (still.distance_mm < _DEPTH_MM)
    return np.asarray(inside & (still.distance_mm > 9))


def _lay_flow(picture: Plane, still: _Still, phase: float, squeeze: float) -> None:
    """Flow towards the probe is red, away from it blue; it turns with the beat."""
    speed = np.sin(phase + 0.6)
    stream = Ellipse(9, 30, 9 + 3 * abs(speed), 30, angle=0.1)
    strength = np.clip(1.1 - radius(still.where, stream), 0, 1) * abs(speed)
    is_blood = coverage(still.where, _chamber(squeeze)) > 0.4
    strength = np.where(is_blood & (strength > 0.18), strength, 0) * np.clip(still.grain, 0.5, 1.4)
    colour = (np.array([255, 90, 10]) if speed > 0 else np.array([20, 110, 255])) * 1.0
    picture += np.clip(strength * 1.5, 0, 1)[:, :, None] * (colour - picture)


def _draw_margin(picture: Plane, index: int) -> None:
    """Depth marks every centimetre, bars of gray and colour, and a trace that shows the beat."""
    centimetre = 10 / SPACING_MM
    first_row = ROWS / 2 + (_TOP_MM / SPACING_MM)
    for number in range(int(_DEPTH_MM / 10) + 1):
        row = int(first_row + number * centimetre)
        if 0 <= row < ROWS:
            picture[row, 466 : 474 + 5 * (number % 5 == 0)] = 200
    steps = np.linspace(255, 0, 90)
    picture[20:110, 492:502] = steps[:, None, None]
    velocity = np.linspace(1, -1, 90)[:, None]
    bars = np.clip(velocity, 0, None) * [255, 90, 10] + np.clip(-velocity, 0, None) * [20, 110, 255]
    picture[126:216, 492:502] = bars[:, None, :]
    _draw_trace(picture, index)


def _draw_trace(picture: Plane, index: int) -> None:
    """An electrocardiogram along the bottom, with a mark at the moment shown."""
    columns = np.arange(12, 452)
    beat = ((columns - 12) % 220) / 220
    spike = np.exp(-(((beat - 0.2) / 0.012) ** 2)) - 0.3 * np.exp(-(((beat - 0.24) / 0.014) ** 2))
    wave = 0.15 * np.exp(-(((beat - 0.1) / 0.03) ** 2)) + 0.3 * np.exp(
        -(((beat - 0.5) / 0.05) ** 2)
    )
    level = ROWS - 14 - (spike * 26 + wave * 24)
    previous = np.concatenate([level[:1], level[:-1]])
    for column, start, stop in zip(columns, level, previous, strict=True):
        low, high = sorted((int(start), int(stop)))
        picture[low : high + 1, column] = (60, 220, 90)
    mark = 12 + int(220 * index / FRAMES)
    picture[ROWS - 44 : ROWS - 6, mark : mark + 2] = (200, 200, 60)
