"""Sequences of rendered frames as clips to train the lifter on, beside those of its own making.

The file is that of ``kinequimation dataset lifter``: horses that move, each seen by a camera of the render. Half of the
clips are filmed by that camera, the rest by random ones: a scene has few cameras, and its movement is worth more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.lifter_sequences import Sequence2D3D, SequenceFile
from kinequimation.errors import InputError
from kinequimation.lift.cameras import CameraPaths, sample_cameras
from kinequimation.lift.data import FilmedClips, film_with
from kinequimation.lift.noise import NoiseConfig

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

OWN_CAMERA = 0.5
"""Probability that a clip is filmed by the camera of its render (judgement)."""
_MIRROR_X = np.array([-1.0, 1.0, 1.0])
_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_HOOVES = [skeleton.KEYPOINT_INDEX[skeleton.limb_joints(limb)[-1]] for limb in skeleton.LIMBS]


def open_sequences(path: Path, part: str = "train") -> SequenceFile:
    """Open a file to train on.

    Raises:
        InputError: it is no such file, or has no sequence of the part.
    """
    file = SequenceFile(path)
    if not longest_clip(file, part):
        raise InputError(f"{path}: expected sequences of the part {part}, found none")
    return file


def longest_clip(file: SequenceFile, part: str = "train") -> int:
    """Return the frames of the longest sequence of a part; 0 where the part is empty."""
    return int(np.diff(file.offsets)[file.part == part].max(initial=0))


def sequence_clips(
    file: SequenceFile,
    rng: np.random.Generator,
    n_clips: int,
    n_frames: int,
    noise: NoiseConfig | None = None,
    part: str = "train",
    own_camera: float = OWN_CAMERA,
    true_intrinsics: bool = False,
) -> FilmedClips:
    """Film random stretches of the sequences of a file.

    Every stretch of ``n_frames`` frames is as likely as any other; each is mirrored half the time. Contacts are not in
    the file and are told from how low and how slow the hooves are; points that the mesh does not have are NaN.

    Args:
        file: the sequences.
        rng: of everything random.
        n_clips: clips in the batch.
        n_frames: frames of each, at most ``longest_clip(file, part)``.
        noise: how bad the detector is; the default of ``NoiseConfig``.
        part: train, val or test.
        own_camera: probability that a clip is filmed by the camera of its render.
        true_intrinsics: tell the true K and frame rate.

    Raises:
        InputError: no sequence of the part is so long, or a camera's pixels are not square.
    """
    room = np.where(file.part == part, np.diff(file.offsets) - n_frames + 1, 0)
    room = np.maximum(room, 0)
    if n_frames < 1 or not room.any():
        longest = longest_clip(file, part)
        raise InputError(f"sequences: expected clips of 1 to {longest} frames, the longest in {part}, got {n_frames}")
    ends = np.cumsum(room)
    drawn = rng.integers(ends[-1], size=n_clips)
    chosen = np.searchsorted(ends, drawn, side="right")
    first = drawn - (ends - room)[chosen]
    mirrored = rng.random(n_clips) < 0.5
    stretches = [
        _stretch(file[int(i)], int(start), n_frames, bool(flip))
        for i, start, flip in zip(chosen, first, mirrored, strict=True)
    ]
    xyz_world, contact, K, rotation, position, size = (np.stack(values) for values in zip(*stretches, strict=True))
    own = CameraPaths(K, rotation, position, size)
    filled = np.where(np.isfinite(xyz_world), xyz_world, xyz_world[:, :, [_SACRUM]])
    other = sample_cameras(rng, filled, zooms=not true_intrinsics)
    is_own = rng.random(n_clips) < own_camera
    camera = CameraPaths(
        *(
            np.where(is_own.reshape(-1, *[1] * (a.ndim - 1)), a, b)
            for a, b in (
                (own.K, other.K),
                (own.rotation, other.rotation),
                (own.position_world, other.position_world),
                (own.size_px, other.size_px),
            )
        )
    )
    return film_with(rng, camera, xyz_world, contact, file.fps[chosen], noise, true_intrinsics)


def standing(xyz_world: Float[np.ndarray, "t 103 3"], fps: float) -> Bool[np.ndarray, "t 4"]:
    """Return which hooves stand, LF, RF, LH, RH: those less than 3 cm above the ground and slower than a stance is.

    The thresholds are those of sources, D2: 0.15 m/s, or 0.12 of the body's speed if that is more. A hoof counts by
    the slower of the steps before and after a frame, for a stance begins and ends between frames. The ground is where
    the hooves are lowest in the sequence (their 2nd percentile).

    Args:
        xyz_world: metres at a withers height of 1.60 m, Z up; landmarks may be NaN.
        fps: frames a second.
    """
    toes = xyz_world[:, _TOES]
    hooves = toes if np.isfinite(toes).all() else xyz_world[:, _HOOVES]
    if len(hooves) == 1:
        speed, body = np.zeros((1, 4)), np.zeros(1)
    else:
        speed, body = (_slower_side(x) * fps for x in (hooves, xyz_world[:, _SACRUM]))
    height = hooves[..., 2] - np.quantile(hooves[..., 2], 0.02)
    return (height < 0.03) & (speed < np.maximum(0.15, 0.12 * body)[:, None])


def _slower_side(xyz: np.ndarray) -> np.ndarray:
    step = np.linalg.norm(np.diff(xyz, axis=0), axis=-1)
    return np.minimum(np.concatenate([step[:1], step]), np.concatenate([step, step[-1:]]))


def _stretch(sequence: Sequence2D3D, start: int, n_frames: int, mirrored: bool) -> tuple[np.ndarray, ...]:
    """Return points, contacts and the camera of a stretch, lengths in withers heights; see ``CameraPaths``.

    A mirrored world is seen by a mirrored camera: its image is the mirrored image.
    """
    rows = slice(start, start + n_frames)
    unit_m = sequence.unit_m
    K = sequence.K[rows].astype(np.float32)
    if (abs(K[:, 0, 0] / K[:, 1, 1] - 1) > 1e-3).any():
        raise InputError(f"{sequence.clip}, camera {sequence.camera}: expected square pixels, got fx {K[0, 0, 0]:g}")
    contact = standing(sequence.xyz_world * (1.6 / unit_m), sequence.fps)[rows].astype(np.float32)
    T = sequence.T_cam_world[rows]
    rotation = T[:, :3, :3]
    position = -np.einsum("tba,tb->ta", rotation, T[:, :3, 3])
    xyz, size = sequence.xyz_world[rows], sequence.image_size[start].astype(np.float32)
    if mirrored:
        xyz = xyz[:, skeleton.MIRROR_KEYPOINTS] * _MIRROR_X
        contact = contact[:, [1, 0, 3, 2]]
        rotation = _MIRROR_X[:, None] * rotation * _MIRROR_X
        position = position * _MIRROR_X
        K[:, 0, 2] = size[0] - 1 - K[:, 0, 2]
    return (
        (xyz / unit_m).astype(np.float32),
        contact,
        K,
        rotation.astype(np.float32),
        (position / unit_m).astype(np.float32),
        size,
    )
