"""The pinhole camera, in OpenCV's axes: x right, y down, z forward.

Pixel (0, 0) is the centre of the top-left pixel. No lens distortion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at a place in the world.

    Attributes:
        K: [3, 3] intrinsics, pixels.
        T_cam_world: [4, 4] rigid transform that takes world points (metres) to camera points.
        width: image width, pixels.
        height: image height, pixels.
    """

    K: Float[np.ndarray, "3 3"]
    T_cam_world: Float[np.ndarray, "4 4"]
    width: int
    height: int

    def to_cam(self, xyz_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Return points in camera axes."""
        return xyz_world @ self.T_cam_world[:3, :3].T + self.T_cam_world[:3, 3]

    def project(self, xyz_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Return pixel coordinates; NaN for points not in front of the camera."""
        return project_cam(self.K, self.to_cam(xyz_world))

    @property
    def position_world(self) -> Float[np.ndarray, " 3"]:
        """The camera's centre in the world."""
        return -self.T_cam_world[:3, :3].T @ self.T_cam_world[:3, 3]


def project_cam(K: Float[np.ndarray, "*#n 3 3"], xyz_cam: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """Project camera-space points to pixels; NaN for points not in front of the camera."""
    z = xyz_cam[..., 2:]
    uvw = np.einsum("...ij,...j->...i", K, xyz_cam)
    return np.where(z > 1e-6, uvw[..., :2] / np.where(z > 1e-6, uvw[..., 2:], 1.0), np.nan)


def intrinsics(width: int, height: int, hfov_rad: float) -> Float[np.ndarray, "3 3"]:
    """Return K of an image with square pixels, its centre as principal point, and a horizontal field of view."""
    f = 0.5 * width / np.tan(hfov_rad / 2)
    return np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1.0]])


def default_intrinsics(width: int, height: int) -> Float[np.ndarray, "3 3"]:
    """Return K with f = √(width² + height²), the convention of CLIFF and WHAM for unknown cameras."""
    f = float(np.hypot(width, height))
    return np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1.0]])


def look_at(
    position_world: Float[np.ndarray, " 3"], target_world: Float[np.ndarray, " 3"], roll_rad: float = 0.0
) -> Float[np.ndarray, "4 4"]:
    """Return T_cam_world of a camera that looks at a point with world Z up, rolled about its axis."""
    forward = target_world - position_world
    forward = forward / np.linalg.norm(forward)
    x, y, z = forward
    right = np.array([y, -x, 0.0])  # forward × up; np.cross is many times slower on single vectors
    if np.linalg.norm(right) < 1e-6:  # straight up or down
        right = np.array([1.0, 0.0, 0.0])
    right = right / np.linalg.norm(right)
    down = np.array([-z * right[1], z * right[0], x * right[1] - y * right[0]])
    c, s = np.cos(roll_rad), np.sin(roll_rad)
    R = np.stack([c * right + s * down, -s * right + c * down, forward])
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = -R @ position_world
    return T
