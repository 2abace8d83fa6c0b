"""The ground of a sampled scene: a plane in the painted ground's colours, with light and shadows of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation.blender.shading import Graph, Socket, image_of, material_of
from kinequimation.blender.sky import behind, fogged, scene_row

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.synth.baked_backdrop import BackdropPictures
    from kinequimation.synth.scene import Scene

_HALF_M = 3000.0
"""Half side of the plane: the shaders' ground ends at 2 km."""
_CLEAR_M = 1e-3


def add_ground(
    scene: Scene, pictures: BackdropPictures, xyz_world: Float[np.ndarray, "n 3"], collection: bpy.types.Collection
) -> None:
    """Add the ground at its surface's height, unless the backdrop is a picture without one.

    Where hooves do not sink in, OpenGL draws the ground behind everything: nothing is below it. So here it lies just
    below the lowest of what stands on it.

    Args:
        scene: the scene.
        pictures: its painted backdrop.
        xyz_world: points of the horses, metres.
        collection: where to put it.
    """
    if scene.is_picture:
        return
    level = scene.cover_m if scene.cover_m > 0 else min(0.0, float(xyz_world[:, 2].min()) - _CLEAR_M)
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * _HALF_M + [0, 0, level]
    mesh = bpy.data.meshes.new("ground")
    mesh.from_pydata(corners.tolist(), [], [(0, 1, 2, 3)])
    mean = 0.5 * (scene_row(scene, "soil_a")[:3] + scene_row(scene, "soil_b")[:3])
    mesh.materials.append(material_of("ground", mean, lambda graph: _surface(graph, scene, pictures, mean)))
    collection.objects.link(bpy.data.objects.new("ground", mesh))


def _surface(graph: Graph, scene: Scene, pictures: BackdropPictures, mean: Float[np.ndarray, " 3"]) -> Socket:
    """Return the ground's closure: its colours where the camera sees it, their mean for the light it throws back."""
    share = pictures.ground_share[..., None]
    painted = graph.picture(
        image_of("ground", np.concatenate([pictures.ground_rgb, share], -1)[::-1]), graph.on_screen(), "EXTEND"
    )
    rgb = graph.mix(tuple(mean.tolist()), painted.outputs["Color"], graph.seen())
    surface = graph.node("ShaderNodeBsdfDiffuse", {"Color": rgb}).outputs[0]
    if pictures.mirror.any():
        # wet ground is darker, and mirrors the sky in its puddles
        mirror = graph.picture(
            image_of("puddles", pictures.mirror[::-1, :, None]), graph.on_screen(), "EXTEND"
        ).outputs["Color"]
        polished = graph.node("ShaderNodeBsdfGlossy", {"Color": (1.0, 1.0, 1.0, 1.0), "Roughness": 0.15}).outputs[0]
        surface = graph.blend(mirror, surface, polished)
    surface = fogged(graph, scene, surface)
    is_behind = graph.math("MULTIPLY", graph.seen(), graph.math("SUBTRACT", 1.0, painted.outputs["Alpha"]))
    return graph.blend(is_behind, surface, graph.glow(behind(graph, pictures)))
