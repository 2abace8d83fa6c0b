"""Motion blur from true shutter time: what moves while the shutter is open is drawn several times and averaged.

The labels are those of mid-exposure. A sub-frame is a rendering of its own, so what is seen through a moving leg is
right, and so is the background of a camera that follows the horse. They are averaged in linear light, as a sensor
adds it up, and each is shifted by a part of a pixel, which makes their average smooth at edges too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.camera import Camera
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import PERSON_ID, TACK_ID, HorseInScene, Scene

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

SHUTTER_S = (1 / 2000, 1 / 60)
"""Shortest and longest exposure (sources, B6)."""
MAX_SUBFRAMES = 9
STEP_PX = 2.0
"""How far the fastest point may move between two sub-frames, as long as ``MAX_SUBFRAMES`` are enough: judgement."""
SHARP_PX = 1.0
"""A picture in which nothing moves farther than this is not blurred."""
_TRUNK = skeleton.JOINT_INDEX["DEF-spine.004"]
_EYE, _OFFSET, _PICTURE, _FIT = (SCENE_FIELDS.index(name) for name in ("eye", "offset", "picture", "fit"))
_RIDES_M = 1.5
_GAMMA = 2.2


@lru_cache(maxsize=1)
def _linear() -> Float[np.ndarray, " 256"]:
    return ((np.arange(256) / 255.0) ** _GAMMA).astype(np.float32)


def sample_shutter(rng: np.random.Generator, share: float) -> float:
    """Return a shutter time, seconds: 0, a frozen moment, but for a share of pictures; log-uniform for those.

    Args:
        rng: source of randomness.
        share: of the pictures that have an exposure time.
    """
    low, high = np.log(SHUTTER_S)
    shutter_s = float(np.exp(rng.uniform(low, high)))
    return shutter_s if rng.random() < share else 0.0


def sample_following(
    rng: np.random.Generator, camera: Camera, before: Float[np.ndarray, " 3"], after: Float[np.ndarray, " 3"]
) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "4 4"]] | None:
    """Return how a photographer moves the camera while the shutter is open; None for a tripod.

    Half of them pan after the horse, more or less exactly; a tenth ride along beside it; the others hold still.

    Args:
        rng: source of randomness.
        camera: at mid-exposure.
        before: a point of the trunk when the shutter opens, world.
        after: the same when it closes.

    Returns:
        ``Scene.exposure``.
    """
    roll, exactness, slip = rng.random(), rng.normal(1.0, 0.12), rng.normal(0, 0.03, 3)
    if roll >= 0.6:
        return None
    middle = 0.5 * (before + after)
    ends = []
    for point in (before, after):
        moved = (point - middle) * exactness
        moved = moved + np.linalg.norm(moved) * slip
        T = camera.T_cam_world.copy()
        if roll < 0.1:
            T[:3, 3] -= T[:3, :3] @ moved
        else:
            turn = _turn_between(camera.to_cam(middle), camera.to_cam(middle + moved))
            T[:3] = turn.T @ T[:3]
        ends.append(T)
    return ends[0], ends[1]


def _turn_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the least rotation that takes the direction of ``a`` to that of ``b`` (not opposite)."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v = np.cross(a, b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + a @ b)


def _between(ends: tuple[np.ndarray, np.ndarray], middle: np.ndarray, u: float) -> np.ndarray:
    """Return the broken line from the first end at u = 0 through the middle at ½ to the second end at 1."""
    return ends[0] + (middle - ends[0]) * 2 * u if u < 0.5 else middle + (ends[1] - middle) * (2 * u - 1)


def _horse_at(horse: HorseInScene, u: float) -> HorseInScene:
    if horse.exposure is None:
        return horse
    (xyz_a, rotation_a), (xyz_b, rotation_b) = horse.exposure
    xyz = _between((xyz_a, xyz_b), horse.xyz_world, u)
    # a quaternion and its negative are one rotation
    a, b = (
        q * np.where((q * horse.rotation_world).sum(-1, keepdims=True) < 0, -1.0, 1.0) for q in (rotation_a, rotation_b)
    )
    rotation = _between((a, b), horse.rotation_world, u)
    return replace(
        horse, xyz_world=xyz, rotation_world=rotation / np.linalg.norm(rotation, axis=-1, keepdims=True), exposure=None
    )


def _carried(props: dict[str, np.ndarray], horse: HorseInScene, there: HorseInScene) -> dict[str, np.ndarray]:
    """Move rider and tack with the trunk that they sit on."""
    rows, moved = horse.bone_rows[_TRUNK], there.bone_rows[_TRUNK]
    R = moved[:, :3] @ rows[:, :3].T
    t = moved[:, 3] - R @ rows[:, 3]
    out = {}
    for name, instances in props.items():
        rides = np.isin(instances[:, 19], (TACK_ID, PERSON_ID))
        rides &= np.linalg.norm(instances[:, [3, 7]] - horse.xyz_world[_TRUNK, :2], axis=1) < _RIDES_M
        if rides.any():
            instances = instances.copy()
            placed = R @ instances[rides, :12].reshape(-1, 3, 4)
            placed[..., 3] += t
            instances[rides, :12] = placed.reshape(-1, 12)
        out[name] = instances
    return out


def scene_at(scene: Scene, u: float, jitter_px: tuple[float, float] = (0.0, 0.0)) -> Scene:
    """Return a scene at an instant of its exposure.

    Args:
        scene: at mid-exposure.
        u: 0 when the shutter opens, 1 when it closes.
        jitter_px: shift of the picture, pixels.
    """
    camera = scene.camera
    T = camera.T_cam_world
    if scene.exposure is not None:
        T = _between(scene.exposure, T, u)
        left, _, right = np.linalg.svd(T[:3, :3])
        T = np.vstack([np.c_[left @ right, T[:3, 3]], [0, 0, 0, 1]])
    K = camera.K.copy()
    K[:2, 2] += jitter_px
    moved = Camera(K, T, camera.width, camera.height)
    rows = scene.rows.copy()
    rows[_EYE, :3] = moved.position_world
    # a picture is drawn in screen coordinates: it shifts as what lies far away does
    ahead = camera.position_world + camera.T_cam_world[2, :3] * 1e4
    shift = (moved.project(ahead) - camera.project(ahead)) * 2 / (camera.width, camera.height)
    rows[_OFFSET, :2] -= shift * rows[_PICTURE, 2]
    rows[_FIT, :2] -= shift * rows[_FIT, 2:]
    horses = tuple(_horse_at(h, u) for h in scene.horses)
    props = scene.props
    for horse, there in zip(scene.horses, horses, strict=True):
        if there is not horse:
            props = _carried(props, horse, there)
    return replace(scene, camera=moved, horses=horses, props=props, rows=rows, exposure=None, shutter_s=0.0)


def path_px(scene: Scene) -> float:
    """Return how far the fastest thing moves over the picture while the shutter is open, pixels.

    Looked at are the first horse's keypoints and, if the camera moves, points of the ground and of what lies far away.
    """
    opens, closes = scene_at(scene, 0.0), scene_at(scene, 1.0)
    camera = scene.camera
    longest = 0.0
    for horse, a, b in zip(scene.horses, opens.horses, closes.horses, strict=True):
        seen = _inside(camera, camera.project(horse.keypoints()))
        if seen.any():
            path = closes.camera.project(b.keypoints()[seen]) - opens.camera.project(a.keypoints()[seen])
            longest = max(longest, float(np.nanmax(np.linalg.norm(path, axis=1), initial=0.0)))
    if scene.exposure is not None:
        eye = camera.position_world
        fixed = np.array([eye + camera.T_cam_world[2, :3] * 1e4, [0.0, 0.0, 0.0]])
        path = closes.camera.project(fixed) - opens.camera.project(fixed)
        longest = max(longest, float(np.nanmax(np.linalg.norm(path, axis=1), initial=0.0)))
    return longest


def _inside(camera: Camera, uv_px: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(((uv_px > 0) & (uv_px < (camera.width, camera.height))).all(-1))


def exposed(scene: Scene, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Return the picture with motion blur, if anything moves enough while the shutter is open.

    Args:
        scene: at mid-exposure.
        image: the same, drawn.
    """
    if scene.shutter_s <= 0 or (scene.exposure is None and all(h.exposure is None for h in scene.horses)):
        return image
    longest = path_px(scene)
    if longest < SHARP_PX:
        return image
    n = 2 * round((np.clip(longest / STEP_PX, 3, MAX_SUBFRAMES) - 1) / 2) + 1
    total = _linear()[image]  # the middle one is there already
    for k in range(n):
        if k == n // 2:
            continue
        jitter = ((k * 0.7549 + 0.25) % 1 - 0.5, (k * 0.5698 + 0.25) % 1 - 0.5)  # a low-discrepancy sequence
        # shadows are those of the first: nobody sees that they stand still
        total += _linear()[renderer().colour(scene_at(scene, (k + 0.5) / n, jitter), shadows=k == 0)]
    return (255 * (total / n) ** (1 / _GAMMA) + 0.5).astype(np.uint8)
