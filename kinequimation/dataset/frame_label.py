"""What is known about one frame seen by one camera, and where its files lie; ``dataset.labels`` reads and writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.camera import Camera

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

MAX_SIDE_PX = 8192
"""A square of it is the largest image that Pillow opens without a warning of decompression bombs."""
MAX_CLIP_LETTERS = 200
MAX_IMAGE_BYTES = 1 << 30
VARIANTS: tuple[str, ...] = ("flat", "materials")
"""How a horse may be drawn: in plain colours without shadows, or with its coat, light and surroundings."""
CV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])
"""From Blender's camera axes (y up, looks along −z) to OpenCV's; its own inverse."""
_FRAME_NAME = re.compile(r"f(\d{5,9})_c(\d{2,4})")
_ACTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
BONE_ARRAYS: dict[str, tuple[int, ...]] = {
    "head": (3,),
    "tail": (3,),
    "uv": (2,),
    "uv_tail": (2,),
    "depth": (),
    "roll": (),
    "quaternion": (4,),
    "matrix_world": (4, 4),
    "matrix_rel_root": (4, 4),
    "matrix_basis": (4, 4),
}
"""The numbers of a bone, and their shapes."""


@dataclass(frozen=True)
class Bones:
    """The deforming bones of one frame; see ``dataset.labels`` for what each field means.

    Attributes:
        names: N bones, in the order of ``skeleton.BONES``.
        parents: the deforming bone that each hangs on; "" for none.
        head, tail: [N, 3] metres, world.
        uv, uv_tail: [N, 2] pixels; NaN behind the camera.
        in_frame, in_frame_tail: [N].
        visibility: [N] 0 out of the frame, 1 hidden, 2 seen, of the head.
        depth: [N] metres along the camera's axis, of the head.
        roll: [N] radians.
        quaternion: [N, 4] w, x, y, z, world.
        matrix_world, matrix_rel_root, matrix_basis: [N, 4, 4].
    """

    names: tuple[str, ...]
    parents: tuple[str, ...]
    head: Float[np.ndarray, "n 3"]
    tail: Float[np.ndarray, "n 3"]
    uv: Float[np.ndarray, "n 2"]
    uv_tail: Float[np.ndarray, "n 2"]
    in_frame: Bool[np.ndarray, " n"]
    in_frame_tail: Bool[np.ndarray, " n"]
    visibility: UInt8[np.ndarray, " n"]
    depth: Float[np.ndarray, " n"]
    roll: Float[np.ndarray, " n"]
    quaternion: Float[np.ndarray, "n 4"]
    matrix_world: Float[np.ndarray, "n 4 4"]
    matrix_rel_root: Float[np.ndarray, "n 4 4"]
    matrix_basis: Float[np.ndarray, "n 4 4"]

    def __post_init__(self) -> None:
        missing = [b for b in skeleton.HORSE68 if b not in self.names]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise InputError(f"bones: expected the 68 of a Rigify horse, {', '.join(missing[:3])}{more} missing")
        if list(self.names) != [b for b in skeleton.BONES if b in self.names]:
            raise InputError("bones: expected those of a Rigify horse, once each, in the order of skeleton.BONES")
        for name, shape in BONE_ARRAYS.items():
            value = getattr(self, name)
            if value.shape != (len(self.names), *shape):
                raise InputError(f"bones: expected {name} of shape {(len(self.names), *shape)}, got {value.shape}")
        _refuse_unplaced(self.names, self.uv, self.visibility)


@dataclass(frozen=True)
class Landmarks:
    """Points on the skin of one frame.

    Attributes:
        names: N of ``skeleton.LANDMARKS``, in their order; none where the mesh does not say where they are.
        xyz: [N, 3] metres, world.
        uv: [N, 2] pixels; NaN behind the camera.
        in_frame: [N].
        visibility: [N] 0 out of the frame, 1 hidden, 2 seen.
        depth: [N] metres along the camera's axis.
    """

    names: tuple[str, ...] = ()
    xyz: Float[np.ndarray, "n 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    uv: Float[np.ndarray, "n 2"] = field(default_factory=lambda: np.zeros((0, 2)))
    in_frame: Bool[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, bool))
    visibility: UInt8[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.uint8))
    depth: Float[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if list(self.names) != [p for p in skeleton.LANDMARKS if p in self.names]:
            raise InputError("landmarks: expected names of skeleton.LANDMARKS, once each, in their order")
        _refuse_unplaced(self.names, self.uv, self.visibility)


def _refuse_unplaced(names: tuple[str, ...], uv: np.ndarray, visibility: np.ndarray) -> None:
    """Refuse points that are in the frame and have no pixel.

    Raises:
        InputError: there is one.
    """
    for i in np.flatnonzero(np.isnan(uv).any(-1) & (visibility > 0)):
        raise InputError(f"{names[i]}: uv is null, though its visibility is {visibility[i]}: expected a pixel")


@dataclass(frozen=True)
class FrameLabel:
    """Everything that is known about one frame seen by one camera; see ``dataset.labels`` for what each field means.

    Attributes:
        action: the movement, and the name of the frame's folder.
        clip: which run of it: frames of one clip belong together.
        frame: number of the frame, from 0.
        camera: number of the camera, from 0.
        fps: frames a second; of a clip of one frame, as sampled scenes are, it says nothing.
        variants: the images that there are, names of ``VARIANTS``.
        width, height: of the images, pixels.
        K: [3, 3] intrinsics, pixels.
        camera_matrix_world: [4, 4] camera to world, Blender's camera axes.
        armature: name of the armature's object.
        root_matrix: [4, 4] of the root bone in the world.
        bbox_xywh: [4] pixels.
        area_px: pixels of the mask.
        bones: the skeleton.
        landmarks: points on the skin.
        scene: what else is known.
    """

    action: str
    clip: str
    frame: int
    camera: int
    fps: float
    variants: tuple[str, ...]
    width: int
    height: int
    K: Float[np.ndarray, "3 3"]
    camera_matrix_world: Float[np.ndarray, "4 4"]
    armature: str
    root_matrix: Float[np.ndarray, "4 4"]
    bbox_xywh: Float[np.ndarray, " 4"]
    area_px: int
    bones: Bones
    landmarks: Landmarks = field(default_factory=Landmarks)
    scene: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_action_name(self.action):
            raise InputError(f"action: expected letters, digits and . _ + -, got {self.action[:80]!r}")
        if not 1 <= len(self.clip) <= MAX_CLIP_LETTERS or not self.clip.isprintable():
            raise InputError(f"clip: expected 1 to {MAX_CLIP_LETTERS} printable letters, got {self.clip[:80]!r}")
        if self.frame < 0 or self.camera < 0:
            raise InputError(f"frame, camera: expected numbers from 0, got {self.frame} and {self.camera}")
        if not (1 <= self.width <= MAX_SIDE_PX and 1 <= self.height <= MAX_SIDE_PX):
            raise InputError(f"image_size: expected 1 to {MAX_SIDE_PX} pixels, got {self.width}×{self.height}")
        if not self.variants or not set(self.variants) <= set(VARIANTS):
            raise InputError(f"variants: expected some of {', '.join(VARIANTS)}, got {', '.join(self.variants)[:80]}")
        if not np.abs(np.linalg.det(self.camera_matrix_world)) > 1e-12:
            raise InputError("camera_extrinsics: expected matrix_world of a camera, got one that cannot be inverted")

    @property
    def T_cam_world(self) -> Float[np.ndarray, "4 4"]:
        """From the world to OpenCV's camera axes."""
        return CV_FROM_BLENDER @ np.linalg.inv(self.camera_matrix_world)

    @property
    def as_camera(self) -> Camera:
        """The camera that made the image."""
        return Camera(self.K, self.T_cam_world, self.width, self.height)


@dataclass(frozen=True)
class FramePlace:
    """Where the files of one frame seen by one camera lie.

    Attributes:
        root: the dataset's folder.
        action, frame, camera: as in ``FrameLabel``.
    """

    root: Path
    action: str
    frame: int
    camera: int

    @property
    def name(self) -> str:
        """Name of each of the files, less its suffix."""
        return f"f{self.frame:05d}_c{self.camera:02d}"

    @property
    def label(self) -> Path:
        """The label."""
        return self.root / self.action / "labels" / f"{self.name}.json"

    @property
    def mask(self) -> Path:
        """The mask."""
        return self.root / self.action / "masks" / f"{self.name}.png"

    def image(self, variant: str) -> Path:
        """Return the path of the image of a variant."""
        return self.root / self.action / "images" / variant / f"{self.name}.png"

    @classmethod
    def of_file(cls, root: Path, action: str, stem: str) -> FramePlace | None:
        """Return the place of the frame that a file of an action is named for; None for any other name."""
        match = _FRAME_NAME.fullmatch(stem)
        if match is None or not is_action_name(action):
            return None
        place = cls(root, action, int(match[1]), int(match[2]))
        return place if place.name == stem else None  # f000001_c00 would be f00001_c00


def is_action_name(name: str) -> bool:
    """Return whether an action may be called so: its name is that of a folder too."""
    return _ACTION_NAME.fullmatch(name) is not None
