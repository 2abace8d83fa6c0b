"""What the pose network is trained to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from kinequimation.pose2d.model import STRIDE, PoseOutput
from kinequimation.skeleton import GROUPS, KEYPOINT_INDEX, MIRROR_KEYPOINTS
from kinequimation.synth.labels import UNKNOWN_LIMB

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SIGMA_CELLS = 1.5
"""Deviation of the target's Gaussian: 6 pixels of a 192-pixel crop, 4 % of the box (HRNet's 2 cells of 64)."""
HIDDEN_WEIGHT = 0.6
"""Weight of a hidden point's place beside a seen one's: it must be guessed, but a guess is noisier."""
LEG_WEIGHT = 2.0
"""Weight of carpus, hock and everything below beside other points: the gait is in them, they are small, alike, and
hide each other, and most of the trunk's points follow from their neighbours."""
JUDGE_WEIGHT = 0.3
MASK_WEIGHT = 1.0
LIMB_WEIGHT = 0.5
LIMB_CELL_WEIGHT = 4.0
"""Weight of a limb's cell beside another: limbs cover few of them."""
SIDE_WEIGHT = 0.8
"""Weight of telling left from right. Without it a third of the pairs were both put on the clearer leg."""
APART_CELLS = 3.0
"""Distance from which the two legs of a pair can be told apart: twice ``SIGMA_CELLS``."""
SIDE_SIGMA_CELLS = 2.25
"""Deviation of the windows in which the maps' masses are compared: about what ``legs.RADIUS`` takes in."""
SIDE_FLOOR = 0.01
"""Mass under which a map says nothing of a place."""
HIT_FRACTION = 0.05
"""A place is right within this fraction of the horse's longer side: what confidence promises."""


_LEGS = [KEYPOINT_INDEX[name] for group in ("lower limb", "hoof") for name in GROUPS[group]]


class Losses(NamedTuple):
    """The loss and its parts, each a scalar."""

    total: torch.Tensor
    place: torch.Tensor
    judge: torch.Tensor
    mask: torch.Tensor
    limbs: torch.Tensor
    sides: torch.Tensor


def in_crop(uv_px: Float[torch.Tensor, "n k 2"], visibility: Int[torch.Tensor, "n k"], size: int) -> torch.Tensor:
    """Return [N, K] whether a point is labelled and lies in the crop."""
    inside = (uv_px > -0.5) & (uv_px < size - 0.5)  # NaN is outside
    return inside.all(2) & (visibility > 0)


def hit_radius_px(uv_px: Float[torch.Tensor, "n k 2"]) -> Float[torch.Tensor, " n"]:
    """Return the distance within which a place counts as right: a fraction of the points' longer extent."""
    lo = torch.where(uv_px.isnan(), torch.inf, uv_px).amin(1)
    hi = torch.where(uv_px.isnan(), -torch.inf, uv_px).amax(1)
    return HIT_FRACTION * (hi - lo).amax(1)


def to_cells(uv_px: torch.Tensor) -> torch.Tensor:
    """Convert crop pixels to cells of a map; both have (0, 0) at the centre of their first."""
    return (uv_px - (STRIDE - 1) / 2) / STRIDE


def to_pixels(xy_cells: torch.Tensor) -> torch.Tensor:
    """Convert cells of a map to crop pixels."""
    return xy_cells * STRIDE + (STRIDE - 1) / 2


def pose_loss(
    output: PoseOutput,
    uv_px: Float[torch.Tensor, "n k 2"],
    visibility: Int[torch.Tensor, "n k"],
    mask: Float[torch.Tensor, "n h w"],
    labelled: Bool[torch.Tensor, "n k"] | None = None,
    limbs: Int[torch.Tensor, "n h w"] | None = None,
) -> Losses:
    """Return the loss of a batch.

    Place: cross-entropy between a Gaussian at the true point and the map, less its floor (the Gaussian's own entropy),
    so that 0 is perfect. Judgement: cross-entropy of "hit" against where the map's peak is now, and of "seen". Points
    out of the crop have no place, and count as not hit and not seen; points without a label count for nothing. Mask
    and limbs: cross-entropy with the silhouette, and with which limb a cell shows, where they are known. Sides: see
    ``side_loss``.

    Args:
        output: the network's.
        uv_px: true points in crop pixels; NaN or outside where unknown.
        visibility: 0 out of the frame, 1 hidden, 2 seen.
        mask: the horse's silhouette at the map's resolution, 0..1; NaN where unknown.
        labelled: whether anything is known of a point; None for all.
        limbs: the limb at each cell, an index into ``synth.labels.LIMB_CLASSES``, or ``UNKNOWN_LIMB``.
    """
    k, h, w = output.log_prob.shape[1:]
    valid = in_crop(uv_px, visibility, w * STRIDE)
    if labelled is not None:
        valid &= labelled
    place_weight = torch.where(visibility == 2, 1.0, HIDDEN_WEIGHT) * valid
    legs = torch.zeros(k, dtype=torch.bool, device=valid.device)
    legs[[i for i in _LEGS if i < k]] = True
    place_weight = torch.where(legs, LEG_WEIGHT, 1.0) * place_weight
    true = torch.where(valid.unsqueeze(2), to_cells(uv_px), 0.0)

    def gauss(centre: torch.Tensor, n_cells: int) -> torch.Tensor:
        g = _window(centre, n_cells, SIGMA_CELLS)
        return g / g.sum(2, keepdim=True)

    gx, gy = gauss(true[..., 0], w), gauss(true[..., 1], h)
    along = torch.matmul(output.log_prob, gx.unsqueeze(3))[..., 0]  # Σ_x log p · gx
    floor = -(gx * gx.clamp_min(1e-20).log()).sum(2) - (gy * gy.clamp_min(1e-20).log()).sum(2)
    cross_entropy = -(along * gy).sum(2) - floor
    place = (cross_entropy * place_weight).sum() / place_weight.sum().clamp_min(1.0)

    with torch.no_grad():
        index = output.log_prob.flatten(2).argmax(2)
        peak_px = to_pixels(torch.stack([index % w, index // w], 2).float())
        hit = valid & ((peak_px - uv_px).norm(dim=2) < hit_radius_px(uv_px)[:, None])
        seen = valid & (visibility == 2)
    known = torch.ones_like(valid) if labelled is None else labelled
    judged = [
        F.binary_cross_entropy_with_logits(logit, target.float(), known.float(), reduction="sum")
        for logit, target in ((output.hit_logit, hit), (output.seen_logit, seen))
    ]
    judge = (judged[0] + judged[1]) / known.sum().clamp_min(1)
    drawn = mask.isfinite()
    silhouette = F.binary_cross_entropy_with_logits(
        output.mask_logit, mask.nan_to_num(), drawn.float(), reduction="sum"
    ) / drawn.sum().clamp_min(1)
    limb = torch.zeros((), device=place.device)
    if limbs is not None and bool((limbs != UNKNOWN_LIMB).any()):
        weight = torch.tensor([1.0, 1.0] + [LIMB_CELL_WEIGHT] * 4, device=place.device)
        limb = F.cross_entropy(output.limb_logit, limbs.long(), weight, ignore_index=UNKNOWN_LIMB)
    sides = side_loss(output.log_prob, true, place_weight)
    total = place + JUDGE_WEIGHT * judge + MASK_WEIGHT * silhouette + LIMB_WEIGHT * limb + SIDE_WEIGHT * sides
    return Losses(total, place, judge, silhouette, limb, sides)


def _window(centre: Float[torch.Tensor, "n k"], n_cells: int, sigma: float) -> Float[torch.Tensor, "n k c"]:
    """Return a Gaussian of height 1 around each centre, over the cells of one axis."""
    grid = torch.arange(n_cells, device=centre.device, dtype=centre.dtype)
    return torch.exp(-((grid - centre.unsqueeze(2)) ** 2) / (2 * sigma**2))


def side_loss(
    log_prob: Float[torch.Tensor, "n k h w"], true: Float[torch.Tensor, "n k 2"], weight: Float[torch.Tensor, "n k"]
) -> torch.Tensor:
    """Return the cross-entropy of the maps' odds that the legs are this way round and not the other.

    The odds are what ``legs.decode_legs`` decides by: the mass that the left map has at the left leg and the right map
    at the right leg, over what each has at the other's. Pairs that lie together say nothing.

    Args:
        log_prob: log-probabilities of the maps.
        true: true places in cells.
        weight: of each point, 0 where it has no place.
    """
    _, k, h, w = log_prob.shape
    pairs = [(i, int(MIRROR_KEYPOINTS[i])) for i in _LEGS if i < min(k, MIRROR_KEYPOINTS[i])]
    left, right = torch.tensor(pairs, dtype=torch.long, device=log_prob.device).reshape(-1, 2).T
    apart = (true[:, left] - true[:, right]).norm(dim=2) >= APART_CELLS
    pair_weight = torch.minimum(weight[:, left], weight[:, right]) * apart
    prob = log_prob[:, torch.cat([left, right])].exp()

    def log_mass_at(side: torch.Tensor) -> tuple[torch.Tensor, ...]:
        gx, gy = (_window(true[:, side, i], n, SIDE_SIGMA_CELLS).repeat(1, 2, 1) for i, n in ((0, w), (1, h)))
        mass = (torch.matmul(prob, gx.unsqueeze(3))[..., 0] * gy).sum(2)
        return (mass + SIDE_FLOOR).log().chunk(2, 1)

    (left_here, right_there), (left_there, right_here) = log_mass_at(left), log_mass_at(right)
    odds = left_here + right_here - left_there - right_there
    return (F.softplus(-odds) * pair_weight).sum() / pair_weight.sum().clamp_min(1.0)
