"""Building datasets at scale: frames a second, and how memory grows with their number.

Makes folders of as many rendered frames as asked for (a few labels of true geometry, numbered on; their images are
links to one file each), builds from each of them in a process of its own, and says how long it took and the peak
memory::

    .venv/bin/python benchmarks/dataset_build.py --frames 1000,4000 --size 256
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

ACTIONS = ("walk", "trot", "canter_left", "jump")
CAMERAS = 5


def make(root: Path, n_frames: int, size: int) -> None:
    """Make a folder of ``n_frames`` labels with their images."""
    from rendered_set import write_rendered_set

    first = write_rendered_set(root, ACTIONS, 1, CAMERAS, size, size)
    for place in first:
        text = place.label.read_text()
        for k in range(1, n_frames // len(first)):
            other = type(place)(root, place.action, k, place.camera)
            other.label.write_text(text.replace('"frame": 0,', f'"frame": {k},', 1))
            images = ((place.image(v), other.image(v)) for v in ("flat", "materials"))
            for here, there in ((place.mask, other.mask), *images):
                os.link(here, there)


def measure(step: str, root: Path, out: Path) -> None:
    """Run one step in this process, and print its time and the process's peak memory as JSON."""
    from kinequimation.dataset.build import BuildOptions, build
    from kinequimation.dataset.lifter_sequences import write_sequences
    from kinequimation.dataset.rendered_frames import find_frames

    started = time.perf_counter()
    if step == "sequences":
        write_sequences(out / "s.npz", find_frames([root]))
    else:
        options = {
            "coco": BuildOptions(with_table=False),
            "coco and table": BuildOptions(),
            "coco and shards": BuildOptions(with_table=False, per_shard=1000),
        }
        build([root], out, options[step])
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size_mb = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
    print(json.dumps([seconds, peak_mb, size_mb]))


def main() -> int:
    """Measure every step at every number of frames."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="1000,4000", metavar="N,N", help="default: 1000,4000")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="of the images; default: 256")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "ROOT", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        measure(args.step[0], Path(args.step[1]), Path(args.step[2]))
        return 0
    print(f"{'step':<18}{'frames':>8}{'frames/s':>10}{'peak MB':>9}{'MB written':>12}")
    for n in (int(word) for word in args.frames.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "renders", n, args.size)
            for step in ("coco", "coco and table", "coco and shards", "sequences"):
                out = Path(folder) / step.replace(" ", "_")
                out.mkdir()
                command = [sys.executable, __file__, "--step", step, str(Path(folder) / "renders"), str(out)]
                run = subprocess.run(command, check=True, capture_output=True, text=True)
                seconds, peak_mb, size_mb = json.loads(run.stdout)
                print(f"{step:<18}{n:>8}{n / seconds:>10.0f}{peak_mb:>9.0f}{size_mb:>12.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
