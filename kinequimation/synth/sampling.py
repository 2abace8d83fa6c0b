"""What a random frame is: every factor drawn independently, with its distribution in one place (sources, B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body, sample_shape
from kinequimation.geometry.camera import look_at
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate
from kinequimation.motion import sample_motion
from kinequimation.synth import figures, surroundings
from kinequimation.synth.camera import View, sample_camera
from kinequimation.synth.coat import sample_coat
from kinequimation.synth.meshes import Props
from kinequimation.synth.scene import HORSE_ID, OTHER_HORSE_ID, HorseInScene, Scene

if TYPE_CHECKING:
    from jaxtyping import Float

_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_NECK = skeleton.KEYPOINT_INDEX["DEF-neck.001"]
_HOOVES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_MOUTH = skeleton.KEYPOINT_INDEX["DEF-jaw.001"]


def _pose(rng: np.random.Generator, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Return joints in the world, the trunk over the origin, and their rotations."""
    motion = sample_motion(rng, body, 1, 30.0)
    xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    xyz, rotation = xyz[0].copy(), rotation[0]
    middle = 0.5 * (xyz[_SACRUM + 1] + xyz[_NECK + 1])
    xyz[:, :2] -= middle[:2]
    return xyz, rotation


def light_projection(sun: np.ndarray, centre: np.ndarray, half_m: float) -> Float[np.ndarray, "4 4"]:
    """Return the shadow map's projection: parallel light over a square of half side ``half_m`` around a point."""
    T = look_at(centre + sun * half_m * 3, centre)
    ortho = np.diag([1 / half_m, 1 / half_m, 1 / (3 * half_m), 1.0])
    ortho[2, 3] = -1.0
    return ortho @ T


def sample_horse(
    rng: np.random.Generator,
    props: Props,
    object_id: int = HORSE_ID,
    ridden: float = 0.3,
    yaw_rad: float = 0.0,
    to_xy: Float[np.ndarray, " 2"] | None = None,
) -> tuple[HorseInScene, dict[str, object]]:
    """Draw a horse, with what it wears and who rides it.

    Args:
        rng: source of randomness.
        props: where saddle and rider are added.
        object_id: the horse's number in the id buffer.
        ridden: probability of a rider.
        yaw_rad: turn about the vertical.
        to_xy: where its trunk stands, metres; the origin if not given.
    """
    body = Body(sample_shape(rng))
    xyz, rotation = _pose(rng, body)
    if yaw_rad or to_xy is not None:
        turn = quat_from_axis_angle((0.0, 0.0, 1.0), yaw_rad)
        xyz, rotation = quat_rotate(turn, xyz), quat_multiply(turn, rotation)
        xyz[:, :2] += 0.0 if to_xy is None else to_xy
    has_rider = rng.random() < ridden
    has_saddle = has_rider or rng.random() < 0.08
    coat, record = sample_coat(rng, has_tack=has_saddle, has_pad=has_saddle and rng.random() < 0.85)
    horse = HorseInScene(body, xyz, rotation, coat, object_id)
    if has_saddle:
        seat = figures.add_saddle(props, rng, horse)
        if has_rider:
            figures.add_rider(props, rng, horse, seat)
    return horse, record | {"rider": has_rider, "saddle": has_saddle}


def sample_scene(rng: np.random.Generator, size: int, view: View | None = None) -> Scene:
    """Draw a scene with one labelled horse.

    Args:
        rng: source of randomness; the scene depends on nothing else.
        size: side of the image, pixels.
        view: how the camera frames the horse.
    """
    view = view or View()
    props = Props()
    horse, record = sample_horse(rng, props)
    height_m = horse.body.shape.withers_height_m
    keypoints = horse.keypoints()
    forward = keypoints[_NECK] - keypoints[_SACRUM]
    heading = float(np.arctan2(forward[1], forward[0]))
    camera, camera_record = sample_camera(rng, keypoints, heading, size, view)
    eye = camera.position_world
    ahead = -eye[:2] / (np.linalg.norm(eye[:2]) + 1e-9)
    distance = float(np.linalg.norm(eye))

    rows: surroundings.Rows = {}
    indoor = rng.random() < 0.1
    sun, shadow = surroundings.sample_light(rng, rows, indoor=indoor)
    kind = surroundings.sample_backdrop(rng, rows, eye, distance)
    rows["eye"][:3] = eye
    if kind != "picture" or rng.random() < 0.3:
        surroundings.furnish(props, rng, eye, ahead, distance, 1.2 * height_m)
    horses = [horse]
    if rng.random() < view.n_other:
        horses.append(_neighbour(rng, props, ahead, height_m))
    if rng.random() < 0.15:
        _add_handler(rng, props, keypoints, heading, height_m)
    if rng.random() < 0.13:
        near = eye[:2] + ahead * distance * rng.uniform(0.35, 0.75)
        across = float(np.arctan2(ahead[0], -ahead[1])) + rng.normal(0, 0.2)
        surroundings.add_fence(props, rng, near, across, 12.0)
    is_grassy = rng.random() < 0.3
    if is_grassy and kind != "picture":
        surroundings.add_grass(props, rng, rows, 1.6 * height_m, rng.uniform(0.02, 0.22) * height_m)
    return Scene(
        camera=camera,
        horses=tuple(horses),
        props=props.arrays(),
        rows=surroundings.rows_array(rows),
        light_from_world=light_projection(sun, np.array([0, 0, 0.5 * height_m]), 2.0 * height_m),
        contact=contact_shadows(rng, keypoints, height_m),
        sun_shadow=shadow,
        record=record | camera_record | {"place": kind, "withers_height_m": height_m, "n_horses": len(horses)},
    )


def contact_shadows(
    rng: np.random.Generator, keypoints: Float[np.ndarray, "103 3"], height_m: float
) -> Float[np.ndarray, "5 4"]:
    """Return soft dark spots under the hooves that are near the ground, and under the trunk."""
    contact = np.zeros((5, 4))
    hooves = keypoints[_HOOVES]
    contact[:4, :2] = hooves[:, :2]
    contact[:4, 2] = 1 / (rng.uniform(0.05, 0.11) * height_m) ** 2
    contact[:4, 3] = rng.uniform(0.3, 0.8) * np.exp(-np.maximum(hooves[:, 2], 0) * 12)
    contact[4, :2] = hooves[:, :2].mean(0)
    contact[4, 2:] = (1 / (0.5 * height_m) ** 2, rng.uniform(0.1, 0.4))
    return contact


def _neighbour(rng: np.random.Generator, props: Props, ahead: np.ndarray, height_m: float) -> HorseInScene:
    """Return another horse: mostly behind, now and then partly in front."""
    side = np.array([ahead[1], -ahead[0]])
    depth = rng.uniform(1.0, 6.0) if rng.random() < 0.8 else -rng.uniform(0.8, 1.2)
    sideways = rng.normal(0, 1.2) if depth > 0 else rng.choice([-1, 1]) * rng.uniform(0.9, 1.6)
    to = (ahead * depth + side * sideways) * height_m
    return sample_horse(rng, props, OTHER_HORSE_ID, 0.2, rng.uniform(0, 2 * np.pi), to)[0]


def _add_handler(
    rng: np.random.Generator, props: Props, keypoints: np.ndarray, heading_rad: float, height_m: float
) -> None:
    forward = np.array([np.cos(heading_rad), np.sin(heading_rad)])
    side = np.array([-forward[1], forward[0]]) * rng.choice([-1, 1])
    mouth = keypoints[_MOUTH]
    at = mouth[:2] + side * rng.uniform(0.4, 1.0) + forward * rng.uniform(-0.6, 0.5)
    hold = mouth if rng.random() < 0.7 else None
    figures.add_person(props, rng, at, heading_rad + rng.normal(0, 0.5), hold)
