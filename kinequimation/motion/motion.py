"""The Motion: what everything before it makes, and everything after it reads."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.shape import Shape
from kinequimation.errors import UNREADABLE_ARCHIVE, InputError, OutputError

if TYPE_CHECKING:
    from jaxtyping import Float

FORMAT = "kinequimation-motion/1"
MAX_BYTES = 8_000_000_000
"""Largest arrays that are read of a file, unpacked: some 800 minutes at 60 frames a second."""
_FAR_M = 1e6
_PIECE = 512


@dataclass(frozen=True)
class Motion:
    """A horse moving.

    World axes: right-handed, metres, Z up, the ground at z = 0; the horse faces −Y at rest, its left is +X.

    Attributes:
        root_xyz_world: [T, 3] the root joint, metres.
        quat_wxyz: [T, 81, 4] each joint's rotation relative to its parent, identity at rest, in axes that are
            parallel to the world's at rest; the joints in the order of ``skeleton.JOINTS``.
        contact: [T, 4] probability that a hoof stands on the ground, in the order LF, RF, LH, RH.
        t_s: [T] time of each frame, seconds, rising.
        fps: nominal frames per second.
        confidence: [T] in [0, 1]; 0 where no horse was found and the pose is filled in.
        shape: the body.
        name: name of the clip.
        gait: [T] what the horse does at each frame; None stands for the clip's name throughout.
        phase: [T] of the stride, in [0, 1), 0 when the left hind lands, NaN where there is no stride; None stands for
            NaN throughout.

    Raises:
        InputError: an array has the wrong shape, or holds values that are not finite.
    """

    root_xyz_world: Float[np.ndarray, "frames 3"]
    quat_wxyz: Float[np.ndarray, "frames 81 4"]
    contact: Float[np.ndarray, "frames 4"]
    t_s: Float[np.ndarray, " frames"]
    fps: float
    confidence: Float[np.ndarray, " frames"]
    shape: Shape
    name: str = "motion"
    gait: np.ndarray = None  # type: ignore[assignment]  # filled in when it is not given
    phase: Float[np.ndarray, " frames"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        n = len(self.root_xyz_world)
        if self.gait is None:
            object.__setattr__(self, "gait", np.full(n, self.name))
        if self.phase is None:
            object.__setattr__(self, "phase", np.full(n, np.nan))
        expected = {
            "root_xyz_world": (n, 3),
            "quat_wxyz": (n, skeleton.NUM_JOINTS, 4),
            "contact": (n, len(skeleton.LIMBS)),
            "t_s": (n,),
            "confidence": (n,),
        }
        for name, shape in expected.items():
            value = np.asarray(getattr(self, name))
            if value.shape != shape:
                raise InputError(f"motion {name}: expected shape {shape}, got {value.shape}")
            if not all(np.isfinite(value[rows]).all() for rows in pieces(n)):
                raise InputError(f"motion {name}: expected finite numbers, got NaN or infinity")
        gait, phase = np.asarray(self.gait), np.asarray(self.phase, float)
        if gait.shape != (n,) or gait.dtype.kind != "U":
            raise InputError(f"motion gait: expected {n} names, got shape {gait.shape} of {gait.dtype}")
        if phase.shape != (n,) or np.any((phase < 0) | (phase >= 1)):
            raise InputError(f"motion phase: expected {n} numbers in [0, 1) or NaN")
        if n == 0:
            raise InputError("motion: expected one frame or more, got none")
        if np.abs(self.root_xyz_world).max() > _FAR_M:
            raise InputError(f"motion root_xyz_world: expected a way within {_FAR_M:g} m, got a longer one")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"motion fps: expected a number above 0, got {self.fps}")
        if np.any(np.diff(self.t_s) <= 0):
            raise InputError("motion t_s: expected times that rise from frame to frame")
        if any(np.abs(np.linalg.norm(self.quat_wxyz[rows], axis=-1) - 1).max() > 1e-3 for rows in pieces(n)):
            raise InputError("motion quat_wxyz: expected unit quaternions")

    def __len__(self) -> int:
        return len(self.root_xyz_world)

    @property
    def duration_s(self) -> float:
        """Time from the first frame to one frame after the last."""
        return float(self.t_s[-1] - self.t_s[0] + 1.0 / self.fps)


def pieces(n_frames: int) -> Iterator[slice]:
    """Yield all frames some at a time, so that work on them takes no memory of their size."""
    return (slice(start, min(start + _PIECE, n_frames)) for start in range(0, n_frames, _PIECE))


def part_of(motion: Motion, rows: slice) -> Motion:
    """Return some of the frames; views, not copies."""
    frames = ("root_xyz_world", "quat_wxyz", "contact", "t_s", "confidence", "gait", "phase")
    return dataclasses.replace(motion, **{name: getattr(motion, name)[rows] for name in frames})


def write_motion(path: Path, motion: Motion) -> None:
    """Write a motion as ``.npz`` (plain arrays, nothing pickled).

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = {f.name: getattr(motion, f.name) for f in dataclasses.fields(motion) if f.name not in ("shape", "name")}
    shape_names = [f.name for f in dataclasses.fields(Shape)]
    try:
        with path.open("wb") as f:
            np.savez_compressed(
                f,
                format=np.array(FORMAT),
                name=np.array(motion.name),
                joints=np.array(skeleton.JOINTS),
                shape_names=np.array(shape_names),
                shape=motion.shape.to_vector(),
                **arrays,
            )
    except OSError as error:
        raise OutputError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error


def read_motion(path: Path) -> Motion:
    """Read a motion written by ``write_motion``.

    Raises:
        InputError: the file is no such file, was written for another skeleton, or unpacks to more than ``MAX_BYTES``.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: expected the motion.npz of a run ({FORMAT}), got a folder or a device")
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise InputError(f"{path}: expected a motion of at most {MAX_BYTES / 1e9:g} GB, got more")
        with np.load(path, allow_pickle=False) as data:
            if str(data["format"]) != FORMAT:
                raise InputError(f"{path}: expected format {FORMAT}, got {data['format']}")
            if tuple(data["joints"].tolist()) != skeleton.JOINTS:
                raise InputError(f"{path}: written for another skeleton")
            values = dict(zip(data["shape_names"].tolist(), data["shape"].tolist(), strict=True))
            return Motion(
                root_xyz_world=data["root_xyz_world"],
                quat_wxyz=data["quat_wxyz"],
                contact=data["contact"],
                t_s=data["t_s"],
                fps=float(data["fps"]),
                confidence=data["confidence"],
                shape=Shape(**values),
                name=str(data["name"]),
                # files from before these two fields
                gait=data.get("gait"),
                phase=data.get("phase"),
            )
    except UNREADABLE_ARCHIVE as error:
        if isinstance(error, InputError):
            raise
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path}: cannot be read ({error.strerror.lower()})") from error
        raise InputError(f"{path}: expected the motion.npz of a run ({FORMAT}), got something else") from error
