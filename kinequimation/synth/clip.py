"""A motion filmed: one place, one light, one horse in its tack, and true labels for every frame."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.synth import surroundings, tack
from kinequimation.synth.coat import sample_coat
from kinequimation.synth.frames import Frame, label
from kinequimation.synth.meshes import Props
from kinequimation.synth.sampling import light_projection
from kinequimation.synth.scene import HorseInScene, Scene

if TYPE_CHECKING:
    from kinequimation.motion import Motion

_TRUNK = skeleton.KEYPOINT_INDEX["DEF-spine.004"]
_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]


def tripod(
    motion: Motion,
    width: int = 640,
    height: int = 360,
    distance_m: float = 7.0,
    hfov_rad: float = 0.6,
    eye_height_m: float = 1.5,
) -> list[Camera]:
    """Return a camera on a tripod for each frame of a motion: beside the middle of the way, panning after the trunk.

    Args:
        motion: what the horse does.
        width: image width, pixels.
        height: image height, pixels.
        distance_m: from the camera to the middle of the horse's path.
        hfov_rad: horizontal field of view.
        eye_height_m: the camera's height above the ground.
    """
    trunk = Body(motion.shape).keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, _TRUNK]
    along = _along(trunk)
    eye = _middle(trunk) + np.array([along[1] * distance_m, -along[0] * distance_m, eye_height_m])
    K = intrinsics(width, height, hfov_rad)
    return [Camera(K, look_at(eye, target * [1, 1, 0.75]), width, height) for target in trunk]


def film(
    motion: Motion,
    seed: int,
    cameras: Sequence[Camera] | None = None,
    tack_shares: tack.TackShares | None = None,
    scale: int = 2,
) -> Iterator[Frame]:
    """Yield the frames of a motion.

    Args:
        motion: what the horse does.
        seed: chooses coat, light, ground, surroundings, tack and rider.
        cameras: one for each frame; ``tripod(motion)`` if not given.
        tack_shares: how often the horse wears what; nothing if not given.
        scale: rendered pixels per camera pixel in each direction.

    Raises:
        MissingDependencyError: there is no OpenGL.
    """
    rng = np.random.default_rng(seed)
    cameras = tripod(motion) if cameras is None else cameras
    body = Body(motion.shape)
    size_m = motion.shape.withers_height_m
    xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    keypoints = body.keypoints_from_joints(xyz, rotation)
    trunk = keypoints[:, _TRUNK]
    eye = cameras[len(cameras) // 2].position_world
    middle, along = _middle(trunk), _along(trunk)
    away = (middle - eye)[:2]
    side = np.array([-along[1], along[0]])
    side = side if side @ away >= 0 else -side

    rows: surroundings.Rows = {}
    sun, shadow = surroundings.sample_light(rng, rows, indoor=False)
    while surroundings.sample_backdrop(rng, rows, eye, float(np.linalg.norm(away))) == "picture":
        rows.pop("picture", None)
    rows["eye"][:3] = eye
    furniture = Props()
    fence_at = middle[:2] + side * 3.5 * size_m
    surroundings.add_fence(furniture, rng, fence_at, float(np.arctan2(along[1], along[0])), 40.0)
    for offset in rng.uniform(-15, 15, 5):
        surroundings.add_tree(furniture, rng, fence_at + side * rng.uniform(2, 14) + along * offset)
    coat, record = sample_coat(rng)
    worn = int(rng.integers(2**31))
    for i in range(len(motion)):
        toes = keypoints[i, _TOES]
        contact = np.zeros((5, 4))
        contact[:4, :2] = toes[:, :2]
        contact[:4, 2] = 1 / (0.07 * size_m) ** 2
        contact[:4, 3] = 0.6 * np.exp(-np.maximum(toes[:, 2], 0) * 12)
        contact[4] = (*trunk[i, :2], 1 / (0.5 * size_m) ** 2, 0.25)
        horse, props = HorseInScene(body, xyz[i], rotation[i], coat), furniture
        if tack_shares is not None:  # the same draws in every frame, on another pose
            props = copy.deepcopy(furniture)
            horse, _ = tack.dress(np.random.default_rng(worn), props, horse, tack_shares)
        rows["eye"][:3] = cameras[i].position_world
        yield label(
            Scene(
                camera=cameras[i],
                horses=(horse,),
                props=props.arrays(),
                rows=surroundings.rows_array(rows),
                light_from_world=light_projection(sun, np.array([*trunk[i, :2], 0.5 * size_m]), 2.0 * size_m),
                contact=contact,
                sun_shadow=shadow,
                record=record | {"seed": seed, "clip": motion.name},
            ),
            scale=scale,
        )


def _middle(trunk: np.ndarray) -> np.ndarray:
    """Return the ground under the middle of the way."""
    return 0.5 * (trunk[0] + trunk[-1]) * [1, 1, 0]


def _along(trunk: np.ndarray) -> np.ndarray:
    """Return the direction of the way on the ground, unit; −Y where there is hardly any."""
    way = (trunk[-1] - trunk[0])[:2]
    length = float(np.linalg.norm(way))
    return way / length if length > 0.3 else np.array([0.0, -1.0])
