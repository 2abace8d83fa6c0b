"""What every keypoint network looks like to the rest of the library, and how one is opened from its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.pose2d.infer import PoseEstimator

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, UInt8

    from kinequimation.runtime import Device

CHECKPOINTS = (".pth", ".pt", ".safetensors")
"""Endings of the files that hold an HRNet; others are ONNX."""


class Estimator(Protocol):
    """A keypoint network: ``infer.PoseEstimator``, ``hrnet_infer.HRNetEstimator``, and whatever has the same.

    Attributes:
        device: what it runs on.
        weights_sha256: of the file that it came from.
    """

    device: str
    weights_sha256: str

    def estimate(
        self, images_rgb: list[UInt8[np.ndarray, "h w 3"]], bboxes_xywh: Float[np.ndarray, "n 4"], /
    ) -> tuple[Float[np.ndarray, "n 103 2"], Float[np.ndarray, "n 103"]]:
        """Find the keypoints of one horse in each image: those in its box.

        Returns:
            points in pixels of each image, NaN where the network has none, and confidences, 0 there.
        """
        ...


def load_estimator(
    weights: Path | None = None, config: Path | None = None, device: Device = "auto", flip_test: bool = False
) -> Estimator:
    """Open a keypoint network.

    Args:
        weights: an ONNX file, or an HRNet's checkpoint by MMPose or by this project; the one that ships by default.
        config: MMPose's config of a checkpoint, read as data; by default the one that it brings along.
        device: where to run.
        flip_test: also look at the mirrored image.

    Raises:
        InputError: the file is none, or a config was given that nothing needs.
        MissingDependencyError: a checkpoint needs PyTorch, which is not installed.
    """
    if weights is not None and not weights.is_file():
        raise InputError(f"{weights}: expected a network's file, found none; train one, or leave it out for ours")
    if weights is not None and weights.suffix.lower() in CHECKPOINTS:
        try:
            from kinequimation.pose2d.hrnet_infer import HRNetEstimator
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"a checkpoint ({weights.name}) needs {error.name}: pip install 'kinequimation[train]'"
            ) from error

        return HRNetEstimator(weights, config, device=device, flip_test=flip_test)
    if config is not None:
        raise InputError(
            f"--config: expected with a checkpoint ({', '.join(CHECKPOINTS)}), got it with "
            f"{weights or 'the weights that ship'}"
        )
    return PoseEstimator(weights, device=device, flip_test=flip_test)
