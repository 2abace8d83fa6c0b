"""What Rigify's horse lacks to follow a motion exactly with its controls, added to the generated rig.

- The pelvis is fixed to the sacrum, as ours is: ``ORG-pelvis`` hangs on ``ORG-spine.001``, not on the next vertebra.
- Rigify has one hoof control for both modes, ``f_hoof`` and ``r_hoof``. Its one rotation would have to be the hoof's
  against the pastern (FK) and against the foot control (IK). ``f_hoof_fk`` and ``r_hoof_fk`` are the first of these, so
  that in IK mode the foot control is the hoof itself, and stands still while the hoof stands.
- Inverse kinematics bend a limb in one plane, and where it is almost straight they miss by some millimetres.
  ``MCH-forearm_ik_out`` and ``MCH-lower_leg_ik_out``, which nobody needs to touch, hold keys for the small rest.
- Rigify's limbs may stretch even where they reach, by a centimetre at the elbow. Here they may where their property
  ``IK_Stretch`` is above 0. Where they may not, a hoof stays at its pastern when its control is out of reach.
- A lock of the mane turns about itself as its control does, where Rigify only points it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class LimbControls:
    """The names of one limb's bones on the rig.

    Attributes:
        upper, lower, foot, toe, hoof: stems of the bones from shoulder or hip to hoof, such as ``forearm``.
        above: the bone that the limb hangs on.
        side: L or R.
        group: Rigify's name for such limbs in its bone collections.
    """

    upper: str
    lower: str
    foot: str
    toe: str
    hoof: str
    above: str
    side: str
    group: str

    def fk(self, part: str) -> str:
        """Return the control that turns a part in FK mode."""
        return f"{part}_fk.{self.side}"

    def joint(self, part: str) -> str:
        """Return the deforming bone of a part."""
        return f"DEF-{part}.{self.side}"

    def tweak(self, part: str, half: str = "") -> str:
        """Return the tweak control at the head of a part, or of its second half."""
        return f"{part}_tweak.{self.side}{half}"

    @property
    def foot_ik(self) -> str:
        """The control that holds the hoof in IK mode."""
        return f"{self.foot}_ik.{self.side}"

    @property
    def toe_ik(self) -> str:
        """The control that turns the pastern about the hoof in IK mode."""
        return f"{self.toe}_ik.{self.side}"

    @property
    def heel_ik(self) -> str:
        """The control that turns the cannon about the fetlock in IK mode."""
        return f"{self.foot}_heel_ik.{self.side}"

    @property
    def upper_ik(self) -> str:
        """The control that turns the plane of the limb in IK mode."""
        return f"{self.upper}_ik.{self.side}"

    @property
    def lower_ik(self) -> str:
        """The bone that inverse kinematics put where the lower bone is."""
        return f"MCH-{self.lower}_ik.{self.side}"

    @property
    def lower_ik_out(self) -> str:
        """The bone that the lower one follows in IK mode, put right by what inverse kinematics leave."""
        return f"MCH-{self.lower}_ik_out.{self.side}"

    @property
    def settings(self) -> str:
        """The control whose property ``IK_FK`` is 0 for IK and 1 for FK."""
        return f"{self.upper}_parent.{self.side}"


LIMB_CONTROLS: tuple[LimbControls, ...] = tuple(
    LimbControls(*stems, side, group)
    for *stems, group in (
        ("upper_arm", "forearm", "forefoot", "f_toe", "f_hoof", "shoulder", "Arm"),
        ("thigh", "lower_leg", "hind_foot", "r_toe", "r_hoof", "pelvis", "Leg"),
    )
    for side in "LR"
)
"""LF, RF, LH, RH."""
MANE_NUMBERS = tuple(f"{n:02d}" for n in range(1, 7))


def add_to_rigify(rig: bpy.types.Object) -> None:
    """Add to a rig that Rigify has just generated what the head of this file says."""
    from kinequimation.blender.rig import edit_bones

    with edit_bones(rig) as bones:
        for side in "LR":
            bones[f"ORG-pelvis.{side}"].parent = bones["ORG-spine.001"]
        for limb in LIMB_CONTROLS:
            mechanism = bones[f"MCH-{limb.hoof}.{limb.side}"]
            hoof = _copied(bones, f"{limb.hoof}.{limb.side}", limb.fk(limb.hoof))
            mechanism.use_connect = False
            hoof.parent, mechanism.parent = mechanism.parent, hoof
            _copied(bones, limb.lower_ik, limb.lower_ik_out).parent = bones[limb.lower_ik]
            for part in (limb.lower, limb.foot):  # a connected bone would begin where the one above happens to end
                bones[f"ORG-{part}.{limb.side}"].use_connect = False
    for limb in LIMB_CONTROLS:
        _show_additions(rig, limb)
        held = rig.pose.bones[f"MCH-{limb.hoof}.{limb.side}"].constraints.new("COPY_LOCATION")
        held.target, held.subtarget, held.head_tail = rig, f"ORG-{limb.toe}.{limb.side}", 1.0
        for constraint in rig.pose.bones[f"ORG-{limb.lower}.{limb.side}"].constraints:
            if constraint.subtarget == limb.lower_ik:
                constraint.subtarget = limb.lower_ik_out
        for constraint in rig.pose.bones[f"MCH-{limb.tweak(limb.upper)}"].constraints:
            if constraint.type == "DAMPED_TRACK":  # the elbow or stifle itself, not where the bone above it ends
                constraint.subtarget, constraint.head_tail = f"ORG-{limb.lower}.{limb.side}", 0.0
        _drive_stretch(rig, limb)
    for number in MANE_NUMBERS:
        bone = rig.pose.bones[f"MCH-mane_base.{number}"]
        turn = bone.constraints.new("COPY_ROTATION")
        turn.target, turn.subtarget = rig, f"mane_base.{number}"
        bone.constraints.move(len(bone.constraints) - 1, 0)


def _show_additions(rig: bpy.types.Object, limb: LimbControls) -> None:
    """Put a limb's new bones into the rig's collections, and draw the new control as the others are."""
    collections, group = rig.data.collections_all, f"{limb.group}.{limb.side}"
    hoof, hoof_fk = f"{limb.hoof}.{limb.side}", limb.fk(limb.hoof)
    collections[f"{group} (FK)"].assign(rig.data.bones[hoof_fk])
    collections[f"{group} (FK)"].unassign(rig.data.bones[hoof])
    collections["MCH"].assign(rig.data.bones[limb.lower_ik_out])
    toe, drawn = rig.pose.bones[limb.fk(limb.toe)], rig.pose.bones[hoof_fk]
    drawn.custom_shape = rig.pose.bones[hoof].custom_shape
    drawn.color.palette = toe.color.palette
    if toe.color.palette == "CUSTOM":
        for part in ("normal", "select", "active"):
            setattr(drawn.color.custom, part, getattr(toe.color.custom, part))


def _drive_stretch(rig: bpy.types.Object, limb: LimbControls) -> None:
    """Let a limb's property ``IK_Stretch`` say whether inverse kinematics stretch its bones."""
    stems = {limb.upper, limb.lower, limb.foot}
    for bone in rig.pose.bones:
        stem, _, number = bone.name.removeprefix("MCH-").removesuffix(f".{limb.side}").partition("_ik")
        if bone.ik_stretch > 0 and stem in stems and number in ("", "2", "3") and bone.name.endswith(limb.side):
            stretch = bone.ik_stretch
            driver = bone.driver_add("ik_stretch").driver
            driver.type = "SCRIPTED"
            variable = driver.variables.new()
            variable.name = "stretch"
            variable.targets[0].id = rig
            variable.targets[0].data_path = f'pose.bones["{limb.settings}"]["IK_Stretch"]'
            driver.expression = f"{stretch:g} * stretch"  # so simple that Blender works it out without running Python


def _copied(bones: bpy.types.ArmatureEditBones, name: str, copy: str) -> bpy.types.EditBone:
    """Return a new bone that lies where another does and deforms nothing."""
    bone, original = bones.new(copy), bones[name]
    bone.head, bone.tail, bone.roll = original.head, original.tail, original.roll
    bone.use_deform = False
    return bone
