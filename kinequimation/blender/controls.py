"""A motion as keys on the controls of a Rigify horse, FK and IK, so that an animator goes on from it.

Every control that stands for a bone is carried by that bone: where the motion turns and moves a bone from rest, its
control is turned and moved alike. What Rigify's constraints put between a control and its bone is worked out:

- ``torso`` is carried by the vertebra in the middle of the back, so ``hips``, ``chest`` and ``neck_bend`` stay at rest,
  for the animator. ``neck`` points from the neck's base to the head's. ``root`` has one key, on the ground where the
  horse is first, heading as it does: a turn or a move of it carries the whole clip.
- Tweak controls do nothing but what pointing a bone at the next leaves open, its turn about itself (and, in the neck,
  what Rigify's own inverse kinematics put elsewhere).
- A foot control is carried by the hoof, so it is still while the hoof is. Over it, pastern and cannon are turned by
  ``f_toe_ik`` and ``forefoot_heel_ik`` (behind: ``r_toe_ik``, ``hind_foot_heel_ik``), and ``upper_arm_ik`` and
  ``thigh_ik`` turn the plane that inverse kinematics bend the limb in.

Some of this hangs on what Blender's constraints make of the rest, so each stretch of frames is evaluated by Blender
four times: with what is known from the motion alone; with the tweaks that follow from that; with the limbs' planes; and
to see what inverse kinematics leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.blender.actions import add_curve, curves_for, describe, play
from kinequimation.blender.control_keys import Keys, Stretch
from kinequimation.blender.rig import KEYS_PROPERTY
from kinequimation.blender.rig_additions import LIMB_CONTROLS, MANE_NUMBERS, LimbControls
from kinequimation.body import Body
from kinequimation.geometry.rotation import (
    quat_between,
    quat_continuous,
    quat_from_axis_angle,
    quat_normalize,
    quat_to_matrix,
)
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float

    from kinequimation.motion import Motion

_FRAMES_AT_ONCE = 256
"""So many frames are worked out together: some 25 MB of matrices (judgement)."""
_STILL_M, _STILL = 2e-5, 1e-6
"""Channels that stay within this of rest get one key there: metres, parts of a unit quaternion or radians. Blender's
32-bit matrices lose up to some 1e-6."""
_TRUNK: dict[str, str] = {
    "torso": "DEF-spine.003",
    **{f"spine_fk.00{i}": f"DEF-spine.00{i}" for i in (3, 4, 5, 6, 2, 1)},
}
_ON_TRUNK: dict[str, str] = {
    "chest.001": "DEF-chest",
    **{f"{part}.{side}": f"DEF-{part}.{side}" for part in ("breast", "shoulder") for side in "LR"},
}
"""Controls, parents first, and the bones that carry them."""
_HEAD: dict[str, str] = {
    "head": "DEF-head",
    **{f"{part}.{side}": f"DEF-{part}.{side}" for part in ("eye", "nose", "ear") for side in "LR"},
    "jaw": "DEF-jaw",
    "jaw.001": "DEF-jaw.001",
}
_CARRIED = (
    "head",
    *(f"neck.00{i}" for i in range(1, 5)),
    *(f"{part}.{side}" for part in ("shoulder", "f_toe", "r_toe") for side in "LR"),
)
"""Bones whose ``ORG-`` twin, on which other controls hang, is by constraints where the bone itself is."""
_FOLLOW = {"torso": ("neck_follow", "head_follow"), "tail_master.001": ("tail_follow",)}
"""Properties that let neck, head and tail turn with the trunk, as a horse's do, instead of keeping their heading."""


def ready_for_controls(rig: bpy.types.Object, ik: bool = True) -> None:
    """Let the controls drive a Rigify horse.

    Args:
        rig: of ``rig.build_rigify``.
        ik: whether the limbs follow their foot controls; else each bone its own.
    """
    rig[KEYS_PROPERTY] = 0.0
    for limb in LIMB_CONTROLS:
        rig.pose.bones[limb.settings]["IK_FK"] = 0.0 if ik else 1.0
        rig.pose.bones[limb.settings]["IK_Stretch"] = 0.0
    for control, names in _FOLLOW.items():
        for name in names:
            rig.pose.bones[control][name] = 1.0
    rig.update_tag()


def to_controls(
    motion: Motion, rig: bpy.types.Object, body: Body, progress: Progress = no_progress
) -> bpy.types.Action:
    """Return a motion as an action on a Rigify horse's controls, and let these drive it.

    Args:
        motion: what the horse does, in frames at even times.
        rig: of ``rig.build_rigify`` on ``body``.
        body: of the motion's shape.
        progress: called with the stage ``controls``.
    """
    ready_for_controls(rig, ik=False)
    rest = {b.name: np.array(b.matrix_local, np.float64) for b in rig.data.bones}
    parents = {b.name: b.parent.name if b.parent else "" for b in rig.data.bones}
    followers = ["MCH-torso.parent", *(f"MCH-{limb.foot}_ik.parent.{limb.side}" for limb in LIMB_CONTROLS)]
    parents |= dict.fromkeys(followers, skeleton.ROOT)  # by a constraint, as their parent can be chosen
    start = _start(motion, body)
    pieces: list[dict[str, Keys]] = []
    for moved in _moved(motion, body):
        stretch = Stretch(rig, moved, rest, parents)
        _bake(stretch, start)
        pieces.append({c: Keys(*(v.astype(np.float32) for v in vars(k).values())) for c, k in stretch.keys.items()})
        progress("controls", sum(len(p["torso"].location) for p in pieces), len(motion))
    action = _action(motion.name, rig, pieces)
    describe(action, motion)
    ready_for_controls(rig)
    return action


def _moved(motion: Motion, body: Body) -> Iterator[Float[np.ndarray, "frames 81 4 4"]]:
    """Yield how a motion moves each joint from rest, some frames at a time."""
    for first in range(0, len(motion), _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        xyz, quat = body.joints(motion.root_xyz_world[part], motion.quat_wxyz[part])
        moved = np.zeros((*xyz.shape[:2], 4, 4))
        moved[..., :3, :3] = quat_to_matrix(quat)
        moved[..., :3, 3] = xyz - np.einsum("tjab,jb->tja", moved[..., :3, :3], body.rest_xyz)
        moved[..., 3, 3] = 1.0
        yield moved


def _start(motion: Motion, body: Body) -> Float[np.ndarray, "4 4"]:
    """Return the place on the ground under the horse's root at the first frame, heading as its sacrum does."""
    xyz, quat = body.joints(motion.root_xyz_world[:1], motion.quat_wxyz[:1])
    w, _, _, z = quat[0, skeleton.JOINT_INDEX[skeleton.SACRUM]]
    start = np.eye(4)
    if np.hypot(w, z) > 1e-6:  # else it lies on its back: no heading
        start[:3, :3] = quat_to_matrix(quat_normalize(np.array([w, 0.0, 0.0, z])))
    start[:2, 3] = xyz[0, 0, :2]
    return start


def _bake(s: Stretch, start: Float[np.ndarray, "4 4"]) -> None:
    """Work out the keys of every control over some frames."""
    s.put(skeleton.ROOT, np.tile(start @ s.rest[skeleton.ROOT], (len(s.moved), 1, 1)))
    for bone in _CARRIED:
        s.poses[f"ORG-{bone}"] = s.carried(f"ORG-{bone}", f"DEF-{bone}")
    _trunk(s)
    _neck_and_head(s)
    _tail(s)
    _mane(s)
    for limb in LIMB_CONTROLS:
        _limb(s, limb)
    neck = [f"DEF-neck.00{i}" for i in (2, 3, 4)]
    first_tweaks = {
        "tweak_spine.003": "DEF-spine.003",
        **{j.replace("DEF-", "tweak_"): j for j in neck},
        **{
            limb.tweak(p): limb.joint(p)
            for limb in LIMB_CONTROLS
            for p in (limb.upper, limb.lower, limb.foot, limb.toe)
        },
    }
    heels = {limb.heel_ik: limb.joint(limb.foot) for limb in LIMB_CONTROLS}
    seen = _evaluated(s, [*first_tweaks, *heels])
    for tweak, joint in first_tweaks.items():
        s.turn(tweak, joint, seen[tweak])
    for heel, joint in heels.items():
        s.put(heel, s.carried(heel, joint), seen[heel])
    halves = {
        limb.tweak(part, ".001"): f"{limb.joint(part)}.001"
        for limb in LIMB_CONTROLS
        for part in (limb.upper, limb.lower, limb.foot)
    }
    seen = _evaluated(s, [*halves, *(limb.lower_ik for limb in LIMB_CONTROLS)])
    for tweak, joint in halves.items():
        s.turn(tweak, joint, seen[tweak])
    for limb in LIMB_CONTROLS:
        _plane(s, limb, seen[limb.lower_ik])
    seen = _evaluated(s, heels, at_rest=heels)
    for heel, joint in heels.items():
        s.put(heel, s.carried(heel, joint), seen[heel])
    # left are a turn of the lower bone about itself, and what the solver misses by where the limb is nearly straight
    seen = _evaluated(s, [limb.lower_ik for limb in LIMB_CONTROLS])
    for limb in LIMB_CONTROLS:
        s.put(limb.lower_ik_out, s.carried(limb.lower_ik_out, limb.joint(limb.lower)), seen[limb.lower_ik])


def _trunk(s: Stretch) -> None:
    for control, joint in _TRUNK.items():
        s.carry(control, joint)
    for i in (1, 2, 4, 5, 6):  # the third hangs on a constraint
        s.turn(f"tweak_spine.00{i}", f"DEF-spine.00{i}")
    for control, joint in _ON_TRUNK.items():
        s.carry(control, joint)


def _neck_and_head(s: Stretch) -> None:
    base, end = (skeleton.JOINT_INDEX[j] for j in ("DEF-neck.001", "DEF-head"))
    unmoved = s.unmoved("neck")
    heads = [s.carried(skeleton.JOINTS[j], skeleton.JOINTS[j])[:, :3, 3] for j in (base, end)]
    at_rest = s.rest["DEF-head"][:3, 3] - s.rest["DEF-neck.001"][:3, 3]
    along = unmoved[:, :3, :3] @ (np.linalg.inv(s.rest["neck"])[:3, :3] @ at_rest)
    neck = unmoved.copy()
    neck[:, :3, :3] = quat_to_matrix(quat_between(along, heads[1] - heads[0])) @ unmoved[:, :3, :3]
    s.put("neck", neck)
    s.turn("tweak_neck.001", "DEF-neck.001")
    for control, joint in _HEAD.items():
        s.carry(control, joint)
    for side in "LR":
        ear = f"ear.{side}"
        before = s.unmoved(f"{ear}.001") @ _curl(_local(s, ear))
        s.put(f"{ear}.001", s.carried(f"{ear}.001", f"DEF-{ear}.001"), before)
        for half in ("", ".001"):
            s.turn(f"tweak_{ear}{half}", f"DEF-{ear}{half}")
    for bone in ("jaw", "jaw.001"):
        s.turn(f"tweak_{bone}", f"DEF-{bone}")


def _local(s: Stretch, control: str) -> Float[np.ndarray, "frames 4 4"]:
    """Return how a control is turned and moved against where it follows its parent to, constraints included."""
    return np.linalg.inv(s.unmoved(control)) @ s.poses[control]


def _curl(local: Float[np.ndarray, "frames 4 4"]) -> Float[np.ndarray, "frames 4 4"]:
    """Return what the next bone takes over from one: its turn less the Euler angle (order XYZ) about y."""
    m = local[:, :3, :3]
    x, z = np.arctan2(m[:, 2, 1], m[:, 2, 2]), np.arctan2(m[:, 1, 0], m[:, 0, 0])
    curl = np.tile(np.eye(4), (len(m), 1, 1))
    about_x, about_z = (
        quat_to_matrix(quat_from_axis_angle(axis, angle))
        for axis, angle in (((1.0, 0.0, 0.0), x), ((0.0, 0.0, 1.0), z))
    )
    curl[:, :3, :3] = about_z @ about_x
    return curl


def _tail(s: Stretch) -> None:
    above = None
    for i in range(1, 6):
        control = f"tail.00{i}"
        before = None if above is None else s.unmoved(control) @ _curl(_local(s, above))
        s.put(control, s.carried(control, f"DEF-{control}"), before)
        above = control
    s.turn("tweak_base_tail.001", "DEF-tail.001")
    for i in range(1, 5):
        s.turn(f"tweak_tail.00{i}", f"DEF-tail.00{i + 1}")


def _mane(s: Stretch) -> None:
    for number in MANE_NUMBERS:
        for part in ("mane_base", "mane_top"):
            s.carry(f"{part}.{number}", f"DEF-{part}.{number}")


def _limb(s: Stretch, limb: LimbControls) -> None:
    """Key what of a limb's controls follows from the motion alone."""
    for part in (limb.upper, limb.lower, limb.foot, limb.toe, limb.hoof):
        s.carry(limb.fk(part), limb.joint(part))
    s.carry(limb.foot_ik, limb.joint(limb.hoof))
    s.carry(limb.toe_ik, limb.joint(limb.toe))


def _plane(s: Stretch, limb: LimbControls, lower: Float[np.ndarray, "frames 4 4"]) -> None:
    """Turn a limb's plane, in IK mode, so that elbow or stifle is where it shall be.

    The two bones reach from the joint above to the one below, and turn about that line as their control does.

    Args:
        s: the frames.
        limb: one that inverse kinematics bend.
        lower: [T, 4, 4] where they put the lower bone while the control is at rest.
    """
    above, middle, below = (
        s.carried(limb.joint(p), limb.joint(p))[:, :3, 3] for p in (limb.upper, limb.lower, limb.foot)
    )
    along = (below - above) / np.linalg.norm(below - above, axis=1, keepdims=True)
    is_now, shall_be = (
        v - np.sum(v * along, 1, keepdims=True) * along for v in (lower[:, :3, 3] - above, middle - above)
    )
    angle = np.arctan2(np.sum(np.cross(is_now, shall_be) * along, 1), np.sum(is_now * shall_be, 1))
    s.keys[limb.upper_ik] = Keys(np.zeros((len(angle), 3)), np.unwrap(angle)[:, None])


def _evaluated(
    s: Stretch, bones: list[str] | dict[str, str], at_rest: dict[str, str] | None = None
) -> dict[str, Float[np.ndarray, "frames 4 4"]]:
    """Return where Blender has bones when the keys that are known play.

    Args:
        s: the frames.
        bones: those.
        at_rest: controls whose keys are left out.
    """
    import bpy

    for bone in s.rig.pose.bones:
        bone.matrix_basis.identity()
    keys = {c: k for c, k in s.keys.items() if not at_rest or c not in at_rest}
    action = _action("scratch", s.rig, [keys])
    play(s.rig, action)
    scene, depsgraph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    seen = np.empty((len(s.moved), len(bones), 4, 4))
    for t in range(len(s.moved)):
        scene.frame_set(t)
        posed = s.rig.evaluated_get(depsgraph).pose.bones
        for b, bone in enumerate(bones):
            seen[t, b] = posed[bone].matrix
    s.rig.animation_data.action = None
    bpy.data.actions.remove(action)
    return {bone: seen[:, b] for b, bone in enumerate(bones)}


def _action(name: str, rig: bpy.types.Object, pieces: list[dict[str, Keys]]) -> bpy.types.Action:
    """Return the keys of controls as an action, from frame 0; a channel that stays at rest gets one key."""
    import bpy

    action = bpy.data.actions.new(name)
    curves = curves_for(action, rig)
    for control in pieces[0]:
        location = np.concatenate([p[control].location for p in pieces])
        rotation = np.concatenate([p[control].rotation for p in pieces])
        frames = np.arange(len(location), dtype=np.float64)
        is_euler = rotation.shape[1] == 1
        channels = [("location", i, location[:, i], 0.0, _STILL_M) for i in range(3)]
        if is_euler:
            channels += [("rotation_euler", 1, np.unwrap(rotation[:, 0]), 0.0, _STILL)]
        else:
            quat = quat_continuous(rotation)
            channels += [("rotation_quaternion", i, quat[:, i], float(i == 0), _STILL) for i in range(4)]
        for channel, i, values, at_rest, still in channels:
            if np.ptp(values) < still:
                values = values[:1] if abs(values[0] - at_rest) >= still else np.array([at_rest])
            add_curve(curves, control, channel, i, frames[: len(values)], values, False)
    return action
