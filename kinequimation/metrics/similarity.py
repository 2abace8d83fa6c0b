"""Object keypoint similarity and COCO's average precision (COCO 2017 keypoints, https://cocodataset.org/#keypoints-eval).

The numbers are those of pycocotools (``COCOeval(..., "keypoints")``, all areas, 20 detections an image).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.metrics.bootstrap import Difference, drawn_counts

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

AP_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""COCO's ten thresholds of OKS, 0.50 to 0.95."""
MAX_DETECTIONS = 20
"""COCO's: of an image, those with the highest scores."""
_RECALLS = np.linspace(0, 1, 101)
_N_DRAWS = 500
"""Of a bootstrap: the curve is drawn anew in each, at each threshold."""


def oks(
    uv_px: Float[np.ndarray, "k 2"],
    truth_px: Float[np.ndarray, "k 2"],
    area_px: float,
    sigmas: Float[np.ndarray, " k"] = skeleton.OKS_SIGMAS,
) -> float:
    """Return the object keypoint similarity: the mean over labelled points of exp(−d² / (2 · area · (2σ)²)).

    Args:
        uv_px: predictions; NaN scores 0.
        truth_px: labels; NaN where there is none.
        area_px: area of the horse, or of its box, square pixels.
        sigmas: falloff of each point.
    """
    labelled = np.isfinite(truth_px).all(-1)
    if not labelled.any():
        return float("nan")
    squared = ((uv_px - truth_px) ** 2).sum(-1)[labelled]
    similarity = np.exp(-squared / (2 * max(area_px, 1e-9) * (2 * sigmas[labelled]) ** 2))
    return float(np.where(np.isnan(similarity), 0.0, similarity).mean())


@dataclass(frozen=True)
class ScoredImage:
    """The detections of one image, for average precision.

    Attributes:
        scores: [D] of each detection.
        oks: [D, G] similarity of each detection with each labelled horse.
    """

    scores: Float[np.ndarray, " d"]
    oks: Float[np.ndarray, "d g"]

    def __post_init__(self) -> None:
        if self.oks.ndim != 2 or len(self.scores) != len(self.oks):
            raise InputError(f"expected one row of OKS a score, got {self.oks.shape} for {len(self.scores)} scores")


@dataclass(frozen=True)
class Matches:
    """Which detections of a set are hits; all detections in the order of their scores, the highest first.

    Attributes:
        thresholds: of OKS.
        hit: [T, D] whether a detection is one, at each threshold.
        image_of: [D] the image of each detection.
        n_truth: [N] labelled horses of each image.
    """

    thresholds: tuple[float, ...]
    hit: Bool[np.ndarray, "t d"]
    image_of: Int[np.ndarray, " d"]
    n_truth: Int[np.ndarray, " n"]


def match_detections(images: Sequence[ScoredImage], thresholds: Sequence[float] = AP_THRESHOLDS) -> Matches:
    """Match detections in the order of their scores, each to the free horse that it resembles most."""
    scores, image_of, hits = [], [], []
    for i, image in enumerate(images):
        best = np.argsort(-image.scores, kind="stable")[:MAX_DETECTIONS]
        scores.append(image.scores[best])
        image_of.append(np.full(len(best), i))
        hits.append(np.stack([_matches(image.oks[best], threshold) for threshold in thresholds]))
    order = np.argsort(-np.concatenate(scores), kind="stable") if scores else np.empty(0, int)
    return Matches(
        tuple(thresholds),
        np.concatenate(hits, axis=1)[:, order] if hits else np.empty((len(thresholds), 0), bool),
        np.concatenate(image_of)[order] if image_of else np.empty(0, int),
        np.array([image.oks.shape[1] for image in images], int),
    )


def _matches(similarities: Float[np.ndarray, "d g"], threshold: float) -> Bool[np.ndarray, " d"]:
    free = np.ones(similarities.shape[1], bool)
    hit = np.zeros(len(similarities), bool)
    for d, row in enumerate(similarities):
        similarity = np.where(free, row, -1.0)
        if similarity.size and similarity.max() >= min(threshold, 1 - 1e-10):
            free[similarity.argmax()] = False
            hit[d] = True
    return hit


@dataclass(frozen=True)
class PrecisionRecall:
    """COCO's figures of a set of detections.

    Attributes:
        ap: average precision, the mean over OKS from 0.50 to 0.95.
        ap50: at OKS 0.50.
        ap75: at OKS 0.75.
        ar: average recall, over the same thresholds as ``ap``.
        intervals: 95 % interval of each of the four, by bootstrap over images.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float
    intervals: tuple[tuple[float, float], ...]


def precision_recall(matches: Matches, n_draws: int = _N_DRAWS, seed: int = 0) -> PrecisionRecall:
    """Return COCO's figures with their intervals; NaN if nothing is labelled.

    Args:
        matches: at ``AP_THRESHOLDS``.
        n_draws: of the bootstrap.
        seed: of the draws.
    """
    if matches.thresholds != AP_THRESHOLDS:
        raise InputError(f"expected matches at COCO's thresholds of OKS, got {matches.thresholds}")
    values = _figures(matches, np.ones(len(matches.n_truth)))
    draws = [
        _figures(matches, times)
        for some in drawn_counts(len(matches.n_truth), n_draws, seed)
        for times in some
        if times @ matches.n_truth > 0
    ]
    ends = np.percentile(draws, [2.5, 97.5], axis=0).T if draws else np.full((4, 2), np.nan)
    return PrecisionRecall(*values.tolist(), intervals=tuple((float(low), float(high)) for low, high in ends))


def _figures(matches: Matches, times: np.ndarray) -> np.ndarray:
    """Return AP, AP50, AP75 and AR where each image stands in the set as often as ``times`` says."""
    n_truth = float(times @ matches.n_truth)
    if n_truth == 0:
        return np.full(4, np.nan)
    weight = times[matches.image_of].astype(float)
    curves = [_precision(hit, weight, n_truth) for hit in matches.hit]
    ap, recall = np.array(curves).T
    return np.array([ap.mean(), ap[AP_THRESHOLDS.index(0.5)], ap[AP_THRESHOLDS.index(0.75)], recall.mean()])


def _precision(hit: np.ndarray, weight: np.ndarray, n_truth: float) -> tuple[float, float]:
    """Return the mean precision at 101 recalls, and the highest recall."""
    n_hits = np.cumsum(hit * weight)
    recall, precision = n_hits / n_truth, n_hits / np.maximum(np.cumsum(weight), 1e-12)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS, side="left")
    precisions = np.where(at < len(precision), np.append(precision, 0.0)[at], 0.0)
    return float(precisions.mean()), float(recall[-1]) if len(recall) else 0.0


def average_precision(images: Sequence[ScoredImage], thresholds: Sequence[float] = AP_THRESHOLDS) -> float:
    """Return COCO's average precision: the mean over thresholds of precision at 101 recalls."""
    matches = match_detections(images, thresholds)
    n_truth = float(matches.n_truth.sum())
    if n_truth == 0:
        return float("nan")
    return float(np.mean([_precision(hit, np.ones(len(hit)), n_truth)[0] for hit in matches.hit]))


def precision_difference(matches: Matches, other: Matches, n_draws: int = _N_DRAWS, seed: int = 0) -> Difference:
    """Return by how much COCO's average precision is higher than another result's on the same images.

    Args:
        matches: at ``AP_THRESHOLDS``.
        other: of the other result.
        n_draws: of the bootstrap; both results see the same draws.
        seed: of the draws.
    """
    everything = np.ones(len(matches.n_truth))
    value = float(_figures(matches, everything)[0] - _figures(other, everything)[0])
    draws = [
        _figures(matches, times)[0] - _figures(other, times)[0]
        for some in drawn_counts(len(matches.n_truth), n_draws, seed)
        for times in some
        if times @ matches.n_truth > 0
    ]
    low, high = np.percentile(draws, [2.5, 97.5]) if draws else (np.nan, np.nan)
    return Difference(value, float(low), float(high))
