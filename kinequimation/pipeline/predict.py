"""2D keypoints alone, of images or of a video, by any keypoint network: files to go on with and pictures to look at.

Where the horses are is found by the networks that ship, whichever network then finds the keypoints: one that is half
trained would lose the horse with its keypoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.dataset.coco import CocoSet, slots_of_names
from kinequimation.errors import InputError
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip, write_keypoints_json
from kinequimation.io.keypoints_csv import write_keypoints_csv
from kinequimation.pipeline.observe import box_in_work, observe_followed, observe_horses
from kinequimation.pipeline.rows import RowsOnDisk
from kinequimation.pipeline.seen import (
    POINTS,
    PointsOnDisk,
    Seen,
    chosen,
    frame_confidence,
    keypoints_together,
    put_points,
)
from kinequimation.pipeline.staging import staged_folder
from kinequimation.runtime import Progress, no_progress
from kinequimation.video import IMAGE_SUFFIXES, FrameSource, VideoWriter, ahead, open_source
from kinequimation.viz.horses2d import HorseDrawing
from kinequimation.viz.skeleton2d import DROPPED_BELOW

if TYPE_CHECKING:
    from jaxtyping import UInt8

    from kinequimation.detect import HorseFinder
    from kinequimation.pose2d.estimator import Estimator

COCO_RESULTS = "coco_results.json"


@dataclass
class Predicted:
    """What a run gave.

    Attributes:
        files: the files written, by name.
        n_frames: images or frames looked at.
        n_with_horse: those in which a horse was found.
        n_horses: horses found, in a video different ones.
        n_drawn: points of them that are sure enough to be drawn.
        n_exchanged: points of a video that changed sides, and so on for outliers and for those that were filled in.
        warnings: what a user should know.
    """

    files: dict[str, Path] = field(default_factory=dict)
    n_frames: int = 0
    n_with_horse: int = 0
    n_horses: int = 0
    n_drawn: int = 0
    n_exchanged: int = 0
    n_outliers: int = 0
    n_filled: int = 0
    warnings: list[str] = field(default_factory=list)


def images_of(paths: Sequence[str]) -> list[Path]:
    """Return the image files that are meant: files themselves, and all images of folders.

    Raises:
        InputError: one is missing, is no image by its name, or is a folder without images.
    """
    files: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = sorted(f for f in path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and f.name[0] != ".")
            if not inside:
                raise InputError(f"{path}: a folder without images ({' '.join(IMAGE_SUFFIXES)})")
            files += inside
        elif not text or not path.is_file():
            raise InputError(f"{text or 'an empty name'}: no such image")
        elif path.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(f"{path}: expected an image ({' '.join(IMAGE_SUFFIXES)}); give a video with --video")
        else:
            files.append(path)
    return files


def predict_images(
    files: Sequence[Path],
    output: Path,
    network: Estimator,
    finder: HorseFinder,
    bbox_xywh: tuple[float, float, float, float] | None = None,
    horse: int | None = None,
    labelled: CocoSet | None = None,
    progress: Progress = no_progress,
) -> Predicted:
    """Find the keypoints of the horses in images, each for itself.

    Args:
        files: the images.
        output: folder for ``NAME_keypoints.json`` and ``NAME_overlay.png`` of each.
        network: finds the keypoints.
        finder: finds the horses.
        bbox_xywh: the one horse's box in every image, pixels, instead of finding it.
        horse: only this one, 1 being the clearest and largest; None for all.
        labelled: also write ``coco_results.json`` with the image ids and the points of this set.
        progress: called with the stage ``keypoints`` and the images done.

    Raises:
        InputError: no image can be read (those that cannot are warned of), or the box lies outside of one.
        OutputError: the folder cannot be written.
    """
    result = Predicted()
    names = _names_of(files)
    with staged_folder(output) as staging:
        results: list[dict[str, Any]] = []
        unreadable: list[InputError] = []
        progress("keypoints", 0, len(files))
        for n, (file, name) in enumerate(zip(files, names, strict=True)):
            try:
                source = open_source([str(file)])
                image = next(iter(source)).image_rgb
            except InputError as error:  # one of a thousand does not spoil the others
                unreadable.append(error)
                progress("keypoints", n + 1, len(files))
                continue
            boxes, scores = _boxes_in(image, source, finder, bbox_xywh)
            uv_px, confidence = _estimate(network, image, boxes)
            found = [
                _horse(i + 1, source.to_source_box(boxes[i]), scores[i], source.to_source_px(uv_px[i]), confidence[i])
                for i in range(len(boxes))
                if horse is None or i + 1 == horse
            ]
            clip = KeypointClip(
                source=str(file),
                fps=source.fps,
                width=source.width,
                height=source.height,
                t_s=np.zeros(1),
                index=np.zeros(1, np.int64),
                horses=(tuple(found),),
            )
            write_keypoints_json(staging / f"{name}_keypoints.json", clip)
            drawing = HorseDrawing(source.width, source.height)
            Image.fromarray(drawing.draw(image, found)).save(staging / f"{name}_overlay.png")
            if labelled is not None:
                results += coco_results(labelled, file, found)
            result.n_frames += 1
            result.n_with_horse += bool(found)
            result.n_horses += len(found)
            result.n_drawn += _drawn(found)
            progress("keypoints", n + 1, len(files))
        if len(unreadable) == len(files):
            raise unreadable[0]
        if labelled is not None:
            (staging / COCO_RESULTS).write_text(json.dumps(results, allow_nan=False) + "\n", encoding="utf-8")
            if not results:
                result.warnings.append(f"{COCO_RESULTS} is empty: no image with a horse is one of the label file's")
        written = sorted(file.name for file in staging.iterdir())
    result.warnings += [f"left out: {error}" for error in unreadable]
    result.files = {name: output / name for name in written}
    return result


def predict_video(
    path: str,
    output: Path,
    network: Estimator,
    finder: HorseFinder,
    bbox_xywh: tuple[float, float, float, float] | None = None,
    horse: int | None = None,
    clean: bool = True,
    progress: Progress = no_progress,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Predicted:
    """Find the keypoints of the horses in a video, and which is which from frame to frame.

    Args:
        path: the video.
        output: folder for ``NAME_keypoints.json``, ``NAME_keypoints.csv`` and ``NAME_overlay.mp4``.
        network: finds the keypoints.
        finder: finds and follows the horses; where its estimator is another one than ``network``, the video is gone
            through once more.
        bbox_xywh: the one horse's box in the first frame, pixels; followed from there instead of finding it.
        horse: only this one, 1 being the clearest and largest; None for all.
        clean: put legs that changed sides, outliers and jitter right; what was found stays in the files as ``raw``.
        progress: called with the stages ``keypoints``, ``network`` and ``overlay`` and the frames done.
        start_s, end_s: the part of the video to use, seconds.

    Raises:
        NoHorseError: no frame shows a horse, or not the one asked for.
        InputError: the video cannot be read, or the box lies outside of it.
        OutputError: the folder cannot be written.
    """
    source = open_source([path], start_s, end_s)
    result = Predicted()
    name = Path(path).stem or "video"
    with staged_folder(output) as staging:
        if bbox_xywh is not None:
            horses = [observe_followed(source, bbox_xywh, finder.estimator, progress, output)]
        else:
            horses = observe_horses(source, finder, progress, output)
        horses[0].require_horse()
        result.warnings += source.warnings
        if horse is not None:
            horses = [chosen(horses, horse)]
        if finder.estimator is not network:
            horses = _look_again(source, horses, network, progress, output)
        if clean:
            horses = [seen.cleaned(output, smooth=True) for seen in horses]
        head = horses[0].head
        write_keypoints_json(staging / f"{name}_keypoints.json", head, keypoints_together(horses))
        write_keypoints_csv(staging / f"{name}_keypoints.csv", head, keypoints_together(horses))
        result.n_drawn = _write_video(staging / f"{name}_overlay.mp4", source, horses, progress)
        written = sorted(file.name for file in staging.iterdir())
    result.files = {name: output / name for name in written}
    result.n_frames, result.n_horses = len(head), len(horses)
    result.n_with_horse = int(np.any([seen.found for seen in horses], axis=0).sum())
    result.n_exchanged = sum(seen.n_exchanged for seen in horses)
    result.n_outliers = sum(seen.n_outliers for seen in horses)
    result.n_filled = sum(seen.n_filled for seen in horses)
    return result


def coco_results(labelled: CocoSet, file: Path, horses: Sequence[HorseKeypoints]) -> list[dict[str, Any]]:
    """Return an image's horses as COCO results (https://cocodataset.org/#format-results).

    Args:
        labelled: gives image ids by file name, and the category's points and their order; a point that a horse does
            not have is 0, 0, 0.
        file: the image.
        horses: found in it.
    """
    ids = [image.image_id for image in labelled.images if image.path.name == file.name]
    if len(ids) != 1:
        return []
    category, names = next(iter(labelled.names.items()))
    results = []
    for horse in horses:
        points = np.column_stack([horse.uv_px, horse.confidence])
        rows = [points[k] if k >= 0 and horse.confidence[k] > 0 else np.zeros(3) for k in slots_of_names(names)]
        known = horse.confidence > 0
        results.append(
            {
                "image_id": ids[0],
                "category_id": category,
                "keypoints": np.round(np.concatenate(rows), 4).tolist(),
                "score": round(float(horse.score * horse.confidence[known].mean()) if known.any() else 0.0, 5),
                "bbox": np.round(horse.bbox_xywh, 2).tolist(),
            }
        )
    return results


def _names_of(files: Sequence[Path]) -> list[str]:
    """Return a name for each image's files: its stem, with as much more as it takes to tell two apart."""
    stems = [f.stem for f in files]
    names = [f.stem if stems.count(f.stem) == 1 else f.name.replace(".", "_") for f in files]
    return [name if names.count(name) == 1 else f"{name}_{i + 1}" for i, name in enumerate(names)]


def _boxes_in(
    image: np.ndarray,
    source: FrameSource,
    finder: HorseFinder,
    bbox_xywh: tuple[float, float, float, float] | None,
) -> tuple[np.ndarray, list[float]]:
    if bbox_xywh is not None:
        return box_in_work(source, bbox_xywh)[None], [1.0]
    found = finder.numbered(image)
    return np.array([d.bbox_xywh for d in found], float).reshape(-1, 4), [float(d.score) for d in found]


def _drawn(horses: Sequence[HorseKeypoints]) -> int:
    return sum(int((horse.confidence >= DROPPED_BELOW).sum()) for horse in horses)


def _estimate(network: Estimator, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(boxes):
        return np.zeros((0, skeleton.NUM_KEYPOINTS, 2)), np.zeros((0, skeleton.NUM_KEYPOINTS))
    return network.estimate([image] * len(boxes), boxes)


def _horse(
    number: int, box: np.ndarray, score: float, uv_px: np.ndarray, confidence: np.ndarray, **raw: np.ndarray
) -> HorseKeypoints:
    return HorseKeypoints(
        id=number,
        bbox_xywh=np.asarray(box, float),
        score=float(np.clip(score, 0, 1)),
        uv_px=uv_px,
        confidence=np.where(np.isfinite(uv_px).all(-1), np.clip(confidence, 0, 1), 0.0),
        **raw,
    )


def _look_again(
    source: FrameSource, horses: list[Seen], network: Estimator, progress: Progress, folder: Path
) -> list[Seen]:
    """Return the same boxes with the keypoints of another network."""
    n_frames = len(horses[0])
    rows = RowsOnDisk(POINTS, folder)
    record, sureness = np.full((len(horses), n_frames), -1), np.zeros((len(horses), n_frames))
    progress("network", 0, n_frames)
    for frame in ahead(source):
        at = int(np.searchsorted(horses[0].index, frame.index))
        if at == n_frames or horses[0].index[at] != frame.index:
            continue
        there = [h for h, seen in enumerate(horses) if seen.found[at]]
        boxes = np.array([source.to_work_box(horses[h].bbox_xywh[at]) for h in there]).reshape(-1, 4)
        for h, uv_work, sure in zip(there, *_estimate(network, frame.image_rgb, boxes), strict=True):
            record[h, at], sureness[h, at] = len(rows), frame_confidence(sure[None])[0]
            put_points(rows, source.to_source_px(uv_work)[None], sure[None])
        progress("network", at + 1, n_frames)
    return [
        replace(seen, points=PointsOnDisk(rows, record[h]), frame_confidence=sureness[h])
        for h, seen in enumerate(horses)
    ]


def _write_video(path: Path, source: FrameSource, horses: list[Seen], progress: Progress) -> int:
    """Draw all horses in every frame; return how many of their points are sure enough to be drawn."""
    head, n_drawn = horses[0].head, 0
    drawing = HorseDrawing(head.width, head.height)
    progress("overlay", 0, len(head))
    with VideoWriter(path, drawing.width, drawing.height, head.fps) as writer:
        for n, (frame, found) in enumerate(_with_frames(source, horses)):
            writer.write(drawing.draw(frame, found), float(head.t_s[n] - head.t_s[0]))
            n_drawn += _drawn(found)
            progress("overlay", n + 1, len(head))
    return n_drawn


def _with_frames(
    source: FrameSource, horses: list[Seen]
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], tuple[HorseKeypoints, ...]]]:
    """Yield the frames with horses or without that the clip has, and the horses in them."""
    frames = ahead(source)
    for index, found in zip(horses[0].index, keypoints_together(horses), strict=True):
        frame = next((f for f in frames if f.index == index), None)
        if frame is None:
            return
        yield frame.image_rgb, found
