"""The detector: whole frames in, a score and a box for each cell out (after CenterNet and FCOS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from kinequimation.pose2d.lite0 import Lite0
from kinequimation.pose2d.model import Pyramid

if TYPE_CHECKING:
    from jaxtyping import Float

STRIDE = 8
"""Frame pixels to one cell."""
WIDTHS: dict[int, int] = {8: 64, 16: 128}
N_TRUNK = 11
"""Blocks of Lite0 up to stride 16, all frozen: photos' features, so that what is no horse in a photo stays different.
The coarser blocks would be five times as large."""
UNIT_PX = 32.0
"""A cell whose box logits are 0 says that each side of its box is this far away."""
PRIOR = 0.02
"""Score of every cell at the start: most cells are no horse, and the loss must not begin by learning only that."""


class DetectOutput(NamedTuple):
    """What the network says about a batch of frames.

    Attributes:
        score_logit: [N, h, w] logit that a horse's box has its centre at the cell.
        ltrb_px: [N, 4, h, w] distance from the cell to the left, top, right and bottom of its horse's box, pixels.
    """

    score_logit: Float[torch.Tensor, "n h w"]
    ltrb_px: Float[torch.Tensor, "n 4 h w"]


class DetectNet(nn.Module):
    """A frozen Lite0 trunk up to stride 16 and a light head at stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Lite0(n_frozen=N_TRUNK, last_stride=16)
        self.pyramid = Pyramid(WIDTHS, n_context=5)
        self.score = nn.Conv2d(WIDTHS[STRIDE], 1, 1)
        self.box = nn.Conv2d(WIDTHS[STRIDE], 4, 1)
        for head in (self.score, self.box):
            nn.init.normal_(head.weight, std=1e-3)  # every cell starts at the prior, and nowhere sure of nonsense
            nn.init.zeros_(head.bias)  # pyright: ignore[reportArgumentType]
        nn.init.constant_(self.score.bias, torch.logit(torch.tensor(PRIOR)).item())  # pyright: ignore[reportArgumentType]

    def forward(self, image: Float[torch.Tensor, "n 3 h w"]) -> DetectOutput:
        """Run the network.

        Args:
            image: RGB in 0..255; sides divisible by 16.
        """
        features = self.pyramid(self.backbone(image))
        distance = F.softplus(self.box(features) + 1.0) * UNIT_PX
        return DetectOutput(self.score(features)[:, 0], distance)
