"""What Blender makes of the horse: rigs, actions, FBX and glTF, each against our own forward kinematics.

    PYTHON_WITH_BPY benchmarks/blender_assets.py [--work DIR] [--actions trot,canter_left,jump] [PART...]

PART is one or more of ``rigs actions fbx gltf``; default: all. Prints a line a figure and exits 1 where one misses:

- rigs: every breed and both ends of every shape parameter: how far Rigify puts a head from our joint before it is put
  right (1 mm), and the time that the plain rig takes;
- actions: the largest distance of a joint, and of a vertex, from ours over every frame (0.1 mm), on both rigs;
- fbx: the exported file imported again: bones, weights, takes, pose (0.1 mm), and what its text says of units and axes;
- gltf: the ``.glb`` by Blender's exporter and by ``io.gltf``, each imported again (1 mm). They stay in DIR as
  ``blender.glb`` and ``ours.glb`` with ``expected.json``, which ``three_gltf.mjs`` plays in a browser.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy  # pyright: ignore[reportMissingImports]
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kinequimation import skeleton
from kinequimation.blender.actions import make_clip, play, to_action
from kinequimation.blender.assets import action_names, build_assets
from kinequimation.blender.fbx import copy_for_fbx, write_fbx
from kinequimation.blender.materials import plain_materials
from kinequimation.blender.quiet import quiet
from kinequimation.blender.rig import AWAY_PROPERTY, build_deform_rig, build_rigify
from kinequimation.blender.skin import build_skin
from kinequimation.body import BREEDS, Body, Shape
from kinequimation.body.shape import RANGES
from kinequimation.io.gltf import gltf_from_world_xyz, write_glb
from kinequimation.motion import Motion

FPS = 30.0
_MISSES: list[str] = []


def _say(ok: bool, text: str) -> None:
    print(f"{'ok  ' if ok else 'FAIL'} {text}", flush=True)
    if not ok:
        _MISSES.append(text)


def _empty() -> None:
    with quiet():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = round(FPS)


def _heads(armature: Any) -> np.ndarray:
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    heads = np.array([evaluated.pose.bones[j].head for j in skeleton.JOINTS])
    matrix = np.array(evaluated.matrix_world)
    return heads @ matrix[:3, :3].T + matrix[:3, 3]


def _vertices(mesh: Any) -> np.ndarray:
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    xyz = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", xyz)
    matrix = np.array(evaluated.matrix_world)
    return xyz.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def _errors_mm(
    armature: Any, mesh: Any, motion: Motion, body: Body, first: float, step: int = 1
) -> tuple[float, float]:
    """Return the largest distances of a joint and of a vertex from ours, over the frames of an action, millimetres."""
    joints, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    worst = np.zeros(2)
    for t in range(0, len(motion), step):
        bpy.context.scene.frame_set(round(first) + t)
        far = np.linalg.norm(_heads(armature) - joints[t], axis=1).max()
        skin = body.vertices(motion.root_xyz_world[t : t + 1], motion.quat_wxyz[t : t + 1])[0]
        got = _vertices(mesh)
        same_vertices = len(got) == len(skin)  # glTF importers split them at materials
        off = np.linalg.norm(got - skin, axis=1).max() if same_vertices else _box_error(got, skin)
        worst = np.maximum(worst, [far, off])
    return 1e3 * worst[0], 1e3 * worst[1]


def _box_error(a: np.ndarray, b: np.ndarray) -> float:
    return float(max(np.abs(a.min(0) - b.min(0)).max(), np.abs(a.max(0) - b.max(0)).max()))


def _shapes() -> dict[str, Shape]:
    ends = {
        f"{name}={value:g}": dataclasses.replace(Shape(), **{name: value})
        for name, ends in RANGES.items()
        for value in ends
    }
    return dict(BREEDS) | ends


def _rigs() -> None:
    away, seconds = {}, []
    for name, shape in _shapes().items():
        _empty()
        body = Body(shape)
        start = time.perf_counter()
        plain = build_deform_rig(body)
        seconds.append(time.perf_counter() - start)
        bpy.data.objects.remove(plain)
        rig = build_rigify(body)
        away[name] = 1e3 * rig[AWAY_PROPERTY]
        exact = np.abs(np.array([rig.data.bones[j].head_local for j in skeleton.JOINTS]) - body.rest_xyz).max()
        deforming = {b.name for b in rig.data.bones if b.use_deform}
        if exact > 1e-6 or deforming != set(skeleton.BONES):
            _say(False, f"rigs: {name}: heads {1e3 * exact:.4f} mm off, {len(deforming)} deforming bones")
    worst = max(away, key=lambda n: away[n])
    _say(away[worst] < 1.0, f"rigs: Rigify's heads of {len(away)} shapes: at most {away[worst]:.3f} mm off ({worst})")
    _say(True, f"rigs: plain rig: {1e3 * np.median(seconds):.1f} ms (median), slowest {1e3 * max(seconds):.1f} ms")


def _actions(names: tuple[str, ...], body: Body) -> None:
    with quiet():
        rig = build_assets(body, names, FPS)
    mesh = bpy.data.objects["horse"]
    plain = build_deform_rig(body)
    second = build_skin(body, plain, plain_materials(), "second")
    worst = {"Rigify's rig": np.zeros(2), "plain rig": np.zeros(2)}
    for name in names:
        motion, _, _ = make_clip(name, body, FPS)
        for label, armature, skin in (("Rigify's rig", rig, mesh), ("plain rig", plain, second)):
            play(armature, bpy.data.actions[name])
            worst[label] = np.maximum(worst[label], _errors_mm(armature, skin, motion, body, 0, step=3))
    for label, (joint, vertex) in worst.items():
        _say(
            bool(max(joint, vertex) < 0.1),
            f"actions: {len(names)} on {label}: joints within {joint:.4f} mm, vertices within {vertex:.4f} mm",
        )


def _fbx(names: tuple[str, ...], body: Body, work: Path) -> None:
    with quiet():
        build_assets(body, names, FPS)
    start = time.perf_counter()
    copy = copy_for_fbx(None, list(names))
    write_fbx(work / "horse.fbx", copy)
    _say(True, f"fbx: written in {time.perf_counter() - start:.1f} s")
    _empty()
    with quiet():
        bpy.ops.import_scene.fbx(filepath=str(work / "horse.fbx"), ignore_leaf_bones=False)
    objects = list(bpy.context.scene.objects)
    armature = next(o for o in objects if o.type == "ARMATURE")
    mesh = next(o for o in objects if o.type == "MESH")
    roots = [b.name for b in armature.data.bones if b.parent is None]
    same = set(armature.data.bones.keys()) == set(skeleton.JOINTS) and roots == ["root"]
    parents = all((b.parent.name if b.parent else None) == skeleton.PARENT[b.name] for b in armature.data.bones)
    _say(
        same and parents and len(objects) == 2,
        f"fbx: {len(objects)} objects, {len(armature.data.bones)} bones, root {roots}, our parents: {parents}",
    )
    scale = np.array(armature.matrix_world.to_scale()) * 100.0
    _say(np.allclose(scale, 1.0, atol=1e-5), f"fbx: nodes scaled by {scale.round(5).tolist()} against centimetres")
    weights = np.zeros_like(body.weights)
    groups = {g.index: skeleton.JOINT_INDEX[g.name] for g in mesh.vertex_groups}
    for i, vertex in enumerate(mesh.data.vertices):
        for g in vertex.groups:
            weights[i, groups[g.group]] = g.weight
    off = np.abs(weights - body.weights).max() if len(mesh.data.vertices) == len(body.weights) else np.inf
    _say(off < 1e-5, f"fbx: {len(mesh.data.vertices)} vertices, weights within {off:.1e}")
    takes = {a.name.split("|")[1]: a for a in bpy.data.actions if a.name.startswith("Armature|")}
    _say(set(takes) == set(names), f"fbx: takes {sorted(takes)}")
    worst = np.zeros(2)
    for name, action in takes.items():
        motion, _, _ = make_clip(name, body, FPS)
        play(armature, action)
        first, last = action.frame_range
        if round(last - first) != len(motion) - 1:
            _say(False, f"fbx: {name}: expected {len(motion)} frames, got {last - first + 1:g}")
        worst = np.maximum(worst, _errors_mm(armature, mesh, motion, body, first, step=3))
    _say(worst.max() < 0.1, f"fbx: pose: joints within {worst[0]:.4f} mm, vertices within {worst[1]:.4f} mm")


def _gltf(name: str, body: Body, work: Path) -> None:
    motion, looping, _ = make_clip(name, body, FPS)
    write_glb(work / "ours.glb", motion, body)
    _empty()
    rig = build_deform_rig(body)
    build_skin(body, rig, plain_materials())
    play(rig, to_action(motion, rig, looping=looping))
    bpy.context.scene.frame_end = len(motion) - 1
    with quiet():
        bpy.ops.export_scene.gltf(
            filepath=str(work / "blender.glb"), export_format="GLB", export_optimize_animation_size=False
        )
    for file in ("blender.glb", "ours.glb"):
        _empty()
        with quiet():
            bpy.ops.import_scene.gltf(filepath=str(work / file))
        armature = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
        mesh = next(o for o in bpy.context.scene.objects if o.type == "MESH" and "Icosphere" not in o.name)
        action = armature.animation_data.action or bpy.data.actions[0]
        play(armature, action)
        joint, box = _errors_mm(armature, mesh, motion, body, action.frame_range[0])
        _say(joint < 1.0 and box < 1.0, f"gltf: {file}: {name}: joints within {joint:.4f} mm, mesh {box:.4f} mm")
    joints, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    frames = [0, len(motion) // 3, 2 * len(motion) // 3]
    expected = []
    for t in frames:
        skin = gltf_from_world_xyz(body.vertices(motion.root_xyz_world[t : t + 1], motion.quat_wxyz[t : t + 1])[0])
        heads = gltf_from_world_xyz(joints[t])
        expected.append(
            {
                "t_s": t / FPS,
                "joints": dict(zip(skeleton.JOINTS, heads.tolist(), strict=True)),
                "box": [skin.min(0).tolist(), skin.max(0).tolist()],
            }
        )
    (work / "expected.json").write_text(json.dumps({"clip": name, "poses": expected}), encoding="utf-8")


def main() -> int:
    """Run the parts that were asked for; return 1 where a figure misses."""
    parser = argparse.ArgumentParser(description="What Blender makes of the horse.")
    parser.add_argument("--work", type=Path, default=Path("outputs/blender_assets"), metavar="DIR")
    parser.add_argument("--actions", default="trot,canter_left,jump", metavar="NAMES")
    parser.add_argument("--breed", choices=tuple(BREEDS), default="andalusian")
    parser.add_argument("part", nargs="*", metavar="PART", help="rigs, actions, fbx, gltf; default: all")
    args = parser.parse_args()
    names, body = action_names(args.actions), Body(BREEDS[args.breed])
    args.work.mkdir(parents=True, exist_ok=True)
    parts = args.part or ["rigs", "actions", "fbx", "gltf"]
    if "rigs" in parts:
        _rigs()
    if "actions" in parts:
        _actions(names, body)
    if "fbx" in parts:
        _fbx(names, body, args.work)
    if "gltf" in parts:
        _gltf(names[0], body, args.work)
    return 1 if _MISSES else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # bpy may crash while Python takes it down
