"""A whole number of strides that begins as it ends.

The place where strides close best is cut out (``strides``). What is left of a difference is faded away: towards the end
the motion goes over into what led up to its beginning, one loop earlier, so that pose, pace and turning go on through
the seam without a step. Hooves that stand across the seam, or in the fade, are planted again.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_multiply,
    quat_normalize,
    quat_rotate,
)
from kinequimation.motion.edit.place import Step, headings_rad, moved, trunk_xyz
from kinequimation.motion.edit.planting import plant
from kinequimation.motion.edit.sampling import resample, sampled_and_planted
from kinequimation.motion.edit.strides import Span, best_span
from kinequimation.motion.motion import Motion, part_of

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

FADE_STRIDES = 0.5
"""The fade lasts this part of a stride, where there is as much before or after it."""
LEAST_FADE_STRIDES = 0.1
"""Where there is less than this, the difference of the ends is spread over the whole loop instead."""
_STANDS_HEIGHTS = 0.1
_EVEN = 0.02
"""Steps of time that differ by more than this share are resampled first."""


@dataclass(frozen=True)
class Looped:
    """A loop, and how it came about.

    Attributes:
        motion: the loop; its last frame is its first again, further along by ``step``.
        step: from the first frame to the last.
        n_strides: strides in it; 0 where the horse does not stride.
        start_s, end_s: the part of the source that was taken, on its own clock.
        gap_heights: how far apart the two ends were before they were closed, RMS over points of the body, in withers
            heights; a difference of speeds counts as places 0.05 s on.
        stretch: how much longer the loop lasts than the part that was taken, to be a whole number of frames.
    """

    motion: Motion
    step: Step
    n_strides: int
    start_s: float
    end_s: float
    gap_heights: float
    stretch: float

    @property
    def line(self) -> str:
        """What is to be said of it, in one line."""
        what = f"{self.n_strides} stride{'s' if self.n_strides > 1 else ''}" if self.n_strides else "no stride found"
        pace = float(np.linalg.norm(self.step.xy)) / self.motion.t_s[-1] if self.motion.t_s[-1] > 0 else 0.0
        return (
            f"loop: {what}, {self.start_s:.2f}-{self.end_s:.2f} s, {len(self.motion) - 1} frames; its ends were"
            f" {100 * self.gap_heights:.1f} % of the withers height apart before they were closed; goes on"
            f" {np.linalg.norm(self.step.xy):.2f} m and turns {np.degrees(self.step.turn_rad):.1f}° a round,"
            f" {pace:.2f} m/s"
        )


def loop(motion: Motion, body: Body, n_strides: int = 0, fps: float | None = None) -> Looped:
    """Cut a loop out of a motion.

    The loop has a last frame that is the first again, as engines expect of a clip that they repeat; its time starts at
    0. So that it is a whole number of frames it is stretched a little, by less than half a frame in all.

    Args:
        motion: what to cut.
        body: the horse.
        n_strides: how many strides; 0 for the number up to 4 that closes best, fewer rather than more.
        fps: frames per second of the loop; None for the motion's.

    Raises:
        InputError: the motion is shorter than that.
    """
    fps = motion.fps if fps is None else fps
    steps = np.diff(motion.t_s)
    if len(steps) and np.abs(steps * motion.fps - 1).max() > _EVEN:
        motion = resample(motion, motion.fps, body)
    span = best_span(motion, body, n_strides)
    if span is None:
        wanted = "a stride" if n_strides < 2 else f"{n_strides} strides"
        raise InputError(
            f"loop: expected {wanted} and a frame more, got a motion of {motion.duration_s:.2f} s; take a longer part"
        )
    start_s, taken_s = float(motion.t_s[span.start]), span.length / motion.fps
    n = max(2, round(taken_s * fps))
    before, after = _room(motion, span, n)
    wanted_s = start_s + np.arange(-before, n + after + 1) * (taken_s / n)
    around = sampled_and_planted(motion, wanted_s, fps, body)
    around = dataclasses.replace(around, t_s=np.arange(len(around)) / fps)
    step = _step(around, body, before, n, after)
    if not span.n_strides and np.linalg.norm(step.xy) < _STANDS_HEIGHTS * body.shape.withers_height_m:
        step = Step(0.0, np.zeros(2))  # a horse that stands comes back to where it stood
    closed = _closed(around, step, before, n, after, span.stride / span.length * n)
    closed = _planted(closed, step, body)
    return Looped(
        motion=closed,
        step=step,
        n_strides=span.n_strides,
        start_s=start_s,
        end_s=start_s + taken_s,
        gap_heights=span.difference,
        stretch=n / fps / taken_s - 1.0,
    )


def _room(motion: Motion, span: Span, n: int) -> tuple[int, int]:
    """Return how many frames of the loop's own there are before and after it for a fade."""
    frames = n / span.length
    wanted = int(np.ceil(FADE_STRIDES * span.stride * frames))
    before = int(np.floor(span.start * frames + 1e-6))
    after = int(np.floor((len(motion) - 1 - span.start - span.length) * frames + 1e-6))
    return min(before, wanted), min(max(after, 0), wanted)


def _step(around: Motion, body: Body, before: int, n: int, after: int) -> Step:
    """Return the step over the ground from a frame to the one a loop later, the mean over the frames that have both."""
    first, last = np.arange(before + 1 + after), np.arange(n, n + before + 1 + after)
    heading = headings_rad(around.quat_wxyz)
    turn = float(np.mean(heading[last] - heading[first]))
    xyz = trunk_xyz(around.root_xyz_world, around.quat_wxyz, body)
    turned = quat_rotate(quat_from_axis_angle((0.0, 0.0, 1.0), np.full(len(first), turn)), xyz[first])
    return Step(turn, (xyz[last] - turned)[:, :2].mean(0))


def _after(motion: Motion, step: Step) -> Motion:
    return moved(motion, np.full(1, step.turn_rad), step.xy[None])


def _before(motion: Motion, step: Step) -> Motion:
    return moved(moved(motion, np.zeros(1), -step.xy[None]), np.full(1, -step.turn_rad), np.zeros((1, 2)))


def _closed(around: Motion, step: Step, before: int, n: int, after: int, stride: float) -> Motion:
    """Return the loop [n + 1 frames], its ends made alike."""
    rows = slice(before, before + n + 1)
    own = part_of(around, rows)
    own = dataclasses.replace(own, t_s=own.t_s - own.t_s[0])
    least = max(2.0, LEAST_FADE_STRIDES * stride)
    if before >= max(least, after):  # the end goes over into what came before the beginning
        other = _after(part_of(around, slice(0, before + 1)), step)
        share = _ease(np.arange(before + 1) / before)
        fades = slice(n - before, n + 1)
    elif after >= least:  # the beginning comes out of what came after the end
        other = _before(part_of(around, slice(n + before, n + before + after + 1)), step)
        share = 1.0 - _ease(np.arange(after + 1) / after)
        fades = slice(0, after + 1)
    else:
        return _spread(own, step)
    root, quat, contact = own.root_xyz_world.copy(), own.quat_wxyz.copy(), own.contact.copy()
    root[fades] += share[:, None] * (other.root_xyz_world - root[fades])
    quat[fades] = _mixed(quat[fades], other.quat_wxyz, share)
    contact[fades] += share[:, None] * (other.contact - contact[fades])
    return dataclasses.replace(own, root_xyz_world=root, quat_wxyz=quat, contact=contact)


def _spread(own: Motion, step: Step) -> Motion:
    """Spread the difference of the ends over a loop that nothing is known around: half of it at either end."""
    share = 0.5 - _ease(np.linspace(0.0, 1.0, len(own)))  # from ½ to −½
    first, last = part_of(own, slice(0, 1)), part_of(own, slice(len(own) - 1, len(own)))
    wanted, had = _before(last, step), _after(first, step)
    root, quat = own.root_xyz_world.copy(), own.quat_wxyz.copy()
    early = share >= 0
    for rows, ours, theirs in ((early, first, wanted), (~early, last, had)):
        part = np.abs(share[rows])
        root[rows] += part[:, None] * (theirs.root_xyz_world - ours.root_xyz_world)
        # the turn that takes one end to the other, in part
        there = _mixed(
            np.broadcast_to(ours.quat_wxyz, quat[rows].shape), np.broadcast_to(theirs.quat_wxyz, quat[rows].shape), part
        )
        quat[rows] = quat_multiply(quat[rows], quat_multiply(ours.quat_wxyz * [1.0, -1.0, -1.0, -1.0], there))
    return dataclasses.replace(own, root_xyz_world=root, quat_wxyz=quat)


def _mixed(a_wxyz: np.ndarray, b_wxyz: np.ndarray, share: np.ndarray) -> Float[np.ndarray, "frames joints 4"]:
    """Return rotations between a and b, by the shorter way; near enough to an even turn for ends that are alike."""
    sign = np.where(np.sum(a_wxyz * b_wxyz, -1, keepdims=True) < 0, -1.0, 1.0)
    return quat_normalize(a_wxyz + share[:, None, None] * (sign * b_wxyz - a_wxyz))


def _ease(x: np.ndarray) -> np.ndarray:
    return x * x * (3.0 - 2.0 * x)


def _planted(closed: Motion, step: Step, body: Body) -> Motion:
    """Plant the hooves of a loop as if it went on before and after, and end it exactly as it begins."""
    n, fps = len(closed) - 1, closed.fps
    own = part_of(closed, slice(0, n))
    rounds = [_before(own, step), own, _after(own, step)]
    long = dataclasses.replace(
        own,
        root_xyz_world=np.concatenate([r.root_xyz_world for r in rounds]),
        quat_wxyz=np.concatenate([r.quat_wxyz for r in rounds]),
        contact=np.tile(own.contact, (3, 1)),
        t_s=np.arange(3 * n) / fps,
        confidence=np.tile(own.confidence, 3),
        gait=np.tile(own.gait, 3),
        phase=np.tile(own.phase, 3),
    )
    own = part_of(plant(body, long, copy=False), slice(n, 2 * n))
    first = part_of(own, slice(0, 1))
    last = _after(first, step)
    return dataclasses.replace(
        own,
        root_xyz_world=np.concatenate([own.root_xyz_world, last.root_xyz_world]),
        quat_wxyz=np.concatenate([own.quat_wxyz, last.quat_wxyz]),
        contact=np.concatenate([own.contact, first.contact]),
        t_s=np.arange(n + 1) / fps,
        confidence=np.concatenate([own.confidence, first.confidence]),
        gait=np.concatenate([own.gait, first.gait]),
        phase=np.concatenate([own.phase, first.phase]),
    )
