"""The horse's mesh, bound to the bones of an armature.

A vertex group named as a bone holds the skin weights; a group ``LM-<landmark>`` holds the one vertex where a surface
landmark is, which is how any mesh can say where its landmarks are. The UV map ``atlas`` is the same for every shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.blender.quiet import quiet
from kinequimation.body import MATERIALS, Body
from kinequimation.body.horse import load_template

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float32

MESH = "horse"
UV_MAP = "atlas"
LANDMARK_PREFIX = "LM-"


def build_skin(
    body: Body, rig: bpy.types.Object, materials: dict[str, bpy.types.Material], name: str = MESH
) -> bpy.types.Object:
    """Return the horse's mesh as an object that an armature moves, linked to the scene.

    Args:
        body: the horse.
        rig: an armature with the bones of ``skeleton.JOINTS``, at rest on the body's joints.
        materials: one for each name of ``body.MATERIALS``.
        name: of the object and its mesh.
    """
    import bpy

    mesh = _mesh(body.rest_vertices, body.faces, name)
    for material in MATERIALS:
        mesh.materials.append(materials[material])
    mesh.polygons.foreach_set("material_index", body.face_material.astype(np.int32))
    layer = mesh.uv_layers.new(name=UV_MAP)
    layer.data.foreach_set("uv", atlas_uv().ravel())
    skin = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(skin)
    _bind(skin, body, rig)
    return skin


def _mesh(vertices: np.ndarray, faces: np.ndarray, name: str) -> bpy.types.Mesh:
    """Return triangles as a smooth mesh, every face kept as it is, those without an area too."""
    import bpy

    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.update(calc_edges=True)
    return mesh


def _bind(skin: bpy.types.Object, body: Body, rig: bpy.types.Object) -> None:
    for j, joint in enumerate(skeleton.JOINTS):
        moved = np.flatnonzero(body.weights[:, j])
        if j == 0 and len(moved) == 0:
            continue
        group = skin.vertex_groups.new(name=joint)
        weights = body.weights[moved, j].astype(np.float32)
        for weight in np.unique(weights):
            group.add(moved[weights == weight].tolist(), float(weight), "REPLACE")
    for landmark, vertex in zip(skeleton.LANDMARKS, body.landmark_vertices, strict=True):
        skin.vertex_groups.new(name=f"{LANDMARK_PREFIX}{landmark}").add([int(vertex)], 1.0, "REPLACE")
    skin.parent = rig
    modifier = skin.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    modifier.use_deform_preserve_volume = False  # linear blend skinning, as everywhere else


@lru_cache(maxsize=1)
def atlas_uv() -> Float32[np.ndarray, "faces 3 2"]:
    """Return the texture coordinates of each corner of each face of the template, u right, v up, in [0, 1].

    They are worked out once, on the template, and are the same for every shape: a picture painted for one horse fits
    every other.
    """
    import bpy

    template = load_template()
    mesh = _mesh(template.vertices, template.faces, "unwrapped")
    mesh.uv_layers.new(name=UV_MAP)
    unwrapped = bpy.data.objects.new("unwrapped", mesh)
    bpy.context.scene.collection.objects.link(unwrapped)
    view_layer = bpy.context.view_layer
    active = view_layer.objects.active
    selected = [o for o in view_layer.objects if o.select_get()]
    for other in selected:
        other.select_set(False)
    view_layer.objects.active = unwrapped
    unwrapped.select_set(True)
    with quiet():
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(angle_limit=np.radians(66.0), island_margin=0.002, correct_aspect=False)
        bpy.ops.object.mode_set(mode="OBJECT")
    uv = np.empty(template.faces.size * 2, np.float32)
    mesh.uv_layers[UV_MAP].data.foreach_get("uv", uv)
    bpy.data.objects.remove(unwrapped)
    bpy.data.meshes.remove(mesh)
    for other in selected:
        other.select_set(True)
    view_layer.objects.active = active
    return uv.reshape(-1, 3, 2)
