"""One body for the whole clip: shape parameters from the lengths that stay the same from frame to frame."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import Body
from kinequimation.body.shape import RANGES, Shape
from kinequimation.fit.clean import Track

if TYPE_CHECKING:
    from jaxtyping import Float

PRIOR_SIGMA: dict[str, float] = {
    "leg_length": 0.06, "cannon_length": 0.06, "barrel_depth": 0.06, "barrel_width": 0.06, "back_length": 0.06,
    "neck_length": 0.06, "neck_girth": 0.1, "head_length": 0.06, "muscle": 0.06, "tail_length": 0.2,
}  # fmt: skip
"""Shape parameters that lengths between keypoints tell, and the spread of each around its prior, in log: breeds differ
by 4–8 % (sources, F3), hair and fat more. The others stay as in the prior."""
LENGTH_SIGMA = 0.04
"""How well one length follows the shape parameters even without noise: soft tissue and individual bones (judgement)."""
SCALE_SIGMA = 0.05
"""Spread of the lifter's own scale, in log (judgement)."""
PRIOR_FRAMES = 5
"""Frames that weigh as much as the prior. The recipe (D1) has 20, for raw triangulated bones; a lifter that has seen
many bodies already leans towards the usual ones (judgement)."""
CORRELATED_FRAMES = 10
"""Frames that share one error of the lifter (judgement)."""

_PAIRS = (
    *((f"DEF-{a}.L", f"DEF-{b}.L") for a, b in (
        ("shoulder", "upper_arm"), ("upper_arm", "forearm"), ("forearm", "forefoot"), ("forefoot", "f_toe"),
        ("thigh", "lower_leg"), ("lower_leg", "hind_foot"), ("hind_foot", "r_toe"),
    )),
    ("DEF-spine.001", "DEF-spine.002"), ("DEF-spine.002", "DEF-spine.004"), ("DEF-spine.004", "DEF-spine.006"),
    ("DEF-spine.006", "DEF-neck.001"), ("DEF-spine.006", "DEF-shoulder.L"), ("DEF-thigh.L", "DEF-thigh.R"),
    ("DEF-shoulder.L", "DEF-shoulder.R"), ("point_of_hip.L", "point_of_hip.R"), ("withers", "girth"),
    ("DEF-neck.001", "DEF-neck.002"), ("DEF-neck.002", "DEF-neck.003"), ("DEF-neck.003", "DEF-neck.004"),
    ("DEF-neck.004", "DEF-head"), ("DEF-head", "nose"), ("eye.L", "nose"), ("DEF-head", "DEF-jaw"),
    ("neck_base", "DEF-neck.001"), ("neck_base", "DEF-spine.006"), ("point_of_shoulder.L", "DEF-shoulder.L"),
    ("DEF-tail.002", "DEF-tail.003"), ("DEF-tail.003", "DEF-tail.004"), ("DEF-tail.004", "DEF-tail.005"),
)  # fmt: skip
"""Pairs of keypoints on one bone, or on two that hardly bend against each other; left ones stand for both sides."""


def _both_sides() -> tuple[np.ndarray, np.ndarray]:
    """Return [n, 2] keypoint pairs, the mirrored ones added, and which entry of ``_PAIRS`` each belongs to."""
    pairs, group = [], []
    for i, (a, b) in enumerate(_PAIRS):
        pair = [skeleton.KEYPOINT_INDEX[a], skeleton.KEYPOINT_INDEX[b]]
        mirrored = skeleton.MIRROR_KEYPOINTS[pair].tolist()
        pairs.append(pair)
        group.append(i)
        if set(mirrored) != set(pair):
            pairs.append(mirrored)
            group.append(i)
    return np.array(pairs), np.array(group)


def _lengths(shape: Shape) -> Float[np.ndarray, " pairs"]:
    body = Body(shape)
    rest = np.concatenate([body.rest_xyz[1 : 1 + skeleton.NUM_JOINTS68], body.keypoint_offsets[1]])
    a, b = np.array([[skeleton.KEYPOINT_INDEX[n] for n in pair] for pair in _PAIRS]).T
    return np.linalg.norm(rest[a] - rest[b], axis=-1) / shape.withers_height_m


def estimate_shape(track: Track, prior: Shape) -> tuple[Shape, float]:
    """Fit the shape parameters in ``PRIOR_SIGMA`` to the median lengths of the clip; left and right share theirs.

    Maximum a posteriori in the logarithms: median lengths against those of the body, weighed by the number of frames
    over ``PRIOR_FRAMES``, and each parameter against the prior. The height is not fitted: one camera cannot see it.

    Returns:
        the shape, and the factor by which the track is larger than a horse of withers height 1.
    """
    pairs, group = _both_sides()
    names = list(PRIOR_SIGMA)
    start = np.log([getattr(prior, n) for n in names])
    low, high = np.log(np.array([RANGES[n] for n in names]).T)

    observed, variance, frames = np.ones(len(_PAIRS)), np.ones(len(_PAIRS)), np.zeros(len(_PAIRS))
    trusted = track.weight > 0.5 * np.median(track.weight[track.seen], axis=0)
    trusted &= track.seen[:, None] & (track.weight > 0)
    for g in range(len(_PAIRS)):
        lengths, sigmas = [], []
        for a, b in pairs[group == g]:
            ok = trusted[:, a] & trusted[:, b]
            lengths.append(np.linalg.norm(track.xyz_cam[ok, a] - track.xyz_cam[ok, b], axis=-1))
            sigmas.append(np.sqrt(1 / track.weight[ok, a] + 1 / track.weight[ok, b]))
        length, sigma = np.concatenate(lengths), np.concatenate(sigmas)
        if len(length):
            frames[g] = max(len(side) for side in lengths)
            observed[g] = max(_unbiased(length), 1e-3)
            noise = (float(np.median(sigma)) / observed[g]) ** 2 / (1 + frames[g] / CORRELATED_FRAMES)
            variance[g] = LENGTH_SIGMA**2 + noise
    information = frames / PRIOR_FRAMES / variance

    x = np.concatenate([start, [0.0]])
    precision = np.concatenate([np.array(list(PRIOR_SIGMA.values())) ** -2.0, [SCALE_SIGMA**-2]])
    centre = x.copy()

    def log_lengths(x: np.ndarray) -> np.ndarray:
        values = np.exp(x[:-1].clip(low, high))
        shape = dataclasses.replace(prior, **{n: _inside(n, v) for n, v in zip(names, values, strict=True)})
        return np.log(_lengths(shape)) + x[-1]

    for _ in range(6):
        base = log_lengths(x)
        J = np.stack([(log_lengths(x + step) - base) / 1e-4 for step in 1e-4 * np.eye(len(x))], 1)
        error = np.log(observed) - base
        robust = information / (1 + (error / 0.25) ** 2) ** 2
        H = J.T @ (robust[:, None] * J) + np.diag(precision)
        x = x + np.linalg.solve(H, J.T @ (robust * error) - precision * (x - centre))
        x[:-1] = x[:-1].clip(low + 1e-3, high - 1e-3)
        x[-1] = np.clip(x[-1], -0.3, 0.3)
    values = np.exp(x[:-1])
    shape = dataclasses.replace(prior, **{n: _inside(n, v) for n, v in zip(names, values, strict=True)})
    return shape, float(np.exp(x[-1]))


def _unbiased(length: Float[np.ndarray, " frames"]) -> float:
    """Return the median length without what noise adds to it.

    A bone's length does not change, so its spread is noise; two thirds of an equal noise in all directions lies
    across the bone and lengthens it: E[d²] = d₀² + 3 s², median(d)² ≈ d₀² + 2 s².
    """
    median = float(np.median(length))
    spread = 1.4826 * float(np.median(np.abs(length - median)))
    return float(np.sqrt(max(median**2 - 2 * spread**2, 0.25 * median**2)))


def _inside(name: str, value: float) -> float:
    low, high = RANGES[name]
    return float(np.clip(value, low, high))
