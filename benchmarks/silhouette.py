"""How well the parametric horse fits the silhouette of a real one: ``skimage.data.horse()``.

    python benchmarks/silhouette.py [--output silhouette.png] [--rounds 24]

Fits camera, pose and shape of ``kinequimation.body.Body`` to the picture (328×400 pixels, a standing horse from its
right side) and prints the intersection over union (IoU) of the two silhouettes at the picture's resolution, with and
without the horse's hair, and with the mean shape, and which joints and parameters ended at the end of their range.
Joints stay inside ``JOINT_LIMITS``, parameters inside ``RANGES``. ``--output`` is a picture: target, fit, and both on
top of each other (white: both; red: the real horse alone; blue: the fit alone). Deterministic, about two minutes. Exits
1 if the IoU is below 0.90.

Needs scikit-image (``pip install 'kinequimation[build]'``).

Method: damped Gauss-Newton steps, inside bounds, on the distances between the two outlines in both directions, each
outline's point matched to the other's nearest one that faces the same way; four starts, for which fore and which hind
leg is the nearer one cannot be told beforehand.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from parts import is_hair
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.optimize import lsq_linear
from scipy.spatial import KDTree

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.body.shape import RANGES
from kinequimation.geometry.camera import look_at, project_cam
from kinequimation.geometry.rotation import quat_from_rotvec
from kinequimation.motion import JOINT_LIMITS

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

ENOUGH = 0.90
WITHERS_M = 1.60
"""A single picture has no scale."""
CAMERA = ("u_px", "v_px", "log_scale", "azimuth_rad", "elevation_rad", "roll_rad", "nearness_per_m")
CAMERA_BOUNDS = np.array(
    [[-80, 480], [-80, 400], [-0.5, 0.5], [-0.17, 0.17], [-0.05, 0.17], [-0.05, 0.05], [0.05, 0.15]]
)
"""It stands within 10° of square beside the horse, 7 to 20 m away."""
CAMERA_SIGMA = np.array([200, 200, 0.5, 0.08, 0.06, 0.03, 0.04])
MIDDLE = np.array([0.0, 0.0, 0.5 * WITHERS_M])
"""What the camera looks at, metres."""
FACING_PX = 14.0
"""Two outlines that face opposite ways are this much further from each other than they are, pixels, when matched."""


@dataclass(frozen=True)
class Outline:
    """The edge of a mask.

    Attributes:
        uv_px: [n, 2] points on it.
        normal: [n, 2] unit vectors out of the mask.
    """

    uv_px: Float[np.ndarray, "n 2"]
    normal: Float[np.ndarray, "n 2"]

    @cached_property
    def tree(self) -> KDTree:
        """Points and the way that they face."""
        return KDTree(self.features)

    @cached_property
    def features(self) -> Float[np.ndarray, "n 4"]:
        """What ``tree`` measures distances of."""
        return np.concatenate([self.uv_px, FACING_PX * self.normal], 1)


def outline(mask: Bool[np.ndarray, "h w"]) -> Outline:
    """Return the edge of a mask, a point for every pixel along it."""
    padded = np.pad(mask, 1)
    inward, outward = np.asarray(distance_transform_edt(padded)), np.asarray(distance_transform_edt(~padded))
    signed = np.asarray(gaussian_filter(outward - inward + np.where(padded, 0.5, -0.5), 1.0))
    slope_v, slope_u = np.gradient(signed, axis=0), np.gradient(signed, axis=1)
    row, column = np.nonzero(padded & (inward < 1.2))
    normal = np.stack([slope_u[row, column], slope_v[row, column]], 1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return Outline(np.stack([column, row], 1) - 1.0 - normal * signed[row, column, None], normal)


def rasterise(uv: Float[np.ndarray, "v 2"], faces: Int[np.ndarray, "f 3"], height: int, width: int) -> np.ndarray:
    """Return [height, width] bool: which pixels' centres triangles cover."""
    t = uv[faces]
    low = np.clip(np.ceil(t.min(1)), 0, [width, height]).astype(int)
    high = np.clip(np.floor(t.max(1)), -1, [width - 1, height - 1]).astype(int)
    extent = (high - low + 1).max(1)
    mask = np.zeros((height, width), bool)
    for size in np.unique(extent[(high >= low).all(1)]):
        rows = np.flatnonzero((extent == size) & (high >= low).all(1))
        offset = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).reshape(-1, 2)
        p = low[rows, None] + offset
        side = []
        for i in range(3):
            a, b = t[rows, i, None], t[rows, (i + 1) % 3, None]
            side.append(
                (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])
            )
        inside = (np.minimum.reduce(side) >= 0) | (np.maximum.reduce(side) <= 0)
        inside &= (p <= high[rows, None]).all(-1)
        hit = p[inside]
        mask[hit[:, 1], hit[:, 0]] = True
    return mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union of two masks."""
    return float((a & b).sum() / (a | b).sum())


def _turns() -> list[tuple[int, int]]:
    """Return the joints' turns that show from the side, as joint and axis: x, and all three where limbs begin."""
    free = []
    for j, name in enumerate(skeleton.JOINTS):
        if any(part in name for part in ("root", "eye", "nose", "mane", "breast", "chest")):
            continue
        wide = (
            any(part in name for part in ("ear.", "shoulder", "upper_arm", "thigh", "tail")) and "forearm" not in name
        )
        for axis in range(3) if wide else (0,):
            if JOINT_LIMITS[j, 1, axis] - JOINT_LIMITS[j, 0, axis] > 1e-3:
                free.append((j, axis))
    return free


TURNS = _turns()
SHAPE = tuple(f.name for f in dataclasses.fields(Shape) if f.name != "withers_height_m")
N_CAMERA, N_TURNS = len(CAMERA), len(TURNS)
TURN_BOUNDS = np.array([JOINT_LIMITS[j, :, axis] for j, axis in TURNS])
TURN_SIGMA = np.radians([18.0 if axis == 0 else 7.0 for _, axis in TURNS])
SHAPE_BOUNDS = np.array([RANGES[name] for name in SHAPE])
SHAPE_MEAN = np.array([getattr(Shape(), name) for name in SHAPE])
BOUNDS = np.concatenate([CAMERA_BOUNDS, TURN_BOUNDS, SHAPE_BOUNDS])
SIGMA = np.concatenate([CAMERA_SIGMA, TURN_SIGMA, 0.25 * np.ptp(SHAPE_BOUNDS, axis=1)])
"""How far from its mean each number is expected, one standard deviation (judgement)."""


@lru_cache(maxsize=4)
def _body(values: tuple[float, ...]) -> Body:
    return Body(Shape(withers_height_m=WITHERS_M, **dict(zip(SHAPE, values, strict=True))))


def _quat(x: np.ndarray) -> np.ndarray:
    """Return [n, 81, 4] rotations of parameter vectors [n, ...]."""
    rotvec = np.zeros((len(x), skeleton.NUM_JOINTS, 3))
    for k, (j, axis) in enumerate(TURNS):
        rotvec[:, j, axis] = x[:, N_CAMERA + k]
    return quat_from_rotvec(rotvec)


def _project(camera: np.ndarray, xyz: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return pixel coordinates of world points; a camera at the horse's right side, the horse facing right."""
    u, v, log_scale, azimuth, elevation, roll, nearness = camera
    c = np.cos(elevation)
    eye = MIDDLE + np.array([-np.cos(azimuth) * c, np.sin(azimuth) * c, np.sin(elevation)]) / nearness
    T = look_at(eye, MIDDLE, roll)
    focal = 0.62 * size[0] / WITHERS_M * np.exp(log_scale) / nearness
    K = np.array([[focal, 0, u], [0, focal, v], [0, 0, 1.0]])
    return project_cam(K, xyz @ T[:3, :3].T + T[:3, 3])


@dataclass(frozen=True)
class Target:
    """The silhouette to fit, and what stays the same while fitting."""

    mask: Bool[np.ndarray, "h w"]

    @cached_property
    def outline(self) -> Outline:
        """Its edge."""
        return outline(self.mask)

    def vertices(self, x: np.ndarray) -> Float[np.ndarray, "v 3"]:
        """Return the posed mesh of a parameter vector."""
        return self.body(x).vertices(np.zeros((1, 3)), _quat(x[None]))[0]

    def body(self, x: np.ndarray) -> Body:
        """Return the body of a parameter vector."""
        return _body(tuple(x[N_CAMERA + N_TURNS :].tolist()))

    def uv(self, x: np.ndarray) -> Float[np.ndarray, "v 2"]:
        """Return where the mesh's vertices are in the picture."""
        return _project(x[:N_CAMERA], self.vertices(x), self.mask.shape)

    def draw(self, x: np.ndarray, hair: bool = True) -> Bool[np.ndarray, "h w"]:
        """Return the model's silhouette."""
        body = self.body(x)
        return rasterise(self.uv(x), body.faces if hair else body.faces[~is_hair()], *self.mask.shape)

    def jacobian(self, x: np.ndarray, vertices: np.ndarray, free: np.ndarray) -> Float[np.ndarray, "p n 2"]:
        """Return how some vertices move in the picture with each free number, by differences inwards of the bounds."""
        still = self.vertices(x)[vertices]
        uv = _project(x[:N_CAMERA], still, self.mask.shape)
        step = np.where(x + 2e-3 * SIGMA > BOUNDS[:, 1], -2e-3, 2e-3) * SIGMA
        out = np.zeros((len(x), len(vertices), 2))
        rows = np.flatnonzero(free)
        for i in rows[rows < N_CAMERA]:
            moved = x[:N_CAMERA].copy()
            moved[i] += step[i]
            out[i] = (_project(moved, still, self.mask.shape) - uv) / step[i]
        turns = rows[(rows >= N_CAMERA) & (rows < N_CAMERA + N_TURNS)]
        for chunk in np.array_split(turns, len(turns) // 8 + 1) if len(turns) else ():
            moved = np.repeat(x[None], len(chunk), 0)
            moved[np.arange(len(chunk)), chunk] += step[chunk]
            posed = self.body(x).meshes(np.zeros((len(chunk), 3)), _quat(moved)).astype(float)
            for i, xyz in zip(chunk, posed, strict=True):
                out[i] = (_project(x[:N_CAMERA], xyz[vertices], self.mask.shape) - uv) / step[i]
        for i in rows[rows >= N_CAMERA + N_TURNS]:
            moved = x.copy()
            moved[i] += step[i]
            xyz = Target(self.mask).vertices(moved)[vertices]
            out[i] = (_project(x[:N_CAMERA], xyz, self.mask.shape) - uv) / step[i]
        return out


def _huber(residual: np.ndarray, width: float) -> np.ndarray:
    return np.sqrt(np.minimum(1.0, width / np.maximum(np.abs(residual), 1e-9)))


def step(target: Target, x: np.ndarray, free: np.ndarray, trust: float, strength: float, width: float) -> np.ndarray:
    """Return parameters after one damped Gauss-Newton step on the outlines' distances.

    Args:
        target: what to fit.
        x: the parameters.
        free: which of them may change.
        trust: longest step of each, in its standard deviations.
        strength: weight of a standard deviation from the mean against a pixel.
        width: pixels beyond which a distance counts linearly.
    """
    uv = target.uv(x)
    model = outline(rasterise(uv, target.body(x).faces, *target.mask.shape))
    # the vertices that make the outline: those nearest to its points
    away, nearest = KDTree(uv).query(model.uv_px)
    vertices, at = np.unique(nearest, return_inverse=True)
    J = target.jacobian(x, vertices, free)[:, at]
    # distances along the real outline's normals, each way
    there = np.asarray(target.outline.tree.query(model.features)[1])
    here = np.asarray(model.tree.query(target.outline.features)[1])
    rows, residual = [], []
    for own, other in ((np.arange(len(there)), there), (here, np.arange(len(here)))):
        n = target.outline.normal[other]
        r = ((model.uv_px[own] - target.outline.uv_px[other]) * n).sum(1)
        w = _huber(r, width) * np.where(away[own] < 4.0, 1.0, 0.0)
        rows.append((np.einsum("pni,ni->np", J[:, own], n) * w[:, None])[:, free])
        residual.append(r * w)
    mean = np.concatenate([x[:N_CAMERA], np.zeros(N_TURNS), SHAPE_MEAN])
    rows.append(np.diag(strength / SIGMA)[free][:, free])
    residual.append((strength * (x - mean) / SIGMA)[free])
    A, b = np.concatenate(rows), -np.concatenate(residual)
    low = np.maximum(BOUNDS[:, 0] - x, -trust * SIGMA)[free]
    high = np.minimum(BOUNDS[:, 1] - x, trust * SIGMA)[free]
    Q, R = np.linalg.qr(A)
    solved = lsq_linear(R, Q.T @ b, bounds=(np.minimum(low, -1e-12), np.maximum(high, 1e-12)), method="bvls")
    moved = x.copy()
    moved[free] += solved.x
    return np.clip(moved, BOUNDS[:, 0], BOUNDS[:, 1])


def start(target: Target, hind: int, fore: int) -> np.ndarray:
    """Return the parameters to begin with: standing, tail down, legs a little apart.

    Args:
        target: what to fit.
        hind: +1 if the left hind stands further forward than the right one, −1 if further back.
        fore: the same of the fore legs.
    """
    x = np.concatenate([np.zeros(N_CAMERA + N_TURNS), SHAPE_MEAN])
    x[CAMERA.index("nearness_per_m")] = 0.08
    for k, (j, axis) in enumerate(TURNS):
        name = skeleton.JOINTS[j]
        if axis == 0 and name.startswith("DEF-tail"):
            x[N_CAMERA + k] = np.radians(-20)
        for stem, sense, size in (("DEF-thigh.", hind, 9.0), ("DEF-shoulder.", fore, 4.0)):
            if axis == 0 and name in (f"{stem}L", f"{stem}R"):
                x[N_CAMERA + k] = np.radians(-size * sense * (1 if name.endswith("L") else -1))
    x = np.clip(x, BOUNDS[:, 0], BOUNDS[:, 1])
    uv = target.uv(x)
    row, column = np.nonzero(target.mask)
    x[2] += np.log(np.ptp(row) / np.ptp(uv[:, 1]))
    uv = target.uv(x)
    x[0] += (column.min() + column.max()) / 2 - (uv[:, 0].min() + uv[:, 0].max()) / 2
    x[1] += row.max() - uv[:, 1].max()
    return x


def fit(target: Target, rounds: int, log: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters that fit a silhouette best, first with the mean shape, then with any."""
    camera = np.arange(len(BOUNDS)) < N_CAMERA
    pose = np.arange(len(BOUNDS)) < N_CAMERA + N_TURNS
    everything = np.ones(len(BOUNDS), bool)

    def run(x: np.ndarray, stages: list[tuple[int, np.ndarray, float, float, float]]) -> tuple[float, np.ndarray]:
        best, found = iou(target.draw(x), target.mask), x
        for n, free, trust, strength, width in stages:
            for _ in range(n):
                x = step(target, x, free, trust, strength, width)
                score = iou(target.draw(x), target.mask)
                if log:
                    print(f"  {score:.4f}", end="", flush=True)
                if score > best:
                    best, found = score, x
            x = found
        if log:
            print()
        return best, found

    stiff = []
    for hind in (1, -1):
        for fore in (1, -1):
            x = start(target, hind, fore)
            stiff.append(run(x, [(3, camera, 1.0, 8.0, 20.0), (6, pose, 0.5, 8.0, 8.0)]))
    begun = [run(x, [(2, everything, 0.4, 8.0, 6.0)]) for _, x in stiff]
    stages = [(rounds // 2, everything, 0.35, 8.0, 4.0), (rounds // 4, everything, 0.2, 6.0, 2.5)]
    stages += [(rounds // 4, everything, 0.1, 5.0, 2.0)]
    return max(stiff, key=lambda s: s[0])[1], run(max(begun, key=lambda b: b[0])[1], stages)[1]


def picture(target: Target, x: np.ndarray) -> Image.Image:
    """Return target, fit and both on top of each other, side by side."""
    own = target.draw(x)
    both = np.zeros((*own.shape, 3), np.uint8)
    both[own & target.mask] = 255
    both[target.mask & ~own] = (230, 40, 40)
    both[own & ~target.mask] = (60, 90, 255)
    plain = [np.repeat(m[..., None], 3, 2).astype(np.uint8) * 255 for m in (target.mask, own)]
    image = Image.fromarray(np.concatenate([*plain, both], 1))
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)


def main() -> int:
    """Fit, print the figures, write the picture; return 1 if the fit is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="picture to write")
    parser.add_argument("--rounds", type=int, default=24, help="steps after the best of the four starts")
    parser.add_argument("--quiet", action="store_true", help="do not print the IoU after every step")
    args = parser.parse_args()
    from skimage.data import horse

    began = time.perf_counter()
    target = Target(~np.asarray(horse(), bool))
    mean, x = fit(target, args.rounds, not args.quiet)
    score, bare = iou(target.draw(x), target.mask), iou(target.draw(x, hair=False), target.mask)
    print(f"IoU {score:.4f} with hair, {bare:.4f} without; {time.perf_counter() - began:.0f} s")
    print(f"IoU {iou(target.draw(mean), target.mask):.4f} with hair when only camera and pose may change")
    print("camera:", ", ".join(f"{n} {v:.3f}" for n, v in zip(CAMERA, x, strict=False)))
    share = np.abs(2 * (x - BOUNDS[:, 0]) / np.ptp(BOUNDS, axis=1) - 1)  # 1 is at a bound
    names = [*CAMERA, *(f"{skeleton.JOINTS[j]} {'xyz'[axis]}" for j, axis in TURNS), *SHAPE]
    for what, part in zip(
        ("camera", "joints", "shape"),
        (slice(0, N_CAMERA), slice(N_CAMERA, N_CAMERA + N_TURNS), slice(N_CAMERA + N_TURNS, None)),
        strict=True,
    ):
        at_bound = [n for n, s in zip(names[part], share[part], strict=True) if s > 0.999]
        print(f"{what}: {len(share[part])} numbers, {len(at_bound)} at a bound: {', '.join(at_bound) or '-'}")
    print("shape:", ", ".join(f"{n} {v:.3f}" for n, v in zip(SHAPE, x[N_CAMERA + N_TURNS :], strict=True)))
    if args.output:
        picture(target, x).save(args.output)
    return 0 if score >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
