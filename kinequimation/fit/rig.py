"""Which joints the fit turns, in which parts of the horse, and which keypoints tell about each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.limits import JOINT_LIMITS

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.body.horse import Body

MIN_RANGE_RAD = np.radians(3.0)
"""An axis with less room than this to either side is not turned."""
SOFT_SHARE = 0.5
"""Standard deviation of a joint's turn about an axis, as a share of half its range (judgement)."""


@dataclass(frozen=True)
class Block:
    """A part of the horse that is solved at once: some rotation axes, and the keypoints that they move.

    Attributes:
        joint: [D] joint of each axis.
        axis: [D] 0, 1 or 2: the rest-world axis, carried along by the joint's parent.
        points: [P] keypoints.
        share: [P, D] how much of a keypoint turns with a joint: 1 below it, a skin weight near it.
        prior_sigma_rad: [D] spread of each turn around rest.
        moves_root: whether the root's translation belongs to the block.
    """

    joint: Int[np.ndarray, " d"]
    axis: Int[np.ndarray, " d"]
    points: Int[np.ndarray, " p"]
    share: Float[np.ndarray, "p d"]
    prior_sigma_rad: Float[np.ndarray, " d"]
    moves_root: bool


SPINE: tuple[str, ...] = tuple(f"DEF-spine.00{i}" for i in range(2, 7))
NECK: tuple[str, ...] = (*(f"DEF-neck.00{i}" for i in range(1, 5)), "DEF-head")
TAIL: tuple[str, ...] = tuple(f"DEF-tail.00{i}" for i in range(1, 6))
"""Turned joints of the trunk, of neck and head, and of the tail; the root turns freely and carries the pelvis."""

UNFITTED = ("DEF-ear", "DEF-jaw", "DEF-mane")
"""Bones that move but stay at rest here: points mostly on them are left out."""


def limb_bones(limb: str) -> tuple[str, ...]:
    """Return the turned joints of a limb, from the trunk down."""
    return tuple(b for b in skeleton.limb_joints(limb) if not b.endswith(".001") and "pelvis" not in b)


@lru_cache(maxsize=1)
def _descends() -> Bool[np.ndarray, "81 81"]:
    """Return whether joint i (row) is joint j or below it."""
    below = np.eye(skeleton.NUM_JOINTS, dtype=bool)
    for j in skeleton.TOPOLOGICAL_ORDER:
        if (p := skeleton.JOINT_PARENTS[j]) >= 0:
            below[j] |= below[p]
    return below


def keypoint_weights(body: Body) -> Float[np.ndarray, "103 81"]:
    """Return which joints carry each keypoint: a joint carries its own head, the skin weights a landmark."""
    weights = np.zeros((skeleton.NUM_KEYPOINTS, skeleton.NUM_JOINTS))
    weights[np.arange(skeleton.NUM_JOINTS68), 1 + np.arange(skeleton.NUM_JOINTS68)] = 1.0
    weights[skeleton.NUM_JOINTS68 :] = body.keypoint_offsets[0]
    return weights


def _block(body: Body, bones: tuple[str, ...], points: np.ndarray, moves_root: bool) -> Block:
    joint, axis, sigma = [], [], []
    for bone in bones:
        j = skeleton.JOINT_INDEX[bone]
        low, high = JOINT_LIMITS[j]
        for k in range(3):
            half = (high[k] - low[k]) / 2
            if half > MIN_RANGE_RAD:
                joint.append(j)
                axis.append(k)
                sigma.append(SOFT_SHARE * half if bone != skeleton.ROOT else 1e3)
    share = (keypoint_weights(body)[points] @ _descends())[:, joint]
    return Block(np.array(joint), np.array(axis), points, share, np.array(sigma), moves_root)


def axial_block(body: Body) -> Block:
    """Return root, trunk, neck, head and tail, and the keypoints that no limb moves."""
    weights = keypoint_weights(body)
    # a joint's own turn does not move its head
    limb_joints = [skeleton.JOINT_INDEX[b] for limb in skeleton.LIMBS for b in limb_bones(limb)]
    moved = (weights @ _descends())[:, limb_joints].sum(1)
    own = [skeleton.KEYPOINT_INDEX[limb_bones(limb)[0]] for limb in skeleton.LIMBS]
    moved[own] = 0.0
    points = np.flatnonzero((moved < 0.2) & _observed(weights))
    return _block(body, (skeleton.ROOT, *SPINE, *NECK, *TAIL), points, True)


def limb_block(body: Body, limb: str) -> Block:
    """Return one limb and its keypoints."""
    weights = keypoint_weights(body)
    bones = limb_bones(limb)
    moved = (weights @ _descends())[:, skeleton.JOINT_INDEX[bones[0]]]
    moved[skeleton.KEYPOINT_INDEX[bones[0]]] = 0.0
    return _block(body, bones, np.flatnonzero((moved >= 0.2) & _observed(weights)), False)


def _observed(weights: np.ndarray) -> np.ndarray:
    loose = [j for j, name in enumerate(skeleton.JOINTS) if name.startswith(UNFITTED)]
    heads = [skeleton.KEYPOINT_INDEX[n] for n in ("DEF-ear.L", "DEF-ear.R", "DEF-jaw")]
    observed = weights[:, loose].sum(1) < 0.3
    observed[heads] = True  # fixed on the skull
    return observed


CHAINS: tuple[tuple[str, ...], ...] = (
    (*NECK, "nose"),
    (*TAIL, "tail_end"),
    *((*limb_bones(limb), skeleton.limb_toe(limb)) for limb in skeleton.LIMBS),
)
"""Chains for the first guess: each bone is swung towards the next keypoint."""
