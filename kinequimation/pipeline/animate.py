"""The whole path: frames to keypoints to 3D to a ``Motion``, and the files that are made of it.

The pixels are streamed once for the keypoints of all horses and once for each horse's overlay; between the passes only
numbers are kept, and on disk those that are many. Nothing appears in the output folder before everything is done.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import kinequimation
from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.fit import Fitted, fit_together
from kinequimation.gait import read_gait
from kinequimation.gait.classifier import shipped_classifier
from kinequimation.io.formats import FORMATS
from kinequimation.io.gltf import write_scene_glb
from kinequimation.io.keypoints import KeypointClip
from kinequimation.lift import Lifter
from kinequimation.motion import Motion
from kinequimation.motion.edit import Edited, edit
from kinequimation.pipeline.blender_files import check_blender
from kinequimation.pipeline.given_keypoints import read_given
from kinequimation.pipeline.judgement import Judgement, judge
from kinequimation.pipeline.lifting import LiftedOnDisk, lift_seen
from kinequimation.pipeline.observe import observe_followed, observe_given, observe_horses
from kinequimation.pipeline.options import AnimateOptions
from kinequimation.pipeline.outputs import WRITERS, Result
from kinequimation.pipeline.seen import Seen, SeenHorse, chosen
from kinequimation.pipeline.staging import staged_folder
from kinequimation.runtime import Progress, no_progress
from kinequimation.video import FrameSource, open_source

if TYPE_CHECKING:
    from kinequimation.detect import Detector

log = logging.getLogger(__name__)

RUN_FORMAT = "kinequimation-run/1"
OPTIONAL_FILES = ("overlay.mp4", "overlay.png", "gait.json", "gait.png", *(f"horse.{name}" for name in FORMATS))
"""Files that not every run writes."""
SCENE = "scene.glb"
"""All horses of a video in their common world."""
_PACKAGES = ("numpy", "scipy", "onnxruntime", "av", "Pillow")


@dataclass(frozen=True)
class AnimateResult:
    """What a run gave for one horse.

    Attributes:
        files: the files written, by name.
        judgement: how good the result is.
        device: what the networks ran on, ``cpu`` or ``cuda``.
        warnings: what a user should know about the input.
        timings_s: seconds of each stage.
        horse: the number of the horse that was animated.
        horses: every horse that was seen, by number.
        notes: what was done to the motion, as the options said.
    """

    files: dict[str, Path]
    judgement: Judgement
    device: str
    warnings: list[str]
    timings_s: dict[str, float]
    horse: int = 1
    horses: tuple[SeenHorse, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Run:
    """What is written down as a run goes on."""

    device: str = "cpu"
    weights_sha256: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    timings_s: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings_s[stage] = round(self.timings_s.get(stage, 0.0) + time.perf_counter() - start, 3)

    def uses(self, name: str, network: Any) -> None:
        """Note a network's weights and its device; CUDA is named if any network is on it."""
        self.weights_sha256[name] = network.weights_sha256
        self.device = "cuda" if "cuda" in (self.device, network.device) else "cpu"

    def again(self) -> _Run:
        """Return a copy to go on with for one horse of several."""
        return replace(
            self,
            weights_sha256=dict(self.weights_sha256),
            warnings=list(self.warnings),
            timings_s=dict(self.timings_s),
        )


def animate(
    options: AnimateOptions, progress: Progress = no_progress, detector: Detector | None = None
) -> AnimateResult:
    """Turn a video, images, or keypoints into an animated horse.

    Args:
        options: what to do, and where the files go.
        progress: called with the stages ``keypoints``, ``lift``, ``fit``, ``overlay`` and the frames done.
        detector: finds the horses instead of the detector that ships; its boxes are believed.

    Raises:
        NoHorseError: no frame shows a horse, or not the one asked for.
        InputError: the input cannot be read.
        OutputError: the folder cannot be written.
    """
    started = time.perf_counter()
    check_blender(options.formats, options.rig)
    run = _Run()
    with staged_folder(options.output) as staging:
        source, horses = _horses(options, run, progress, detector)
        seen = chosen(horses, options.horse)
        ((lifted, fitted),) = _solve([seen], options, run, progress, options.output)
        written = _write_horse(staging, source, seen, lifted, fitted, options, run, progress, started, [seen.number])
    return _result(options.output, written, horses, seen, run)


def solve_motion(
    options: AnimateOptions, progress: Progress = no_progress, detector: Detector | None = None
) -> tuple[Motion, list[str]]:
    """Return the motion of a horse as it was filmed, in true time, and what a user should know of the input.

    Nothing is written, but rows of work wait in the output folder meanwhile. Arguments and errors are ``animate``'s.
    """
    run = _Run()
    with staged_folder(options.output):
        source, horses = _horses(options, run, progress, detector)
        seen = chosen(horses, options.horse)
        seen.require_horse()
        ((_, fitted),) = _solve([seen], options, run, progress, options.output)
    return fitted.motion, list(dict.fromkeys([*run.warnings, *(source.warnings if source is not None else [])]))


def animate_all(
    options: AnimateOptions, progress: Progress = no_progress, detector: Detector | None = None
) -> list[AnimateResult]:
    """Animate every horse of a video, all in one world: the files of horse N go to ``horseN`` in the output folder.

    Where there are several, ``scene.glb`` holds them together, as filmed; it is among the files of the first. Arguments
    and errors are ``animate``'s.
    """
    started = time.perf_counter()
    check_blender(options.formats, options.rig)
    run = _Run()
    results = []
    with staged_folder(options.output) as staging:
        source, horses = _horses(options, run, progress, detector)
        solved = _solve(horses, options, run, progress, options.output)
        if len(horses) > 1 and "glb" in options.formats:
            motions = {f"horse{s.number}": fitted.motion for s, (_, fitted) in zip(horses, solved, strict=True)}
            write_scene_glb(staging / SCENE, motions, Path(horses[0].source).stem or "scene")
    for seen, (lifted, fitted) in zip(horses, solved, strict=True):
        own, folder = run.again(), options.output / f"horse{seen.number}"
        with staged_folder(folder) as own_staging:
            world = [horse.number for horse in horses]
            written = _write_horse(own_staging, source, seen, lifted, fitted, options, own, progress, started, world)
        results.append(_result(folder, written, horses, seen, own))
        started = time.perf_counter()
    scene = options.output / SCENE
    if len(horses) > 1 and "glb" in options.formats:
        results[0].files[SCENE] = scene
    else:
        with suppress(OSError):  # of an earlier run
            scene.unlink(missing_ok=True)
    return results


def _horses(
    options: AnimateOptions, run: _Run, progress: Progress, detector: Detector | None
) -> tuple[FrameSource | None, list[Seen]]:
    """Return the source, if there is one, and every horse in it, cleaned over time."""
    if options.lifter is not None:
        Lifter(options.lifter, device=options.device)  # a wrong file shows before hours of frames have been looked at
    source = open_source(options.inputs, options.start_s, options.end_s, options.image_fps) if options.inputs else None
    clip = None if options.keypoints is None else read_given(options.keypoints, options, source)
    if clip is not None and source is not None:
        _check_same_size(source, clip)
    elif clip is not None:
        source = _reopen(clip, options, run)
    with run.timed("keypoints"):
        if clip is not None:
            return source, observe_given(clip, options.start_s, options.end_s, options.output)
        assert source is not None
        horses = _observe(source, options, run, progress, detector)
        horses[0].require_horse()
        return source, [seen.cleaned(options.output) for seen in horses]


def _write_horse(
    staging: Path,
    source: FrameSource | None,
    seen: Seen,
    lifted: LiftedOnDisk,
    fitted: Fitted,
    options: AnimateOptions,
    run: _Run,
    progress: Progress,
    started: float,
    world: list[int],
) -> tuple[Judgement, list[str]]:
    """Write the files of one horse, of those in its world; return its judgement and the files' names."""
    confidence = np.concatenate([points.confidence.astype(np.float32) for points in seen.parts()])
    gait = None
    if len(seen) > 1:
        with run.timed("gait"):
            classifier = shipped_classifier()
            gait = read_gait(fitted.motion, classifier, options.time_scale)
            run.weights_sha256["gait"] = classifier.weights_sha256
    judgement = judge(confidence, seen.frame_confidence, gait)
    body = Body(fitted.motion.shape)
    with run.timed("files"):
        edited = _edited(fitted.motion, options, body, run)
    run.notes = edited.lines
    result = Result(
        options=options,
        seen=seen,
        lifted=lifted,
        fitted=fitted,
        motion=edited.motion,
        body=body,
        judgement=judgement,
        looped=edited.looped,
        source=source,
        gait=gait,
        progress=progress,
    )
    for name, write in WRITERS.items():
        with run.timed("overlay" if name == "overlay" else "files"):
            write(staging, result)
    told = result.warnings if source is None else [*source.warnings, *result.warnings]
    run.warnings += [warning for warning in dict.fromkeys(told) if warning not in run.warnings]
    run.timings_s["total"] = round(time.perf_counter() - started, 3)
    record = _record(options, run, seen, judgement) | {"horses_in_this_world": world}
    (staging / "run.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return judgement, sorted(file.name for file in staging.iterdir())


def _edited(motion: Motion, options: AnimateOptions, body: Body, run: _Run) -> Edited:
    """Edit a motion as the options say; one that cannot be looped is not, for the work is done by now."""
    try:
        return edit(motion, options.edits, body)
    except InputError as error:
        if options.edits.loop is None:
            raise
        run.warnings.append(f"not looped; {error}")
        return edit(motion, replace(options.edits, loop=None), body)


def _result(
    folder: Path, written: tuple[Judgement, list[str]], horses: list[Seen], seen: Seen, run: _Run
) -> AnimateResult:
    judgement, names = written
    for stale in set(OPTIONAL_FILES) - set(names):  # of an earlier run with another input or other options
        with suppress(OSError):
            (folder / stale).unlink(missing_ok=True)
    files = {name: folder / name for name in names}
    there = tuple(SeenHorse.of(horse) for horse in horses)
    return AnimateResult(files, judgement, run.device, run.warnings, run.timings_s, seen.number, there, run.notes)


def _reopen(clip: KeypointClip, options: AnimateOptions, run: _Run) -> FrameSource | None:
    """Open the source that a keypoints file names, if it is still there and the same: only the overlay needs it."""
    try:
        source = open_source([clip.source], options.start_s, options.end_s, options.image_fps)
        _check_same_size(source, clip)
        return source
    except InputError as error:
        run.warnings.append(f"the overlay shows no frames: {error}")
        return None


def _check_same_size(source: FrameSource, clip: KeypointClip) -> None:
    if (source.width, source.height) != (clip.width, clip.height):
        raise InputError(
            f"{source.name}: expected the video that the keypoints are of, {clip.width}x{clip.height},"
            f" got {source.width}x{source.height}"
        )


def _observe(
    source: FrameSource, options: AnimateOptions, run: _Run, progress: Progress, detector: Detector | None
) -> list[Seen]:
    from kinequimation.detect import HorseFinder
    from kinequimation.detect.given import GivenBoxes, load_detector
    from kinequimation.pose2d import PoseEstimator

    estimator = PoseEstimator(options.weights, device=options.device)
    run.uses("pose2d", estimator)
    if options.bbox_xywh is not None:
        return [observe_followed(source, options.bbox_xywh, estimator, progress, options.output)]
    if detector is None and options.boxes is not None:
        detector = GivenBoxes.read(
            options.boxes, (source.work_width / source.width, source.work_height / source.height)
        )
    if detector is None and options.detector is not None:
        detector = load_detector(options.detector)
    finder = HorseFinder(detector, estimator, device=options.device)
    if finder.kind is not None:
        run.uses("detect", finder.detector)
        run.uses("kind", finder.kind)
    return observe_horses(source, finder, progress, options.output)


def _solve(
    horses: list[Seen], options: AnimateOptions, run: _Run, progress: Progress, folder: Path
) -> list[tuple[LiftedOnDisk, Fitted]]:
    """Lift each horse and fit all together, in true time."""
    for seen in horses:
        seen.require_horse()
    with run.timed("lift"):
        lifter = Lifter(options.lifter, device=options.device)
        run.uses("lift", lifter)
        in_3d = [lift_seen(seen, lifter, options.time_scale, folder, progress) for seen in horses]
    with run.timed("fit"):
        progress("fit", 0, len(horses[0]))
        name = Path(horses[0].source).stem or "motion"
        names = [name] if len(horses) == 1 else [f"{name}_horse{seen.number}" for seen in horses]
        fitted = fit_together(in_3d, [options.shape] * len(horses), names, progress)
    return [(horse.lifted, own) for horse, own in zip(in_3d, fitted, strict=True)]


def _record(options: AnimateOptions, run: _Run, seen: Seen, judgement: Judgement) -> dict[str, Any]:
    """Return what ``run.json`` holds."""
    resolved = asdict(options)
    resolved |= {
        name: None if getattr(options, name) is None else str(getattr(options, name))
        for name in ("output", "keypoints", "keypoint_map", "weights", "lifter", "boxes")
    }
    return {
        "format": RUN_FORMAT,
        "command": "animate",
        "options": resolved | {"shape_prior": asdict(options.shape)},
        "versions": {"kinequimation": kinequimation.__version__, "python": platform.python_version()}
        | {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "device": run.device,
        "weights_sha256": run.weights_sha256,
        "source": {"name": seen.source, "width": seen.width, "height": seen.height, "fps": seen.fps},
        "horse": seen.number,
        "frames": {"in": len(seen), "out": judgement.n_frames, "with_horse": judgement.n_found}
        | {"usable": judgement.n_usable},
        "judgement": asdict(judgement) | {"line": judgement.line},
        "timings_s": run.timings_s,
        "warnings": run.warnings,
        "notes": run.notes,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
