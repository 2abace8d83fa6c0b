"""Samples in order from memory, made by worker processes; the same whatever their number and wherever it starts.

Each worker is a fresh process with an OpenGL context of its own and one core's worth of threads. On a machine with
graphics cards EGL takes the first device, or the one whose number the environment variable ``GLCONTEXT_DEVICE_INDEX``
holds; without one Mesa draws on the CPU.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
import signal
import traceback
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

from kinequimation.errors import InputError, KinEquiMationError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from kinequimation.synth.frames import DetectionSample, Frame, TrainingSample
    from kinequimation.synth.mixture import Mixture

Kind = Literal["frame", "training", "detection", "training_frame"]
SIZES: dict[str, int] = {"frame": 256, "training": 192, "detection": 256, "training_frame": 0}
"""Side of a sample of each kind where none is given, pixels; frames to cut training crops from have their own sizes."""
_AHEAD = 4
"""Samples that a worker may be ahead of the reader."""
_LOOK_S = 1.0
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class StreamError(KinEquiMationError):
    """A worker failed; the text names the sample's index and what went wrong."""


def make(kind: str, seed: int, index: int, size: int, mixture: Mixture | None) -> Any:
    """Return sample ``index`` of stream ``seed``."""
    from kinequimation.synth import frames

    if kind == "frame":
        return frames.sample(seed, index, size, mixture)
    if kind == "training":
        return frames.training_sample(seed, index, size, mixture)
    if kind == "training_frame":
        return frames.training_frame(seed, index, mixture)
    return frames.detection_sample(seed, index, size, *(() if mixture is None else (mixture,)))


def _indices(start: int, stop: int | None, step: int = 1) -> Iterable[int]:
    return itertools.count(start, step) if stop is None else range(start, stop, step)


def _work(
    out: Any, kind: str, seed: int, which: tuple[int, int | None, int], size: int, mixture: Mixture | None
) -> None:
    """Make samples until they are all made or the reader is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the reader's to handle: it stops the workers
    parent = multiprocessing.parent_process()
    for index in _indices(*which):
        try:
            item = (index, make(kind, seed, index, size, mixture), "")
        except Exception as error:  # whatever it is, the reader must hear of it
            where = traceback.extract_tb(error.__traceback__)[-1]
            ours = isinstance(error, KinEquiMationError)
            place = "" if ours else f" ({os.path.basename(where.filename)}:{where.lineno})"
            item = (index, None, f"{type(error).__name__}: {error}{place}".replace("\n", " "))
        while True:
            try:
                out.put(item, timeout=_LOOK_S)
                break
            except queue.Full:
                if parent is None or not parent.is_alive():
                    os._exit(1)  # nobody reads; the queue's thread would wait for ever
        if item[2]:
            return


@overload
def frame_stream(
    seed: int, start: int = ..., count: int | None = ..., workers: int = ..., mixture: Mixture | None = ...,
    kind: Literal["frame", "training_frame"] = ..., size: int | None = ...,
) -> Generator[Frame, None, None]: ...  # fmt: skip
@overload
def frame_stream(
    seed: int, start: int = ..., count: int | None = ..., workers: int = ..., mixture: Mixture | None = ...,
    *, kind: Literal["training"], size: int | None = ...,
) -> Generator[TrainingSample, None, None]: ...  # fmt: skip
@overload
def frame_stream(
    seed: int, start: int = ..., count: int | None = ..., workers: int = ..., mixture: Mixture | None = ...,
    *, kind: Literal["detection"], size: int | None = ...,
) -> Generator[DetectionSample, None, None]: ...  # fmt: skip
def frame_stream(
    seed: int,
    start: int = 0,
    count: int | None = None,
    workers: int = 2,
    mixture: Mixture | None = None,
    kind: Kind = "frame",
    size: int | None = None,
) -> Generator[Any, None, None]:
    """Yield the samples ``start``, ``start + 1``, ... of stream ``seed``.

    Sample ``index`` is what ``sample``, ``training_sample``, ``detection_sample`` or ``training_frame`` give for it,
    whatever the number of workers. Workers stop when the iterator ends, is closed, or raises; a script that uses them
    needs Python's usual ``if __name__ == "__main__":``.

    Args:
        seed: which endless stream.
        start: index of the first sample.
        count: how many; None for ever.
        workers: processes; 0 makes the samples in this one.
        mixture: how often each thing is drawn; the generator's own if not given.
        kind: what a sample is.
        size: its side, pixels; 256, 192 and 256 for the first three kinds if not given. The fourth has its own sizes.

    Raises:
        InputError: a number is out of range or the kind unknown.
        StreamError: a worker failed or was killed; says at which index.
        MissingDependencyError: there is no OpenGL (without workers; with them it is a ``StreamError``).
    """
    if kind not in get_args(Kind):
        raise InputError(f"kind: expected one of {', '.join(get_args(Kind))}, got {kind!r}")
    if min(seed, start, workers, 0 if count is None else count) < 0:
        raise InputError(
            f"seed, start, count, workers: expected whole numbers from 0, got {seed}, {start}, {count}, {workers}"
        )
    size = SIZES[kind] if size is None else size
    stop = None if count is None else start + count
    if workers:
        return _from_workers(kind, seed, start, stop, size, mixture, workers)
    return (make(kind, seed, index, size, mixture) for index in _indices(start, stop))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set what is not yet set for the time of a block: a spawned process inherits it."""
    new = {k: v for k, v in values.items() if k not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for k in new:
            del os.environ[k]


def _from_workers(
    kind: str, seed: int, start: int, stop: int | None, size: int, mixture: Mixture | None, workers: int
) -> Generator[Any, None, None]:
    context = multiprocessing.get_context("spawn")  # a forked child would share the parent's OpenGL state
    workers = workers if stop is None else min(workers, stop - start)
    queues = [context.Queue(_AHEAD) for _ in range(workers)]
    started: list[BaseProcess] = []
    try:
        with _environment(_ONE_THREAD):
            for w in range(workers):
                which = (start + w, stop, workers)
                process = context.Process(target=_work, args=(queues[w], kind, seed, which, size, mixture), daemon=True)
                process.start()
                started.append(process)
        for i in _indices(start, stop):
            w = (i - start) % workers
            index, sample, problem = _next(queues[w], started[w], i)
            if problem:
                raise StreamError(f"sample {index} of stream {seed} could not be made: {problem}")
            yield sample
    finally:
        for process in started:
            process.terminate()
        for process, q in zip(started, queues, strict=False):
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
            q.close()
            q.cancel_join_thread()


def _next(q: Any, process: BaseProcess, index: int) -> tuple[int, Any, str]:
    while True:
        try:
            return q.get(timeout=_LOOK_S)
        except queue.Empty:
            if process.is_alive():
                continue
        try:
            return q.get(timeout=_LOOK_S)  # it may have put its last sample and ended
        except queue.Empty:
            return index, None, f"its worker ended with exit code {process.exitcode}"
