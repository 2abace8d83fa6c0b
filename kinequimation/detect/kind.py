"""A second opinion on what a box shows: a horse, or another animal whose outline is like a horse's.

The detector and the keypoints have learned from rendered horses among rendered things; a cow, a dog or a goat has legs,
trunk and head where they expect them. What ImageNet's photographs say tells these apart: the network is
EfficientNet-Lite0 as published, asked two questions. Is there a land mammal at all? And is it the horse (its classes
``sorrel`` and ``horse cart``) rather than one of 236 others? It knows chestnut horses best; a grey or a black one is
often "some other animal", but never as clearly as a real one is: hence a low limit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.crop import check_rgb8, crop_transform, warp
from kinequimation.runtime import Device, open_session, sha256_of, weights_path

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

FORMAT = "kinequimation-kind/1"
MARGIN = 1.0
"""Side of the crop over the longer side of the box: the horse and little else (1.15 does as well, 1.3 worse)."""
FILL = (127, 127, 127)
"""What Lite0's input scaling takes for 0, shown where a crop reaches past the image."""


class KindClassifier:
    """Tells what a box shows: a horse, another animal, or none.

    Args:
        weights: an ONNX file of ``detect.kind_export``; the one that ships by default.
        device: where to run.

    Attributes:
        device: ``cpu`` or ``cuda``, the one taken.
        weights_sha256: of the weights' file.

    Raises:
        InputError: the file is missing, or is not such a classifier.
    """

    def __init__(self, weights: str | Path | None = None, device: Device = "auto") -> None:
        path = weights_path("kind") if weights is None else Path(weights)
        self._session, self.device = open_session(path, device)
        self.weights_sha256 = sha256_of(path)
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            if json.loads(metadata["format"]) != FORMAT:
                raise ValueError(f"format {metadata['format']}")
            self.size = int(json.loads(metadata["size"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: expected a classifier of format {FORMAT} with its size in its metadata, got one without"
                f" ({error}); reinstall the package"
            ) from error

    def ask(
        self, image_rgb: UInt8[np.ndarray, "h w 3"], bboxes_xywh: Float[np.ndarray, "n 4"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Say of each box what it shows, the mean of the crop and its mirror image.

        Args:
            image_rgb: 8 bits.
            bboxes_xywh: [N, 4] boxes, pixels.

        Returns:
            [N] the log of P(horse) / P(another mammal), and [N] P(a land mammal).

        Raises:
            InputError: the image is not 8-bit RGB.
        """
        check_rgb8(image_rgb)
        odds, mammal = np.zeros(len(bboxes_xywh)), np.zeros(len(bboxes_xywh))
        for i, (x, y, w, h) in enumerate(np.asarray(bboxes_xywh, float).reshape(-1, 4)):
            side = MARGIN * max(w, h, 1.0)
            crop = warp(image_rgb, crop_transform(x + w / 2, y + h / 2, side, self.size), self.size, FILL)
            pair = np.stack([crop, crop[:, ::-1]])
            answers = self._session.run(["log_odds", "mammal"], {"image": pair})
            odds[i], mammal[i] = (float(np.asarray(answer).mean()) for answer in answers)
        return odds, mammal
