"""Train the lifter (needs torch): a loop over freshly filmed clips for so many minutes, and an ONNX file at the end."""

from __future__ import annotations

import copy
import csv
import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from kinequimation import skeleton
from kinequimation.dataset.lifter_sequences import SequenceFile
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.lift.borrowed import RecordedErrors, errors_of
from kinequimation.lift.data import CLIP_FRAMES, Batch, ClipPool, film_clips, make_pool, recorded_clips, to_batch
from kinequimation.lift.model import LiftNet, export_onnx, load_onnx_weights
from kinequimation.lift.noise import NoiseConfig
from kinequimation.lift.recordings import Recordings, read_recordings
from kinequimation.lift.sequences import longest_clip, open_sequences, sequence_clips
from kinequimation.runtime import Progress, no_progress, requests_to_stop

if TYPE_CHECKING:
    from jaxtyping import Float

log = logging.getLogger(__name__)

VALIDATION_SEED = 1_000_003
"""Stream of bodies, motions and cameras that training never sees (unless it is given this very seed)."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        out: folder for ``lift.onnx``, ``checkpoint.pt``, ``config.json`` and ``log.csv``; a run in it is resumed.
        minutes: wall clock of the whole training, resumed parts counted together; making the clips is not counted.
        seed: of the clips, cameras, noise and the network's start.
        pool_clips: clips made before training, 81 frames each, 0.1 MB each; every batch films some of them afresh.
        held_out_clips: clips of another seed, to validate on.
        batch_frames: frames of a batch, whatever the length of its clips.
        lengths: lengths of clips, and how often each is drawn.
        learning_rate: highest; it rises over the first 2 % of the time and falls as a cosine to a hundredth.
        weight_decay: of AdamW.
        ema: decay of the averaged weights, which are what is exported.
        checkpoint_minutes: time between checkpoints.
        threads: of torch.
        init: an exported ``lift.onnx`` to start from.
        recordings: a file of clips with the 2D network's own errors (``kinequimation dataset recordings``).
        recorded_share: of the batches, how many are of them.
        borrowed_share: of the batches, how many are made clips with errors of the recordings.
        sequences: a file of rendered clips (``kinequimation dataset lifter``), of which the part train is trained on.
        sequence_share: of the batches that use no recordings, how many are of these; a judgement.
        noise: how bad the imagined detector of the other batches is, and what is lost in all of them. Held-out clips
            are seen so too: their losses compare within a run.

    The shares are judgements: a lifter that sees more of recorded poses learns them by heart (``borrowed``).
    """

    out: Path = Path("outputs/train-lift")
    minutes: float = 40.0
    seed: int = 0
    pool_clips: int = 4000
    held_out_clips: int = 64
    batch_frames: int = 810
    lengths: tuple[tuple[int, float], ...] = ((1, 0.25), (9, 0.35), (27, 0.3), (CLIP_FRAMES, 0.1))
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    ema: float = 0.998
    checkpoint_minutes: float = 3.0
    threads: int = 1
    init: Path | None = None
    recordings: Path | None = None
    recorded_share: float = 0.2
    borrowed_share: float = 0.4
    sequences: Path | None = None
    sequence_share: float = 0.3
    noise: NoiseConfig = field(default_factory=NoiseConfig)

    def __post_init__(self) -> None:
        for name in (
            "minutes",
            "pool_clips",
            "held_out_clips",
            "batch_frames",
            "learning_rate",
            "checkpoint_minutes",
            "threads",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}: expected a number above 0, got {value}")
        shares = (self.recorded_share, self.borrowed_share, self.sequence_share)
        if not all(0 <= share <= 1 for share in shares) or self.recorded_share + self.borrowed_share > 1:
            raise InputError(
                "recorded_share, borrowed_share, sequence_share: expected shares from 0 to 1, the first two at most 1 "
                f"together, got {', '.join(f'{share:g}' for share in shares)}"
            )
        if any(not 1 <= n <= CLIP_FRAMES or p < 0 for n, p in self.lengths) or sum(p for _, p in self.lengths) <= 0:
            raise InputError(f"lengths: expected (frames from 1 to {CLIP_FRAMES}, share) pairs, got {self.lengths}")


LOSS_WEIGHTS: dict[str, float] = {
    "position": 1.0,
    "aligned": 0.5,
    "velocity": 2.0,
    "bones": 0.5,
    "reprojection": 0.5,
    "sigma": 0.02,
    "root": 0.2,
    "up": 0.4,
    "forward": 0.2,
    "contact": 0.03,
    "speed": 0.03,
}
"""Sources, C2, brought to these units: withers heights, and distances rather than their squares."""

_POINT_WEIGHT = np.ones(skeleton.NUM_KEYPOINTS, np.float32)
for _name in (*skeleton.GROUPS["hoof"], *skeleton.GROUPS["lower limb"]):
    _POINT_WEIGHT[skeleton.KEYPOINT_INDEX[_name]] = 2.0
_POINT_WEIGHT /= _POINT_WEIGHT.mean()
_EDGES = np.array([[skeleton.KEYPOINT_INDEX[a], skeleton.KEYPOINT_INDEX[b]] for a, b in skeleton.EDGES])


def _distance(difference: Float[torch.Tensor, "*n c"]) -> Float[torch.Tensor, "*n"]:
    return torch.sqrt((difference**2).sum(-1) + 1e-8)


def _centred(xyz: Float[torch.Tensor, "b t k 3"], known: torch.Tensor) -> Float[torch.Tensor, "b t k 3"]:
    share = known / known.sum(-1, keepdim=True).clamp(min=1)
    return xyz - (share[..., None] * xyz).sum(-2, keepdim=True)


@torch.no_grad()
def _alignment(
    xyz: Float[torch.Tensor, "b t k 3"], true_xyz: Float[torch.Tensor, "b t k 3"], known: torch.Tensor
) -> Float[torch.Tensor, "b t 3 3"]:
    """Return the rotation and scale, as one matrix, that take centred points nearest to the truth (Umeyama 1991)."""
    a, b = (_centred(points, known) * known[..., None] for points in (xyz, true_xyz))
    u, singular, vh = torch.linalg.svd(a.mT @ b)
    signs = torch.ones_like(singular)
    signs[..., 2] = torch.sign(torch.linalg.det(u @ vh))
    scale = (signs * singular).sum(-1) / (a**2).sum((-1, -2)).clamp(min=1e-3)
    return scale[..., None, None] * (u * signs[..., None, :]) @ vh


def losses(outputs: tuple[torch.Tensor, ...], batch: Batch) -> dict[str, torch.Tensor]:
    """Return each loss, unweighted.

    Position: mean distance, lower limbs and hooves twice. Aligned: the same after the best rotation and scale of
    each frame. Velocity: distance between frame-to-frame steps. Bones: spread of each bone's length over the clip.
    Reprojection: of the predicted points at the true root, across the view. Up and forward: distance between unit
    vectors. Sigma: the negative log-likelihood of the distance under an exponential distribution, which trains
    nothing but sigma. Points whose truth is not known have no say.
    """
    xyz, log_sigma, root_code, up, forward, contact, velocity = outputs
    true_xyz, root, code, true_up, true_forward, true_contact, true_velocity, weight = (
        torch.from_numpy(np.ascontiguousarray(getattr(batch, n)))
        for n in ("xyz", "root", "root_code", "up", "forward", "contact", "velocity", "weight")
    )
    weight = weight / weight.mean().clamp(min=1e-3)
    known = torch.isfinite(true_xyz).all(-1)
    true_xyz = torch.where(known[..., None], true_xyz, xyz.detach())
    points = torch.from_numpy(_POINT_WEIGHT) * known
    error = _distance(xyz - true_xyz)
    aligned = _distance(_centred(xyz, known) @ _alignment(xyz.detach(), true_xyz, known) - _centred(true_xyz, known))

    def project(points_xyz: torch.Tensor) -> torch.Tensor:
        placed = points_xyz + root[:, :, None]
        return placed[..., :2] / placed[..., 2:].clamp(min=0.3)

    across = _distance(project(xyz) - project(true_xyz)) * root[..., 2:].clamp(min=0.3)
    expected = log_sigma.clamp(-7, 2)
    result = {
        "position": (weight[..., None] * points * error).mean(),
        "aligned": (weight[..., None] * points * aligned).mean(),
        "reprojection": (weight[..., None] * points * across.clamp(max=0.5)).mean(),
        "sigma": (weight[..., None] * known * (error.detach() * torch.exp(-expected) + expected)).mean(),
        "root": (weight * (root_code - code).abs().sum(-1)).mean(),
        "up": (weight * _distance(up - true_up)).mean(),
        "forward": (weight * _distance(forward - true_forward)).mean(),
        "contact": (
            weight * functional.binary_cross_entropy_with_logits(contact, true_contact, reduction="none").mean(-1)
        ).mean(),
    }
    if xyz.shape[1] > 1:
        result["speed"] = (weight * _distance(velocity - true_velocity).clamp(max=10.0)).mean()
        both = torch.minimum(weight[:, 1:], weight[:, :-1])
        step = (xyz[:, 1:] - xyz[:, :-1]) - (true_xyz[:, 1:] - true_xyz[:, :-1])
        result["velocity"] = (both[..., None] * points[:, 1:] * known[:, :-1] * _distance(step)).mean()
        length = _distance(xyz[:, :, _EDGES[:, 0]] - xyz[:, :, _EDGES[:, 1]])
        result["bones"] = length.std(1, unbiased=False).mean()
    return result


def total_loss(parts: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the weighted sum."""
    return torch.stack([LOSS_WEIGHTS[name] * value for name, value in parts.items()]).sum()


def _rate(part: float) -> float:
    """Return the learning rate as a share of the highest, from the share of the time that has passed."""
    warm = 0.02
    if part < warm:
        return max(part / warm, 0.01)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min((part - warm) / (1 - warm), 1.0)))


@dataclass
class _Run:
    """What a checkpoint holds."""

    net: LiftNet
    averaged: LiftNet
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        with replacing(path) as partial:
            torch.save(
                {
                    "net": self.net.state_dict(),
                    "averaged": self.averaged.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "step": self.step,
                    "seconds": self.seconds,
                },
                partial,
            )

    def load(self, path: Path) -> None:
        try:
            state = torch.load(path, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])
        except Exception as error:  # torch raises errors of many kinds on a damaged file
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{path}: expected a checkpoint of this lifter, got another ({reason}); start in another folder, from "
                "what it had learned with --init RUN/lift.onnx"
            ) from error


def _start(config: TrainConfig) -> _Run:
    torch.manual_seed(config.seed)
    net = LiftNet()
    if config.init is not None:
        load_onnx_weights(net, config.init)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    run = _Run(net, copy.deepcopy(net), optimizer)
    checkpoint = config.out / "checkpoint.pt"
    if checkpoint.is_file():
        run.load(checkpoint)
        log.info("resuming at step %d, %.1f minutes", run.step, run.seconds / 60)
    return run


def _sample(
    pool: ClipPool,
    recordings: Recordings | None,
    errors: RecordedErrors | None,
    sequences: SequenceFile | None,
    config: TrainConfig,
    step: int,
) -> Batch:
    rng = np.random.default_rng((config.seed, step, 1))
    share = np.array([p for _, p in config.lengths])
    n_frames = config.lengths[rng.choice(len(share), p=share / share.sum())][0]
    n_clips = max(1, config.batch_frames // n_frames)
    if recordings is not None:
        kind = rng.random()
        if kind < config.recorded_share:
            return to_batch(recorded_clips(recordings, config.seed, step, n_clips, n_frames, config.noise))
        if kind < config.recorded_share + config.borrowed_share:
            clips = film_clips(pool, config.seed, step, n_clips, n_frames, config.noise, errors=errors)
            return to_batch(clips)
    if sequences is not None and rng.random() < config.sequence_share:
        n_frames = min(n_frames, longest_clip(sequences))
        n_clips = max(1, config.batch_frames // n_frames)
        return to_batch(sequence_clips(sequences, rng, n_clips, n_frames, config.noise))
    return to_batch(film_clips(pool, config.seed, step, n_clips, n_frames, config.noise))


@torch.no_grad()
def _average(run: _Run, decay: float) -> None:
    decay = min(decay, (1 + run.step) / (10 + run.step))
    for mean, now in zip(run.averaged.parameters(), run.net.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)


@torch.no_grad()
def validate(net: LiftNet, pool: ClipPool, noise: NoiseConfig) -> dict[str, float]:
    """Return the mean losses on fixed batches of a held-out pool."""
    sums: dict[str, list[float]] = {}
    for index, n_frames in enumerate((1, 27, CLIP_FRAMES)):
        batch = to_batch(film_clips(pool, VALIDATION_SEED, index, max(4, 972 // n_frames), n_frames, noise))
        for name, value in losses(net(torch.from_numpy(batch.features)), batch).items():
            sums.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in sums.items()}


def train(config: TrainConfig, progress: Progress = no_progress) -> Path:
    """Train, and return the path of the exported network.

    Args:
        config: how; ``config.out`` is made if it is missing, and a run in it is resumed.
        progress: called with minutes done and minutes in all.

    Raises:
        InputError: the checkpoint or ``config.init`` is not of this network, or ``config.sequences`` or
            ``config.recordings`` no such file.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; a checkpoint and the network so far were saved.
        OutputError: ``config.out`` cannot be written.
    """
    torch.set_num_threads(config.threads)
    sequences = open_sequences(config.sequences) if config.sequences is not None else None
    recordings = read_recordings(config.recordings) if config.recordings is not None else None
    longest = max(n for n, share in config.lengths if share > 0)
    if recordings is not None and recordings.uv_px.shape[1] < longest:
        n_frames = recordings.uv_px.shape[1]
        raise InputError(f"{config.recordings}: expected clips of {longest} frames or more, got {n_frames}")
    errors = errors_of(recordings) if recordings is not None else None
    run = _start(config)
    checkpoint, onnx_path, log_path = (config.out / n for n in ("checkpoint.pt", "lift.onnx", "log.csv"))
    run.save(checkpoint)  # an unwritable folder shows now, not after the first clips
    options = json.dumps(asdict(config), indent=2, default=str)
    with replacing(config.out / "config.json") as partial:
        partial.write_text(options + "\n", encoding="utf-8")
    if run.step == 0:
        log_path.unlink(missing_ok=True)
    pool = make_pool(config.seed, config.pool_clips, progress=progress)
    held_out = make_pool(VALIDATION_SEED, config.held_out_clips)
    budget = 60 * config.minutes
    offset, began, saved = run.seconds, time.monotonic(), time.monotonic()
    recent: dict[str, float] = {}

    def write() -> None:
        _write(run, checkpoint, onnx_path, log_path, recent, validate(run.averaged, held_out, config.noise))

    with requests_to_stop() as is_asked:
        while run.seconds < budget and not is_asked():
            batch = _sample(pool, recordings, errors, sequences, config, run.step)
            parts = _take_step(run, batch, config.learning_rate * _rate(run.seconds / budget), config.ema)
            for name, now in parts.items():
                recent[name] = 0.98 * recent.get(name, now) + 0.02 * now
            run.seconds = offset + time.monotonic() - began
            if time.monotonic() - saved > 60 * config.checkpoint_minutes:
                write()
                saved = time.monotonic()
            progress("training, minutes", round(run.seconds / 60), round(config.minutes))
        write()
    if run.seconds < budget:
        log.info("stopped at step %d; the same command goes on from there", run.step)
        raise KeyboardInterrupt
    return onnx_path


def _take_step(run: _Run, batch: Batch, rate: float, ema: float) -> dict[str, float]:
    """Learn from a batch, and return the losses."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    parts = losses(run.net(torch.from_numpy(batch.features)), batch)
    run.optimizer.zero_grad(set_to_none=True)
    total_loss(parts).backward()
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    _average(run, ema)
    return {name: float(value.detach()) for name, value in parts.items()}


def _write(
    run: _Run, checkpoint: Path, onnx_path: Path, log_path: Path, train_losses: dict[str, float], held: dict[str, float]
) -> None:
    """Write the checkpoint and the network, and a line of the log."""
    run.save(checkpoint)
    export_onnx(copy.deepcopy(run.averaged), onnx_path)
    names = list(LOSS_WEIGHTS)
    new = not log_path.exists()
    with log_path.open("a", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        if new:
            writer.writerow(["step", "minutes", *names, *(f"held_out_{n}" for n in names)])
        row = [train_losses.get(n, math.nan) for n in names] + [held.get(n, math.nan) for n in names]
        writer.writerow([run.step, f"{run.seconds / 60:.2f}", *(f"{v:.5f}" for v in row)])
    log.info("step %d, %.1f minutes: held-out position %.4f", run.step, run.seconds / 60, held["position"])
