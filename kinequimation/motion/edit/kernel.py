"""Values and rotations smoothed over time without delay: a line fitted about each frame, near frames weighing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import quat_continuous, quat_normalize

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_REACH = 3.5
"""Standard deviations of the kernel after which it ends."""
_PIECE = 512


def smoothed_values(
    values: Float[np.ndarray, "frames ..."],
    weight: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    half_gain_hz: float,
) -> Float[np.ndarray, "frames ..."]:
    """Smooth numbers over time.

    Args:
        values: along the first axis.
        weight: trust in each frame, above 0.
        t_s: times, rising.
        half_gain_hz: the frequency whose amplitude is halved.
    """
    out = np.empty(np.shape(values))
    for rows, near in _pieces(t_s, half_gain_hz):
        out[rows] = _regressed(values[near], weight[near], t_s[near], rows, near, half_gain_hz)
    return out


def smooth_joints(
    out_wxyz: Float[np.ndarray, "frames joints 4"],
    quat_wxyz: Float[np.ndarray, "frames joints 4"],
    joints: Int[np.ndarray, " j"],
    weight: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    half_gain_hz: float,
) -> None:
    """Smooth the rotations of some joints over time: quaternions in one hemisphere as numbers, scaled to unit length.

    Args:
        out_wxyz: takes the smoothed rotations of these joints.
        quat_wxyz: rotations.
        joints: which of them.
        weight, t_s, half_gain_hz: as for ``smoothed_values``.
    """
    for rows, near in _pieces(t_s, half_gain_hz):
        values = quat_continuous(quat_wxyz[near][:, joints])
        turned = quat_normalize(_regressed(values, weight[near], t_s[near], rows, near, half_gain_hz))
        if rows.start > 0:  # pieces may have come out in different hemispheres
            turned *= np.where(np.sum(turned[0] * out_wxyz[rows.start - 1, joints], -1) >= 0, 1.0, -1.0)[:, None]
        out_wxyz[rows, joints] = turned


def _sigma_s(half_gain_hz: float) -> float:
    """Return the standard deviation of the Gaussian whose gain exp(−2 π² σ² f²) is one half at a frequency."""
    return float(np.sqrt(np.log(2.0) / 2.0) / (np.pi * half_gain_hz))


def _pieces(t_s: np.ndarray, half_gain_hz: float) -> list[tuple[slice, slice]]:
    """Return pieces of the frames, each with the frames that the kernel of one of its own reaches."""
    reach_s, found = _REACH * _sigma_s(half_gain_hz), []
    for start in range(0, len(t_s), _PIECE):
        stop = min(start + _PIECE, len(t_s))
        low, high = np.searchsorted(t_s, [t_s[start] - reach_s, t_s[stop - 1] + reach_s])
        found.append((slice(start, stop), slice(max(int(low) - 1, 0), min(int(high) + 1, len(t_s)))))
    return found


def _regressed(
    values: np.ndarray, weight: np.ndarray, t_s: np.ndarray, rows: slice, near: slice, half_gain_hz: float
) -> np.ndarray:
    """Return the value at each frame of ``rows`` of a line through the frames of ``near`` about it."""
    inner = slice(rows.start - near.start, rows.stop - near.start)
    away_s = t_s[None, :] - t_s[inner, None]
    kernel = weight * np.exp(-0.5 * (away_s / _sigma_s(half_gain_hz)) ** 2)
    s0, s1, s2 = kernel.sum(1), (kernel * away_s).sum(1), (kernel * away_s**2).sum(1)
    spread = s0 * s2 - s1 * s1
    enough = spread > 1e-12 * s0 * s0  # else one frame decides alone
    line = kernel * (s2[:, None] - s1[:, None] * away_s) / np.where(enough, spread, 1.0)[:, None]
    share = np.where(enough[:, None], line, kernel / s0[:, None])
    return np.tensordot(share, values, axes=1)
