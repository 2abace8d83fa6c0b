"""Boxes of the horses in an image, by ONNX Runtime."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.detect.boxes import peaks, suppress
from kinequimation.errors import InputError
from kinequimation.geometry.crop import check_rgb8, crop_transform, warp
from kinequimation.pose2d.calibrate import Calibration
from kinequimation.runtime import Device, open_session, sha256_of, weights_path

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

THRESHOLD = 0.5
"""Probability from which a detection counts."""
MAX_IOU = 0.5
"""Detections that overlap more show one horse twice."""
FILL = (114, 114, 114)
"""Grey of the bands that make the frame square."""


@dataclass(frozen=True)
class Detection:
    """A horse in an image.

    Attributes:
        bbox_xywh: [4] x, y, width, height in pixels of the image; clipped to it.
        score: probability that it is a horse and the box overlaps it well, 0..1.
    """

    bbox_xywh: Float[np.ndarray, " 4"]
    score: float


class HorseDetector:
    """Finds horses.

    Args:
        weights: an ONNX file of ``kinequimation train detect``; the one that ships by default.
        device: where to run.
        threshold: least score.

    Attributes:
        device: ``cpu`` or ``cuda``, the one taken.
        weights_sha256: of the weights' file.

    Raises:
        InputError: the file is missing, or is not a detector.
    """

    def __init__(
        self, weights: str | Path | None = None, device: Device = "auto", threshold: float = THRESHOLD
    ) -> None:
        path = weights_path("detect") if weights is None else Path(weights)
        self._session, self.device = open_session(path, device)
        self.weights_sha256 = sha256_of(path)
        self.threshold = threshold
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.size = int(json.loads(metadata["size"]))
            self._stride = float(json.loads(metadata["stride"]))
            self._calibration = Calibration(**json.loads(metadata["calibration"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: expected a detector with size, stride and calibration in its metadata, "
                f"got one without ({error}); make it with kinequimation train detect"
            ) from error

    def detect(self, image_rgb: UInt8[np.ndarray, "h w 3"]) -> list[Detection]:
        """Find the horses in an image.

        Args:
            image_rgb: 8 bits.

        Returns:
            detections, best first; none where no horse is found.

        Raises:
            InputError: the image is not 8-bit RGB.
        """
        check_rgb8(image_rgb)
        height, width = image_rgb.shape[:2]
        side = float(max(height, width))
        square = warp(image_rgb, crop_transform((width - 1) / 2, (height - 1) / 2, side, self.size), self.size, FILL)
        score, ltrb_px = (np.asarray(x)[0] for x in self._session.run(["score", "ltrb_px"], {"image": square[None]}))
        likely = score[self._calibration(score) >= self.threshold]  # most peaks are faint, and many
        boxes, raw = peaks(score, ltrb_px, self._stride, float(likely.min(initial=np.inf)))
        probability = self._calibration(raw)
        scale = side / self.size
        centre = np.array([width - 1, height - 1]) / 2
        lo = (boxes[:, :2] - (self.size - 1) / 2) * scale + centre
        hi = (boxes[:, :2] + boxes[:, 2:] - (self.size - 1) / 2) * scale + centre
        lo, hi = np.clip(lo, 0, [width, height]), np.clip(hi, 0, [width, height])
        boxes = np.concatenate([lo, hi - lo], 1)
        good = (boxes[:, 2:] >= 2).all(1)
        boxes, probability = boxes[good], probability[good]
        return [Detection(boxes[i], float(probability[i])) for i in suppress(boxes, probability, MAX_IOU)]
