"""What a person should know about a result, in one line: how much of it can be used, and what cannot be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion import Motion

USABLE_FROM = 0.5
"""Frame confidence from which a frame is called usable: of the better half of its points most are right."""
HIDDEN_BELOW = 0.35
"""Mean confidence of a hoof's points under which the hoof counts as hidden."""
NAMED_FROM = 0.1
"""Share of frames from which a hidden hoof is worth a word."""
SLOWEST_HZ, FASTEST_HZ = 0.5, 3.0
"""Stride rates of a horse of 1.60 m that moves: the slowest walk has 0.55, a racing gallop 2.4 (sources, E1)."""
SLOWEST_LEAP_HZ = 0.8
"""The same where each hoof is less than half of the time on the ground; passage has 0.88, collected trot 1.25 (E1)."""
SLOWEST_CANTER_HZ = 1.2
"""The same in canter, by the order of the limbs: a collected canter has 1.55 (E1); a pirouette's may have less."""
_CANTER_APART = (0.1, 0.4)
_MIN_SWING = 0.12
"""Fore-and-aft travel of a hoof under the trunk, in withers heights, from which a horse walks rather than shifts."""
_MIN_PEAK = 0.4
_WINDOWS_S = (3.0, 6.0, 12.0)
"""Three walk strides, and their like in slow motion."""
_LIMB_NAMES = {"LF": "left fore", "RF": "right fore", "LH": "left hind", "RH": "right hind"}
_HOOF_POINTS = np.array(
    [
        [skeleton.KEYPOINT_INDEX[name] for name in (*skeleton.limb_joints(limb)[-2:], skeleton.limb_toe(limb))]
        for limb in skeleton.LIMBS
    ]
)


@dataclass(frozen=True)
class Judgement:
    """How good a result is.

    Attributes:
        n_frames: frames in the result.
        n_found: frames with a horse.
        n_usable: frames whose keypoints can mostly be trusted.
        hidden: for each limb of ``skeleton.LIMBS``, in how many of the frames with a horse its hoof is hidden.
        stride_rate_hz: strides per second in true time; None where the horse does not stride, or for too short.
        doubt: what about the stride rate cannot be, or an empty text.
    """

    n_frames: int
    n_found: int
    n_usable: int
    hidden: dict[str, int]
    stride_rate_hz: float | None
    doubt: str

    @property
    def line(self) -> str:
        """The judgement as a sentence."""
        if self.n_frames == 1:
            parts = ["the image is usable" if self.n_usable else "the image is poor: look at it before you use it"]
        else:
            parts = [f"usable {self.n_usable} of {self.n_frames} frames"]
            if missing := self.n_frames - self.n_found:
                parts.append(f"no horse in {missing}")
        parts += _hidden_phrases(self.hidden, self.n_found)
        if self.stride_rate_hz is not None:
            parts.append(f"{self.stride_rate_hz:.2f} strides/s")
        if self.doubt:
            parts.append(self.doubt)
        return "; ".join(parts)


def judge(
    motion: Motion,
    confidence: Float[np.ndarray, "frames 103"],
    frame_confidence: Float[np.ndarray, " frames"],
    time_scale: float,
) -> Judgement:
    """Judge a result.

    Args:
        motion: the result, in true time.
        confidence: of its 2D keypoints.
        frame_confidence: of its frames.
        time_scale: how much slower than life the video was taken to be.
    """
    found = frame_confidence > 0
    points = confidence[:, _HOOF_POINTS]
    n_known = (points > 0).any(0).sum(-1)  # a file of keypoints may have one point of a hoof only
    hoof = points.sum(-1) / np.maximum(n_known, 1)
    hidden = {limb: int((hoof[found, i] < HIDDEN_BELOW).sum()) for i, limb in enumerate(skeleton.LIMBS)}
    rate = stride_rate_hz(motion)
    return Judgement(
        n_frames=len(motion),
        n_found=int(found.sum()),
        n_usable=int((frame_confidence >= USABLE_FROM).sum()),
        hidden=hidden,
        stride_rate_hz=rate,
        doubt=_doubt(motion, rate, time_scale),
    )


def _swing(motion: Motion) -> tuple[Float[np.ndarray, "n 4"], float]:
    """Return how far each toe is in front of the sacrum, detrended, in withers heights, at even steps; and the step."""
    body = Body(motion.shape)
    xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
    sacrum, withers = (xyz[:, skeleton.KEYPOINT_INDEX[k]] for k in (skeleton.SACRUM, "DEF-spine.006"))
    forward = (withers - sacrum) * np.array([1.0, 1.0, 0.0])
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    toes = xyz[:, [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]]
    swing = np.einsum("tla,ta->tl", toes - sacrum[:, None], forward) / motion.shape.withers_height_m
    step_s = float(np.median(np.diff(motion.t_s)))
    t_even = np.arange(motion.t_s[0], motion.t_s[-1] + step_s / 2, step_s)
    seen = motion.confidence > 0
    even = np.stack([np.interp(t_even, motion.t_s[seen], s[seen]) for s in swing.T], 1)
    line = np.stack([np.ones(len(even)), np.linspace(-1, 1, len(even))], 1)
    return even - line @ np.linalg.lstsq(line, even, rcond=None)[0], step_s


def stride_rate_hz(motion: Motion) -> float | None:
    """Return strides per second, from how the hooves swing fore and aft under the trunk.

    The autocorrelations of the four hooves are added, so that limbs in any phase agree, and those of short windows,
    so that legs that change their names half-way do not hide the stride; the first clear peak is one stride. Longer
    windows are tried after shorter ones, for slow motion. None where the hooves hardly swing, or too little is seen.
    """
    if len(motion) < 8:
        return None
    even, step_s = _swing(motion)
    if np.percentile(np.ptp(even, axis=0), 75) < _MIN_SWING:
        return None
    for window_s in _WINDOWS_S:
        if (rate := _first_peak_hz(even, min(len(even), round(window_s / step_s)), step_s)) is not None:
            return rate
    return None


def _first_peak_hz(even: Float[np.ndarray, "n 4"], width: int, step_s: float) -> float | None:
    """Return the rate of the first clear peak of the autocorrelation in windows of ``width`` that overlap by half."""
    if width < 8:
        return None
    correlation = np.zeros(width)
    for start in range(0, len(even) - width + 1, max(1, width // 2)):
        part = even[start : start + width]
        spectrum = np.abs(np.fft.rfft(part - part.mean(0), 2 * width, axis=0)) ** 2
        correlation += np.fft.irfft(spectrum.sum(1))[:width]
    correlation /= max(correlation[0], 1e-12)
    correlation /= np.arange(width, 0, -1) / width  # unbiased: a later peak is not smaller for its lag
    last = int(width / 1.5)
    negative = np.nonzero(correlation < 0)[0]
    if len(negative) == 0 or negative[0] >= last:
        return None
    searched = correlation[negative[0] : last]
    peaks = [
        i
        for i in range(1, len(searched) - 1)
        if searched[i - 1] <= searched[i] > searched[i + 1] and searched[i] >= max(_MIN_PEAK, 0.85 * searched.max())
    ]
    if not peaks:
        return None
    lag = peaks[0] + negative[0]
    a, b, c = correlation[lag - 1 : lag + 2]
    shift = 0.5 * (a - c) / min(a - 2 * b + c, -1e-12)
    return float(1.0 / ((lag + shift) * step_s))


def is_canter(motion: Motion, stride_rate_hz: float) -> bool:
    """Return whether the limbs move as in canter or gallop: left and right of each pair a quarter stride apart.

    They are half a stride apart in walk, trot and pace; where a network sees one leg for both they are together.
    """
    even, step_s = _swing(motion)
    wave = np.exp(-2j * np.pi * stride_rate_hz * step_s * np.arange(len(even)))
    limb = (wave * np.hanning(len(even) + 2)[1:-1]) @ even
    apart = np.abs(np.angle(limb[[0, 2]] * np.conj(limb[[1, 3]]))) / (2 * np.pi)
    return bool(np.all((apart > _CANTER_APART[0]) & (apart < _CANTER_APART[1])))


def _doubt(motion: Motion, rate_hz: float | None, time_scale: float) -> str:
    if rate_hz is None:
        return ""
    at_160 = rate_hz * float(np.sqrt(motion.shape.withers_height_m / 1.60))  # equal Froude number
    leaps = float((motion.contact[motion.confidence > 0] > 0.5).mean()) < 0.5
    if at_160 > FASTEST_HZ:
        return "no horse strides as fast as that: is the time scale too large, or the video sped up?"
    told = "likely slow motion" + ("" if time_scale == 1 else f" beyond the time scale of {time_scale:g}")
    if at_160 < SLOWEST_CANTER_HZ and is_canter(motion, rate_hz):
        return f"no horse canters as slowly as that: {told}, see --time-scale"
    if at_160 < (SLOWEST_LEAP_HZ if leaps else SLOWEST_HZ):
        return f"no horse moves as slowly as that: {told}, see --time-scale"
    return ""


def _hidden_phrases(hidden: dict[str, int], n_found: int) -> list[str]:
    """Name the hooves hidden in many frames, both of a pair together: "hind hooves hidden in 60"."""
    least = max(1, round(NAMED_FROM * n_found))
    named = {limb: n for limb, n in hidden.items() if n >= least}
    if n_found == 1:
        return [" and ".join(_LIMB_NAMES[limb] for limb in named) + " hoof hidden"] if named else []
    phrases = []
    for pair, ends in (("fore", ("LF", "RF")), ("hind", ("LH", "RH"))):
        both = [named[limb] for limb in ends if limb in named]
        if len(both) == 2 and max(both) <= 1.3 * min(both):
            phrases.append(f"{pair} hooves hidden in {max(both)}")
        else:
            phrases += [f"{_LIMB_NAMES[limb]} hoof hidden in {named[limb]}" for limb in ends if limb in named]
    return phrases
