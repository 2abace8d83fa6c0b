"""Synthetic frames: labels against pixels, and the same frame whenever and wherever it is made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinequimation import skeleton, synth
from kinequimation.body import MATERIALS, Body, Shape
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.crop import apply_transform, crop_transform, invert_transform, warp
from kinequimation.geometry.rotation import quat_identity
from kinequimation.synth import labels
from kinequimation.synth.augment import augment
from kinequimation.synth.coat import COAT_FIELDS
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import HORSE_ID, OBJECT_ID, HorseInScene, Scene


@pytest.fixture(scope="module")
def gl():
    try:
        return renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def standing_scene(eye: tuple[float, float, float], size: int = 400, props: Props | None = None) -> Scene:
    """Return a scene of one horse at rest at the origin, seen from ``eye``, without light effects."""
    body = Body(Shape())
    xyz, rotation = body.joints(np.zeros((1, 3)), quat_identity(1, skeleton.NUM_JOINTS))
    horse = HorseInScene(body, xyz[0], rotation[0], np.zeros((len(COAT_FIELDS), 4)))
    camera = Camera(intrinsics(size, size, 0.5), look_at(np.array(eye), np.array([0.0, 0.1, 0.95])), size, size)
    return Scene(
        camera=camera,
        horses=(horse,),
        props=(props or Props()).arrays(),
        rows=np.zeros((len(SCENE_FIELDS), 4)),
        light_from_world=np.eye(4),
        contact=np.zeros((5, 4)),
        sun_shadow=0.0,
    )


def labelled(gl, scene: Scene) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Return uv_px, visibility and visibility by name of a scene's horse."""
    keypoints = scene.horses[0].keypoints()
    uv = scene.camera.project(keypoints)
    z = scene.camera.to_cam(keypoints)[:, 2]
    seen = labels.visibility(gl.render(scene), uv, z, scene.horses[0].body.shape.withers_height_m)
    return uv, seen, {k: int(v) for k, v in zip(skeleton.KEYPOINTS, seen, strict=True)}


@pytest.mark.parametrize("at", [(-1.0, 0.7), (0.9, 1.6), (0.0, 0.95)])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_drawn_ball_lies_where_the_camera_projects_it(gl, at, scale):
    # a ball of 12 px: its centroid is known to a few hundredths of a pixel, so half a pixel of offset would show
    props = Props()
    centre = np.array([-1.5, at[0], at[1]])
    props.add("sphere", np.eye(3) * 0.06, centre, np.ones(3), OBJECT_ID)
    scene = standing_scene((-7.0, 0.0, 1.0), props=props)
    rows, columns = np.nonzero(gl.render(scene, scale).object_id == OBJECT_ID)
    centroid = (np.array([columns.mean(), rows.mean()]) + 0.5) / scale - 0.5
    assert np.abs(centroid - scene.camera.project(centre)).max() < 0.2


def test_eyes_are_drawn_at_the_eye_landmark(gl):
    scene = standing_scene((-7.0, -2.0, 1.6), size=600)
    target = gl.render(scene)
    uv, _, seen = labelled(gl, scene)
    assert seen["eye.R"] == labels.SEEN and seen["eye.L"] == labels.HIDDEN
    horse = scene.horses[0]
    is_eye = horse.body.faces[horse.body.face_material == MATERIALS.index("eye")]
    xyz = horse.rest_vertices[np.unique(is_eye)]
    on_right = scene.camera.project(xyz[xyz[:, 0] < 0])
    centre = uv[skeleton.KEYPOINT_INDEX["eye.R"]]
    assert np.linalg.norm(on_right.mean(0) - centre) < 4
    assert target.object_id[tuple(np.round(centre).astype(int)[::-1])] == HORSE_ID


def test_silhouette_is_the_projected_mesh(gl):
    scene = standing_scene((-7.0, 1.0, 1.5))
    rows, columns = np.nonzero(gl.render(scene).object_id == HORSE_ID)
    x, y, w, h = labels.horse_box(scene, scene.horses[0])
    drawn = np.array([columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5])
    assert np.abs(drawn - [x, y, x + w, y + h]).max() < 1.0


def test_depth_is_the_distance_along_the_axis(gl):
    props = Props()
    props.box((-2.0, 0.0, 1.0), (0.1, 0.5, 0.5), 0.0, np.ones(3), OBJECT_ID)
    scene = standing_scene((-6.0, 0.0, 1.0), props=props)
    buffers = gl.render(scene)
    front = scene.camera.to_cam(np.array([-2.1, 0.0, 1.0]))
    u, v = np.round(scene.camera.project(np.array([-2.1, 0.0, 1.0]))).astype(int)
    assert buffers.z_cam[v, u] == pytest.approx(front[2], abs=2e-3)


def test_profile_hides_the_far_side(gl):
    for side, far, x in (("R", "L", -8.0), ("L", "R", 8.0)):
        _, visible, seen = labelled(gl, standing_scene((x, 0.0, 1.0)))
        for k in ("eye", "point_of_shoulder", "elbow", "fore_fetlock", "hind_fetlock", "point_of_hip", "stifle"):
            assert seen[f"{k}.{side}"] == labels.SEEN, k
        for k in ("eye", "elbow", "point_of_hip", "stifle", "fore_fetlock", "hind_fetlock"):
            assert seen[f"{k}.{far}"] == labels.HIDDEN, k
        for k in ("forearm", "forefoot", "lower_leg", "hind_foot", "shoulder", "thigh", "eye"):
            assert seen[f"DEF-{k}.{side}"] == labels.SEEN, k
            assert seen[f"DEF-{k}.{far}"] == labels.HIDDEN, k
        assert seen["withers"] == seen["nose"] == labels.SEEN
        assert (visible > labels.OUT).all()


def test_a_board_in_front_hides_what_is_behind_it(gl):
    props = Props()
    props.box((-1.0, 0.0, 0.3), (0.02, 3.0, 0.3), 0.0, np.ones(3), OBJECT_ID)
    _, _, seen = labelled(gl, standing_scene((-8.0, 0.0, 1.0), props=props))
    hidden = [k for k in skeleton.KEYPOINTS if k.endswith(".R") and ("fetlock" in k or "toe" in k)]
    assert hidden and all(seen[k] == labels.HIDDEN for k in hidden)
    assert seen["withers"] == labels.SEEN


def test_points_outside_the_image_are_out(gl):
    scene = standing_scene((-8.0, 0.0, 1.0))
    K = scene.camera.K.copy()
    K[0, 2] -= 250  # the whole picture moves left
    camera = Camera(K, scene.camera.T_cam_world, scene.camera.width, scene.camera.height)
    uv, seen, _ = labelled(gl, Scene(**{**scene.__dict__, "camera": camera}))
    outside = (uv[:, 0] < -0.5) | (uv[:, 0] >= 399.5)
    assert outside.any() and not outside.all()
    assert np.array_equal(seen == labels.OUT, outside)


def digest(frame: synth.Frame) -> str:
    arrays = (frame.uv_px, frame.visibility, frame.bbox_xywh, frame.mask, frame.image)
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def test_a_frame_depends_on_seed_and_index_only(gl):
    first = digest(synth.sample(5, 3, 96))
    synth.sample(5, 4, 96)
    assert digest(synth.sample(5, 3, 96)) == first
    assert digest(synth.sample(6, 3, 96)) != first != digest(synth.sample(5, 2, 96))
    code = "import test_synth as t; from kinequimation import synth; print(t.digest(synth.sample(5, 3, 96)))"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(Path(synth.__file__).parents[2])])
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert run.stdout.split()[-1] == first


@pytest.mark.parametrize("index", range(4))
def test_frames_are_consistent(gl, index):
    frame = synth.sample(1, index, 128)
    projected = frame.xyz_cam @ frame.K.T
    assert np.allclose(projected[:, :2] / projected[:, 2:], frame.uv_px, equal_nan=True)
    inside = np.all((frame.uv_px >= -0.5) & (frame.uv_px < 127.5), -1)
    assert np.array_equal(frame.visibility > labels.OUT, inside)
    x, y, w, h = frame.bbox_xywh
    rows, columns = np.nonzero(frame.mask)
    assert x - 1 <= columns.min() and columns.max() <= x + w + 1
    assert y - 1 <= rows.min() and rows.max() <= y + h + 1
    # two renderings a factor of two apart show the same scene
    large = synth.sample(1, index, 256)
    assert np.allclose((large.uv_px + 0.5) / 2 - 0.5, frame.uv_px, atol=1e-6, equal_nan=True)


def test_training_samples_keep_sides_and_mask_under_mirroring(gl):
    frame = synth.sample(2, 0, 160)
    mirrored = set()
    for k in range(12):
        image, uv, seen, share = augment(
            np.random.default_rng(k), frame.image, frame.uv_px, frame.visibility, frame.mask, frame.bbox_xywh, 96
        )
        # fit the affine map from the frame's points to the crop's, with and without swapped sides
        source = np.c_[frame.uv_px, np.ones(skeleton.NUM_KEYPOINTS)]
        errors, flips = [], []
        for target in (uv, uv[skeleton.MIRROR_KEYPOINTS]):
            A, *_ = np.linalg.lstsq(source, target, rcond=None)
            errors.append(np.abs(source @ A - target).max())
            flips.append(np.linalg.det(A[:2]) < 0)
        is_mirrored = int(np.argmin(errors))
        assert errors[is_mirrored] < 1e-6 < errors[1 - is_mirrored]
        assert flips[is_mirrored] == bool(is_mirrored)
        mirrored.add(is_mirrored)
        assert image.shape == (96, 96, 3) and share.shape == (96, 96)
        inside = np.all((uv >= -0.5) & (uv < 95.5), -1)
        assert not (seen[~inside] > labels.OUT).any()
        original = frame.visibility[skeleton.MIRROR_KEYPOINTS] if is_mirrored else frame.visibility
        assert (seen <= original).all()
    assert mirrored == {0, 1}


def test_training_sample_is_reproducible(gl):
    a, b = synth.training_sample(3, 7, 64), synth.training_sample(3, 7, 64)
    assert np.array_equal(a.image, b.image) and np.array_equal(a.uv_px, b.uv_px)
    assert a.mask.dtype == np.float32 and a.mask.min() >= 0 and a.mask.max() <= 1


def test_detection_frames_hold_their_boxes_and_some_hold_none(gl):
    samples = [synth.detection_sample(1, i, 96) for i in range(16)]
    assert {len(s.boxes_xywh) for s in samples} >= {0, 1}
    for s in samples:
        low, high = s.boxes_xywh[:, :2], s.boxes_xywh[:, :2] + s.boxes_xywh[:, 2:]
        assert s.boxes_xywh.shape[1:] == (4,) and (low >= -0.5).all() and (high <= 95.5).all()


def test_detection_sample_is_reproducible(gl):
    a, b = synth.detection_sample(3, 7, 96), synth.detection_sample(3, 7, 96)
    assert np.array_equal(a.image, b.image) and np.array_equal(a.boxes_xywh, b.boxes_xywh)


def test_bad_requests_say_what_is_wrong():
    with pytest.raises(InputError, match="from 0"):
        synth.sample(-1, 0)
    with pytest.raises(InputError, match="16 to 4096"):
        synth.sample(0, 0, 8)


coordinate = st.floats(-200, 400)


@given(coordinate, coordinate, st.floats(2, 500), st.integers(8, 400), coordinate, coordinate)
def test_crop_transform_round_trip(cx, cy, side, size, u, v):
    transform = crop_transform(cx, cy, side, size)
    point = np.array([u, v])
    assert np.allclose(
        apply_transform(invert_transform(transform), apply_transform(transform, point)), point, atol=1e-6
    )
    corner = apply_transform(transform, np.array([cx - side / 2, cy - side / 2]))
    assert np.allclose(corner, -0.5, atol=1e-6)  # the crop's edge is its first pixel's edge


@pytest.mark.parametrize("side", [40.0, 64.0, 200.0, 500.0])
def test_warp_puts_a_blob_where_the_transform_says(side):
    y, x = np.mgrid[:512, :512]
    at = np.array([250.3, 261.8])
    blob = (255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * (side / 12) ** 2))).astype(np.uint8)
    transform = crop_transform(255.0, 257.0, side, 64)
    out = warp(blob, transform, 64).astype(float)
    v, u = np.mgrid[:64, :64]
    centroid = np.array([(u * out).sum(), (v * out).sum()]) / out.sum()
    assert np.abs(centroid - apply_transform(transform, at)).max() < 0.1
