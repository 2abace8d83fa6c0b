"""What trunk, neck, head, ears and tail do during a gait, as rotation vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.curves import swing_value

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.gait import Gait
    from kinequimation.motion.style import Style

_J = skeleton.JOINT_INDEX
_SPINE = [_J[f"DEF-spine.00{i}"] for i in range(2, 6)]
_NECK = [_J[f"DEF-neck.00{i}"] for i in range(1, 5)]
_TAIL = [_J[f"DEF-tail.00{i}"] for i in range(1, 6)]
_MANE = [(_J[f"DEF-mane_base.0{i}"], _J[f"DEF-mane_top.0{i}"]) for i in range(1, 7)]
_NOSTRILS = [_J["DEF-nose.L"], _J["DEF-nose.R"]]
_HEAD, _JAW, _PELVIS, _ROOT, _CHEST = (_J[n] for n in ("DEF-head", "DEF-jaw", "DEF-spine.001", "root", "DEF-chest"))
_WITHERS = _J["DEF-spine.006"]
TRUNK_REFERENCE = _J["DEF-spine.004"]
"""The joint, in the middle of the back, about which the trunk pitches and rolls."""


def _rest_elevation(a: str, b: str) -> float:
    d = skeleton.REST_HEAD_XYZ[_J[b]] - skeleton.REST_HEAD_XYZ[_J[a]]
    return float(np.arctan2(d[2], -d[1]))


_REST_NECK = _rest_elevation("DEF-neck.001", "DEF-neck.004")
_REST_NOSE = -_rest_elevation("DEF-head", "DEF-nose.L")
_NECK_SHARE = np.array([0.46, 0.27, 0.20, 0.07])
# from straight behind (as the rig's bones lie) to hanging; each turn relative to the bone above (measured on it)
_TAIL_HANG = np.radians([-30.0, -14.0, -16.0, -16.0, -12.0])
_TAIL_LIFT_SHARE = np.array([0.45, 0.25, 0.15, 0.10, 0.05])


def pose_trunk(
    gait: Gait, style: Style, phase: Float[np.ndarray, " frames"], least_tail_lift_rad: float
) -> Float[np.ndarray, "frames 81 3"]:
    """Turn everything but the limbs.

    Args:
        gait: the gait.
        style: the way of going.
        phase: of the stride; everything here repeats with it.
        least_tail_lift_rad: how far from hanging a long tail must be kept.

    Returns:
        rotation vectors relative to each parent, radians; the root's without its heading.
    """
    v = np.zeros((len(phase), skeleton.NUM_JOINTS, 3))
    k = np.radians(style.trunk_motion)
    pelvis_pitch = -k * swing_value(gait.pelvis_pitch, phase)
    pelvis_roll = -k * swing_value(gait.pelvis_roll, phase)
    pelvis_yaw = -k * swing_value(gait.pelvis_yaw, phase)
    thorax_roll = -k * swing_value(gait.thorax_roll, phase)
    thorax_yaw = -k * swing_value(gait.thorax_yaw, phase)
    v[:, _ROOT, 0] = -k * swing_value(gait.pitch, phase) - np.radians(gait.rise_deg)
    # the pelvis turns against the middle of the back, the thorax the other way; the loins give
    pelvis_pitch = pelvis_pitch - np.radians(gait.tuck_deg)
    v[:, _PELVIS] = np.stack([pelvis_pitch, pelvis_roll, pelvis_yaw], -1)
    give = np.stack([-pelvis_pitch, thorax_roll - pelvis_roll, thorax_yaw - pelvis_yaw], -1)
    v[:, _SPINE] = give[:, None] * np.array([0.45, 0.25, 0.18, 0.12])[:, None]
    _pose_neck(v, gait, style, phase, k)
    _pose_tail(v, gait, style, phase, thorax_yaw - pelvis_yaw, least_tail_lift_rad)
    v[:, _J["DEF-ear.L"]] = _ear(style.ear_back_rad[0], phase, 0.0, 1.0)
    v[:, _J["DEF-ear.R"]] = _ear(style.ear_back_rad[1], phase, 0.4, -1.0)
    if gait.stands:
        _pose_idle(v, style, phase)
    else:
        pose_hair(v, gait, style, phase)
    return v


def _pose_neck(v: np.ndarray, gait: Gait, style: Style, phase: np.ndarray, k: float) -> None:
    neck = np.radians(gait.neck_elevation_deg) if style.neck_elevation_rad is None else style.neck_elevation_rad
    neck = np.broadcast_to(neck, phase.shape)
    nose = style.nose_below_horizontal_rad
    nose = np.radians(gait.nose_below_horizontal_deg) if nose is None else nose
    nod = k * swing_value(gait.nod, phase)
    down = _REST_NECK - neck + np.radians(gait.rise_deg)
    v[:, _NECK, 0] = down[:, None] * _NECK_SHARE + nod[:, None] * np.array([0.5, 0.25, 0.15, 0.10])
    v[:, _WITHERS, 0] += 0.12 * np.maximum(-neck, 0.0)  # the chest drops with a neck that reaches for the ground
    head = nose - _REST_NOSE - down + np.radians(gait.rise_deg)
    # the upper neck takes part where the poll alone does not open or close far enough
    rest = head - np.clip(head, -0.9, 0.45)
    v[:, _NECK[3], 0] += 0.6 * rest
    v[:, _NECK[2], 0] += 0.4 * rest
    v[:, _HEAD, 0] = head - rest - 0.65 * nod
    v[:, _NECK, 2] = style.neck_bend_rad * np.array([0.3, 0.27, 0.25, 0.18]) - 0.25 * v[:, _SPINE, 2].sum(1)[:, None]
    v[:, _HEAD, 1] = style.head_tilt_rad
    v[:, _HEAD, 2] = style.head_turn_rad
    v[:, _JAW, 0] = style.jaw_open_rad


def _pose_tail(
    v: np.ndarray, gait: Gait, style: Style, phase: np.ndarray, yaw: np.ndarray, least_lift_rad: float
) -> None:
    lift = np.radians(gait.tail_lift_deg) if style.tail_lift_rad is None else style.tail_lift_rad
    lift = np.broadcast_to(np.maximum(lift, least_lift_rad), phase.shape)[:, None]
    v[:, _TAIL, 0] = _TAIL_HANG + lift * _TAIL_LIFT_SHARE
    still = gait.stands
    size = (0.05 if still else 0.07) * style.trunk_motion
    cycles = 2 if still else 1
    lag = 0.08 * np.arange(1, 6)
    wave = np.cos(2 * np.pi * (cycles * phase[:, None] - 0.15 - lag))
    v[:, _TAIL, 2] = size * wave * np.array([0.6, 1.0, 1.1, 1.1, 1.1])
    v[:, _TAIL[0], 2] += -style.tail_side_rad + 0.3 * yaw
    if not still:
        # hair follows the croup late: it rises while the horse sinks; the more, the further it is carried
        bounce = style.trunk_motion * (0.4 + lift) * (0.02 + 1.0 * np.asarray(gait.heave.size)[..., None])
        turn = gait.heave.cycles * (phase - gait.heave.peak)
        v[:, _TAIL, 0] += bounce * np.cos(2 * np.pi * (turn[:, None] - 0.25 - lag))


def _ear(back_rad: float, phase: np.ndarray, offset: float, side: float) -> np.ndarray:
    flick = 0.12 * np.cos(2 * np.pi * (phase + offset)) ** 3
    return np.stack([back_rad * 0.9 + flick, 0 * phase, -side * (0.5 * back_rad + flick)], -1)


def pose_hair(v: np.ndarray, gait: Gait, style: Style, phase: np.ndarray) -> None:
    """Let mane and forelock bounce and sway a quarter of a cycle behind the neck that carries them; flare the nostrils.

    The sizes are guesses: hair flies by 8° at a walk and 35° at a gallop's heave.
    """
    size = style.trunk_motion * (0.05 + 6.0 * np.abs(np.asarray(gait.heave.size) * gait.heave.cycles**1.5))
    size = np.minimum(size, 0.6)
    turn = gait.heave.cycles * (phase - gait.heave.peak)
    up = size * np.cos(2 * np.pi * (turn - 0.3))
    side = 0.5 * size * np.cos(2 * np.pi * (phase - 0.2))
    for i, (base, top) in enumerate(_MANE):
        late = np.cos(2 * np.pi * (turn - 0.42 - 0.02 * i))
        v[:, base, 1] += 0.25 * side
        v[:, top, 1] += side + 0.9 * up
        v[:, top, 0] += 0.4 * size * late
    breath = np.cos(2 * np.pi * (phase - 0.6)) if gait.heave.cycles == 1 else np.cos(2 * np.pi * phase)
    for nose in _NOSTRILS:
        v[:, nose, 0] += np.radians(3.0) * breath
    v[:, _JAW, 0] += np.radians(0.6) * (1.0 - np.cos(2 * np.pi * (turn - 0.1)))


def _pose_idle(v: np.ndarray, style: Style, phase: np.ndarray) -> None:
    """Add breathing, the drift of the head and the tail's swish to a standing horse; all repeat with the phase."""
    turn = 2 * np.pi * phase
    k = style.trunk_motion
    v[:, _CHEST, 0] = np.radians(1.2) * np.sin(2 * turn)
    v[:, _SPINE[1:3], 0] += np.radians(0.35) * np.sin(2 * turn)[:, None]
    v[:, _NECK, 0] += k * np.radians(1.4) * (np.sin(turn + 0.4) + 0.4 * np.sin(3 * turn + 1.0))[:, None]
    v[:, _NECK, 2] += k * np.radians(1.8) * np.sin(turn + 2.0)[:, None]
    v[:, _HEAD, 0] += k * np.radians(1.5) * np.sin(2 * turn + 0.8)
    v[:, _HEAD, 2] += k * np.radians(3.0) * np.sin(turn + 1.2)
    swish = np.exp(-((((phase + 0.35) % 1.0 - 0.5) / 0.12) ** 2)) * np.sin(2 * np.pi * 5 * phase)
    v[:, _TAIL, 2] += 0.22 * k * swish[:, None] * np.array([0.5, 1.0, 1.0, 0.9, 0.8])
    v[:, _J["DEF-ear.L"], 2] += 0.25 * np.exp(-((((phase + 0.1) % 1.0 - 0.5) / 0.05) ** 2))
    v[:, _J["DEF-ear.R"], 2] -= 0.25 * np.exp(-((((phase + 0.75) % 1.0 - 0.5) / 0.05) ** 2))
