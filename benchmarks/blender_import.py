"""What Blender makes of the files of one motion, bone by bone, and what its control bones do.

    .venv-blender/bin/python benchmarks/blender_import.py [--motion MOTION.npz] [--render OUT.png] [FILE...]

Run it with a Python that has ``bpy`` (``python3 run.py blender`` makes one). FILEs are ``.glb``, ``.bvh``, ``.fbx`` and
``.blend`` of MOTION. Without any they are made here, into a temporary folder, of MOTION or, by default, of two motions:
a pony's canter at 29.97 frames a second, 40 m away from the origin and turned by 70 degrees, and a heavy horse that
gets up. Prints a table: for each file, over every frame, the largest distance of a bone's head in Blender from the
joint of ``body.joints``, and the largest turn against it (a ``.glb`` and a ``.bvh`` do not say how bones are rolled:
there the turn is left out). A ``.blend`` with Rigify's controls is measured with its limbs in IK and in FK mode, and
then some controls are moved as by hand: how far bones and skin go.

``--render`` draws the files side by side at some moments with Cycles on the CPU. Exits 1 unless every file gives one
armature with all bones and one action, a mesh that moves with it (but in a ``.bvh``), heads within 2 mm and bones
within 0.5 degrees, and every control that is moved moves the skin.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy  # pyright: ignore[reportMissingImports]
import numpy as np
from mathutils import Vector  # pyright: ignore[reportMissingImports]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kinequimation import skeleton
from kinequimation.blender.blend_file import open_blend
from kinequimation.blender.motion_files import write_motion_files
from kinequimation.blender.quiet import quiet
from kinequimation.blender.rig import KEYS_PROPERTY
from kinequimation.blender.rig_additions import LIMB_CONTROLS
from kinequimation.body import Body, breed_shape
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_matrix,
    quat_inverse,
    quat_multiply,
    quat_rotate,
    quat_to_rotvec,
)
from kinequimation.io.bvh import write_bvh
from kinequimation.io.gltf import write_glb
from kinequimation.motion import make_motion, read_motion
from kinequimation.runtime import no_progress

if TYPE_CHECKING:
    from kinequimation.motion import Motion

TOLERANCE_M, TOLERANCE_DEG = 2e-3, 0.5
_SUFFIXES = (".glb", ".bvh", ".fbx", ".blend")
_HAND_M, _HAND_DEG = 0.10, 20.0
"""How far, and by how much, a control is moved as by hand."""
_MOMENTS = (0.1, 0.5, 0.85)
_PICTURE = (320, 240)


# The motions and their files


def default_motions() -> dict[str, Motion]:
    """Return motions that no importer gets right by chance: far from the origin, turned, of unusual bodies."""
    pony, heavy = Body(breed_shape("shetland")), Body(breed_shape("shire"))
    canter = make_motion("canter_left", pony, seconds=2.0, fps=29.97)
    turn = quat_from_axis_angle((0.0, 0.0, 1.0), np.radians(70.0))
    quat = canter.quat_wxyz.copy()
    quat[:, 0] = quat_multiply(np.broadcast_to(turn, quat[:, 0].shape), quat[:, 0])
    root = quat_rotate(np.broadcast_to(turn, quat[:, 0].shape), canter.root_xyz_world) + np.array([40.0, -9.0, 0.0])
    far = dataclasses.replace(canter, root_xyz_world=root, quat_wxyz=quat, name="canter far away")
    return {"canter": far, "get_up": make_motion("get_up", heavy, seconds=2.0, fps=30.0)}


def write_files(motion: Motion, folder: Path) -> list[Path]:
    """Write a motion in every way there is."""
    body = Body(motion.shape)
    folder.mkdir(parents=True, exist_ok=True)
    write_glb(folder / "horse.glb", motion, body)
    write_bvh(folder / "horse.bvh", motion, body)
    files = [folder / "horse.glb", folder / "horse.bvh"]
    with quiet():
        files += write_motion_files(folder, "horse", motion, ("fbx", "blend"), "deform", no_progress)
        files += write_motion_files(folder, "rigify", motion, ("blend",), "rigify", no_progress)
    return files


# What Blender holds


def _open(path: Path, fps: float) -> float:
    """Import a file into an empty scene, or open a ``.blend``; return how many frames a second of the file takes."""
    if path.suffix == ".blend":
        open_blend(path)
        return bpy.context.scene.render.fps / bpy.context.scene.render.fps_base
    bpy.ops.wm.read_factory_settings(use_empty=True)
    render = bpy.context.scene.render
    render.fps = max(1, round(fps))
    # Blender 4.5's importers of glTF and FBX go wrong over a frame rate that is not whole (the first multiplies by
    # fps_base where it should divide, the second leaves it out), so their frames are those of a whole rate
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
        return float(render.fps)
    if path.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
        return float(render.fps)
    bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01, use_fps_scale=False)
    return fps


def _of_type(kind: str) -> list[Any]:
    # importers and Rigify bring shapes that bones are drawn with, which are not rendered
    objects = [o for o in bpy.context.scene.objects if o.type == kind and not o.hide_render]
    return [o for o in objects if not o.name.startswith("Icosphere")]


def _set_time(frame: float) -> None:
    whole = int(np.floor(frame + 1e-6))
    bpy.context.scene.frame_set(whole, subframe=float(max(0.0, frame - whole)))


def _pose(armature: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the heads [81, 3], metres, and the rotations [81, 4] of an armature's bones now, in the world."""
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    world = np.array(posed.matrix_world, np.float64)
    matrices = world @ np.array([posed.pose.bones[j].matrix for j in skeleton.JOINTS], np.float64)
    u, _, vt = np.linalg.svd(matrices[:, :3, :3])
    return matrices[:, :3, 3], quat_from_matrix(u @ vt)


def _rest_rotations(armature: Any) -> np.ndarray:
    world = np.array(armature.matrix_world, np.float64)
    rest = world @ np.array([armature.data.bones[j].matrix_local for j in skeleton.JOINTS], np.float64)
    u, _, vt = np.linalg.svd(rest[:, :3, :3])
    return quat_from_matrix(u @ vt)


def _vertices(mesh: Any) -> np.ndarray:
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    xyz = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", xyz)
    matrix = np.array(evaluated.matrix_world)
    return xyz.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


# What is measured


@dataclasses.dataclass
class Away:
    """How far bones are from where they should be.

    Attributes:
        head_m: the largest distance of a head, and whose.
        turn_deg: the largest rotation against ours, and whose.
        skin_m: the largest distance of a vertex; NaN where there is no mesh with our vertices.
    """

    head_m: tuple[float, str]
    turn_deg: tuple[float, str]
    skin_m: float


def measure(armature: Any, motion: Motion, first: float, per_s: float, joints: tuple[str, ...], step: int) -> Away:
    """Compare an armature's bones with a motion's joints.

    Args:
        armature: it plays.
        motion: what it should show.
        first: the frame of the motion's first.
        per_s: frames of Blender's in a second.
        joints: which are compared.
        step: every so many frames of the motion.
    """
    body = Body(motion.shape)
    xyz, quat = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    rest = _rest_rotations(armature)
    chosen = [skeleton.JOINT_INDEX[j] for j in joints]
    meshes = [m for m in _of_type("MESH") if len(m.data.vertices) == len(body.rest_vertices)]
    head_m, turn_deg, skin_m = np.zeros(len(chosen)), np.zeros(len(chosen)), 0.0 if meshes else np.nan
    for t in range(0, len(motion), step):
        _set_time(first + (motion.t_s[t] - motion.t_s[0]) * per_s)
        heads, rotations = _pose(armature)
        head_m = np.maximum(head_m, np.linalg.norm(heads - xyz[t], axis=1)[chosen])
        turned = quat_multiply(quat_inverse(quat_multiply(quat[t], rest)), rotations)
        turn_deg = np.maximum(turn_deg, np.degrees(np.linalg.norm(quat_to_rotvec(turned), axis=1))[chosen])
        if meshes and t % (step * 10) == 0:
            ours = body.vertices(motion.root_xyz_world[t : t + 1], motion.quat_wxyz[t : t + 1])[0]
            skin_m = max(skin_m, float(np.linalg.norm(_vertices(meshes[0]) - ours, axis=1).max()))
    head, turn = int(head_m.argmax()), int(turn_deg.argmax())
    return Away((float(head_m[head]), joints[head]), (float(turn_deg[turn]), joints[turn]), skin_m)


def check(path: Path, motion: Motion, step: int) -> bool:
    """Open a file, print its rows of the table, and return whether it is as it should be."""
    with quiet():
        per_s = _open(path, motion.fps)
    armatures, meshes, actions = _of_type("ARMATURE"), _of_type("MESH"), list(bpy.data.actions)
    bones = set(armatures[0].data.bones.keys()) if armatures else set()
    ok = len(armatures) == 1 and len(actions) == 1 and set(skeleton.JOINTS) <= bones
    if path.suffix != ".bvh":
        ok = ok and len(meshes) == 1 and any(m.type == "ARMATURE" for m in meshes[0].modifiers)
    if not ok:
        print(f"FAIL {path.name}: {len(armatures)} armatures, {len(meshes)} meshes, {len(actions)} actions")
        return False
    rig, first = armatures[0], actions[0].frame_range[0]
    modes = {"": None}
    if KEYS_PROPERTY in rig:  # root is a control of its own there
        modes = {"IK": 0.0, "FK": 1.0}
    for mode, value in modes.items():
        if value is not None:
            for limb in LIMB_CONTROLS:
                rig.pose.bones[limb.settings]["IK_FK"] = value
            rig.update_tag()
        away = measure(rig, motion, first, per_s, skeleton.BONES if mode else skeleton.JOINTS, step)
        rolls = path.suffix in (".blend", ".fbx")  # the others' bones are drawn by the importer
        good = away.head_m[0] < TOLERANCE_M and (not rolls or away.turn_deg[0] < TOLERANCE_DEG)
        ok = ok and good
        turn = f"{away.turn_deg[0]:7.3f}" if rolls else "      -"
        skin = "      -" if np.isnan(away.skin_m) else f"{1e3 * away.skin_m:7.3f}"
        n = len(range(0, len(motion), step))
        print(
            f"{'ok  ' if good else 'FAIL'} {path.name:<13}{mode:<4}{n:6d} {len(bones):5d}"
            f" {1e3 * away.head_m[0]:9.4f}  {turn} {skin}  {away.head_m[1]}",
            flush=True,
        )
    if len(modes) > 1:
        ok = by_hand(rig, meshes[0]) and ok
    return ok


def by_hand(rig: Any, mesh: Any) -> bool:
    """Move some controls of a Rigify horse as an animator would; print what follows, and return whether it does."""
    moves = (
        ("forefoot_ik.L", "location", "IK", "DEF-f_hoof.L", "DEF-f_hoof.R"),
        ("hind_foot_ik.R", "location", "IK", "DEF-r_hoof.R", "DEF-r_hoof.L"),
        ("torso", "location", "IK", "DEF-spine.003", "DEF-f_hoof.L"),
        ("torso", "rotation", "IK", "DEF-head", "DEF-r_hoof.R"),
        ("head", "rotation", "IK", "DEF-nose.L", "DEF-f_hoof.L"),
        ("root", "location", "IK", "DEF-r_hoof.R", ""),
        ("forearm_fk.L", "rotation", "FK", "DEF-f_hoof.L", "DEF-f_hoof.R"),
        ("r_hoof_fk.R", "rotation", "FK", "DEF-r_hoof.R", "DEF-r_hoof.L"),
    )
    print(f"     moved by hand, {100 * _HAND_M:g} cm or {_HAND_DEG:g} degrees: farthest vertex; a bone; one that stays")
    middle, ok = round(bpy.data.actions[0].frame_range[1] / 2), True
    for control, how, mode, moves_along, stays in moves:
        for limb in LIMB_CONTROLS:
            rig.pose.bones[limb.settings]["IK_FK"] = float(mode == "FK")
        rig.update_tag()
        bpy.context.scene.frame_set(middle)
        (before, turned), skin = _pose(rig), _vertices(mesh)
        bone = rig.pose.bones[control]
        if how == "location":  # a hoof goes up, the trunk down: raised, it would take hooves of stretched legs along
            bone.location = bone.location + Vector((0.0, 0.0, -_HAND_M if control == "torso" else _HAND_M))
        else:
            half = np.radians(_HAND_DEG) / 2
            bone.rotation_quaternion = bone.rotation_quaternion @ type(bone.rotation_quaternion)(
                (np.cos(half), np.sin(half), 0.0, 0.0)
            )
        bpy.context.view_layer.update()
        after, turned_after = _pose(rig)
        skin_m = float(np.linalg.norm(_vertices(mesh) - skin, axis=1).max())
        moved_m = np.linalg.norm(after - before, axis=1)
        turn = np.degrees(np.linalg.norm(quat_to_rotvec(quat_multiply(quat_inverse(turned), turned_after)), axis=1))
        along, still = skeleton.JOINT_INDEX[moves_along], skeleton.JOINT_INDEX.get(stays, -1)
        good = skin_m > 0.01 and (moved_m[along] > 0.01 or turn[along] > 5.0) and (still < 0 or moved_m[still] < 1e-3)
        ok = ok and good
        print(
            f"{'ok  ' if good else 'FAIL'} {mode} {control:<15}{how:<9} skin {100 * skin_m:5.1f} cm;"
            f" {moves_along} {100 * moved_m[along]:5.1f} cm {turn[along]:5.1f} degrees"
            + (f"; {stays} {100 * moved_m[still]:4.2f} cm" if stays else ""),
            flush=True,
        )
    return ok


# Looking


def _shown(path: Path, motion: Motion, at: float) -> np.ndarray:
    """Return a picture [H, W, 3], 0 to 255, of a file at a share of its motion: from its left and front."""
    with quiet():
        per_s = _open(path, motion.fps)
        scene = bpy.context.scene
        t = round(at * (len(motion) - 1))
        _set_time(bpy.data.actions[0].frame_range[0] + (motion.t_s[t] - motion.t_s[0]) * per_s)
        body = Body(motion.shape)
        xyz = body.joints(motion.root_xyz_world[t : t + 1], motion.quat_wxyz[t : t + 1])[0][0]
        centre, size = Vector(((xyz.max(0) + xyz.min(0)) / 2).tolist()), float(np.ptp(xyz, axis=0).max())
        bpy.ops.mesh.primitive_plane_add(size=40, location=(centre.x, centre.y, 0))
        bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.5, 0.3))
        bpy.context.object.data.energy = 3.0
        world = bpy.data.worlds.new("sky")
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs[0].default_value = (0.6, 0.7, 0.85, 1)
        scene.world = world
        eye = centre + Vector((1.0, -0.75, 0.3)).normalized() * (2.2 * size)
        bpy.ops.object.camera_add(location=eye, rotation=(centre - eye).to_track_quat("-Z", "Y").to_euler())
        scene.camera = bpy.context.object
        scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", 8
        scene.render.threads_mode, scene.render.threads = "FIXED", 1
        (scene.render.resolution_x, scene.render.resolution_y), scene.render.resolution_percentage = _PICTURE, 100
        with tempfile.TemporaryDirectory() as folder:
            scene.render.filepath = str(Path(folder, "frame.png"))
            bpy.ops.render.render(write_still=True)
            image = bpy.data.images.load(scene.render.filepath)
            pixels = np.array(image.pixels[:]).reshape(_PICTURE[1], _PICTURE[0], 4)
    return pixels[::-1, :, :3]


def draw(path: Path, files: list[Path], motion: Motion) -> None:
    """Draw files beside each other, a row a moment, and write the picture as PNG."""
    rows = [np.hstack([_shown(file, motion, at) for file in files]) for at in _MOMENTS]
    sheet = np.vstack(rows)
    image = bpy.data.images.new("sheet", sheet.shape[1], sheet.shape[0])
    image.pixels = np.dstack([sheet[::-1], np.ones(sheet.shape[:2])]).ravel().tolist()
    image.filepath_raw, image.file_format = str(path.resolve()), "PNG"
    image.save()


def main() -> int:
    """Check every file; return 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(description="Open a motion's files in Blender, and compare bones, skin, controls.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=f"of --motion: {', '.join(_SUFFIXES)}")
    parser.add_argument("--motion", type=Path, help="a motion.npz")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="every N frames; default: every one")
    parser.add_argument("--render", type=Path, metavar="PNG", help="draw the files of the last motion side by side")
    args = parser.parse_args()
    if args.files and args.motion is None:
        parser.error("FILE: expected --motion beside it")
    motions = {args.motion.stem: read_motion(args.motion)} if args.motion else default_motions()
    ok = True
    with tempfile.TemporaryDirectory() as temporary:
        for name, motion in motions.items():
            files: list[Path] = args.files or write_files(motion, Path(temporary, name))
            print(f"{motion.name}: {motion.shape.withers_height_m:.2f} m at the withers, {motion.fps:g} frames/s")
            print("     file             frames bones   head mm  turn deg skin mm  farthest head")
            ok = all([check(file, motion, args.step) for file in files]) and ok
            if args.render:
                draw(args.render, [file for file in files if file.suffix != ".bvh"], motion)
    return 0 if ok else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # bpy may crash while the interpreter takes it down
