"""Import GLB and BVH files into Blender and compare its bones with our own forward kinematics.

    /opt/bpyenv/bin/python benchmarks/blender_import.py [--motion MOTION.npz] [--render OUT.png] FILE.glb|FILE.bvh...

Run it with a Python that has ``bpy`` (CPython 3.11: ``pip install bpy==4.5.15 "numpy<2"``). Prints one line a file:
armatures, meshes, actions, frames, the bounding box at the first frame, how far the lowest vertex is from the ground.
With ``--motion`` (the ``.npz`` that the files were made from) it adds the largest distance between a bone head in
Blender and the same joint in the ``Motion``. Exits 1 unless every file gives one armature and one action, a GLB gives
one mesh that the armature deforms, and every distance is below 1 mm.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy  # pyright: ignore[reportMissingImports]
import numpy as np
from mathutils import Vector  # pyright: ignore[reportMissingImports]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.motion import read_motion

if TYPE_CHECKING:
    from kinequimation.motion import Motion

TOLERANCE_M = 1e-3


def _import_file(path: Path, fps: float) -> float:
    """Import into an empty scene; return how many of its frames a second of the file takes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene_fps = max(1, round(fps))  # whole: Blender 4.5's glTF importer multiplies by fps_base where it should divide
    bpy.context.scene.render.fps = scene_fps
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01, use_fps_scale=False)
    return scene_fps if path.suffix == ".glb" else fps  # a BVH is imported row by row


def _of_type(kind: str) -> list[Any]:
    # the glTF importer adds an icosphere in a hidden collection, as the shape that it draws bones with
    return [o for o in bpy.context.scene.objects if o.type == kind and not o.name.startswith("Icosphere")]


def _set_time(frame: float) -> None:
    whole = int(np.floor(frame + 1e-6))
    bpy.context.scene.frame_set(whole, subframe=float(max(0.0, frame - whole)))


def _largest_error_m(armature: Any, motion: Motion, first_frame: float, frames_per_s: float) -> float:
    """Return the largest distance between Blender's bone heads and the motion's joints, over up to 9 frames."""
    body = Body(motion.shape)
    expected, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    worst = 0.0
    for t in np.unique(np.linspace(0, len(motion) - 1, 9).astype(int)):
        _set_time(first_frame + (motion.t_s[t] - motion.t_s[0]) * frames_per_s)
        for j, name in enumerate(skeleton.JOINTS):
            head = np.array(armature.matrix_world @ armature.pose.bones[name].head)
            worst = max(worst, float(np.linalg.norm(head - expected[t, j])))
    return worst


def _vertices(mesh: Any) -> np.ndarray:
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    xyz = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", xyz)
    matrix = np.array(evaluated.matrix_world)
    return xyz.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def _check(path: Path, motion: Motion | None) -> bool:
    frames_per_s = _import_file(path, motion.fps if motion else 60.0)
    armatures, meshes, actions = _of_type("ARMATURE"), _of_type("MESH"), list(bpy.data.actions)
    ok = len(armatures) == 1 and len(actions) == 1
    text = f"{path}: {len(armatures)} armatures, {len(meshes)} meshes, {len(actions)} actions"
    if actions:
        first, last = actions[0].frame_range
        text += f" ({actions[0].name!r}, frames {first:g} to {last:g})"
        _set_time(first)
    if armatures:
        text += f", {len(armatures[0].data.bones)} bones"
    if path.suffix == ".glb":
        deformed = len(meshes) == 1 and any(m.type == "ARMATURE" for m in meshes[0].modifiers)
        ok = ok and deformed
        if deformed:
            xyz = _vertices(meshes[0])
            size = xyz.max(0) - xyz.min(0)
            text += f", {len(xyz)} vertices, {len(meshes[0].data.materials)} materials"
            text += f", box {size[0]:.2f} x {size[1]:.2f} x {size[2]:.2f} m"
            text += f", lowest vertex {1e3 * xyz[:, 2].min():.1f} mm"
    if motion is not None and ok:
        error_m = _largest_error_m(armatures[0], motion, first, frames_per_s)
        ok = ok and error_m < TOLERANCE_M
        text += f", largest bone error {1e3 * error_m:.4f} mm"
    print(f"{'ok  ' if ok else 'FAIL'} {text}", flush=True)
    return ok


def _render(path: Path, part: float) -> None:
    """Render the scene at ``part`` of the action with Cycles on the CPU, seen from the horse's left and front."""
    scene = bpy.context.scene
    first, last = bpy.data.actions[0].frame_range
    _set_time(round(first + part * (last - first)))
    xyz = _vertices(_of_type("MESH")[0])
    centre, size = Vector(((xyz.max(0) + xyz.min(0)) / 2).tolist()), float(np.linalg.norm(xyz.max(0) - xyz.min(0)))
    bpy.ops.mesh.primitive_plane_add(size=40, location=(centre.x, centre.y, 0))
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.5, 0.3))
    bpy.context.object.data.energy = 3.0
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.6, 0.7, 0.85, 1)
    scene.world = world
    eye = centre + Vector((1.0, -0.75, 0.35)).normalized() * (1.35 * size)
    bpy.ops.object.camera_add(location=eye, rotation=(centre - eye).to_track_quat("-Z", "Y").to_euler())
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", 16
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 480, 360, 100
    scene.render.filepath = str(path.resolve())
    bpy.ops.render.render(write_still=True)


def main() -> int:
    """Check every file; return 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(description="Import GLB and BVH files into Blender and check what comes out.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--motion", type=Path, help="the motion .npz that the files were made from")
    parser.add_argument("--render", type=Path, help="render the last .glb to this .png")
    parser.add_argument("--at", type=float, default=0.4, help="part of the clip to render, 0 to 1")
    args = parser.parse_args()
    motion = read_motion(args.motion) if args.motion else None
    results = [_check(path, motion) for path in sorted(args.files, key=lambda p: p.suffix == ".glb")]
    if args.render:
        _render(args.render, args.at)
    return 0 if all(results) else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # bpy may crash while the interpreter takes it down
