"""Points on the posed skin, found by where they lie on the template: what tack and riders are fastened to.

A place on the trunk is given by its template y (the horse faces −y) and by the angle around the trunk's axis, from 0 at
the topline over +90° on the left flank to ±180° under the belly. Places elsewhere are where a ray meets the template.
Nothing depends on the numbering of vertices.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import load_template

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.synth.scene import HorseInScene

_AXIS_Z = 1.22
"""Height of the trunk's axis on the template: about the middle of the barrel."""
_GRID_Y = np.arange(-0.84, 0.881, 0.04)
_GRID_ANGLE = np.radians(np.arange(-180.0, 181.0, 10.0))


def _skin_faces() -> Int[np.ndarray, "f 3"]:
    template = load_template()
    return template.faces[template.is_skin[template.faces].all(1)]


def _ray_hits(
    origin: np.ndarray, direction: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "f 3"], *, farthest: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the faces' corners [n, 3] and weights [n, 3] where rays from one origin first (or last) meet triangles."""
    vertices = load_template().vertices
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    e1, e2, s = b - a, c - a, origin - a
    p = np.cross(direction[:, None], e2[None])  # Möller and Trumbore's intersection
    det = np.einsum("nfa,fa->nf", p, e1)
    det = np.where(np.abs(det) < 1e-12, np.inf, det)
    u = np.einsum("nfa,fa->nf", p, s) / det
    q = np.cross(s, e1)
    v = np.einsum("na,fa->nf", direction, q) / det
    distance = np.einsum("fa,fa->f", e2, q)[None] / det
    hit = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6) & (distance > 1e-4)
    far = np.where(hit, distance, -np.inf if farthest else np.inf)
    best = far.argmax(1) if farthest else far.argmin(1)
    n = np.arange(len(direction))
    weights = np.stack([1 - u[n, best] - v[n, best], u[n, best], v[n, best]], -1)
    return faces[best], weights


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the trunk grid's corners [y, angle, 3], their weights, and each node's skin weights [y · angle, 81]."""
    template, faces = load_template(), _skin_faces()
    y = template.vertices[faces, 1]
    direction = np.stack([np.sin(_GRID_ANGLE), 0 * _GRID_ANGLE, np.cos(_GRID_ANGLE)], -1)
    corners, weights = [], []
    for at in _GRID_Y:
        crossing = faces[(y.min(1) <= at) & (y.max(1) >= at)]
        corner, weight = _ray_hits(np.array([0.0, at, _AXIS_Z]), direction, crossing)
        corners.append(corner)
        weights.append(weight)
    corner, weight = np.stack(corners), np.stack(weights)
    skin = np.einsum("yak,yakj->yaj", weight, template.weights[corner])
    return corner, weight, skin.reshape(-1, skin.shape[-1])


def trunk_points(horse: HorseInScene, y: np.ndarray, angle_rad: np.ndarray) -> Float[np.ndarray, "*n 3"]:
    """Return points of the posed trunk in the world.

    Args:
        horse: the horse.
        y: template y of each point, metres; −0.84 (breast) to 0.88 (buttocks).
        angle_rad: angle around the trunk of each, 0 on the topline, positive on the left.
    """
    y, angle = np.broadcast_arrays(np.asarray(y, float), np.asarray(angle_rad, float))
    corner, weight, skin = _grid()
    i = np.clip((y.ravel() - _GRID_Y[0]) / (_GRID_Y[1] - _GRID_Y[0]), 0, len(_GRID_Y) - 1.001)
    j = np.clip((angle.ravel() - _GRID_ANGLE[0]) / (_GRID_ANGLE[1] - _GRID_ANGLE[0]), 0, len(_GRID_ANGLE) - 1.001)
    rows, columns = i.astype(int), j.astype(int)
    fi, fj = i - rows, j - columns
    share = np.stack([(1 - fi) * (1 - fj), (1 - fi) * fj, fi * (1 - fj), fi * fj], -1)
    node_row, node_column = rows[:, None] + [0, 0, 1, 1], columns[:, None] + [0, 1, 0, 1]
    bary = weight[node_row, node_column] * share[..., None]
    rest = np.einsum("nck,ncka->na", bary, horse.rest_vertices[corner[node_row, node_column]])
    mixed = np.einsum("nc,ncj->nj", share, skin[node_row * len(_GRID_ANGLE) + node_column])
    return _posed(horse, rest, mixed).reshape(*y.shape, 3)


def _posed(horse: HorseInScene, rest: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, "n 3"]:
    rows = (weights @ horse.bone_rows.reshape(weights.shape[1], 12)).reshape(-1, 3, 4)
    return np.einsum("nab,nb->na", rows[:, :, :3], rest) + rows[:, :, 3]


@lru_cache(maxsize=256)
def _hit(
    origin: tuple[float, float, float], direction: tuple[float, float, float], farthest: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    template, faces = load_template(), _skin_faces()
    start, ray = np.array(origin), np.array(direction)
    near = np.linalg.norm(np.cross(template.vertices - start, ray), axis=1) < 0.15 * np.linalg.norm(ray)
    corner, weight = _ray_hits(start, ray[None], faces[near[faces].any(1)], farthest=farthest)
    return corner[0], weight[0], weight[0] @ template.weights[corner[0]]


def skin_points(
    horse: HorseInScene, rays: list[tuple[np.ndarray, np.ndarray]], *, farthest: bool = False
) -> Float[np.ndarray, "n 3"]:
    """Return the points of the posed skin, in the world, where rays meet the template.

    Args:
        horse: the horse.
        rays: origin and direction of each, template coordinates. Hits are remembered, so few different ones.
        farthest: the last crossing of each ray instead of its first.
    """
    hits = [_hit(tuple(np.round(o, 3).tolist()), tuple(np.round(d, 3).tolist()), farthest) for o, d in rays]
    rest = np.stack([weight @ horse.rest_vertices[corner] for corner, weight, _ in hits])
    return _posed(horse, rest, np.stack([w for _, _, w in hits]))


_NECK_LINE = np.array([skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX[f"DEF-neck.00{i}"]] for i in (1, 2, 3, 4)])
NECK_HEIGHTS = np.array([-0.75, -0.4, 0.0, 0.4, 0.75])
"""Where the neck's width is taken, from throat (-1) to crest (1)."""


@lru_cache(maxsize=1)
def _neck_bundle() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return corners, their weights and skin weights: each station's crest, throat, and both sides by height."""
    template = load_template()
    line = _NECK_LINE * [0, 1, 1]
    ahead = np.gradient(line, axis=0)
    behind = line[0] - ahead[0] * np.array([[0.9], [0.45]])
    stations = np.concatenate([behind, line, 0.5 * (line[1:] + line[:-1])])
    ahead = np.concatenate([ahead[:1], ahead[:1], ahead, 0.5 * (ahead[1:] + ahead[:-1])])
    hits = []
    for at, along in zip(stations, ahead, strict=True):
        up = np.array([0.0, along[2], -along[1]]) / np.linalg.norm(along)
        ends = [_hit(tuple(at.tolist()), tuple(d.tolist()), False) for d in (up, -up)]
        crest, throat = (weight @ template.vertices[corner] for corner, weight, _ in ends)
        hits += ends
        for height in NECK_HEIGHTS:
            start = 0.5 * (crest + throat) + 0.5 * height * (crest - throat)
            hits += [_hit(tuple(start.tolist()), (sign, 0.0, 0.0), False) for sign in (1.0, -1.0)]
    corner, weight, skin = (np.stack(column) for column in zip(*hits, strict=True))
    return corner, weight, skin


def neck_rings(horse: HorseInScene) -> tuple[Float[np.ndarray, "9 3"], Float[np.ndarray, "9 3"], np.ndarray]:
    """Return the posed neck's outline, world.

    Returns:
        crest and throat at each station from the withers to the head, and its sides [9, 5, 2, 3], by the height of
        ``NECK_HEIGHTS`` from throat (-1) to crest (1), left and right.
    """
    corner, weight, skin = _neck_bundle()
    points = _posed(horse, np.einsum("nk,nka->na", weight, horse.rest_vertices[corner]), skin)
    points = points.reshape(-1, 2 + 2 * len(NECK_HEIGHTS), 3)
    return points[:, 0], points[:, 1], points[:, 2:].reshape(len(points), len(NECK_HEIGHTS), 2, 3)
