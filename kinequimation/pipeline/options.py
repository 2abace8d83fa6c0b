"""What ``animate`` can be asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from kinequimation.body import BREEDS, Shape, breed_shape
from kinequimation.body.shape import DEFAULT_WITHERS_HEIGHT_M, RANGES
from kinequimation.errors import InputError
from kinequimation.io.formats import DEFAULT_FORMATS, Rig, check_formats
from kinequimation.motion.edit import Edits
from kinequimation.runtime import DEVICES, Device
from kinequimation.video import DEFAULT_IMAGE_FPS


@dataclass(frozen=True)
class AnimateOptions:
    """The options of one run.

    Attributes:
        inputs: one video, or one folder of frames, or images; may be empty where ``keypoints`` is given.
        output: the folder to write to.
        bbox_xywh: the horse's box in the first frame, pixels of the source; from there on the box follows the
            keypoints, and nothing is detected. None detects the horses.
        horse: which of the horses, from 1; they are numbered by how large, how clear and for how long they are seen.
            In a keypoints file it is the horse's id. None takes the first.
        keypoints: a file of keypoints to start from instead of pixels: a ``keypoints.json``, COCO, DeepLabCut, SLEAP.
        keypoint_map: a file that says which of our points the names in ``keypoints`` are (``io.keypoint_names``).
        frame_size: width and height of the frames that ``keypoints`` are of, pixels, where neither it nor ``inputs``
            says so.
        start_s, end_s: the part of the source to use, seconds.
        withers_height_m: the horse's height, which one camera cannot see; None takes the breed's, or 1.60 m.
        breed: what the body is thought to look like.
        time_scale: how many times slower than life the video plays: 4 for a video in fourfold slow motion.
        image_fps: frames per second of several images, and of keypoints that have frame numbers only.
        device: where the networks run.
        weights: another keypoint network (``.onnx``); None takes the one that ships.
        lifter: another lifter (``.onnx``), of ``train lift``; None takes the one that ships.
        detector: ``module:Class`` or ``file.py:Class``, a ``detect.Detector`` of your own.
        boxes: a file of boxes that were found elsewhere (``detect.given``).
        formats: which files of the animation are written, of ``io.formats.FORMATS``.
        rig: what Blender's files hold: the deforming bones alone, or the Rigify horse with its controls.
        edits: what is done to the motion before its animation is written; its measurements are written as filmed.

    Raises:
        InputError: a value is out of range.
    """

    inputs: tuple[str, ...]
    output: Path
    bbox_xywh: tuple[float, float, float, float] | None = None
    keypoints: Path | None = None
    start_s: float = 0.0
    end_s: float | None = None
    withers_height_m: float | None = None
    breed: str | None = None
    time_scale: float = 1.0
    image_fps: float = DEFAULT_IMAGE_FPS
    device: Device = "auto"
    horse: int | None = None
    weights: Path | None = None
    lifter: Path | None = None
    detector: str | None = None
    boxes: Path | None = None
    keypoint_map: Path | None = None
    frame_size: tuple[int, int] | None = None
    formats: tuple[str, ...] = DEFAULT_FORMATS
    rig: Rig = "deform"
    edits: Edits = field(default_factory=Edits)

    def __post_init__(self) -> None:
        if not self.inputs and self.keypoints is None:
            raise InputError("no input: give a video, an image, a folder of frames, or --keypoints")
        check_times(self.start_s, self.end_s)
        _check("time-scale", self.time_scale, 0.01, 1000.0)
        _check("image-fps", self.image_fps, 0.1, 1000.0)
        check_formats(self.formats, self.rig)
        if self.bbox_xywh is not None:
            check_bbox(self.bbox_xywh)
        ways = {
            "--bbox": self.bbox_xywh,
            "--keypoints": self.keypoints,
            "--detector": self.detector,
            "--boxes": self.boxes,
        }
        given = [name for name, value in ways.items() if value is not None]
        if len(given) > 1:
            raise InputError(f"{' and '.join(given)}: expected one of them, each says in its way where the horse is")
        if self.horse is not None and self.horse < 0:
            raise InputError(f"--horse: expected a number from 1 up, got {self.horse}")
        if self.keypoints is None and (self.keypoint_map is not None or self.frame_size is not None):
            raise InputError("--map and --frame-size: expected --keypoints FILE beside them, got none")
        if self.frame_size is not None and not all(16 <= side <= 1 << 16 for side in self.frame_size):
            raise InputError(f"--frame-size: expected 16 to 65536 pixels each way, got {self.frame_size}")
        if self.device not in DEVICES:
            raise InputError(f"--device: expected one of {', '.join(DEVICES)}, got {self.device!r}")
        _ = self.shape  # checks breed and height

    @property
    def shape(self) -> Shape:
        """What the horse is thought to look like before it is seen."""
        if self.withers_height_m is not None:
            _check("withers-height", self.withers_height_m, *RANGES["withers_height_m"], unit=" metres")
        if self.breed is not None:
            if self.breed not in BREEDS:
                raise InputError(f"--breed: expected one of {', '.join(BREEDS)}, got {self.breed!r}")
            return breed_shape(self.breed, self.withers_height_m)
        return Shape(DEFAULT_WITHERS_HEIGHT_M if self.withers_height_m is None else self.withers_height_m)


def check_times(start_s: float, end_s: float | None) -> None:
    """Check the part of a source that is to be used, seconds.

    Raises:
        InputError: a time is none, or the end does not come after the start.
    """
    _check("start", start_s, 0.0, 1e6)
    if end_s is not None:
        _check("end", end_s, 0.0, 1e6)
        if end_s <= start_s:
            raise InputError(f"--end: expected a time after --start {start_s:g}, got {end_s:g}")


def check_bbox(bbox_xywh: tuple[float, float, float, float]) -> None:
    """Check a box that a user gave, in pixels.

    Raises:
        InputError: it is no box, or one of hardly a pixel.
    """
    got = ",".join(f"{v:g}" for v in bbox_xywh)
    if not all(math.isfinite(v) for v in bbox_xywh):
        raise InputError(f"--bbox: expected four finite numbers x,y,w,h, got {got}")
    if min(bbox_xywh[2:]) < 4:
        raise InputError(f"--bbox: expected a width and a height of 4 pixels or more, got {got}")


def _check(option: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"--{option}: expected a number from {low:g} to {high:.10g}{unit}, got {value:g}")
