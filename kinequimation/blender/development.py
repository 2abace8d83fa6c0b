"""From Cycles' light to pixels as a sampled scene's camera shows them: ``displayed`` of ``glsl.common``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

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
    render.use_compositing, render.dither_intensity, render.compositor_precision = True, 0.0, "FULL"
    scene.use_nodes = True
    nodes, links = scene.node_tree.nodes, scene.node_tree.links
    nodes.clear()

    def made(kind: str, *inputs: Any, **settings: object) -> Any:
        node = nodes.new(f"CompositorNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        for socket, value in zip(node.inputs, inputs, strict=False):
            if isinstance(value, bpy.types.NodeSocket):
                links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def math(operation: str, a: Any, b: Any = 0.0, c: Any = 0.0) -> Any:
        return made("Math", a, b, c, operation=operation).outputs[0]

    camera = camera_of(rows)
    layers = made("RLayers")
    layers.scene = scene
    light = made("SeparateColor", layers.outputs["Image"]).outputs
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
    made("Composite", made("CombineColor", *shown).outputs[0])
