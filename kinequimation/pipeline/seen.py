"""One horse's keypoints over a clip: what the first pass over the pixels leaves, and all that the later stages need.

What is one number or a few a frame is in memory; the points themselves wait on disk and are read a part at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError, NoHorseError
from kinequimation.io.keypoints import ClipHead, HorseKeypoints
from kinequimation.lift import Lifted
from kinequimation.pipeline.rows import RowsOnDisk
from kinequimation.pose2d.clean_clip import clean_parts

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.pipeline.lifting import LiftedOnDisk

MAX_EMPTY_ROWS = 20_000
"""Frames that the times of a clip may leap over, in all: motions are resampled to even steps, and times that leap (a
camera's clock that was set, a hand-made file) would fill the memory."""
PART = 256
"""Frames that are read at once."""
POINTS = np.dtype(
    [("uv_px", np.float32, (skeleton.NUM_KEYPOINTS, 2)), ("confidence", np.float32, (skeleton.NUM_KEYPOINTS,))]
)
"""One horse's points in one frame; 32 bits are a thousandth of a pixel in the largest frames that are taken."""


@dataclass(frozen=True)
class Points:
    """One horse's points in some frames; pixels of the source frame.

    Attributes:
        uv_px: [T, 103, 2] NaN where missing.
        confidence: [T, 103] in [0, 1]; 0 where missing.
        raw_uv_px, raw_confidence: the points before they were cleaned over time; None if they were not.
    """

    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    raw_uv_px: Float[np.ndarray, "frames 103 2"] | None = None
    raw_confidence: Float[np.ndarray, "frames 103"] | None = None


@dataclass(frozen=True)
class PointsOnDisk:
    """One horse's points in every frame of a clip.

    Attributes:
        rows: holds rows of the type ``POINTS``, those of other horses too.
        record: [T] which of the rows is each frame's; −1 for a frame without the horse.
    """

    rows: RowsOnDisk
    record: Int[np.ndarray, " frames"]

    def part(self, start: int, stop: int) -> tuple[Float[np.ndarray, "n 103 2"], Float[np.ndarray, "n 103"]]:
        """Return ``uv_px`` and ``confidence`` of the frames from ``start`` to before ``stop``."""
        record = self.record[start:stop]
        uv_px = np.full((len(record), skeleton.NUM_KEYPOINTS, 2), np.nan)
        confidence = np.zeros((len(record), skeleton.NUM_KEYPOINTS))
        there = record >= 0
        if there.any():
            first = int(record[there].min())
            rows = self.rows.read(first, int(record.max()) + 1)
            uv_px[there] = rows["uv_px"][record[there] - first]
            confidence[there] = rows["confidence"][record[there] - first]
        return uv_px, confidence


def put_points(rows: RowsOnDisk, uv_px: Float[np.ndarray, "n 103 2"], confidence: Float[np.ndarray, "n 103"]) -> None:
    """Append points of some frames to rows of the type ``POINTS``."""
    new = np.empty(len(uv_px), POINTS)
    new["uv_px"], new["confidence"] = uv_px, confidence
    rows.append(new)


def frame_confidence(
    confidence: Float[np.ndarray, "frames 103"], known: Bool[np.ndarray, " 103"] | None = None
) -> Float[np.ndarray, " frames"]:
    """Return how good each frame is: the mean confidence of the better half of its points; 0 without a horse.

    The better half, because in a good side view the far limbs and the far eye are hidden all the same.

    Args:
        confidence: of the points.
        known: which of them there are at all, where they come from a file with fewer; None for all.
    """
    ordered = np.sort(confidence if known is None else confidence[:, known], axis=1)
    return ordered[:, ordered.shape[1] // 2 :].mean(1, dtype=float)


@dataclass(frozen=True)
class Seen:
    """One horse's keypoints in every frame of a clip; pixels of the source frame.

    Attributes:
        source: name of the source.
        fps: average frames per second.
        width, height: of the source frame, pixels.
        index: [T] number of the frame in the source.
        t_s: [T] time in the source, seconds.
        bbox_xywh: [T, 4] NaN where no horse was found.
        score: [T] of the box, in [0, 1].
        frame_confidence: [T] how good each frame is, in [0, 1] (the function of that name); 0 where no horse was found.
        points: the keypoints.
        number: which of the clip's horses it is, from 1.
        raw: the points before they were cleaned over time; None if they were not.
        n_exchanged, n_outliers, n_filled: points that were given to the other side's leg when they were cleaned; that
            were not believed; and that come from the frames around alone.

    Raises:
        InputError: the times leap over more than ``MAX_EMPTY_ROWS`` frames.
    """

    source: str
    fps: float
    width: int
    height: int
    index: Int[np.ndarray, " frames"]
    t_s: Float[np.ndarray, " frames"]
    bbox_xywh: Float[np.ndarray, "frames 4"]
    score: Float[np.ndarray, " frames"]
    frame_confidence: Float[np.ndarray, " frames"]
    points: PointsOnDisk
    number: int = 1
    raw: PointsOnDisk | None = None
    n_exchanged: int = 0
    n_outliers: int = 0
    n_filled: int = 0

    def __post_init__(self) -> None:
        span_s = float(self.t_s[-1] - self.t_s[0])
        step_s = min(1 / self.fps, float(np.median(np.diff(self.t_s)))) if len(self) > 1 else 1 / self.fps
        if span_s / step_s > 10 * len(self) + MAX_EMPTY_ROWS:
            raise InputError(
                f"{self.source}: {len(self)} frames with times that span {span_s:g} s; choose a part of it with --start"
                " and --end"
            )

    def __len__(self) -> int:
        return len(self.index)

    @property
    def found(self) -> Bool[np.ndarray, " frames"]:
        """Whether a horse was found in each frame."""
        return self.frame_confidence > 0

    @property
    def head(self) -> ClipHead:
        """What a file of keypoints says of the clip."""
        return ClipHead(self.source, self.fps, self.width, self.height, self.t_s, self.index)

    def part(self, start: int, stop: int) -> Points:
        """Return the points in the frames from ``start`` to before ``stop``."""
        return Points(*self.points.part(start, stop), *(() if self.raw is None else self.raw.part(start, stop)))

    def parts(self, n_frames: int = PART) -> Iterator[Points]:
        """Yield the points of all frames, ``n_frames`` at a time."""
        for start in range(0, len(self), n_frames):
            yield self.part(start, start + n_frames)

    def cleaned(self, folder: Path | None = None, smooth: bool = False) -> Seen:
        """Return the same with points cleaned over time and the raw ones beside.

        Args:
            folder: the disk to keep them on, as for ``RowsOnDisk``.
            smooth: also take jitter away, which the fit does by itself.
        """
        rows = RowsOnDisk(POINTS, folder)
        sureness, counts = [], np.zeros(3, int)
        for clean in clean_parts(self.points.part, self.bbox_xywh[:, 2:].max(1), self.t_s, smooth):
            put_points(rows, clean.uv_px, clean.confidence)
            sureness.append(frame_confidence(clean.confidence))
            filled = clean.filled & ~clean.outlier
            counts += [np.count_nonzero(which) for which in (clean.exchanged, clean.outlier, filled)]
        return self.with_points(rows, np.concatenate(sureness), *counts.tolist())

    def with_points(self, rows: RowsOnDisk, sureness: Float[np.ndarray, " frames"], *counts: int) -> Seen:
        """Return the same with points of every frame that were made of its own, which stay beside as the raw ones."""
        return replace(
            self,
            points=PointsOnDisk(rows, np.arange(len(self))),
            raw=self.points,
            frame_confidence=sureness,
            **dict(zip(("n_exchanged", "n_outliers", "n_filled"), counts, strict=False)),
        )

    def require_horse(self) -> None:
        """Raise ``NoHorseError`` where no frame has a horse."""
        if not self.found.any():
            frames = "its frame" if len(self) == 1 else f"its {len(self)} frames"
            raise NoHorseError(
                f"{self.source}: no horse found in {frames}; if there is one, show it with --bbox x,y,w,h"
            )

    def keypoints(self, lifted: LiftedOnDisk | None = None) -> Iterator[tuple[HorseKeypoints, ...]]:
        """Yield what ``keypoints.json`` holds of each frame; ``lifted`` has a row for every frame."""
        for start in range(0, len(self), PART):
            points = self.part(start, start + PART)
            in_3d = None if lifted is None else lifted.part(start, start + PART)
            for i, found in enumerate(self.found[start : start + PART]):
                yield (self._in_frame(start + i, i, points, in_3d),) if found else ()

    def _in_frame(self, frame: int, i: int, points: Points, lifted: Lifted | None) -> HorseKeypoints:
        return HorseKeypoints(
            id=self.number,
            bbox_xywh=self.bbox_xywh[frame],
            score=float(self.score[frame]),
            uv_px=points.uv_px[i],
            confidence=points.confidence[i],
            xyz_cam=None if lifted is None else lifted.xyz_cam[i],
            root_xyz_cam=None if lifted is None else lifted.root_xyz_cam[i],
            raw_uv_px=None if points.raw_uv_px is None else points.raw_uv_px[i],
            raw_confidence=None if points.raw_confidence is None else points.raw_confidence[i],
        )


@dataclass(frozen=True)
class SeenHorse:
    """One of the horses of a video, to choose from.

    Attributes:
        number: what ``AnimateOptions.horse`` calls it.
        n_frames: frames in which it was seen.
        first_t_s, last_t_s: when it was seen first and last, seconds.
        bbox_xywh: where it was then, in the frame in which it is clearest; pixels.
        bbox_t_s: the time of that frame, seconds.
        sureness: mean confidence of the better half of its points, 0..1.
    """

    number: int
    n_frames: int
    first_t_s: float
    last_t_s: float
    bbox_xywh: tuple[float, float, float, float]
    bbox_t_s: float
    sureness: float

    @staticmethod
    def of(seen: Seen) -> SeenHorse:
        """Return what is to be said of a horse that was found."""
        rows = np.flatnonzero(seen.found)
        clear = int((seen.frame_confidence * np.sqrt(np.nan_to_num(seen.bbox_xywh[:, 2:]).prod(1))).argmax())
        x, y, w, h = np.round(seen.bbox_xywh[clear]).tolist()
        first, last = seen.t_s[rows[[0, -1]]].tolist()
        sureness = float(seen.frame_confidence[rows].mean())
        return SeenHorse(seen.number, len(rows), first, last, (x, y, w, h), float(seen.t_s[clear]), sureness)


def keypoints_together(horses: Iterable[Seen]) -> Iterator[tuple[HorseKeypoints, ...]]:
    """Yield all horses of each frame."""
    for frame in zip(*(seen.keypoints() for seen in horses), strict=True):
        yield tuple(horse for found in frame for horse in found)


def chosen(horses: Sequence[Seen], number: int | None) -> Seen:
    """Return the horse that is asked for; the first without a wish.

    Raises:
        NoHorseError: there is none of this number.
    """
    if number is None:
        return horses[0]
    for seen in horses:
        if seen.number == number:
            return seen
    there = ", ".join(str(seen.number) for seen in horses)
    raise NoHorseError(f"--horse: expected one of the horses that were found, {there}, got {number}")
