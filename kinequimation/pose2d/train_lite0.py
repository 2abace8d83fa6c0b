"""How the small network is trained: where it starts, what it minimises, and the points it gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.pose2d.distributed import Processes, synchronised
from kinequimation.pose2d.legs import decode_legs
from kinequimation.pose2d.loop import read_checkpoint
from kinequimation.pose2d.loss import pose_loss, to_pixels
from kinequimation.pose2d.model import PoseNet
from kinequimation.pose2d.onnx_file import load_onnx
from kinequimation.pose2d.stream import Batch
from kinequimation.runtime import weights_path

if TYPE_CHECKING:
    from kinequimation.pose2d.train import Groups, TrainConfig

FINE_TUNING: dict[str, Any] = {
    "minutes": 10.0, "head_lr": 3e-4, "backbone_lr": 1e-4, "warmup": 0.1, "ema_decay": 0.99, "checkpoint_minutes": 1.0,
    "n_validation": 96, "n_validations": 10, "n_calibration": 512,
}  # fmt: skip
"""What differs where a run starts from a trained network: it is near its goal, and shall not forget (benchmarks)."""
DEFAULTS: dict[str, Any] = {}
"""What differs from ``TrainConfig``: nothing, as it is made for this network."""


def make(config: TrainConfig, processes: Processes) -> tuple[nn.Module, Groups]:
    """Return the network at its start, and its parameters by learning rate.

    Raises:
        InputError: ``config.init`` is not a file of this network.
        MissingDependencyError: the ImageNet weights are not installed.
    """
    torch.manual_seed(config.seed)
    is_scratch = config.init == "scratch"  # then nothing is worth keeping
    net = PoseNet(n_frozen=0 if is_scratch else config.n_frozen, keeps_norms=not is_scratch)
    if config.init in (None, "imagenet"):
        net.backbone.load_imagenet()
    elif not is_scratch:
        load(net, weights_path("pose2d") if config.init == "shipped" else Path(str(config.init)))
    net.pyramid = cast(Any, synchronised(net.pyramid, processes))  # the backbone's batch norms keep to ImageNet's
    net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    backbone = [p for p in net.backbone.parameters() if p.requires_grad]
    head = [p for name, p in net.named_parameters() if not name.startswith("backbone.")]
    return net, [(backbone, config.backbone_lr), (head, config.head_lr)]


def load(net: PoseNet, path: Path) -> None:
    """Load the weights of an exported file, or the averaged ones of a run's ``checkpoint.pt``.

    Raises:
        InputError: the file holds no weights, or another network's.
    """
    if path.suffix != ".pt":
        load_onnx(net, path)
        return
    try:
        net.load_state_dict(read_checkpoint(path)["ema"])
    except (RuntimeError, TypeError, AttributeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: expected a checkpoint of this network, got another ({first})") from error


def losses(net: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    """Return the losses of a batch by name; ``loss`` is the one to minimise."""
    output = net(batch["image"].permute(0, 3, 1, 2).float())
    truth = (batch[name] for name in ("uv_px", "visibility", "mask"))
    parts = pose_loss(output, *truth, labelled=batch.get("labelled"), limbs=batch.get("limbs"))._asdict()
    return {"loss": parts.pop("total"), **parts}


def place(net: nn.Module, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's points in crop pixels [N, 103, 2] and the logits that they are right [N, 103]."""
    device = next(net.parameters()).device
    with torch.no_grad():
        output = net(batch["image"].to(device).permute(0, 3, 1, 2).float())
    cells = np.stack([decode_legs(maps) for maps in output.log_prob.exp().cpu().numpy()])
    return to_pixels(torch.from_numpy(cells)).numpy(), output.hit_logit.cpu().numpy()
