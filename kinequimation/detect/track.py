"""One horse's box over the frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.detect.infer import Detection
from kinequimation.metrics import box_iou
from kinequimation.pose2d.crop import box_of_points

if TYPE_CHECKING:
    from jaxtyping import Float

MIN_IOU = 0.2
"""Overlap from which a detection is taken for the horse that is followed."""
SMOOTHING_S = 0.15
"""Time over which boxes are averaged: half a stride's period at most, or the box would lag behind a jump."""
MAX_GAP_S = 1.0
"""Longest time without a detection after which the horse counts as lost."""


@dataclass(frozen=True)
class TrackedBox:
    """The followed horse in one frame.

    Attributes:
        bbox_xywh: [4] pixels.
        score: of the detection; of the last one, fading with time, where the horse was not detected.
        detected: whether it was detected in this frame.
    """

    bbox_xywh: Float[np.ndarray, " 4"]
    score: float
    detected: bool


class BoxTracker:
    """Follows the best horse through a video: steadies its box and bridges short gaps.

    Call ``update`` once for each frame in order; call ``observe`` after it with the frame's keypoints, if there are
    any, so that a frame without a detection can take its box from them::

        tracker = BoxTracker()
        for t_s, image in video:
            box = tracker.update(t_s, detector.detect(image))
            if box is not None:
                uv_px, confidence = estimator.estimate([image], box.bbox_xywh[None])
                tracker.observe(uv_px[0], confidence[0])

    Where detection is too slow for every frame, pass an empty list in between: with keypoints to follow, the box holds.
    """

    def __init__(self) -> None:
        self._corners: np.ndarray | None = None  # smoothed left, top, right, bottom
        self._score = 0.0
        self._seen_s = -np.inf
        self._now_s = -np.inf
        self._points: np.ndarray | None = None

    def update(self, t_s: float, detections: Sequence[Detection]) -> TrackedBox | None:
        """Return the followed horse's box in the next frame; None where there is none.

        The horse is the detection that overlaps the last box best. Without one, the keypoints of the last frame give
        the box, or it stays where it was; after a second without a detection the horse is lost, unless keypoints still
        follow it, and the next best detection is followed.

        Args:
            t_s: the frame's time.
            detections: the frame's, in any order.
        """
        dt_s, self._now_s = t_s - self._now_s, t_s
        lost = self._corners is None or (t_s - self._seen_s > MAX_GAP_S and self._points is None)
        if lost:
            self._corners = None
        match = self._match(detections)
        points, self._points = self._points, None
        if match is not None:
            self._score, self._seen_s = match.score, t_s
            self._move(_corners(match.bbox_xywh), dt_s)
        elif self._corners is not None and points is not None:
            self._move(points, dt_s)
        if self._corners is None:
            return None
        lo, hi = self._corners[:2], self._corners[2:]
        fade = float(np.exp(-(t_s - self._seen_s) / MAX_GAP_S))
        return TrackedBox(np.concatenate([lo, hi - lo]), self._score * fade, match is not None)

    def observe(self, uv_px: Float[np.ndarray, "k 2"], confidence: Float[np.ndarray, " k"]) -> None:
        """Tell where the keypoints of the frame just updated are."""
        box = box_of_points(uv_px, confidence)
        self._points = None if box is None else _corners(box)

    def _match(self, detections: Sequence[Detection]) -> Detection | None:
        if not detections:
            return None
        if self._corners is None:
            return max(detections, key=_prominence)
        box = np.concatenate([self._corners[:2], self._corners[2:] - self._corners[:2]])
        overlap = box_iou(box, np.stack([d.bbox_xywh for d in detections]))[0]
        best = int(overlap.argmax())
        return detections[best] if overlap[best] >= MIN_IOU else None

    def _move(self, corners: np.ndarray, dt_s: float) -> None:
        if self._corners is None:
            self._corners = corners
            return
        share = 1 - np.exp(-max(dt_s, 0.0) / SMOOTHING_S)
        self._corners = self._corners + share * (corners - self._corners)


def _corners(bbox_xywh: np.ndarray) -> np.ndarray:
    return np.concatenate([bbox_xywh[:2], bbox_xywh[:2] + bbox_xywh[2:]])


def _prominence(detection: Detection) -> float:
    """Return how much a detection is the video's subject: sure and large."""
    return detection.score * float(np.sqrt(np.prod(detection.bbox_xywh[2:])))
