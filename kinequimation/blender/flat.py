"""The flat look: every material in one plain colour, without light, shadows or reflections, on a plain background.

A material keeps its own look beside the flat one; a property of the scene says which is shown, so that one file is
rendered both ways without being changed in between.
"""

from __future__ import annotations

import bpy
import numpy as np

from kinequimation.blender.holes import cover_of

_SWITCH = "kinequimation_flat"
"""Property of a scene: 1 where the flat look is shown."""
_BACKGROUNDS = np.array(
    [
        (0.80, 0.83, 0.86), (0.55, 0.62, 0.70), (0.72, 0.76, 0.66),
        (0.86, 0.80, 0.72), (0.42, 0.46, 0.44), (0.93, 0.93, 0.93),
    ]
)  # fmt: skip
"""sRGB; light to middling, as a studio's backdrop is (judgement)."""


class FlatScene:
    """A scene's twin that shows the flat look; the objects are shared."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        """Make the twin, and give every material its flat look."""
        give_flat_looks()
        self.scene = twin = scene.copy()
        twin.name = f"{scene.name} flat"
        twin[_SWITCH] = 1.0
        twin.world = bpy.data.worlds.new(twin.name)
        twin.world.use_nodes = True
        self._background = next(n for n in twin.world.node_tree.nodes if n.type == "BACKGROUND")
        twin.view_layers[0].material_override = None
        twin.cycles.max_bounces = 0
        twin.cycles.use_light_tree = False
        view = twin.view_settings
        view.view_transform, view.look, view.exposure, view.gamma = "Standard", "None", 0.0, 1.0
        view.use_curve_mapping = False

    def vary(self, rng: np.random.Generator) -> None:
        """Choose a background."""
        srgb = np.clip(_BACKGROUNDS[rng.integers(len(_BACKGROUNDS))] + rng.uniform(-0.05, 0.05), 0.0, 1.0)
        self._background.inputs["Color"].default_value = (*(srgb**2.2).tolist(), 1.0)


def give_flat_looks() -> None:
    """Give every material a flat look beside its own, and every mesh and hair without one a plain material."""
    for shape in (*bpy.data.meshes, *bpy.data.hair_curves):
        if not shape.materials:
            shape.materials.append(None)
        for i, material in enumerate(shape.materials):
            if material is None:
                shape.materials[i] = _plain_material()
    for material in bpy.data.materials:
        if not material.is_grease_pencil:
            _give_flat_look(material)


def _plain_material() -> bpy.types.Material:
    return bpy.data.materials.get("plain") or bpy.data.materials.new("plain")


def _give_flat_look(material: bpy.types.Material) -> None:
    if not material.use_nodes:
        colour = tuple(material.diffuse_color)
        material.use_nodes = True
        for node in material.node_tree.nodes:
            if node.type == "BSDF_PRINCIPLED":
                node.inputs["Base Color"].default_value = colour
    nodes, links = material.node_tree.nodes, material.node_tree.links
    output = material.node_tree.get_output_node("CYCLES")
    if output is None or any(n.type == "ATTRIBUTE" and n.attribute_name == _SWITCH for n in nodes):
        return
    surface = output.inputs["Surface"]
    own = surface.links[0].from_socket if surface.is_linked else None
    if not any(n.type == "EMISSION" or ("Emission Strength" in n.inputs and _glows(n)) for n in nodes):
        material.cycles.emission_sampling = "NONE"  # the flat look is no lamp
    flat = nodes.new("ShaderNodeEmission")
    flat.inputs["Color"].default_value = _colour(material, own)
    shown = flat.outputs[0]
    cover = cover_of(own.node) if own is not None else None
    if cover is not None:
        hole, covered = nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeMixShader")
        share, through, solid = covered.inputs
        if cover[0].is_linked:
            links.new(cover[0].links[0].from_socket, share)
        else:
            share.default_value = cover[0].default_value
        first, second = (through, solid) if cover[1] else (solid, through)
        links.new(hole.outputs[0], first)
        links.new(flat.outputs[0], second)
        shown = covered.outputs[0]
    switch, either = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeMixShader")
    switch.attribute_type, switch.attribute_name = "VIEW_LAYER", _SWITCH
    links.new(switch.outputs["Fac"], either.inputs[0])
    if own is not None:
        links.new(own, either.inputs[1])
    links.new(shown, either.inputs[2])
    links.new(either.outputs[0], surface)


def _glows(node: bpy.types.Node) -> bool:
    strength = node.inputs["Emission Strength"]
    return strength.is_linked or strength.default_value > 0


def _colour(material: bpy.types.Material, own: bpy.types.NodeSocket | None) -> tuple[float, float, float, float]:
    """Return the one colour of a material: its base colour where that is one, else its colour in the viewport."""
    base = own.node.inputs.get("Base Color") or own.node.inputs.get("Color") if own is not None else None
    colour = material.diffuse_color if base is None or base.is_linked else base.default_value
    return (colour[0], colour[1], colour[2], 1.0)
