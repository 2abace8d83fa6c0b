"""Square crops as affine maps, and the warp that makes them.

Pixel (0, 0) is the centre of the top-left pixel, in the source and in the crop alike; an image of side n therefore
spans −0.5 to n − 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8


def check_rgb8(image: object) -> None:
    """Check that an image is an 8-bit RGB array with at least one pixel.

    Raises:
        InputError: it is not.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        got = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"image: expected uint8 RGB of shape [height, width, 3], got {got}; convert it first")
    if image.size == 0:
        raise InputError(f"image: expected at least one pixel, got shape {list(image.shape)}")


def crop_transform(cx: float, cy: float, side: float, size: int) -> Float[np.ndarray, "2 3"]:
    """Return the affine map from source pixels to the pixels of a square crop.

    Args:
        cx: centre of the crop in the source, pixels.
        cy: the same, downwards.
        side: side of the crop in the source, pixels.
        size: side of the crop's image, pixels.
    """
    scale = size / side
    centre = (size - 1) / 2
    return np.array([[scale, 0.0, centre - scale * cx], [0.0, scale, centre - scale * cy]])


def invert_transform(transform: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """Return the affine map that undoes ``transform``."""
    linear = np.linalg.inv(transform[:, :2])
    return np.concatenate([linear, -linear @ transform[:, 2:]], axis=1)


def compose_transforms(after: Float[np.ndarray, "2 3"], before: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """Return the affine map that applies ``before``, then ``after``."""
    linear = after[:, :2] @ before[:, :2]
    return np.concatenate([linear, after[:, :2] @ before[:, 2:] + after[:, 2:]], axis=1)


def apply_transform(transform: Float[np.ndarray, "2 3"], uv_px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    """Return points under an affine map; NaN stays NaN."""
    return uv_px @ transform[:, :2].T + transform[:, 2]


def _shown(
    shape: tuple[int, int], inverse: Float[np.ndarray, "2 3"], size: int, factor: int
) -> tuple[int, int, int, int]:
    """Return the part of an image that a warp can show, with room to interpolate, in whole blocks of ``factor``.

    Converting and shrinking the rest of a large frame would take most of the time. The whole image if it shows none.
    """
    corners = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    at = apply_transform(inverse, corners)
    low = np.floor((at.min(0) - 2) / factor - 1).astype(int) * factor
    high = np.ceil((at.max(0) + 3) / factor + 1).astype(int) * factor
    height, width = shape
    left, top = np.clip(low, 0, [width, height]).tolist()
    right, bottom = np.clip(high, 0, [width, height]).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, width, height)


def warp(
    image: UInt8[np.ndarray, "h w *c"],
    transform: Float[np.ndarray, "2 3"],
    size: int,
    fill: int | tuple[int, int, int] = 0,
    nearest: bool = False,
) -> UInt8[np.ndarray, "s s *c"]:
    """Resample an image under an affine map, bilinearly; one that shrinks a lot is averaged down first.

    Args:
        image: [H, W] or [H, W, 3], 8 bits.
        transform: from source pixels to output pixels.
        size: side of the output, pixels.
        fill: value outside the source.
        nearest: take the nearest pixel instead, for pictures of labels.
    """
    inverse = invert_transform(transform)
    step = float(np.sqrt(abs(np.linalg.det(inverse[:, :2]))))  # source pixels an output pixel spans
    factor = 1 if nearest else max(1, min(int(step), *image.shape[:2]))
    left, top, right, bottom = _shown(image.shape[:2], inverse, size, factor)
    source = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    inverse = inverse - [[0, 0, left], [0, 0, top]]
    if factor >= 2:
        source = source.reduce(factor)
        # the centre of reduced pixel k is source pixel factor·k + (factor − 1)/2
        reduce = np.array([[1 / factor, 0.0, (1 / factor - 1) / 2], [0.0, 1 / factor, (1 / factor - 1) / 2]])
        inverse = compose_transforms(reduce, inverse)
    # Pillow maps the output's (x + 0.5, y + 0.5) into a source whose first pixel spans 0 to 1
    offset = inverse[:, 2] + 0.5 - inverse[:, :2] @ np.array([0.5, 0.5])
    data = (*inverse[0, :2], offset[0], *inverse[1, :2], offset[1])
    resample = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    warped = source.transform((size, size), Image.Transform.AFFINE, data, resample=resample, fillcolor=fill)
    return np.asarray(warped)
