"""The lifter's network: a residual dilated temporal network with a per-frame MLP in each block (needs torch).

Every block first mixes time (a depthwise convolution over five frames, dilated), then channels (an MLP), each as a
residual; the receptive field is 189 frames, centred. Ends of a clip are padded with their own frame, so any length
from one frame up goes through, and a photo is a clip that stands still.

Two things are built in rather than learned. The pose is predicted in the horse's own axes, starting from the standing
horse, and turned to the camera by a predicted up vector and direction of the trunk. And across the view the network
need not guess what it was given: a point's x and y are a learned mixture of that prediction and the input's own ray,
taken out to the predicted depth.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_identity
from kinequimation.io.atomic import replacing
from kinequimation.io.compact import compact_file
from kinequimation.lift.normalize import EXTRA_FEATURES, LOG_SCALE_SHIFT, NUM_FEATURES, NUM_SLOTS

if TYPE_CHECKING:
    from jaxtyping import Float

KERNEL = 5
_LOG_SCALE = 3 * NUM_SLOTS + EXTRA_FEATURES.index("log_scale")
OUTPUT_NAMES: tuple[str, ...] = ("xyz", "log_sigma", "root_code", "up", "forward", "contact_logit", "velocity")
_CHANNELS = {
    "pose": 3 * skeleton.NUM_KEYPOINTS,
    "trust": skeleton.NUM_KEYPOINTS,
    "log_sigma": skeleton.NUM_KEYPOINTS,
    "root_code": 3,
    "up": 3,
    "forward": 3,
    "contact_logit": len(skeleton.LIMBS),
    "velocity": 3,
}
_USUAL_SPEED = 5.0
"""Withers heights a second: the unit that the network thinks in of speeds; a working canter has 2.5, a race 11."""


def _standing_pose() -> Float[np.ndarray, "103 3"]:
    """Return the keypoints of the horse at rest relative to the sacrum, withers heights, float32."""
    body = Body()
    xyz = body.keypoints(np.zeros((1, 3)), quat_identity(1, skeleton.NUM_JOINTS))[0] / body.shape.withers_height_m
    return (xyz - xyz[skeleton.KEYPOINT_INDEX[skeleton.SACRUM]]).astype(np.float32)


@dataclass(frozen=True)
class ModelConfig:
    """Size of the network; the defaults fit 5 MB in float16.

    Attributes:
        channels: width.
        hidden: width inside the per-frame MLPs.
        dilations: of each block's temporal convolution; the receptive field is 1 + 4 times their sum.
    """

    channels: int = 256
    hidden: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8, 16, 1)


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
        n = x.shape[1]
        frames = torch.arange(n, device=x.device)
        y = x * self.taps[KERNEL // 2]
        for i in range(KERNEL):
            if i != KERNEL // 2:
                other = (frames + (i - KERNEL // 2) * self.dilation).clamp(0, n - 1)
                y = y + x.index_select(1, other) * self.taps[i]
        return y

    @torch.no_grad()
    def make_identity_(self) -> None:
        """Return what comes in, until training moves it."""
        for parameter in (self.taps, self.reduce.weight, self.reduce.bias):
            parameter.zero_()

    def forward(self, x: Float[torch.Tensor, "b t c"]) -> Float[torch.Tensor, "b t c"]:
        x = x + self.mix_time(self.norm_time(x))
        return x + self.reduce(functional.silu(self.expand(self.norm(x))))


class LiftNet(nn.Module):
    """From ``normalize``'s features to 3D in the virtual camera."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        config = config or ModelConfig()
        self.embed = nn.Linear(NUM_FEATURES, config.channels)
        self.blocks = nn.ModuleList(Block(config.channels, config.hidden, d) for d in config.dilations)
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, sum(_CHANNELS.values()))
        self.usual_up: torch.Tensor
        self.usual_forward: torch.Tensor
        self.usual_code: torch.Tensor
        self.register_buffer("usual_up", torch.tensor([0.0, -1.0, 0.0]), persistent=False)
        self.register_buffer("usual_forward", torch.tensor([0.2, 0.0, 0.0]), persistent=False)
        self.register_buffer("usual_code", torch.tensor([0.0, 0.0, -0.8]), persistent=False)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[: 3 * skeleton.NUM_KEYPOINTS] = torch.from_numpy(_standing_pose().reshape(-1))

    def forward(self, features: Float[torch.Tensor, "b t f"]) -> tuple[torch.Tensor, ...]:
        """Return, in the order of ``OUTPUT_NAMES``.

        xyz [B, T, 103, 3] in withers heights relative to the sacrum; log_sigma [B, T, 103], the logarithm of the
        expected distance from the truth in withers heights; root_code [B, T, 3], see ``lift.root``;
        up and forward [B, T, 3], unit: against gravity, and where the trunk points, level; contact_logit [B, T, 4];
        velocity [B, T, 3] of the sacrum over the ground, withers heights a second, meant in clips only.
        """
        x = self.embed(features)
        for block in self.blocks:
            x = block(x)
        parts = self.head(self.norm(x)).split(list(_CHANNELS.values()), -1)
        pose, trust, log_sigma, root_code, up, forward, contact, velocity = parts
        # the commonest view to start from: a level camera, the horse facing to the right
        axes = horse_axes(up + self.usual_up, forward + self.usual_forward)
        xyz = pose.unflatten(-1, (skeleton.NUM_KEYPOINTS, 3)) @ axes
        root_code = root_code + self.usual_code
        xyz = place_on_rays(xyz, trust, root_code, features)
        velocity = _USUAL_SPEED * (velocity[..., None, :] @ axes)[..., 0, :]
        return xyz, log_sigma - 3.0, root_code, axes[..., 2, :], -axes[..., 1, :], contact, velocity


def horse_axes(
    up: Float[torch.Tensor, "b t 3"], forward: Float[torch.Tensor, "b t 3"]
) -> Float[torch.Tensor, "b t 3 3"]:
    """Return the horse's left, back and up as unit rows, square to each other; ``up`` keeps its direction."""
    up = functional.normalize(up, dim=-1)
    forward = functional.normalize(forward - (forward * up).sum(-1, keepdim=True) * up, dim=-1)
    return torch.stack([torch.linalg.cross(up, forward), -forward, up], -2)


def place_on_rays(
    xyz: Float[torch.Tensor, "b t k 3"],
    trust: Float[torch.Tensor, "b t k"],
    root_code: Float[torch.Tensor, "b t 3"],
    features: Float[torch.Tensor, "b t f"],
) -> Float[torch.Tensor, "b t k 3"]:
    """Draw predictions towards the rays of the input points, as far as each is trusted.

    With the scale s of the input and the code (a, b, log s Z) of the root, a point at (x, y) of the input and at depth
    z behind the root lies at x (s Z + s z) − a s Z across the view.
    """
    uv = features[..., : 2 * NUM_SLOTS].unflatten(-1, (NUM_SLOTS, 2))
    confidence = features[..., 2 * NUM_SLOTS : 3 * NUM_SLOTS]
    scale = torch.exp(features[..., _LOG_SCALE : _LOG_SCALE + 1] - LOG_SCALE_SHIFT)
    depth = torch.exp(root_code[..., 2:].clamp(-3, 3))
    on_ray = uv * (depth + scale * xyz[..., 2])[..., None] - (root_code[..., :2] * depth)[..., None, :]
    share = torch.sigmoid(trust) * (20 * confidence).clamp(max=1)
    across = xyz[..., :2] + share[..., None] * (on_ray - xyz[..., :2])
    return torch.cat([across, xyz[..., 2:]], -1)


def export_onnx(net: LiftNet, path: Path) -> None:
    """Write the network as ONNX: any batch and any number of frames, parameters under their own names in 16 bits."""
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
        compact_file(partial, 16)


def load_onnx_weights(net: LiftNet, path: Path) -> None:
    """Take the parameters of an exported network, to train on; blocks that it has not got are left out at first.

    Raises:
        InputError: the file is no ONNX model of this network or of its first blocks; the network is as it was.
    """
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(str(path))
    except Exception as error:  # onnx raises protobuf's errors, which share no public base
        raise InputError(f"{path}: expected an ONNX model, got something unreadable ({error})") from error
    arrays = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in model.graph.initializer}
    for node in model.graph.node:  # 16 bits become 32, and the exporter stores equal parameters once
        if node.op_type in ("Cast", "Identity") and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    stored = {int(name.split(".")[1]) for name in arrays if re.fullmatch(r"blocks\.\d+\.\w.*", name)}
    if not stored or stored != set(range(len(stored))) or len(stored) > len(net.blocks):
        raise InputError(f"{path}: expected a lifter of up to {len(net.blocks)} blocks, got blocks {sorted(stored)}")
    wanted = net.state_dict()
    new = tuple(f"blocks.{i}." for i in range(len(stored), len(net.blocks)))
    taken = {name: arrays.get(name) for name in wanted if not name.startswith(new)}
    wrong = [name for name, value in taken.items() if value is None or value.shape != wanted[name].shape]
    if wrong:
        raise InputError(f"{path}: expected a lifter of this size, but {wrong[0]} is missing or of another shape")
    net.load_state_dict(wanted | taken)
    for block in list(net.blocks)[len(stored) :]:
        cast("Block", block).make_identity_()
