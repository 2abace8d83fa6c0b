"""From a detector's maps to a list of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.metrics import box_iou

if TYPE_CHECKING:
    from jaxtyping import Float


def peaks(
    score: Float[np.ndarray, "h w"], ltrb_px: Float[np.ndarray, "4 h w"], stride: float, threshold: float
) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, " n"]]:
    """Return the boxes at local maxima of a score map, and their scores, best first.

    Each box is the score-weighted mean of what the 3×3 cells around its peak say.
    """
    h, w = score.shape
    padded = np.pad(score, 1, constant_values=-1.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    rows, columns = np.nonzero((score >= windows.max((2, 3))) & (score >= threshold))
    found_boxes, found_scores = [], []
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        rr, cc = np.meshgrid(
            np.arange(max(r - 1, 0), min(r + 2, h)), np.arange(max(c - 1, 0), min(c + 2, w)), indexing="ij"
        )
        weight = score[rr, cc] ** 2
        centre = np.stack([cc, rr]) * stride + (stride - 1) / 2
        lo, hi = centre - ltrb_px[:2, rr, cc], centre + ltrb_px[2:, rr, cc]
        lo, hi = ((v * weight).sum((1, 2)) / weight.sum() for v in (lo, hi))
        found_boxes.append([*lo, *(hi - lo)])
        found_scores.append(score[r, c])
    order = np.argsort(found_scores)[::-1]
    return np.array(found_boxes, float).reshape(-1, 4)[order], np.array(found_scores, float)[order]


def suppress(boxes_xywh: Float[np.ndarray, "n 4"], scores: Float[np.ndarray, " n"], max_iou: float) -> list[int]:
    """Return the indices of boxes to keep, best first: none overlaps a better one by more than ``max_iou``."""
    overlap = box_iou(boxes_xywh, boxes_xywh)
    keep: list[int] = []
    for i in np.argsort(scores)[::-1].tolist():
        if (overlap[i, keep] <= max_iou).all():
            keep.append(i)
    return keep
