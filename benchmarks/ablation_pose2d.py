"""What each part of the recipe for 2D keypoints is worth on real photographs.

    kinequimation dataset frames --count 16000 --out runs/frames
    python benchmarks/ablation_pose2d.py --frames runs/frames --set DIR --out runs/legs

Five small networks, trained for the same number of steps on 128-pixel crops of the same cached frames, each of which
differs from the first in one thing:

    base        the recipe: strong augmentation, ImageNet weights with the early layers frozen, the limb head
    plain       no augmentation but mirroring, no other backgrounds
    no_limbs    no loss for the limb head
    scratch     no ImageNet weights, nothing frozen
    unfrozen    ImageNet weights, nothing frozen

A leg that was cut off goes on where it was. The end is a table: PCK on the set's seen points with given boxes, pairs of
legs exchanged, and the paired bootstrap over images of each leg against the first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

LEGS = ("base", "plain", "no_limbs", "scratch", "unfrozen")
CROP_PX = 128
SCRATCH_BACKBONE_LR = 1.5e-3
"""Weights that start from nothing learn at the head's rate."""


class Plain:
    """Gives crops of cached frames without augmentation; only their boxes are jittered, and half are mirrored.

    Args:
        folder: of the frames.
    """

    def __init__(self, folder: Path) -> None:
        from kinequimation.pose2d import frame_sets

        frame_sets.RECOMPOSITE_SHARE = 0.0
        self.frames = frame_sets.open_frames(folder)

    def __call__(self, seed: int, index: int, size: int) -> dict[str, np.ndarray]:
        from kinequimation.pose2d.stream import arrays_of
        from kinequimation.synth.augment import augment
        from kinequimation.synth.sensor import SensorShares

        rng = np.random.default_rng([seed, index])
        f = self.frames.frame(int(rng.integers(len(self.frames))), rng, size)
        shares = SensorShares(**{f.name: 0.5 if f.name == "mirror" else 0.0 for f in fields(SensorShares)})
        crop = augment(rng, f.image, f.uv_px, f.visibility, f.mask, f.bbox_xywh, size, shares, f.parts)
        return arrays_of(crop.image, crop.uv_px, crop.visibility, crop.share, crop.limbs, None)


def train_leg(leg: str, frames: Path, run_dir: Path, n_steps: int) -> None:
    """Train a leg's network and write it as ``pose2d.onnx`` into ``run_dir``."""
    from kinequimation.pose2d import loss
    from kinequimation.pose2d.export import export
    from kinequimation.pose2d.train import TrainConfig, train

    if leg == "no_limbs":
        loss.LIMB_WEIGHT = 0.0
    options: dict[str, Any] = {"max_steps": n_steps, "size": CROP_PX, "n_validation": 64, "data": (str(frames),)}
    if leg == "scratch":
        options |= {"init": "scratch", "backbone_lr": SCRATCH_BACKBONE_LR}
    if leg == "unfrozen":
        options["n_frozen"] = 0
    config = TrainConfig(run_dir=run_dir, **options)
    sample = Plain(frames) if leg == "plain" else None
    train(config, sample=sample)
    export(config, run_dir / "pose2d.onnx", n_calibration=64, sample=sample)


def report(weights: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Print the table and return it."""
    from kinequimation.dataset.coco import read_coco
    from kinequimation.dataset.predictions import in_labelled_boxes
    from kinequimation.dataset.score import score
    from kinequimation.metrics import paired_difference
    from kinequimation.pose2d.evaluate import predict_given
    from kinequimation.pose2d.infer import PoseEstimator

    images = read_coco(folder / "annotations.json")
    image_of = np.repeat(np.arange(len(images)), [len(i.horses) for i in images])
    rows: dict[str, Any] = {}
    hits: dict[tuple[str, int], np.ndarray] = {}
    for leg, path in weights.items():
        s = score(images, in_labelled_boxes(predict_given(images, PoseEstimator(path, "cpu"))).uv_px)
        counts = np.bincount(image_of, (~np.isnan(s.errors)).sum(1), len(images))
        row: dict[str, Any] = {
            "count": s.seen.count,
            "swapped": s.pairs.swapped,
            "merged": s.pairs.merged,
            "pairs": s.pairs.comparable,
        }
        line = f"{leg:9}"
        for i, threshold in enumerate((0.05, 0.1)):
            hits[leg, i] = np.bincount(image_of, (s.errors <= threshold).sum(1), len(images))
            low, high = s.seen.intervals[i]
            line += f"  @{threshold} {s.seen.hits[i]}/{s.seen.count} {s.seen.share(i):6.1%} ({low:.2f} to {high:.2f})"
            row[f"pck@{threshold}"] = {"hits": s.seen.hits[i], "interval95": [low, high]}
            if leg != LEGS[0] and (LEGS[0], i) in hits:
                d = paired_difference(hits[leg, i], counts, hits[LEGS[0], i])
                line += f" [{d.value:+.1%}, {d.low:+.3f} to {d.high:+.3f}]"
                row[f"pck@{threshold}"]["against_base"] = [d.value, d.low, d.high]
        print(f"{line}  pairs exchanged {s.pairs.swapped}/{s.pairs.comparable}, both on one side {s.pairs.merged}")
        rows[leg] = row
    return rows


def main() -> int:
    """Run the legs that are not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=Path, required=True, help="folder of 'kinequimation dataset frames'")
    parser.add_argument("--set", type=Path, help="folder of labelled photos (annotations.json)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--legs", nargs="+", choices=LEGS, default=list(LEGS))
    parser.add_argument("--steps", type=int, default=900, help="batches of 16 a leg trains on; default: 900")
    parser.add_argument("--only", choices=LEGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        start = time.monotonic()
        train_leg(args.only, args.frames, args.out / args.only, args.steps)
        print(f"{args.only}: {(time.monotonic() - start) / 60:.1f} min", flush=True)
        return 0
    weights = {leg: args.out / leg / "pose2d.onnx" for leg in args.legs}
    options = ["--frames", str(args.frames), "--out", str(args.out), "--steps", str(args.steps)]
    for leg, path in weights.items():
        if not path.exists():  # in a process of its own, as legs change what modules say
            subprocess.run([sys.executable, __file__, "--only", leg, *options], check=True)
    if args.set:
        rows = report(weights, args.set)
        (args.out / "table.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
