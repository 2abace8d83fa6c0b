"""Scenes: what hides is hidden, light falls as it should, every share does what it says."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.dataset.visibility import HIDDEN, OUT, SEEN, visibility
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.rotation import quat_identity
from kinequimation.synth import backdrop, lighting, obstacles, pictures, surroundings
from kinequimation.synth.camera import View, sample_camera
from kinequimation.synth.cards import card_layer
from kinequimation.synth.coat import COAT_FIELDS
from kinequimation.synth.ground import GROUNDS, contact_shadows
from kinequimation.synth.meshes import VEIL, Props
from kinequimation.synth.renderer import renderer
from kinequimation.synth.sampling import HOOVES, light_projection
from kinequimation.synth.scene import HORSE_ID, OBJECT_ID, HorseInScene, Scene
from kinequimation.synth.shares import PLACES, SceneShares

EYE = np.array([-7.0, 0.0, 1.3])
AHEAD = np.array([1.0, 0.0])
SIZE = 320
NOTHING = replace(SceneShares.bare(), grounds=("dirt",))


@pytest.fixture(scope="module")
def gl():
    try:
        return renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def horse() -> HorseInScene:
    """A brown horse at rest at the origin, facing −Y."""
    body = Body(Shape())
    xyz, rotation = body.joints(np.zeros((1, 3)), quat_identity(1, skeleton.NUM_JOINTS))
    coat = np.zeros((len(COAT_FIELDS), 4))
    coat[COAT_FIELDS.index("base"), :3] = (0.16, 0.08, 0.04)
    return HorseInScene(body, xyz[0], rotation[0], coat)


def place(
    horse: HorseInScene, shares: SceneShares, seed: int = 0, props: Props | None = None, speed: float = 0.0
) -> tuple[Scene, surroundings.Rows]:
    """Return a scene around the horse, seen from its right, and its rows."""
    props = props or Props()
    rows: surroundings.Rows = {}
    rng = np.random.default_rng(seed)
    hooves = horse.keypoints()[HOOVES]
    around = surroundings.surround(rng, rows, props, EYE, AHEAD, 7.0, 2.0, 1.6, hooves, speed, shares)
    scene = Scene(
        camera=Camera(intrinsics(SIZE, SIZE, 0.42), look_at(EYE, np.array([0.0, 0.0, 0.9])), SIZE, SIZE),
        horses=(horse,),
        props=props.arrays(),
        rows=surroundings.rows_array(rows),
        light_from_world=light_projection(around.sun, np.array([0, 0, 0.8]), 3.2),
        contact=around.contact,
        sun_shadow=around.shadow,
        record=around.record,
        picture=around.picture,
    )
    return scene, rows


def visible(gl, scene: Scene) -> np.ndarray:
    keypoints = scene.horses[0].keypoints()
    uv, z = scene.camera.project(keypoints), scene.camera.to_cam(keypoints)[:, 2]
    return visibility(gl.render(scene), uv, z, 1.6)


def pixels(scene: Scene, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    uv = np.round(scene.camera.project(points)).astype(int)
    return uv[:, 1], uv[:, 0]


@pytest.mark.parametrize("kind", obstacles.FENCES)
def test_a_fence_in_front_hides_what_lies_behind_its_rails(gl, horse, kind):
    scene, _ = place(horse, NOTHING)
    without = visible(gl, scene)
    props = Props()
    obstacles.add_fence(props, np.random.default_rng(3), np.array([-1.4, 0.0]), np.pi / 2, 8.0, kind, 1.1)
    fenced = replace(scene, props=props.arrays())
    seen = visible(gl, fenced)
    inside = without > OUT
    ids = gl.render(fenced).object_id
    v, u = pixels(scene, horse.keypoints())
    inner = inside & (v > 0) & (v < SIZE - 1) & (u > 0) & (u < SIZE - 1)
    covered = np.zeros(len(seen), bool)
    free = np.zeros(len(seen), bool)
    for i in np.nonzero(inner)[0]:
        patch = ids[v[i] - 1 : v[i] + 2, u[i] - 1 : u[i] + 2]
        covered[i], free[i] = (patch == OBJECT_ID).all(), not (patch == OBJECT_ID).any()
    assert (seen[covered] == HIDDEN).all()
    assert np.array_equal(seen[free], without[free])
    if kind in ("rails", "white rails", "pvc"):
        assert (without[covered] == SEEN).any()


@pytest.mark.parametrize(("opacity", "hides"), [(0.97, True), (0.1, False)])
def test_murky_water_hides_hooves_and_clear_water_does_not(gl, horse, opacity, hides):
    scene, rows = place(horse, NOTHING)
    high = np.array([-6.0, 0.0, 3.5])  # at a grazing angle any water is a mirror
    rows["eye"][:3] = high
    camera = Camera(scene.camera.K, look_at(high, np.array([0.0, 0.0, 0.8])), SIZE, SIZE)
    scene = replace(scene, camera=camera, rows=surroundings.rows_array(rows))
    without = visible(gl, scene)
    props = Props()
    level = 0.3
    props.water(np.diag([40, 40, 1e-4]), np.array([0, 0, level]), np.full(3, 0.1), 0, opacity, 0.5, OBJECT_ID)
    wet = replace(scene, props=props.arrays())
    assert wet.water_m == pytest.approx(level)
    seen = visible(gl, wet)
    z = horse.keypoints()[:, 2]
    below, above = z < level - 0.08, z > level + 0.15
    assert np.array_equal(seen[above], without[above])
    was_seen = below & (without == SEEN)
    assert was_seen.sum() >= 4
    assert (seen[was_seen] == (HIDDEN if hides else SEEN)).all()


def test_hooves_sunk_into_snow_are_hidden(gl, horse):
    scene, rows = place(horse, NOTHING)
    without = visible(gl, scene)
    rows["reach"][2] = 0.16
    deep = replace(scene, rows=surroundings.rows_array(rows))
    seen = visible(gl, deep)
    z = horse.keypoints()[:, 2]
    below = (z < 0.1) & (without == SEEN)
    assert below.any() and (seen[below] == HIDDEN).all()
    assert np.array_equal(seen[z > 0.3], without[z > 0.3])
    # and the surface is drawn where it is: its depth is that of a plane at this height
    point = np.array([[-1.2, 0.9, 0.16]])
    v, u = pixels(scene, point)
    assert gl.render(deep).z_cam[v[0], u[0]] == pytest.approx(scene.camera.to_cam(point)[0, 2], abs=0.06)


@pytest.mark.parametrize(("opacity", "owner"), [(0.8, OBJECT_ID), (0.3, HORSE_ID)])
def test_dust_owns_the_pixels_that_it_covers_by_more_than_half(gl, horse, opacity, owner):
    props = Props()
    at, half = np.array([[-1.2, 0.0, 0.4]]), np.array([[0.0, 0.7, 0.0]])
    puff = np.array([card_layer("puff")])
    props.cards(puff, at, half, np.array([[0, 0, 1.4]]), np.full(3, 0.6), OBJECT_ID, opacity, 0.0, VEIL)
    scene, _ = place(horse, NOTHING)
    before = gl.render(scene)
    after = gl.render(replace(scene, props=props.arrays()))
    v, u = pixels(scene, np.array([[0.0, 0.0, 1.1]]))
    assert before.object_id[v[0], u[0]] == HORSE_ID
    assert after.object_id[v[0], u[0]] == owner
    assert np.abs(after.rgb[v[0], u[0]].astype(int) - before.rgb[v[0], u[0]]).max() > 15


def test_hooves_darken_the_ground_that_they_stand_on(gl, horse):
    scene, rows = place(horse, replace(NOTHING, overcast=1.0))
    rows["soil_mix"][[0, 3]] = 0.0
    rows["soil_b"][:3] = rows["soil_a"][:3]
    ground = replace(scene, horses=(), rows=surroundings.rows_array(rows), sun_shadow=0.0)
    hooves = horse.keypoints()[HOOVES] * [1, 1, 0]
    contact = contact_shadows(np.random.default_rng(0), hooves, 1.6)
    plain = gl.render(replace(ground, contact=np.zeros((5, 4)))).rgb.astype(float).sum(-1)
    dark = gl.render(replace(ground, contact=contact)).rgb.astype(float).sum(-1)
    assert (dark[pixels(scene, hooves)] < 0.8 * plain[pixels(scene, hooves)]).all()
    beside = pixels(scene, np.array([[-1.5, 1.1, 0.0]]))
    assert dark[beside] == pytest.approx(plain[beside], rel=0.1)


def test_shadows_fall_away_from_the_sun(gl, horse):
    for azimuth in (0.4, 2.0, 3.6, 5.2):
        scene, rows = place(horse, NOTHING)
        sun = np.array([np.cos(azimuth), np.sin(azimuth), 0.8])
        sun /= np.linalg.norm(sun)
        rows["sun"][:] = (*sun, 1.0)
        above = np.array([0.01, 0.0, 12.0])
        rows["eye"][:3] = above
        lit = replace(
            scene,
            camera=Camera(intrinsics(SIZE, SIZE, 0.7), look_at(above, np.zeros(3)), SIZE, SIZE),
            rows=surroundings.rows_array(rows),
            light_from_world=light_projection(sun, np.array([0, 0, 0.8]), 3.2),
            sun_shadow=1.0,
            contact=np.zeros((5, 4)),
        )
        shaded = gl.render(lit)
        rows["sun"][3] = 0.0
        open_ = gl.render(replace(lit, rows=surroundings.rows_array(rows), sun_shadow=0.0))
        darker = (open_.rgb.astype(int) - shaded.rgb).sum(-1) > 30
        v, u = np.nonzero(darker & (shaded.object_id == 0))
        ray = np.stack([u, v, np.ones(len(u))], -1) @ np.linalg.inv(lit.camera.K).T @ lit.camera.T_cam_world[:3, :3]
        xy = above[:2] - above[2] / ray[:, 2:] * ray[:, :2]
        body = horse.keypoints()[:, :2].mean(0)
        away = (xy.mean(0) - body) @ sun[:2] / np.linalg.norm(sun[:2])
        assert len(u) > 200 and away < -0.5


def horse_light(gl, scene: Scene) -> float:
    buffers = gl.render(scene)
    return float(buffers.rgb[buffers.object_id == HORSE_ID].mean())


def test_a_horse_with_the_sun_behind_it_is_darker(gl, horse):
    for seed in range(4):
        scene, rows = place(horse, replace(NOTHING, backlight=1.0), seed)
        behind = rows["sun"][:3].copy()
        assert behind[:2] @ EYE[:2] < 0
        rows["sun"][:2] *= -1
        front = replace(
            scene,
            rows=surroundings.rows_array(rows),
            light_from_world=light_projection(rows["sun"][:3], np.array([0, 0, 0.8]), 3.2),
        )
        assert horse_light(gl, scene) < 0.8 * horse_light(gl, front)


def test_light_matches_the_photograph(gl, horse, tmp_path):
    noise = np.random.default_rng(0).normal(0, 12, (80, 120, 3))
    for name, level in (("dark.png", 45), ("bright.png", 205)):
        Image.fromarray((level + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / name)
    files = pictures.photographs(tmp_path)
    assert [f.rsplit("/", 1)[-1] for f in files] == ["bright.png", "dark.png"]
    shown = {}
    for file in files:
        shares = replace(NOTHING, field=0.0, picture=1.0, photographs=(file,))
        for seed in range(3):
            scene, _ = place(horse, shares, seed)
            assert scene.record["picture"] == file.rsplit("/", 1)[-1]
            buffers = gl.render(scene)
            ground = buffers.rgb[-20:][buffers.object_id[-20:] == 0].mean()
            shown.setdefault(scene.record["picture"], []).append((horse_light(gl, scene), ground))
    dark, bright = np.array(shown["dark.png"]), np.array(shown["bright.png"])
    assert (dark < bright).all()  # horse and ground, draw for draw
    assert dark[:, 1].max() < 105 < 130 < bright[:, 1].min()


def test_broken_backgrounds_say_so(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        pictures.photographs(tmp_path / "none")
    with pytest.raises(InputError, match="has no"):
        pictures.photographs(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"a\.png: cannot be read"):
        pictures.photograph(tmp_path / "a.png")
    with pytest.raises(InputError, match="share from 0 to 1"):
        SceneShares(fog=1.5)
    with pytest.raises(InputError, match="one kind of place"):
        replace(SceneShares.bare(), field=0.0)


def drawn(seed: int, shares: SceneShares, speed: float = 6.0) -> tuple[dict, surroundings.Rows, Props]:
    rows: surroundings.Rows = {}
    props = Props()
    hooves = np.array([[0.1, -0.6, 0.0], [-0.1, -0.5, 0.2], [0.1, 0.5, 0.02], [-0.1, 0.6, 0.1]])
    around = surroundings.surround(
        np.random.default_rng(seed), rows, props, EYE, AHEAD, 7.0, 2.0, 1.6, hooves, speed, shares
    )
    return around.record, rows, props


def test_bare_scenes_have_nothing_but_ground_sky_and_sun():
    for seed in range(40):
        record, rows, props = drawn(seed, SceneShares.bare())
        assert record["place"] == "field" and record["light"] == "sun"
        assert all(len(instances) == 0 for instances in props.arrays().values())
        assert rows["wall"][3] == rows["skyline"][3] == rows["reach"][2] == 0


@pytest.mark.parametrize("seed", range(3))
def test_every_place_on_every_ground_can_be_drawn_and_told(seed):
    # every share that is a probability of a thing at 1: all of them at once
    everything: dict[str, Any] = {f.name: 1.0 for f in fields(SceneShares)}
    for spot in PLACES:
        for name in GROUNDS:
            only: dict[str, Any] = {p: float(p == spot) for p in PLACES} | {"photographs": (), "grounds": (name,)}
            shares = replace(SceneShares(**(everything | only)), water=float(seed == 0))
            record, rows, props = drawn(seed, shares)
            assert json.loads(json.dumps(record)) == record
            assert record["place"] == spot
            assert spot == "abstract" or record["ground"] == name
            assert np.isfinite(surroundings.rows_array(rows)).all()
            for instances in props.arrays().values():
                assert np.isfinite(instances).all()


def test_the_same_draw_is_the_same_scene():
    first, again, other = (drawn(s, SceneShares()) for s in (5, 5, 6))
    assert first[0] == again[0] != other[0]
    assert np.array_equal(surroundings.rows_array(first[1]), surroundings.rows_array(again[1]))
    for a, b in zip(first[2].arrays().values(), again[2].arrays().values(), strict=True):
        assert np.array_equal(a, b)


def test_drawing_a_scene_leaves_nothing_behind_for_the_next(gl, horse):
    kinds = (
        NOTHING,
        replace(NOTHING, water=1.0),
        replace(NOTHING, grounds=("snow",), cover=1.0),
        replace(NOTHING, skyline=1.0, dust=1.0, grounds=("sand",)),
    )
    scenes = [place(horse, shares, 1, speed=7.0)[0] for shares in kinds]
    alone = [gl.render(scene) for scene in scenes]
    for order in ((1, 0, 2, 3), (3, 2, 1, 0), (2, 1, 3, 0)):
        for i in order:
            again = gl.render(scenes[i])
            for part in ("rgb", "object_id", "segment", "z_cam"):
                assert np.array_equal(getattr(again, part), getattr(alone[i], part))


def test_shares_of_places_and_of_rails_in_front_are_met():
    n = 1500
    records = [drawn(i, SceneShares(), 0.0)[0] for i in range(n)]
    shares = SceneShares()
    total = sum(getattr(shares, p) for p in PLACES)

    def near(count: int, share: float) -> bool:
        return abs(count / n - share) < 4.5 * np.sqrt(share * (1 - share) / n)

    places = [r["place"] for r in records]
    assert near(places.count("indoor"), shares.indoor / total)
    assert near(places.count("picture"), shares.picture * shares.painted / total)
    assert near(sum("fence_front" in r for r in records), shares.fence_front * (1 - shares.abstract / total))
    assert near(sum(r["light"] == "flash" for r in records), shares.flash)
    elevation = np.array([r["sun_elevation_deg"] for r in records])
    assert elevation.min() < 8 and elevation.max() > 74


def test_the_light_from_a_body_of_6500_kelvin_is_white():
    assert np.allclose(lighting.blackbody(6500.0), 1.0)
    warm, cold = lighting.blackbody(2800.0), lighting.blackbody(9000.0)
    assert warm[0] > 1.3 and warm[2] < 0.5 and cold[0] < 0.95 and cold[2] > 1.1


def test_the_tone_curve_can_be_turned_round(gl, horse):
    # a ground lit by the sky alone shows as what ``match_light`` means it to show as
    scene, rows = place(horse, NOTHING)
    for shown in (0.05, 0.2, 0.5):
        for name in rows:
            if name not in ("sun", "eye"):
                rows[name][:] = 0.0
        rows["sky_rgb"][:3] = 1.0
        rows["soil_a"][:3] = rows["soil_b"][:3] = 0.5
        rows["eye"][3] = 1 / 2.1
        rows["sun_rgb"][3] = backdrop.scene_linear(shown) / 0.5
        flat = replace(scene, horses=(), rows=surroundings.rows_array(rows), sun_shadow=0.0, contact=np.zeros((5, 4)))
        value = gl.render(flat).rgb[-30:].mean() / 255
        assert value**2.2 == pytest.approx(shown, rel=0.05)


def test_the_camera_follows_its_table():
    rng = np.random.default_rng(0)
    n = 2000
    points = rng.uniform(-1, 1, (30, 3)) * [0.4, 1.2, 0.8] + [0, 0, 0.8]
    records, fills = [], []
    view = View()
    for _ in range(n):
        camera, record = sample_camera(rng, points, -np.pi / 2, 256, view)
        records.append(record)
        fills.append(np.ptp(camera.project(points), axis=0).max() / 256)
        assert camera.position_world[2] >= 0.1

    def near(share: float | np.floating, expected: float) -> bool:
        return abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)

    azimuth, elevation, hfov, roll = (
        np.array([r[k] for r in records]) for k in ("azimuth_deg", "elevation_deg", "hfov_deg", "roll_deg")
    )
    from_profile = np.minimum(np.abs(azimuth - 90), np.abs(azimuth - 270))
    assert near((from_profile < 25).mean(), 0.45 + 0.55 * 100 / 360)
    assert near((elevation > 45).mean(), 0.05)
    assert elevation.min() >= -8 and elevation.max() <= 85
    # log-uniform: half of the draws below the geometric mean
    assert near((hfov < np.sqrt(12 * 85)).mean(), 0.5) and hfov.min() >= 12 and hfov.max() <= 85
    assert roll.std() == pytest.approx(4.0, rel=0.1)
    assert near(np.mean([r["truncated"] for r in records]), 0.15)
    fills = np.array(fills)
    assert 0.2 < np.quantile(fills, 0.02) < 0.35 and 0.85 < np.quantile(fills, 0.98) < 1.05
