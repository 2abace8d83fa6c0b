"""Cameras around a horse, and Blender's cameras as ours.

``ring`` spreads N cameras evenly around the horse. Height, lens and distance come from three additive recurrences of
irrational step (a Kronecker sequence), which fill their ranges evenly however many cameras there are, from a start that
the seed chooses; so camera 3 of 12 stands on the same side in every action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix

from kinequimation.dataset.frame_label import CV_FROM_BLENDER
from kinequimation.errors import InputError
from kinequimation.geometry.camera import Camera, intrinsics, look_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float

SENSOR_MM = 36.0
_STEPS = np.array([0.8191725134, 0.6710436067, 0.5497004779])
"""Powers of 1/1.2207440846, the root of x⁴ = x + 1: the steps of the R₃ sequence (Roberts 2018)."""
_ELEVATION_RAD = np.deg2rad([-4.0, 32.0])
_HFOV_RAD = np.deg2rad([18.0, 58.0])
"""From a 114 mm lens to one of 32 mm on a full frame: what people film horses with (judgement)."""
_DISTANCE = (1.0, 1.5)
"""Times the distance at which the whole movement just fits (judgement)."""
_MARGIN = 0.08
"""Share of half the image that stays free on each side at that distance (judgement)."""
_LOWEST = 0.15
"""The lowest camera's height above the ground, in withers heights (judgement)."""


@dataclass(frozen=True)
class Shot:
    """A camera that keeps its place beside a moving horse: it follows the horse's place on the ground.

    Attributes:
        hfov_rad: horizontal field of view.
        position, target: [3] where it is and what it looks at: x and y from the horse's place on the ground, z the
            world's; metres.
    """

    hfov_rad: float
    position: tuple[float, float, float]
    target: tuple[float, float, float]

    def camera(self, place_xy: Float[np.ndarray, " 2"], width: int, height: int) -> Camera:
        """Return the camera while the horse is at a place."""
        at = np.array([*place_xy, 0.0])
        T_cam_world = look_at(at + np.array(self.position), at + np.array(self.target))
        return Camera(intrinsics(width, height, self.hfov_rad), T_cam_world, width, height)


def ring(
    n: int,
    seed: int,
    points: Float[np.ndarray, "p 3"],
    ground_z: float,
    withers_m: float,
    aspect: float,
) -> list[Shot]:
    """Return cameras around a horse that always see the whole of it.

    Args:
        n: how many.
        seed: of where the sequences start.
        points: points that the movement reaches, relative to the horse's place on the ground, z the world's; metres.
        ground_z: height of the ground, metres.
        withers_m: withers height, metres.
        aspect: width by height of the image.
    """
    start = np.random.default_rng([seed, 0xCA]).random(4)
    middle = (points.min(0) + points.max(0)) / 2
    shots = []
    for i in range(n):
        height, lens, distance = (start[:3] + (i + 1) * _STEPS) % 1.0
        azimuth = 2 * np.pi * (i + 0.5 * start[3]) / n
        hfov = float(np.exp(np.log(_HFOV_RAD[0]) + lens * np.log(_HFOV_RAD[1] / _HFOV_RAD[0])))
        elevation = float(_ELEVATION_RAD[0] + height * (_ELEVATION_RAD[1] - _ELEVATION_RAD[0]))
        slack = _DISTANCE[0] + distance * (_DISTANCE[1] - _DISTANCE[0])
        shots.append(_fitted(points, azimuth, elevation, hfov, slack, middle, ground_z + _LOWEST * withers_m, aspect))
    return shots


def _fitted(
    points: Float[np.ndarray, "p 3"],
    azimuth_rad: float,
    elevation_rad: float,
    hfov_rad: float,
    slack: float,
    target: Float[np.ndarray, " 3"],
    lowest_z: float,
    aspect: float,
) -> Shot:
    """Return the camera in that direction at ``slack`` times the distance from which all points are just seen.

    A camera that would come below ``lowest_z`` is raised to it, which changes what it sees and so its distance.
    """
    half = np.tan(hfov_rad / 2) * (1 - _MARGIN) * np.array([1.0, 1.0 / aspect])
    for _ in range(4):
        outward = np.array(
            [
                np.sin(azimuth_rad) * np.cos(elevation_rad),
                -np.cos(azimuth_rad) * np.cos(elevation_rad),
                np.sin(elevation_rad),
            ]
        )
        R = look_at(outward, np.zeros(3))[:3, :3]
        x, y, z = ((points - target) @ R.T).T
        distance = slack * float(np.maximum(np.abs(x) / half[0] - z, np.abs(y) / half[1] - z).max())
        if target[2] + distance * np.sin(elevation_rad) >= lowest_z - 1e-9:
            break
        elevation_rad = float(np.arcsin(np.clip((lowest_z - target[2]) / distance, -1.0, 1.0)))
    position = target + distance * outward
    position[2] = max(position[2], lowest_z)
    return Shot(hfov_rad, tuple(position.tolist()), tuple(target.tolist()))


def place_camera(o: bpy.types.Object, camera: Camera) -> None:
    """Give a camera object of Blender the place and the lens of a camera with square pixels.

    Blender takes the middle of the image for the principal point unless the sensor is shifted, and counts pixels from
    the corner of the first one, half a pixel before its centre.
    """
    data = o.data
    data.type = "PERSP"
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_MM
    data.lens_unit = "MILLIMETERS"
    data.lens = camera.K[0, 0] * SENSOR_MM / camera.width
    data.shift_x = ((camera.width - 1) / 2 - camera.K[0, 2]) / camera.width
    data.shift_y = (camera.K[1, 2] - (camera.height - 1) / 2) / camera.width
    data.dof.use_dof = False
    data.clip_start, data.clip_end = 0.01, 10_000.0
    o.parent = None
    o.matrix_world = Matrix((np.linalg.inv(camera.T_cam_world) @ CV_FROM_BLENDER).tolist())


def read_camera(o: bpy.types.Object, depsgraph: bpy.types.Depsgraph, width: int, height: int) -> Camera:
    """Return what a camera object of Blender's is, as evaluated.

    Raises:
        InputError: it is not a perspective camera.
    """
    evaluated = o.evaluated_get(depsgraph)
    if evaluated.data.type != "PERSP":
        raise InputError(f"camera {o.name!r}: expected a perspective camera, got {evaluated.data.type.lower()}")
    P = np.array(evaluated.calc_matrix_camera(depsgraph, x=width, y=height), np.float64)
    K = np.array(
        [
            [P[0, 0] * width / 2, 0, (1 - P[0, 2]) * width / 2 - 0.5],
            [0, P[1, 1] * height / 2, (1 + P[1, 2]) * height / 2 - 0.5],
            [0, 0, 1.0],
        ]
    )
    T_world_cam = np.array(evaluated.matrix_world.normalized(), np.float64) @ CV_FROM_BLENDER
    u, _, vt = np.linalg.svd(T_world_cam[:3, :3])  # Blender's numbers have 32 bits: a rotation again
    T_world_cam[:3, :3] = u @ vt
    return Camera(K, np.linalg.inv(T_world_cam), width, height)


def scene_cameras(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """Return a scene's cameras, by name.

    Raises:
        InputError: there are none.
    """
    cameras = sorted((o for o in objects if o.type == "CAMERA"), key=lambda o: o.name)
    if not cameras:
        raise InputError("--cameras scene: expected cameras in the file, found none; give a number instead")
    return cameras
