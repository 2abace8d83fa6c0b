"""What stands around the horse: ground, sky, tree lines and walls, light, fences, trees, jumps, grass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.figures import add_person
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.scene import OBJECT_ID
from kinequimation.synth.textures import TEXTURES, texture_layer

if TYPE_CHECKING:
    from jaxtyping import Float

Rows = dict[str, np.ndarray]
_UP = np.array([0.0, 0.0, 1.0])

_GROUNDS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], tuple[str, ...]]] = {
    "sand": ((205, 184, 150), (176, 152, 120), ("sand", "hoofprints", "sand")),
    "dark sand": ((140, 120, 98), (112, 96, 80), ("hoofprints", "sand", "soil")),
    "grey arena": ((150, 148, 140), (128, 126, 120), ("sand", "hoofprints")),
    "grass": ((98, 128, 58), (122, 136, 70), ("grass", "grass", "leaves")),
    "dry grass": ((160, 146, 94), (128, 120, 70), ("grass", "soil")),
    "dirt": ((104, 84, 64), (80, 64, 50), ("soil", "gravel")),
    "asphalt": ((118, 116, 114), (100, 99, 98), ("gravel", "plaster")),
    "snow": ((226, 230, 236), (206, 212, 222), ("soil", "plaster")),
}
GROUNDS: tuple[str, ...] = tuple(_GROUNDS)
_GROUND_SHARES = np.array([0.24, 0.12, 0.12, 0.26, 0.08, 0.1, 0.05, 0.03])


def _tint(rng: np.random.Generator, rgb: object, spread: float = 0.12) -> np.ndarray:
    return linear(np.asarray(rgb, float) * np.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, spread / 2, 3)))


def sample_light(rng: np.random.Generator, rows: Rows, *, indoor: bool) -> tuple[np.ndarray, float]:
    """Draw sun, sky and exposure into ``rows``.

    Returns:
        the unit direction towards the sun, and the strength of its shadows.
    """
    elevation, azimuth = np.radians(rng.uniform(12, 78)), rng.uniform(0, 2 * np.pi)
    if indoor:
        elevation = np.radians(rng.uniform(50, 88))
    sun = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    overcast = 1.0 if indoor else rng.random() ** 0.6 if rng.random() < 0.4 else 0.0
    strength = rng.uniform(1.0, 2.6) * (1 - 0.8 * overcast)
    warm = np.array(
        [1.0, 1.0 - 0.25 * rng.random() * (1 - elevation), 1.0 - 0.5 * rng.random() * (1 - elevation / 1.6)]
    )
    sky = rng.uniform(0.3, 0.8) * (1 + 0.6 * overcast)
    blue = np.array([1.0 - 0.25 * rng.random(), 1.0, 1.0 + 0.3 * rng.random()])
    shadow = rng.uniform(0.75, 1.0) * (1 - 0.75 * overcast)
    white = np.exp(rng.normal(0, 0.1, 3))
    exposure = rng.uniform(0.6, 1.0) / (sky + strength * np.sin(elevation)) * np.exp(rng.normal(0.5, 0.3))
    rows["sun"] = np.array([*sun, shadow])
    rows["sun_rgb"] = np.array([*(warm * strength * white), exposure])
    clouds = rng.random()
    rows["sky_rgb"] = np.array([*(blue * sky * white), clouds])
    rows["eye"] = np.array([0, 0, 0, 1 / np.exp(rng.normal(np.log(2.1), 0.12))])
    return sun, shadow


def sample_backdrop(rng: np.random.Generator, rows: Rows, eye: np.ndarray, distance_m: float) -> str:
    """Draw ground and background into ``rows``.

    Args:
        rng: source of randomness.
        rows: the shader's rows; the light must be in it.
        eye: [3] the camera's position.
        distance_m: from the camera to the horse.

    Returns:
        the kind of place.
    """
    for name in SCENE_FIELDS:
        rows.setdefault(name, np.zeros(4))
    kind = ("open", "arena", "indoor", "picture")[rng.choice(4, p=[0.42, 0.33, 0.13, 0.12])]
    ground = GROUNDS[rng.choice(len(GROUNDS), p=_GROUND_SHARES)]
    if kind in ("arena", "indoor") and rng.random() < 0.75:
        ground = GROUNDS[rng.integers(3)]
    a, b, textures = _GROUNDS[ground]
    if rng.random() < 0.06:
        textures = TEXTURES
    layer = texture_layer(textures[rng.integers(len(textures))])
    sky = rows["sky_rgb"][:3]
    rows["soil_a"] = np.array([*_tint(rng, a), layer])
    rows["soil_b"] = np.array([*_tint(rng, b), np.exp(rng.uniform(np.log(0.25), np.log(1.6)))])
    contrast = rng.uniform(0.1, 0.8)
    rows["soil_mix"] = np.array([contrast * 0.6, np.exp(rng.uniform(-3.5, -1)), rng.uniform(0.35, 0.65), contrast])
    rows["ground_rgb"] = np.array([*(rows["soil_a"][:3] * (sky * 0.5 + rows["sun_rgb"][:3] * 0.35)), 0.0])
    if rng.random() < 0.2:
        rows["ground_rgb"][3] = np.exp(rng.uniform(np.log(0.02), np.log(0.4))) / distance_m
    pale = np.array([1.0, 1.0, 1.0]) if rng.random() < 0.4 else np.array([0.75, 0.88, 1.0])
    rows["zenith"] = np.array([*(np.array([0.22, 0.42, 0.85]) * rng.uniform(0.4, 1.3) * sky * 1.6), 0.0])
    if rng.random() < 0.35:
        rows["zenith"][:3] = sky * rng.uniform(0.8, 1.5)
    rows["horizon"] = np.array([*(pale * sky * rng.uniform(0.8, 1.7)), np.exp(rng.uniform(-1.5, 0.3))])
    rows["offset"] = np.array([*rng.random(3) * 5, 0.0])
    if kind == "picture":
        rows["zenith"][3] = 1.0
        layers = rng.integers(0, len(TEXTURES), 2)
        scale = np.exp(rng.uniform(np.log(0.1), np.log(0.8)))
        rows["picture"] = np.array([*layers, scale, rng.random()])
        rows["picture_rgb"] = np.array([*linear(rng.uniform(40, 230, 3)), rng.uniform(0, 1)])
        return kind
    if kind == "open" or rng.random() < 0.5:
        if rng.random() < 0.5:
            rows["hills"] = np.array([*_tint(rng, (92, 112, 92), 0.25), rng.uniform(0.02, 0.25)])
        if rng.random() < 0.75:
            green = (62, 88, 46) if rng.random() < 0.75 else (120, 100, 66)
            rows["trees"] = np.array([*_tint(rng, green, 0.25), rng.uniform(0.04, 0.4)])
            leafy = texture_layer(("leaves", "foliage", "grass")[rng.integers(3)])
            rows["trees_shape"] = np.array([leafy, rng.uniform(4, 14), rng.uniform(0.3, 1.5), rng.uniform(0.45, 0.9)])
    if kind != "open" or rng.random() < 0.2:
        far = distance_m * rng.uniform(1.15, 3.0) + 1.0
        height = rng.uniform(0.6, 3.0) if kind == "arena" else rng.uniform(3, 9)
        surface = ("planks", "bricks", "plaster", "panels", "letters", "plaster")[rng.integers(6)]
        if kind == "indoor" and rng.random() < 0.25:
            surface = "crowd"
        rows["wall"] = np.array([*random_colour(rng), (height - eye[2]) / far])
        if rng.random() < 0.4:
            rows["wall"][:3] = _tint(rng, (205, 200, 190))
        rows["wall_shape"] = np.array([texture_layer(surface), rng.uniform(1.5, 7), -eye[2] / far, rng.uniform(0, 1)])
        towards = -eye[:2] / (np.linalg.norm(eye[:2]) + 1e-9)
        turn = rng.normal(0, 0.25)
        normal = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ towards
        rows["wall_normal"] = np.array([*normal, rng.uniform(0.003, 0.02) if rng.random() < 0.4 else 0.0, 0.0])
        if kind == "indoor":
            dim = rng.uniform(0.03, 0.5)
            rows["zenith"][:3] = sky * dim
            rows["horizon"][:3] = sky * dim
            rows["sky_rgb"][3] = 0.0
    return kind


def rows_array(rows: Rows) -> Float[np.ndarray, "fields 4"]:
    """Return the rows in the shader's order."""
    return np.stack([rows[name] for name in SCENE_FIELDS])


def add_fence(props: Props, rng: np.random.Generator, centre_xy: np.ndarray, along_rad: float, length_m: float) -> None:
    """Add a fence of posts and rails through a point."""
    along = np.array([np.cos(along_rad), np.sin(along_rad), 0.0])
    centre = np.array([*centre_xy, 0.0])
    top, n_rails = rng.uniform(0.35, 1.6), int(rng.integers(1, 5))
    white = rng.random() < 0.45
    rgb = linear(np.array((232, 232, 228)) * rng.uniform(0.8, 1)) if white else random_colour(rng)
    half = rng.uniform(0.015, 0.07)
    is_box = rng.random() < 0.5
    spacing = rng.uniform(1.5, 4.0)
    for x in np.arange(-length_m / 2, length_m / 2 + spacing, spacing) + rng.uniform(0, spacing):
        base = centre + along * x
        props.box(base + top / 2 * _UP, (half, half, top / 2 * 1.05), along_rad, rgb, OBJECT_ID)
    for z in np.linspace(top * 0.95, top * 0.95 / n_rails * 0.6, n_rails):
        middle = centre + z * _UP
        if is_box:
            props.box(middle, (length_m / 2, 0.02, half * 1.3), along_rad, rgb, OBJECT_ID)
        else:
            props.limb(
                middle - along * length_m / 2, middle + along * length_m / 2, half * 0.7, half * 0.7, rgb, OBJECT_ID
            )


def add_tree(props: Props, rng: np.random.Generator, xy: np.ndarray) -> None:
    """Add a tree or a bush."""
    bush = rng.random() < 0.5
    height = rng.uniform(0.4, 1.6) if bush else rng.uniform(3, 9)
    foot = np.array([*xy, 0.0])
    if not bush:
        props.limb(foot, foot + height * 0.7 * _UP, 0.03 * height, 0.015 * height, _tint(rng, (84, 70, 58)), OBJECT_ID)
    n = int(rng.integers(3, 7))
    centre = foot + height * (0.4 if bush else 0.7) * _UP + rng.normal(0, 0.16 * height, (n, 3))
    radius = rng.uniform(0.15, 0.32, (n, 1)) * height
    axes = np.eye(3) * radius[:, :, None]
    green = _tint(rng, (70, 98, 50) if rng.random() < 0.8 else (130, 104, 60), 0.25)
    props.add("sphere", axes, centre, green, OBJECT_ID, "leaves", 1.5 / height, 1.0)


def add_jump(props: Props, rng: np.random.Generator, xy: np.ndarray, along_rad: float) -> None:
    """Add a show jump: two stands and painted poles."""
    along = np.array([np.cos(along_rad), np.sin(along_rad), 0.0])
    centre = np.array([*xy, 0.0])
    a, b = random_colour(rng), linear((230, 228, 222))
    width, height = rng.uniform(1.2, 1.9), rng.uniform(0.5, 1.4)
    for sign in (-1, 1):
        stand = centre + along * sign * width
        props.box(
            stand + 0.7 * _UP,
            (0.25, 0.05, rng.uniform(0.5, 0.8)),
            along_rad,
            a if sign > 0 else b,
            OBJECT_ID,
            "stripes",
            1.0,
            0.6,
        )
    for z in np.linspace(height, 0.2, int(rng.integers(2, 5))):
        for i in range(6):
            x = (-1 + 2 * (i + 0.5) / 6) * width
            middle = centre + along * x + z * _UP
            half = along * width / 6
            props.limb(middle - half, middle + half, 0.05, 0.05, (a, b)[i % 2], OBJECT_ID)


def add_box(props: Props, rng: np.random.Generator, xy: np.ndarray) -> None:
    """Add a building, a board, a car's worth of boxes or a crate."""
    size = np.exp(rng.uniform(np.log(0.15), np.log(3.5), 3))
    surface = ("planks", "bricks", "panels", "letters", "checks", "stripes", "cells", "plaster")[rng.integers(8)]
    yaw = rng.uniform(0, np.pi)
    props.box([*xy, size[2]], size, yaw, random_colour(rng), OBJECT_ID, surface, rng.uniform(0.15, 1), rng.random())


def add_quadruped_furniture(props: Props, rng: np.random.Generator, xy: np.ndarray) -> None:
    """Add something with four legs that is no horse: a table, a bench, or a blob on sticks."""
    size = rng.uniform(0.35, 1.0) * np.array([1.0, rng.uniform(0.3, 0.7), 1.0])
    height, yaw, rgb = rng.uniform(0.5, 1.3), rng.uniform(0, np.pi), random_colour(rng)
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    for i in (-1, 1):
        for j in (-1, 1):
            foot = np.array([*(xy + turn @ (size[:2] * 0.85 * [i, j])), 0.0])
            props.limb(foot, foot + height * _UP, 0.05, 0.05, rgb, OBJECT_ID)
    if rng.random() < 0.5:
        props.box([*xy, height], (size[0], size[1], 0.04), yaw, rgb, OBJECT_ID, "planks", 1.0, 0.5)
    else:
        axes = np.eye(3) * [size[0], size[1], rng.uniform(0.2, 0.4)]
        axes[:2, :2] = turn @ axes[:2, :2]
        props.add("sphere", axes, np.array([*xy, height]), rgb, OBJECT_ID, "soil", 0.5, 0.5)


def add_grass(props: Props, rng: np.random.Generator, rows: Rows, radius_m: float, height_m: float) -> None:
    """Add blades of grass around the origin, in the ground's colours."""
    n = int(rng.integers(500, 2200))
    angle, r = rng.uniform(0, 2 * np.pi, n), radius_m * np.sqrt(rng.random(n))
    centre = np.stack([r * np.cos(angle), r * np.sin(angle), np.zeros(n)], -1)
    axes = np.zeros((n, 3, 3))
    turn = rng.uniform(0, np.pi, n)
    wide = rng.uniform(0.004, 0.016, n) * (1 + height_m * 3)
    axes[:, 0, 0], axes[:, 1, 0] = wide * np.cos(turn), wide * np.sin(turn)
    tall = height_m * rng.uniform(0.4, 1.2, n)
    axes[:, :, 2] = rng.normal(0, 0.3, (n, 3)) * tall[:, None]
    axes[:, 2, 2] = tall
    axes[:, :2, 1] = rng.normal(0, 0.02, (n, 2))
    axes[:, 2, 1] = 0.01
    share = rng.random((n, 1))
    rgb = (rows["soil_a"][:3] * share + rows["soil_b"][:3] * (1 - share)) * rng.uniform(0.7, 1.5, (n, 1))
    props.add("blade", axes, centre, rgb, OBJECT_ID)


def furnish(
    props: Props, rng: np.random.Generator, eye: np.ndarray, forward: np.ndarray, distance_m: float, reach_m: float
) -> None:
    """Scatter fences, trees, jumps, boxes and people behind and beside the horse.

    Args:
        props: where to add.
        rng: source of randomness.
        eye: [3] the camera's position.
        forward: [2] its horizontal viewing direction, unit.
        distance_m: from the camera to the horse.
        reach_m: how far from the horse nothing may stand.
    """
    right = np.array([forward[1], -forward[0]])
    facing = float(np.arctan2(right[1], right[0]))

    def spot(nearest: float, farthest: float) -> np.ndarray:
        ahead = distance_m + np.exp(rng.uniform(np.log(nearest), np.log(farthest)))
        return eye[:2] + forward * ahead + right * rng.normal(0, 0.35) * ahead

    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 3))):
            add_fence(props, rng, spot(reach_m, 12), facing + rng.normal(0, 0.25), rng.uniform(8, 40))
    for _ in range(rng.poisson(0.9)):
        add_tree(props, rng, spot(reach_m + 0.5, 25))
    for _ in range(rng.poisson(1.1)):
        add_box(props, rng, spot(reach_m + 3.5, 30))
    if rng.random() < 0.12:
        add_jump(props, rng, spot(reach_m + 0.5, 12), facing + rng.normal(0, 0.5))
    for _ in range(rng.poisson(0.5)):
        add_person(props, rng, spot(reach_m, 15), rng.uniform(0, 2 * np.pi))
