"""A training run that is killed again and again, beside one that is not: the same losses, step by step?

    python benchmarks/resume.py --out outputs/resume --kills 5

Two runs of the pose network on the same drawn frames, small and short. One is left alone. The other is killed by
SIGKILL at random moments, whatever it is doing then (training, writing a row or a checkpoint, validating), and started
again by the same command until it is through. Then their logs are compared row by row, and their networks bit by bit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

STEPS, BATCH, SIZE = 60, 4, 96


def train_once(run_dir: Path, frames: Path) -> None:
    """Train the small run, or what is left of it."""
    from kinequimation.pose2d.train import TrainConfig, train

    config = TrainConfig(
        run_dir, data=(str(frames),), max_steps=STEPS, batch_size=BATCH, size=SIZE, n_workers=1, n_validation=8,
        n_validations=6, log_steps=1, checkpoint_minutes=0.05, device="cpu",
    )  # fmt: skip
    train(config)


def last_step(run_dir: Path) -> int:
    """Return the step of the last whole row of a run's log."""
    from kinequimation.pose2d.logs import read_log

    rows = read_log(run_dir / "log.csv")
    return int(rows[-1]["step"]) if rows else 0


def train_with_kills(run_dir: Path, frames: Path, n_kills: int, seed: int) -> list[int]:
    """Run the training in processes that are killed at random; return the last step that each had logged."""
    rng = random.Random(seed)
    killed_at: list[int] = []
    while True:
        command = [sys.executable, __file__, "--only", str(run_dir), "--frames", str(frames)]
        process = subprocess.Popen(command, start_new_session=True)
        begun = last_step(run_dir)
        goal = rng.randint(min(begun + 1, STEPS - 1), min(begun + 2 * STEPS // max(n_kills, 1), STEPS - 1))
        while process.poll() is None and (len(killed_at) >= n_kills or last_step(run_dir) < goal):
            time.sleep(0.02)
        if process.poll() is None:
            time.sleep(rng.uniform(0, 0.5))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed_at.append(last_step(run_dir))
            print(f"killed after step {killed_at[-1]}", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"training ended with {process.returncode}")
        return killed_at


def compare(whole: Path, killed: Path) -> bool:
    """Print how far apart two runs are; return whether they are the same."""
    import torch

    from kinequimation.pose2d.logs import read_log
    from kinequimation.pose2d.loop import read_checkpoint

    clock = ("minutes", "samples_per_s")
    logs = [[{k: v for k, v in r.items() if k not in clock} for r in read_log(d / "log.csv")] for d in (whole, killed)]
    steps = [[r["step"] for r in log] for log in logs]
    print(f"rows: {len(logs[0])} and {len(logs[1])}; the same steps: {steps[0] == steps[1]}")
    gaps = [
        abs(a[k] - b[k]) if k in a and k in b else float("inf") for a, b in zip(*logs, strict=False) for k in {*a, *b}
    ]
    print(f"largest difference of any loss, rate or figure in any row: {max(gaps):g}")
    nets = [read_checkpoint(d / "checkpoint.pt")["net"] for d in (whole, killed)]
    n_same = sum(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])
    print(f"tensors of the network that are equal to the bit: {n_same} of {len(nets[0])}")
    return steps[0] == steps[1] and max(gaps) == 0 and n_same == len(nets[0])


def main() -> int:
    """Train both, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for both runs; must be new")
    parser.add_argument("--frames", type=Path, help="a folder of 'dataset frames'; 60 are drawn by default")
    parser.add_argument("--kills", type=int, default=5, help="default: 5")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        train_once(args.only, args.frames)
        return 0
    if args.out is None or args.out.exists():
        parser.error("--out: expected a new folder")
    frames = args.frames or args.out / "frames"
    if args.frames is None:
        from kinequimation.cli.main import main as kinequimation

        kinequimation(["dataset", "frames", "--count", "60", "--out", str(frames), "--workers", "1"])
    train_with_kills(args.out / "whole", frames, 0, args.seed)
    killed_at = train_with_kills(args.out / "killed", frames, args.kills, args.seed)
    print(f"{STEPS} steps; killed {len(killed_at)} times, after the steps {', '.join(map(str, killed_at))}")
    is_same = compare(args.out / "whole", args.out / "killed")
    print("the same" if is_same else "NOT the same")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
