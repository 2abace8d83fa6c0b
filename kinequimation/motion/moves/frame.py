"""What the moves know of a body: its limbs, hooves, tail and head as they are at rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import MATERIALS, load_template
from kinequimation.motion.limbs import CHAIN, Limbs, rest_toes
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg
from kinequimation.motion.moves.solids import Solids, solids_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

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
    height, p = body.shape.withers_height_m, _plan()
    radius = []
    for j, own in zip(TAIL, p.tail, strict=True):
        along = body.rest_tail_xyz[j] - body.rest_xyz[j]
        length = np.linalg.norm(along)
        away = body.rest_vertices[own] - body.rest_xyz[j]
        away = away - np.outer(np.clip(away @ along / length**2, 0, 1), along)
        radius.append(np.linalg.norm(away, axis=1).max(initial=0.02 * height))
    rest = [
        [rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz) for joint in names]
        for names in (_FORE_JOINTS, _HIND_JOINTS)
    ]
    trunk, *outlines = (_outline(body, which) for which in range(-1, 4))
    return Frame(
        body,
        height,
        Limbs.of(body, toes),
        toes,
        np.stack([_extremes(body.rest_vertices[own] - toes[limb]) for limb, own in enumerate(p.hooves)]),
        _extremes(body.rest_vertices[p.head] - body.rest_xyz[HEAD]),
        np.array(radius),
        trunk,
        tuple(outlines),
        p.settling,
        solids_of(body),
        np.array(rest),
    )


_DIRECTIONS = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], float)


@dataclass(frozen=True)
class _Plan:
    """Which vertices make up what: the same for all bodies.

    Attributes:
        tail: vertices of each bone of the tail.
        hooves: vertices of the four hooves.
        head: vertices of the head.
        settling: as in ``Frame``.
        groups: for the trunk (-1) and each limb, the vertices of each of its joints.
    """

    tail: list[np.ndarray]
    hooves: list[np.ndarray]
    head: np.ndarray
    settling: np.ndarray
    groups: dict[int, list[np.ndarray]]


@lru_cache(maxsize=1)
def _plan() -> _Plan:
    template = load_template()
    owner = template.weights.argmax(1)
    part = np.array([_part(name) for name in skeleton.JOINTS])
    hair = np.isin(template.face_material, [MATERIALS.index(m) for m in ("mane", "tail")])
    settling = part[owner]
    settling[template.faces[hair]] = -2
    groups = {}
    for which in range(-1, 4):
        own = (np.flatnonzero((owner == j) & (settling == which)) for j in np.flatnonzero(part == which))
        groups[which] = [vertices for vertices in own if len(vertices)]
    head = [HEAD, JAW, _J["DEF-jaw.001"], _J["DEF-skull"], _J["DEF-nose.L"]]
    return _Plan(
        [np.flatnonzero(owner == j) for j in TAIL],
        [np.flatnonzero(owner == j) for j in CHAIN[:, 5]],
        np.flatnonzero(np.isin(owner, head)),
        settling,
        groups,
    )


@lru_cache(maxsize=1)
def bound() -> tuple[Int[np.ndarray, "v 4"], Float[np.ndarray, "v 4"]]:
    """Return the four joints that move each vertex of the template most, and their weights."""
    weights = load_template().weights
    joint = np.argpartition(-weights, 3, axis=1)[:, :4]
    return joint, np.take_along_axis(weights, joint, 1)


def _outline(body: Body, which: int) -> Outline:
    v = body.rest_vertices
    index = np.concatenate([own[_distinct((v[own] @ _DIRECTIONS.T).argmax(0))] for own in _plan().groups[which]])
    weights = body.weights[index]
    by_link = np.zeros((len(index), 6))
    if which >= 0:
        links = _LINKS[which]
        by_link = weights @ links
        weights = weights * (links.sum(1) == 0)
    link = by_link.argmax(1)
    above = (np.arange(6)[:, None] <= link).astype(float)
    return Outline(v[index], link, above, by_link, weights)


def _distinct(numbers: np.ndarray) -> np.ndarray:
    return np.array(sorted(set(numbers.tolist())))


def _part(joint: str) -> int:
    """Return the limb that a joint belongs to, -1 for the trunk, -2 for head, neck, tail and hair."""
    for i, limb in enumerate(skeleton.LIMBS):
        if joint in skeleton.limb_joints(limb) and "pelvis" not in joint:
            return i
    return -1 if any(word in joint for word in ("spine", "chest", "breast", "pelvis")) else -2


def _extremes(points: np.ndarray) -> np.ndarray:
    """Return the points that lie furthest down, forward, backward and sideways."""
    return points[np.argmax(points @ _DIRECTIONS.T, axis=0)]


def _links_of_joints() -> Float[np.ndarray, "4 81 6"]:
    """Return which link of each limb carries a joint; the second half of a bone goes with the bone."""
    out = np.zeros((4, skeleton.NUM_JOINTS, 6))
    for j, name in enumerate(skeleton.JOINTS):
        limb = _part(name)
        if limb >= 0:
            out[limb, j, CHAIN[limb].tolist().index(_J[name.removesuffix(".001")])] = 1.0
    return out


_LINKS = _links_of_joints()
