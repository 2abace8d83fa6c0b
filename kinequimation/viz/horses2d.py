"""Draw every horse that was found in a frame: its skeleton, and its number where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.viz.skeleton2d import draw_skeleton

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.io.keypoints import HorseKeypoints

MIN_SIDE, MAX_SIDE = 640, 1280
"""Longer side of the pictures, pixels: small images are shown larger, so that lines do not cover the horse."""
_INK, _OUTLINE = (255, 255, 255), (16, 18, 22)


class HorseDrawing:
    """Draws the horses of frames of one size.

    Args:
        width: of the source frame, pixels; what keypoints and boxes are in.
        height: the same.

    Attributes:
        width: of the pictures, pixels; even.
        height: the same.
    """

    def __init__(self, width: int, height: int) -> None:
        scale = np.clip(max(width, height), MIN_SIDE, MAX_SIDE) / max(width, height)
        self.width, self.height = (max(2, 2 * round(float(side * scale) / 2)) for side in (width, height))
        self._scale = np.array([self.width / width, self.height / height])
        self._font = ImageFont.load_default(max(13, self.height // 30))

    def draw(
        self, image_rgb: UInt8[np.ndarray, "h w 3"], horses: Sequence[HorseKeypoints]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """Return the picture of one frame.

        Args:
            image_rgb: the frame, at any size.
            horses: what was found in it.
        """
        picture = Image.fromarray(image_rgb)
        if picture.size != (self.width, self.height):
            picture = picture.resize((self.width, self.height), Image.Resampling.BICUBIC, reducing_gap=2.0)
        drawn = np.asarray(picture)
        for horse in horses:
            drawn = draw_skeleton(drawn, self._at(horse.uv_px), horse.confidence)
        if len(horses) < 2:
            return drawn
        picture = Image.fromarray(drawn)
        draw = ImageDraw.Draw(picture)
        for horse in horses:
            x, y = self._at(horse.bbox_xywh[:2] + [0.5 * horse.bbox_xywh[2], 0])
            at = (float(np.clip(x, 8, self.width - 8)), max(4.0, float(y)))
            anchor = "mt" if at[1] < 0.08 * self.height else "mb"
            draw.text(
                at, str(horse.id), fill=_INK, font=self._font, anchor=anchor, stroke_width=3, stroke_fill=_OUTLINE
            )
        return np.asarray(picture)

    def _at(self, uv_px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        return (uv_px + 0.5) * self._scale - 0.5
