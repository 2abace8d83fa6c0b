"""What each part of the generator is worth on real photographs.

    git worktree add ../first e6a14de          # the first generator, to compare with
    python benchmarks/ablation.py --set DIR --first ../first --out runs/ablation

Five small networks, each trained for the same number of steps at 128 pixels on as many cached frames, which differ in
nothing but what drew them:

    first     the first generator
    body      the present bodies, coats, movement and camera, with the rest as often as it was at first
    tack      and the present tack, riders and people
    scenes    and the present places, light, ground and obstacles
    sensor    and the present sensor effects and shutter times

Each leg draws its frames once (``--frames``), then trains on ``--steps`` batches of crops cut from them. A leg that was
cut off goes on where it was. The end is a table: PCK on the set's seen points with its 95 % interval, and the paired
bootstrap over images of each leg against the one before it and against the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

LEGS = ("first", "body", "tack", "scenes", "sensor")
FRAME_SEED = 1
FRAMES_A_FILE = 250
CROP_PX = 128


def mixture_of(leg: str) -> Any:
    """Return the mixture of a leg: the present one, with the parts that come later set to what they were at first."""
    from kinequimation.synth import tack
    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.sensor import FIRST_SENSOR
    from kinequimation.synth.shares import SceneShares

    mixture = Mixture()
    step = LEGS.index(leg)
    if step < LEGS.index("sensor"):
        mixture = replace(mixture, sensor=FIRST_SENSOR, exposed=0.0)
    if step < LEGS.index("scenes"):
        mixture = replace(mixture, scene=SceneShares.first(), other_horse=0.15)
    if step < LEGS.index("tack"):
        mixture = replace(mixture, tack=tack.FIRST, handler=0.15)
    return mixture


def draw(leg: str, folder: Path, n_frames: int) -> None:
    """Draw a leg's frames into ``folder``, a file for every 250 of them; those that are there stay."""
    from kinequimation import synth

    options = {} if leg == "first" else {"mixture": mixture_of(leg)}
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, n_frames, FRAMES_A_FILE):
        path = folder / f"{start:06d}.npz"
        if path.exists():
            continue
        arrays: dict[str, np.ndarray] = {}
        for i in range(start, min(start + FRAMES_A_FILE, n_frames)):
            frame = synth.training_frame(FRAME_SEED, i, **options)
            arrays |= {
                f"{i}.image": frame.image, f"{i}.mask": np.packbits(frame.mask), f"{i}.uv_px": frame.uv_px,
                f"{i}.visibility": frame.visibility, f"{i}.bbox_xywh": frame.bbox_xywh,
            }  # fmt: skip
        temporary = path.with_suffix(".part.npz")
        np.savez(temporary, **arrays)
        temporary.replace(path)
        print(f"{leg}: {min(start + FRAMES_A_FILE, n_frames)} of {n_frames} frames", flush=True)


@lru_cache(maxsize=1)
def _frames(folder: Path) -> list[dict[str, np.ndarray]]:
    """Read the cached frames of a leg."""
    frames = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            for key in sorted({k.split(".")[0] for k in data.files}, key=int):
                frame = {n: data[f"{key}.{n}"] for n in ("image", "uv_px", "visibility", "bbox_xywh")}
                size = len(frame["image"])
                frame["mask"] = np.unpackbits(data[f"{key}.mask"])[: size * size].reshape(size, size).astype(bool)
                frames.append(frame)
    return frames


class CachedSample:
    """Gives sample ``index`` of stream ``seed``: a random crop of a random cached frame.

    Args:
        folder: of the frames.
        shares: of the sensor effects; None for the first generator's.
    """

    def __init__(self, folder: Path, shares: Any) -> None:
        self.folder, self.shares = folder, shares

    def __call__(self, seed: int, index: int, size: int) -> dict[str, np.ndarray]:
        from kinequimation.pose2d.model import STRIDE
        from kinequimation.synth.augment import augment

        frames = _frames(self.folder)
        rng = np.random.default_rng([seed, index])
        f = frames[rng.integers(len(frames))]
        shares = () if self.shares is None else (self.shares,)  # the first generator had none to choose from
        image, uv_px, seen, share, *_ = augment(
            rng, f["image"], f["uv_px"], f["visibility"], f["mask"], f["bbox_xywh"], size, *shares
        )
        cells = size // STRIDE
        return {
            "image": image,
            "uv_px": uv_px.astype(np.float32),
            "visibility": seen.astype(np.int64),
            "mask": share.reshape(cells, STRIDE, cells, STRIDE).mean((1, 3)).astype(np.float32),
        }


def train_leg(leg: str, frames: Path, run_dir: Path, n_steps: int) -> None:
    """Train a leg's network and write it as ``pose2d.onnx`` into ``run_dir``."""
    from kinequimation.pose2d.export import export
    from kinequimation.pose2d.train import TrainConfig, train

    out = run_dir / "pose2d.onnx"
    if out.exists():
        return
    sample = CachedSample(frames, None if leg == "first" else mixture_of(leg).sensor)
    config = TrainConfig(
        run_dir=run_dir, max_steps=n_steps, size=CROP_PX, batch_size=16, n_workers=1, n_threads=1, n_validation=64
    )
    train(config, sample=sample)
    export(config, out, n_calibration=64, sample=sample)


def hits_by_image(weights: Path, folder: Path, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the seen points within ``threshold`` and all seen points, for each image of a set."""
    from kinequimation.dataset.coco import read_coco
    from kinequimation.dataset.predictions import in_labelled_boxes
    from kinequimation.dataset.score import score
    from kinequimation.pose2d.evaluate import predict_given
    from kinequimation.pose2d.infer import PoseEstimator

    images = read_coco(folder / "annotations.json")
    errors = score(images, in_labelled_boxes(predict_given(images, PoseEstimator(weights, "cpu"))).uv_px).errors
    image_of = np.repeat(np.arange(len(images)), [len(i.horses) for i in images])
    counts = np.bincount(image_of, (~np.isnan(errors)).sum(1), len(images))
    return np.bincount(image_of, (errors <= threshold).sum(1), len(images)), counts


def paired_interval(hits: np.ndarray, others: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two PCKs when images are drawn again with replacement."""
    from kinequimation.metrics import paired_difference

    difference = paired_difference(hits, counts, others)
    return difference.low, difference.high


def report(weights: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Print the table and return it."""
    from kinequimation.metrics import bootstrap_interval

    rows: dict[str, Any] = {}
    for threshold in (0.05, 0.1):
        print(f"\nPCK@{threshold}  seen points, given boxes, 95 % intervals by bootstrap over images")
        hits = {}
        for leg, path in weights.items():
            hits[leg], counts = hits_by_image(path, folder, threshold)
            share = hits[leg].sum() / counts.sum()
            low, high = bootstrap_interval(hits[leg].astype(int), counts.astype(int))
            line = f"{leg:8} {int(hits[leg].sum()):4}/{int(counts.sum())}  {share:6.1%} ({low:.2f} to {high:.2f})"
            before = list(hits)[-2] if len(hits) > 1 else None
            for other in dict.fromkeys(o for o in (before, "first") if o in hits and o != leg):
                a, b = paired_interval(hits[leg], hits[other], counts)
                line += (
                    f"   against {other}: {(hits[leg] - hits[other]).sum() / counts.sum():+.1%} ({a:+.3f} to {b:+.3f})"
                )
            print(line)
            rows[f"{leg}@{threshold}"] = {"hits": int(hits[leg].sum()), "count": int(counts.sum())}
    return rows


def main() -> int:
    """Run the legs that are not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, help="folder of labelled photos (annotations.json)")
    parser.add_argument("--first", type=Path, help="a checkout of the first generator")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--legs", nargs="+", choices=LEGS, default=list(LEGS))
    parser.add_argument("--frames", type=int, default=4000, help="frames a leg draws; default: 4000")
    parser.add_argument("--steps", type=int, default=1500, help="batches of 16 a leg trains on; default: 1500")
    parser.add_argument("--only", choices=LEGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        start = time.monotonic()
        draw(args.only, args.out / args.only / "frames", args.frames)
        train_leg(args.only, args.out / args.only / "frames", args.out / args.only, args.steps)
        print(f"{args.only}: {(time.monotonic() - start) / 60:.1f} min", flush=True)
        return 0
    options = ["--out", str(args.out), "--frames", str(args.frames), "--steps", str(args.steps)]
    for leg in args.legs:
        # in a process of its own, whose package is the leg's
        if leg == "first" and not args.first and not (args.out / leg / "pose2d.onnx").exists():
            parser.error("the leg 'first' needs --first, a checkout of the first generator")
        path = [str(args.first.resolve())] if leg == "first" and args.first else []
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])}
        subprocess.run([sys.executable, __file__, "--only", leg, *options], check=True, env=environment)
    weights = {leg: args.out / leg / "pose2d.onnx" for leg in args.legs}
    if args.set:
        rows = report(weights, args.set)
        (args.out / "table.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
