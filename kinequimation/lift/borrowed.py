"""The 2D network's own errors, taken from recordings and put on other clips.

Recordings are slow to make, and a lifter that sees the same few hundred poses again and again learns them by heart: one
trained on 219 clips had an error of 2.2 % of withers height on 30 of these and of 5.3 % on 30 new ones. Their errors,
put on other horses that are seen from about the same side, do not run out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.lift.cameras import CameraPaths, uniform
from kinequimation.lift.project import box_px, facing, project

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from kinequimation.lift.recordings import Recordings

ERROR_FACTOR = (0.8, 1.6)
"""By how much recorded errors are made larger or smaller: the network errs more on photographs than on drawn frames
(judgement)."""
CANDIDATES = 24
"""So many stretches are drawn for each clip; the one that is seen most alike lends its errors (judgement)."""
_EXCHANGED_FROM, _EXCHANGED_NEARER = 0.05, 0.4
"""A point off by this share of the box, and nearer to its fellow on the other side than this share of its error, was
exchanged with it (judgement)."""
_RADIANS_PER_LOG_FPS = 0.3
"""How a difference of frame rates counts beside one of direction (judgement)."""
_MIRROR = skeleton.MIRROR_KEYPOINTS


@dataclass(frozen=True)
class RecordedErrors:
    """What a network did with the points of N recorded clips of T frames.

    Attributes:
        error: [N, T, 103, 2] from the true place to the found one, in boxes' longer sides.
        exchanged: [N, T, 103] where the error is counted from the true place of the fellow on the other side.
        confidence: [N, T, 103]; 0 where nothing was found or the picture does not hold the point.
        facing: [N, T, 2] which way the horse faces, unit: to the right of the picture, and away from the camera.
        fps: [N].
    """

    error: Float[np.ndarray, "n t k 2"]
    exchanged: Bool[np.ndarray, "n t k"]
    confidence: Float[np.ndarray, "n t k"]
    facing: Float[np.ndarray, "n t 2"]
    fps: Float[np.ndarray, " n"]


def errors_of(recordings: Recordings) -> RecordedErrors:
    """Return the errors of recordings."""
    r = recordings
    xyz = CameraPaths(r.K, r.rotation, r.position, r.size_px).to_cam(r.xyz_world)
    uv, inside = project(xyz, r.K, r.size_px)
    size = box_px(xyz, r.K)
    exchanged = exchanged_points(r.uv_px, uv, inside, size)
    return RecordedErrors(
        error=((r.uv_px - origins(uv, exchanged)) / size[..., None, None]).astype(np.float32),
        exchanged=exchanged,
        confidence=np.where(inside, r.confidence, 0.0).astype(np.float32),
        facing=facing(xyz),
        fps=r.fps,
    )


def exchanged_points(
    found_px: Float[np.ndarray, "b t k 2"],
    true_px: Float[np.ndarray, "b t k 2"],
    inside: Bool[np.ndarray, "b t k"],
    size_px: Float[np.ndarray, "b t"],
) -> Bool[np.ndarray, "b t k"]:
    """Return which found points are the fellows on the other side; ``size_px`` is the longer side of the box."""
    off, from_fellow = (np.linalg.norm(found_px - place, axis=-1) for place in (true_px, true_px[:, :, _MIRROR]))
    far = off > _EXCHANGED_FROM * size_px[..., None]
    return inside & inside[:, :, _MIRROR] & far & (from_fellow < _EXCHANGED_NEARER * off)


def origins(
    true_px: Float[np.ndarray, "b t k 2"], exchanged: Bool[np.ndarray, "b t k"]
) -> Float[np.ndarray, "b t k 2"]:
    """Return the places that errors are counted from: the fellow's of an exchanged point."""
    return np.where(exchanged[..., None], true_px[:, :, _MIRROR], true_px)


def borrow_errors(
    rng: np.random.Generator,
    errors: RecordedErrors,
    uv_px: Float[np.ndarray, "b t k 2"],
    in_frame: Bool[np.ndarray, "b t k"],
    size_px: Float[np.ndarray, "b t"],
    faces: Float[np.ndarray, "b t 2"],
    fps: Float[np.ndarray, " b"],
) -> tuple[Float[np.ndarray, "b t k 2"], Float[np.ndarray, "b t k"]]:
    """Return pixels and confidences with the errors of recorded clips; missing points are 0 with confidence 0.

    Each clip takes those of a stretch, perhaps mirrored, in which a horse faces about the same way at about the same
    frame rate.

    Args:
        rng: which stretches, and how much larger or smaller the errors are.
        errors: of recordings at least as long as the clips.
        uv_px: true pixels, finite.
        in_frame: which points the image holds.
        size_px: longer side of the horse's box.
        faces: which way the horse faces; see ``RecordedErrors``.
        fps: frames per second of each clip.
    """
    n, t = uv_px.shape[:2]
    shape = (n, CANDIDATES)
    clip, flip = rng.integers(len(errors.fps), size=shape), rng.random(shape) < 0.5
    start = rng.integers(errors.error.shape[1] - t + 1, size=shape)
    theirs = errors.facing[clip, start + t // 2]
    theirs = np.stack([np.where(flip, -theirs[..., 0], theirs[..., 0]), theirs[..., 1]], -1)
    turned = np.arccos(np.clip((theirs * faces[:, None, t // 2]).sum(-1), -1, 1))
    best = (turned + _RADIANS_PER_LOG_FPS * np.abs(np.log(errors.fps[clip] / fps[:, None]))).argmin(1)
    clip, flip, start = (values[np.arange(n), best] for values in (clip, flip, start))

    at = clip[:, None], start[:, None] + np.arange(t)
    error, exchanged, confidence = errors.error[at], errors.exchanged[at], errors.confidence[at]
    error[flip] = error[flip][:, :, _MIRROR] * np.array([-1, 1], np.float32)
    exchanged[flip], confidence[flip] = exchanged[flip][:, :, _MIRROR], confidence[flip][:, :, _MIRROR]
    factor = np.exp(uniform(rng, *np.log(ERROR_FACTOR), n, 1, 1, 1))
    known = (confidence > 0) & in_frame & (in_frame[:, :, _MIRROR] | ~exchanged)
    found = origins(uv_px, exchanged) + factor * error * size_px[..., None, None]
    return np.where(known[..., None], found, 0.0), np.where(known, confidence, 0.0)
