"""A horse lifted to 3D, as it waits on disk, and how the fit reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.fit import Observation
from kinequimation.geometry.camera import default_intrinsics
from kinequimation.lift import Lifted, Lifter
from kinequimation.pipeline.rows import RowsOnDisk
from kinequimation.pipeline.seen import Seen
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Float

IN_3D = np.dtype(
    [
        ("xyz_cam", np.float32, (skeleton.NUM_KEYPOINTS, 3)),
        ("root_xyz_cam", np.float64, (3,)),
        ("up_cam", np.float64, (3,)),
        ("contact", np.float32, (len(skeleton.LIMBS),)),
        ("sigma", np.float32, (skeleton.NUM_KEYPOINTS,)),
        ("velocity_cam", np.float64, (3,)),
    ]
)
"""One frame of ``Lifted``."""


@dataclass(frozen=True)
class LiftedOnDisk:
    """A ``Lifted`` whose frames are read a part at a time.

    Attributes:
        rows: one of the type ``IN_3D`` for every frame.
    """

    rows: RowsOnDisk

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> Lifted:
        """Return the frames from ``start`` to before ``stop``."""
        rows = self.rows.read(start, stop)
        return Lifted(**{name: rows[name] for name in IN_3D.names or ()})


@dataclass(frozen=True)
class SeenIn3D:
    """What the fit reads of one horse: a ``fit.ObservationSource`` whose points wait on disk.

    Attributes:
        seen: the horse in the image.
        lifted: the same in 3D.
        K: [3, 3] intrinsics, pixels.
        t_s: [T] seconds from the first frame, in true time.
        fps: of true time.
    """

    seen: Seen
    lifted: LiftedOnDisk
    K: Float[np.ndarray, "3 3"]
    t_s: Float[np.ndarray, " frames"]
    fps: float

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def frame_confidence(self) -> Float[np.ndarray, " frames"]:
        """How good every frame is, in [0, 1]; 0 where no horse was found."""
        return self.seen.frame_confidence

    def part(self, start: int, stop: int) -> Observation:
        """Return the frames from ``start`` to before ``stop``."""
        points, lifted = self.seen.part(start, stop), self.lifted.part(start, stop)
        return Observation(
            xyz_cam=lifted.xyz_cam,
            root_xyz_cam=lifted.root_xyz_cam,
            up_cam=lifted.up_cam,
            contact=lifted.contact,
            sigma=lifted.sigma,
            uv_px=points.uv_px,
            confidence=points.confidence,
            K=self.K,
            t_s=self.t_s[start:stop],
            fps=self.fps,
            frame_confidence=self.frame_confidence[start:stop],
            velocity_cam=lifted.velocity_cam,
        )


def lift_seen(
    seen: Seen, lifter: Lifter, time_scale: float = 1.0, folder: Path | None = None, progress: Progress = no_progress
) -> SeenIn3D:
    """Lift a horse part by part.

    Args:
        seen: the horse in the image.
        lifter: the network.
        time_scale: how many times slower than life the video plays.
        folder: the disk to keep the result on, as for ``RowsOnDisk``.
        progress: called with the stage ``lift`` and the frames done.
    """
    t_s = (seen.t_s - seen.t_s[0]) / time_scale
    K = default_intrinsics(seen.width, seen.height)
    rows = RowsOnDisk(IN_3D, folder)

    def points(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        part = seen.part(start, stop)
        return part.uv_px, part.confidence

    progress("lift", 0, len(seen))
    for lifted in lifter.lift_parts(points, K, t_s):
        new = np.empty(len(lifted.xyz_cam), IN_3D)
        for name in IN_3D.names or ():
            new[name] = getattr(lifted, name)
        rows.append(new)
        progress("lift", len(rows), len(seen))
    return SeenIn3D(seen, LiftedOnDisk(rows), K, t_s, seen.fps * time_scale)
