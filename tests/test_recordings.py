"""Clips with the 2D network's own errors: their geometry, and their file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.lift.borrowed import errors_of
from kinequimation.lift.cameras import CameraPaths, sample_cameras
from kinequimation.lift.data import film_clips, film_with, make_pool, recorded_clips
from kinequimation.lift.noise import NO_NOISE
from kinequimation.lift.project import box_px, facing
from kinequimation.lift.recordings import Recordings, read_recordings, write_recordings
from kinequimation.motion import make_motion


def recorded(n_clips: int = 3) -> Recordings:
    """Return recordings of a perfect network, of short clips."""
    pool = make_pool(11, n_clips, 12)
    cameras = sample_cameras(np.random.default_rng(4), pool.xyz_world)
    clips = film_with(np.random.default_rng(5), cameras, pool.xyz_world, pool.contact, pool.fps, NO_NOISE)
    return Recordings(
        uv_px=clips.uv_px,
        confidence=clips.confidence,
        xyz_world=pool.xyz_world,
        contact=pool.contact,
        K=cameras.K,
        rotation=cameras.rotation,
        position=cameras.position_world.astype(np.float32),
        size_px=cameras.size_px,
        fps=pool.fps,
        name=np.array([f"clip {i}" for i in range(n_clips)]),
    )


def test_recorded_clips_stay_true_when_they_are_mirrored():
    recordings = recorded()
    clips = recorded_clips(recordings, 1, 0, 16, 8, NO_NOISE)
    seen = clips.visible & (clips.confidence > 0)
    assert seen.mean() > 0.3
    np.testing.assert_allclose(clips.uv_px[seen], clips.uv_true_px[seen], atol=0.05)
    # the mirrored halves are views of mirrored horses: left of the trunk is left of its axes in all of them
    up = clips.up_cam
    forward = clips.xyz_cam[:, :, skeleton.KEYPOINT_INDEX["DEF-spine.006"]]
    left = np.cross(up, forward)
    across = (
        clips.xyz_cam[:, :, skeleton.KEYPOINT_INDEX["DEF-thigh.L"]]
        - clips.xyz_cam[:, :, skeleton.KEYPOINT_INDEX["DEF-thigh.R"]]
    )
    assert (np.sum(left * across, -1) > 0).mean() > 0.99


def test_errors_borrowed_from_a_perfect_network_are_none_and_an_exchanged_pair_stays_exchanged():
    pair = [skeleton.KEYPOINT_INDEX[f"DEF-f_hoof.{side}"] for side in "LR"]
    perfect = recorded()
    uv_px = perfect.uv_px.copy()
    uv_px[:, :, pair] = perfect.uv_px[:, :, pair[::-1]]
    both_seen = (perfect.confidence[:, :, pair] > 0).all(-1)
    uv_px[~both_seen], perfect.confidence[~both_seen] = 0.0, 0.0
    errors = errors_of(dataclasses.replace(perfect, uv_px=uv_px))
    pool = make_pool(13, 4, 12)
    clips = film_clips(pool, 2, 0, 40, 8, NO_NOISE, errors=errors)
    seen = (clips.confidence > 0) & clips.visible
    assert seen.mean() > 0.3
    size = box_px(clips.xyz_cam + clips.root_xyz_cam[:, :, None], clips.K_true)[..., None]
    off = np.linalg.norm(clips.uv_px - clips.uv_true_px, axis=-1) / size
    others = np.setdiff1d(np.arange(skeleton.NUM_KEYPOINTS), pair)
    assert off[:, :, others][seen[:, :, others]].max() < 1e-3
    fellow = np.linalg.norm(clips.uv_px[:, :, pair] - clips.uv_true_px[:, :, pair[::-1]], axis=-1) / size
    apart = np.linalg.norm(clips.uv_true_px[:, :, pair[0]] - clips.uv_true_px[:, :, pair[1]], axis=-1) / size[..., 0]
    told = seen[:, :, pair] & (apart > 0.1)[..., None]
    assert told.sum() > 50
    assert np.median(fellow[told]) < 1e-3 < 0.1 < np.median(off[:, :, pair][told])


def test_borrowed_errors_keep_their_side_their_direction_and_their_size():
    """The left fore hoof, and it alone, is found ahead of where it is, by a twentieth of the box, and unsurely."""
    left = skeleton.KEYPOINT_INDEX["DEF-f_hoof.L"]
    perfect = recorded(24)
    xyz = CameraPaths(perfect.K, perfect.rotation, perfect.position, perfect.size_px).to_cam(perfect.xyz_world)
    ahead = np.zeros((*xyz.shape[:2], 2), np.float32)
    ahead[..., 0] = np.sign(facing(xyz)[..., 0]) * 0.04 * box_px(xyz, perfect.K)
    uv_px, confidence = perfect.uv_px.copy(), perfect.confidence.copy()
    uv_px[:, :, left] += ahead
    confidence[:, :, left] *= 0.5
    errors = errors_of(dataclasses.replace(perfect, uv_px=uv_px, confidence=confidence))
    clips = film_clips(make_pool(13, 4, 12), 2, 0, 200, 8, NO_NOISE, errors=errors)
    size = box_px(clips.xyz_cam + clips.root_xyz_cam[:, :, None], clips.K_true)
    faces = facing(clips.xyz_cam)[..., 0]
    off = (clips.uv_px - clips.uv_true_px) / size[..., None, None]
    seen = (clips.confidence > 0) & clips.visible
    # lent by mirrored clips, it is the right hoof; of a horse seen from before or behind, ahead is neither side
    sides, unsure = [left, skeleton.MIRROR_KEYPOINTS[left]], clips.confidence == 0.5
    assert not unsure[:, :, np.setdiff1d(np.arange(skeleton.NUM_KEYPOINTS), sides)].any()
    assert not unsure[:, :, sides].all(-1).any()
    assert np.abs(off[seen & ~unsure]).max() < 1e-3
    for side in sides:
        clearly = seen[:, :, side] & unsure[:, :, side] & (np.abs(faces) > 0.7)
        forward = (off[:, :, side, 0] * np.sign(faces))[clearly]
        assert len(forward) > 100 and (forward > 0).mean() > 0.95
        assert np.abs(forward).min() > 0.03 and np.abs(forward).max() < 0.07  # times ERROR_FACTOR


def test_recordings_come_back_from_their_file(tmp_path):
    recordings = recorded()
    write_recordings(tmp_path / "r.npz", recordings)
    again = read_recordings(tmp_path / "r.npz")
    for f in dataclasses.fields(recordings):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(recordings, f.name))
    np.savez(tmp_path / "other.npz", format=np.array("something else"))
    with pytest.raises(InputError, match="expected format"):
        read_recordings(tmp_path / "other.npz")


def test_velocity_is_that_of_the_sacrum_before_a_camera_that_stands_still():
    pool = make_pool(12, 2, 12)
    moving = sample_cameras(np.random.default_rng(4), pool.xyz_world)
    still = CameraPaths(
        moving.K,
        np.repeat(moving.rotation[:, :1], 12, 1),
        np.repeat(moving.position_world[:, :1], 12, 1),
        moving.size_px,
    )
    rng = np.random.default_rng(5)
    clips = film_with(rng, still, pool.xyz_world, pool.contact, pool.fps, NO_NOISE, true_intrinsics=True)
    np.testing.assert_allclose(
        clips.velocity_cam, np.gradient(clips.root_xyz_cam, axis=1) * pool.fps[:, None, None], atol=2e-3
    )


def test_what_the_network_finds_in_drawn_surroundings_lies_where_the_horse_is():
    pytest.importorskip("moderngl")
    from kinequimation.pipeline.record import record
    from kinequimation.pose2d import PoseEstimator
    from kinequimation.synth.clip import tripod
    from kinequimation.synth.renderer import renderer

    try:
        renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    motion = make_motion("trot", Body(), seconds=0.1, fps=30.0)
    cameras = tripod(motion, 1280, 720)
    found = record(motion, cameras, 3, PoseEstimator(device="cpu"))
    size = found.bbox_xywh[:, 2:].max(1)[:, None]
    error = np.linalg.norm(found.uv_px - found.uv_true_px, axis=-1) / size
    assert np.median(error[found.confidence > 0.5]) < 0.03
    # in pixels of the whole picture, though only a piece of it was drawn
    assert found.uv_true_px[..., 0].max() > 320
