"""Planted hooves kept in their places after an edit has moved the rest of the horse.

Each stance has one place, the middle of where its toe was. A limb is brought to it by small turns of its own joints,
the lower ones more willingly, while the hoof keeps its attitude; before and after the stance the correction fades.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import (
    cross,
    quat_from_rotvec,
    quat_inverse,
    quat_multiply,
    quat_rotate,
    quat_to_rotvec,
)
from kinequimation.motion.edit.kernel import smoothed_values
from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.limits import JOINT_LIMITS
from kinequimation.motion.motion import Motion

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

STANDS_FROM = 0.5
"""Contact from which a hoof stands."""
FADE_S = 0.06
"""Time in which a correction comes and goes beside a stance (sources, D2: 2–4 frames)."""
MAX_DRIFT_HEIGHTS = 0.12
"""A toe that strays farther than this from the middle of its stance does not stand there, withers heights."""
ENOUGH_M = 0.0005
_PIECE = 256
_PASSES, _ROUNDS = 4, 4
_MAX_TURN_RAD = 0.3
_TOES = np.array([skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS])
_FLEX_GIVE = np.array([0.05, 0.08, 0.15, 0.2, 0.25, 0.2])
"""How willingly each link of a limb, from the shoulder blade or pelvis down to the hoof, flexes (judgement: the fetlock
first, as in ``fit.contacts``)."""
_SIDE_GIVE = np.array([0.03, 0.06, 0.0, 0.0, 0.0, 0.05])
"""The same for turns to the side."""
_DAMPING_M2 = 1e-7


class Stance(NamedTuple):
    """A hoof on the ground.

    Attributes:
        limb: index in ``skeleton.LIMBS``.
        start: its first frame.
        stop: the frame after its last.
        xyz_world: [3] where its toe is held, metres.
    """

    limb: int
    start: int
    stop: int
    xyz_world: Float[np.ndarray, " 3"]


def toe_paths(body: Body, motion: Motion) -> Float[np.ndarray, "frames 4 3"]:
    """Return where the toes are, metres."""
    paths = np.empty((len(motion), 4, 3))
    for start in range(0, len(motion), _PIECE):
        rows = slice(start, start + _PIECE)
        paths[rows] = body.keypoints(motion.root_xyz_world[rows], motion.quat_wxyz[rows])[:, _TOES]
    return paths


def stances_of(body: Body, motion: Motion) -> list[Stance]:
    """Return every stance of a motion whose toe stays near one place, and that place."""
    toes = toe_paths(body, motion)
    limit = MAX_DRIFT_HEIGHTS * body.shape.withers_height_m
    found = []
    for limb in range(4):
        standing = motion.contact[:, limb] > STANDS_FROM
        edges = np.flatnonzero(np.diff(np.concatenate([[0], standing.astype(np.int8), [0]])))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            path = toes[start:stop, limb]
            place = np.median(path, axis=0)
            if np.linalg.norm(path - place, axis=-1).max() <= limit:
                found.append(Stance(limb, start, stop, place))
    return found


def plant(body: Body, motion: Motion, stances: Sequence[Stance] | None = None, copy: bool = True) -> Motion:
    """Return the motion with the toes of standing hooves held in place, and none below the ground.

    Where a limb is too short for its place the root gives way, smoothly, and in the end the hoof tilts.

    Args:
        body: the horse.
        motion: what to correct.
        stances: where hooves stand; None for those that the motion's own contacts and toes say.
        copy: leave the motion as it is; if not, its arrays are changed, which takes no memory.
    """
    if len(motion) == 1:
        return motion
    stances = stances_of(body, motion) if stances is None else stances
    held = motion
    if copy:
        root, quat = motion.root_xyz_world.copy(), motion.quat_wxyz.copy()
        held = dataclasses.replace(motion, root_xyz_world=root, quat_wxyz=quat)
    toes = toe_paths(body, motion)
    goal = toes + _corrections(toes, stances, motion.fps)
    standing = np.zeros(goal.shape[:2], bool)
    for stance in stances:
        standing[stance.start : stance.stop, stance.limb] = True
    for attempt in range(_ROUNDS):
        _reach(body, held, goal, hooves_tilt=attempt == _ROUNDS - 1)
        if attempt == _ROUNDS - 1:
            break
        short = np.where(standing[..., None], goal - toe_paths(body, held), 0.0)
        if np.abs(short).max(initial=0.0) < 4 * ENOUGH_M:
            break
        n_standing = standing.sum(1)
        give = short.sum(1) / np.maximum(n_standing, 1)[:, None]
        weight = np.where(n_standing > 0, 1.0, 0.05)
        held.root_xyz_world[:] += smoothed_values(give, weight, motion.t_s, 8.0)
    return held


def _corrections(toes: np.ndarray, stances: Sequence[Stance], fps: float) -> Float[np.ndarray, "frames 4 3"]:
    """Return how far each toe has to move: to its place in a stance, and fading beside it."""
    n = len(toes)
    moved, share = np.zeros_like(toes), np.zeros((n, 4))
    fade = max(1, round(FADE_S * fps))
    step = np.arange(1, fade + 1) / (fade + 1)
    fading = 1 - step * step * (3 - 2 * step)
    for limb, start, stop, place in stances:
        moved[start:stop, limb] = place - toes[start:stop, limb]
        share[start:stop, limb] = 1.0
    for limb, start, stop, place in stances:
        for edge, sign in ((start, -1), (stop - 1, 1)):
            rows = edge + sign * np.arange(1, fade + 1)
            ok = (rows >= 0) & (rows < n)
            rows, amount = rows[ok], fading[ok]
            free = share[rows, limb] < amount  # not another stance, nor nearer to one
            rows, amount = rows[free], amount[free]
            share[rows, limb] = amount
            moved[rows, limb] = amount[:, None] * (place - toes[edge, limb])
    moved[..., 2] = np.maximum(moved[..., 2], np.where(share < 1, -toes[..., 2], -np.inf))
    return moved


def _reach(body: Body, motion: Motion, goal: Float[np.ndarray, "frames 4 3"], hooves_tilt: bool) -> None:
    """Turn the limbs, in place, so that the toes come to their goals; hooves keep their attitude if they may not tilt.

    Each is moved by the least turns that do it to first order, in units of how willingly the links turn, and again.
    """
    for start in range(0, len(motion), _PIECE):
        rows = slice(start, start + _PIECE)
        root, quat = motion.root_xyz_world[rows], motion.quat_wxyz[rows]
        first = quat.copy()
        attitude = None if hooves_tilt else body.joints(root, quat)[1][:, CHAIN[:, 5]]
        for _ in range(_PASSES):
            xyz, rotation = body.joints(root, quat)
            toes = body.keypoints_from_joints(xyz, rotation)[:, _TOES]
            error = goal[rows] - toes
            off = np.abs(error).max((1, 2)) > ENOUGH_M / 4
            if not off.any():
                break
            if attitude is None:
                turn = _turns(xyz[off], rotation[off], CHAIN, toes[off], error[off])
                quat[off] = _turned(quat[off], first[off], CHAIN, turn)
            else:
                turn = _turns(xyz[off], rotation[off], CHAIN[:, :5], xyz[off][:, CHAIN[:, 5]], error[off])
                quat[off] = _with_hooves(
                    _turned(quat[off], first[off], CHAIN[:, :5], turn), _base(rotation[off]), attitude[off]
                )


def _turns(
    xyz: np.ndarray, rotation: np.ndarray, links: np.ndarray, end: np.ndarray, error: np.ndarray
) -> Float[np.ndarray, "frames 4 links 3"]:
    """Return the least turns of each limb's links, in the axes of the joint above, that move its end by ``error``."""
    above = rotation[:, skeleton.JOINT_PARENTS[links]]  # [T, 4, links, 4]
    arm = end[:, :, None] - xyz[:, links]
    axes = np.stack([quat_rotate(above, np.broadcast_to(e, arm.shape)) for e in np.eye(3)], -2)
    n = links.shape[1]
    give = np.stack([_FLEX_GIVE[:n], _SIDE_GIVE[:n], _SIDE_GIVE[:n]], -1).reshape(-1, 1) ** 2
    J = cross(axes, np.broadcast_to(arm[..., None, :], axes.shape)).reshape(*arm.shape[:2], 3 * n, 3)
    JW = J * give
    A = np.swapaxes(J, -1, -2) @ JW + _DAMPING_M2 * np.eye(3)
    turn = (JW @ np.linalg.solve(A, error[..., None]))[..., 0].reshape(arm.shape)
    return np.clip(turn, -_MAX_TURN_RAD, _MAX_TURN_RAD)


def _turned(
    quat: np.ndarray, first: np.ndarray, links: np.ndarray, turn: np.ndarray
) -> Float[np.ndarray, "frames 81 4"]:
    """Return the rotations with links turned, within the joint limits, or as far outside as they were at first."""
    out = quat.copy()
    start = quat_to_rotvec(first[:, links])
    low, high = np.minimum(JOINT_LIMITS[links, 0], start), np.maximum(JOINT_LIMITS[links, 1], start)
    turned = quat_to_rotvec(quat_multiply(quat_from_rotvec(turn), quat[:, links]))
    still = (np.abs(turn).max(-1) == 0)[..., None]
    out[:, links] = np.where(still, quat[:, links], quat_from_rotvec(np.clip(turned, low, high)))
    return out


def _base(rotation: np.ndarray) -> Float[np.ndarray, "frames 4 4"]:
    """Return the world rotation of the joint that carries each limb."""
    return rotation[:, skeleton.JOINT_PARENTS[CHAIN[:, 0]]]


def _with_hooves(quat: np.ndarray, base: np.ndarray, attitude: np.ndarray) -> np.ndarray:
    """Set the hooves' own rotations so that they stand as ``attitude`` says, whatever the limbs above do.

    Args:
        quat: [T, 81, 4], changed.
        base: [T, 4, 4] world rotation of the joint that carries each limb.
        attitude: [T, 4, 4] wanted world rotation of each hoof.
    """
    for limb in range(4):
        world = base[:, limb]
        for joint in _path_to_hoof(limb):
            world = quat_multiply(world, quat[:, joint])
        quat[:, CHAIN[limb, 5]] = quat_multiply(quat_inverse(world), attitude[:, limb])
    return quat


def _path_to_hoof(limb: int) -> list[int]:
    """Return every joint from the first link of a limb to the one above its hoof, the halves of bones included."""
    path, joint = [], int(skeleton.JOINT_PARENTS[CHAIN[limb, 5]])
    while True:
        path.append(joint)
        if joint == CHAIN[limb, 0]:
            return path[::-1]
        joint = int(skeleton.JOINT_PARENTS[joint])
