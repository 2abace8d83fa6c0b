"""How fast ``animate`` is, where its time goes, and whether its memory grows with the length of the video.

    python benchmarks/speed.py [--clip FILE] [--seconds 10 100]

Makes a 1280×720 clip of each length at 25 frames/s by playing a clip forwards and backwards, animates it in a process
of its own, and prints frames per second, each stage's share, and the most memory that was resident. Linux and macOS.
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
WIDTH, HEIGHT, FPS = 1280, 720, 25.0
LOOP_FRAMES = 100
_CHILD = """
import resource, sys
from kinequimation.cli.main import main
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak if sys.platform == "darwin" else peak * 1024, file=sys.stderr)
sys.exit(code)
"""


def loop(clip: Path) -> Iterator[np.ndarray]:
    """Yield a clip's first frames for ever, forwards and backwards, at the size of the benchmark."""
    frames = []
    for frame in open_source([str(clip)]):
        frames.append(frame.image_rgb)
        if len(frames) == LOOP_FRAMES:
            break
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)] or [0]
    while True:
        for i in order:
            yield np.asarray(Image.fromarray(frames[i]).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def make_clip(clip: Path, path: Path, seconds: float) -> int:
    """Write the benchmark's clip; return its number of frames."""
    n_frames = round(seconds * FPS)
    with VideoWriter(path, WIDTH, HEIGHT, FPS) as writer:
        for i, image in zip(range(n_frames), loop(clip), strict=False):
            writer.write(image, i / FPS)
    return n_frames


def measure(video: Path, n_frames: int, folder: Path) -> int:
    """Animate a video, print what it took, and return the most memory resident, bytes."""
    start = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, "animate", str(video), "-o", str(folder), "--device", "cpu", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall_s = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stderr)
    result, peak = json.loads(done.stdout), int(done.stderr.splitlines()[-1])
    timings = result["timings_s"]
    total = timings.pop("total")
    shares = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in timings.items())
    print(f"{n_frames} frames: {n_frames / wall_s:.1f} frames/s ({wall_s:.1f} s); peak memory {peak / 2**20:.0f} MiB")
    print(f"  {shares}")
    print(f"  {result['judgement']['line']}")
    return peak


def main() -> None:
    """Measure a short and a long clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="a clip of a horse; default: the one in examples/")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 100.0], help="default: 10 100")
    args = parser.parse_args()
    clip = args.clip or next(iter(sorted((ROOT / "examples").glob("*.mp4"))), None)
    if clip is None:
        sys.exit("expected a clip in examples/, found none: give one with --clip")
    print(f"{os.cpu_count()} cores, {clip.name} at {WIDTH}x{HEIGHT}")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in args.seconds:
            video = Path(folder) / f"{seconds:g}s.mp4"
            n_frames = make_clip(clip, video, seconds)
            peaks.append(measure(video, n_frames, Path(folder) / f"{seconds:g}s"))
            video.unlink()
    if len(peaks) > 1:
        print(f"memory of the longest over the shortest: {peaks[-1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
