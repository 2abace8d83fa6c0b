"""Keep left legs left over a clip: in profile the network may call a leg left in one frame and right in the next.

It seldom exchanges whole legs. More often a leg is right down to the carpus and goes on as the other one below. So each
pair of legs is cut into sections from the trunk down, and in every frame each section stays as it is or has its two
sides exchanged. Of all ways to do so over the clip the cheapest is taken: the legs move as smoothly as they can,
no leg is longer than it is, sections of one leg mostly go together, and the network is mostly right (Viterbi
over pairs of frames). Smoothness cannot tell which of two legs is the left one; that is what the network says in most
frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SECTIONS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("DEF-forearm.L", "DEF-forearm.L.001", "DEF-forefoot.L", "carpus.L"),
        ("DEF-forefoot.L.001", "DEF-f_toe.L", "fore_fetlock.L"),
        ("DEF-f_hoof.L", "fore_toe.L"),
    ),
    (
        ("DEF-lower_leg.L", "DEF-lower_leg.L.001", "DEF-hind_foot.L", "hock.L"),
        ("DEF-hind_foot.L.001", "DEF-r_toe.L", "hind_fetlock.L"),
        ("DEF-r_hoof.L", "hind_toe.L"),
    ),
)
"""Points of the left fore and hind leg that change sides together, from the elbow or stifle down."""
N_SECTIONS = 3
_UPPER = (
    ("DEF-shoulder.L", "DEF-upper_arm.L", "DEF-upper_arm.L.001", "point_of_shoulder.L", "elbow.L"),
    ("DEF-pelvis.L", "DEF-thigh.L", "DEF-thigh.L.001", "point_of_hip.L", "stifle.L"),
)
"""What goes with the first section but does not vote: in profile left and right lie on top of each other up there."""
_LINKS = (
    (("DEF-forefoot.L", "DEF-f_toe.L"), ("DEF-f_toe.L", "DEF-f_hoof.L")),
    (("DEF-hind_foot.L", "DEF-r_toe.L"), ("DEF-r_toe.L", "DEF-r_hoof.L")),
)
"""What joins each section to the next."""

# All costs are in sizes of the horse's box, summed over points. Their weights were chosen on eight filmed renders of
# walk, trot, canter and gallop as an earlier network saw them, AS_SEEN on ten others as the one that ships sees them.
# Of leg points more than 0.1 apart that has 6.3 % on the wrong side, 3.5 % after this, 2.6 % after clean_clip. A
# wrong name that lasts for most of a stride cannot be told from a right one.
MAX_BEND = 0.2
"""Bending of a point's path that counts in full: a point that jumps says no more."""
STEP_SHARE = 0.15
"""Weight of the way from frame to frame beside the bending: it decides where legs stand or the frame rate is low."""
AS_SEEN = 0.01
"""Cost of exchanging a point against what the network says, for each ``USUAL_STEP_S`` that it lasts: small, so that it
decides between paths that are smooth alike."""
USUAL_STEP_S = 1 / 25
BROKEN = 1.0
"""Cost of a leg that changes sides between two sections."""
STRETCH_SHARE, MAX_STRETCH, USUAL_STRETCH = 3.0, 0.3, 1.2
"""Weight of a link that is too long; length from which it says no more; and how much longer than most a link may be."""
MAX_GAP_S = 0.25
"""Frames without the horse over which legs are still compared with those before."""

_N_STATES = 1 << N_SECTIONS
_BIT = (np.arange(_N_STATES)[:, None] >> np.arange(N_SECTIONS)) & 1
"""[16, sections] which sections a state exchanges."""


def _slots(names: tuple[str, ...]) -> Int[np.ndarray, "points 2"]:
    return np.array([[skeleton.KEYPOINT_INDEX[k], skeleton.KEYPOINT_INDEX[skeleton.MIRROR[k]]] for k in names])


def steady_sides(
    uv_px: Float[np.ndarray, "frames 103 2"],
    confidence: Float[np.ndarray, "frames 103"],
    size_px: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"] | None = None,
    settled: Bool[np.ndarray, "before 103"] | None = None,
) -> tuple[Float[np.ndarray, "frames 103 2"], Float[np.ndarray, "frames 103"], Bool[np.ndarray, "frames 103"]]:
    """Exchange the sections of a pair of legs in the frames where that makes them move more smoothly.

    Args:
        uv_px: keypoints; NaN where missing.
        confidence: of the keypoints, 0 where missing.
        size_px: longer side of the horse's box; NaN where there is no horse.
        t_s: seconds of each frame; 25 frames a second by default.
        settled: of the first frames, which points are to be exchanged: those of a clip that is done in parts.

    Returns:
        keypoints and confidences with points exchanged, and which points were.
    """
    uv, sure = uv_px.copy(), confidence.copy()
    exchanged = np.zeros(uv.shape[:2], bool)
    n_settled = 0
    if settled is not None:
        n_settled = len(settled)
        exchanged[:n_settled] = settled
        uv[:n_settled] = np.where(settled[..., None], uv[:n_settled, skeleton.MIRROR_KEYPOINTS], uv[:n_settled])
        sure[:n_settled] = np.where(settled, sure[:n_settled, skeleton.MIRROR_KEYPOINTS], sure[:n_settled])
    time = np.arange(len(uv)) * USUAL_STEP_S if t_s is None else np.asarray(t_s, float)
    trunk = [skeleton.KEYPOINT_INDEX[f"DEF-spine.00{i}"] for i in range(1, 7)]
    there = np.flatnonzero(np.isfinite(size_px) & np.isfinite(uv[:, trunk]).all((1, 2)) & (sure.max(1) > 0))
    if len(there) < 3:
        return uv, sure, exchanged
    # against the trunk, in box sizes: neither the camera nor the horse's way matters
    at = (uv[there] - uv[there][:, trunk].mean(1, keepdims=True)) / np.median(size_px[there])
    trust = np.where(np.isfinite(at).all(-1), np.nan_to_num(sure[there]), 0.0)
    at = np.nan_to_num(at)
    steps_s = np.diff(time[there])
    for sections, upper, links in zip(SECTIONS, _UPPER, _LINKS, strict=True):
        costs = _Costs(at, trust, steps_s, sections, links)
        costs.alone[: (there < n_settled).sum(), 1:] = np.inf  # they are as they shall be
        path = _cheapest(costs)
        for section, names in enumerate(sections):
            pairs = _slots((*upper, *names) if section == 0 else names)
            rows = there[_BIT[path, section] == 1][:, None, None]
            for array in (uv, sure):
                array[rows, pairs] = array[rows, pairs[:, ::-1]]
            exchanged[rows, pairs] = True
    return uv, sure, exchanged


class _Costs:
    """What each choice costs in each frame of one pair of legs.

    Attributes:
        bend: [T, sections, 2, 2, 2] of a path over the frames t − 2, t − 1, t; the first two rows are 0.
        step: [T, sections, 2, 2] of the way from frame t − 1 to t; the first row is 0.
        alone: [T, 16] of a state by itself.
    """

    def __init__(
        self,
        at: np.ndarray,
        trust: np.ndarray,
        steps_s: np.ndarray,
        sections: tuple[tuple[str, ...], ...],
        links: tuple[tuple[str, str], ...],
    ) -> None:
        n = len(at)
        follows = steps_s <= MAX_GAP_S
        usual_s = float(np.median(steps_s))
        shares = np.clip(np.append(steps_s, usual_s) / USUAL_STEP_S, 0.1, 4.0)
        self.bend = np.zeros((n, N_SECTIONS, 2, 2, 2))
        self.step = np.zeros((n, N_SECTIONS, 2, 2))
        self.alone = np.zeros((n, _N_STATES))
        for s, names in enumerate(sections):
            slots = _slots(names)
            views = [at[:, slots], at[:, slots[:, ::-1]]]  # as they are, exchanged
            trusts = [trust[:, slots], trust[:, slots[:, ::-1]]]
            even = usual_s / np.maximum(steps_s, 1e-6)  # after a gap, the way that one usual step would be
            for b in range(2):
                for c in range(2):
                    way = (views[c][1:] - views[b][:-1]) * even[:, None, None, None]
                    weight = np.minimum(trusts[c][1:], trusts[b][:-1])
                    length = np.linalg.norm(way, axis=-1).clip(0, MAX_BEND)
                    self.step[1:, s, b, c] = follows * STEP_SHARE * (weight * length).sum((1, 2))
                    for a in range(2):
                        before = (views[b][1:-1] - views[a][:-2]) * even[:-1, None, None, None]
                        bend = np.linalg.norm(way[1:] - before, axis=-1).clip(0, MAX_BEND)
                        least = np.minimum(weight[1:], trusts[a][:-2])
                        self.bend[2:, s, a, b, c] = (follows[1:] & follows[:-1]) * (least * bend).sum((1, 2))
            # a point that the network is sure of is dearer to exchange
            held = AS_SEEN * np.minimum(*np.moveaxis(trust[:, slots], -1, 0)).sum(1) * 2 * shares
            self.alone += held[:, None] * _BIT[:, s]
        for s, (upper, lower) in enumerate(links):
            broken = _BIT[:, s] != _BIT[:, s + 1]
            whole, crossed = _stretch(at, trust, _slots((upper,))[0], _slots((lower,))[0])
            self.alone += np.where(broken, crossed[:, None] + BROKEN, whole[:, None])


def _stretch(at: np.ndarray, trust: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return [T] what it costs that a link is too long, with its ends as they are and with one end exchanged."""
    costs = []
    lengths = [np.linalg.norm(at[:, upper] - at[:, ends], axis=-1) for ends in (lower, lower[::-1])]
    weights = [np.minimum(trust[:, upper], trust[:, ends]) for ends in (lower, lower[::-1])]
    # the pair of links that is shorter in all is mostly the true one
    shorter = np.where((lengths[0].sum(1) <= lengths[1].sum(1))[:, None], lengths[0], lengths[1])
    usual = USUAL_STRETCH * float(np.percentile(shorter, 75))
    for length, weight in zip(lengths, weights, strict=True):
        costs.append(STRETCH_SHARE * (weight * (length - usual).clip(0, MAX_STRETCH)).sum(1))
    return costs[0], costs[1]


def _cheapest(costs: _Costs) -> Int[np.ndarray, " frames"]:
    """Return the state of each frame, of all paths the cheapest in all."""
    n = len(costs.alone)
    section = np.arange(N_SECTIONS)
    a, b, c = _BIT[:, None, None], _BIT[None, :, None], _BIT[None, None, :]
    best = costs.alone[0][:, None] + costs.alone[1] + costs.step[1][section, _BIT[:, None], _BIT[None]].sum(-1)
    came_from = np.zeros((n, _N_STATES, _N_STATES), np.uint8)
    for t in range(2, n):
        step = costs.step[t][section, _BIT[:, None], _BIT[None]].sum(-1)  # [t − 1, t]
        total = best[:, :, None] + costs.bend[t][section, a, b, c].sum(-1)  # [t − 2, t − 1, t]
        came_from[t] = total.argmin(0)
        best = total.min(0) + step + costs.alone[t]
    path = np.zeros(n, int)
    path[-2], path[-1] = np.unravel_index(int(best.argmin()), best.shape)
    for t in range(n - 1, 1, -1):
        path[t - 2] = came_from[t, path[t - 1], path[t]]
    return path
