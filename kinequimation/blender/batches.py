"""Rendering in batches, each by a process of its own: memory stays flat, and whatever is killed can go on.

Needs no Blender itself. What is done is what has its label; the label is written last, so a frame that was cut short is
rendered again, to the same bytes.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from kinequimation.blender.render_settings import (
    Plan,
    RenderSettings,
    check_same,
    read_manifest,
    write_manifest,
)
from kinequimation.dataset.blender_process import MARK
from kinequimation.dataset.frame_label import FramePlace
from kinequimation.dataset.labels import read_label
from kinequimation.errors import InputError, KinEquiMationError, OutputError

_ROOT = Path(__file__).resolve().parents[2]
_SCRATCH, _LOCK = ".scratch", ".lock"
_TEMPORARY = re.compile(r"\.(f\d{5,9}_c\d{2,4}|render)-[0-9a-f]{8}\.(png|json)")
_LAST_LINES = 15
_ERROR = "kinequimation: "
_EXIT_WAIT_S = 10.0


@dataclass(frozen=True)
class RenderJob:
    """A rendering.

    Attributes:
        out: the dataset's folder.
        blend: the file with the horse.
        settings: what is asked for.
        workers: processes at once.
        batch: frames that a process renders before a fresh one takes over.
    """

    out: Path
    blend: Path
    settings: RenderSettings
    workers: int
    batch: int


def render(job: RenderJob, progress: Callable[[int, int], None]) -> tuple[Plan, int]:
    """Render what is not there yet.

    Args:
        job: what, where.
        progress: called with how many labels are there and how many there will be.

    Returns:
        the plan, and how many labels were there before.

    Raises:
        InputError: other settings than those that the folder's rendering began with, or the file does not hold what is
            asked for.
        OutputError: the folder cannot be written, or another process renders into it.
        KinEquiMationError: Blender failed; says its last words.
    """
    is_new = not job.out.exists()
    try:
        job.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if job.out.is_file() else (error.strerror or str(error)).lower()
        raise OutputError(f"cannot write {job.out}: {reason}; choose another --out") from error
    try:
        return _render(job, progress)
    except BaseException:
        if is_new:
            with suppress(OSError):  # there is something in it: that stays
                job.out.rmdir()
        raise


def _render(job: RenderJob, progress: Callable[[int, int], None]) -> tuple[Plan, int]:
    before = read_manifest(job.out)
    if before is not None:
        check_same(job.out, before[0], job.settings)
    with _alone(job.out):
        _remove_leftovers(job.out)
        try:
            plan = before[1] if before is not None else _make_plan(job)
            if before is None:
                write_manifest(job.out, job.settings, plan)
            places = plan.places(job.out)
            to_do = [p for p in places if not _is_done(p, job.settings)]
            n_before = len(places) - len(to_do)
            progress(n_before, len(places))
            _Crew(job, plan, to_do).run(lambda done: progress(n_before + done, len(places)))
        finally:
            _remove_leftovers(job.out)
    return plan, n_before


def _make_plan(job: RenderJob) -> Plan:
    """Let Blender open the file and say what there is to render."""
    found: list[Plan] = []
    child = _Child(job, None, [], threads=0)
    try:
        for message in child.messages():
            if "plan" in message:
                found.append(Plan.from_json(message["plan"]))
        child.check()
    finally:
        child.end()
    if not found:
        raise KinEquiMationError(f"Blender made no plan of what to render; its last words: {child.last_words()}")
    return found[0]


def _is_done(place: FramePlace, settings: RenderSettings) -> bool:
    """Return whether a frame's label can be read, and the files that belong to it are there."""
    files = [place.mask, *(place.image(v) for v in settings.variants)]
    try:
        if not all(f.stat().st_size for f in files):
            return False
        label = read_label(place.label)
    except (OSError, InputError):
        return False
    return (label.action, label.frame, label.camera) == (place.action, place.frame, place.camera)


def _remove_leftovers(out: Path) -> None:
    """Remove what processes that were killed were about to write."""
    shutil.rmtree(out / _SCRATCH, ignore_errors=True)
    for pattern in (".*", "*/labels/.*", "*/masks/.*", "*/images/*/.*"):
        for path in out.glob(pattern):
            if _TEMPORARY.fullmatch(path.name):
                with suppress(OSError):
                    path.unlink()


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold a folder's lock, which the system frees when the process ends in whatever way.

    Raises:
        OutputError: another process holds it, or the folder cannot be written.
    """
    path = out / _LOCK
    try:
        file = path.open("a+")
    except OSError as error:
        raise OutputError(f"cannot write {out}: {(error.strerror or str(error)).lower()}") from error
    with file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{out}: another process is rendering into it; wait for it, or choose another") from error
        try:
            yield
        finally:
            if os.name != "nt":  # Windows removes no file that is open
                path.unlink(missing_ok=True)
    with suppress(OSError):
        path.unlink()


class _Crew:
    """The processes that share the work."""

    def __init__(self, job: RenderJob, plan: Plan, to_do: list[FramePlace]) -> None:
        self._job, self._plan = job, plan
        n = min(job.batch, -(-len(to_do) // job.workers)) if to_do else 1
        self._batches = deque(to_do[i : i + n] for i in range(0, len(to_do), n))
        self._events: queue.Queue[tuple[_Child, dict[str, Any] | None]] = queue.Queue()
        self._working: list[_Child] = []

    def run(self, progress: Callable[[int], None]) -> None:
        """Work until all is done; ``progress`` is called with how much was."""
        done = 0
        try:
            self._send_out()
            while self._working:
                child, message = self._next()
                if message is not None:
                    if "done" in message:
                        child.todo.pop(0)
                        done += 1
                        progress(done)
                    continue
                self._working.remove(child)
                child.end()
                if child.was_killed and child.has_progressed:  # by the system, short of memory: a fresh one goes on
                    self._batches.appendleft(child.todo)
                else:
                    child.check()
                self._send_out()
        finally:
            for child in self._working:
                child.end(at_once=True)

    def _next(self) -> tuple[_Child, dict[str, Any] | None]:
        while True:
            try:
                return self._events.get(timeout=0.5)  # so that Ctrl-C is heard on Windows too
            except queue.Empty:
                continue

    def _send_out(self) -> None:
        while self._batches and len(self._working) < self._job.workers:
            threads = max(1, (os.cpu_count() or 1) // self._job.workers)
            child = _Child(self._job, self._plan, self._batches.popleft(), threads)
            self._working.append(child)
            threading.Thread(target=self._listen, args=(child,), daemon=True).start()

    def _listen(self, child: _Child) -> None:
        for message in child.messages():
            self._events.put((child, message))
        self._events.put((child, None))


class _Child:
    """A process that renders one batch."""

    def __init__(self, job: RenderJob, plan: Plan | None, todo: list[FramePlace], threads: int) -> None:
        self.todo = todo
        self._n = len(todo)
        self._ended = False
        self._words: deque[str] = deque(maxlen=_LAST_LINES)
        scratch = job.out / _SCRATCH
        scratch.mkdir(exist_ok=True)
        # Blender's files for a moment, and ours: where the next process finds them if this one is killed
        environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch.resolve()))}
        self._process = subprocess.Popen(
            worker_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self._ears = threading.Thread(target=self._hear, args=(self._process.stderr,), daemon=True)
        self._ears.start()
        task = {
            "blend": str(job.blend.resolve()),
            "out": str(job.out.resolve()),
            "settings": asdict(job.settings),
            "plan": asdict(plan) if plan is not None else None,
            "units": [[p.action, p.frame, p.camera] for p in todo],
            "threads": threads,
        }
        with suppress(OSError):  # it died at once: its last words say why
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()

    def _hear(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._words.append(text)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what it says, until it ends."""
        for line in self._process.stdout:
            if line.startswith(MARK.encode()):
                message = json.loads(line[len(MARK) :])
                self._ended = self._ended or "end" in message
                yield message

    @property
    def has_progressed(self) -> bool:
        """Whether it has rendered anything."""
        return len(self.todo) < self._n

    @property
    def was_killed(self) -> bool:
        """Whether something else ended it."""
        return not self._ended and self._process.returncode is not None and self._process.returncode < 0

    def last_words(self) -> str:
        """Return what it last wrote to standard error."""
        self._ears.join(timeout=1.0)
        return " | ".join(self._words) or "none"

    def check(self) -> None:
        """Say what went wrong, if anything did.

        Raises:
            InputError: it refused its input.
            KinEquiMationError: it failed.
        """
        code = self._process.wait()
        if self._ended and not self.todo:
            return
        words = self.last_words()
        own = [w.removeprefix(_ERROR) for w in self._words if w.startswith(_ERROR)]
        if own:
            raise InputError(own[-1])
        at = f" at {self.todo[0].action} {self.todo[0].name}" if self.todo else ""
        raise KinEquiMationError(f"Blender ended with code {code}{at}; its last words: {words}")

    def end(self, *, at_once: bool = False) -> None:
        """Wait for its end, for which closing its input asks; or do not wait."""
        with suppress(OSError):
            self._process.stdin.close()
        if at_once:
            self._process.kill()
        try:
            self._process.wait(timeout=_EXIT_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def worker_command() -> list[str]:
    """Return the command line that starts a process like this one, Python with ``bpy`` or Blender, as a worker."""
    bpy = sys.modules.get("bpy")  # Blender has it in every Python; elsewhere this process does without
    if bpy is not None and bpy.app.binary_path:
        start = [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]
        return [*start, str(_ROOT / "kinequimation" / "blender" / "__main__.py"), "--", "render", "--worker"]
    code = (
        f"import sys; sys.path.insert(0, {str(_ROOT)!r}); "
        "from kinequimation.blender.commands import run_and_exit; run_and_exit(['render', '--worker'])"
    )
    return [sys.executable, "-c", code]
