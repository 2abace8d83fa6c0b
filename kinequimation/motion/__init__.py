"""Motions: the type, the limits of joints, and gaits made by formula."""

from kinequimation.motion.gaits import GAIT_NAMES, make_motion, sample_motion
from kinequimation.motion.limits import JOINT_LIMITS, joint_angles
from kinequimation.motion.motion import Motion, read_motion, write_motion
from kinequimation.motion.style import Style

__all__ = [
    "GAIT_NAMES",
    "JOINT_LIMITS",
    "Motion",
    "Style",
    "joint_angles",
    "make_motion",
    "read_motion",
    "sample_motion",
    "write_motion",
]
