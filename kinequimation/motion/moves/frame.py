"""What the moves know of a body: its limbs, hooves, tail and head as they are at rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.limbs import CHAIN, Limbs, rest_toes
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg

if TYPE_CHECKING:
    from jaxtyping import Float

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
        rest_deg: [2, 5] flexor-side angles at rest of shoulder or hip, elbow or stifle, and so on; fore and hind.
    """

    body: Body
    height_m: float
    limbs: Limbs
    toes: Float[np.ndarray, "4 3"]
    sole: Float[np.ndarray, "4 p 3"]
    muzzle: Float[np.ndarray, "m 3"]
    tail_radius: Float[np.ndarray, " 5"]
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
        np.array(rest),
    )


_DIRECTIONS = np.array(
    [
        [0.35 * np.cos(a) * np.sin(p), np.sin(p) * np.sin(a) - 0.0, -np.cos(p)]
        for p in np.radians([0.0, 30.0, 60.0, 90.0])
        for a in np.radians(np.arange(0.0, 360.0, 45.0) if p else [0.0])
    ]
)


def _extremes(points: np.ndarray) -> np.ndarray:
    """Return the points that lie furthest down, forward, backward and sideways."""
    return points[np.argmax(points @ _DIRECTIONS.T, axis=0)]
