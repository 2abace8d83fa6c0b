"""The fit against motions whose every joint is known, seen by a camera that is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, Shape, breed_shape
from kinequimation.errors import InputError, NoHorseError
from kinequimation.fit import Fitted, Observation, clip, fit, fit_together
from kinequimation.fit.contacts import TOES, toe_heights
from kinequimation.fit.pose import solve_pose
from kinequimation.fit.smoothing import fill_rows, smooth
from kinequimation.geometry.align import similarity_transform
from kinequimation.geometry.camera import intrinsics, look_at, project_cam
from kinequimation.geometry.rotation import quat_rotate, quat_to_rotvec
from kinequimation.metrics.motion3d import stance_drift_mm
from kinequimation.motion import Motion
from kinequimation.motion.gaits import make_motion
from kinequimation.motion.limits import JOINT_LIMITS

HEIGHT_M = 1.5
PRIOR = Shape(withers_height_m=HEIGHT_M)
_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_PER_FRAME = [f.name for f in dataclasses.fields(Observation) if f.name not in ("K", "fps")]


def observe(
    motion: Motion, noise: float = 0.0, follow: bool = False, camera_of: Motion | None = None
) -> tuple[Observation, np.ndarray, np.ndarray]:
    """Look at a motion; return what is seen, the true keypoints [T, 103, 3] and the cameras [T, 4, 4]."""
    rng = np.random.default_rng(7)
    body = Body(motion.shape)
    points = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
    filmed = motion if camera_of is None else camera_of
    centres = Body(filmed.shape).keypoints(filmed.root_xyz_world, filmed.quat_wxyz).mean(1)
    middle = centres.mean(0)
    position = middle + np.array([8.0, 1.5, 0.6])
    T = np.stack([look_at(position, centre if follow else middle) for centre in centres])
    cam = np.einsum("tij,tkj->tki", T[:, :3, :3], points) + T[:, None, :3, 3]
    K = intrinsics(1280, 720, np.radians(50))
    root = cam[:, _SACRUM]
    n = len(points)
    observation = Observation(
        xyz_cam=(cam - root[:, None]) / HEIGHT_M + rng.normal(0, noise, cam.shape),
        root_xyz_cam=root / HEIGHT_M,
        up_cam=T[:, :3, 2],
        contact=motion.contact,
        sigma=np.full((n, skeleton.NUM_KEYPOINTS), max(noise, 0.01)),
        uv_px=np.stack([project_cam(K, c) for c in cam]) + rng.normal(0, 100 * noise, (n, skeleton.NUM_KEYPOINTS, 2)),
        confidence=np.full((n, skeleton.NUM_KEYPOINTS), 0.9),
        K=K,
        t_s=motion.t_s,
        fps=motion.fps,
        frame_confidence=np.ones(n),
    )
    return observation, points, T


def cut(observation: Observation, stop: int) -> Observation:
    return dataclasses.replace(observation, **{name: getattr(observation, name)[:stop] for name in _PER_FRAME})


def keypoints(fitted: Fitted) -> np.ndarray:
    motion = fitted.motion
    return Body(motion.shape).keypoints(motion.root_xyz_world, motion.quat_wxyz)


def pose_error(points: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean distance after aligning each frame, in withers heights."""
    errors = []
    for a, b in zip(points, truth, strict=True):
        scale, R, t = similarity_transform(a, b)
        errors.append(np.linalg.norm(scale * a @ R.T + t - b, axis=-1).mean())
    return float(np.mean(errors)) / HEIGHT_M


def stance_drift_m(points: np.ndarray, contact: np.ndarray) -> float:
    """Return how far a toe strays from its place while its hoof truly stands, two frames at either end left out."""
    drifts = [0.0]
    for limb in range(4):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (contact[:, limb] > 0.5).astype(int), [0]])))
        for start, stop in zip(edges[::2] + 2, edges[1::2] - 2, strict=True):
            if stop - start > 2:
                path = points[start:stop, TOES[limb]]
                drifts.append(float(np.linalg.norm(path - np.median(path, axis=0), axis=-1).max()))
    return max(drifts)


def check_motion(motion: Motion) -> None:
    """Check what every fitted motion must keep."""
    body = Body(motion.shape)
    xyz, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    parents = skeleton.JOINT_PARENTS[1:]
    lengths = np.linalg.norm(xyz[:, 1:] - xyz[:, parents], axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-9
    rotvec = quat_to_rotvec(motion.quat_wxyz)
    assert (rotvec > JOINT_LIMITS[:, 0] - 1e-6).all() and (rotvec < JOINT_LIMITS[:, 1] + 1e-6).all()
    assert (np.sum(motion.quat_wxyz[1:] * motion.quat_wxyz[:-1], -1) > 0).all()
    toes = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, TOES, 2]
    assert (toes > toe_heights(body) - 0.01).all()


@pytest.fixture(scope="module")
def trot() -> Motion:
    return make_motion("trot", Body(breed_shape("arabian", HEIGHT_M)), seconds=1.0, fps=30.0)


@pytest.fixture(scope="module")
def walk() -> Motion:
    return make_motion("walk", Body(breed_shape("arabian", HEIGHT_M)), seconds=1.2, fps=25.0)


@pytest.mark.parametrize(("noise", "worst"), [(0.0, 0.015), (0.01, 0.02)])
def test_gaits_are_recovered(trot, walk, noise, worst):
    for motion in (trot, walk):
        observation, truth, _ = observe(motion, noise)
        fitted = fit(observation, PRIOR)
        check_motion(fitted.motion)
        points = keypoints(fitted)
        assert pose_error(points, truth) < worst
        assert stance_drift_m(points, motion.contact) < 0.02
        # it goes as far as it truly does, the way it faces, which is -Y
        way, true_way = (np.linalg.norm((p[-1] - p[0]).mean(0)[:2]) for p in (points, truth))
        assert way == pytest.approx(true_way, rel=0.06)
        step = (points[-1] - points[0]).mean(0)
        assert abs(np.degrees(np.arctan2(step[0], -step[1]))) < 8
        np.testing.assert_array_equal(fitted.motion.confidence, 1.0)


def test_camera_shows_the_horse_where_it_was_seen(walk):
    observation, truth, T = observe(walk)
    fitted = fit(observation, PRIOR)
    cam = np.einsum("tij,tkj->tki", fitted.T_cam_world[:, :3, :3], keypoints(fitted))
    cam += fitted.T_cam_world[:, None, :3, 3]
    error_px = np.linalg.norm(project_cam(observation.K, cam) - observation.uv_px, axis=-1)
    horse_px = np.ptp(observation.uv_px[0, :, 0])
    assert error_px.mean() < 0.01 * horse_px
    # the camera's tilt and its distance are the true ones; where its north lies is free
    np.testing.assert_allclose(fitted.T_cam_world[:, :3, 2], T[:, :3, 2], atol=0.03)
    true_distance = np.linalg.norm(T[0, :3, :3] @ truth[0, _SACRUM] + T[0, :3, 3])
    assert np.linalg.norm(cam[0, _SACRUM]) == pytest.approx(true_distance, rel=0.03)


def test_turning_camera_does_not_turn_the_horse():
    motion = make_motion("trot", Body(breed_shape("arabian", HEIGHT_M)), seconds=2.5, fps=30.0)
    observation, _, T = observe(motion, follow=True)
    assert np.degrees(np.arccos(T[0, 2, :3] @ T[-1, 2, :3])) > 40  # the camera follows the horse round
    forward = quat_rotate(fit(observation, PRIOR).motion.quat_wxyz[:, 0], np.array([0.0, -1.0, 0.0]))
    assert np.degrees(np.ptp(np.unwrap(np.arctan2(forward[:, 0], -forward[:, 1])))) < 10


def test_gap_stays_a_gap(walk):
    observation, truth, _ = observe(walk, 0.005)
    missing = slice(10, 15)
    values = {name: np.array(getattr(observation, name), float) for name in _PER_FRAME if name != "t_s"}
    for name in ("xyz_cam", "root_xyz_cam", "up_cam", "contact", "sigma", "uv_px", "confidence"):
        values[name][missing] = np.nan
    values["frame_confidence"][missing] = 0.0
    fitted = fit(dataclasses.replace(observation, **values), PRIOR)
    check_motion(fitted.motion)
    assert (fitted.motion.confidence[missing] == 0).all() and (fitted.motion.contact[missing] < 0.5).all()
    assert (fitted.motion.confidence[:10] == 1).all()
    assert np.isfinite(fitted.T_cam_world).all()
    points = keypoints(fitted)
    assert pose_error(points[:9], truth[:9]) < 0.02
    assert np.linalg.norm(np.diff(points, axis=0), axis=-1).max() < 0.5  # no jump into or out of it


def test_one_frame_is_enough(trot):
    observation, truth, _ = observe(trot)
    fitted = fit(cut(observation, 1), PRIOR)
    check_motion(fitted.motion)
    assert pose_error(keypoints(fitted), truth[:1]) < 0.02
    assert keypoints(fitted)[0, TOES, 2].min() < 0.03


def test_missing_points_and_outliers_are_survived(trot):
    observation, truth, _ = observe(trot, 0.005)
    rng = np.random.default_rng(0)
    xyz = observation.xyz_cam.copy()
    xyz[rng.random(xyz.shape[:2]) < 0.2] = np.nan
    wild = rng.random(xyz.shape[:2]) < 0.03
    xyz[wild] += rng.normal(0, 0.4, (int(wild.sum()), 3))
    uv = np.full_like(observation.uv_px, np.nan)
    fitted = fit(dataclasses.replace(observation, xyz_cam=xyz, uv_px=uv), PRIOR)
    check_motion(fitted.motion)
    assert pose_error(keypoints(fitted), truth) < 0.02


def test_exchanged_legs_are_put_right(trot):
    observation, truth, _ = observe(trot)
    left = [skeleton.KEYPOINT_INDEX[b] for b in skeleton.limb_joints("LF")[3:]]
    left += [skeleton.KEYPOINT_INDEX[f"{p}.L"] for p in ("elbow", "carpus", "fore_fetlock", "fore_toe")]
    right = skeleton.MIRROR_KEYPOINTS[left].tolist()
    apart = np.linalg.norm(truth[:, left] - truth[:, right], axis=-1).mean(1)
    start = int(np.argmax(apart[5:20])) + 5  # where the legs are farthest from each other
    values = {name: getattr(observation, name).copy() for name in ("xyz_cam", "uv_px", "contact")}
    run = slice(start, start + 3)
    for name, a, b in (("xyz_cam", left, right), ("uv_px", left, right), ("contact", [0], [1])):
        values[name][run, a + b] = values[name][run, b + a]
    fitted = fit(dataclasses.replace(observation, **values), PRIOR)
    assert pose_error(keypoints(fitted)[run], truth[run]) < 0.015


def test_pieces_of_a_clip_solve_as_the_whole(trot):
    body = Body(trot.shape)
    target = body.keypoints(trot.root_xyz_world, trot.quat_wxyz) + np.random.default_rng(1).normal(
        0, 0.02, (30, 103, 3)
    )
    weight = np.full(target.shape[:2], 0.03**-2)
    whole = solve_pose(body, target, weight)
    piece = solve_pose(body, target[12:19], weight[12:19])
    np.testing.assert_allclose(piece.quat_wxyz, whole.quat_wxyz[12:19], atol=1e-8)


def test_shape_is_found():
    truth = Shape(withers_height_m=HEIGHT_M, leg_length=0.9, neck_length=1.12, head_length=0.92, back_length=1.05)
    motion = make_motion("walk", Body(truth), seconds=1.0, fps=30.0)
    shape = fit(observe(motion, 0.005)[0], PRIOR).motion.shape
    for name in ("leg_length", "neck_length", "head_length", "back_length", "barrel_depth"):
        assert getattr(shape, name) == pytest.approx(getattr(truth, name), rel=0.03), name
    assert shape.withers_height_m == HEIGHT_M


def test_smoothing_halves_its_cutoff_and_keeps_what_is_slow():
    t = np.arange(600) / 60
    wave = np.cos(2 * np.pi * 6.0 * t)
    smoothed = smooth(wave, np.ones(600), 6.0, 60.0)[100:-100]
    assert np.ptp(smoothed) == pytest.approx(1.0, abs=0.02)  # half of peak to peak 2
    np.testing.assert_allclose(smooth(3 * t, np.ones(600), 6.0, 60.0), 3 * t, atol=1e-6)
    known = np.array([False, True, False, False, True, False])
    np.testing.assert_allclose(fill_rows(np.array([9.0, 1, 9, 9, 4, 9]), known), [1, 1, 2, 3, 4, 4])


def test_bad_observations_are_refused(trot):
    observation, _, _ = observe(trot)
    with pytest.raises(NoHorseError, match="no frame"):
        fit(dataclasses.replace(observation, frame_confidence=np.zeros(30)), PRIOR)
    with pytest.raises(InputError, match="sigma"):
        dataclasses.replace(observation, sigma=np.zeros((30, 68)))


def test_windows_of_a_long_clip_join_to_what_the_whole_gives(monkeypatch):
    motion = make_motion("trot", Body(breed_shape("arabian", HEIGHT_M)), seconds=24.0, fps=10.0)
    observation, _, _ = observe(motion, 0.005, follow=True)
    joined = fit(observation, PRIOR)
    assert len(clip.windows(len(motion), 10.0)) == 2
    check_motion(joined.motion)
    monkeypatch.setattr(clip, "windows", lambda n, fps: [(0, n)])
    whole = fit(observation, PRIOR)
    body = Body(whole.motion.shape)
    apart = body.keypoints(joined.motion.root_xyz_world * 0, joined.motion.quat_wxyz) - body.keypoints(
        whole.motion.root_xyz_world * 0, whole.motion.quat_wxyz
    )
    assert np.linalg.norm(apart, axis=-1).mean() < 0.05
    way = np.linalg.norm(np.diff(whole.motion.root_xyz_world[:, :2], axis=0), axis=-1).sum()
    assert np.linalg.norm(joined.motion.root_xyz_world[-1] - whole.motion.root_xyz_world[-1]) < 0.03 * way
    points = keypoints(joined)
    assert np.median(stance_drift_mm(points[:, TOES], joined.motion.contact)) < 5.0


def test_horses_before_one_camera_share_the_ground():
    ahead = make_motion("trot", Body(breed_shape("arabian", HEIGHT_M)), seconds=1.0, fps=30.0)
    beside = dataclasses.replace(ahead, root_xyz_world=ahead.root_xyz_world + [2.0, 1.5, 0.0])
    (first, _, _), (second, _, _) = observe(ahead), observe(beside, camera_of=ahead)
    a, b = fit_together([first, second], [PRIOR, PRIOR], ["a", "b"])
    apart = (b.motion.root_xyz_world - a.motion.root_xyz_world).mean(0)
    np.testing.assert_allclose(apart, [2.0, 1.5, 0.0], atol=0.25)
    ahead_xyz = np.array([0.0, -1.0, 0.0])
    faces_a, faces_b = (quat_rotate(fitted.motion.quat_wxyz[:, 0], ahead_xyz) for fitted in (a, b))
    np.testing.assert_allclose(faces_a, faces_b, atol=0.06)


def test_a_horse_that_is_away_for_longer_than_a_window_is_filled_in():
    motion = make_motion("walk", Body(breed_shape("arabian", HEIGHT_M)), seconds=40.0, fps=5.0)
    observation, _, _ = observe(motion, follow=True)
    seen = np.ones(len(motion))
    seen[40:160] = 0.0
    assert any((seen[a:b] == 0).all() for a, b in clip.windows(len(motion), 5.0))
    fitted = fit(dataclasses.replace(observation, frame_confidence=seen), PRIOR)
    check_motion(fitted.motion)
    np.testing.assert_array_equal(fitted.motion.confidence > 0, seen > 0)
    np.testing.assert_array_equal(fitted.motion.root_xyz_world[80], fitted.motion.root_xyz_world[100])
