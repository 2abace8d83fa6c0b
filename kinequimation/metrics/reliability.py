"""What a confidence is worth: of the points given 0.8, are 80 % right?

Expected calibration error as Guo et al. 2017 (arXiv 1706.04599) define it, over equally wide bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.metrics.bootstrap import bootstrap_intervals

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

N_BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Confidence against the share that is right, in equally wide bins.

    Attributes:
        counts: [B] points of each bin.
        confidence: [B] their mean confidence; NaN for an empty bin.
        right: [B] the share of them that is right; NaN for an empty bin.
        intervals: [B, 2] 95 % interval of that share, by bootstrap over images.
        ece: expected calibration error: the mean over points of how far share and confidence of their bin differ.
        bias: mean confidence less the share that is right: above 0 promises too much.
    """

    counts: Int[np.ndarray, " b"]
    confidence: Float[np.ndarray, " b"]
    right: Float[np.ndarray, " b"]
    intervals: Float[np.ndarray, "b 2"]
    ece: float
    bias: float


def reliability(
    confidence: Float[np.ndarray, "n k"],
    right: Bool[np.ndarray, "n k"],
    counted: Bool[np.ndarray, "n k"],
    image_of: Int[np.ndarray, " n"],
    n_bins: int = N_BINS,
) -> Reliability:
    """Compare confidences with what came true.

    Args:
        confidence: in 0..1.
        right: whether each point is right.
        counted: which points count.
        image_of: the image of each row.
        n_bins: equally wide.
    """
    n_images = int(image_of.max()) + 1 if len(image_of) else 0
    row, column = np.nonzero(counted)
    c, r = confidence[row, column], right[row, column].astype(float)
    bins = np.clip((c * n_bins).astype(int), 0, n_bins - 1)
    cell = image_of[row] * n_bins + bins
    per_image = [np.bincount(cell, w, n_images * n_bins).reshape(n_images, n_bins) for w in (r, np.ones_like(r), c)]
    n_right, counts, sure = (a.sum(0) for a in per_image)
    some = np.where(counts > 0, counts, np.nan)
    gap = np.nan_to_num(np.abs(n_right - sure))
    return Reliability(
        counts=counts.astype(int),
        confidence=sure / some,
        right=n_right / some,
        intervals=bootstrap_intervals(per_image[0], per_image[1]),
        ece=float(gap.sum() / len(c)) if len(c) else float("nan"),
        bias=float((c - r).mean()) if len(c) else float("nan"),
    )
