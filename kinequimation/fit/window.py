"""A stretch of a clip, solved: every horse before the camera posed and placed in one world with level ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import Body
from kinequimation.fit import contacts, world
from kinequimation.fit.clean import Track, clean
from kinequimation.fit.pose import CHUNK, Pose, clamp, solve_pose
from kinequimation.fit.rays import locate, onto_rays, rays
from kinequimation.fit.rig import NECK, SPINE, TAIL, limb_bones
from kinequimation.fit.smoothing import GAP_WEIGHT, fill_rows, smooth_quat
from kinequimation.geometry.rotation import (
    quat_continuous,
    quat_from_axis_angle,
    quat_from_rotvec,
    quat_inverse,
    quat_multiply,
    quat_normalize,
    quat_rotate,
    quat_to_matrix,
    quat_to_rotvec,
)
from kinequimation.motion.limits import JOINT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float

    from kinequimation.fit.observation import Observation

BODY_HZ: tuple[float, ...] = (3.0, 4.5, 6.0, 9.0, 13.0, 20.0)
LIMB_HZ: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 14.0, 20.0, 28.0)
"""Cut-offs of the smoothing to choose from: trunk, neck and head; limbs and tail (the highest: sources, D3)."""
_HOOF_POINTS: dict[str, list[int]] = {
    limb: [skeleton.KEYPOINT_INDEX[name] for name in (*limb_bones(limb)[-2:], skeleton.limb_toe(limb))]
    for limb in skeleton.LIMBS
}
_PELVIS = skeleton.JOINT_INDEX[skeleton.SACRUM]


@dataclass(frozen=True)
class Subject:
    """A horse to be fitted.

    Attributes:
        body: its body.
        scale: how much larger than the body the lifter takes it to be.
    """

    body: Body
    scale: float


@dataclass
class Placed:
    """A horse in the world of a window.

    Attributes:
        pose: root and rotations, metres.
        contact: [T, 4] probability that a hoof stands; above one half exactly where it is held.
        T_cam_world: [T, 4, 4] cameras that turn as found and stand where this horse projects best.
        seen: [T] frames with the horse.
    """

    pose: Pose
    contact: Float[np.ndarray, "frames 4"]
    T_cam_world: Float[np.ndarray, "frames 4 4"]
    seen: Bool[np.ndarray, " frames"]


@dataclass
class _InWork:
    """A horse on its way from the camera to the world."""

    subject: Subject
    observation: Observation
    track: Track
    root_cam: np.ndarray
    pose: Pose
    toes_cam: np.ndarray
    found: list[tuple[int, int, int]]

    def hooves(self, toes: np.ndarray) -> world.Hooves:
        return world.Hooves(toes, contacts.stance_mask(self.found, len(toes)), self.track.seen)

    def toes(self) -> np.ndarray:
        """Return the toes relative to the sacrum, which is put at the origin."""
        rest = self.subject.body.rest_xyz[_PELVIS]
        self.pose.root_xyz = -quat_rotate(self.pose.quat_wxyz[:, 0], rest)
        return contacts.toe_paths(self.subject.body, self.pose)


def solve_window(subjects: Sequence[Subject], observations: Sequence[Observation | None]) -> list[Placed | None]:
    """Solve a stretch of a clip for all horses in it.

    The camera is one: its up vector and its turning are found from the hooves of all. The first horse that is there
    starts over the origin and faces −Y; the others stand where the same camera sees them.

    Args:
        subjects: the horses.
        observations: of each horse the same frames; None for one that is in none of them.

    Returns:
        for each horse what became of it; None for one that is not there.
    """
    work = [_begin(s, o) if o is not None else None for s, o in zip(subjects, observations, strict=True)]
    there = [horse for horse in work if horse is not None]
    if not there:
        return [None] * len(work)
    fps, t_s = there[0].observation.fps, there[0].observation.t_s
    up_cam = world.refine_up([h.track.up_cam for h in there], [h.hooves(h.toes_cam) for h in there], fps)
    to_world = world.level(up_cam)
    level_hooves = []
    for horse in there:
        quat = horse.pose.quat_wxyz
        quat[:, 0] = quat_multiply(to_world, quat[:, 0])
        horse.pose.quat_wxyz = _smooth_pose(quat, horse.track, fps)
        toes = horse.toes()
        forward = quat_rotate(horse.pose.quat_wxyz[:, 0], np.array([0.0, -1.0, 0.0]))
        height_m = horse.subject.body.shape.withers_height_m
        horse.found = contacts.drop_moving(horse.found, toes, forward, t_s, height_m)
        level_hooves.append(horse.hooves(toes))
    left, share = world.pan(
        level_hooves,
        [quat_rotate(to_world, horse.root_cam) for horse in there],
        [world.heading(horse.pose.quat_wxyz, fps) for horse in there],
        t_s,
        fps,
    )
    stays = share >= world.STAYS_FROM
    left -= world.heading(world.turn(there[0].pose.quat_wxyz, left), fps)[0]
    to_world = world.turn(to_world, left)
    placed = {id(horse): _place(horse, left, to_world, stays) for horse in there}
    first = placed[id(there[0])]
    shift(first, -first.pose.root_xyz[0] * [1, 1, 0])
    for horse in there[1:]:
        _beside(placed[id(horse)], first)
    return [None if horse is None else placed[id(horse)] for horse in work]


def _begin(subject: Subject, observation: Observation) -> _InWork:
    track = clean(observation)
    root_cam, pose = _pose_in_camera(subject, track, observation.K)
    found = contacts.stances(track.contact, observation.fps)
    toes_cam = contacts.toe_paths(subject.body, pose) - root_cam[:, None]
    return _InWork(subject, observation, track, root_cam, pose, toes_cam, found)


def _place(horse: _InWork, left: np.ndarray, to_world: np.ndarray, camera_stays: bool) -> Placed:
    """Turn a horse with the camera, let it go its way over the ground, and hold its hooves."""
    body, track, pose, observation = horse.subject.body, horse.track, horse.pose, horse.observation
    fps, t_s, n = observation.fps, observation.t_s, len(observation)
    height_m = body.shape.withers_height_m
    pose.quat_wxyz = world.turn(pose.quat_wxyz, left)
    toes = horse.toes()
    firm = world.firmness(horse.found, _hoof_trust(track))
    z = world.height(toes, contacts.toe_heights(body), firm, track.seen, t_s, fps)
    # the unsmoothed toes: smoothing rounds the ends of each stance and would shorten the way
    raw, root = quat_rotate(to_world[:, None], horse.toes_cam), quat_rotate(to_world, horse.root_cam)
    told = quat_rotate(to_world, observation.velocity_cam * height_m)[:, :2]
    legs = world.travel(raw, firm, track.seen, root, t_s, fps)
    most_m = contacts.MAX_DRIFT_HEIGHTS * height_m
    found = contacts.trim_stances(horse.found, toes[..., :2] + legs[:, None], most_m)
    path = world.travel(raw, firm, track.seen, root, t_s, fps, told, camera_stays)
    pose.root_xyz += np.column_stack([path, z])
    found = contacts.hold_or_shorten(body, pose, found, fps)
    stance = contacts.stance_mask(found, n)
    _split_root(body, pose, fps)
    pose.quat_wxyz = quat_continuous(quat_normalize(pose.quat_wxyz))
    contact = np.where(stance, np.maximum(track.contact, 0.51), np.minimum(track.contact, 0.49))
    return Placed(pose, contact, _cameras(horse, to_world), track.seen)


def shift(placed: Placed, by_xyz: Float[np.ndarray, " 3"]) -> None:
    """Move a horse and its cameras through the world, in place."""
    placed.pose.root_xyz = placed.pose.root_xyz + by_xyz
    placed.T_cam_world[:, :3, 3] -= placed.T_cam_world[:, :3, :3] @ by_xyz


def camera_positions(placed: Placed) -> Float[np.ndarray, "frames 3"]:
    """Return where the cameras stand in the world."""
    return -np.einsum("tji,tj->ti", placed.T_cam_world[:, :3, :3], placed.T_cam_world[:, :3, 3])


def _beside(placed: Placed, first: Placed) -> None:
    """Move a horse to where the camera that sees the first one sees it, in place."""
    both = placed.seen & first.seen
    rows = both if both.any() else np.ones(len(both), bool)
    apart = (camera_positions(first) - camera_positions(placed))[rows]
    shift(placed, np.median(apart, axis=0) * [1, 1, 0])


def _pose_in_camera(subject: Subject, track: Track, K: np.ndarray) -> tuple[np.ndarray, Pose]:
    """Return the sacrum [T, 3] and the pose, in camera axes and metres; frames without a horse are filled in."""
    body = subject.body
    unit = body.shape.withers_height_m
    n = len(track.seen)
    at = np.flatnonzero(track.seen)
    quat = np.zeros((n, skeleton.NUM_JOINTS, 4))
    sacrum = np.zeros((n, 3))
    for start in range(0, len(at), CHUNK):
        rows = at[start : start + CHUNK]
        xyz = track.xyz_cam[rows] * (unit / subject.scale)
        ray = rays(track.uv_px[rows], K)
        weight = track.weight[rows]
        confidence = np.where(weight > 0, track.confidence[rows], 0.0)
        root = locate(xyz, track.root_xyz_cam[rows] * unit, ray, confidence, unit)
        sigma = unit / np.sqrt(np.maximum(weight, 1e-3))
        xyz = onto_rays(xyz, root, sigma, ray, confidence, unit)
        solved = solve_pose(body, xyz + root[:, None], weight / unit**2)
        quat[rows] = solved.quat_wxyz
        sacrum[rows] = solved.root_xyz + quat_rotate(solved.quat_wxyz[:, 0], body.rest_xyz[_PELVIS])
    quat[at] = quat_continuous(quat[at])
    quat = quat_normalize(fill_rows(quat, track.seen))
    sacrum = fill_rows(sacrum, track.seen)
    return sacrum, Pose(sacrum - quat_rotate(quat[:, 0], body.rest_xyz[_PELVIS]), quat)


def _smooth_pose(quat: np.ndarray, track: Track, fps: float) -> np.ndarray:
    """Smooth the rotations, each part of the horse by how well its points were seen; keep the joint limits."""
    smoothed = quat.copy()
    parts = [((skeleton.ROOT,), BODY_HZ), *((p, BODY_HZ) for p in (SPINE, NECK))]
    parts += [(TAIL, LIMB_HZ), *((limb_bones(limb), LIMB_HZ) for limb in skeleton.LIMBS)]
    for bones, cutoffs in parts:
        joints = [skeleton.JOINT_INDEX[b] for b in bones]
        points = np.array([j for j in joints if j > 0] or [_PELVIS]) - 1
        smoothed[:, joints] = smooth_quat(quat[:, joints], _trust(track, points), cutoffs, fps)
    return clamp(smoothed)


def _trust(track: Track, points: np.ndarray) -> np.ndarray:
    """Return [T] weights for ``smooth``: 1 for an ordinary frame of these points."""
    weight = track.weight[:, points].mean(1)
    usual = float(np.median(weight[track.seen])) or 1.0
    return np.where(track.seen, (weight / usual).clip(GAP_WEIGHT, 2.0), GAP_WEIGHT)


def _hoof_trust(track: Track) -> np.ndarray:
    """Return [T, 4] how well each hoof is seen, 1 for as well as is usual in this clip."""
    weight = np.stack([track.weight[:, _HOOF_POINTS[limb]].mean(1) for limb in skeleton.LIMBS], 1)
    usual = float(np.median(weight[track.seen])) or 1.0
    return (weight / usual).clip(0.0, 1.0)


def _split_root(body: Body, pose: Pose, fps: float) -> None:
    """Share the pelvis's rotation, in place: its heading to the root joint, the rest to the first spine joint.

    What the first spine joint may not take stays with the root, as when a horse rears.
    """
    sacrum = body.rest_xyz[_PELVIS]
    place = pose.root_xyz + quat_rotate(pose.quat_wxyz[:, 0], sacrum)
    whole = quat_multiply(pose.quat_wxyz[:, 0], pose.quat_wxyz[:, _PELVIS])
    yaw = quat_from_axis_angle((0.0, 0.0, 1.0), world.heading(pose.quat_wxyz, fps))
    rest = quat_to_rotvec(quat_multiply(quat_inverse(yaw), whole)).clip(*JOINT_LIMITS[_PELVIS])
    pelvis = quat_from_rotvec(rest)
    root = quat_multiply(whole, quat_inverse(pelvis))
    pose.quat_wxyz[:, 0], pose.quat_wxyz[:, _PELVIS] = root, pelvis
    pose.root_xyz = place - quat_rotate(root, sacrum)


def _cameras(horse: _InWork, to_world: np.ndarray) -> np.ndarray:
    """Return [T, 4, 4] cameras that turn as found and stand where the fitted horse projects best."""
    body, track, pose = horse.subject.body, horse.track, horse.pose
    T = np.tile(np.eye(4), (len(to_world), 1, 1))
    T[:, :3, :3] = quat_to_matrix(quat_inverse(to_world))
    for start in range(0, len(T), CHUNK):
        rows = slice(start, start + CHUNK)
        points = body.keypoints(pose.root_xyz[rows], pose.quat_wxyz[rows])
        sacrum = points[:, _PELVIS - 1]
        cam = np.einsum("tij,tkj->tki", T[rows, :3, :3], points - sacrum[:, None])
        ray = rays(track.uv_px[rows], horse.observation.K)
        root = locate(cam, horse.root_cam[rows], ray, track.confidence[rows], body.shape.withers_height_m)
        T[rows, :3, 3] = root - np.einsum("tij,tj->ti", T[rows, :3, :3], sacrum)
    return T
