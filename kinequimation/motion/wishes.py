"""What the limbs' joints wish for: their angles over a stride, and how willingly each departs from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.curves import LimbCurves
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg

if TYPE_CHECKING:
    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait
    from kinequimation.motion.style import Style

_JOINTS = (("shoulder", "elbow", "carpus", "fore_fetlock"), ("hip", "stifle", "hock", "hind_fetlock"))
_RIG_DEG = {"shoulder": 5.0, "elbow": 8.0}
"""Less flexion than the tables' for joints above and below the humerus: the rig's stands some 10° steeper than real."""
# where in stance (0 to 1) and swing (1 to 2) a joint is how far from least (0) to greatest (1): sources, E3
_SHAPES: dict[str, list[tuple[float, float]]] = {
    "shoulder": [(0.0, 1.0), (0.4, 0.55), (0.97, 1.1), (1.4, 0.0), (1.9, 1.0)],
    "elbow": [(0.0, 0.88), (0.3, 0.80), (0.97, 1.0), (1.42, 0.0), (1.93, 0.92)],
    "carpus": [(0.05, 0.93), (0.5, 1.0), (0.95, 0.95), (1.45, 0.0), (1.88, 0.95)],
    "fore_fetlock": [(0.0, 0.62), (0.5, 1.0), (0.97, 0.70), (1.32, 0.0), (1.68, 0.66), (1.85, 0.58)],
    "hip": [(0.03, 0.05), (1.0, 1.0), (1.75, 0.0)],
    "stifle": [(0.0, 0.85), (0.25, 0.70), (0.97, 0.97), (1.45, 0.0), (1.95, 0.90)],
    "hock": [(0.0, 0.80), (0.25, 0.66), (0.97, 1.0), (1.45, 0.0), (1.95, 0.82)],
    "hind_fetlock": [(0.0, 0.70), (0.45, 1.0), (0.97, 0.70), (1.34, 0.0), (1.70, 0.72), (1.88, 0.66)],
}
# how willingly each link departs from its wish in stance and in swing, degrees
_SLACK_DEG = (
    np.array([[4.0, 6.0, 6.0, 2.0, 10.0, 25.0], [5.0, 8.0, 12.0, 12.0, 18.0, 25.0]]),
    np.array([[0.0, 10.0, 9.0, 9.0, 10.0, 25.0], [0.0, 10.0, 12.0, 12.0, 18.0, 25.0]]),
)
_HOOF_SLACK_DEG = 25.0
"""How willingly a hoof in the air departs from its wished-for tip."""
_SCAPULA = [(0.03, -1.0), (1.05, 1.0), (1.85, -1.05)]
_FREE = [(0.02, 0.0), (0.85, 0.0), (1.2, 1.0), (1.8, 1.0)]
_HOOF_FREE = [(0.0, 0.0), (0.999, 0.0), (1.3, 1.0), (1.6, 1.0), (1.9, 0.0)]
_HANGING = [(0.0, 0.0), (0.85, 0.1), (1.3, 1.0), (1.9, 0.0)]
_STILL = [(0.0, 0.0)]
_FORE, _HIND = (
    [_SHAPES[joint] for joint in joints] + [_SCAPULA if joints is _JOINTS[0] else _STILL, _HANGING]
    for joints in _JOINTS
)
_TURNS = LimbCurves.of([_FORE, _FORE, _HIND, _HIND])
_SLACKS = LimbCurves.of([[_FREE, _HOOF_FREE]] * 4)
_STANCE, _SWING = (np.radians([_SLACK_DEG[0][i], _SLACK_DEG[0][i], _SLACK_DEG[1][i], _SLACK_DEG[1][i]]) for i in (0, 1))
_SENSE = np.array([[LIMB_JOINTS[joint][3] for joint in _JOINTS[pair]] for pair in (0, 0, 1, 1)], float)
_LESS_DEG = np.array([[_RIG_DEG.get(joint, 0.0) for joint in _JOINTS[pair]] for pair in (0, 0, 1, 1)])
_HANG_RAD = 0.35
"""How far a hoof in the air hangs, bent back (a guess)."""


def wished_turns(gait: Gait, style: Style, body: Body, progress: np.ndarray) -> np.ndarray:
    """Return the limbs' wished-for turns about X [T, 4, 6], radians.

    Args:
        gait: its numbers constant or one a frame.
        style: the way of going.
        body: the horse.
        progress: [T, 4] of each limb's cycle, as in ``Hooves``.
    """
    wish = np.zeros((*progress.shape, 6))
    if gait.stands:
        return wish  # the rest pose
    curves = _TURNS.at(progress, gait.limb_duty())
    share = curves[..., :4]
    action = np.clip(style.action * np.array(style.limb_action), 0.5, 1.3)[:, None]
    # action deepens the flexion of the swing only
    share = np.where(share < 0.5, 0.5 - (0.5 - share) * action, share)
    ends = [[[np.atleast_1d(end) for end in gait.ranges_deg[j]] for j in joints] for joints in _JOINTS]
    least, greatest = (
        np.moveaxis(np.array([[joint[k] for joint in joints] for joints in ends]), -1, 0)[:, [0, 0, 1, 1]]
        for k in (0, 1)
    )
    least = least + _LESS_DEG
    rest = [[rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz) for joint in joints] for joints in _JOINTS]
    angle = least + (greatest - least) * share
    wish[..., 1:5] = np.radians(_SENSE * (np.array(rest)[[0, 0, 1, 1]] - angle))
    wish[..., 0] = np.radians(np.atleast_1d(gait.scapula_deg))[:, None] * curves[..., 4]
    wish[..., 5] = _HANG_RAD * curves[..., 5]
    return wish


def slacks(gait: Gait, progress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how willingly links [T, 4, 6] and hooves in the air [T, 4] depart from their wishes, radians."""
    if gait.stands:
        return np.broadcast_to(_STANCE, (*progress.shape, 6)), np.zeros(progress.shape)
    free = _SLACKS.at(progress, gait.limb_duty())
    return _STANCE + (_SWING - _STANCE) * free[..., :1], np.radians(_HOOF_SLACK_DEG) * free[..., 1]
