"""Generated horses to learn gaits from: their true signals, and what they do in each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body import Body, sample_shape
from kinequimation.gait.names import GAITS, of_generator
from kinequimation.gait.period import stride_periods
from kinequimation.gait.sequence import filled_period, sequence, stride_time
from kinequimation.gait.signals import TRUNK, Signals, read_signals
from kinequimation.motion import MOTION_NAMES, MotionShares, sample_motion
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.motion import Motion

FPS, SECONDS = 40.0, 4.5
"""Of a generated clip: two strides of the slowest walk, and enough frames for the contacts of a gallop."""
SHARES = MotionShares(
    kinds={"gait": 0.74, "jump": 0.10, "stand": 0.03, "graze": 0.03, "paw": 0.015, "rear": 0.02, "buck": 0.02,
           "kick": 0.015, "lie": 0.01, "lie_down": 0.01, "get_up": 0.01},
    gaits={"walk": 0.18, "trot": 0.15, "jog": 0.06, "passage": 0.07, "piaffe": 0.06, "pace": 0.07, "tolt": 0.08,
           "fox_trot": 0.06, "canter_left": 0.09, "canter_right": 0.09, "gallop_left": 0.06, "gallop_right": 0.06,
           "idle": 0.03},
    rides=0.2,
)  # fmt: skip
"""What is drawn: every gait often enough to be learned (judgement)."""


@dataclass(frozen=True)
class GaitClips:
    """Clips of generated horses.

    Attributes:
        rows: [N, T, 17] the signals: swing, lift, contact, trunk_z, pitch_rad, way (see ``Signals``).
        label: [N, T] place in ``GAITS``.
        phase: [N, T] of the stride, NaN where there is none.
        tempo: [N] square root of the withers height over 1.60 m: how much longer than a horse of 1.60 m it takes.
    """

    rows: Float[np.ndarray, "n t 17"]
    label: Int[np.ndarray, "n t"]
    phase: Float[np.ndarray, "n t"]
    tempo: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.rows)


def make_clips(seed: int, n_clips: int, progress: Progress = no_progress) -> GaitClips:
    """Make random clips; clip ``i`` of a seed is the same whichever others are made."""
    n = round(FPS * SECONDS)
    rows, phase = np.empty((n_clips, n, 17), np.float32), np.empty((n_clips, n), np.float32)
    label, tempo = np.empty((n_clips, n), np.int8), np.empty(n_clips, np.float32)
    for i in range(n_clips):
        rng = np.random.default_rng((seed, i))
        body = Body(sample_shape(rng))
        motion = sample_motion(rng, body, n, FPS, SHARES)
        signals = read_signals(motion)
        rows[i], phase[i], label[i] = signals.rows(), motion.phase, labels_of(motion, signals)
        tempo[i] = np.sqrt(body.shape.withers_height_m / 1.60)
        progress("clips", i + 1, n_clips)
    return GaitClips(rows, label, phase, tempo)


def labels_of(motion: Motion, signals: Signals) -> Int[np.ndarray, " t"]:
    """Return the place in ``GAITS`` of what a generated horse does in each frame.

    A generated jump has canter before and after it: the jump itself is from when the last fore hoof leaves the ground
    to when the first hind hoof lands again.
    """
    names = [of_generator(str(name)) for name in motion.gait]
    label = np.array([GAITS.index(name) for name in names], np.int8)
    if motion.name != "jump":
        return label
    return _jump_labels(np.asarray(motion.contact) > 0.5, signals.trunk_z[:, 1:].mean(1))


def _jump_labels(on: Bool[np.ndarray, "t 4"], trunk_z: Float[np.ndarray, " t"]) -> Int[np.ndarray, " t"]:
    """Return the labels of a generated jump.

    Args:
        on: whether each hoof stands.
        trunk_z: mean height of withers and sacrum, withers heights.
    """
    air = ~on.any(1)
    height = np.where(air, trunk_z, -np.inf)
    top = int(height.argmax())
    lead = _lead(on)
    label = np.full(len(on), GAITS.index("canter_left" if lead == "left" else "canter_right"), np.int8)
    if not air.any() or height[top] < 1.05:  # a flight of the canter: the fence lies outside the clip
        return label
    fore, hind = np.any(on[:, :2], axis=1), np.any(on[:, 2:], axis=1)
    before, after = np.flatnonzero(fore[:top]), top + np.flatnonzero(hind[top:])
    start, stop = (before[-1] + 1 if len(before) else 0), (after[0] if len(after) else len(on))
    label[start:stop] = GAITS.index("jump")
    return label


@dataclass(frozen=True)
class PathClips:
    """Generated horses as the way from pixels to 3D gives them back: what ``degrade`` imitates, in truth.

    Attributes:
        channels: of each clip, [R, 19] as the classifier reads them.
        label: of each clip, [R] place in ``GAITS``; −1 where it is not known.
    """

    channels: tuple[Float[np.ndarray, "r 19"], ...]
    label: tuple[Int[np.ndarray, " r"], ...]

    def __len__(self) -> int:
        return len(self.channels)


def labels_by_name(
    name: str, contact: Float[np.ndarray, "t 4"], xyz_world: Float[np.ndarray, "t 103 3"]
) -> Int[np.ndarray, " t"]:
    """Return the place in ``GAITS`` of what a generated horse does in each frame, as far as its name says; else −1.

    Args:
        name: what the horse does, as recordings have it: transitions do not tell when what.
        contact: true, from 0 to 1.
        xyz_world: the keypoints, in withers heights, the ground at 0.
    """
    if name == "jump":
        return _jump_labels(contact > 0.5, xyz_world[:, TRUNK[1:], 2].mean(1))
    gait = of_generator(name)
    known = name in MOTION_NAMES and name != "wild"
    return np.full(len(contact), GAITS.index(gait) if known else -1, np.int8)


def path_clip(motion: Motion, label: Int[np.ndarray, " t"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the channels of a fitted motion, and the label of each of their rows, as ``PathClips`` has them."""
    signals = read_signals(motion)
    tempo = np.sqrt(signals.withers_height_m / 1.60)
    strides = stride_time(filled_period(stride_periods(signals), signals.step_s, float(tempo)), signals.t_s)
    channels, u = sequence(signals.rows(), signals.seen.astype(float), strides)
    t_s = np.interp(u, strides, signals.t_s)
    nearest = np.clip(np.searchsorted(motion.t_s, t_s - 0.5 * signals.step_s), 0, len(motion) - 1)
    return channels, label[nearest].astype(int)


def _lead(on: np.ndarray) -> str:
    """Return the lead: the fore hoof that lands shortly after the other."""
    left, right = (np.flatnonzero(np.diff(on[:, i].astype(int)) == 1) for i in (0, 1))
    gaps = [t - left[left < t][-1] for t in right if np.any(left < t)]
    others = [t - right[right < t][-1] for t in left if np.any(right < t)]
    return "right" if np.median(gaps or [np.inf]) <= np.median(others or [np.inf]) else "left"
