"""The horses of a scene as plain meshes and textures, for a renderer that does not have our shaders.

The skin is posed as the shaders pose it. A garment is the piece of skin that its layer may lie on, moved outwards by
the garment's own vertex shader, whose output is read back; where cloth or leather is, says its texture's alpha.
Riders, saddles and whatever else stands in a scene are ``Scene.props``.

To show what ``renderer`` shows: cull back faces (from within, a rug or a lock of hair is not there), and interpolate
``normal_world`` for light, which is that of the template, posed, and not that of the displaced mesh.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body.horse import load_template
from kinequimation.dataset.visibility import NO_SEGMENT
from kinequimation.synth.atlas import SurfaceTexture, bake_coat, bake_garment
from kinequimation.synth.drawn_mesh import drawn_mesh
from kinequimation.synth.garments import LayerFaces
from kinequimation.synth.glsl.garment import GARMENT_VERTEX
from kinequimation.synth.renderer import Renderer, renderer
from kinequimation.synth.scene import TACK_ID

if TYPE_CHECKING:
    from typing import Any

    from jaxtyping import Float, Int

    from kinequimation.synth.scene import HorseInScene, Scene


@dataclass(frozen=True)
class BakedMesh:
    """A horse's skin and hair, or a layer of garments on it.

    Attributes:
        name: ``horse0``, or ``horse0.rug`` for a layer of what it wears; the number counts ``Scene.horses``.
        layer: one of ``garments.LAYERS``; empty for the skin.
        xyz_world: [V, 3] metres.
        normal_world: [V, 3] unit vectors, outwards.
        faces: [F, 3] indices of vertices, counter-clockwise from outside.
        template_face: [F] each face's number in ``Template.faces``, so ``corner_uv[template_face]`` is its place in a
            layout of the template.
        object_id: what the renderer writes into its id buffer: the horse's number, or ``TACK_ID``.
        segment: [V] the joint with the largest skin weight, an index into ``skeleton.JOINTS``; ``NO_SEGMENT`` for
            garments.
        material: [F] an index into ``body.MATERIALS``: what the face is, or what lies below a garment.
    """

    name: str
    layer: str
    xyz_world: Float[np.ndarray, "v 3"]
    normal_world: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]
    template_face: Int[np.ndarray, " f"]
    object_id: int
    segment: Int[np.ndarray, " v"]
    material: Int[np.ndarray, " f"]
    _rows: Float[np.ndarray, "fields 4"] = field(repr=False)

    @property
    def face_segment(self) -> Int[np.ndarray, " f"]:
        """What the id buffer holds of ``segment`` where a face is seen: that of its last vertex."""
        return self.segment[self.faces[:, 2]]

    def texture(self, corner_uv: Float[np.ndarray, "f 3 2"], size: int = 1024) -> SurfaceTexture:
        """Return what the surface looks like.

        Args:
            corner_uv: a layout of all the template's faces, see ``atlas.bake_coat``.
            size: of the texture, pixels.

        Raises:
            InputError: the layout or the size is not what was expected.
            MissingDependencyError: moderngl or the system's OpenGL is missing.
        """
        if self.layer:
            return bake_garment(self._rows, self.layer, self.template_face, corner_uv, size)
        return bake_coat(self._rows, corner_uv, size)


def baked_meshes(scene: Scene) -> list[BakedMesh]:
    """Return each horse of a scene, then what lies on its skin.

    Raises:
        MissingDependencyError: moderngl or the system's OpenGL is missing, and a horse wears something.
    """
    meshes = []
    for i, horse in enumerate(scene.horses):
        meshes.append(_skin(f"horse{i}", horse))
        if horse.garments is not None:
            meshes.extend(_worn(f"horse{i}", horse, horse.garments))
    return meshes


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _skin(name: str, horse: HorseInScene) -> BakedMesh:
    template = load_template()
    blended = (template.weights @ horse.bone_rows.reshape(-1, 12)).reshape(-1, 3, 4)
    normal = _template_normals()
    return BakedMesh(
        name=name,
        layer="",
        xyz_world=np.einsum("vab,vb->va", blended[..., :3], horse.rest_vertices) + blended[..., 3],
        normal_world=_unit(np.einsum("vab,vb->va", blended[..., :3], normal)),
        faces=template.faces,
        template_face=np.arange(len(template.faces)),
        object_id=horse.object_id,
        segment=template.weights.argmax(1),
        material=template.face_material,
        _rows=horse.coat,
    )


def _worn(name: str, horse: HorseInScene, garments: np.ndarray) -> list[BakedMesh]:
    layers = _layer_faces().worn(garments)
    if not layers:
        return []
    xyz, normal = _displacer(renderer()).displaced(horse, garments)
    template, drawn = load_template(), drawn_mesh()
    meshes = []
    for layer, faces in layers.items():
        template_face = _template_face(faces)
        # one vertex for each of the template's: how far it is moved does not depend on the material
        source, first, vertex = np.unique(drawn.source[faces], return_index=True, return_inverse=True)
        used = faces.ravel()[first]
        meshes.append(
            BakedMesh(
                name=f"{name}.{layer}",
                layer=layer,
                xyz_world=xyz[used],
                normal_world=_unit(normal[used]),
                faces=vertex.reshape(-1, 3),
                template_face=template_face,
                object_id=TACK_ID,
                segment=np.full(len(source), NO_SEGMENT),
                material=template.face_material[template_face],
                _rows=garments,
            )
        )
    return meshes


@lru_cache(maxsize=1)
def _template_normals() -> Float[np.ndarray, "v 3"]:
    drawn = drawn_mesh()
    normal = np.empty((len(load_template().vertices), 3))
    normal[drawn.source] = drawn.columns["in_normal"]
    return normal


@lru_cache(maxsize=1)
def _layer_faces() -> LayerFaces:
    drawn = drawn_mesh()
    return LayerFaces.of(drawn.columns["in_template"], drawn.faces, load_template().face_material)


def _face_key(faces: np.ndarray) -> np.ndarray:
    a, b, c = faces.T.astype(np.int64)
    n = len(drawn_mesh().source)
    return (a * n + b) * n + c


@lru_cache(maxsize=1)
def _sorted_keys() -> tuple[np.ndarray, np.ndarray]:
    key = _face_key(drawn_mesh().faces)
    order = np.argsort(key)
    return key[order], order


def _template_face(faces: np.ndarray) -> Int[np.ndarray, " f"]:
    """Return the numbers of faces of ``drawn_mesh``, which are also the template's."""
    key, order = _sorted_keys()
    return order[np.searchsorted(key, _face_key(faces))]


class _Displacer:
    """The garments' vertex shader, with its results written to a buffer instead of drawn."""

    def __init__(self, gl: Renderer) -> None:
        self._gl = gl
        program = gl.ctx.program(vertex_shader=GARMENT_VERTEX, varyings=("world", "normal"))
        self._vertex_array: Any = gl.vertex_array(program, gl.horse_content, None)
        self._n = len(drawn_mesh().source)
        self._result = gl.ctx.buffer(reserve=self._n * 6 * 4)
        # nothing is drawn into it, but without a framebuffer OpenGL draws nothing, and writes no results
        self._target = gl.ctx.framebuffer([gl.ctx.texture((1, 1), 4)])

    def displaced(self, horse: HorseInScene, garments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where each vertex of ``drawn_mesh`` is moved to, world metres, and its normal."""
        gl = self._gl
        gl.load_horse(horse)
        gl.set_uniform(self._vertex_array.program, "garment", np.asarray(garments, "f4").tobytes())
        self._target.use()
        self._vertex_array.transform(self._result, gl.ctx.POINTS, vertices=self._n)
        result = np.frombuffer(self._result.read(), np.float32).reshape(-1, 6).astype(float)
        return result[:, :3], result[:, 3:]


@lru_cache(maxsize=1)
def _displacer(gl: Renderer) -> _Displacer:
    return _Displacer(gl)
