"""Smoothing without delay, that leaves planted hooves where they stood."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.edit.kernel import smooth_joints, smoothed_values
from kinequimation.motion.edit.planting import plant, stances_of
from kinequimation.motion.motion import Motion

if TYPE_CHECKING:
    from kinequimation.body.horse import Body

TRUNK_HZ, LIMB_HZ = 6.0, 10.0
"""Frequencies whose amplitudes strength 1 halves: what biomechanics filters a walk and a trot at (sources, D3). Limbs
move more quickly than what carries them."""
UNSEEN_WEIGHT = 0.02
"""Weight of a frame in which no horse was seen: its neighbours decide."""

_LIMBS = np.array(
    sorted({skeleton.JOINT_INDEX[bone] for limb in skeleton.LIMBS for bone in skeleton.limb_joints(limb)})
)
_OTHERS = np.setdiff1d(np.arange(skeleton.NUM_JOINTS), _LIMBS)


def smooth(motion: Motion, strength: float, body: Body) -> Motion:
    """Return the motion with quick shakes taken out; toes of standing hooves stay where they stood.

    A Gaussian of half gain at ``TRUNK_HZ`` (limbs: ``LIMB_HZ``) over strength runs over root and rotations, as a
    straight line fitted about each frame (locally linear regression), so that it keeps a steady pace at the ends and
    in uneven times.

    Args:
        motion: what to smooth.
        strength: 1 is moderate for a walk; 2 halves what is let through.
        body: the horse.
    """
    weight, t_s = np.maximum(motion.confidence, UNSEEN_WEIGHT), motion.t_s
    root = smoothed_values(motion.root_xyz_world, weight, t_s, TRUNK_HZ / strength)
    quat = np.empty_like(motion.quat_wxyz)
    for joints, half_gain_hz in ((_OTHERS, TRUNK_HZ), (_LIMBS, LIMB_HZ)):
        smooth_joints(quat, motion.quat_wxyz, joints, weight, t_s, half_gain_hz / strength)
    stances = stances_of(body, motion)
    return plant(body, dataclasses.replace(motion, root_xyz_world=root, quat_wxyz=quat), stances, copy=False)
