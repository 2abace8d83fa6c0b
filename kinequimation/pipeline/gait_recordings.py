"""What lifting and fitting make of recorded clips, for the gait classifier to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body import Shape
from kinequimation.errors import InputError
from kinequimation.fit import Observation, fit
from kinequimation.gait.clips import PathClips, labels_by_name, path_clip
from kinequimation.geometry.camera import default_intrinsics
from kinequimation.lift.evaluate import LEAST_POINTS
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from kinequimation.lift import Lifter
    from kinequimation.lift.recordings import Recordings
    from kinequimation.motion import Motion

SLOW_FROM_FPS, SLOW_FPS = 50.0, 25.0
"""Clips of so many frames a second are taken again as if they played at so few: as slow motion is."""


def path_clips_of(recordings: Recordings, lifter: Lifter, progress: Progress = no_progress) -> PathClips:
    """Lift and fit recordings, those of fast cameras once more as slow motion, and return what the classifier reads.

    Args:
        recordings: of ``kinequimation dataset recordings``.
        lifter: the network.
        progress: called as clips are done.

    Raises:
        InputError: no clip shows a horse.
    """
    channels, labels = [], []
    for i in range(len(recordings)):
        label = labels_by_name(str(recordings.name[i]), recordings.contact[i], recordings.xyz_world[i])
        fps = float(recordings.fps[i])
        if not ((recordings.confidence[i] > 0).sum(1) >= LEAST_POINTS).any():
            continue  # the horse was not found in any frame
        for told in [fps, SLOW_FPS] if fps >= SLOW_FROM_FPS else [fps]:
            rows, own = path_clip(_fitted(recordings, i, lifter, told), label)
            channels.append(rows)
            labels.append(own)
        progress("fit", i + 1, len(recordings))
    if not channels:
        raise InputError(f"recordings: expected a horse in some of the clips, found none in {len(recordings)}")
    return PathClips(tuple(channels), tuple(labels))


def _fitted(recordings: Recordings, i: int, lifter: Lifter, fps: float) -> Motion:
    """Return what the path makes of clip ``i`` where nothing is known of its camera or the horse's size."""
    K = default_intrinsics(*(int(v) for v in recordings.size_px[i]))
    uv_px, confidence = recordings.uv_px[i].astype(float), recordings.confidence[i].astype(float)
    t_s = np.arange(len(uv_px)) / fps
    lifted = lifter.lift(uv_px, confidence, K, t_s)
    observation = Observation(
        xyz_cam=lifted.xyz_cam,
        root_xyz_cam=lifted.root_xyz_cam,
        up_cam=lifted.up_cam,
        contact=lifted.contact,
        sigma=lifted.sigma,
        velocity_cam=lifted.velocity_cam,
        uv_px=np.where((confidence > 0)[..., None], uv_px, np.nan),
        confidence=confidence,
        K=K,
        t_s=t_s,
        fps=fps,
        frame_confidence=np.where((confidence > 0).sum(1) >= LEAST_POINTS, 1.0, 0.0),
    )
    return fit(observation, Shape()).motion
