"""The 2D pose network: an image crop in, a probability map and a confidence for each keypoint out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from kinequimation.pose2d.lite0 import CHANNELS, Lite0
from kinequimation.skeleton import NUM_KEYPOINTS

if TYPE_CHECKING:
    from jaxtyping import Float

STRIDE = 4
"""Crop pixels to one cell of a map."""
WIDTHS: dict[int, int] = {4: 64, 8: 64, 16: 96, 32: 128}
"""Channels of the pyramid at each stride: wide where cells are few and see the whole horse, which is what tells left
from right; narrow where they are many."""


N_SMOOTH: dict[int, int] = {4: 2, 8: 6, 16: 4}
"""Convolutions at each finer stride: most where cells are small enough to tell two legs apart and few enough to be
cheap, so that a hoof can be followed up to its shoulder."""
N_LIMB_CLASSES = 6
"""As many as ``synth.labels.LIMB_CLASSES`` names: not the horse, the horse but no limb, its four limbs."""


class PoseOutput(NamedTuple):
    """What the network says about a batch of crops.

    Attributes:
        log_prob: [N, K, h, w] log-probability of each keypoint's place over the cells of the crop.
        hit_logit: [N, K] logit that the place is right, within 0.05 of the box's longer side.
        seen_logit: [N, K] logit that the keypoint is seen (visibility 2).
        mask_logit: [N, h, w] logit that a cell shows the horse.
        limb_logit: [N, 6, h, w] logits of what a cell shows, an index into ``synth.labels.LIMB_CLASSES``.
    """

    log_prob: Float[torch.Tensor, "n k h w"]
    hit_logit: Float[torch.Tensor, "n k"]
    seen_logit: Float[torch.Tensor, "n k"]
    mask_logit: Float[torch.Tensor, "n h w"]
    limb_logit: Float[torch.Tensor, "n 6 h w"]


class Separable(nn.Module):
    """Depthwise 5×5, then pointwise, with a skip where the widths agree."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(n_in, n_in, 5, padding=2, groups=n_in, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(n_in)
        self.pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(n_out)
        self.skip = n_in == n_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, n_in, h, w] to [N, n_out, h, w]."""
        y = F.relu6(self.depthwise_bn(self.depthwise(x)), inplace=True)
        y = F.relu6(self.pointwise_bn(self.pointwise(y)), inplace=True)
        return x + y if self.skip else y


class Pyramid(nn.Module):
    """A light feature pyramid over the backbone's maps, coarse to fine; returns the finest.

    Args:
        widths: channels at each stride that takes part.
        n_context: convolutions at the coarsest stride, which see the most.
        n_smooth: convolutions at each finer stride; two where it does not say.
    """

    def __init__(self, widths: dict[int, int], n_context: int = 2, n_smooth: dict[int, int] | None = None) -> None:
        super().__init__()
        self.strides = sorted(widths, reverse=True)
        top = self.strides[0]
        self.lateral = nn.ModuleDict({str(s): nn.Conv2d(CHANNELS[s], widths[s], 1) for s in self.strides})
        self.context = nn.Sequential(*(Separable(widths[top], widths[top]) for _ in range(n_context)))
        self.reduce = nn.ModuleDict()
        self.smooth = nn.ModuleDict()
        for coarse, fine in zip(self.strides, self.strides[1:], strict=False):
            self.reduce[str(fine)] = nn.Conv2d(widths[coarse], widths[fine], 1)
            n = (n_smooth or {}).get(fine, 2)
            self.smooth[str(fine)] = nn.Sequential(*(Separable(widths[fine], widths[fine]) for _ in range(n)))

    def forward(self, features: dict[int, torch.Tensor]) -> torch.Tensor:
        """Map feature maps by stride to one map at the finest stride."""
        x = self.context(self.lateral[str(self.strides[0])](features[self.strides[0]]))
        for stride in self.strides[1:]:
            key = str(stride)
            x = F.interpolate(self.reduce[key](x), scale_factor=2.0, mode="nearest")
            x = self.smooth[key](x + self.lateral[key](features[stride]))
        return x


class PoseNet(nn.Module):
    """Lite0, a light pyramid, and per-keypoint maps at stride 4.

    Args:
        n_keypoints: number of maps.
        n_frozen: blocks of the backbone that keep their ImageNet weights (see ``Lite0``).
        keeps_norms: whether the backbone's batch norms keep their ImageNet statistics.
    """

    def __init__(self, n_keypoints: int = NUM_KEYPOINTS, n_frozen: int = 5, keeps_norms: bool = True) -> None:
        super().__init__()
        self.backbone = Lite0(n_frozen, keeps_norms=keeps_norms)
        self.pyramid = Pyramid(WIDTHS, n_smooth=N_SMOOTH)
        width = WIDTHS[STRIDE]
        self.maps = nn.Conv2d(width, n_keypoints, 1)
        self.mask = nn.Conv2d(width, 1, 1)
        self.limbs = nn.Conv2d(width, N_LIMB_CLASSES, 1)
        # What is judged at a keypoint: the features where it was placed, and how peaked its map is.
        self.judge_weight = nn.Parameter(torch.zeros(2, n_keypoints, width))
        self.judge_peak = nn.Parameter(torch.ones(2, n_keypoints))
        self.judge_bias = nn.Parameter(torch.zeros(2, n_keypoints))

    def forward(self, image: Float[torch.Tensor, "n 3 h w"]) -> PoseOutput:
        """Run the network.

        Args:
            image: RGB in 0..255; sides divisible by 32.
        """
        features = self.pyramid(self.backbone(image))
        logits = self.maps(features)
        cells = logits.flatten(2)
        index = cells.detach().argmax(2)
        at_peak = features.flatten(2).gather(2, index.unsqueeze(1).expand(-1, features.shape[1], -1)).transpose(1, 2)
        log_prob = F.log_softmax(cells, 2)
        peakedness = log_prob.detach().gather(2, index.unsqueeze(2))[:, :, 0]
        judged = (at_peak.unsqueeze(1) * self.judge_weight).sum(3)
        judged = judged + peakedness.unsqueeze(1) * self.judge_peak + self.judge_bias
        mask, limbs = self.mask(features)[:, 0], self.limbs(features)
        return PoseOutput(log_prob.view(logits.shape), judged[:, 0], judged[:, 1], mask, limbs)
