"""Check a rendered dataset: every file, every frame, every clip, and the COCO and CSV files made of it.

Nothing is taken on trust that can be computed again: pixels from 3D points and cameras, left and right from the shape
of the body, areas and boxes from masks. A fault never stops the check; each names its file in one line. What is kept in
memory is some hundred bytes a frame.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from kinequimation.dataset.check_clips import ClipChecker
from kinequimation.dataset.check_coco import KnownFrame, Renders
from kinequimation.dataset.check_exports import export_faults
from kinequimation.dataset.check_frame import Fault, FrameFindings, check_frame
from kinequimation.dataset.check_plan import PLAN_NAME, plan_faults
from kinequimation.dataset.frame_label import VARIANTS, FramePlace, is_action_name
from kinequimation.dataset.rendered_frames import folders_of
from kinequimation.errors import InputError
from kinequimation.runtime import Progress, no_progress
from kinequimation.text import counted, one_line

_CHUNK = 16
_FEW_FRAMES = 100
"""Up to here, starting processes takes longer than the work."""
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Count:
    """How many files of a kind there are.

    Attributes:
        action, camera: as in a label.
        kind: ``label``, ``mask``, or the variant of an image.
        n: files.
    """

    action: str
    camera: int
    kind: str
    n: int


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        root: the folder that files are named from: that of the renders, or the one that all of them lie in.
        n_images, n_clips: how many there are, readable or not.
        counts: files by action, camera and kind.
        faults: what is wrong, by file.
        exports: what was compared besides, one line for each file.
    """

    root: Path
    n_images: int
    n_clips: int
    counts: tuple[Count, ...]
    faults: tuple[Fault, ...]
    exports: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Is nothing wrong?"""
        return not self.faults

    @property
    def verdict(self) -> str:
        """All in one line."""
        seen = f"{counted(self.n_images, 'image')}, {counted(self.n_clips, 'clip')}"
        if self.ok:
            return f"ok: {seen}, no faults"
        files = len({f.file for f in self.faults})
        return f"FAULTY: {counted(len(self.faults), 'fault')} in {counted(files, 'file')}; {seen}"

    def lines(self) -> list[str]:
        """Return the report for a reader: the counts, each fault, the verdict."""
        lines = [*_table(self.counts, "action"), "", *_table(self.counts, "camera"), ""]
        lines += [*self.exports, ""] if self.exports else []
        lines += [f"{one_line(f.file)}: {one_line(f.what)}" for f in self.faults]
        return [*lines, *([""] if self.faults else []), self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "root": str(self.root),
            "images": self.n_images,
            "clips": self.n_clips,
            "counts": [{"action": c.action, "camera": c.camera, "kind": c.kind, "n": c.n} for c in self.counts],
            "exports": list(self.exports),
            "faults": [{"file": f.file, "what": f.what} for f in self.faults],
        }


def check_dataset(
    root: Path | Sequence[Path],
    dataset: Path | None = None,
    progress: Progress = no_progress,
    workers: int | None = None,
) -> Report:
    """Check a rendered dataset and, if asked, the files that were made of it.

    Args:
        root: the folder that ``dataset render`` made, or several.
        dataset: the folder that ``dataset build`` made of them.
        progress: called with the stage, frames done and frames in all.
        workers: processes; as many as there are cores by default, and one for a small dataset.

    Returns:
        counts and faults; faults are no errors.

    Raises:
        InputError: a folder is not there, is none of a dataset, or lies in another one.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers: expected at least 1, got {workers}")
    if dataset is not None and not dataset.is_dir():
        raise InputError(f"{dataset}: expected the folder that 'dataset build' made, found none")
    roots, base = folders_of([root] if isinstance(root, Path) else root)
    frames: list[_Files] = []
    faults: list[Fault] = []
    for folder in roots:
        frames += _find_frames(folder, base, faults)
    n_workers = workers or ((os.cpu_count() or 1) if len(frames) > _FEW_FRAMES else 1)
    pool = ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) if n_workers > 1 else None
    exports: list[str] = []
    known: list[KnownFrame] = []
    try:
        clips = ClipChecker([f.place for f in frames], base)
        for done, found in enumerate(_in_order(_check_files, ((f, base) for f in frames), pool), start=1):
            faults += found.faults
            faults += clips.add(found)
            if dataset is not None:
                readable, variants = found.moment != b"", (*found.images, *found.variants)
                known.append(KnownFrame(found.place, found.clip, readable, found.is_in_frame, found.images, variants))
            progress("frames", done, len(frames))
        planned = {folder for folder in roots if (folder / PLAN_NAME).exists()}
        for folder in sorted(planned):
            faults += plan_faults(folder, base, {f.place for f in frames})
        faults += clips.finish(planned)
        if dataset is not None:
            renders = Renders(known, base, {f.file for f in faults})
            faults += export_faults(dataset, renders, lambda f, items: _in_order(f, items, pool), progress, exports)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    counts = Counter(
        (frame.place.action, frame.place.camera, kind)
        for frame in frames
        for kind in [*frame.images, *["label"] * frame.has_label, *["mask"] * frame.has_mask]
    )
    return Report(
        root=base,
        n_images=sum(n for (*_, kind), n in counts.items() if kind in VARIANTS),
        n_clips=clips.n_clips,
        counts=tuple(Count(*key, n) for key, n in sorted(counts.items())),
        faults=tuple(sorted(faults, key=lambda f: f.file)),
        exports=tuple(exports),
    )


@dataclass(frozen=True)
class _Files:
    """The files that there are of one frame seen by one camera."""

    place: FramePlace
    images: tuple[str, ...]
    has_label: bool
    has_mask: bool


def _check_files(item: tuple[_Files, Path]) -> FrameFindings:
    files, base = item
    return check_frame(files.place, base, files.images, files.has_label, files.has_mask)


def _find_frames(root: Path, base: Path, faults: list[Fault]) -> list[_Files]:
    """Return the frames of which there is any file, by action, frame and camera; add files with other names to faults.

    Raises:
        InputError: there are none.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder made by 'dataset render', found none")
    frames: list[_Files] = []
    for action in sorted(e.name for e in os.scandir(root) if e.is_dir() and is_action_name(e.name)):
        kinds: dict[FramePlace, list[str]] = {}
        for kind, folder, suffix in _folders(root / action, faults, base):
            for entry in os.scandir(folder):
                place = FramePlace.of_file(root, action, Path(entry.name).stem)
                if place is not None and entry.name.endswith(suffix):
                    kinds.setdefault(place, []).append(kind)
                elif not entry.name.startswith(".") and entry.name.endswith((".json", ".png")):
                    file = (folder / entry.name).relative_to(base).as_posix()
                    faults.append(Fault(file, f"is not named f00000_c00{suffix}: no label or image of a frame"))
        for place, found in sorted(kinds.items(), key=lambda k: (k[0].frame, k[0].camera)):
            images = tuple(v for v in VARIANTS if v in found)
            frames.append(_Files(place, images, "label" in found, "mask" in found))
    if not frames:
        raise InputError(f"{root}: expected <action>/labels/f00000_c00.json made by 'dataset render', found none")
    return frames


def _folders(action: Path, faults: list[Fault], base: Path) -> Iterator[tuple[str, Path, str]]:
    for kind, name, suffix in (("label", "labels", ".json"), ("mask", "masks", ".png")):
        if (action / name).is_dir():
            yield kind, action / name, suffix
    if (action / "images").is_dir():
        for entry in sorted(os.scandir(action / "images"), key=lambda e: e.name):
            if entry.name in VARIANTS and entry.is_dir():
                yield entry.name, action / "images" / entry.name, ".png"
            elif not entry.name.startswith("."):
                file = Path(entry.path).relative_to(base).as_posix()
                faults.append(Fault(file, f"is no variant: expected {', '.join(VARIANTS)}"))


def _in_order(work: Callable[[_In], _Out], items: Iterable[_In], pool: ProcessPoolExecutor | None) -> Iterator[_Out]:
    """Yield the result for each item in their order, with few of them under way at a time."""
    if pool is None:
        yield from map(work, items)
        return
    waiting: deque[Future[list[_Out]]] = deque()
    most = 4 * (os.cpu_count() or 1)
    pending = iter(items)
    while True:
        while len(waiting) < most and (chunk := list(islice(pending, _CHUNK))):
            waiting.append(pool.submit(_map, work, chunk))
        if not waiting:
            return
        yield from waiting.popleft().result()


def _map(work: Callable[[_In], _Out], items: list[_In]) -> list[_Out]:
    return [work(item) for item in items]


def _table(counts: tuple[Count, ...], by: str) -> list[str]:
    """Return files by action or by camera, a column for each kind."""
    kinds = [k for k in ("label", "mask", *VARIANTS) if any(c.kind == k for c in counts)]
    rows: dict[str, dict[str, int]] = {}
    for c in counts:
        row = rows.setdefault(c.action if by == "action" else f"c{c.camera:02d}", dict.fromkeys(kinds, 0))
        row[c.kind] += c.n
    rows["all"] = {k: sum(row[k] for row in rows.values()) for k in kinds}
    width = max(len(by), *(len(name) for name in rows))
    head = {"label": "labels", "mask": "masks"}
    lines = [by.ljust(width) + "".join(f"{head.get(k, k):>11}" for k in kinds)]
    return lines + [name.ljust(width) + "".join(f"{row[k]:>11}" for k in kinds) for name, row in rows.items()]
