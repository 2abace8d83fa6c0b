"""Where the horses are in a frame: the network, its training, inference, and what confirms a detection."""

from kinequimation.detect.find import Detector, HorseFinder, find_horses
from kinequimation.detect.infer import Detection, HorseDetector

__all__ = ["Detection", "Detector", "HorseDetector", "HorseFinder", "find_horses"]
