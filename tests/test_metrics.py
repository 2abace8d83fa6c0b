"""Metrics, on cases whose value can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import metrics, skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_rotvec, quat_rotate
from kinequimation.metrics import ScoredImage


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_pck_divides_by_the_longer_side_and_counts_a_missing_prediction_as_wrong() -> None:
    truth = np.array([[[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [np.nan, np.nan]]])
    predicted = np.array([[[0.0, 4.9], [10.0, 5.1], [np.nan, np.nan], [0.0, 0.0]]])
    errors = metrics.point_errors(predicted, truth, np.array([[0.0, 0.0, 100.0, 50.0]]))
    np.testing.assert_allclose(errors[0, :3], [0.049, 0.051, np.inf])
    assert metrics.pck(errors, 0.05) == (1, 3)
    assert metrics.pck(errors, 0.1) == (2, 3)


def _labels_of_a_horse(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0, 100, (1, skeleton.NUM_KEYPOINTS, 2))


BOX_100 = np.array([[0.0, 0.0, 100.0, 100.0]])


def test_a_mirrored_prediction_swaps_every_comparable_pair_and_the_truth_none(rng: np.random.Generator) -> None:
    truth = _labels_of_a_horse(rng)
    mirrored = metrics.check_pairs(truth[:, skeleton.MIRROR_KEYPOINTS], truth, BOX_100)
    assert mirrored.comparable.sum() > 30
    np.testing.assert_array_equal(mirrored.swapped, mirrored.comparable)
    right = metrics.check_pairs(truth, truth, BOX_100)
    assert not right.swapped.any() and not right.merged.any() and not mirrored.merged.any()


def test_two_predictions_on_one_leg_are_merged_not_swapped(rng: np.random.Generator) -> None:
    truth = _labels_of_a_horse(rng)
    left, right = (skeleton.KEYPOINT_INDEX[f"hock.{s}"] for s in "LR")
    for source, target in ((left, right), (right, left)):
        predicted = truth.copy()
        predicted[0, target] = truth[0, source]
        checks = metrics.check_pairs(predicted, truth, BOX_100)
        assert checks.merged.sum() == 1 and checks.merged[0, left] and not checks.swapped.any()


def test_pairs_that_lie_together_or_were_not_predicted_say_nothing_about_swaps(rng: np.random.Generator) -> None:
    truth = _labels_of_a_horse(rng)
    left, right, toe = (skeleton.KEYPOINT_INDEX[n] for n in ("carpus.L", "carpus.R", "hind_toe.L"))
    truth[0, left] = truth[0, right] + 1.0
    predicted = truth.copy()
    predicted[0, toe] = np.nan
    checks = metrics.check_pairs(predicted, truth, BOX_100)
    assert not checks.comparable[0, [left, right, toe]].any()


def test_oks_of_known_distances() -> None:
    truth = np.array([[0.0, 0.0], [0.0, 0.0], [np.nan, np.nan], [5.0, 5.0]])
    sigmas = np.full(4, 0.05)
    at_two_sigma = 2 * 0.05 * np.sqrt(400.0)  # d² = area · (2σ)², so exp(−1/2)
    predicted = np.array([[0.0, 0.0], [at_two_sigma, 0.0], [1.0, 1.0], [np.nan, np.nan]])
    assert metrics.oks(predicted, truth, 400.0, sigmas) == pytest.approx((1 + np.exp(-0.5) + 0) / 3)


def test_average_precision_of_one_hit_one_false_alarm_and_one_miss() -> None:
    first = ScoredImage(np.array([0.9, 0.5]), np.array([[0.72], [0.1]]))
    second = ScoredImage(np.empty(0), np.empty((0, 1)))
    # recall reaches 1/2 at precision 1, so 51 of the 101 recall points score 1, at the thresholds 0.50 to 0.70
    assert metrics.average_precision([first, second]) == pytest.approx(51 / 101 * 0.5)
    # a stronger false alarm halves the precision
    third = ScoredImage(np.array([0.95]), np.array([[0.0]]))
    assert metrics.average_precision([first, third], [0.5]) == pytest.approx(51 / 101 * 0.5)


def test_average_precision_and_recall_are_those_of_pycocotools() -> None:
    rng = np.random.RandomState(3)  # whose stream numpy keeps for ever
    images = []
    for _ in range(40):
        n = rng.randint(1, 4)
        truth = rng.uniform(0, 600, (n, 20, 2))
        truth[rng.uniform(size=(n, 20)) < 0.4] = np.nan
        area = rng.uniform(2e4, 6e4, n)
        of = rng.randint(0, n, rng.randint(0, 5))  # some horses twice, some never
        noise = rng.normal(size=(len(of), 20, 2)) * rng.choice([3.0, 8.0, 20.0, 60.0], (len(of), 1, 1))
        predicted = np.where(np.isnan(truth[of]), 0.0, truth[of]) + noise
        sigmas = np.full(20, 0.05)
        oks = [[metrics.oks(p, t, a, sigmas) for t, a in zip(truth, area, strict=True)] for p in predicted]
        images.append(ScoredImage(rng.uniform(size=len(of)), np.array(oks).reshape(len(of), n)))
    figures = metrics.precision_recall(metrics.match_detections(images), n_draws=20)
    expected = (0.13009768689760584, 0.16780353150522426, 0.15631131085458777, 0.2881578947368421)  # pycocotools 2.0.11
    assert (figures.ap, figures.ap50, figures.ap75, figures.ar) == pytest.approx(expected, abs=1e-12)


def test_a_second_detection_of_the_same_horse_is_a_false_alarm() -> None:
    twice = ScoredImage(np.array([0.9, 0.8]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert metrics.average_precision([twice], [0.5]) == pytest.approx(51 / 101)


def test_box_iou() -> None:
    box = np.array([[0.0, 0.0, 2.0, 2.0]])
    others = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0]])
    np.testing.assert_allclose(metrics.box_iou(box, others), [[1.0, 1 / 3, 0.0]])


def test_each_alignment_removes_what_it_should(rng: np.random.Generator) -> None:
    truth = rng.normal(size=(5, 20, 3))
    shifted = truth + np.array([3.0, 4.0, 0.0])
    assert metrics.mpjpe(shifted, truth) == pytest.approx(5.0)
    assert metrics.n_mpjpe(1.7 * truth, truth) == pytest.approx(0.0, abs=1e-12)
    assert metrics.mpjpe(1.7 * truth, truth) > 0.5
    turned = 0.6 * quat_rotate(quat_from_rotvec(rng.normal(size=(5, 1, 3))), truth) + rng.normal(size=(5, 1, 3))
    assert metrics.pa_mpjpe(turned, truth) == pytest.approx(0.0, abs=1e-9)
    mirrored = truth * np.array([-1.0, 1.0, 1.0])
    assert metrics.pa_mpjpe(mirrored, truth) > 0.1


def test_unlabelled_3d_points_do_not_count(rng: np.random.Generator) -> None:
    truth = rng.normal(size=(3, 10, 3))
    predicted = truth + np.array([0.0, 0.0, 1.0])
    truth[:, 4] = np.nan
    assert metrics.mpjpe(predicted, truth) == pytest.approx(1.0)
    assert metrics.pa_mpjpe(predicted, truth) == pytest.approx(0.0, abs=1e-9)


def test_bone_length_spread_is_zero_for_a_rigid_bone_and_known_for_two_lengths() -> None:
    xyz = np.zeros((2, 3, 3))
    xyz[:, 1, 0] = 1.0
    xyz[:, 2, 1] = [0.9, 1.1]
    np.testing.assert_allclose(metrics.bone_length_spread(xyz, np.array([[0, 1], [0, 2]])), [0.0, 0.1])


def test_jitter_of_a_cubic_and_of_a_parabola() -> None:
    fps = 50.0
    t = np.arange(20) / fps
    cubic = np.zeros((20, 1, 3))
    cubic[:, 0, 2] = 5 * t**3  # third derivative 30 m/s³
    assert metrics.jitter(cubic, fps) == pytest.approx(3.0)
    parabola = np.broadcast_to((t**2)[:, None, None], (20, 1, 3))
    assert metrics.jitter(parabola, fps) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(InputError):
        metrics.jitter(cubic[:3], fps)


def test_slide_and_drift_count_standing_frames_only() -> None:
    xyz = np.zeros((6, 4, 3))
    xyz[:, 0, 1] = [0.0, 0.002, 0.004, 1.0, 2.0, 2.003]
    contact = np.zeros((6, 4))
    contact[[0, 1, 2, 4, 5], 0] = 1.0
    assert metrics.foot_slide_mm(xyz, contact) == pytest.approx((2 + 2 + 3) / 3)
    np.testing.assert_allclose(metrics.stance_drift_mm(xyz, contact), [4.0, 3.0])
    assert np.isnan(metrics.foot_slide_mm(xyz, np.zeros((6, 4))))


def test_velocity_error_is_per_second_and_blind_to_where_a_point_is() -> None:
    truth = np.zeros((4, 2, 3))
    moving = truth + np.array([7.0, 0.0, 0.0])
    moving[:, 1, 1] += [0.0, 0.1, 0.2, 0.3]
    np.testing.assert_allclose(metrics.velocity_error(moving, truth, 50.0), np.tile([0.0, 5.0], (3, 1)), atol=1e-12)


def test_f1_of_two_hits_one_false_alarm_and_one_miss() -> None:
    found, truth = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    assert metrics.f1_score(found, truth) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert np.isnan(metrics.f1_score(np.zeros(3, bool), np.zeros(3, bool)))


def test_heading_drift_counts_the_turning_and_not_the_constant_and_passes_180_degrees() -> None:
    angle = np.radians(np.linspace(150, 210, 31))

    def facing(angle: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(angle), -np.cos(angle), 0.3 * np.ones_like(angle)], 1)

    assert metrics.heading_drift_deg(facing(angle + 1.0), facing(angle)) == pytest.approx(0.0, abs=1e-9)
    assert metrics.heading_drift_deg(facing(1.1 * angle), 3 * facing(angle)) == pytest.approx(6.0)
    assert metrics.heading_rad(facing(np.array([0.5])))[0] == pytest.approx(0.5)


def test_a_path_is_placed_by_a_turn_about_the_vertical_and_a_shift_only(rng: np.random.Generator) -> None:
    truth = np.cumsum(rng.normal(size=(40, 3)), axis=0)
    found = metrics.turn_about_vertical(truth - [5.0, -2.0, 0.3], -2.5)
    turn, shift = metrics.place_on_path(found, truth)
    assert turn == pytest.approx(2.5)
    np.testing.assert_allclose(metrics.turn_about_vertical(found, turn) + shift, truth, atol=1e-9)
    assert metrics.path_error(found, truth) == pytest.approx(0.0, abs=1e-9)
    way = np.stack([np.linspace(-3, 3, 61), np.zeros(61), np.zeros(61)], 1)
    # a tenth too long: at 3 m from the middle 0.3 m, on average half of it
    assert metrics.path_error(1.1 * way, way) == pytest.approx(0.1 * np.abs(way[:, 0]).mean())
    tilted = way + way[:, [0]] * [0.0, 0.0, 0.1]
    assert metrics.path_error(tilted, way) > 0.1  # a slope is no placing
    assert metrics.path_length(way + [0.0, 0.0, 9.0]) == pytest.approx(6.0)


def test_a_frame_is_outside_if_any_value_is_by_more_than_the_tolerance() -> None:
    values = np.zeros((4, 2, 3))
    values[1, 0, 2], values[2, 1, 0], values[3, 1, 0] = 1.05, -2.5, -1.05
    low, high = -np.ones((2, 3)), np.ones((2, 3))
    assert metrics.share_outside(values, low, high) == pytest.approx(0.75)
    assert metrics.share_outside(values, low, high, tolerance=0.1) == pytest.approx(0.25)


def test_penetration_is_of_the_deepest_hoof_of_each_frame() -> None:
    mean, deepest = metrics.penetration_mm(np.array([[0.02, -0.004], [0.1, 0.0], [-0.006, -0.008]]))
    assert (mean, deepest) == pytest.approx((4.0, 8.0))


def test_bootstrap_interval_holds_the_estimate_and_narrows_with_more_images(rng: np.random.Generator) -> None:
    counts = np.full(20, 10)
    hits = rng.integers(0, 11, 20)
    low, high = metrics.bootstrap_interval(hits, counts)
    assert low < hits.sum() / counts.sum() < high
    low4, high4 = metrics.bootstrap_interval(np.tile(hits, 4), np.tile(counts, 4))
    assert 0.4 < (high4 - low4) / (high - low) < 0.6  # 1/√4
    assert metrics.bootstrap_interval([5, 5], [10, 10]) == (0.5, 0.5)
    assert np.isnan(metrics.bootstrap_interval([0], [0])).all()


def test_intervals_of_many_images_come_from_the_same_draws_as_those_drawn_at_once(rng: np.random.Generator) -> None:
    n = 3000  # too many to be held at once
    counts = rng.integers(1, 20, (n, 2))
    hits = (counts * rng.random((n, 2))).astype(int)
    drawn = np.random.default_rng(0).integers(n, size=(2000, n))
    expected = [np.percentile(hits[drawn, k].sum(1) / counts[drawn, k].sum(1), [2.5, 97.5]) for k in (0, 1)]
    np.testing.assert_allclose(metrics.bootstrap_intervals(hits, counts), expected)


def test_a_paired_difference_is_certain_where_one_is_better_everywhere(rng: np.random.Generator) -> None:
    counts = np.full(20, 10)
    hits = rng.integers(1, 10, 20)
    d = metrics.paired_difference(hits, counts, hits - 1)
    assert (d.value, d.low, d.high) == pytest.approx((0.1, 0.1, 0.1)) and d.certain
    low, high = metrics.bootstrap_interval(hits, counts)
    assert high - low > 0.1  # alone, neither would be told from the other
    same = metrics.paired_difference(hits, counts, rng.permutation(hits))
    assert same.value == 0 and same.low < 0 < same.high and not same.certain


def test_confidences_that_come_true_are_calibrated_and_others_are_off_by_what_they_promise(
    rng: np.random.Generator,
) -> None:
    confidence = rng.random((200, 500))
    everything, image_of = np.ones_like(confidence, bool), np.arange(200)
    honest = metrics.reliability(confidence, rng.random(confidence.shape) < confidence, everything, image_of)
    assert honest.ece < 0.01 and abs(honest.bias) < 0.005 and honest.counts.sum() == confidence.size
    inside = (honest.intervals[:, 0] <= honest.confidence) & (honest.confidence <= honest.intervals[:, 1])
    assert inside.sum() >= 8  # of ten intervals of 95 %
    boastful = metrics.reliability(confidence, rng.random(confidence.shape) < confidence / 2, everything, image_of)
    assert boastful.ece == pytest.approx(0.25, abs=0.01) and boastful.bias == pytest.approx(0.25, abs=0.01)
    none = metrics.reliability(confidence, everything, ~everything, image_of)
    assert np.isnan(none.ece) and not none.counts.any()


def test_recall_and_precision_of_a_set_and_their_differences() -> None:
    hit = ScoredImage(np.array([0.9]), np.array([[0.77]]))
    missed = ScoredImage(np.empty(0), np.empty((0, 1)))
    half = metrics.match_detections([hit, missed])
    figures = metrics.precision_recall(half)
    # a hit at the six thresholds from 0.50 to 0.75, of ten
    assert figures.ar == pytest.approx(0.5 * 0.6) and figures.ap75 == pytest.approx(51 / 101)
    assert figures.intervals[1] == (0.0, 1.0)
    both = metrics.match_detections([hit, hit])
    d = metrics.precision_difference(both, half)
    assert d.value == pytest.approx(0.6 * (1 - 51 / 101)) and d.low == 0 and not d.certain
