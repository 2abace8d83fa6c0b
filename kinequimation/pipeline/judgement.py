"""What a person should know about a result, in one line: how much of it can be used, and what cannot be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.gait.names import WORDS

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait import GaitReading

USABLE_FROM = 0.5
"""Frame confidence from which a frame is called usable: of the better half of its points most are right."""
HIDDEN_BELOW = 0.35
"""Mean confidence of a hoof's points under which the hoof counts as hidden."""
NAMED_FROM = 0.1
"""Share of frames from which a hidden hoof is worth a word."""
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
        gait: what it does for the longest time, in words; empty for an image, and where that was not asked.
        stride_rate_hz: strides per second in true time; None where the horse does not stride, or for too short.
        doubt: what about the stride rate cannot be, or an empty text.
    """

    n_frames: int
    n_found: int
    n_usable: int
    hidden: dict[str, int]
    gait: str
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
        if self.gait:
            rate = "" if self.stride_rate_hz is None else f", {self.stride_rate_hz:.2f} strides/s"
            parts.append(self.gait + rate)
        if self.doubt:
            parts.append(self.doubt)
        return "; ".join(parts)


def judge(
    confidence: Float[np.ndarray, "frames 103"],
    frame_confidence: Float[np.ndarray, " frames"],
    reading: GaitReading | None = None,
) -> Judgement:
    """Judge a result.

    Args:
        confidence: of its 2D keypoints.
        frame_confidence: of its frames.
        reading: of its gait; None for an image.
    """
    found = frame_confidence > 0
    points = confidence[:, _HOOF_POINTS]
    n_known = (points > 0).any(0).sum(-1)  # a file of keypoints may have one point of a hoof only
    hoof = points.sum(-1) / np.maximum(n_known, 1)
    hidden = {limb: int((hoof[found, i] < HIDDEN_BELOW).sum()) for i, limb in enumerate(skeleton.LIMBS)}
    return Judgement(
        n_frames=len(frame_confidence),
        n_found=int(found.sum()),
        n_usable=int((frame_confidence >= USABLE_FROM).sum()),
        hidden=hidden,
        gait="" if reading is None else WORDS[reading.main],
        stride_rate_hz=None if reading is None else reading.stride_rate_hz,
        doubt="" if reading is None else reading.doubt,
    )


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
