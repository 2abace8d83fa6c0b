"""Which square of an image the pose network looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float

MARGIN = 1.25
"""Side of the crop over the longer side of the box: room for what a box cuts off, hooves and tail above all."""


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
