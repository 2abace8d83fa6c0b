"""The horse's mesh, bound to the bones of an armature.

A vertex group named as a bone holds the skin weights; a group ``LM-<landmark>`` holds the one vertex where a surface
landmark is, which is how any mesh can say where its landmarks are. The UV map ``atlas`` is the same for every shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.blender.charts import Chart, hair_charts, pack, split_charts
from kinequimation.blender.quiet import quiet
from kinequimation.body import MATERIALS, Body
from kinequimation.body.horse import load_template
from kinequimation.geometry.rotation import cross

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float, Float32

MESH = "horse"
UV_MAP = "atlas"
LANDMARK_PREFIX = "LM-"
"""A vertex group of this prefix and a landmark's name holds the vertex where that landmark is."""
_SHARPEST_DEG = 66.0
"""How far a chart of the skin may turn away; Blender's own default."""
_REGIONS = (
    ("neck",),
    ("head", "skull", "jaw", "ear.", "eye", "nose"),
    *(tuple(f"{part}.{side}" for part in ("forearm", "forefoot", "f_toe", "f_hoof")) for side in "LR"),
    *(tuple(f"{part}.{side}" for part in ("lower_leg", "hind_foot", "r_toe", "r_hoof")) for side in "LR"),
)
_HAIR_SCALE = 0.5
"""How large locks of hair are on the atlas against the skin: there are many, mostly of one colour (judgement)."""


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
    every other. The skin is cut between trunk, neck, head and limbs, and where Blender's Smart UV Project cuts these;
    each lock of hair is a strip.
    """
    template = load_template()
    on_skin = np.flatnonzero(template.faces.max(1) < template.is_skin.sum())
    region = np.array([_region(j) for j in skeleton.JOINTS])[template.weights.argmax(1)]
    cut = region[template.faces[on_skin]].max(1)
    # a vertex at a cut becomes one for each side, so that no chart reaches over it
    apart, vertices = np.unique(cut[:, None] * len(region) + template.faces[on_skin], return_inverse=True)
    vertices = vertices.reshape(-1, 3)
    xyz = template.vertices[apart % len(region)]
    skin = _smart_uv(xyz, vertices)
    area = _areas(np.pad(skin, ((0, 0), (0, 0), (0, 1)))).sum()
    per_unit = np.sqrt(_areas(xyz[vertices]).sum() / area)  # metres
    charts = [Chart(c.faces, c.uv * per_unit) for c in split_charts(vertices, skin, on_skin)]
    hair = [Chart(c.faces, c.uv * _HAIR_SCALE) for c in hair_charts(template)]
    return pack([*charts, *hair], len(template.faces)).astype(np.float32)


def _region(joint: str) -> int:
    """Return the part of the atlas's skin that a joint belongs to: trunk, neck, head, or the limb below the trunk."""
    for number, parts in enumerate(_REGIONS, 1):
        if any(part in joint for part in parts):
            return number
    return 0


def _areas(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2


def _smart_uv(vertices: np.ndarray, faces: np.ndarray) -> Float[np.ndarray, "faces 3 2"]:
    """Return the corners of faces as Blender's Smart UV Project lays them out."""
    import bpy

    mesh = _mesh(vertices, faces, "unwrapped")
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
        bpy.ops.uv.smart_project(angle_limit=np.radians(_SHARPEST_DEG), island_margin=0.001, correct_aspect=False)
        bpy.ops.object.mode_set(mode="OBJECT")
    uv = np.empty(faces.size * 2, np.float32)
    mesh.uv_layers[UV_MAP].data.foreach_get("uv", uv)
    bpy.data.objects.remove(unwrapped)
    bpy.data.meshes.remove(mesh)
    for other in selected:
        other.select_set(True)
    view_layer.objects.active = active
    return uv.reshape(-1, 3, 2).astype(np.float64)
