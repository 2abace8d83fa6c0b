"""Synthetic frames with true labels: an endless stream, made by formula and drawn by OpenGL."""

from kinequimation.synth.frames import Frame, TrainingSample, sample, training_crop, training_frame, training_sample

__all__ = ["Frame", "TrainingSample", "sample", "training_crop", "training_frame", "training_sample"]
