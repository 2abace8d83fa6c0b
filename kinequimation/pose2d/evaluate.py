"""Predict the horses of a labelled set, image by image: memory does not grow with the photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.dataset.coco import LabelledImage
from kinequimation.dataset.photographs import read_photograph
from kinequimation.dataset.predictions import FoundHorses
from kinequimation.pose2d.estimator import Estimator
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.detect import Detection

BoxFinder = Callable[["UInt8[np.ndarray, 'h w 3']"], "Sequence[Detection]"]
"""Finds the horses of an image."""


def predict_given(
    images: Sequence[LabelledImage], estimator: Estimator, progress: Progress = no_progress
) -> list[FoundHorses]:
    """Return the keypoints in the labelled box of each horse, in the set's order; scores are the mean confidences.

    Raises:
        InputError: an image cannot be read.
    """
    found = []
    for i, image in enumerate(images):
        boxes = np.stack([h.bbox_xywh for h in image.horses])
        found.append(_estimate(estimator, read_photograph(image), boxes, np.ones(len(boxes))))
        progress("given boxes", i + 1, len(images))
    return found


def predict_detected(
    images: Sequence[LabelledImage], estimator: Estimator, find: BoxFinder, progress: Progress = no_progress
) -> list[FoundHorses]:
    """Return the keypoints of each horse that is found in each image.

    Args:
        images: the set.
        estimator: the keypoint network.
        find: finds the boxes.
        progress: called with images done and in all.

    Raises:
        InputError: an image cannot be read.
    """
    found = []
    for i, image in enumerate(images):
        pixels = read_photograph(image)
        detections = list(find(pixels))
        boxes = np.array([d.bbox_xywh for d in detections], float).reshape(-1, 4)
        found.append(_estimate(estimator, pixels, boxes, np.array([d.score for d in detections], float)))
        progress("detected boxes", i + 1, len(images))
    return found


def _estimate(
    estimator: Estimator, pixels: UInt8[np.ndarray, "h w 3"], boxes: Float[np.ndarray, "n 4"], sure: np.ndarray
) -> FoundHorses:
    if not len(boxes):
        return FoundHorses.none()
    uv_px, confidence = estimator.estimate([pixels] * len(boxes), boxes)
    there = np.isfinite(uv_px).all(-1)
    mean = np.where(there, confidence, 0.0).sum(1) / np.maximum(there.sum(1), 1)
    return FoundHorses(uv_px, confidence, boxes, sure * mean)
