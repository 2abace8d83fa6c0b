"""From probability maps to points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

RADIUS = 4
"""Half the window that is looked at around the highest cell, cells."""
SIGMA = 1.5
"""Deviation of the weight inside it, cells; that of the Gaussians which maps are trained to show."""

MAX_STEPS, STILL = 8, 1e-4
"""Most moves of the window's weight, and cells of a move from which on it stands still."""


def decode(prob: Float[np.ndarray, "*n h w"]) -> Float[np.ndarray, "*n 2"]:
    """Find each map's peak to a fraction of a cell.

    The peak is the centre of mass of a window around the highest cell, weighted by a Gaussian that is itself moved to
    the result a few times (mean shift), so that a window which cuts a blob off centre does not bias it. The
    second mode of an ambiguous map (the other leg) stays outside the window and does not pull.

    Args:
        prob: maps, non-negative; a map's scale does not matter.

    Returns:
        x and y in cells; (0, 0) is the centre of the first cell. NaN for a map without a positive cell.
    """
    *lead, h, w = prob.shape
    maps = prob.reshape(-1, h, w)
    y0, x0 = np.divmod(maps.reshape(len(maps), h * w).argmax(1), w)
    offset = np.arange(-RADIUS, RADIUS + 1)
    rows, columns = y0[:, None] + offset, x0[:, None] + offset  # [N, 2R+1]
    inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[:, None, :]
    window = maps[np.arange(len(maps))[:, None, None], rows.clip(0, h - 1)[:, :, None], columns.clip(0, w - 1)[:, None]]
    window = np.where(inside, window, 0.0).astype(float)
    xy = np.stack([x0, y0], 1).astype(float)
    for _ in range(MAX_STEPS):
        gx = np.exp(-((columns - xy[:, :1]) ** 2) / (2 * SIGMA**2))
        gy = np.exp(-((rows - xy[:, 1:]) ** 2) / (2 * SIGMA**2))
        along_y = (window @ gx[:, :, None])[:, :, 0] * gy
        along_x = (gy[:, None] @ window)[:, 0] * gx
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = np.stack([(along_x * columns).sum(1), (along_y * rows).sum(1)], 1)
            moved = sums / along_y.sum(1, keepdims=True)
        step = np.abs(moved - xy)
        xy = moved
        if not (step > STILL).any():
            break
    return xy.reshape(*lead, 2)
