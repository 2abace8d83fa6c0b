"""How good a result is: every figure the project reports is defined here once.

``points`` has PCK and swapped sides, ``similarity`` OKS and COCO's average precision, ``reliability`` what a confidence
is worth, ``bootstrap`` the intervals of them all, ``motion3d`` the errors in space and over time.
"""

from __future__ import annotations

from kinequimation.metrics.bootstrap import (
    Difference,
    bootstrap_interval,
    bootstrap_intervals,
    paired_difference,
    paired_differences,
)
from kinequimation.metrics.motion3d import (
    bone_length_spread,
    foot_slide_mm,
    jitter,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    stance_drift_mm,
)
from kinequimation.metrics.points import PairChecks, box_iou, check_pairs, pck, point_errors
from kinequimation.metrics.reliability import Reliability, reliability
from kinequimation.metrics.similarity import (
    AP_THRESHOLDS,
    Matches,
    PrecisionRecall,
    ScoredImage,
    average_precision,
    match_detections,
    oks,
    precision_difference,
    precision_recall,
)

__all__ = [
    "AP_THRESHOLDS",
    "Difference",
    "Matches",
    "PairChecks",
    "PrecisionRecall",
    "Reliability",
    "ScoredImage",
    "average_precision",
    "bone_length_spread",
    "bootstrap_interval",
    "bootstrap_intervals",
    "box_iou",
    "check_pairs",
    "foot_slide_mm",
    "jitter",
    "match_detections",
    "mpjpe",
    "n_mpjpe",
    "oks",
    "pa_mpjpe",
    "paired_difference",
    "paired_differences",
    "pck",
    "point_errors",
    "precision_difference",
    "precision_recall",
    "reliability",
    "stance_drift_mm",
]
