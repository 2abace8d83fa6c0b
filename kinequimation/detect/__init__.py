"""Where the horses are in a frame: the network, its training, and inference."""

from kinequimation.detect.infer import Detection, HorseDetector

__all__ = ["Detection", "HorseDetector"]
