"""Measure the lifter on generated clips that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.align import similarity_transform
from kinequimation.lift.data import ClipPool, FilmedClips, film_clips
from kinequimation.lift.noise import NO_NOISE, NoiseConfig

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.lift.infer import Lifted, Lifter

_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_CHEST = skeleton.KEYPOINT_INDEX["DEF-spine.006"]
_DISTAL = [skeleton.KEYPOINT_INDEX[n] for n in (*skeleton.GROUPS["lower limb"], *skeleton.GROUPS["hoof"])]


@dataclass(frozen=True)
class LiftScores:
    """Errors of a lifter; lengths in per cent of withers height, angles in degrees.

    Attributes:
        mpjpe: mean distance of the keypoints, relative to the sacrum, in camera axes.
        pa_mpjpe: the same after the best similarity transform of each frame.
        distal_mpjpe: ``mpjpe`` of lower limbs and hooves alone.
        velocity: mean error of frame-to-frame steps; NaN for single frames.
        yaw_deg: median error of the direction the horse faces, about the true vertical.
        facing_wrong: share of frames in which that error is above 90°.
        up_deg: mean error of the up vector.
        root_depth: median relative error of the sacrum's depth, per cent.
        contact_f1: of hoof contacts at a probability of one half.
        n_frames: frames measured: those with 8 points in the image or more.
    """

    mpjpe: float
    pa_mpjpe: float
    distal_mpjpe: float
    velocity: float
    yaw_deg: float
    facing_wrong: float
    up_deg: float
    root_depth: float
    contact_f1: float
    n_frames: int


def yaw_error_deg(
    found_xyz: Float[np.ndarray, "t k 3"], true_xyz: Float[np.ndarray, "t k 3"], up: Float[np.ndarray, "t 3"]
) -> Float[np.ndarray, " t"]:
    """Return the angle about ``up`` between the directions from sacrum to chest, from 0 to 180."""

    def direction(xyz: np.ndarray) -> np.ndarray:
        axis = xyz[:, _CHEST] - xyz[:, _SACRUM]
        flat = axis - (axis * up).sum(-1, keepdims=True) * up
        return flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)

    return np.degrees(np.arccos(np.clip((direction(found_xyz) * direction(true_xyz)).sum(-1), -1, 1)))


def _lift(lifter: Lifter, clips: FilmedClips, i: int) -> Lifted:
    n_frames = clips.uv_px.shape[1]
    return lifter.lift(clips.uv_px[i], clips.confidence[i], clips.K[i], np.arange(n_frames) / clips.fps[i])


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
    rows: dict[str, list[np.ndarray]] = {}
    counts = np.zeros(3)
    for i in range(n_clips):
        lifted = _lift(lifter, clips, i)
        use = (clips.visible[i].sum(-1) >= 8) & (clips.root_xyz_cam[i, :, 2] > 0.5)
        error = 100 * np.linalg.norm(lifted.xyz_cam - clips.xyz_cam[i], axis=-1)
        aligned = []
        for t in np.flatnonzero(use):
            scale, R, shift = similarity_transform(lifted.xyz_cam[t], clips.xyz_cam[i, t])
            moved = scale * lifted.xyz_cam[t] @ R.T + shift
            aligned.append(100 * np.linalg.norm(moved - clips.xyz_cam[i, t], axis=-1).mean())
        step = np.diff(lifted.xyz_cam, axis=0) - np.diff(clips.xyz_cam[i], axis=0)
        both = use[1:] & use[:-1]
        cosine = np.clip((lifted.up_cam * clips.up_cam[i]).sum(-1), -1, 1)
        depth = np.abs(lifted.root_xyz_cam[:, 2] / clips.root_xyz_cam[i, :, 2] - 1)
        for name, values in {
            "mpjpe": error[use].mean(-1),
            "pa_mpjpe": np.array(aligned),
            "distal_mpjpe": error[use][:, _DISTAL].mean(-1),
            "velocity": 100 * np.linalg.norm(step[both], axis=-1).mean(-1),
            "yaw": yaw_error_deg(lifted.xyz_cam, clips.xyz_cam[i], clips.up_cam[i])[use],
            "up": np.degrees(np.arccos(cosine))[use],
            "depth": 100 * depth[use],
        }.items():
            rows.setdefault(name, []).append(values)
        found, true = lifted.contact[use] > 0.5, clips.contact[i][use] > 0.5
        counts += [(found & true).sum(), (found & ~true).sum(), (~found & true).sum()]
    values = {name: np.concatenate(parts) for name, parts in rows.items()}
    hit, extra, missed = counts
    return LiftScores(
        mpjpe=float(values["mpjpe"].mean()),
        pa_mpjpe=float(values["pa_mpjpe"].mean()),
        distal_mpjpe=float(values["distal_mpjpe"].mean()),
        velocity=float(values["velocity"].mean()) if len(values["velocity"]) else float("nan"),
        yaw_deg=float(np.median(values["yaw"])),
        facing_wrong=float((values["yaw"] > 90).mean()),
        up_deg=float(values["up"].mean()),
        root_depth=float(np.median(values["depth"])),
        contact_f1=float(2 * hit / max(2 * hit + extra + missed, 1)),
        n_frames=len(values["mpjpe"]),
    )
