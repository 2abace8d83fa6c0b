"""From frames to keypoints: the first pass over the pixels, of which only numbers are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError, NoHorseError
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip
from kinequimation.pipeline.boxes import MARGIN, Box, Follower, candidates
from kinequimation.pose2d.crop import box_of_points
from kinequimation.video import Frame, FrameSource

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.detect import HorseDetector
    from kinequimation.lift import Lifted
    from kinequimation.pose2d import PoseEstimator
    from kinequimation.runtime import Progress

DETECT_FROM, CLEAR_FROM = 0.2, 0.5
"""Score from which a detection is tried, since its keypoints show whether it is a horse; and from which it counts as
one among several."""
DETECT_EVERY = 5
"""Frames from one detection to the next while the horse is followed."""
NO_HORSE_BELOW, FOLLOWED_BELOW = 0.22, 0.35
"""Mean confidence of a frame's keypoints under which there is no horse in the box, or none that can be used; and the
same for a box that only follows. Chosen on a few frames: boxes on sand and sky give 0.1, on horses 0.6 and more."""


MAX_EMPTY_ROWS = 20_000
"""Frames that the times of a clip may leap over, in all: motions are resampled to even steps, and times that leap (a
camera's clock that was set, a hand-made file) would fill the memory."""


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
        uv_px: [T, 103, 2] NaN where missing.
        confidence: [T, 103] in [0, 1]; 0 where missing.

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
    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]

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
        return np.asarray(self.confidence.max(axis=1) > 0)

    @property
    def frame_confidence(self) -> Float[np.ndarray, " frames"]:
        """How good each frame is: the mean confidence of the better half of its points; 0 without a horse.

        The better half, because in a good side view the far limbs and the far eye are hidden all the same.
        """
        better = np.sort(self.confidence, axis=1)[:, skeleton.NUM_KEYPOINTS // 2 :]
        return np.where(self.found, better.mean(1), 0.0)

    def require_horse(self) -> None:
        """Raise ``NoHorseError`` where no frame has a horse."""
        if not self.found.any():
            frames = "its frame" if len(self) == 1 else f"its {len(self)} frames"
            raise NoHorseError(
                f"{self.source}: no horse found in {frames}; if there is one, show it with --bbox x,y,w,h"
            )

    def to_clip(self, lifted: Lifted | None) -> KeypointClip:
        """Return what ``keypoints.json`` holds; ``lifted`` has a row for every frame."""
        horses: list[tuple[HorseKeypoints, ...]] = []
        for i, found in enumerate(self.found):
            if not found:
                horses.append(())
                continue
            horse = HorseKeypoints(
                id=0,
                bbox_xywh=self.bbox_xywh[i],
                score=float(self.score[i]),
                uv_px=self.uv_px[i],
                confidence=self.confidence[i],
                xyz_cam=None if lifted is None else lifted.xyz_cam[i],
                root_xyz_cam=None if lifted is None else lifted.root_xyz_cam[i],
            )
            horses.append((horse,))
        return KeypointClip(self.source, self.fps, self.width, self.height, self.t_s, self.index, tuple(horses))


@dataclass(frozen=True)
class _Look:
    """The keypoints found in a box; pixels of the frame handed out."""

    box: Box
    uv_px: Float[np.ndarray, "103 2"]
    confidence: Float[np.ndarray, " 103"]


def _look(estimator: PoseEstimator, frame: Frame, box: Box) -> _Look:
    uv_px, confidence = estimator.estimate([frame.image_rgb], box.xywh[None])
    return _Look(box, uv_px[0], confidence[0])


class _Rows:
    """Collects frames as they are done and makes a ``Seen`` of them."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._head: list[tuple[int, float]] = []
        self._box: list[np.ndarray] = []
        self._score: list[float] = []
        self._uv: list[np.ndarray] = []
        self._confidence: list[np.ndarray] = []

    def add(self, frame: Frame, look: _Look | None) -> None:
        """Append a frame; ``None`` where there is no horse."""
        self._head.append((frame.index, frame.t_s))
        if look is None:
            self._box.append(np.full(4, np.nan))
            self._score.append(0.0)
            self._uv.append(np.full((skeleton.NUM_KEYPOINTS, 2), np.nan, np.float32))
            self._confidence.append(np.zeros(skeleton.NUM_KEYPOINTS, np.float32))
            return
        box = look.box
        lo = self._source.to_source_px(box.xywh[:2] - 0.5)  # edges lie between pixel centres
        hi = self._source.to_source_px(box.xywh[:2] + box.xywh[2:] - 0.5)
        self._box.append(np.concatenate([lo + 0.5, hi - lo]))
        self._score.append(box.score)
        self._uv.append(self._source.to_source_px(look.uv_px).astype(np.float32))
        self._confidence.append(look.confidence.astype(np.float32))

    def to_seen(self) -> Seen:
        index, t_s = zip(*self._head, strict=True)
        source = self._source
        return Seen(
            source=source.name,
            fps=source.fps,
            width=source.width,
            height=source.height,
            index=np.array(index),
            t_s=np.array(t_s, float),
            bbox_xywh=np.array(self._box),
            score=np.array(self._score),
            uv_px=np.array(self._uv, float),
            confidence=np.array(self._confidence, float),
        )


def observe_detected(
    source: FrameSource, detector: HorseDetector, estimator: PoseEstimator, progress: Progress
) -> tuple[Seen, list[str]]:
    """Find the horse and its keypoints in every frame; also say what a user should know about it.

    A detection starts a box, which then follows the keypoints, since these tell the horse's place better than a small
    detector does. Every few frames the detector looks again, and its box is taken where the keypoints are surer in it.
    """
    rows = _Rows(source)
    follower: Follower | None = None
    n_looked = n_several = last_looked = 0
    score = 0.0
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(source):
        followed = None if follower is None else Box(follower.xywh, score)
        boxes = [] if followed is None else [followed]
        if followed is None or n >= last_looked + DETECT_EVERY:
            found = detector.detect(frame.image_rgb)
            boxes += candidates(found, followed)
            last_looked = n
            n_looked += 1
            n_several += sum(d.score >= CLEAR_FROM for d in found) > 1
        tries = [_look(estimator, frame, box) for box in boxes]
        if followed is None and tries:  # a detector's box is coarse: look once more, around what was found in it
            best = max(tries, key=lambda t: t.confidence.mean() * t.box.size)
            around = box_of_points(best.uv_px, best.confidence, MARGIN)
            tries = [best] if around is None else [best, _look(estimator, frame, Box(around, best.box.score))]
        least = NO_HORSE_BELOW if followed is None or len(tries) > 1 else FOLLOWED_BELOW
        best = max(tries, key=lambda t: t.confidence.mean(), default=None)
        if best is None or best.confidence.mean() < least:
            rows.add(frame, None)
            follower = None
        else:
            rows.add(frame, best)
            score = best.box.score
            follower = follower or Follower(best.box.xywh)
            follower.xywh = best.box.xywh
            if not follower.see(best.uv_px, best.confidence):
                follower = None
        progress("keypoints", n + 1, source.n_frames)
    notes = []
    if n_several > 0.2 * n_looked:
        notes.append("more than one horse was seen; the clearest is animated: choose another with --bbox x,y,w,h")
    return rows.to_seen(), notes


def observe_followed(
    source: FrameSource, bbox_xywh: tuple[float, float, float, float], estimator: PoseEstimator, progress: Progress
) -> Seen:
    """Find the keypoints in a box that is given for the first frame and then follows the keypoints.

    Where the keypoints are not sure the box stays where it is.

    Raises:
        InputError: the box lies outside the frame.
    """
    x, y, w, h = bbox_xywh
    if x >= source.width or y >= source.height or x + w <= 0 or y + h <= 0:
        raise InputError(f"--bbox: {x:g},{y:g},{w:g},{h:g} lies outside the frame of {source.width}x{source.height}")
    lo, hi = source.to_work_px(np.array([[x - 0.5, y - 0.5], [x + w - 0.5, y + h - 0.5]]))
    follower = Follower(np.concatenate([lo + 0.5, hi - lo]))
    rows = _Rows(source)
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(source):
        look = _look(estimator, frame, Box(follower.xywh, 1.0))
        rows.add(frame, look if look.confidence.mean() >= NO_HORSE_BELOW else None)
        follower.see(look.uv_px, look.confidence)
        progress("keypoints", n + 1, source.n_frames)
    return rows.to_seen()


def observe_given(clip: KeypointClip, start_s: float, end_s: float | None) -> Seen:
    """Take keypoints from a file; of several horses the one that is in most frames.

    Raises:
        InputError: no frame lies between the times.
        NoHorseError: no frame has a horse.
    """
    end = np.inf if end_s is None else end_s
    rows = [i for i, t in enumerate(clip.t_s) if start_s <= t < end]
    if not rows:
        raise InputError(f"the keypoints have no frames between --start and --end; they end at {clip.t_s[-1]:.2f} s")
    ids = [h.id for i in rows for h in clip.horses[i]]
    if not ids:
        raise NoHorseError(f"{clip.source}: the keypoints hold no horse")
    wanted = max(set(ids), key=lambda i: (ids.count(i), -i))
    n, k = len(rows), skeleton.NUM_KEYPOINTS
    bbox, score = np.full((n, 4), np.nan), np.zeros(n)
    uv, confidence = np.full((n, k, 2), np.nan), np.zeros((n, k))
    for row, i in enumerate(rows):
        for horse in clip.horses[i]:
            if horse.id == wanted:
                bbox[row], score[row] = horse.bbox_xywh, horse.score
                uv[row], confidence[row] = horse.uv_px, horse.confidence
    return Seen(
        source=clip.source,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        index=np.asarray(clip.index)[rows],
        t_s=np.asarray(clip.t_s, float)[rows],
        bbox_xywh=bbox,
        score=score,
        uv_px=uv,
        confidence=confidence,
    )
