"""From camera axes to a level world: up, panning, and where the horse goes, told by its standing hooves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import median_filter

from kinequimation import skeleton
from kinequimation.fit.smoothing import GAP_WEIGHT, fill_rows, runs_of, smooth
from kinequimation.geometry.rotation import quat_between, quat_from_axis_angle, quat_multiply, quat_rotate

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

GRAVITY_MPS2 = 9.81
MAX_FLIGHT_S = 0.85
"""Longest time without a standing hoof that is taken for flight; longer, and the contacts are taken to be missed. A
fence of 1.2 m takes 0.65 to 0.75 s, the highest 0.82 (sources, E5)."""
FLIGHT_WEIGHT = 0.3
"""How firmly the speed of a flight keeps to the line between the stances before and after it (judgement)."""
CAMERA_HZ = 0.5
"""A camera tilts and pans slowly (judgement)."""
SPEED_HZ, HEIGHT_HZ = 6.0, 18.0
"""Cut-offs of the root's speed, which a horse changes slowly, and of its height, which swings twice a stride (sources,
E1 and E4; judgement)."""
UP_SIGMA, STEP_SIGMA_M = 0.05, 0.05
"""Error of the lifted up vector, radians, and of the height difference of two standing hooves, metres (judgement)."""
TOLD_SHARE = 0.3
"""How much of the difference to the lifter's own velocity is made up for (judgement)."""
SHARE_SIGMA, SHARE_ERROR, CORRELATED_FRAMES = 0.12, 0.2, 6
"""Spread of the factor between a camera's turning and how standing hooves pass by it: errors of their distance and of
the legs' swing; error of its estimate that horses make that turn unevenly; frames that share one error of the hooves
(judgement)."""
TURN_SIGMA, HEADING_SIGMA = 0.1, 0.1
"""Radians a second: how fast horses turn, evenly, and the error of the rate of a horse's heading (judgement)."""
PLACE_HZ = 0.4
"""Below this the way of a horse before a camera that stays in its place is told by where it is seen, above it by its
legs (judgement)."""
STAYS_FROM = 0.6
"""Share of the turning in the hooves' passing by from which a camera is taken to stay in its place."""


@dataclass(frozen=True)
class Hooves:
    """The hooves of one horse, as evidence of how the ground lies and turns.

    Attributes:
        toes: [T, 4, 3] toes relative to the root, metres.
        stance: [T, 4] which hooves stand.
        seen: [T] frames with the horse.
    """

    toes: Float[np.ndarray, "frames 4 3"]
    stance: Bool[np.ndarray, "frames 4"]
    seen: Bool[np.ndarray, " frames"]


def refine_up(
    up_cam: Sequence[Float[np.ndarray, "frames 3"]], hooves: Sequence[Hooves], fps: float
) -> Float[np.ndarray, "frames 3"]:
    """Return a steady up vector on which the hooves that stand at the same time are at one height.

    Args:
        up_cam: what the lifter says, unit, for each horse before the camera.
        hooves: of each horse; toes in camera axes.
        fps: frames per second.
    """
    n = len(up_cam[0])
    spread = np.zeros((n, 3, 3))
    for horse in hooves:
        of_horse = np.zeros((n, 3, 3))
        for a in range(4):
            for b in range(a):
                both = horse.stance[:, a] & horse.stance[:, b] & horse.seen
                step = np.where(both[:, None], horse.toes[:, a] - horse.toes[:, b], 0.0)
                of_horse += step[:, :, None] * step[:, None, :]
        spread += of_horse / np.maximum(horse.stance.sum(1), 1)[:, None, None]
    seen = np.stack([horse.seen for horse in hooves]).astype(float)
    share = np.maximum(seen, GAP_WEIGHT)
    mean = (np.stack(list(up_cam)) * share[..., None]).sum(0) / share.sum(0)[:, None]
    weight = np.where(seen.any(0), 1.0, GAP_WEIGHT)
    up = smooth(mean, weight, CAMERA_HZ, fps)
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
    hooves: Sequence[Hooves],
    roots: Sequence[Float[np.ndarray, "frames 3"]],
    headings: Sequence[Float[np.ndarray, " frames"]],
    t_s: np.ndarray,
    fps: float,
) -> tuple[Float[np.ndarray, " frames"], float]:
    """Return how far the camera has turned to the left, radians, and how much of the hooves' passing by is due to it.

    Standing hooves pass by the camera. If it does not travel, any one of them tells how fast it turns; that is the
    course of the turning. By how much it is to be multiplied (1 but for a wrong distance or too short a swing of the
    legs; near 0 for a camera that travels beside the horse) is told by two other signs, both noisy but free of
    distances: that horses mostly go straight or turn evenly, so that what else their heading does before the camera is
    the camera's doing; and that two hooves of a horse that stand at once turn about each other only if the axes do.

    Args:
        hooves: of each horse before the camera; toes in levelled camera axes.
        roots: what the toes are relative to, before the camera, in the same axes, metres.
        headings: of each horse, to the left, radians, in the same axes.
        t_s: times.
        fps: frames per second.
    """
    dt = np.diff(t_s)
    sine, cosine, moved, distance = np.zeros((4, len(dt)))
    for horse, root in zip(hooves, roots, strict=True):
        both = (horse.stance[1:] & horse.stance[:-1] & (horse.seen[1:] & horse.seen[:-1])[:, None]).astype(float)
        before, after = (_centred(horse.toes[rows, :, :2], both) for rows in (slice(-1), slice(1, None)))
        two = both.sum(1) >= 2
        sine += two * (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]).sum(1)
        cosine += two * (before * after).sum((1, 2))
        place = horse.toes[..., :2] + root[:, None, :2]
        before, after = place[:-1], place[1:]
        moved += (both * (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0])).sum(1)
        distance += (both * (before * after).sum(-1)).sum(1)
    if not (distance > 0).any():
        return np.zeros(len(t_s)), 1.0
    passing = np.where(distance > 0, -np.arctan2(moved, np.maximum(distance, 1e-9)), 0.0) / dt
    known = (distance > 0).astype(float)
    passing = smooth(np.where(known > 0, passing.clip(-3.0, 3.0), 0.0), known + 1e-3, CAMERA_HZ, fps)
    weight = cosine.clip(0.0, 1.0)
    turning = np.where(weight > 0, -np.arctan2(sine, np.maximum(cosine, 1e-9)), 0.0) / dt
    rates = [(np.diff(heading) / dt, horse.seen[1:]) for heading, horse in zip(headings, hooves, strict=True)]
    share = _share_of_turning(passing, turning.clip(-3.0, 3.0), weight, rates, fps)
    return np.concatenate([[0.0], np.cumsum(share * passing * dt)]), share


def _share_of_turning(
    passing: np.ndarray,
    turning: np.ndarray,
    weight: np.ndarray,
    headings: list[tuple[np.ndarray, np.ndarray]],
    fps: float,
) -> float:
    """Return how much of the hooves' passing by the camera is its turning.

    Least squares. Unless that is clearly less than 1, the camera is taken to stay in its place, and the share is drawn
    towards 1: hardly anybody travels against the horse.

    Args:
        passing: rate at which standing hooves pass by, smooth.
        turning: rate at which hooves turn about each other, and ``weight`` of each frame.
        headings: rate of each horse's heading before the camera, smooth, and whether it is seen.
        fps: frames per second.
    """
    n = 1 + len(headings)  # the share, and the even turning of each horse
    H, g = np.diag([1e-6] + [TURN_SIGMA**-2.0] * len(headings)), np.zeros(n)
    independent = 2 * CAMERA_HZ / fps  # smooth rates have so many independent values a frame
    for i, (rate, seen) in enumerate(headings):  # rate + share * passing = even turning
        row = np.stack([passing, np.zeros_like(passing)], 1) - [0.0, 1.0]
        w = independent * seen / HEADING_SIGMA**2
        at = np.ix_([0, 1 + i], [0, 1 + i])
        H[at] += row.T @ (w[:, None] * row)
        g[[0, 1 + i]] -= row.T @ (w * rate)
    if (weight > 0).any():
        share = float((weight * turning * passing).sum()) / max(float((weight * passing**2).sum()), 1e-9)
        variance = float((weight * (turning - share * passing) ** 2).sum() / weight.sum()) * CORRELATED_FRAMES
        w = weight / max(variance, 1e-6)
        H[0, 0] += (w * passing**2).sum()
        g[0] += (w * passing * turning).sum()
    share, variance = float(np.linalg.solve(H, g)[0]), float(np.linalg.inv(H)[0, 0])
    if share > 1 - max(3 * SHARE_SIGMA, 2.5 * np.sqrt(variance)):
        variance += SHARE_ERROR**2
        share = (share / variance + SHARE_SIGMA**-2) / (1 / variance + SHARE_SIGMA**-2)
    return float(np.clip(share, 0.0, 1 + 2 * SHARE_SIGMA))


def _centred(xy: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Return places relative to the middle of those that count, 0 for the others."""
    xy = xy * both[..., None]
    return (xy - (xy.sum(1) / np.maximum(both.sum(1), 1.0)[:, None])[:, None]) * both[..., None]


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
    told: Float[np.ndarray, "frames 2"] | None = None,
    camera_stays: bool = False,
) -> Float[np.ndarray, "frames 2"]:
    """Return the root's path over the ground, from the origin (leg odometry; sources, D2).

    A standing hoof does not move, so the root moves against it; between stances the speed is carried over. The slow
    part of this is corrected, since legs whose swing came out too short would make the way too short: by the lifter's
    own idea of how fast the horse goes, and before a camera that stays in its place by where the horse is seen, across
    the line of sight (along it a zoom looks like a step). Where no hoof stands for longer than a flight lasts, that
    place alone is followed. Before the horse is first seen and after it is last seen it stands still.

    Args:
        toes: toes relative to the root, world axes, metres.
        firm: how surely each hoof stands, from ``firmness``.
        seen: frames with a horse.
        root_seen: the root in world-parallel axes at the camera, metres.
        t_s: times.
        fps: frames per second.
        told: the root's velocity as the lifter sees it, world axes, metres a second; NaN where it does not say.
        camera_stays: whether the camera does no more than turn.
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
    there = np.where(seen, 1.0, GAP_WEIGHT)
    by_camera = np.diff(smooth(root_seen[:, :2], there, 1.0, fps), axis=0) / dt
    speed = np.where(long[:, None], by_camera, speed)
    known = known | long
    if not known.any():
        return np.zeros((len(toes), 2))
    weight = np.where(count > 0, count, np.where(long, GAP_WEIGHT, FLIGHT_WEIGHT))
    speed = smooth(fill_rows(speed, known), weight, SPEED_HZ, fps)
    if told is not None and np.isfinite(told).all(-1).any():
        says = np.isfinite(told[1:]).all(-1) & seen[1:]
        missing = np.where(says[:, None], told[1:] - speed, 0.0)
        speed = speed + TOLD_SHARE * smooth(missing, says + 1e-3, PLACE_HZ, fps)
    if camera_stays:
        sight = root_seen[1:, :2] / np.maximum(np.linalg.norm(root_seen[1:, :2], axis=-1, keepdims=True), 1e-6)
        across = np.stack([-sight[:, 1], sight[:, 0]], 1)
        missing = ((by_camera - speed) * across).sum(-1, keepdims=True) * across
        speed = speed + smooth(missing, there[1:] * there[:-1], PLACE_HZ, fps)
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
