"""How a 2D detector errs: turns true pixels into what a network would have found. For training the lifter.

The structure is MotionBERT's (`lib/data/augmentation.py`): a mixture of a Gaussian and an outlier at key frames,
interpolated over time so that errors last, white jitter on top, and a confidence made from the error. Added for horses
(sources, C3): swapped limbs, limbs hidden for a while, the far side worse, and either block of slots missing. The sizes
lie around those of the 2D network on drawn clips (half of all points within 0.019 of the box, the network's 0.022; half
of the hooves' within 0.021, 0.025) and reach further, since it errs more on real photos; they last longer and are less
sure than its own (``benchmarks/lift_noise.py``), which training has beside them (``recordings``). Labels are never
touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.lift.cameras import smooth_noise, uniform

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

_N = skeleton.NUM_KEYPOINTS
_MIRROR = skeleton.MIRROR_KEYPOINTS


def _mask(names: set[str]) -> np.ndarray:
    return np.array([name in names for name in skeleton.KEYPOINTS])


def _lower_limb(limb: str) -> set[str]:
    side = limb[0]
    joints = {
        b for b in skeleton.limb_joints(limb) if not any(s in b for s in ("shoulder", "pelvis", "thigh.", "upper"))
    }
    skin = ("elbow", "carpus", "fore_fetlock", "fore_toe") if limb[1] == "F" else ("hock", "hind_fetlock", "hind_toe")
    return joints | {f"{n}.{side}" for n in skin}


_LIMB = np.stack([_mask(_lower_limb(limb)) for limb in skeleton.LIMBS])
"""[4, 103] slots from forearm or lower leg down to the hoof."""
_SIDED = np.isin(np.arange(_N), skeleton.SIDED_KEYPOINTS)
_SWAPS = np.stack([_LIMB[0] | _LIMB[1], _LIMB[2] | _LIMB[3], _SIDED])
"""[3, 103] what is taken for its mirror image: the fore limbs, the hind limbs, everything."""
_SIDE = np.array(
    [_s * (1 if ".L" in _k else -1) for _s, _k in zip(_SIDED, skeleton.KEYPOINTS, strict=True)], np.float32
)
_HARD = np.where(_mask(set(skeleton.GROUPS["tail"])), 2.0, 1.0).astype(np.float32)
_JOINT = np.arange(_N) < skeleton.NUM_JOINTS68


@dataclass(frozen=True)
class NoiseConfig:
    """How bad the detector is.

    Lengths are in box sizes (the longer side of the horse's box); probabilities are per clip unless said otherwise.

    Attributes:
        level: smallest and largest standard deviation of a clip's errors.
        p_clean: probability of a clip without any error.
        p_outlier: probability, per point and key frame, of a gross error; ``outlier`` is its largest size.
        p_swap: probability, for fore limbs, hind limbs and everything, that left and right are swapped for a while.
        p_collapse: probability, per limb, that it is found where its fellow is for a while.
        p_limb: probability, per limb, that it is hidden for a while.
        p_frame: probability, per frame, that nothing was found.
        p_block: probability that only the joints are there, and that only the landmarks are.
        p_leak: probability that points out of the frame are not missing but found at its edge, with low confidence.
        missing: largest share of single points missing.
    """

    level: tuple[float, float] = (0.004, 0.06)
    p_clean: float = 0.35
    p_outlier: float = 0.04
    outlier: float = 0.25
    p_swap: tuple[float, float, float] = (0.10, 0.12, 0.05)
    p_collapse: float = 0.08
    p_limb: float = 0.10
    p_frame: float = 0.05
    p_block: tuple[float, float] = (0.15, 0.15)
    p_leak: float = 0.4
    missing: float = 0.25


NO_NOISE = NoiseConfig(
    p_clean=1.0, p_outlier=0, p_swap=(0, 0, 0), p_collapse=0, p_limb=0, p_frame=0, p_block=(0, 0), p_leak=0, missing=0
)  # fmt: skip
"""The true pixels, all of them that lie inside the frame."""


def _spans(
    rng: np.random.Generator, probability: float | tuple[float, ...], shape: tuple[int, int, int], longest: int
) -> Bool[np.ndarray, "b t events"]:
    """Draw, for each clip and kind of event, at most one span of frames of 3 to ``longest`` frames."""
    n, t, events = shape
    happens = rng.random((n, events)) < np.asarray(probability)
    start = rng.random((n, events)) * (t + 6) - 6
    length = uniform(rng, 3, longest, n, events)
    frames = np.arange(t)[None, :, None]
    return happens[:, None] & (frames >= start[:, None]) & (frames < (start + length)[:, None])


def detect_badly(
    rng: np.random.Generator,
    uv_px: Float[np.ndarray, "b t k 2"],
    in_frame: Bool[np.ndarray, "b t k"],
    size_px: Float[np.ndarray, "b 2"],
    box_px: Float[np.ndarray, "b t"],
    far_side: Float[np.ndarray, "b t"],
    config: NoiseConfig,
) -> tuple[Float[np.ndarray, "b t k 2"], Float[np.ndarray, "b t k"]]:
    """Return pixels and confidences as a detector might give them; missing points are 0 with confidence 0.

    Args:
        uv_px: true pixels, finite.
        in_frame: which points the image holds.
        size_px: width and height of the image.
        box_px: longer side of the horse's box.
        far_side: from −1 to 1: which side is turned away; 1 is the left.
        config: how bad.
    """
    n, t = uv_px.shape[:2]
    dirty = rng.random(n) >= config.p_clean
    level = np.exp(uniform(rng, *np.log(config.level), n)) * dirty
    hidden = np.maximum(0, _SIDE * far_side[..., None])
    sd = level[:, None, None] * _HARD * np.exp(0.4 * rng.standard_normal((n, 1, _N), dtype=np.float32))
    sd = (sd * (1 + 1.0 * hidden)).astype(np.float32)

    spacing = int(rng.integers(4, 28))
    share = uniform(rng, 0.1, 0.6, n, 1, 1, 1)  # white jitter; the rest lasts
    lasting = smooth_noise(rng, n, t, (_N, 2), spacing)
    constant = rng.standard_normal((n, 1, _N, 2), dtype=np.float32)
    white = rng.standard_normal((n, t, _N, 2), dtype=np.float32)
    error = sd[..., None] * (0.7 * lasting + 0.5 * constant + share * white)
    if config.p_outlier:
        # an outlier lasts some frames, and comes and goes
        gross = rng.random((n, (t - 1) // 6 + 1, _N), dtype=np.float32) < config.p_outlier * dirty[:, None, None]
        where = np.argwhere(gross)
        jumps = np.zeros((*gross.shape, 2), np.float32)
        jumps[tuple(where.T)] = uniform(rng, -config.outlier, config.outlier, len(where), 2)
        error += jumps[:, np.arange(t) // 6]
    size = np.sqrt(np.einsum("...c,...c->...", error, error))
    noisy = uv_px + error * box_px[:, :, None, None]

    # confidence: falls with what the error is and with what it might have been
    reach = 0.5 * size + 0.7 * sd
    tolerance = uniform(rng, 0.03, 0.12, n, 1, 1)
    spread = uniform(rng, 0.0, 0.12, n, 1, 1)
    confidence = tolerance / (reach + tolerance) + spread * rng.standard_normal((n, t, _N), dtype=np.float32)
    confidence -= 0.2 * hidden * uniform(rng, 0, 1, n, 1, 1)
    confidence = np.where(dirty[:, None, None], np.clip(confidence, 0.02, 1.0), np.float32(1.0))

    leaked = ~in_frame & (rng.random((n, 1, 1)) < config.p_leak)
    noisy = np.where(leaked[..., None], np.clip(noisy, 0, size_px[:, None, None] - 1), noisy)
    confidence = np.where(leaked, uniform(rng, 0.02, 0.5, n, 1, 1), confidence)
    known = in_frame | leaked

    swapped = (_spans(rng, config.p_swap, (n, t, 3), 40)[..., None] & _SWAPS).any(2)
    swapped ^= (_spans(rng, (config.p_collapse,) * 4, (n, t, 4), 30)[..., None] & _LIMB).any(2)
    source = np.where(swapped, _MIRROR, np.arange(_N))
    noisy = np.take_along_axis(noisy, source[..., None], axis=2)
    confidence = np.take_along_axis(confidence, source, axis=2)
    confidence = np.where(swapped, confidence * uniform(rng, 0.4, 1.0, n, 1, 1), confidence)
    known = np.take_along_axis(known, source, axis=2)
    return lose(rng, noisy, np.where(known, confidence, 0.0), config, config.missing * dirty)


def lose(
    rng: np.random.Generator,
    uv_px: Float[np.ndarray, "b t k 2"],
    confidence: Float[np.ndarray, "b t k"],
    config: NoiseConfig,
    missing: Float[np.ndarray, " b"] | None = None,
) -> tuple[Float[np.ndarray, "b t k 2"], Float[np.ndarray, "b t k"]]:
    """Return points and confidences of which some are lost: limbs and frames for a while, single points, whole blocks.

    Args:
        uv_px, confidence: what was found; confidence 0 where it was not.
        config: how much is lost.
        missing: largest share of single points missing in each clip; the configuration's if not given.
    """
    n, t = confidence.shape[:2]
    most = np.full(n, config.missing) if missing is None else missing
    known = confidence > 0
    known &= ~(_spans(rng, config.p_limb, (n, t, 4), 30)[..., None] & _LIMB).any(2)
    if t > 1:
        blank = (rng.random((n, t, 1)) < config.p_frame) | _spans(rng, config.p_frame, (n, t, 1), 20)
        known &= ~blank
    known &= rng.random((n, t, _N), dtype=np.float32) >= most[:, None, None] * uniform(rng, 0, 1, n, 1, 1) ** 2
    block = rng.random((n, 1, 1))
    only_joints, only_skin = block < config.p_block[0], block > 1 - config.p_block[1]
    known &= ~(only_joints & ~_JOINT) & ~(only_skin & _JOINT)
    return np.where(known[..., None], uv_px, 0.0), np.where(known, confidence, 0.0)
