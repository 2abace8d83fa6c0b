"""Motions: the type, the limits of joints, and gaits made by formula."""

from kinequimation.motion.gaits import make_motion
from kinequimation.motion.limits import JOINT_LIMITS, joint_angles
from kinequimation.motion.motion import Motion, read_motion, write_motion
from kinequimation.motion.ride import Segment, make_ride
from kinequimation.motion.sample import sample_motion
from kinequimation.motion.style import Style
from kinequimation.motion.table import GAIT_NAMES

__all__ = [
    "GAIT_NAMES",
    "JOINT_LIMITS",
    "Motion",
    "Segment",
    "Style",
    "joint_angles",
    "make_motion",
    "make_ride",
    "read_motion",
    "sample_motion",
    "write_motion",
]
