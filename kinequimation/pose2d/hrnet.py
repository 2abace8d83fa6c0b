"""HRNet-W32 with a heatmap head, under the names that MMPose gives its weights.

The network is that of Sun et al. 2019 (arXiv:1902.09212), with the widths and depths of their Table 1 for W32: four
branches at strides 4, 8, 16 and 32 that are never left and exchange what they found after every few blocks. Modules are
named as in MMPose 1.3.2's ``HRNet`` and ``HeatmapHead``, so a checkpoint of either loads in the other as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from kinequimation.skeleton import HORSE68

if TYPE_CHECKING:
    from jaxtyping import Float

STRIDE = 4
"""Crop pixels to one cell of a heatmap."""
WIDTH = 32
"""Channels of the finest branch; each coarser one has twice as many. It is the 32 of W32."""
RGB_MEAN = (123.675, 116.28, 103.53)
RGB_STD = (58.395, 57.12, 57.375)
"""ImageNet's mean and deviation on 0..255, as torchvision and MMPose write them."""
BLOCKS_PER_BRANCH = 4
STAGES: dict[str, tuple[int, int]] = {"stage2": (1, 2), "stage3": (4, 3), "stage4": (3, 4)}
"""Modules (exchanges between branches) and branches of each stage."""
INIT_STD = 0.001
"""Deviation of the kernels that start from nothing, as MMPose sets it; batch norms lift what is so small."""


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, C, h, w] to the same shape."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(x + self.bn2(self.conv2(y)), inplace=True)


class Bottleneck(nn.Module):
    """Narrow 1×1, 3×3, widen 1×1, beside a skip that is projected where the widths differ."""

    def __init__(self, n_in: int, narrow: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, narrow, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3 = nn.Conv2d(narrow, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.downsample = _conv_bn(n_in, n_out, 1) if n_in != n_out else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, n_in, h, w] to [N, n_out, h, w]."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Exchange(nn.Module):
    """Blocks on each branch, then every branch becomes the sum of all, resampled to its stride.

    Args:
        widths: channels of each branch, fine to coarse.
        n_out: how many branches come out; the last module of the network gives the finest alone.
    """

    def __init__(self, widths: list[int], n_out: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(BLOCKS_PER_BRANCH))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resample(widths, source, target) for source in range(len(widths))) for target in range(n_out)
        )

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map one feature map a branch to one for each branch that comes out."""
        features = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        fused = []
        for row in self.fuse_layers:
            assert isinstance(row, nn.ModuleList)
            terms = [resample(x) for resample, x in zip(row, features, strict=True)]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            fused.append(F.relu(total))
        return fused


class HRNet(nn.Module):
    """The backbone: an RGB image, already normalised, in, the finest branch's features out."""

    def __init__(self) -> None:
        super().__init__()
        stem = 64
        self.conv1 = nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = nn.Conv2d(stem, stem, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem)
        wide = 4 * stem
        self.layer1 = nn.Sequential(*(Bottleneck(wide if i else stem, stem, wide) for i in range(BLOCKS_PER_BRANCH)))
        before = [wide]
        for i, (name, (n_modules, n_branches)) in enumerate(STAGES.items(), start=1):
            widths = [WIDTH << branch for branch in range(n_branches)]
            self.add_module(f"transition{i}", _transition(before, widths))
            is_last = i == len(STAGES)
            modules = (
                Exchange(widths, 1 if is_last and module == n_modules - 1 else n_branches)
                for module in range(n_modules)
            )
            self.add_module(name, nn.Sequential(*modules))
            before = widths

    def forward(self, x: Float[torch.Tensor, "n 3 h w"]) -> Float[torch.Tensor, "n c h4 w4"]:
        """Return features at stride 4; both sides of the image must be multiples of 32."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        features = [self.layer1(x)]
        for i, name in enumerate(STAGES, start=1):
            transition = self.get_submodule(f"transition{i}")
            assert isinstance(transition, nn.ModuleList)
            # a new branch grows from the coarsest one that there is
            features = [change(features[min(branch, len(features) - 1)]) for branch, change in enumerate(transition)]
            features = self.get_submodule(name)(features)
        return features[0]


class HeatmapHead(nn.Module):
    """One heatmap for each keypoint, by a 1×1 convolution."""

    def __init__(self, n_keypoints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(WIDTH, n_keypoints, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, 32, h, w] to [N, K, h, w]."""
        return self.final_layer(x)


class HRNetW32(nn.Module):
    """HRNet-W32 and its heatmap head.

    ``state_dict()`` holds ``backbone.*`` and ``head.final_layer.*`` and nothing else, as MMPose's
    ``TopdownPoseEstimator`` does.

    Args:
        n_keypoints: number of heatmaps; horse68 by default.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, n_keypoints: int = len(HORSE68)) -> None:
        super().__init__()
        self.backbone = HRNet()
        self.head = HeatmapHead(n_keypoints)
        self.register_buffer("mean", torch.tensor(RGB_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(RGB_STD).view(3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=INIT_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Float[torch.Tensor, "n 3 h w"]) -> Float[torch.Tensor, "n k h4 w4"]:
        """Return heatmaps; trained ones are near 1 at a keypoint and 0 elsewhere.

        Args:
            image: RGB in 0..255; sides divisible by 32.
        """
        return self.head(self.backbone((image - self.mean) / self.std))


def _conv_bn(n_in: int, n_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(n_out))


def _conv_bn_relu(n_in: int, n_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(*_conv_bn(n_in, n_out, 3, stride), nn.ReLU(inplace=True))


def _resample(widths: list[int], source: int, target: int) -> nn.Module:
    """Return what brings a branch's features to another's width and stride."""
    if source == target:
        return nn.Identity()
    if source > target:  # coarser: narrow, then repeat cells
        up = nn.Upsample(scale_factor=float(2 ** (source - target)), mode="nearest")
        return nn.Sequential(*_conv_bn(widths[source], widths[target], 1), up)
    steps = [_conv_bn_relu(widths[source], widths[source], 2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, _conv_bn(widths[source], widths[target], 3, 2))


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """Return what takes a stage's branches to the next one's: unchanged, widened, or grown from the coarsest."""
    changes: list[nn.Module] = []
    for branch, width in enumerate(after):
        if branch >= len(before):  # each stage adds one branch, so one step of stride 2 is enough
            changes.append(nn.Sequential(_conv_bn_relu(before[-1], width, 2)))
        elif width != before[branch]:
            changes.append(_conv_bn_relu(before[branch], width, 1))
        else:
            changes.append(nn.Identity())
    return nn.ModuleList(changes)
