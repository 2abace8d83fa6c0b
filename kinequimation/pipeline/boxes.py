"""Where the horse is in each frame: a box that follows its keypoints, and detections that start it and correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.metrics import box_iou
from kinequimation.pose2d.crop import box_of_points

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.detect import Detection

MAX_CANDIDATES = 3
"""Detections that are tried where no horse is followed; their keypoints tell which is one."""
MIN_OVERLAP = 0.1
"""Overlap from which a detection is of the horse that is followed."""
MARGIN = 0.04
"""Room around the keypoints that a box follows, at each side, as a share of their extent: a guess."""
SIZE_SHARE, PACE_SHARE = 0.2, 0.3
"""How much of a followed box's size and pace is taken from the newest frame."""


@dataclass(frozen=True)
class Box:
    """A horse's box in one frame, pixels of that frame, and the detector's score."""

    xywh: Float[np.ndarray, " 4"]
    score: float

    @property
    def size(self) -> float:
        """Side of the square with the box's area."""
        return float(np.sqrt(self.xywh[2] * self.xywh[3]))


def candidates(found: Sequence[Detection], followed: Box | None) -> list[Box]:
    """Return the detections worth a look: of the followed horse the one that overlaps it most, else the clearest."""
    boxes = [Box(np.asarray(d.bbox_xywh, float), float(d.score)) for d in found]
    if followed is None:
        return sorted(boxes, key=lambda b: -b.score * b.size)[:MAX_CANDIDATES]
    if not boxes:
        return []
    overlap = box_iou(followed.xywh[None], np.stack([b.xywh for b in boxes]))[0]
    best = int(overlap.argmax())
    return [boxes[best]] if overlap[best] >= MIN_OVERLAP else []


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
        around = box_of_points(uv_px, confidence, MARGIN)
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
