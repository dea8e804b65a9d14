"""Draws soft-edged shapes and grainy textures: what the synthetic pictures are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""Values over a picture, shape (rows, columns)."""


@dataclass(frozen=True)
class Grid:
    """Where every pixel lies: `x` grows to the right, `y` downwards, in millimetres."""

    x: Plane
    y: Plane
    spacing_mm: float

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.x.shape
        return rows, columns

    def filled(self, value: float) -> Plane:
        return np.full(self.shape, value, np.float32)


@dataclass(frozen=True)
class Ellipse:
    """Centre and half axes in millimetres; `angle` in radians turns it clockwise."""

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float = 0.0


def grid(rows: int, columns: int, *, spacing_mm: float) -> Grid:
    """A grid whose origin is the centre of the picture."""
    x = (np.arange(columns) - (columns - 1) / 2) * spacing_mm
    y = (np.arange(rows) - (rows - 1) / 2) * spacing_mm
    columns_x, rows_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return Grid(columns_x, rows_y, spacing_mm)


def radius(where: Grid, shape: Ellipse) -> Plane:
    """0 at the centre of the ellipse, 1 on its edge."""
    x, y = where.x - shape.x, where.y - shape.y
    cosine, sine = np.cos(shape.angle), np.sin(shape.angle)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    return np.asarray(np.hypot(along / shape.half_width, across / shape.half_height), np.float32)


def coverage(where: Grid, shape: Ellipse, *, edge_mm: float | None = None) -> Plane:
    """How much of each pixel the ellipse covers, 0 to 1, with an edge of about a pixel."""
    edge = edge_mm if edge_mm is not None else where.spacing_mm
    distance_mm = (radius(where, shape) - 1) * min(shape.half_width, shape.half_height)
    return np.asarray(np.clip(0.5 - distance_mm / edge, 0, 1), np.float32)


def stamp(
    picture: Plane,
    where: Grid,
    shape: Ellipse,
    value: float,
    *,
    edge_mm: float | None = None,
    within: Plane | None = None,
) -> None:
    """Lay `value` over the picture where the ellipse is, and `within` is not 0; in place."""
    part = _neighbourhood(where, shape)
    near = Grid(where.x[part], where.y[part], where.spacing_mm)
    mask = coverage(near, shape, edge_mm=edge_mm)
    if within is not None:
        mask *= within[part]
    picture[part] += mask * (value - picture[part])


def _neighbourhood(where: Grid, shape: Ellipse) -> tuple[slice, slice]:
    """The part of the picture an ellipse can touch, however it is turned."""
    reach = max(shape.half_width, shape.half_height) + 4 * where.spacing_mm
    return _span(where.y[:, 0], shape.y, reach), _span(where.x[0], shape.x, reach)


def _span(positions: Plane, middle: float, reach: float) -> slice:
    first, last = np.searchsorted(positions, [middle - reach, middle + reach])
    return slice(int(first), int(last))


def depth(where: Grid, shape: Ellipse, *, thickness_mm: float) -> Plane:
    """How far a ray through each pixel runs inside an ellipsoid that is `thickness_mm` thick."""
    inside = np.clip(1 - radius(where, shape) ** 2, 0, None)
    return np.asarray(thickness_mm * np.sqrt(inside), np.float32)


def add_depth(total: Plane, where: Grid, shape: Ellipse, *, thickness_mm: float) -> None:
    """Add the depth of a small ellipsoid to `total`, in place."""
    part = _neighbourhood(where, shape)
    near = Grid(where.x[part], where.y[part], where.spacing_mm)
    total[part] += depth(near, shape, thickness_mm=thickness_mm)


def grain(shape: tuple[int, int], random: np.random.Generator, *, size: int) -> Plane:
    """Noise of mean 0 and deviation 1 whose grains are about `size` pixels wide."""
    noise = random.standard_normal(shape, np.float32)
    for axis in (0, 1):
        noise = np.sum([np.roll(noise, offset, axis) for offset in range(size)], axis=0)
    return np.asarray(noise / noise.std(), np.float32)
