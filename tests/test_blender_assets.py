"""The horse in Blender plays our motions exactly, and comes back from an FBX as it went in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.dataset.blender_process import run_in_blender

BREED, ACTIONS, FPS = "shetland", ("trot", "rear"), 24

PROBE = """
import json, os, sys
from pathlib import Path
work = Path(sys.argv[-1])
sys.path.insert(0, sys.argv[-2])
import bpy
import numpy as np
from kinequimation import skeleton
from kinequimation.blender.actions import play
from kinequimation.blender.blend_file import open_blend
from kinequimation.blender.plain_copy import copy_plainly
from kinequimation.blender.quiet import quiet

def points(armature, mesh):
    depsgraph = bpy.context.evaluated_depsgraph_get()
    rig, skin = armature.evaluated_get(depsgraph), mesh.evaluated_get(depsgraph)
    heads = [list(rig.matrix_world @ rig.pose.bones[j].head) for j in skeleton.JOINTS]
    return heads, [list(skin.matrix_world @ v.co) for v in skin.data.vertices]

def played(armature, mesh, actions, frames, file):
    arrays = {}
    for name, action in actions.items():
        play(armature, action)
        for frame in frames:
            bpy.context.scene.frame_set(round(action.frame_range[0]) + frame)
            heads, skin = points(armature, mesh)
            arrays[f"{name} {frame} heads"], arrays[f"{name} {frame} skin"] = heads, skin
    np.savez(work / file, **arrays)

def described(armature, mesh):
    names = [g.name for g in mesh.vertex_groups]
    groups = {name: {} for name in names}
    for i, v in enumerate(mesh.data.vertices):
        for g in v.groups:
            groups[names[g.group]][i] = g.weight
    return {
        "objects": [o.name for o in bpy.context.scene.objects if o.type != "MESH" or not o.hide_render],
        "deforming": sorted(b.name for b in armature.data.bones if b.use_deform),
        "bones": sorted(armature.data.bones.keys()),
        "roots": [b.name for b in armature.data.bones if b.parent is None],
        "scale": list(armature.matrix_world.to_scale()),
        "groups": {name: [sorted(g), [g[i] for i in sorted(g)]] for name, g in groups.items()},
        "actions": {a.name: [list(a.frame_range), a.use_cyclic] for a in bpy.data.actions},
    }

open_blend(work / "horse.blend")
rig, horse = bpy.data.objects["rig"], bpy.data.objects["horse"]
result = {"blend": described(rig, horse), "fps": bpy.context.scene.render.fps / bpy.context.scene.render.fps_base}
uv = np.empty(6 * len(horse.data.polygons), np.float32)
horse.data.uv_layers["atlas"].data.foreach_get("uv", uv)
np.save(work / "uv.npy", uv.reshape(-1, 3, 2))
played(rig, horse, dict(bpy.data.actions), (0, 7, 20), "blend.npz")
rig["kinequimation_keys"] = 0.0
rig.update_tag()
bpy.context.scene.frame_set(7)
root = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["root"].matrix
result["controls"] = [list(root.inverted() @ p) for p in (rig.pose.bones[j].head for j in skeleton.JOINTS)]

# an animator's action, on Rigify's controls: the trunk goes down, and inverse kinematics keep the hooves
rig.animation_data.action = None
for bone in rig.pose.bones:
    bone.matrix_basis.identity()
torso = rig.pose.bones["torso"]
for frame, down in ((0, 0.0), (10, -0.1)):
    torso.location = (0.0, 0.0, down)
    torso.keyframe_insert("location", frame=frame)
bow = rig.animation_data.action
with quiet():
    copy = copy_plainly(rig, [horse], [bow], np.eye(4), "copy")
rig.hide_viewport = horse.hide_viewport = False
play(rig, bow)
play(copy.rig, copy.actions[bow.name])
bpy.context.scene.frame_set(10)
result["bow"] = [points(rig, horse), points(copy.rig, copy.meshes[0])]

with quiet():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = round(result["fps"])
    bpy.ops.import_scene.fbx(filepath=str(work / "horse.fbx"))
armature = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
mesh = next(o for o in bpy.context.scene.objects if o.type == "MESH")
result["fbx"] = described(armature, mesh)
played(armature, mesh, {a.name.split("|")[1]: a for a in bpy.data.actions}, (0, 7), "fbx.npz")
(work / "result.json").write_text(json.dumps(result))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, blender_python: Path) -> Path:
    """Return a folder with the asset, its exports, and what Blender found in them."""
    work = tmp_path_factory.mktemp("assets")
    options = ["--breed", BREED, "--actions", ",".join(ACTIONS), "--fps", str(FPS)]
    assert run_in_blender(["assets", "--out", str(work / "horse.blend"), *options]) == 0
    assert run_in_blender(["fbx", "--blend", str(work / "horse.blend"), "--out", str(work / "horse.fbx")]) == 0
    assert run_in_blender(["skeleton-meta", "--blend", str(work / "horse.blend"), "--out", str(work)]) == 0
    root = Path(__file__).resolve().parents[1]
    subprocess.run([blender_python, "-c", PROBE, str(root), str(work)], check=True, stdout=subprocess.DEVNULL)
    return work


@pytest.fixture(scope="module")
def result(work: Path) -> dict:
    """Return what Blender found."""
    return json.loads((work / "result.json").read_text())


def _body_and_motions():
    from kinequimation.body import Body, breed_shape
    from kinequimation.motion import make_motion

    body = Body(breed_shape(BREED))
    return body, {name: make_motion(name, body, fps=FPS) for name in ACTIONS}


@pytest.mark.parametrize("file", ["blend.npz", "fbx.npz"])
def test_poses_are_our_kinematics(work: Path, file: str) -> None:
    body, motions = _body_and_motions()
    checked = 0
    with np.load(work / file) as arrays:
        for name, motion in motions.items():
            for frame in (0, 7, 20):
                if f"{name} {frame} heads" not in arrays:
                    continue
                # a gait goes on after its last frame, one stride further along
                t, stride = (frame % len(motion), frame // len(motion)) if name == "trot" else (frame, 0)
                root, quat = motion.root_xyz_world[t : t + 1], motion.quat_wxyz[t : t + 1]
                heads, skin = body.joints(root, quat)[0][0], body.vertices(root, quat)[0]
                along = arrays[f"{name} {frame} heads"][0] - heads[0] if stride else np.zeros(3)
                assert np.abs(arrays[f"{name} {frame} heads"] - heads - along).max() < 1e-4
                assert np.abs(arrays[f"{name} {frame} skin"] - skin - along).max() < 1e-4
                if stride:
                    assert along[1] < -1.0 * stride and np.abs(along[[0, 2]]).max() < 1e-4
                checked += 1
    assert checked == (6 if file == "blend.npz" else 4)


def test_the_file_holds_rig_skin_and_actions(result: dict) -> None:
    blend = result["blend"]
    assert blend["deforming"] == sorted(skeleton.BONES)
    assert {"rig", "horse"} <= set(blend["objects"])
    body, motions = _body_and_motions()
    n_trot = len(motions["trot"])  # the loop's last key is its first one again
    assert blend["actions"] == {"trot": [[0, n_trot], True], "rear": [[0, len(motions["rear"]) - 1], False]}
    assert result["fps"] == pytest.approx(FPS)
    for landmark, vertex in zip(skeleton.LANDMARKS, body.landmark_vertices, strict=True):
        assert blend["groups"][f"LM-{landmark}"] == [[vertex], [1.0]]


@pytest.mark.parametrize("file", ["blend", "fbx"])
def test_weights_are_ours(result: dict, file: str) -> None:
    body, _ = _body_and_motions()
    weights = np.zeros_like(body.weights)
    for j, joint in enumerate(skeleton.JOINTS):
        vertices, values = result[file]["groups"].get(joint, ([], []))
        weights[vertices, j] = values
    assert np.abs(weights - body.weights).max() < 1e-5


def test_rigifys_controls_drive_the_bones_when_keys_are_off(result: dict) -> None:
    body, _ = _body_and_motions()
    # nobody has moved a control: the horse stands at rest over its root
    assert np.abs(np.array(result["controls"]) - body.rest_xyz).max() < 2e-4


def test_an_action_on_the_controls_is_baked_onto_the_plain_rig(result: dict) -> None:
    body, _ = _body_and_motions()
    (heads, skin), (heads_copied, skin_copied) = result["bow"]
    moved_z = np.array(heads)[:, 2] - body.rest_xyz[:, 2]
    hooves = [skeleton.JOINT_INDEX[f"DEF-{end}_hoof.{side}"] for end in "fr" for side in "LR"]
    assert np.abs(moved_z[hooves]).max() < 2e-3
    assert moved_z[skeleton.JOINT_INDEX["DEF-spine.003"]] == pytest.approx(-0.1, abs=1e-3)
    assert np.abs(np.subtract(heads, heads_copied)).max() < 1e-4
    # Rigify stretches bones a little as they bend, which the copy does not
    assert np.abs(np.subtract(skin, skin_copied)).max() < 5e-3


def test_fbx_has_one_root_and_no_other_bones(result: dict) -> None:
    fbx = result["fbx"]
    assert fbx["bones"] == sorted(skeleton.JOINTS)
    assert fbx["roots"] == ["root"]
    assert len(fbx["objects"]) == 2
    assert np.allclose(fbx["scale"], 0.01)  # centimetres
    assert {name.split("|")[1] for name in fbx["actions"]} == set(ACTIONS)


def test_no_two_faces_share_a_place_on_the_atlas(work: Path) -> None:
    uv = np.load(work / "uv.npy").astype(float)
    assert uv.min() >= 0.0 and uv.max() <= 1.0
    a, b, c = uv[:, 0], uv[:, 1], uv[:, 2]
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    # all faces turn one way up, and where they are drawn, none covers a pixel's centre that another covers
    size = 1024
    count = np.zeros((size, size), int)
    for face in uv:
        _cover(count, face * size)
    assert (count > 1).sum() <= 0.001 * (count > 0).sum()
    assert (double > 0).mean() > 0.999


def _cover(count: np.ndarray, xy: np.ndarray) -> None:
    low = np.floor(xy.min(0)).astype(int)
    high = np.minimum(np.ceil(xy.max(0)).astype(int) + 1, count.shape[0])
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    inside = np.ones(x.shape, bool)
    for k in range(3):
        (ax, ay), (bx, by) = xy[k], xy[(k + 1) % 3]
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0
    count[low[1] : high[1], low[0] : high[0]] += inside


def test_skeleton_files_say_what_the_rig_is(work: Path) -> None:
    names = (work / "def_bones.txt").read_text().split()
    assert tuple(names) == skeleton.BONES
    data = json.loads((work / "skeleton_edges.json").read_text())
    assert [names[p] if p >= 0 else None for p in data["parents"]] == [
        None if skeleton.PARENT[n] == "root" else skeleton.PARENT[n] for n in names
    ]
    assert len(data["edges"]) == 79
    assert all(skeleton.MIRROR[names[a]] == names[b] and a != b for a, b in data["mirror_pairs"])
    assert len(data["mirror_pairs"]) == sum(skeleton.MIRROR[n] != n for n in names) // 2


@pytest.mark.usefixtures("blender")
def test_wrong_names_are_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "horse.blend")
    for options, expected in (
        (["--coat", "plaid"], "tobiano"),
        (["--actions", "walk,moonwalk"], "moonwalk"),
        (["--withers-height", "3"], "2.3"),
        (["--out", str(tmp_path / "horse.obj")], ".blend"),
    ):
        assert run_in_blender(["assets", "--out", out, *options]) == 2
        error = capfd.readouterr().err.strip()
        assert error.count("\n") == 0 and expected in error
    assert run_in_blender(["fbx", "--blend", str(tmp_path / "no.blend"), "--out", str(tmp_path / "x.fbx")]) == 2
    assert not list(tmp_path.iterdir()), "nothing was written"
