"""The solids that the template horse is modelled from, as signed distances. Only ``body.build`` needs them.

All are written for the left side (+X) or the midline; a solid with ``both`` set has a mirror image on the right.
Distances are to first order: exact enough near the surface, where they are melted together and cut.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Solid(ABC):
    """What all solids share.

    Attributes:
        region: the part of the body that its skin moves with; see ``body.weights``.
        blend: distance over which it melts into what was there before, metres.
        material: a name of ``body.MATERIALS``.
        carve: whether it is cut out instead of added.
        both: whether there is a mirror image on the right side.
        cut: a point and a normal: what lies beyond that plane, along the normal, is cut off.
    """

    region: str = ""
    blend: float = 0.03
    material: str = "coat"
    carve: bool = False
    both: bool = False
    cut: tuple[Point, Point] | None = None

    def distance(self, xyz: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        """Return the signed distance of points, metres, negative inside."""
        value = self._distance(xyz)
        if self.cut is not None:
            point, normal = np.array(self.cut[0]), np.array(self.cut[1])
            value = np.maximum(value, (xyz - point) @ (normal / np.linalg.norm(normal)))
        return value

    @abstractmethod
    def _distance(self, xyz: np.ndarray) -> np.ndarray:
        """Return the distance before the cut."""

    @abstractmethod
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the low and the high corner of a box around the solid."""


@dataclass(frozen=True)
class Cone(Solid):
    """A round cone from ``a`` to ``b`` with radii ``ra`` and ``rb``, squeezed sideways by ``flat`` (1 is round)."""

    a: Point = (0, 0, 0)
    b: Point = (0, 0, 0)
    ra: float = 0.0
    rb: float = 0.0
    flat: float = 1.0

    def _distance(self, xyz: np.ndarray) -> np.ndarray:
        squeeze = np.array([1 / self.flat, 1.0, 1.0])
        centre = np.array([(self.a[0] + self.b[0]) / 2, 0.0, 0.0])
        p = (xyz - centre) * squeeze
        a, b = (np.array(self.a) - centre) * squeeze, (np.array(self.b) - centre) * squeeze
        axis = b - a
        h = np.clip((p - a) @ axis / max(float(axis @ axis), 1e-12), 0, 1)
        radius = self.ra + (self.rb - self.ra) * h
        return (np.linalg.norm(p - a - h[..., None] * axis, axis=-1) - radius) * min(1.0, self.flat)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        reach = max(self.ra, self.rb) * max(1.0, self.flat)
        return np.minimum(self.a, self.b) - reach, np.maximum(self.a, self.b) + reach


@dataclass(frozen=True)
class Blob(Solid):
    """An ellipsoid: ``radii`` along ``axis``, across it in the plane with X, and along X (nearly)."""

    centre: Point = (0, 0, 0)
    radii: tuple[float, float, float] = (1, 1, 1)
    axis: Point = (0, 0, 1)

    @cached_property
    def frame(self) -> np.ndarray:
        """[3, 3] unit vectors, in rows, in the order of ``radii``."""
        a = np.array(self.axis, float)
        a /= np.linalg.norm(a)
        side = np.array([1.0, 0, 0]) - a[0] * a
        side /= np.linalg.norm(side)
        return np.stack([a, np.cross(side, a), side])

    def _distance(self, xyz: np.ndarray) -> np.ndarray:
        q = (xyz - np.array(self.centre)) @ self.frame.T / np.array(self.radii)
        r = np.linalg.norm(q, axis=-1)
        slope = np.linalg.norm(q / np.array(self.radii), axis=-1) / np.maximum(r, 1e-6)
        return (r - 1) / np.maximum(slope, 1 / max(self.radii))

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        reach = np.abs(self.frame.T) @ np.array(self.radii)
        return np.array(self.centre) - reach, np.array(self.centre) + reach


@dataclass(frozen=True)
class Loft(Solid):
    """A body swept along a straight axis in the median plane's directions, with a super-ellipse at each station.

    Attributes:
        origin, axis, up: the frame; ``axis`` and ``up`` are unit vectors without an X component.
        stations: rows of (position along the axis, upper edge, lower edge, half width, centre x, offset at which it
            is widest as a share of the way from the lower edge to the upper one, exponent above, exponent below).
            Between the rows everything runs smoothly and monotonically.
    """

    origin: Point = (0, 0, 0)
    axis: Point = (0, 0, 1)
    up: Point = (0, -1, 0)
    stations: tuple[tuple[float, ...], ...] = field(default=())

    @cached_property
    def _curves(self):
        from scipy.interpolate import PchipInterpolator

        rows = np.array(sorted(self.stations))
        return PchipInterpolator(rows[:, 0], rows[:, 1:]), rows[0, 0], rows[-1, 0]

    def _distance(self, xyz: np.ndarray) -> np.ndarray:
        curves, first, last = self._curves
        q = xyz - np.array(self.origin)
        s, v = q @ np.array(self.axis), q @ np.array(self.up)
        # sampled finely once: a million evaluations of splines would take most of the build
        fine = np.linspace(first, last, 600)
        table = curves(fine)
        at = np.clip((s - first) / (last - first), 0, 1) * 599
        low = np.minimum(at.astype(int), 598)
        part = (at - low)[..., None]
        row = table[low] * (1 - part) + table[low + 1] * part
        top, bottom, wide, x0, share, n_top, n_bottom = np.moveaxis(row, -1, 0)
        middle = bottom + share * (top - bottom)
        dv = v - middle
        above = dv > 0
        high = np.maximum(np.where(above, top - middle, middle - bottom), 1e-4)
        n = np.where(above, n_top, n_bottom)
        x = np.abs(xyz[..., 0] - x0) / wide
        y = np.abs(dv) / high
        r = np.maximum((x**n + y**n) ** (1 / n), 1e-4)
        slope = r ** (1 - n) * np.hypot(x ** (n - 1) / wide, y ** (n - 1) / high)
        d = (r - 1) / np.maximum(slope, 0.5 / np.maximum(wide, high))
        over = np.maximum(np.maximum(first - s, s - last), 0)
        return np.where(over > 0, np.hypot(np.maximum(d, 0), over), d)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        rows = np.array(self.stations)
        corners = []
        for row in rows:
            for edge in row[1:3]:
                base = np.array(self.origin) + row[0] * np.array(self.axis) + edge * np.array(self.up)
                corners += [base + [row[4] - row[3], 0, 0], base + [row[4] + row[3], 0, 0]]
        return np.min(corners, 0) - 0.01, np.max(corners, 0) + 0.01


def mirrored_points(xyz: np.ndarray) -> np.ndarray:
    """Return points mirrored to the other side of the horse."""
    return xyz * np.array([-1.0, 1.0, 1.0])


def melt(old: np.ndarray, new: np.ndarray, blend: float) -> np.ndarray:
    """Return the polynomial smooth minimum of two distances."""
    mix = np.maximum(blend - np.abs(old - new), 0.0) / blend
    return np.minimum(old, new) - mix**2 * blend / 4


def joined(old: np.ndarray, new: np.ndarray, solid: Solid) -> np.ndarray:
    """Return the distance after a solid was melted into, or carved out of, what was there."""
    return -melt(-old, new, solid.blend) if solid.carve else melt(old, new, solid.blend)


def chain(points: list[tuple[Point, float]], pattern: Cone) -> list[Cone]:
    """Return cones through points with radii, each otherwise like ``pattern``."""
    return [replace(pattern, a=a, b=b, ra=ra, rb=rb) for (a, ra), (b, rb) in itertools.pairwise(points)]
