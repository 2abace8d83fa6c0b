"""What must hold for one frame seen by one camera: its label, its images and its mask, each file read once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.dataset.check_geometry import label_faults
from kinequimation.dataset.frame_label import MAX_IMAGE_BYTES, MAX_SIDE_PX, FrameLabel, FramePlace
from kinequimation.dataset.labels import read_label
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

_BOX_TOLERANCE_PX = 1.5
"""How far a label's box, which follows the mesh, may be from a mask's, which follows pixels: a pixel, and a half."""
_MIRRORED_BY = 3.0
"""How much more of the outline a mirrored picture shows if it is the right one: 5 and more in renders; others, 0.2."""
_NEAR_MASK_PX = 2
"""How far from the mask a seen joint may fall: the next pixel, and one for masks of another sampling."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        file: the bad file, relative to the folder of the renders or of the dataset, with forward slashes.
        what: what is wrong, in one line.
    """

    file: str
    what: str


@dataclass(frozen=True)
class FrameFindings:
    """What a frame's files say, as far as it is needed beside those of other frames.

    Attributes:
        place: the frame.
        faults: what is wrong within it.
        clip: as in the label; empty where the label cannot be read.
        images: the variants that there are, readable or not.
        variants: those that the label names.
        fixed: what no frame of a clip may change, as text: armature, frame rate, image size, names, parents.
        names: of the N bones.
        lengths: [N] of the bones without their stretch, in the armature's units.
        roll: [N] of the bones.
        is_in_frame: is any bone's head of horse68 in the frame, and any point on the skin?
        moment: digest of all that moves: bones, landmarks and camera. Empty where the label cannot be read.
        pictures: digest of each variant's pixels.
        contrast: how much each variant's pixels change from inside the mask to outside of it, in standard deviations.
    """

    place: FramePlace
    faults: tuple[Fault, ...]
    clip: str = ""
    images: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    fixed: str = ""
    names: tuple[str, ...] = ()
    lengths: Float[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0))
    roll: Float[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0))
    is_in_frame: tuple[bool, bool] = (False, False)
    moment: bytes = b""
    pictures: dict[str, bytes] = field(default_factory=dict)
    contrast: dict[str, float] = field(default_factory=dict)


@np.errstate(all="ignore")  # a label may hold numbers of any size
def check_frame(place: FramePlace, base: Path, images: Sequence[str], has_label: bool, has_mask: bool) -> FrameFindings:
    """Read a frame's files and return what is wrong with them.

    Args:
        place: the frame.
        base: the folder that files are named from.
        images: the variants of which there is a file.
        has_label, has_mask: is there such a file?
    """
    faults: list[Fault] = []

    def found(path: Path, *what: str) -> None:
        faults.extend(Fault(path.relative_to(base).as_posix(), w) for w in what)

    label = None
    if not has_label:
        others = " and ".join([f"{v} image" for v in images] + ["mask"] * has_mask)
        found(place.label, f"the label is missing; there is its {others}")
    else:
        try:
            label = read_label(place.label)
        except InputError as error:
            found(place.label, str(error).removeprefix(f"{place.label}: "))
    size = (label.width, label.height) if label else None
    if not has_mask:
        found(place.mask, "the mask is missing")
    pixels: dict[str, np.ndarray] = {}
    digests: dict[str, bytes] = {}
    for variant in images:
        try:
            data, image = _read_image(place.image(variant), size)
        except InputError as error:
            found(place.image(variant), str(error))
            continue
        digests[variant] = hashlib.blake2b(data, digest_size=12).digest()
        pixels[variant] = np.asarray(image.convert("RGB"))
        if label and label.area_px > 0 and (np.ptp(pixels[variant], axis=(0, 1)) == 0).all():
            found(place.image(variant), "all pixels have one colour, though the label's mask says that a horse is seen")
    mask = None
    if has_mask:
        try:
            mask = _read_mask(place.mask, size)
        except InputError as error:
            found(place.mask, str(error))
    if label is None:
        return FrameFindings(place, tuple(faults), images=tuple(images), pictures=digests)
    for variant in label.variants:
        if variant not in images:
            found(place.image(variant), "the image is missing; the label names it")
    for variant in images:
        if variant not in label.variants:
            found(place.image(variant), f"the label names no such variant, only {', '.join(label.variants)}")
    found(place.label, *_name_faults(label, place), *label_faults(label), *_box_faults(label))
    contrast = {}
    if mask is not None:
        of_mask, of_label = _mask_faults(label, mask)
        found(place.mask, *of_mask)
        found(place.label, *of_label)
        if not of_mask:
            contrast = {v: mask_contrast(p, mask) for v, p in pixels.items()}
        # only a picture without surroundings can be trusted to show nothing but the horse's outline
        mirrored = mask_contrast(pixels["flat"][:, ::-1], mask) if "flat" in contrast else 0.0
        if mirrored > max(_MIRRORED_BY * contrast.get("flat", 0.0), 5.0):
            found(place.image("flat"), "shows the horse's outline where the mask has it only once it is mirrored")
            del contrast["flat"]
    bones = label.bones
    stretch = np.linalg.norm(bones.matrix_world[:, :3, 1], axis=1)
    moving = (bones.head, bones.tail, label.landmarks.xyz, label.K, label.camera_matrix_world)
    return FrameFindings(
        place=place,
        faults=tuple(faults),
        clip=label.clip,
        images=tuple(images),
        variants=label.variants,
        fixed=_fixed(label),
        names=bones.names,
        lengths=np.linalg.norm(bones.tail - bones.head, axis=1) / np.maximum(stretch, 1e-12),
        roll=bones.roll,
        is_in_frame=(bool(bones.visibility[: skeleton.NUM_JOINTS68].any()), bool(label.landmarks.visibility.any())),
        moment=hashlib.blake2b(b"".join(np.ascontiguousarray(m).tobytes() for m in moving), digest_size=12).digest(),
        pictures=digests if label.area_px > 0 else {},  # an empty picture may come again
        contrast=contrast,
    )


def _fixed(label: FrameLabel) -> str:
    parts = (label.armature, label.fps, label.width, label.height, label.bones.names, label.bones.parents)
    digest = hashlib.blake2b(repr((parts, label.landmarks.names)).encode(), digest_size=6).hexdigest()
    variants = "+".join(label.variants)
    return f"{label.armature}, {label.fps:g} fps, {label.width}×{label.height}, {variants}, skeleton {digest}"


def _name_faults(label: FrameLabel, place: FramePlace) -> list[str]:
    """Return whether the label is that of another frame."""
    said, expected = (label.action, label.frame, label.camera), (place.action, place.frame, place.camera)
    if said == expected:
        return []
    return [f"says that it is {said[0]}, frame {said[1]}, camera {said[2]}, which is not what it is named"]


def _box_faults(label: FrameLabel) -> list[str]:
    x, y, w, h = label.bbox_xywh
    if w <= 0 or h <= 0:
        return [] if label.area_px == 0 and not label.bones.in_frame.any() else [f"bbox_xywh is {w:g}×{h:g}: empty"]
    if x < -1 or y < -1 or x + w > label.width + 0.5 or y + h > label.height + 0.5:
        return [f"bbox_xywh reaches out of the image: {x:g} to {x + w:g}, {y:g} to {y + h:g} px"]
    faults = []
    horse68 = np.isin(label.bones.names, skeleton.HORSE68)
    heads = label.bones.uv[horse68 & label.bones.in_frame]
    # heads lie under the skin, but a simple mesh may not reach around all of them
    outside = _outside(heads, label.bbox_xywh, 0.03 * max(w, h) + 2)
    if outside.sum() > 0.2 * len(heads):
        faults.append(f"bbox_xywh is not around the keypoints: {outside.sum()} of {len(heads)} lie outside")
    points = label.landmarks.uv[label.landmarks.in_frame]
    outside = _outside(points, label.bbox_xywh, 0.01 * max(w, h) + 2)
    if outside.any() and not faults:
        names = np.array(label.landmarks.names)[label.landmarks.in_frame]
        faults.append(f"bbox_xywh is not around the points on the skin: {', '.join(names[outside][:3])} outside")
    return faults


def _outside(uv: Float[np.ndarray, "n 2"], box_xywh: Float[np.ndarray, " 4"], margin: float) -> Bool[np.ndarray, " n"]:
    low, high = box_xywh[:2] - margin, box_xywh[:2] + box_xywh[2:] + margin
    return np.any((uv < low) | (uv > high), axis=-1)


def _mask_faults(label: FrameLabel, mask: Bool[np.ndarray, "h w"]) -> tuple[list[str], list[str]]:
    """Return what is wrong with a mask, and what is wrong with its label where the mask is not to blame."""
    area = int(mask.sum())
    if area != label.area_px:
        return [f"{area} pixels are set, the label's area_px is {label.area_px}: a mask of another frame?"], []
    seen, lost = _off_mask(label, mask)
    beyond = _beyond_box(label, mask)
    # box and joints are told apart from each other: if the mask fits neither, it is the one that is wrong
    if 3 * len(lost) > seen or (len(lost) > 1 and beyond > _BOX_TOLERANCE_PX):
        return [f"{len(lost)} of {seen} joints that the label says are seen lie off it: a mask of another frame?"], []
    faults = []
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        faults.append(f"{lost[0]}{more}: visibility says seen, but it is off the mask")
    if area == 0:
        return [], faults
    if beyond > _BOX_TOLERANCE_PX:
        faults.append(f"bbox_xywh leaves {beyond:.1f} px of the mask outside")
    loose = _loose_by(label, *_limits(mask))
    if loose is not None:
        faults.append(f"bbox_xywh is {loose:.0f} px wider than mask and keypoints reach")
    return [], faults


def _limits(mask: Bool[np.ndarray, "h w"]) -> tuple[Float[np.ndarray, " 2"], Float[np.ndarray, " 2"]]:
    """Return the corners of a mask that is not empty, where its pixels end."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0]]) - 0.5, np.array([columns[-1], rows[-1]]) + 0.5


def _beyond_box(label: FrameLabel, mask: Bool[np.ndarray, "h w"]) -> float:
    """Return how many pixels a mask reaches out of the label's box; 0 where it does not."""
    if not mask.any():
        return 0.0
    low, high = _limits(mask)
    box_low, box_high = label.bbox_xywh[:2], label.bbox_xywh[:2] + label.bbox_xywh[2:]
    return float(max((box_low - low).max(), (high - box_high).max(), 0.0))


def _off_mask(label: FrameLabel, mask: Bool[np.ndarray, "h w"]) -> tuple[int, list[str]]:
    """Return how many joints the label says are seen, and the names of those that are not on the mask or beside it.

    Points on the skin are not asked: one under a rug that lies on it counts as seen, and the mask is the horse's alone.
    """
    bones = label.bones
    which = np.flatnonzero((bones.visibility == 2) & np.isfinite(bones.uv).all(-1))
    column, row = np.clip(np.round(bones.uv[which]), -1, MAX_SIDE_PX).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < label.width) & (row < label.height)
    on = np.zeros(len(which), bool)
    on[inside] = _grown(mask, _NEAR_MASK_PX)[row[inside], column[inside]]
    return len(which), [bones.names[i] for i in which[~on]]


def _loose_by(label: FrameLabel, low: Float[np.ndarray, " 2"], high: Float[np.ndarray, " 2"]) -> float | None:
    """Return how far the box reaches beyond mask and keypoints, if that is more than flesh and hair there can be.

    Judged only where most of the skeleton is in the frame: then what the box holds besides is skin around joints.
    """
    horse68 = np.isin(label.bones.names, skeleton.HORSE68)
    heads = label.bones.uv[horse68 & label.bones.in_frame]
    if len(heads) < 0.9 * skeleton.NUM_JOINTS68:
        return None
    low, high = np.minimum(low, heads.min(0)), np.maximum(high, heads.max(0))
    x, y, w, h = label.bbox_xywh
    loose = float(max(low[0] - x, low[1] - y, x + w - high[0], y + h - high[1]))
    return loose if loose > 0.15 * float((high - low).max()) + 4 else None


def mask_contrast(image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> float:
    """Return how much an image changes across a mask's outline, as multiples of how much it changes elsewhere.

    About 1 where image and mask have nothing to do with each other; more the better the horse stands out.
    """
    grey = image.astype(np.float32).sum(-1)
    changes = [np.abs(np.diff(grey, axis=0)).ravel(), np.abs(np.diff(grey, axis=1)).ravel()]
    crossings = [(mask[1:] != mask[:-1]).ravel(), (mask[:, 1:] != mask[:, :-1]).ravel()]
    change, crossing = np.concatenate(changes), np.concatenate(crossings)
    n = int(crossing.sum())
    if n in (0, len(crossing)):
        return 1.0
    across, total = float(change[crossing].sum()), float(change.sum())
    return (across / n + 0.3) / ((total - across) / (len(crossing) - n) + 0.3)


def _grown(mask: Bool[np.ndarray, "h w"], by_px: int) -> Bool[np.ndarray, "h w"]:
    """Return a mask with a margin around it, a square of ``2 * by_px + 1`` for each pixel."""
    for axis in (0, 1):
        counts = np.cumsum(mask, axis=axis, dtype=np.int32)
        counts = np.concatenate([np.zeros_like(np.take(counts, [0], axis)), counts], axis)
        n = mask.shape[axis]
        last, first = np.minimum(np.arange(n) + by_px + 1, n), np.maximum(np.arange(n) - by_px, 0)
        mask = np.take(counts, last, axis) > np.take(counts, first, axis)
    return mask


def _read_mask(path: Path, size: tuple[int, int] | None) -> Bool[np.ndarray, "h w"]:
    _, image = _read_image(path, size)
    if image.mode != "L":
        raise InputError(f"expected a grey mask (8 bits, one channel), got {image.mode}")
    values = np.asarray(image)
    if not np.isin(values, (0, 255)).all():
        raise InputError("expected a mask of 0 and 255, got values between")
    return values > 0


def _read_image(path: Path, size: tuple[int, int] | None) -> tuple[bytes, Image.Image]:
    """Return a file's pixels as bytes, and the image, decoded to its last pixel.

    Args:
        path: a PNG file.
        size: its width and height, from the label; None where there is no label to say.

    Raises:
        InputError: it is unreadable, truncated or of another size; the text does not name it.
    """
    try:
        data = read_whole(path, MAX_IMAGE_BYTES)
        if not data:
            raise InputError("the file is empty")
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if size is not None and image.size != size:
                raise InputError(f"is {image.width}×{image.height}, the label says {size[0]}×{size[1]}")
            if max(image.size) > MAX_SIDE_PX:
                raise InputError(f"is {image.width}×{image.height}, more than {MAX_SIDE_PX} pixels wide or high")
            image.verify()  # the checksum of every part
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            return image.tobytes(), image
    except InputError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do: SyntaxError, struct.error, zlib.error, ...
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        if "cannot identify" in reason:
            reason = "not a PNG file"
        raise InputError(f"cannot be read, truncated or damaged ({reason})") from error
