"""What hooves throw up and stand in: dust, clods, spray, mounds of soft ground, shallow water."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.cards import card_layer
from kinequimation.synth.meshes import VEIL
from kinequimation.synth.scene import OBJECT_ID
from kinequimation.synth.textures import texture_layer

if TYPE_CHECKING:
    from kinequimation.synth.ground import Ground
    from kinequimation.synth.meshes import Props

    Rows = dict[str, np.ndarray]

_FAST_MPS = 2.5
"""From a slow trot on hooves throw up dust (judgement)."""


def _facing(n: int, eye: np.ndarray, at: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    towards = eye - at
    bearing = np.arctan2(towards[:, 1], towards[:, 0]) + np.pi / 2
    right = np.stack([np.cos(bearing), np.sin(bearing), np.zeros(n)], -1) * (0.5 * size[:, None])
    up = np.zeros((n, 3))
    up[:, 2] = size
    return right, up


def add_dust(
    props: Props, rng: np.random.Generator, rows: Rows, ground: Ground, eye: np.ndarray, hooves_xyz: np.ndarray,
    heading_xy: np.ndarray, speed_mps: float, height_m: float,
) -> int:  # fmt: skip
    """Add clouds behind the hooves, longer and higher the faster the horse goes.

    Returns:
        the number of clouds.
    """
    pace = min((speed_mps - _FAST_MPS) / 8.0, 1.0)
    if pace <= 0 or ground.dust <= 0 or not len(hooves_xyz):
        return 0
    n = int(rng.integers(8, 14 + int(16 * pace)))
    hoof = hooves_xyz[rng.integers(0, 4, n)]
    behind = np.abs(rng.normal(0, 0.25 + 0.9 * pace, n)) * height_m
    at = hoof.copy()
    at[:, :2] -= heading_xy * behind[:, None]
    at[:, :2] += rng.normal(0, 0.12 * height_m, (n, 2))
    size = height_m * (0.22 + 0.25 * behind / height_m + 0.35 * pace * rng.random(n))
    at[:, 2] = rng.uniform(-0.12, 0.25, n) * size
    right, up = _facing(n, eye, at, size * rng.uniform(0.9, 1.7, n))
    opacity = ground.dust * rng.uniform(0.4, 2.2) * rng.uniform(0.6, 1.2, n) * np.exp(-behind / height_m * 0.5)
    pictures = np.array([card_layer("puff"), card_layer("puff thin")])[rng.integers(0, 2, n)]
    # fine dust is paler than the ground it comes from
    rgb = np.clip(0.5 * rows["soil_a"][:3] + 0.5 * np.sqrt(rows["soil_a"][:3]) * 0.85, 0, 0.9)
    props.cards(pictures, at, right, up, rgb, OBJECT_ID, np.clip(opacity, 0, 0.95), 0.0, VEIL)
    if rng.random() < 0.5:
        m = int(rng.integers(2, 6))
        foot = hooves_xyz[rng.integers(0, 4, m)] * [1, 1, 0]
        right, up = _facing(m, eye, foot, height_m * rng.uniform(0.1, 0.35, m))
        props.cards(np.full(m, card_layer("clods")), foot, right, up, rows["soil_b"][:3] * 0.8, OBJECT_ID, 0.8)
    return n


def add_splash(
    props: Props, rng: np.random.Generator, eye: np.ndarray, hooves_xyz: np.ndarray, level_m: float, speed_mps: float,
    height_m: float,
) -> int:  # fmt: skip
    """Add spray round the hooves that move through water.

    Returns:
        the number of splashes.
    """
    pace = min(speed_mps / 7.0, 1.0)
    n = int(rng.integers(3, 7 + int(14 * pace)))
    at = hooves_xyz[rng.integers(0, 4, n)].copy()
    at[:, :2] += rng.normal(0, 0.06 + 0.2 * pace, (n, 2)) * height_m
    size = height_m * (0.12 + 0.55 * pace * rng.random(n))
    at[:, 2] = level_m - 0.15 * size
    right, up = _facing(n, eye, at, size)
    pictures = np.array([card_layer("splash"), card_layer("splash"), card_layer("puff thin")])[rng.integers(0, 3, n)]
    props.cards(pictures, at, right, up, np.array([0.85, 0.88, 0.9]), OBJECT_ID, rng.uniform(0.4, 0.95, n), 0.0, VEIL)
    return n


def add_water(
    props: Props, rng: np.random.Generator, height_m: float, reach_m: float, record: dict[str, object]
) -> float:
    """Cover the ground with shallow water.

    Returns:
        the height of its surface, metres.
    """
    level = float(height_m * np.exp(rng.uniform(np.log(0.02), np.log(0.3))))
    murky = float(rng.uniform(0.25, 0.93))
    rgb = np.array([0.10, 0.11, 0.08]) * np.exp(rng.normal(0, 0.25, 3)) * rng.uniform(0.5, 2.2)
    layer = texture_layer("waves" if rng.random() < 0.6 else "drifts")
    scale = float(np.exp(rng.uniform(-1.2, 0.2)))
    sheet = np.diag([reach_m, reach_m, 1e-4])
    props.water(sheet, np.array([0.0, 0.0, level]), rgb, layer, murky, scale, OBJECT_ID)
    record |= {"water_m": level, "water_opacity": murky}
    return level


def add_shade(
    props: Props, xy: np.ndarray, half_m: np.ndarray | float, level_m: float = 0.0, along_rad: float = 0.0,
    strength: float = 0.45,
) -> None:  # fmt: skip
    """Darken the ground under what stands on it, beyond the shadow map: without it things seem to float.

    Args:
        props: where to add.
        xy: [2] where it stands.
        half_m: half its width, or its half length and half width.
        level_m: height of the ground's surface.
        along_rad: where its length runs.
        strength: share of the light that is lost in the middle; below a half, so that the ground keeps its pixels.
    """
    length, width = np.broadcast_to(half_m, 2)
    along = np.array([[np.cos(along_rad), np.sin(along_rad), 0.0]])
    across = np.array([[-along[0, 1], along[0, 0], 0.0]])
    foot = np.array([[*xy, level_m + 0.012]]) - across * width
    picture = np.array([card_layer("shade")])
    props.cards(
        picture, foot, along * length, 2 * across * width, np.zeros(3), OBJECT_ID, min(strength, 0.49), 0.0, VEIL
    )


def add_mounds(props: Props, rng: np.random.Generator, rows: Rows, hooves_xyz: np.ndarray, depth_m: float) -> None:
    """Heap soft ground round the hooves that stand in it, so that they do not cut its surface in a straight line."""
    down = hooves_xyz[hooves_xyz[:, 2] < depth_m + 0.06]
    if not len(down):
        return
    n = 12 * len(down)
    centre = np.repeat(down, 12, axis=0)
    turn = rng.uniform(0, 2 * np.pi, n)
    out = rng.uniform(0.05, 0.13, n)
    centre[:, 0] += out * np.cos(turn)
    centre[:, 1] += out * np.sin(turn)
    centre[:, 2] = depth_m - 0.01
    axes = np.zeros((n, 3, 3))
    axes[:, 0, 0], axes[:, 1, 1] = rng.uniform(0.03, 0.12, n), rng.uniform(0.03, 0.12, n)
    axes[:, 0, 1] = axes[:, 0, 0] * rng.normal(0, 0.4, n)
    axes[:, 2, 2] = rng.uniform(0.004, 0.022, n) * (0.4 + depth_m / 0.06)
    share = rng.random((n, 1))
    rgb = (rows["soil_a"][:3] * share + rows["soil_b"][:3] * (1 - share)) * rng.uniform(0.9, 1.12, (n, 1))
    props.add("sphere", axes, centre, rgb * 0.93, OBJECT_ID, as_ground=True)
