"""Sequences of rendered frames for training a lifter: 2D, 3D, camera, action and frame rate, in one ``.npz``.

A sequence is one clip seen by one camera, its frames evenly spaced in time; where frames are missing, another one
begins. Frames of all sequences lie in one array each, sequence i in rows ``offsets[i]`` to ``offsets[i + 1]``. Plain
arrays, nothing pickled; ``SequenceFile`` reads and checks them::

    format        "kinequimation-sequences/1"
    keypoints     [103] names: horse68, then the points on the skin
    parents       [68] index of the parent of each of horse68, −1 for none
    offsets       [N + 1] int64
    clip, action, part     [N] names; part is train, val or test
    camera        [N] int32 number of the camera
    fps           [N] float64 frames a second of the sequence as it stands here
    withers_m     [N] float64 the horse's withers height, metres; NaN where its renderer did not say it
    frame         [F] int32 number of the frame in its clip
    uv_px         [F, 103, 2] float32 pixels, (0, 0) the centre of the top-left one; NaN behind the camera
    visibility    [F, 103] uint8, 0 out of the frame or no such point, 1 hidden, 2 seen
    xyz_world     [F, 103, 3] float32 metres, Z up; NaN where there is no such point
    xyz_cam       [F, 103, 3] float32 metres, OpenCV's camera axes: x right, y down, z forward
    K             [F, 3, 3] float64 pixels
    T_cam_world   [F, 4, 4] float64
    image_size    [F, 2] int32 width, height
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import FrameLabel
from kinequimation.dataset.rendered_frames import RenderedFrame, RenderedFrames, by_sequence, slots_of
from kinequimation.dataset.splits import PARTS
from kinequimation.errors import UNREADABLE_ARCHIVE, InputError, OutputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8

FORMAT = "kinequimation-sequences/1"
MAX_FRAMES = 20_000_000
_N = skeleton.NUM_KEYPOINTS
_FRAME_ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "frame": ((), "<i4"),
    "uv_px": ((_N, 2), "<f4"),
    "visibility": ((_N,), "|u1"),
    "xyz_world": ((_N, 3), "<f4"),
    "xyz_cam": ((_N, 3), "<f4"),
    "K": ((3, 3), "<f8"),
    "T_cam_world": ((4, 4), "<f8"),
    "image_size": ((2,), "<i4"),
}
_HEADS: dict[str, str] = {"clip": "U", "action": "U", "part": "U", "camera": "iu", "fps": "f", "withers_m": "f"}
"""Arrays with a value a sequence, and the kinds that they may be."""
_COPY_BYTES = 1 << 20
_LIMBS = np.array([[skeleton.KEYPOINT_INDEX[b] for b in skeleton.limb_joints(limb)] for limb in skeleton.LIMBS])
_LIMB_LENGTHS = 0.99
"""Length of a limb along its bones in withers heights: over 30 bodies of ``sample_shape`` 0.992, standard deviation
0.015, the four limbs' mean."""


@dataclass(frozen=True)
class Sequence2D3D:
    """One clip seen by one camera; see the module for what each field means.

    Attributes:
        clip, action, part: names.
        camera: number of the camera.
        fps: frames a second.
        withers_m: withers height, metres; NaN where it is not known.
        frame: [T].
        uv_px: [T, 103, 2].
        visibility: [T, 103].
        xyz_world, xyz_cam: [T, 103, 3].
        K: [T, 3, 3].
        T_cam_world: [T, 4, 4].
        image_size: [T, 2].
    """

    clip: str
    action: str
    part: str
    camera: int
    fps: float
    withers_m: float
    frame: Int[np.ndarray, " t"]
    uv_px: Float[np.ndarray, "t 103 2"]
    visibility: UInt8[np.ndarray, "t 103"]
    xyz_world: Float[np.ndarray, "t 103 3"]
    xyz_cam: Float[np.ndarray, "t 103 3"]
    K: Float[np.ndarray, "t 3 3"]
    T_cam_world: Float[np.ndarray, "t 4 4"]
    image_size: Int[np.ndarray, "t 2"]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def unit_m(self) -> float:
        """The withers height, metres: what the file says, or else what the length of the limbs' bones makes likely."""
        if np.isfinite(self.withers_m) and self.withers_m > 0:
            return self.withers_m
        bones = np.linalg.norm(np.diff(self.xyz_world[:, _LIMBS], axis=2), axis=-1)
        return max(float(np.median(bones.sum(-1).mean(-1))) / _LIMB_LENGTHS, 1e-3)


@dataclass(frozen=True)
class SequenceCounts:
    """What was written.

    Attributes:
        sequences, frames: by part, for parts that have any.
    """

    sequences: dict[str, int]
    frames: dict[str, int]


def write_sequences(
    path: Path, frames: RenderedFrames, progress: Callable[[int, int], None] | None = None
) -> SequenceCounts:
    """Write the sequences of rendered frames; memory does not grow with their number.

    Args:
        path: the ``.npz``.
        frames: the dataset.
        progress: called with the frames written and those in all.

    Raises:
        InputError: a label is not as it should be, or frames of a sequence disagree about their frame rate.
        OutputError: it cannot be written.
    """
    lengths: list[int] = []
    heads: list[tuple[str, str, str, int, float, float]] = []
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files: dict[str, IO[bytes]] = {
                name: stack.enter_context(tempfile.TemporaryFile(dir=path.parent)) for name in _FRAME_ARRAYS
            }
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot write {path}: {reason}; choose another folder") from error
        done = 0
        for run in (r for sequence in by_sequence(frames.frames) for r in evenly_spaced(sequence)):
            rates, withers_m = set(), float("nan")
            for member in run:
                label = member.read(variant="")
                withers_m = _withers_m(label)
                rates.add(label.fps)
                if len(rates) > 1 or not 0 < label.fps < 1e6:
                    raise InputError(f"{member.place.label}: expected one fps above 0 in a clip, got {label.fps:g}")
                for name, value in _frame_values(label).items():
                    shape, kind = _FRAME_ARRAYS[name]
                    files[name].write(np.asarray(value, kind).reshape(shape).tobytes())
                done += 1
                if progress is not None:
                    progress(done, len(frames))
            place = run[0].place
            step = run[1].place.frame - place.frame if len(run) > 1 else 1
            heads.append((run[0].clip, place.action, run[0].part, place.camera, rates.pop() / step, withers_m))
            lengths.append(len(run))
        _write_npz(path, _head_arrays(heads, lengths), files, done)
    parts = [part for part in PARTS if any(h[2] == part for h in heads)]
    return SequenceCounts(
        sequences={part: sum(h[2] == part for h in heads) for part in parts},
        frames={part: sum(n for h, n in zip(heads, lengths, strict=True) if h[2] == part) for part in parts},
    )


def _withers_m(label: FrameLabel) -> float:
    height = label.scene.get("withers_height_m")
    if isinstance(height, bool) or not isinstance(height, (int, float)) or not 0.1 < height < 10:
        return float("nan")
    return float(height)


def _frame_values(label: FrameLabel) -> dict[str, Any]:
    slots = slots_of(label)
    return {
        "frame": label.frame,
        "uv_px": slots.uv_px,
        "visibility": slots.visibility,
        "xyz_world": slots.xyz_world,
        "xyz_cam": label.as_camera.to_cam(slots.xyz_world),
        "K": label.K,
        "T_cam_world": label.T_cam_world,
        "image_size": (label.width, label.height),
    }


def evenly_spaced(sequence: Sequence[RenderedFrame]) -> list[list[RenderedFrame]]:
    """Return the runs of a sequence whose frames lie as far apart as its nearest ones do."""
    numbers = np.array([f.place.frame for f in sequence])
    if len(numbers) < 2:
        return [list(sequence)]
    gaps = np.diff(numbers)
    starts = (np.flatnonzero(gaps != gaps.min()) + 1).tolist()
    return [list(sequence[a:b]) for a, b in itertools.pairwise([0, *starts, len(sequence)])]


def _head_arrays(heads: list[tuple[str, str, str, int, float, float]], lengths: list[int]) -> dict[str, np.ndarray]:
    clip, action, part, camera, fps, withers_m = zip(*heads, strict=True)
    parents = [skeleton.KEYPOINT_INDEX.get(skeleton.PARENT[b] or "", -1) for b in skeleton.HORSE68]
    return {
        "format": np.array(FORMAT),
        "keypoints": np.array(skeleton.KEYPOINTS),
        "parents": np.array(parents, "<i4"),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype("<i8"),
        "clip": np.array(clip),
        "action": np.array(action),
        "part": np.array(part),
        "camera": np.array(camera, "<i4"),
        "fps": np.array(fps, "<f8"),
        "withers_m": np.array(withers_m, "<f8"),
    }


def _write_npz(path: Path, arrays: dict[str, np.ndarray], files: dict[str, IO[bytes]], n_frames: int) -> None:
    """Write arrays, and others whose rows lie in files, into one ``.npz`` (NumPy's format, version 1.0)."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(_member(name), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        for name, file in files.items():
            shape, kind = _FRAME_ARRAYS[name]
            header = {"descr": kind, "fortran_order": False, "shape": (n_frames, *shape)}
            file.seek(0)
            with archive.open(_member(name), "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(file, member, _COPY_BYTES)


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{name}.npy")  # without the time of day: the same frames make the same file


class SequenceFile:
    """A file that ``write_sequences`` wrote; ``len`` and an index give its sequences.

    Arrays are read once, at their first use, and kept.

    Attributes:
        path: of the file.
        offsets, clip, action, part, camera, fps, withers_m: see the module.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            InputError: it is not there, or no such file; says which and why.
        """
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                    raise InputError("expected arrays without compression: what is read is no larger than the file")
            with np.load(path, allow_pickle=False) as data:
                missing = [k for k in ("format", "keypoints", "offsets", *_HEADS, *_FRAME_ARRAYS) if k not in data]
                if missing:
                    raise InputError(f"expected the arrays of such a file, {', '.join(missing)} missing")
                if str(data["format"]) != FORMAT:
                    raise InputError(f"expected format {FORMAT}, got {str(data['format'])[:40]}")
                if tuple(str(k) for k in data["keypoints"]) != skeleton.KEYPOINTS:
                    raise InputError("written for other keypoints")
                self.offsets = data["offsets"]
                heads = {name: data[name] for name in _HEADS}
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{path}: expected sequences made for a lifter, got {reason}") from error
        except UNREADABLE_ARCHIVE as error:
            raise InputError(f"{path}: expected sequences made for a lifter (.npz), got something else") from error
        n = len(self.offsets) - 1
        is_rising = self.offsets.dtype.kind in "iu" and self.offsets.ndim == 1 and n > 0
        is_rising = is_rising and self.offsets[0] == 0 and (np.diff(self.offsets) > 0).all()
        if not is_rising or self.offsets[-1] > MAX_FRAMES:
            raise InputError(f"{path}: offsets: expected whole numbers that rise from 0 to {MAX_FRAMES} at most")
        for name, kinds in _HEADS.items():
            if heads[name].shape != (n,) or heads[name].dtype.kind not in kinds:
                raise InputError(f"{path}: {name}: expected {n} values, got shape {heads[name].shape}")
        if not (np.isfinite(heads["fps"]).all() and (heads["fps"] > 0).all() and np.isin(heads["part"], PARTS).all()):
            raise InputError(f"{path}: expected frame rates above 0, and parts {', '.join(PARTS)}")
        self.clip, self.action, self.part = heads["clip"], heads["action"], heads["part"]
        self.camera, self.fps, self.withers_m = heads["camera"], heads["fps"], heads["withers_m"]

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        n = int(self.offsets[-1])
        arrays = {}
        try:
            with np.load(self.path, allow_pickle=False) as data:
                for name, (shape, kind) in _FRAME_ARRAYS.items():
                    arrays[name] = data[name]
                    if arrays[name].shape != (n, *shape) or arrays[name].dtype != np.dtype(kind):
                        got = f"{arrays[name].dtype} {arrays[name].shape}"
                        raise InputError(f"{self.path}: {name}: expected {kind} {(n, *shape)}, got {got}")
        except UNREADABLE_ARCHIVE as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.path}: expected whole arrays, got something else: {error}") from error
        for name in ("frame", "K", "T_cam_world"):
            if not np.isfinite(arrays[name]).all():
                raise InputError(f"{self.path}: {name}: expected finite numbers")
        if np.isnan(arrays["xyz_world"][:, : skeleton.NUM_JOINTS68]).any():
            raise InputError(f"{self.path}: xyz_world: expected every joint of horse68, got NaN")
        return arrays

    def __len__(self) -> int:
        return len(self.fps)

    def __getitem__(self, i: int) -> Sequence2D3D:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        rows = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        return Sequence2D3D(
            clip=str(self.clip[i]),
            action=str(self.action[i]),
            part=str(self.part[i]),
            camera=int(self.camera[i]),
            fps=float(self.fps[i]),
            withers_m=float(self.withers_m[i]),
            **{name: array[rows] for name, array in self._arrays.items()},
        )
