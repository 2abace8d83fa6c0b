"""Lift 2D keypoints to 3D with the trained network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.lift.normalize import (
    EXTRA_FEATURES,
    NUM_FEATURES,
    NUM_SLOTS,
    check_input,
    mirror_features,
    normalize,
)
from kinequimation.lift.root import root_from_code, solve_root
from kinequimation.runtime import Device, open_session, sha256_of, weights_path

if TYPE_CHECKING:
    from jaxtyping import Float

WINDOW = 81
"""Frames that are lifted at once: what the network was trained on."""
OVERLAP = 27
"""Frames that neighbouring windows share; there they are cross-faded."""
HALVED_FROM_FPS = 45.0
"""Frames per second from which every other frame is lifted as well, and the results averaged: seen so, the network
looks twice as far. On what the 2D network finds the error falls from 4.34 to 4.27 % of withers height."""
LOG_FPS = 3 * NUM_SLOTS + EXTRA_FEATURES.index("log_fps")
_OUTPUTS = ["xyz", "log_sigma", "root_code", "up", "contact_logit", "velocity"]
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
_LIMB_MIRROR = [1, 0, 3, 2]


@dataclass(frozen=True)
class Lifted:
    """A horse in 3D, in the camera's axes (x right, y down, z forward), in withers heights.

    Attributes:
        xyz_cam: [T, 103, 3] all keypoints relative to the sacrum (``DEF-spine.001``).
        root_xyz_cam: [T, 3] the sacrum in the camera.
        up_cam: [T, 3] unit vector against gravity.
        contact: [T, 4] probability that a hoof stands, in the order LF, RF, LH, RH.
        sigma: [T, 103] expected distance of each keypoint from the truth; 1 far from any frame with points.
        velocity_cam: [T, 3] of the sacrum over the ground, withers heights a second; not meant for single frames.
    """

    xyz_cam: Float[np.ndarray, "t 103 3"]
    root_xyz_cam: Float[np.ndarray, "t 3"]
    up_cam: Float[np.ndarray, "t 3"]
    contact: Float[np.ndarray, "t 4"]
    sigma: Float[np.ndarray, "t 103"]
    velocity_cam: Float[np.ndarray, "t 3"]


class Lifter:
    """The trained lifter.

    Args:
        weights: an ONNX file; the one that ships with the package if None.
        device: where to run.
        flip: lift the mirror image too and average: twice the (small) work, a little better, and then a mirrored input
            gives exactly the mirrored output.
        n_threads: CPU threads; 0 lets ONNX Runtime choose.

    Raises:
        InputError: the weights are missing or unreadable, or of another network.
    """

    def __init__(
        self, weights: Path | None = None, device: Device = "auto", flip: bool = True, n_threads: int = 0
    ) -> None:
        path = weights or weights_path("lift")
        self._session, self.device = open_session(path, device, n_threads)
        shapes = {taken.name: taken.shape for taken in self._session.get_inputs()}
        names = {given.name for given in self._session.get_outputs()}
        if shapes.get("features", [])[-1:] != [NUM_FEATURES] or not names.issuperset(_OUTPUTS):
            raise InputError(f"{path}: expected a lifter (kinequimation train lift), got another network")
        self.weights_sha256 = sha256_of(path)
        self._flip = flip

    def lift(
        self,
        uv_px: Float[np.ndarray, "t 103 2"],
        confidence: Float[np.ndarray, "t 103"],
        K: Float[np.ndarray, "3 3"],
        t_s: Float[np.ndarray, " t"],
    ) -> Lifted:
        """Lift a clip of any length from one frame up.

        Args:
            uv_px: every slot in pixels; may be NaN where missing.
            confidence: in [0, 1]; 0 where missing. A frame without any point is filled in from its neighbours.
            K: intrinsics, pixels.
            t_s: time of each frame, seconds.

        Raises:
            InputError: a shape is wrong or a value is out of range.
        """
        uv_px, confidence, K, t_s = (np.asarray(a) for a in (uv_px, confidence, K, t_s))
        check_input(uv_px, confidence, K, t_s)
        parts = list(self.lift_parts(lambda start, stop: (uv_px[start:stop], confidence[start:stop]), K, t_s))
        return Lifted(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lifted)))

    def lift_parts(
        self,
        points: Callable[[int, int], tuple[Float[np.ndarray, "n 103 2"], Float[np.ndarray, "n 103"]]],
        K: Float[np.ndarray, "3 3"],
        t_s: Float[np.ndarray, " t"],
    ) -> Iterator[Lifted]:
        """Lift a clip part by part, in memory that does not grow with its length.

        Args:
            points: returns ``uv_px`` and ``confidence`` of the frames from its first argument to before its second.
            K: as for ``lift``.
            t_s: as for ``lift``, of the whole clip.

        Yields:
            what ``lift`` returns, one part after the other.

        Raises:
            InputError: as ``lift``.
        """
        n = len(t_s)
        fps = 1.0 / float(np.median(np.diff(t_s))) if n > 1 else 30.0
        spans = windows(n)
        waiting: list[np.ndarray] = []  # weighted sums of the frames that the next window has a say in, and the weights
        for (start, stop, fade), end in zip(spans, [*(span[0] for span in spans[1:]), n], strict=True):
            uv_px, confidence = points(start, stop)
            check_input(uv_px, confidence, K, t_s[start:stop])
            values = [*self._lift_window(uv_px, confidence, K, fps), np.ones(stop - start)]
            sums = [np.float32(fade.reshape(-1, *([1] * (value.ndim - 1)))) * np.float32(value) for value in values]
            for total, before in zip(sums, waiting, strict=False):
                total[: len(before)] += before
            done = end - start
            *means, weight = (total[:done] for total in sums)
            means = [mean / weight.reshape(-1, *([1] * (mean.ndim - 1))) for mean in means]
            waiting = [total[done:] for total in sums]
            yield _finished(means, uv_px[:done], confidence[:done], K)

    def _lift_window(
        self, uv_px: np.ndarray, confidence: np.ndarray, K: np.ndarray, fps: float
    ) -> tuple[np.ndarray, ...]:
        """Return the arrays of ``Lifted`` of one window, camera axes."""
        seen = normalize(uv_px, confidence, np.asarray(K, float), fps)
        *values, contact = self._run(seen.features)
        if fps >= HALVED_FROM_FPS and len(uv_px) >= 4:
            features = seen.features.copy()
            features[:, LOG_FPS] -= np.log(2.0)
            even, odd = self._run(features[::2]), self._run(features[1::2])
            # contacts need every frame
            values = [0.5 * (value + _woven(a, b)) for value, a, b in zip(values, even[:-1], odd[:-1], strict=True)]
        xyz, log_sigma, code, up, velocity = values
        sigma = np.exp(log_sigma)
        if not (confidence > 0).any():
            sigma = np.ones_like(sigma)  # nothing was seen: what comes out is a horse, not this one
        root = root_from_code(code, seen.scale)
        back = seen.rotation  # rows are the virtual camera's axes: v @ rotation takes it back to the camera
        root, up, velocity = ((v[:, None] @ back)[:, 0] for v in (root, up, velocity))
        return xyz @ back, root, up, contact, sigma, velocity

    def _run(self, features: Float[np.ndarray, "t f"]) -> tuple[np.ndarray, ...]:
        """Return xyz, the logarithm of sigma, the root's code, up, velocity and contact, in the virtual camera."""
        batch = features[None]
        if self._flip:
            batch = np.concatenate([batch, mirror_features(batch)])
        outputs = (np.asarray(output) for output in self._session.run(_OUTPUTS, {"features": batch}))
        xyz, log_sigma, code, up, logit, velocity = outputs
        contact = 1.0 / (1.0 + np.exp(-logit))
        if self._flip:
            mirror = skeleton.MIRROR_KEYPOINTS
            xyz = 0.5 * (xyz[:1] + xyz[1:, :, mirror] * _FLIP)
            log_sigma = np.log(0.5 * (np.exp(log_sigma[:1]) + np.exp(log_sigma[1:, :, mirror])))
            contact = 0.5 * (contact[:1] + contact[1:, :, _LIMB_MIRROR])
            code, up, velocity = (0.5 * (v[:1] + v[1:] * _FLIP) for v in (code, up, velocity))
        return xyz[0], log_sigma[0], code[0], up[0], velocity[0], contact[0]


def _woven(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Return the rows of two arrays in turn."""
    both = np.empty((len(even) + len(odd), *even.shape[1:]), even.dtype)
    both[::2], both[1::2] = even, odd
    return both


def _finished(means: list[np.ndarray], uv_px: np.ndarray, confidence: np.ndarray, K: np.ndarray) -> Lifted:
    """Return frames of which all windows have been added up."""
    xyz, root, up, contact, sigma, velocity = means
    up, root, velocity = up.astype(float), root.astype(float), velocity.astype(float)
    up /= np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    xyz = xyz - xyz[:, [skeleton.KEYPOINT_INDEX[skeleton.SACRUM]]]  # the network's own is zero but for rounding
    return Lifted(xyz, solve_root(xyz, sigma, uv_px, confidence, K, root), up, contact, sigma, velocity)


def windows(n_frames: int) -> list[tuple[int, int, np.ndarray]]:
    """Return the windows of a clip: first frame, last frame + 1, and how much each frame of it counts.

    The last window ends with the clip. One window where the clip is short enough.
    """
    if n_frames <= WINDOW:
        return [(0, n_frames, np.ones(n_frames))]
    starts = [*range(0, n_frames - WINDOW, WINDOW - OVERLAP), n_frames - WINDOW]
    ramp = np.arange(1, OVERLAP + 1) / (OVERLAP + 1)
    result = []
    for start in starts:
        fade = np.ones(WINDOW)
        if start > 0:
            fade[:OVERLAP] = ramp
        if start + WINDOW < n_frames:
            fade[-OVERLAP:] = np.minimum(fade[-OVERLAP:], ramp[::-1])
        result.append((start, start + WINDOW, fade))
    return result
