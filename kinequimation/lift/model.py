"""The lifter's network: a residual dilated temporal network with a per-frame MLP in each block (needs torch).

Every block first mixes time (a depthwise convolution over five frames, dilated), then channels (an MLP), each as a
residual; the receptive field is 65 frames, centred. Ends of a clip are padded with their own frame, so any length
from one frame up goes through, and a photo is a clip that stands still.

Across the view the network need not guess what it was given: a point's x and y are a learned mixture of a free
prediction and the input's own ray, taken out to the depth that the network predicts.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.lift.normalize import EXTRA_FEATURES, LOG_SCALE_SHIFT, NUM_FEATURES, NUM_SLOTS

if TYPE_CHECKING:
    from jaxtyping import Float

KERNEL = 5
_LOG_SCALE = 3 * NUM_SLOTS + EXTRA_FEATURES.index("log_scale")
OUTPUT_NAMES: tuple[str, ...] = ("xyz", "log_sigma", "root_code", "up", "contact_logit")
_CHANNELS = {
    "xyz": 3 * skeleton.NUM_KEYPOINTS,
    "trust": skeleton.NUM_KEYPOINTS,
    "log_sigma": skeleton.NUM_KEYPOINTS,
    "root_code": 3,
    "up": 3,
    "contact_logit": len(skeleton.LIMBS),
}


@dataclass(frozen=True)
class ModelConfig:
    """Size of the network; the defaults fit 5 MB in float32.

    Attributes:
        channels: width.
        hidden: width inside the per-frame MLPs.
        dilations: of each block's temporal convolution; the receptive field is 1 + 4 times their sum.
    """

    channels: int = 256
    hidden: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)


class Block(nn.Module):
    """Mix time, then channels."""

    def __init__(self, channels: int, hidden: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm_time = nn.LayerNorm(channels)
        self.taps = nn.Parameter(torch.randn(KERNEL, channels) / math.sqrt(KERNEL) * 0.3)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, hidden)
        self.reduce = nn.Linear(hidden, channels)

    def mix_time(self, x: Float[torch.Tensor, "b t c"]) -> Float[torch.Tensor, "b t c"]:
        """Convolve each channel over time; ends repeat their own frame."""
        reach = (KERNEL // 2) * self.dilation
        n = x.shape[1]
        padded = torch.cat([x[:, :1].expand(-1, reach, -1), x, x[:, -1:].expand(-1, reach, -1)], 1)
        y = padded[:, :n] * self.taps[0]
        for i in range(1, KERNEL):
            y = y + padded[:, i * self.dilation : i * self.dilation + n] * self.taps[i]
        return y

    def forward(self, x: Float[torch.Tensor, "b t c"]) -> Float[torch.Tensor, "b t c"]:
        x = x + self.mix_time(self.norm_time(x))
        return x + self.reduce(nn.functional.silu(self.expand(self.norm(x))))


class LiftNet(nn.Module):
    """From ``normalize``'s features to 3D in the virtual camera."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        config = config or ModelConfig()
        self.embed = nn.Linear(NUM_FEATURES, config.channels)
        self.blocks = nn.ModuleList(Block(config.channels, config.hidden, d) for d in config.dilations)
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, sum(_CHANNELS.values()))
        self.level_up: torch.Tensor
        self.usual_code: torch.Tensor
        self.register_buffer("level_up", torch.tensor([0.0, -1.0, 0.0]), persistent=False)
        self.register_buffer("usual_code", torch.tensor([0.0, 0.0, -0.8]), persistent=False)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def place_on_rays(
        self,
        xyz: Float[torch.Tensor, "b t k 3"],
        trust: Float[torch.Tensor, "b t k"],
        root_code: Float[torch.Tensor, "b t 3"],
        features: Float[torch.Tensor, "b t f"],
    ) -> Float[torch.Tensor, "b t k 3"]:
        """Draw free predictions towards the rays of the input points, as far as each is trusted.

        With the scale s of the input and the code (a, b, log s Z) of the root, a point at (x, y) of the input and at
        depth z behind the root lies at x (s Z + s z) − a s Z across the view.
        """
        uv = features[..., : 2 * NUM_SLOTS].unflatten(-1, (NUM_SLOTS, 2))
        confidence = features[..., 2 * NUM_SLOTS : 3 * NUM_SLOTS]
        scale = torch.exp(features[..., _LOG_SCALE : _LOG_SCALE + 1] - LOG_SCALE_SHIFT)
        depth = torch.exp(root_code[..., 2:].clamp(-3, 3))
        on_ray = uv * (depth + scale * xyz[..., 2])[..., None] - (root_code[..., :2] * depth)[..., None, :]
        share = torch.sigmoid(trust) * (20 * confidence).clamp(max=1)
        across = xyz[..., :2] + share[..., None] * (on_ray - xyz[..., :2])
        return torch.cat([across, xyz[..., 2:]], -1)

    def forward(self, features: Float[torch.Tensor, "b t f"]) -> tuple[torch.Tensor, ...]:
        """Return, in the order of ``OUTPUT_NAMES``.

        xyz [B, T, 103, 3] in withers heights relative to the sacrum; log_sigma [B, T, 103], the logarithm of the
        expected distance from the truth in withers heights; root_code [B, T, 3], see ``lift.root``;
        up [B, T, 3] unit; contact_logit [B, T, 4].
        """
        x = self.embed(features)
        for block in self.blocks:
            x = block(x)
        parts = self.head(self.norm(x)).split(list(_CHANNELS.values()), -1)
        xyz, trust, log_sigma, root_code, up, contact = parts
        root_code = root_code + self.usual_code
        xyz = self.place_on_rays(xyz.unflatten(-1, (skeleton.NUM_KEYPOINTS, 3)), trust, root_code, features)
        # level cameras are the commonest: start from "up" against y, the image's down
        up = nn.functional.normalize(up + self.level_up, dim=-1)
        return xyz, log_sigma - 3.0, root_code, up, contact


def export_onnx(net: LiftNet, path: Path) -> None:
    """Write the network as ONNX: any batch and any number of frames, parameters under their own names."""
    net = net.eval()
    with replacing(path) as partial, warnings.catch_warnings():
        # torch's newer exporter needs a further package and renames parameters
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (torch.zeros(2, 9, NUM_FEATURES),),
            str(partial),
            input_names=["features"],
            output_names=list(OUTPUT_NAMES),
            dynamic_axes={name: {0: "batch", 1: "frames"} for name in ("features", *OUTPUT_NAMES)},
            opset_version=17,
            do_constant_folding=False,
            dynamo=False,
        )


def load_onnx_weights(net: LiftNet, path: Path) -> None:
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
    for node in model.graph.node:  # the exporter stores equal parameters once
        if node.op_type == "Identity" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    wanted = net.state_dict()
    wrong = [n for n, p in wanted.items() if n not in arrays or arrays[n].shape != p.shape]
    if wrong:
        raise InputError(f"{path}: expected a lifter of this size, but {wrong[0]} is missing or of another shape")
    net.load_state_dict({name: arrays[name] for name in wanted})
