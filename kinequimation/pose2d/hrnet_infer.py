"""Keypoints by an HRNet-W32 that MMPose or this project trained, as MMPose itself would give them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.errors import InputError, MissingDependencyError

try:
    import torch
except ImportError as error:
    raise MissingDependencyError(
        "a checkpoint of HRNet needs PyTorch: pip install torch, or use weights in ONNX"
    ) from error

from kinequimation.geometry.crop import apply_transform, check_rgb8, invert_transform
from kinequimation.pose2d.calibrate import Calibration
from kinequimation.pose2d.checkpoint import Weights, load_weights, read_weights
from kinequimation.pose2d.crop import boxes_of_images, crop_box
from kinequimation.pose2d.hrnet import STRIDE, HRNetW32
from kinequimation.pose2d.hrnet_codec import Codec
from kinequimation.pose2d.hrnet_config import TopdownConfig, parse_config, read_config
from kinequimation.runtime import DEVICES, Device, sha256_of
from kinequimation.skeleton import AP10K, HORSE68, KEYPOINT_INDEX, KEYPOINTS, MIRROR_KEYPOINTS

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8

BATCH = 8
"""Crops that go through the network together; more is no faster on a CPU and takes memory."""
_FINE, _COARSE = 1024, 32
"""Steps within a pixel that OpenCV, which MMPose cuts its crops with, computes in and tells apart."""


class HRNetEstimator:
    """Finds the keypoints of each horse, in the 103 slots of every keypoint network here.

    Crop, normalisation, decoding and flip test are MMPose's, and so are the points. Slots that the network does not
    know are NaN with confidence 0: it has the 68 joints of horse68, or, trained on AP-10K, 17 points on the skin.

    Args:
        checkpoint: ``.pth`` of MMPose or of this project, or safetensors. It is read, never run.
        config: MMPose's config of the network, read as data. By default the one that the checkpoint brings along, or
            else that of ``model_pipeline/configs/hrnet_w32_horse68_256x256.py``.
        device: where to run.
        flip_test: also look at the mirrored crop and average the heatmaps.

    Attributes:
        device: ``cpu`` or ``cuda``, the one taken.
        weights_sha256: of the checkpoint's file.
        flip_test: as given.

    Raises:
        InputError: a file is missing, unreadable or refused, or holds another network.
        MissingDependencyError: CUDA was asked for by name and is not there.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        config: str | Path | None = None,
        device: Device = "auto",
        flip_test: bool = False,
    ) -> None:
        if device not in DEVICES:
            raise InputError(f"device: expected one of {', '.join(DEVICES)}, got {device!r}")
        if device == "cuda" and not torch.cuda.is_available():
            raise MissingDependencyError("device cuda: this PyTorch finds none; use --device cpu")
        weights = read_weights(checkpoint)
        self._config = _config_of(weights, config)
        if weights.n_keypoints != self._config.n_keypoints:
            raise InputError(
                f"{checkpoint}: expected {self._config.n_keypoints} heatmaps as in the config, got "
                f"{weights.n_keypoints}; give the config that it was trained with"
            )
        self._slots = _slots_of(weights, self._config)
        self._calibration = _calibration_of(weights)
        order = {slot: i for i, slot in enumerate(self._slots.tolist())}
        self._mirror = [order[slot] for slot in MIRROR_KEYPOINTS[self._slots].tolist()]
        self.device = "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"
        self.weights_sha256 = sha256_of(Path(checkpoint))
        self.flip_test = flip_test
        self._net = HRNetW32(weights.n_keypoints)
        load_weights(self._net, weights)
        self._net.to(self.device).eval()

    def estimate(
        self, images_rgb: list[UInt8[np.ndarray, "h w 3"]], bboxes_xywh: Float[np.ndarray, "n 4"]
    ) -> tuple[Float[np.ndarray, "n k 2"], Float[np.ndarray, "n k"]]:
        """Find the keypoints of one horse in each image.

        Args:
            images_rgb: N images, 8 bits; the same array may stand more than once, for several horses.
            bboxes_xywh: [N, 4] the horse's box in each: x, y, width, height in pixels.

        Returns:
            [N, 103, 2] points in pixels of the source image, NaN where the network has none, and [N, 103] confidence:
            of a network trained here, how likely the point lies within 0.05 of the box's longer side of the truth; of
            one trained by MMPose the heatmap's peak, cut to 0..1, which orders points and promises nothing.

        Raises:
            InputError: images that are not 8-bit RGB, counts that differ, or boxes that are no boxes.
        """
        boxes = boxes_of_images(len(images_rgb), bboxes_xywh)
        uv_px = np.full((len(boxes), len(KEYPOINTS), 2), np.nan)
        confidence = np.zeros((len(boxes), len(KEYPOINTS)))
        codec = self._config.codec
        for start in range(0, len(boxes), BATCH):
            regions = [self._region(box) for box in boxes[start : start + BATCH]]
            images = images_rgb[start : start + BATCH]
            crops = np.stack([self._crop(image, *region) for image, region in zip(images, regions, strict=True)])
            for i, (maps, region) in enumerate(zip(self.heatmaps(crops), regions, strict=True), start=start):
                uv_crop, peak = codec.decode(maps)
                uv_px[i, self._slots] = apply_transform(invert_transform(codec.crop_transform(*region)), uv_crop)
                sure = np.clip(peak, 0, 1) if self._calibration is None else self._calibration(peak)
                confidence[i, self._slots] = np.where(np.isfinite(uv_crop).all(1), sure, 0.0)
        return uv_px, confidence

    def crop(self, image_rgb: UInt8[np.ndarray, "h w 3"], bbox_xywh: Float[np.ndarray, " 4"]) -> np.ndarray:
        """Return the crop [H, W, 3] that the network looks at for a box.

        Raises:
            InputError: the image is not 8-bit RGB, or the box is no box.
        """
        return self._crop(image_rgb, *self._region(np.asarray(bbox_xywh, dtype=float)))

    def heatmaps(self, crops: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n k h4 w4"]:
        """Return the network's heatmaps of crops; with the flip test, the mean of both looks."""
        with torch.inference_mode():
            x = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float()
            maps = self._net(x)
            if self.flip_test:
                mirrored = self._net(x.flip(3)).flip(3)[:, self._mirror]
                if self._config.shift_heatmap:
                    mirrored[..., 1:] = mirrored[..., :-1].clone()
                maps = (maps + mirrored) / 2
            return maps.cpu().numpy()

    def _region(self, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return centre and size of what is cut out: the box, padded, in the proportions of the crop.

        In single precision, from the box's corners, as MMPose computes it: places are rounded after that.
        """
        crop_box(box)  # refuses what is no box
        low = box[:2].astype(np.float32)
        high = (box[:2] + box[2:]).astype(np.float32)
        w, h = (high - low) * np.float32(self._config.padding)
        aspect = np.float32(self._config.codec.input_size[0] / self._config.codec.input_size[1])
        size = (w, w / aspect) if w > h * aspect else (h * aspect, h)
        return (low + high) * np.float32(0.5), np.array(size, dtype=np.float32)

    def _crop(self, image: np.ndarray, centre: np.ndarray, size: np.ndarray) -> np.ndarray:
        check_rgb8(image)
        to_crop = self._config.codec.crop_transform(centre, size, self._config.use_udp)
        if self._config.use_udp:
            to_crop = to_crop.astype(np.float32).astype(float)
        return _cut_like_opencv(image, to_crop, self._config.codec.input_size)


def _config_of(weights: Weights, config: str | Path | None) -> TopdownConfig:
    if config is not None:
        return read_config(config)
    text, size = weights.meta.get("cfg"), weights.meta.get("size")
    if isinstance(text, str):
        return parse_config(text, f"{weights.path} (its config)")
    if isinstance(size, int):  # trained here
        return TopdownConfig(Codec(input_size=(size, size), heatmap_size=(size // STRIDE, size // STRIDE)))
    return TopdownConfig()


def _calibration_of(weights: Weights) -> Calibration | None:
    """Return the calibration that training here writes; MMPose writes none."""
    given = weights.meta.get("calibration")
    if not isinstance(given, dict):
        return None
    try:
        return Calibration(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{weights.path}: expected a calibration or none, got another ({error})") from error


def _slots_of(weights: Weights, config: TopdownConfig) -> Int[np.ndarray, " k"]:
    """Return which of our slots each heatmap is for.

    Raises:
        InputError: the keypoints are not known here.
    """
    dataset = weights.meta.get("dataset_meta")
    dataset = dataset if isinstance(dataset, dict) else {}
    names = _names_in(dataset)
    if config.dataset == "AP10KDataset" or dataset.get("dataset_name") == "ap10k":
        names = tuple(AP10K.values())
    elif not names and weights.n_keypoints in (len(HORSE68), len(KEYPOINTS)):
        names = KEYPOINTS[: weights.n_keypoints]
    slots = [KEYPOINT_INDEX.get(name, -1) for name in names]
    closed = all(int(MIRROR_KEYPOINTS[slot]) in slots for slot in slots)
    if len(slots) != weights.n_keypoints or -1 in slots or len(set(slots)) < len(slots) or not closed:
        raise InputError(
            f"{weights.path}: expected the keypoints of horse68 or AP-10K, got {weights.n_keypoints} others; "
            "give a checkpoint for horses"
        )
    return np.array(slots)


def _names_in(dataset: dict[str, Any]) -> tuple[str, ...]:
    """Return the keypoints' names that MMPose writes into a checkpoint; none if they are not there."""
    by_id = dataset.get("keypoint_id2name")
    names = [by_id.get(i) for i in range(len(by_id))] if isinstance(by_id, dict) else []
    return tuple(name for name in names if isinstance(name, str))


def _cut_like_opencv(
    image: UInt8[np.ndarray, "h w 3"], transform: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Cut a crop as MMPose does, by ``cv2.warpAffine``, to the same grey values.

    OpenCV rounds each place to 1/1024 pixel (along x in two parts, that of the column and that of the crop's corner),
    then to 1/32, and mixes the four pixels around it; beyond the image all is black. Nothing is averaged where the crop
    is smaller than the source: that is how these networks were trained.

    Args:
        image: the source.
        transform: from source pixels to crop pixels; scales and shifts only.
        size: width and height of the crop.
    """

    def along(axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scale, shift = 1 / transform[axis, axis], -transform[axis, 2] / transform[axis, axis]
        far = 1 << 40  # boxes beyond anything stay within 64 bits
        parts = np.clip(scale * np.arange(size[axis]) * _FINE, -far, far)
        corner = np.clip(shift * _FINE, -far, far)
        places = np.rint(parts) + np.rint(corner) if axis == 0 else np.rint(parts + corner)
        steps = (places + _FINE // _COARSE // 2).astype(np.int64) // (_FINE // _COARSE)
        first, n = steps // _COARSE, image.shape[1 - axis]
        pair = np.stack([first, first + 1])
        return np.clip(pair, 0, n - 1), (pair >= 0) & (pair < n), steps % _COARSE

    (xs, x_inside, x_part), (ys, y_inside, y_part) = along(0), along(1)
    total = np.full((size[1], size[0], 3), _COARSE**2 // 2, dtype=np.int64)
    for j, y_weight in enumerate((_COARSE - y_part, y_part)):
        rows = image[ys[j]]
        for i, x_weight in enumerate((_COARSE - x_part, x_part)):
            weight = (y_weight * y_inside[j])[:, None] * (x_weight * x_inside[i])
            total += rows[:, xs[i]] * weight[..., None]
    return (total // _COARSE**2).astype(np.uint8)
