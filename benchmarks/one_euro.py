"""The One-Euro filter, as a baseline for smoothing: Casiez, Roussel and Vogel, CHI 2012.

A low-pass filter of first order whose cut-off rises with the speed: little jitter when slow, little lag when fast. It
knows only the past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import quat_from_rotvec, quat_inverse, quat_multiply, quat_to_rotvec

if TYPE_CHECKING:
    from jaxtyping import Float

MIN_CUTOFF_HZ, BETA, SPEED_CUTOFF_HZ = 1.7, 1.0, 1.0
"""Of sources, D3, the ends of its ranges with the least lag; ``BETA`` per metre, or per radian of turning."""


def _share(cutoff_hz: np.ndarray | float, fps: float) -> np.ndarray | float:
    """Return the weight of the newest value (equation 5 of the paper)."""
    return 1.0 / (1.0 + fps / (2 * np.pi * cutoff_hz))


def one_euro(xyz: Float[np.ndarray, "frames *n c"], fps: float) -> Float[np.ndarray, "frames *n c"]:
    """Filter positions; the speed that opens the filter is that of the whole vector."""
    out = np.array(xyz, float)
    speed = np.zeros_like(out[0])
    for t in range(1, len(out)):
        speed = speed + _share(SPEED_CUTOFF_HZ, fps) * ((xyz[t] - xyz[t - 1]) * fps - speed)
        cutoff = MIN_CUTOFF_HZ + BETA * np.linalg.norm(speed, axis=-1, keepdims=True)
        out[t] = out[t - 1] + _share(cutoff, fps) * (xyz[t] - out[t - 1])
    return out


def one_euro_quat(quat_wxyz: Float[np.ndarray, "frames n 4"], fps: float) -> Float[np.ndarray, "frames n 4"]:
    """Filter rotations, each step in the tangent space at the last filtered one."""
    out = np.array(quat_wxyz, float)
    speed = np.zeros((*out.shape[1:-1], 3))
    for t in range(1, len(out)):
        turned = quat_to_rotvec(quat_multiply(quat_inverse(quat_wxyz[t - 1]), quat_wxyz[t]))
        speed = speed + _share(SPEED_CUTOFF_HZ, fps) * (turned * fps - speed)
        cutoff = MIN_CUTOFF_HZ + BETA * np.linalg.norm(speed, axis=-1, keepdims=True)
        step = quat_to_rotvec(quat_multiply(quat_inverse(out[t - 1]), quat_wxyz[t]))
        out[t] = quat_multiply(out[t - 1], quat_from_rotvec(_share(cutoff, fps) * step))
    return out
