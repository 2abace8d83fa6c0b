"""Whole frames for the detector: none to three horses, near and far, among things that are no horse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.crop import apply_transform, warp
from kinequimation.synth import surroundings
from kinequimation.synth.augment import photometric, sensor
from kinequimation.synth.figures import add_person
from kinequimation.synth.labels import horse_box
from kinequimation.synth.meshes import Props
from kinequimation.synth.mixture import Mixture
from kinequimation.synth.renderer import renderer
from kinequimation.synth.sampling import HOOVES, light_projection, sample_horse
from kinequimation.synth.scene import OTHER_HORSE_ID, HorseInScene, Scene

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

NEGATIVES = 0.25
"""Share of frames without a horse."""
_SEEN_SHARE = 0.08
"""A horse counts where at least this share of its box shows it; a horse alone shows 0.3 to 0.6."""


def wide_scene(rng: np.random.Generator, size: int, mixture: Mixture) -> Scene:
    """Draw a wide scene: the horses anywhere in it, the first at 12–100 % of what the camera sees."""
    n_horses = 0 if rng.random() < NEGATIVES else int(rng.choice([1, 2, 3], p=[0.65, 0.22, 0.13]))
    hfov = np.radians(np.exp(rng.uniform(np.log(15), np.log(75))))
    share = np.exp(rng.uniform(np.log(0.12), np.log(1.0)))
    distance = max(2.2 / (2 * share * np.tan(hfov / 2)), 2.8)
    bearing = rng.uniform(0, 2 * np.pi)
    ahead = np.array([np.cos(bearing), np.sin(bearing)])
    right = np.array([ahead[1], -ahead[0]])
    eye = np.array([*(-ahead * distance), rng.uniform(0.6, 3.2) + 0.1 * distance * rng.random() ** 3])
    width = distance * np.tan(hfov / 2)  # half of what the camera sees, at the origin
    aim = np.array([*(right * width * rng.uniform(-1, 1) * max(0.0, 1 - share)), 0.9])
    aim[2] += width * rng.uniform(-0.8, 0.8) * max(0.0, 1 - 1.2 * share)
    K = intrinsics(size, size, float(hfov))
    camera = Camera(K, look_at(eye, aim, np.radians(rng.normal(0, 4))), size, size)

    props = Props()
    horses: list[HorseInScene] = []
    speed = 0.0
    for i in range(n_horses):
        to = np.zeros(2)
        if i:
            to = right * rng.uniform(-1, 1) * max(width, 2.0) + ahead * rng.uniform(-0.2, 1.2) * min(distance, 12)
        yaw = rng.uniform(0, 2 * np.pi)
        if rng.random() < 0.5:  # profile: the horse faces −Y at rest, which is turned across the view here
            yaw = float(np.arctan2(right[1], right[0])) + np.pi / 2 + rng.choice([0, np.pi]) + rng.normal(0, 0.3)
        horse, record = sample_horse(rng, props, mixture, OTHER_HORSE_ID + i, yaw, to)
        speed = speed if i else record["speed_mps"]
        horses.append(horse)
    _add_clutter(rng, props, ahead, right, min(width, 8.0), crowded=n_horses == 0)

    rows: surroundings.Rows = {}
    height_m = horses[0].body.shape.withers_height_m if horses else 1.6
    hooves = horses[0].keypoints()[HOOVES] if horses else np.tile([0.0, 0.0, 9.0], (4, 1))
    around = surroundings.surround(
        rng, rows, props, eye, ahead, distance, 2.0, height_m, hooves, speed, mixture.scene, float(hfov), right
    )
    if not horses:
        around.contact[:, 3] = 0.0
    return Scene(
        camera=camera,
        horses=tuple(horses),
        props=props.arrays(),
        rows=surroundings.rows_array(rows),
        light_from_world=light_projection(around.sun, np.array([0, 0, 0.8]), 4.0),
        contact=around.contact,
        sun_shadow=around.shadow,
        record=around.record | {"n_horses": n_horses, "distance_m": distance, "hfov_deg": float(np.degrees(hfov))},
        picture=around.picture,
    )


def _add_clutter(
    rng: np.random.Generator, props: Props, ahead: np.ndarray, right: np.ndarray, reach_m: float, *, crowded: bool
) -> None:
    """Add people and four-legged things that are no horse; more of them where there is no horse."""

    def spot() -> np.ndarray:
        return right * rng.normal(0, 0.5) * reach_m + ahead * rng.uniform(-0.3, 1.5) * reach_m

    more = 1.3 if crowded else 0.35
    for _ in range(rng.poisson(more)):
        add_person(props, rng, spot(), rng.uniform(0, 2 * np.pi))
    for _ in range(rng.poisson(more * 0.8)):
        surroundings.add_quadruped_furniture(props, rng, spot())
    for _ in range(rng.poisson(more * 0.5)):
        surroundings.add_tree(props, rng, spot())
    if rng.random() < 0.3 * more:
        surroundings.add_jump(props, rng, spot(), rng.uniform(0, np.pi))
    for _ in range(rng.poisson(more * 0.4)):
        surroundings.add_box(props, rng, spot())


def _letterbox(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the map from a square picture to one with bars, perhaps mirrored, and the part of it that is picture.

    Returns:
        [2, 3] transform, and [4] left, top, right, bottom of the picture, pixel edges.
    """
    mirror = rng.random() < 0.5
    aspect = np.exp(rng.uniform(np.log(0.6), np.log(2.0))) if rng.random() < 0.7 else 1.0
    shown = np.array([1.0, 1 / aspect]) if aspect > 1 else np.array([aspect, 1.0])
    keep = size * shown
    corner = (size - keep) * (0.5 if rng.random() < 0.7 else 0.0)  # centred bars, or right and below
    source = (size - keep) * rng.random(2)  # what the picture shows of the square
    shift = corner - source
    A = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    if mirror:
        middle = 2 * corner[0] + keep[0] - 1
        A[0] = [-1.0, 0.0, middle - shift[0]]
    return A, np.concatenate([corner, corner + keep]) - 0.5


def detection_image(
    rng: np.random.Generator, size: int, mixture: Mixture | None = None
) -> tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "n 4"]]:
    """Return an augmented whole frame and the boxes of its horses (x, y, width, height; pixels)."""
    mixture = mixture or Mixture()
    scene = wide_scene(rng, size, mixture)
    buffers = renderer().render(scene, 1)
    A, edges = _letterbox(rng, size)
    boxes = []
    for horse in scene.horses:
        box = horse_box(scene, horse)
        n_seen = int((buffers.object_id == horse.object_id).sum())
        corners = apply_transform(A, np.array([box[:2], box[:2] + box[2:]]))
        low = np.clip(corners.min(0), edges[:2], edges[2:])
        high = np.clip(corners.max(0), edges[:2], edges[2:])
        area, whole = float(np.prod(high - low)), float(np.prod(box[2:]))
        if area > 0.15 * whole and n_seen > _SEEN_SHARE * whole and (high - low).min() > 4:
            boxes.append(np.concatenate([low, high - low]))
    image = warp(np.ascontiguousarray(buffers.rgb), A, size)
    if rng.random() < 0.9:
        image = np.clip(photometric(rng, image.astype(np.float32), mixture.sensor), 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        image = sensor(rng, image, mixture.sensor)
    x, y = np.arange(size), np.arange(size)
    is_bar = ~((x > edges[0]) & (x < edges[2]))[None, :] | ~((y > edges[1]) & (y < edges[3]))[:, None]
    grey = (0, 114, int(rng.integers(0, 256)))[rng.integers(3)]
    return np.where(is_bar[..., None], np.uint8(grey), image), np.array(boxes).reshape(-1, 4)
