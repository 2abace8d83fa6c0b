"""Moves by name: clips of them, and random stretches for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate
from kinequimation.motion.motion import Motion
from kinequimation.motion.moves.attitude import solve
from kinequimation.motion.moves.buck import make_buck, make_kick
from kinequimation.motion.moves.frame import HEAD, NECK, TAIL, Frame, frame_of
from kinequimation.motion.moves.getting import make_get_up, make_lie_down
from kinequimation.motion.moves.graze import make_graze
from kinequimation.motion.moves.idle import MOODS, make_idle
from kinequimation.motion.moves.jump import FENCES_M, make_jump
from kinequimation.motion.moves.lie import make_lie
from kinequimation.motion.moves.life import Life
from kinequimation.motion.moves.paw import make_paw
from kinequimation.motion.moves.rear import make_rear
from kinequimation.motion.style import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kinequimation.body.horse import Body
    from kinequimation.motion.moves.attitude import Attitude
    from kinequimation.motion.moves.score import Score

MOVE_NAMES: tuple[str, ...] = ("jump", "graze", "rear", "buck", "kick", "paw", "stand", "lie", "lie_down", "get_up")
SIDES: tuple[str, ...] = ("right", "left")
"""The lead of a jump, and the side of every other move that has one; the left one is the mirror image."""

_PARAMETERS: dict[str, Callable[[np.random.Generator, Frame], Mapping[str, float | str]]] = {
    "jump": lambda rng, frame: {
        "fence_m": float(np.clip(rng.uniform(0.2, 0.95) * frame.height_m, *FENCES_M)),
    },
    "graze": lambda rng, _: {"every_s": float(rng.uniform(2.2, 6.0)), "cropping": float(rng.uniform(0, 1.5))},
    "rear": lambda rng, _: {
        "angle_deg": float(rng.triangular(18.0, 50.0, 68.0)),
        "hold_s": float(rng.uniform(0.0, 1.2)),
        "pawing": float(rng.uniform(0, 1)),
        "anger": float(rng.uniform(0, 1)),
    },
    "buck": lambda rng, _: {
        "bucks": 2,
        "angle_deg": float(rng.uniform(14.0, 42.0)),
        "travel": float(rng.uniform(0.1, 0.7)),
        "twist": float(rng.uniform(0.0, 1.0)),
    },
    "kick": lambda rng, _: {"angle_deg": float(rng.uniform(10.0, 32.0)), "one_sided": float(rng.integers(2))},
    "paw": lambda rng, _: {"strokes_hz": float(rng.uniform(0.5, 1.3))},
    "lie": lambda rng, _: {"flatness": float(rng.random() < 0.35)},
    "stand": lambda rng, _: {
        "mood": str(rng.choice(tuple(MOODS))),
        "every_s": float(rng.uniform(5.0, 15.0)),
        "shaking": float(rng.uniform(0.0, 1.0) * (rng.random() < 0.3)),
    },
}
"""How the parameters of each move are drawn (judgement)."""
_ENDLESS: dict[str, float] = {"jump": 3.0, "graze": 20.0, "paw": 6.0, "stand": 30.0, "lie": 20.0}
"""Moves that go on for as long as they are asked to (the others end standing or lying), and from how many seconds of
a 1.60 m horse a random stretch begins."""
_SHORTEST_S = 10.0
"""A random stretch is cut from a move that goes on for this long, so that its length does not change its beginning."""
_SCORES: dict[str, Callable[..., Score]] = {
    "jump": make_jump,
    "graze": make_graze,
    "rear": make_rear,
    "buck": make_buck,
    "kick": make_kick,
    "paw": make_paw,
    "stand": make_idle,
    "lie": make_lie,
    "lie_down": make_lie_down,
    "get_up": make_get_up,
}


def make_move(
    name: str,
    body: Body,
    seconds: float | None = None,
    fps: float = 60.0,
    *,
    style: Style | None = None,
    rng: np.random.Generator | None = None,
    side: str = "right",
    **parameters: float | str,
) -> Motion:
    """Make a horse do something that is no gait.

    Args:
        name: one of ``MOVE_NAMES``.
        body: the horse.
        seconds: how long; None for as long as the move takes. A longer clip goes on with what comes after it.
        fps: frames per second.
        style: its heading, and how head, neck, ears and tail are carried more than usual.
        rng: draws the small movements of a living horse; without it they are always the same.
        side: one of ``SIDES``.
        parameters: of the move: see ``make_jump`` and its like.

    Returns:
        the motion; hooves that stand do not move.

    Raises:
        InputError: the move or a parameter is not known, or a number is out of range.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a number above 0, got {fps}")
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise InputError(f"seconds: expected a number above 0, got {seconds}")
    if side not in SIDES:
        raise InputError(f"unknown side {side!r}: expected one of {', '.join(SIDES)}")
    frame = frame_of(body)
    score = _score(name, frame, Life.draw(rng), seconds, parameters)
    length = score.end_s - score.start_s if seconds is None else seconds
    t_s = np.arange(max(1, round(length * fps))) / fps
    return _perform(name, frame, score, score.start_s + t_s, t_s, fps, style or Style(), side)


def sample_move(rng: np.random.Generator, body: Body, n_frames: int, fps: float, kind: str | None = None) -> Motion:
    """Draw a random stretch of a random move for training: parameters, side, direction and carriage are random too.

    Args:
        rng: source of randomness; the same state gives the same motion.
        body: the horse.
        n_frames: frames to make; only these are posed.
        fps: frames per second.
        kind: one of ``MOVE_NAMES``; None for any.
    """
    name = str(rng.choice(MOVE_NAMES)) if kind is None else kind
    frame = frame_of(body)
    parameters = _PARAMETERS[name](rng, frame) if name in _PARAMETERS else {}
    share, t_s = rng.random(), np.arange(n_frames) / fps
    long = None
    if name in _ENDLESS:
        long = _ENDLESS[name] * frame.tempo
        start, long = share * long, long + max(n_frames / fps, _SHORTEST_S)
    score = _score(name, frame, Life.draw(rng), long, parameters)
    if long is None:
        start = share * (score.end_s - score.start_s)
    return _perform(name, frame, score, score.start_s + start + t_s, t_s, fps, _style(rng), str(rng.choice(SIDES)))


def _style(rng: np.random.Generator) -> Style:
    """Draw a heading, and small departures in how head, ears and tail are carried (judgement)."""
    ears = rng.normal(0.0, 0.2) + rng.normal(0.0, 0.12, 2)
    return Style(
        heading_rad=float(rng.uniform(-np.pi, np.pi)),
        neck_bend_rad=float(rng.normal(0.0, 0.10)),
        head_turn_rad=float(rng.normal(0.0, 0.08)),
        head_tilt_rad=float(rng.normal(0.0, 0.04)),
        jaw_open_rad=float(max(0.0, rng.normal(-0.05, 0.08))),
        ear_back_rad=(float(ears[0]), float(ears[1])),
        tail_side_rad=float(rng.normal(0.0, 0.15)),
    )


def _score(name: str, frame: Frame, life: Life, seconds: float | None, parameters: Mapping[str, float | str]) -> Score:
    if name not in MOVE_NAMES:
        raise InputError(f"unknown move {name!r}: expected one of {', '.join(MOVE_NAMES)}")
    if seconds is not None and name in _ENDLESS:
        parameters = {"seconds": seconds, **parameters}
    try:
        return _SCORES[name](frame, life, **parameters)
    except TypeError as error:
        raise InputError(f"{name}: {error}") from error


def _perform(
    name: str,
    frame: Frame,
    score: Score,
    at_s: np.ndarray,
    t_s: np.ndarray,
    fps: float,
    style: Style,
    side: str,
) -> Motion:
    """Pose the horse at times of a score, heading where the style says."""
    asked = score.attitude(at_s)
    _carry(asked, style.mirrored() if side == "left" else style)
    root, quat = solve(frame, asked)
    contact = asked.contact
    if side == "left":
        root = root * [-1.0, 1.0, 1.0]
        quat = quat[:, skeleton.MIRROR_JOINTS] * [1.0, 1.0, -1.0, -1.0]
        contact = contact[:, [1, 0, 3, 2]]
    heading = quat_from_axis_angle((0.0, 0.0, 1.0), style.heading_rad)
    root = quat_rotate(heading, root)
    quat[:, 0] = quat_multiply(heading, quat[:, 0])
    return Motion(root, quat, contact, t_s, fps, np.ones(len(t_s)), frame.body.shape, name)


def _carry(asked: Attitude, style: Style) -> None:
    """Add the style's carriage of neck, head, ears and tail to what is asked. Changes it."""
    v = asked.rotvec
    v[:, NECK, 2] += style.neck_bend_rad * np.array([0.3, 0.27, 0.25, 0.18])
    v[:, HEAD, 1] += style.head_tilt_rad
    v[:, HEAD, 2] += style.head_turn_rad
    v[:, skeleton.JOINT_INDEX["DEF-jaw"], 0] += style.jaw_open_rad
    v[:, TAIL[0], 2] -= style.tail_side_rad
    for ear, back in zip(("DEF-ear.L", "DEF-ear.R"), style.ear_back_rad, strict=True):
        v[:, skeleton.JOINT_INDEX[ear], 0] += 0.9 * back
