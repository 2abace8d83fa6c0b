"""Batches of the endless training stream, made by worker processes, the same wherever they start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from kinequimation.pose2d.model import STRIDE

if TYPE_CHECKING:
    from kinequimation.synth import Frame
    from kinequimation.synth.mixture import Mixture

Arrays = dict[str, np.ndarray]
Batch = dict[str, torch.Tensor]
SampleFunction = Callable[[int, int, int], Arrays]
"""Maps seed, index and size to a sample's arrays; must give the same in any process."""

CROPS_A_FRAME = 3
"""Crops cut from each rendered frame: drawing one costs about five times what augmenting it does."""
FRAMES_A_BLOCK = 32
"""Frames between the crops of one frame, so that a batch of 32 shows 32 different ones."""


def mixture_with(backgrounds: Path | None) -> Mixture:
    """Return the generator's mixture, with a folder's photographs as backgrounds if one is given.

    Raises:
        InputError: the folder is missing, or has no image.
    """
    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.pictures import photographs

    return Mixture() if backgrounds is None else Mixture().with_photographs(photographs(backgrounds))


@lru_cache(maxsize=FRAMES_A_BLOCK)
def _frame(seed: int, index: int, backgrounds: Path | None) -> Frame:
    from kinequimation.synth import training_frame

    return training_frame(seed, index, mixture_with(backgrounds))


@dataclass(frozen=True)
class RenderedSample:
    """Gives sample ``index`` of stream ``seed``: image, uv_px, visibility, and the mask at the map's resolution.

    Samples come in blocks of 96: a first crop of each of 32 frames, then a second of each, then a third.

    Attributes:
        backgrounds: a folder of photographs to take as backgrounds.
    """

    backgrounds: Path | None = None

    def __post_init__(self) -> None:
        mixture_with(self.backgrounds)  # a folder that is not there is said before any worker starts

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        """Return the sample's arrays."""
        from kinequimation.synth import training_crop

        block, i = divmod(index, CROPS_A_FRAME * FRAMES_A_BLOCK)
        frame = _frame(seed, block * FRAMES_A_BLOCK + i % FRAMES_A_BLOCK, self.backgrounds)
        s = training_crop(frame, seed, index, size)
        cells = size // STRIDE
        return {
            "image": s.image,
            "uv_px": s.uv_px.astype(np.float32),
            "visibility": s.visibility.astype(np.int64),
            "mask": s.mask.reshape(cells, STRIDE, cells, STRIDE).mean((1, 3)).astype(np.float32),
        }


class _Stream(Dataset[Batch]):
    def __init__(self, sample: SampleFunction, seed: int, size: int) -> None:
        self.sample, self.seed, self.size = sample, seed, size

    def __getitem__(self, index: int) -> Batch:
        return {k: torch.from_numpy(v.copy()) for k, v in self.sample(self.seed, index, self.size).items()}


class _Forever(Sampler[list[int]]):
    def __init__(self, batch_size: int, first_batch: int) -> None:
        self.batch_size, self.first_batch = batch_size, first_batch

    def __iter__(self) -> Iterator[list[int]]:
        batch = self.first_batch
        while True:
            yield list(range(batch * self.batch_size, (batch + 1) * self.batch_size))
            batch += 1


def batches(
    sample: SampleFunction, seed: int, size: int, batch_size: int, first_batch: int, n_workers: int
) -> Iterator[Batch]:
    """Yield batches for ever, from ``first_batch`` on; batch b holds the samples b·n to (b + 1)·n − 1 of the stream."""
    loader = DataLoader(
        _Stream(sample, seed, size),
        batch_sampler=_Forever(batch_size, first_batch),
        num_workers=n_workers,
        prefetch_factor=4 if n_workers else None,
    )
    return iter(loader)
