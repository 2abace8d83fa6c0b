"""Keypoints to a Motion: one body for the clip, joint rotations within limits, hooves that stay where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import Body
from kinequimation.body.shape import Shape
from kinequimation.fit import contacts, world
from kinequimation.fit.bones import estimate_shape
from kinequimation.fit.clean import Track, clean
from kinequimation.fit.observation import Observation
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
from kinequimation.motion.motion import Motion
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Float

BODY_HZ: tuple[float, ...] = (2.0, 3.0, 4.5, 6.0)
LIMB_HZ: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0)
"""Cut-offs of the smoothing to choose from: trunk, neck and head; limbs and tail (the highest: sources, D3)."""
_HOOF_POINTS: dict[str, list[int]] = {
    limb: [skeleton.KEYPOINT_INDEX[name] for name in (*limb_bones(limb)[-2:], skeleton.limb_toe(limb))]
    for limb in skeleton.LIMBS
}
_PELVIS = skeleton.JOINT_INDEX[skeleton.SACRUM]


@dataclass(frozen=True)
class Fitted:
    """A fitted clip.

    Attributes:
        motion: the horse in the world, metres; it starts over the origin and faces −Y.
        T_cam_world: [T, 4, 4] world metres to camera metres, for each frame: the camera may pan.
    """

    motion: Motion
    T_cam_world: Float[np.ndarray, "frames 4 4"]


def fit(observation: Observation, shape_prior: Shape, name: str = "motion", progress: Progress = no_progress) -> Fitted:
    """Fit a moving horse to a clip of 3D and 2D keypoints.

    Bone lengths are those of one body and so constant. Frames without a horse are filled in from their neighbours
    and keep confidence 0. The work is linear in the frames, and its memory beyond the result does not grow with them.

    Args:
        observation: the clip; one frame is enough.
        shape_prior: what the horse is thought to look like; its withers height sets the scale.
        name: name of the motion.
        progress: called as stages end.

    Raises:
        NoHorseError: no frame has a horse (raised by ``Observation``).
    """
    n, fps = len(observation), observation.fps
    track = clean(observation)
    shape, scale = estimate_shape(track, shape_prior)
    body = Body(shape)
    progress("fit", 0, n)
    root_cam, pose = _pose_in_camera(body, track, observation.K, scale)
    progress("fit", n // 2, n)

    found = contacts.stances(track.contact, fps)
    stance = contacts.stance_mask(found, n)
    toes_cam = contacts.toe_paths(body, pose) - root_cam[:, None]
    up_cam = world.refine_up(track.up_cam, toes_cam, stance, track.seen, fps)
    to_world = world.level(up_cam)
    pose.quat_wxyz[:, 0] = quat_multiply(to_world, pose.quat_wxyz[:, 0])
    pose.quat_wxyz = _smooth_pose(pose.quat_wxyz, track, fps)

    pose.root_xyz = -quat_rotate(pose.quat_wxyz[:, 0], body.rest_xyz[_PELVIS])  # the sacrum at the origin
    toes = contacts.toe_paths(body, pose)
    forward = quat_rotate(pose.quat_wxyz[:, 0], np.array([0.0, -1.0, 0.0]))
    found = contacts.drop_moving(found, toes, forward, observation.t_s, shape.withers_height_m)
    stance = contacts.stance_mask(found, n)
    left = world.pan(toes, stance, observation.t_s, fps)
    left -= world.heading(world.turn(pose.quat_wxyz, left), fps)[0]
    to_world = world.turn(to_world, left)
    pose.quat_wxyz = world.turn(pose.quat_wxyz, left)

    pose.root_xyz = -quat_rotate(pose.quat_wxyz[:, 0], body.rest_xyz[_PELVIS])
    toes = contacts.toe_paths(body, pose)
    firm = world.firmness(found, _hoof_trust(track))
    # the unsmoothed toes: smoothing rounds the ends of each stance and would shorten the way
    raw = quat_rotate(to_world[:, None], toes_cam)
    path = world.travel(raw, firm, track.seen, quat_rotate(to_world, root_cam), observation.t_s, fps)
    z = world.height(toes, contacts.toe_heights(body), firm, track.seen, observation.t_s, fps)
    pose.root_xyz += np.column_stack([path, z])

    found = contacts.trim_stances(found, contacts.toe_paths(body, pose), shape.withers_height_m)
    contacts.hold(body, pose, found, fps)
    stance = contacts.stance_mask(found, n)

    _split_root(body, pose, fps)
    pose.root_xyz[:, :2] -= pose.root_xyz[0, :2].copy()
    confidence = np.where(track.seen, np.asarray(observation.frame_confidence, float).clip(0, 1), 0.0)
    motion = Motion(
        root_xyz_world=pose.root_xyz,
        quat_wxyz=quat_continuous(quat_normalize(pose.quat_wxyz)),
        contact=np.where(stance, np.maximum(track.contact, 0.5), np.minimum(track.contact, 0.49)),
        t_s=np.array(observation.t_s, float),
        fps=fps,
        confidence=confidence,
        shape=shape,
        name=name,
    )
    T_cam_world = _cameras(body, motion, track, to_world, root_cam, observation.K)
    progress("fit", n, n)
    return Fitted(motion, T_cam_world)


def _pose_in_camera(body: Body, track: Track, K: np.ndarray, scale: float) -> tuple[np.ndarray, Pose]:
    """Return the sacrum [T, 3] and the pose, in camera axes and metres; frames without a horse are filled in."""
    unit = body.shape.withers_height_m
    n = len(track.seen)
    at = np.flatnonzero(track.seen)
    quat = np.zeros((n, skeleton.NUM_JOINTS, 4))
    sacrum = np.zeros((n, 3))
    for start in range(0, len(at), CHUNK):
        rows = at[start : start + CHUNK]
        xyz = track.xyz_cam[rows] * (unit / scale)
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


def _cameras(
    body: Body, motion: Motion, track: Track, to_world: np.ndarray, root_cam: np.ndarray, K: np.ndarray
) -> np.ndarray:
    """Return [T, 4, 4] cameras that turn as found and stand where the fitted horse projects best."""
    T = np.tile(np.eye(4), (len(motion), 1, 1))
    T[:, :3, :3] = quat_to_matrix(quat_inverse(to_world))
    for start in range(0, len(motion), 1024):
        rows = slice(start, start + 1024)
        points = body.keypoints(motion.root_xyz_world[rows], motion.quat_wxyz[rows])
        sacrum = points[:, _PELVIS - 1]
        cam = np.einsum("tij,tkj->tki", T[rows, :3, :3], points - sacrum[:, None])
        root = locate(
            cam, root_cam[rows], rays(track.uv_px[rows], K), track.confidence[rows], body.shape.withers_height_m
        )
        T[rows, :3, 3] = root - np.einsum("tij,tj->ti", T[rows, :3, :3], sacrum)
    return T
