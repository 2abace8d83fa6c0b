"""Agreement with the image: where the horse stands before the camera, and lifted points put back on their rays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

SIGMA_2D = 0.015
"""Error of a confident 2D keypoint, withers heights on the horse (judgement; a few pixels on a 300-pixel horse)."""
DEPTH_SIGMA = 0.15
"""How far the lifter's depth of the horse may be off, as a share of it."""
OUTLIER_2D = 0.08
"""Where a 2D point stops pulling, withers heights."""


def rays(uv_px: Float[np.ndarray, "*n 2"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "*n 2"]:
    """Return x/z and y/z of pixels."""
    homogeneous = np.concatenate([uv_px, np.ones_like(uv_px[..., :1])], -1)
    ray = homogeneous @ np.linalg.inv(K).T
    return ray[..., :2] / ray[..., 2:]


def locate(
    xyz_cam: Float[np.ndarray, "frames n 3"],
    root_guess_cam: Float[np.ndarray, "frames 3"],
    ray: Float[np.ndarray, "frames n 2"],
    confidence: Float[np.ndarray, "frames n"],
    unit_m: float,
) -> Float[np.ndarray, "frames 3"]:
    """Place each frame's points before the camera so that they project to where they were seen.

    Linear least squares: x + tx = a (z + tz), y + ty = b (z + tz) for a point seen along (a, b, 1), with robust
    weights and the guess as a prior on the depth.

    Args:
        xyz_cam: points relative to the root, camera axes.
        root_guess_cam: the root; kept in frames without 2D points.
        ray: x/z and y/z of the 2D points.
        confidence: of the 2D points; 0 leaves one out.
        unit_m: withers height, in the unit of ``xyz_cam``.
    """
    a, b = ray[..., 0], ray[..., 1]
    x, y, z = np.moveaxis(xyz_cam, -1, 0)
    guess = np.maximum(root_guess_cam[:, 2], 0.5 * unit_m)
    root = np.column_stack([root_guess_cam[:, :2], guess])
    base = confidence**2 / (SIGMA_2D * unit_m) ** 2
    weight = base
    for _ in range(4):
        normal = np.zeros((len(xyz_cam), 3, 3))
        right = np.zeros((len(xyz_cam), 3))
        total = weight.sum(1)
        normal[:, 0, 0] = normal[:, 1, 1] = total + 1e-3
        normal[:, 0, 2] = normal[:, 2, 0] = -(weight * a).sum(1)
        normal[:, 1, 2] = normal[:, 2, 1] = -(weight * b).sum(1)
        normal[:, 2, 2] = (weight * (a**2 + b**2)).sum(1) + (DEPTH_SIGMA * guess) ** -2
        off_x, off_y = a * z - x, b * z - y
        right[:, 0] = (weight * off_x).sum(1) + 1e-3 * root_guess_cam[:, 0]
        right[:, 1] = (weight * off_y).sum(1) + 1e-3 * root_guess_cam[:, 1]
        right[:, 2] = -(weight * (a * off_x + b * off_y)).sum(1) + (DEPTH_SIGMA * guess) ** -2 * guess
        root = np.linalg.solve(normal, right[..., None])[..., 0]
        depth = z + root[:, 2:]
        error = np.hypot(a * depth - x - root[:, :1], b * depth - y - root[:, 1:2])
        weight = base / (1 + (error / (OUTLIER_2D * unit_m)) ** 2) ** 2
    usable = (confidence > 0.05).sum(1) >= 4
    return np.where(usable[:, None] & (root[:, 2:] > 0), root, root_guess_cam)


def onto_rays(
    xyz_cam: Float[np.ndarray, "frames n 3"],
    root_cam: Float[np.ndarray, "frames 3"],
    sigma: Float[np.ndarray, "frames n"],
    ray: Float[np.ndarray, "frames n 2"],
    confidence: Float[np.ndarray, "frames n"],
    unit_m: float,
) -> Float[np.ndarray, "frames n 3"]:
    """Move lifted points sideways towards the rays on which they were seen, their depth kept.

    The share of the way is that of two independent measurements, the lifted one with ``sigma`` and the 2D one with
    ``SIGMA_2D``; a 2D point far from its lifted place is taken for an outlier.

    Returns:
        points relative to the root, as ``xyz_cam``.
    """
    place = xyz_cam + root_cam[:, None]
    step = ray * place[..., 2:] - place[..., :2]
    distance = np.linalg.norm(step, axis=-1)
    variance_2d = (SIGMA_2D * unit_m / np.maximum(confidence, 1e-3)) ** 2
    share = sigma**2 / (sigma**2 + variance_2d) / (1 + (distance / (OUTLIER_2D * unit_m)) ** 2) ** 2
    share = np.where((confidence > 0.05) & (place[..., 2] > 0), share, 0.0)
    moved = xyz_cam.copy()
    moved[..., :2] += share[..., None] * step
    return moved
