"""How many labelled frames a second the generator makes, and how fast cached ones come back.

    python benchmarks/throughput.py [--frames 200] [--workers 2] [--first ../first] [--parts]

Prints, for 256×256 pixels: whole frames (every label) of the generator's own mixture and of bare scenes, training
crops, cached frames read back and recomposited, each with ``--workers`` processes of one thread; meshes posed and
skinned on one core; and, for the ratio, the same mesh drawn plainly in one colour by the same OpenGL in one process.
``--first`` gives a checkout of the first generator (``git worktree add ../first e6a14de``), which is timed in the same
run. ``--parts`` says where the time of a frame goes. The first frames of every worker are not counted: it compiles its
shaders, and paints the skylines that all later frames share.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
SIZE = 256
SEED = 5
N_WARM = 60
"""Frames of each worker that are not counted."""
_FIRST = """
import sys, time
from kinequimation import synth
first, n = int(sys.argv[1]), int(sys.argv[2])
for i in range(4):
    synth.sample(5, 10**6 + i)
print("ready", flush=True)
sys.stdin.readline()
for i in range(n):
    synth.sample(5, first + i)
"""


def rate(samples: Iterator[Any], n: int, n_warm: int) -> float:
    """Return how many samples a second come, after the first ``n_warm`` of them."""
    for _ in range(n_warm):
        next(samples)
    start = time.perf_counter()
    for _ in range(n):
        next(samples)
    return n / (time.perf_counter() - start)


def stream_rate(n: int, workers: int, kind: Any = "frame", mixture: Any = None) -> float:
    """Return the samples a second of a stream."""
    from kinequimation.synth.stream import frame_stream

    stream = frame_stream(SEED, 0, None, workers, mixture, kind=kind)
    try:
        return rate(stream, n, N_WARM * workers)
    finally:
        stream.close()


def first_rate(checkout: Path, n: int, workers: int) -> float:
    """Return the frames a second of the first generator, in as many processes."""
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    each = n // workers
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _FIRST, str(w * each), str(each)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for w in range(workers)
    ]  # fmt: skip
    for process in started:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            sys.exit(f"{checkout}: expected a checkout of this project that can draw")
    start = time.perf_counter()
    for process in started:
        process.communicate("go\n")
    return workers * each / (time.perf_counter() - start)


def plain_rate(n: int) -> tuple[float, str]:
    """Return how often a second one process draws and reads a horse of one colour, and what draws it."""
    from kinequimation.body import Body, Shape
    from kinequimation.geometry.camera import Camera, intrinsics, look_at
    from kinequimation.synth.renderer import _projection, renderer

    ctx = renderer().ctx
    body = Body(Shape())
    camera = Camera(intrinsics(SIZE, SIZE, 0.5), look_at(np.array([-7.0, 1.0, 1.4]), np.array([0, 0, 0.9])), SIZE, SIZE)
    program = ctx.program(
        vertex_shader="#version 330\nuniform mat4 m; in vec3 p; void main() { gl_Position = m * vec4(p, 1.0); }",
        fragment_shader="#version 330\nout vec4 rgb; void main() { rgb = vec4(0.5, 0.4, 0.3, 1.0); }",
    )
    program["m"].write((_projection(camera) @ camera.T_cam_world).T.astype("f4").tobytes())  # type: ignore[union-attr]
    vertices = ctx.buffer(body.rest_vertices.astype("f4").tobytes())
    vao = ctx.vertex_array(program, [(vertices, "3f", "p")], ctx.buffer(body.faces.astype("i4").tobytes()))
    target = ctx.framebuffer([ctx.texture((SIZE, SIZE), 4)], ctx.depth_renderbuffer((SIZE, SIZE)))

    def draw() -> Iterator[bytes]:
        while True:
            target.use()
            target.clear(depth=1.0)
            vao.render()
            yield target.read(components=3)

    return rate(draw(), n, 20), str(ctx.info["GL_RENDERER"])


def mesh_rate(n: int) -> float:
    """Return how many meshes a second one core poses and skins, joints and all."""
    from kinequimation.body import Body, Shape
    from kinequimation.motion import make_motion

    body = Body(Shape())
    motion = make_motion("trot", body, seconds=2.0, fps=30.0)
    root, quat = motion.root_xyz_world, motion.quat_wxyz

    def batches() -> Iterator[np.ndarray]:
        while True:
            yield body.meshes(root, quat)

    return len(root) * rate(batches(), max(n // len(root), 3), 2)


def _read_back(folder: str, part: int, of: int, n: int, out: Any, go: Any) -> None:
    from kinequimation.dataset.shards import read_shards
    from kinequimation.synth.composite import random_background, recomposite

    rng = np.random.default_rng(part)

    def frames() -> Iterator[np.ndarray]:
        other = None
        while True:
            for frame in read_shards(folder, part, of):
                harmonise = rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0
                background = random_background(rng, SIZE, other)
                yield recomposite(frame.image, frame.alpha, background, frame.shadow, harmonise)
                other = frame.image[:, : max(int(frame.bbox_xywh[0]), 24)]

    stream = frames()
    for _ in range(20):
        next(stream)
    out.put(None)
    go.wait()
    out.put(rate(stream, n, 0))


def shard_rate(n: int, workers: int) -> float:
    """Return how many cached frames a second the workers read and put before another background together."""
    from kinequimation.dataset.shards import write_shards
    from kinequimation.synth.stream import frame_stream

    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, lambda start, count: frame_stream(SEED, start, count, workers), 40 * workers, 20)
        out, go = context.Queue(), context.Event()
        started = [
            context.Process(target=_read_back, args=(folder, w, workers, n, out, go), daemon=True)
            for w in range(workers)
        ]
        for process in started:
            process.start()
        for _ in started:
            out.get(timeout=120)
        go.set()
        return sum(out.get(timeout=120) for _ in started)


def print_parts(n: int) -> None:
    """Print where the time of a frame goes, by processor time of one process."""
    from kinequimation.synth import frames, sampling

    spent: dict[str, float] = {}

    def timed(module: Any, name: str, label: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            result = function(*args, **kwargs)
            spent[label] = spent.get(label, 0.0) + time.process_time() - start
            return result

        setattr(module, name, wrapped)

    for i in range(N_WARM):
        frames.sample(SEED, i)
    timed(frames, "sample_scene", "scene")
    timed(sampling, "sample_motion", "  of it motion")
    timed(sampling, "Body", "  of it bodies")
    timed(sampling.surroundings, "surround", "  of it surroundings")
    timed(sampling.tack, "dress", "  of it tack")
    timed(frames, "label", "drawing and labels")
    timed(type(frames.renderer()), "render", "  of it drawing")
    timed(frames, "exposed", "  of it motion blur")
    timed(frames, "horse_box", "  of it the box")
    timed(frames, "visibility", "  of it visibility")
    start = time.process_time()
    for i in range(n):
        frames.sample(SEED, 100 + i)
    total = time.process_time() - start
    for label, seconds in spent.items():
        print(f"  {label:24} {1e3 * seconds / n:6.1f} ms  {seconds / total:4.0%}")
    print(f"  {'all':24} {1e3 * total / n:6.1f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200, help="of each kind; default: 200")
    parser.add_argument("--workers", type=int, default=2, help="processes; default: 2")
    parser.add_argument("--first", type=Path, help="a checkout of the first generator")
    parser.add_argument("--parts", action="store_true", help="where the time of a frame goes")
    args = parser.parse_args()
    from kinequimation.synth.mixture import Mixture

    n, workers = args.frames, args.workers
    plain, driver = plain_rate(500)
    print(f"{os.cpu_count()} cores, {workers} workers, {driver}; load {os.getloadavg()[0]:.1f} from others and us")
    print(f"a horse of one colour, drawn and read, one process  {plain:7.1f} /s")
    mixture = Mixture()
    scene = {k: v for k, v in asdict(mixture.scene).items() if isinstance(v, float)}
    print("mixture: " + ", ".join(f"{k} {v:g}" for k, v in scene.items()))
    print(
        f"  other horse {mixture.other_horse:g}, handler {mixture.handler:g}, exposed {mixture.exposed:g}, "
        f"rider {mixture.tack.rider:g}"
    )
    whole = stream_rate(n, workers)
    print(f"frames of the mixture, every label                  {whole:7.1f} /s  {whole / plain:.3f} of plain")
    sharp = stream_rate(n, workers, mixture=replace(mixture, exposed=0.0))
    print(f"  the same without motion blur                      {sharp:7.1f} /s")
    bare = stream_rate(n, workers, mixture=Mixture.bare())
    print(f"frames of bare scenes, every label                  {bare:7.1f} /s  {bare / plain:.3f} of plain")
    crops = stream_rate(n, workers, kind="training")
    print(f"training crops of 192, one a frame                  {crops:7.1f} /s")
    if args.first is not None:
        first = first_rate(args.first, n, workers)
        print(f"frames of the first generator                       {first:7.1f} /s  ours: {whole / first:.2f} of it")
    print(f"cached frames read back and recomposited            {shard_rate(2 * n, workers):7.1f} /s")
    print(f"meshes posed and skinned, one core                  {mesh_rate(1000):7.1f} /s")
    if args.parts:
        print("where a frame's time goes, one process:")
        print_parts(min(n, 60))


if __name__ == "__main__":
    main()
