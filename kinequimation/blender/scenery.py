"""A sampled scene in Blender: what ``synth.renderer`` draws by OpenGL, built for Cycles.

Horses and what lies on them come as meshes and textures from ``synth.baked``, everything else from ``props``,
``ground`` and ``sky``. Each object's ``pass_index`` is its number in the id buffer (``synth.scene``). Blender's own
light, shadows and reflections fall on it all; motion blur and the camera's noise are left to augmentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation.blender.cameras import place_camera
from kinequimation.blender.ground import add_ground
from kinequimation.blender.props import add_props, fill_mesh
from kinequimation.blender.shading import Graph, Socket, image_of, material_of
from kinequimation.blender.sky import add_light, fogged, world_of
from kinequimation.synth.baked import baked_meshes
from kinequimation.synth.baked_backdrop import bake_backdrop

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.geometry.camera import Camera
    from kinequimation.synth.atlas import SurfaceTexture
    from kinequimation.synth.baked import BakedMesh
    from kinequimation.synth.scene import Scene

TEXTURE_SIZE = 1024
_SHINE = 0.3
"""Most of the specular level. The shaders' highlights are the sun's alone; as bright ones would mirror the sky too, and
turn dark coats grey (by comparison)."""
_FEW = 8
"""Of so many rows and columns of a texture one is enough for its mean."""
_MADE = (
    "scenes", "objects", "meshes", "materials", "images", "lights", "cameras", "worlds", "armatures", "node_groups",
    "collections", "actions",
)  # fmt: skip
_BLENDERS_OWN = ("RENDER_RESULT", "COMPOSITING")
"""Images that Blender keeps for its results."""


@contextmanager
def forgetting() -> Iterator[None]:
    """Remove, at the end of the block, all that was made of Blender's data in it: memory stays flat frame by frame."""
    before = {kind: {data.as_pointer() for data in getattr(bpy.data, kind)} for kind in _MADE}
    kept = [(scene, scene.world, scene.camera) for scene in bpy.data.scenes]
    try:
        yield
    finally:
        for scene, world, camera in kept:
            scene.world, scene.camera = world, camera
        for kind in _MADE:
            made = [data for data in getattr(bpy.data, kind) if data.as_pointer() not in before[kind]]
            if kind == "images":
                made = [image for image in made if image.type not in _BLENDERS_OWN]
            bpy.data.batch_remove(made)


@dataclass(frozen=True)
class BuiltScene:
    """What ``build_scene`` made.

    Attributes:
        camera: the camera's object.
        surfaces: the horses' meshes and what lies on them, by the name of their object.
    """

    camera: bpy.types.Object
    surfaces: dict[str, BakedMesh]


def build_scene(
    scene: Scene, into: bpy.types.Scene, corner_uv: Float[np.ndarray, "f 3 2"], texture_size: int = TEXTURE_SIZE
) -> BuiltScene:
    """Build a sampled scene: camera, light, backdrop, ground, horses, props.

    Args:
        scene: what is in it.
        into: Blender's scene, whose camera, world and size of the picture are set.
        corner_uv: a layout of the template's faces for textures, as ``synth.atlas.bake_coat`` wants it.
        texture_size: of each horse's textures, pixels.

    Raises:
        MissingDependencyError: there is no OpenGL, which paints coats and backdrop.
    """
    collection = into.collection
    surfaces = {}
    for baked in baked_meshes(scene):
        placed = _add_surface(scene, baked, corner_uv, texture_size, collection)
        surfaces[placed.name] = baked
    pictures = bake_backdrop(scene)
    into.world = world_of(scene, pictures)
    points = np.concatenate([b.xyz_world for b in surfaces.values()])
    add_ground(scene, pictures, points, collection)
    add_light(scene, collection)
    add_props(scene, collection)
    return BuiltScene(_add_camera(scene.camera, into), surfaces)


def _add_camera(camera: Camera, into: bpy.types.Scene) -> bpy.types.Object:
    placed = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    place_camera(placed, camera)
    into.collection.objects.link(placed)
    into.camera = placed
    into.render.resolution_x, into.render.resolution_y = camera.width, camera.height
    return placed


def _add_surface(
    scene: Scene, baked: BakedMesh, corner_uv: np.ndarray, size: int, collection: bpy.types.Collection
) -> bpy.types.Object:
    """Add a horse's skin or a garment."""
    shape = bpy.data.meshes.new(baked.name)
    fill_mesh(shape, baked.xyz_world, baked.faces)
    uv = corner_uv[baked.template_face].astype(np.float32)
    shape.uv_layers.new(name="uv").uv.foreach_set("vector", uv.ravel())
    shape.polygons.foreach_set("use_smooth", np.ones(len(baked.faces), bool))
    shape.normals_split_custom_set_from_vertices(baked.normal_world.tolist())
    texture = baked.texture(corner_uv, size)
    is_there = texture.alpha[::_FEW, ::_FEW] > 127
    few = texture.rgb[::_FEW, ::_FEW][is_there] / 255.0
    mean = (few**2.2).mean(0) if len(few) else np.zeros(3)  # sRGB, nearly
    shape.materials.append(material_of(baked.name, mean, lambda graph: _coat(graph, scene, baked.name, texture)))
    placed = bpy.data.objects.new(baked.name, shape)
    placed.pass_index = baked.object_id
    collection.objects.link(placed)
    return placed


def _coat(graph: Graph, scene: Scene, name: str, texture: SurfaceTexture) -> Socket:
    """Return the closure of a baked surface: its colours and shine, holes where its hair or cloth ends."""
    colour = image_of(f"{name} colour", texture.rgba[::-1], "sRGB")
    finish = image_of(f"{name} finish", np.stack([texture.gloss, texture.ragged, texture.ragged], -1)[::-1])
    relief = image_of(f"{name} relief", texture.relief[::-1])
    at = graph.node("ShaderNodeUVMap", uv_map="uv").outputs[0]
    painted = graph.picture(colour, at, "EXTEND")
    gloss, ragged, _ = graph.node(
        "ShaderNodeSeparateColor", {0: graph.picture(finish, at, "EXTEND").outputs["Color"]}
    ).outputs
    place = graph.node("ShaderNodeNewGeometry")
    added = graph.picture(relief, at, "EXTEND").outputs["Color"]
    added = graph.vector("MULTIPLY_ADD", added, (2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))
    normal = graph.vector("ADD", place.outputs["Normal"], added)
    inputs = {
        "Base Color": painted.outputs["Color"],
        "Roughness": texture.roughness,
        "Specular IOR Level": graph.math("MINIMUM", graph.math("MULTIPLY", gloss, texture.reflectance / 0.08), _SHINE),
        "Normal": graph.vector("NORMALIZE", normal),
    }
    lit = fogged(graph, scene, graph.node("ShaderNodeBsdfPrincipled", inputs).outputs[0])
    is_there = graph.math("GREATER_THAN", painted.outputs["Alpha"], 0.5)
    # from within there is nothing, and the outline of a winter coat is ragged
    is_there = graph.math("MULTIPLY", is_there, graph.math("SUBTRACT", 1.0, place.outputs["Backfacing"]))
    if texture.ragged.any():
        slant = graph.math("ABSOLUTE", graph.vector("DOT_PRODUCT", place.outputs["Normal"], place.outputs["Incoming"]))
        is_there = graph.math("MULTIPLY", is_there, graph.math("GREATER_THAN", slant, ragged))
    return graph.blend(is_there, graph.node("ShaderNodeBsdfTransparent").outputs[0], lit)
