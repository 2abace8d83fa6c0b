"""Random cameras that film a clip: where they stand, where they look, how they move. For training the lifter.

The ranges are those of sources, C4: horizontal field of view 10–85°, elevation −10–60°, the horse filling 20–95 % of
the frame, and the moves of horse videos: on a tripod, panning (the commonest), tracking, zooming, handheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.camera import Camera
from kinequimation.lift.project import CHEST

if TYPE_CHECKING:
    from jaxtyping import Float

_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_FRAME_SIZES = np.array([[1920, 1080], [1920, 1080], [1440, 1080], [1080, 1080], [1080, 1920]], np.float32)
_UP = np.array([0.0, 0.0, 1.0], np.float32)


@dataclass(frozen=True)
class CameraPaths:
    """One moving camera for each clip of a batch.

    Attributes:
        K: [B, T, 3, 3] intrinsics, pixels.
        rotation: [B, T, 3, 3] from world axes to camera axes.
        position_world: [B, T, 3].
        size_px: [B, 2] width and height.
    """

    K: Float[np.ndarray, "b t 3 3"]
    rotation: Float[np.ndarray, "b t 3 3"]
    position_world: Float[np.ndarray, "b t 3"]
    size_px: Float[np.ndarray, "b 2"]

    def to_cam(self, xyz_world: Float[np.ndarray, "b t k 3"]) -> Float[np.ndarray, "b t k 3"]:
        """Return points in camera axes."""
        return (xyz_world - self.position_world[:, :, None]) @ np.swapaxes(self.rotation, -1, -2)

    def cameras(self, clip: int, unit_m: float) -> list[Camera]:
        """Return the cameras of one clip in metres.

        Args:
            clip: which.
            unit_m: metres of a unit of ``position_world``: the withers height.
        """
        width, height = (int(v) for v in self.size_px[clip])
        result = []
        for K, R, position in zip(self.K[clip], self.rotation[clip], self.position_world[clip], strict=True):
            T = np.eye(4)
            T[:3, :3], T[:3, 3] = R, -unit_m * (R @ position)
            result.append(Camera(K.astype(float), T, width, height))
        return result


def uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> np.ndarray:
    """Draw float32 numbers."""
    return low + (high - low) * rng.random(shape, dtype=np.float32)


def smooth_noise(
    rng: np.random.Generator, n_clips: int, n_frames: int, channels: tuple[int, ...], spacing: int
) -> Float[np.ndarray, "b t *c"]:
    """Draw unit normal noise at key frames ``spacing`` apart, and interpolate linearly between them."""
    n_keys = (n_frames - 1) // spacing + 2
    keys = rng.standard_normal((n_clips, n_keys, *channels), dtype=np.float32)
    place = (np.arange(n_frames, dtype=np.float32) / spacing) + np.float32(rng.random()) * (n_frames > 1)
    low = np.minimum(place.astype(int), n_keys - 2)
    part = np.minimum(place - low, 1.0).reshape(-1, *([1] * len(channels)))
    return keys[:, low] * (1 - part) + keys[:, low + 1] * part


def look_rotation(forward: Float[np.ndarray, "*b 3"], roll_rad: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b 3 3"]:
    """Return world-to-camera rotations of cameras that look along ``forward``, world Z up; as ``camera.look_at``."""
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.stack([forward[..., 1], -forward[..., 0], np.zeros_like(forward[..., 0])], -1)
    right = right / np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-6)
    down = np.cross(forward, right)
    c, s = np.cos(roll_rad)[..., None], np.sin(roll_rad)[..., None]
    return np.stack([c * right + s * down, -s * right + c * down, forward], -2)


def sample_cameras(
    rng: np.random.Generator, xyz_world: Float[np.ndarray, "b t k 3"], zooms: bool = True
) -> CameraPaths:
    """Draw a camera for each clip.

    Args:
        xyz_world: keypoints in withers heights.
        zooms: let the focal length change within a clip.
    """
    n, t = xyz_world.shape[:2]
    path = 0.5 * (xyz_world[:, :, _SACRUM] + xyz_world[:, :, CHEST])
    path[..., 2] = path[..., 2].mean(1, keepdims=True)  # a cameraman follows the walk, not the bob
    middle = rng.integers(t, size=n)
    rows = np.arange(n)
    xyz_middle, path_middle = xyz_world[rows, middle], path[rows, middle]

    size = _FRAME_SIZES[rng.integers(len(_FRAME_SIZES), size=n)]
    hfov = np.radians(np.exp(uniform(rng, np.log(10), np.log(85), n)))
    focal = 0.5 * size[:, 0] / np.tan(hfov / 2)

    heading = xyz_middle[:, CHEST] - xyz_middle[:, _SACRUM]
    profile = (np.pi / 2) * rng.choice([-1.0, 1.0], n) + np.radians(25) * rng.standard_normal(n)
    azimuth = np.where(rng.random(n) < 0.5, profile, uniform(rng, -np.pi, np.pi, n))
    azimuth = azimuth + np.arctan2(heading[:, 1], heading[:, 0])
    level = np.clip(8 + 8 * rng.standard_normal(n), -10, 60)
    elevation = np.radians(np.where(rng.random(n) < 0.7, level, uniform(rng, -10, 60, n)))
    roll = np.radians(5 * rng.standard_normal(n))

    # orbiting or handheld: the direction drifts over the clip
    drift = np.where(rng.random((n, 1, 1)) < 0.35, np.radians(12), np.radians(0.7)) * smooth_noise(rng, n, t, (2,), 27)
    a, e = azimuth[:, None] + drift[..., 0], elevation[:, None] + 0.3 * drift[..., 1]
    away = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).astype(np.float32)

    # distance: the horse's extent across the view fills the wanted part of the frame
    view = look_rotation(-away[rows, middle], roll)
    extent = np.ptp((xyz_middle - path_middle[:, None]) @ np.swapaxes(view, -1, -2), axis=1)
    fill = np.where(rng.random(n) < 0.9, uniform(rng, 0.2, 0.95, n), uniform(rng, 0.95, 1.5, n))
    distance = np.max(focal[:, None] * extent[:, :2] / (fill[:, None] * size), axis=-1) + 0.25 * extent[:, 2]
    distance = np.maximum(distance, 0.5 * extent[:, 2] + 0.6)[:, None, None]

    move = rng.choice(3, size=n, p=[0.2, 0.5, 0.3])[:, None, None]  # tripod, pan, track
    follow_look = np.where(move == 0, 0.0, uniform(rng, 0.85, 1.1, n, 1, 1))
    follow_place = np.where(move == 2, uniform(rng, 0.6, 1.1, n, 1, 1), 0.0)
    travelled = path - path_middle[:, None]
    position = path_middle[:, None] + follow_place * travelled + distance * away
    shake = distance * np.exp(uniform(rng, np.log(1e-3), np.log(0.03), n, 1, 1)) * smooth_noise(rng, n, t, (3,), 9)
    target = path_middle[:, None] + follow_look * travelled + shake

    zoom = np.where(rng.random((n, 1)) < 0.2, 0.25, 0.01) * smooth_noise(rng, n, t, (), 27)
    zoom = zoom - zoom[rows, middle][:, None]
    focal_t = focal[:, None] * np.exp(zoom * zooms)
    K = np.zeros((n, t, 3, 3), np.float32)
    K[..., 0, 0] = K[..., 1, 1] = focal_t
    K[..., :2, 2] = (size[:, None] - 1) / 2
    K[..., 2, 2] = 1

    # not centred: the room that the horse leaves, and sometimes more than that
    room = np.where(rng.random((n, 1)) < 0.9, 0.5 * np.clip(1 - fill[:, None], 0.05, 1), 0.5)
    shift = uniform(rng, -1, 1, n, 2) * room * size / focal[:, None]
    forward = target - position
    frame = look_rotation(forward, np.zeros((n, t)))
    reach = np.linalg.norm(forward, axis=-1, keepdims=True)
    forward = forward + reach * np.einsum("bi,btij->btj", shift, frame[..., :2, :])
    rotation = look_rotation(forward, np.broadcast_to(roll[:, None], (n, t)))
    return CameraPaths(K, rotation.astype(np.float32), position.astype(np.float32), size)
