"""What of a horse must not run into itself: limbs as rows of balls, the trunk as a cloud of points of its skin.

Thicknesses are measured on the body's own mesh, so a Shire's limbs keep further from its trunk than an Arabian's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import load_template
from kinequimation.geometry.rotation import cross
from kinequimation.motion.limbs import CHAIN

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.body.horse import Body

_SLICES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (2, (0.15, 0.45, 0.75, 1.05)),
    (3, (0.0, 0.25, 0.5, 0.75, 1.05)),
    (4, (-0.3, 0.5, 1.2)),
    (5, (-0.2, 0.5, 1.2)),
)
"""Links of a limb from forearm or gaskin down, and where along them they are cut into balls."""
BALL_LINK: Int[np.ndarray, " 11"] = np.array([link for link, cuts in _SLICES for _ in cuts[1:]])
"""The link that carries each ball of a limb."""
ROD_BALLS: Int[np.ndarray, "7 2"] = np.array([(i, i + 1) for i in range(10) if BALL_LINK[i] == BALL_LINK[i + 1]])
"""The balls at the ends of each rod of a limb."""
BESIDE_TRUNK: Int[np.ndarray, " 9"] = np.arange(2, 11)
"""The balls that must keep out of the trunk: the upper forearm and gaskin lie against it in any pose."""
_STOUT = np.where(BALL_LINK >= 4, 1.25, 1.0)
"""Radii over the mean distance of the skin: fetlocks and hooves have corners (judgement)."""
_SPACING_M = 0.08
"""How far apart points of the trunk are, on the mean body."""


@dataclass(frozen=True)
class Solids:
    """The solids of one body at rest.

    Attributes:
        ball_xyz: [4, 11, 3] middles of the limbs' balls, relative to the link of ``BALL_LINK`` that carries them.
        ball_radius: [4, 11] metres.
        skin_xyz, skin_normal: [S, 3] points of the trunk's skin, and its outward unit normals.
        skin_joints: [J] the joints that move them.
        skin_weights: [S, J] their skin weights.
    """

    ball_xyz: Float[np.ndarray, "4 11 3"]
    ball_radius: Float[np.ndarray, "4 11"]
    skin_xyz: Float[np.ndarray, "s 3"]
    skin_normal: Float[np.ndarray, "s 3"]
    skin_joints: Int[np.ndarray, " j"]
    skin_weights: Float[np.ndarray, "s j"]


def solids_of(body: Body) -> Solids:
    """Measure a body at rest."""
    p = _plan()
    v = body.rest_vertices
    n = len(BALL_LINK)
    points = v[p.slice_vertices]
    middle = np.add.reduceat(points, p.slice_start) / p.slice_count[:, None]
    head = body.rest_xyz[CHAIN[:, BALL_LINK]].reshape(-1, 3)
    end = np.where((BALL_LINK < 5)[None, :, None], body.rest_xyz[CHAIN[:, np.minimum(BALL_LINK + 1, 5)]],
                   body.rest_tail_xyz[CHAIN[:, BALL_LINK]]).reshape(-1, 3)  # fmt: skip
    along = (end - head) / np.linalg.norm(end - head, axis=1, keepdims=True)
    away = points - middle[p.slice_number]
    away -= np.einsum("ni,ni->n", away, along[p.slice_number])[:, None] * along[p.slice_number]
    radius = np.add.reduceat(np.linalg.norm(away, axis=1), p.slice_start) / p.slice_count * _STOUT[np.arange(4 * n) % n]
    a, b, c = (v[p.faces[:, i]] for i in range(3))
    normal = cross(b - a, c - a)
    total = np.stack([np.bincount(p.face_owner, normal[p.face_row, i], len(p.skin)) for i in range(3)], 1)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return Solids(
        (middle - head).reshape(4, n, 3), radius.reshape(4, n), v[p.skin], total, p.skin_joints, p.skin_weights
    )


@dataclass(frozen=True)
class _Plan:
    """Which vertices make up what: the same for all bodies."""

    slice_vertices: Int[np.ndarray, " n"]
    slice_number: Int[np.ndarray, " n"]
    slice_start: Int[np.ndarray, " 44"]
    slice_count: Int[np.ndarray, " 44"]
    skin: Int[np.ndarray, " s"]
    skin_joints: Int[np.ndarray, " j"]
    skin_weights: Float[np.ndarray, "s j"]
    faces: Int[np.ndarray, "f 3"]
    face_row: Int[np.ndarray, " m"]
    face_owner: Int[np.ndarray, " m"]


@lru_cache(maxsize=1)
def _plan() -> _Plan:
    template = load_template()
    v, skin = template.vertices, template.is_skin
    owner = template.weights.argmax(1)
    slices = []
    for limb in range(4):
        for link, cuts in _SLICES:
            j = CHAIN[limb, link]
            own = np.flatnonzero(skin & _moved_by(owner, j))
            head = skeleton.REST_HEAD_XYZ[j]
            end = skeleton.REST_HEAD_XYZ[CHAIN[limb, link + 1]] if link < 5 else skeleton.REST_TAIL_XYZ[j]
            share = (v[own] - head) @ (end - head) / ((end - head) ** 2).sum()
            slices += [own[(share >= low) & (share < high)] for low, high in pairwise(cuts)]
    count = np.array([len(s) for s in slices])
    trunk = np.array([any(w in n for w in ("spine", "chest", "breast", "pelvis", "shoulder")) for n in skeleton.JOINTS])
    on_trunk = np.flatnonzero(skin & trunk[owner])
    _, first = np.unique(np.floor(v[on_trunk] / _SPACING_M), axis=0, return_index=True)
    chosen = on_trunk[first]
    place = np.full(len(v), -1)
    place[chosen] = np.arange(len(chosen))
    faces = template.faces[(place[template.faces] >= 0).any(1)]
    row, corner = np.nonzero(place[faces] >= 0)
    weights = template.weights[chosen]
    joints = np.flatnonzero(weights.max(0) > 0)
    return _Plan(
        np.concatenate(slices), np.repeat(np.arange(len(slices)), count), np.cumsum(count) - count, count,
        chosen, joints, weights[:, joints], faces, row, place[faces[row, corner]],
    )  # fmt: skip


def _moved_by(owner: Int[np.ndarray, " v"], joint: int) -> Bool[np.ndarray, " v"]:
    """Return which vertices a bone, or the second half of it, moves most."""
    second = skeleton.JOINT_INDEX.get(f"{skeleton.JOINTS[joint]}.001", joint)
    return (owner == joint) | (owner == second)
