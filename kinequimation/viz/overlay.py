"""The picture of the result: the frame with the skeleton on it, beside the 3D horse from a second viewpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.viz.skeleton2d import draw_skeleton
from kinequimation.viz.view import SecondView

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.motion import Motion

_MIN_HEIGHT, _MAX_HEIGHT, _MAX_WIDTH = 432, 540, 960
"""Small clips are shown larger, so that lines do not cover the horse; large ones smaller, as drawing
and encoding take most of a run's time."""
_GREY = (92, 96, 102)


class Overlay:
    """Draws the result frame by frame.

    Args:
        motion: the result.
        width, height: of the source frame, pixels; what ``uv_px`` is in.
        camera_xyz_world: where the filming camera is.

    Attributes:
        width, height: of the pictures that ``draw`` returns; both even.
        frame_width: of the frame's part of them; a frame of this width and that height is not scaled again.
    """

    def __init__(
        self, motion: Motion, width: int, height: int, camera_xyz_world: Float[np.ndarray, " 3"] | None = None
    ) -> None:
        self._source_size = np.array([width, height], float)
        self.frame_width, self._view_width, self.height = overlay_size(width, height)
        self.width = self.frame_width + self._view_width
        self._view = SecondView(motion, self._view_width, self.height, camera_xyz_world)
        self._motion = motion
        self._font = ImageFont.load_default(max(11, self.height // 34))

    def draw(
        self,
        i: int,
        image_rgb: UInt8[np.ndarray, "h w 3"] | None,
        uv_px: Float[np.ndarray, "103 2"],
        confidence: Float[np.ndarray, " 103"],
    ) -> UInt8[np.ndarray, "h w 3"]:
        """Return the picture of one frame.

        Args:
            i: row of the motion.
            image_rgb: the frame, at any size; None where it is not to be had: grey is drawn.
            uv_px: keypoints, pixels of the source frame.
            confidence: of each keypoint.
        """
        size = (self.frame_width, self.height)
        if image_rgb is None:
            left = Image.new("RGB", size, _GREY)
        else:
            left = Image.fromarray(image_rgb)
            if left.size != size:
                left = left.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        uv_shown = (uv_px + 0.5) * (np.array(size) / self._source_size) - 0.5
        picture = np.empty((self.height, self.width, 3), np.uint8)
        picture[:, : self.frame_width] = draw_skeleton(np.asarray(left), uv_shown, confidence)
        view = self._view.picture(i)
        self._label(view, i)
        picture[:, self.frame_width :] = np.asarray(view)
        return picture

    def _label(self, view: Image.Image, i: int) -> None:
        confidence = float(self._motion.confidence[i])
        text = f"{self._motion.t_s[i]:.2f} s   " if len(self._motion) > 1 else ""
        text += f"confidence {confidence:.2f}" if confidence > 0 else "no horse found: pose filled in"
        margin = self.height // 50
        at = (margin, self.height - margin)
        ImageDraw.Draw(view).text(at, text, fill=(40, 44, 50), font=self._font, anchor="lb")


def overlay_size(width: int, height: int) -> tuple[int, int, int]:
    """Return how wide the frame and the 3D view beside it are in the picture of a source, and how high both are.

    Args:
        width, height: of the source's frames, pixels.
    """
    scale = np.clip(height, _MIN_HEIGHT, _MAX_HEIGHT) / height
    scale = min(scale, _MAX_WIDTH / width)
    frame_width, high = _even(width * scale), _even(height * scale)
    return frame_width, _even(np.clip(0.95 * high, 0.55 * _MIN_HEIGHT, 2.0 * frame_width)), high


def _even(value: float) -> int:
    return max(2, 2 * round(float(value) / 2))
