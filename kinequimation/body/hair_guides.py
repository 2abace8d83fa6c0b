"""Lay out the guide curves of the template's hair: locks fall under gravity and slide over the skin. For the build."""

from __future__ import annotations

import numpy as np

from kinequimation import skeleton
from kinequimation.body import anatomy_head
from kinequimation.body.build_mesh import skin_point, total_distance
from kinequimation.body.hair import KINDS, N_CONTROL, Guides

N_MANE, N_FORELOCK, N_TAIL = 38, 8, 40
_SUBSTEPS = 5
_ROOT_DEPTH_M = 0.014
_CREST = np.array(
    [(-0.54, 1.635), (-0.70, 1.665), (-0.85, 1.735), (-1.0, 1.80), (-1.15, 1.855), (-1.28, 1.895), (-1.33, 1.90)]
)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _skin(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return signed distances [N] of points on either side of the horse and their gradients [N, 3]."""
    step = 1e-3
    side = np.where(xyz[:, :1] < 0, -1.0, 1.0) * [1, 0, 0] + [0, 1, 1]
    folded = xyz * side
    offsets = step * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    value = total_distance(folded[:, None] + offsets)
    return value[:, 0], _unit(value[:, 1:4] - value[:, 4:7]) * side


def _fall(
    root: np.ndarray, first: np.ndarray, pull: np.ndarray, length: np.ndarray, clearance: np.ndarray, stiffness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return guides [L, 9, 3] and outward directions: from points of the skin, pulled down, kept off the skin.

    Args:
        root: [L, 3] on the skin.
        first: [L, 3] direction in which a lock leaves it.
        pull: [L, 3] direction in which it falls.
        length: [L] metres.
        clearance: [L] how far it stays away from the skin, metres.
        stiffness: share of its direction that a lock keeps from one step (a fortieth of its length) to the next.
    """
    _, normal = _skin(root)
    point, direction = root - _ROOT_DEPTH_M * normal, _unit(first)
    points, outward = [point], [normal]
    h = (length / ((N_CONTROL - 1) * _SUBSTEPS))[:, None]
    for i in range((N_CONTROL - 1) * _SUBSTEPS):
        direction = _unit(stiffness * direction + (1 - stiffness) * pull)
        point = point + h * direction
        if i >= 3:  # the first steps pass through the skin
            distance, normal = _skin(point)
            push = np.minimum(np.maximum(clearance * min(1.0, i / 12) - distance, 0), 0.02)[:, None]
            point = point + push * normal
            direction = _unit(direction + push / h * normal * 0.5)
        point[:, 2] = np.maximum(point[:, 2], 0.014)
        if (i + 1) % _SUBSTEPS == 0:
            points.append(point)
            outward.append(normal)
    return np.stack(points, 1), np.stack(outward, 1)


def _mane(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return guides, outward directions and brush guides of one (left) side of the mane, poll first."""
    n = N_MANE
    at = np.linspace(0, 1, n)
    y = -1.315 + at * (1.315 - 0.575) + rng.normal(0, 0.004, n)
    crest = np.array([skin_point(np.array([0.0, v, np.interp(-v, -_CREST[:, 0], _CREST[:, 1])])) for v in y])
    crest[:, 0] = rng.uniform(-0.010, 0.004, n)
    first = np.stack([rng.uniform(0.45, 1.0, n), rng.normal(0, 0.12, n), np.full(n, 0.9)], 1)
    pull = np.stack([np.zeros(n), 0.10 + rng.normal(0, 0.13, n), -np.ones(n)], 1)
    length = np.interp(at, [0, 0.15, 0.6, 1], [0.42, 0.54, 0.62, 0.40]) * rng.uniform(0.85, 1.1, n)
    control, _ = _fall(crest, first, pull, length, rng.uniform(0.007, 0.020, n), 0.72)
    # from upwards at the crest to sideways: the skin's own normal turns over on top of the crest
    outward = _unit(
        np.array([1.0, 0, 0]) + np.array([0, 0, 1.2]) * np.maximum(1 - np.arange(N_CONTROL) / 3, 0)[:, None]
    )
    outward = np.repeat(outward[None], n, axis=0)
    _, normal = _skin(crest)
    stand = _unit(normal + np.stack([rng.uniform(0.0, 0.22, n), rng.normal(0, 0.12, n), np.zeros(n)], 1))
    reach = np.interp(at, [0, 0.2, 0.7, 1], [0.05, 0.075, 0.07, 0.04]) + _ROOT_DEPTH_M
    steps = np.linspace(0, 1, N_CONTROL)[None, :, None]
    upright = (crest - _ROOT_DEPTH_M * normal)[:, None] + steps * (reach[:, None] * stand)[:, None]
    return control, outward, upright


def _forelock(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    n = N_FORELOCK
    x = np.linspace(-0.026, 0.026, n) + rng.normal(0, 0.002, n)
    root = np.array([skin_point(np.array([abs(v), -1.335 - 0.01 * rng.random(), 1.905])) for v in x])
    root[:, 0] *= np.sign(x)
    first = np.stack([6 * x, np.full(n, -1.0), np.full(n, 0.35)], 1)
    pull = np.stack([6 * x + rng.normal(0, 0.10, n), np.full(n, -0.35), -np.ones(n)], 1)
    guides, _ = _fall(root, first, pull, rng.uniform(0.32, 0.40, n), rng.uniform(0.006, 0.016, n), 0.72)
    front = _unit(np.array(anatomy_head.UP) + 4 * x[:, None] * [1, 0, 0])
    return guides, np.repeat(front[:, None], N_CONTROL, axis=1)


def _tail(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return guides and outward directions: around the tail's bones, the dock's hair over the rest."""
    joints = [f"DEF-tail.00{i}" for i in range(1, 6)]
    chain = [skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX[j]] for j in joints]
    chain = np.array([*chain, skeleton.REST_TAIL_XYZ[skeleton.JOINT_INDEX[joints[-1]]], [0.0, 1.93, 1.125]])
    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(chain, axis=0), axis=1))])
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(at / at[-1], chain)
    n = N_TAIL
    start = np.linspace(0.0, 0.28, n)
    angle = np.pi / 2 + np.arange(n) * 2.399963 + rng.normal(0, 0.15, n)  # the golden angle: even all around
    depth = np.sqrt(rng.uniform(0.25, 1.0, n))
    start[0], angle[0], depth[0] = 0.12, np.pi / 2, 0.15  # the middle lock, which ends the tail
    steps = np.linspace(0, 1, N_CONTROL)
    u = start[:, None] + (1 - start[:, None]) * steps
    middle = curve(u)
    tangent = _unit(curve.derivative()(u))
    sideways = np.broadcast_to([1.0, 0, 0], tangent.shape)
    upward = np.cross(tangent, sideways)
    upward *= np.sign(upward[..., 2:] + 1e-9)
    bare = np.interp(u, [0, 0.1, 0.22, 0.36], [0.046, 0.040, 0.032, 0.012])
    full = np.interp(u, [0, 0.15, 0.4, 0.7, 0.9, 1.0], [0.044, 0.058, 0.084, 0.088, 0.068, 0.036])
    shift = np.minimum(steps * (N_CONTROL - 1), 1)
    radius = (1 - shift) * 0.8 * bare + shift * np.maximum(depth[:, None] * full, bare + 0.012)
    radius[0, 2:] = 0.012
    wave = 0.25 * np.sin(2 * np.pi * (u * 1.3 + rng.random(n)[:, None]))
    theta = angle[:, None] + wave
    outward = np.cos(theta)[..., None] * sideways * 0.85 + np.sin(theta)[..., None] * upward
    return middle + radius[..., None] * outward, _unit(outward)


_FEATHER_ROOTS = (
    (0.0, 0.370),
    (0.55, 0.320),
    (-0.55, 0.320),
    (0.0, 0.290),
    (-2.3, 0.225),
    (-1.7, 0.235),
    (-1.1, 0.245),
    (-0.4, 0.250),
    (0.4, 0.250),
    (1.1, 0.245),
    (1.7, 0.235),
    (2.3, 0.225),
)
"""Angle from the back of the leg, and height, of the roots of the feather."""


def _feather(rng: np.random.Generator, *, hind: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return guides and outward directions on one left leg."""
    x = 0.193 if hind else 0.164
    roots, away = [], []
    for angle, z in _FEATHER_ROOTS:
        angle += rng.normal(0, 0.1)
        y = np.interp(z, [0.201, 0.607], [0.690, 0.764]) if hind else np.interp(z, [0.221, 0.481], [-0.516, -0.539])
        direction = np.array([np.sin(angle), np.cos(angle), 0.0])
        roots.append(skin_point(np.array([x, y, z + rng.normal(0, 0.006)]) + 0.045 * direction))
        away.append(direction)
    n = len(roots)
    root, direction = np.array(roots), np.array(away)
    first = direction * 0.8 + [0, 0, -0.8]
    pull = np.array([0, 0, -1.0]) + 0.03 * direction + rng.normal(0, 0.05, (n, 3))
    length = np.where(root[:, 2] > 0.28, 0.22, 0.25) * rng.uniform(0.9, 1.1, n)
    guides, _ = _fall(root, first, pull, length, rng.uniform(0.006, 0.013, n), 0.7)
    return guides, np.repeat(direction[:, None], N_CONTROL, axis=1)


def make_guides(seed: int = 7) -> Guides:
    """Return the guides of all locks."""
    rng = np.random.default_rng(seed)
    mirror = np.array([-1.0, 1.0, 1.0])
    control, outward, upright, kind, half_width, thickness = [], [], [], [], [], []

    def add(name: str, points: np.ndarray, directions: np.ndarray, wide_m: float, thick_m: float) -> None:
        n = len(points)
        control.append(points)
        outward.append(directions)
        kind.append(np.full(n, KINDS.index(name)))
        half_width.append(wide_m * rng.uniform(0.8, 1.2, n))
        thickness.append(thick_m * rng.uniform(0.8, 1.2, n))

    for name, side in (("mane left", np.ones(3)), ("mane right", mirror)):
        points, directions, brush = _mane(rng)
        add(name, points * side, directions * side, 0.031, 0.0055)
        upright.append(brush * side)
    add("forelock", *_forelock(rng), 0.014, 0.006)
    add("tail", *_tail(rng), 0.024, 0.012)
    for hind in (False, True):
        for side in (np.ones(3), mirror):
            points, directions = _feather(rng, hind=hind)
            add("feather", points * side, directions * side, 0.031, 0.0075)
    kinds = np.concatenate(kind)
    return Guides(
        control=np.concatenate(control),
        upright=np.concatenate(upright),
        outward=np.concatenate(outward),
        kind=kinds,
        half_width=np.concatenate(half_width),
        thickness=np.concatenate(thickness),
        random=rng.uniform(0.01, 0.99, len(kinds)),
    )
