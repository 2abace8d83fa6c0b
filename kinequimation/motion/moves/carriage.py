"""How neck, head, ears and tail are carried, and what keeps moving in a horse that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.moves.frame import HEAD, JAW, NECK, SPINE, TAIL

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.moves.frame import Frame

    Curve = Float[np.ndarray, " frames"] | float

_J = skeleton.JOINT_INDEX
_NECK_SHARE = np.array([0.46, 0.27, 0.20, 0.07])
_LOW_NECK_SHARE = np.array([0.58, 0.32, 0.12, -0.02])
"""Of a neck that goes down to the ground: a horse lowers it from its base and keeps it long."""
_TAIL_HANG = np.radians([-30.0, -14.0, -16.0, -16.0, -12.0])
"""From straight behind, as the rig's bones lie, to hanging (as in ``trunk``)."""
_TAIL_LIFT_SHARE = np.array([0.45, 0.25, 0.15, 0.10, 0.05])
_BACK_SHARE = np.array([0.28, 0.20, 0.18, 0.16, 0.12, 0.06])


def still(n_frames: int) -> Float[np.ndarray, "frames 81 3"]:
    """Return turns of all joints for a horse that turns none."""
    return np.zeros((n_frames, skeleton.NUM_JOINTS, 3))


def arch_back(v: np.ndarray, flexion_rad: Curve, bend_rad: Curve = 0.0) -> None:
    """Arch the back from pelvis to withers (positive: rounded), and bend it to the left."""
    v[:, SPINE, 0] += np.multiply.outer(_as_curve(v, flexion_rad), _BACK_SHARE)
    v[:, SPINE, 2] += np.multiply.outer(_as_curve(v, bend_rad), _BACK_SHARE)


def carry_neck(
    v: np.ndarray,
    frame: Frame,
    neck_rad: Curve,
    nose_rad: Curve,
    bend_rad: Curve = 0.0,
    turn_rad: Curve = 0.0,
    tilt_rad: Curve = 0.0,
) -> None:
    """Carry neck and head.

    Args:
        v: [T, 81, 3] turns to change.
        frame: the horse.
        neck_rad: elevation of the neck over the withers, relative to the trunk.
        nose_rad: how far the line from poll to nose points below that horizontal.
        bend_rad: bend of the neck to the left.
        turn_rad: further turn of the head to the left.
        tilt_rad: tilt of the head, right ear up.
    """
    rest = frame.body.rest_xyz
    down = _elevation(rest[NECK[3]] - rest[NECK[0]]) - _as_curve(v, neck_rad)
    at_rest = -_elevation(rest[_J["DEF-nose.L"]] - rest[HEAD])
    low = np.clip((down - 0.8) / 0.8, 0.0, 1.0)[:, None]
    v[:, NECK, 0] += down[:, None] * (_NECK_SHARE + (_LOW_NECK_SHARE - _NECK_SHARE) * low)
    v[:, SPINE[5], 0] += 0.12 * np.maximum(-_as_curve(v, neck_rad), 0.0)
    head = _as_curve(v, nose_rad) - at_rest - down
    rest_of_it = head - np.clip(head, -0.9, 0.45)
    v[:, NECK[3], 0] += 0.6 * rest_of_it
    v[:, NECK[2], 0] += 0.4 * rest_of_it
    v[:, HEAD, 0] += head - rest_of_it
    v[:, NECK, 2] += np.multiply.outer(_as_curve(v, bend_rad), np.array([0.3, 0.27, 0.25, 0.18]))
    v[:, HEAD, 1] += tilt_rad
    v[:, HEAD, 2] += turn_rad


def carry_tail(v: np.ndarray, lift_rad: Curve, side_rad: Curve = 0.0, swing_rad: Curve = 0.0) -> None:
    """Carry the tail: lifted from hanging, to the left, and swung by a wave that runs down it."""
    lift = _as_curve(v, lift_rad)
    v[:, TAIL, 0] += _TAIL_HANG + np.multiply.outer(lift, _TAIL_LIFT_SHARE)
    v[:, TAIL[0], 2] -= side_rad
    v[:, TAIL, 2] += np.multiply.outer(_as_curve(v, swing_rad), np.array([0.5, 0.9, 1.0, 1.0, 1.0]))


def carry_ears(v: np.ndarray, left_back_rad: Curve, right_back_rad: Curve) -> None:
    """Turn the ears back."""
    for side, sign, back in (("L", 1.0, left_back_rad), ("R", -1.0, right_back_rad)):
        v[:, _J[f"DEF-ear.{side}"], 0] += 0.9 * _as_curve(v, back)
        v[:, _J[f"DEF-ear.{side}"], 2] -= sign * 0.5 * _as_curve(v, back)


def open_jaw(v: np.ndarray, angle_rad: Curve, side_rad: Curve = 0.0) -> None:
    """Open the mouth, the lower jaw to the left."""
    v[:, JAW, 0] += angle_rad
    v[:, JAW, 2] += side_rad


def _as_curve(v: np.ndarray, value: Curve) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, float), (len(v),))


def _elevation(d: np.ndarray) -> float:
    return float(np.arctan2(d[2], -d[1]))
