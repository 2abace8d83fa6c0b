"""Lift 2D keypoints to 3D with the trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.lift.normalize import check_input, mirror_features, normalize
from kinequimation.lift.root import root_from_code, solve_root
from kinequimation.runtime import Device, open_session, sha256_of, weights_path

if TYPE_CHECKING:
    from jaxtyping import Float

WINDOW = 81
"""Frames that are lifted at once: what the network was trained on."""
OVERLAP = 27
"""Frames that neighbouring windows share; there they are cross-faded."""
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
    """

    xyz_cam: Float[np.ndarray, "t 103 3"]
    root_xyz_cam: Float[np.ndarray, "t 3"]
    up_cam: Float[np.ndarray, "t 3"]
    contact: Float[np.ndarray, "t 4"]
    sigma: Float[np.ndarray, "t 103"]


class Lifter:
    """The trained lifter.

    Args:
        weights: an ONNX file; the one that ships with the package if None.
        device: where to run.
        flip: lift the mirror image too and average: twice the (small) work, a little better, and then a mirrored input
            gives exactly the mirrored output.
        n_threads: CPU threads; 0 lets ONNX Runtime choose.

    Raises:
        InputError: the weights are missing or unreadable.
    """

    def __init__(
        self, weights: Path | None = None, device: Device = "auto", flip: bool = True, n_threads: int = 0
    ) -> None:
        path = weights or weights_path("lift")
        self._session, self.device = open_session(path, device, n_threads)
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
        n = len(t_s)
        fps = 1.0 / float(np.median(np.diff(t_s))) if n > 1 else 30.0
        sums: list[np.ndarray] = []
        total = np.zeros(n)
        for start, stop, fade in windows(n):
            part = slice(start, stop)
            values = self._lift_window(uv_px[part], confidence[part], K, fps)
            if not sums:
                sums = [np.zeros((n, *v.shape[1:]), np.float32) for v in values]
            for target, value in zip(sums, values, strict=True):
                target[part] += value * fade.reshape(-1, *([1] * (value.ndim - 1)))
            total[part] += fade
        for target in sums:
            target /= total.reshape(-1, *([1] * (target.ndim - 1))).astype(np.float32)
        xyz, root, up, contact, sigma = sums
        up, root = up.astype(float), root.astype(float)
        up /= np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
        xyz -= xyz[:, [skeleton.KEYPOINT_INDEX[skeleton.SACRUM]]].copy()  # the network's own is zero but for rounding
        for start in range(0, n, WINDOW):  # a frame for itself; all at once would fill the memory
            rows = slice(start, start + WINDOW)
            root[rows] = solve_root(xyz[rows], sigma[rows], uv_px[rows], confidence[rows], K, root[rows])
        return Lifted(xyz, root, up, contact, sigma)

    def _lift_window(
        self, uv_px: np.ndarray, confidence: np.ndarray, K: np.ndarray, fps: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return xyz, root, up, contact and sigma of one window, camera axes."""
        seen = normalize(uv_px, confidence, np.asarray(K, float), fps)
        features = seen.features[None]
        if self._flip:
            features = np.concatenate([features, mirror_features(features)])
        names = ["xyz", "log_sigma", "root_code", "up", "contact_logit"]
        xyz, log_sigma, code, up, logit = (np.asarray(o) for o in self._session.run(names, {"features": features}))
        sigma, contact = np.exp(log_sigma), 1.0 / (1.0 + np.exp(-logit))
        if self._flip:
            mirror = skeleton.MIRROR_KEYPOINTS
            xyz = 0.5 * (xyz[:1] + xyz[1:, :, mirror] * _FLIP)
            sigma = 0.5 * (sigma[:1] + sigma[1:, :, mirror])
            contact = 0.5 * (contact[:1] + contact[1:, :, _LIMB_MIRROR])
            code = 0.5 * (code[:1] + code[1:] * _FLIP)
            up = 0.5 * (up[:1] + up[1:] * _FLIP)
        if not (confidence > 0).any():
            sigma = np.ones_like(sigma)  # nothing was seen: what comes out is a horse, not this one
        root = root_from_code(code[0], seen.scale)
        back = seen.rotation  # rows are the virtual camera's axes: v @ rotation takes it back to the camera
        return xyz[0] @ back, (root[:, None] @ back)[:, 0], (up[0][:, None] @ back)[:, 0], contact[0], sigma[0]


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
