"""The OpenGL renderer: draws a ``Scene`` into colour, ids and depth. The only importer of moderngl.

It runs through EGL, so no window is needed: Mesa's llvmpipe on a CPU, the same shaders on a GPU. There is one context
a process, made when first asked for. Image rows run down in OpenGL's rows too (the projection flips them), and the
projection maps the *centre* of the top-left pixel to (0, 0), so nothing has to be flipped or shifted afterwards.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.body.horse import MATERIALS
from kinequimation.errors import MissingDependencyError
from kinequimation.synth.cards import card_bank
from kinequimation.synth.coat_fields import COAT_FIELDS
from kinequimation.synth.drawn_mesh import drawn_mesh
from kinequimation.synth.garments import LayerFaces
from kinequimation.synth.glsl import backdrop, common, garment, prop, smooth
from kinequimation.synth.glsl import horse as horse_glsl
from kinequimation.synth.meshes import CARD_MESHES, MESHES, VEIL, mesh
from kinequimation.synth.scene import OBJECT_ID, HorseInScene, Scene
from kinequimation.synth.textures import noise_volume, texture_bank

if TYPE_CHECKING:
    import moderngl
    from jaxtyping import Float, UInt8

    from kinequimation.geometry.camera import Camera

_SHADOW_SIZE = 512
_LOCKS = [MATERIALS.index(name) for name in ("mane", "tail", "feather")]
_SAMPLERS = (
    *("bank", "volume", "shadow_map", "cards", "picture"),
    *("ids", "depth", "place", "normals", "rest", "grains"),
)
"""The shaders' samplers by texture unit; from the sixth on, what ``surface_fragment`` writes."""
_CLIP_DISTANCE = 0x3000  # OpenGL's number of the first clip distance
NEAR_M, FAR_M = 0.05, 300.0


@dataclass(frozen=True)
class Buffers:
    """What one rendering gives; row 0 is the top of the image.

    Attributes:
        rgb: [H, W, 3] colour.
        object_id: [H, W] ``Scene``'s number of the thing at each pixel; 0 is the backdrop.
        segment: [H, W] the joint with the largest skin weight there; 255 where there is no horse.
        material: [H, W] the horse's material there, an index into ``body.MATERIALS``; 0 where there is no horse.
        z_cam: [H, W] depth along the camera's axis, metres.
        scale: rendered pixels per camera pixel.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    object_id: UInt8[np.ndarray, "h w"]
    segment: UInt8[np.ndarray, "h w"]
    material: UInt8[np.ndarray, "h w"]
    z_cam: Float[np.ndarray, "h w"]
    scale: int


@dataclass(frozen=True)
class _Target:
    """Framebuffers over the same textures.

    Attributes:
        whole: colour, ids, depth.
        surface: ids, depth, and what ``surface_fragment`` writes.
        where: a depth of its own: nearer than the farthest where the horse is that was drawn last.
        coat: colour, under that depth.
    """

    whole: Any
    surface: Any
    where: Any
    coat: Any


def _projection(camera: Camera) -> np.ndarray:
    """Return clip-from-camera for OpenCV axes; image rows run up in clip space, that is down in the image."""
    K, w, h = camera.K, camera.width, camera.height
    P = np.zeros((4, 4))
    P[0] = [2 * K[0, 0] / w, 2 * K[0, 1] / w, 2 * (K[0, 2] + 0.5) / w - 1, 0]
    P[1] = [0, 2 * K[1, 1] / h, 2 * (K[1, 2] + 0.5) / h - 1, 0]
    P[2] = [0, 0, (FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)]
    P[3, 2] = 1.0
    return P


def _column_major(matrix: np.ndarray) -> bytes:
    return matrix.T.astype("f4").tobytes()


def _clipped_square(line: np.ndarray) -> np.ndarray:
    """Return the part of the square −1..1 where ``line`` · (x, y, 1) ≥ 0, as a convex polygon of up to 5 corners."""
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    value = square @ line[:2] + line[2]
    corners = []
    for i in range(4):
        j = (i + 1) % 4
        if value[i] >= 0:
            corners.append(square[i])
        if (value[i] >= 0) != (value[j] >= 0):
            corners.append(square[i] + (square[j] - square[i]) * value[i] / (value[i] - value[j]))
    return np.array(corners).reshape(-1, 2)


class Renderer:
    """A context with everything that does not change between frames.

    Attributes:
        ctx: the context.
        horse_content: the buffers of the horse's vertices, as ``vertex_array`` takes them.
    """

    def __init__(self) -> None:
        try:
            import moderngl
        except ImportError as error:
            raise MissingDependencyError("rendering needs moderngl: pip install moderngl") from error
        # llvmpipe draws in this thread: work is shared out over processes, and threads would not survive a fork
        os.environ.setdefault("LP_NUM_THREADS", "0")
        try:
            # on Linux EGL, which needs no display; elsewhere what the system has
            backend = {"backend": "egl"} if sys.platform == "linux" else {}
            self.ctx: moderngl.Context = moderngl.create_context(standalone=True, **backend)  # type: ignore[call-arg]
        except Exception as error:  # moderngl and its loader raise bare exceptions
            advice = (
                "apt-get install libegl1 libgl1-mesa-dri" if sys.platform == "linux" else "update the graphics driver"
            )
            raise MissingDependencyError(f"no OpenGL context could be made ({error}): {advice}") from error
        ctx = self.ctx
        self._uniforms: dict[Any, dict[str, Any]] = {}
        self._surfaces = {
            (is_lock, is_fuzzy): ctx.program(
                vertex_shader=horse_glsl.HORSE_VERTEX,
                fragment_shader=horse_glsl.surface_fragment(is_lock=is_lock, is_fuzzy=is_fuzzy),
            )
            for is_lock in (False, True)
            for is_fuzzy in (False, True)
        }
        self._where = ctx.program(vertex_shader=smooth.SMOOTH_VERTEX, fragment_shader=horse_glsl.WHERE_FRAGMENT)
        self._coat = ctx.program(vertex_shader=horse_glsl.COAT_VERTEX, fragment_shader=horse_glsl.COAT_FRAGMENT)
        self._horse_depth = ctx.program(vertex_shader=horse_glsl.HORSE_VERTEX, fragment_shader=common.DEPTH_FRAGMENT)
        self._garments = {
            layer: ctx.program(vertex_shader=garment.GARMENT_VERTEX, fragment_shader=fragment)
            for layer, fragment in garment.GARMENT_FRAGMENTS.items()
        }
        self._prop = ctx.program(vertex_shader=prop.PROP_VERTEX, fragment_shader=prop.PROP_FRAGMENT)
        self._prop_depth = ctx.program(vertex_shader=prop.PROP_VERTEX, fragment_shader=common.DEPTH_FRAGMENT)
        self._veil = ctx.program(vertex_shader=prop.PROP_VERTEX, fragment_shader=prop.VEIL_FRAGMENT)
        self._ground = ctx.program(vertex_shader=backdrop.BACKDROP_VERTEX, fragment_shader=backdrop.GROUND_FRAGMENT)
        self._sky = ctx.program(vertex_shader=backdrop.BACKDROP_VERTEX, fragment_shader=backdrop.SKY_FRAGMENT)
        programs = [*self._surfaces.values(), self._where, self._coat, *self._garments.values(), self._prop, self._veil]
        for program in (*programs, self._ground, self._sky):
            self.set_samplers(program)
        bank = texture_bank()
        self._bank = ctx.texture_array((bank.shape[2], bank.shape[1], len(bank)), 3, bank.tobytes(), alignment=1)
        self._bank.build_mipmaps()
        self._bank.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        volume = noise_volume()
        self._volume = ctx.texture3d(volume.shape[:3], 4, volume.tobytes())
        self._volume.filter = (moderngl.LINEAR, moderngl.LINEAR)
        cards = card_bank()
        self._cards = ctx.texture_array((cards.shape[2], cards.shape[1], len(cards)), 4, cards.tobytes())
        self._cards.build_mipmaps()
        self._cards.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        self._cards.repeat_x = self._cards.repeat_y = False
        self._pictures: dict[tuple[int, int, int], Any] = {}
        self._shadow = ctx.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow.compare_func = "<="
        self._shadow_target = ctx.framebuffer(depth_attachment=self._shadow)
        self._bones = ctx.buffer(reserve=243 * 16)
        self._bones.bind_to_uniform_block(0)
        template = drawn_mesh()
        self._rest = ctx.buffer(reserve=len(template.source) * 12)
        static = np.concatenate(list(template.columns.values()), axis=1).astype("f4")
        self.horse_content: list[Any] = [
            (self._rest, "3f", ("in_rest",)),
            (
                ctx.buffer(static.tobytes()),
                " ".join(f"{column.shape[1]}f" for column in template.columns.values()),
                tuple(template.columns),
            ),
        ]
        coarse_index = ctx.buffer(template.coarse_faces.tobytes())
        material = template.columns["in_kind"][template.faces[:, 0], 0].astype(int)
        is_lock = np.isin(material, _LOCKS)
        index = {lock: ctx.buffer(template.faces[is_lock == lock].tobytes()) for lock in (False, True)}
        content = self.horse_content
        self._surface_vaos = {
            key: self.vertex_array(program, content, index[key[0]]) for key, program in self._surfaces.items()
        }
        self._garment_faces = LayerFaces.of(template.columns["in_template"], template.faces, material)
        self._garment_index = ctx.buffer(reserve=len(template.faces) * 12)
        self._garment_vaos = {
            layer: self.vertex_array(program, content, self._garment_index) for layer, program in self._garments.items()
        }
        self._horse_depth_vao = self.vertex_array(self._horse_depth, content, coarse_index)
        self._instances = ctx.buffer(reserve=1 << 20)
        self._prop_vaos: dict[str, tuple[moderngl.VertexArray, moderngl.VertexArray]] = {}
        per_instance = ("in_row0", "in_row1", "in_row2", "in_rgb_taper", "in_look")
        for name in MESHES:
            vertices, faces = mesh(name)
            content = [
                (ctx.buffer(vertices.astype("f4").tobytes()), "3f 3f", ("in_position", "in_normal")),
                (self._instances, "4f 4f 4f 4f 4f/i", per_instance),
            ]
            face_buffer = ctx.buffer(faces.astype("i4").tobytes())
            self._prop_vaos[name] = (
                self.vertex_array(self._prop, content, face_buffer),
                self.vertex_array(self._prop_depth, content, face_buffer),
            )
            if name == VEIL:
                self._veil_vao = self.vertex_array(self._veil, content, face_buffer)
        self._outline = ctx.buffer(reserve=8 * 8)
        content = [(self._outline, "2f", ("in_ndc",))]
        self._ground_vao = self.vertex_array(self._ground, content, None)
        self._sky_vao = self.vertex_array(self._sky, content, None)
        self._smooth = ctx.program(vertex_shader=smooth.SMOOTH_VERTEX, fragment_shader=smooth.SMOOTH_FRAGMENT)
        square = ctx.buffer(np.array([-1, -1, 1, -1, 1, 1, -1, 1], "f4").tobytes())
        self._smooth_vao = ctx.vertex_array(self._smooth, [(square, "2f", "in_ndc")])
        self._where_vao = ctx.vertex_array(self._where, [(square, "2f", "in_ndc")])
        self._coat_vao = ctx.vertex_array(self._coat, [(square, "2f", "in_ndc")])
        self._soft_targets: dict[tuple[int, int], Any] = {}
        self._fan, self._depth_test = moderngl.TRIANGLE_FAN, moderngl.DEPTH_TEST
        self._cull = moderngl.CULL_FACE
        self._targets: dict[tuple[int, int], _Target] = {}

    def vertex_array(self, program: Any, content: list[Any], index: Any) -> Any:
        """Return a vertex array of the attributes that the program kept."""
        kept = []
        for buffer, layout, names in content:
            parts = layout.removesuffix("/i").split()
            used = [(p if n in program else f"{int(p[:-1]) * 4}x", n) for p, n in zip(parts, names, strict=True)]
            suffix = "/i" if layout.endswith("/i") else ""
            kept.append((buffer, " ".join(p for p, _ in used) + suffix, *(n for p, n in used if not p.endswith("x"))))
        return self.ctx.vertex_array(program, kept, index)

    def _target(self, width: int, height: int) -> _Target:
        if (width, height) not in self._targets:
            ctx, size = self.ctx, (width, height)
            colour, ids, z = ctx.texture(size, 4), ctx.texture(size, 4), ctx.texture(size, 1, dtype="f4")
            colour.repeat_x = colour.repeat_y = False
            depth = ctx.depth_renderbuffer(size)
            surface = [ids, z, *(ctx.texture(size, 4, dtype="f4") for _ in range(horse_glsl.SURFACE_OUTPUTS - 2))]
            where = ctx.depth_renderbuffer(size)
            coat = ctx.framebuffer([colour], where)
            coat.depth_mask = False
            self._targets[width, height] = _Target(
                ctx.framebuffer([colour, ids, z], depth),
                ctx.framebuffer(surface, depth),
                ctx.framebuffer(depth_attachment=where),
                coat,
            )
        return self._targets[width, height]

    def set_uniform(self, program: Any, name: str, data: bytes) -> None:
        """Write a uniform that the program kept; the driver may have cut unused entries off an array's end."""
        if program not in self._uniforms:
            members = {member: program[member] for member in program}
            self._uniforms[program] = {n: m for n, m in members.items() if hasattr(m, "array_length")}
        member = self._uniforms[program].get(name)
        if member is not None:
            member.write(data[: 16 * member.array_length] if member.array_length > 1 else data)

    def set_samplers(self, program: Any) -> None:
        """Tell a program's samplers their texture units."""
        for unit, name in enumerate(_SAMPLERS):
            self.set_uniform(program, name, np.array(unit, "i4").tobytes())

    def use_textures(self) -> None:
        """Bind the textures that are the same in every scene."""
        self._bank.use(0)
        self._volume.use(1)
        self._shadow.use(2)
        self._cards.use(3)

    def load_horse(self, horse: HorseInScene) -> None:
        """Load a horse's rest skin and its bones, for all programs that draw horses."""
        source = drawn_mesh().source
        self._rest.write(horse.rest_vertices[source].astype("f4").tobytes())
        self._bones.write(horse.bone_rows.astype("f4").tobytes())

    def _draw_props(self, scene: Scene, *, depth_only: bool) -> None:
        for name, instances in scene.props.items():
            if len(instances) and name != VEIL and not (depth_only and name in CARD_MESHES):
                self._instances.write(instances.astype("f4").tobytes())
                self._prop_vaos[name][depth_only].render(instances=len(instances))

    def _picture(self, scene: Scene) -> Any:
        """Return the texture of the scene's backdrop picture: one a size, written over for each scene."""
        import moderngl

        image = np.zeros((1, 1, 4), np.uint8) if scene.picture is None else scene.picture
        if image.shape not in self._pictures:
            texture = self.ctx.texture((image.shape[1], image.shape[0]), image.shape[2], alignment=1)
            texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
            texture.repeat_y = False
            self._pictures[image.shape] = texture
        self._pictures[image.shape].write(np.ascontiguousarray(image).tobytes(), alignment=1)
        return self._pictures[image.shape]

    def _draw_veils(self, scene: Scene, target: Any) -> None:
        """Blend what can be seen through, water, dust and spray, over the rest: the farthest first."""
        import moderngl

        instances = scene.props.get(VEIL, np.empty((0, 20)))
        if not len(instances):
            return
        z = instances[:, [3, 7, 11]] @ scene.camera.T_cam_world[2, :3]
        # water, which has no card, lies under everything else
        order = np.lexsort((-z, instances[:, 16] < -9))
        self._instances.write(instances[order].astype("f4").tobytes())
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.BLEND)
        self.ctx.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        target.depth_mask = False
        self._veil_vao.render(instances=len(instances))
        target.depth_mask = True
        self.ctx.enable_only(moderngl.DEPTH_TEST)

    def _draw_shadows(self, scene: Scene) -> None:
        import moderngl

        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self.ctx.front_face = "cw"
        matrix = _column_major(scene.light_from_world)
        self.set_uniform(self._horse_depth, "clip_from_world", matrix)
        self.set_uniform(self._prop_depth, "clip_from_world", matrix)
        for horse in scene.horses:
            self.load_horse(horse)
            self._horse_depth_vao.render()
        self.ctx.enable_only(moderngl.DEPTH_TEST)
        self._draw_props(scene, depth_only=True)

    def _draw_backdrop(self, scene: Scene, ray_from_ndc: np.ndarray, *, ground: bool, sky: bool) -> None:
        """Draw ground and sky, each only over its own part of the image: llvmpipe pays by the pixel."""
        rise = ray_from_ndc[2, :3]  # the ray's z, linear over the image
        self.set_uniform(self._ground, "contact", scene.contact.astype("f4").tobytes())
        parts = []
        if ground and not scene.is_picture:
            parts.append((self._ground, self._ground_vao, -rise))
        if sky:
            parts.append((self._sky, self._sky_vao, scene.sky_line(rise, ray_from_ndc[:3, :3])))
        for program, vao, line in parts:
            corners = _clipped_square(line)
            if len(corners) >= 3:
                self.set_uniform(program, "ray_from_ndc", _column_major(ray_from_ndc))
                self._outline.write(corners.astype("f4").tobytes())
                vao.render(self._fan, vertices=len(corners))

    def _draw_cover(self, scene: Scene, target: _Target, ray_from_ndc: np.ndarray, clip_from_world: np.ndarray) -> None:
        """Draw ground that hooves sink into: what lies below its surface loses the depth test."""
        self._draw_backdrop(scene, ray_from_ndc, ground=True, sky=False)
        plane = np.zeros((1, 20))
        plane[0, :12] = np.eye(3, 4).ravel() * FAR_M
        plane[0, [10, 11]] = (1e-4, scene.cover_m - 1e-4)
        self._draw_depth(target.whole, plane, clip_from_world)

    def _set_surfaces(self, clip_from_world: np.ndarray, view_row: np.ndarray, above_m: float = -1e9) -> None:
        """Say how the horses' points come into the picture, and above which height they are drawn."""
        for program in self._surfaces.values():
            self.set_uniform(program, "clip_from_world", _column_major(clip_from_world))
            self.set_uniform(program, "view_row", view_row.astype("f4").tobytes())
            self.set_uniform(program, "above_m", np.array(above_m, "f4").tobytes())

    def _draw_horse(self, target: _Target, horse: HorseInScene, object_id: int, serial: int, front: str = "cw") -> None:
        """Draw a horse's skin and hair: first which of its points is at each pixel, then its coat."""
        is_fuzzy = bool(horse.coat[COAT_FIELDS.index("fuzz"), 2] > 0)
        self.load_horse(horse)
        coat, number = horse.coat.astype("f4").tobytes(), np.array(serial, "f4").tobytes()
        target.surface.use()
        self.ctx.enable_only(self._depth_test | self._cull)
        self.ctx.front_face = front
        for is_lock in (False, True):
            program = self._surfaces[is_lock, is_fuzzy]
            self.set_uniform(program, "coat", coat)
            self.set_uniform(program, "object_id", np.array(object_id, "f4").tobytes())
            self.set_uniform(program, "serial", number)
            self._surface_vaos[is_lock, is_fuzzy].render()
        self.ctx.front_face = "cw"
        for unit, texture in enumerate(target.surface.color_attachments, 5):
            texture.use(unit)
        self.ctx.enable_only(self._depth_test)
        # the depth test spares the coat's shader the pixels that are not this horse's; discarding them would not
        target.where.use()
        self.ctx.depth_func = "1"
        self.set_uniform(self._where, "serial", number)
        self._where_vao.render(self._fan, vertices=4)
        target.coat.use()
        self.ctx.depth_func = ">"
        self.set_uniform(self._coat, "coat", coat)
        self._coat_vao.render(self._fan, vertices=4)
        self.ctx.depth_func = "<="

    def _draw_mirrored(
        self, scene: Scene, target: _Target, ray_from_ndc: np.ndarray, clip_from_world: np.ndarray
    ) -> None:
        """Draw ground and, upside down below the water's surface, the horses: as things that are no horse.

        They are as deep as they seem to lie, and hide nothing: what stands in the water is drawn after them.
        """
        self._draw_backdrop(scene, ray_from_ndc, ground=True, sky=False)
        flip = np.diag([1.0, 1, -1, 1])
        flip[2, 3] = 2 * scene.water_m
        view = scene.camera.T_cam_world[2]
        self._set_surfaces(clip_from_world @ flip, view @ flip, above_m=scene.water_m)
        self.set_uniform(self._coat, "mirror", np.array([-1.0, flip[2, 3]], "f4").tobytes())
        self.ctx.enable_direct(_CLIP_DISTANCE)  # only what stands above the water is mirrored in it
        for serial, horse in enumerate(scene.horses, 1):
            self._draw_horse(target, horse, OBJECT_ID, serial, front="ccw")
        self.ctx.disable_direct(_CLIP_DISTANCE)
        target.whole.use()
        self.ctx.enable_only(self._depth_test)
        self.set_uniform(self._coat, "mirror", np.array([1.0, 0.0], "f4").tobytes())
        self._set_surfaces(clip_from_world, view)
        far = np.zeros((1, 20))  # a sheet over the whole picture, as far away as can be
        far[0, [0, 5, 11]] = 1.0
        self.ctx.depth_func = "1"
        self._draw_depth(target.whole, far, np.eye(4))
        self.ctx.depth_func = "<="

    def _draw_depth(self, target: Any, box: np.ndarray, clip_from_world: np.ndarray) -> None:
        """Draw a box into the depth buffer alone."""
        self._instances.write(box.astype("f4").tobytes())
        self.set_uniform(self._prop_depth, "clip_from_world", _column_major(clip_from_world))
        shown = target.color_mask
        target.color_mask = ((False,) * 4,) * len(shown)
        self._prop_vaos["box"][1].render(instances=1)
        target.color_mask = shown

    def render(self, scene: Scene, scale: int = 1) -> Buffers:
        """Draw a scene.

        Args:
            scene: what to draw.
            scale: rendered pixels per camera pixel in each direction; average them for smooth edges. At 1 the edges
                of the colour are softened by ``glsl.smooth``.
        """
        target = self._draw(scene, scale)
        shape = (scene.camera.height * scale, scene.camera.width * scale)
        ids = np.frombuffer(target.read(components=4, attachment=1), np.uint8).reshape(*shape, 4)
        z = np.frombuffer(target.read(components=1, attachment=2, dtype="f4"), np.float32).reshape(shape)
        if scale == 1:
            target = self._softened(target)
        rgb = np.frombuffer(target.read(components=3, alignment=1), np.uint8).reshape(*shape, 3)
        return Buffers(rgb, ids[..., 0], ids[..., 1], ids[..., 2], z, scale)

    def colour(self, scene: Scene, *, shadows: bool = True) -> UInt8[np.ndarray, "h w 3"]:
        """Return a scene's colour alone, hard edges as they are.

        Args:
            scene: what to draw.
            shadows: draw the shadow map; else that of the scene before is used again.
        """
        pixels = self._draw(scene, 1, shadows=shadows).read(components=3, alignment=1)
        return np.frombuffer(pixels, np.uint8).reshape(scene.camera.height, scene.camera.width, 3)

    def _softened(self, target: Any) -> Any:
        """Return a target that holds the softened colour of ``target``."""
        size = target.size
        if size not in self._soft_targets:
            self._soft_targets[size] = self.ctx.framebuffer([self.ctx.texture(size, 4)])
        soft = self._soft_targets[size]
        soft.use()
        self.ctx.disable(self._depth_test)
        target.color_attachments[0].use(0)
        self._smooth_vao.render(self._fan, vertices=4)
        return soft

    def _draw(self, scene: Scene, scale: int, *, shadows: bool = True) -> Any:
        import moderngl

        camera, ctx = scene.camera, self.ctx
        width, height = camera.width * scale, camera.height * scale
        if shadows and scene.sun_shadow > 0:
            self._draw_shadows(scene)
        target = self._target(width, height)
        target.whole.use()
        target.whole.clear(depth=1.0)
        ctx.enable_only(moderngl.DEPTH_TEST)
        ctx.depth_func = "<="
        ctx.front_face = "cw"  # rows run down, so what is counter-clockwise outside looks clockwise
        P = _projection(camera)
        projection = P @ camera.T_cam_world
        clip_from_world = _column_major(projection)
        R = camera.T_cam_world[:3, :3]
        ray_from_ndc = np.eye(4)
        ray_from_ndc[:3, :3] = R.T @ np.linalg.inv(P[[0, 1, 3], :3])
        self.use_textures()
        self._picture(scene).use(4)
        rows = scene.rows.astype("f4").tobytes()
        worn = [self._garment_faces.worn(h.garments) if h.garments is not None else {} for h in scene.horses]
        garments = [self._garments[layer] for layer in {layer for layers in worn for layer in layers}]
        surfaces = self._surfaces.values()
        for program in (*surfaces, self._coat, *garments, self._prop, self._veil, self._ground, self._sky):
            self.set_uniform(program, "scene", rows)
            self.set_uniform(program, "light_from_world", _column_major(scene.light_from_world))
            self.set_uniform(program, "clip_from_world", clip_from_world)
            self.set_uniform(program, "view_row", camera.T_cam_world[2].astype("f4").tobytes())
        if scene.cover_m > 0:
            self._draw_cover(scene, target, ray_from_ndc, projection)
        self.set_uniform(self._coat, "mirror", np.array([1.0, 0.0], "f4").tobytes())
        self.set_uniform(self._coat, "ray_from_ndc", _column_major(ray_from_ndc))
        self._set_surfaces(projection, camera.T_cam_world[2])
        if scene.water_m > 0:
            self._draw_mirrored(scene, target, ray_from_ndc, projection)
        for serial, (horse, layers) in enumerate(zip(scene.horses, worn, strict=True), 1):
            self._draw_horse(target, horse, horse.object_id, serial)
            target.whole.use()
            ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
            for layer, faces in layers.items():
                self.set_uniform(self._garments[layer], "garment", np.asarray(horse.garments, "f4").tobytes())
                self._garment_index.write(faces.tobytes())
                self._garment_vaos[layer].render(vertices=3 * len(faces))
        ctx.enable_only(moderngl.DEPTH_TEST)
        self._draw_props(scene, depth_only=False)
        has_ground = scene.cover_m > 0 or scene.water_m > 0
        self._draw_backdrop(scene, ray_from_ndc, ground=not has_ground, sky=True)
        self._draw_veils(scene, target.whole)
        return target.whole


@lru_cache(maxsize=1)
def _renderer_of(pid: int) -> Renderer:
    return Renderer()


def renderer() -> Renderer:
    """Return this process's renderer; a forked child gets its own.

    Raises:
        MissingDependencyError: moderngl or the system's OpenGL is missing; says what to install.
    """
    return _renderer_of(os.getpid())
