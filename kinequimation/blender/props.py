"""The things of a sampled scene: people, saddles, fences, grass, trees, water, dust.

``Scene.props`` holds instances of a few base meshes (``synth.meshes``). Those of one number in the id buffer and one
kind of surface become one mesh here, with colour and look as attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation.blender.shading import Graph, Socket, image_of, material_of
from kinequimation.blender.sky import fogged, scene_row
from kinequimation.synth.cards import CARDS, card_bank, card_layer
from kinequimation.synth.meshes import CARD_MESHES, VEIL, mesh
from kinequimation.synth.textures import texture_bank

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.synth.scene import Scene

_IS_SMOOTH = ("sphere", "tube", "ring", "saddle")
_CARD_ALPHA = 0.4
"""A card has a hole where its picture is less opaque, as in ``glsl.prop``."""
_UPRIGHT = 1.8
"""An upright card is met by little more than half of the light that level ground is, by which the shaders light
grass: its colours make up for it (by comparison)."""
_SHADE = card_layer("shade")
"""Painted shade under things: here light itself makes it."""


@dataclass(frozen=True)
class _Triangles:
    """Instances of base meshes, made into triangles.

    Attributes:
        xyz_world: [V, 3] metres.
        faces: [F, 3].
        uv: [F, 3, 2] where in its texture each corner is.
        rgb: [V, 3] linear colour.
        look: [F, 2] the second and third number of the look, see ``meshes.Props``.
        surface: [F] the look's first number, which says what kind of surface it is.
        is_smooth: [F].
    """

    xyz_world: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]
    uv: Float[np.ndarray, "f 3 2"]
    rgb: Float[np.ndarray, "v 3"]
    look: Float[np.ndarray, "f 2"]
    surface: Int[np.ndarray, " f"]
    is_smooth: np.ndarray


def _triangles(name: str, rows: Float[np.ndarray, "n 20"]) -> _Triangles:
    """Return instances of one base mesh as triangles, as ``PROP_VERTEX`` places them."""
    vertices, faces = mesh(name)
    n, v, f = len(rows), len(vertices), len(faces)
    local = np.broadcast_to(vertices[:, :3], (n, v, 3)).copy()
    local[..., :2] *= 1 + (rows[:, 15, None, None] - 1) * (local[..., 2:] * 0.5 + 0.5)
    placement = rows[:, :12].reshape(n, 3, 4)
    xyz = np.einsum("nab,nvb->nva", placement[..., :3], local) + placement[:, None, :, 3]
    if name in CARD_MESHES:
        uv = np.stack([local[..., 0] * 0.5 + 0.5, 1 - local[..., 2]], -1)[:, faces]
    else:
        # textures lie on the world's planes, whichever a face looks along most
        corners = xyz[:, faces]
        normal = np.abs(np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]))
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
        x, y, z = np.moveaxis(corners, -1, 0)
        is_level, is_along_y = (normal[..., 2] > 0.7)[..., None], (normal[..., 0] > normal[..., 1])[..., None]
        uv = np.stack([np.where(is_level, x, np.where(is_along_y, y, x)), np.where(is_level, y, z)], -1)
        uv *= rows[:, 17, None, None, None]
    return _Triangles(
        xyz.reshape(-1, 3),
        (faces + v * np.arange(n)[:, None, None]).reshape(-1, 3),
        uv.reshape(-1, 3, 2),
        np.repeat(rows[:, 12:15], v, axis=0),
        np.repeat(rows[:, 17:19], f, axis=0),
        np.repeat(np.round(rows[:, 16]).astype(int), f),
        np.full(n * f, name in _IS_SMOOTH),
    )


def _joined(parts: list[_Triangles]) -> _Triangles:
    starts = np.cumsum([0, *(len(p.xyz_world) for p in parts[:-1])])
    faces = np.concatenate([p.faces + start for p, start in zip(parts, starts, strict=True)])
    rest = {k: np.concatenate([getattr(p, k) for p in parts]) for k in _Triangles.__dataclass_fields__ if k != "faces"}
    return _Triangles(faces=faces, **rest)


def add_props(scene: Scene, collection: bpy.types.Collection) -> None:
    """Add everything in ``scene.props``; ``pass_index`` is its number in the id buffer."""
    groups: dict[tuple[int, bool], list[_Triangles]] = {}
    for name, rows in scene.props.items():
        rows = rows[np.round(rows[:, 16]) != -10 - _SHADE]
        for object_id in np.unique(rows[:, 19]):
            key = round(object_id), name == VEIL
            groups.setdefault(key, []).append(_triangles(name, rows[rows[:, 19] == object_id]))
    materials: dict[tuple[int, bool], bpy.types.Material] = {}
    for (object_id, is_veil), parts in groups.items():
        _add(scene, _joined(parts), object_id, is_veil, materials, collection)


def _add(
    scene: Scene, triangles: _Triangles, object_id: int, is_veil: bool,
    materials: dict[tuple[int, bool], bpy.types.Material], collection: bpy.types.Collection,
) -> None:  # fmt: skip
    name = f"{'veil' if is_veil else 'props'} {object_id}"
    shape = bpy.data.meshes.new(name)
    fill_mesh(shape, triangles.xyz_world, triangles.faces)
    shape.uv_layers.new(name="uv").uv.foreach_set("vector", triangles.uv.astype(np.float32).ravel())
    rgba = np.ones((len(triangles.rgb), 4), np.float32)
    rgba[:, :3] = triangles.rgb
    shape.attributes.new("rgb", "FLOAT_COLOR", "POINT").data.foreach_set("color", rgba.ravel())
    for i, attribute in enumerate(("second", "third")):
        values = triangles.look[:, i].astype(np.float32)
        shape.attributes.new(attribute, "FLOAT", "FACE").data.foreach_set("value", values)
    surfaces, slot = np.unique(triangles.surface, return_inverse=True)
    for surface in surfaces:
        key = int(surface), is_veil
        if key not in materials:
            own = triangles.faces[triangles.surface == surface]
            materials[key] = _material(scene, *key, triangles.rgb[own].mean((0, 1)))
        shape.materials.append(materials[key])
    shape.polygons.foreach_set("material_index", slot.ravel().astype(np.int32))
    shape.polygons.foreach_set("use_smooth", triangles.is_smooth)
    shape.update()
    placed = bpy.data.objects.new(name, shape)
    placed.pass_index = object_id
    placed.visible_shadow = not is_veil  # dust would darken itself, card by card
    collection.objects.link(placed)


def fill_mesh(shape: bpy.types.Mesh, xyz: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> None:
    """Give an empty mesh its vertices and triangles."""
    shape.vertices.add(len(xyz))
    shape.vertices.foreach_set("co", np.ascontiguousarray(xyz, np.float32).ravel())
    shape.loops.add(3 * len(faces))
    shape.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    shape.polygons.add(len(faces))
    shape.polygons.foreach_set("loop_start", np.arange(0, 3 * len(faces), 3, dtype=np.int32))
    shape.update(calc_edges=True)


def _material(scene: Scene, surface: int, is_veil: bool, mean: Float[np.ndarray, " 3"]) -> bpy.types.Material:
    """Return the material of a surface: a texture's number, −1 plain, −2 lit as the ground is, or a card's picture."""
    if surface < -9:
        name, make = CARDS[-10 - surface], _veil if is_veil else _card
    elif is_veil:
        name, make = "water", _water
    else:
        name, make = f"solid {surface}", _solid
    return material_of(name, mean, lambda graph: make(graph, scene, surface))


def _number(graph: Graph, name: str) -> Socket:
    return graph.attribute(name).outputs["Fac"]


def _solid(graph: Graph, scene: Scene, surface: int) -> Socket:
    rgb = graph.attribute("rgb").outputs["Color"]
    if surface >= 0:
        texture = graph.picture(_texture(surface), graph.node("ShaderNodeUVMap", uv_map="uv").outputs[0])
        value = texture.outputs["Color"]
        pattern = graph.scaled(graph.times(value, value), 3.2)
        rgb = graph.times(rgb, graph.mix((1.0, 1.0, 1.0), pattern, _number(graph, "third")))
    place = graph.node("ShaderNodeNewGeometry")
    normal = place.outputs["Normal"]
    if surface < -1:
        normal = graph.vector("MULTIPLY_ADD", normal, (0.3, 0.3, 0.0), (0.0, 0.0, 1.0))
    else:
        noise = graph.node("ShaderNodeTexNoise", {"Vector": place.outputs["Position"], "Scale": 6.0, "Detail": 3.0})
        rgb = graph.scaled(rgb, graph.math("MULTIPLY_ADD", noise.outputs[0], 0.4, 0.8))
        normal = graph.vector("ADD", normal, graph.vector("MULTIPLY_ADD", noise.outputs[1], (0.35,) * 3, (-0.175,) * 3))
    inputs = {
        "Base Color": rgb,
        "Roughness": 0.7,
        "Specular IOR Level": 0.2,
        "Normal": graph.vector("NORMALIZE", normal),
    }
    return fogged(graph, scene, graph.node("ShaderNodeBsdfPrincipled", inputs).outputs[0])


def _leaf(graph: Graph, rgb: Socket) -> Socket:
    """Return the closure of something thin, which half of the light passes through."""
    back = graph.node("ShaderNodeBsdfTranslucent", {"Color": rgb}).outputs[0]
    return graph.blend(0.5, graph.node("ShaderNodeBsdfDiffuse", {"Color": rgb}).outputs[0], back)


def _card_picture(graph: Graph, surface: int) -> tuple[Socket, Socket]:
    """Return the colour and the opacity of a card's picture."""
    picture = graph.picture(_picture(-10 - surface), graph.node("ShaderNodeUVMap", uv_map="uv").outputs[0], "EXTEND")
    rgb = graph.scaled(graph.times(graph.attribute("rgb").outputs["Color"], picture.outputs["Color"]), 2.0)
    return rgb, picture.outputs["Alpha"]


def _card(graph: Graph, scene: Scene, surface: int) -> Socket:
    rgb, opacity = _card_picture(graph, surface)
    # leaves let light through; grass, whose third number is 0, is lit as level ground is
    is_grass = graph.math("LESS_THAN", _number(graph, "third"), 1e-3)
    more = graph.math("MULTIPLY_ADD", is_grass, _UPRIGHT - 1, 1.0)
    rgb = graph.scaled(rgb, graph.math("MULTIPLY_ADD", _number(graph, "third"), 0.7, more))
    rgb = graph.vector("MINIMUM", rgb, (0.95,) * 3)
    hole = graph.node("ShaderNodeBsdfTransparent").outputs[0]
    is_there = graph.math("GREATER_THAN", opacity, _CARD_ALPHA)
    return graph.blend(is_there, hole, fogged(graph, scene, _leaf(graph, rgb)))


def _veil(graph: Graph, scene: Scene, surface: int) -> Socket:
    rgb, opacity = _card_picture(graph, surface)
    share = graph.math("MULTIPLY", opacity, _number(graph, "second"))
    clear = graph.node("ShaderNodeBsdfTransparent").outputs[0]
    return graph.blend(share, clear, fogged(graph, scene, _leaf(graph, rgb)))


def _water(graph: Graph, scene: Scene, surface: int) -> Socket:
    """Return water's closure: waves tilt it, and what it hides and mirrors follows from the angle (Schlick, 0.02)."""
    place = graph.node("ShaderNodeNewGeometry")
    offset = tuple((scene_row(scene, "offset")[:2] * 10).tolist())
    at = graph.scaled(graph.vector("ADD", place.outputs["Position"], (*offset, 0.0)), _number(graph, "third"))
    x, y, _ = graph.node("ShaderNodeSeparateXYZ", {0: at}).outputs
    turned = graph.scaled(graph.node("ShaderNodeCombineXYZ", {0: y, 1: x}).outputs[0], 0.43)
    a, b = (
        graph.node("ShaderNodeSeparateColor", {0: graph.picture(_texture(surface), uv).outputs["Color"]}).outputs
        for uv in (at, turned)
    )
    tilt = graph.node("ShaderNodeCombineXYZ", {0: a[0], 1: b[1], 2: 0.0}).outputs[0]
    tilt = graph.vector("MULTIPLY_ADD", tilt, (0.35, 0.35, 0.0), (-0.175, -0.175, 1.0))
    normal = graph.vector("NORMALIZE", tilt)
    level = graph.math("MAXIMUM", graph.vector("DOT_PRODUCT", normal, place.outputs["Incoming"]), 0.0)
    mirror = graph.math("MULTIPLY_ADD", graph.math("POWER", graph.math("SUBTRACT", 1.0, level), 5.0), 0.98, 0.02)
    rgb = graph.attribute("rgb").outputs["Color"]
    green = graph.node("ShaderNodeSeparateColor", {0: rgb}).outputs[1]
    opacity = _number(graph, "second")
    share = graph.math(
        "MULTIPLY_ADD", graph.math("SUBTRACT", 1.0, opacity), graph.math("MULTIPLY", mirror, 0.5), opacity
    )
    ripple = graph.math("MULTIPLY", graph.math("SUBTRACT", b[0], 0.5), graph.math("MULTIPLY", green, 0.25))
    share = graph.math("MULTIPLY", share, graph.math("SUBTRACT", 1.0, ripple))
    body = graph.node("ShaderNodeBsdfDiffuse", {"Color": rgb, "Normal": normal}).outputs[0]
    polished = graph.node("ShaderNodeBsdfGlossy", {"Color": (1.0,) * 4, "Roughness": 0.08, "Normal": normal}).outputs[0]
    lit = fogged(graph, scene, graph.blend(mirror, body, polished))
    return graph.blend(share, graph.node("ShaderNodeBsdfTransparent").outputs[0], lit)


def _texture(layer: int) -> bpy.types.Image:
    name = f"texture {layer}"
    return bpy.data.images.get(name) or image_of(name, texture_bank()[layer])


def _picture(number: int) -> bpy.types.Image:
    name = f"card {number}"
    return bpy.data.images.get(name) or image_of(name, card_bank()[number])
