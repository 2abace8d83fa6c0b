"""The detector's training stream: rendered frames, each shown several times as a different cut-out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.crop import apply_transform, compose_transforms, crop_transform, warp
from kinequimation.pose2d.stream import Arrays, mixture_with

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.synth import DetectionSample

MAX_BOXES = 8
"""Rows of a sample's boxes; the renderer draws at most three horses."""
VIEWS_A_FRAME = 3
"""Times that a rendered frame is shown: drawing one costs more than training on three."""
FRAMES_A_BLOCK = 32
"""Frames between the views of one frame, so that a batch shows different ones."""
MIN_SHARE = 0.3
"""A horse of which a cut-out shows less is background there."""


@lru_cache(maxsize=FRAMES_A_BLOCK)
def _frame(seed: int, index: int, size: int, backgrounds: Path | None) -> DetectionSample:
    from kinequimation.synth import detection_sample

    return detection_sample(seed, index, size, mixture_with(backgrounds))


@dataclass(frozen=True)
class RenderedFrame:
    """Gives sample ``index`` of stream ``seed``: image, and boxes padded with rows of NaN.

    Samples come in blocks of 96: 32 frames as they are, then a cut-out of each, then another.

    Attributes:
        backgrounds: a folder of photographs to take as backgrounds.
    """

    backgrounds: Path | None = None

    def __post_init__(self) -> None:
        mixture_with(self.backgrounds)

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        """Return the sample's arrays."""
        block, i = divmod(index, VIEWS_A_FRAME * FRAMES_A_BLOCK)
        frame = _frame(seed, block * FRAMES_A_BLOCK + i % FRAMES_A_BLOCK, size, self.backgrounds)
        image, found = frame.image, frame.boxes_xywh
        if i >= FRAMES_A_BLOCK:
            image, found = cut_out(np.random.default_rng([seed, index]), image, found)
        boxes = np.full((MAX_BOXES, 4), np.nan, np.float32)
        boxes[: len(found)] = found[:MAX_BOXES]
        return {"image": image, "boxes_xywh": boxes}


def cut_out(
    rng: np.random.Generator, image: UInt8[np.ndarray, "s s 3"], boxes_xywh: Float[np.ndarray, "n 4"]
) -> tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "m 4"]]:
    """Show a frame nearer or farther, moved, perhaps mirrored, in other colours.

    Args:
        rng: makes the choices.
        image: a square frame.
        boxes_xywh: its horses.

    Returns:
        the new frame, and the boxes of the horses of which it shows enough, cut at its edges.
    """
    size = len(image)
    centre = rng.uniform(0, size, 2)
    if len(boxes_xywh) and rng.random() < 0.8:
        x, y, w, h = boxes_xywh[rng.integers(len(boxes_xywh))]
        centre = np.array([x + w / 2, y + h / 2]) + rng.uniform(-0.4, 0.4, 2) * size
    side = size / np.exp(rng.uniform(np.log(0.5), np.log(1.8)))
    transform = crop_transform(float(centre[0]), float(centre[1]), side, size)
    if rng.random() < 0.5:
        transform = compose_transforms(np.array([[-1.0, 0.0, size - 1.0], [0.0, 1.0, 0.0]]), transform)
    grey = int(rng.integers(0, 256))
    shown = warp(image, transform, size, (grey, grey, grey)).astype(np.float32)
    shown = shown[:, :, rng.permutation(3)] if rng.random() < 0.15 else shown
    shown = (shown - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-30, 30, 3 if rng.random() < 0.5 else 1)
    kept = []
    for x, y, w, h in boxes_xywh:
        corners = apply_transform(transform, np.array([[x, y], [x + w, y + h]]))
        whole = np.ptp(corners, axis=0)
        lo, hi = np.clip(corners.min(0), -0.5, size - 0.5), np.clip(corners.max(0), -0.5, size - 0.5)
        if np.prod(hi - lo) >= MIN_SHARE * np.prod(whole) and (hi - lo).min() > 4:
            kept.append([*lo, *(hi - lo)])
    return np.clip(shown, 0, 255).astype(np.uint8), np.array(kept, float).reshape(-1, 4)
