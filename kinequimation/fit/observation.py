"""What the fit reads: a horse's points in camera axes, and how far each may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Observation:
    """A clip of one horse as the lifter sees it.

    Camera axes are OpenCV's: x right, y down, z forward. NaN is missing.

    Attributes:
        xyz_cam: [T, 103, 3] keypoints in withers heights, relative to the sacrum (``DEF-spine.001``).
        root_xyz_cam: [T, 3] the sacrum in the camera, withers heights.
        up_cam: [T, 3] the world's up, unit length.
        contact: [T, 4] probability that a hoof stands, in the order LF, RF, LH, RH.
        sigma: [T, 103] expected error of ``xyz_cam``, withers heights.
        uv_px: [T, 103, 2] keypoints in the image.
        confidence: [T, 103] of ``uv_px``, in [0, 1].
        K: [3, 3] intrinsics, pixels.
        t_s: [T] seconds, rising.
        fps: nominal frames per second.
        frame_confidence: [T] in [0, 1]; 0 where no horse was found: that frame's other rows are not read.
        velocity_cam: [T, 3] of the sacrum over the ground, withers heights a second; None or NaN where nobody says.

    Raises:
        InputError: an array has the wrong shape, or ``K``, the times or the confidences are not finite.
    """

    xyz_cam: Float[np.ndarray, "frames 103 3"]
    root_xyz_cam: Float[np.ndarray, "frames 3"]
    up_cam: Float[np.ndarray, "frames 3"]
    contact: Float[np.ndarray, "frames 4"]
    sigma: Float[np.ndarray, "frames 103"]
    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    K: Float[np.ndarray, "3 3"]
    t_s: Float[np.ndarray, " frames"]
    fps: float
    frame_confidence: Float[np.ndarray, " frames"]
    velocity_cam: Float[np.ndarray, "frames 3"] = None  # type: ignore[assignment]  # filled in when it is not given

    def __post_init__(self) -> None:
        n, k = len(self.xyz_cam), skeleton.NUM_KEYPOINTS
        if self.velocity_cam is None:
            object.__setattr__(self, "velocity_cam", np.full((n, 3), np.nan))
        expected = {
            "xyz_cam": (n, k, 3),
            "root_xyz_cam": (n, 3),
            "up_cam": (n, 3),
            "contact": (n, len(skeleton.LIMBS)),
            "sigma": (n, k),
            "uv_px": (n, k, 2),
            "confidence": (n, k),
            "K": (3, 3),
            "t_s": (n,),
            "frame_confidence": (n,),
            "velocity_cam": (n, 3),
        }
        for name, shape in expected.items():
            got = np.asarray(getattr(self, name)).shape
            if got != shape:
                raise InputError(f"observation {name}: expected shape {shape}, got {got}")
        for name in ("K", "t_s", "frame_confidence"):
            if not np.isfinite(getattr(self, name)).all():
                raise InputError(f"observation {name}: expected finite numbers, got NaN or infinity")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"observation fps: expected a number above 0, got {self.fps}")
        if np.any(np.diff(self.t_s) <= 0):
            raise InputError("observation t_s: expected times that rise from frame to frame")

    def __len__(self) -> int:
        return len(self.xyz_cam)

    def part(self, start: int, stop: int) -> Observation:
        """Return the frames from ``start`` to before ``stop``."""
        rows = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name not in ("K", "fps")}
        return replace(self, **rows)


class ObservationSource(Protocol):
    """A clip of one horse that is read piece by piece; an ``Observation`` is one that is in memory as a whole."""

    @property
    def K(self) -> Float[np.ndarray, "3 3"]:
        """Return the intrinsics, pixels."""
        ...

    @property
    def fps(self) -> float:
        """Return nominal frames per second."""
        ...

    @property
    def t_s(self) -> Float[np.ndarray, " frames"]:
        """Return the time of every frame, seconds, rising."""
        ...

    @property
    def frame_confidence(self) -> Float[np.ndarray, " frames"]:
        """Return how good every frame is, in [0, 1]; 0 where no horse was found."""
        ...

    def __len__(self) -> int: ...

    def part(self, start: int, stop: int) -> Observation:
        """Return the frames from ``start`` to before ``stop``."""
        ...
