"""Errors of points in an image: PCK, left and right exchanged, boxes.

Errors are divided by the longer side of the horse's box, so that 0.05 means the same on any photo. A point that was not
predicted (NaN) counts as infinitely wrong; a point that is not labelled does not count. PCK is as in the evaluations of
TigDog and AP-10K: the threshold is a share of the longer side of the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


def point_errors(
    uv_px: Float[np.ndarray, "n k 2"], truth_px: Float[np.ndarray, "n k 2"], bbox_xywh: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, "n k"]:
    """Return each point's distance from its truth over the longer side of the horse's box.

    Returns:
        NaN where the truth is NaN (not labelled), infinity where only the prediction is.
    """
    side = np.asarray(bbox_xywh, float)[:, 2:].max(axis=1, keepdims=True)
    error = np.linalg.norm(np.asarray(uv_px, float) - truth_px, axis=-1) / side
    labelled = np.isfinite(truth_px).all(-1)
    return np.where(labelled, np.where(np.isnan(error), np.inf, error), np.nan)


def pck(errors: Float[np.ndarray, "*n k"], threshold: float) -> tuple[Int[np.ndarray, "*n"], Int[np.ndarray, "*n"]]:
    """Return how many of the K labelled points lie within ``threshold``, and how many are labelled."""
    return (errors <= threshold).sum(-1), (~np.isnan(errors)).sum(-1)


@dataclass(frozen=True)
class PairChecks:
    """What became of each left/right pair; all [N, 103], set at the left point of a pair only.

    Attributes:
        comparable: both points are labelled, and far enough apart to be told apart.
        swapped: comparable, and each prediction lies nearer to the other's label.
        merged: comparable, and both predictions lie nearer to the same label.
    """

    comparable: Bool[np.ndarray, "n 103"]
    swapped: Bool[np.ndarray, "n 103"]
    merged: Bool[np.ndarray, "n 103"]


def check_pairs(
    uv_px: Float[np.ndarray, "n 103 2"],
    truth_px: Float[np.ndarray, "n 103 2"],
    bbox_xywh: Float[np.ndarray, "n 4"],
    min_separation: float = 0.05,
) -> PairChecks:
    """Find the left/right pairs that the prediction has the wrong way round, or on one side both.

    Args:
        uv_px: predictions; a pair with a missing one (NaN) is not comparable.
        truth_px: labels, NaN where there is none.
        bbox_xywh: [N, 4] boxes.
        min_separation: of two labels, over the box's longer side. 0.05, the finest PCK threshold reported.
    """
    mirror = skeleton.MIRROR_KEYPOINTS
    side = np.asarray(bbox_xywh, float)[:, 2:].max(axis=1, keepdims=True)
    own = np.linalg.norm(uv_px - truth_px, axis=-1)
    other = np.linalg.norm(uv_px - truth_px[:, mirror], axis=-1)
    apart = np.linalg.norm(truth_px - truth_px[:, mirror], axis=-1) >= min_separation * side
    left = np.zeros(skeleton.NUM_KEYPOINTS, bool)
    left[[i for i in skeleton.SIDED_KEYPOINTS if i < mirror[i]]] = True
    comparable = left & apart & np.isfinite(own + own[:, mirror])
    wrong = other < own
    return PairChecks(
        comparable=comparable,
        swapped=comparable & wrong & wrong[:, mirror],
        merged=comparable & (wrong != wrong[:, mirror]),
    )


def box_iou(a_xywh: Float[np.ndarray, "n 4"], b_xywh: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Return intersection over union of every box of one set with every box of another."""
    a, b = np.asarray(a_xywh, float).reshape(-1, 4)[:, None], np.asarray(b_xywh, float).reshape(-1, 4)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    overlap = np.clip(high - low, 0, None).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - overlap
    return overlap / np.maximum(union, 1e-12)
