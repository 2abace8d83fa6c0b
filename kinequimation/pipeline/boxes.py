"""Where the horse is in each frame: detected now and then and followed between, or followed from a given box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.metrics import box_iou
from kinequimation.video import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float

    from kinequimation.detect import Detection, HorseDetector

DETECT_EVERY = 5
"""Frames from one detection to the next. Between them the box is interpolated: at 25 frames/s a horse that gallops
past does not go further than its own length."""
MIN_OVERLAP = 0.3
"""Boxes of two detections that overlap less are not joined: the frames between are looked at one by one."""


@dataclass(frozen=True)
class Box:
    """The horse's box in one frame, pixels of that frame, and the detector's score."""

    xywh: Float[np.ndarray, " 4"]
    score: float


class BoxTracker:
    """Finds one horse in a stream of frames: the largest and surest at first, then the one that overlaps it.

    Attributes:
        n_looked: frames in which horses were looked for.
        n_several: of these, frames with more than one.
    """

    def __init__(self, detector: HorseDetector) -> None:
        self._detector = detector
        self._last: Box | None = None
        self.n_looked = self.n_several = 0

    def track(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Box | None]]:
        """Yield each frame with the horse's box; None where there is no horse. Holds ``DETECT_EVERY`` frames."""
        before: Box | None = None
        waiting: list[Frame] = []
        for n, frame in enumerate(frames):
            if n % DETECT_EVERY:
                waiting.append(frame)
                continue
            box = self._look(frame)
            yield from self._between(before, waiting, box)
            yield frame, box
            before, waiting = box, []
        if waiting:
            *others, last = waiting
            box = self._look(last)
            yield from self._between(before, others, box)
            yield last, box

    def _between(self, a: Box | None, frames: list[Frame], b: Box | None) -> Iterator[tuple[Frame, Box | None]]:
        joined = a is not None and b is not None and box_iou(a.xywh[None], b.xywh[None])[0, 0] >= MIN_OVERLAP
        for k, frame in enumerate(frames):
            if joined and a is not None and b is not None:
                w = (k + 1) / (len(frames) + 1)
                yield frame, Box((1 - w) * a.xywh + w * b.xywh, min(a.score, b.score))
            else:
                yield frame, self._look(frame)

    def _look(self, frame: Frame) -> Box | None:
        found = self._detector.detect(frame.image_rgb)
        self.n_looked += 1
        self.n_several += len(found) > 1
        if not found:
            return None
        best = self._choose(found)
        self._last = Box(np.asarray(best.bbox_xywh, float), float(best.score))
        return self._last

    def _choose(self, found: list[Detection]) -> Detection:
        boxes = np.array([d.bbox_xywh for d in found], float)
        if self._last is not None:
            overlap = box_iou(self._last.xywh[None], boxes)[0]
            if overlap.max() > 0:
                return found[int(overlap.argmax())]
        return found[int(np.argmax([d.score for d in found] * np.sqrt(boxes[:, 2] * boxes[:, 3])))]


def box_of_keypoints(
    uv_px: Float[np.ndarray, "n 2"], confidence: Float[np.ndarray, " n"], least: float
) -> Float[np.ndarray, " 4"] | None:
    """Return the box around the points of at least a confidence, x, y, width, height; None if there are too few."""
    sure = np.isfinite(uv_px).all(-1) & (confidence >= least)
    if sure.sum() < 12:
        return None
    lo, hi = uv_px[sure].min(0), uv_px[sure].max(0)
    return np.concatenate([lo, np.maximum(hi - lo, 1.0)])
