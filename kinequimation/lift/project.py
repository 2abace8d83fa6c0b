"""How a horse in camera axes lies in the picture: pixels, the size of its box, and which way it faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

_NEAR = 0.15  # withers heights; nearer to the camera's plane a point is as good as behind it
_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
CHEST = skeleton.KEYPOINT_INDEX["DEF-spine.006"]


def project(
    xyz_cam: Float[np.ndarray, "b t k 3"], K: Float[np.ndarray, "b t 3 3"], size_px: Float[np.ndarray, "b 2"]
) -> tuple[Float[np.ndarray, "b t k 2"], Bool[np.ndarray, "b t k"]]:
    """Return pixels, 0 behind the camera, and which of them the image holds."""
    in_front = xyz_cam[..., 2] > _NEAR
    depth = np.where(in_front, xyz_cam[..., 2], 1.0)[..., None]
    uv = xyz_cam[..., :2] / depth * K[:, :, None, [0], [0]] + K[:, :, None, :2, 2]
    inside = in_front & ((uv > -0.5) & (uv < size_px[:, None, None] - 0.5)).all(-1)
    return np.where(in_front[..., None], uv, 0.0), inside


def box_px(xyz_cam: Float[np.ndarray, "b t k 3"], K: Float[np.ndarray, "b t 3 3"]) -> Float[np.ndarray, "b t"]:
    """Return the longer side of a horse's box, from its size and distance: points behind the camera have none.

    A horse in motion is about 1.7 withers heights long; nearer than half a one it is as large as there.
    """
    return 1.7 * K[..., 0, 0] / np.maximum(xyz_cam[:, :, _SACRUM, 2], 0.5)


def facing(xyz_cam: Float[np.ndarray, "b t k 3"]) -> Float[np.ndarray, "b t 2"]:
    """Return which way the trunk points, unit: to the right of the picture, and away from the camera."""
    along = (xyz_cam[:, :, CHEST] - xyz_cam[:, :, _SACRUM])[..., [0, 2]]
    return along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
