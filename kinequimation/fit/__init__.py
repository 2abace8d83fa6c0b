"""Keypoints to a Motion: bone lengths, joint rotations, contacts, smoothing."""

from kinequimation.fit.clip import Fitted, fit
from kinequimation.fit.observation import Observation

__all__ = ["Fitted", "Observation", "fit"]
