"""Frames with their labels: frame ``index`` of stream ``seed``, the same in every process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kinequimation.dataset.visibility import visibility
from kinequimation.errors import InputError
from kinequimation.synth.augment import augment
from kinequimation.synth.blur import exposed
from kinequimation.synth.camera import View
from kinequimation.synth.detection import detection_image
from kinequimation.synth.labels import (
    depth,
    horse_box,
    horse_share,
    near_sides,
    object_ids,
    part_segmentation,
)
from kinequimation.synth.record import GENERATOR, scene_record, with_changes
from kinequimation.synth.renderer import renderer
from kinequimation.synth.sampling import sample_scene
from kinequimation.synth.scene import Scene

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, UInt8

    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.renderer import Buffers

TRAINING_SIZES = (240, 320)
"""Sides of the frames that crops are cut from, pixels: the smaller is enlarged a little, the larger stays crisp."""
TRAINING_VIEW = View(fill=(0.48, 0.68), truncated=0.1, off_centre=0.5, wide_roll=0.4)
"""The horse with enough around it that most crops stay inside the frame; the turning is the camera's."""
_ORIGIN = ("stream", "seed", "index", "size", "scale")
_STREAMS = {"frame": 0, "training": 1, "detection": 2, "crop": 3}


@dataclass(frozen=True)
class Frame:
    """A rendered frame with everything that is known about it.

    Attributes:
        image: [S, S, 3] RGB.
        mask: [S, S] where the horse itself is seen.
        parts: [S, S] which part of the horse is seen, an index into ``labels.PARTS``; 0 is what is not the horse.
        object_id: [S, S] what is seen: 1 the horse, 0 the backdrop, the rest as in ``scene``.
        depth: [S, S] of the nearest surface along the camera's axis, metres; infinite for the sky.
        uv_px: [103, 2] keypoints; a point behind the camera is NaN.
        visibility: [103] 0 out of the frame, 1 hidden, 2 seen.
        bbox_xywh: [4] tight box of the horse with its tail, without a rider, clipped to the image.
        xyz_cam: [103, 3] keypoints in camera axes, metres.
        K: [3, 3] intrinsics.
        T_cam_world: [4, 4] from world to camera axes.
        near_sides: the nearer fore leg and the nearer hind leg, "L", "R", or "" where that cannot be told.
        gait: what the horse does; empty where nobody says.
        phase: of its stride, 0..1; NaN where there is no stride.
        contact: [4] does each hoof stand, LF, RF, LH, RH; None where nobody says.
        record: everything that was drawn, fit for JSON: ``remake`` makes the frame again from it.
    """

    image: UInt8[np.ndarray, "s s 3"]
    mask: Bool[np.ndarray, "s s"]
    parts: UInt8[np.ndarray, "s s"]
    object_id: UInt8[np.ndarray, "s s"]
    depth: Float32[np.ndarray, "s s"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    bbox_xywh: Float[np.ndarray, " 4"]
    xyz_cam: Float[np.ndarray, "103 3"]
    K: Float[np.ndarray, "3 3"]
    T_cam_world: Float[np.ndarray, "4 4"]
    near_sides: tuple[str, str]
    gait: str = ""
    phase: float = float("nan")
    contact: Bool[np.ndarray, " 4"] | None = None
    record: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingSample:
    """One augmented crop around a horse.

    Attributes:
        image: [size, size, 3] RGB.
        uv_px: [103, 2] keypoints in the crop; also those outside it.
        visibility: [103] 0 out of the crop, 1 hidden, 2 seen.
        mask: [size, size] share of each pixel that the horse covers, 0..1.
        limbs: [size, size] limb at each pixel, an index into ``labels.LIMB_CLASSES``.
    """

    image: UInt8[np.ndarray, "s s 3"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    mask: Float32[np.ndarray, "s s"]
    limbs: UInt8[np.ndarray, "s s"]


@dataclass(frozen=True)
class DetectionSample:
    """One whole frame, letterboxed and augmented.

    Attributes:
        image: [size, size, 3] RGB.
        boxes_xywh: [N, 4] the horses' boxes, hidden parts too, clipped to the picture; N is 0 to 3.
    """

    image: UInt8[np.ndarray, "s s 3"]
    boxes_xywh: Float[np.ndarray, "n 4"]


def _generator(seed: int, index: int, stream: str) -> np.random.Generator:
    if seed < 0 or index < 0:
        raise InputError(f"seed and index: expected whole numbers from 0, got {seed} and {index}")
    return np.random.default_rng([_STREAMS[stream], seed, index])


def _image(buffers: Buffers) -> UInt8[np.ndarray, "h w 3"]:
    """Return the colour at the camera's size, averaged down."""
    if buffers.scale == 1:
        return np.ascontiguousarray(buffers.rgb)
    return np.asarray(Image.fromarray(np.ascontiguousarray(buffers.rgb)).reduce(buffers.scale))


def label(scene: Scene, scale: int) -> Frame:
    """Draw a scene and return it with the labels of its first horse.

    Args:
        scene: what to draw.
        scale: rendered pixels per camera pixel in each direction.
    """
    buffers = renderer().render(scene, scale)
    horse = scene.horses[0]
    camera = scene.camera
    keypoints = horse.keypoints()
    xyz_cam = camera.to_cam(keypoints)
    uv_px = camera.project(keypoints)
    height_m = horse.body.shape.withers_height_m
    mask = horse_share(buffers) >= 0.5
    return Frame(
        image=exposed(scene, _image(buffers)),
        mask=mask,
        parts=part_segmentation(buffers, mask),
        object_id=object_ids(buffers, mask),
        depth=depth(buffers),
        uv_px=uv_px,
        visibility=visibility(buffers, uv_px, xyz_cam[:, 2], height_m),
        bbox_xywh=horse_box(scene, horse),
        xyz_cam=xyz_cam,
        K=camera.K,
        T_cam_world=camera.T_cam_world,
        near_sides=near_sides(xyz_cam, height_m),
        gait=horse.gait,
        phase=horse.phase,
        contact=horse.contact,
        record=scene_record(scene),
    )


def sampled_scene(seed: int, index: int, size: int = 256, mixture: Mixture | None = None) -> Scene:
    """Return the scene that ``sample`` draws, for whoever draws it otherwise.

    Args:
        seed: which endless stream of frames.
        index: which frame of it, from 0.
        size: side of the image, pixels.
        mixture: how often each thing is drawn; the generator's own if not given.

    Raises:
        InputError: a number is negative, or the size is not from 16 to 4096.
    """
    if not 16 <= size <= 4096:
        raise InputError(f"size: expected 16 to 4096 pixels, got {size}")
    return sample_scene(_generator(seed, index, "frame"), size, None, mixture)


def _frame_of(stream: str, seed: int, index: int, size: int, scale: int, mixture: Mixture | None) -> Frame:
    """Return frame ``index`` of a stream; its record says which it is."""
    if stream == "frame":
        frame = label(sampled_scene(seed, index, size, mixture), scale)
    else:
        rng = _generator(seed, index, stream)
        size = int(TRAINING_SIZES[rng.integers(2)])
        frame = label(sample_scene(rng, size, TRAINING_VIEW, mixture), scale)
    origin = {"generator": GENERATOR} | dict(zip(_ORIGIN, (stream, seed, index, size, scale), strict=True))
    return replace(frame, record=frame.record | origin | {"mixture": {} if mixture is None else mixture.changes})


def sample(seed: int, index: int, size: int = 256, mixture: Mixture | None = None, scale: int = 1) -> Frame:
    """Return a random frame with its labels.

    Args:
        seed: which endless stream of frames.
        index: which frame of it, from 0.
        size: side of the image, pixels. Only the drawing depends on it: the scene is the same.
        mixture: how often each thing is drawn; the generator's own if not given.
        scale: rendered pixels per pixel in each direction: 2 costs twice as much and has finer edges.

    Raises:
        InputError: a number is negative, or the size is not from 16 to 4096, or the scale not from 1 to 4.
        MissingDependencyError: there is no OpenGL.
    """
    if not 1 <= scale <= 4:
        raise InputError(f"scale: expected 1 to 4, got {scale}")
    return _frame_of("frame", seed, index, size, scale, mixture)


def training_sample(seed: int, index: int, size: int = 192, mixture: Mixture | None = None) -> TrainingSample:
    """Return a random crop around a horse as training sees it: jittered box, strongly augmented.

    Args:
        seed: which endless stream.
        index: which sample of it, from 0.
        size: side of the crop, pixels.
        mixture: how often each thing is drawn; the generator's own if not given.

    Raises:
        InputError: a number is negative.
        MissingDependencyError: there is no OpenGL.
    """
    return training_crop(training_frame(seed, index, mixture), seed, index, size, mixture)


def training_frame(seed: int, index: int, mixture: Mixture | None = None) -> Frame:
    """Return the frame, of one of ``TRAINING_SIZES``, that ``training_sample`` cuts its crop from.

    Drawing costs several times what augmentation does, so training may take several crops of one frame.
    """
    return _frame_of("training", seed, index, TRAINING_SIZES[0], 1, mixture)


def training_crop(
    frame: Frame, seed: int, index: int, size: int = 192, mixture: Mixture | None = None
) -> TrainingSample:
    """Return a random, strongly augmented crop of a frame; ``seed`` and ``index`` choose which."""
    rng = _generator(seed, index, "crop")
    shares = None if mixture is None else mixture.sensor
    labels = (frame.uv_px, frame.visibility, frame.mask, frame.bbox_xywh)
    return TrainingSample(*augment(rng, frame.image, *labels, size, shares, frame.parts))


def detection_sample(seed: int, index: int, size: int = 256, mixture: Mixture | None = None) -> DetectionSample:
    """Return a random whole frame with no horse (a quarter of them) to three, among things that are none.

    Args:
        seed: which endless stream.
        index: which sample of it, from 0.
        size: side of the image, pixels.
        mixture: how often each thing is drawn; the generator's own if not given.

    Raises:
        InputError: a number is negative.
        MissingDependencyError: there is no OpenGL.
    """
    return DetectionSample(*detection_image(_generator(seed, index, "detection"), size, mixture))


def remake(record: dict[str, Any]) -> Frame:
    """Make a frame again from its record.

    Args:
        record: ``Frame.record``, or what JSON made of it.

    Raises:
        InputError: it is no record of a frame, or another version of the generator wrote it.
        MissingDependencyError: there is no OpenGL.
    """
    from kinequimation.synth.mixture import Mixture

    missing = [k for k in ("generator", *_ORIGIN, "mixture") if k not in record]
    if missing:
        raise InputError(f"record: expected that of a frame, got one without {', '.join(missing)}")
    if record["generator"] != GENERATOR:
        raise InputError(
            f"record: expected generator {GENERATOR}, got {record['generator']}: other versions draw another frame"
        )
    if record["stream"] not in ("frame", "training"):
        raise InputError(f"record: expected the stream frame or training, got {record['stream']}")
    changes = record["mixture"]
    mixture = with_changes(Mixture(), changes) if changes else None
    return _frame_of(
        record["stream"], record["seed"], record["index"], record["size"], record["scale"], mixture=mixture
    )
