"""What surrounds the horse: one function draws place, light, ground, background and everything that stands about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth import backdrop, ground, obstacles, spray, vegetation
from kinequimation.synth.figures import add_person
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.lighting import sample_light
from kinequimation.synth.meshes import Props
from kinequimation.synth.obstacles import add_box, add_fence, add_jump, add_quadruped_furniture
from kinequimation.synth.shares import SceneShares
from kinequimation.synth.vegetation import add_grass, add_tree

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

__all__ = [
    "Rows", "SceneShares", "Surroundings", "add_box", "add_fence", "add_grass", "add_jump", "add_quadruped_furniture",
    "add_tree", "furnish", "rows_array", "sample_backdrop", "sample_light", "surround",
]  # fmt: skip

Rows = dict[str, np.ndarray]


@dataclass(frozen=True)
class Surroundings:
    """What ``surround`` drew, as far as it is not in rows and props.

    Attributes:
        sun: [3] unit direction towards the sun (or the flash).
        shadow: strength of the cast shadows.
        kind: the place, one of ``shares.PLACES``.
        contact: [5, 4] soft dark spots on the ground, for ``Scene.contact``.
        picture: the backdrop's picture, for ``Scene.picture``.
        record: every draw, by name; JSON-able.
    """

    sun: Float[np.ndarray, " 3"]
    shadow: float
    kind: str
    contact: Float[np.ndarray, "5 4"]
    picture: UInt8[np.ndarray, "h w c"] | None
    record: dict[str, object] = field(default_factory=dict)


def rows_array(rows: Rows) -> Float[np.ndarray, "fields 4"]:
    """Return the rows in the shader's order."""
    return np.stack([rows[name] for name in SCENE_FIELDS])


def surround(
    rng: np.random.Generator,
    rows: Rows,
    props: Props,
    eye: Float[np.ndarray, " 3"],
    ahead_xy: Float[np.ndarray, " 2"],
    distance_m: float,
    reach_m: float,
    height_m: float,
    hooves_xyz: Float[np.ndarray, "n 3"],
    speed_mps: float,
    shares: SceneShares,
    hfov_rad: float = 0.7,
    heading_xy: Float[np.ndarray, " 2"] | None = None,
) -> Surroundings:
    """Draw everything around a horse that stands at the origin, or around a place without one.

    Args:
        rng: source of randomness.
        rows: the shader's rows, written to.
        props: where things are added.
        eye: [3] the camera's position.
        ahead_xy: [2] the camera's horizontal viewing direction, unit.
        distance_m: from the camera to the horse.
        reach_m: how far from the horse nothing stands, but what is meant to hide parts of it.
        height_m: the horse's withers height.
        hooves_xyz: [4, 3] its toes; [0, 3] where no horse stands.
        speed_mps: how fast it goes; fast hooves raise dust or spray.
        shares: how often what.
        hfov_rad: the camera's field of view: a longer lens blurs what is far.
        heading_xy: [2] where the horse goes, unit; from its hooves' longer axis if not given.
    """
    record: dict[str, object] = {}
    place = backdrop.sample_place(rng, shares)
    inside = place in ("indoor", "stable")
    sun, shadow = sample_light(rng, rows, indoor=inside, eye=eye, shares=shares, record=record)
    rows["eye"][:3] = eye
    record["place"] = place
    if place == "abstract":
        backdrop.add_abstract(rng, rows)
        contact = np.zeros((5, 4))
        contact[:, 2] = 1.0
        return Surroundings(sun, shadow, place, contact, None, record)
    material = ground.sample_ground(rng, rows, place, shares, record)
    picture = _background(rng, rows, place, shares, eye, distance_m, hfov_rad, record)
    heading = _heading(hooves_xyz) if heading_xy is None else heading_xy
    level = _cover(rng, rows, props, place, material, shares, eye, hooves_xyz, heading, speed_mps, height_m, record)
    contact = ground.contact_shadows(rng, hooves_xyz, height_m, level)
    if rng.random() < shares.furniture and place != "plain":
        chance = 0.35 if place == "picture" else 1.0
        if rng.random() < chance:
            furnish(props, rng, eye, ahead_xy, distance_m, reach_m, place, shares, record, level)
    _in_front(rng, props, place, eye, ahead_xy, distance_m, height_m, hfov_rad, shares, record)
    return Surroundings(sun, shadow, place, contact, picture, record)


def _heading(hooves_xyz: np.ndarray) -> np.ndarray:
    """Return the direction from the hind to the fore hooves; hooves are LF, RF, LH, RH."""
    if len(hooves_xyz) < 4:
        return np.array([1.0, 0.0])
    along = hooves_xyz[:2, :2].mean(0) - hooves_xyz[2:, :2].mean(0)
    return along / (np.linalg.norm(along) + 1e-9)


def _background(
    rng: np.random.Generator, rows: Rows, place: str, shares: SceneShares, eye: np.ndarray, distance_m: float,
    hfov_rad: float, record: dict[str, object],
) -> np.ndarray | None:  # fmt: skip
    if place == "picture":
        return backdrop.add_picture(rng, rows, shares, distance_m, record)
    if place == "plain":
        backdrop.add_studio(rng, rows, distance_m)
        return None
    picture = None
    if place in backdrop.OUTDOORS:
        picture = backdrop.add_skyline(rng, rows, shares, hfov_rad, record)
    has_wall = {"field": 0.05, "road": 0.08, "arena": 0.35, "yard": 0.4}.get(place, 1.0)
    if rng.random() < has_wall * (shares.wall if place in backdrop.OUTDOORS else 1.0):
        backdrop.add_wall(rng, rows, place, eye, distance_m, record)
    return picture


def _cover(
    rng: np.random.Generator, rows: Rows, props: Props, place: str, material: ground.Ground, shares: SceneShares,
    eye: np.ndarray, hooves_xyz: np.ndarray, heading_xy: np.ndarray, speed_mps: float, height_m: float,
    record: dict[str, object],
) -> float:  # fmt: skip
    """Add what hides the hooves: water, soft ground, grass, dust.

    Returns:
        height of the ground's surface, metres.
    """
    outdoors = place in (*backdrop.OUTDOORS, "picture")
    u_water, u_cover, u_blades, u_dust = rng.random(4)
    # water reaches up to 0.3 withers heights: a camera that lies on the ground would be under it
    if outdoors and u_water < shares.water and eye[2] > 0.35 * height_m:
        level = spray.add_water(props, rng, height_m, 60.0, record)
        if speed_mps > 0.5 and len(hooves_xyz):
            record["splashes"] = spray.add_splash(props, rng, eye, hooves_xyz, level, speed_mps, height_m)
        return 0.0
    level = 0.0
    if material.depth_m and u_cover < shares.cover and eye[2] > 0.2:
        level = ground.sink(rng, rows, material, height_m, record)
        if rng.random() < 0.8:
            spray.add_mounds(props, rng, rows, hooves_xyz, level)
    if material.grows and place != "plain" and u_blades < shares.blades:
        tall = float(rng.uniform(0.05, 0.25) * (height_m / 1.5) ** 0.5)
        if rng.random() < 0.06:
            tall *= 2.0
        vegetation.add_grass(props, rng, rows, rng.uniform(1.3, 2.4) * height_m, tall, eye, around=hooves_xyz[:, :2])
        record["grass_m"] = tall
    if u_dust < shares.dust:
        n = spray.add_dust(props, rng, rows, material, eye, hooves_xyz, heading_xy, speed_mps, height_m)
        if n:
            record["dust_clouds"] = n
    return level


def _in_front(
    rng: np.random.Generator, props: Props, place: str, eye: np.ndarray, ahead_xy: np.ndarray, distance_m: float,
    height_m: float, hfov_rad: float, shares: SceneShares, record: dict[str, object],
) -> None:  # fmt: skip
    """Add what stands between camera and horse."""
    u_fence, u_foliage, u_trunk, u_pole = rng.random(4)
    is_open = place not in ("indoor", "stable", "plain")
    right = np.array([ahead_xy[1], -ahead_xy[0]])
    across = float(np.arctan2(right[1], right[0]))
    if u_fence < shares.fence_front:
        at = eye[:2] + ahead_xy * distance_m * rng.uniform(0.35, 0.75)
        along = across + rng.normal(0, 0.2)
        if rng.random() < 0.1:
            vegetation.add_hedge(props, rng, at, along, 12.0, rng.uniform(0.3, 0.7) * height_m)
            record["fence_front"] = "hedge"
        else:
            record["fence_front"] = add_fence(props, rng, at, along, 14.0)
    if is_open and u_foliage < shares.foliage_front:
        record["foliage_front"] = vegetation.add_foliage_in_front(props, rng, eye, ahead_xy, distance_m, hfov_rad)
    if is_open and u_trunk < shares.trunk_front:
        at = eye[:2] + ahead_xy * distance_m * rng.uniform(0.3, 0.7) + right * rng.normal(0, 0.12) * distance_m
        foot = np.array([*at, 0.0])
        radius = rng.uniform(0.03, 0.16) * min(distance_m / 6, 1.0)
        bark = ground.tint(rng, (92, 78, 66), 0.2)
        obstacles.add_trunk(props, foot, foot + np.array([*rng.normal(0, 0.2, 2), 6.0]), radius, bark)
        record["trunk_front"] = float(radius)
    if u_pole < shares.pole_front:
        at = (
            eye[:2] + ahead_xy * (distance_m - rng.uniform(0.5, 0.9) * height_m) + right * rng.normal(0, 0.5) * height_m
        )
        if rng.random() < 0.5:
            obstacles.add_ground_poles(props, rng, at, across + rng.normal(0, 0.5))
        else:
            obstacles.add_letter(props, rng, at, across + rng.normal(0, 0.3))
        record["pole_front"] = True


def sample_backdrop(
    rng: np.random.Generator, rows: Rows, eye: np.ndarray, distance_m: float, shares: SceneShares | None = None
) -> str:
    """Draw ground and a background without any picture into ``rows``, the light being in it already.

    For wide scenes and films, which have no single horse to draw around; where there is one, ``surround`` does it.

    Returns:
        the kind of place: one of those under the sky, or indoors, or abstract, which has no ground.
    """
    shares = shares or SceneShares()
    for name in SCENE_FIELDS:
        rows.setdefault(name, np.zeros(4))
    bands = SceneShares(
        **{k: getattr(shares, k) for k in (*backdrop.OUTDOORS, "indoor", "abstract", "wall", "path")},
        stable=0.0, plain=0.0, picture=0.0, skyline=0.0, grounds=shares.grounds,
    )  # fmt: skip
    place = backdrop.sample_place(rng, bands)
    if place == "abstract":
        backdrop.add_abstract(rng, rows)
        return "picture"
    ground.sample_ground(rng, rows, place, bands, {})
    _background(rng, rows, place, bands, eye, distance_m, 0.7, {})
    return place


def furnish(
    props: Props, rng: np.random.Generator, eye: np.ndarray, forward: np.ndarray, distance_m: float, reach_m: float,
    place: str = "field", shares: SceneShares | None = None, record: dict[str, object] | None = None,
    level_m: float = 0.0,
) -> None:  # fmt: skip
    """Scatter fences, trees, jumps, vehicles, animals and people behind and beside the horse.

    Args:
        props: where to add.
        rng: source of randomness.
        eye: [3] the camera's position.
        forward: [2] its horizontal viewing direction, unit.
        distance_m: from the camera to the horse.
        reach_m: how far from the horse nothing may stand.
        place: one of ``shares.PLACES``.
        shares: how often what; the defaults if not given.
        record: where to note what was drawn.
        level_m: height of the ground's surface.
    """
    shares = shares or SceneShares()
    note: dict[str, object] = record if record is not None else {}
    right = np.array([forward[1], -forward[0]])
    facing = float(np.arctan2(right[1], right[0]))
    inside = place in ("indoor", "stable")

    is_dry = "water_m" not in note

    def spot(nearest: float, farthest: float, shade_m: float = 0.0) -> np.ndarray:
        ahead = distance_m + np.exp(rng.uniform(np.log(nearest), np.log(farthest)))
        at = eye[:2] + forward * ahead + right * rng.normal(0, 0.3) * ahead
        if shade_m and is_dry:
            spray.add_shade(props, at, shade_m, level_m)
        return at

    def turn() -> float:
        return facing + rng.normal(0, 0.5)

    things: list[str] = []
    if rng.random() < (0.15 if inside else 0.65):
        for _ in range(int(rng.integers(1, 3))):
            at, along, length = spot(reach_m, 14), facing + rng.normal(0, 0.25), rng.uniform(10, 50)
            things.append(add_fence(props, rng, at, along, length))
            if is_dry:
                spray.add_shade(props, at, np.array([length / 2, 0.25]), level_m, along, 0.35)
    u_vehicle, u_animal, u_building, u_jump, u_people, u_hedge = rng.random(6)
    if not inside:
        n_trees = int(rng.poisson(1.6 if place in ("field", "road") else 0.7))
        for _ in range(n_trees):
            add_tree(props, rng, spot(reach_m + 1.5, 35, 1.2), eye)
        things += ["tree"] * n_trees
        if u_building < shares.buildings:
            obstacles.add_building(props, rng, spot(reach_m + 9, 40), turn())
            things.append("building")
        if u_vehicle < shares.vehicles:
            for _ in range(int(rng.integers(1, 4))):
                obstacles.add_vehicle(props, rng, spot(reach_m + 3, 30, 2.4), facing + rng.normal(0, 1.0))
            things.append("vehicle")
        if u_hedge < 0.12:
            at, along = spot(reach_m + 1, 15), facing + rng.normal(0, 0.2)
            vegetation.add_hedge(props, rng, at, along, 25.0, rng.uniform(0.8, 2.0))
            if is_dry:
                spray.add_shade(props, at, np.array([13.0, 1.0]), level_m, along)
            things.append("hedge")
    if u_animal < shares.animals:
        things.append(obstacles.add_animal(props, rng, spot(reach_m, 12, 0.6), rng.uniform(0, 2 * np.pi)))
    if u_jump < (0.35 if place in ("arena", "indoor") else 0.05):
        for _ in range(int(rng.integers(1, 4))):
            add_jump(props, rng, spot(reach_m + 0.5, 16, 1.6), turn())
        things.append("jump")
    if place in ("arena", "indoor") and rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 4))):
            obstacles.add_letter(props, rng, spot(reach_m, 14, 0.35), facing + rng.normal(0, 0.1))
        things.append("letter")
    for _ in range(rng.poisson(0.35)):
        add_box(props, rng, spot(reach_m + 0.5, 18, 0.9))
    if u_people < shares.people:
        for _ in range(int(rng.integers(1, 4))):
            add_person(props, rng, spot(reach_m, 18, 0.4), rng.uniform(0, 2 * np.pi))
        things.append("person")
    note["furniture"] = things
