"""Labelled frames on disk that the pose network can be trained on: shards of drawn or rendered frames, and photos."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from PIL import Image

from kinequimation.dataset import coco, rendered_shards, shards
from kinequimation.dataset.tar_index import TarIndex
from kinequimation.dataset.tar_shards import MANIFEST, json_object
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole
from kinequimation.pose2d.stream import Arrays, arrays_of
from kinequimation.skeleton import KEYPOINT_INDEX
from kinequimation.synth.augment import augment
from kinequimation.synth.composite import random_background, recomposite
from kinequimation.synth.pictures import N_PAINTINGS, painting, photograph, photographs
from kinequimation.synth.sensor import MILD_SENSOR, MILD_SHARE

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

RECOMPOSITE_SHARE = 0.5
"""How often a drawn horse is put before another background, and how often its colours move towards it (sources, B5)."""
AROUND = 2.0
"""Kept of a photo to each side of a box's middle, in its longer sides: turned and moved crops show much of it."""
DETAIL = 1.5
"""Most pixels kept of a box, in sides of the crop: crops show boxes from about 0.5 to 1.2 sides wide."""
PATCHES = 24
"""Photos kept decoded: twenty frames of one's own are decoded once."""
MAX_PHOTO_BYTES = 64 << 20
MAX_PHOTO_PX = 80_000_000
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


class LabelledFrame(NamedTuple):
    """A picture and what is known of the horse in it.

    Attributes:
        image: [H, W, 3] RGB.
        uv_px: [103, 2] keypoints; NaN where there is none.
        visibility: [103] 0 out of the frame or unknown, 1 hidden, 2 seen.
        bbox_xywh: [4] the horse's box.
        mask: [H, W] where the horse itself is seen; None where nobody says.
        parts: [H, W] part of the horse, an index into ``synth.labels.PARTS``; None where nobody says.
        is_complete: a point without a place is known to be nowhere in the picture; else nothing is known of it.
    """

    image: UInt8[np.ndarray, "h w 3"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    bbox_xywh: Float[np.ndarray, " 4"]
    mask: Bool[np.ndarray, "h w"] | None = None
    parts: UInt8[np.ndarray, "h w"] | None = None
    is_complete: bool = False


class FrameSet(Protocol):
    """Frames that can be read in any order, in any process."""

    def __len__(self) -> int: ...

    def frame(self, place: int, rng: np.random.Generator, size: int) -> LabelledFrame:
        """Return the frame at a place.

        Args:
            place: from 0.
            rng: makes the choices, where a frame can be shown in several ways.
            size: side of the crop that will be cut from it, pixels: more detail than it can show may be left out.

        Raises:
            InputError: the frame cannot be read.
        """
        ...


def augmented(rng: np.random.Generator, frame: LabelledFrame, size: int) -> Arrays:
    """Return a strongly augmented crop of a frame as the arrays that training reads (see ``stream.arrays_of``)."""
    mask = np.zeros(frame.image.shape[:2], bool) if frame.mask is None else frame.mask
    shares = MILD_SENSOR if rng.random() < MILD_SHARE else None
    crop = augment(rng, frame.image, frame.uv_px, frame.visibility, mask, frame.bbox_xywh, size, shares, frame.parts)
    # a mirrored crop has its points in other slots, those without a place too
    labelled = None if frame.is_complete else np.isfinite(crop.uv_px[:, 0])
    share = None if frame.mask is None else crop.share
    return arrays_of(crop.image, crop.uv_px, crop.visibility, share, crop.limbs, labelled)


class DrawnFrames:
    """Frames that OpenGL drew, from a folder of shards; half of them are put before other backgrounds.

    Args:
        folder: what ``dataset.shards.write_shards`` wrote.
        backgrounds: a folder of photographs; painted places without it.

    Raises:
        InputError: a folder is not as it should be.
    """

    def __init__(self, folder: Path, backgrounds: Path | None = None) -> None:
        self._index = TarIndex(folder, shards.FORMAT, shards.KINDS)
        self._photographs = () if backgrounds is None else photographs(backgrounds)

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._index)

    def frame(self, place: int, rng: np.random.Generator, size: int) -> LabelledFrame:
        """Return the frame at a place; its background by ``rng``."""
        members, where = self._index.read(place)
        drawn = shards.frame_of_members(members, place, where)
        image = drawn.image
        if rng.random() < RECOMPOSITE_SHARE:
            behind = random_background(rng, len(image), self._picture(rng))
            shadow = drawn.shadow if rng.random() < RECOMPOSITE_SHARE else None
            harmonise = rng.uniform(0, 1) if rng.random() < RECOMPOSITE_SHARE else 0.0
            image = recomposite(image, drawn.alpha, behind, shadow, harmonise)
        return LabelledFrame(
            image, drawn.uv_px, drawn.visibility, drawn.bbox_xywh, drawn.mask, drawn.parts, is_complete=True
        )

    def _picture(self, rng: np.random.Generator) -> UInt8[np.ndarray, "256 256 3"]:
        if self._photographs:
            return photograph(Path(self._photographs[rng.integers(len(self._photographs))]))
        return painting(int(rng.integers(N_PAINTINGS)))


class RenderedFrames:
    """Frames that Blender rendered, from a folder of shards of ``kinequimation dataset build --shards N``.

    Args:
        folder: of one part of them.

    Raises:
        InputError: the folder is not as it should be.
    """

    def __init__(self, folder: Path) -> None:
        self._index = TarIndex(folder, rendered_shards.FORMAT, rendered_shards.KINDS)

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._index)

    def frame(self, place: int, rng: np.random.Generator, size: int) -> LabelledFrame:
        """Return the frame at a place."""
        members, where = self._index.read(place)
        f = rendered_shards.frame_of_members(members, place, where)
        return LabelledFrame(f.image, f.uv_px, f.visibility, f.bbox_xywh, f.mask > 127)


class Photos:
    """Horses annotated in a COCO file; ``dataset.coco`` says which names of points are known.

    Legs whose left and right the annotator could not tell count as not labelled.

    Args:
        path: the file, or a folder with ``annotations.json``.
        images: the folder in which images are looked for; the file's own by default.

    Raises:
        InputError: the file is not as it should be, or an image that it names is not there.
    """

    def __init__(self, path: Path, images: Path | None = None) -> None:
        self._horses: list[tuple[Path, tuple[int, int], coco.LabelledHorse]] = []
        for labelled in coco.read_coco(path / "annotations.json" if path.is_dir() else path, images):
            if not labelled.path.is_file():
                raise InputError(f"{labelled.path}: named in {path}, but not there; --images DIR says where they are")
            self._horses += [(labelled.path, (labelled.width, labelled.height), horse) for horse in labelled.horses]

    def __len__(self) -> int:
        """Return how many horses there are."""
        return len(self._horses)

    def frame(self, place: int, rng: np.random.Generator, size: int) -> LabelledFrame:
        """Return the surroundings of the horse at a place."""
        path, (width, height), horse = self._horses[place]
        pixels, (left, top), factor = _patch(path, width, height, tuple(horse.bbox_xywh.tolist()), size)
        uv_px, visibility = horse.uv_px.copy(), horse.visibility.copy()
        for pair in horse.lr_uncertain:
            unsure = [KEYPOINT_INDEX[f"{name}.{side}"] for name in coco.LEG_PAIRS[pair] for side in "LR"]
            uv_px[unsure], visibility[unsure] = np.nan, 0
        # the centre of a pixel that `factor` pixels were averaged to is the middle of their centres
        uv_px = (uv_px - [left, top] - (factor - 1) / 2) / factor
        x, y, w, h = horse.bbox_xywh
        box = np.array([x - left - (factor - 1) / 2, y - top - (factor - 1) / 2, w, h]) / factor
        return LabelledFrame(pixels, uv_px, visibility, box)


@lru_cache(maxsize=PATCHES)
def _patch(
    path: Path, width: int, height: int, bbox_xywh: tuple[float, ...], size: int
) -> tuple[UInt8[np.ndarray, "h w 3"], tuple[int, int], int]:
    """Return what a photo shows around a box, its top-left pixel, and how many pixels one of it was averaged from.

    Pixels are taken as they lie in the file, as COCO's coordinates mean them (no EXIF turn).
    """
    try:
        with Image.open(io.BytesIO(read_whole(path, MAX_PHOTO_BYTES)), formats=PHOTO_FORMATS) as opened:
            if opened.size != (width, height):
                got = f"{opened.size[0]}×{opened.size[1]}"
                raise InputError(f"{path}: expected {width}×{height} pixels as annotated, got {got}")
            if width * height > MAX_PHOTO_PX:
                raise InputError(f"{path}: expected at most {MAX_PHOTO_PX:,} pixels, got {width * height:,}")
            picture = opened.convert("RGB")
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: expected an image, got something unreadable ({reason})") from error
    x, y, w, h = bbox_xywh
    longer = max(w, h)
    left, top = (int(np.clip(c - AROUND * longer, 0, n - 1)) for c, n in ((x + w / 2, width), (y + h / 2, height)))
    right, bottom = (
        int(np.clip(c + AROUND * longer, low + 1, n))
        for c, low, n in ((x + w / 2, left, width), (y + h / 2, top, height))
    )
    picture = picture.crop((left, top, right, bottom))
    factor = max(1, min(int(longer / (DETAIL * size)), *picture.size))
    pixels = np.asarray(picture.reduce(factor))
    pixels.flags.writeable = False
    return pixels, (left, top), factor


def open_frames(path: Path, backgrounds: Path | None = None, images: Path | None = None) -> FrameSet:
    """Open a set of labelled frames, whatever kind it is.

    Args:
        path: a folder of shards, drawn or rendered, a COCO file, or a folder with ``annotations.json``.
        backgrounds: photographs to put drawn horses before.
        images: the folder in which a COCO file's images are looked for; its own by default.

    Raises:
        InputError: it is none of these.
    """
    manifest = path / MANIFEST
    if manifest.is_file():
        openers: dict[int, Callable[[], FrameSet]] = {
            shards.FORMAT: lambda: DrawnFrames(path, backgrounds),
            rendered_shards.FORMAT: lambda: RenderedFrames(path),
        }
        version = json_object(read_whole(manifest, 1 << 20), str(manifest)).get("format")
        if not isinstance(version, int) or version not in openers:
            raise InputError(f"{manifest}: expected format {' or '.join(map(str, openers))}, got {str(version)[:40]}")
        return openers[version]()
    if path.is_dir() and not (path / "annotations.json").is_file():
        inside = sorted(p.parent.name for p in path.glob(f"*/{MANIFEST}"))
        hint = f"; give one of the folders in it: {', '.join(inside[:3])}" if inside else ""
        raise InputError(f"{path}: expected a folder with {MANIFEST} or annotations.json{hint}")
    return Photos(path, images)
