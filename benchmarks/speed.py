"""How fast ``animate`` is, where its time goes, and whether its memory grows with the length of the video.

    python benchmarks/speed.py [--clip FILE] [--seconds 60 600] [--size 1280x720]

Makes a clip of each length at 25 frames/s by playing a clip forwards and backwards, animates it in a process of its
own, and prints frames per second, and of each stage its time, its processor time, and the most memory that was resident
up to its end. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from kinequimation.video import VideoWriter, open_source

ROOT = Path(__file__).resolve().parent.parent
FPS = 25.0
LOOP_FRAMES = 100
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from kinequimation.pipeline import AnimateOptions, animate

scale = 1 if sys.platform == "darwin" else 1024
stages = {}
begun = time.perf_counter(), time.process_time()

def note(stage, done, total):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    first = stages[stage][0] if stage in stages else time.process_time()
    stages[stage] = first, time.process_time(), peak

options = AnimateOptions(inputs=(sys.argv[1],), output=Path(sys.argv[2]), device="cpu")
result = animate(options, note)
note("rest", 1, 1)
print(json.dumps({
    "wall_s": result.timings_s,
    "cpu_s": {name: last - first for name, (first, last, _) in stages.items()},
    "peak": {name: peak for name, (_, _, peak) in stages.items()},
    "all_s": [time.perf_counter() - begun[0], time.process_time() - begun[1]],
    "line": result.judgement.line,
}))
"""


def loop(clip: Path, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield a clip's first frames for ever, forwards and backwards, at a size."""
    frames = []
    for frame in open_source([str(clip)]):
        frames.append(frame.image_rgb)
        if len(frames) == LOOP_FRAMES:
            break
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)] or [0]
    while True:
        for i in order:
            yield np.asarray(Image.fromarray(frames[i]).resize(size, Image.Resampling.BILINEAR))


def make_clip(clip: Path, path: Path, seconds: float, size: tuple[int, int]) -> int:
    """Write the benchmark's clip; return its number of frames."""
    n_frames = round(seconds * FPS)
    with VideoWriter(path, *size, FPS) as writer:
        for i, image in zip(range(n_frames), loop(clip, size), strict=False):
            writer.write(image, i / FPS)
    return n_frames


def measure(video: Path, n_frames: int, folder: Path) -> float:
    """Animate a video, print what it took, and return the most memory resident, MiB."""
    start = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, str(video), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    wall_s = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)
    peaks = {name: peak / 2**20 for name, peak in result["peak"].items()}
    print(f"{n_frames} frames: {n_frames / wall_s:.1f} frames/s ({wall_s:.1f} s); peak memory {peaks['rest']:.0f} MiB")
    print(f"  {result['line']}")
    wall, cpu = result["wall_s"], result["cpu_s"]
    total_s, total_cpu_s = result["all_s"]
    print("  stage         ms/frame   share   processor ms/frame   peak MiB")
    for stage, seconds in wall.items():
        if stage == "total":
            continue
        used = f"{1000 * cpu[stage] / n_frames:8.1f}" if stage in cpu else f"{'':8}"
        peak = f"{peaks[stage]:8.0f}" if stage in peaks else ""
        print(f"  {stage:<12} {1000 * seconds / n_frames:9.1f} {seconds / total_s:7.0%}   {used:>16}   {peak:>8}")
    print(f"  {'all':<12} {1000 * total_s / n_frames:9.1f} {'':7}   {1000 * total_cpu_s / n_frames:16.1f}")
    return peaks["rest"]


def main() -> None:
    """Measure a short and a long clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="a clip of a horse; default: the one in examples/")
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 600.0], help="default: 60 600")
    parser.add_argument("--size", default="1280x720", metavar="WxH", help="of the frames; default: 1280x720")
    args = parser.parse_args()
    clip = args.clip or next(iter(sorted((ROOT / "examples").glob("*.mp4"))), None)
    if clip is None:
        sys.exit("expected a clip in examples/, found none: give one with --clip")
    try:
        width, height = (int(side) for side in args.size.split("x"))
    except ValueError:
        sys.exit(f"--size: expected something like 1280x720, got {args.size}")
    print(f"{os.cpu_count()} cores, {clip.name} at {width}x{height}")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in args.seconds:
            video = Path(folder) / f"{seconds:g}s.mp4"
            n_frames = make_clip(clip, video, seconds, (width, height))
            peaks.append(measure(video, n_frames, Path(folder) / f"{seconds:g}s"))
            video.unlink()
    if len(peaks) > 1:
        print(f"memory of the longest over the shortest: {peaks[-1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
