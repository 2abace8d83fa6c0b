"""From camera axes to a level world: up, panning, and where the horse goes, told by its standing hooves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import median_filter

from kinequimation import skeleton
from kinequimation.fit.smoothing import GAP_WEIGHT, fill_rows, runs_of, smooth
from kinequimation.geometry.rotation import quat_between, quat_from_axis_angle, quat_multiply, quat_rotate

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

GRAVITY_MPS2 = 9.81
MAX_FLIGHT_S = 0.6
"""Longest time without a standing hoof that is taken for flight; longer, and the contacts are taken to be missed."""
FLIGHT_WEIGHT = 0.3
"""How firmly the speed of a flight keeps to the line between the stances before and after it (judgement)."""
CAMERA_HZ = 0.5
"""A camera tilts and pans slowly (judgement)."""
SPEED_HZ, HEIGHT_HZ = 2.5, 8.0
"""Cut-offs of the root's speed, which a horse changes slowly, and of its height, which swings twice a stride (sources,
E1 and E4; judgement)."""
UP_SIGMA, STEP_SIGMA_M = 0.05, 0.05
"""Error of the lifted up vector, radians, and of the height difference of two standing hooves, metres (judgement)."""
MIN_PAN_RAD, MIN_PAN_RATE = np.radians(15.0), np.radians(6.0)
"""Less turning than this, in all and per second, is noise of the hooves and the camera is taken to stand still."""


def refine_up(
    up_cam: Float[np.ndarray, "frames 3"],
    toes_cam: Float[np.ndarray, "frames 4 3"],
    stance: Bool[np.ndarray, "frames 4"],
    seen: Bool[np.ndarray, " frames"],
    fps: float,
) -> Float[np.ndarray, "frames 3"]:
    """Return a steady up vector on which the hooves that stand at the same time are at one height.

    Args:
        up_cam: the lifter's, unit.
        toes_cam: toes relative to the root, metres, camera axes.
        stance: which hooves stand.
        seen: frames with a horse.
        fps: frames per second.
    """
    spread = np.zeros((len(up_cam), 3, 3))
    for a in range(4):
        for b in range(a):
            both = stance[:, a] & stance[:, b] & seen
            step = np.where(both[:, None], toes_cam[:, a] - toes_cam[:, b], 0.0)
            spread += step[:, :, None] * step[:, None, :]
    spread /= np.maximum(stance.sum(1), 1)[:, None, None]
    weight = np.where(seen, 1.0, GAP_WEIGHT)
    up = smooth(up_cam, weight, CAMERA_HZ, fps)
    information = smooth(spread, weight, CAMERA_HZ, fps) / STEP_SIGMA_M**2
    # smoothing may make it slightly indefinite at the ends of a clip
    value, vector = np.linalg.eigh(information)
    information = (vector * np.maximum(value, 0.0)[:, None]) @ vector.transpose(0, 2, 1)
    up = np.linalg.solve(information + np.eye(3) / UP_SIGMA**2, up[..., None] / UP_SIGMA**2)[..., 0]
    return up / np.linalg.norm(up, axis=-1, keepdims=True)


def level(up_cam: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 4"]:
    """Return rotations from camera axes to axes with Z up that do not turn about it more than the camera must."""
    middle = np.median(up_cam, axis=0)
    middle = middle / np.linalg.norm(middle)
    steady = quat_between(up_cam, middle)
    return quat_multiply(quat_between(middle, np.array([0.0, 0.0, 1.0])), steady)


def pan(
    toes_level: Float[np.ndarray, "frames 4 3"], stance: Bool[np.ndarray, "frames 4"], t_s: np.ndarray, fps: float
) -> Float[np.ndarray, " frames"]:
    """Return how far the camera has turned to the left, radians, from the ground turning under the standing hooves.

    Between two frames the hooves that stand in both turn about each other only if the axes do.

    Args:
        toes_level: toes relative to the root in levelled camera axes, metres.
        stance: which hooves stand.
        t_s: times.
        fps: frames per second.
    """
    both = (stance[1:] & stance[:-1]).astype(float)
    count = np.maximum(both.sum(1), 1.0)[:, None]

    def centred(p: np.ndarray) -> np.ndarray:
        p = p * both[..., None]
        return (p - (p.sum(1) / count)[:, None]) * both[..., None]

    before, after = centred(toes_level[:-1, :, :2]), centred(toes_level[1:, :, :2])
    sine = (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]).sum(1)
    cosine = (before * after).sum((1, 2))
    weight = np.where(both.sum(1) >= 2, cosine.clip(0.0, 1.0), 0.0)
    rate = np.where(weight > 0, -np.arctan2(sine, np.maximum(cosine, 1e-9)), 0.0) / np.diff(t_s)
    if weight.sum() < 0.5:
        return np.zeros(len(t_s))
    rate = np.where(weight > 0, rate.clip(-3.0, 3.0), 0.0)
    rate = smooth(rate, weight + 1e-3, CAMERA_HZ, fps)
    angle = np.concatenate([[0.0], np.cumsum(rate * np.diff(t_s))])
    duration = float(t_s[-1] - t_s[0])
    extent = float(np.ptp(angle))
    return angle if extent > max(MIN_PAN_RAD, MIN_PAN_RATE * duration) else np.zeros(len(t_s))


def turn(quat_wxyz: Float[np.ndarray, "frames ..."], left_rad: Float[np.ndarray, " frames"]) -> np.ndarray:
    """Turn rotations to the left about Z.

    Args:
        quat_wxyz: [T, 4], or [T, 81, 4] of which only the first, the root's, turns.
        left_rad: how far.
    """
    by = quat_from_axis_angle((0.0, 0.0, 1.0), left_rad)
    if quat_wxyz.ndim == 2:
        return quat_multiply(by, quat_wxyz)
    turned = quat_wxyz.copy()
    turned[:, 0] = quat_multiply(by, quat_wxyz[:, 0])
    return turned


def travel(
    toes: Float[np.ndarray, "frames 4 3"],
    firm: Float[np.ndarray, "frames 4"],
    seen: Bool[np.ndarray, " frames"],
    root_seen: Float[np.ndarray, "frames 3"],
    t_s: Float[np.ndarray, " frames"],
    fps: float,
) -> Float[np.ndarray, "frames 2"]:
    """Return the root's path over the ground, from the origin (leg odometry; sources, D2).

    A standing hoof does not move, so the root moves against it; between stances the speed is carried over. Where no
    hoof stands for longer than a flight lasts, the root's way before the camera is followed. Before the horse is first
    seen and after it is last seen it stands still.

    Args:
        toes: toes relative to the root, world axes, metres.
        firm: how surely each hoof stands, from ``firmness``.
        seen: frames with a horse.
        root_seen: the root in world-parallel axes at the camera, metres.
        t_s: times.
        fps: frames per second.
    """
    if len(toes) == 1:
        return np.zeros((1, 2))
    dt = np.diff(t_s)[:, None]
    both = np.minimum(firm[1:], firm[:-1])
    speeds = -np.diff(toes[..., :2], axis=0) / dt[:, None]
    count = both.sum(1)
    known = count > 0
    speed = (speeds * both[..., None]).sum(1) / np.where(known, count, 1.0)[:, None]
    long = _lost(known, fps) & seen[1:] & seen[:-1]
    by_camera = np.gradient(smooth(root_seen[:, :2], np.where(seen, 1.0, GAP_WEIGHT), 1.0, fps), axis=0)[1:] / dt
    speed = np.where(long[:, None], by_camera, speed)
    known = known | long
    if not known.any():
        return np.zeros((len(toes), 2))
    weight = np.where(count > 0, count, np.where(long, GAP_WEIGHT, FLIGHT_WEIGHT))
    speed = smooth(fill_rows(speed, known), weight, SPEED_HZ, fps)
    first, last = np.flatnonzero(seen)[[0, -1]]
    speed[:first] = speed[last:] = 0.0
    return np.concatenate([np.zeros((1, 2)), np.cumsum(speed * dt, axis=0)])


def height(
    toes: Float[np.ndarray, "frames 4 3"],
    toe_height_m: Float[np.ndarray, " 4"],
    firm: Float[np.ndarray, "frames 4"],
    seen: Bool[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    fps: float,
) -> Float[np.ndarray, " frames"]:
    """Return the root's height over the ground: standing toes lie on it, and in between the horse flies.

    Args:
        toes: toes relative to the root, world axes, metres.
        toe_height_m: height of each toe landmark of a hoof that stands.
        firm: how surely each hoof stands, from ``firmness``.
        seen: frames with a horse.
        t_s: times.
        fps: frames per second.
    """
    needed = toe_height_m - toes[..., 2]
    count = firm.sum(1)
    known = (count > 0) & seen
    lowest = needed.max(1)
    standing = (needed * firm).sum(1) / np.where(known, count, 1.0)
    lost = _lost(known, fps)
    level_z = np.where(known, standing, lowest)
    told = known | (lost & seen)
    level_z = fill_rows(level_z, told if told.any() else seen)
    flight = ~known & ~lost & seen
    for start, stop in runs_of(flight):
        if start > 0 and stop < len(flight):
            t = t_s[start:stop]
            level_z[start:stop] += 0.5 * GRAVITY_MPS2 * (t - t_s[start - 1]) * (t_s[stop] - t)
    level_z = np.where(flight, np.maximum(level_z, lowest), level_z)
    weight = np.where(known, count.clip(0.0, 1.0), np.where(seen, 0.2, GAP_WEIGHT))
    return smooth(level_z, weight, HEIGHT_HZ, fps)


def heading(quat_wxyz: Float[np.ndarray, "frames 81 4"], fps: float) -> Float[np.ndarray, " frames"]:
    """Return how far the horse has turned to the left from facing −Y, radians, without jumps and without its wiggles.

    Taken from all of the trunk. Where the trunk is nearly upright the heading is carried over.

    Args:
        quat_wxyz: joint rotations; the root's relative to the world.
        fps: frames per second.
    """
    rotation = quat_wxyz[:, 0]
    forward = np.zeros((len(rotation), 3))
    for i in range(1, 7):
        rotation = quat_multiply(rotation, quat_wxyz[:, skeleton.JOINT_INDEX[f"DEF-spine.00{i}"]])
        forward += quat_rotate(rotation, np.array([0.0, -1.0, 0.0])) / 6
    angle = np.unwrap(np.arctan2(forward[:, 0], -forward[:, 1]))
    flat = np.linalg.norm(forward[:, :2], axis=-1)
    return smooth(median_filter(angle, 3, mode="nearest"), flat**2 + 1e-3, CAMERA_HZ, fps)


def firmness(found: list[tuple[int, int, int]], trust: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 4"]:
    """Return how much each standing hoof's place and speed count; 0 for one that does not stand.

    A parabola over each stance: the mean of the speeds so weighted is the slope of the line fitted to the places,
    and the moments of landing and leaving, where a hoof may already move, count least.

    Args:
        found: (limb, first frame, frame after the last) of every stance.
        trust: how well each hoof is seen, 1 for well.
    """
    firm = np.zeros_like(trust)
    for limb, start, stop in found:
        x = (np.arange(stop - start) + 0.5) / (stop - start)
        firm[start:stop, limb] = 6 * x * (1 - x) * trust[start:stop, limb]
    return firm


def _lost(known: np.ndarray, fps: float) -> np.ndarray:
    """Return rows that belong to a run of unknown ones too long to be a flight."""
    lost = np.zeros(len(known), bool)
    for start, stop in runs_of(~known):
        lost[start:stop] = stop - start > MAX_FLIGHT_S * fps or stop - start == len(known)
    return lost
