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
    f1_score,
    foot_slide_mm,
    heading_drift_deg,
    heading_rad,
    jitter,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    path_error,
    path_length,
    penetration_mm,
    place_on_path,
    procrustes,
    share_outside,
    stance_drift_mm,
    turn_about_vertical,
    velocity_error,
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
    "f1_score",
    "foot_slide_mm",
    "heading_drift_deg",
    "heading_rad",
    "jitter",
    "match_detections",
    "mpjpe",
    "n_mpjpe",
    "oks",
    "pa_mpjpe",
    "paired_difference",
    "paired_differences",
    "path_error",
    "path_length",
    "pck",
    "penetration_mm",
    "place_on_path",
    "point_errors",
    "precision_difference",
    "precision_recall",
    "procrustes",
    "reliability",
    "share_outside",
    "stance_drift_mm",
    "turn_about_vertical",
    "velocity_error",
]
