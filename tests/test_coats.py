"""Coats: what is asked for is what is seen on the horse, measured on rendered pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import BREEDS, Body, Shape
from kinequimation.body.horse import load_template
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.rotation import quat_identity
from kinequimation.synth.coat import COAT_FIELDS, COATS, CoatShares, named_coat, sample_coat
from kinequimation.synth.coat_markings import LIMB_ORDER
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import HORSE_ID, HorseInScene, Scene

TEMPLATE = load_template()
X, Y, Z = TEMPLATE.vertices.T
SKIN = np.zeros(len(X), bool)
SKIN[TEMPLATE.faces[TEMPLATE.face_material == 0]] = True
HAIR = np.zeros(len(X), bool)
HAIR[TEMPLATE.faces[np.isin(TEMPLATE.face_material, (1, 2))]] = True
FLANK = SKIN & (np.abs(X) > 0.15) & (Y > -0.2) & (Y < 0.3) & (Z > 1.0) & (Z < 1.4)
TOPLINE = SKIN & (np.abs(X) < 0.03) & (Y > -0.3) & (Y < 0.7) & (Z > 1.4)
TRUNK = SKIN & (Y > -0.7) & (Y < 0.8) & (Z > 0.9)
BARREL = SKIN & (Y > -0.3) & (Y < 0.35) & (Z > 0.9) & (np.abs(X) > 0.12)
FIELD = {name: i for i, name in enumerate(COAT_FIELDS)}
LEFT, RIGHT, ABOVE = (9.0, 0.0, 1.6), (-9.0, 0.0, 1.6), (0.5, 2.0, 10.0)


@pytest.fixture(scope="module")
def gl():
    try:
        return renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def seen_rgb(gl, coat: np.ndarray, eye: tuple[float, float, float], size: int = 320) -> np.ndarray:
    """Return [V, 3] the colour at each vertex of a horse in even light; NaN where the vertex is not seen."""
    body = Body(Shape())
    xyz, rotation = body.joints(np.zeros((1, 3)), quat_identity(1, skeleton.NUM_JOINTS))
    horse = HorseInScene(body, xyz[0], rotation[0], coat)
    rows = {name: np.zeros(4) for name in SCENE_FIELDS}
    rows["sun"][:3], rows["sun_rgb"][3] = (0, 0, 1), 1.0
    rows["sky_rgb"][:3] = rows["ground_rgb"][:3] = 1.0
    rows["eye"][:] = (*eye, 1 / 2.2)
    camera = Camera(intrinsics(size, size, 0.36), look_at(np.array(eye), np.array([0, -0.1, 1.0])), size, size)
    scene = Scene(camera, (horse,), Props().arrays(), np.stack([rows[k] for k in SCENE_FIELDS]), np.eye(4),
                  np.zeros((5, 4)), 0.0)  # fmt: skip
    buffers = gl.render(scene)
    uv = np.round(camera.project(body.rest_vertices)).astype(int).clip(0, size - 1)
    at = (uv[:, 1], uv[:, 0])
    depth = camera.to_cam(body.rest_vertices)[:, 2]
    is_seen = (buffers.object_id[at] == HORSE_ID) & (np.abs(buffers.z_cam[at] - depth) < 0.02)
    return np.where(is_seen[:, None], buffers.rgb[at].astype(float), np.nan)


def white_share(rgb: np.ndarray, part: np.ndarray) -> float:
    """Return how much of what is seen of a part is white."""
    seen = rgb[part & np.isfinite(rgb[:, 0])]
    return float(np.mean(is_white(seen)))


def tone(gl, name: str, part: np.ndarray, eye: tuple[float, float, float] = LEFT) -> float:
    """Return the median brightness of a part of a named coat."""
    return float(np.nanmedian(seen_rgb(gl, named_coat(name)[0], eye)[part]))


def is_white(rgb: np.ndarray) -> np.ndarray:
    """Tell white hair from bay and chestnut: it is about as blue as it is red."""
    return rgb[..., 2] > 0.72 * rgb[..., 0]


def test_every_named_coat_is_the_same_each_time_and_can_be_recorded():
    assert len(COATS) >= 24
    for name in COATS:
        coat, record = named_coat(name)
        assert np.array_equal(coat, named_coat(name)[0]) and np.isfinite(coat).all()
        assert json.loads(json.dumps(record)) == record
        assert not np.array_equal(coat, named_coat(name, np.random.default_rng(99))[0])
    with pytest.raises(InputError, match="unknown coat 'pink'"):
        named_coat("pink")


@pytest.mark.parametrize("name", COATS)
def test_every_named_coat_draws_finite_colours(gl, name):
    rgb = seen_rgb(gl, named_coat(name)[0], LEFT, 160)
    assert np.isfinite(rgb[FLANK]).any()
    assert np.nanmax(rgb[FLANK]) > 5  # a NaN in the shader draws black


def test_colours_are_what_their_names_say(gl):
    assert tone(gl, "black", FLANK) < 60 < 90 < tone(gl, "palomino", FLANK) < 170 < tone(gl, "white grey", FLANK)
    assert tone(gl, "dark bay", FLANK) < tone(gl, "bay", FLANK) < tone(gl, "buckskin", FLANK)
    tail = HAIR & (Y > 0.95)
    assert tone(gl, "palomino", tail) > tone(gl, "palomino", FLANK) + 20
    assert tone(gl, "flaxen chestnut", tail) > tone(gl, "flaxen chestnut", FLANK) + 40
    assert tone(gl, "buckskin", tail) < tone(gl, "buckskin", FLANK) - 60
    cannon = SKIN & (Z > 0.25) & (Z < 0.4)
    for name in ("bay", "buckskin", "dun", "red roan"):
        assert tone(gl, name, cannon) < 0.65 * tone(gl, name, FLANK), name
    head = SKIN & (Y < -1.35) & (Z > 1.5) & (Z < 1.8)
    assert tone(gl, "blue roan", head) < 0.75 * tone(gl, "blue roan", FLANK)


def test_only_duns_have_a_stripe_along_the_back(gl):
    beside = SKIN & (np.abs(X) > 0.07) & (np.abs(X) < 0.15) & (Y > -0.3) & (Y < 0.7) & (Z > 1.4)
    for name in ("dun", "red dun", "grullo", "bay", "buckskin", "palomino", "chestnut"):
        rgb = seen_rgb(gl, named_coat(name)[0], ABOVE)
        on_it = np.nanmedian(rgb[TOPLINE & (np.abs(X) < 0.012)]) / np.nanmedian(rgb[beside])
        assert (on_it < 0.75) == (name in ("dun", "red dun", "grullo")), name


def test_tobiano_crosses_the_back_and_overo_does_not(gl):
    crosses, shares = {}, {}
    for name in ("tobiano", "overo"):
        coats = [named_coat(name, np.random.default_rng(k))[0] for k in range(8)]
        crosses[name] = [white_share(seen_rgb(gl, c, ABOVE), TOPLINE) for c in coats]
        sides = [seen_rgb(gl, c, LEFT) for c in coats]
        shares[name] = np.mean([white_share(rgb, BARREL & (X > 0)) for rgb in sides])
        legs = np.mean([white_share(rgb, SKIN & (Z < 0.35) & (Z > 0.2) & (X > 0.1)) for rgb in sides])
        assert (legs > 0.9) if name == "tobiano" else (legs < 0.1)
    assert np.mean(np.array(crosses["tobiano"]) > 0.15) >= 0.75
    assert max(crosses["overo"]) < 0.02
    assert 0.15 < shares["tobiano"] < 0.85 and 0.05 < shares["overo"] < 0.7


def test_pinto_differs_from_side_to_side_yet_runs_on_over_the_back(gl):
    xyz = TEMPLATE.vertices

    def twins(part: np.ndarray) -> np.ndarray:
        return np.array([np.argmin(((xyz - xyz[i] * [-1, 1, 1]) ** 2).sum(1)) for i in part])

    left_half = np.nonzero(BARREL & (X > 0))[0]
    right_half = twins(left_half)
    along_back = np.nonzero(TOPLINE)[0]
    across_back = twins(along_back)
    differs, continues = [], []
    for k in range(6):
        coat = named_coat("tobiano", np.random.default_rng(k))[0]
        left, right = seen_rgb(gl, coat, LEFT)[left_half], seen_rgb(gl, coat, RIGHT)[right_half]
        seen = np.isfinite(left[:, 0]) & np.isfinite(right[:, 0])
        differs.append(np.mean(is_white(left[seen]) != is_white(right[seen])))
        above = seen_rgb(gl, coat, ABOVE)
        here, there = above[along_back], above[across_back]
        seen = np.isfinite(here[:, 0]) & np.isfinite(there[:, 0])
        continues.append(np.mean(is_white(here[seen]) == is_white(there[seen])))
    assert np.mean(differs) > 0.1
    assert np.mean(continues) > 0.9


def test_a_sock_is_on_the_leg_it_was_asked_for(gl):
    for i, limb in enumerate(LIMB_ORDER):
        coat = named_coat("chestnut")[0].copy()
        coat[FIELD["socks"]] = np.where(np.arange(4) == i, 0.3, -1.0)
        for j, other in enumerate(LIMB_ORDER):
            side = (X > 0.05) if other[0] == "L" else (X < -0.05)
            end = (Y < 0) if other[1] == "F" else (Y > 0)
            rgb = seen_rgb(gl, coat, LEFT if other[0] == "L" else RIGHT)
            low, high = SKIN & side & end & (Z > 0.12) & (Z < 0.22), SKIN & side & end & (Z > 0.4) & (Z < 0.7)
            assert (white_share(rgb, low) > 0.9) if i == j else (white_share(rgb, low) < 0.05), (limb, other)
            assert white_share(rgb, high) < 0.05, (limb, other)


def test_with_every_share_off_a_coat_is_plain():
    for k in range(30):
        coat, record = sample_coat(np.random.default_rng(k), CoatShares.plain())
        row = {name: coat[i] for name, i in FIELD.items()}
        assert record["pattern"] is None and record["random_texture"] is None and record["face"] is None
        assert (row["socks"] < 0).all() and row["dirt"][3] == row["dust"][3] == row["texture"][2] == 0
        assert not row["wet"].any() and not row["fuzz"].any() and row["brindle"][1] == 0


def test_shares_and_breeds_are_kept():
    def drawn(n: int = 300, **options) -> list[dict[str, object]]:
        return [sample_coat(np.random.default_rng(k), **options)[1] for k in range(n)]

    assert all(r["random_texture"] for r in drawn(20, shares=CoatShares(texture=1.0)))
    everything = drawn(1500)
    for factor, share in (("random_texture", 0.10), ("dirt", 0.25), ("wet", 0.05)):
        assert np.mean([bool(r[factor]) for r in everything]) == pytest.approx(share, abs=0.035)
    assert np.mean([r["pattern"] == "brindle" for r in everything]) == pytest.approx(0.03, abs=0.015)
    for breed, coat in (("friesian", "black"), ("haflinger", "flaxen chestnut"), ("clydesdale", "bay")):
        mostly = [str(r["coat"]) for r in drawn(breed=breed)]
        assert max(set(mostly), key=mostly.count) == coat and len(set(mostly)) > 3
    for breed in BREEDS:
        assert np.isfinite(sample_coat(np.random.default_rng(0), breed=breed)[0]).all()
