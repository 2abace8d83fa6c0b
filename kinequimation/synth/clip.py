"""A motion filmed: one place and one light, a tripod camera that pans after the horse, true labels for every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.synth import surroundings
from kinequimation.synth.coat import sample_coat
from kinequimation.synth.frames import Frame, label
from kinequimation.synth.meshes import Props
from kinequimation.synth.sampling import light_projection
from kinequimation.synth.scene import HorseInScene, Scene

if TYPE_CHECKING:
    from kinequimation.motion import Motion

_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]


def film(
    motion: Motion,
    seed: int,
    width: int = 640,
    height: int = 360,
    distance_m: float = 7.0,
    hfov_rad: float = 0.6,
    eye_height_m: float = 1.5,
) -> Iterator[Frame]:
    """Yield the frames of a motion as a person with a tripod would film it.

    Args:
        motion: what the horse does.
        seed: chooses coat, light, ground and surroundings.
        width: image width, pixels.
        height: image height, pixels.
        distance_m: from the camera to the middle of the horse's path.
        hfov_rad: horizontal field of view.
        eye_height_m: the camera's height above the ground.

    Raises:
        MissingDependencyError: there is no OpenGL.
    """
    rng = np.random.default_rng(seed)
    body = Body(motion.shape)
    size_m = motion.shape.withers_height_m
    xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    keypoints = body.keypoints_from_joints(xyz, rotation)
    trunk = keypoints[:, skeleton.KEYPOINT_INDEX["DEF-spine.004"]]
    middle = 0.5 * (trunk[0] + trunk[-1]) * [1, 1, 0]
    along = trunk[-1] - trunk[0] if len(trunk) > 1 else np.zeros(3)
    along = along[:2] / np.linalg.norm(along) if np.linalg.norm(along) > 0.3 else np.array([0.0, -1.0])
    side = np.array([-along[1], along[0]])
    eye = middle + np.array([*(-side * distance_m), eye_height_m])

    rows: surroundings.Rows = {}
    sun, shadow = surroundings.sample_light(rng, rows, indoor=False)
    while surroundings.sample_backdrop(rng, rows, eye, distance_m) == "picture":
        rows.pop("picture", None)
    rows["eye"][:3] = eye
    props = Props()
    fence_at = middle[:2] + side * 3.5 * size_m
    surroundings.add_fence(props, rng, fence_at, float(np.arctan2(along[1], along[0])), 40.0)
    for offset in rng.uniform(-15, 15, 5):
        surroundings.add_tree(props, rng, fence_at + side * rng.uniform(2, 14) + along * offset)
    coat, record = sample_coat(rng)
    scene = Scene(
        camera=Camera(np.eye(3), np.eye(4), width, height),
        horses=(),
        props=props.arrays(),
        rows=surroundings.rows_array(rows),
        light_from_world=np.eye(4),
        contact=np.zeros((5, 4)),
        sun_shadow=shadow,
        record=record | {"seed": seed, "clip": motion.name},
    )
    K = intrinsics(width, height, hfov_rad)
    for i in range(len(motion)):
        target = trunk[i] * [1, 1, 0.75]
        toes = keypoints[i, _TOES]
        contact = np.zeros((5, 4))
        contact[:4, :2] = toes[:, :2]
        contact[:4, 2] = 1 / (0.07 * size_m) ** 2
        contact[:4, 3] = 0.6 * np.exp(-np.maximum(toes[:, 2], 0) * 12)
        contact[4] = (*trunk[i, :2], 1 / (0.5 * size_m) ** 2, 0.25)
        yield label(
            replace(
                scene,
                camera=Camera(K, look_at(eye, target), width, height),
                horses=(HorseInScene(body, xyz[i], rotation[i], coat),),
                light_from_world=light_projection(sun, np.array([*trunk[i, :2], 0.5 * size_m]), 2.0 * size_m),
                contact=contact,
            ),
            scale=2,
        )
