"""Baking: what the OpenGL shaders say of a coat or a garment, as textures for any renderer.

The shaders of ``glsl`` stay the one definition of what a horse looks like. Here the template's triangles are drawn
flat, each at its place in the texture, through the same GLSL up to where light begins. Nothing of the body's shape and
pose goes into a texture: one serves a horse in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from kinequimation.body.horse import load_template
from kinequimation.errors import InputError
from kinequimation.synth.coat_fields import COAT_FIELDS
from kinequimation.synth.drawn_mesh import drawn_mesh
from kinequimation.synth.garments import GARMENT_FIELDS, LAYERS
from kinequimation.synth.glsl.bake import BAKE_VERTEX
from kinequimation.synth.glsl.garment import GARMENT_BAKE_FRAGMENTS, HIGHLIGHT_EXPONENT
from kinequimation.synth.glsl.horse import COAT_BAKE_FRAGMENT
from kinequimation.synth.renderer import Renderer, renderer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, UInt8

MIN_SIZE, MAX_SIZE = 16, 8192
"""Of a texture, pixels; 8192 is what every OpenGL 3.3 card draws into."""
_REACH = 1 / 64
"""How far around charts their values are spread, of the texture's width: enough down to the mipmap of 64 texels."""


@dataclass(frozen=True)
class SurfaceTexture:
    """What a surface looks like without light, over a UV layout; row 0 is the top, where v = 1.

    A texel in row i and column k shows u = (k + ½) / size and v = 1 − (i + ½) / size: Blender's and OpenGL's v runs up,
    glTF's is 1 − v. Around charts, and where ``alpha`` is 0, the values of the nearest texel go on, so that no filter
    shows a seam; far from everything there is the mean.

    Attributes:
        rgb: [size, size, 3] albedo, sRGB.
        alpha: [size, size] 0 where there is nothing: the gaps in the ragged ends of hair, or no cloth. Cut it at one
            half; a surface is as opaque as its outline is sharp.
        gloss: [size, size] how bright the middle of a highlight is: 255 as bright as white cloth that faces the sun.
            In our shader the sky shines in it less than in a physically based one, where dark coats turn paler.
        ragged: [size, size] a winter coat's outline: there is nothing where 255 · |cos of the angle between normal and
            view| is below this. 0 all over for short coats and garments.
        relief: [size, size, 3] what is added to the unit normal in the world's axes before it is made a unit vector
            again, as 2 · value / 255 − 1.
        exponent: of the highlight, as in Blinn and Phong's model.
    """

    rgb: UInt8[np.ndarray, "size size 3"]
    alpha: UInt8[np.ndarray, "size size"]
    gloss: UInt8[np.ndarray, "size size"]
    ragged: UInt8[np.ndarray, "size size"]
    relief: UInt8[np.ndarray, "size size 3"]
    exponent: float

    @property
    def roughness(self) -> float:
        """Roughness of a physically based shader (Blender's, glTF's) with a highlight as wide: √α, α² = 2 / (n + 2).

        B. Walter et al., Microfacet Models for Refraction through Rough Surfaces, 2007, section 5.2, match the lobes of
        Phong's exponent n and of Beckmann's α so; GGX has the same α.
        """
        return float((2.0 / (self.exponent + 2.0)) ** 0.25)

    @property
    def reflectance(self) -> float:
        """Reflectance at normal incidence, F₀, of such a shader with as bright a highlight where ``gloss`` is 255.

        Light straight onto a surface comes straight back as F₀ / (4 α²) of what white cloth would show. Blender's
        "Specular IOR Level" is F₀ / 0.08, glTF's ``specularFactor`` F₀ / 0.04.
        """
        return 8.0 / (self.exponent + 2.0)

    @property
    def rgba(self) -> UInt8[np.ndarray, "size size 4"]:
        """Colour and alpha in one picture."""
        return np.concatenate([self.rgb, self.alpha[..., None]], -1)


def bake_coat(
    coat: Float[np.ndarray, "fields 4"], corner_uv: Float[np.ndarray, "f 3 2"], size: int = 1024
) -> SurfaceTexture:
    """Return a coat as textures.

    Args:
        coat: the shader's four-vectors, as ``coat.sample_coat`` and ``coat.named_coat`` return them.
        corner_uv: where each corner of each of the template's faces lies, in the order of ``Template.faces``; u and v
            in 0..1, v up. No two faces may overlap.
        size: of the texture, pixels.

    Raises:
        InputError: the coat, the layout or the size is not what was expected.
        MissingDependencyError: moderngl or the system's OpenGL is missing.
    """
    coat = _rows("coat", coat, COAT_FIELDS)
    exponent = float(coat[COAT_FIELDS.index("gloss"), 1])
    faces = np.arange(len(_checked(corner_uv, size)))
    return _baker(renderer()).bake("coat", coat, corner_uv, faces, size, exponent)


def bake_garment(
    garments: Float[np.ndarray, "fields 4"],
    layer: str,
    faces: Int[np.ndarray, " n"],
    corner_uv: Float[np.ndarray, "f 3 2"],
    size: int = 1024,
) -> SurfaceTexture:
    """Return a layer of garments as textures.

    Args:
        garments: the shader's four-vectors, in the order of ``garments.GARMENT_FIELDS``.
        layer: one of ``garments.LAYERS``.
        faces: the template's faces that it can lie on.
        corner_uv: as in ``bake_coat``, of all the template's faces.
        size: of the texture, pixels.

    Raises:
        InputError: the garments, the layer, the layout or the size is not what was expected.
        MissingDependencyError: moderngl or the system's OpenGL is missing.
    """
    if layer not in LAYERS:
        raise InputError(f"expected a layer of garments, one of {', '.join(LAYERS)}; got {layer!r}")
    garments = _rows("garment", garments, GARMENT_FIELDS)
    _checked(corner_uv, size)
    return _baker(renderer()).bake(layer, garments, corner_uv, faces, size, HIGHLIGHT_EXPONENT)


def _rows(name: str, rows: np.ndarray, fields: tuple[str, ...]) -> np.ndarray:
    rows = np.asarray(rows, float)
    if rows.shape != (len(fields), 4) or not np.isfinite(rows).all():
        raise InputError(f"expected a {name} of {len(fields)} × 4 finite numbers, got shape {rows.shape}")
    return rows


def _checked(corner_uv: np.ndarray, size: int) -> np.ndarray:
    expected = (len(load_template().faces), 3, 2)
    if np.shape(corner_uv) != expected:
        raise InputError(
            f"expected the uv of each corner of the template's faces, {expected}, got {np.shape(corner_uv)}"
        )
    if not (np.isfinite(corner_uv).all() and np.min(corner_uv) >= 0 and np.max(corner_uv) <= 1):
        raise InputError("expected u and v between 0 and 1: pack the islands into the unit square")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"expected a texture of {MIN_SIZE} to {MAX_SIZE} pixels, got {size}")
    return corner_uv


class _Baker:
    """The programs that draw textures, each made when it is first needed."""

    def __init__(self, gl: Renderer) -> None:
        self._gl = gl
        self._vertex_arrays: dict[str, Any] = {}
        template = drawn_mesh()
        corners = template.faces.ravel()
        static = np.concatenate([column[corners] for column in template.columns.values()], axis=1).astype("f4")
        layout = " ".join(f"{column.shape[1]}f" for column in template.columns.values())
        self._uv = gl.ctx.buffer(reserve=len(corners) * 8)
        self._content = [
            (gl.ctx.buffer(static.tobytes()), layout, tuple(template.columns)),
            (self._uv, "2f", ("in_uv",)),
        ]
        self._index = gl.ctx.buffer(reserve=len(corners) * 4)

    def _vertex_array(self, what: str) -> Any:
        if what not in self._vertex_arrays:
            fragment = COAT_BAKE_FRAGMENT if what == "coat" else GARMENT_BAKE_FRAGMENTS[what]
            program = self._gl.ctx.program(vertex_shader=BAKE_VERTEX, fragment_shader=fragment)
            self._gl.set_samplers(program)
            self._vertex_arrays[what] = self._gl.vertex_array(program, self._content, self._index)
        return self._vertex_arrays[what]

    def bake(
        self, what: str, rows: np.ndarray, corner_uv: np.ndarray, faces: np.ndarray, size: int, exponent: float
    ) -> SurfaceTexture:
        """Draw faces with the shader of the coat or of a layer of garments.

        Args:
            what: ``coat``, or one of ``garments.LAYERS``.
            rows: what that shader reads.
            corner_uv, faces, size: as for ``bake_garment``.
            exponent: of its highlight.
        """
        gl, ctx = self._gl, self._gl.ctx
        vertex_array = self._vertex_array(what)
        gl.set_uniform(vertex_array.program, "coat" if what == "coat" else "garment", rows.astype("f4").tobytes())
        self._uv.write(np.ascontiguousarray(corner_uv, "f4").tobytes())
        self._index.write((3 * np.asarray(faces)[:, None] + np.arange(3)).astype("i4").tobytes())
        textures = [ctx.texture((size, size), 4) for _ in range(3)]
        target = ctx.framebuffer(textures)
        try:
            target.use()
            target.clear()
            ctx.enable_only(ctx.NOTHING)
            gl.use_textures()
            vertex_array.render(vertices=3 * len(faces))
            albedo, surface, relief = (
                np.frombuffer(target.read(components=4, attachment=i), np.uint8).reshape(size, size, 4)
                for i in range(3)
            )
        finally:
            target.release()
            for texture in textures:
                texture.release()
        # at a chart's outline the cloth goes on in another chart: alpha is spread over the gap like everything else
        is_inside = surface[..., 3] > 0
        alpha = _spread(albedo[..., 3:], is_inside)
        is_seen = is_inside & (albedo[..., 3] > 0)
        look = _spread(np.concatenate([albedo[..., :3], surface[..., :2], relief[..., :3]], -1), is_seen)
        return SurfaceTexture(look[..., :3], alpha[..., 0], look[..., 3], look[..., 4], look[..., 5:], exponent)


def _spread(
    values: UInt8[np.ndarray, "h w channels"], is_drawn: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w channels"]:
    """Return a picture in which texels that were not drawn have the nearest one's values, or far away the mean."""
    if not is_drawn.any():
        return values
    distance, at = np.empty(is_drawn.shape), np.empty((2, *is_drawn.shape), np.int32)
    distance_transform_edt(~is_drawn, distances=distance, indices=at, return_indices=True)
    spread = values[tuple(at)]
    spread[distance > _REACH * len(values)] = values[is_drawn].mean(0).round()
    return spread


@lru_cache(maxsize=1)
def _baker(gl: Renderer) -> _Baker:
    return _Baker(gl)
