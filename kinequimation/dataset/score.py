"""Score 2D predictions against labelled horses, beside what no network at all would score.

Predictions and labels are arrays over all horses of a set in one order, [N, 103, 2] pixels, in the slots of
``skeleton.KEYPOINTS``; what a score means is defined in ``metrics``.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import metrics, skeleton
from kinequimation.dataset.coco import LEG_PAIRS, LabelledHorse, LabelledImage

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

THRESHOLDS: tuple[float, ...] = (0.05, 0.1, 0.2)
TOES: tuple[str, ...] = tuple(skeleton.limb_toe(limb) for limb in skeleton.LIMBS)


@dataclass(frozen=True)
class Row:
    """How many points of one kind lie within each of ``THRESHOLDS``.

    Attributes:
        name: which points.
        count: points that are labelled.
        hits: points within each threshold.
        intervals: 95 % bootstrap interval of each share, over images.
    """

    name: str
    count: int
    hits: tuple[int, ...]
    intervals: tuple[tuple[float, float], ...]

    def share(self, i: int) -> float:
        """Return the share of points within threshold ``i``; NaN if none is labelled."""
        return self.hits[i] / self.count if self.count else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the row for a JSON file."""
        pck = {
            f"pck@{t}": {"hits": self.hits[i], "share": self.share(i), "interval95": self.intervals[i]}
            for i, t in enumerate(THRESHOLDS)
        }
        return {"name": self.name, "count": self.count, **pck}


@dataclass(frozen=True)
class Score:
    """The scores of one set of predictions.

    Attributes:
        seen: all points of visibility 2.
        hidden: all points of visibility 1.
        groups: points of visibility 2 by body region, and the toes.
        n_pairs: left/right pairs that could be told apart.
        n_swapped: those that the prediction has the wrong way round.
        n_merged: those of which both points were put on one side.
        errors: [N, 103] of points of visibility 2, over the box's longer side; NaN elsewhere.
    """

    seen: Row
    hidden: Row
    groups: tuple[Row, ...]
    n_pairs: int
    n_swapped: int
    n_merged: int
    errors: Float[np.ndarray, "n 103"]

    def to_dict(self) -> dict[str, Any]:
        """Return the score for a JSON file."""
        return {
            "seen": self.seen.to_dict(),
            "hidden": self.hidden.to_dict(),
            "groups": [row.to_dict() for row in self.groups],
            "pairs": {"comparable": self.n_pairs, "swapped": self.n_swapped, "merged": self.n_merged},
        }


def score(images: Sequence[LabelledImage], uv_px: Float[np.ndarray, "n 103 2"]) -> Score:
    """Score one prediction a labelled horse.

    Legs in ``lr_uncertain`` are scored with the better of their two assignments, and say nothing about swaps.

    Args:
        images: the set; its horses, in order, are what ``uv_px`` predicts.
        uv_px: predictions; NaN for a horse that was missed, which makes all of its points wrong.
    """
    horses = [h for image in images for h in image.horses]
    image_of = np.repeat(np.arange(len(images)), [len(image.horses) for image in images])
    resolved = [resolve_uncertain_legs(h, uv) for h, uv in zip(horses, uv_px, strict=True)]
    truth = np.stack([h.uv_px for h in resolved])
    visibility = np.stack([h.visibility for h in resolved])
    boxes = np.stack([h.bbox_xywh for h in resolved])
    errors = metrics.point_errors(uv_px, truth, boxes)
    seen = np.where(visibility == 2, errors, np.nan)
    groups = {name: [skeleton.KEYPOINT_INDEX[k] for k in keypoints] for name, keypoints in skeleton.GROUPS.items()}
    groups["toes"] = [skeleton.KEYPOINT_INDEX[k] for k in TOES]
    certain = np.stack([_certain(h) for h in horses])
    pairs = metrics.check_pairs(uv_px, np.where(certain[..., None], truth, np.nan), boxes)
    return Score(
        seen=_row("all seen", seen, image_of),
        hidden=_row("all hidden", np.where(visibility == 1, errors, np.nan), image_of),
        groups=tuple(_row(name, seen[:, slots], image_of) for name, slots in groups.items()),
        n_pairs=int(pairs.comparable.sum()),
        n_swapped=int(pairs.swapped.sum()),
        n_merged=int(pairs.merged.sum()),
        errors=seen,
    )


def _row(name: str, errors: Float[np.ndarray, "n k"], image_of: Int[np.ndarray, " n"]) -> Row:
    n_images = int(image_of.max()) + 1
    counts = np.bincount(image_of, (~np.isnan(errors)).sum(1), n_images)
    hits, intervals = [], []
    for threshold in THRESHOLDS:
        per_image = np.bincount(image_of, (errors <= threshold).sum(1), n_images)
        hits.append(int(per_image.sum()))
        intervals.append(metrics.bootstrap_interval(per_image.astype(int), counts.astype(int)))
    return Row(name, int(counts.sum()), tuple(hits), tuple(intervals))


def _leg_slots(pair: str) -> Int[np.ndarray, " k"]:
    return np.array([skeleton.KEYPOINT_INDEX[f"{name}.{side}"] for name in LEG_PAIRS[pair] for side in "LR"])


def _certain(horse: LabelledHorse) -> Bool[np.ndarray, " 103"]:
    certain = np.ones(skeleton.NUM_KEYPOINTS, bool)
    for pair in horse.lr_uncertain:
        certain[_leg_slots(pair)] = False
    return certain


def resolve_uncertain_legs(horse: LabelledHorse, uv_px: Float[np.ndarray, "103 2"]) -> LabelledHorse:
    """Return the horse with each uncertain pair of legs labelled the way that suits the prediction better."""
    for pair in horse.lr_uncertain:
        slots = _leg_slots(pair)
        order = np.arange(skeleton.NUM_KEYPOINTS)
        order[slots] = skeleton.MIRROR_KEYPOINTS[slots]
        other = dataclasses.replace(horse, uv_px=horse.uv_px[order], visibility=horse.visibility[order])
        costs = []
        for candidate in (horse, other):
            error = metrics.point_errors(uv_px[None], candidate.uv_px[None], candidate.bbox_xywh[None])[0, slots]
            costs.append(np.nansum(np.minimum(error, 1.0)))
        horse = other if costs[1] < costs[0] else horse
    return horse


def mean_pose_baseline(images: Sequence[LabelledImage]) -> Float[np.ndarray, "n 103 2"]:
    """Return what knowing only the box and the side that the horse faces would predict.

    Each horse gets the mean pose of the horses from *other* sources (other images, if the set has one source only),
    hidden points included, with poses in units of the box and turned to face left; then stretched to its own box.
    Horses whose facing is not known are taken as they stand.
    """
    one_source = len({image.source for image in images}) == 1
    groups = [i if one_source else image.source for i, image in enumerate(images) for _ in image.horses]
    horses = [h for image in images for h in image.horses]
    poses = np.stack([_turned((h.uv_px - h.bbox_xywh[:2]) / h.bbox_xywh[2:], h.facing == "R") for h in horses])
    predictions = []
    for horse, group in zip(horses, groups, strict=True):
        others = poses[[g != group for g in groups]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # points that no other horse has: NaN
            mean = np.nanmean(others, axis=0) if len(others) else np.full_like(horse.uv_px, np.nan)
        predictions.append(horse.bbox_xywh[:2] + _turned(mean, horse.facing == "R") * horse.bbox_xywh[2:])
    return np.stack(predictions)


def _turned(pose: Float[np.ndarray, "103 2"], turn: bool) -> Float[np.ndarray, "103 2"]:
    """Mirror a pose in box units."""
    return np.stack([1 - pose[:, 0], pose[:, 1]], -1)[skeleton.MIRROR_KEYPOINTS] if turn else pose
