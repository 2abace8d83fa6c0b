"""Gaits made by formula: horses that walk, trot, canter and stand, for clips and as training data.

A motion is made from the ground up. The path and the footfall table say where each hoof stands and flies
(``steps``), the gait says how the trunk swings (``trunk``) and roughly how the joints bend, and the limbs then reach
for their hooves (``limbs``). So a hoof stays where it lands whatever the trunk does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_rotvec,
    quat_multiply,
    quat_rotate,
    quat_to_matrix,
)
from kinequimation.motion.curves import ease, limb_keys, swing_value
from kinequimation.motion.limbs import BASE, CHAIN, Limbs, reach, rest_toes
from kinequimation.motion.limits import JOINT_LIMITS, LIMB_JOINTS, rest_angle_deg
from kinequimation.motion.motion import Motion
from kinequimation.motion.steps import Hooves, Path, limb_duty, moving_hooves, standing_hooves
from kinequimation.motion.style import Style, sample_style
from kinequimation.motion.table import GAITS, REFERENCE_HEIGHT_M, Gait
from kinequimation.motion.trunk import TRUNK_REFERENCE, pose_trunk

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

GAIT_NAMES: tuple[str, ...] = ("walk", "trot", "canter_left", "canter_right", "idle")
_J = skeleton.JOINT_INDEX
_SPINE_CHAIN = [_J["root"], *(_J[f"DEF-spine.00{i}"] for i in range(1, 7))]
_MAX_REACH = 0.40
"""Half of the longest stance, as a fraction of the limb's length: about 22° either way. Shorter-legged or faster
horses step more often instead."""
_SOFTNESS = 0.006
"""Distance before its full stretch at which a limb begins to pull the trunk down, in withers heights."""
_HOOF_SLACK_DEG = 25.0
"""How willingly a hoof in the air departs from its wished-for tip."""


def make_motion(
    gait: str,
    body: Body,
    seconds: float | None = None,
    fps: float = 60.0,
    speed_mps: float | None = None,
    style: Style | None = None,
) -> Motion:
    """Make a horse move.

    Args:
        gait: one of ``GAIT_NAMES``.
        body: the horse.
        seconds: how long; None for exactly one stride (8 s for idle), a loop: the frame after the last would be the
            first again, further along. The stride then lasts a whole number of frames.
        fps: frames per second.
        speed_mps: speed along the path; None for the gait's usual speed at the horse's size.
        style: the way of going.

    Returns:
        the motion; hooves that stand do not move.

    Raises:
        InputError: the gait is not known, or a number is out of range.
    """
    if gait not in GAIT_NAMES:
        raise InputError(f"unknown gait {gait!r}: expected one of {', '.join(GAIT_NAMES)}")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a number above 0, got {fps}")
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise InputError(f"seconds: expected a number above 0, got {seconds}")
    if speed_mps is not None and not (np.isfinite(speed_mps) and 0 <= speed_mps <= 20):
        raise InputError(f"speed: expected 0 to 20 m/s, got {speed_mps}")
    style = style or Style()
    table, mirrored = _table(gait)
    speed, frequency = _pace(table, body, speed_mps)
    if seconds is None:
        n_frames = max(2, round(fps / frequency))
        frequency = fps / n_frames
    else:
        n_frames = max(1, round(seconds * fps))
    t_s = np.arange(n_frames) / fps
    root, quat, contact = _animate(table, body, style.mirrored() if mirrored else style, speed, frequency, t_s)
    if mirrored:
        root, quat, contact = mirror_pose(root, quat, contact)
    return Motion(root, quat, contact, t_s, fps, np.ones(n_frames), body.shape, gait)


def mirror_pose(
    root_xyz_world: Float[np.ndarray, "frames 3"],
    quat_wxyz: Float[np.ndarray, "frames 81 4"],
    contact: Float[np.ndarray, "frames 4"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mirror image of a motion's arrays in the plane x = 0."""
    root = root_xyz_world * [-1.0, 1.0, 1.0]
    quat = quat_wxyz[:, skeleton.MIRROR_JOINTS] * [1.0, 1.0, -1.0, -1.0]
    return root, quat, contact[:, [1, 0, 3, 2]]


def sample_motion(rng: np.random.Generator, body: Body, n_frames: int, fps: float) -> Motion:
    """Draw a random clip for training: gait, speed, moment, way of going, direction; now and then a wild pose.

    Args:
        rng: source of randomness; the same state gives the same motion.
        body: the horse.
        n_frames: frames to make.
        fps: frames per second.
    """
    gait = str(rng.choice(GAIT_NAMES, p=[0.28, 0.2, 0.12, 0.12, 0.28]))
    table, mirrored = _table(gait)
    slow, _, fast = np.array(table.speed_mps) * np.sqrt(body.shape.withers_height_m / REFERENCE_HEIGHT_M)
    speed = float(rng.uniform(slow, fast))
    moving = gait != "idle"
    style = sample_style(rng, moving, head_free=not moving or (gait == "walk" and speed < 0.5 * (slow + fast)))
    wild = rng.random() < 0.06
    noise = _noise(rng, n_frames, fps)
    speed, frequency = _pace(table, body, speed)
    t_s = np.arange(n_frames) / fps
    root, quat, contact = _animate(
        table, body, style.mirrored() if mirrored else style, speed, frequency, t_s, noise=noise
    )
    if mirrored:
        root, quat, contact = mirror_pose(root, quat, contact)
    name = gait
    if wild:
        root, quat, contact = _wild(rng, body, root, quat, fps)
        name = "wild"
    return Motion(root, quat, contact, t_s, fps, np.ones(n_frames), body.shape, name)


def _table(gait: str) -> tuple[Gait, bool]:
    """Return a gait's numbers, and whether its motion is the mirror image of theirs."""
    return (GAITS["canter_right"], True) if gait == "canter_left" else (GAITS[gait], False)


def _pace(gait: Gait, body: Body, speed_mps: float | None) -> tuple[float, float]:
    """Return speed and stride frequency at a body's size (sources, E1, Froude-scaled)."""
    froude = np.sqrt(body.shape.withers_height_m / REFERENCE_HEIGHT_M)
    speed = gait.speed_mps[1] * froude if speed_mps is None else speed_mps
    frequency = (gait.frequency_hz[0] + gait.frequency_hz[1] * speed / froude) / froude
    leg = body.rest_xyz[_J["DEF-thigh.L"], 2]
    return float(speed), float(
        max(frequency, 0.5 * speed * max(gait.duty) / (_MAX_REACH * leg)) if speed else frequency
    )


def _animate(
    gait: Gait,
    body: Body,
    style: Style,
    speed_mps: float,
    frequency_hz: float,
    t_s: np.ndarray,
    noise: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return root positions, rotations and contacts at times ``t_s``."""
    height = body.shape.withers_height_m
    phase = frequency_hz * t_s + style.phase
    toes = _symmetric(rest_toes(body))
    path = Path(speed_mps, style.heading_rad, style.turn_per_m)
    if gait.duty[0] < 1.0:
        hooves = moving_hooves(gait, style, path, frequency_hz, toes, t_s, height)
    else:
        hooves = standing_hooves(toes, style, len(t_s), height)
    rotvec = pose_trunk(gait, style, phase, _tail_lift(body))
    if noise is not None:
        rotvec = rotvec + noise
    rotvec = np.clip(rotvec, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1])
    quat = quat_from_rotvec(rotvec)
    heading = quat_from_axis_angle((0.0, 0.0, 1.0), path.heading(t_s))
    quat[:, 0] = quat_multiply(heading, quat[:, 0])
    xyz, rotation = _spine(body, quat)
    sink = gait.settle * _stiff_drop(gait, body, speed_mps, frequency_hz)
    where = body.rest_xyz[TRUNK_REFERENCE] + _sway(gait, style, phase, height)
    where[:, 2] += style.trunk_motion * swing_value(gait.heave, phase) * height / REFERENCE_HEIGHT_M - sink
    target = np.concatenate([path.to_world(t_s, where[:, :2]), where[:, 2:]], 1)
    root = target - xyz[:, _SPINE_CHAIN.index(TRUNK_REFERENCE)]
    base = [_SPINE_CHAIN.index(j) for j in BASE]
    base_R = quat_to_matrix(rotation[:, base])
    wish, slack, hoof_slack = _wishes(gait, style, body, hooves)
    if noise is not None:
        wish = wish + noise[:, CHAIN, 0]
    hoof_quat = quat_multiply(
        quat_from_axis_angle((0.0, 0.0, 1.0), hooves.yaw_rad), quat_from_axis_angle((1.0, 0.0, 0.0), hooves.pitch_rad)
    )
    hoof_R = quat_to_matrix(hoof_quat)
    limbs = Limbs.of(body, toes)
    over = limbs.overreach(xyz[:, base] + root[:, None], base_R, wish, hooves.toe_xyz_world, hoof_R)
    root[:, 2] -= _soft_positive_max(over, _SOFTNESS * height)
    base_xyz = xyz[:, base] + root[:, None]
    quat[:, CHAIN] = reach(limbs, base_xyz, base_R, wish, slack, hooves.toe_xyz_world, hoof_R, hoof_slack)
    return root, quat, hooves.contact


def _soft_positive_max(x: np.ndarray, softness: float) -> np.ndarray:
    """Return a smooth version, never below, of the greatest of 0 and the last axis."""
    top = np.maximum(x.max(-1), 0.0)
    return top + softness * np.log(np.exp(-top / softness) + np.exp((x - top[..., None]) / softness).sum(-1))


def _tail_lift(body: Body) -> float:
    """Return how much a tail that would reach the ground has to be lifted, radians."""
    tail = [_J[f"DEF-tail.00{i}"] for i in range(1, 6)]
    room = 0.78 * body.rest_xyz[tail[0], 2] / body.bone_lengths[tail].sum()
    return float(np.arccos(min(room, 1.0)))


def _symmetric(toes: np.ndarray) -> np.ndarray:
    """Make left and right mirror images: the mesh's own vertices are so only to a few millimetres."""
    return 0.5 * (toes + toes[[1, 0, 3, 2]] * [-1.0, 1.0, 1.0])


def _spine(body: Body, quat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose root and spine alone, the root at the origin: positions [T, 7, 3] and rotations [T, 7, 4]."""
    xyz = np.zeros((len(quat), len(_SPINE_CHAIN), 3))
    rotation = np.empty((len(quat), len(_SPINE_CHAIN), 4))
    rotation[:, 0] = quat[:, 0]
    for i in range(1, len(_SPINE_CHAIN)):
        j, p = _SPINE_CHAIN[i], _SPINE_CHAIN[i - 1]
        xyz[:, i] = xyz[:, i - 1] + quat_rotate(rotation[:, i - 1], body.rest_xyz[j] - body.rest_xyz[p])
        rotation[:, i] = quat_multiply(rotation[:, i - 1], quat[:, j])
    return xyz, rotation


def _stiff_drop(gait: Gait, body: Body, speed_mps: float, frequency_hz: float) -> float:
    """Return how far a stiff hind limb at the end of its stance would lower the hip, metres."""
    leg = body.rest_xyz[_J["DEF-thigh.L"], 2]
    half = 0.5 * speed_mps * max(gait.duty) / frequency_hz
    return leg - float(np.sqrt(max(leg**2 - half**2, 0.5 * leg**2)))


def _sway(gait: Gait, style: Style, phase: np.ndarray, height_m: float) -> np.ndarray:
    """Return [T, 3] how a standing horse shifts its weight; nothing in motion."""
    sway = np.zeros((len(phase), 3))
    if gait.duty[0] >= 1.0:
        turn = 2 * np.pi * phase
        sway[:, 0] = 0.007 * np.sin(turn + 0.3) + 0.003 * np.sin(2 * turn + 1.9)
        sway[:, 1] = 0.005 * np.sin(turn + 1.5)
        sway[:, 2] = -0.002 + 0.0015 * np.sin(2 * turn)
        if style.cocked_hind:
            sway[:, 0] += 0.012 if style.cocked_hind == "RH" else -0.012  # over the hind limb that bears
        sway *= height_m * style.trunk_motion
    return sway


_FORE_JOINTS = ("shoulder", "elbow", "carpus", "fore_fetlock")
_HIND_JOINTS = ("hip", "stifle", "hock", "hind_fetlock")
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
_SLACK_DEG = {
    "fore": np.array([[4.0, 6.0, 6.0, 2.0, 10.0, 25.0], [5.0, 8.0, 12.0, 12.0, 18.0, 25.0]]),
    "hind": np.array([[0.0, 10.0, 9.0, 9.0, 10.0, 25.0], [0.0, 10.0, 12.0, 12.0, 18.0, 25.0]]),
}


def _wishes(gait: Gait, style: Style, body: Body, hooves: Hooves) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the limbs' wished-for turns about X and their slack, [T, 4, 6], and that of the hooves [T, 4]; radians."""
    n_frames = len(hooves.phase)
    wish = np.zeros((n_frames, 4, 6))
    slack = np.empty((n_frames, 4, 6))
    hoof_slack = np.zeros((n_frames, 4))
    standing = gait.duty[0] >= 1.0
    for pair, (part, joints) in enumerate((("fore", _FORE_JOINTS), ("hind", _HIND_JOINTS))):
        rows = slice(2 * pair, 2 * pair + 2)
        stance, swing = np.radians(_SLACK_DEG[part])
        slack[:, rows] = stance
        if standing:
            continue  # wish for the rest pose
        duty, phase = float(limb_duty(gait)[2 * pair]), hooves.phase[:, rows]
        action = style.action * np.array(style.limb_action)[rows]
        for link, joint in enumerate(joints, start=1):
            least, greatest = gait.ranges_deg[joint]
            least = least + _RIG_DEG.get(joint, 0.0)
            share = ease(phase, *limb_keys(duty, _SHAPES[joint]))
            # action deepens the flexion of the swing only
            share = np.where(share < 0.5, 0.5 - (0.5 - share) * np.clip(action, 0.5, 1.3), share)
            sense = LIMB_JOINTS[joint][3]
            rest = rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz)
            wish[:, rows, link] = np.radians(sense * (rest - (least + (greatest - least) * share)))
        if part == "fore":
            keys = limb_keys(duty, [(0.03, -1.0), (1.05, 1.0), (1.85, -1.05)])
            wish[:, rows, 0] = np.radians(gait.scapula_deg) * ease(phase, *keys)
        free = ease(phase, *limb_keys(duty, [(0.02, 0.0), (0.85, 0.0), (1.2, 1.0), (1.8, 1.0)]))[..., None]
        slack[:, rows] = stance + (swing - stance) * free
        keys = limb_keys(duty, [(0.0, 0.0), (0.999, 0.0), (1.3, 1.0), (1.6, 1.0), (1.9, 0.0)])
        hoof_slack[:, rows] = np.radians(_HOOF_SLACK_DEG) * ease(phase, *keys)
        # in the air the hoof hangs, bent back
        wish[:, rows, 5] += 0.35 * ease(phase, *limb_keys(duty, [(0.0, 0.0), (0.85, 0.1), (1.3, 1.0), (1.9, 0.0)]))
    return wish, slack, hoof_slack


def _noise(rng: np.random.Generator, n_frames: int, fps: float) -> np.ndarray:
    """Return smooth random turns [T, 81, 3] of the joints, radians: a constant part, and two slow waves."""
    size = np.radians(1.6) * np.ones((skeleton.NUM_JOINTS, 1))
    size[0] = np.radians(0.8)
    for j, name in enumerate(skeleton.JOINTS):
        if "tail" in name or "ear" in name or "mane" in name:
            size[j] = np.radians(5.0)
        if "neck" in name or "head" in name:
            size[j] = np.radians(2.5)
    return _waves(rng, n_frames, fps, size * rng.uniform(0.3, 1.5))


def _waves(rng: np.random.Generator, n_frames: int, fps: float, size: np.ndarray) -> np.ndarray:
    turn = 2 * np.pi * np.arange(n_frames)[:, None] / fps * rng.uniform(0.1, 1.5, 2) + rng.uniform(0, 2 * np.pi, 2)
    basis = np.concatenate([np.ones((n_frames, 1)), np.sin(turn)], 1) / np.sqrt(2.0)
    weights = rng.normal(size=(3, skeleton.NUM_JOINTS, 3)) * size
    return np.tensordot(basis, weights, axes=1)


def _wild(
    rng: np.random.Generator, body: Body, root: np.ndarray, quat: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Throw the horse into the air: trunk pitched and rolled, limbs bent anyhow within their limits."""
    n_frames = len(root)
    pitch, roll = np.radians(rng.uniform(-55, 40)), np.radians(rng.normal(0, 8))
    middle = body.rest_xyz[TRUNK_REFERENCE]
    tilt = quat_from_rotvec(np.array([pitch, roll, 0.0]))
    low, high = JOINT_LIMITS[CHAIN, 0], JOINT_LIMITS[CHAIN, 1]
    # both fores alike, both hinds alike, then apart; flexed between a third and all of the way
    share = np.clip(np.repeat(rng.beta(1.3, 1.3, (2, 6, 3)), 2, 0) + rng.normal(0, 0.12, (4, 6, 3)), 0.02, 0.98)
    share[..., 1:] = 0.5 + 0.3 * (share[..., 1:] - 0.5)
    pose = low + share * (high - low)
    drift = _waves(rng, n_frames, fps, np.full((skeleton.NUM_JOINTS, 1), np.radians(4.0)))[:, CHAIN]
    out = quat.copy()
    out[:, CHAIN] = quat_from_rotvec(np.clip(pose + drift, low, high))
    out[:, 0] = quat_multiply(quat[:, 0], np.broadcast_to(tilt, (n_frames, 4)))
    moved = (
        root
        + quat_rotate(quat[:, 0], np.broadcast_to(middle, root.shape))
        - quat_rotate(out[:, 0], np.broadcast_to(middle, root.shape))
    )
    lowest = body.joints(moved, out)[0][..., 2].min()
    moved[:, 2] += 0.05 * body.shape.withers_height_m - min(lowest, 0.0) + rng.uniform(0, 0.4)
    return moved, out, np.zeros((n_frames, 4))
