"""What the detector is trained to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from kinequimation.detect.model import STRIDE, DetectOutput

if TYPE_CHECKING:
    from jaxtyping import Float

SPREAD = 0.12
"""Deviation of the score's target over the box's width and height: a soft peak at the centre."""
CORE = 0.2
"""Cells within this share of the width and height from the centre learn the box."""
BOX_WEIGHT = 2.0


class Losses(NamedTuple):
    """The loss and its parts, each a scalar."""

    total: torch.Tensor
    score: torch.Tensor
    box: torch.Tensor


def detect_loss(output: DetectOutput, boxes_xywh: Float[torch.Tensor, "n m 4"]) -> Losses:
    """Return the loss of a batch: CenterNet's penalty-reduced focal loss for scores, −log IoU for boxes.

    Args:
        output: the network's.
        boxes_xywh: boxes in frame pixels; rows of NaN where a frame has fewer.
    """
    h, w = output.score_logit.shape[1:]
    device = boxes_xywh.device
    y = (torch.arange(h, device=device) * STRIDE + (STRIDE - 1) / 2)[None, None, :, None]
    x = (torch.arange(w, device=device) * STRIDE + (STRIDE - 1) / 2)[None, None, None, :]
    present = ~boxes_xywh.isnan().any(2)
    box = torch.where(present.unsqueeze(2), boxes_xywh, boxes_xywh.new_tensor([-1e4, -1e4, 1.0, 1.0]))
    bx, by, bw, bh = (v[:, :, None, None] for v in box.unbind(2))
    cx, cy = bx + bw / 2, by + bh / 2
    off_x, off_y = (x - cx) / bw.clamp_min(2 * STRIDE), (y - cy) / bh.clamp_min(2 * STRIDE)
    target, _ = torch.exp(-(off_x**2 + off_y**2) / (2 * SPREAD**2)).max(1)  # [N, h, w]
    # the cell nearest to a centre is a full positive, wherever in the cell the centre lies
    nearest = ((x - cx).abs() <= STRIDE / 2) & ((y - cy).abs() <= STRIDE / 2) & present[:, :, None, None]
    positive = nearest.any(1)

    p = output.score_logit.sigmoid()
    log_p, log_not = F.logsigmoid(output.score_logit), F.logsigmoid(-output.score_logit)
    focal = torch.where(positive, -((1 - p) ** 2) * log_p, -((1 - target) ** 4) * p**2 * log_not)
    score = focal.sum() / positive.sum().clamp_min(1) / 4

    core = (off_x.abs() < CORE) & (off_y.abs() < CORE) & present[:, :, None, None] | nearest
    area = torch.where(core, bw * bh, torch.inf)
    smallest, owner = area.min(1)  # where boxes overlap, a cell answers for the smallest
    learns = smallest.isfinite()

    def owned(v: torch.Tensor) -> torch.Tensor:
        return v.expand(-1, -1, h, w).gather(1, owner.unsqueeze(1))[:, 0]

    left, top = x[:, 0] - owned(bx), y[:, 0] - owned(by)
    true = torch.stack([left, top, owned(bw) - left, owned(bh) - top], 1).clamp_min(0.1)
    guess = output.ltrb_px
    both = torch.minimum(true, guess)
    overlap = (both[:, 0] + both[:, 2]) * (both[:, 1] + both[:, 3])
    union = (true[:, 0] + true[:, 2]) * (true[:, 1] + true[:, 3])
    union = union + (guess[:, 0] + guess[:, 2]) * (guess[:, 1] + guess[:, 3]) - overlap
    box_loss = (-torch.log((overlap / union).clamp_min(1e-3)) * learns).sum() / learns.sum().clamp_min(1)
    return Losses(score + BOX_WEIGHT * box_loss, score, box_loss)
