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

SURE, MIN_POINTS = 0.3, 12
"""Confidence of the points that a box follows, and how many there must be."""
MARGIN = 0.04
"""Skin reaches further than the keypoints: room on each side, as a share of their extent."""
SIZE_SHARE, PACE_SHARE = 0.2, 0.3
"""How much of a followed box's size and pace is taken from the newest frame."""


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


class Follower:
    """Moves a box along with the keypoints that are found in it.

    The centre goes on at the pace it had, so that a horse that crosses the picture does not run out of its box; the
    size follows slowly, since a leg that reaches out does not make a larger horse.

    Attributes:
        xywh: the box for the next frame.
    """

    def __init__(self, xywh: Float[np.ndarray, " 4"]) -> None:
        self.xywh = np.asarray(xywh, float)
        self._centre: np.ndarray | None = None
        self._step = np.zeros(2)

    def see(self, uv_px: Float[np.ndarray, "n 2"], confidence: Float[np.ndarray, " n"]) -> bool:
        """Take the keypoints of the frame that ``xywh`` was for; False, and no move, where too few are sure."""
        around = box_of_keypoints(uv_px, confidence)
        if around is None:
            self._step *= 0
            return False
        centre = around[:2] + around[2:] / 2
        if self._centre is not None:
            self._step += PACE_SHARE * (centre - self._centre - self._step)
        self._centre = centre
        size = self.xywh[2:] + SIZE_SHARE * (around[2:] - self.xywh[2:])
        self.xywh = np.concatenate([centre + self._step - size / 2, size])
        return True


def box_of_keypoints(uv_px: Float[np.ndarray, "n 2"], confidence: Float[np.ndarray, " n"]) -> np.ndarray | None:
    """Return the box around the sure points, x, y, width, height; None if there are too few of them."""
    sure = np.isfinite(uv_px).all(-1) & (confidence >= SURE)
    if sure.sum() < MIN_POINTS:
        return None
    lo, hi = uv_px[sure].min(0), uv_px[sure].max(0)
    room = MARGIN * (hi - lo)
    return np.concatenate([lo - room, np.maximum(hi - lo + 2 * room, 1.0)])
