"""How HRNet-W32 is trained: where it starts, what it minimises, and the points it gives.

The loss is MMPose's (``KeypointMSELoss`` with target weights): the mean square over all cells of all heatmaps of what
they lack to a Gaussian of two cells' deviation at the point, 1 high; heatmaps of points that are not labelled or lie
outside the crop do not count. Adam's rate is MMPose's 5e-4, without weight decay (HRNet's issue 10).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.pose2d.checkpoint import load_backbone, load_weights, read_weights
from kinequimation.pose2d.distributed import Processes, synchronised
from kinequimation.pose2d.hrnet import HRNetW32
from kinequimation.pose2d.hrnet_codec import Codec
from kinequimation.pose2d.loss import in_crop
from kinequimation.pose2d.stream import Batch
from kinequimation.skeleton import NUM_JOINTS68
from kinequimation.weights.store import FOLDER, SOURCES

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.pose2d.train import Groups, TrainConfig

IMAGENET = FOLDER / SOURCES["hrnet_w32_imagenet"].file_name
"""Where ``kinequimation weights pull hrnet_w32_imagenet`` puts OpenMMLab's ImageNet weights."""
DEFAULTS: dict[str, Any] = {
    "size": 256, "batch_size": 32, "head_lr": 5e-4, "backbone_lr": 5e-4, "weight_decay": 0.0, "n_frozen": 0,
}  # fmt: skip
FINE_TUNING: dict[str, Any] = {
    "minutes": 10.0, "head_lr": 5e-5, "backbone_lr": 5e-5, "warmup": 0.1, "ema_decay": 0.99, "checkpoint_minutes": 1.0,
    "n_validation": 96, "n_validations": 10, "n_calibration": 512,
}  # fmt: skip
"""What differs where a run starts from a trained network: a tenth of the rate, as for the small one."""


def make(config: TrainConfig, processes: Processes) -> tuple[nn.Module, Groups]:
    """Return the network at its start, and its parameters by learning rate.

    Raises:
        InputError: ``config.init`` is not a file of this network, or the ImageNet weights are not there.
    """
    torch.manual_seed(config.seed)
    net = HRNetW32()
    if config.init in (None, "imagenet"):
        if not IMAGENET.is_file():
            raise InputError(
                f"{IMAGENET}: expected HRNet's ImageNet weights, found nothing; fetch them with 'kinequimation weights "
                "pull hrnet_w32_imagenet', or give --init FILE, or --init scratch"
            )
        load_backbone(net, read_weights(IMAGENET))
    elif config.init == "shipped":
        raise InputError("--init shipped: expected the network lite0; no HRNet is shipped, give its file")
    elif config.init != "scratch":
        weights = read_weights(Path(config.init))
        # a classifier's or another animal's file gives the backbone alone
        has_head = "head.final_layer.weight" in weights.tensors and weights.n_keypoints == NUM_JOINTS68
        load_weights(net, weights) if has_head else load_backbone(net, weights)
    backbone = synchronised(net.backbone, processes)
    assert isinstance(backbone, type(net.backbone))
    net.backbone = backbone
    net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    groups = [(list(net.backbone.parameters()), config.backbone_lr), (list(net.head.parameters()), config.head_lr)]
    return net, groups


def losses(net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    """Return the loss of a batch, under ``loss``."""
    size = batch["image"].shape[1]
    maps = net(batch["image"].permute(0, 3, 1, 2).float())
    uv_px, visibility = batch["uv_px"][:, : maps.shape[1]], batch["visibility"][:, : maps.shape[1]]
    labelled = batch["labelled"][:, : maps.shape[1]] & in_crop(uv_px, visibility, size)
    target = gaussians(uv_px, labelled, Codec(input_size=(size, size), heatmap_size=(maps.shape[3], maps.shape[2])))
    return {"loss": ((maps - target) ** 2 * labelled[:, :, None, None]).mean()}


def gaussians(
    uv_px: Float[torch.Tensor, "n k 2"], labelled: torch.Tensor, codec: Codec
) -> Float[torch.Tensor, "n k h w"]:
    """Return a Gaussian at each point, 1 high; zeros where it is not labelled.

    Args:
        uv_px: points in crop pixels; anything where not labelled.
        labelled: [N, K].
        codec: says where a crop pixel lies among the cells.
    """
    per_cell = torch.as_tensor(codec.pixels_per_cell, dtype=uv_px.dtype, device=uv_px.device)
    centre = torch.where(labelled.unsqueeze(2), uv_px, 0.0) / per_cell
    x, y = (
        torch.exp(-((torch.arange(n, device=uv_px.device) - centre[..., axis, None]) ** 2) / (2 * codec.sigma**2))
        for axis, n in enumerate(codec.heatmap_size)
    )
    return y.unsqueeze(3) * x.unsqueeze(2) * labelled[:, :, None, None]


def place(net: nn.Module, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's points in crop pixels [N, 68, 2] and its heatmaps' peaks [N, 68]."""
    device = next(net.parameters()).device
    size = batch["image"].shape[1]
    with torch.no_grad():
        maps = net(batch["image"].to(device).permute(0, 3, 1, 2).float()).cpu().numpy()
    codec = Codec(input_size=(size, size), heatmap_size=(maps.shape[3], maps.shape[2]))
    uv_px, peaks = zip(*(codec.decode(m) for m in maps), strict=True)
    return np.stack(uv_px), np.stack(peaks)
