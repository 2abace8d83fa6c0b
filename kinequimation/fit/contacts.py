"""When hooves stand, and keeping them where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import Body, load_template
from kinequimation.fit.pose import CHUNK, Pose, refine
from kinequimation.fit.rig import limb_block
from kinequimation.fit.smoothing import runs_of, smooth
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_matrix,
    quat_multiply,
    quat_normalize,
    quat_to_matrix,
    quat_to_rotvec,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

ON, OFF = 0.6, 0.4
"""Probability at which a stance begins, and at which it ends."""
MIN_STANCE_S, MIN_SWING_S = 0.04, 0.03
"""Shorter stances are dropped and shorter gaps closed (sources, D2)."""
BLEND_S = 0.04
"""Time in which a hoof moves between its own way and the place where it is held (sources, D2: 2–4 frames)."""
MAX_DRIFT_HEIGHTS = 0.12
"""A hoof that strays farther than this from the middle of its stance does not stand there, withers heights."""
SWING_SPEED, SWING_HEIGHT = 0.3, 0.12
"""A hoof this much faster than another standing one, as a share of √(g · withers height), or this far above the lowest,
in withers heights, swings (judgement)."""
TOE_SIGMA_M, CORONET_SIGMA_M = 0.001, 0.003
"""How exactly a held toe is where it should be, and the joint of its hoof, which makes it stand flat."""
BREAKOVER_FROM = 0.75
"""Share of a stance after which the hoof may tip over its toe (sources, D2: the last 15-20 %)."""
SOLE_WEIGHT = 0.6
"""Skin weight from which a vertex belongs to the hoof."""
ATTEMPTS, ENOUGH_M = 3, 0.002
"""Rounds of solving limbs and moving the root, and the distance at which a hoof counts as held."""
MISSED_M = 0.02
"""A hoof that cannot be brought this near to its place does not stand there yet, or no more (judgement)."""
_GIVE_RAD = {"toe": 0.25, "hoof": 0.2, "foot": 0.2, "forearm": 0.15, "lower_leg": 0.15}
"""How willingly a joint gives way to a held hoof: the fetlock and the coffin joint first (sources, D2; judgement)."""
_GIVE_UPPER_RAD = 0.08

TOES: np.ndarray = np.array([skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS])
"""[4] keypoints of the toes, in the order of ``LIMBS``."""
_HOOVES: np.ndarray = np.array([skeleton.JOINT_INDEX[skeleton.limb_joints(limb)[-1]] for limb in skeleton.LIMBS])


def stances(contact: Float[np.ndarray, "frames 4"], fps: float) -> list[tuple[int, int, int]]:
    """Return (limb, first frame, frame after the last) of every stance, from contact probabilities.

    With hysteresis and least durations; at low frame rates one frame is enough.
    """
    found = []
    shortest = max(1, round(MIN_STANCE_S * fps)) if len(contact) > 1 else 1
    for limb in range(contact.shape[1]):
        standing = False
        state = np.zeros(len(contact), bool)
        for t, p in enumerate(contact[:, limb]):
            standing = p > (OFF if standing else ON)
            state[t] = standing
        merged: list[list[int]] = []
        for start, stop in runs_of(state):
            if merged and start - merged[-1][1] < MIN_SWING_S * fps:
                merged[-1][1] = stop
            else:
                merged.append([start, stop])
        found += [(limb, a, b) for a, b in merged if b - a >= shortest]
    return found


def stance_mask(found: list[tuple[int, int, int]], n_frames: int) -> Bool[np.ndarray, "frames 4"]:
    """Return which hooves stand in which frames."""
    mask = np.zeros((n_frames, len(skeleton.LIMBS)), bool)
    for limb, start, stop in found:
        mask[start:stop, limb] = True
    return mask


def toe_heights(body: Body) -> Float[np.ndarray, " 4"]:
    """Return how high the toe landmarks of standing hooves lie, metres."""
    return body.keypoint_offsets[1][TOES - skeleton.NUM_JOINTS68, 2]


def drop_moving(
    found: list[tuple[int, int, int]],
    toes: Float[np.ndarray, "frames 4 3"],
    forward: Float[np.ndarray, "frames 3"],
    t_s: Float[np.ndarray, " frames"],
    withers_height_m: float,
) -> list[tuple[int, int, int]]:
    """Drop or shorten stances of hooves that swing.

    Seen from the trunk, standing hooves all move alike, backwards. Of hooves said to stand at the same time, one that
    moves forwards past another, or that is held up high, swings. A stance with few such frames is left as it is.

    Args:
        found: stances.
        toes: toes relative to the root, metres, Z up.
        forward: where the horse faces.
        t_s: times.
        withers_height_m: the horse's height.
    """
    if len(toes) < 3:
        return found
    stance = stance_mask(found, len(toes))
    speed = np.einsum("tlc,tc->tl", np.gradient(toes, t_s, axis=0), forward)
    slowest = np.where(stance, speed, np.inf).min(1, keepdims=True)
    lowest = toes[..., 2].min(1, keepdims=True)
    limit = SWING_SPEED * np.sqrt(9.81 * withers_height_m)
    swings = (speed > slowest + limit) | (toes[..., 2] > lowest + SWING_HEIGHT * withers_height_m)
    kept = []
    for limb, start, stop in found:
        bad = swings[start:stop, limb]
        if bad.mean() <= 1 / 3:
            kept.append((limb, start, stop))
        elif runs := runs_of(~bad):
            a, b = max(runs, key=lambda run: run[1] - run[0])
            kept.append((limb, start + a, start + b))
    return kept


def trim_stances(
    found: list[tuple[int, int, int]], toes_world: Float[np.ndarray, "frames 4 xyz"], most_m: float
) -> list[tuple[int, int, int]]:
    """Cut stances to the frames about their middle in which the toe stays within ``most_m`` of its median place."""
    kept = []
    for limb, start, stop in found:
        path = toes_world[start:stop, limb]
        far = np.linalg.norm(path - np.median(path, axis=0), axis=-1) > most_m
        near = runs_of(~far)
        if near:
            a, b = max(near, key=lambda run: run[1] - run[0])
            kept.append((limb, start + a, start + b))
    return kept


def hold_or_shorten(
    body: Body, pose: Pose, found: list[tuple[int, int, int]], fps: float
) -> list[tuple[int, int, int]]:
    """Hold the hooves (``hold``); where a limb cannot, its stance is shorter, or the hoof would jump to its place.

    Returns:
        The stances that are held.
    """
    root_xyz, quat_wxyz = pose.root_xyz.copy(), pose.quat_wxyz.copy()
    hold(body, pose, found, fps)
    for _ in range(ATTEMPTS):
        held = trim_stances(found, toe_paths(body, pose), MISSED_M)
        if held == found:
            break
        found = held
        pose.root_xyz, pose.quat_wxyz = root_xyz.copy(), quat_wxyz.copy()
        hold(body, pose, found, fps)
    return found


def hold(body: Body, pose: Pose, found: list[tuple[int, int, int]], fps: float) -> None:
    """Move the limbs, in place, so that hooves stand flat and still on z = 0 and none sinks below it.

    Each stance has one place, the median of where the toe was in it; towards and from it the toe is led over
    ``BLEND_S``. The hoof stands flat, and may tip over its toe at the end of the stance (breakover; sources, D2).
    Where a limb cannot reach its place, the root gives way, smoothly, and the limbs are solved again.

    Args:
        body: the body.
        pose: in the world; changed.
        found: stances.
        fps: frames per second.
    """
    toes, hooves = toe_paths(body, pose), _hoof_rotations(body, pose)
    share, since = _shares(len(toes), found, fps)
    planted = _planted(hooves, share, since)
    least = _least_heights(body, planted)
    goal = _goals(toes, least, found, fps)
    standing = stance_mask(found, len(toes))
    for attempt in range(ATTEMPTS):
        _reach(body, pose, goal, planted, share)
        short = np.where(standing[..., None], goal - toe_paths(body, pose), 0.0)
        if attempt == ATTEMPTS - 1 or np.abs(short).max(initial=0.0) < ENOUGH_M:
            break
        count = standing.sum(1)
        give = short.sum(1) / np.maximum(count, 1)[:, None]
        pose.root_xyz = pose.root_xyz + smooth(give, np.where(count > 0, 1.0, 0.05), 8.0, fps)


def _hoof_rotations(body: Body, pose: Pose) -> Float[np.ndarray, "frames 4 3 3"]:
    """Return how each hoof is turned from rest, world axes."""
    rows = [slice(start, start + CHUNK) for start in range(0, len(pose.root_xyz), CHUNK)]
    quat = np.concatenate([body.joints(pose.root_xyz[r], pose.quat_wxyz[r])[1][:, _HOOVES] for r in rows])
    return quat_to_matrix(quat)


def _shares(
    n: int, found: list[tuple[int, int, int]], fps: float
) -> tuple[Float[np.ndarray, "frames 4"], Float[np.ndarray, "frames 4"]]:
    """Return how firmly each hoof is held, 0 to 1, and how much of its stance has passed."""
    share, since = np.zeros((n, 4)), np.zeros((n, 4))
    blend = max(1, round(BLEND_S * fps))
    for limb, start, stop in found:
        share[start:stop, limb] = 1.0
        since[start:stop, limb] = (np.arange(stop - start) + 0.5) / (stop - start)
        for step in range(1, blend + 1):
            x = 1 - step / (blend + 1)
            value = x * x * (3 - 2 * x)
            for t, passed in ((start - step, 0.0), (stop - 1 + step, 1.0)):
                if 0 <= t < n and value > share[t, limb]:
                    share[t, limb], since[t, limb] = value, passed
    return share, since


def _planted(
    hooves: Float[np.ndarray, "frames 4 3 3"],
    share: Float[np.ndarray, "frames 4"],
    since: Float[np.ndarray, "frames 4"],
) -> Float[np.ndarray, "frames 4 3 3"]:
    """Return the hooves' rotations with those that stand put flat, as far as they are held."""
    forward = -hooves[..., 1]
    yaw = np.arctan2(forward[..., 0], -forward[..., 1])
    tip = np.arcsin(forward[..., 2].clip(-1, 0))  # below the horizontal: tipped over the toe
    allowed = ((since - BREAKOVER_FROM) / (1 - BREAKOVER_FROM)).clip(0, 1)
    flat = quat_multiply(
        quat_from_axis_angle((0.0, 0.0, 1.0), yaw), quat_from_axis_angle((1.0, 0.0, 0.0), -tip * allowed)
    )
    now = quat_from_matrix(hooves)
    sign = np.where((now * flat).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    return quat_to_matrix(quat_normalize(now + share[..., None] * (sign * flat - now)))


def _least_heights(body: Body, hooves: Float[np.ndarray, "frames 4 3 3"]) -> Float[np.ndarray, "frames 4"]:
    """Return how high each toe must be for its hoof, so turned, not to reach below the ground."""
    toes = body.keypoint_offsets[1][TOES - skeleton.NUM_JOINTS68]
    height = np.empty(hooves.shape[:2])
    for limb, sole in enumerate(_soles(body)):
        height[:, limb] = -((sole - toes[limb]) @ hooves[:, limb, 2].T).min(0)
    return height


def _soles(body: Body) -> list[Float[np.ndarray, "v 3"]]:
    """Return the lower vertices of each hoof at rest."""
    is_skin = load_template().is_skin
    soles = []
    for hoof in _HOOVES:
        points = body.rest_vertices[(body.weights[:, hoof] > SOLE_WEIGHT) & is_skin]
        soles.append(points[points[:, 2] < np.percentile(points[:, 2], 50)])
    return soles


def toe_paths(body: Body, pose: Pose) -> Float[np.ndarray, "frames 4 3"]:
    """Return the toes of a pose, in chunks so that memory stays small."""
    rows = [slice(start, start + CHUNK) for start in range(0, len(pose.root_xyz), CHUNK)]
    return np.concatenate([body.keypoints(pose.root_xyz[r], pose.quat_wxyz[r])[:, TOES] for r in rows])


def _goals(toes: np.ndarray, least: np.ndarray, found: list[tuple[int, int, int]], fps: float) -> np.ndarray:
    """Return [T, 4, 3] where each toe should be; ``least`` is how high each must be at least."""
    n = len(toes)
    offset = np.zeros_like(toes)
    share = np.zeros((n, 4))
    blend = max(1, round(BLEND_S * fps))
    for limb, start, stop in found:
        path = toes[start:stop, limb]
        place = np.column_stack([np.tile(np.median(path[:, :2], axis=0), (stop - start, 1)), least[start:stop, limb]])
        offset[start:stop, limb] = place - path
        share[start:stop, limb] = 1.0
        for edge, sign in ((start, -1), (stop - 1, 1)):
            for step in range(1, blend + 1):
                t = edge + sign * step
                if not 0 <= t < n:
                    continue
                x = 1 - step / (blend + 1)
                s = x * x * (3 - 2 * x)
                if s > share[t, limb]:
                    share[t, limb] = s
                    offset[t, limb] = s * (place[edge - start] - toes[edge, limb])
    goal = toes + offset
    goal[..., 2] = np.maximum(goal[..., 2], least)
    return goal


def _reach(body: Body, pose: Pose, goal: np.ndarray, hooves: np.ndarray, share: np.ndarray) -> None:
    """Solve the limbs for where toes and held hooves should be, staying near the pose that they have."""
    rest = np.concatenate([body.rest_xyz[1 : 1 + skeleton.NUM_JOINTS68], body.keypoint_offsets[1]])
    blocks = []
    for i, limb in enumerate(skeleton.LIMBS):
        block = limb_block(body, limb)
        at = np.isin(block.points, (TOES[i], _HOOVES[i] - 1))
        give = [_give(skeleton.JOINTS[j]) for j in block.joint]
        give = np.where(block.axis == 0, give, 0.3 * np.array(give))
        blocks.append(type(block)(block.joint, block.axis, block.points[at], block.share[at], give, False))
    off = (np.linalg.norm(goal - toe_paths(body, pose), axis=-1).max(1) > 1e-4) | (share.max(1) > 0)
    frames = np.flatnonzero(off)
    for start in range(0, len(frames), CHUNK):
        rows = frames[start : start + CHUNK]
        part = Pose(pose.root_xyz[rows], pose.quat_wxyz[rows])
        target = np.zeros((len(rows), skeleton.NUM_KEYPOINTS, 3))
        weight = np.zeros((len(rows), skeleton.NUM_KEYPOINTS))
        target[:, TOES], weight[:, TOES] = goal[rows], TOE_SIGMA_M**-2
        for i, (toe, hoof) in enumerate(zip(TOES, _HOOVES - 1, strict=True)):
            target[:, hoof] = goal[rows, i] + hooves[rows, i] @ (rest[hoof] - rest[toe])
            weight[:, hoof] = share[rows, i] * CORONET_SIGMA_M**-2
        centre = quat_to_rotvec(part.quat_wxyz)
        refine(body, part, target, weight, blocks, iterations=6, centre_rad=centre, robust=False)
        pose.quat_wxyz[rows] = part.quat_wxyz


def _give(joint: str) -> float:
    return next((value for part, value in _GIVE_RAD.items() if part in joint), _GIVE_UPPER_RAD)
