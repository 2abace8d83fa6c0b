"""Where a random camera stands, what lens it has, and how the horse lies in its picture (sources, B6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.camera import Camera, intrinsics, look_at

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class View:
    """How much of the image the horse takes, and how the camera stands to it.

    Attributes:
        fill: smallest and largest share of the image's side that the horse's longer side takes.
        truncated: probability that the image's edge cuts the horse.
        n_other: probability of another horse nearby.
        off_centre: how far the horse may lie from the image's centre, as a share of the room there is.
        wide_roll: probability that the camera is rolled by up to 35°.
        profile: probability that the camera stands within 25° of the horse's pure profile; else it stands anywhere.
        high: probability that it looks down from 45° to 85°, as a drone does.
    """

    fill: tuple[float, float] = (0.25, 0.95)
    truncated: float = 0.15
    n_other: float = 0.15
    off_centre: float = 1.0
    wide_roll: float = 0.0
    profile: float = 0.45
    high: float = 0.05


def sample_camera(
    rng: np.random.Generator, points: Float[np.ndarray, "n 3"], heading_rad: float, size: int, view: View
) -> tuple[Camera, dict[str, object]]:
    """Return a camera that sees the points at the size that ``view`` asks for."""
    if rng.random() < view.profile:
        azimuth = np.radians(rng.choice([90.0, -90.0]) + rng.uniform(-25, 25))
    else:
        azimuth = rng.uniform(0, 2 * np.pi)
    # people mostly hold a camera at the height of a horse's back or their own eyes (the middle of the range: judgement)
    usual, anywhere, above = np.clip(rng.normal(6, 8), -8, 45), rng.uniform(-8, 45), rng.uniform(45, 85)
    way = rng.random()
    elevation = np.radians(above if way < view.high else anywhere if way < view.high + 0.25 else usual)
    hfov = np.radians(np.exp(rng.uniform(np.log(12), np.log(85))))
    roll = np.radians(rng.uniform(-35, 35) if rng.random() < view.wide_roll else rng.normal(0, 4))
    bearing = heading_rad + azimuth
    away = np.array([np.cos(elevation) * np.cos(bearing), np.cos(elevation) * np.sin(bearing), np.sin(elevation)])
    target = 0.5 * (points.min(0) + points.max(0))
    K = intrinsics(size, size, float(hfov))
    fill = rng.uniform(*view.fill)
    span = float(np.ptp(points, axis=0).max())
    distance = span / (2 * fill * np.tan(hfov / 2))
    is_truncated = rng.random() < view.truncated
    share = rng.uniform(-1, 1, 2) * view.off_centre
    edge = rng.integers(4)
    overlap = rng.uniform(0.1, 0.4)

    def place(at: np.ndarray, d: float) -> Camera:
        position = at + away * d
        position[2] = max(position[2], 0.12)
        return Camera(K, look_at(position, at, roll), size, size)

    for _ in range(3):
        distance = max(distance, 1.0 * span)
        uv = place(target, distance).project(points)
        distance *= float(np.nanmax(np.ptp(uv, axis=0))) / (fill * size)
    distance = max(distance, 0.8 * span)
    camera = place(target, distance)
    uv = camera.project(points)
    low, high = np.nanmin(uv, 0), np.nanmax(uv, 0)
    room = np.maximum(size - (high - low), 0) / 2
    shift = share * room + (size - 1) / 2 - (low + high) / 2
    if is_truncated:
        axis, sign = edge % 2, (-1, 1)[edge // 2]
        beyond = overlap * (high - low)[axis]
        shift[axis] = size - 0.5 + beyond - high[axis] if sign > 0 else -0.5 - beyond - low[axis]
    K = camera.K.copy()
    right_down = camera.T_cam_world[:2, :3]
    moved = target - (right_down.T @ shift) * distance / K[0, 0]
    camera = Camera(K, look_at(camera.position_world, moved, roll), size, size)
    record = {
        "azimuth_deg": float(np.degrees(azimuth) % 360), "elevation_deg": float(np.degrees(elevation)),
        "hfov_deg": float(np.degrees(hfov)), "distance_m": float(distance),
        "roll_deg": float(np.degrees(roll)), "truncated": bool(is_truncated),
    }  # fmt: skip
    return camera, record
