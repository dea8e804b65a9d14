"""Computes an axial CT of an invented chest: lungs with vessels, heart, spine, ribs, a nodule.

Only the proportions are borrowed from anatomy. Image left is the patient's right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pacs.demo.shapes import Ellipse, Grid, Plane, coverage, grain, grid, stamp

SIZE = 512
SPACING_MM = 0.7
SLICES = 26
SLICE_DISTANCE_MM = 8.0

AIR, LUNG, FAT, MUSCLE, BLOOD, LIVER, MARROW, CORTEX = -1000, -860, -100, 50, 42, 60, 180, 700
_NOISE_HU = 14.0
_EDGE_MM = 1.2

NODULE = Ellipse(x=-78, y=-8, half_width=8, half_height=7)
NODULE_FROM_TOP = 0.3
"""A solid nodule of about 15 mm in the patient's right lung."""


@dataclass(frozen=True)
class _Vessel:
    """Leaves the root of the lung and thins out; `rise` is its way per fraction of height."""

    x: float
    y: float
    from_top: float
    run_x: float
    run_y: float
    rise: float
    width_mm: float


def chest_slices(random: np.random.Generator) -> Iterator[Plane]:
    """SLICES planes of SIZE x SIZE pixels in HU, from the top of the lungs downwards."""
    where = grid(SIZE, SIZE, spacing_mm=SPACING_MM)
    vessels = [_vessel(random, side) for side in (-1, 1) for _ in range(70)]
    for index in range(SLICES):
        picture = _slice(where, index / (SLICES - 1), vessels)
        picture += _NOISE_HU * grain(where.shape, random, size=2)
        yield picture


def _slice(where: Grid, from_top: float, vessels: list[_Vessel]) -> Plane:
    """One slice without noise; `from_top` is 0 at the top of the lungs and 1 below the dome."""
    picture = where.filled(AIR)
    _paint_table(where, picture)
    width, height = _body(from_top)
    stamp(picture, where, Ellipse(0, 0, width, height), FAT, edge_mm=_EDGE_MM)
    wall = Ellipse(0, 2, width - 14, height - 13)
    stamp(picture, where, wall, MUSCLE, edge_mm=_EDGE_MM)
    lungs = _paint_lungs(where, picture, from_top)
    _paint_vessels(where, picture, lungs, vessels, from_top)
    _paint_middle(where, picture, from_top)
    _paint_liver(where, picture, lungs, from_top)
    _paint_spine(where, picture, from_top)
    _paint_ribs(where, picture, wall, from_top)
    return picture


def _body(from_top: float) -> tuple[float, float]:
    """Half axes in mm: shoulders are wide and flat, the chest is rounder."""
    return 158 - 14 * np.sin(np.pi * from_top), 92 + 14 * np.sin(np.pi * from_top * 0.6)


def _paint_table(where: Grid, picture: Plane) -> None:
    top, inside = Ellipse(0, 20, 210, 125), Ellipse(0, 20, 206, 121)
    shell = coverage(where, top) - coverage(where, inside)
    shell[where.y <= 100] = 0
    picture += shell * (-300 - picture)


def _paint_lungs(where: Grid, picture: Plane, from_top: float) -> Plane:
    """Both lungs; returns where they are."""
    size = np.sin(np.pi * (0.16 + 0.62 * from_top)) ** 0.6
    both = where.filled(0)
    for side in (-1, 1):
        lung = Ellipse(side * (72 - 6 * size), 8, 52 * size, 74 * size, angle=side * 0.16)
        both = np.maximum(both, coverage(where, lung, edge_mm=_EDGE_MM))
    # Blood settles: the lung is denser towards the back, on which the patient lies.
    picture += both * (LUNG + 0.5 * where.y - picture)
    return both


def _vessel(random: np.random.Generator, side: int) -> _Vessel:
    angle = random.uniform(-1.35, 1.35)
    return _Vessel(
        x=side * 32,
        y=6 + random.uniform(-10, 10),
        from_top=random.uniform(0.35, 0.6),
        run_x=side * np.cos(angle) * random.uniform(120, 330),
        run_y=np.sin(angle) * random.uniform(120, 330),
        rise=float(random.choice([-1, 1])),
        width_mm=random.uniform(2.0, 4.5),
    )


def _paint_vessels(
    where: Grid, picture: Plane, lungs: Plane, vessels: list[_Vessel], from_top: float
) -> None:
    """Each vessel crosses the slice as a small disc, drawn out where it runs flat."""
    for vessel in vessels:
        way = (from_top - vessel.from_top) * vessel.rise
        width = vessel.width_mm * (1 - way / 0.68)
        if way < 0 or width < 0.6:
            continue
        x, y = vessel.x + way * vessel.run_x, vessel.y + way * vessel.run_y
        angle = np.arctan2(vessel.run_y, vessel.run_x)
        shape = Ellipse(x, y, width * 1.7, width * 0.8, angle)
        stamp(picture, where, shape, BLOOD, within=lungs)
    size = 1 - ((from_top - NODULE_FROM_TOP) / 0.05) ** 2
    if size > 0:
        shape = Ellipse(NODULE.x, NODULE.y, NODULE.half_width * size, NODULE.half_height * size)
        stamp(picture, where, shape, MUSCLE, within=lungs)


def _paint_middle(where: Grid, picture: Plane, from_top: float) -> None:
    """What lies between the lungs: fat, great vessels, windpipe, and the heart further down."""
    stamp(picture, where, Ellipse(0, -4, 30, 56), FAT, edge_mm=_EDGE_MM)
    heart = np.clip((from_top - 0.42) / 0.3, 0, 1) ** 0.5
    if heart > 0:
        shape = Ellipse(22 * heart, -22, 12 + 46 * heart, 10 + 36 * heart, angle=-0.35)
        stamp(picture, where, shape, FAT, edge_mm=2)
        inner = Ellipse(shape.x, shape.y, shape.half_width - 3, shape.half_height - 3, shape.angle)
        stamp(picture, where, inner, BLOOD, edge_mm=2)
    else:
        for x, y, size in ((-14, -20, 9), (10, -26, 11), (20, -8, 8)):
            stamp(picture, where, Ellipse(x, y, size, size), BLOOD)
    stamp(picture, where, Ellipse(20, 44, 12, 12), BLOOD, edge_mm=_EDGE_MM)
    if from_top < 0.45:
        stamp(picture, where, Ellipse(0, 16, 10, 9), MUSCLE)
        stamp(picture, where, Ellipse(0, 16, 8.5, 7.5), AIR)
    else:
        # Below its fork there are two main airways, each on its way into a lung.
        apart = 14 + 60 * (from_top - 0.45)
        for side in (-1, 1):
            if apart < 32:
                stamp(picture, where, Ellipse(side * apart, 16, 6, 5), AIR)


def _paint_liver(where: Grid, picture: Plane, lungs: Plane, from_top: float) -> None:
    """The dome of the diaphragm rises into the right lung from below."""
    size = np.clip((from_top - 0.72) / 0.28, 0, 1) ** 0.5
    if size > 0:
        shape = Ellipse(-64, 8, 66 * size, 78 * size, angle=-0.16)
        stamp(picture, where, shape, LIVER, edge_mm=3, within=lungs)


def _paint_spine(where: Grid, picture: Plane, from_top: float) -> None:
    """A vertebral body, its canal and spinous process; discs in between hold no marrow."""
    is_disc = (from_top * 8) % 1 < 0.22
    body = Ellipse(0, 58, 19, 15)
    stamp(picture, where, body, 110 if is_disc else CORTEX, edge_mm=_EDGE_MM)
    inner = Ellipse(0, 58, 16.5, 12.5)
    stamp(picture, where, inner, 100 if is_disc else MARROW, edge_mm=2)
    stamp(picture, where, Ellipse(0, 80, 15, 11), CORTEX - 200, edge_mm=_EDGE_MM)
    stamp(picture, where, Ellipse(0, 79, 9.5, 8), 25)
    stamp(picture, where, Ellipse(0, 92, 3.5, 9), CORTEX - 250)
    for side in (-1, 1):
        process = Ellipse(side * 24, 78, 12, 4, angle=-side * 0.35)
        stamp(picture, where, process, CORTEX - 250)


def _paint_ribs(where: Grid, picture: Plane, wall: Ellipse, from_top: float) -> None:
    """Ribs run round the wall and downwards, so every slice cuts several, each further along."""
    for side in (-1, 1):
        for number in range(6):
            angle = -1.05 + (number * 0.42 + from_top * 2.1) % 2.5
            x = side * np.cos(angle) * (wall.half_width - 5)
            y = wall.y + np.sin(angle) * (wall.half_height - 5)
            along = np.arctan2(wall.half_height * np.cos(angle), -wall.half_width * np.sin(angle))
            turn = float(along) if side > 0 else -float(along)
            for size, value in ((1.0, CORTEX), (0.62, MARROW)):
                shape = Ellipse(x, y, 13 * size, 4.6 * size, turn)
                stamp(picture, where, shape, value)
    if 0.1 < from_top < 0.75:
        for size, value in ((1.0, CORTEX - 150), (0.7, MARROW)):
            sternum = Ellipse(0, 2 - wall.half_height + 6, 17 * size, 5.5 * size)
            stamp(picture, where, sternum, value)
