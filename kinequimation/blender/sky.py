"""Light and what lies behind a sampled scene: sun, lamps, flash, sky, walls, pictures, fog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Vector

from kinequimation.blender.shading import Graph, Socket, image_of
from kinequimation.synth.glsl.common import SCENE_FIELDS

if TYPE_CHECKING:
    from kinequimation.synth.baked_backdrop import BackdropPictures
    from kinequimation.synth.scene import Scene

LAMP_ANGLE_RAD = (0.35, 1.4)
"""Width of a lamp whose light does not wrap round things, and of one that wraps most (0.4 in the shader): judgement."""
_MOST_WRAP = 0.4
_MOST_FLASH = 3.0
"""A flash lights nothing more than so many times as what is as far as the horse: ``shadow_at`` in ``glsl.common``."""


def scene_row(scene: Scene, name: str) -> np.ndarray:
    """Return one of the scene's four-vectors."""
    return scene.rows[SCENE_FIELDS.index(name)]


def add_light(scene: Scene, collection: bpy.types.Collection) -> None:
    """Add sun or flash and the lamps, as bright as the OpenGL shaders have them.

    There a white thing that faces a light shows the light's colour; here a sun of 1 W/m² shows as 1/π.
    The share of the sun's light that shadows leave comes from a second sun that casts none.
    """
    sun, sun_rgb, reach = (scene_row(scene, name) for name in ("sun", "sun_rgb", "reach"))
    if reach[1] > 0:
        eye = scene.camera.position_world
        at = sun[:3] * np.linalg.norm(eye)
        # a lamp of P watts gives P / 4π² of what a sun of the same number gives, at one metre
        flash = _lamp(collection, "POINT", "flash", sun_rgb[:3] * reach[1] * 4 * np.pi**2, at=at, radius_m=0.05)
        if flash is not None:
            _limit(flash, float(reach[1]) / _MOST_FLASH)
    else:
        # the soft edge is as wide as a thing half a metre up throws it (synth.lighting)
        half_angle = np.arctan(reach[0] / 0.5 * max(np.sqrt(max(sun[2], 0.0)), 0.3))
        for share, casts in ((sun[3], True), (1 - sun[3], False)):
            if share > 1e-3:
                _lamp(collection, "SUN", f"sun {casts}", sun_rgb[:3] * np.pi * share, towards=sun[:3],
                      angle_rad=float(2 * half_angle), casts_shadow=casts)  # fmt: skip
    for name in ("lamp_a", "lamp_b", "lamp_c"):
        direction, rgb = scene_row(scene, name), scene_row(scene, f"{name}_rgb")[:3]
        if rgb.max() > 0:
            angle = np.interp(direction[3], [0, _MOST_WRAP], LAMP_ANGLE_RAD)
            _lamp(collection, "SUN", name, rgb * np.pi, towards=direction[:3], angle_rad=float(angle))


def _lamp(
    collection: bpy.types.Collection, kind: str, name: str, rgb: np.ndarray, *, at: np.ndarray | None = None,
    towards: np.ndarray | None = None, radius_m: float = 0.0, angle_rad: float = 0.0, casts_shadow: bool = True,
) -> bpy.types.Light | None:  # fmt: skip
    """Add a light and return it; none where it would be dark."""
    strength = float(rgb.max())
    if strength <= 0:
        return None
    light = bpy.data.lights.new(name, kind)
    light.color, light.energy = (rgb / strength).tolist(), strength
    light.use_shadow = casts_shadow
    if kind == "SUN":
        light.angle = angle_rad
    else:
        light.shadow_soft_size = radius_m
    lamp = bpy.data.objects.new(name, light)
    if towards is not None:
        lamp.rotation_mode = "QUATERNION"
        lamp.rotation_quaternion = Vector(towards.tolist()).to_track_quat("Z", "Y")
    if at is not None:
        lamp.location = at.tolist()
    collection.objects.link(lamp)
    return light


def _limit(light: bpy.types.Light, nearest_m2: float) -> None:
    """Let nothing be lit more than what is as near as the root of ``nearest_m2``."""
    light.use_nodes = True
    graph = Graph(light.node_tree)
    distance = graph.node("ShaderNodeLightPath").outputs["Ray Length"]
    share = graph.math("DIVIDE", graph.math("MULTIPLY", distance, distance), nearest_m2)
    emission = graph.node("ShaderNodeEmission", {"Strength": graph.math("MINIMUM", share, 1.0)})
    graph.node("ShaderNodeOutputLight", {"Surface": emission.outputs[0]})


def world_of(scene: Scene, pictures: BackdropPictures) -> bpy.types.World:
    """Return a world: the camera sees the painted backdrop, everything else is lit by an even sky.

    The light is that of the OpenGL shaders, sky from above and the ground's own from below.
    """
    world = bpy.data.worlds.new("backdrop")
    world.use_nodes = True
    graph = Graph(world.node_tree)
    direction = graph.node("ShaderNodeTexCoord").outputs["Generated"]
    up = graph.node("ShaderNodeSeparateXYZ", {0: direction}).outputs["Z"]
    sky, ground, zenith, horizon = (
        tuple(scene_row(scene, name)[:3].tolist()) for name in ("sky_rgb", "ground_rgb", "zenith", "horizon")
    )
    rgb = graph.mix(ground, sky, graph.math("GREATER_THAN", up, 0.0))
    mirrored = graph.mix(horizon, zenith, graph.ramp(up, 0.0, 0.57))  # up to a slope of 0.7, as the sky's shader
    rays = graph.node("ShaderNodeLightPath")
    rgb = graph.mix(rgb, mirrored, rays.outputs["Is Glossy Ray"])
    rgb = graph.mix(rgb, behind(graph, pictures), rays.outputs["Is Camera Ray"])
    background = graph.node("ShaderNodeBackground", {"Color": rgb, "Strength": 1.0})
    graph.node("ShaderNodeOutputWorld", {"Surface": background.outputs[0]})
    return world


def behind(graph: Graph, pictures: BackdropPictures) -> Socket:
    """Return the colour of the painted backdrop at a point of the picture."""
    image = bpy.data.images.get("behind") or image_of("behind", pictures.behind_rgb[::-1])
    return graph.picture(image, graph.on_screen(), "EXTEND").outputs["Color"]


def fogged(graph: Graph, scene: Scene, surface: Socket) -> Socket:
    """Return a surface seen through the scene's fog."""
    density, horizon = scene_row(scene, "ground_rgb")[3], scene_row(scene, "horizon")[:3]
    distance = graph.node("ShaderNodeCameraData").outputs["View Distance"]
    clear = graph.math("POWER", float(np.exp(-density)), distance)
    share = graph.math("MULTIPLY", graph.seen(), graph.math("SUBTRACT", 1.0, clear))
    return graph.blend(share, surface, graph.glow(tuple(horizon.tolist())))
