"""Turn a training run into the file that inference opens: averaged weights, calibration, and what made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from kinequimation import __version__
from kinequimation.errors import InputError
from kinequimation.metrics.reliability import Reliability, reliability
from kinequimation.pose2d.calibrate import Calibration, fit_calibration
from kinequimation.pose2d.checkpoint import write_weights
from kinequimation.pose2d.curves import draw_reliability
from kinequimation.pose2d.hrnet import HRNetW32
from kinequimation.pose2d.loop import CALIBRATION_SEED_OFFSET, read_checkpoint
from kinequimation.pose2d.model import PoseNet
from kinequimation.pose2d.onnx_file import write_onnx
from kinequimation.pose2d.stream import Batch, SampleFunction, batches
from kinequimation.pose2d.train import NETWORKS, Placer, TrainConfig, opened_sources, right_and_seen
from kinequimation.runtime import Progress, no_progress
from kinequimation.skeleton import HORSE68, KEYPOINTS

if TYPE_CHECKING:
    from jaxtyping import UInt8

FORMAT = "kinequimation-pose2d/1"


class _Exported(nn.Module):
    """The network as inference sees it: 8-bit pixels in, probabilities and logits out."""

    def __init__(self, net: PoseNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: UInt8[torch.Tensor, "n h w 3"]) -> tuple[torch.Tensor, ...]:
        output = self.net(image.permute(0, 3, 1, 2).float())
        judged = output.hit_logit, output.seen_logit
        return output.log_prob.exp(), *judged, output.mask_logit.sigmoid(), output.limb_logit.softmax(1)


class Calibrated(NamedTuple):
    """What ``calibrate`` found.

    Attributes:
        calibration: from a network's score to the probability that a point is right.
        reliability: confidence against the share that is right, on samples that did not fit it.
        figures: ``pck05`` of seen points there, ``pck05_hidden``, and the ``calibration_error`` (expected calibration
            error over ten bins).
    """

    calibration: Calibration
    reliability: Reliability
    figures: dict[str, float]


def calibrate(place: Placer, stream: Iterator[Batch], n_batches: int, progress: Progress = no_progress) -> Calibrated:
    """Fit scores to the share of right places on held-out samples, and measure on others.

    Points out of the crop count as wrong places: the network cannot know where they are. Points of which the labels say
    nothing do not count.

    Args:
        place: gives the network's points and scores.
        stream: held-out batches; the first half fits, the second half measures.
        n_batches: how many of them.
        progress: called with the stage ``calibrating``.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for i in range(n_batches):
        found.append(right_and_seen(place, next(stream)))
        progress("calibrating", i + 1, n_batches)
    half = max(1, n_batches // 2)
    right, state, score = (np.concatenate(x) for x in zip(*found[:half], strict=True))
    calibration = fit_calibration(score[state >= 0], right[state >= 0])
    test = found[half:] if n_batches > 1 else found
    right, state, score = (np.concatenate(x) for x in zip(*test, strict=True))
    measured = reliability(calibration(score), right, state >= 0, np.arange(len(score)))
    figures = {
        "pck05": float(right[state == 2].mean()) if (state == 2).any() else float("nan"),
        "pck05_hidden": float(right[state == 1].mean()) if (state == 1).any() else float("nan"),
        "calibration_error": measured.ece,
    }
    return Calibrated(calibration, measured, {k: round(v, 4) for k, v in figures.items() if np.isfinite(v)})


def _bins(measured: Reliability) -> dict[str, Any]:
    """Return what a reliability plot shows, as JSON values; null for an empty bin."""
    return {
        "count": measured.counts.tolist(),
        "confidence": [round(float(c), 4) if np.isfinite(c) else None for c in measured.confidence],
        "right": [round(float(r), 4) if np.isfinite(r) else None for r in measured.right],
    }


def export(
    config: TrainConfig,
    out: Path,
    n_calibration: int | None = None,
    progress: Progress = no_progress,
    sample: SampleFunction | None = None,
) -> dict[str, Any]:
    """Write the averaged weights of a run's last checkpoint; the run may still be going on.

    lite0 becomes ONNX. hrnet_w32 becomes a ``.pth`` with MMPose's names in ``state_dict``, and the rest in ``meta``.
    Beside the run's checkpoint goes ``reliability.png``.

    Args:
        config: the run's.
        out: the file to write.
        n_calibration: held-out samples that calibrate and measure; ``config.n_calibration`` by default.
        progress: called with the stage ``calibrating``.
        sample: as in ``train``.

    Returns:
        the metadata written into the file.

    Raises:
        InputError: the run has no checkpoint, or one of another network.
        OutputError: ``out`` cannot be written.
    """
    path = config.run_dir / "checkpoint.pt"
    state = read_checkpoint(path)
    net = PoseNet(n_frozen=config.n_frozen) if config.network == "lite0" else HRNetW32()
    try:
        net.load_state_dict(state["ema"])
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: expected a checkpoint of {config.network}, got another ({first})") from error
    net.eval()
    recipe = NETWORKS[config.network]
    stream = batches(
        sample or opened_sources(config).source.held,
        config.seed + CALIBRATION_SEED_OFFSET,
        config.size,
        config.batch_size,
        0,
        min(1, config.n_workers),
    )
    n_batches = max(2, (n_calibration or config.n_calibration) // config.batch_size)
    calibrated = calibrate(lambda batch: recipe.place(net, batch), stream, n_batches, progress)
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "kinequimation": __version__,
        "network": config.network,
        "keypoints": list(KEYPOINTS if config.network == "lite0" else HORSE68),
        "size": config.size,
        "calibration": calibrated.calibration.to_json(),
        "reliability": _bins(calibrated.reliability),
        "synthetic": calibrated.figures,
        "training": {
            "samples": int(state.get("n_samples", int(state["step"]) * config.batch_size)),
            "minutes": round(float(state["elapsed_s"]) / 60, 1),
            "seed": config.seed,
            "data": list(config.data) or ["stream"],
            "init": str(config.init or "imagenet"),
        },
    }
    if isinstance(net, PoseNet):
        example = torch.zeros(1, config.size, config.size, 3, dtype=torch.uint8)
        outputs = ["prob", "hit_logit", "seen_logit", "mask", "limbs"]
        write_onnx(_Exported(net), example, "image", outputs, out, metadata)
    else:
        write_weights(out, net, metadata)
    draw_reliability(calibrated.reliability, config.run_dir / "reliability.png")
    return metadata
