"""Keypoints of horses whose boxes are known, by ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.crop import apply_transform, check_rgb8, crop_transform, invert_transform, warp
from kinequimation.pose2d.calibrate import Calibration
from kinequimation.pose2d.crop import boxes_of_images, crop_box
from kinequimation.pose2d.legs import decode_legs
from kinequimation.runtime import Device, open_session, sha256_of, weights_path
from kinequimation.skeleton import KEYPOINTS, MIRROR_KEYPOINTS

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

BATCH = 8
"""Crops that go through the network together; more is no faster on a CPU and takes memory."""
FILL = (114, 114, 114)
"""Grey shown where a crop reaches past the image."""


class PoseEstimator:
    """Finds the 103 keypoints of each horse.

    Args:
        weights: an ONNX file of ``kinequimation train pose2d``; the one that ships by default.
        device: where to run.
        flip_test: also look at the mirrored crop and average the two maps: steadier, half as fast.

    Attributes:
        device: ``cpu`` or ``cuda``, the one taken.
        weights_sha256: of the weights' file.

    Raises:
        InputError: the file is missing, or is not a pose model with these keypoints.
    """

    def __init__(self, weights: str | Path | None = None, device: Device = "auto", flip_test: bool = False) -> None:
        path = weights_path("pose2d") if weights is None else Path(weights)
        self._session, self.device = open_session(path, device)
        self.weights_sha256 = sha256_of(path)
        self.flip_test = flip_test
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            keypoints = json.loads(metadata["keypoints"])
            self.size = int(json.loads(metadata["size"]))
            self._calibration = Calibration(**json.loads(metadata["calibration"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: expected a pose model with keypoints, size and calibration in its metadata, "
                f"got one without ({error}); make it with kinequimation train pose2d"
            ) from error
        if keypoints != list(KEYPOINTS):
            raise InputError(
                f"{path}: expected this version's {len(KEYPOINTS)} keypoints, got {len(keypoints)} others; "
                "use weights of this version"
            )

    def estimate(
        self, images_rgb: list[UInt8[np.ndarray, "h w 3"]], bboxes_xywh: Float[np.ndarray, "n 4"]
    ) -> tuple[Float[np.ndarray, "n k 2"], Float[np.ndarray, "n k"]]:
        """Find the keypoints of one horse in each image.

        Args:
            images_rgb: N images, 8 bits; the same array may stand more than once, for several horses.
            bboxes_xywh: [N, 4] the horse's box in each: x, y, width, height in pixels.

        Returns:
            [N, 103, 2] points in pixels of the source image (they may lie outside it), and [N, 103] confidence: how
            likely the point lies within 0.05 of the box's longer side of the truth.

        Raises:
            InputError: images that are not 8-bit RGB, counts that differ, or boxes that are no boxes.
        """
        boxes = boxes_of_images(len(images_rgb), bboxes_xywh)
        uv_px = np.zeros((len(boxes), len(KEYPOINTS), 2))
        confidence = np.zeros((len(boxes), len(KEYPOINTS)))
        for start in range(0, len(boxes), BATCH):
            part = slice(start, start + BATCH)
            crops, to_source = zip(
                *(self._crop(image, box) for image, box in zip(images_rgb[part], boxes[part], strict=True)), strict=True
            )
            xy_crop, logit = self._run(np.stack(crops))
            for i, transform in enumerate(to_source):
                uv_px[start + i] = apply_transform(transform, xy_crop[i])
            confidence[part] = self._calibration(logit)
        return uv_px, confidence

    def _crop(self, image: UInt8[np.ndarray, "h w 3"], box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        check_rgb8(image)
        to_crop = crop_transform(*crop_box(box), self.size)
        return warp(image, to_crop, self.size, FILL), invert_transform(to_crop)

    def _run(self, crops: UInt8[np.ndarray, "n s s 3"]) -> tuple[np.ndarray, np.ndarray]:
        """Return points in crop pixels [N, K, 2] and hit logits [N, K]."""
        prob, logit = (np.asarray(x) for x in self._session.run(["prob", "hit_logit"], {"image": crops}))
        if self.flip_test:
            mirrored = np.ascontiguousarray(crops[:, :, ::-1])
            prob2, logit2 = (np.asarray(x) for x in self._session.run(["prob", "hit_logit"], {"image": mirrored}))
            prob = (prob + prob2[:, MIRROR_KEYPOINTS, :, ::-1]) / 2
            logit = (logit + logit2[:, MIRROR_KEYPOINTS]) / 2
        stride = self.size / prob.shape[-1]
        cells = np.stack([decode_legs(maps) for maps in prob])
        return cells * stride + (stride - 1) / 2, logit
