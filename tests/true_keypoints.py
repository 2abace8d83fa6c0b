"""The true keypoints of a motion, as a file of keypoints holds them, for tests of what comes after the networks."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.geometry.camera import Camera, default_intrinsics, look_at
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip
from kinequimation.motion import Motion
from kinequimation.runtime import weights_path

WIDTH, HEIGHT, FPS = 320, 180, 25.0


def has_weights(*names: str) -> bool:
    try:
        return all(weights_path(name).is_file() for name in names)
    except InputError:
        return False


needs_lift = pytest.mark.skipif(not has_weights("lift"), reason="the lifter's weights are not in this checkout")


def clip_of(motion: Motion, gap: range = range(0), source: str = "trot.mp4") -> KeypointClip:
    """The true keypoints of a motion, seen from its left by a camera that pans; no horse in the gap."""
    body = Body(motion.shape)
    xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
    position = motion.root_xyz_world.mean(0) + np.array([7.0, 0.0, 1.5])
    K = default_intrinsics(WIDTH, HEIGHT)
    horses = []
    for t in range(len(motion)):
        target = motion.root_xyz_world[t] + np.array([0, 0, 0.9])
        uv = Camera(K, look_at(position, target), WIDTH, HEIGHT).project(xyz[t])
        low = uv.min(0)
        horse = HorseKeypoints(0, np.concatenate([low, uv.max(0) - low]), 0.9, uv, np.full(len(uv), 0.9))
        horses.append(() if t in gap else (horse,))
    return KeypointClip(source, FPS, WIDTH, HEIGHT, motion.t_s, np.arange(len(motion)), tuple(horses))
