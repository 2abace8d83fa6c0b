"""Motions: the type, and gaits made by formula."""

from kinequimation.motion.motion import Motion, read_motion, write_motion

__all__ = ["Motion", "read_motion", "write_motion"]
