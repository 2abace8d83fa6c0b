"""Keypoints to a Motion: bone lengths, joint rotations, contacts, smoothing."""

from kinequimation.fit.clip import Fitted, fit, fit_together
from kinequimation.fit.observation import Observation, ObservationSource

__all__ = ["Fitted", "Observation", "ObservationSource", "fit", "fit_together"]
