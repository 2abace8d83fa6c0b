"""Keypoints to heatmaps and back, by MMPose's two conventions.

A crop of W×H pixels becomes heatmaps of w×h cells. Where crop pixel u lies among the cells is what the two disagree on:

- ``MSRAHeatmap`` (Xiao et al. 2018, arXiv:1804.06208): cell = u · w / W, and the crop is cut so that the box's centre
  falls on W / 2. Decoding steps a quarter cell towards the higher neighbour, or, with ``unbiased``, by DARK.
- ``UDPHeatmap`` (Huang et al. 2020, arXiv:1911.07524): cell = u · (w − 1) / (W − 1), the centres of the outer pixels
  and cells coincide, so that a mirrored crop gives the mirrored heatmap exactly. Decoding is by DARK.

DARK (Zhang et al. 2020, arXiv:1910.06278) blurs the heatmap, takes its logarithm, which is a parabola around a
Gaussian's peak, and goes to the top of that. The constants (clips, borders, kernel widths) are those of MMPose 1.3.2,
because a network trained there shall give the same points here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.ndimage import correlate1d

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float

CodecKind = Literal["MSRAHeatmap", "UDPHeatmap"]
CODEC_KINDS: tuple[str, ...] = get_args(CodecKind)
_CUT_SIGMAS = 3
"""Deviations beyond which a target's Gaussian is cut off."""
_MAX_STEP_CELLS = 3.0
"""A parabola whose top is farther from the highest cell is no peak's. MMPose goes there all the same, thousands of
pixels away on a flat heatmap; here such a point stays on its highest cell. Peaks of a trained network step below one
cell; at the border, where the blur sees zeros, up to two. (The limit is a judgement.)"""


@dataclass(frozen=True)
class Codec:
    """How a network's heatmaps mean places in its crop.

    Attributes:
        kind: which convention.
        input_size: width and height of the crop, pixels.
        heatmap_size: width and height of the heatmaps, cells.
        sigma: deviation of the target's Gaussian, cells.
        unbiased: ``MSRAHeatmap`` only: decode by DARK instead of by a quarter cell.
        blur_kernel_size: width of DARK's blur, cells; odd. 11 goes with a sigma of 2.
    """

    kind: CodecKind = "UDPHeatmap"
    input_size: tuple[int, int] = (256, 256)
    heatmap_size: tuple[int, int] = (64, 64)
    sigma: float = 2.0
    unbiased: bool = False
    blur_kernel_size: int = 11

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind not in CODEC_KINDS:
            raise InputError(f"codec: expected one of {', '.join(CODEC_KINDS)}, got {self.kind!r}")
        for name in ("input_size", "heatmap_size"):
            size = getattr(self, name)
            if len(size) != 2 or not all(isinstance(n, int) and 8 <= n <= 4096 for n in size):
                raise InputError(f"codec: expected {name} as width and height of 8 to 4096, got {size}")
        if not 0 < self.sigma <= 64:
            raise InputError(f"codec: expected a sigma of up to 64 cells, got {self.sigma}")
        if not (self.blur_kernel_size % 2 and 3 <= self.blur_kernel_size <= 127):
            raise InputError(f"codec: expected an odd blur_kernel_size of 3 to 127, got {self.blur_kernel_size}")

    @property
    def is_udp(self) -> bool:
        """Whether outer pixels and outer cells coincide."""
        return self.kind == "UDPHeatmap"

    @property
    def pixels_per_cell(self) -> Float[np.ndarray, " 2"]:
        """Crop pixels from one cell to the next, along x and y."""
        edge = 1 if self.is_udp else 0
        return (np.array(self.input_size) - edge) / (np.array(self.heatmap_size) - edge)

    def to_cells(self, uv_crop: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Convert crop pixels to cells."""
        return uv_crop / self.pixels_per_cell

    def to_crop(self, xy_cells: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Convert cells to crop pixels."""
        return xy_cells * self.pixels_per_cell

    def crop_transform(
        self, centre_xy: Float[np.ndarray, " 2"], size_wh: Float[np.ndarray, " 2"], is_udp: bool | None = None
    ) -> Float[np.ndarray, "2 3"]:
        """Return the affine map from image pixels to crop pixels.

        Args:
            centre_xy: centre of what is cut out, image pixels.
            size_wh: its width and height, image pixels.
            is_udp: cut as this convention does; this codec's own by default.
        """
        out = np.array(self.input_size, dtype=float) - (self.is_udp if is_udp is None else is_udp)
        scale = out / size_wh
        shift = out / 2 - scale * centre_xy
        return np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])

    def encode(self, uv_crop: Float[np.ndarray, "k 2"], labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what a network shall learn.

        Args:
            uv_crop: points in crop pixels; anything where not labelled.
            labelled: [K] whether the point is known.

        Returns:
            [K, h, w] heatmaps, 1 at each point, 0 from three deviations on, and [K] weights: 0 where the point is not
            labelled or its Gaussian lies outside the crop altogether.
        """
        w, h = self.heatmap_size
        centre = self.to_cells(np.where(labelled[:, None], uv_crop, 0.0))
        rounded = np.floor(centre + 0.5)
        peak = centre if self.is_udp or self.unbiased else rounded
        radius = _CUT_SIGMAS * self.sigma
        inside = (rounded + radius >= 0).all(1) & (rounded - radius < (w, h)).all(1)
        axes = []
        for axis, n_cells in enumerate((w, h)):
            cells = np.arange(n_cells)
            g = np.exp(-((cells - peak[:, axis, None]) ** 2) / (2 * self.sigma**2))
            axes.append(np.where(np.abs(cells - rounded[:, axis, None]) <= radius, g, 0.0))
        weight = (labelled & inside).astype(np.float32)
        maps = axes[1][:, :, None] * axes[0][:, None, :] * weight[:, None, None]
        return maps.astype(np.float32), weight

    def decode(self, heatmaps: Float[np.ndarray, "k h w"]) -> tuple[np.ndarray, np.ndarray]:
        """Find each heatmap's peak, below a cell.

        Returns:
            [K, 2] points in crop pixels and [K] the heatmaps' highest values. A heatmap that is nowhere above 0 says
            nothing: NaN.
        """
        maps = np.asarray(heatmaps, dtype=np.float32)
        n, _, w = maps.shape
        flat = maps.reshape(n, -1)
        index = flat.argmax(1)
        score = flat[np.arange(n), index]
        x, y = index % w, index // w
        if self.is_udp or self.unbiased:
            step = _dark(maps, x, y, self.blur_kernel_size, self.is_udp)
        else:
            step = _quarter(maps, x, y)
        uv = self.to_crop(np.stack([x, y], 1) + step)
        uv[score <= 0] = np.nan
        return uv, score


def _quarter(maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A quarter of a cell towards the higher neighbour; none at the border, whose inner width MMPose makes 2 and 1."""
    n, h, w = maps.shape
    k = np.arange(n)
    left, right = np.clip(x - 1, 0, None), np.clip(x + 1, None, w - 1)
    up, down = np.clip(y - 1, 0, None), np.clip(y + 1, None, h - 1)
    dx = np.where((x > 1) & (x < w - 1) & (y > 0), maps[k, y, right] - maps[k, y, left], 0)
    dy = np.where((y > 1) & (y < h - 1) & (x > 0), maps[k, down, x] - maps[k, up, x], 0)
    return 0.25 * np.sign(np.stack([dx, dy], 1))


def _blurred(maps: np.ndarray, kernel_size: int) -> np.ndarray:
    """Blur with zeros around, and scale each heatmap back to its former height."""
    sigma = 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8  # OpenCV's rule for a kernel of this width
    offset = np.arange(kernel_size) - (kernel_size - 1) / 2
    kernel = np.exp(-(offset**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    blurred = correlate1d(correlate1d(maps, kernel, axis=2, mode="constant"), kernel, axis=1, mode="constant")
    peak = blurred.max((1, 2), keepdims=True)
    return blurred * np.divide(maps.max((1, 2), keepdims=True), peak, out=np.ones_like(peak), where=peak != 0)


def _dark(maps: np.ndarray, x: np.ndarray, y: np.ndarray, kernel_size: int, is_udp: bool) -> np.ndarray:
    """The step from each heatmap's highest cell to the top of the parabola through its logarithm.

    UDP differentiates over one cell and goes up to the border; the older way differentiates over two and stays away.
    """
    n, h, w = maps.shape
    floor, ceiling = (1e-3, 50.0) if is_udp else (1e-10, np.inf)
    log = np.log(np.clip(_blurred(maps, kernel_size), floor, ceiling)).astype(float)
    pad = 2
    log = np.pad(log, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    k, px, py = np.arange(n), x + pad, y + pad

    def at(dx: int, dy: int) -> np.ndarray:
        return log[k, py + dy, px + dx]

    gx, gy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    if is_udp:
        gxx = at(1, 0) - 2 * at(0, 0) + at(-1, 0)
        gyy = at(0, 1) - 2 * at(0, 0) + at(0, -1)
        gxy = (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1)) / 2
        eps = float(np.finfo(np.float32).eps)
        gxx, gyy = gxx + eps, gyy + eps
        usable = np.ones(n, dtype=bool)
    else:
        gxx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
        gyy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
        gxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
        usable = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
    det = gxx * gyy - gxy**2
    usable &= det != 0
    det = np.where(usable, det, 1.0)
    step = -np.stack([gyy * gx - gxy * gy, gxx * gy - gxy * gx], 1) / det[:, None]
    usable &= np.abs(step).max(1) <= _MAX_STEP_CELLS
    return np.where(usable[:, None], step, 0.0)
