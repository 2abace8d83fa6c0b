"""Measure rendering with labels: frames a second, memory, and what is left after kills.

    .venv/bin/python benchmarks/blender_render.py speed [--blend assets/horse.blend] [--res 256,512] [--frames 24]
    .venv/bin/python benchmarks/blender_render.py memory [--frames 1000]
    .venv/bin/python benchmarks/blender_render.py kills [--kills 10] [--frames 60]

``speed`` renders with 16 samples, by 1 process and by 2, each variant and both, and prints labelled frames a second
without the start (the difference of two lengths) and with it. ``memory`` renders tiny frames, all by one process and
then in the usual batches, and prints the process's resident memory when 10 labels and when all are there, and the
highest ever. ``kills`` stops a rendering with SIGKILL at random moments, the parent alone or its children with it,
starts it again each time, and compares every file with those of a rendering that nothing stopped; it exits 1 where
they differ. Linux only: memory and children are read from /proc.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kinequimation.dataset.blender_process import blender_command

ACTIONS = "walk,trot"
CAMERAS = 4


def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory", "kills"))
    parser.add_argument("--blend", type=Path, default=Path("assets/horse.blend"))
    parser.add_argument("--res", default="256,512")
    parser.add_argument("--frames", type=int, help="labels of each rendering")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kinequimation-") as folder:
        if args.what == "speed":
            return speed(args, Path(folder))
        if args.what == "memory":
            return memory(args, Path(folder))
        return kills(args, Path(folder))


def command(blend: Path, out: Path, labels: int, *options: str) -> list[str]:
    """Return the command that renders so many labels of the two actions, or of one where they are few."""
    frames = -(-labels // CAMERAS)
    listed = ["--actions", "walk", "--frames", f"0:{frames}", "--cameras", str(CAMERAS)]
    if frames > 24:  # more than a stride has: moves are longer, and more cameras look on
        listed = ["--actions", ACTIONS, "--frames", "0:20", "--cameras", str(-(-labels // 40))]
    return blender_command(["render", "--blend", str(blend), "--out", str(out), *listed, *options])


def count(out: Path) -> int:
    """Return how many labels are there."""
    return len(list(out.glob("*/labels/f*.json")))


def speed(args: argparse.Namespace, folder: Path) -> int:
    """Print frames a second: of what a rendering of three times the frames takes longer, and with the start."""
    n = args.frames or 24
    for res in args.res.split(","):
        for variant in ("flat", "materials", "both"):
            for workers in ("1", "2"):
                options = ("--res", res, "--samples", "16", "--variant", variant, "--workers", workers)
                took, labels = [], []
                for times in (1, 3):
                    out = folder / f"{res}-{variant}-{workers}-{times}"
                    started = time.monotonic()
                    subprocess.run(command(args.blend, out, n * times, *options), check=True, capture_output=True)
                    took.append(time.monotonic() - started)
                    labels.append(count(out))
                print(
                    f"{res}×{res}, 16 samples, {variant}, {workers} processes:"
                    f" {(labels[1] - labels[0]) / (took[1] - took[0]):.2f} frames/s,"
                    f" {labels[1] / took[1]:.2f} with the start ({labels[1]} frames)",
                    flush=True,
                )
    return 0


def memory(args: argparse.Namespace, folder: Path) -> int:
    """Print resident memory on the way."""
    n = args.frames or 1000
    for batch in (str(n), "200"):
        out = folder / batch
        options = ("--res", "32", "--samples", "1", "--batch", batch)
        process = subprocess.Popen(
            command(args.blend, out, n, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        at_10 = at_end = highest = 0.0
        while process.poll() is None:
            now = max((rss_mb(p) for p in children(process.pid)), default=0.0)
            done = count(out)
            highest = max(highest, now)
            if done >= 10 and not at_10:
                at_10 = now
            if now and done < n:
                at_end = now
            time.sleep(0.05)
        print(
            f"{count(out)} frames, {batch} a process: {at_10:.0f} MB at frame 10, {at_end:.0f} MB at the last,"
            f" {highest:.0f} MB at most; its parent {process.returncode or 'ended well'}",
            flush=True,
        )
    return 0


def kills(args: argparse.Namespace, folder: Path) -> int:
    """Stop a rendering at random moments; return 1 where something is not as it should be."""
    rng = random.Random(args.seed)
    options = ("--res", "64", "--samples", "2", "--variant", "both", "--workers", "2", "--batch", "5")
    whole, broken = folder / "whole", folder / "broken"
    started = time.monotonic()
    n = args.frames or 60
    subprocess.run(command(args.blend, whole, n, *options), check=True, capture_output=True)
    took = time.monotonic() - started
    for k in range(args.kills):
        process = subprocess.Popen(
            command(args.blend, broken, n, *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started, there = time.monotonic(), count(broken)
        # one in three during the start, the others at work, and none so late that the last has nothing left to stop
        while k % 3 and count(broken) == there and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1.2 * took / args.kills))
        after = time.monotonic() - started
        before = children(process.pid)
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGKILL) if k % 2 else process.kill()
        process.wait()
        killed = time.monotonic()
        while any(is_running(p) for p in before) and time.monotonic() - killed < 30:
            time.sleep(0.01)
        outlived = [p for p in before if is_running(p)]
        print(
            f"kill {k + 1} after {after:.1f} s, {'all' if k % 2 else 'the parent'}: {count(broken)} labels,"
            f" children gone after {time.monotonic() - killed:.2f} s{' (it had ended)' if ended else ''}",
            flush=True,
        )
        if outlived:
            print(f"children live on: {outlived}")
            return 1
        if count(broken) == count(whole):  # it was done: begin again, so that each kill stops something
            shutil.rmtree(broken)
    subprocess.run(command(args.blend, broken, n, *options), check=True, capture_output=True)
    contents = [
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()} for root in (whole, broken)
    ]
    same = contents[0] == contents[1]
    print(f"{len(contents[0])} files of a whole rendering, {len(contents[1])} after {args.kills} kills: "
          f"{'the same bytes' if same else 'NOT THE SAME'}")  # fmt: skip
    return 0 if same else 1


def children(pid: int) -> list[int]:
    """Return the processes that descend from one."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = parents.get(pending.pop(), [])
        found += below
        pending += below
    return found


def is_running(pid: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def rss_mb(pid: int) -> float:
    """Return a process's resident memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    sys.exit(main())
