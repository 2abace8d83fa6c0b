"""A plain, well-lit place: horses shown as in a catalogue, for sheets and tests of how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.synth.coat import linear
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import Props
from kinequimation.synth.sampling import light_projection
from kinequimation.synth.scene import Scene
from kinequimation.synth.textures import texture_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from kinequimation.synth.scene import HorseInScene

_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_FOCAL_HFOV_RAD = 0.30
"""A long lens, as breed photographs are taken with: 17°."""


def studio_scene(
    horse: HorseInScene,
    width: int,
    height: int,
    azimuth_rad: float,
    *,
    elevation_rad: float = 0.06,
    span_m: float | None = None,
    target: Float[np.ndarray, " 3"] | None = None,
    props: Props | None = None,
    others: Sequence[HorseInScene] = (),
) -> Scene:
    """Return a scene of one horse on a pale ground before a pale wall.

    Args:
        horse: the horse, its trunk near the origin.
        width, height: of the picture, pixels.
        azimuth_rad: where the camera stands, from +x towards +y: at 0 it sees a resting horse from its left.
        elevation_rad: how high it looks down from.
        span_m: what the picture's width shows; by default what the posed joints need.
        target: point in the middle of the picture; by default the middle of the joints.
        props: what else stands there.
        others: more horses.
    """
    joints = horse.keypoints()
    low, high = joints.min(0), joints.max(0)
    middle = 0.5 * (low + high) if target is None else target
    span = (
        1.12 * max(float(np.ptp(joints, axis=0)[:2].max()), float(high[2]) * width / height)
        if span_m is None
        else span_m
    )
    distance = span / (2 * np.tan(_FOCAL_HFOV_RAD / 2))
    away = np.array(
        [
            np.cos(elevation_rad) * np.cos(azimuth_rad),
            np.cos(elevation_rad) * np.sin(azimuth_rad),
            np.sin(elevation_rad),
        ]
    )
    eye = middle + away * distance
    eye[2] = max(eye[2], 0.1)
    c, s = np.cos(azimuth_rad), np.sin(azimuth_rad)
    # the light comes over the camera's left shoulder, wherever the camera stands
    side = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    sun = side @ np.array([0.62, -0.34, 0.70])
    sun /= np.linalg.norm(sun)
    rows = {name: np.zeros(4) for name in SCENE_FIELDS}
    rows["sun"][:] = (*sun, 0.85)
    rows["sun_rgb"][:] = (1.9, 1.85, 1.75, 0.62)
    rows["sky_rgb"][:] = (0.62, 0.66, 0.72, 0.0)
    rows["ground_rgb"][:] = (0.40, 0.38, 0.35, 0.0)
    rows["zenith"][:3] = rows["horizon"][:3] = (1.15, 1.2, 1.25)
    pale = linear((176, 172, 164))
    rows["soil_a"][:] = (*pale, texture_layer("sand"))
    rows["soil_b"][:] = (*pale, 0.8)
    rows["soil_mix"][:] = (0.05, 0.1, 0.5, 0.08)
    rows["eye"][:] = (*eye, 1 / 2.2)
    toes = joints[_TOES]
    contact = np.zeros((5, 4))
    contact[:, 2] = 1.0
    contact[:4, :2], contact[:4, 2] = toes[:, :2], 1 / (0.09 * horse.body.shape.withers_height_m) ** 2
    contact[:4, 3] = 0.6 * np.exp(-np.maximum(toes[:, 2], 0) * 12)
    reach = 1.1 * max(span, 2.0)
    return Scene(
        camera=Camera(intrinsics(width, height, _FOCAL_HFOV_RAD), look_at(eye, middle), width, height),
        horses=(horse, *others),
        props=(props or Props()).arrays(),
        rows=np.stack([rows[name] for name in SCENE_FIELDS]),
        light_from_world=light_projection(sun, middle * [1, 1, 0.5], reach),
        contact=contact,
        sun_shadow=0.85,
    )
