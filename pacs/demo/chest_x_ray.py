"""Computes a chest X-ray of an invented chest by adding up what a ray passes through.

Image left is the patient's right, as in a picture taken from behind and read from the front.
"""

from __future__ import annotations

import numpy as np

from pacs.demo.shapes import Ellipse, Grid, Plane, add_depth, coverage, depth, grain, grid

TISSUE, BONE = 0.020, 0.048
"""Attenuation per millimetre, at about 100 kV."""

_LUNG_LOSS = 0.015
"""What a millimetre of lung attenuates less than a millimetre of tissue."""


def chest_x_ray(
    rows: int, columns: int, *, spacing_mm: float, random: np.random.Generator
) -> Plane:
    """0 where nothing is in the way, 1 at the densest place. Shape (rows, columns)."""
    where = grid(rows, columns, spacing_mm=spacing_mm)
    # The heart takes the place of lung; where there is no lung it changes nothing.
    air = np.clip(_lungs(where) - _heart(where), 0, None)
    total = TISSUE * _tissue(where) - _LUNG_LOSS * air + BONE * _bones(where)
    total += TISSUE * _vessels(where, random) * np.clip(air / 40, 0, 1)
    total += 0.02 * grain(where.shape, random, size=2) + 0.03 * grain(where.shape, random, size=9)
    return np.asarray(np.clip(total / 4.9, 0, 1), np.float32)


def _tissue(where: Grid) -> Plane:
    """Chest with shoulders, neck and the soft parts below the diaphragm."""
    chest = depth(where, Ellipse(0, 30, 178, 320), thickness_mm=190)
    neck = depth(where, Ellipse(0, -190, 58, 100), thickness_mm=110)
    shoulders = sum(
        depth(where, Ellipse(side * 150, -95, 95, 70), thickness_mm=110) for side in (-1, 1)
    )
    return np.asarray(np.maximum(np.maximum(chest, neck), shoulders), np.float32)


def _lungs(where: Grid) -> Plane:
    """Air, cut off below by the two domes of the diaphragm (the right one is higher)."""
    total = where.filled(0)
    for side, dome_mm in ((-1, 92.0), (1, 104.0)):
        lung = depth(where, Ellipse(side * 68, 20, 62, 152), thickness_mm=165)
        dome = dome_mm + ((where.x - side * 60) / 62) ** 2 * 34
        total += lung * np.clip((dome - where.y) / 3, 0, 1)
    return np.asarray(total, np.float32)


def _heart(where: Grid) -> Plane:
    """The heart with its point to the patient's left, the great vessels and the arch above it."""
    total = depth(where, Ellipse(26, 58, 66, 54, angle=0.55), thickness_mm=170)
    total = np.maximum(total, depth(where, Ellipse(0, -10, 34, 120), thickness_mm=170))
    return np.maximum(total, depth(where, Ellipse(28, -52, 19, 21), thickness_mm=120))


def _vessels(where: Grid, random: np.random.Generator) -> Plane:
    """The roots of the lungs and what runs out from them, in millimetres of blood."""
    total = where.filled(0)
    for side in (-1, 1):
        add_depth(total, where, Ellipse(side * 44, 2, 13, 24), thickness_mm=30)
        for _ in range(46):
            _add_vessel(total, where, side, random)
    return total


def _add_vessel(total: Plane, where: Grid, side: int, random: np.random.Generator) -> None:
    angle, length = random.uniform(-1.35, 1.35), random.uniform(18, 50)
    x = side * (40 + np.cos(angle) * length)
    y = 2 + np.sin(angle) * length * 1.5
    width = random.uniform(1.0, 2.4)
    turn = float(np.arctan2(np.sin(angle) * 1.5, side * np.cos(angle)))
    add_depth(total, where, Ellipse(x, y, length, width, turn), thickness_mm=4 * width)


def _bones(where: Grid) -> Plane:
    """Spine, collar bones, shoulder blades, and ten pairs of ribs."""
    spine = coverage(where, Ellipse(0, 60, 17, 400), edge_mm=4) * 9
    bodies = (np.abs((where.y + 400) % 27 - 13.5) < 10.5) * 1.0
    total = spine * (0.55 + 0.45 * bodies)
    for side in (-1, 1):
        collar = Ellipse(side * 78, -122, 74, 5.5, angle=-side * 0.2)
        total += _tube(where, collar, thickness_mm=9)
        blade = Ellipse(side * 150, -50, 26, 78, angle=side * 0.22)
        total += coverage(where, blade, edge_mm=10) * 2.5
        for number in range(10):
            _add_rib(total, where, side, number)
    return np.asarray(total, np.float32)


def _tube(where: Grid, shape: Ellipse, *, thickness_mm: float) -> Plane:
    """A hollow bone: dense at its edges, where the ray runs along the wall."""
    inner = Ellipse(shape.x, shape.y, shape.half_width - 1.5, shape.half_height * 0.62, shape.angle)
    outside = depth(where, shape, thickness_mm=thickness_mm)
    return outside - 0.8 * depth(where, inner, thickness_mm=thickness_mm * 0.62)


def _add_rib(total: Plane, where: Grid, side: int, number: int) -> None:
    """From the spine out and down to the wall, then back towards the breastbone, fainter."""
    reach = 92 + 42 * np.sin((number + 1.2) / 11 * np.pi)
    top = -128 + number * 25
    first, last = np.searchsorted(where.y[:, 0], [top - 16, top + 96])
    x, y = side * where.x[first:last], where.y[first:last]
    across = np.clip(x / reach, 0, 1)
    back = top - 10 * np.sin(across * np.pi) + 26 * across**2
    front = top + 26 + 62 * (1 - across) ** 0.8
    from_middle = np.clip((x - 45) / 30, 0, 1)
    bone = _band(y - back, 5.2) + _band(y - front, 5.8) * 0.6 * from_middle
    total[first:last] += bone * ((x > 12) & (x < reach))


def _band(distance_mm: Plane, half_width_mm: float) -> Plane:
    """The hollow profile of a rib, in millimetres of bone."""
    outside = np.sqrt(np.clip(1 - (distance_mm / half_width_mm) ** 2, 0, None))
    inside = np.sqrt(np.clip(1 - (distance_mm / (half_width_mm * 0.66)) ** 2, 0, None))
    return np.asarray(7 * outside - 4 * inside, np.float32)
