"""What the 2D path makes of drawn horses whose every joint is known: to train the lifter on, and to measure by.

A motion is filmed by any moving camera, but only the surroundings of the horse are drawn, since the keypoint network
sees no more. Its keypoints go through the same cleaning over time as those of a video.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.geometry.camera import Camera
from kinequimation.pose2d.clean_clip import clean_clip
from kinequimation.synth.clip import film
from kinequimation.synth.sensor import SensorShares, photometric, sensor
from kinequimation.synth.tack import TackShares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, UInt8

    from kinequimation.motion import Motion
    from kinequimation.pose2d.estimator import Estimator

DRAWN_PX = 288
"""Side of the picture that is drawn of each frame at most: a little more than the network's crop."""
MARGIN = 1.6
"""Side of that picture over the longer side of the horse's box: the network's crop and its errors fit in."""
BOX_SIGMA = (0.03, 0.05)
"""Errors of the box that is followed, as shares of its longer side: of its middle, and of the logarithm of its size
(judgement; detected boxes are within 3 % on drawn frames)."""
LEAST_PX = 40.0
"""Longer side of the box under which nobody would find a horse."""


@dataclass(frozen=True)
class Recording:
    """A clip as the 2D path sees it, and the truth.

    Attributes:
        uv_px, confidence: [T, 103, 2] and [T, 103], cleaned over time as ``animate`` does; NaN and 0 where missing.
        raw_uv_px, raw_confidence: the same before cleaning.
        uv_true_px: [T, 103, 2] where the keypoints are; NaN behind the camera.
        bbox_xywh: [T, 4] the box that was looked into; NaN where there is no horse to find.
    """

    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    raw_uv_px: Float[np.ndarray, "frames 103 2"]
    raw_confidence: Float[np.ndarray, "frames 103"]
    uv_true_px: Float[np.ndarray, "frames 103 2"]
    bbox_xywh: Float[np.ndarray, "frames 4"]


def record(
    motion: Motion,
    cameras: Sequence[Camera],
    seed: int,
    estimator: Estimator,
    tack_shares: TackShares | None = None,
    sensor_shares: SensorShares | None = None,
) -> Recording:
    """Film a motion, and find and clean its keypoints.

    Args:
        motion: what the horse does.
        cameras: one for each frame.
        seed: chooses coat, light, surroundings, tack, and how good the picture is.
        estimator: finds keypoints in boxes.
        tack_shares: how often the horse wears what; nothing if not given.
        sensor_shares: how often the picture is spoilt in which way; not at all if not given.

    Raises:
        MissingDependencyError: there is no OpenGL.
    """
    rng = np.random.default_rng((seed, 1))
    points = Body(motion.shape).keypoints(motion.root_xyz_world, motion.quat_wxyz)
    uv_true = np.stack([camera.project(p) for camera, p in zip(cameras, points, strict=True)])
    boxes = np.stack([_box(uv, camera) for uv, camera in zip(uv_true, cameras, strict=True)])
    boxes = _jittered(rng, boxes)
    seen = np.flatnonzero(np.nan_to_num(boxes[:, 2:]).max(1) >= LEAST_PX)
    n, k = len(motion), skeleton.NUM_KEYPOINTS
    uv, confidence = np.full((n, k, 2), np.nan), np.zeros((n, k))
    views = [_zoomed(cameras[i], boxes[i]) for i in range(n)]
    frames = film(motion, seed, [view for view, _ in views], tack_shares, scale=1)
    look = int(rng.integers(2**31))
    for i, frame in enumerate(frames):
        if i not in seen:
            continue
        scale, shift = views[i][1]
        image = frame.image
        if sensor_shares is not None:
            image = _spoilt(np.random.default_rng(look), image, sensor_shares)
        image = _within(image, cameras[i], scale, shift)
        box = np.concatenate([boxes[i, :2] * scale + shift, boxes[i, 2:] * scale])
        found, sure = estimator.estimate([image], box[None])
        uv[i], confidence[i] = (found[0] - shift) / scale, sure[0]
    size = np.where(np.isin(np.arange(n), seen), np.nan_to_num(boxes[:, 2:]).max(1), np.nan)
    clean = clean_clip(uv, confidence, size, motion.t_s, smooth=False)
    bbox = np.where(np.isfinite(size)[:, None], boxes, np.nan)
    return Recording(clean.uv_px, clean.confidence, uv, confidence, uv_true, bbox)


def _box(uv_px: np.ndarray, camera: Camera) -> Float[np.ndarray, " 4"]:
    """Return the box of the keypoints, clipped to the image; NaN where less than a quarter of them lies in it."""
    with np.errstate(invalid="ignore"):
        inside = (uv_px > -0.5).all(1) & (uv_px[:, 0] < camera.width - 0.5) & (uv_px[:, 1] < camera.height - 0.5)
    if inside.mean() < 0.25:
        return np.full(4, np.nan)
    known = uv_px[np.isfinite(uv_px).all(1)]
    low = np.clip(known.min(0), 0, [camera.width - 1, camera.height - 1])
    high = np.clip(known.max(0), 0, [camera.width - 1, camera.height - 1])
    return np.concatenate([low, high - low])


def _jittered(rng: np.random.Generator, boxes: np.ndarray) -> np.ndarray:
    """Move boxes as a follower does: half of the error lasts."""
    n = len(boxes)
    noise = 0.7 * rng.standard_normal((1, 3)) + 0.7 * rng.standard_normal((n, 3))
    size = np.maximum(boxes[:, 2:].max(1), 1.0)[:, None]
    centre = boxes[:, :2] + boxes[:, 2:] / 2 + BOX_SIGMA[0] * size * noise[:, :2]
    extent = boxes[:, 2:] * np.exp(BOX_SIGMA[1] * noise[:, 2:])
    return np.concatenate([centre - extent / 2, extent], 1)


def _zoomed(camera: Camera, box: np.ndarray) -> tuple[Camera, tuple[float, np.ndarray]]:
    """Return a camera at the same place that shows the surroundings of the box; pixels map to it by scale and shift."""
    if not np.isfinite(box).all():
        box = np.array([0.0, 0.0, camera.width - 1, camera.height - 1])
    side = MARGIN * max(float(box[2:].max()), 1.0)
    size = int(np.clip(round(side), 32, DRAWN_PX))
    scale = size / side
    shift = (size - 1) / 2 - scale * (box[:2] + box[2:] / 2)
    A = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])
    return Camera(A @ camera.K, camera.T_cam_world, size, size), (scale, shift)


def _within(image: np.ndarray, camera: Camera, scale: float, shift: np.ndarray) -> UInt8[np.ndarray, "s s 3"]:
    """Make grey, as the network does, what lies outside the camera's own picture."""
    size = len(image)
    x, y = ((np.arange(size) - shift[axis]) / scale for axis in range(2))
    outside = ((x < -0.5) | (x > camera.width - 0.5))[None, :] | ((y < -0.5) | (y > camera.height - 0.5))[:, None]
    if not outside.any():
        return image
    image = image.copy()
    image[outside] = 114
    return image


def _spoilt(rng: np.random.Generator, image: np.ndarray, shares: SensorShares) -> UInt8[np.ndarray, "s s 3"]:
    pixels = np.clip(photometric(rng, image.astype(np.float32), shares), 0, 255).astype(np.uint8)
    return sensor(rng, pixels, shares)
