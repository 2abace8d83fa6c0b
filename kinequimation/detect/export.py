"""Turn a training run of the detector into the ONNX file that inference opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from kinequimation import __version__
from kinequimation.detect.model import STRIDE, DetectNet
from kinequimation.detect.stream import RenderedFrame
from kinequimation.detect.train import TrainConfig, judge
from kinequimation.io.compact import compact_file
from kinequimation.pose2d.calibrate import fit_calibration
from kinequimation.pose2d.loop import CALIBRATION_SEED_OFFSET, read_checkpoint
from kinequimation.pose2d.onnx_file import write_onnx
from kinequimation.pose2d.stream import SampleFunction
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import UInt8

FORMAT = "kinequimation-detect/1"
LEAST_SCORE = 0.1
N_KNOTS = 40
"""Most local maxima of a score map are faint and no horse: many knots, so that some tell the few strong ones apart."""


class _Exported(nn.Module):
    """The network as inference sees it: 8-bit pixels in, scores and boxes out."""

    def __init__(self, net: DetectNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: UInt8[torch.Tensor, "n h w 3"]) -> tuple[torch.Tensor, ...]:
        output = self.net(image.permute(0, 3, 1, 2).float())
        return output.score_logit.sigmoid(), output.ltrb_px


def export(
    config: TrainConfig,
    out: Path,
    n_calibration: int = 512,
    progress: Progress = no_progress,
    sample: SampleFunction | None = None,
) -> dict[str, Any]:
    """Write the averaged weights of a run's last checkpoint as ONNX; the run may still be going on.

    Args:
        config: the run's.
        out: the file to write.
        n_calibration: held-out frames that turn scores into probabilities, and give the figures.
        progress: called with the stage ``calibrating``.
        sample: as in ``train``.

    Returns:
        the metadata written into the file.

    Raises:
        InputError: the run has no checkpoint.
        OutputError: ``out`` cannot be written.
    """
    state = read_checkpoint(config.run_dir / "checkpoint.pt")
    net = DetectNet()
    net.load_state_dict(state["ema"])
    held = config.held_out(sample or RenderedFrame(config.backgrounds), CALIBRATION_SEED_OFFSET, n_calibration)
    progress("calibrating", 1, 2)
    scores, right, n_boxes = judge(net, held, LEAST_SCORE)
    calibration = fit_calibration(scores, right, N_KNOTS)
    confident = calibration(scores) >= 0.5
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "kinequimation": __version__,
        "size": config.size,
        "stride": STRIDE,
        "calibration": calibration.to_json(),
        "synthetic": {
            "precision": round(float(right[confident].mean()) if confident.any() else 0.0, 4),
            "recall": round(float(np.sum(right[confident])) / max(n_boxes, 1), 4),
        },
        "training": {
            "samples": int(state["step"]) * config.batch_size,
            "minutes": round(float(state["elapsed_s"]) / 60, 1),
            "seed": config.seed,
        },
    }
    example = torch.zeros(1, config.size, config.size, 3, dtype=torch.uint8)
    write_onnx(_Exported(net), example, "image", ["score", "ltrb_px"], out, metadata)
    compact_file(out, 16)
    progress("calibrating", 2, 2)
    return metadata
