"""From rendered frames to datasets: COCO files, a table and shards, in one folder and one pass over the labels.

    OUT/coco_synth_68.json                     every image; _train, _val and _test beside it share no clip
    OUT/coco_synth_landmarks.json, ...         the same images with the points on the skin, where they are asked for
    OUT/dataset.csv                            one row a bone and image
    OUT/shards/train/shard-000000.tar, ...     where they are asked for; val and test beside it

Names of files in there are relative to the folder of the renders, or to the one that all of them lie in: it is what
MMPose calls ``data_root``. Memory does not grow with the number of frames, but for a list of their names.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from kinequimation import __version__
from kinequimation.dataset import rendered_coco as coco
from kinequimation.dataset.check_plan import count_missing
from kinequimation.dataset.frame_label import FramePlace
from kinequimation.dataset.rendered_frames import VARIANT_CHOICES, RenderedFrames, find_frames
from kinequimation.dataset.rendered_shards import IMAGE_KINDS, ImageKind, write_rendered_shards
from kinequimation.dataset.splits import PARTS, Split
from kinequimation.dataset.table import table_file
from kinequimation.errors import InputError, OutputError
from kinequimation.runtime import Progress, no_progress

TABLE_NAME, SHARDS_NAME = "dataset.csv", "shards"


@dataclass(frozen=True)
class BuildOptions:
    """What is built.

    Attributes:
        variant: of the images: ``flat``, ``materials``, ``both``, or None for materials where there is such an image.
        with_landmarks: write the points on the skin as well.
        with_table: write the table.
        split: how the parts are made.
        per_shard: frames in a shard; 0 writes no shards.
        shard_images: ``jpg`` or ``png``.

    Raises:
        InputError: a value is not known or out of range.
    """

    variant: str | None = None
    with_landmarks: bool = False
    with_table: bool = True
    split: Split = field(default_factory=Split)
    per_shard: int = 0
    shard_images: ImageKind = "jpg"

    def __post_init__(self) -> None:
        if self.variant is not None and self.variant not in VARIANT_CHOICES:
            raise InputError(f"variant: expected one of {', '.join(VARIANT_CHOICES)}, got {self.variant!r}")
        if self.per_shard < 0:
            raise InputError(f"shards: expected a number of frames from 1, got {self.per_shard}")
        if self.shard_images not in IMAGE_KINDS:
            raise InputError(f"shard-images: expected one of {', '.join(IMAGE_KINDS)}, got {self.shard_images!r}")


@dataclass(frozen=True)
class PartCounts:
    """How much is in a part.

    Attributes:
        clips, images, horses: the horses are those with a keypoint in the frame.
        actions: what they do.
    """

    clips: int
    images: int
    horses: int
    actions: tuple[str, ...]


@dataclass(frozen=True)
class BuildReport:
    """What was built.

    Attributes:
        image_root: the folder that names of files are relative to.
        parts: by name, for parts that have any.
        files: what was written, in order.
        notes: what may not be as it was meant, one line each.
    """

    image_root: Path
    parts: dict[str, PartCounts]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def build(
    roots: Sequence[Path], out: Path, options: BuildOptions | None = None, progress: Progress = no_progress
) -> BuildReport:
    """Build a dataset; files take their place when all of them are whole.

    Args:
        roots: folders that ``dataset render`` made.
        out: the folder to write to.
        options: what to build.
        progress: called with stage, images done and images in all.

    Raises:
        InputError: a file of a frame is missing or is not what it should be, or there are fewer clips than parts.
        OutputError: a file cannot be written.
    """
    options = options or BuildOptions()
    frames = find_frames(roots, options.split)
    _make_folder(out)
    # shards first: a folder that holds others is refused before anything is replaced
    shards = _write_shards(out / SHARDS_NAME, frames, options, progress)
    files, n_images, n_horses, n_landmarks = _write_labels(out, frames, options, progress)
    for path in _possible_files(out) - set(files):  # of an earlier build: they would not belong to these
        path.unlink(missing_ok=True)
    parts = {}
    for part, named in frames.clips().items():
        actions = tuple(sorted({action for _, action in named}))
        parts[part] = PartCounts(len({clip for clip, _ in named}), n_images[part], n_horses[part], actions)
    notes = _unfinished(frames)
    if options.with_landmarks and not n_landmarks:
        notes.append(f"{coco.NAME_LANDMARKS}: no label has points on the skin, so no horse is in it (docs/dataset.md)")
    return BuildReport(frames.image_root, parts, (*files, *shards), tuple(notes))


def _unfinished(frames: RenderedFrames) -> list[str]:
    """Return a line for each folder whose rendering was stopped before its end."""
    present: dict[Path, set[FramePlace]] = {}
    for frame in frames.frames:
        present.setdefault(frame.place.root, set()).add(frame.place)
    missing = {root: count_missing(root, places) for root, places in present.items()}
    return [
        f"{root}: {n} of {n + len(present[root])} frames are not rendered yet; 'dataset render' goes on with them"
        for root, n in missing.items()
        if n
    ]


def _write_shards(folder: Path, frames: RenderedFrames, options: BuildOptions, progress: Progress) -> list[Path]:
    parts = list(frames.clips()) if options.per_shard else []
    if folder.is_dir() and any(d.is_dir() and d.name not in parts for d in folder.iterdir()):
        raise InputError(
            f"{folder}: holds shards of an earlier build with other parts; remove it, or choose another out"
        )
    shards = []
    for part in parts:
        shards += write_rendered_shards(
            folder / part,
            frames,
            part,
            options.per_shard,
            options.variant,
            options.shard_images,
            lambda done, total, part=part: progress(f"{part} shards", done, total),
        )
    return shards


def _write_labels(
    out: Path, frames: RenderedFrames, options: BuildOptions, progress: Progress
) -> tuple[list[Path], Counter[str], Counter[str], int]:
    """Write COCO files and table; return them, the images and the horses of each part, and those with landmarks."""
    kinds = [(coco.NAME68, coco.CATEGORY68, False)]
    if options.with_landmarks:
        kinds.append((coco.NAME_LANDMARKS, coco.CATEGORY_LANDMARKS, True))
    info = {
        "description": "horses rendered by KinEquiMation",
        "version": __version__,
        "image_root": _relative(frames.image_root, out),
        "pixels": "keypoints: (0, 0) is the centre of the top-left pixel; bbox: its corner",
    }
    files: list[Path] = []
    n_images, n_horses = Counter(), Counter()
    with ExitStack() as stack:
        sinks = {}
        for name, category, _ in kinds:
            for part in ("", *frames.clips()):
                files.append(_coco_path(out, name, part))
                sink = coco.coco_file(files[-1], category, info | {"part": part or "all"})
                sinks[name, part] = stack.enter_context(sink)
        table = None
        if options.with_table:
            files.append(out / TABLE_NAME)
            table = stack.enter_context(table_file(files[-1]))
        image_id = 0
        for done, frame in enumerate(frames.frames):
            progress("labels", done, len(frames))
            label = frame.read(options.variant)
            mask_name, label_name = frames.name_of(frame.place.mask), frames.name_of(frame.place.label)
            segmentation = coco.rle_of_mask(coco.read_mask(frame.place.mask, label.width, label.height) > 127)
            for variant, path in frame.images(options.variant):
                image_id += 1
                image = coco.image_record(label, image_id, frames.name_of(path), variant, mask_name, label_name)
                for name, _, is_landmarks in kinds:
                    horse = coco.annotation_record(label, image_id, segmentation, is_landmarks)
                    for part in ("", frame.part):
                        sinks[name, part].image(image)
                        if horse is not None:
                            sinks[name, part].annotation(horse)
                n_images[frame.part] += 1
                if table is not None:
                    table.image(label, image_id, image["file_name"], mask_name, label_name, variant, frame.part)
        progress("labels", len(frames), len(frames))
        for part in frames.clips():
            n_horses[part] = sinks[coco.NAME68, part].n_annotations
        n_landmarks = sinks[coco.NAME_LANDMARKS, ""].n_annotations if options.with_landmarks else 0
    return files, n_images, n_horses, n_landmarks


def _coco_path(out: Path, name: str, part: str) -> Path:
    return out / f"{name}{f'_{part}' if part else ''}.json"


def _possible_files(out: Path) -> set[Path]:
    names = (coco.NAME68, coco.NAME_LANDMARKS)
    return {out / TABLE_NAME} | {_coco_path(out, name, part) for name in names for part in ("", *PARTS)}


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (coco.NAME68, coco.NAME_LANDMARKS, Path(TABLE_NAME).stem):
            for left in out.glob(f".{name}*-????????.*"):  # of a run that was killed
                left.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {(error.strerror or str(error)).lower()}") from error


def _relative(folder: Path, out: Path) -> str:
    try:
        return Path(os.path.relpath(folder, out)).as_posix()
    except ValueError:  # Windows: another drive
        return folder.as_posix()
