"""Score 2D predictions against labelled horses, beside what no network at all would score.

Predictions and labels are arrays over all horses of a set in one order, [N, 103, 2] pixels, in the slots of
``skeleton.KEYPOINTS``; what a score means is defined in ``metrics``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import metrics, skeleton
from kinequimation.dataset.coco import LEG_PAIRS, LabelledHorse, LabelledImage
from kinequimation.dataset.predictions import FoundHorses
from kinequimation.dataset.score_rows import THRESHOLDS, PairRow, Row, pair_rows, pck_rows
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

TOES: tuple[str, ...] = tuple(skeleton.limb_toe(limb) for limb in skeleton.LIMBS)
RIGHT = THRESHOLDS[0]
"""Within this share of the box a point is what confidence calls right."""
_AP10K_SIGMAS = (0.025, 0.025, 0.026, 0.035, 0.035, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
_AP10K_SIGMAS += (0.107, 0.087, 0.089)
"""In AP-10K's own order (Yu et al. 2021, arXiv 2108.12617, and MMPose's ``ap10k.py``)."""


def oks_sigmas(scheme: str) -> Float[np.ndarray, " 103"]:
    """Return the falloff of each point: AP-10K's own for its points, so that AP compares; ours for all others.

    Args:
        scheme: as ``CocoSet.scheme`` names it.
    """
    sigmas = skeleton.OKS_SIGMAS.copy()
    if scheme == "ap10k":
        sigmas[[skeleton.KEYPOINT_INDEX[k] for k in skeleton.AP10K.values()]] = _AP10K_SIGMAS
    return sigmas


@dataclass(frozen=True)
class Score:
    """The scores of one set of predictions.

    Attributes:
        seen: all points of visibility 2.
        hidden: all points of visibility 1.
        groups: points of visibility 2 by body region, and the toes.
        kinds: points of visibility 2 by kind, joints (horse68) and landmarks, where a set has both.
        keypoints: points of visibility 2 of each keypoint that is labelled.
        pairs: all left/right pairs.
        leg_pairs: those of the legs, from the shoulder and the stifle down.
        pairs_of: the same by the pair's name without its side.
        oks: COCO's average precision, over points seen and hidden.
        matches: what ``oks`` was computed from.
        reliability: of the confidence, points seen and hidden, right within ``RIGHT``; None without confidences.
        reliability_seen: the same of points seen.
        errors: [N, 103] of points of visibility 2, over the box's longer side; NaN elsewhere.
    """

    seen: Row
    hidden: Row
    groups: tuple[Row, ...]
    kinds: tuple[Row, ...]
    keypoints: tuple[Row, ...]
    pairs: PairRow
    leg_pairs: PairRow
    pairs_of: tuple[PairRow, ...]
    oks: metrics.PrecisionRecall
    matches: metrics.Matches
    reliability: metrics.Reliability | None
    reliability_seen: metrics.Reliability | None
    errors: Float[np.ndarray, "n 103"]

    def to_dict(self) -> dict[str, Any]:
        """Return the score for a JSON file."""
        names = ("ap", "ap50", "ap75", "ar")
        oks = {n: getattr(self.oks, n) for n in names}
        oks["interval95"] = dict(zip(names, self.oks.intervals, strict=True))
        return {
            "seen": self.seen.to_dict(),
            "hidden": self.hidden.to_dict(),
            "groups": [row.to_dict() for row in self.groups],
            "kinds": [row.to_dict() for row in self.kinds],
            "keypoints": [row.to_dict() for row in self.keypoints],
            "pairs": self.pairs.to_dict(),
            "leg_pairs": self.leg_pairs.to_dict(),
            "pairs_of": [pairs.to_dict() for pairs in self.pairs_of],
            "oks": oks,
            "reliability": _reliability_dict(self.reliability),
            "reliability_seen": _reliability_dict(self.reliability_seen),
        }


def _reliability_dict(r: metrics.Reliability | None) -> dict[str, Any] | None:
    if r is None:
        return None
    return {
        "expected_calibration_error": r.ece,
        "mean_confidence_less_share_right": r.bias,
        "bins": [
            {"count": int(n), "mean_confidence": float(c), "share_right": float(s), "interval95": i.tolist()}
            for n, c, s, i in zip(r.counts, r.confidence, r.right, r.intervals, strict=True)
        ],
    }


def score(
    images: Sequence[LabelledImage],
    uv_px: Float[np.ndarray, "n 103 2"],
    confidence: Float[np.ndarray, "n 103"] | None = None,
    *,
    found: Sequence[FoundHorses] | None = None,
    slots: Sequence[int] | None = None,
    sigmas: Float[np.ndarray, " 103"] = skeleton.OKS_SIGMAS,
) -> Score:
    """Score one prediction a labelled horse.

    Legs in ``lr_uncertain`` are scored with the better of their two assignments, and say nothing about swaps.

    Args:
        images: the set; its horses, in order, are what ``uv_px`` predicts.
        uv_px: predictions; NaN for a horse that was missed, which makes all of its points wrong.
        confidence: of the predictions; NaN for a horse that was missed.
        found: all that is predicted in each image, for average precision, so that false ones count; None where there
            is one prediction for each horse, which then scores as sure as its points are.
        slots: keypoints that the predictor has; labels of others are left out. None for all.
        sigmas: falloff of each point, for average precision.
    """
    if slots is not None:
        images = [_with_slots(image, slots) for image in images]
    horses = [h for image in images for h in image.horses]
    if not any(h.visibility.any() for h in horses):
        raise InputError("expected labels of keypoints that the network has, found none in this set")
    image_of = np.repeat(np.arange(len(images)), [len(image.horses) for image in images])
    resolved = [resolve_uncertain_legs(h, uv) for h, uv in zip(horses, uv_px, strict=True)]
    truth = np.stack([h.uv_px for h in resolved])
    visibility = np.stack([h.visibility for h in resolved])
    boxes = np.stack([h.bbox_xywh for h in resolved])
    errors = metrics.point_errors(uv_px, truth, boxes)
    seen = np.where(visibility == 2, errors, np.nan)
    tables = [("all seen", seen), ("all hidden", np.where(visibility == 1, errors, np.nan))]
    tables += [(name, seen[:, _slots(keypoints)]) for name, keypoints in (*skeleton.GROUPS.items(), ("toes", TOES))]
    tables += [("joints", seen[:, : skeleton.NUM_JOINTS68]), ("on the skin", seen[:, skeleton.NUM_JOINTS68 :])]
    labelled = np.flatnonzero((~np.isnan(seen)).any(0))
    rows = pck_rows([*tables, *((skeleton.KEYPOINTS[k], seen[:, [k]]) for k in labelled)], image_of, len(images))
    *_, joints, skin = rows[: len(tables)]
    certain = np.stack([_certain(h) for h in horses])
    checks = metrics.check_pairs(uv_px, np.where(certain[..., None], truth, np.nan), boxes)
    pairs, leg_pairs, *pairs_of = pair_rows(checks, image_of, len(images))
    if found is None:
        found = _as_found(images, uv_px, confidence, slots)
    matches = metrics.match_detections([_similarities(*of, sigmas) for of in zip(images, found, strict=True)])
    return Score(
        seen=rows[0],
        hidden=rows[1],
        groups=tuple(rows[2 : len(tables) - 2]),
        kinds=(joints, skin) if joints.count and skin.count else (),
        keypoints=tuple(rows[len(tables) :]),
        pairs=pairs,
        leg_pairs=leg_pairs,
        pairs_of=tuple(pairs_of),
        oks=metrics.precision_recall(matches),
        matches=matches,
        reliability=_reliability(confidence, errors, image_of),
        reliability_seen=_reliability(confidence, seen, image_of),
        errors=seen,
    )


def _slots(keypoints: Sequence[str]) -> list[int]:
    return [skeleton.KEYPOINT_INDEX[k] for k in keypoints]


def _with_slots(image: LabelledImage, slots: Sequence[int]) -> LabelledImage:
    """Return the image without the labels of other points."""
    keep = np.isin(np.arange(skeleton.NUM_KEYPOINTS), slots)
    horses = tuple(
        dataclasses.replace(
            h, uv_px=np.where(keep[:, None], h.uv_px, np.nan), visibility=np.where(keep, h.visibility, 0)
        )
        for h in image.horses
    )
    return dataclasses.replace(image, horses=horses)


def _reliability(
    confidence: Float[np.ndarray, "n 103"] | None, errors: Float[np.ndarray, "n 103"], image_of: Int[np.ndarray, " n"]
) -> metrics.Reliability | None:
    """Compare confidences with errors, where there are both: a point that was not predicted promises nothing."""
    if confidence is None:
        return None
    counted = np.isfinite(errors) & np.isfinite(confidence)
    return metrics.reliability(confidence, errors <= RIGHT, counted, image_of)


def _as_found(
    images: Sequence[LabelledImage],
    uv_px: Float[np.ndarray, "n 103 2"],
    confidence: Float[np.ndarray, "n 103"] | None,
    slots: Sequence[int] | None,
) -> list[FoundHorses]:
    """Return one prediction for each labelled horse as what is found in each image; a missed horse is not."""
    sure = np.ones(uv_px.shape[:2]) if confidence is None else confidence
    found, start = [], 0
    for image in images:
        n = len(image.horses)
        uv, c = uv_px[start : start + n], sure[start : start + n]
        there = np.array([bool(h.visibility.any()) for h in image.horses]) & np.isfinite(uv).any((1, 2))
        boxes = np.stack([h.bbox_xywh for h in image.horses])
        scores = (c if slots is None else c[:, slots])[there].mean(1)
        found.append(FoundHorses(uv[there], c[there], boxes[there], scores))
        start += n
    return found


def _similarities(image: LabelledImage, found: FoundHorses, sigmas: Float[np.ndarray, " 103"]) -> metrics.ScoredImage:
    horses = [h for h in image.horses if h.visibility.any()]
    similarities = np.zeros((len(found), len(horses)))
    for d, uv in enumerate(found.uv_px):
        for g, horse in enumerate(horses):
            truth = resolve_uncertain_legs(horse, uv).uv_px
            similarities[d, g] = metrics.oks(uv, truth, horse.area_px, sigmas)
    return metrics.ScoredImage(found.score, similarities)


def _leg_slots(pair: str) -> Int[np.ndarray, " k"]:
    return np.array([skeleton.KEYPOINT_INDEX[f"{name}.{side}"] for name in LEG_PAIRS[pair] for side in "LR"])


def _certain(horse: LabelledHorse) -> Bool[np.ndarray, " 103"]:
    certain = np.ones(skeleton.NUM_KEYPOINTS, bool)
    for pair in horse.lr_uncertain:
        certain[_leg_slots(pair)] = False
    return certain


def worst_first(scored: Score) -> list[tuple[int, float]]:
    """Return each horse's number and its PCK@0.1 over seen points, the lowest first; of equals the farthest off."""
    hits, counts = metrics.pck(scored.errors, 0.1)
    shares = hits / np.maximum(counts, 1)
    far = np.nansum(np.minimum(scored.errors, 1.0), axis=1) / np.maximum(counts, 1)
    return [(int(h), float(shares[h])) for h in np.lexsort((-far, shares)) if counts[h]]


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
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    group_of = np.array([number[group] for group in groups])
    horses = [h for image in images for h in image.horses]
    poses = np.stack([_turned((h.uv_px - h.bbox_xywh[:2]) / h.bbox_xywh[2:], h.facing == "R") for h in horses])
    known = np.isfinite(poses)
    sums, counts = (np.zeros((len(number), *poses.shape[1:])) for _ in range(2))
    np.add.at(sums, group_of, np.where(known, poses, 0.0))
    np.add.at(counts, group_of, known)
    others, n_others = sums.sum(0) - sums, counts.sum(0) - counts
    means = np.where(n_others > 0, others / np.maximum(n_others, 1), np.nan)  # NaN: a point that no other horse has
    return np.stack(
        [
            h.bbox_xywh[:2] + _turned(means[group], h.facing == "R") * h.bbox_xywh[2:]
            for h, group in zip(horses, group_of, strict=True)
        ]
    )


def _turned(pose: Float[np.ndarray, "103 2"], turn: bool) -> Float[np.ndarray, "103 2"]:
    """Mirror a pose in box units."""
    return np.stack([1 - pose[:, 0], pose[:, 1]], -1)[skeleton.MIRROR_KEYPOINTS] if turn else pose
