"""What grows: grass that hides hooves, flowers, trees, bushes, hedges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.cards import card_layer
from kinequimation.synth.ground import tint
from kinequimation.synth.scene import OBJECT_ID

if TYPE_CHECKING:
    from kinequimation.synth.meshes import Props

    Rows = dict[str, np.ndarray]

_GREENS = ((80, 96, 58), (98, 110, 68), (64, 82, 52), (112, 118, 76), (122, 106, 70), (92, 88, 56))
_TREES = tuple(card_layer(n) for n in ("oak", "ash", "lime", "poplar", "spruce", "pine", "bare"))
_BUSHES = tuple(card_layer(n) for n in ("bush", "shrub", "fern"))
_UP = np.array([0.0, 0.0, 1.0])


def _upright(
    rng: np.random.Generator, xy: np.ndarray, width: np.ndarray, height: np.ndarray, eye: np.ndarray, lean: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return foot, half width and height vectors of cards that face the camera more or less."""
    n = len(xy)
    foot = np.concatenate([xy, np.zeros((n, 1))], 1)
    bearing = np.arctan2(eye[1] - xy[:, 1], eye[0] - xy[:, 0]) + np.pi / 2 + rng.normal(0, 0.45, n)
    right = np.stack([np.cos(bearing), np.sin(bearing), 0 * bearing], -1) * (0.5 * width[:, None])
    right[rng.random(n) < 0.5] *= -1
    up = np.stack([rng.normal(0, lean, n) * height, rng.normal(0, lean, n) * height, height], -1)
    return foot, right, up


def add_grass(
    props: Props, rng: np.random.Generator, rows: Rows, radius_m: float, height_m: float,
    eye: np.ndarray | None = None, ids: int = OBJECT_ID, around: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Add grass around the origin in the ground's colours: thick tufts, thinner ones between, some weeds.

    Args:
        props: where to add.
        rng: source of randomness.
        rows: the shader's rows, with the ground's colours.
        radius_m: how far the grass stands.
        height_m: its height.
        eye: [3] the camera's position; tufts face it.
        ids: number in the id buffer.
        around: [n, 2] points, hooves, around which it stands thicker.
    """
    eye = np.array([5.0, 5.0, 1.5]) if eye is None else eye
    # as many tufts as cover the ground loosely, but no more than a frame can pay for
    n = int(np.clip(rng.uniform(0.3, 1.0) * np.pi * radius_m**2 / (0.5 * height_m) ** 2 * 0.35, 80, 480))
    angle, r = rng.uniform(0, 2 * np.pi, n), radius_m * np.sqrt(rng.random(n))
    xy = np.stack([r * np.cos(angle), r * np.sin(angle)], -1)
    # grass grows in patches
    patch = rng.normal(0, 0.6 * radius_m, (7, 2))
    nearest = np.linalg.norm(xy[:, None] - patch, axis=-1).argmin(1)
    xy = np.where(rng.random((n, 1)) < 0.4, patch[nearest] + rng.normal(0, 0.25 * radius_m, (n, 2)), xy)
    if around is not None and len(around):
        n_near = int(rng.integers(20, 80))
        xy = np.concatenate([xy, around[rng.integers(0, len(around), n_near)] + rng.normal(0, 0.14, (n_near, 2))])
        n += n_near
    tall = (
        height_m
        * rng.uniform(0.45, 1.15, n)
        * (0.7 + 0.6 * rng.random(7)[np.linalg.norm(xy[:, None] - patch, axis=-1).argmin(1)])
    )
    wide = tall * rng.uniform(0.9, 1.8, n) + 0.06
    foot, right, up = _upright(rng, xy, wide, tall, eye, 0.18)
    names = ("tuft", "tuft", "tuft tall", "tuft sparse", "tuft leaning", "weeds" if rng.random() < 0.3 else "tuft",
             "flowers" if rng.random() < 0.3 else "tuft sparse")  # fmt: skip
    if height_m > 0.3 and rng.random() < 0.3:
        names = ("tuft tall", "reed", "tuft tall", "weeds")
    pictures = np.array([card_layer(name) for name in names])[rng.integers(0, len(names), n)]
    share = rng.random((n, 1))
    rgb = rows["soil_a"][:3] * share + rows["soil_b"][:3] * (1 - share)
    rgb = rgb * rng.uniform(0.85, 1.35, (n, 1)) * np.exp(rng.normal(0, 0.05, (n, 3)))
    props.cards(pictures, foot, right, up, rgb, ids, 0.75, 0.0)


def add_tree(props: Props, rng: np.random.Generator, xy: np.ndarray, eye: np.ndarray | None = None) -> None:
    """Add a tree or a bush: two pictures through each other, so that it has a body from any side."""
    eye = np.array([0.0, 0.0, 1.6]) if eye is None else eye
    is_bush = rng.random() < 0.45
    height = rng.uniform(0.5, 2.2) if is_bush else rng.uniform(3.5, 11)
    pool = _BUSHES if is_bush else _TREES
    picture = pool[rng.integers(len(pool))]
    n = int(rng.integers(2, 5)) if is_bush else 2
    spread = 0.35 * height if is_bush else 0.06 * height
    at = np.asarray(xy) + rng.normal(0, spread, (n, 2)) * (1.0 if is_bush else 0.3)
    tall = height * rng.uniform(0.75, 1.05, n)
    foot, right, up = _upright(rng, at, tall * rng.uniform(0.85, 1.2, n), tall, eye, 0.02)
    green = tint(rng, _GREENS[rng.integers(len(_GREENS))], 0.22)
    props.cards(np.full(n, picture), foot, right, up, green * rng.uniform(0.85, 1.15, (n, 1)), OBJECT_ID, 0.65, 0.6)


def add_hedge(
    props: Props, rng: np.random.Generator, centre_xy: np.ndarray, along_rad: float, length_m: float, height_m: float
) -> None:
    """Add a hedge through a point, two rows thick, its top uneven."""
    n = max(int(length_m / (0.9 * height_m)), 2)
    along = np.array([np.cos(along_rad), np.sin(along_rad)])
    across = np.array([-along[1], along[0]])
    at = np.linspace(-0.5, 0.5, n) * length_m
    xy = np.concatenate([centre_xy + at[:, None] * along + side * 0.2 * across for side in (-1, 1)])
    xy = xy + rng.normal(0, 0.08, xy.shape)
    m = len(xy)
    tall = height_m * rng.uniform(0.85, 1.1, m)
    foot = np.concatenate([xy, np.full((m, 1), -0.02)], 1)
    right = np.tile(np.array([*along, 0.0]) * 0.62 * height_m, (m, 1)) * rng.choice([-1.0, 1.0], (m, 1))
    up = np.outer(tall, _UP)
    picture = card_layer("hedge" if rng.random() < 0.6 else "shrub")
    green = tint(rng, _GREENS[rng.integers(len(_GREENS))], 0.2)
    props.cards(np.full(m, picture), foot, right, up, green * rng.uniform(0.85, 1.15, (m, 1)), OBJECT_ID, 0.4, 0.6)


def add_foliage_in_front(
    props: Props,
    rng: np.random.Generator,
    eye: np.ndarray,
    ahead_xy: np.ndarray,
    distance_m: float,
    hfov_rad: float = 0.7,
) -> str:
    """Add leaves between camera and horse: grass or bushes from below, or a branch from above.

    Returns:
        which.
    """
    right_xy = np.array([ahead_xy[1], -ahead_xy[0]])
    kind = ("grass", "bushes", "branch")[rng.choice(3, p=[0.45, 0.35, 0.2])]
    green = tint(rng, _GREENS[rng.integers(len(_GREENS))], 0.25)
    near = distance_m * rng.uniform(0.3, 0.75)
    half = 0.35 * near
    n = int(rng.integers(3, 12)) if kind != "branch" else int(rng.integers(1, 3))
    sideways = rng.normal(0, 1.0, n) * half + rng.normal(0, 0.5) * half
    xy = eye[:2] + ahead_xy * near + right_xy * sideways[:, None] + rng.normal(0, 0.2, (n, 2))
    share = near / distance_m
    if kind == "branch":
        # it hangs into the picture from beyond its upper edge
        sight = eye[2] + (1.0 - eye[2]) * share
        half_view = near * np.tan(hfov_rad / 2)
        drop = half_view * rng.uniform(1.0, 1.8, n)
        foot, right, up = _upright(rng, xy, drop * rng.uniform(1.0, 1.6, n), drop, eye, 0.05)
        foot[:, 2] = sight + half_view * rng.uniform(-0.1, 0.6, n)
        pictures = np.full(n, card_layer("branch"))
    else:
        # tall enough to reach the legs' line of sight, seldom the trunk's
        sight = max(eye[2] + (0.4 - eye[2]) * share, 0.15)
        tall = sight * rng.uniform(0.5, 1.5, n)
        foot, right, up = _upright(rng, xy, tall * rng.uniform(0.8, 1.6, n), tall, eye, 0.1)
        names = ("tuft", "tuft tall", "weeds", "reed", "fern") if kind == "grass" else ("bush", "shrub", "fern")
        pictures = np.array([card_layer(name) for name in names])[rng.integers(0, len(names), n)]
    props.cards(pictures, foot, right, up, green * rng.uniform(0.8, 1.25, (n, 1)), OBJECT_ID, 0.6, 0.4)
    return kind
