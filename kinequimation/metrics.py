"""How good a result is: every figure the project reports is defined here once.

Image errors are divided by the longer side of the horse's box, so that 0.05 means the same on any photo. A point that
was not predicted (NaN) counts as infinitely wrong; a point that is not labelled does not count.
Lengths keep the unit they come in; reports give per cent of withers height and millimetres at 1.60 m.

Sources: PCK as in TigDog and AP-10K evaluations (threshold × longer box side); OKS and AP, COCO 2017 keypoints;
N-MPJPE, Rhodin et al. 2018 (arXiv 1803.04775); PA-MPJPE, Umeyama 1991 per frame; jitter and foot slide in the units of
WHAM (arXiv 2312.07531).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.align import similarity_transform

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


def pck(errors: Float[np.ndarray, "*n"], threshold: float) -> tuple[int, int]:
    """Return how many of the labelled points lie within ``threshold``, and how many are labelled."""
    counted = ~np.isnan(errors)
    return int((errors[counted] <= threshold).sum()), int(counted.sum())


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


AP_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""COCO's ten thresholds of OKS, 0.50 to 0.95."""


def average_precision(images: Sequence[ScoredImage], thresholds: Sequence[float] = AP_THRESHOLDS) -> float:
    """Return COCO's average precision: the mean over thresholds of precision at 101 recalls.

    Detections are matched in the order of their scores, each to the free horse it resembles most.
    """
    n_truth = sum(image.oks.shape[1] for image in images)
    if n_truth == 0:
        return float("nan")
    scores = np.concatenate([np.sort(image.scores)[::-1] for image in images])
    order = np.argsort(-scores, kind="stable")
    results = []
    for threshold in thresholds:
        hit = np.concatenate([_matches(image, threshold) for image in images])[order]
        n_hits = np.cumsum(hit)
        recall, precision = n_hits / n_truth, n_hits / np.arange(1, len(hit) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
        results.append(np.where(at < len(precision), np.append(precision, 0.0)[at], 0.0).mean())
    return float(np.mean(results))


def _matches(image: ScoredImage, threshold: float) -> Bool[np.ndarray, " d"]:
    free = np.ones(image.oks.shape[1], bool)
    hit = np.zeros(len(image.scores), bool)
    for rank, d in enumerate(np.argsort(-image.scores, kind="stable")):
        similarity = np.where(free, image.oks[d], -1.0)
        if similarity.size and similarity.max() >= threshold:
            free[similarity.argmax()] = False
            hit[rank] = True
    return hit


def box_iou(a_xywh: Float[np.ndarray, "n 4"], b_xywh: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Return intersection over union of every box of one set with every box of another."""
    a, b = np.asarray(a_xywh, float).reshape(-1, 4)[:, None], np.asarray(b_xywh, float).reshape(-1, 4)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    overlap = np.clip(high - low, 0, None).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - overlap
    return overlap / np.maximum(union, 1e-12)


def mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return the mean distance of points from their truth, in the unit they come in; NaN truths do not count."""
    return float(np.nanmean(np.linalg.norm(xyz - truth, axis=-1)))


def n_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after the best scale of each frame; both must be relative to the same root (Rhodin 2018)."""
    known = np.isfinite(truth)
    a, b = np.where(known, xyz, 0.0), np.where(known, truth, 0.0)
    scale = (a * b).sum((1, 2)) / np.maximum((a * a).sum((1, 2)), 1e-12)
    return mpjpe(xyz * scale[:, None, None], truth)


def pa_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after each frame's best similarity transform (Procrustes alignment)."""
    aligned = np.full_like(np.asarray(xyz, float), np.nan)
    for t in range(len(xyz)):
        known = np.isfinite(truth[t]).all(-1)
        scale, R, offset = similarity_transform(xyz[t, known], truth[t, known])
        aligned[t] = scale * xyz[t] @ R.T + offset
    return mpjpe(aligned, truth)


def bone_length_spread(xyz: Float[np.ndarray, "frames k 3"], bones: Int[np.ndarray, "b 2"]) -> Float[np.ndarray, " b"]:
    """Return each bone's standard deviation of length over time, divided by its mean length; 0 for a rigid bone."""
    lengths = np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1)
    return lengths.std(0) / np.maximum(lengths.mean(0), 1e-12)


def jitter(xyz_world: Float[np.ndarray, "frames k 3"], fps: float) -> float:
    """Return the mean size of the third time derivative of position, in 10 m/s³ (WHAM).

    Raises:
        InputError: fewer than four frames.
    """
    if len(xyz_world) < 4:
        raise InputError(f"jitter: expected 4 frames or more, got {len(xyz_world)}")
    return float(np.linalg.norm(np.diff(xyz_world, n=3, axis=0), axis=-1).mean() * fps**3 / 10)


def foot_slide_mm(xyz_world: Float[np.ndarray, "frames 4 3"], contact: Float[np.ndarray, "frames 4"]) -> float:
    """Return the mean distance in millimetres that a toe moves from one frame to the next while it should stand.

    Args:
        xyz_world: the four toes, metres, LF, RF, LH, RH.
        contact: probability of contact; a step counts where it is above 0.5 in both frames. NaN if none counts.
    """
    stands = np.asarray(contact) > 0.5
    both = stands[1:] & stands[:-1]
    steps = np.linalg.norm(np.diff(xyz_world, axis=0), axis=-1)[both]
    return float(1000 * steps.mean()) if steps.size else float("nan")


def stance_drift_mm(
    xyz_world: Float[np.ndarray, "frames 4 3"], contact: Float[np.ndarray, "frames 4"]
) -> Float[np.ndarray, " stances"]:
    """Return, for each stance of each hoof, how far in millimetres the toe gets from where it first stood.

    Args:
        xyz_world: the four toes, metres, LF, RF, LH, RH.
        contact: probability of contact; a stance is an unbroken run above 0.5.
    """
    drifts = []
    for limb in range(contact.shape[1]):
        stands = np.concatenate([[False], np.asarray(contact[:, limb]) > 0.5, [False]]).astype(int)
        starts, ends = np.flatnonzero(np.diff(stands) == 1), np.flatnonzero(np.diff(stands) == -1)
        for start, end in zip(starts, ends, strict=True):
            path = xyz_world[start:end, limb]
            drifts.append(1000 * np.linalg.norm(path - path[0], axis=-1).max())
    return np.array(drifts)


def bootstrap_interval(
    hits: Sequence[int] | Int[np.ndarray, " n"],
    counts: Sequence[int] | Int[np.ndarray, " n"],
    n_draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of Σ hits / Σ counts when the images are drawn again with replacement.

    Whole images are drawn, not points: points of one image are right or wrong together (percentile bootstrap, Efron).

    Args:
        hits: [N] points within the threshold in each image.
        counts: [N] points that count in each image.
        n_draws: how often to draw.
        seed: of the draws.
    """
    h, c = np.asarray(hits, float), np.asarray(counts, float)
    if h.shape != c.shape:
        raise InputError(f"expected as many hits as counts, got {h.shape} and {c.shape}")
    if c.sum() == 0:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(h), size=(n_draws, len(h)))
    total = c[drawn].sum(1)
    ratio = h[drawn].sum(1)[total > 0] / total[total > 0]
    low, high = np.percentile(ratio, [2.5, 97.5])
    return float(low), float(high)
