"""The horse's materials: plain colours, or a coat painted on the UV map ``atlas``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.blender.shading import image_of
from kinequimation.blender.skin import UV_MAP
from kinequimation.body import MATERIALS
from kinequimation.io.gltf import look

if TYPE_CHECKING:
    import bpy
    from jaxtyping import UInt8

    from kinequimation.synth.atlas import SurfaceTexture

_ALPHA_CUT = 0.5
"""Where the ragged ends of hair stop, as ``SurfaceTexture`` says."""


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


def coat_materials(coat: str, texture: SurfaceTexture) -> dict[str, bpy.types.Material]:
    """Return a material for each name of ``body.MATERIALS``, all painted with one coat on the UV map ``atlas``.

    The pictures are packed into the file. The nodes are those that exporters read: the colour picture goes straight
    into Base Color, its alpha, cut in two, into Alpha.

    Args:
        coat: what the coat is called.
        texture: the baked coat.
    """
    import bpy

    colour = _picture(f"{coat} colour", texture.rgba, "sRGB")
    gloss = _picture(f"{coat} gloss", texture.gloss[..., None], "Non-Color")
    average = np.append(_linear(texture.rgb[texture.alpha > 0].mean(0) / 255.0), 1.0)
    materials = {}
    for name in MATERIALS:
        material = bpy.data.materials.new(name)
        material.use_nodes = True
        material.diffuse_color = average
        surface = _surface(material)
        nodes, links = material.node_tree.nodes, material.node_tree.links
        at = nodes.new("ShaderNodeUVMap")
        at.uv_map = UV_MAP
        pictures = []
        for image in (colour, gloss):
            picture = nodes.new("ShaderNodeTexImage")
            picture.image = image
            links.new(at.outputs["UV"], picture.inputs["Vector"])
            pictures.append(picture)
        links.new(pictures[0].outputs["Color"], surface.inputs["Base Color"])
        cut = nodes.new("ShaderNodeMath")
        cut.operation = "GREATER_THAN"
        cut.inputs[1].default_value = _ALPHA_CUT
        links.new(pictures[0].outputs["Alpha"], cut.inputs[0])
        links.new(cut.outputs[0], surface.inputs["Alpha"])
        if name == "eye":  # smoother than hair, so with a highlight of its own
            surface.inputs["Roughness"].default_value = look(name)[1]
            materials[name] = material
            continue
        surface.inputs["Roughness"].default_value = texture.roughness
        shine = nodes.new("ShaderNodeMath")
        shine.operation = "MULTIPLY"
        shine.inputs[1].default_value = texture.reflectance / 0.08  # what Blender's level is a share of
        links.new(pictures[1].outputs["Color"], shine.inputs[0])
        links.new(shine.outputs[0], surface.inputs["Specular IOR Level"])
        materials[name] = material
    return materials


def _picture(name: str, pixels: UInt8[np.ndarray, "h w channels"], colorspace: str) -> bpy.types.Image:
    """Return pixels, row 0 at the top, as an image that is packed into the file."""
    image = image_of(name, pixels[::-1], colorspace)
    image.pack()
    return image


def _linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1


def _surface(material: bpy.types.Material) -> bpy.types.ShaderNode:
    return next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
