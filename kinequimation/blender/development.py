"""From Cycles' light to pixels as a sampled scene's camera shows them: ``displayed`` of ``glsl.common``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from kinequimation.blender.compositor import empty_compositor, math_node
from kinequimation.synth.tone import TOE, camera_of

if TYPE_CHECKING:
    from jaxtyping import Float


def develop(scene: bpy.types.Scene, rows: Float[np.ndarray, "fields 4"]) -> None:
    """Have Blender's compositor turn what a scene renders into pixels, in place of a view transform.

    Args:
        scene: Blender's.
        rows: ``Scene.rows`` of the sampled one.
    """
    scene.view_settings.view_transform, scene.view_settings.look = "Raw", "None"
    scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0
    render = scene.render
    render.dither_intensity, render.compositor_precision = 0.0, "FULL"
    tree, result = empty_compositor(scene)

    def fed(node: Any, *inputs: Any) -> Any:
        for socket, value in zip(node.inputs, inputs, strict=False):
            if isinstance(value, bpy.types.NodeSocket):
                tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def math(operation: str, a: Any, b: Any = 0.0, c: Any = 0.0) -> Any:
        return fed(math_node(tree, operation), a, b, c).outputs[0]

    camera = camera_of(rows)
    layers, split, joined = (
        tree.nodes.new(f"CompositorNode{kind}") for kind in ("RLayers", "SeparateColor", "CombineColor")
    )
    layers.scene = scene
    light = fed(split, layers.outputs["Image"]).outputs
    shown = []
    for row in camera.mixing * camera.gain:  # each channel a mixture of all three
        value = math("MULTIPLY", light[0], float(row[0]))
        for socket, weight in zip(light[1:3], row[1:], strict=True):
            value = math("MULTIPLY_ADD", socket, float(weight), value)
        value = math("EXPONENT", math("MULTIPLY", math("MAXIMUM", value, 0.0), -1.2))
        value = math("MINIMUM", math("MULTIPLY_ADD", value, -1.04, 1.04), 1.0)
        value = math("POWER", value, camera.contrast)
        bent = math("MULTIPLY", math("MULTIPLY", value, value), math("MULTIPLY_ADD", value, -2.0, 3.0))
        shown.append(math("MULTIPLY_ADD", math("SUBTRACT", bent, value), TOE, value))
    fed(result, fed(joined, *shown).outputs[0])
