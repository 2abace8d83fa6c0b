"""The gaits as numbers: foot falls, speeds, joint ranges and how trunk and head swing.

Phases, duty factors, speeds and stride frequencies are those of docs/sources.md, section E1, joint
ranges of E3, trunk and head of E4; there each number stands with its source. Metres are for a horse of 1.60 m.
"""

from __future__ import annotations

from dataclasses import dataclass

REFERENCE_HEIGHT_M = 1.60


@dataclass(frozen=True)
class Swing:
    """A sinusoid over the stride: ``size * cos(2π cycles (phase − peak))``."""

    size: float
    cycles: int
    peak: float


@dataclass(frozen=True)
class Gait:
    """One gait.

    Attributes:
        contact_phase: of LF, RF, LH, RH, fraction of the stride; LH lands at 0.
        duty: fraction of the stride that fore and hind hooves stand.
        speed_mps: slowest, usual and fastest.
        frequency_hz: stride frequency at speed v is ``frequency_hz[0] + frequency_hz[1] * v``.
        hoof_height_m: highest point of the toe in swing, fore and hind.
        ranges_deg: least and greatest flexor-side angle of each limb joint over the stride.
        scapula_deg: half the range of the shoulder blade's swing; a little more than a horse's, because the rig's blade
            turns about its upper end, not its upper third.
        hoof_pitch_deg: how far fore and hind hooves tip over at most in swing, toe down.
        forward: how much further forward than at a walk LF, RF, LH, RH stand, in withers heights.
        settle: how far the trunk sinks, as a share of what stiff limbs at the ends of their stance would ask for.
        step_width: distance between left and right hooves, as a factor on the standing horse's.
        heave: height of the trunk's middle, metres.
        pitch: of the trunk, degrees, front up.
        pelvis_pitch: of the pelvis against the trunk, degrees, tucked under.
        pelvis_roll, thorax_roll: degrees, left side up.
        pelvis_yaw, thorax_yaw: degrees, left side forward.
        nod: of the neck, degrees, downwards.
        neck_elevation_deg, nose_below_horizontal_deg: usual carriage.
        tail_lift_deg: how far from hanging the tail is carried.
    """

    contact_phase: tuple[float, float, float, float]
    duty: tuple[float, float]
    speed_mps: tuple[float, float, float]
    frequency_hz: tuple[float, float]
    hoof_height_m: tuple[float, float]
    ranges_deg: dict[str, tuple[float, float]]
    scapula_deg: float
    hoof_pitch_deg: tuple[float, float]
    forward: tuple[float, float, float, float]
    settle: float
    step_width: float
    heave: Swing
    pitch: Swing
    pelvis_pitch: Swing
    pelvis_roll: Swing
    thorax_roll: Swing
    pelvis_yaw: Swing
    thorax_yaw: Swing
    nod: Swing
    neck_elevation_deg: float
    nose_below_horizontal_deg: float
    tail_lift_deg: float


WALK = Gait(
    contact_phase=(0.23, 0.73, 0.0, 0.5),
    duty=(0.63, 0.62),
    speed_mps=(0.5, 1.5, 2.0),
    frequency_hz=(0.66, 0.155),
    hoof_height_m=(0.08, 0.065),
    ranges_deg={
        "shoulder": (108, 125), "elbow": (109, 154), "carpus": (131, 185), "fore_fetlock": (177, 222),
        "hip": (88, 111), "stifle": (117, 157), "hock": (127, 167), "hind_fetlock": (156, 216),
    },
    scapula_deg=9.0,
    hoof_pitch_deg=(75, 70),
    forward=(0, 0, 0, 0),
    settle=0.4,
    step_width=0.9,
    heave=Swing(0.006, 2, 0.045),
    pitch=Swing(1.8, 2, 0.045),
    pelvis_pitch=Swing(2.5, 2, 0.0),
    pelvis_roll=Swing(3.0, 1, 0.31),
    thorax_roll=Swing(1.5, 1, 0.545),
    pelvis_yaw=Swing(3.0, 1, 0.0),
    thorax_yaw=Swing(1.5, 1, 0.23),
    nod=Swing(5.0, 2, 0.12),
    neck_elevation_deg=28,
    nose_below_horizontal_deg=52,
    tail_lift_deg=8,
)  # fmt: skip

TROT = Gait(
    contact_phase=(0.53, 0.03, 0.0, 0.5),
    duty=(0.40, 0.36),
    speed_mps=(2.5, 3.3, 5.5),
    frequency_hz=(1.08, 0.065),
    hoof_height_m=(0.15, 0.125),
    ranges_deg={
        "shoulder": (105, 128), "elbow": (92, 150), "carpus": (92, 184), "fore_fetlock": (135, 232),
        "hip": (85, 118), "stifle": (108, 156), "hock": (108, 163), "hind_fetlock": (125, 230),
    },
    scapula_deg=12.0,
    hoof_pitch_deg=(105, 90),
    forward=(0, 0, 0, 0),
    settle=0.65,
    step_width=0.85,
    heave=Swing(0.026, 2, 0.45),
    pitch=Swing(0.7, 2, 0.40),
    pelvis_pitch=Swing(3.0, 2, 0.97),
    pelvis_roll=Swing(2.2, 1, 0.18),
    thorax_roll=Swing(1.5, 1, 0.73),
    pelvis_yaw=Swing(1.8, 1, 0.0),
    thorax_yaw=Swing(1.0, 1, 0.53),
    nod=Swing(2.0, 2, 0.25),
    neck_elevation_deg=46,
    nose_below_horizontal_deg=60,
    tail_lift_deg=22,
)  # fmt: skip

CANTER_RIGHT = Gait(
    contact_phase=(0.27, 0.52, 0.0, 0.24),
    duty=(0.37, 0.39),
    speed_mps=(3.0, 4.2, 6.5),
    frequency_hz=(1.55, 0.028),
    hoof_height_m=(0.22, 0.18),
    ranges_deg={
        "shoulder": (102, 132), "elbow": (88, 152), "carpus": (82, 184), "fore_fetlock": (130, 234),
        "hip": (80, 122), "stifle": (100, 158), "hock": (98, 165), "hind_fetlock": (120, 232),
    },
    scapula_deg=12.0,
    hoof_pitch_deg=(110, 95),
    forward=(-0.055, 0.03, 0.0, 0.05),  # the leading limbs reach, the trailing ones push (Back 1997)
    settle=0.6,
    step_width=0.75,
    heave=Swing(0.04, 1, 0.97),
    pitch=Swing(3.5, 1, 0.20),
    pelvis_pitch=Swing(5.5, 1, 0.97),
    pelvis_roll=Swing(1.5, 1, 0.15),
    thorax_roll=Swing(2.0, 1, 0.45),
    pelvis_yaw=Swing(2.0, 1, 0.6),
    thorax_yaw=Swing(1.5, 1, 0.3),
    nod=Swing(2.5, 1, 0.68),
    neck_elevation_deg=40,
    nose_below_horizontal_deg=55,
    tail_lift_deg=28,
)  # fmt: skip

_STILL = Swing(0.0, 1, 0.0)
IDLE = Gait(
    contact_phase=(0.0, 0.0, 0.0, 0.0),
    duty=(1.0, 1.0),
    speed_mps=(0.0, 0.0, 0.0),
    frequency_hz=(0.125, 0.0),
    hoof_height_m=(0.0, 0.0),
    ranges_deg=WALK.ranges_deg,
    scapula_deg=0.0,
    hoof_pitch_deg=(0, 0),
    forward=(0, 0, 0, 0),
    settle=0.0,
    step_width=1.0,
    heave=_STILL, pitch=_STILL, pelvis_pitch=_STILL, pelvis_roll=_STILL, thorax_roll=_STILL,
    pelvis_yaw=_STILL, thorax_yaw=_STILL, nod=_STILL,
    neck_elevation_deg=44,
    nose_below_horizontal_deg=52,
    tail_lift_deg=0,
)  # fmt: skip

GAITS: dict[str, Gait] = {"walk": WALK, "trot": TROT, "canter_right": CANTER_RIGHT, "idle": IDLE}
"""The gaits that are written down; the left canter is the right one's mirror image."""
