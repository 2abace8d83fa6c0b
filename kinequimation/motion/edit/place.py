"""Where a motion takes place: its way over the ground taken out, and a rest pose put in front."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_identity, quat_multiply, quat_rotate
from kinequimation.motion.edit.kernel import smoothed_values
from kinequimation.motion.motion import Motion

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

WAY_HZ = 0.4
"""Half gain of the filter that tells the way from the to and fro within a stride; a stride lasts up to some 1.5 s."""
UNSEEN_WEIGHT = 0.02
_UP = (0.0, 0.0, 1.0)
_TRUNK = [skeleton.JOINT_INDEX["DEF-spine.001"], skeleton.JOINT_INDEX["DEF-spine.006"]]


class Step(NamedTuple):
    """A rigid step over the ground: from the first frame of a loop to its last.

    Attributes:
        turn_rad: about the vertical, to the left.
        xy: [2] after the turn about the origin, metres.
    """

    turn_rad: float
    xy: Float[np.ndarray, " 2"]

    def power(self, share: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"]]:
        """Return turn and shift of the step done in part: at a steady rate along an arc."""
        share = np.asarray(share, float)
        turn = share * self.turn_rad
        # at a steady rate the shift is V(turn) @ velocity, with V(φ) = [[sin φ, cos φ − 1], [1 − cos φ, sin φ]] / φ
        whole = _arc(np.array([self.turn_rad]))[0]
        velocity = np.linalg.solve(whole, self.xy)
        return turn, share[:, None] * np.einsum("nab,b->na", _arc(turn), velocity)


def _arc(turn_rad: np.ndarray) -> Float[np.ndarray, "n 2 2"]:
    """Return the mean of the rotation matrices from 0 to an angle."""
    sine = np.sinc(turn_rad / np.pi)
    rest = np.where(
        np.abs(turn_rad) < 1e-6, turn_rad / 2, (1 - np.cos(turn_rad)) / np.where(turn_rad == 0, 1, turn_rad)
    )
    return np.stack([np.stack([sine, -rest], -1), np.stack([rest, sine], -1)], -2)


def headings_rad(quat_wxyz: Float[np.ndarray, "frames 81 4"]) -> Float[np.ndarray, " frames"]:
    """Return where the root faces about the vertical, from −Y to the left, without jumps of a whole turn."""
    return _headings_rad(quat_wxyz[:, 0])


def _headings_rad(root_wxyz: np.ndarray) -> np.ndarray:
    return np.unwrap(2.0 * np.arctan2(root_wxyz[:, 3], root_wxyz[:, 0]))


def trunk_xyz(
    root_xyz_world: Float[np.ndarray, "frames 3"], quat_wxyz: Float[np.ndarray, "frames 81 4"], body: Body
) -> Float[np.ndarray, "frames 3"]:
    """Return the middle of the trunk, as the root carries it, metres."""
    return _trunk_xyz(root_xyz_world, quat_wxyz[:, 0], body)


def _trunk_xyz(root_xyz_world: np.ndarray, root_wxyz: np.ndarray, body: Body) -> np.ndarray:
    middle = body.rest_xyz[_TRUNK].mean(0)
    return root_xyz_world + quat_rotate(root_wxyz, np.broadcast_to(middle, root_xyz_world.shape))


def moved(motion: Motion, turn_rad: Float[np.ndarray, "#frames"], shift_xy: Float[np.ndarray, "#frames 2"]) -> Motion:
    """Return a motion turned about the vertical through the origin, then shifted over the ground.

    Args:
        motion: what to move; its rotations are shared with the result where nothing turns.
        turn_rad: to the left, one for each frame or one for all.
        shift_xy: metres.
    """
    root, first = _moved(motion.root_xyz_world, motion.quat_wxyz[:, 0], turn_rad, shift_xy)
    return _with_root(motion, root, first) if np.any(turn_rad) else dataclasses.replace(motion, root_xyz_world=root)


def _moved(
    root_xyz_world: np.ndarray, root_wxyz: np.ndarray, turn_rad: np.ndarray, shift_xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the root's places and rotations turned about the vertical through the origin, then shifted."""
    turn = quat_from_axis_angle(_UP, np.broadcast_to(np.asarray(turn_rad, float), (len(root_xyz_world),)))
    root = quat_rotate(turn, root_xyz_world)
    root[:, :2] += shift_xy
    return root, quat_multiply(turn, root_wxyz)


def _with_root(motion: Motion, root_xyz_world: np.ndarray, root_wxyz: np.ndarray) -> Motion:
    quat = motion.quat_wxyz.copy()
    quat[:, 0] = root_wxyz
    return dataclasses.replace(motion, root_xyz_world=root_xyz_world, quat_wxyz=quat)


def in_place(motion: Motion, body: Body, step: Step | None = None) -> Motion:
    """Return the motion on the spot, as engines want it that move the horse themselves.

    The way of the trunk's middle over the ground and its slow turns are taken out; what a stride has of surge, sway
    and turning stays, and so does all height. The horse stands over the origin and faces −Y. Standing hooves slide
    backwards at the pace that was taken out.

    Args:
        motion: what to hold in place.
        body: the horse.
        step: from the first frame to the last, for a loop: a steady pace is taken out, so that it still closes.
    """
    root, first = motion.root_xyz_world, motion.quat_wxyz[:, 0]
    trunk, heading = _trunk_xyz(root, first, body)[:, :2], _headings_rad(first)
    if step is not None:
        share = (motion.t_s - motion.t_s[0]) / max(float(motion.t_s[-1] - motion.t_s[0]), 1e-12)
        turn, xy = step.power(share)
    elif len(motion) == 1:
        turn, xy = heading, trunk
    else:
        turn, xy = _way(heading, motion), _way(trunk, motion)
    nowhere = np.zeros((1, 2))
    root, first = _moved(*_moved(root, first, np.zeros(1), -xy), -turn, nowhere)
    # what is left is the same in every frame of a loop: a heading and a place
    last = len(motion) - 1 if step is not None else len(motion)
    root, first = _moved(root, first, -np.full(1, _headings_rad(first)[:last].mean()), nowhere)
    root[:, :2] += body.rest_xyz[_TRUNK].mean(0)[:2] - _trunk_xyz(root, first, body)[:last, :2].mean(0)
    return _with_root(motion, root, first)


def _way(values: np.ndarray, motion: Motion) -> np.ndarray:
    """Return values without what a stride has of to and fro.

    Smoothed, and what was smoothed away smoothed again and added (Tukey's twicing): a small circle is not cut.
    """
    weight = np.maximum(motion.confidence, UNSEEN_WEIGHT)
    once = smoothed_values(values, weight, motion.t_s, WAY_HZ)
    return once + smoothed_values(values - once, weight, motion.t_s, WAY_HZ)


def with_rest_first(motion: Motion, body: Body) -> Motion:
    """Return the motion one frame later, after a frame of the rest pose, which retargeting tools look for.

    The rest pose stands on the ground where the horse starts and faces as it does there. Its confidence is 0: nobody
    saw it.
    """
    heading = headings_rad(motion.quat_wxyz[:1])
    trunk = trunk_xyz(motion.root_xyz_world[:1], motion.quat_wxyz[:1], body)[0]
    quat = quat_identity(1, skeleton.NUM_JOINTS)
    quat[:, 0] = quat_from_axis_angle(_UP, heading)
    root = trunk - quat_rotate(quat[0, 0], body.rest_xyz[_TRUNK].mean(0))
    root[2] = 0.0
    first = motion.t_s[:1]
    return dataclasses.replace(
        motion,
        root_xyz_world=np.concatenate([root[None], motion.root_xyz_world]),
        quat_wxyz=np.concatenate([quat, motion.quat_wxyz]),
        contact=np.concatenate([np.ones((1, len(skeleton.LIMBS))), motion.contact]),
        t_s=np.concatenate([first, motion.t_s + 1.0 / motion.fps]),
        confidence=np.concatenate([[0.0], motion.confidence]),
        gait=np.concatenate([["rest"], motion.gait]),
        phase=np.concatenate([[np.nan], motion.phase]),
    )
