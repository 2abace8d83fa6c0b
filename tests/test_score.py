"""Scores of predictions whose faults are planted, in every set of names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinequimation import metrics, skeleton
from kinequimation.dataset.coco import CocoSet, LabelledHorse, LabelledImage, read_coco_set
from kinequimation.dataset.predictions import match_horses, read_predictions
from kinequimation.dataset.score import Score, oks_sigmas, score
from kinequimation.errors import InputError

N_IMAGES = 8
BOX = np.array([0.0, 0.0, 100.0, 50.0])


@pytest.fixture
def labels() -> np.ndarray:
    """Places of all points of eight horses, left and right well apart."""
    rng = np.random.default_rng(0)
    uv_px = rng.uniform(0, 50, (N_IMAGES, skeleton.NUM_KEYPOINTS, 2))
    right = [k for k in skeleton.SIDED_KEYPOINTS if k > skeleton.MIRROR_KEYPOINTS[k]]
    uv_px[:, right] = uv_px[:, skeleton.MIRROR_KEYPOINTS[right]] + [40.0, 0.0]
    return uv_px


def labelled(uv_px: np.ndarray, visibility: np.ndarray | None = None) -> list[LabelledImage]:
    seen = np.full(uv_px.shape[:2], 2, np.uint8) if visibility is None else visibility
    horses = [LabelledHorse(BOX, uv, v) for uv, v in zip(uv_px, seen, strict=True)]
    return [LabelledImage(Path(f"{i}.png"), 100, 50, "", (h,)) for i, h in enumerate(horses)]


def test_exchanged_legs_are_counted_by_pair_and_by_image(labels: np.ndarray) -> None:
    predicted = labels.copy()
    hock, carpus, eye = ([skeleton.KEYPOINT_INDEX[f"{name}.{s}"] for s in "LR"] for name in ("hock", "carpus", "eye"))
    for image in (0, 3):
        predicted[image, hock] = labels[image, hock[::-1]]
    predicted[5, carpus] = labels[5, carpus[0]]  # both on the left one
    predicted[7, eye] = labels[7, eye[::-1]]
    s = score(labelled(labels), predicted)
    by_name = {row.name: row for row in s.pairs_of}
    assert (by_name["hock"].comparable, by_name["hock"].swapped) == (N_IMAGES, 2)
    np.testing.assert_array_equal(np.flatnonzero(by_name["hock"].image_swapped), [0, 3])
    assert (by_name["carpus"].swapped, by_name["carpus"].merged) == (0, 1)
    assert (s.pairs.swapped, s.leg_pairs.swapped, s.pairs.merged) == (3, 2, 1)
    assert s.leg_pairs.comparable < s.pairs.comparable == N_IMAGES * len(by_name)
    low, high = s.pairs.interval
    assert low < 3 / s.pairs.comparable < high


def test_each_keypoint_and_the_hidden_ones_have_their_own_rows(labels: np.ndarray) -> None:
    visibility = np.full(labels.shape[:2], 2, np.uint8)
    poll, nose = skeleton.KEYPOINT_INDEX["poll"], skeleton.KEYPOINT_INDEX["nose"]
    visibility[:2, poll], visibility[:, nose] = 1, 0
    predicted = labels.copy()
    predicted[:4, poll, 1] += 7.0  # 0.07 of the box's longer side: in images 0 and 1 hidden, in 2 and 3 seen
    s = score(labelled(labels, visibility), predicted)
    rows = {row.name: row for row in s.keypoints}
    assert "nose" not in rows and rows["poll"].count == 6
    assert rows["poll"].hits == (4, 6, 6) and rows["croup"].hits == (N_IMAGES,) * 3
    assert s.hidden.count == 2 and s.hidden.hits == (0, 2, 2)
    assert s.seen.hits[0] == s.seen.count - 2
    other = score(labelled(labels, visibility), labels)
    d = other.seen.less(s.seen, 0)
    assert d.value == pytest.approx(2 / s.seen.count) and d.low == 0


def test_a_network_of_joints_is_scored_on_joints_alone(labels: np.ndarray) -> None:
    predicted = labels.copy()
    predicted[:, skeleton.NUM_JOINTS68 :] = np.nan
    slots = range(skeleton.NUM_JOINTS68)
    s = score(labelled(labels), predicted, slots=slots)
    assert s.seen.count == N_IMAGES * skeleton.NUM_JOINTS68 == s.seen.hits[0] and s.oks.ap == pytest.approx(1.0)
    visibility = np.zeros(labels.shape[:2], np.uint8)
    visibility[:, skeleton.NUM_JOINTS68 :] = 2
    with pytest.raises(InputError, match="found none in this set"):
        score(labelled(labels, visibility), predicted, slots=slots)


def test_confidence_is_compared_with_what_lies_within_the_finest_threshold(labels: np.ndarray) -> None:
    predicted = labels.copy()
    far = np.random.default_rng(1).random(labels.shape[:2]) < 0.25
    predicted[far] += [0.0, 6.0]
    s = score(labelled(labels), predicted, np.where(far, 0.05, 0.75))
    assert s.reliability is not None
    np.testing.assert_array_equal(np.flatnonzero(s.reliability.counts), [0, 7])
    assert s.reliability.counts[0] == far.sum()
    share_far = far.mean()
    assert s.reliability.ece == pytest.approx(0.05 * share_far + 0.25 * (1 - share_far))
    assert s.reliability.bias == pytest.approx(0.05 * share_far - 0.25 * (1 - share_far))


def coco_file(path: Path, names: list[str], points: np.ndarray) -> CocoSet:
    """Write one horse a row of ``points`` and read it back."""
    keypoints = [np.concatenate([p, np.full((len(p), 1), 2.0)], 1).ravel().tolist() for p in points]
    record = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 200, "height": 100} for i in range(len(points))],
        "annotations": [
            {"image_id": i, "category_id": 5, "bbox": [0, 0, 100, 50], "area": 2500.0, "keypoints": k}
            for i, k in enumerate(keypoints)
        ],
        "categories": [{"id": 5, "name": "horse", "keypoints": names}],
    }
    path.write_text(json.dumps(record), encoding="utf-8")
    return read_coco_set(path)


def scored_results(path: Path, labelled: CocoSet, points: np.ndarray) -> Score:
    """Score COCO results in the order of the label file's names."""
    results: list[dict[str, Any]] = [
        {
            "image_id": i,
            "category_id": 5,
            "keypoints": np.concatenate([p, np.full((len(p), 1), 0.8)], 1).ravel().tolist(),
            "score": 0.9,
        }
        for i, p in enumerate(points)
    ]
    path.write_text(json.dumps(results), encoding="utf-8")
    found = read_predictions(path, labelled)
    horses = match_horses(labelled.images, found)
    return score(labelled.images, horses.uv_px, horses.confidence, found=found, sigmas=oks_sigmas(labelled.scheme))


NAMES_OF_SETS = {
    "horse68": list(skeleton.HORSE68),
    "landmarks": list(skeleton.LANDMARKS),
    "AP-10K": list(skeleton.AP10K),
    "Horse-10": list(skeleton.HORSE10),
}


@pytest.mark.parametrize("names", NAMES_OF_SETS.values(), ids=NAMES_OF_SETS)
def test_sets_of_any_known_names_are_scored_on_the_points_that_they_have(names: list[str], tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform([0, 0], [100, 50], (6, len(names), 2))
    points[:3, :, 0] = 100 - points[:3, :, 0]  # some face either way
    points[:, 0], points[:, -1] = [0, 0], [100, 50]
    labelled = coco_file(tmp_path / "labels.json", names, points)
    exact = scored_results(tmp_path / "results.json", labelled, points)
    assert exact.seen.hits[0] == exact.seen.count == points.shape[0] * len(names) and exact.oks.ap == 1
    assert len(exact.keypoints) >= len(names)  # Horse-10's near and off are left in some images and right in others
    off = scored_results(tmp_path / "results.json", labelled, points + [0.0, 7.0])
    assert off.seen.hits == (0, off.seen.count, off.seen.count)


def test_ap10k_has_its_own_falloff_so_that_its_figures_compare(tmp_path: Path) -> None:
    names = list(skeleton.AP10K)
    labelled = coco_file(tmp_path / "labels.json", names, np.random.default_rng(0).uniform(0, 50, (1, 17, 2)))
    sigmas = oks_sigmas(labelled.scheme)
    nose, paw = (skeleton.KEYPOINT_INDEX[skeleton.AP10K[n]] for n in ("nose", "left_front_paw"))
    assert (sigmas[nose], sigmas[paw]) == (0.026, 0.062)
    truth = labelled.images[0].horses[0].uv_px
    predicted = truth.copy()
    predicted[paw] += [2 * 0.062 * np.sqrt(2500.0), 0.0]  # d² = area · (2σ)²
    assert metrics.oks(predicted, truth, labelled.images[0].horses[0].area_px, sigmas) == pytest.approx(
        (16 + np.exp(-0.5)) / 17
    )
