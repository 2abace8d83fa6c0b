"""Where a horse is in the next frame: a box that follows its keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.pose2d.crop import box_of_points

if TYPE_CHECKING:
    from jaxtyping import Float

MARGIN = 0.04
"""Room around the keypoints that a box follows, at each side, as a share of their extent: a guess."""
COASTING = 0.97
"""Share of its pace that a horse which is not seen keeps from frame to frame: a guess, half after 23 frames."""
SIZE_SHARE, PACE_SHARE = 0.2, 0.3
"""How much of a followed box's size and pace is taken from the newest frame."""


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

    def coast(self) -> None:
        """Let the box go on at its pace, ever slower, while the horse is not seen."""
        self.xywh = self.xywh + np.concatenate([self._step, np.zeros(2)])
        if self._centre is not None:
            self._centre = self._centre + self._step
        self._step = self._step * COASTING
