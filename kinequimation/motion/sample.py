"""Random motion for training: what a horse in front of a camera may be doing (sources, B6, row pose)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_rotvec, quat_multiply, quat_rotate
from kinequimation.motion.animate import GRAVITY_MPS2
from kinequimation.motion.gaits import strides_motion
from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.limits import JOINT_LIMITS
from kinequimation.motion.motion import Motion
from kinequimation.motion.moves import MOVE_NAMES, sample_move
from kinequimation.motion.pace import frequency_hz, froude, speed_range_mps
from kinequimation.motion.ride import Segment, ride_motion
from kinequimation.motion.style import sample_style
from kinequimation.motion.table import GAIT_NAMES, table_of
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.body.horse import Body
    from kinequimation.motion.style import Style

_KIND_SHARES = {
    "gait": 0.58, "jump": 0.10, "stand": 0.09, "graze": 0.09, "rear": 0.018, "buck": 0.017, "kick": 0.010, "paw": 0.010,
    "lie": 0.015, "lie_down": 0.015, "get_up": 0.015, "wild": 0.04,
}  # fmt: skip
"""What the horse does (sources, B6: gaits .55, jump .10, standing .10, grazing .08, rearing, bucking and kicking .05,
lying .04, random noise .08 about any of them: here a poise of its own, "wild", and noise on every gait)."""
_GAIT_SHARES = {
    "walk": 0.24, "trot": 0.22, "canter_left": 0.09, "canter_right": 0.09, "gallop_left": 0.06, "gallop_right": 0.06,
    "jog": 0.04, "tolt": 0.05, "pace": 0.04, "passage": 0.03, "piaffe": 0.03, "fox_trot": 0.02, "idle": 0.03,
}  # fmt: skip
"""How often each gait is drawn among gaits (a guess after what videos show)."""
_NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "idle": ("walk", "walk", "trot"),
    "walk": ("trot", "idle", "jog", "tolt", "piaffe", "canter_left", "canter_right", "fox_trot"),
    "trot": ("walk", "canter_left", "canter_right", "passage", "pace"),
    "jog": ("walk", "trot", "canter_left", "canter_right"),
    "piaffe": ("passage", "walk"),
    "passage": ("piaffe", "trot"),
    "pace": ("tolt", "walk", "trot"),
    "tolt": ("walk", "pace", "trot"),
    "fox_trot": ("walk", "canter_right"),
    "canter_left": ("trot", "gallop_left", "canter_right", "walk"),
    "canter_right": ("trot", "gallop_right", "canter_left", "walk"),
    "gallop_left": ("canter_left", "gallop_right"),
    "gallop_right": ("canter_right", "gallop_left"),
}
"""What a horse goes over to from each gait."""
_STEEPEST_LEAN = 0.25
"""Greatest sideways acceleration on a bend, in g."""


@dataclass(frozen=True)
class MotionShares:
    """How often a horse does what; the weights of kinds and of gaits are relative to each other.

    Attributes:
        kinds: weight of ``gait``, of each of ``MOVE_NAMES``, and of ``wild``, a poise of its own in the air.
        gaits: weight of each gait among gaits.
        rides: of the gaits: how often the moment is near a transition, or in a change of speed or direction (guess).
        racing: how often a trot or pace is a race's (guess).

    Raises:
        InputError: a name is not known, a weight is negative, or all of a kind are 0.
    """

    kinds: dict[str, float] = field(default_factory=lambda: dict(_KIND_SHARES))
    gaits: dict[str, float] = field(default_factory=lambda: dict(_GAIT_SHARES))
    rides: float = 0.18
    racing: float = 0.12

    def __post_init__(self) -> None:
        for name, known in (("kinds", ("gait", *MOVE_NAMES, "wild")), ("gaits", GAIT_NAMES)):
            weights = getattr(self, name)
            if not set(weights) <= set(known):
                raise InputError(f"{name}: expected names of {', '.join(known)}, got {', '.join(weights)}")
            if min(weights.values(), default=0.0) < 0 or not sum(weights.values()) > 0:
                raise InputError(f"{name}: expected weights from 0, not all of them 0, got {weights}")


def _pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    share = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=share / share.sum()))


def sample_motion(
    rng: np.random.Generator, body: Body, n_frames: int, fps: float, shares: MotionShares | None = None
) -> Motion:
    """Draw a random clip for training: what, how fast, which moment, way of going, direction; now and then a wild pose.

    Args:
        rng: source of randomness; the same state gives the same motion.
        body: the horse.
        n_frames: frames to make.
        fps: frames per second.
        shares: how often it does what.
    """
    shares = shares or MotionShares()
    kind = _pick(rng, shares.kinds)
    if kind in MOVE_NAMES:
        return sample_move(rng, body, n_frames, fps, kind)
    motion = _sample_gait(rng, body, n_frames, fps, shares)
    return _wild(rng, body, motion, fps) if kind == "wild" else motion


def _sample_gait(rng: np.random.Generator, body: Body, n_frames: int, fps: float, shares: MotionShares) -> Motion:
    gait = _pick(rng, shares.gaits)
    speed = _sample_speed(rng, gait, body, shares.racing)
    moving = gait != "idle"
    style = sample_style(rng, moving, head_free=not moving or (gait == "walk" and speed < 1.2 * froude(body)))
    if gait == "tolt" and rng.random() < 0.3:
        # most horses' tölt leans towards the pace, whose fore hooves land earlier (sources, E2)
        early = -rng.uniform(0.0, 0.12)
        style = dataclasses.replace(style, limb_phase=tuple(np.add(style.limb_phase, [early, early, 0, 0]).tolist()))
    if moving and rng.random() < 0.05:
        limb, size = str(rng.choice(skeleton.LIMBS)), float(rng.uniform(5, 60))
        style = dataclasses.replace(style, lame_limb=limb, lameness_mm=size)
    steepest = _STEEPEST_LEAN * GRAVITY_MPS2 / max(speed, 1.0) ** 2
    style = dataclasses.replace(style, turn_per_m=float(np.clip(style.turn_per_m, -steepest, steepest)))
    noise = _noise(rng, n_frames, fps)
    t_s = np.arange(n_frames) / fps
    if rng.random() < shares.rides:
        return _sample_ride(rng, body, style, gait, speed, t_s, fps, noise, shares.racing)
    table, _ = table_of(gait)
    frequency = float(frequency_hz(table, table.at(speed / froude(body)), body, speed))
    return strides_motion(gait, body, style, speed, frequency, t_s, fps, noise, exact=False)


def _sample_speed(rng: np.random.Generator, gait: str, body: Body, racing: float) -> float:
    """Draw a speed within the gait's limits; a trot's and a pace's racing end now and then."""
    slow, usual, fast = speed_range_mps(table_of(gait)[0], body)
    if gait in ("trot", "pace") and rng.random() > racing:
        fast = 1.65 * usual
    return float(rng.uniform(slow, fast))


def _sample_ride(
    rng: np.random.Generator,
    body: Body,
    style: Style,
    gait: str,
    speed: float,
    t_s: np.ndarray,
    fps: float,
    noise: np.ndarray,
    racing: float,
) -> Motion:
    """Draw some moments about a change: of gait, or of speed and direction."""
    if rng.random() < 0.65:
        after = str(rng.choice(_NEIGHBOURS[gait]))
        to = _sample_speed(rng, after, body, racing)
    else:
        after, to = gait, _sample_speed(rng, gait, body, racing)
    seconds = max(2.5, abs(to - speed) / 2.0)
    steepest = _STEEPEST_LEAN * GRAVITY_MPS2 / max(speed, to, 1.0) ** 2
    turns = np.clip(rng.normal(0, 0.06, 2), -steepest, steepest)
    style = dataclasses.replace(style, turn_per_m=0.0)
    plan = [
        Segment(gait, seconds, speed, float(turns[0])),
        Segment(after, seconds + t_s[-1], to, (float(turns[0]), float(turns[1]))),
    ]
    begin = seconds + rng.uniform(-1.2, 1.0) * min(1.0, seconds / 2.5)
    return ride_motion(plan, body, fps, style, begin + t_s, noise)


def _noise(rng: np.random.Generator, n_frames: int, fps: float) -> np.ndarray:
    """Return smooth random turns [T, 81, 3] of the joints, radians: a constant part, and two slow waves."""
    return _waves(rng, n_frames, fps, _NOISE_SIZE * rng.uniform(0.3, 1.5))


def _noise_size() -> np.ndarray:
    size = np.radians(1.6) * np.ones((skeleton.NUM_JOINTS, 1))
    size[0] = np.radians(0.8)
    for j, name in enumerate(skeleton.JOINTS):
        if "tail" in name or "mane" in name:
            size[j] = np.radians(5.0)
        if "ear" in name and "forearm" not in name:
            size[j] = np.radians(9.0)
        if "neck" in name or "head" in name:
            size[j] = np.radians(2.5)
    return size


_NOISE_SIZE = _noise_size()


def _waves(rng: np.random.Generator, n_frames: int, fps: float, size: np.ndarray) -> np.ndarray:
    turn = 2 * np.pi * np.arange(n_frames)[:, None] / fps * rng.uniform(0.1, 1.5, 2) + rng.uniform(0, 2 * np.pi, 2)
    basis = np.concatenate([np.ones((n_frames, 1)), np.sin(turn)], 1) / np.sqrt(2.0)
    weights = rng.normal(size=(3, skeleton.NUM_JOINTS, 3)) * size
    return np.tensordot(basis, weights, axes=1)


def _wild(rng: np.random.Generator, body: Body, motion: Motion, fps: float) -> Motion:
    """Throw the horse into the air: trunk pitched and rolled, limbs bent anyhow within their limits."""
    root, quat = motion.root_xyz_world, motion.quat_wxyz
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
    return Motion(moved, out, np.zeros((n_frames, 4)), motion.t_s, fps, motion.confidence, body.shape, "wild")
