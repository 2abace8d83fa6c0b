"""What every network needs when it runs or is trained: its weights, a session on a device, progress, a way to stop."""

from __future__ import annotations

import hashlib
import signal
import threading
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from kinequimation.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnxruntime

Device = Literal["cpu", "cuda", "auto"]
DEVICES: tuple[str, ...] = get_args(Device)


class Progress(Protocol):
    """Called as work goes on: the stage's name, frames done, and frames in all if that is known."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


SHIPPED = {
    "detect": "finds horses",
    "kind": "tells horses from other animals",
    "pose2d": "finds their keypoints",
    "lift": "lifts keypoints to 3D",
    "gait": "tells gaits apart",
}
"""The networks that come with the package, and what each does."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Report nothing."""


def weights_path(name: str) -> Path:
    """Return the path of a model that ships with the package: one of ``SHIPPED``.

    Raises:
        InputError: the file is not there.
    """
    path = Path(str(files("kinequimation.weights").joinpath(f"{name}.onnx")))
    if not path.is_file():
        raise InputError(f"the weights {path} are missing: reinstall the package, or train them (kinequimation train)")
    return path


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def open_session(
    path: Path, device: Device = "auto", n_threads: int = 0
) -> tuple[onnxruntime.InferenceSession, Literal["cpu", "cuda"]]:
    """Open an ONNX model.

    Args:
        path: the model.
        device: ``auto`` takes CUDA where ONNX Runtime offers it, the CPU otherwise.
        n_threads: CPU threads; 0 lets ONNX Runtime choose.

    Returns:
        the session and the device that it runs on.

    Raises:
        InputError: the file is no readable ONNX model, or ``device`` is not a known name.
        MissingDependencyError: CUDA was asked for by name and is not there or does not start.
    """
    import onnxruntime as ort

    if device not in DEVICES:
        raise InputError(f"device: expected one of {', '.join(DEVICES)}, got {device!r}")
    if not Path(path).is_file():
        raise InputError(f"{path}: expected a network's file, found none")
    has_cuda = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise MissingDependencyError(
            "device cuda: this onnxruntime has no CUDA; install onnxruntime-gpu, or use --device cpu"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    # threads that wait by spinning take the core from what runs between and beside networks
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device != "cpu" and has_cuda else None
    try:
        session = ort.InferenceSession(str(path), options, providers=providers or ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base
        raise InputError(f"{path}: expected an ONNX model, got something unreadable ({error})") from error
    on_cuda = "CUDAExecutionProvider" in session.get_providers()
    if device == "cuda" and not on_cuda:  # ONNX Runtime falls back to the CPU where CUDA's libraries or driver fail
        raise MissingDependencyError("device cuda: it could not be started; check its driver, or use --device cpu")
    return session, "cuda" if on_cuda else "cpu"


@contextmanager
def requests_to_stop() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C or SIGTERM came; the second one ends the process as ever.

    Outside the main thread, which alone may set signals, it never says so.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
