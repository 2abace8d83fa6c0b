"""Synthetic frames with true labels: an endless stream, made by formula and drawn by OpenGL."""

from kinequimation.synth.frames import (
    DetectionSample,
    Frame,
    TrainingSample,
    detection_sample,
    remake,
    sample,
    training_crop,
    training_frame,
    training_sample,
)
from kinequimation.synth.stream import frame_stream

__all__ = [
    "DetectionSample",
    "Frame",
    "TrainingSample",
    "detection_sample",
    "frame_stream",
    "remake",
    "sample",
    "training_crop",
    "training_frame",
    "training_sample",
]
