"""The horse's materials: plain colours, or a coat painted on the UV map ``atlas``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinequimation.body import MATERIALS
from kinequimation.io.gltf import look

if TYPE_CHECKING:
    import bpy


def plain_materials() -> dict[str, bpy.types.Material]:
    """Return a material for each name of ``body.MATERIALS``: a bay horse, in the colours of our ``.glb`` files."""
    import bpy

    materials = {}
    for name in MATERIALS:
        linear, roughness = look(name)
        material = bpy.data.materials.new(name)
        material.use_nodes = True
        surface = _surface(material)
        surface.inputs["Base Color"].default_value = (*linear, 1.0)
        surface.inputs["Roughness"].default_value = roughness
        material.diffuse_color = (*linear, 1.0)
        materials[name] = material
    return materials


def _surface(material: bpy.types.Material) -> bpy.types.ShaderNode:
    return next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
