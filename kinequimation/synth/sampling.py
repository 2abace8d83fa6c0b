"""What a random frame is: who is in it, what they do and wear, where, and how it is filmed (sources, B6).

How often each thing is drawn stands in ``mixture``; each part has its own module.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body, sample_breed, sample_shape
from kinequimation.geometry.camera import look_at
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate
from kinequimation.motion import sample_motion
from kinequimation.synth import surroundings, tack
from kinequimation.synth.blur import sample_following, sample_shutter
from kinequimation.synth.camera import View, sample_camera
from kinequimation.synth.coat import sample_coat
from kinequimation.synth.meshes import Props
from kinequimation.synth.mixture import Mixture
from kinequimation.synth.scene import HORSE_ID, OTHER_HORSE_ID, HorseInScene, Scene

if TYPE_CHECKING:
    from jaxtyping import Float

_SACRUM, _NECK = skeleton.JOINT_INDEX[skeleton.SACRUM], skeleton.JOINT_INDEX["DEF-neck.001"]
_TRUNK = skeleton.JOINT_INDEX["DEF-spine.004"]
HOOVES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_GLANCE_S = 1 / 200
"""Time over which the speed of a horse in a frozen moment is taken."""


def light_projection(sun: np.ndarray, centre: np.ndarray, half_m: float) -> Float[np.ndarray, "4 4"]:
    """Return the shadow map's projection: parallel light over a square of half side ``half_m`` around a point."""
    T = look_at(centre + sun * half_m * 3, centre)
    ortho = np.diag([1 / half_m, 1 / half_m, 1 / (3 * half_m), 1.0])
    ortho[2, 3] = -1.0
    return ortho @ T


def _posed(
    rng: np.random.Generator, body: Body, mixture: Mixture, shutter_s: float, yaw_rad: float, to_xy: np.ndarray
) -> tuple[HorseInScene, float]:
    """Return a horse in a random moment of a random motion, without a coat, and how fast it goes, m/s.

    Args:
        rng: source of randomness.
        body: the horse.
        mixture: how often it does what.
        shutter_s: how long the shutter is open; 0 for a frozen moment.
        yaw_rad: turn about the vertical.
        to_xy: where the middle of its trunk is, metres.
    """
    window_s = shutter_s or _GLANCE_S
    motion = sample_motion(
        rng, body, 3, 2.0 / window_s, mixture.motion
    )  # when the shutter opens, half-way, and when it closes
    xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    turn = quat_from_axis_angle((0.0, 0.0, 1.0), yaw_rad)
    xyz, rotation = quat_rotate(turn, xyz), quat_multiply(np.broadcast_to(turn, rotation.shape), rotation)
    xyz[..., :2] += to_xy - 0.5 * (xyz[1, _SACRUM, :2] + xyz[1, _NECK, :2])
    horse = HorseInScene(
        body, xyz[1], rotation[1], np.zeros((0, 4)),
        gait=str(motion.gait[1]), phase=float(motion.phase[1]), contact=motion.contact[1] > 0.5,
        exposure=((xyz[0], rotation[0]), (xyz[2], rotation[2])) if shutter_s > 0 else None,
    )  # fmt: skip
    return horse, float(np.linalg.norm(xyz[2, _TRUNK, :2] - xyz[0, _TRUNK, :2])) / window_s


def sample_horse(
    rng: np.random.Generator,
    props: Props,
    mixture: Mixture,
    object_id: int = HORSE_ID,
    yaw_rad: float = 0.0,
    to_xy: Float[np.ndarray, " 2"] | None = None,
    shutter_s: float = 0.0,
) -> tuple[HorseInScene, dict[str, Any]]:
    """Draw a horse, with what it wears and who rides it.

    Args:
        rng: source of randomness.
        props: where saddle, rider and the like are added.
        mixture: how often each thing is drawn.
        object_id: the horse's number in the id buffer.
        yaw_rad: turn about the vertical.
        to_xy: where its trunk stands, metres; the origin if not given.
        shutter_s: how long the shutter is open; 0 for a frozen moment.

    Returns:
        the horse, and a record of what was drawn.
    """
    breed = sample_breed(rng)
    body = Body(sample_shape(rng, breed))
    horse, speed = _posed(rng, body, mixture, shutter_s, yaw_rad, np.zeros(2) if to_xy is None else to_xy)
    coat, record = sample_coat(rng, mixture.coat, breed)
    horse = dataclasses.replace(horse, coat=coat, object_id=object_id)
    horse, worn = tack.dress(rng, props, horse, mixture.tack)
    return horse, {"breed": breed, "speed_mps": speed} | record | worn


def sample_scene(
    rng: np.random.Generator, size: int, view: View | None = None, mixture: Mixture | None = None
) -> Scene:
    """Draw a scene with one labelled horse.

    Args:
        rng: source of randomness; the scene depends on nothing else.
        size: side of the image, pixels.
        view: how the camera frames the horse.
        mixture: how often each thing is drawn; the generator's own if not given.
    """
    view, mixture = view or View(), mixture or Mixture()
    shutter_s = sample_shutter(rng, mixture.exposed)
    props = Props()
    horse, record = sample_horse(rng, props, mixture, shutter_s=shutter_s)
    height_m = horse.body.shape.withers_height_m
    keypoints = horse.keypoints()
    forward = horse.xyz_world[_NECK] - horse.xyz_world[_SACRUM]
    heading = float(np.arctan2(forward[1], forward[0]))
    camera, camera_record = sample_camera(rng, keypoints, heading, size, view)
    eye = camera.position_world
    ahead = -eye[:2] / (np.linalg.norm(eye[:2]) + 1e-9)

    horses = [horse]
    if rng.random() < mixture.other_horse:
        horses.append(_neighbour(rng, props, mixture, ahead, height_m))
    if rng.random() < mixture.handler and not record["rider"]:
        record["handler"] = tack.add_handler(rng, props, horse)
    rows: surroundings.Rows = {}
    hfov = 2 * float(np.arctan(0.5 * size / camera.K[0, 0]))
    around = surroundings.surround(
        rng, rows, props, eye, ahead, float(np.linalg.norm(eye)), 1.2 * height_m, height_m, keypoints[HOOVES],
        record["speed_mps"], mixture.scene, hfov, forward[:2] / (np.linalg.norm(forward[:2]) + 1e-9),
    )  # fmt: skip
    following = None
    if horse.exposure is not None:
        (before, _), (after, _) = horse.exposure
        following = sample_following(rng, camera, before[_TRUNK], after[_TRUNK])
    return Scene(
        camera=camera,
        horses=tuple(horses),
        props=props.arrays(),
        rows=surroundings.rows_array(rows),
        light_from_world=light_projection(around.sun, np.array([0, 0, 0.5 * height_m]), 2.0 * height_m),
        contact=around.contact,
        sun_shadow=around.shadow,
        record=record
        | camera_record
        | around.record
        | {"place": around.kind, "withers_height_m": height_m, "n_horses": len(horses)},
        shutter_s=shutter_s,
        exposure=following,
        picture=around.picture,
    )


def _neighbour(
    rng: np.random.Generator, props: Props, mixture: Mixture, ahead: np.ndarray, height_m: float
) -> HorseInScene:
    """Return another horse: mostly behind, now and then partly in front."""
    side = np.array([ahead[1], -ahead[0]])
    depth = rng.uniform(1.0, 6.0) if rng.random() < 0.75 else -rng.uniform(0.8, 1.2)
    sideways = rng.normal(0, 1.2) if depth > 0 else rng.choice([-1, 1]) * rng.uniform(0.75, 1.6)
    to = (ahead * depth + side * sideways) * height_m
    return sample_horse(rng, props, mixture, OTHER_HORSE_ID, rng.uniform(0, 2 * np.pi), to)[0]
