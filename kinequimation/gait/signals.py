"""What the gait is read from: how hooves and trunk move, at even times, without size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from kinequimation.motion import Motion

CHUNK = 512
"""Frames that are posed at once, so that memory stays small however long the clip is."""
MAX_FILLED = 4
"""Even times may be this many times as many as the frames: more, and most of the clip would be made up."""
SKIN_POINTS: tuple[str, ...] = ("poll", "withers", "croup")
"""Where movement analysis has its markers (sources, E7)."""
_K = skeleton.KEYPOINT_INDEX
TRUNK = [_K["DEF-head"], _K["DEF-spine.006"], _K[skeleton.SACRUM]]
"""Keypoints at poll, withers and sacrum."""
_SKIN = [_K[name] for name in SKIN_POINTS]
_TOES = [_K[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]


@dataclass(frozen=True)
class Signals:
    """A horse's movement at even times; lengths in withers heights. Hooves in the order LF, RF, LH, RH.

    Attributes:
        t_s: [T] even times, seconds.
        swing: [T, 4] each toe in front of the sacrum, along the trunk's level direction.
        lift: [T, 4] each toe above where it is when its hoof stands.
        contact: [T, 4] probability that the hoof stands.
        trunk_z: [T, 3] heights of the joints at poll, withers and sacrum above the ground.
        skin_z: [T, 3] heights of ``SKIN_POINTS``.
        pitch_rad: [T] of the trunk, front up.
        way: [T] how far the horse has gone forwards.
        seen: [T] whether the horse was found.
        withers_height_m: what one withers height is.
    """

    t_s: Float[np.ndarray, " t"]
    swing: Float[np.ndarray, "t 4"]
    lift: Float[np.ndarray, "t 4"]
    contact: Float[np.ndarray, "t 4"]
    trunk_z: Float[np.ndarray, "t 3"]
    skin_z: Float[np.ndarray, "t 3"]
    pitch_rad: Float[np.ndarray, " t"]
    way: Float[np.ndarray, " t"]
    seen: Bool[np.ndarray, " t"]
    withers_height_m: float

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def step_s(self) -> float:
        """Time between two rows."""
        return float(self.t_s[1] - self.t_s[0]) if len(self.t_s) > 1 else 1.0

    def rows(self) -> Float[np.ndarray, "t 17"]:
        """Return swing, lift, contact, trunk_z, pitch_rad and way side by side."""
        one = (self.pitch_rad[:, None], self.way[:, None])
        return np.concatenate([self.swing, self.lift, self.contact, self.trunk_z, *one], axis=1)


def read_signals(motion: Motion) -> Signals:
    """Return what a motion's gait is read from; frames without a horse are bridged by straight lines.

    Raises:
        InputError: the times of the frames leap so far that most of the clip would be made up.
    """
    body = Body(motion.shape)
    n, size = len(motion), motion.shape.withers_height_m
    toe_z = body.keypoint_offsets[1][np.array(_TOES) - skeleton.NUM_JOINTS68, 2]
    rows = np.empty((n, 20))
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        xyz = body.keypoints(motion.root_xyz_world[part], motion.quat_wxyz[part])
        trunk, toes = xyz[:, TRUNK], xyz[:, _TOES]
        along = trunk[:, 1] - trunk[:, 2]
        level = along * [1.0, 1.0, 0.0]
        forward = level / np.maximum(np.linalg.norm(level, axis=-1, keepdims=True), 1e-9)
        rows[part, 0:4] = np.einsum("tla,ta->tl", toes - trunk[:, [2]], forward)
        rows[part, 4:8] = toes[..., 2] - toe_z
        rows[part, 8:11] = trunk[..., 2]
        rows[part, 11:13] = trunk[:, 2, :2]
        rows[part, 13:15] = forward[:, :2]
        rows[part, 15] = np.arctan2(along[:, 2], np.linalg.norm(level, axis=-1))
        rows[part, 17:20] = xyz[:, _SKIN, 2] / size
    rows[:, :13] /= size
    rows[:, 16] = np.concatenate([[0.0], np.cumsum((np.diff(rows[:, 11:13], axis=0) * rows[1:, 13:15]).sum(1))])
    return _even(motion, rows, size)


def _even(motion: Motion, rows: np.ndarray, size: float) -> Signals:
    seen = motion.confidence > 0
    seen = seen if seen.any() else np.ones(len(motion), bool)
    t_s = motion.t_s
    step_s = float(np.median(np.diff(t_s))) if len(t_s) > 1 else 1.0 / motion.fps
    n = int((t_s[-1] - t_s[0]) / step_s + 0.5) + 1
    if n > MAX_FILLED * len(t_s) + 1000:
        raise InputError(f"times: expected frames about {step_s:.3g} s apart, got gaps that make up most of the clip")
    t_even = t_s[0] + step_s * np.arange(n)

    def filled(values: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(t_even, t_s[seen], column[seen]) for column in values.T], 1)

    even = filled(rows)
    nearest = np.clip(np.searchsorted(t_s, t_even - step_s / 2), 0, len(t_s) - 1)
    return Signals(
        t_s=t_even,
        swing=even[:, 0:4],
        lift=even[:, 4:8],
        contact=filled(motion.contact),
        trunk_z=even[:, 8:11],
        skin_z=even[:, 17:20],
        pitch_rad=even[:, 15],
        way=even[:, 16],
        seen=seen[nearest] & (np.abs(t_s[nearest] - t_even) <= 1.5 * step_s),
        withers_height_m=size,
    )
