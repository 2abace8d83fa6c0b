"""The training loop that the pose networks and the detector share.

A run lives in a folder: ``checkpoint.pt`` (plain tensors and numbers), ``log.csv``, ``curves.png``, ``tensorboard/``,
``config.json``. It can be stopped at any time, by Ctrl-C or SIGKILL, and goes on at the sample where its last
checkpoint was: with ``max_steps``, to the same losses as if it had never stopped.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kinequimation import __version__
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole
from kinequimation.pose2d.checkpoint import read_pickle
from kinequimation.pose2d.curves import draw_curves
from kinequimation.pose2d.distributed import Processes
from kinequimation.pose2d.logs import RunLog
from kinequimation.pose2d.stream import Batch, SampleFunction, batches
from kinequimation.runtime import Device, Progress, requests_to_stop

logger = logging.getLogger(__name__)

MAX_CONFIG_BYTES = 1 << 20
VALIDATION_SEED_OFFSET = 1_000_003
CALIBRATION_SEED_OFFSET = 2_000_003
"""Streams that training never sees."""


@dataclass(frozen=True)
class LoopConfig:
    """How to train; every number has a reason.

    Attributes:
        run_dir: folder of the run; a checkpoint in it is continued.
        init: a file of this network's weights to start from instead of ImageNet's.
        backgrounds: a folder of photographs to draw horses before; painted places without it.
        minutes: time to train in all, resumed parts counted together, the time between them not. The learning rate
            follows the share of it that has passed, so that a slow machine anneals as fully as a fast one, on fewer
            samples.
        max_steps: if set, stop after as many steps and anneal over them instead; then a run is reproducible, however
            often it is stopped.
        seed: of the stream and of the head's first weights.
        size: side of the images, pixels.
        batch_size: of each process. An hour of a laptop renders few samples, so many small steps; below 16 batch norms
            get noisy.
        n_workers: processes that render; one renders about as fast as one thread trains.
        n_threads: of the training process.
        head_lr: AdamW's peak rate for what starts from nothing.
        weight_decay: AdamW's usual.
        warmup: share of the run over which the rate rises; the head's first gradients are wild.
        final_lr: the rate's last value over its peak.
        clip_norm: gradients longer than this are shortened.
        ema_decay: decay of the averaged weights that are validated and shipped; the average spans about 500 steps.
        checkpoint_minutes: between checkpoints; what a crash can cost.
        n_validation: samples that training never sees. They tell that training works, not which recipe transfers.
        n_validations: how often in a run they are looked at, at even distances, beside once at its start.
        log_steps: steps whose mean is a row of the log.
        device: where to train; several processes take a graphics card each.
        tensorboard: whether to write events for TensorBoard, where that is installed.
    """

    run_dir: Path
    init: Path | str | None = None
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
    n_validations: int = 25
    log_steps: int = 20
    device: Device = "cpu"
    tensorboard: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        positive = ("minutes", "size", "batch_size", "n_threads", "head_lr", "checkpoint_minutes", "n_validation")
        for name in (*positive, "n_validations", "log_steps"):
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
        processes: those that train it together; this one alone by default.

    Attributes:
        step: steps taken.
        n_samples: samples of the stream that they took, over all processes.
        elapsed_s: time that they took.
        since_row: sums of the losses since the last row of the log, and ``steps``, how many.
    """

    def __init__(
        self,
        config: LoopConfig,
        net: nn.Module,
        groups: Sequence[tuple[list[nn.Parameter], float]],
        processes: Processes | None = None,
    ) -> None:
        self.config, self.processes = config, processes or Processes()
        self.net = net.to(self.processes.device)
        self.ema = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.rates = [rate for _, rate in groups]
        self.optimizer = torch.optim.AdamW(
            [{"params": params, "lr": rate} for params, rate in groups], weight_decay=config.weight_decay
        )
        self.step = 0
        self.n_samples = 0
        self.elapsed_s = 0.0
        self.since_row: dict[str, float] = {}

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
        self.processes.average_(p.grad for p in self.net.parameters() if p.grad is not None)
        self.processes.average_(b for b in self.net.buffers() if b.is_floating_point())
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.step += 1
        self.n_samples += self.config.batch_size * self.processes.world
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
            "n_samples": self.n_samples,
            "elapsed_s": self.elapsed_s,
            "since_row": self.since_row,
            "random": torch.get_rng_state(),
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
            # earlier versions saved less
            torch.set_rng_state(state.get("random", torch.get_rng_state()))
            self.since_row = {str(name): float(value) for name, value in state.get("since_row", {}).items()}
            self.n_samples = int(state.get("n_samples", int(state["step"]) * self.config.batch_size))
            self.step, self.elapsed_s = int(state["step"]), float(state["elapsed_s"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"{path}: expected a checkpoint of this network, got another ({first})") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without unpickling code.

    Raises:
        InputError: the file is missing or is no checkpoint.
    """
    if not path.exists():
        raise InputError(f"{path}: expected a training checkpoint, found nothing; train first")
    state = read_pickle(path)
    if not isinstance(state, dict) or not {"net", "ema", "step", "elapsed_s"} <= state.keys():
        raise InputError(f"{path}: expected a training checkpoint, got a file without its parts; give another")
    return state


def _warn_of_changes(path: Path, record: dict[str, Any]) -> None:
    """Say which options of a run that goes on are others than before: mostly another folder was meant."""
    try:
        before = json.loads(read_whole(path, MAX_CONFIG_BYTES))
    except (OSError, ValueError):
        return
    if isinstance(before, dict):
        now = json.loads(json.dumps(record))
        changed = [f"{k} {before[k]!r:.40} → {v!r:.40}" for k, v in now.items() if k in before and before[k] != v]
        if changed:
            logger.warning("the run goes on with other options than before: %s", ", ".join(changed))


def train_loop(
    trainer: Trainer,
    losses_of: Callable[[Batch], dict[str, torch.Tensor]],
    validate: Callable[[nn.Module, list[Batch]], dict[str, float]],
    sample: SampleFunction,
    progress: Progress,
    held_sample: SampleFunction | None = None,
) -> list[float]:
    """Train until the time or the steps are used up; continue if the run folder holds a checkpoint.

    Args:
        trainer: what to train, and how.
        losses_of: the losses of a batch by name, ``loss`` the one to minimise.
        validate: figures of the averaged network on held-out batches, for the log.
        sample: gives sample ``index`` of stream ``seed``.
        progress: called with the stage ``training`` and seconds (or steps) done and in all.
        held_sample: the same for samples to validate on; by default ``sample``, with another seed.

    Returns:
        the total loss of every step taken by this call.

    Raises:
        InputError: the run folder holds a checkpoint of another network, or a log that is none.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    config, processes = trainer.config, trainer.processes
    checkpoint = config.run_dir / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
        logger.info("going on from step %d, %.1f min", trainer.step, trainer.elapsed_s / 60)
    processes.take_firsts_(t for net in (trainer.net, trainer.ema) for t in net.state_dict().values())
    held: list[Batch] = []
    history: list[float] = []

    def validated() -> dict[str, float]:
        if not held:
            held.extend(config.held_out(held_sample or sample, VALIDATION_SEED_OFFSET, config.n_validation))
        return validate(trainer.ema, held)

    is_first = processes.is_first
    if is_first:
        record = {"kinequimation": __version__, "torch": torch.__version__, "processes": processes.world}
        record |= config.to_json()
        if trainer.step:
            _warn_of_changes(config.run_dir / "config.json", record)
        with replacing(config.run_dir / "config.json") as temporary:
            temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    log = RunLog(config.run_dir, trainer.step, config.tensorboard) if is_first else None
    with log or nullcontext(), requests_to_stop() as is_asked:
        if log is not None and trainer.step == 0:
            log.add({"step": 0, "samples": 0, "minutes": 0, "rate": trainer.rate(), **validated()})
        stream = batches(
            sample, config.seed, config.size, config.batch_size, trainer.n_samples, config.n_workers,
            processes.rank, processes.world,
        )  # fmt: skip
        start_s, before_s = time.monotonic(), trainer.elapsed_s
        saved_s = row_s = before_s
        while trainer.done < 1.0:
            batch = {name: value.to(processes.device) for name, value in next(stream).items()}
            before = trainer.done
            trainer.net.train()
            losses = losses_of(batch)
            trainer.take_step(losses["loss"])
            trainer.elapsed_s = processes.firsts(before_s + time.monotonic() - start_s)
            if config.max_steps is None:
                progress("training", int(trainer.elapsed_s), int(60 * config.minutes))
            else:
                progress("training", trainer.step, config.max_steps)
            *means, stop = processes.means([*(float(v.detach()) for v in losses.values()), float(is_asked())])
            for name, mean in zip((*losses, "steps"), (*means, 1.0), strict=True):
                trainer.since_row[name] = trainer.since_row.get(name, 0.0) + mean
            history.append(means[list(losses).index("loss")])
            is_time = int(trainer.done * config.n_validations) > int(before * config.n_validations)
            if is_time or trainer.step % config.log_steps == 0:
                if log is not None:
                    log.add(_row(trainer, row_s) | (validated() if is_time else {}))
                trainer.since_row = {}
                row_s = trainer.elapsed_s
            since_s = trainer.elapsed_s - saved_s
            if is_time or stop > 0 or since_s >= 60 * config.checkpoint_minutes:
                if log is not None:  # the log first: what it holds of later steps is dropped when the run goes on
                    log.flush()
                    trainer.save(checkpoint)
                    draw_curves(log.rows, config.run_dir / "curves.png")
                    if is_time:
                        logger.info("%s", "  ".join(f"{name} {value:g}" for name, value in log.rows[-1].items()))
                saved_s = trainer.elapsed_s
            if stop > 0:
                logger.info("stopped at step %d; the same command goes on from there", trainer.step)
                raise KeyboardInterrupt
    return history


def _row(trainer: Trainer, since_s: float) -> dict[str, float]:
    """Return a row of the log: means since the last one."""
    sums = dict(trainer.since_row)
    n_steps = sums.pop("steps")
    per_step = trainer.config.batch_size * trainer.processes.world
    return {
        "step": trainer.step,
        "samples": trainer.n_samples,
        "minutes": trainer.elapsed_s / 60,
        "rate": trainer.rate(),
        **{name: total / n_steps for name, total in sums.items()},
        "samples_per_s": n_steps * per_step / max(trainer.elapsed_s - since_s, 1e-9),
    }
