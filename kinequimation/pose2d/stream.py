"""Batches of the endless training stream, made by worker processes, the same wherever they start."""

from __future__ import annotations

import signal
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
    from jaxtyping import Bool, Float, Float32, UInt8

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
    """Return the mixture that networks are trained on, with a folder's photographs as backgrounds if one is given.

    Raises:
        InputError: the folder is missing, or has no image.
    """
    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.pictures import photographs

    mixture = Mixture.training()
    return mixture if backgrounds is None else mixture.with_photographs(photographs(backgrounds))


@lru_cache(maxsize=FRAMES_A_BLOCK)
def _frame(seed: int, index: int, backgrounds: Path | None) -> Frame:
    from kinequimation.synth import training_frame

    return training_frame(seed, index, mixture_with(backgrounds))


def arrays_of(
    image: UInt8[np.ndarray, "s s 3"],
    uv_px: Float[np.ndarray, "103 2"],
    visibility: UInt8[np.ndarray, " 103"],
    share: Float32[np.ndarray, "s s"] | None,
    limbs: UInt8[np.ndarray, "s s"],
    labelled: Bool[np.ndarray, " 103"] | None = None,
) -> Arrays:
    """Return a crop as the arrays that training reads.

    Args:
        image: the crop.
        uv_px: keypoints in it; NaN where unknown.
        visibility: 0 out of the crop or unknown, 1 hidden, 2 seen.
        share: the horse's share of each pixel; None where nobody says.
        limbs: class of each pixel, an index into ``synth.labels.LIMB_CLASSES``, or ``UNKNOWN_LIMB``.
        labelled: of which points anything is known; None for all.

    Returns:
        ``image`` u8 [s, s, 3], ``uv_px`` f32 [103, 2], ``visibility`` i64 [103] and ``labelled`` bool [103] as above;
        and in cells of the network's maps ``mask`` f32 [s/4, s/4], the horse's share, NaN where nobody says, and
        ``limbs`` u8 [s/4, s/4], the class of most pixels.
    """
    cells = len(image) // STRIDE
    mask = (
        np.full((cells, cells), np.nan) if share is None else share.reshape(cells, STRIDE, cells, STRIDE).mean((1, 3))
    )
    return {
        "image": image,
        "uv_px": uv_px.astype(np.float32),
        "visibility": visibility.astype(np.int64),
        "labelled": np.ones(len(uv_px), bool) if labelled is None else labelled,
        "mask": mask.astype(np.float32),
        "limbs": cells_of_limbs(limbs),
    }


@lru_cache(maxsize=1)
def _counters() -> np.ndarray:
    """Return for each class a number that counts it: six bits a class, as a cell has 16 pixels."""
    from kinequimation.synth.labels import LIMB_CLASSES, UNKNOWN_LIMB

    counters = np.zeros(256, np.int64)
    for place, value in enumerate((*range(len(LIMB_CLASSES)), UNKNOWN_LIMB)):
        counters[value] = 1 << (6 * place)
    return counters


def cells_of_limbs(limbs: UInt8[np.ndarray, "s s"]) -> UInt8[np.ndarray, "c c"]:
    """Return the class that most pixels of each cell have; the lowest of those that are as many."""
    counters = _counters()
    values = np.flatnonzero(counters).astype(np.uint8)
    cells = len(limbs) // STRIDE
    counted = counters[limbs].reshape(cells, STRIDE, cells, STRIDE).sum(1).sum(2)
    return values[(counted >> (6 * np.arange(len(values)))[:, None, None] & 63).argmax(0)]


@dataclass(frozen=True)
class RenderedSample:
    """Gives sample ``index`` of stream ``seed`` as ``arrays_of`` describes it.

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
        from kinequimation.synth.mixture import Mixture
        from kinequimation.synth.sensor import MILD_SENSOR, MILD_SHARE

        block, i = divmod(index, CROPS_A_FRAME * FRAMES_A_BLOCK)
        frame = _frame(seed, block * FRAMES_A_BLOCK + i % FRAMES_A_BLOCK, self.backgrounds)
        is_mild = np.random.default_rng([seed, index]).random() < MILD_SHARE
        crop = training_crop(frame, seed, index, size, Mixture(sensor=MILD_SENSOR) if is_mild else None)
        return arrays_of(crop.image, crop.uv_px, crop.visibility, crop.mask, crop.limbs)


class _Stream(Dataset[Batch]):
    def __init__(self, sample: SampleFunction, seed: int, size: int) -> None:
        self.sample, self.seed, self.size = sample, seed, size

    def __getitem__(self, index: int) -> Batch:
        return {k: torch.from_numpy(v.copy()) for k, v in self.sample(self.seed, index, self.size).items()}


class _Forever(Sampler[list[int]]):
    def __init__(self, batch_size: int, first_sample: int, part: int, of: int) -> None:
        self.batch_size, self.first_sample, self.part, self.of = batch_size, first_sample, part, of

    def __iter__(self) -> Iterator[list[int]]:
        start = self.first_sample + self.part * self.batch_size
        while True:
            yield list(range(start, start + self.batch_size))
            start += self.of * self.batch_size


def _leave_interrupts_to_the_parent(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the one that trains saves first


def batches(
    sample: SampleFunction,
    seed: int,
    size: int,
    batch_size: int,
    first_sample: int,
    n_workers: int,
    part: int = 0,
    of: int = 1,
) -> Iterator[Batch]:
    """Yield batches for ever.

    Args:
        sample: makes the samples.
        seed: which stream of them.
        size: side of the images, pixels.
        batch_size: samples a batch.
        first_sample: where in the stream to start.
        n_workers: processes that make them; 0 makes them in this one.
        part: which of ``of`` readers this is: together they read what one would with ``of`` times the batch, this one
            the samples ``part``·batch_size to (``part`` + 1)·batch_size − 1 of each such batch.
        of: readers.
    """
    loader = DataLoader(
        _Stream(sample, seed, size),
        batch_sampler=_Forever(batch_size, first_sample, part, of),
        num_workers=n_workers,
        prefetch_factor=4 if n_workers else None,
        worker_init_fn=_leave_interrupts_to_the_parent,
    )
    return iter(loader)
