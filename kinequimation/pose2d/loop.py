"""The training loop that the pose network and the detector share.

A run lives in a folder: ``checkpoint.pt`` (plain tensors and numbers), ``log.csv``, ``config.json``. It can be stopped
at any time and goes on at the sample where its last checkpoint was.
"""

from __future__ import annotations

import copy
import csv
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.pose2d.stream import Batch, SampleFunction, batches
from kinequimation.runtime import Progress

logger = logging.getLogger(__name__)

VALIDATION_SEED_OFFSET = 1_000_003
CALIBRATION_SEED_OFFSET = 2_000_003
"""Streams that training never sees."""


@dataclass(frozen=True)
class LoopConfig:
    """How to train; every number has a reason.

    Attributes:
        run_dir: folder of the run; a checkpoint in it is continued.
        init: an ONNX file of this network to start from instead of ImageNet weights.
        backgrounds: a folder of photographs to draw horses before; painted places without it.
        minutes: time to train in all, resumed parts counted together, the time between them not. The learning rate
            follows the share of it that has passed, so that a slow machine anneals as fully as a fast one, on fewer
            samples.
        max_steps: if set, stop after as many steps and anneal over them instead; then a run is reproducible.
        seed: of the stream and of the head's first weights.
        size: side of the images, pixels.
        batch_size: an hour of a laptop renders few samples, so many small steps; below 16 batch norms get noisy.
        n_workers: processes that render; one renders about as fast as one thread trains.
        n_threads: of the training process.
        head_lr: AdamW's peak rate for what starts from nothing.
        weight_decay: AdamW's usual.
        warmup: share of the run over which the rate rises; the head's first gradients are wild.
        final_lr: the rate's last value over its peak.
        clip_norm: gradients longer than this are shortened.
        ema_decay: decay of the averaged weights that are validated and shipped; the average spans about 500 steps.
        checkpoint_minutes: between checkpoints; what a crash can cost.
        n_validation: samples of the held-out stream. It tells that training works, not which recipe transfers.
    """

    run_dir: Path
    init: Path | None = None
    backgrounds: Path | None = None
    minutes: float = 85.0
    max_steps: int | None = None
    seed: int = 1
    size: int = 192
    batch_size: int = 16
    n_workers: int = 1
    n_threads: int = 1
    head_lr: float = 1.5e-3
    weight_decay: float = 0.02
    warmup: float = 0.03
    final_lr: float = 0.01
    clip_norm: float = 5.0
    ema_decay: float = 0.998
    checkpoint_minutes: float = 3.0
    n_validation: int = 192

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("minutes", "size", "batch_size", "n_threads", "head_lr", "checkpoint_minutes", "n_validation"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{name}: expected a number > 0, got {getattr(self, name)}")
        if self.size % 32:
            raise InputError(f"size: expected a multiple of 32, got {self.size}")
        if self.max_steps is not None and self.max_steps < 1:
            raise InputError(f"max_steps: expected at least 1, got {self.max_steps}")
        if self.n_workers < 0 or self.seed < 0:
            raise InputError(f"n_workers and seed: expected 0 or more, got {self.n_workers} and {self.seed}")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}

    def held_out(self, sample: SampleFunction, seed_offset: int, n_samples: int) -> list[Batch]:
        """Return batches of a stream that training never sees."""
        stream = batches(sample, self.seed + seed_offset, self.size, self.batch_size, 0, min(self.n_workers, 1))
        return [next(stream) for _ in range(math.ceil(n_samples / self.batch_size))]


class Trainer:
    """A network, its averaged twin, its optimiser, and where they are in the stream.

    Args:
        config: how to train.
        net: the network.
        groups: parameters and the peak learning rate of each group.
    """

    def __init__(self, config: LoopConfig, net: nn.Module, groups: Sequence[tuple[list[nn.Parameter], float]]) -> None:
        self.config, self.net = config, net
        self.ema = copy.deepcopy(net).eval().requires_grad_(False)
        self.rates = [rate for _, rate in groups]
        self.optimizer = torch.optim.AdamW(
            [{"params": params, "lr": rate} for params, rate in groups], weight_decay=config.weight_decay
        )
        self.step = 0
        self.elapsed_s = 0.0

    @property
    def done(self) -> float:
        """Share of the run that has passed, 0..1."""
        if self.config.max_steps is not None:
            return min(1.0, self.step / self.config.max_steps)
        return min(1.0, self.elapsed_s / (60 * self.config.minutes))

    def rate(self) -> float:
        """Return the learning rate over its peak: a linear rise, then half a cosine."""
        c = self.config
        if self.done < c.warmup:
            return max(self.done / c.warmup, 0.02)
        fall = (self.done - c.warmup) / (1 - c.warmup)
        return c.final_lr + (1 - c.final_lr) * 0.5 * (1 + math.cos(math.pi * fall))

    def take_step(self, loss: torch.Tensor) -> None:
        """Follow a loss's gradients by one step."""
        rate = self.rate()
        for group, peak in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = peak * rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.step += 1
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.ema.state_dict().values(), self.net.state_dict().values(), strict=True):
                if value.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            InputError: the file is not a checkpoint of this network.
        """
        state = read_checkpoint(path)
        try:
            self.net.load_state_dict(state["net"])
            self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"{path}: expected a checkpoint of this network, got another ({first})") from error
        self.step, self.elapsed_s = int(state["step"]), float(state["elapsed_s"])


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without unpickling code.

    Raises:
        InputError: the file is missing or is no checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        _ = state["net"], state["ema"], state["step"]
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a training checkpoint, found nothing; train first") from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise InputError(f"{path}: expected a training checkpoint, got something unreadable ({error})") from error
    return state


def train_loop(
    trainer: Trainer,
    losses_of: Callable[[Batch], dict[str, torch.Tensor]],
    validate: Callable[[nn.Module, list[Batch]], dict[str, float]],
    sample: SampleFunction,
    progress: Progress,
) -> list[float]:
    """Train until the time or the steps are used up; continue if the run folder holds a checkpoint.

    Args:
        trainer: what to train, and how.
        losses_of: the losses of a batch by name, ``loss`` the one to minimise.
        validate: figures of the averaged network on held-out batches, for the log.
        sample: gives sample ``index`` of stream ``seed``.
        progress: called with the stage ``training`` and seconds (or steps) done and in all.

    Returns:
        the total loss of every step taken by this call.
    """
    config = trainer.config
    checkpoint = config.run_dir / "checkpoint.pt"
    config.run_dir.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        trainer.load(checkpoint)
        logger.info("going on from step %d, %.1f min", trainer.step, trainer.elapsed_s / 60)
    (config.run_dir / "config.json").write_text(json.dumps(config.to_json(), indent=2) + "\n", encoding="utf-8")
    stream = batches(sample, config.seed, config.size, config.batch_size, trainer.step, config.n_workers)
    held: list[Batch] = []
    history: list[float] = []
    recent: list[dict[str, float]] = []
    start_s, before_s = time.monotonic(), trainer.elapsed_s
    saved_s = before_s
    while trainer.done < 1.0:
        batch = next(stream)
        trainer.net.train()
        losses = losses_of(batch)
        trainer.take_step(losses["loss"])
        trainer.elapsed_s = before_s + time.monotonic() - start_s
        recent.append({name: float(value.detach()) for name, value in losses.items()})
        history.append(recent[-1]["loss"])
        if config.max_steps is None:
            progress("training", int(trainer.elapsed_s), int(60 * config.minutes))
        else:
            progress("training", trainer.step, config.max_steps)
        since_s = trainer.elapsed_s - saved_s
        if since_s >= 60 * config.checkpoint_minutes or trainer.done >= 1.0:
            trainer.save(checkpoint)
            held = held or config.held_out(sample, VALIDATION_SEED_OFFSET, config.n_validation)
            row = {
                "step": trainer.step,
                "samples": trainer.step * config.batch_size,
                "minutes": round(trainer.elapsed_s / 60, 2),
                "rate": round(trainer.rate(), 4),
                **{name: round(float(np.mean([r[name] for r in recent])), 4) for name in recent[0]},
                **{name: round(value, 4) for name, value in validate(trainer.ema, held).items()},
                "samples_per_s": round(len(recent) * config.batch_size / max(since_s, 1e-9), 2),
            }
            _append(config.run_dir / "log.csv", row)
            saved_s, recent = trainer.elapsed_s, []
    return history


def _append(path: Path, row: dict[str, float]) -> None:
    logger.info("%s", "  ".join(f"{name} {value}" for name, value in row.items()))
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)
