"""Synthetic frames: labels against pixels, and the same frame whenever and wherever it is made."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinequimation import skeleton, synth
from kinequimation.body import MATERIALS, Body, Shape
from kinequimation.dataset.visibility import HIDDEN, OUT, SEEN, visibility
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.crop import apply_transform, crop_transform, invert_transform, warp
from kinequimation.geometry.rotation import quat_identity
from kinequimation.synth import blur, labels
from kinequimation.synth.augment import augment
from kinequimation.synth.coat import COAT_FIELDS
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.mixture import Mixture
from kinequimation.synth.record import changed_fields, with_changes
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import HORSE_ID, OBJECT_ID, HorseInScene, Scene
from kinequimation.synth.sensor import FIRST_SENSOR, SensorShares, white_rgb
from kinequimation.synth.stream import StreamError, frame_stream


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
    seen = visibility(gl.render(scene), uv, z, scene.horses[0].body.shape.withers_height_m)
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
    assert seen["eye.R"] == SEEN and seen["eye.L"] == HIDDEN
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
            assert seen[f"{k}.{side}"] == SEEN, k
        for k in ("eye", "elbow", "point_of_hip", "stifle", "fore_fetlock", "hind_fetlock"):
            assert seen[f"{k}.{far}"] == HIDDEN, k
        for k in ("forearm", "forefoot", "lower_leg", "hind_foot", "shoulder", "thigh", "eye"):
            assert seen[f"DEF-{k}.{side}"] == SEEN, k
            assert seen[f"DEF-{k}.{far}"] == HIDDEN, k
        assert seen["withers"] == seen["nose"] == SEEN
        assert (visible > OUT).all()


def test_a_board_in_front_hides_what_is_behind_it(gl):
    props = Props()
    props.box((-1.0, 0.0, 0.3), (0.02, 3.0, 0.3), 0.0, np.ones(3), OBJECT_ID)
    _, _, seen = labelled(gl, standing_scene((-8.0, 0.0, 1.0), props=props))
    hidden = [k for k in skeleton.KEYPOINTS if k.endswith(".R") and ("fetlock" in k or "toe" in k)]
    assert hidden and all(seen[k] == HIDDEN for k in hidden)
    assert seen["withers"] == SEEN


def test_points_outside_the_image_are_out(gl):
    scene = standing_scene((-8.0, 0.0, 1.0))
    K = scene.camera.K.copy()
    K[0, 2] -= 250  # the whole picture moves left
    camera = Camera(K, scene.camera.T_cam_world, scene.camera.width, scene.camera.height)
    uv, seen, _ = labelled(gl, Scene(**{**scene.__dict__, "camera": camera}))
    outside = (uv[:, 0] < -0.5) | (uv[:, 0] >= 399.5)
    assert outside.any() and not outside.all()
    assert np.array_equal(seen == OUT, outside)


def part_at(gl, scene: Scene, point_world: np.ndarray) -> str:
    """Return the name of the part drawn where a point projects."""
    buffers = gl.render(scene)
    parts = labels.part_segmentation(buffers, labels.horse_share(buffers) >= 0.5)
    u, v = np.round(scene.camera.project(point_world)).astype(int)
    return labels.PARTS[parts[v, u]]


def test_parts_lie_where_the_anatomy_says(gl):
    for side, x in (("R", -8.0), ("L", 8.0)):
        scene = standing_scene((x, 0.0, 1.0))
        keypoints = dict(zip(skeleton.KEYPOINTS, scene.horses[0].keypoints(), strict=True))
        middle = {
            "head": ("poll", "nose"), "trunk": ("withers", "girth"), "neck": ("neck_base", "DEF-neck.002"),
            f"fore_upper.{side}": (f"elbow.{side}", f"carpus.{side}"),
            f"fore_lower.{side}": (f"carpus.{side}", f"fore_fetlock.{side}"),
            f"hind_upper.{side}": (f"stifle.{side}", f"hock.{side}"),
            f"hind_lower.{side}": (f"hock.{side}", f"hind_fetlock.{side}"),
        }  # fmt: skip
        for part, (a, b) in middle.items():
            assert part_at(gl, scene, 0.5 * (keypoints[a] + keypoints[b])) == part, (side, part)
        for pair, bone in (("fore", "f_hoof"), ("hind", "r_hoof")):
            joint, toe = keypoints[f"DEF-{bone}.{side}"], keypoints[f"{pair}_toe.{side}"]
            assert f"{pair}_hoof.{side}" in {part_at(gl, scene, joint + u * (toe - joint)) for u in (0.3, 0.5, 0.7)}


def test_the_nearer_legs_are_those_of_the_side_that_is_seen(gl):
    for x, sides in ((-8.0, ("R", "R")), (8.0, ("L", "L"))):
        scene = standing_scene((x, 0.0, 1.0))
        assert labels.near_sides(scene.camera.to_cam(scene.horses[0].keypoints()), 1.6) == sides
    front = standing_scene((0.0, -9.0, 1.0))
    assert labels.near_sides(front.camera.to_cam(front.horses[0].keypoints()), 1.6) == ("", "")


def test_what_moves_while_the_shutter_is_open_is_streaked_as_far_as_it_moves(gl):
    scene = standing_scene((-7.0, 0.0, 1.0), size=256)  # a black horse before a pale sky
    rows = scene.rows.copy()
    for name, values in {"zenith": (0.4, 0.4, 0.4, 0), "horizon": (0.4, 0.4, 0.4, 0), "sun_rgb": (0, 0, 0, 1)}.items():
        rows[SCENE_FIELDS.index(name)] = values
    rows[SCENE_FIELDS.index("eye")] = (-7.0, 0.0, 1.0, 0.45)
    scene = replace(scene, rows=rows, shutter_s=0.02)
    horse, camera = scene.horses[0], scene.camera
    sharp = gl.render(scene).rgb
    assert np.array_equal(blur.exposed(scene, sharp), sharp)
    # it goes forward by 12 cm, along the picture's rows: there its edges change by half of that to either side
    step = np.array([0.0, -0.12, 0.0])
    exposure = tuple((horse.xyz_world + s * step, horse.rotation_world) for s in (-0.5, 0.5))
    moving = replace(scene, horses=(replace(horse, exposure=exposure),))
    path = np.abs(camera.project(step + [0, 0, 1]) - camera.project(np.array([0.0, 0.0, 1.0])))[0]
    assert blur.path_px(moving) == pytest.approx(path, rel=0.1)
    row = round(camera.project(np.array([0.0, 0.0, 1.25]))[1])
    before, after = (image[row, :, 1].astype(float) for image in (sharp, blur.exposed(moving, sharp)))
    edges = np.flatnonzero(np.diff(before > (before.min() + before.max()) / 2)) + 0.5
    changed = np.flatnonzero(np.abs(after - before) > 8)
    assert len(edges) >= 2 and np.abs(changed[:, None] - edges).min(1).max() < path / 2 + 1.5
    for edge, outermost in ((edges[0], changed[0]), (edges[-1], changed[-1])):
        assert abs(outermost - edge) == pytest.approx(path / 2, abs=2.0)  # sub-frames are 2 px apart
    # a camera that rides along sees it as it was
    T = [camera.T_cam_world.copy() for _ in range(2)]
    for s, matrix in zip((-0.5, 0.5), T, strict=True):
        matrix[:3, 3] -= matrix[:3, :3] @ (s * step)
    alongside = replace(moving, exposure=(T[0], T[1]))
    opening = blur.scene_at(alongside, 0.0)
    assert np.allclose(opening.camera.project(opening.horses[0].keypoints()), camera.project(horse.keypoints()))


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
    assert np.array_equal(frame.visibility > OUT, inside)
    x, y, w, h = frame.bbox_xywh
    rows, columns = np.nonzero(frame.mask)
    assert x - 1 <= columns.min() and columns.max() <= x + w + 1
    assert y - 1 <= rows.min() and rows.max() <= y + h + 1
    # two renderings a factor of two apart show the same scene
    large = synth.sample(1, index, 256)
    assert np.allclose((large.uv_px + 0.5) / 2 - 0.5, frame.uv_px, atol=1e-6, equal_nan=True)


def test_a_frame_is_made_again_from_its_record(gl):
    mixture = replace(Mixture.bare(), exposed=1.0, sensor=FIRST_SENSOR)
    for frame in (synth.sample(4, 11, 96), synth.sample(4, 11, 96, mixture), synth.training_frame(4, 12, mixture)):
        record = json.loads(json.dumps(frame.record))
        again = synth.remake(record)
        assert digest(again) == digest(frame)
        assert again.record == record
        assert np.array_equal(again.parts, frame.parts) and np.array_equal(again.depth, frame.depth)
    assert digest(synth.sample(4, 11, 96, mixture)) != digest(synth.sample(4, 11, 96))
    assert with_changes(Mixture(), changed_fields(mixture)) == mixture
    with pytest.raises(InputError, match="generator"):
        synth.remake(record | {"generator": 0})
    with pytest.raises(InputError, match="without"):
        synth.remake({"seed": 1})
    with pytest.raises(InputError, match="expected fields"):
        synth.remake(record | {"mixture": {"unicorns": 1.0}})


@pytest.mark.parametrize("index", range(3))
def test_layers_of_a_frame_agree(gl, index):
    frame = synth.sample(8, index, 128)
    assert np.array_equal(frame.parts > 0, frame.mask)
    assert np.array_equal(frame.object_id == HORSE_ID, frame.mask)
    z = frame.xyz_cam[:, 2]
    on_horse = frame.depth[frame.mask]
    assert np.isfinite(on_horse).all() and (on_horse > z.min() - 0.5).all() and (on_horse < z.max() + 1.0).all()
    assert (frame.depth > 0).all()


def test_workers_give_the_same_samples_in_the_same_order(gl):
    here = [digest(f) for f in frame_stream(4, 2, 5, workers=0, size=64)]
    assert [digest(f) for f in frame_stream(4, 3, 4, workers=3, size=64)] == here[1:]
    endless = frame_stream(4, 0, None, workers=1, kind="training", size=64)
    assert next(endless).image.shape == (64, 64, 3)
    endless.close()


def test_an_error_in_a_worker_reaches_the_reader_with_its_index(gl):
    with pytest.raises(StreamError, match=r"sample 7 of stream 1.*16 to 4096"):
        list(frame_stream(1, 7, 2, workers=1, size=8))
    with pytest.raises(InputError, match="from 0"):
        frame_stream(-1)


def test_without_any_share_a_crop_is_only_a_crop(gl):
    frame = synth.training_frame(2, 1)
    nothing = SensorShares(**{f.name: 0.0 for f in fields(SensorShares)})
    args = (frame.image, frame.uv_px, frame.visibility, frame.mask, frame.bbox_xywh, 96)
    plain, _, seen, *_ = augment(np.random.default_rng(0), *args, nothing)
    on_frame = np.all((frame.uv_px >= 1) & (frame.uv_px < len(frame.image) - 2), -1) & (seen > OUT)
    # every change alone makes another picture of the same points
    for f in fields(SensorShares):
        image, *_ = augment(np.random.default_rng(0), *args, replace(nothing, **{f.name: 1.0}))
        assert image.shape == plain.shape and image.dtype == np.uint8
        assert not np.array_equal(image, plain), f.name
    assert on_frame.any() and np.array_equal(seen[on_frame], frame.visibility[on_frame])
    with pytest.raises(InputError, match="probability"):
        replace(FIRST_SENSOR, blur=1.5)


def test_daylight_is_white_and_a_candle_is_not():
    assert np.abs(white_rgb(6500) - 1).max() < 0.08  # daylight is a little greener than a black body
    red, _, blue = white_rgb(2800)
    assert red > 1.5 and blue < 0.5  # incandescent light is about (1.7, 1, 0.3)


def test_training_samples_keep_sides_and_mask_under_mirroring(gl):
    frame = synth.sample(2, 0, 160)
    mirrored = set()
    on_limb, on_other = [], []
    for k in range(12):
        image, uv, seen, share, limbs = augment(
            np.random.default_rng(k), frame.image, frame.uv_px, frame.visibility, frame.mask, frame.bbox_xywh, 96,
            parts=frame.parts,
        )  # fmt: skip
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
        assert not (seen[~inside] > OUT).any()
        original = frame.visibility[skeleton.MIRROR_KEYPOINTS] if is_mirrored else frame.visibility
        assert (seen <= original).all()
        assert ((limbs > 0) == (share > 0.5)).mean() > 0.97
        for c, limb in enumerate(skeleton.LIMBS, 2):  # seen points of the lower leg lie on their own limb
            names = [k for k in (*skeleton.limb_joints(limb)[-3:], skeleton.limb_toe(limb))]
            on = [skeleton.KEYPOINT_INDEX[k] for k in names if seen[skeleton.KEYPOINT_INDEX[k]] == 2]
            column, row = np.round(uv[on]).astype(int).clip(0, 95).T
            on_limb.append(limbs[row, column] == c)
            on_other.append(np.isin(limbs[row, column], [2, 3, 4, 5]) & ~on_limb[-1])
    assert mirrored == {0, 1}
    assert np.concatenate(on_limb).mean() > 0.8 and np.concatenate(on_other).mean() < 0.05


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
