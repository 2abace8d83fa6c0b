"""Train the detector on whole rendered frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from kinequimation.detect.boxes import peaks
from kinequimation.detect.loss import detect_loss
from kinequimation.detect.model import STRIDE, DetectNet
from kinequimation.detect.stream import RenderedFrame
from kinequimation.metrics import box_iou
from kinequimation.pose2d.distributed import Processes, processes_of_run
from kinequimation.pose2d.loop import LoopConfig, Trainer, train_loop
from kinequimation.pose2d.onnx_file import load_onnx
from kinequimation.pose2d.stream import Batch, SampleFunction
from kinequimation.runtime import Device, Progress, no_progress, weights_path

MIN_IOU = 0.3
"""Overlap with a true box from which a detection is right."""


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """How to train the detector; the rest is ``LoopConfig``'s.

    Attributes:
        minutes: the trunk is frozen and the head small: it settles early.
        size: side of the frame: twice the detail that a box needs.
        device: where to train; ``auto`` takes a graphics card where there is one.
    """

    minutes: float = 15.0
    size: int = 256
    device: Device = "auto"


def make_trainer(config: TrainConfig, processes: Processes | None = None) -> Trainer:
    """Return a trainer at its start: the ImageNet trunk and a fresh head, or the weights of ``config.init``."""
    torch.manual_seed(config.seed)
    net = DetectNet()
    if config.init is not None and config.init != "imagenet":
        load_onnx(net, weights_path("detect") if config.init == "shipped" else Path(config.init))
    else:
        net.backbone.load_imagenet()
    net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Trainer(config, net, [([p for p in net.parameters() if p.requires_grad], config.head_lr)], processes)


def train(config: TrainConfig, progress: Progress = no_progress, sample: SampleFunction | None = None) -> list[float]:
    """Train until the time or the steps are used up; continue if the run folder holds a checkpoint.

    Args:
        config: how.
        progress: called with the stage ``training`` and seconds (or steps) done and in all.
        sample: gives sample ``index`` of stream ``seed``; the renderer's by default.

    Returns:
        the total loss of every step taken by this call.

    Raises:
        InputError: the run folder's checkpoint or ``init`` is not of this network.
        MissingDependencyError: ImageNet weights or the renderer are not installed.
    """
    torch.set_num_threads(config.n_threads)

    def validate(net: nn.Module, held: list[Batch]) -> dict[str, float]:
        scores, right, n_boxes = judge(cast(DetectNet, net), held)
        confident = scores >= 0.3
        return {
            "precision": float(right[confident].mean()) if confident.any() else 0.0,
            "recall": float(right[confident].sum()) / max(n_boxes, 1),
        }

    with processes_of_run(config.device) as processes:
        trainer = make_trainer(config, processes)

        def losses_of(batch: Batch) -> dict[str, torch.Tensor]:
            output = trainer.net(batch["image"].permute(0, 3, 1, 2).float())
            losses = detect_loss(output, batch["boxes_xywh"])
            return {"loss": losses.total, "score": losses.score, "box": losses.box}

        return train_loop(trainer, losses_of, validate, sample or RenderedFrame(config.backgrounds), progress)


def judge(net: DetectNet, held: list[Batch], threshold: float = 0.02) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the score of every detection, whether it is right, and the number of true boxes.

    A detection is right if it overlaps a true box that no better one has taken by ``MIN_IOU`` or more.
    """
    net.eval()
    device = next(net.parameters()).device
    scores: list[float] = []
    right: list[bool] = []
    n_boxes = 0
    for batch in held:
        with torch.no_grad():
            output = net(batch["image"].to(device).permute(0, 3, 1, 2).float())
        maps, distances = output.score_logit.sigmoid().cpu().numpy(), output.ltrb_px.cpu().numpy()
        for score, ltrb_px, truth in zip(maps, distances, batch["boxes_xywh"].numpy(), strict=True):
            free = [box for box in truth if np.isfinite(box).all()]
            n_boxes += len(free)
            boxes, found = peaks(score, ltrb_px, STRIDE, threshold)
            for box, s in zip(boxes, found, strict=True):
                overlap = box_iou(box, np.array(free))[0]
                hit = len(free) > 0 and float(overlap.max()) >= MIN_IOU
                if hit:
                    free.pop(int(np.argmax(overlap)))
                scores.append(float(s))
                right.append(hit)
    return np.array(scores), np.array(right, bool), n_boxes
