"""Training clips for the lifter: random horses that move, filmed by random cameras, found by a bad detector.

A pool of 3D clips is made once from the motion code; every batch films some of them afresh. Batch ``index`` of stream
``seed`` is the same wherever it is made, from the same pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body, sample_shape
from kinequimation.lift.borrowed import ERROR_FACTOR, RecordedErrors, borrow_errors, exchanged_points, origins
from kinequimation.lift.cameras import CameraPaths, sample_cameras, uniform
from kinequimation.lift.noise import NoiseConfig, detect_badly, lose
from kinequimation.lift.normalize import Normalized, normalize, rays, rotation_to_axis, view_from
from kinequimation.lift.project import CHEST, box_px, facing, project
from kinequimation.motion import sample_motion
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.lift.recordings import Recordings

CLIP_FRAMES = 81
"""Frames of a clip of the pool, and the longest that the network is trained on."""
FPS_RANGE = (12.0, 120.0)
_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
_LEFT_RIGHT = tuple(skeleton.KEYPOINT_INDEX[f"DEF-{n}.{s}"] for n in ("shoulder", "thigh") for s in "LR")


@dataclass(frozen=True)
class ClipPool:
    """Horses that move, in the world.

    Attributes:
        xyz_world: [N, T, 103, 3] float32, withers heights, Z up, the ground at 0.
        contact: [N, T, 4] in the order LF, RF, LH, RH.
        fps: [N].
    """

    xyz_world: Float[np.ndarray, "n t k 3"]
    contact: Float[np.ndarray, "n t 4"]
    fps: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.fps)


def make_pool(seed: int, n_clips: int, n_frames: int = CLIP_FRAMES, progress: Progress = no_progress) -> ClipPool:
    """Make random bodies in random motion, at 12 to 120 frames a second; clip ``i`` depends on ``i`` alone."""
    xyz = np.empty((n_clips, n_frames, skeleton.NUM_KEYPOINTS, 3), np.float32)
    contact = np.empty((n_clips, n_frames, len(skeleton.LIMBS)), np.float32)
    fps = np.empty(n_clips, np.float32)
    for i in range(n_clips):
        rng = np.random.default_rng((seed, i))
        body = Body(sample_shape(rng))
        fps[i] = np.exp(rng.uniform(*np.log(FPS_RANGE)))
        motion = sample_motion(rng, body, n_frames, float(fps[i]))
        xyz[i] = body.keypoints(motion.root_xyz_world, motion.quat_wxyz) / body.shape.withers_height_m
        contact[i] = motion.contact
        progress("clips", i + 1, n_clips)
    return ClipPool(xyz, contact, fps)


@dataclass(frozen=True)
class FilmedClips:
    """A batch of clips as a detector sees them, and the truth.

    Lengths are withers heights; camera axes are OpenCV's.

    Attributes:
        uv_px, confidence: what the detector found; see ``Lifter.lift``.
        K: [B, 3, 3] intrinsics that the lifter is told, which may be wrong.
        fps: [B] frames per second that the lifter is told, which may be wrong.
        uv_true_px: [B, T, 103, 2] without error; only meant where ``visible``.
        visible: [B, T, 103] inside the frame.
        K_true: [B, T, 3, 3] the camera's own, which may zoom.
        xyz_cam: [B, T, 103, 3] relative to the sacrum; NaN where it is not known.
        root_xyz_cam: [B, T, 3] the sacrum.
        up_cam: [B, T, 3] unit.
        velocity_cam: [B, T, 3] of the sacrum over the ground, a second of the frame rate that the lifter is told.
        contact: [B, T, 4].
    """

    uv_px: Float[np.ndarray, "b t k 2"]
    confidence: Float[np.ndarray, "b t k"]
    K: Float[np.ndarray, "b 3 3"]
    fps: Float[np.ndarray, " b"]
    uv_true_px: Float[np.ndarray, "b t k 2"]
    visible: Float[np.ndarray, "b t k"]
    K_true: Float[np.ndarray, "b t 3 3"]
    xyz_cam: Float[np.ndarray, "b t k 3"]
    root_xyz_cam: Float[np.ndarray, "b t 3"]
    up_cam: Float[np.ndarray, "b t 3"]
    velocity_cam: Float[np.ndarray, "b t 3"]
    contact: Float[np.ndarray, "b t 4"]


def film_clips(
    pool: ClipPool,
    seed: int,
    index: int,
    n_clips: int,
    n_frames: int,
    noise: NoiseConfig | None = None,
    true_intrinsics: bool = False,
    errors: RecordedErrors | None = None,
) -> FilmedClips:
    """Film random clips of a pool.

    Args:
        pool: the clips; each is mirrored half the time.
        seed, index: which batch.
        n_clips: clips in the batch.
        n_frames: frames of each, at most the pool's; a random stretch is taken.
        noise: how bad the detector is; the default of ``NoiseConfig``.
        true_intrinsics: tell the true K and frame rate, and do not zoom.
        errors: what finds the points errs as it did in recordings; of ``noise`` then only losses come on top.
    """
    rng = np.random.default_rng((seed, index))
    t_pool = pool.xyz_world.shape[1]
    clip = rng.integers(len(pool), size=n_clips)
    start = rng.integers(t_pool - n_frames + 1, size=n_clips)
    frames = start[:, None] + np.arange(n_frames)
    xyz_world = pool.xyz_world[clip[:, None], frames]
    contact = pool.contact[clip[:, None], frames]
    mirrored = rng.random(n_clips) < 0.5
    xyz_world[mirrored] = xyz_world[mirrored][:, :, skeleton.MIRROR_KEYPOINTS] * np.array([-1, 1, 1], np.float32)
    contact[mirrored] = contact[mirrored][:, :, [1, 0, 3, 2]]

    camera = sample_cameras(rng, xyz_world, zooms=not true_intrinsics)
    return film_with(rng, camera, xyz_world, contact, pool.fps[clip], noise, true_intrinsics, errors)


def film_with(
    rng: np.random.Generator,
    camera: CameraPaths,
    xyz_world: Float[np.ndarray, "b t k 3"],
    contact: Float[np.ndarray, "b t 4"],
    fps: Float[np.ndarray, " b"],
    noise: NoiseConfig | None = None,
    true_intrinsics: bool = False,
    errors: RecordedErrors | None = None,
) -> FilmedClips:
    """Film clips with given cameras, and find their points badly.

    Args:
        rng: of the noise, and of what the lifter is told.
        camera: one for each clip.
        xyz_world: [B, T, 103, 3] withers heights; NaN where there is no such point.
        contact, fps, noise, true_intrinsics, errors: as in ``film_clips`` and its result.
    """
    xyz = camera.to_cam(xyz_world)
    K, size = camera.K, camera.size_px
    uv, inside = project(xyz, K, size)
    root, box = xyz[:, :, _SACRUM], box_px(xyz, K)
    noise = noise or NoiseConfig()
    if errors is None:
        left, right = xyz[:, :, _LEFT_RIGHT[0::2], 2].mean(-1), xyz[:, :, _LEFT_RIGHT[1::2], 2].mean(-1)
        far_side = np.clip((left - right) / 0.2, -1, 1)
        uv_found, confidence = detect_badly(rng, uv, inside, size, box, far_side, noise)
    else:
        uv_found, confidence = borrow_errors(rng, errors, uv, inside, box, facing(xyz), fps)
        uv_found, confidence = lose(rng, uv_found, confidence, noise)

    told_K = K[:, K.shape[1] // 2].copy()
    if not true_intrinsics:
        told_K, fps = _told(rng, K, size, fps)
    return FilmedClips(
        uv_px=uv_found.astype(np.float32),
        confidence=confidence.astype(np.float32),
        K=told_K,
        fps=fps.astype(np.float32),
        uv_true_px=uv.astype(np.float32),
        visible=inside,
        K_true=K,
        xyz_cam=xyz - root[:, :, None],
        root_xyz_cam=root,
        up_cam=camera.rotation[..., 2],
        velocity_cam=_velocity(xyz_world, camera.rotation, fps),
        contact=contact,
    )


def recorded_clips(
    recordings: Recordings,
    seed: int,
    index: int,
    n_clips: int,
    n_frames: int,
    noise: NoiseConfig | None = None,
) -> FilmedClips:
    """Return stretches of recorded clips, with the 2D network's own errors.

    Args:
        recordings: the clips; each is mirrored half the time.
        seed, index: which batch.
        n_clips: clips in the batch.
        n_frames: frames of each, at most the recordings'.
        noise: how much is lost beside the network's own errors.
    """
    rng = np.random.default_rng((seed, index, 3))
    clip = rng.integers(len(recordings), size=n_clips)
    start = rng.integers(recordings.uv_px.shape[1] - n_frames + 1, size=n_clips)
    at = clip[:, None], start[:, None] + np.arange(n_frames)
    xyz_world, contact, K = recordings.xyz_world[at], recordings.contact[at], recordings.K[at].copy()
    size, rotation = recordings.size_px[clip], recordings.rotation[at]
    xyz = CameraPaths(K, rotation, recordings.position[at], size).to_cam(xyz_world)
    up = rotation[..., 2].copy()
    uv, confidence = recordings.uv_px[at].copy(), recordings.confidence[at].copy()

    flip = rng.random(n_clips) < 0.5
    mirror = skeleton.MIRROR_KEYPOINTS
    xyz[flip] = xyz[flip][:, :, mirror] * np.array([-1, 1, 1], np.float32)
    uv[flip], confidence[flip] = uv[flip][:, :, mirror], confidence[flip][:, :, mirror]
    uv[flip, ..., 0] = size[flip, None, None, 0] - 1 - uv[flip, ..., 0]
    K[flip, :, 0, 2] = size[flip, None, 0] - 1 - K[flip, :, 0, 2]
    contact[flip] = contact[flip][..., [1, 0, 3, 2]]
    up[flip, :, 0] *= -1

    uv_true, inside = project(xyz, K, size)
    uv = np.where((confidence > 0)[..., None], uv, 0.0)
    factor = np.exp(uniform(rng, *np.log(ERROR_FACTOR), n_clips, 1, 1, 1))
    origin = origins(uv_true, exchanged_points(uv, uv_true, inside, box_px(xyz, K)))
    uv = np.where((inside & (confidence > 0))[..., None], origin + factor * (uv - origin), uv)
    uv, confidence = lose(rng, uv, confidence, noise or NoiseConfig())
    told_K, fps = _told(rng, K, size, recordings.fps[clip])
    velocity = _velocity(xyz_world, rotation, fps)
    velocity[flip, :, 0] *= -1
    root = xyz[:, :, _SACRUM]
    return FilmedClips(
        uv_px=uv.astype(np.float32),
        confidence=confidence.astype(np.float32),
        K=told_K,
        fps=fps.astype(np.float32),
        uv_true_px=uv_true.astype(np.float32),
        visible=inside,
        K_true=K,
        xyz_cam=xyz - root[:, :, None],
        root_xyz_cam=root,
        up_cam=up,
        velocity_cam=velocity,
        contact=contact,
    )


def _velocity(xyz_world: np.ndarray, rotation: np.ndarray, fps: np.ndarray) -> np.ndarray:
    """Return the sacrum's velocity in camera axes; 0 in single frames, which do not show it."""
    place = xyz_world[:, :, _SACRUM]
    if place.shape[1] == 1:
        return np.zeros_like(place)
    world = np.gradient(place, axis=1) * fps[:, None, None]
    return np.einsum("btij,btj->bti", rotation, world).astype(np.float32)


def _told(rng: np.random.Generator, K: np.ndarray, size: np.ndarray, fps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return intrinsics [B, 3, 3] and frame rates as a user may give them: often the default, or none too exact."""
    n = len(fps)
    told_K = K[:, K.shape[1] // 2].copy()
    slow = rng.random(n) < 0.25  # slow motion, played at a lower rate than it was taken
    fps = np.where(slow, np.maximum(fps / np.exp(uniform(rng, 0, np.log(8), n)), FPS_RANGE[0]), fps)
    guess = rng.random(n)
    spread = np.exp(0.25 * rng.standard_normal(n))
    focal = np.where(guess < 0.5, np.hypot(*size.T), told_K[:, 0, 0] * np.where(guess < 0.65, spread, 1.0))
    told_K[:, 0, 0] = told_K[:, 1, 1] = focal
    return told_K, fps


@dataclass(frozen=True)
class Batch:
    """Network input and targets, float32, in the axes of the virtual camera (see ``normalize``).

    Attributes:
        features: [B, T, F].
        xyz: [B, T, 103, 3] relative to the sacrum; NaN where it is not known.
        root: [B, T, 3] the sacrum in the virtual camera.
        root_code: [B, T, 3] what the network predicts of it; see ``lift.root``.
        up: [B, T, 3] unit, against gravity.
        forward: [B, T, 3] unit, level: where the trunk points, from sacrum to chest.
        velocity: [B, T, 3] of the sacrum over the ground, a second; see ``FilmedClips``.
        contact: [B, T, 4].
        weight: [B, T] how much a frame counts: little where the horse has left the frame, nothing behind the camera.
    """

    features: Float[np.ndarray, "b t f"]
    xyz: Float[np.ndarray, "b t k 3"]
    root: Float[np.ndarray, "b t 3"]
    root_code: Float[np.ndarray, "b t 3"]
    up: Float[np.ndarray, "b t 3"]
    forward: Float[np.ndarray, "b t 3"]
    velocity: Float[np.ndarray, "b t 3"]
    contact: Float[np.ndarray, "b t 4"]
    weight: Float[np.ndarray, "b t"]


def to_batch(clips: FilmedClips) -> Batch:
    """Normalise clips.

    The virtual camera that the targets are expressed in looks at the same pixel as that of the input, but through the
    true intrinsics: what the network learns is the view of the horse, whatever focal length it is told.
    """
    seen: Normalized = normalize(clips.uv_px, clips.confidence, clips.K, clips.fps)
    rotation = rotation_to_axis(_rays_per_frame(seen.centre_px, clips.K_true)).astype(np.float32)
    turn = np.swapaxes(rotation, -1, -2)
    root = (clips.root_xyz_cam[:, :, None] @ turn)[:, :, 0]

    depth = np.maximum(root[..., 2], 0.3)
    told, true = clips.K[:, None, 0, 0], clips.K_true[..., 0, 0]
    sacrum = view_from(seen.rotation, rays(clips.uv_true_px[:, :, _SACRUM], clips.K)[:, :, None])[:, :, 0]
    code = np.concatenate(
        [sacrum / seen.scale[..., None], np.log(depth * seen.scale * told / true)[..., None]], axis=-1
    )
    points = clips.visible.sum(-1)
    weight = np.where(points >= 8, 1.0, 0.1) * (clips.root_xyz_cam[..., 2] > 0.5) * (root[..., 2] > 0.4)
    xyz, up = clips.xyz_cam @ turn, (clips.up_cam[:, :, None] @ turn)[:, :, 0]
    forward = xyz[:, :, CHEST] - np.sum(xyz[:, :, CHEST] * up, -1, keepdims=True) * up
    return Batch(
        features=seen.features,
        xyz=xyz,
        root=root,
        root_code=np.clip(code, -4, 4).astype(np.float32),
        up=up,
        forward=forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-6),
        velocity=(clips.velocity_cam[:, :, None] @ turn)[:, :, 0],
        contact=clips.contact,
        weight=weight.astype(np.float32),
    )


def _rays_per_frame(uv_px: Float[np.ndarray, "b t 2"], K: Float[np.ndarray, "b t 3 3"]) -> Float[np.ndarray, "b t 3"]:
    return rays(uv_px[:, :, None], K)[:, :, 0]
