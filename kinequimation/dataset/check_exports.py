"""What must hold between a rendered dataset and all the files made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kinequimation.dataset.build import TABLE_NAME
from kinequimation.dataset.check_coco import CocoChecker, ExportFault, Renders, Runner
from kinequimation.dataset.check_frame import Fault
from kinequimation.dataset.check_table import TableChecker
from kinequimation.dataset.rendered_coco import NAME68, NAME_LANDMARKS
from kinequimation.runtime import Progress

_MAX_FAULTS_OF_A_KIND = 50
"""How many entries of one file are named for the same reason."""


def export_faults(
    folder: Path, renders: Renders, run: Runner, progress: Progress, summary: list[str]
) -> Iterator[Fault]:
    """Yield what is wrong with the files of a folder that ``dataset build`` made.

    Args:
        folder: with ``coco_synth_68.json`` and, where they were asked for, the others.
        renders: the frames they were made of.
        run: how to apply a function to many items.
        progress: called with the file's name and entries compared.
        summary: takes a line for each file.
    """
    part_of_clip: dict[str, str] = {}
    for name, is_landmarks in ((NAME68, False), (NAME_LANDMARKS, True)):
        if is_landmarks and not (folder / f"{name}.json").exists():
            continue
        coco = CocoChecker(folder, name, is_landmarks, renders, run, progress)
        yield from _few(coco.faults())
        part_of_clip = part_of_clip or coco.part_of_clip
        summary.append(coco.summary)
    if (folder / TABLE_NAME).exists():
        table = TableChecker(folder, renders, part_of_clip, run, progress)
        yield from _few(table.faults())
        summary.append(table.summary)


def _few(faults: Iterable[ExportFault]) -> Iterator[Fault]:
    """Yield as many faults of a kind as a reader can use, and how many more there are."""
    kinds: Counter[tuple[str, str]] = Counter()
    for file, entry, what in faults:
        kind = (file, what.split(":")[0].split(" (")[0])
        kinds[kind] += 1
        if kinds[kind] <= _MAX_FAULTS_OF_A_KIND:
            yield Fault(file, f"{entry}: {what}" if entry else what)
    for (file, what), n in kinds.items():
        if n > _MAX_FAULTS_OF_A_KIND:
            yield Fault(file, f"{n - _MAX_FAULTS_OF_A_KIND} more entries: {what}")
