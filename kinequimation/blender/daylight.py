"""Daylight for files that have none: a sun, a sky and a ground, which vary a little from camera to camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from mathutils import Euler

from kinequimation.blender.first_surfaces import BACKDROP_ID
from kinequimation.blender.subject import rendered_objects

if TYPE_CHECKING:
    from collections.abc import Iterable

_GROUND_M = 2_000.0
"""Half the ground's side: beyond every horizon that a camera at a horse's height sees as a line."""
_BOUNCES = 2
"""From the ground to the belly and on to the eye; more can hardly be seen outdoors (judgement)."""
_GROUNDS = {
    "grass": ((0.060, 0.105, 0.026), (0.125, 0.165, 0.050)),
    "dry grass": ((0.190, 0.155, 0.070), (0.310, 0.255, 0.120)),
    "sand": ((0.360, 0.270, 0.170), (0.480, 0.380, 0.250)),
    "earth": ((0.090, 0.058, 0.036), (0.170, 0.115, 0.075)),
    "gravel": ((0.180, 0.170, 0.155), (0.320, 0.305, 0.285)),
}
"""Linear albedos of a ground's darker and lighter patches (judgement)."""


def has_light(scene: bpy.types.Scene) -> bool:
    """Return whether a file brings its own light: a lamp, or a world with a picture or a sky."""
    lamps = any(o.type == "LIGHT" for o in rendered_objects(scene.view_layers[0]))
    tree = scene.world.node_tree if scene.world is not None and scene.world.use_nodes else None
    return lamps or (tree is not None and any(n.type in ("TEX_ENVIRONMENT", "TEX_SKY") for n in tree.nodes))


class Daylight:
    """The sun, the sky and the ground."""

    def __init__(
        self, scene: bpy.types.Scene, horse: Iterable[bpy.types.Object], ground_z: float, withers_m: float
    ) -> None:
        """Add them to a scene; the ground only where no object is wide enough to be one.

        Args:
            scene: where to.
            horse: the meshes that are no ground.
            ground_z: height of the ground, metres.
            withers_m: withers height, metres.
        """
        cycles = scene.cycles
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = _BOUNCES, _BOUNCES, _BOUNCES
        cycles.use_light_tree = False
        self._sun = bpy.data.lights.new("KinEquiMation sun", "SUN")
        self._sun_object = bpy.data.objects.new("KinEquiMation sun", self._sun)
        scene.collection.objects.link(self._sun_object)
        world = bpy.data.worlds.new("KinEquiMation sky")
        scene.world = world
        world.use_nodes = True
        world.cycles.sampling_method = "NONE"  # a smooth sky needs no map of its bright spots
        self._ramp, self._background = _sky_nodes(world.node_tree)
        self._ground: bpy.types.Node | None = None
        others = [o for o in rendered_objects(scene.view_layers[0]) if o.type == "MESH"]
        own = set(horse)
        if not any(min(o.dimensions[:2]) > 4 * withers_m for o in others if o not in own):
            self._ground = _add_ground(scene, ground_z)

    def vary(self, rng: np.random.Generator) -> dict[str, Any]:
        """Choose the light and the ground; return what was chosen, for the label."""
        azimuth, elevation = float(rng.uniform(0, 2 * np.pi)), float(np.deg2rad(rng.uniform(18.0, 65.0)))
        cloud = float(rng.uniform(0.0, 1.0))  # 0 a clear sky and hard shadows, 1 overcast
        # what overcast takes from the sun it gives to the sky, less a third (judgement)
        self._sun.energy = 5.5 * (1.0 - 0.85 * cloud)
        self._sun.angle = float(np.deg2rad(0.53 + 20.0 * cloud))  # 0.53°: the sun's disc
        warm = float(np.clip(1.0 - elevation / np.deg2rad(45.0), 0.0, 1.0))
        self._sun.color = (1.0, 0.96 - 0.16 * warm, 0.90 - 0.35 * warm)
        self._sun_object.rotation_euler = Euler((np.pi / 2 - elevation, 0.0, azimuth))
        horizon = (1 - cloud) * np.array([0.62, 0.74, 0.88]) + cloud * np.array([0.78, 0.79, 0.80])
        zenith = (1 - cloud) * np.array([0.14, 0.30, 0.62]) + cloud * np.array([0.62, 0.64, 0.67])
        for element, colour in zip(self._ramp.elements, (horizon * 0.55, horizon, zenith), strict=True):
            element.color = (*colour.tolist(), 1.0)
        self._background.inputs["Strength"].default_value = 0.9 + 0.6 * cloud
        record = {
            "sun_azimuth_rad": round(azimuth, 4),
            "sun_elevation_rad": round(elevation, 4),
            "cloud": round(cloud, 4),
        }
        name = sorted(_GROUNDS)[rng.integers(len(_GROUNDS))]
        if self._ground is not None:
            for element, colour in zip(self._ground.color_ramp.elements, _GROUNDS[name], strict=True):
                element.color = (*colour, 1.0)
            record["ground"] = name
        return record


def _sky_nodes(tree: bpy.types.NodeTree) -> tuple[bpy.types.ColorRamp, bpy.types.Node]:
    """Build a sky that goes from the horizon to the zenith; return its colours and its background node."""
    nodes, links = tree.nodes, tree.links
    background = next(n for n in nodes if n.type == "BACKGROUND")
    where, split, ramp = (nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "SeparateXYZ", "ValToRGB"))
    span = nodes.new("ShaderNodeMapRange")
    span.inputs["From Min"].default_value = -1.0
    links.new(where.outputs["Generated"], split.inputs[0])
    links.new(split.outputs["Z"], span.inputs["Value"])
    links.new(span.outputs[0], ramp.inputs[0])
    links.new(ramp.outputs[0], background.inputs["Color"])
    ramp.color_ramp.elements[0].position = 0.49
    ramp.color_ramp.elements[1].position = 0.505
    ramp.color_ramp.elements.new(0.85)
    return ramp.color_ramp, background


def _add_ground(scene: bpy.types.Scene, ground_z: float) -> bpy.types.Node:
    """Add a wide ground with soft patches; return the node that holds its colours."""
    mesh = bpy.data.meshes.new("KinEquiMation ground")
    s = _GROUND_M
    mesh.from_pydata([(-s, -s, 0), (s, -s, 0), (s, s, 0), (-s, s, 0)], [], [(0, 1, 2, 3)])
    ground = bpy.data.objects.new("KinEquiMation ground", mesh)
    ground.location.z = ground_z
    ground.pass_index = BACKDROP_ID
    scene.collection.objects.link(ground)
    material = bpy.data.materials.new("KinEquiMation ground")
    material.use_nodes = True
    mesh.materials.append(material)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    output, surface = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeBsdfDiffuse")  # the quickest
    links.new(surface.outputs[0], output.inputs["Surface"])
    where, noise, ramp = (nodes.new(f"ShaderNode{kind}") for kind in ("NewGeometry", "TexNoise", "ValToRGB"))
    noise.inputs["Scale"].default_value = 1.7  # patches of about half a metre
    noise.inputs["Detail"].default_value = 3.0
    noise.inputs["Roughness"].default_value = 0.7
    links.new(where.outputs["Position"], noise.inputs["Vector"])
    links.new(noise.outputs["Fac"], ramp.inputs[0])
    links.new(ramp.outputs[0], surface.inputs["Color"])
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.35, 0.65
    return ramp
