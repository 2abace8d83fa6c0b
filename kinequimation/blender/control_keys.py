"""Where Rigify's controls shall be over a stretch of frames, and the keys that put them there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_between, quat_from_axis_angle, quat_from_matrix, quat_to_matrix

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float


@dataclass
class Keys:
    """The keys of one control over all frames, in its own channels.

    Attributes:
        location: [T, 3] metres.
        rotation: [T, 4] quaternions, or [T, 1] radians about y for a control that turns about itself alone.
    """

    location: Float[np.ndarray, "frames 3"]
    rotation: Float[np.ndarray, "frames k"]


@dataclass
class Stretch:
    """The controls over some frames, as they become known.

    Attributes:
        rig: Rigify's horse.
        moved: [T, 81, 4, 4] how the motion has moved each joint from rest.
        rest: [4, 4] by bone.
        parents: by bone.
        poses: [T, 4, 4] by bone, in the armature's axes: those that are known.
        keys: by control.
    """

    rig: bpy.types.Object
    moved: Float[np.ndarray, "frames 81 4 4"]
    rest: dict[str, Float[np.ndarray, "4 4"]]
    parents: dict[str, str]
    poses: dict[str, Float[np.ndarray, "frames 4 4"]] = field(default_factory=dict)
    keys: dict[str, Keys] = field(default_factory=dict)

    def carried(self, bone: str, joint: str) -> Float[np.ndarray, "frames 4 4"]:
        """Return where a bone is that a joint carries."""
        return self.moved[:, skeleton.JOINT_INDEX[joint]] @ self.rest[bone]

    def pose(self, bone: str) -> Float[np.ndarray, "frames 4 4"]:
        """Return where a bone is; one that has no keys follows its parent."""
        if bone not in self.poses:
            self.poses[bone] = self.unmoved(bone)
        return self.poses[bone]

    def unmoved(self, bone: str) -> Float[np.ndarray, "frames 4 4"]:
        """Return where a bone is before its own keys move it."""
        parent = self.parents[bone]
        if not parent:
            return np.tile(self.rest[bone], (len(self.moved), 1, 1))
        return self.pose(parent) @ (np.linalg.inv(self.rest[parent]) @ self.rest[bone])

    def put(self, control: str, pose: Float[np.ndarray, "frames 4 4"], before: np.ndarray | None = None) -> None:
        """Key a control so that it is where it shall be.

        Args:
            control: turns by quaternions.
            pose: where it shall be.
            before: [T, 4, 4] where it is without keys, where constraints have their say; by default it follows its
                parent.
        """
        unmoved = self.unmoved(control) if before is None else before
        turned = np.swapaxes(unmoved[:, :3, :3], 1, 2) @ pose[:, :3, :3]
        axes = unmoved[:, :3, :3]
        if not self.rig.data.bones[control].use_local_location:  # then its place is in its parent's axes
            axes = self.pose(self.parents[control])[:, :3, :3]
        offset = pose[:, :3, 3] - unmoved[:, :3, 3]
        location = np.einsum("tba,tb->ta", axes, offset)
        self.poses[control] = pose
        self.keys[control] = Keys(location, quat_from_matrix(turned))

    def carry(self, control: str, joint: str) -> None:
        """Key a control so that a joint carries it."""
        self.put(control, self.carried(control, joint))

    def turn(self, tweak: str, joint: str, before: np.ndarray | None = None) -> None:
        """Turn a tweak about itself, and put it on a joint's head, so that the bone which starts there and points at
        the next one is turned as the joint.

        Args:
            tweak: turns by Euler angles, of which y is the first to be applied.
            joint: the deforming bone.
            before: [T, 4, 4] where the tweak is without keys; by default it follows its parent.
        """
        unmoved = self.unmoved(tweak) if before is None else before
        pose = self.carried(joint, joint)
        own = unmoved[:, :3, :3]
        swing = quat_to_matrix(quat_between(own[:, :, 1], pose[:, :3, 1]))
        left = np.swapaxes(swing @ own, 1, 2) @ pose[:, :3, :3]  # a turn about y: what pointing leaves open
        angle = np.arctan2(left[:, 0, 2] - left[:, 2, 0], left[:, 0, 0] + left[:, 2, 2])
        location = np.einsum("tba,tb->ta", own, pose[:, :3, 3] - unmoved[:, :3, 3])
        turned = unmoved.copy()
        turned[:, :3, :3] = own @ quat_to_matrix(quat_from_axis_angle((0.0, 1.0, 0.0), angle))
        turned[:, :3, 3] = pose[:, :3, 3]
        self.poses[tweak] = turned
        self.keys[tweak] = Keys(location, np.unwrap(angle)[:, None])
