"""Keep left legs left over a clip: in profile the network may call a leg left in one frame and right in the next.

For each pair of legs every frame is left as it is or has its two legs exchanged, so that over time the legs move as
smoothly as they can: the path of least bending (Viterbi over pairs of frames). Smoothness cannot tell which of the two
legs is the left one; that is what the network says in most frames.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

_LIMB_PARTS: dict[str, tuple[str, ...]] = {
    "fore": ("DEF-shoulder", "DEF-upper_arm", "DEF-forearm", "DEF-forefoot", "DEF-f_toe", "DEF-f_hoof")
    + ("point_of_shoulder", "elbow", "carpus", "fore_fetlock", "fore_toe"),
    "hind": ("DEF-pelvis", "DEF-thigh", "DEF-lower_leg", "DEF-hind_foot", "DEF-r_toe", "DEF-r_hoof")
    + ("point_of_hip", "stifle", "hock", "hind_fetlock", "hind_toe"),
}
"""Beginnings of the names of all points that change sides with a leg."""
_LOWER = ("DEF-forefoot", "DEF-f_toe", "DEF-f_hoof", "carpus", "fore_fetlock", "fore_toe")
_LOWER += ("DEF-hind_foot", "DEF-r_toe", "DEF-r_hoof", "hock", "hind_fetlock", "hind_toe")
MAX_BEND = 0.35
"""Bending of a point's path that counts in full, as a share of the horse's box: a point that jumps says no more."""
AS_SEEN = 0.01
"""Cost of exchanging the legs of a frame against what the network says, in the same unit, for each point: small, so
that it decides between paths that are smooth alike. A guess."""
STEP_SHARE = 0.15
"""Weight of the way from frame to frame beside the bending: it decides where legs stand or the frame rate is low."""


def _pairs(limb: str, parts: tuple[str, ...]) -> list[tuple[int, int]]:
    left = [k for k in skeleton.KEYPOINTS if skeleton.MIRROR[k] != k and (k.endswith(".L") or ".L." in k)]
    names = [k for k in left if k.startswith(_LIMB_PARTS[limb]) and k.startswith(parts)]
    return [(skeleton.KEYPOINT_INDEX[k], skeleton.KEYPOINT_INDEX[skeleton.MIRROR[k]]) for k in names]


def steady_sides(
    uv_px: Float[np.ndarray, "frames 103 2"],
    confidence: Float[np.ndarray, "frames 103"],
    size_px: Float[np.ndarray, " frames"],
) -> tuple[Float[np.ndarray, "frames 103 2"], Float[np.ndarray, "frames 103"], Bool[np.ndarray, "frames 2"]]:
    """Exchange the legs of a pair in the frames where that makes them move more smoothly.

    Args:
        uv_px: keypoints; NaN where missing.
        confidence: of the keypoints, 0 where missing.
        size_px: longer side of the horse's box; NaN where there is no horse.

    Returns:
        keypoints and confidences with legs exchanged, and whether the fore and the hind legs of each frame were.
    """
    uv, sure = uv_px.copy(), confidence.copy()
    swapped = np.zeros((len(uv), 2), bool)
    trunk = [skeleton.KEYPOINT_INDEX[f"DEF-spine.00{i}"] for i in range(1, 7)]
    there = np.flatnonzero(np.isfinite(size_px) & np.isfinite(uv[:, trunk]).all((1, 2)) & (sure.max(1) > 0))
    if len(there) < 3:
        return uv, sure, swapped
    # against the trunk, in box sizes: neither the camera nor the horse's way matters
    size = np.median(size_px[there])
    at = (uv[there] - uv[there][:, trunk].mean(1, keepdims=True)) / size
    for side, limb in enumerate(_LIMB_PARTS):
        lower = np.array(_pairs(limb, _LOWER))
        points = at[:, lower]  # [T, points, left or right, xy]
        trust = np.nan_to_num(sure[there][:, lower])
        points = np.where(np.isfinite(points), points, 0.0)
        swapped[there, side] = _smoothest(points, trust, np.diff(there) == 1)
        for left, right in _pairs(limb, _LIMB_PARTS[limb]):
            for array in (uv, sure):
                rows = np.flatnonzero(swapped[:, side])
                array[rows[:, None], [left, right]] = array[rows[:, None], [right, left]]
    return uv, sure, swapped


def _smoothest(points: np.ndarray, trust: np.ndarray, follows: np.ndarray) -> np.ndarray:
    """Return [T] in which frames to exchange left and right.

    Args:
        points: [T, P, 2, 2] points of the left and the right leg.
        trust: [T, P, 2] confidences.
        follows: [T − 1] whether each frame comes right after the one before it; across a gap nothing is compared.
    """
    n, n_points = points.shape[:2]
    # views[s]: the points as they are (0) or exchanged (1)
    views, trusts = np.stack([points, points[:, :, ::-1]]), np.stack([trust, trust[:, :, ::-1]])
    cost = np.full((2, 2), 0.0)  # of the best path that ends in frames (t − 1, t) with states (a, b)
    came_from = np.zeros((n, 2, 2), int)
    for a, b in product(range(2), repeat=2):
        step = np.linalg.norm(views[b, 1] - views[a, 0], axis=-1)
        weight = np.minimum(trusts[b, 1], trusts[a, 0])
        cost[a, b] = follows[0] * STEP_SHARE * (weight * step.clip(0, MAX_BEND)).sum() + AS_SEEN * n_points * (a + b)
    for t in range(2, n):
        new = np.full((2, 2), np.inf)
        for b, c in product(range(2), repeat=2):
            for a in range(2):
                bend = np.linalg.norm(views[c, t] - 2 * views[b, t - 1] + views[a, t - 2], axis=-1)
                step = np.linalg.norm(views[c, t] - views[b, t - 1], axis=-1)
                weight = np.minimum(np.minimum(trusts[c, t], trusts[b, t - 1]), trusts[a, t - 2])
                way = follows[t - 2] * bend.clip(0, MAX_BEND) + STEP_SHARE * step.clip(0, MAX_BEND)
                total = cost[a, b] + follows[t - 1] * (weight * way).sum() + AS_SEEN * n_points * c
                if total < new[b, c]:
                    new[b, c], came_from[t, b, c] = total, a
        cost = new
    b, c = np.unravel_index(int(cost.argmin()), (2, 2))
    path = np.zeros(n, bool)
    for t in range(n - 1, 1, -1):
        path[t] = c == 1
        b, c = came_from[t, b, c], b
    path[1], path[0] = c == 1, b == 1
    return path
