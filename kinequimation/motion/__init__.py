"""Motions: the type, the limits of joints, and gaits, rides and moves made by formula."""

from kinequimation.motion.gaits import MOTION_NAMES, make_motion
from kinequimation.motion.limits import JOINT_LIMITS, joint_angles
from kinequimation.motion.motion import Motion, read_motion, write_motion
from kinequimation.motion.moves import MOVE_NAMES, make_move
from kinequimation.motion.ride import Segment, make_ride
from kinequimation.motion.sample import MotionShares, sample_motion
from kinequimation.motion.style import Style
from kinequimation.motion.table import GAIT_NAMES

__all__ = [
    "GAIT_NAMES",
    "JOINT_LIMITS",
    "MOTION_NAMES",
    "MOVE_NAMES",
    "Motion",
    "MotionShares",
    "Segment",
    "Style",
    "joint_angles",
    "make_motion",
    "make_move",
    "make_ride",
    "read_motion",
    "sample_motion",
    "write_motion",
]
