"""Train the network that tells gaits apart, on generated horses that are degraded as the 2D path degrades them."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from kinequimation.errors import InputError
from kinequimation.gait.clips import FPS, GaitClips, PathClips, make_clips
from kinequimation.gait.clock import PER_STRIDE
from kinequimation.gait.degrade import degraded
from kinequimation.gait.model import GaitNet, load_onnx_weights
from kinequimation.gait.names import GAITS, MIRROR_GAITS
from kinequimation.gait.sequence import CHANNELS, MIRROR_CHANNELS, filled_period, sequence, stride_time
from kinequimation.io.atomic import replacing
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float, Int

log = logging.getLogger(__name__)

ROWS = 6 * PER_STRIDE
"""Rows of a training clip: six strides, or fewer of slow ones."""
SMOOTHING = 0.02
"""Of the labels: at a change of gait the row where it happens is a matter of taste."""
_MIRROR_GAIT = np.array(MIRROR_GAITS)


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        out: the folder for what it writes.
        steps: batches to train on.
        seed: of clips, degradation and first weights.
        clips: generated horses to learn from.
        examples: degraded clips made of them.
        path_share: how much of each batch are clips that went through the whole path, where there are some.
        held_out: horses to measure on.
        batch: clips at once.
        learning_rate: the highest.
        contact_weight: of the loss of the contacts, beside that of the gaits.
        threads: CPU threads.
        init: an exported ``gait.onnx`` to start from.
    """

    out: Path = Path("outputs/train-gait")
    steps: int = 4000
    seed: int = 0
    clips: int = 2400
    examples: int = 8000
    path_share: float = 0.35
    held_out: int = 300
    batch: int = 32
    learning_rate: float = 3e-3
    contact_weight: float = 0.3
    threads: int = 1
    init: Path | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "clips", "examples", "held_out", "batch", "learning_rate", "threads"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}: expected a number above 0, got {value}")


@dataclass(frozen=True)
class Example:
    """One clip to learn from: channels [R, C], place in ``GAITS`` [R], true contacts and whose they are [R, 4]."""

    channels: Float[np.ndarray, "r c"]
    label: Int[np.ndarray, " r"]
    contact: Float[np.ndarray, "r 4"]
    own: Float[np.ndarray, "r 4"]


def make_example(clips: GaitClips, i: int, rng: np.random.Generator) -> Example:
    """Return clip ``i``, degraded, in a stride time that is wrong at times, and mirrored half the time."""
    n = clips.rows.shape[1]
    t_s = np.arange(n) / FPS
    turns = np.unwrap(clips.phase[i].astype(float), period=1.0)
    rate = np.gradient(turns) * FPS
    period = np.where(np.isfinite(rate) & (rate > 0.2), 1 / np.maximum(rate, 0.2), np.nan)
    filled = filled_period(period, 1 / FPS, float(clips.tempo[i]))
    if not np.isfinite(period).any():
        filled = filled * np.exp(rng.uniform(-0.6, 0.5))
    wrong = rng.random()
    factor = np.exp(rng.normal(0, 0.05)) * (0.5 if wrong < 0.05 else 2.0 if wrong < 0.08 else 1.0)
    per_stride = float(np.median(filled)) * FPS
    rows, seen, own = degraded(rng, clips.rows[i], per_stride)
    strides = stride_time(filled * factor, t_s)
    channels, u = sequence(rows, seen, strides)
    nearest = np.clip(np.round(np.interp(u, strides, np.arange(n))).astype(int), 0, n - 1)
    label = clips.label[i][nearest].astype(int)
    contact = np.stack([np.interp(u, strides, c) for c in clips.rows[i, :, 8:12].T], 1)
    mine = own[nearest].astype(float)
    start = int(rng.integers(max(1, len(u) - ROWS + 1)))
    part = slice(start, start + ROWS)
    channels, label, contact, mine = channels[part], label[part], contact[part], mine[part]
    if rng.random() < 0.5:
        channels, label = channels[:, MIRROR_CHANNELS], _MIRROR_GAIT[label]
        contact, mine = contact[:, [1, 0, 3, 2]], mine[:, [1, 0, 3, 2]]
    return Example(channels, label, contact, mine)


def make_path_example(clips: PathClips, i: int, rng: np.random.Generator) -> Example:
    """Return clip ``i`` of the whole path, beginning anywhere, mirrored half the time, hooves and trunk a little off.

    Whose hooves they are nobody knows: contacts are not learned from it.
    """
    channels, label = clips.channels[i], clips.label[i]
    speed = np.exp(rng.normal(0, 0.05))  # as a stride is taken for longer or shorter than it is
    at = np.arange(0, len(channels) - 1, speed) if len(channels) > 1 else np.zeros(1)
    channels = np.stack([np.interp(at, np.arange(len(channels)), c) for c in channels.T], 1).astype(np.float32)
    label = label[np.round(at).astype(int)]
    channels[:, :4] *= rng.uniform(0.85, 1.15, 4)
    channels[:, 12:18] *= rng.uniform(0.85, 1.15, 6)
    channels += rng.normal(0, 0.03, channels.shape) * (np.arange(channels.shape[1]) < channels.shape[1] - 1)
    start = int(rng.integers(max(1, len(channels) - ROWS + 1)))
    channels, label = channels[start : start + ROWS], label[start : start + ROWS]
    if rng.random() < 0.5:
        channels, label = channels[:, MIRROR_CHANNELS], np.where(label < 0, -1, _MIRROR_GAIT[label])
    none = np.zeros((len(label), 4))
    return Example(channels.astype(np.float32), label, none, none)


@dataclass(frozen=True)
class Examples:
    """Examples side by side: channels [N, R, C], label [N, R] (−1 where a clip is over), contact and own [N, R, 4]."""

    channels: torch.Tensor
    label: torch.Tensor
    contact: torch.Tensor
    own: torch.Tensor


def make_examples(clips: GaitClips, count: int, seed: int, progress: Progress = no_progress) -> Examples:
    """Return so many examples, each clip degraded in as many ways as it takes; clips with a jump thrice as often."""
    jumps = np.flatnonzero((clips.label == GAITS.index("jump")).any(1))  # rare, and brief
    which = np.concatenate([np.arange(len(clips)), np.repeat(jumps, 2)])
    return _side_by_side(count, lambda row, rng: make_example(clips, int(which[row % len(which)]), rng), seed, progress)


def make_path_examples(clips: PathClips, count: int, seed: int) -> Examples:
    """Return so many examples of the whole path, each gait as often as the root of how often there is a clip of it."""
    jump = GAITS.index("jump")
    most = [jump if (label == jump).any() else int(np.bincount(np.maximum(label, 0)).argmax()) for label in clips.label]
    known = np.array([(label >= 0).any() for label in clips.label])
    weight = known / np.sqrt(np.bincount(most, minlength=len(GAITS))[most])
    drawn = np.random.default_rng(seed).choice(len(clips), count, p=weight / weight.sum())
    return _side_by_side(count, lambda row, rng: make_path_example(clips, int(drawn[row]), rng), seed, no_progress)


def _side_by_side(
    count: int, make: Callable[[int, np.random.Generator], Example], seed: int, progress: Progress
) -> Examples:
    channels = np.zeros((count, ROWS, len(CHANNELS)), np.float32)
    label = np.full((count, ROWS), -1)
    contact, own = np.zeros((2, count, ROWS, 4), np.float32)
    for row in range(count):
        example = make(row, np.random.default_rng((seed, row)))
        n = len(example.label)
        channels[row, :n], label[row, :n] = example.channels, example.label
        contact[row, :n], own[row, :n] = example.contact, example.own
        progress("examples", row + 1, count)
    return Examples(*(torch.from_numpy(a) for a in (channels, label, contact, own)))


def train(config: TrainConfig, path_clips: PathClips | None = None, progress: Progress = no_progress) -> Path:
    """Train, and return the network's file: ``OUT/gait.onnx``.

    Args:
        config: the run.
        path_clips: clips that went through the whole path, to learn from beside the degraded ones.
        progress: called with what is done.

    Raises:
        OutputError: the folder cannot be written.
    """
    torch.set_num_threads(config.threads)
    clips = make_clips(config.seed, config.clips, progress)
    held_out = make_clips(config.seed + 1_000_000, config.held_out, progress)
    return train_on(config, clips, held_out, path_clips, progress)


def train_on(
    config: TrainConfig,
    clips: GaitClips,
    held_out: GaitClips,
    path_clips: PathClips | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Train on clips that there are already; see ``train``."""
    torch.manual_seed(config.seed)
    net = GaitNet()
    if config.init is not None:
        load_onnx_weights(net, config.init)
    averaged = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=0.01)
    share = np.bincount(clips.label.ravel(), minlength=len(GAITS)) / clips.label.size
    weight = torch.tensor(1 / np.sqrt(share + 0.01), dtype=torch.float32)
    weight = weight / weight.mean()
    examples = make_examples(clips, config.examples, config.seed, progress)
    measured = make_examples(held_out, 2 * len(held_out), config.seed + 7)
    of_path = None if path_clips is None else make_path_examples(path_clips, config.examples, config.seed + 11)
    n_path = 0 if of_path is None else round(config.path_share * config.batch)
    order = np.random.default_rng(config.seed)
    for step in range(config.steps):
        part = step / config.steps
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * part))
        rows = torch.from_numpy(order.integers(config.examples, size=config.batch))
        channels, label = examples.channels[rows], examples.label[rows]
        contact, own = examples.contact[rows], examples.own[rows]
        if of_path is not None:
            channels[:n_path], label[:n_path] = of_path.channels[rows[:n_path]], of_path.label[rows[:n_path]]
            own[:n_path] = 0.0
        logit, contact_logit = net(channels)
        loss = functional.cross_entropy(
            logit.flatten(0, 1), label.flatten(), weight, ignore_index=-1, label_smoothing=SMOOTHING
        )
        each = functional.binary_cross_entropy_with_logits(contact_logit, contact, reduction="none")
        loss = loss + config.contact_weight * (each * own).sum() / own.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), net.parameters(), strict=True):
                mean.lerp_(now, 0.005 if step >= 200 else 1.0)
        if (step + 1) % 250 == 0 or step + 1 == config.steps:
            right = accuracy(averaged, measured)
            log.info("step %d: loss %.3f, rows right %.1f %%", step + 1, float(loss.detach()), 100 * right)
        progress("train", step + 1, config.steps)
    out = config.out / "gait.onnx"
    export(averaged, out)
    return out


@torch.no_grad()
def accuracy(net: GaitNet, examples: Examples) -> float:
    """Return the share of rows whose gait is right."""
    found = net(examples.channels)[0].argmax(-1)
    return float((found == examples.label)[examples.label >= 0].float().mean())


def export(net: GaitNet, path: Path) -> None:
    """Write the network as ONNX.

    Raises:
        OutputError: the file cannot be written.
    """
    net.eval()
    with replacing(path) as partial:
        torch.onnx.export(
            net,
            (torch.zeros(1, ROWS, len(CHANNELS)),),
            str(partial),
            input_names=["channels"],
            output_names=["gait_logit", "contact_logit"],
            dynamic_axes={name: {0: "clips", 1: "rows"} for name in ("channels", "gait_logit", "contact_logit")},
            opset_version=17,
            dynamo=False,
        )
