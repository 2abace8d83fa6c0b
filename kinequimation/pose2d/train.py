"""Train the pose network on the endless rendered stream.

A run lives in a folder: ``checkpoint.pt`` (plain tensors and numbers), ``log.csv``, ``config.json``. It can be stopped
at any time and goes on at the sample where its last checkpoint was. ``export`` turns a run into an ONNX file.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.pose2d.loss import Losses, hit_radius_px, in_crop, pose_loss, to_pixels
from kinequimation.pose2d.model import PoseNet
from kinequimation.pose2d.stream import SampleFunction, batches, rendered_sample
from kinequimation.runtime import Progress, no_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How to train; every number has a reason.

    Attributes:
        run_dir: folder of the run; a checkpoint in it is continued.
        init: an ONNX file of this network to start from instead of ImageNet weights.
        minutes: time to train. The learning rate follows the share of it that has passed, so that a slow machine
            anneals as fully as a fast one, on fewer samples. Time between stop and resume does not count.
        max_steps: if set, stop after as many steps and anneal over them instead; then a run is reproducible.
        seed: of the stream and of the head's first weights.
        size: crop side. 192: at 128 hooves are two cells wide, at 256 a CPU trains a third as many samples.
        batch_size: 32 keeps the head's batch norms steady.
        n_workers: processes that render; one renders about as fast as one thread trains.
        n_threads: of the training process.
        n_frozen: backbone blocks kept at their ImageNet weights: renders would teach them rendering.
        head_lr: AdamW's peak rate for what starts from nothing.
        backbone_lr: the same for pretrained blocks; smaller, so that they are adapted and not replaced.
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
    minutes: float = 85.0
    max_steps: int | None = None
    seed: int = 1
    size: int = 192
    batch_size: int = 32
    n_workers: int = 1
    n_threads: int = 1
    n_frozen: int = 5
    head_lr: float = 2e-3
    backbone_lr: float = 4e-4
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
        if self.n_workers < 0:
            raise InputError(f"n_workers: expected 0 or more, got {self.n_workers}")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}


VALIDATION_SEED_OFFSET = 1_000_003
CALIBRATION_SEED_OFFSET = 2_000_003
"""Streams that training never sees."""


class Trainer:
    """A network, its averaged twin, its optimiser and where they are in the stream."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        torch.manual_seed(config.seed)
        self.net = PoseNet(n_frozen=config.n_frozen)
        if config.init is not None:
            from kinequimation.pose2d.onnx_file import load_onnx

            load_onnx(self.net, config.init)
        else:
            self.net.backbone.load_imagenet()
        self.net = self.net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.ema = PoseNet(n_frozen=config.n_frozen)
        self.ema.load_state_dict(self.net.state_dict())
        self.ema.eval().requires_grad_(False)
        backbone = [p for p in self.net.backbone.parameters() if p.requires_grad]
        head = [p for name, p in self.net.named_parameters() if not name.startswith("backbone.")]
        self.groups = [(backbone, config.backbone_lr), (head, config.head_lr)]
        self.optimizer = torch.optim.AdamW(
            [{"params": params, "lr": lr} for params, lr in self.groups], weight_decay=config.weight_decay
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

    def train_step(self, batch: dict[str, torch.Tensor]) -> Losses:
        """Take one step on a batch and return its losses, without gradients."""
        self.net.train()
        rate = self.rate()
        for group, (_, lr) in zip(self.optimizer.param_groups, self.groups, strict=True):
            group["lr"] = lr * rate
        image = batch["image"].permute(0, 3, 1, 2).float()
        losses = pose_loss(self.net(image), batch["uv_px"], batch["visibility"], batch["mask"])
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
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
        return Losses(*(x.detach() for x in losses))

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
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
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


def train(
    config: TrainConfig, progress: Progress = no_progress, sample: SampleFunction = rendered_sample
) -> list[float]:
    """Train until the time or the steps are used up; continue if the run folder holds a checkpoint.

    Args:
        config: how.
        progress: called with the stage ``training`` and seconds (or steps) done and in all.
        sample: gives sample ``index`` of stream ``seed``; the renderer's by default.

    Returns:
        the total loss of every step taken by this call.

    Raises:
        InputError: the run folder's checkpoint or ``init`` is not of this network.
        MissingDependencyError: ImageNet weights or the renderer are not installed.
    """
    torch.set_num_threads(config.n_threads)
    trainer = Trainer(config)
    run = config.run_dir
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
        logger.info("going on from step %d, %.1f min", trainer.step, trainer.elapsed_s / 60)
    (run / "config.json").write_text(json.dumps(config.to_json(), indent=2) + "\n", encoding="utf-8")
    stream = batches(sample, config.seed, config.size, config.batch_size, trainer.step, config.n_workers)
    validation: list[dict[str, torch.Tensor]] | None = None
    history: list[float] = []
    started, start_elapsed = time.monotonic(), trainer.elapsed_s
    saved_s = start_elapsed
    recent: list[list[float]] = []
    while trainer.done < 1.0:
        losses = trainer.train_step(next(stream))
        trainer.elapsed_s = start_elapsed + time.monotonic() - started
        history.append(float(losses.total))
        recent.append([float(x) for x in losses])
        if config.max_steps is None:
            progress("training", int(trainer.elapsed_s), int(60 * config.minutes))
        else:
            progress("training", trainer.step, config.max_steps)
        if trainer.elapsed_s - saved_s >= 60 * config.checkpoint_minutes or trainer.done >= 1.0:
            if validation is None:
                validation = held_out(config, sample)
            _log(run / "log.csv", trainer, np.mean(recent, 0), pck(trainer.ema, validation), len(recent), saved_s)
            trainer.save(checkpoint)
            saved_s, recent = trainer.elapsed_s, []
    return history


def _log(path: Path, trainer: Trainer, losses: np.ndarray, score: float, n_steps: int, since_s: float) -> None:
    total, place, judge, mask = losses.tolist()
    row = {
        "step": trainer.step,
        "samples": trainer.step * trainer.config.batch_size,
        "minutes": round(trainer.elapsed_s / 60, 2),
        "rate": round(trainer.rate(), 4),
        "loss": round(total, 4),
        "place": round(place, 4),
        "judge": round(judge, 4),
        "mask": round(mask, 4),
        "validation_pck05": round(score, 4),
        "samples_per_s": round(n_steps * trainer.config.batch_size / max(trainer.elapsed_s - since_s, 1e-9), 2),
    }
    logger.info("%s", "  ".join(f"{k} {v}" for k, v in row.items()))
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def held_out(config: TrainConfig, sample: SampleFunction) -> list[dict[str, torch.Tensor]]:
    """Return the held-out batches, rendered once."""
    n = math.ceil(config.n_validation / config.batch_size)
    seed = config.seed + VALIDATION_SEED_OFFSET
    stream = batches(sample, seed, config.size, config.batch_size, 0, min(config.n_workers, 1))
    return [next(stream) for _ in range(n)]


def place(net: PoseNet, batch: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's points in crop pixels [N, K, 2] and its hit logits [N, K]."""
    from kinequimation.pose2d.decode import decode

    with torch.no_grad():
        output = net(batch["image"].permute(0, 3, 1, 2).float())
    cells = decode(output.log_prob.exp().numpy())
    return to_pixels(torch.from_numpy(cells)).numpy(), output.hit_logit.numpy()


def pck(net: PoseNet, held: list[dict[str, torch.Tensor]]) -> float:
    """Return the share of seen points within 0.05 of the horse's longer side."""
    net.eval()
    right = total = 0
    for batch in held:
        uv_px, _ = place(net, batch)
        seen = in_crop(batch["uv_px"], batch["visibility"], batch["image"].shape[1]).numpy()
        seen &= batch["visibility"].numpy() == 2
        error = np.linalg.norm(uv_px - batch["uv_px"].numpy(), axis=2)
        right += int((seen & (error < hit_radius_px(batch["uv_px"]).numpy()[:, None])).sum())
        total += int(seen.sum())
    return right / max(total, 1)
