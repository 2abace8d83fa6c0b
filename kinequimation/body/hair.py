"""Hair as locks: closed, flattened, tapered tubes that grow along guide curves of the template.

A lock follows its guide from the root, which lies inside the skin; how far depends on the shape. A lock that a shape
lacks has length and width 0: each of its rings is one point, so none of its triangles has an area in any pose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import cross

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.body.shape import Shape

KINDS: tuple[str, ...] = ("mane left", "mane right", "forelock", "tail", "feather")
"""Kinds of locks, in the order in which they are stored."""
KIND_MATERIAL: tuple[str, ...] = ("mane", "mane", "mane", "tail", "feather")
LONGEST: dict[str, float] = {"mane": 2.0, "forelock": 1.8, "feather": 1.3}
"""The parameter at which a guide is used to its end."""
N_CONTROL = 9
_RINGS, _SIDES = (6, 6, 6, 6, 4), (3, 3, 3, 3, 3)


@dataclass(frozen=True)
class Guides:
    """Where hair grows on the template.

    Attributes:
        control: [L, 9, 3] points of the guide curves from root to tip, at even steps, metres.
        upright: [M, 9, 3] guides of the mane (its left and right locks come first) when it is clipped to a brush.
        outward: [L, 9, 3] unit directions away from the skin.
        kind: [L] index into ``KINDS``, ascending.
        half_width: [L] metres.
        thickness: [L] half, metres.
        random: [L] a number in (0, 1) for each lock.
    """

    control: Float[np.ndarray, "l 9 3"]
    upright: Float[np.ndarray, "m 9 3"]
    outward: Float[np.ndarray, "l 9 3"]
    kind: Int[np.ndarray, " l"]
    half_width: Float[np.ndarray, " l"]
    thickness: Float[np.ndarray, " l"]
    random: Float[np.ndarray, " l"]


@dataclass(frozen=True)
class Growth:
    """How each lock grows: share of its guide, factor on its width, share of the brush, bluntness of its end; [L]."""

    length: Float[np.ndarray, " l"]
    width: Float[np.ndarray, " l"]
    upright: Float[np.ndarray, " l"]
    blunt: Float[np.ndarray, " l"]


def full_growth(guides: Guides) -> Growth:
    """Return the growth of the template: every lock at a middling length, the mane on both sides."""
    n = len(guides.kind)
    length = np.array([0.55, 0.55, 0.6, 0.9, 0.8])[guides.kind]
    return Growth(length, np.ones(n), np.zeros(n), np.zeros(n))


def growth(guides: Guides, shape: Shape) -> Growth:
    """Return how the locks of a shape grow."""
    kind, random = guides.kind, guides.random
    roached, uneven = shape.mane_roached, 0.72 + 0.28 * random
    left, right = np.clip(1 + shape.mane_side, 0, 1), np.clip(1 - shape.mane_side, 0, 1)
    left, right = max(left, roached), max(right, roached)
    mane = shape.mane_length / LONGEST["mane"] * (1 - roached) + roached
    feather = shape.feather / LONGEST["feather"]
    tail = (1 - shape.tail_bang) * uneven + 0.9 * shape.tail_bang
    upright = np.array([roached, roached, 0, 0, 0])[kind]
    length = np.array([left * mane, right * mane, shape.forelock / LONGEST["forelock"], 1.0, feather])[kind]
    length = length * np.where(kind == 3, tail, uneven + (1 - uneven) * 0.8 * upright)
    present = np.array([left, right, min(2.5 * shape.forelock, 1.0), 1.0, min(3 * shape.feather, 1.0)])[kind]
    thick = (0.8 + 0.2 * abs(shape.mane_side)) * shape.mane_thickness
    width = np.array([thick, thick, thick, shape.tail_thickness, 0.7 + 0.3 * shape.feather])[kind]
    blunt = np.array([0.8 * roached, 0.8 * roached, 0, shape.tail_bang, 0])[kind]
    return Growth(length * (present > 0), width * present, upright, blunt)


def _along(points: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return points [L, R, 3] of polylines [L, K, 3] at shares [L, R] of their (evenly stepped) length."""
    at = np.clip(share, 0, 1) * (points.shape[1] - 1)
    low = np.minimum(at.astype(int), points.shape[1] - 2)
    part = (at - low)[..., None]
    rows = np.arange(len(points))[:, None]
    return points[rows, low] * (1 - part) + points[rows, low + 1] * part


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _steps(kind: int) -> np.ndarray:
    """Return the positions of a lock's rings from root to tip; the last one is the tip."""
    return np.append(np.linspace(0, 0.92, _RINGS[kind]), 1.0)


def grow(
    guides: Guides, control: Float[np.ndarray, "l 9 3"], upright: Float[np.ndarray, "m 9 3"], how: Growth
) -> Float[np.ndarray, "h 3"]:
    """Return the vertices of all locks.

    Args:
        guides: the template's.
        control, upright: the guides' points, moved to a shape's body.
        how: the growth of each lock.
    """
    out = []
    for kind in range(len(KINDS)):
        rows = np.flatnonzero(guides.kind == kind)
        steps = _steps(kind)
        share = how.length[rows, None] * steps
        centre = _along(control[rows], share)
        outward = _along(guides.outward[rows], share)
        if kind < 2:
            brush = how.upright[rows, None, None]
            centre = centre * (1 - brush) + brush * _along(upright[rows], share)
            sideways = np.array([1.0 if kind == 0 else -1.0, 0, 0])
            outward = outward * (1 - brush) + brush * sideways
        tangent = _unit(np.gradient(centre, axis=1))
        across = _unit(cross(tangent, outward))
        outward = cross(across, tangent)
        taper = np.interp(steps, [0, 0.2, 0.5, 0.8, 0.92], [0.8, 1.0, 1.0, 0.85, 0.50])
        blunt = np.interp(steps, [0, 0.2, 0.92], [0.8, 1.0, 1.0])
        profile = taper + how.blunt[rows, None] * (blunt - taper)
        scale = (how.width[rows, None] * profile)[:, :-1, None]
        angle = np.arange(_SIDES[kind]) * 2 * np.pi / _SIDES[kind]
        wide = (guides.half_width[rows, None, None] * scale * across[:, :-1])[:, :, None] * np.cos(angle)[:, None]
        high = (guides.thickness[rows, None, None] * scale * outward[:, :-1])[:, :, None] * np.sin(angle)[:, None]
        rings = centre[:, :-1, None] + wide + high
        locks = np.concatenate([centre[:, :1], rings.reshape(len(rows), -1, 3), centre[:, -1:]], axis=1)
        out.append(locks.reshape(-1, 3))
    return np.concatenate(out)


@lru_cache(maxsize=4)
def _lock_faces(kind: int) -> np.ndarray:
    rings, sides = _RINGS[kind], _SIDES[kind]
    tip = 1 + rings * sides
    faces = []
    for k in range(sides):
        n = (k + 1) % sides
        faces.append((0, 1 + k, 1 + n))
        for r in range(rings - 1):
            a, b = 1 + r * sides + k, 1 + r * sides + n
            faces += [(a, b + sides, b), (a, a + sides, b + sides)]
        faces.append((1 + (rings - 1) * sides + n, 1 + (rings - 1) * sides + k, tip))
    return np.array(faces)


def lock_topology(
    kind: Int[np.ndarray, " l"],
) -> tuple[Int[np.ndarray, "f 3"], Int[np.ndarray, " h"], Float[np.ndarray, " h"]]:
    """Return, for the vertices that ``grow`` makes: faces, the lock of each vertex, its position along the lock."""
    faces, lock, along = [], [], []
    start = 0
    for i, k in enumerate(kind):
        steps, sides = _steps(int(k)), _SIDES[k]
        n = 2 + (len(steps) - 1) * sides
        faces.append(start + _lock_faces(int(k)))
        lock.append(np.full(n, i))
        along.append(np.concatenate([steps[:1], np.repeat(steps[:-1], sides), steps[-1:]]))
        start += n
    return np.concatenate(faces), np.concatenate(lock), np.concatenate(along)
