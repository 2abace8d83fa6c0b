"""From 2D keypoints to 3D ones, in the camera's axes."""

from kinequimation.lift.infer import Lifted, Lifter

__all__ = ["Lifted", "Lifter"]
