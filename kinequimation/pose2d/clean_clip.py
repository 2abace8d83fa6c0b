"""Clean one horse's keypoints over a clip: sides of legs, outliers, short gaps, jitter; what was found stays beside it.

Everything is judged against the trunk's own way through the picture, so that a camera that pans and a horse that
crosses the picture are no motion. The steps, in this order:

1. Legs that changed sides are put right (``sides``).
2. A point that lies far from where its neighbours in time put it is an outlier (Hampel 1974; here the median and the
   spread are those of the places that pairs of frames around it lead to, so that a fast hoof is none).
3. Points that are missing for a moment, and outliers, are filled in.
4. Every point is smoothed as much as its own noise asks for, without delay (``clean_smooth``); against the trunk, whose
   own place is the mean of six points and keeps the bounce of a trot and the shake of a camera as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.fit.smoothing import runs_of
from kinequimation.pose2d.clean_smooth import GAP_CUTOFF_HZ, smooth_noise, smooth_path
from kinequimation.pose2d.sides import steady_sides

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

NEIGHBOURS = 3
"""Frames at each side that say where a point should be: Hampel's window of 7 (recipes of motion capture)."""
HAMPEL_MADS = 3.0
"""Scaled median deviations from which a point is an outlier."""
HAMPEL_FLOOR, FLOOR_FPS = 0.04, 25.0
"""Of the box's longer side: nearer than this nothing is an outlier (what counts as a hit is 0.05). At fewer frames per
second than ``FLOOR_FPS`` it grows with the square of the step, as a path's bend from frame to frame does."""
MAX_GAP_S = 0.25
"""Longest time that is filled in: a third of a trot's stride, beyond which the path of a hoof is anybody's guess."""
FADE_S = 0.12
"""Time from the nearest good frame in which the confidence of a filled point falls to 1/e: a guess."""
DOUBTED = 0.3
"""Share of its confidence that an outlier keeps where nothing could be put in its place: a guess."""
PART_FRAMES, FRAMES_BEFORE, FRAMES_AFTER = 768, 64, 192
"""A long clip is cleaned so many frames at a time, and with so many before and after them: what follows tells which of
two legs is the left one, and outliers and gaps need their neighbours."""
MIN_TRUNK = 3
"""Points of the trunk that a frame needs."""

_TRUNK = [skeleton.KEYPOINT_INDEX[f"DEF-spine.00{i}"] for i in range(1, 7)]


@dataclass(frozen=True)
class CleanClip:
    """Keypoints of one horse over a clip, cleaned, and as they were.

    Attributes:
        uv_px: [T, 103, 2] cleaned; NaN where missing.
        confidence: [T, 103] of the cleaned points; 0 where missing.
        raw_uv_px: [T, 103, 2] as given.
        raw_confidence: [T, 103] as given.
        exchanged: [T, 103] points that were given to the other side's leg.
        outlier: [T, 103] points that were not believed.
        filled: [T, 103] points that come from the frames around alone.
    """

    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    raw_uv_px: Float[np.ndarray, "frames 103 2"]
    raw_confidence: Float[np.ndarray, "frames 103"]
    exchanged: Bool[np.ndarray, "frames 103"]
    outlier: Bool[np.ndarray, "frames 103"]
    filled: Bool[np.ndarray, "frames 103"]


def clean_clip(
    uv_px: Float[np.ndarray, "frames 103 2"],
    confidence: Float[np.ndarray, "frames 103"],
    size_px: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    smooth: bool = True,
    settled: Bool[np.ndarray, "before 103"] | None = None,
) -> CleanClip:
    """Clean the keypoints of one horse.

    Args:
        uv_px: as found; NaN where missing.
        confidence: 0 where missing.
        size_px: longer side of the horse's box; NaN in frames without the horse, which stay empty.
        t_s: seconds, rising; slow motion needs no correction, since only what is fast against the rest is taken away.
        smooth: False leaves out the last step, for those who smooth themselves.
        settled: of the first frames, which points are exchanged, where that is known.

    Raises:
        InputError: shapes that do not fit, or times that do not rise.
    """
    uv, sure = np.asarray(uv_px, float), np.asarray(confidence, float)
    size, time = np.asarray(size_px, float), np.asarray(t_s, float)
    n = len(uv)
    wanted = (n, skeleton.NUM_KEYPOINTS)
    if uv.shape != (*wanted, 2) or sure.shape != wanted or size.shape != (n,) or time.shape != (n,):
        raise InputError(
            f"keypoints: expected points [T, 103, 2] with confidences, box sizes and times of as many frames,"
            f" got {list(uv.shape)}, {list(sure.shape)}, {list(size.shape)} and {list(time.shape)}"
        )
    if not np.isfinite(time).all() or np.any(np.diff(time) <= 0):
        raise InputError("t_s: expected times that rise from frame to frame")
    raw_uv, raw_sure = uv.copy(), sure.copy()
    uv, sure, exchanged = steady_sides(uv, sure, size, time, settled)
    outlier, filled = np.zeros(wanted, bool), np.zeros(wanted, bool)
    known = np.isfinite(uv).all(-1) & (np.nan_to_num(sure) > 0)
    there = np.isfinite(size) & (known[:, _TRUNK].sum(1) >= MIN_TRUNK)
    for start, end in _shots(there, time):
        rows = start + np.flatnonzero(there[start:end])
        if len(rows) < 3:
            continue
        shot = _Shot(uv[rows], sure[rows], known[rows], size[rows], time[rows], smooth)
        uv[rows], sure[rows], outlier[rows], filled[rows] = shot.uv_px, shot.sure, shot.outlier, shot.filled
    return CleanClip(uv, sure, raw_uv, raw_sure, exchanged, outlier, filled)


def clean_parts(
    points: Callable[[int, int], tuple[Float[np.ndarray, "n 103 2"], Float[np.ndarray, "n 103"]]],
    size_px: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    smooth: bool = True,
) -> Iterator[CleanClip]:
    """Clean a clip part by part, in memory that does not grow with its length.

    Each part is cleaned together with frames before it, whose sides are settled, and with frames after it. A clip of
    up to ``PART_FRAMES`` and ``FRAMES_AFTER`` is one part, as in ``clean_clip``.

    Args:
        points: returns ``uv_px`` and ``confidence`` of the frames from its first argument to before its second.
        size_px: as for ``clean_clip``, of the whole clip.
        t_s: as for ``clean_clip``, of the whole clip.
        smooth: as for ``clean_clip``.

    Yields:
        what ``clean_clip`` returns, one part after the other.

    Raises:
        InputError: as ``clean_clip``.
    """
    n, start = len(t_s), 0
    settled = np.zeros((0, skeleton.NUM_KEYPOINTS), bool)
    while start < n:
        stop = n if n - start <= PART_FRAMES + FRAMES_AFTER else start + PART_FRAMES
        first, last = start - len(settled), min(stop + FRAMES_AFTER, n)
        window = slice(first, last)
        whole = clean_clip(*points(first, last), size_px[window], t_s[window], smooth, settled)
        yield CleanClip(*(getattr(whole, f.name)[start - first : stop - first] for f in fields(CleanClip)))
        settled = whole.exchanged[max(stop - FRAMES_BEFORE, first) - first : stop - first]
        start = stop


def _shots(there: np.ndarray, t_s: np.ndarray) -> list[tuple[int, int]]:
    """Return the parts of a clip, (first row, row after the last), between which the horse was away for long."""
    shots: list[tuple[int, int]] = []
    for start, end in runs_of(there):
        if shots and t_s[start] - t_s[shots[-1][1] - 1] <= MAX_GAP_S:
            shots[-1] = (shots[-1][0], end)
        else:
            shots.append((start, end))
    return shots


class _Shot:
    """Cleans frames that hang together; afterwards its arrays hold the result."""

    def __init__(
        self, uv: np.ndarray, sure: np.ndarray, known: np.ndarray, size: np.ndarray, t_s: np.ndarray, smooth: bool
    ) -> None:
        self.t_s, self.sure = t_s, sure.copy()
        self.filled = np.zeros(known.shape, bool)
        usual = float(np.median(size))
        weight = np.where(known, sure, 0.0)[:, _TRUNK, None]
        centre = (weight * np.nan_to_num(uv[:, _TRUNK])).sum(1) / weight.sum(1)
        at = np.where(known[..., None], uv - centre[:, None], 0.0)
        floor = HAMPEL_FLOOR * max(1.0, FLOOR_FPS * float(np.median(np.diff(t_s)))) ** 2
        self.outlier = _outliers(at, known, t_s, floor * usual)
        good = known & ~self.outlier
        self.uv_px = uv.copy()
        for k in range(uv.shape[1]):
            if good[:, k].any():
                self._clean_point(k, at[:, k], known[:, k], good[:, k], centre, smooth)

    def _clean_point(
        self, k: int, at: np.ndarray, known: np.ndarray, good: np.ndarray, centre: np.ndarray, smooth: bool
    ) -> None:
        fillable, away_s, trust = self._gaps(good, self.sure[:, k])
        path = at.copy()
        weight = np.where(good, self.sure[:, k], 0.0)
        weight /= weight[good].mean()
        if fillable.any():
            through = smooth_path(path, weight, self.t_s, GAP_CUTOFF_HZ)
            path[fillable] = through[fillable]
        if smooth:
            # frames in long gaps take part with no weight, and what comes out there is not used
            path = np.where((good | fillable)[:, None], smooth_noise(path, weight, self.t_s), path)
        doubted = known & ~good & ~fillable
        self.filled[:, k] = fillable
        self.sure[fillable, k] = trust[fillable] * np.exp(-away_s[fillable] / FADE_S)
        self.sure[doubted, k] *= DOUBTED
        place = good | fillable | doubted
        self.uv_px[place, k] = (path + centre)[place]

    def _gaps(self, good: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which frames can be filled, their time to the nearest good frame, and the trust in the ends."""
        fillable, away_s, trust = np.zeros(len(good), bool), np.zeros(len(good)), np.zeros(len(good))
        for start, end in runs_of(~good):
            if start == 0 or end == len(good) or self.t_s[end] - self.t_s[start - 1] > MAX_GAP_S:
                continue
            rows = slice(start, end)
            fillable[rows] = True
            away_s[rows] = np.minimum(self.t_s[rows] - self.t_s[start - 1], self.t_s[end] - self.t_s[rows])
            trust[rows] = min(sure[start - 1], sure[end])
        return fillable, away_s, trust


def _outliers(at: np.ndarray, known: np.ndarray, t_s: np.ndarray, floor_px: float) -> Bool[np.ndarray, "frames 103"]:
    """Find points far from where their neighbours in time put them, twice: two that hide each other come apart."""
    found = np.zeros(known.shape, bool)
    for k in range(known.shape[1]):
        for _ in range(2):
            rows = np.flatnonzero(known[:, k] & ~found[:, k])
            if len(rows) <= 2 * NEIGHBOURS:
                break
            new = _is_outlier(at[rows, k], t_s[rows], floor_px)
            if not new.any():
                break
            found[rows[new], k] = True
    return found


def _is_outlier(at: np.ndarray, t_s: np.ndarray, floor_px: float) -> Bool[np.ndarray, " frames"]:
    n = len(at)
    offsets = np.arange(1, NEIGHBOURS + 1)
    middle = np.arange(NEIGHBOURS, n - NEIGHBOURS)
    before, after = middle[:, None] - offsets, middle[:, None] + offsets
    t0, t1 = t_s[before][:, :, None], t_s[after][:, None, :]
    share = (t_s[middle][:, None, None] - t0) / (t1 - t0)
    places = (1 - share[..., None]) * at[before][:, :, None] + share[..., None] * at[after][:, None, :]
    places = places.reshape(len(middle), -1, 2)
    expected = np.median(places, axis=1)
    spread = 1.4826 * np.median(np.linalg.norm(places - expected[:, None], axis=-1), axis=1)
    away = np.linalg.norm(at[middle] - expected, axis=-1)
    # where a path turns, lines through its neighbours cut the corner: a cubic through four of them must miss it as well
    curve = (4 * (at[middle - 1] + at[middle + 1]) - at[middle - 2] - at[middle + 2]) / 6
    off_curve = np.linalg.norm(at[middle] - curve, axis=-1)
    is_outlier = np.zeros(n, bool)
    is_outlier[middle] = (away > np.maximum(HAMPEL_MADS * spread, floor_px)) & (off_curve > floor_px)
    is_outlier[middle[t_s[middle + NEIGHBOURS] - t_s[middle - NEIGHBOURS] > 2 * NEIGHBOURS * MAX_GAP_S]] = False
    return is_outlier
