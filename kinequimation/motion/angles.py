"""The angles that people publish of a horse: joints of the limbs, how the limbs swing, trunk, neck and head.

Limb joints are measured as in ``limits``: flexor-side, in the sagittal plane of the segment above, 180° where the two
segments are in line and more where the joint is over-extended. ``ANGLES`` says what each of the others is, with its
sign. All are degrees, of one frame, in world axes (Z up); so they do not depend on the camera, and those of the limb
joints not on where the horse stands or faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_rotate
from kinequimation.motion.limits import joint_angles
from kinequimation.motion.motion import part_of, pieces

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.motion import Motion

_LIMB_JOINTS: dict[str, str] = {
    "shoulder": "shoulder joint",
    "elbow": "elbow",
    "carpus": "carpus (knee)",
    "fore_fetlock": "fetlock of the foreleg",
    "hip": "hip: pelvis to thigh",
    "stifle": "stifle",
    "hock": "tarsus (hock)",
    "hind_fetlock": "fetlock of the hind leg",
}
_SIDED: dict[str, str] = {
    "scapula": "inclination of the shoulder blade to the horizontal",
    **{name: f"{what}, flexor side" for name, what in _LIMB_JOINTS.items()},
    "fore_swing": "foreleg, top of the shoulder blade to the fetlock, before (+) or behind (-) the vertical",
    "hind_swing": "hind leg, hip to fetlock, before (+) or behind (-) the vertical",
}
ANGLES: dict[str, str] = {
    **{
        f"{name}.{side}": f"{what}, {word}"
        for name, what in _SIDED.items()
        for side, word in (("L", "left"), ("R", "right"))
    },
    "trunk_pitch": "sacrum to withers against the standing horse; front up is positive",
    "trunk_roll": "about the long axis of the trunk; left side up is positive",
    "trunk_yaw": "heading of the trunk, 0 along -Y, to the left positive, -180 to 180",
    "neck": "elevation of the neck, its base to the poll, above the horizontal",
    "head": "line from poll to muzzle against the vertical; nose in front is positive",
    "poll": "between neck and head, on the throat's side",
}
"""Every angle, and what it is."""

_J = skeleton.JOINT_INDEX
_SACRUM, _WITHERS, _MIDDLE = _J["DEF-spine.001"], _J["DEF-spine.006"], _J["DEF-spine.004"]
_NECK, _HEAD = _J["DEF-neck.001"], _J["DEF-head"]
_NOSE = skeleton.KEYPOINT_INDEX["nose"]


def angles(body: Body, motion: Motion) -> Float[np.ndarray, "frames angles"]:
    """Measure every angle of ``ANGLES``, in its order, degrees.

    Memory grows with the frames; ``angle_rows`` goes through a long motion in pieces.
    """
    limbs = joint_angles(body, motion)
    xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    points = body.keypoints_from_joints(xyz, rotation)
    found = {name: limbs[name] for name in ANGLES if name in limbs}
    trunk = xyz[:, _WITHERS] - xyz[:, _SACRUM]
    left = quat_rotate(rotation[:, _MIDDLE], np.broadcast_to([1.0, 0.0, 0.0], trunk.shape))
    up = quat_rotate(rotation[:, _MIDDLE], np.broadcast_to([0.0, 0.0, 1.0], trunk.shape))
    standing = _elevation(body.rest_xyz[_WITHERS] - body.rest_xyz[_SACRUM])
    found["trunk_pitch"] = _elevation(trunk) - standing
    found["trunk_roll"] = np.degrees(np.arctan2(left[:, 2], up[:, 2]))
    found["trunk_yaw"] = np.degrees(np.arctan2(trunk[:, 0], -trunk[:, 1]))
    ahead = _level(trunk)
    for side in "LR":
        blade, upper = xyz[:, _J[f"DEF-shoulder.{side}"]], xyz[:, _J[f"DEF-upper_arm.{side}"]]
        found[f"scapula.{side}"] = np.abs(_elevation(upper - blade))
        fore = xyz[:, _J[f"DEF-f_toe.{side}"]] - blade
        hind = xyz[:, _J[f"DEF-r_toe.{side}"]] - xyz[:, _J[f"DEF-thigh.{side}"]]
        for name, limb in (("fore_swing", fore), ("hind_swing", hind)):
            found[f"{name}.{side}"] = np.degrees(np.arctan2(np.sum(limb * ahead, -1), -limb[:, 2]))
    neck, head = xyz[:, _HEAD] - xyz[:, _NECK], points[:, _NOSE] - xyz[:, _HEAD]
    found["neck"] = _elevation(neck)
    found["head"] = np.degrees(np.arctan2(np.sum(head * _level(neck), -1), -head[:, 2]))
    cosine = np.sum(-neck * head, -1) / (np.linalg.norm(neck, axis=-1) * np.linalg.norm(head, axis=-1))
    found["poll"] = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return np.stack([found[name] for name in ANGLES], axis=1)


def angle_rows(body: Body, motion: Motion) -> Iterator[tuple[slice, Float[np.ndarray, "frames angles"]]]:
    """Yield some frames and their angles, until all have been."""
    for rows in pieces(len(motion)):
        yield rows, angles(body, part_of(motion, rows))


def _elevation(vector: np.ndarray) -> np.ndarray:
    """Return the angle of vectors above the horizontal, degrees."""
    return np.degrees(np.arctan2(vector[..., 2], np.linalg.norm(vector[..., :2], axis=-1)))


def _level(vector: np.ndarray) -> Float[np.ndarray, "frames 3"]:
    """Return the horizontal direction of vectors."""
    flat = vector * [1.0, 1.0, 0.0]
    return flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)
