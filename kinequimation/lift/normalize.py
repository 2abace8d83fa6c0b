"""From pixels to the network's input: the same function for training and inference.

The network sees no camera. Each frame is looked at by a *virtual camera*: at the same place as the real one, turned
so that its optical axis goes through the middle of the horse's trunk. What the network predicts is in the axes of that
camera, and is turned back to the real one's afterwards. Scale, principal point and place in the frame drop out; the
perspective that depends on them stays available in a few extra channels.

All functions take any number of leading axes before ``frames`` (training passes batches of clips).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float

NUM_SLOTS = skeleton.NUM_KEYPOINTS
EXTRA_FEATURES: tuple[str, ...] = ("ray_x", "ray_y", "log_scale", "log_scale_change", "log_fps", "seen")
"""Channels after the slots: direction of the horse's middle (x/z, y/z), its apparent size (median of the clip) and this
frame's relative to it, frames per second relative to 30, and the share of slots that are known."""
NUM_FEATURES = 3 * NUM_SLOTS + len(EXTRA_FEATURES)
"""Channels: x and y of each slot (0 where missing), each slot's confidence, the extra ones."""

LOG_SCALE_SHIFT = 1.5
"""Added to ``log_scale``, to bring it near zero for usual views."""

_TRUNK = [
    *(f"DEF-spine.00{i}" for i in range(1, 7)),
    *(f"DEF-{n}.{s}" for n in ("breast", "shoulder", "thigh", "pelvis", "upper_arm") for s in "LR"),
    *(f"{n}.{s}" for n in ("point_of_shoulder", "point_of_hip", "elbow", "stifle") for s in "LR"),
    *("withers", "back", "croup", "girth", "ischium", "tail_base", "neck_base"),
]
TRUNK_SLOTS: np.ndarray = np.array([skeleton.KEYPOINT_INDEX[n] for n in _TRUNK if n in skeleton.KEYPOINT_INDEX])
"""Slots on the trunk and at its four corners: they move least against each other."""
_CENTRE_WEIGHTS = np.full(NUM_SLOTS, 0.02, np.float32)
_CENTRE_WEIGHTS[TRUNK_SLOTS] = 1.0
_CLIP = 6.0  # box sizes; a point further out is a mistake of the detector and tells no more than that


@dataclass(frozen=True)
class Normalized:
    """Network input, and what takes its output back to the camera.

    Attributes:
        features: [..., T, F] float32.
        rotation: [..., T, 3, 3] from camera axes to the virtual camera's.
        centre_px: [..., T, 2] the pixel that the virtual camera looks at.
        scale: [..., 1] apparent size of the horse, in units of the virtual camera's image plane at depth 1.
    """

    features: Float[np.ndarray, "*b frames f"]
    rotation: Float[np.ndarray, "*b frames 3 3"]
    centre_px: Float[np.ndarray, "*b frames 2"]
    scale: Float[np.ndarray, "*b 1"]


def check_input(uv_px: np.ndarray, confidence: np.ndarray, K: np.ndarray, t_s: np.ndarray) -> None:
    """Check one clip.

    Raises:
        InputError: a shape is wrong, K is no camera matrix, times do not rise, a confidence lies outside [0, 1], or
            a point with confidence is not finite.
    """
    n = len(t_s) if np.ndim(t_s) == 1 else -1
    expected = {"uv_px": (n, NUM_SLOTS, 2), "confidence": (n, NUM_SLOTS), "K": (3, 3), "t_s": (n,)}
    given = {"uv_px": uv_px, "confidence": confidence, "K": K, "t_s": t_s}
    if n < 1:
        raise InputError(f"t_s: expected one time a frame and at least one frame, got shape {np.shape(t_s)}")
    for name, shape in expected.items():
        if np.shape(given[name]) != shape:
            raise InputError(f"{name}: expected shape {shape}, got {np.shape(given[name])}")
    if not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0):
        raise InputError("K: expected finite intrinsics with focal lengths above 0")
    if not np.isfinite(t_s).all() or np.any(np.diff(t_s) <= 0):
        raise InputError("t_s: expected finite times that rise from frame to frame")
    if not np.isfinite(confidence).all() or confidence.min() < 0 or confidence.max() > 1:
        raise InputError("confidence: expected numbers from 0 to 1; use 0 for a missing point")
    if not np.isfinite(uv_px[confidence > 0]).all():
        raise InputError("uv_px: expected finite pixels where the confidence is above 0")


def trunk_centre(
    uv_px: Float[np.ndarray, "*b frames k 2"], confidence: Float[np.ndarray, "*b frames k"]
) -> Float[np.ndarray, "*b frames 2"]:
    """Return the middle of the trunk in each frame; a frame without points takes its neighbour's, NaN if none has any.

    A weighted mean, reweighted twice against outliers (Geman–McClure); missing points must be finite.
    """
    weights = confidence * _CENTRE_WEIGHTS
    total = weights.sum(-1)
    has_points = total > 1e-6
    centre = np.einsum("...k,...kc->...c", weights, uv_px) / np.maximum(total, 1e-6)[..., None]
    for _ in range(2):
        offset = uv_px - centre[..., None, :]
        squared = np.einsum("...c,...c->...", offset, offset)
        spread = np.einsum("...k,...k->...", weights, squared) / np.maximum(total, 1e-6)
        robust = weights / np.square(1.0 + squared / np.maximum(spread, 1e-12)[..., None])
        centre = np.einsum("...k,...kc->...c", robust, uv_px) / np.maximum(robust.sum(-1), 1e-9)[..., None]
    return _fill_from_neighbours(centre, has_points)


def _fill_from_neighbours(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace unknown frames by the last known one before, or else the first after; NaN where none is known."""
    n = known.shape[-1]
    frames = np.arange(n)
    before = np.maximum.accumulate(np.where(known, frames, -1), axis=-1)
    after = np.minimum.accumulate(np.where(known, frames, n)[..., ::-1], axis=-1)[..., ::-1]
    source = np.where(before >= 0, before, after)
    filled = np.take_along_axis(values, np.minimum(source, n - 1)[..., None], axis=-2)
    return np.where((source < n)[..., None], filled, np.nan)


def rotation_to_axis(ray: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """Return the smallest rotation that turns a ray with positive z onto the optical axis."""
    a, b, c = np.moveaxis(ray / np.linalg.norm(ray, axis=-1, keepdims=True), -1, 0)
    k = 1.0 / (1.0 + c)
    return np.stack(
        [
            np.stack([1 - a * a * k, -a * b * k, -a], -1),
            np.stack([-a * b * k, 1 - b * b * k, -b], -1),
            np.stack([a, b, c], -1),
        ],
        -2,
    )


def rays(uv_px: Float[np.ndarray, "*b n 2"], K: Float[np.ndarray, "*b 3 3"]) -> Float[np.ndarray, "*b n 3"]:
    """Return the camera-space direction of pixels, with z = 1."""
    x = (uv_px[..., 0] - K[..., None, 0, 2]) / K[..., None, 0, 0]
    y = (uv_px[..., 1] - K[..., None, 1, 2]) / K[..., None, 1, 1]
    x = x - y * (K[..., None, 0, 1] / K[..., None, 0, 0])
    return np.stack([x, y, np.ones_like(x)], -1)


def view_from(rotation: Float[np.ndarray, "*b 3 3"], ray: Float[np.ndarray, "*b n 3"]) -> Float[np.ndarray, "*b n 2"]:
    """Return where rays meet the image plane (depth 1) of the virtual camera."""
    turned = ray @ np.swapaxes(rotation, -1, -2)
    # points that a wild detection puts beside or behind the virtual camera
    return turned[..., :2] / np.maximum(turned[..., 2:], 0.05)


def normalize(
    uv_px: Float[np.ndarray, "*b frames k 2"],
    confidence: Float[np.ndarray, "*b frames k"],
    K: Float[np.ndarray, "*b 3 3"],
    fps: Float[np.ndarray, "*b"] | float,
) -> Normalized:
    """Make the network's input from pixels.

    Args:
        uv_px: all slots; not read where ``confidence`` is 0.
        confidence: in [0, 1], 0 where missing.
        K: intrinsics, one for the clip.
        fps: frames per second; for one frame it does not matter.
    """
    known = confidence > 0
    uv = np.where(known[..., None], uv_px, 0.0)
    confidence = np.where(known, confidence, 0.0)
    centre = trunk_centre(uv, confidence)
    principal = K[..., None, :2, 2]
    centre = np.where(np.isnan(centre), principal, centre)
    axis = rays(centre, K)
    rotation = rotation_to_axis(axis)
    ray = rays(uv.reshape(*uv.shape[:-3], -1, 2), K).reshape(*uv.shape[:-1], 3)
    xy = view_from(rotation, ray)
    seen = confidence.sum(-1)
    distance = np.sqrt(np.einsum("...c,...c->...", xy, xy))
    size = np.einsum("...k,...k->...", distance, confidence) / np.maximum(seen, 1e-6)
    size = np.where(seen > 0, np.maximum(size, 1e-6), np.nan)
    scale = _nanmedian(size)
    xy = np.where(known[..., None], xy / scale[..., None, None], 0.0)
    change = np.where(np.isnan(size), 0.0, np.log(np.where(np.isnan(size), 1.0, size) / scale))
    per_clip = np.broadcast_to(scale, change.shape)
    log_fps = np.broadcast_to(np.log(np.asarray(fps, float)[..., None] / 30.0), change.shape)
    extra = [axis[..., 0], axis[..., 1], np.log(per_clip) + LOG_SCALE_SHIFT, change, log_fps, known.mean(-1)]
    features = np.concatenate(
        [
            np.clip(xy, -_CLIP, _CLIP).reshape(*xy.shape[:-2], -1),
            confidence,
            np.stack(extra, -1, dtype=xy.dtype, casting="same_kind"),
        ],
        axis=-1,
    )
    if features.shape[-2] == 1:
        features[..., 3 * NUM_SLOTS + EXTRA_FEATURES.index("log_fps")] = 0.0
    return Normalized(features.astype(np.float32), rotation, centre, scale)


def _nanmedian(size: np.ndarray) -> np.ndarray:
    """Return the median over frames, kept as an axis; 1 for a clip without any point."""
    none = np.isnan(size).all(-1, keepdims=True)
    return np.where(none, 1.0, np.nanmedian(np.where(none, 1.0, size), axis=-1, keepdims=True))


_MIRROR_FEATURES = np.concatenate(
    [
        (2 * skeleton.MIRROR_KEYPOINTS[:, None] + np.arange(2)).reshape(-1),
        2 * NUM_SLOTS + skeleton.MIRROR_KEYPOINTS,
        3 * NUM_SLOTS + np.arange(len(EXTRA_FEATURES)),
    ]
)
_MIRROR_SIGNS = np.ones(NUM_FEATURES, np.float32)
_MIRROR_SIGNS[0 : 2 * NUM_SLOTS : 2] = -1
_MIRROR_SIGNS[3 * NUM_SLOTS + EXTRA_FEATURES.index("ray_x")] = -1


def mirror_features(features: Float[np.ndarray, "*b f"]) -> Float[np.ndarray, "*b f"]:
    """Return the input that the mirrored image would give."""
    return features[..., _MIRROR_FEATURES] * _MIRROR_SIGNS
