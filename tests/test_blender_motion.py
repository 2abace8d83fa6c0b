"""A motion in Blender's files is the motion: on plain bones, on Rigify's controls in both modes, and in an FBX."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.errors import InputError, KinEquiMationError, OutputError
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate
from kinequimation.motion import Motion, make_motion
from kinequimation.pipeline import AnimateOptions, animate
from kinequimation.pipeline.blender_files import write_blender_files

FPS = 23.976
UNEVEN_S = np.array([0.0, 0.03, 0.1, 0.12, 0.2, 0.25, 0.3])

PROBE = """
import json, os, sys
from pathlib import Path
work = Path(sys.argv[-1])
sys.path.insert(0, sys.argv[-2])
import bpy
import numpy as np
from kinequimation import skeleton
from kinequimation.blender.blend_file import open_blend
from kinequimation.blender.quiet import quiet

def pose(rig):
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([posed.matrix_world @ posed.pose.bones[j].matrix for j in skeleton.JOINTS])

def skin(mesh):
    posed = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([posed.matrix_world @ v.co for v in posed.data.vertices])

def played(rig, times=None):
    first, last = rig.animation_data.action.frame_range
    poses = []
    for frame in np.arange(round(first), round(last) + 1) if times is None else times:
        bpy.context.scene.frame_set(int(frame), subframe=float(frame - int(frame)))
        poses.append(pose(rig))
    return np.array(poses)

def described(rig):
    scene, action = bpy.context.scene, rig.animation_data.action
    return {
        "fps": scene.render.fps / scene.render.fps_base,
        "frames": [scene.frame_start, scene.frame_end],
        "action": [action.name, list(action.frame_range)],
    }

arrays, result = {}, {}
for name in ("plain", "rigify", "uneven"):
    open_blend(work / f"{name}.blend")
    rig = bpy.data.objects["rig" if name == "rigify" else "armature"]
    result[name] = described(rig)
    arrays[f"{name} rest"] = np.array([rig.data.bones[j].matrix_local for j in skeleton.JOINTS])
    if name == "rigify":
        continue
    arrays[name] = played(rig)

open_blend(work / "rigify.blend")
rig, horse = bpy.data.objects["rig"], bpy.data.objects["horse"]
settings = [rig.pose.bones[f"{stem}_parent.{side}"] for stem in ("upper_arm", "thigh") for side in "LR"]
result["limbs"] = [[bone["IK_FK"], bone["IK_Stretch"]] for bone in settings]
arrays["rigify IK"] = played(rig)
bpy.context.scene.frame_set(5)
arrays["moved before"], before = pose(rig), skin(horse)
rig.pose.bones["forefoot_ik.L"].location.z += 0.1  # by hand: one hoof is lifted, and the trunk turned
bpy.context.view_layer.update()
arrays["moved hoof"], result["skin moved"] = pose(rig), float(np.abs(skin(horse) - before).max())
rig.pose.bones["torso"].location.z -= 0.05
bpy.context.view_layer.update()
arrays["moved torso"] = pose(rig)
for bone in settings:
    bone["IK_FK"] = 1.0
rig.update_tag()
arrays["rigify FK"] = played(rig)
arrays["skin"] = skin(horse)

with quiet():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(work / "rigify.fbx"))
rig = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
result["fbx bones"] = sorted(rig.data.bones.keys())
# the importer puts the keys where a whole frame rate has them
n = len(arrays["plain"])
arrays["fbx"] = played(rig, 1 + np.arange(n) / result["plain"]["fps"] * bpy.context.scene.render.fps)
np.savez(work / "poses.npz", **arrays)
(work / "result.json").write_text(json.dumps(result))
sys.stdout.flush()
os._exit(0)
"""


def _motion() -> Motion:
    """Return a short buck of an odd horse that is far from the origin and heads somewhere else."""
    body = Body(Shape(1.31, leg_length=1.12, neck_length=0.9, back_length=1.1))
    motion = make_motion("buck", body, seconds=0.8, fps=FPS)
    turn = np.tile(quat_from_axis_angle((0.0, 0.0, 1.0), 2.2), (len(motion), 1))
    quat = motion.quat_wxyz.copy()
    quat[:, 0] = quat_multiply(turn, quat[:, 0])
    root = quat_rotate(turn, motion.root_xyz_world) + np.array([13.0, 21.0, 0.0])
    return replace(motion, root_xyz_world=root, quat_wxyz=quat, name="buck of a cob")


def _uneven() -> Motion:
    """Return a horse that glides at 2 m/s as it stands, in frames at uneven times."""
    still = make_motion("stand", Body(Shape(1.6)), seconds=1.0, fps=20.0)
    n = len(UNEVEN_S)
    rows = {name: getattr(still, name)[:n] for name in ("contact", "confidence", "gait", "phase")}
    rows["quat_wxyz"] = np.repeat(still.quat_wxyz[:1], n, axis=0)
    rows["root_xyz_world"] = still.root_xyz_world[:1] + np.array([0.0, -2.0, 0.0]) * UNEVEN_S[:, None]
    return replace(still, t_s=UNEVEN_S + 7.0, **rows, name="glide")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, blender_python: Path) -> Path:
    """Return a folder with the files, and what Blender found in them."""
    work = tmp_path_factory.mktemp("motion")
    said: list[str] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        said.append(stage)

    motion = _motion()
    write_blender_files(work, motion, ("glb", "blend"), name="plain")
    write_blender_files(work, motion, ("blend", "fbx"), "rigify", progress, name="rigify")
    write_blender_files(work, _uneven(), ("blend",), name="uneven")
    assert set(said) == {"controls", "fbx"}
    root = Path(__file__).resolve().parents[1]
    subprocess.run([blender_python, "-c", PROBE, str(root), str(work)], check=True, stdout=subprocess.DEVNULL)
    return work


@pytest.fixture(scope="module")
def poses(work: Path) -> dict[str, np.ndarray]:
    """Return the matrices of every bone [T, 81, 4, 4] by file."""
    with np.load(work / "poses.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def result(work: Path) -> dict:
    """Return what else Blender found."""
    return json.loads((work / "result.json").read_text())


def _away(poses: np.ndarray, rest: np.ndarray, motion: Motion) -> tuple[float, float]:
    """Return how far the deforming bones are from the motion's joints, millimetres and degrees."""
    xyz, quat = Body(motion.shape).joints(motion.root_xyz_world, motion.quat_wxyz)
    head_mm = 1e3 * np.linalg.norm(poses[:, 1:, :3, 3] - xyz[:, 1:], axis=-1)
    # the axes of a bone, turned as the motion turns them from rest
    turn_deg = 0.0
    for axis in range(3):
        ours = quat_rotate(quat, np.broadcast_to(rest[:, :3, axis], xyz.shape))
        theirs = poses[..., :3, axis] / np.linalg.norm(poses[..., :3, axis], axis=-1, keepdims=True)
        sine = np.linalg.norm(np.cross(ours, theirs), axis=-1)
        turn_deg = max(turn_deg, float(np.degrees(np.arcsin(np.clip(sine, 0, 1)))[:, 1:].max()))
        assert (np.sum(ours * theirs, -1) > 0)[:, 1:].all()
    return float(head_mm.max()), turn_deg


def test_files_say_name_frames_and_rate(result: dict) -> None:
    n = len(_motion())
    for name in ("plain", "rigify"):
        assert result[name]["fps"] == pytest.approx(FPS)
        assert result[name]["frames"] == [0, n - 1]
        assert result[name]["action"] == ["buck of a cob", [0, n - 1]]


def test_plain_bones_have_the_motions_pose(poses: dict[str, np.ndarray]) -> None:
    away_mm, away_deg = _away(poses["plain"], poses["plain rest"], _motion())
    assert away_mm < 0.1 and away_deg < 0.05


@pytest.mark.parametrize("mode", ["IK", "FK"])
def test_controls_pose_the_bones_in_both_modes(poses: dict[str, np.ndarray], mode: str) -> None:
    away_mm, away_deg = _away(poses[f"rigify {mode}"], poses["plain rest"], _motion())
    assert away_mm < 0.5 and away_deg < 0.2


def test_the_skin_goes_with_the_controls(poses: dict[str, np.ndarray]) -> None:
    motion = _motion()
    ours = Body(motion.shape).vertices(motion.root_xyz_world[-1:], motion.quat_wxyz[-1:])[0]
    assert np.abs(poses["skin"] - ours).max() < 1e-3


def test_a_control_moved_by_hand_moves_the_horse(poses: dict[str, np.ndarray], result: dict) -> None:
    assert result["limbs"] == [[0.0, 0.0]] * 4, "the limbs follow their hooves and do not stretch"
    at = [skeleton.JOINT_INDEX[f"DEF-{j}"] for j in ("f_hoof.L", "f_hoof.R", "r_hoof.L", "spine.003")]
    before, hoof, torso = (poses[f"moved {what}"][at, :3, 3] for what in ("before", "hoof", "torso"))
    assert hoof - before == pytest.approx(np.array([[0, 0, 0.1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]), abs=1e-4)
    assert result["skin moved"] > 0.09
    assert torso - hoof == pytest.approx(np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, -0.05]]), abs=1e-4)


def test_the_fbx_holds_plain_bones_whatever_the_rig(poses: dict[str, np.ndarray], result: dict) -> None:
    assert result["fbx bones"] == sorted(skeleton.JOINTS)
    motion = _motion()
    xyz, _ = Body(motion.shape).joints(motion.root_xyz_world, motion.quat_wxyz)
    assert np.abs(poses["fbx"][..., :3, 3] - xyz).max() < 1e-3


def test_uneven_times_become_even(poses: dict[str, np.ndarray], result: dict) -> None:
    assert result["uneven"]["fps"] == pytest.approx(20.0) and result["uneven"]["frames"] == [0, 6]
    y = poses["uneven"][:, 0, 1, 3]
    assert y - y[0] == pytest.approx(-2.0 * np.arange(7) / 20.0, abs=1e-4)


def test_without_blender_the_work_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINEQUIMATION_BLENDER", str(tmp_path / "no-blender"))
    options = AnimateOptions(("no.mp4",), tmp_path / "out", formats=("glb", "blend"))
    with pytest.raises(KinEquiMationError, match="KINEQUIMATION_BLENDER"):
        animate(options)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"no\.mp4"):  # other formats do not need it
        animate(replace(options, formats=("glb",)))


@pytest.mark.usefixtures("blender")
def test_what_blender_cannot_write_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "horse.blend").mkdir()
    with pytest.raises(OutputError, match=r"Blender: cannot write .*horse\.blend: it is a folder"):
        write_blender_files(tmp_path, _uneven(), ("blend",))
