"""Where the horses are in a frame: the network, its training, inference, and following one horse over time."""

from kinequimation.detect.infer import Detection, HorseDetector
from kinequimation.detect.track import BoxTracker, TrackedBox

__all__ = ["BoxTracker", "Detection", "HorseDetector", "TrackedBox"]
