"""Synthetic frames with true labels: an endless stream, made by formula and drawn by OpenGL."""

from kinequimation.synth.frames import (
    DetectionSample,
    Frame,
    TrainingSample,
    detection_sample,
    sample,
    training_crop,
    training_frame,
    training_sample,
)

__all__ = [
    "DetectionSample",
    "Frame",
    "TrainingSample",
    "detection_sample",
    "sample",
    "training_crop",
    "training_frame",
    "training_sample",
]
