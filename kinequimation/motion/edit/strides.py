"""Where a motion repeats itself: how long a stride lasts, and from where to where some strides close best.

A horse repeats itself when its body, seen from its own trunk, is as it was and moves as it did. No contacts and no
names of gaits are needed, so that it works for whatever repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_rotate
from kinequimation.motion.edit.place import headings_rad, trunk_xyz

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Int

    from kinequimation.body.horse import Body
    from kinequimation.motion.motion import Motion

STRIDE_S = (0.25, 6.0)
"""Shortest and longest stride that is looked for: a racing gallop has 0.35 s, a slow walk 1.8 s (sources, E1), and
three times that in slow motion that nobody told of."""
MAX_CHOSEN = 4
"""Most strides that are tried where none are asked for."""
DEEP = 0.6
"""A horse repeats itself if it is, after a stride, at most this share as different as it is at other times (guess)."""
SAME_DEPTH = 0.3
"""Of dips in that difference, the first that is as deep as the deepest to this share of its depth is one stride."""
BETTER, GOOD_HEIGHTS = 0.9, 0.01
"""More strides are taken where they close better than fewer by this factor, and fewer do not close as well as this, in
withers heights (guesses)."""
MOVES_FROM = 0.04
"""Difference from which a horse moves at all, RMS over its points, withers heights: a guess."""
_SPEED_S = 0.05
"""Time that turns a difference of speeds into one of places."""
_UNSEEN_COST = 0.05
_MOST_STARTS = 1500
_PIECE = 256
_FINE = 8
_POINTS = np.array(
    [
        skeleton.JOINT_INDEX[name]
        for name in ("DEF-spine.001", "DEF-spine.006", "DEF-neck.003", "DEF-head")
        + tuple(f"DEF-{bone}.{side}" for side in "LR" for bone in ("forearm", "forefoot", "f_toe", "f_hoof"))
        + tuple(f"DEF-{bone}.{side}" for side in "LR" for bone in ("lower_leg", "hind_foot", "r_toe", "r_hoof"))
    ]
)


@dataclass(frozen=True)
class Span:
    """A part of a motion that closes.

    Attributes:
        start: its first frame.
        length: frames from it to the one that is like it; not whole.
        n_strides: in it; 0 where nothing strides.
        stride: frames of one stride, or of the whole.
        difference: of its two ends, RMS over points of the body, withers heights; speeds count as places 0.05 s on.
    """

    start: int
    length: float
    n_strides: int
    stride: float
    difference: float


def best_span(motion: Motion, body: Body, n_strides: int) -> Span | None:
    """Return the strides that close best; None where the motion is too short to repeat anything.

    Args:
        motion: with even times.
        body: the horse.
        n_strides: how many strides; 0 chooses.
    """
    if len(motion) < 3:
        return None
    looks = _looks(motion, body)
    stride = _stride(looks, motion.fps)
    if stride is None:
        return _longest_still(looks, motion)
    most = int((len(looks) - 2) / stride)
    wanted = [n_strides] if n_strides else list(range(1, min(MAX_CHOSEN, most) + 1))
    best: Span | None = None
    for n in wanted:
        if best is not None and best.difference < GOOD_HEIGHTS:
            break
        span = _best_start(looks, motion, stride, n)
        if span is not None and (best is None or span.difference < BETTER * best.difference):
            best = span
    return best


def _looks(motion: Motion, body: Body) -> Float32[np.ndarray, "frames features"]:
    """Return points of the body and their speeds as seen from the trunk, scaled so that distances are RMS heights."""
    n = len(motion)
    points = np.empty((n, len(_POINTS), 3), np.float32)
    for start in range(0, n, _PIECE):
        rows = slice(start, start + _PIECE)
        root, quat = motion.root_xyz_world[rows], motion.quat_wxyz[rows]
        xyz = body.joints(root, quat)[0][:, _POINTS]
        xyz[..., :2] -= trunk_xyz(root, quat, body)[:, None, :2]
        back = quat_from_axis_angle((0.0, 0.0, 1.0), -headings_rad(quat))
        points[rows] = quat_rotate(np.broadcast_to(back[:, None], (*xyz.shape[:2], 4)), xyz)
    points /= body.shape.withers_height_m * np.sqrt(len(_POINTS))
    flat = points.reshape(n, -1)
    speed = np.gradient(flat, axis=0) * np.float32(motion.fps * _SPEED_S)
    return np.concatenate([flat, speed], axis=1)


def _difference(
    looks: np.ndarray, starts: Int[np.ndarray, " n"], length: float | Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return how different frames are from those a length later, which need not be whole frames."""
    at = starts + length
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(looks) - 1)
    share = (at - low)[:, None].astype(np.float32)
    out = np.empty(len(starts))
    for start in range(0, len(starts), _PIECE):
        rows = slice(start, start + _PIECE)
        later = looks[low[rows]] * (1 - share[rows]) + looks[high[rows]] * share[rows]
        out[rows] = np.linalg.norm(looks[starts[rows]] - later, axis=1)
    return out


def _stride(looks: np.ndarray, fps: float) -> float | None:
    """Return the frames of a stride; None where nothing repeats."""
    n = len(looks)
    lags = np.arange(max(2, int(STRIDE_S[0] * fps)), min(int(STRIDE_S[1] * fps), n - 2) + 1)
    if len(lags) < 3:
        return None
    starts = np.unique(np.linspace(0, n - 1 - lags[0], _MOST_STARTS).astype(int))
    found = np.full((len(lags), len(starts)), np.nan)
    for i, lag in enumerate(lags):
        there = starts + lag < n
        found[i, there] = _difference(looks, starts[there], float(lag))
    moves = np.nanmax(found, axis=0) > MOVES_FROM
    if not moves.any():
        return None
    # a quarter of the starts may be the better part of a clip that changes
    curve = np.array([np.nanpercentile(row, 25) if np.isfinite(row).any() else np.inf for row in found[:, moves]])
    dips = [i for i in range(1, len(curve) - 1) if curve[i] <= curve[i - 1] and curve[i] < curve[i + 1]]
    usual = float(np.median(curve[np.isfinite(curve)]))
    deep = [i for i in dips if curve[i] <= DEEP * usual]
    if not deep:
        return None
    least = min(curve[i] for i in deep)
    first = next(i for i in deep if curve[i] <= least + SAME_DEPTH * (usual - least))
    before, here, after = curve[first - 1 : first + 2]
    bend = before - 2 * here + after
    return float(lags[first] + (0.5 * (before - after) / bend if bend > 0 else 0.0))


def _best_start(looks: np.ndarray, motion: Motion, stride: float, n_strides: int) -> Span | None:
    """Return where a number of strides closes best; frames without a horse count against it."""
    n, length = len(looks), n_strides * stride
    slack = 0.12 * stride
    starts = np.arange(0, int(np.floor(n - 1 - length)) + 1)
    if len(starts) == 0:
        return None
    offsets = np.arange(-np.floor(slack * _FINE), np.floor(slack * _FINE) + 1) / _FINE
    least, best_length = np.full(len(starts), np.inf), np.full(len(starts), length)
    for offset in offsets:
        there = starts + length + offset <= n - 1
        cost = np.full(len(starts), np.inf)
        cost[there] = _difference(looks, starts[there], length + offset)
        better = cost < least
        least[better], best_length[better] = cost[better], length + offset
    unseen = np.concatenate([[0], np.cumsum(motion.confidence <= 0)])
    stop = np.minimum((starts + best_length).astype(int) + 1, n)
    share = (unseen[stop] - unseen[starts]) / np.maximum(stop - starts, 1)
    start = int(np.argmin(least + _UNSEEN_COST * share))
    return Span(start, float(best_length[start]), n_strides, float(best_length[start]) / n_strides, float(least[start]))


def _longest_still(looks: np.ndarray, motion: Motion) -> Span | None:
    """Return a part of a horse that does not stride: half of the motion or more, where its ends are most alike."""
    n = len(looks)
    if n < 4:
        return None
    best: Span | None = None
    for length in np.unique(np.linspace(max(2, n // 2), n - 1, 24).astype(int)):
        starts = np.arange(0, n - length)
        cost = _difference(looks, starts, float(length))
        start = int(cost.argmin())
        if best is None or cost[start] < best.difference:
            best = Span(start, float(length), 0, float(length), float(cost[start]))
    return best
