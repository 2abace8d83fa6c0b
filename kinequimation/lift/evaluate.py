"""Measure the lifter on generated clips that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import metrics, skeleton
from kinequimation.lift.data import ClipPool, film_clips
from kinequimation.lift.noise import NO_NOISE, NoiseConfig
from kinequimation.lift.project import CHEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float

    from kinequimation.lift.infer import Lifted, Lifter

_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
GROUP_POINTS: dict[str, list[int]] = {
    name: [skeleton.KEYPOINT_INDEX[point] for part in parts for point in skeleton.GROUPS[part]]
    for name, parts in {
        "head, neck": ("head", "neck"),
        "trunk": ("trunk",),
        "upper limbs": ("upper limb",),
        "lower limbs": ("lower limb",),
        "hooves": ("hoof",),
        "tail": ("tail",),
    }.items()
}
"""Parts of the horse that errors are given for, and their keypoints (sources, C5)."""
_DISTAL = GROUP_POINTS["lower limbs"] + GROUP_POINTS["hooves"]
LEAST_POINTS = 8
"""Keypoints in the image from which a frame is measured."""


@dataclass(frozen=True)
class LiftTruth:
    """What a lifter should have found; lengths in withers heights, camera axes.

    Attributes:
        xyz_cam: [T, 103, 3] relative to the sacrum.
        root_xyz_cam: [T, 3] the sacrum.
        up_cam: [T, 3] unit, against gravity.
        contact: [T, 4] in the order LF, RF, LH, RH.
        use: [T] frames that are measured.
        fps: frames per second.
    """

    xyz_cam: Float[np.ndarray, "t k 3"]
    root_xyz_cam: Float[np.ndarray, "t 3"]
    up_cam: Float[np.ndarray, "t 3"]
    contact: Float[np.ndarray, "t 4"]
    use: Bool[np.ndarray, " t"]
    fps: float


@dataclass(frozen=True)
class LiftScores:
    """Errors of a lifter; lengths in per cent of withers height, angles in degrees.

    Attributes:
        mpjpe: mean distance of the keypoints, relative to the sacrum, in camera axes.
        n_mpjpe: the same after the best scale of each frame.
        pa_mpjpe: the same after the best similarity transform of each frame.
        distal_mpjpe: ``mpjpe`` of lower limbs and hooves alone.
        groups: ``mpjpe`` of each of ``GROUP_POINTS``.
        pa_groups: after each whole frame's best similarity transform, of each of ``GROUP_POINTS``.
        velocity: mean error of the points' velocities, per second; NaN for single frames.
        yaw_deg: median error of the direction the horse faces, about the true vertical.
        facing_wrong: share of frames in which that error is above 90°.
        up_deg: mean error of the up vector.
        root_depth: median relative error of the sacrum's depth, per cent.
        contact_f1: of hoof contacts at a probability of one half.
        n_frames: frames measured.
    """

    mpjpe: float
    n_mpjpe: float
    pa_mpjpe: float
    distal_mpjpe: float
    groups: dict[str, float]
    pa_groups: dict[str, float]
    velocity: float
    yaw_deg: float
    facing_wrong: float
    up_deg: float
    root_depth: float
    contact_f1: float
    n_frames: int


@dataclass(frozen=True)
class LiftErrors:
    """Errors frame by frame of one clip, of the frames that are measured; units as in ``LiftScores``.

    Attributes:
        error, scaled_error, pa_error: [N, 103] of each keypoint, as it is and after the two alignments.
        velocity: [M, 103] between measured neighbours.
        yaw_deg, up_deg, root_depth: [N].
        contact, true_contact: [N, 4].
    """

    error: Float[np.ndarray, "n 103"]
    scaled_error: Float[np.ndarray, "n 103"]
    pa_error: Float[np.ndarray, "n 103"]
    velocity: Float[np.ndarray, "m 103"]
    yaw_deg: Float[np.ndarray, " n"]
    up_deg: Float[np.ndarray, " n"]
    root_depth: Float[np.ndarray, " n"]
    contact: Bool[np.ndarray, "n 4"]
    true_contact: Bool[np.ndarray, "n 4"]


def yaw_error_deg(
    found_xyz: Float[np.ndarray, "t k 3"], true_xyz: Float[np.ndarray, "t k 3"], up: Float[np.ndarray, "t 3"]
) -> Float[np.ndarray, " t"]:
    """Return the angle about ``up`` between the directions from sacrum to chest, from 0 to 180."""

    def direction(xyz: np.ndarray) -> np.ndarray:
        axis = xyz[:, CHEST] - xyz[:, _SACRUM]
        flat = axis - (axis * up).sum(-1, keepdims=True) * up
        return flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)

    return np.degrees(np.arccos(np.clip((direction(found_xyz) * direction(true_xyz)).sum(-1), -1, 1)))


def compare(lifted: Lifted, truth: LiftTruth) -> LiftErrors:
    """Measure what was lifted, frame by frame."""
    use = truth.use
    xyz, true = lifted.xyz_cam[use], truth.xyz_cam[use]
    scale = (xyz * true).sum((1, 2)) / np.maximum((xyz * xyz).sum((1, 2)), 1e-12)
    both = use[1:] & use[:-1]
    cosine = np.clip((lifted.up_cam * truth.up_cam).sum(-1), -1, 1)[use]
    return LiftErrors(
        error=100 * np.linalg.norm(xyz - true, axis=-1),
        scaled_error=100 * np.linalg.norm(xyz * scale[:, None, None] - true, axis=-1),
        pa_error=100 * np.linalg.norm(metrics.procrustes(xyz, true) - true, axis=-1),
        velocity=100 * metrics.velocity_error(lifted.xyz_cam, truth.xyz_cam, truth.fps)[both],
        yaw_deg=yaw_error_deg(xyz, true, truth.up_cam[use]),
        up_deg=np.degrees(np.arccos(cosine)),
        root_depth=100 * np.abs(lifted.root_xyz_cam[use, 2] / truth.root_xyz_cam[use, 2] - 1),
        contact=lifted.contact[use] > 0.5,
        true_contact=truth.contact[use] > 0.5,
    )


def summarize(clips: Sequence[LiftErrors]) -> LiftScores:
    """Return the scores of several clips; every frame counts alike."""
    error, pa_error, velocity, yaw = (
        np.concatenate([getattr(clip, name) for clip in clips]) for name in ("error", "pa_error", "velocity", "yaw_deg")
    )
    return LiftScores(
        mpjpe=float(error.mean()),
        n_mpjpe=float(np.concatenate([clip.scaled_error for clip in clips]).mean()),
        pa_mpjpe=float(pa_error.mean()),
        distal_mpjpe=float(error[:, _DISTAL].mean()),
        groups={name: float(error[:, points].mean()) for name, points in GROUP_POINTS.items()},
        pa_groups={name: float(pa_error[:, points].mean()) for name, points in GROUP_POINTS.items()},
        velocity=float(velocity.mean()) if len(velocity) else float("nan"),
        yaw_deg=float(np.median(yaw)),
        facing_wrong=float((yaw > 90).mean()),
        up_deg=float(np.concatenate([clip.up_deg for clip in clips]).mean()),
        root_depth=float(np.median(np.concatenate([clip.root_depth for clip in clips]))),
        contact_f1=metrics.f1_score(
            np.concatenate([clip.contact for clip in clips]), np.concatenate([clip.true_contact for clip in clips])
        ),
        n_frames=len(yaw),
    )


def evaluate(
    lifter: Lifter,
    pool: ClipPool,
    seed: int,
    n_clips: int,
    n_frames: int,
    noise: NoiseConfig = NO_NOISE,
    true_intrinsics: bool = True,
) -> LiftScores:
    """Lift clips of a pool and compare with the truth.

    Args:
        lifter: what to measure.
        pool: clips, of a seed that the lifter was not trained on.
        seed: of the cameras and the noise.
        n_clips: how many clips.
        n_frames: frames of each.
        noise: how bad the detector is; perfect by default, ``NoiseConfig()`` is that of training.
        true_intrinsics: tell the lifter the true focal length and frame rate. Where it is told a wrong focal length,
            camera axes themselves differ from the truth away from the image's centre, and so does depth.
    """
    clips = film_clips(pool, seed, 0, n_clips, n_frames, noise, true_intrinsics)
    errors = []
    for i in range(n_clips):
        fps = float(clips.fps[i])
        lifted = lifter.lift(clips.uv_px[i], clips.confidence[i], clips.K[i], np.arange(n_frames) / fps)
        truth = LiftTruth(
            xyz_cam=clips.xyz_cam[i],
            root_xyz_cam=clips.root_xyz_cam[i],
            up_cam=clips.up_cam[i],
            contact=clips.contact[i],
            use=(clips.visible[i].sum(-1) >= LEAST_POINTS) & (clips.root_xyz_cam[i, :, 2] > 0.5),
            fps=fps,
        )
        errors.append(compare(lifted, truth))
    return summarize(errors)
