"""From a plan of gaits and hooves to a pose a frame: the trunk swings, the limbs reach for their hooves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_rotvec,
    quat_multiply,
    quat_rotate,
    quat_to_matrix,
)
from kinequimation.motion.curves import swing_value
from kinequimation.motion.gait import REFERENCE_HEIGHT_M
from kinequimation.motion.limbs import BASE, CHAIN, Limbs, reach, rest_toes
from kinequimation.motion.limits import JOINT_LIMITS
from kinequimation.motion.steps import turned_left
from kinequimation.motion.trunk import TRUNK_REFERENCE, pose_trunk
from kinequimation.motion.wishes import slacks, wished_turns

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait
    from kinequimation.motion.steps import Hooves
    from kinequimation.motion.style import Style

_J = skeleton.JOINT_INDEX
_SPINE_CHAIN = [_J["root"], *(_J[f"DEF-spine.00{i}"] for i in range(1, 7))]
_PELVIS, _HEAD = _J["DEF-spine.001"], _J["DEF-head"]
_LOINS = [_J[f"DEF-spine.00{i}"] for i in range(2, 6)]
_NECK = [_J[f"DEF-neck.00{i}"] for i in range(1, 5)]
_TAIL = [_J[f"DEF-tail.00{i}"] for i in range(1, 6)]
_TAIL_SHARE = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
_TAIL_CLEARANCE = 0.125
"""How high the bones of the tail stay above the ground, in withers heights; the hair is a little longer."""
_SOFTNESS = 0.006
"""Distance before its full stretch at which a limb begins to pull the trunk down, in withers heights."""
_STANDING_TOLERANCE_M, _FLYING_TOLERANCE_M = 5e-5, 1e-3
_SETTLED = ((0.29, 0.39, 0.40, 0.55, 0.62), (1.0, 0.8, 0.3, 0.3, 0.65))
"""Share of the greatest stretch by which the trunk is lower all the time, by the duty factor; for the rest it dips
(judged by the joints' ranges: lower still, and they flex too much; a race has no time for dips)."""
_ROOM = 0.004
"""A horse sinks by this share of its height more than its limbs need, so that they only just stretch (a guess)."""
_RELUCTANCE = 0.3
"""How much further than it can a limb in the air would have to reach before it pulls the trunk down, withers heights;
until then it bends instead."""
_LETS_GO, _TOUCH = 0.13, 0.03
"""Parts of the swing in which a limb ceases to pull, and in which its toe leaves the exact way that it was given, and
back again at the end (judgement)."""
_LEAN_SHARE, _MOST_LEAN_RAD = 0.85, np.radians(9.0)
"""A horse leans a little less than the balance of forces asks for; both guesses."""
_MOST_SPINE_BEND_RAD, _MOST_NECK_BEND_RAD = np.radians(10.0), np.radians(22.0)
GRAVITY_MPS2 = 9.81


@dataclass(frozen=True)
class Course:
    """Where the trunk is at each frame.

    Attributes:
        xy_world: [T, 2] the point of the ground under the root.
        heading_rad: [T] turned left from −Y.
        speed_mps: [T].
        turn_per_m: [T] curvature to the left.
    """

    xy_world: Float[np.ndarray, "frames 2"]
    heading_rad: Float[np.ndarray, " frames"]
    speed_mps: Float[np.ndarray, " frames"]
    turn_per_m: Float[np.ndarray, " frames"]


@dataclass(frozen=True)
class Part:
    """One gait's share in what a horse does.

    Attributes:
        gait: its numbers constant or one a frame.
        phase: [T] of the gait's own stride, not wrapped.
        share: [T] the shares of all parts sum to 1.
        sink_m: [T] how far the trunk sinks for the length of its stride.
    """

    gait: Gait
    phase: Float[np.ndarray, " frames"]
    share: Float[np.ndarray, " frames"]
    sink_m: Float[np.ndarray, " frames"]


def animate(
    body: Body,
    style: Style,
    course: Course,
    parts: list[Part],
    hooves: Hooves,
    extra: Float[np.ndarray, "frames 81 3"] | None = None,
    lift_m: Float[np.ndarray, " frames"] | float = 0.0,
    probes: Int[np.ndarray, " n"] | None = None,
    smooth_frames: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Pose every frame.

    Args:
        body: the horse.
        style: the way of going.
        course: where the trunk goes.
        parts: the gaits; more than one during a transition.
        hooves: what the hooves do.
        extra: turns to add to the trunk's and to the limbs' wishes, rotation vectors.
        lift_m: height to add to the trunk's middle.
        probes: the first frames are no part of the motion but moments at which one limb each, LF to RH, is stretched
            most: the trunk sinks by as much as they need. Without them it is the parts that say how far.
        smooth_frames: how many frames before and after a stretch the trunk begins and ends to give way to it.

    Returns:
        without the probes, root positions [T, 3] and rotations relative to the parents [T, 81, 4].
    """
    height = body.shape.withers_height_m
    root, quat, frame = _carry(body, style, course, parts, hooves, extra, lift_m)
    if probes is not None:
        n = len(probes)
        sink = needed_sink_m(body, parts[0].gait, frame.over_m[:n], probes)
        root, quat, frame = root[n:], quat[n:], frame.after(n, sink)
        root[:, 2] -= sink
        parts = [dataclasses.replace(p, phase=p.phase[n:], share=p.share[n:], sink_m=p.sink_m[n:]) for p in parts]
        hooves = hooves.after(n)
    over = frame.over_m - _RELUCTANCE * height * _free(hooves.progress, _LETS_GO)
    root[:, 2] -= _unhurried(_soft_positive_max(over, _SOFTNESS * height), smooth_frames)
    _clear_tail(body, root, quat, frame)
    bound = [(p.share, *slacks(p.gait, hooves.progress)) for p in parts]
    slack, hoof_slack = _mixed([(w, s) for w, s, _ in bound]), _mixed([(w, h) for w, _, h in bound])
    base_xyz = frame.base_xyz + root[:, None]
    near = frame.limbs.within_reach(
        base_xyz, frame.base_R, frame.wish, hooves.toe_xyz_world, frame.hoof_R, _SOFTNESS * height
    )
    off = _free(hooves.progress, _TOUCH)[..., None]
    toe = hooves.toe_xyz_world + off * (near - hooves.toe_xyz_world)
    tolerance = np.where(hooves.contact > 0.5, _STANDING_TOLERANCE_M, _FLYING_TOLERANCE_M)
    quat[:, CHAIN] = reach(
        frame.limbs, base_xyz, frame.base_R, frame.wish, slack, toe, frame.hoof_R, hoof_slack, tolerance_m=tolerance
    )
    return root, quat


def overreach_m(body: Body, style: Style, course: Course, part: Part, hooves: Hooves) -> Float[np.ndarray, "frames 4"]:
    """Return by how much the trunk is too high for each limb to reach its hoof; the arguments are ``animate``'s."""
    return _carry(body, style, course, [part], hooves, None, 0.0)[2].over_m


@dataclass(frozen=True)
class _Carried:
    """The limbs before they reach: what carries them, their wishes, their hooves."""

    limbs: Limbs
    base_xyz: np.ndarray  # [T, 4, 3] from the root to what carries the limbs: withers, withers, pelvis, pelvis
    base_R: np.ndarray
    wish: np.ndarray
    hoof_R: np.ndarray
    over_m: np.ndarray

    def after(self, n: int, sink_m: float) -> _Carried:
        """Return all but the first frames, the trunk lower."""
        return _Carried(
            self.limbs, self.base_xyz[n:], self.base_R[n:], self.wish[n:], self.hoof_R[n:], self.over_m[n:] - sink_m
        )


def needed_sink_m(body: Body, gait: Gait, over_m: Float[np.ndarray, "n 4"], limb: Int[np.ndarray, " n"]) -> float:
    """Return how far the trunk sinks for one limb each, LF to RH, to reach its hoof at some moments, metres.

    A horse that covers much ground carries its trunk low all the time rather than falling at each stretch.
    """
    most = float(over_m[np.arange(len(limb)), limb].max()) + _ROOM * body.shape.withers_height_m
    return float(np.interp(np.max(gait.duty), *_SETTLED)) * max(most, 0.0)


def _carry(
    body: Body,
    style: Style,
    course: Course,
    parts: list[Part],
    hooves: Hooves,
    extra: np.ndarray | None,
    lift_m: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray, _Carried]:
    """Pose the trunk: root positions, rotations with the limbs still at rest, and the limbs' task."""
    height = body.shape.withers_height_m
    rotvec = _mixed([(part.share, pose_trunk(part.gait, style, part.phase, 0.0)) for part in parts])
    _bend(rotvec, body, course)
    lean = np.clip(
        _LEAN_SHARE * np.arctan(course.speed_mps**2 * course.turn_per_m / GRAVITY_MPS2),
        -_MOST_LEAN_RAD,
        _MOST_LEAN_RAD,
    )
    rotvec[:, 0, 1] += lean
    rotvec[:, _HEAD, 1] -= 0.5 * lean  # the head stays more upright
    if extra is not None:
        rotvec = rotvec + extra
    rotvec = np.clip(rotvec, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1])
    quat = quat_from_rotvec(rotvec)
    heading = quat_from_axis_angle((0.0, 0.0, 1.0), course.heading_rad)
    quat[:, 0] = quat_multiply(heading, quat[:, 0])
    xyz, rotation = _spine(body, quat)
    where = body.rest_xyz[TRUNK_REFERENCE] + _mixed([(p.share, _place(p, style, height)) for p in parts])
    where[:, 2] += lift_m
    where[:, 0] += where[:, 2] * np.sin(lean)
    where[:, 2] *= np.cos(lean)
    plan = course.xy_world + turned_left(where[:, :2], course.heading_rad)
    root = np.concatenate([plan, where[:, 2:]], 1) - xyz[:, _SPINE_CHAIN.index(TRUNK_REFERENCE)]
    base = [_SPINE_CHAIN.index(j) for j in BASE]
    base_R = quat_to_matrix(rotation[:, base])
    wish = _mixed([(p.share, wished_turns(p.gait, style, body, hooves.progress)) for p in parts])
    if extra is not None:
        wish = wish + extra[:, CHAIN, 0]
    hoof_quat = quat_multiply(
        quat_from_axis_angle((0.0, 0.0, 1.0), hooves.yaw_rad), quat_from_axis_angle((1.0, 0.0, 0.0), hooves.pitch_rad)
    )
    hoof_R = quat_to_matrix(hoof_quat)
    limbs = Limbs.of(body, symmetric_toes(body))
    over = limbs.overreach(xyz[:, base] + root[:, None], base_R, wish, hooves.toe_xyz_world, hoof_R)
    return root, quat, _Carried(limbs, xyz[:, base], base_R, wish, hoof_R, over)


def symmetric_toes(body: Body) -> Float[np.ndarray, "4 3"]:
    """Return the toes at rest; left and right as mirror images, which the mesh's vertices are only to millimetres."""
    toes = rest_toes(body)
    return 0.5 * (toes + toes[[1, 0, 3, 2]] * [-1.0, 1.0, 1.0])


def _mixed(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the sum of shares [T] times values [T, ...]."""
    if len(parts) == 1:
        return parts[0][1]
    return np.sum([value * share.reshape(-1, *(1,) * (value.ndim - 1)) for share, value in parts], axis=0)


def _place(part: Part, style: Style, height_m: float) -> np.ndarray:
    """Return [T, 3] how the trunk's middle departs from its place at rest: to the left, backwards, up."""
    gait, phase, k = part.gait, part.phase, style.trunk_motion
    if gait.stands:
        # a standing horse shifts its weight
        turn = 2 * np.pi * phase
        sway = np.stack(
            [
                0.007 * np.sin(turn + 0.3) + 0.003 * np.sin(2 * turn + 1.9),
                0.005 * np.sin(turn + 1.5),
                -0.002 + 0.0015 * np.sin(2 * turn),
            ],
            -1,
        )
        if style.cocked_hind:
            sway[:, 0] += 0.012 if style.cocked_hind == "RH" else -0.012  # over the hind limb that bears
        return sway * height_m * k
    size = k * height_m / REFERENCE_HEIGHT_M
    return np.stack(
        [size * swing_value(gait.sway, phase), 0.0 * phase, size * swing_value(gait.heave, phase) - part.sink_m], -1
    )


def _bend(rotvec: np.ndarray, body: Body, course: Course) -> None:
    """Bend spine and neck along the arc."""
    if not np.any(course.turn_per_m):
        return
    trunk = body.rest_xyz[_PELVIS, 1] - body.rest_xyz[_SPINE_CHAIN[-1], 1]
    neck = body.rest_xyz[_NECK[0], 1] - body.rest_xyz[_HEAD, 1]
    spine = np.clip(course.turn_per_m * trunk, -_MOST_SPINE_BEND_RAD, _MOST_SPINE_BEND_RAD)
    rotvec[:, _PELVIS, 2] -= 0.5 * spine
    rotvec[:, _LOINS, 2] += spine[:, None] / len(_LOINS)
    bend = np.clip(1.3 * course.turn_per_m * neck, -_MOST_NECK_BEND_RAD, _MOST_NECK_BEND_RAD)
    rotvec[:, _NECK, 2] += bend[:, None] / len(_NECK)


def _free(progress: np.ndarray, part: float) -> np.ndarray:
    """Return 0 while a hoof stands, rising to 1 within a part of its swing, and falling again in its last part."""
    w = np.clip(progress - 1.0, 0.0, 1.0)
    x = np.clip(np.minimum(w, 1.0 - w) / part, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _unhurried(dip_m: np.ndarray, n_frames: int) -> np.ndarray:
    """Return dips [T] that are nowhere less, and begin and end some frames earlier and later."""
    if n_frames == 0 or len(dip_m) == 1:
        return dip_m
    width = 2 * n_frames + 1
    greatest = np.lib.stride_tricks.sliding_window_view(np.pad(dip_m, 2 * n_frames, mode="edge"), width).max(-1)
    weight = np.hanning(width + 2)[1:-1]
    return np.convolve(greatest, weight / weight.sum(), mode="valid")


def _soft_positive_max(x: np.ndarray, softness: float) -> np.ndarray:
    """Return a smooth version, never below, of the greatest of 0 and the last axis."""
    top = np.maximum(x.max(-1), 0.0)
    return top + softness * np.log(np.exp(-top / softness) + np.exp((x - top[..., None]) / softness).sum(-1))


def _clear_tail(body: Body, root: np.ndarray, quat: np.ndarray, frame: _Carried) -> None:
    """Lift a tail that would reach the ground, by the same in all frames; the tail's rotations are changed."""
    bones = np.array([body.rest_xyz[_PELVIS], *body.rest_xyz[_TAIL], body.rest_tail_xyz[_TAIL[-1]]])
    steps = np.diff(bones, axis=0)
    length = float(np.linalg.norm(steps[1:], axis=-1).sum())
    dock = frame.base_xyz[:, 2] + root + frame.base_R[:, 2] @ steps[0]
    clearance = _TAIL_CLEARANCE * body.shape.withers_height_m
    if dock[:, 2].min() - length >= clearance:
        return
    for _ in range(4):
        turns = quat_to_matrix(quat[:, _TAIL])
        rotation, xyz, lowest = frame.base_R[:, 2], dock, np.inf
        for i, step in enumerate(steps[1:]):
            rotation = rotation @ turns[:, i]
            xyz = xyz + rotation @ step
            lowest = min(lowest, float(xyz[:, 2].min()))
        if lowest >= clearance:
            return
        turn = np.zeros((len(_TAIL), 3))
        turn[:, 0] = min(1.5 * (clearance - lowest) / length + 0.02, 0.6) * _TAIL_SHARE
        quat[:, _TAIL] = quat_multiply(quat_from_rotvec(turn)[None], quat[:, _TAIL])


def _spine(body: Body, quat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose root and spine alone, the root at the origin: positions [T, 7, 3] and rotations [T, 7, 4]."""
    xyz = np.zeros((len(quat), len(_SPINE_CHAIN), 3))
    rotation = np.empty((len(quat), len(_SPINE_CHAIN), 4))
    rotation[:, 0] = quat[:, 0]
    for i in range(1, len(_SPINE_CHAIN)):
        j, p = _SPINE_CHAIN[i], _SPINE_CHAIN[i - 1]
        xyz[:, i] = xyz[:, i - 1] + quat_rotate(rotation[:, i - 1], body.rest_xyz[j] - body.rest_xyz[p])
        rotation[:, i] = quat_multiply(rotation[:, i - 1], quat[:, j])
    return xyz, rotation
