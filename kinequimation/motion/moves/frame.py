"""What the moves know of a body: its limbs, hooves, tail and head as they are at rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import MATERIALS
from kinequimation.motion.limbs import CHAIN, Limbs, rest_toes
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg
from kinequimation.motion.moves.solids import Solids, solids_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.body.horse import Body

_J = skeleton.JOINT_INDEX
TAIL: list[int] = [_J[f"DEF-tail.00{i}"] for i in range(1, 6)]
NECK: list[int] = [_J[f"DEF-neck.00{i}"] for i in range(1, 5)]
SPINE: list[int] = [_J[f"DEF-spine.00{i}"] for i in range(1, 7)]
HEAD = _J["DEF-head"]
JAW = _J["DEF-jaw"]
_FORE_JOINTS = ("shoulder", "elbow", "carpus", "fore_fetlock", "fore_coffin")
_HIND_JOINTS = ("hip", "stifle", "hock", "hind_fetlock", "hind_coffin")


@dataclass(frozen=True)
class Outline:
    """Points of a limb or of the trunk that may touch the ground first.

    Attributes:
        rest_xyz: [P, 3] where they are at rest, metres.
        link: [P] the limb's link that moves each most.
        above: [6, P] whether a link of the limb moves a point.
        link_weights: [P, 6] skin weights of the limb's links; the second half of a bone counts as the bone.
        rest_weights: [P, 81] skin weights of all other joints.
    """

    rest_xyz: Float[np.ndarray, "p 3"]
    link: Int[np.ndarray, " p"]
    above: Float[np.ndarray, "6 p"]
    link_weights: Float[np.ndarray, "p 6"]
    rest_weights: Float[np.ndarray, "p 81"]


@dataclass(frozen=True)
class Frame:
    """One body, measured.

    Attributes:
        body: the horse.
        height_m: its withers height.
        limbs: its limbs, for ``reach``.
        toes: [4, 3] the toes at rest, left and right mirror images.
        sole: [4, P, 3] points of each hoof that touch the ground first, relative to the toe, at rest.
        muzzle: [M, 3] points of the head that touch the ground first, relative to the head joint, at rest.
        tail_radius: [5] how far hair lies from each bone of the tail, metres.
        trunk: points of the trunk.
        outlines: points of the four limbs.
        settling: [V] of every vertex the limb that it belongs to, -1 for the trunk, -2 for what is none of these.
        solids: what must not run into each other.
        rest_deg: [2, 5] flexor-side angles at rest of shoulder or hip, elbow or stifle, and so on; fore and hind.
    """

    body: Body
    height_m: float
    limbs: Limbs
    toes: Float[np.ndarray, "4 3"]
    sole: Float[np.ndarray, "4 p 3"]
    muzzle: Float[np.ndarray, "m 3"]
    tail_radius: Float[np.ndarray, " 5"]
    trunk: Outline
    outlines: tuple[Outline, ...]
    settling: Int[np.ndarray, " v"]
    solids: Solids
    rest_deg: Float[np.ndarray, "2 5"]

    @property
    def size(self) -> float:
        """Withers height over that of the horse that the numbers were written for."""
        return self.height_m / 1.60

    @property
    def tempo(self) -> float:
        """Time scale of a body of this size (Froude: times go with the square root of lengths)."""
        return float(np.sqrt(self.size))

    def turn(self, pair: int, joint: int, flexor_deg: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Return the turn about X that gives a limb joint a flexor-side angle.

        Args:
            pair: 0 for fore, 1 for hind.
            joint: 0 for shoulder or hip, 1 for elbow or stifle, ... 4 for the coffin joint.
            flexor_deg: the angle, degrees.
        """
        name = (_FORE_JOINTS, _HIND_JOINTS)[pair][joint]
        return np.radians(LIMB_JOINTS[name][3] * (self.rest_deg[pair, joint] - flexor_deg))


@lru_cache(maxsize=4)
def frame_of(body: Body) -> Frame:
    """Measure a body at rest."""
    toes = rest_toes(body)
    toes = 0.5 * (toes + toes[[1, 0, 3, 2]] * [-1.0, 1.0, 1.0])
    owner = body.weights.argmax(1)
    height = body.shape.withers_height_m
    sole = []
    for limb in range(4):
        points = body.rest_vertices[owner == CHAIN[limb, 5]] - toes[limb]
        sole.append(_extremes(points))
    head = body.rest_vertices[np.isin(owner, [HEAD, JAW, _J["DEF-jaw.001"], _J["DEF-skull"], _J["DEF-nose.L"]])]
    radius = []
    for j in TAIL:
        along = body.rest_tail_xyz[j] - body.rest_xyz[j]
        length = np.linalg.norm(along)
        away = body.rest_vertices[owner == j] - body.rest_xyz[j]
        away = away - np.outer(np.clip(away @ along / length**2, 0, 1), along)
        radius.append(np.linalg.norm(away, axis=1).max(initial=0.02 * height))
    part = np.array([_part(name) for name in skeleton.JOINTS])
    settling = np.where(_is_hair(body), -2, part[owner])
    rest = [
        [rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz) for joint in names]
        for names in (_FORE_JOINTS, _HIND_JOINTS)
    ]
    return Frame(
        body,
        height,
        Limbs.of(body, toes),
        toes,
        np.stack(sole),
        _extremes(head - body.rest_xyz[HEAD]),
        np.array(radius),
        _outline(body, owner, part, settling, -1),
        tuple(_outline(body, owner, part, settling, limb) for limb in range(4)),
        settling,
        solids_of(body),
        np.array(rest),
    )


_DIRECTIONS = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], float)


def _outline(body: Body, owner: np.ndarray, part: np.ndarray, settling: np.ndarray, which: int) -> Outline:
    chosen = []
    for j in np.flatnonzero(part == which):
        own = np.flatnonzero((owner == j) & (settling == which))
        if len(own):
            chosen.append(own[np.unique(np.argmax(body.rest_vertices[own] @ _DIRECTIONS.T, axis=0))])
    index = np.concatenate(chosen)
    weights = body.weights[index].copy()
    by_link = np.zeros((len(index), 6))
    if which >= 0:
        for j in np.flatnonzero(part == which):
            name = skeleton.JOINTS[j].removesuffix(".001")
            by_link[:, CHAIN[which].tolist().index(skeleton.JOINT_INDEX[name])] += weights[:, j]
            weights[:, j] = 0.0
    link = by_link.argmax(1)
    above = (np.arange(6)[:, None] <= link).astype(float)
    return Outline(body.rest_vertices[index], link, above, by_link, weights)


def _part(joint: str) -> int:
    """Return the limb that a joint belongs to, -1 for the trunk, -2 for head, neck, tail and hair."""
    for i, limb in enumerate(skeleton.LIMBS):
        if joint in skeleton.limb_joints(limb) and "pelvis" not in joint:
            return i
    return -1 if any(word in joint for word in ("spine", "chest", "breast", "pelvis")) else -2


def _is_hair(body: Body) -> Bool[np.ndarray, " v"]:
    hair = np.isin(body.face_material, [MATERIALS.index(m) for m in ("mane", "tail")])
    out = np.zeros(len(body.rest_vertices), bool)
    out[body.faces[hair]] = True
    return out


def _extremes(points: np.ndarray) -> np.ndarray:
    """Return the points that lie furthest down, forward, backward and sideways."""
    return points[np.argmax(points @ _DIRECTIONS.T, axis=0)]
