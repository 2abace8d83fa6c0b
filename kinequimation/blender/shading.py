"""Writing shader trees down as formulas: what every sampled material shares.

Blender's materials are graphs of nodes. A ``Graph`` makes the nodes of one while their inputs are written as ordinary
arguments, so that a formula of ``synth.glsl`` reads alike here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

Socket = Any
"""An output of a node, or a number or tuple that stands for one."""


class Graph:
    """The nodes of a material, a world or a light."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        tree.nodes.clear()
        self.tree = tree

    def node(self, kind: str, inputs: dict[int | str, Socket] | None = None, **settings: object) -> Any:
        """Add a node, its inputs by name or number, and return it."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    def math(self, operation: str, a: Socket, b: Socket = 0.0, c: Socket = 0.0) -> Socket:
        """Return a number worked out from up to three."""
        return self.node("ShaderNodeMath", {0: a, 1: b, 2: c}, operation=operation).outputs[0]

    def vector(self, operation: str, a: Socket, b: Socket = (0.0, 0.0, 0.0), c: Socket = (0.0, 0.0, 0.0)) -> Socket:
        """Return a vector (for DOT_PRODUCT and LENGTH, a number) worked out from up to three."""
        node = self.node("ShaderNodeVectorMath", {0: a, 1: b, 2: c}, operation=operation)
        return node.outputs["Value" if operation in ("DOT_PRODUCT", "LENGTH", "DISTANCE") else "Vector"]

    def scaled(self, vector: Socket, by: Socket) -> Socket:
        """Return a vector times a number."""
        return self.node("ShaderNodeVectorMath", {0: vector, "Scale": by}, operation="SCALE").outputs[0]

    def ramp(self, x: Socket, low: float, high: float, to_low: float = 0.0, to_high: float = 1.0) -> Socket:
        """Return smoothstep from ``low`` to ``high``, as GLSL has it, between two values."""
        inputs = {0: x, 1: low, 2: high, 3: to_low, 4: to_high}
        return self.node("ShaderNodeMapRange", inputs, interpolation_type="SMOOTHSTEP").outputs[0]

    def mix(self, a: Socket, b: Socket, share: Socket) -> Socket:
        """Return a colour between two."""
        node = self.node("ShaderNodeMix", {0: share, 6: _rgba(a), 7: _rgba(b)}, data_type="RGBA")
        return node.outputs[2]

    def times(self, a: Socket, b: Socket) -> Socket:
        """Return a colour times another."""
        return self.vector("MULTIPLY", a, b)

    def blend(self, share: Socket, a: Socket, b: Socket) -> Socket:
        """Return ``a``'s closure, and a share of ``b``'s."""
        return self.node("ShaderNodeMixShader", {0: share, 1: a, 2: b}).outputs[0]

    def picture(self, image: bpy.types.Image, at: Socket, extension: str = "REPEAT") -> Any:
        """Return the node that looks an image up."""
        return self.node("ShaderNodeTexImage", {"Vector": at}, image=image, extension=extension)

    def attribute(self, name: str) -> Any:
        """Return the node of a mesh's attribute."""
        return self.node("ShaderNodeAttribute", attribute_name=name)

    def glow(self, rgb: Socket) -> Socket:
        """Return a closure that shines of itself."""
        return self.node("ShaderNodeEmission", {"Color": _rgba(rgb), "Strength": 1.0}).outputs[0]

    def seen(self) -> Socket:
        """Return 1 for what the camera sees itself, 0 for what only throws light."""
        return self.node("ShaderNodeLightPath").outputs["Is Camera Ray"]

    def on_screen(self) -> Socket:
        """Return where in the camera's picture a point is: 0..1, from the lower left corner."""
        return self.node("ShaderNodeTexCoord").outputs["Window"]


def _rgba(rgb: Socket) -> Socket:
    return (*rgb[:3], 1.0) if not isinstance(rgb, bpy.types.NodeSocket) else rgb


def image_of(
    name: str, pixels: Float[np.ndarray, "h w c"] | UInt8[np.ndarray, "h w c"], space: str = "Non-Color"
) -> bpy.types.Image:
    """Return an image; row 0 of ``pixels`` is at v = 0, the bottom.

    Args:
        name: its name.
        pixels: linear values of any size, or bytes, which stand for 0 to 1.
        space: of the colours: "Non-Color" for values that are fetched as they are, "sRGB" for bytes that are colours.
    """
    height, width, channels = pixels.shape
    is_bytes = pixels.dtype == np.uint8
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., : max(channels, 3)] = pixels  # one channel is grey
    if is_bytes:
        rgba[..., : max(channels, 3)] *= np.float32(1 / 255)
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=not is_bytes)
    image.colorspace_settings.name = space
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def material_of(name: str, colour: Float[np.ndarray, " 3"], surface: Callable[[Graph], Socket]) -> bpy.types.Material:
    """Return a new material.

    Args:
        name: its name.
        colour: what it looks like on the whole, linear; ``flat`` shows it in this.
        surface: called with the material's ``Graph``; returns the closure of its surface.
    """
    material = bpy.data.materials.new(name)
    material.diffuse_color = (*np.clip(colour, 0, 1).tolist(), 1.0)
    material.use_nodes = True
    graph = Graph(material.node_tree)
    graph.node("ShaderNodeOutputMaterial", {"Surface": surface(graph)})
    material.cycles.emission_sampling = "NONE"  # fog and what lies behind shine for the camera alone
    return material
