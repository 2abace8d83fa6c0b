"""The network that tells gaits apart: a few dilated convolutions over stride time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.gait.names import GAITS
from kinequimation.gait.sequence import CHANNELS

if TYPE_CHECKING:
    from jaxtyping import Float

WIDTH, KERNEL, DILATIONS = 28, 5, (1, 2, 4, 8)
"""Sees 1.3 strides to each side. Small: it ships beside networks that fill the package."""


class GaitNet(nn.Module):
    """Channels in, one logit for each gait and four for the contacts out, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(len(CHANNELS), WIDTH, KERNEL, padding=KERNEL // 2)
        self.blocks = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2 * d, dilation=d) for d in DILATIONS
        )
        self.gait = nn.Conv1d(WIDTH, len(GAITS), 1)
        self.contact = nn.Conv1d(WIDTH, 4, 1)

    def forward(
        self, channels: Float[torch.Tensor, "b r c"]
    ) -> tuple[Float[torch.Tensor, "b r g"], Float[torch.Tensor, "b r 4"]]:
        """Return the logits of gaits and contacts."""
        x = torch.relu(self.first(channels.transpose(1, 2)))
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return self.gait(x).transpose(1, 2), self.contact(x).transpose(1, 2)


def load_onnx_weights(net: GaitNet, path: Path) -> None:
    """Take the parameters of an exported network, to train on.

    Raises:
        InputError: the file is no ONNX model of this network.
    """
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(str(path))
    except Exception as error:  # onnx raises protobuf's errors, which share no public base
        raise InputError(f"{path}: expected an ONNX model, got something unreadable ({error})") from error
    arrays = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in model.graph.initializer}
    wanted = net.state_dict()
    wrong = [n for n, p in wanted.items() if n not in arrays or arrays[n].shape != p.shape]
    if wrong:
        raise InputError(f"{path}: expected a classifier of this size, but {wrong[0]} is missing or of another shape")
    net.load_state_dict({name: arrays[name] for name in wanted})
