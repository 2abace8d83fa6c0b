"""Train the pose network on the endless rendered stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import nn

from kinequimation.pose2d.legs import decode_legs
from kinequimation.pose2d.loop import LoopConfig, Trainer, train_loop
from kinequimation.pose2d.loss import hit_radius_px, in_crop, pose_loss, to_pixels
from kinequimation.pose2d.model import PoseNet
from kinequimation.pose2d.onnx_file import load_onnx
from kinequimation.pose2d.stream import Batch, RenderedSample, SampleFunction
from kinequimation.runtime import Progress, no_progress


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """How to train the pose network; the rest is ``LoopConfig``'s.

    Attributes:
        size: 192. At 128 hooves are two cells wide, at 256 a CPU trains a third as many samples.
        n_frozen: backbone blocks kept at their ImageNet weights: renders would teach them rendering.
        backbone_lr: AdamW's peak rate for the other blocks; smaller, so that they are adapted and not replaced.
    """

    n_frozen: int = 5
    backbone_lr: float = 3e-4


def make_trainer(config: TrainConfig) -> Trainer:
    """Return a trainer at its start: ImageNet weights and a fresh head, or the weights of ``config.init``.

    Raises:
        InputError: ``init`` is not a file of this network.
        MissingDependencyError: the ImageNet weights are not installed.
    """
    torch.manual_seed(config.seed)
    net = PoseNet(n_frozen=config.n_frozen)
    if config.init is not None:
        load_onnx(net, config.init)
    else:
        net.backbone.load_imagenet()
    net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    backbone = [p for p in net.backbone.parameters() if p.requires_grad]
    head = [p for name, p in net.named_parameters() if not name.startswith("backbone.")]
    return Trainer(config, net, [(backbone, config.backbone_lr), (head, config.head_lr)])


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
    sample = sample or RenderedSample(config.backgrounds)
    trainer = make_trainer(config)

    def losses_of(batch: Batch) -> dict[str, torch.Tensor]:
        output = trainer.net(batch["image"].permute(0, 3, 1, 2).float())
        losses = pose_loss(output, batch["uv_px"], batch["visibility"], batch["mask"])
        return {"loss": losses.total, "place": losses.place, "judge": losses.judge, "mask": losses.mask}

    def validate(net: nn.Module, held: list[Batch]) -> dict[str, float]:
        return {"validation_pck05": pck(cast(PoseNet, net), held)}

    return train_loop(trainer, losses_of, validate, sample, progress)


def place(net: PoseNet, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's points in crop pixels [N, K, 2] and its hit logits [N, K]."""
    with torch.no_grad():
        output = net(batch["image"].permute(0, 3, 1, 2).float())
    cells = np.stack([decode_legs(maps) for maps in output.log_prob.exp().numpy()])
    return to_pixels(torch.from_numpy(cells)).numpy(), output.hit_logit.numpy()


def pck(net: PoseNet, held: list[Batch]) -> float:
    """Return the share of seen points within 0.05 of the horse's longer side."""
    net.eval()
    right = total = 0
    for batch in held:
        uv_px, _ = place(net, batch)
        seen = in_crop(batch["uv_px"], batch["visibility"], batch["image"].shape[1]).numpy()
        seen &= batch["visibility"].numpy() == 2
        error = np.linalg.norm(uv_px - batch["uv_px"].numpy(), axis=2)
        right += int((seen & (error < hit_radius_px(batch["uv_px"]).numpy()[:, None])).sum())
        total += int(seen.sum())
    return right / max(total, 1)
