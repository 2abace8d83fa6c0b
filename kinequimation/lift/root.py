"""Where the horse stands in the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.lift.normalize import rays

if TYPE_CHECKING:
    from jaxtyping import Float

_NEAREST = 0.3  # withers heights; no camera gets nearer to the sacrum


def root_from_code(
    code: Float[np.ndarray, "*b frames 3"], scale: Float[np.ndarray, "*b 1"]
) -> Float[np.ndarray, "*b frames 3"]:
    """Return the sacrum in the virtual camera from what the network predicts.

    The code is the sacrum's place in the image, in units of the horse's apparent size ``scale``, and the logarithm of
    its depth times that size: near zero whatever the distance.
    """
    depth = np.exp(code[..., 2]) / scale
    return np.concatenate([code[..., :2] * scale[..., None], np.ones_like(depth)[..., None]], -1) * depth[..., None]


def solve_root(
    xyz_cam: Float[np.ndarray, "t k 3"],
    sigma: Float[np.ndarray, "t k"],
    uv_px: Float[np.ndarray, "t k 2"],
    confidence: Float[np.ndarray, "t k"],
    K: Float[np.ndarray, "3 3"],
    root_prior: Float[np.ndarray, "t 3"],
) -> Float[np.ndarray, "t 3"]:
    """Return where in the camera the horse must stand for its points to fall on their pixels.

    Least squares of (X + tx) − x (Z + tz) = 0 and the same for y, with (x, y, 1) the pixel's ray: linear in t. Points
    are weighted by confidence over expected error, and reweighted three times against outliers. The network's own
    estimate enters with the weight of about one point, and stands alone where no point was found.
    """
    known = confidence > 0
    ray = rays(np.where(known[..., None], uv_px, 0.0), np.asarray(K, float))
    x, y = ray[..., 0], ray[..., 1]
    base = np.where(known, confidence / np.maximum(sigma, 0.01), 0.0)
    base = base / np.maximum(base.max(-1, keepdims=True), 1e-12)
    target = np.stack([x * xyz_cam[..., 2] - xyz_cam[..., 0], y * xyz_cam[..., 2] - xyz_cam[..., 1]], -1)
    root = root_prior
    weights = base
    for _ in range(4):
        A = np.zeros((len(x), 3, 3))
        A[:, 0, 0] = A[:, 1, 1] = weights.sum(-1)
        A[:, 0, 2] = A[:, 2, 0] = -(weights * x).sum(-1)
        A[:, 1, 2] = A[:, 2, 1] = -(weights * y).sum(-1)
        A[:, 2, 2] = (weights * (x * x + y * y)).sum(-1)
        b = np.stack(
            [
                (weights * target[..., 0]).sum(-1),
                (weights * target[..., 1]).sum(-1),
                -(weights * (x * target[..., 0] + y * target[..., 1])).sum(-1),
            ],
            -1,
        )
        # the prior: across the view in withers heights, along it as the change of apparent size
        prior = np.ones((len(x), 3))
        prior[:, 2] = 0.25 / np.maximum(root_prior[:, 2], 0.5) ** 2
        A[:, [0, 1, 2], [0, 1, 2]] += prior
        root = np.linalg.solve(A, (b + prior * root_prior)[..., None])[..., 0]
        off = np.stack([root[:, :1] - x * root[:, 2:], root[:, 1:2] - y * root[:, 2:]], -1) - target
        squared = (off**2).sum(-1)
        spread = np.maximum((weights * squared).sum(-1) / np.maximum(weights.sum(-1), 1e-12), 1e-4)
        weights = base / np.square(1.0 + squared / (4.0 * spread[:, None]))
    root[:, 2] = np.maximum(root[:, 2], _NEAREST)
    return root
