"""Which square of an image the pose network looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float

MARGIN = 1.25
"""Side of the crop over the longer side of the box: room for what a box cuts off, hooves and tail above all."""
SURE = 0.3
"""Confidence from which a keypoint helps to place a box."""
MIN_SURE = 12
"""Least number of such keypoints; fewer say too little."""
ROOM = 0.03
"""Skin and hair that lie outside the outermost keypoints, at each side, as a share of their extent."""


def box_of_points(
    uv_px: Float[np.ndarray, "k 2"], confidence: Float[np.ndarray, " k"], room: float = ROOM
) -> Float[np.ndarray, " 4"] | None:
    """Return the box of a horse whose keypoints are known: x, y, width, height; None if too few are sure.

    Args:
        uv_px: keypoints.
        confidence: of the keypoints.
        room: left around them at each side, as a share of their extent.
    """
    sure = (confidence >= SURE) & np.isfinite(uv_px).all(1)
    if sure.sum() < MIN_SURE:
        return None
    lo, hi = uv_px[sure].min(0), uv_px[sure].max(0)
    edge = room * (hi - lo)
    return np.concatenate([lo - edge, np.maximum(hi - lo + 2 * edge, 1.0)])


def boxes_of_images(n_images: int, bboxes_xywh: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Return boxes as floats.

    Raises:
        InputError: they are not one box for each image.
    """
    boxes = np.asarray(bboxes_xywh, dtype=float)
    if boxes.shape != (n_images, 4):
        raise InputError(
            f"boxes: expected an array of shape [{n_images}, 4], one box an image, got {list(boxes.shape)}"
        )
    return boxes


def crop_box(bbox_xywh: Float[np.ndarray, " 4"]) -> tuple[float, float, float]:
    """Return the square crop of a box as centre x, centre y and side, in source pixels.

    The box spans x to x + w on the continuous axis whose pixel 0 has its *centre* at 0; boxes of COCO files measure
    from the pixel's edge, half a pixel that no annotator places.

    Raises:
        InputError: the box is not four finite numbers with a positive width and height.
    """
    box = np.asarray(bbox_xywh, dtype=float)
    if box.shape != (4,) or not np.isfinite(box).all() or box[2] <= 0 or box[3] <= 0:
        raise InputError(
            f"box: expected x, y, width, height in pixels with width and height > 0, got {box.tolist()}; "
            "check the order, it is not x1, y1, x2, y2"
        )
    x, y, w, h = box.tolist()
    return x + w / 2, y + h / 2, MARGIN * max(w, h)
