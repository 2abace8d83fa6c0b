"""Turn a training run into the ONNX file that inference opens: averaged weights, calibration, and what made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from kinequimation import __version__
from kinequimation.pose2d.calibrate import Calibration, fit_calibration
from kinequimation.pose2d.loop import CALIBRATION_SEED_OFFSET, read_checkpoint
from kinequimation.pose2d.loss import hit_radius_px, in_crop
from kinequimation.pose2d.model import PoseNet
from kinequimation.pose2d.onnx_file import write_onnx
from kinequimation.pose2d.stream import Batch, RenderedSample, SampleFunction, batches
from kinequimation.pose2d.train import TrainConfig, place
from kinequimation.runtime import Progress, no_progress
from kinequimation.skeleton import KEYPOINTS

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

FORMAT = "kinequimation-pose2d/1"


class _Exported(nn.Module):
    """The network as inference sees it: 8-bit pixels in, probabilities and logits out."""

    def __init__(self, net: PoseNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: UInt8[torch.Tensor, "n h w 3"]) -> tuple[torch.Tensor, ...]:
        output = self.net(image.permute(0, 3, 1, 2).float())
        return output.log_prob.exp(), output.hit_logit, output.seen_logit, output.mask_logit.sigmoid()


def calibrate(
    net: PoseNet, stream: Iterator[Batch], n_batches: int, progress: Progress = no_progress
) -> tuple[Calibration, dict[str, float]]:
    """Fit hit logit to the share of right places on held-out samples, and measure on others.

    Points out of the crop count as wrong places: the network cannot know where they are.

    Args:
        net: the network.
        stream: held-out batches; the first half fits, the second half measures.
        n_batches: how many of them.
        progress: called with the stage ``calibrating``.

    Returns:
        the calibration, and figures on the second half: ``pck05`` of seen points, ``pck05_hidden``, and the
        ``calibration_error`` (expected calibration error over ten bins).
    """
    net.eval()
    scores: list[np.ndarray] = []
    rights: list[np.ndarray] = []
    states: list[np.ndarray] = []  # 2 seen in the crop, 1 hidden in the crop, 0 out of it
    for i in range(n_batches):
        batch = next(stream)
        uv_px, logit = place(net, batch)
        valid = in_crop(batch["uv_px"], batch["visibility"], batch["image"].shape[1]).numpy()
        error = np.linalg.norm(uv_px - batch["uv_px"].numpy(), axis=2)
        rights.append(valid & (error < hit_radius_px(batch["uv_px"]).numpy()[:, None]))
        states.append(np.where(valid, batch["visibility"].numpy(), 0))
        scores.append(logit)
        progress("calibrating", i + 1, n_batches)
    half = max(1, n_batches // 2)
    calibration = fit_calibration(np.concatenate(scores[:half]).ravel(), np.concatenate(rights[:half]).ravel())
    test = slice(half if n_batches > 1 else 0, None)
    score, right, state = (np.concatenate(x[test]).ravel() for x in (scores, rights, states))
    confidence = calibration(score)
    figures = {
        "pck05": float(right[state == 2].mean()),
        "pck05_hidden": float(right[state == 1].mean()) if (state == 1).any() else float("nan"),
        "calibration_error": calibration_error(confidence, right),
    }
    return calibration, {k: round(v, 4) for k, v in figures.items() if np.isfinite(v)}


def calibration_error(confidence: Float[np.ndarray, " n"], right: np.ndarray, n_bins: int = 10) -> float:
    """Return the expected calibration error: the gap of confidence and share right, averaged over filled bins."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(n_bins)
        if (bins == b).any()
    ]
    return float(np.sum(gaps))


def export(
    config: TrainConfig,
    out: Path,
    n_calibration: int = 1024,
    progress: Progress = no_progress,
    sample: SampleFunction | None = None,
) -> dict[str, Any]:
    """Write the averaged weights of a run's last checkpoint as ONNX; the run may still be going on.

    Args:
        config: the run's.
        out: the file to write.
        n_calibration: held-out samples that calibrate and measure.
        progress: called with the stage ``calibrating``.
        sample: as in ``train``.

    Returns:
        the metadata written into the file.

    Raises:
        InputError: the run has no checkpoint.
        OutputError: ``out`` cannot be written.
    """
    state = read_checkpoint(config.run_dir / "checkpoint.pt")
    net = PoseNet(n_frozen=config.n_frozen)
    net.load_state_dict(state["ema"])
    n_batches = max(2, n_calibration // config.batch_size)
    stream = batches(
        sample or RenderedSample(config.backgrounds),
        config.seed + CALIBRATION_SEED_OFFSET,
        config.size,
        config.batch_size,
        0,
        min(1, config.n_workers),
    )
    calibration, figures = calibrate(net, stream, n_batches, progress)
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "kinequimation": __version__,
        "keypoints": list(KEYPOINTS),
        "size": config.size,
        "calibration": calibration.to_json(),
        "synthetic": figures,
        "training": {
            "samples": int(state["step"]) * config.batch_size,
            "minutes": round(float(state["elapsed_s"]) / 60, 1),
            "seed": config.seed,
        },
    }
    example = torch.zeros(1, config.size, config.size, 3, dtype=torch.uint8)
    write_onnx(_Exported(net), example, "image", ["prob", "hit_logit", "seen_logit", "mask"], out, metadata)
    return metadata
