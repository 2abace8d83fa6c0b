"""Baked textures and meshes: what a plain rasteriser makes of them is what the renderer shows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape
from kinequimation.body.horse import MATERIALS, load_template
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.motion import make_motion
from kinequimation.synth import tack
from kinequimation.synth.atlas import SurfaceTexture, bake_coat, bake_garment
from kinequimation.synth.baked import BakedMesh, baked_meshes
from kinequimation.synth.coat import COAT_FIELDS, CoatShares, sample_coat
from kinequimation.synth.coat_fields import no_coat
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import TACK_ID, HorseInScene, Scene
from kinequimation.synth.tone import displayed

TEMPLATE = load_template()
PER_ROW = int(np.ceil(np.sqrt(len(TEMPLATE.faces) / 2)))
"""Cells a row of the layout."""


def cells_uv() -> np.ndarray:
    """Return a layout: each two faces share a square cell, with a gap around each of them."""
    face = np.arange(len(TEMPLATE.faces))
    corner = np.stack([face // 2 % PER_ROW, face // 2 // PER_ROW], -1)[:, None] / PER_ROW
    even = np.array([[0.1, 0.1], [0.8, 0.1], [0.1, 0.8]]) / PER_ROW
    odd = np.array([[0.9, 0.9], [0.2, 0.9], [0.9, 0.2]]) / PER_ROW
    return corner + np.where(face[:, None, None] % 2 == 0, even, odd)


UV = cells_uv()


@pytest.fixture(scope="module")
def gl():
    try:
        return renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def coat_of(**rows: tuple[float, float, float, float]) -> np.ndarray:
    """Return a coat of zeros but for some rows."""
    coat = no_coat() | {name: np.array(row) for name, row in rows.items()}
    return np.stack([coat[name] for name in COAT_FIELDS])


def linear(srgb: np.ndarray) -> np.ndarray:
    """Return the linear light of bytes (IEC 61966-2-1)."""
    c = srgb / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def texel(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Return the texels that ``uv`` falls into; v runs up."""
    size = len(texture)
    at = np.clip((np.stack([1 - uv[..., 1], uv[..., 0]], -1) * size).astype(int), 0, size - 1)
    return texture[at[..., 0], at[..., 1]]


def test_a_plain_coat_has_its_colour_from_outline_to_outline(gl):
    rgb = (0.31, 0.12, 0.004)
    texture = bake_coat(coat_of(base=(*rgb, 0.0)), UV, 2048)
    z = TEMPLATE.vertices[TEMPLATE.faces, 2]
    trunk = (TEMPLATE.face_material == MATERIALS.index("coat")) & (z.min(1) > 0.9) & (z.max(1) < 1.3)
    trunk &= trunk.reshape(-1, 2).all(1).repeat(2)  # with a neighbour in its cell of the same colour
    # around the middle of each edge, outside of the face as well, as far as filters read
    middle = 0.5 * (UV[trunk] + np.roll(UV[trunk], 1, axis=1))
    around = middle[:, :, None] + np.array([[-1, -1], [-1, 1], [1, -1], [1, 1], [0, 0]]) * 0.9 / 2048
    assert np.abs(linear(texel(texture.rgb, around)) - rgb).max() < 0.004
    assert (texel(texture.alpha, around) == 255).all()


def test_a_highlight_is_as_bright_and_as_wide_as_the_shader_has_it(gl):
    texture = bake_coat(coat_of(base=(1, 1, 1, 0), gloss=(0.3, 18.0, 0, 0)), UV, 1024)
    z = TEMPLATE.vertices[TEMPLATE.faces, 2].mean(1)
    trunk = (TEMPLATE.face_material == MATERIALS.index("coat")) & (z > 0.9) & (z < 1.3)
    brightest = 0.3 * 0.8 * (0.5 + 0.02 * 18)
    assert np.abs(texel(texture.gloss, UV[trunk].mean(1)) / 255 - brightest).max() < 0.003
    # GGX of that roughness and reflectance, looked at and lit from straight above, with white cloth as the unit
    alpha = texture.roughness**2
    assert abs(texture.reflectance / (4 * alpha**2) - 1) < 1e-9
    # falls to half as Phong's lobe does, within a quarter of the angle
    half_angle = np.arccos(0.5 ** (1 / 18))
    cos2 = np.cos(half_angle) ** 2
    assert 0.35 < (alpha**2 / (cos2 * (alpha**2 - 1) + 1)) ** 2 < 0.65


def test_each_sock_ends_at_its_height(gl):
    heights = (0.22, 0.36, -1.0, 0.50)  # LF, RF, LH, RH
    coat = coat_of(base=(0.02, 0.02, 0.02, 0), white=(0.9, 0.9, 0.9, 0), socks=heights, sock_shape=(0, 0.002, 0, 0))
    texture = bake_coat(coat, UV, 2048)
    faces = TEMPLATE.faces[TEMPLATE.face_material == MATERIALS.index("coat")]
    uv = UV[TEMPLATE.face_material == MATERIALS.index("coat")]
    inner = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5]])
    place, value = TEMPLATE.vertices[faces], texel(texture.rgb[..., 1], np.einsum("kc,fcd->fkd", inner, uv))
    xyz = np.einsum("kc,fcd->fkd", inner, place)
    on_leg = (xyz[..., 2] < 0.62) & (np.abs(xyz[..., 0]) > 0.065)
    height = np.array(heights)[np.where(xyz[..., 1] < 0, 0, 2) + (xyz[..., 0] < 0)]
    is_sharp = np.abs(xyz[..., 2] - height) > 0.012  # a texel on the largest faces, and the sock's own soft edge
    is_white = linear(value) > 0.4
    assert on_leg.sum() > 2000
    np.testing.assert_array_equal(is_white[on_leg & is_sharp], (xyz[..., 2] < height)[on_leg & is_sharp])
    assert all(is_white[on_leg & (height == h)].any() == (h > 0) for h in heights)


def lit_evenly(horse: HorseInScene, eye: tuple[float, float, float], size: int) -> Scene:
    """Return a scene in which every surface shows its albedo: one lamp that reaches all round things."""
    rows = {name: np.zeros(4) for name in SCENE_FIELDS}
    rows["lamp_a"][:] = (0, 0, 1, 1)
    rows["lamp_a_rgb"][:3] = 1
    rows["sun_rgb"][3] = 1
    aim = horse.xyz_world[skeleton.JOINT_INDEX["DEF-spine.004"]] * [1, 1, 0.8]
    position = aim + np.array(eye)
    rows["eye"][:] = (*position, 1 / 2.2)
    camera = Camera(intrinsics(size, size, 0.5), look_at(position, aim), size, size)
    array = np.stack([rows[name] for name in SCENE_FIELDS])
    return Scene(camera, (horse,), {}, array, np.eye(4), np.zeros((5, 4)), 0.0)


@dataclasses.dataclass
class Drawn:
    """What the nearest surface of some meshes is at each pixel; see ``renderer.Buffers``."""

    object_id: np.ndarray
    segment: np.ndarray
    material: np.ndarray
    z_cam: np.ndarray
    albedo: np.ndarray


def drawn(meshes: list[BakedMesh], textures: list[SurfaceTexture], camera: Camera) -> Drawn:
    """Draw meshes and textures with numpy alone."""
    height, width = camera.height, camera.width
    found = []
    for mesh, texture in zip(meshes, textures, strict=True):
        px = camera.project(mesh.xyz_world)[mesh.faces]
        z = camera.to_cam(mesh.xyz_world)[mesh.faces][..., 2]
        a, b, c = px[:, 0], px[:, 1], px[:, 2]
        twice_area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
        low = np.ceil(px.min(1)).astype(int)
        across = np.floor(px.max(1)).astype(int) - low + 1
        # image rows run down: what is counter-clockwise from outside is clockwise in pixels
        n_px = np.where(twice_area < 0, np.maximum(across, 0).prod(1), 0)
        face = np.repeat(np.arange(len(px)), n_px)
        k = np.arange(len(face)) - np.repeat(np.cumsum(n_px) - n_px, n_px)
        x = low[face, 0] + k % across[face, 0]
        y = low[face, 1] + k // across[face, 0]
        at = np.stack([x, y], -1)
        weight = np.stack(
            [
                (q[face] - at)[:, 0] * (r[face] - at)[:, 1] - (q[face] - at)[:, 1] * (r[face] - at)[:, 0]
                for q, r in ((b, c), (c, a), (a, b))
            ],
            -1,
        ) / twice_area[face, None]  # fmt: skip
        keep = (weight >= 0).all(1) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
        face, x, y, weight = face[keep], x[keep], y[keep], weight[keep]
        weight = weight / z[face]  # linear in the picture is 1 / z
        depth = 1 / weight.sum(1)
        weight *= depth[:, None]
        uv = np.einsum("nc,ncd->nd", weight, UV[mesh.template_face[face]])
        normal, world = (
            np.einsum("nc,ncd->nd", weight, v[mesh.faces[face]]) for v in (mesh.normal_world, mesh.xyz_world)
        )
        view = camera.T_cam_world[:3, :3].T @ -camera.T_cam_world[:3, 3] - world
        slant = (normal * view).sum(1) / np.linalg.norm(normal, axis=1) / np.linalg.norm(view, axis=1)
        keep = (texel(texture.alpha, uv) > 127) & (np.abs(slant) * 255 >= texel(texture.ragged, uv))
        ids = np.stack([np.full(len(face), mesh.object_id), mesh.face_segment[face], mesh.material[face]], -1)
        look = np.c_[depth, y * width + x, ids, linear(texel(texture.rgb, uv))]
        found.append(look[keep])
    rows = np.concatenate(found)
    rows = rows[np.lexsort((rows[:, 0], rows[:, 1]))]
    _, first = np.unique(rows[:, 1], return_index=True)
    picture = np.zeros((height * width, rows.shape[1]))
    picture[rows[first, 1].astype(int)] = rows[first]
    z, _, object_id, segment, material, *albedo = picture.reshape(height, width, -1).transpose(2, 0, 1)
    return Drawn(object_id, segment, material, z, np.stack(albedo, -1))


def dressed(breed: str, gait: str, seed: int, **worn: float) -> HorseInScene:
    """Return a horse in the middle of a stride, with a coat, and with some of ``tack.TackShares`` on."""
    body = Body(breed_shape(breed))
    motion = make_motion(gait, body, seconds=0.5)
    xyz, rotation = body.joints(motion.root_xyz_world[7:8], motion.quat_wxyz[7:8])
    rng = np.random.default_rng(seed)
    shares = dataclasses.replace(CoatShares(), texture=0.0, winter=float(seed % 2))
    horse = HorseInScene(body, xyz[0], rotation[0], sample_coat(rng, shares)[0])
    return tack.dress(rng, Props(), horse, dataclasses.replace(tack.NOTHING, **worn))[0]


HORSES = {
    "naked": dressed("arabian", "walk", 0),
    "in a winter coat, ridden": dressed("warmblood", "trot", 1, saddled=1, pad=1, breastplate=1, boots=1),
    "in harness": dressed("shire", "trot", 2, harness=1, cart=0, bell_boots=1),
    "rugged": dressed("icelandic", "canter_left", 4, rug=1, fly_mask=1),
    "foal": dressed("foal_0m", "walk", 3, halter=1),
}


@pytest.mark.parametrize("name", HORSES)
def test_a_plain_rasteriser_shows_what_the_renderer_shows(gl, name):
    textures = []
    for eye in ((6.5, -2.0, 0.3), (-3.5, 5.0, 1.6), (-1.5, -5.5, -0.3)):
        scene = lit_evenly(HORSES[name], eye, 320)
        truth = gl.render(scene)
        shown = gl.colour(scene)  # without the smoothing of edges
        meshes = baked_meshes(scene)
        textures = textures or [mesh.texture(UV, 2048) for mesh in meshes]
        got = drawn(meshes, textures, scene.camera)
        is_thing, is_got = truth.object_id > 0, got.object_id > 0
        both = is_thing & is_got
        assert both.sum() > 0.995 * (is_thing | is_got).sum()
        # what is left are outlines of cloth and gaps of hair, a texel here or there
        assert (truth.object_id[both] == got.object_id[both]).mean() > 0.995
        same = both & (truth.object_id == got.object_id)
        assert np.quantile(np.abs(truth.z_cam - got.z_cam)[same], 0.99) < 1e-4
        assert (truth.segment[same] == got.segment[same]).mean() > 0.995
        assert (truth.material[same] == got.material[same]).mean() > 0.995
        assert ((truth.object_id == TACK_ID).sum() > 30) == (len(meshes) > 1)
        # eyes have highlights of their own
        seen = same & (truth.material != MATERIALS.index("eye"))
        gap = np.abs(displayed(got.albedo, scene.rows) * 255 - shown)[seen].max(-1)
        assert np.median(gap) < 3 and np.quantile(gap, 0.9) < 14
        of_tack = gap[truth.object_id[seen] == TACK_ID]
        assert not len(of_tack) or np.median(of_tack) < 4


def test_textures_do_not_depend_on_what_was_baked_or_drawn_before(gl):
    coat = sample_coat(np.random.default_rng(5))[0]
    scene = lit_evenly(HORSES["rugged"], (6.5, -2.0, 0.3), 96)
    before, picture = bake_coat(coat, UV, 256), gl.render(scene).rgb.copy()
    for mesh in baked_meshes(lit_evenly(HORSES["in harness"], (6.5, -2.0, 0.3), 64)):
        mesh.texture(UV, 128)
    np.testing.assert_array_equal(gl.render(scene).rgb, picture)
    np.testing.assert_array_equal(bake_coat(coat, UV, 256).rgba, before.rgba)


def test_what_cannot_be_baked_is_refused_in_a_line():
    coat = coat_of()
    for uv, size, words in (
        (UV[:-1], 256, "uv of each corner"),
        (UV + 0.5, 256, "unit square"),
        (np.where(UV > 0.9, np.nan, UV), 256, "unit square"),
        (UV, 4, "pixels"),
    ):
        with pytest.raises(InputError, match=words):
            bake_coat(coat, uv, size)
    with pytest.raises(InputError, match="finite"):
        bake_coat(coat[:-1], UV, 256)
    with pytest.raises(InputError, match="layer"):
        bake_garment(coat, "hat", np.arange(3), UV)
