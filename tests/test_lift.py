"""The lifter: input that no camera can be read from, data that can be made again, and 3D for whatever 2D comes in."""

from __future__ import annotations

import dataclasses
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.camera import intrinsics, look_at, project_cam
from kinequimation.lift.cameras import look_rotation, sample_cameras
from kinequimation.lift.data import ClipPool, FilmedClips, film_clips, make_pool, to_batch
from kinequimation.lift.evaluate import evaluate, yaw_error_deg
from kinequimation.lift.infer import WINDOW, Lifter, windows
from kinequimation.lift.noise import NO_NOISE, NoiseConfig
from kinequimation.lift.normalize import NUM_SLOTS, mirror_features, normalize, rotation_to_axis
from kinequimation.lift.root import root_from_code, solve_root
from kinequimation.runtime import weights_path

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]


def film_cleanly(pool: ClipPool, seed: int, index: int, n_clips: int, n_frames: int) -> FilmedClips:
    """Film random clips with a perfect detector and known intrinsics."""
    return film_clips(pool, seed, index, n_clips, n_frames, NO_NOISE, true_intrinsics=True)


@pytest.fixture(scope="module")
def pool():
    return make_pool(5, 6, n_frames=27)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """An untrained network whose outputs are not all alike, and its ONNX file."""
    from kinequimation.lift.model import LiftNet, ModelConfig, export_onnx

    torch.manual_seed(3)
    net = LiftNet(ModelConfig(channels=16, hidden=24, dilations=(1, 2)))
    torch.nn.init.normal_(net.head.weight, std=0.1)
    path = tmp_path_factory.mktemp("lift") / "lift.onnx"
    export_onnx(net, path)
    return net, path


@pytest.fixture(scope="module")
def lifter(network):
    return Lifter(network[1], device="cpu", n_threads=1)


def arguments(clips: FilmedClips, i: int = 0):
    n_frames = clips.uv_px.shape[1]
    return clips.uv_px[i], clips.confidence[i], clips.K[i], np.arange(n_frames) / clips.fps[i]


@settings(max_examples=20, deadline=None)
@given(
    zoom=st.floats(0.1, 10), shift=st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)), seed=st.integers(0, 99)
)
def test_normalized_input_knows_nothing_of_the_image_size(zoom, shift, seed):
    rng = np.random.default_rng(seed)
    uv = rng.uniform(200, 800, (4, NUM_SLOTS, 2))
    confidence = rng.uniform(0, 1, (4, NUM_SLOTS)) * (rng.random((4, NUM_SLOTS)) < 0.8)
    K = intrinsics(1000, 900, 0.8)
    other = K.copy()
    other[:2] *= zoom
    other[:2, 2] += shift
    a = normalize(uv, confidence, K, 30.0)
    b = normalize(uv * zoom + np.array(shift), confidence, other, 30.0)
    np.testing.assert_allclose(a.features, b.features, atol=2e-5)
    np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-7)


def test_the_virtual_camera_looks_at_the_trunk():
    rays = np.random.default_rng(0).normal([0, 0, 4], 1, (50, 3))
    R = rotation_to_axis(rays)
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1)
    axis = np.einsum("nij,nj->ni", R, rays) / np.linalg.norm(rays, axis=-1, keepdims=True)
    np.testing.assert_allclose(axis, np.broadcast_to([0, 0, 1.0], axis.shape), atol=1e-12)


def test_mirrored_features_are_those_of_the_mirrored_image():
    rng = np.random.default_rng(1)
    uv, confidence = rng.uniform(0, 1000, (5, NUM_SLOTS, 2)), rng.uniform(0, 1, (5, NUM_SLOTS))
    K = intrinsics(1000, 1000, 1.0)
    mirrored = uv[:, skeleton.MIRROR_KEYPOINTS] * [-1, 1] + [2 * K[0, 2], 0]
    expected = normalize(mirrored, confidence[:, skeleton.MIRROR_KEYPOINTS], K, 25.0).features
    np.testing.assert_allclose(mirror_features(normalize(uv, confidence, K, 25.0).features), expected, atol=1e-5)


def test_cameras_agree_with_the_geometry_package(pool):
    rng = np.random.default_rng(2)
    position, target = np.array([3.0, -4.0, 1.5]), np.array([0.2, 0.1, 0.8])
    np.testing.assert_allclose(
        look_rotation(target - position, np.array(0.3)), look_at(position, target, 0.3)[:3, :3], atol=1e-12
    )
    paths = sample_cameras(rng, pool.xyz_world)
    xyz = paths.to_cam(pool.xyz_world)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = paths.rotation[2, 7], -paths.rotation[2, 7] @ paths.position_world[2, 7]
    np.testing.assert_allclose(xyz[2, 7], pool.xyz_world[2, 7] @ T[:3, :3].T + T[:3, 3], atol=1e-4)


def test_batches_are_made_again_from_seed_and_index(pool):
    a, b = film_clips(pool, 9, 4, 5, 9), film_clips(make_pool(5, 6, n_frames=27), 9, 4, 5, 9)
    for name, value in vars(a).items():
        np.testing.assert_array_equal(value, getattr(b, name), err_msg=name)
    assert not np.array_equal(a.uv_px, film_clips(pool, 9, 5, 5, 9).uv_px)


def test_labels_fall_on_the_true_pixels_and_noise_leaves_them_alone(pool):
    clean = film_cleanly(pool, 9, 0, 6, 9)
    noisy = film_clips(pool, 9, 0, 6, 9, NoiseConfig(p_clean=0.0), true_intrinsics=True)
    for name in ("uv_true_px", "xyz_cam", "root_xyz_cam", "up_cam", "contact", "K_true", "visible"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(noisy, name), err_msg=name)
    projected = project_cam(clean.K_true[:, :, None], clean.xyz_cam + clean.root_xyz_cam[:, :, None])
    np.testing.assert_allclose(projected[clean.visible], clean.uv_true_px[clean.visible], atol=0.1)
    np.testing.assert_array_equal(clean.confidence > 0, clean.visible)
    np.testing.assert_array_equal(clean.uv_px[clean.visible], clean.uv_true_px[clean.visible])
    assert np.abs(noisy.uv_px - clean.uv_px)[noisy.visible & (noisy.confidence > 0)].max() > 1
    assert 0 < (noisy.confidence == 0).mean() < 0.6
    assert noisy.confidence.min() >= 0 and noisy.confidence.max() <= 1
    np.testing.assert_array_equal(noisy.uv_px[noisy.confidence == 0], 0)


def test_confidence_falls_with_the_error(pool):
    clips = film_clips(pool, 1, 2, 200, 3, NoiseConfig(p_clean=0, p_leak=0), true_intrinsics=True)
    known = clips.confidence > 0
    error = np.linalg.norm(clips.uv_px - clips.uv_true_px, axis=-1) * clips.root_xyz_cam[..., None, 2]
    error = (error / clips.K_true[..., None, 0, 0])[known]
    sure, unsure = error[clips.confidence[known] > 0.8], error[clips.confidence[known] < 0.4]
    assert np.median(sure) * 3 < np.median(unsure)


def test_targets_reproject_through_the_virtual_camera(pool):
    clips = film_cleanly(pool, 3, 0, 6, 9)
    batch = to_batch(clips)
    seen = normalize(clips.uv_px, clips.confidence, clips.K, clips.fps)
    placed = batch.xyz + batch.root[:, :, None]
    uv = placed[..., :2] / placed[..., 2:] / seen.scale[..., None, None]
    given = batch.features[..., : 2 * NUM_SLOTS].reshape(uv.shape)
    np.testing.assert_allclose(uv[clips.visible], given[clips.visible], atol=2e-3)
    good = batch.weight == 1
    np.testing.assert_allclose(
        root_from_code(batch.root_code, seen.scale)[good], batch.root[good], rtol=2e-3, atol=2e-3
    )
    np.testing.assert_allclose(np.linalg.norm(batch.up, axis=-1), 1, atol=1e-5)


def test_the_network_takes_trusted_points_out_along_their_rays(pool):
    from kinequimation.lift.model import place_on_rays

    clips = film_cleanly(pool, 3, 0, 6, 9)
    batch = to_batch(clips)
    depth_only = torch.from_numpy(batch.xyz * np.array([0, 0, 1], np.float32))
    trust = torch.full(clips.visible.shape, 50.0)
    found = place_on_rays(depth_only, trust, torch.from_numpy(batch.root_code), torch.from_numpy(batch.features))
    use = clips.visible & (batch.weight[..., None] == 1)
    np.testing.assert_allclose(found.numpy()[use], batch.xyz[use], atol=1e-4)
    np.testing.assert_array_equal(found.numpy()[~clips.visible], depth_only.numpy()[~clips.visible])


def test_the_horse_axes_of_a_clip_bring_it_upright_facing_minus_y(pool):
    from kinequimation.lift.model import horse_axes

    batch = to_batch(film_cleanly(pool, 3, 2, 6, 9))
    axes = horse_axes(torch.from_numpy(2 * batch.up), torch.from_numpy(3 * batch.forward + batch.up)).numpy()
    pose = batch.xyz @ np.swapaxes(axes, -1, -2)
    k = skeleton.KEYPOINT_INDEX
    assert (pose[:, :, k["DEF-spine.006"], 1] < -0.3).all() and np.abs(pose[:, :, k["DEF-spine.006"], 0]).max() < 1e-4
    assert (pose[:, :, k["withers"], 2] > -0.2).all() and (pose[:, :, k["fore_toe.L"], 2] < -0.4).all()
    assert (pose[:, :, k["point_of_shoulder.L"], 0] > pose[:, :, k["point_of_shoulder.R"], 0]).all()


def test_the_root_is_found_from_the_points_in_spite_of_outliers(pool):
    clips = film_cleanly(pool, 3, 1, 6, 3)
    for i in range(6):
        xyz, root, known = clips.xyz_cam[i], clips.root_xyz_cam[i], clips.visible[i]
        uv = clips.uv_px[i].copy()
        uv[:, ::10] += 300
        sigma = np.full(known.shape, 0.03)
        found = solve_root(xyz, sigma, uv, known.astype(float), clips.K[i], root * 1.3)
        ok = known.sum(-1) > 60
        assert ok.any() or i
        np.testing.assert_allclose(found[ok], root[ok], rtol=0.03, atol=0.03)
    nothing = solve_root(xyz, sigma, uv, np.zeros_like(sigma), clips.K[5], root)
    np.testing.assert_allclose(nothing, root, rtol=1e-6)


def test_onnx_gives_what_torch_gives_for_any_length(network, tmp_path):
    from kinequimation.lift.model import OUTPUT_NAMES, LiftNet, ModelConfig, export_onnx, load_onnx_weights
    from kinequimation.runtime import open_session

    net, path = network
    loaded = LiftNet(ModelConfig(channels=16, hidden=24, dilations=(1, 2)))
    load_onnx_weights(loaded, path)
    for (name, a), b in zip(net.state_dict().items(), loaded.state_dict().values(), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-3, atol=1e-4, msg=name)  # in 16 bits
    deeper = LiftNet(ModelConfig(channels=16, hidden=24, dilations=(1, 2, 4, 4)))
    load_onnx_weights(deeper, path)
    grown = tmp_path / "grown.onnx"
    export_onnx(deeper, grown)
    again = LiftNet(ModelConfig(channels=16, hidden=24, dilations=(1, 2, 4, 4)))
    load_onnx_weights(again, grown)
    for (name, a), b in zip(deeper.state_dict().items(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-3, atol=1e-4, msg=name)
    with pytest.raises(InputError, match="up to 2 blocks"):
        load_onnx_weights(loaded, grown)
    session, _ = open_session(path, "cpu", 1)
    for shape in ((1, 1), (3, 2), (1, 50)):
        features = 0.5 * torch.randn(*shape, net.embed.in_features)
        with torch.no_grad():
            expected, same = loaded(features), deeper(features)
        found = [np.asarray(o) for o in session.run(list(OUTPUT_NAMES), {"features": features.numpy()})]
        for a, b, c in zip(expected, found, same, strict=True):
            np.testing.assert_allclose(a.numpy(), b, atol=1e-4)
            assert torch.equal(a, c)
    with pytest.raises(InputError, match="size"):
        load_onnx_weights(LiftNet(ModelConfig(channels=8)), path)


def test_a_mirrored_clip_lifts_to_the_mirrored_horse(lifter, pool):
    uv, confidence, K, t_s = arguments(film_clips(pool, 7, 0, 1, 27))
    mirror = skeleton.MIRROR_KEYPOINTS
    flipped = uv[:, mirror] * [-1, 1] + [2 * K[0, 2], 0]
    a, b = lifter.lift(uv, confidence, K, t_s), lifter.lift(flipped, confidence[:, mirror], K, t_s)
    x = np.array([-1.0, 1, 1])
    np.testing.assert_allclose(a.xyz_cam[:, mirror] * x, b.xyz_cam, atol=1e-4)
    np.testing.assert_allclose(a.root_xyz_cam * x, b.root_xyz_cam, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(a.up_cam * x, b.up_cam, atol=1e-4)
    np.testing.assert_allclose(a.contact[:, [1, 0, 3, 2]], b.contact, atol=1e-4)
    np.testing.assert_allclose(a.sigma[:, mirror], b.sigma, atol=1e-4)


@pytest.mark.parametrize("n_frames", [1, 2, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_any_length_lifts_and_missing_points_may_be_nan(lifter, n_frames):
    rng = np.random.default_rng(0)
    uv = rng.uniform(0, 500, (n_frames, NUM_SLOTS, 2))
    confidence = (rng.random((n_frames, NUM_SLOTS)) < 0.5) * 0.7
    confidence[n_frames // 2] = 0  # a frame without any point
    uv[confidence == 0] = np.nan
    lifted = lifter.lift(uv, confidence, intrinsics(500, 500, 0.9), np.arange(n_frames) / 25)
    shapes = {"xyz_cam": (NUM_SLOTS, 3), "root_xyz_cam": (3,), "up_cam": (3,), "contact": (4,), "sigma": (NUM_SLOTS,)}
    for name, shape in shapes.items():
        value = getattr(lifted, name)
        assert value.shape == (n_frames, *shape)
        assert np.isfinite(value).all(), name
    np.testing.assert_allclose(np.linalg.norm(lifted.up_cam, axis=-1), 1)
    assert (lifted.root_xyz_cam[:, 2] > 0).all()


def test_a_clip_without_any_point_still_gives_numbers(lifter):
    nothing = lifter.lift(
        np.full((4, NUM_SLOTS, 2), np.nan), np.zeros((4, NUM_SLOTS)), intrinsics(64, 48, 1.0), np.arange(4.0)
    )
    assert all(np.isfinite(value).all() for value in vars(nothing).values())
    assert (nothing.sigma == 1).all()


@given(st.integers(1, 1000))
@settings(max_examples=60, deadline=None)
def test_windows_cover_a_clip_and_weigh_every_frame_alike(n_frames):
    total = np.zeros(n_frames)
    for start, stop, fade in windows(n_frames):
        assert 0 <= start < stop <= n_frames and stop - start <= WINDOW and len(fade) == stop - start
        total[start:stop] += fade
    assert total.min() > 0.2
    assert n_frames > WINDOW or len(windows(n_frames)) == 1


def test_windows_blend_to_what_a_still_horse_looks_like_in_one_frame(lifter, pool):
    uv, confidence, K, _ = arguments(film_cleanly(pool, 7, 1, 1, 1))
    n = WINDOW + 60
    long = lifter.lift(np.repeat(uv, n, 0), np.repeat(confidence, n, 0), K, np.arange(n) / 30)
    short = lifter.lift(np.repeat(uv, 3, 0), np.repeat(confidence, 3, 0), K, np.arange(3) / 30)
    np.testing.assert_allclose(long.xyz_cam, np.broadcast_to(short.xyz_cam[:1], long.xyz_cam.shape), atol=1e-4)
    np.testing.assert_allclose(long.root_xyz_cam, np.broadcast_to(short.root_xyz_cam[:1], (n, 3)), rtol=1e-3, atol=1e-3)


def test_bad_input_is_refused_in_one_line(lifter):
    good = {
        "uv_px": np.zeros((3, NUM_SLOTS, 2)),
        "confidence": np.ones((3, NUM_SLOTS)),
        "K": np.eye(3),
        "t_s": np.arange(3.0),
    }
    bad = {
        "uv_px": [np.zeros((3, 68, 2)), np.full((3, NUM_SLOTS, 2), np.nan)],
        "confidence": [np.ones((2, NUM_SLOTS)), np.full((3, NUM_SLOTS), 1.5), np.full((3, NUM_SLOTS), np.nan)],
        "K": [np.zeros((3, 3)), np.eye(4)],
        "t_s": [np.array([0.0, 0.0, 1.0]), np.zeros(0), np.zeros((3, 1))],
    }
    for name, values in bad.items():
        for value in values:
            with pytest.raises(InputError) as raised:
                lifter.lift(**(good | {name: value}))
            assert "\n" not in str(raised.value)


def test_another_network_is_no_lifter():
    with pytest.raises(InputError, match="expected a lifter"):
        Lifter(weights_path("gait"), device="cpu")


def test_training_runs_resumes_and_learns(tmp_path):
    from kinequimation.lift.train import TrainConfig, train

    config = TrainConfig(
        out=tmp_path, minutes=0.04, pool_clips=4, held_out_clips=2, batch_frames=81, checkpoint_minutes=0.02
    )
    path = train(config)
    first = (tmp_path / "log.csv").read_text().splitlines()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert path.is_file() and state["step"] > 0
    train(dataclasses.replace(config, minutes=state["seconds"] / 60 + 0.02))  # a busy machine may have overrun
    again = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert again["step"] > state["step"] and again["seconds"] > state["seconds"]
    assert (tmp_path / "log.csv").read_text().splitlines()[: len(first)] == first
    scores = evaluate(Lifter(path, n_threads=1), make_pool(77, 2, n_frames=9), 0, 3, 9, NoiseConfig())
    assert scores.n_frames > 0 and np.isfinite(scores.mpjpe) and scores.pa_mpjpe <= scores.mpjpe

    before = signal.getsignal(signal.SIGINT)

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage.startswith("training"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(dataclasses.replace(config, minutes=99.0), interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    stopped = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert again["step"] < stopped["step"] < again["step"] + 3
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="checkpoint"):
        train(config)
    with pytest.raises(InputError, match="minutes"):
        TrainConfig(minutes=-1)


def test_yaw_error_is_the_angle_about_up(pool):
    xyz = pool.xyz_world[0, :5]
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    up = np.tile([0.0, 0, 1], (5, 1))
    np.testing.assert_allclose(yaw_error_deg(xyz @ turn.T, xyz, up), np.degrees(angle), atol=1e-3)


def test_the_shipped_network_lifts_horses_that_it_has_not_seen():
    scores = evaluate(Lifter(device="cpu", n_threads=1), make_pool(31337, 8, n_frames=27), 0, 16, 27)
    assert scores.pa_mpjpe < 7 and scores.mpjpe < 12 and scores.facing_wrong < 0.02
    assert scores.up_deg < 8 and scores.contact_f1 > 0.8 and scores.root_depth < 6
