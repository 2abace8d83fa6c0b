"""Renders with labels: true to our own body and camera, whatever stops them, for anybody's Rigify horse."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation import skeleton
from kinequimation.blender.render_settings import read_manifest
from kinequimation.body import Body
from kinequimation.body.shape import breed_shape
from kinequimation.dataset.blender_process import blender_command, run_in_blender
from kinequimation.dataset.check import check_dataset
from kinequimation.dataset.frame_label import FrameLabel
from kinequimation.dataset.labels import find_labels, read_label
from kinequimation.errors import InputError
from kinequimation.motion import make_motion

FPS, SIZE = 10, 64
STEP = 4
STOCK = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[-2])
import bpy
from kinequimation.blender.blend_file import write_blend
from kinequimation.body.horse import load_template

bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.preferences.addon_enable(module="rigify")
from rigify.metarigs.Animals import horse
metarig = bpy.data.objects.new("metarig", bpy.data.armatures.new("metarig"))
bpy.context.collection.objects.link(metarig)
bpy.context.view_layer.objects.active = metarig
bpy.ops.object.mode_set(mode="EDIT")
horse.create(metarig)
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.pose.rigify_generate()
rig = bpy.data.objects["rig"]

template = load_template()  # any mesh would do: this one is watertight where it is skin
skin = bpy.data.meshes.new("my mesh")
kept = template.faces[template.is_skin[template.faces].all(1)]
skin.from_pydata(template.vertices.tolist(), [], kept.tolist())
mine = bpy.data.objects.new("my mesh", skin)
bpy.context.collection.objects.link(mine)
mine.select_set(True)
rig.select_set(True)
bpy.context.view_layer.objects.active = rig
bpy.ops.object.parent_set(type="ARMATURE_ENVELOPE")
mine.modifiers[0].use_bone_envelopes = True

action = bpy.data.actions.new("My Nod")
rig.animation_data_create()
rig.animation_data.action = action
for frame, angle in ((3, 0.0), (8, 0.6)):  # a control of the animator's, which moves the deforming bones
    head = rig.pose.bones["head"]
    head.rotation_mode = "XYZ"
    head.rotation_euler.x = angle
    head.keyframe_insert("rotation_euler", frame=frame)
camera = bpy.data.objects.new("my camera", bpy.data.cameras.new("my camera"))
bpy.context.collection.objects.link(camera)
camera.location, camera.rotation_euler = (4.0, -0.5, 1.2), (1.52, 0.0, 1.45)
camera.data.lens, camera.data.shift_x = 30.0, 0.04
write_blend(Path(sys.argv[-1]))
os._exit(0)
"""


pytestmark = pytest.mark.usefixtures("blender")


@pytest.fixture(scope="module")
def horse_blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assets") / "horse.blend"
    options = ["--breed", "shetland", "--actions", "trot,rear", "--fps", str(FPS)]
    assert run_in_blender(["assets", "--out", str(path), *options]) == 0
    return path


def _arguments(blend: Path, out: Path) -> list[str]:
    options = {"--actions": "Rear,TROT", "--cameras": "2", "--step": str(STEP), "--variant": "both"}
    flat = [part for pair in options.items() for part in pair]
    return ["render", "--blend", str(blend), "--out", str(out), "--res", str(SIZE), "--samples", "2", *flat]


@pytest.fixture(scope="module")
def rendered(horse_blend: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "set"
    assert run_in_blender(_arguments(horse_blend, out)) == 0
    return out


def _labels(root: Path) -> list[FrameLabel]:
    return [read_label(place.label) for place in find_labels(root)]


def test_labels_are_those_of_our_body_and_camera(rendered: Path) -> None:
    body = Body(breed_shape("shetland"))
    labels = _labels(rendered)
    assert {(x.action, x.camera) for x in labels} == {(a, c) for a in ("rear", "trot") for c in (0, 1)}
    for label in labels:
        motion = make_motion(label.action, body, fps=FPS)
        assert label.fps == FPS
        keypoints = body.keypoints(motion.root_xyz_world[[label.frame]], motion.quat_wxyz[[label.frame]])[0]
        uv = label.as_camera.project(keypoints)
        assert label.bones.names == skeleton.BONES
        assert label.landmarks.names == skeleton.LANDMARKS
        assert np.abs(label.bones.uv[:68] - uv[:68]).max() < 0.01
        assert np.abs(label.landmarks.uv - uv[68:]).max() < 0.01
        assert abs(label.scene["withers_height_m"] - body.shape.withers_height_m) < 1e-3
        x, y, w, h = label.bbox_xywh
        assert x > -0.5 and y > -0.5 and x + w < SIZE - 0.5 and y + h < SIZE - 0.5  # the whole horse, with a margin
        assert np.linalg.inv(label.T_cam_world)[2, 3] > 0


def test_what_is_seen_is_where_the_labels_say(rendered: Path) -> None:
    for place in find_labels(rendered):
        label = read_label(place.label)
        mask = np.asarray(Image.open(place.mask)) == 255
        rows, columns = np.nonzero(mask)
        x, y, w, h = label.bbox_xywh
        assert label.area_px == mask.sum() > 0
        # pixels whose centres the skin covers lie within the box of its vertices, and fill it but for a thin tip
        assert columns.min() >= x - 1e-3 and columns.max() <= x + w + 1e-3
        assert rows.min() >= y - 1e-3 and rows.max() <= y + h + 1e-3
        assert columns.max() - columns.min() > w - 4 and rows.max() - rows.min() > h - 4
        column, row = np.round(label.bones.uv[label.bones.visibility == 2]).astype(int).T
        assert mask[row, column].all()
        flat, materials = (np.asarray(Image.open(place.image(v)).convert("RGB"), float) for v in label.variants)
        inside = np.pad(mask, 1)
        inside = inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        background = flat[0, 0]
        assert (np.abs(flat - background).max(-1)[inside] > 10).mean() > 0.97  # the horse stands off a plain background
        assert len(np.unique(flat[~mask].round(-1), axis=0)) < len(np.unique(materials[~mask].round(-1), axis=0))


def test_a_render_that_is_killed_goes_on_to_the_same_bytes(rendered: Path, horse_blend: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    command = blender_command([*_arguments(horse_blend, out), "--batch", "3"])
    n = len(list(find_labels(rendered)))
    for already in (1, n // 2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.glob("*/labels/f*.json"))) < already:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL) if sys.platform != "win32" else process.kill()
        process.wait()
    assert len(list(out.glob("*/labels/f*.json"))) < n
    leftover = out / "trot" / "masks" / ".f00000_c00-0123abcd.png"
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_bytes(b"half a")
    assert run_in_blender([*_arguments(horse_blend, out), "--batch", "5", "--workers", "2"]) == 0
    assert _contents(out) == _contents(rendered)


def _contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_other_settings_are_refused(
    rendered: Path, horse_blend: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = _contents(rendered)
    assert run_in_blender([*_arguments(horse_blend, rendered), "--seed", "5"]) == 2
    assert "--seed was 0, is 5" in capfd.readouterr().err
    assert _contents(rendered) == before
    assert run_in_blender([*_arguments(horse_blend, tmp_path / "new"), "--actions", "Tölt"]) == 2
    assert "rear, trot" in capfd.readouterr().err


def test_a_plan_of_a_strangers_is_refused(rendered: Path, tmp_path: Path) -> None:
    data = json.loads((rendered / "render.json").read_text())
    assert read_manifest(rendered) is not None
    for path, value in (
        (("actions", 0, "folder"), "../escaped"),
        (("actions", 0, "frames"), [10**30]),
        (("actions", 0, "frames"), ["0"]),
        (("actions",), []),
        (("n_cameras",), 10**12),
    ):
        owner = plan = copy.deepcopy(data["plan"])
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = value
        (tmp_path / "render.json").write_text(json.dumps(data | {"plan": plan}))
        with pytest.raises(InputError, match="expected what 'dataset render' wrote"):
            read_manifest(tmp_path)
    (tmp_path / "render.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="expected what 'dataset render' wrote"):
        read_manifest(tmp_path)


def test_anybodys_rigify_horse(tmp_path: Path, blender_python: Path) -> None:
    blend, out = tmp_path / "mine.blend", tmp_path / "set"
    repository = Path(__file__).resolve().parents[1]
    command = [blender_python, "-c", STOCK, repository, blend]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    options = ["--armature", "rig", "--cameras", "scene", "--res", "80x64", "--samples", "1", "--frames", "0,5"]
    assert run_in_blender(["render", "--blend", str(blend), "--out", str(out), *options]) == 0
    first, last = _labels(out)
    assert (first.action, first.frame, last.frame) == ("My_Nod", 0, 5)  # frames count from the action's own first one
    rest = skeleton.REST_HEAD_XYZ[1:]
    assert np.abs(first.bones.head - rest).max() < 1e-3
    assert not first.landmarks.names
    assert first.K[0, 2] != pytest.approx(39.5)  # the lens is shifted
    moved = np.linalg.norm(last.bones.head - first.bones.head, axis=1)
    head, hoof = (first.bones.names.index(n) for n in ("DEF-nose.L", "DEF-f_hoof.L"))
    assert moved[head] > 0.02 > 1e-3 > moved[hoof]
    neck = first.bones.names.index("DEF-head")
    turned = [np.abs(x.bones.matrix_basis[neck][:3, :3] - np.eye(3)).max() for x in (first, last)]
    assert turned[0] < 1e-3 < 0.3 < turned[1]  # as if the bone itself were keyed
    report = check_dataset(out)
    assert not report.faults, report.faults
    manifest = read_manifest(out)
    assert manifest is not None and manifest[1].cameras == ("my camera",)
    assert json.loads((out / "render.json").read_text())["settings"]["frames"] == "0,5"
