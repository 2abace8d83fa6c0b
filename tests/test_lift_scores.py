"""The scores of a lifter on truths whose errors are known beforehand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_rotate
from kinequimation.lift.evaluate import GROUP_POINTS, LiftTruth, compare, summarize
from kinequimation.lift.infer import Lifted

N = 12


@pytest.fixture
def truth() -> LiftTruth:
    rng = np.random.default_rng(5)
    rest = np.concatenate([skeleton.REST_HEAD_XYZ[1 : 1 + skeleton.NUM_JOINTS68], rng.normal(size=(35, 3))])
    xyz = rest + 0.02 * rng.normal(size=(N, skeleton.NUM_KEYPOINTS, 3))
    xyz -= xyz[:, [skeleton.KEYPOINT_INDEX[skeleton.SACRUM]]]
    contact = (rng.random((N, 4)) > 0.5).astype(float)
    up = np.tile([0.0, 0.0, 1.0], (N, 1))
    return LiftTruth(xyz, np.tile([0.0, 1.0, 5.0], (N, 1)), up, contact, np.ones(N, bool), fps=50.0)


def _lifted(truth: LiftTruth) -> Lifted:
    sigma = np.full((N, skeleton.NUM_KEYPOINTS), 0.01)
    still = np.zeros((N, 3))
    return Lifted(truth.xyz_cam, truth.root_xyz_cam, truth.up_cam, truth.contact, sigma, still)


def test_the_truth_has_no_error(truth: LiftTruth) -> None:
    scores = summarize([compare(_lifted(truth), truth)])
    errors = (scores.mpjpe, scores.n_mpjpe, scores.pa_mpjpe, scores.velocity, scores.yaw_deg, scores.up_deg)
    np.testing.assert_allclose((*errors, scores.root_depth, scores.facing_wrong), 0.0, atol=1e-5)
    assert scores.contact_f1 == 1.0 and scores.n_frames == N


def test_a_turn_a_scale_and_a_depth_each_show_where_they_should(truth: LiftTruth) -> None:
    turn = quat_from_axis_angle((0.0, 0.0, 1.0), np.radians(30.0))
    xyz = 1.1 * quat_rotate(turn, truth.xyz_cam)
    lifted = dataclasses.replace(_lifted(truth), xyz_cam=xyz, root_xyz_cam=truth.root_xyz_cam * [1, 1, 1.2])
    scores = summarize([compare(lifted, truth)])
    assert scores.pa_mpjpe == pytest.approx(0.0, abs=1e-6)
    assert scores.yaw_deg == pytest.approx(30.0) and scores.root_depth == pytest.approx(20.0)
    assert scores.mpjpe > 5 and scores.facing_wrong == 0.0
    grown = dataclasses.replace(_lifted(truth), xyz_cam=1.1 * truth.xyz_cam)
    scores = summarize([compare(grown, truth)])
    assert scores.n_mpjpe == pytest.approx(0.0, abs=1e-6)
    assert scores.mpjpe == pytest.approx(10 * np.linalg.norm(truth.xyz_cam, axis=-1).mean())


def test_frames_that_do_not_count_are_left_out_and_parts_have_their_own_error(truth: LiftTruth) -> None:
    xyz = truth.xyz_cam.copy()
    xyz[:, GROUP_POINTS["hooves"]] += [0.0, 0.0, 0.05]
    xyz[3:5] += 7.0  # frames without a horse
    use = np.ones(N, bool)
    use[3:5] = False
    scores = summarize([compare(dataclasses.replace(_lifted(truth), xyz_cam=xyz), dataclasses.replace(truth, use=use))])
    assert scores.n_frames == N - 2
    assert scores.groups["hooves"] == pytest.approx(5.0) and scores.groups["trunk"] == pytest.approx(0.0)
    assert scores.pa_groups["hooves"] > scores.pa_groups["head, neck"] > 0
    assert scores.velocity == pytest.approx(0.0, abs=1e-9)  # a constant error does not move
