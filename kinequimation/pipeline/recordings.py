"""Make recordings: random horses, filmed by random cameras, as the 2D path sees them (see ``lift.recordings``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body import Body, sample_shape
from kinequimation.lift.cameras import sample_cameras
from kinequimation.lift.data import CLIP_FRAMES
from kinequimation.lift.recordings import Recordings, read_recordings, write_recordings
from kinequimation.motion import sample_motion
from kinequimation.pipeline.record import record
from kinequimation.runtime import Progress, no_progress
from kinequimation.synth.mixture import Mixture
from kinequimation.synth.sensor import MILD_SENSOR, SensorShares

if TYPE_CHECKING:
    from kinequimation.pose2d.estimator import Estimator

FRAME_RATES = (12.5, 24.0, 25.0, 30.0, 30.0, 50.0, 60.0, 60.0, 120.0)
"""Of videos, each as likely (judgement)."""
MILD_SHARE = 0.7
"""How many clips are as clear as most videos are; the others are spoilt as training crops are (judgement)."""


def make_recording(seed: int, index: int, estimator: Estimator, n_frames: int = CLIP_FRAMES) -> Recordings:
    """Record clip ``index`` of stream ``seed``, the same wherever it is made with the same network."""
    rng = np.random.default_rng((seed, index, 2))
    mixture = Mixture.training()
    body = Body(sample_shape(rng))
    fps = float(rng.choice(FRAME_RATES))
    motion = sample_motion(rng, body, n_frames, fps, mixture.motion)
    height_m = body.shape.withers_height_m
    xyz = (body.keypoints(motion.root_xyz_world, motion.quat_wxyz) / height_m).astype(np.float32)
    paths = sample_cameras(rng, xyz[None])
    sensor_shares = MILD_SENSOR if rng.random() < MILD_SHARE else SensorShares()
    seen = record(motion, paths.cameras(0, height_m), int(rng.integers(2**31)), estimator, mixture.tack, sensor_shares)
    known = (seen.confidence > 0) & np.isfinite(seen.uv_px).all(-1)
    return Recordings(
        uv_px=np.where(known[..., None], seen.uv_px, 0.0).astype(np.float32)[None],
        confidence=np.where(known, seen.confidence, 0.0).astype(np.float32)[None],
        xyz_world=xyz[None],
        contact=motion.contact.astype(np.float32)[None],
        K=paths.K.astype(np.float32),
        rotation=paths.rotation,
        position=paths.position_world.astype(np.float32),
        size_px=paths.size_px,
        fps=np.array([fps], np.float32),
        name=np.array([motion.name]),
    )


def make_recordings(
    path: Path, seed: int, count: int, estimator: Estimator, progress: Progress = no_progress
) -> Recordings:
    """Record clips into a file, and go on where an earlier run with the same seed stopped.

    Args:
        path: the ``.npz``; written anew every few clips.
        seed: which stream.
        count: clips in all.
        estimator: the keypoint network.
        progress: called as clips are done.

    Raises:
        InputError: the file is there and holds something else.
        MissingDependencyError: there is no OpenGL.
        OutputError: the file cannot be written.
    """
    parts = [read_recordings(path)] if path.exists() else []
    done = len(parts[0]) if parts else 0
    for index in range(done, count):
        parts.append(make_recording(seed, index, estimator))
        progress("clips", index + 1, count)
        if (index + 1) % 10 == 0 or index + 1 == count:
            parts = [Recordings.joined(parts)]
            write_recordings(path, parts[0])
    return Recordings.joined(parts)
