"""Train a pose network on the endless rendered stream, on labelled frames, or on a mixture of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.pose2d import train_hrnet, train_lite0
from kinequimation.pose2d.distributed import Processes, processes_of_run
from kinequimation.pose2d.loop import LoopConfig, Trainer, train_loop
from kinequimation.pose2d.loss import hit_radius_px, in_crop
from kinequimation.pose2d.sources import Opened, open_sources
from kinequimation.pose2d.stream import Batch, SampleFunction
from kinequimation.runtime import Device, Progress, no_progress

logger = logging.getLogger(__name__)

Groups = list[tuple[list[nn.Parameter], float]]
NetworkName = Literal["lite0", "hrnet_w32"]
NETWORKS: dict[str, ModuleType] = {"lite0": train_lite0, "hrnet_w32": train_hrnet}
Placer = Callable[[Batch], tuple[np.ndarray, np.ndarray]]
"""Maps a batch to points in crop pixels [N, K, 2] and a score of each [N, K] that rises with how sure they are."""


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """How to train a pose network; the rest is ``LoopConfig``'s. ``defaults_of`` says what differs by network.

    Attributes:
        network: ``lite0`` for CPUs, or ``hrnet_w32``, MMPose's.
        init: ``imagenet`` (as None), ``shipped``, ``scratch``, or a file of this network's weights.
        data: what to learn from, as ``sources.open_sources`` takes it; nothing for the rendered stream.
        images: the folder in which images of COCO files are looked for; the files' own by default.
        size: 192. At 128 hooves are two cells wide, at 256 a CPU trains a third as many samples.
        n_frozen: backbone blocks kept at their ImageNet weights: renders would teach them rendering. lite0 only.
        backbone_lr: AdamW's peak rate for the other blocks; smaller, so that they are adapted and not replaced.
        n_calibration: held-out samples that calibrate the exported network's confidence and measure it.
        device: where to train; ``auto`` takes a graphics card where there is one.
    """

    network: NetworkName = "lite0"
    data: tuple[str, ...] = ()
    images: Path | None = None
    n_frozen: int = 5
    backbone_lr: float = 3e-4
    n_calibration: int = 1024
    device: Device = "auto"

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if self.network not in NETWORKS:
            raise InputError(f"network: expected one of {', '.join(NETWORKS)}, got {self.network!r}")
        if self.n_calibration < 1:
            raise InputError(f"n_calibration: expected at least 1, got {self.n_calibration}")
        if not 0 <= self.n_frozen <= 16 or (self.network == "hrnet_w32" and self.n_frozen):
            raise InputError(f"n_frozen: expected 0 to 16 blocks of lite0, 0 for hrnet_w32, got {self.n_frozen}")


def defaults_of(network: str, init: Path | str | None) -> dict[str, Any]:
    """Return the fields of ``TrainConfig`` whose default depends on the network, and on whether it was trained before.

    Raises:
        InputError: there is no such network.
    """
    if network not in get_args(NetworkName):
        raise InputError(f"network: expected one of {', '.join(NETWORKS)}, got {network!r}")
    recipe = NETWORKS[network]
    is_trained = init is not None and init not in ("imagenet", "scratch")
    return {**recipe.DEFAULTS, **(recipe.FINE_TUNING if is_trained else {})}


def make_trainer(config: TrainConfig, processes: Processes | None = None) -> Trainer:
    """Return a trainer at its start.

    Raises:
        InputError: ``init`` is not a file of this network.
        MissingDependencyError: the ImageNet weights are not installed.
    """
    processes = processes or Processes()
    net, groups = NETWORKS[config.network].make(config, processes)
    return Trainer(config, net, groups, processes)


def train(
    config: TrainConfig,
    progress: Progress = no_progress,
    sample: SampleFunction | None = None,
) -> list[float]:
    """Train until the time or the steps are used up; continue if the run folder holds a checkpoint.

    Args:
        config: how.
        progress: called with the stage ``training`` and seconds (or steps) done and in all.
        sample: gives sample ``index`` of stream ``seed``; by default what ``config.data`` says.

    Returns:
        the total loss of every step taken by this call.

    Raises:
        InputError: the run folder's checkpoint or ``init`` is not of this network, or a set cannot be read.
        MissingDependencyError: ImageNet weights or the renderer are not installed.
        KeyboardInterrupt: Ctrl-C came; a checkpoint was saved.
    """
    torch.set_num_threads(config.n_threads)
    torch.set_float32_matmul_precision("high")  # lets graphics cards of today use their faster arithmetic
    recipe = NETWORKS[config.network]
    with processes_of_run(config.device) as processes:
        opened = None if sample is not None else opened_sources(config)
        trainer = make_trainer(config, processes)
        if opened is not None and processes.is_first:
            for note in opened.notes:
                logger.info("%s", note)
            shares = zip(opened.names, opened.shares, strict=True)
            logger.info("learning from %s", ", ".join(f"{name} {share:.0%}" for name, share in shares))

        def losses_of(batch: Batch) -> dict[str, torch.Tensor]:
            return recipe.losses(trainer.net, batch)

        def validate(net: nn.Module, held: list[Batch]) -> dict[str, float]:
            net.eval()
            return pck(lambda batch: recipe.place(net, batch), held, () if opened is None else opened.names)

        if opened is None:
            assert sample is not None
            return train_loop(trainer, losses_of, validate, sample, progress)
        return train_loop(trainer, losses_of, validate, opened.source, progress, opened.source.held)


def opened_sources(config: TrainConfig) -> Opened:
    """Open what a configuration says to learn from.

    Raises:
        InputError: a set cannot be read.
    """
    return open_sources(config.data, config.backgrounds, config.images)


def right_and_seen(place: Placer, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the points of a network with a batch's labels.

    Returns:
        [N, K] whether a point lies within 0.05 of the horse's longer side of its label; [N, K] 2 for points that are
        seen in the crop, 1 for hidden ones, 0 for those out of it, −1 for those of which the labels say nothing; and
        [N, K] the scores.
    """
    uv_px, score = place(batch)
    k = score.shape[1]
    truth, visibility = batch["uv_px"][:, :k], batch["visibility"][:, :k]
    valid = in_crop(truth, visibility, batch["image"].shape[1]).numpy()
    error = np.linalg.norm(uv_px - truth.numpy(), axis=2)
    with np.errstate(invalid="ignore"):
        right = valid & (error < hit_radius_px(batch["uv_px"]).numpy()[:, None])
    state = np.where(valid, visibility.numpy(), 0)
    if "labelled" in batch:
        state = np.where(batch["labelled"][:, :k].numpy(), state, -1)
    return right, state, score


def pck(place: Placer, held: list[Batch], names: Sequence[str] = ()) -> dict[str, float]:
    """Return ``validation_pck05``: the share of seen points within 0.05 of the horse's longer side.

    Args:
        place: gives a network's points.
        held: batches that it was not trained on.
        names: of the sources that a mixture's samples name; each gets a figure of its own.
    """
    rights: list[np.ndarray] = []
    seens: list[np.ndarray] = []
    sources: list[np.ndarray] = []
    for batch in held:
        right, state, _ = right_and_seen(place, batch)
        rights.append((right & (state == 2)).sum(1))
        seens.append((state == 2).sum(1))
        sources.append(batch["source"].numpy() if "source" in batch else np.zeros(len(right), int))
    right, seen, source = np.concatenate(rights), np.concatenate(seens), np.concatenate(sources)
    figures = {"validation_pck05": right.sum() / max(seen.sum(), 1)}
    if len(names) > 1:
        for i, name in enumerate(names):
            if seen[source == i].any():
                figures[f"validation_pck05_{_short(name)}"] = right[source == i].sum() / seen[source == i].sum()
    return {name: float(value) for name, value in figures.items()}


def _short(name: str) -> str:
    """Return a name that is fit for a column of the log."""
    path = Path(name)
    stem = path.parent.name if path.stem in ("annotations", "train") else path.stem
    return re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:24] or "set"
