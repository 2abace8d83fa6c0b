"""The four-beat gaits and standing: walk, tölt, fox trot, idle (sources, E1 to E4; "guess" where they are silent)."""

from __future__ import annotations

from dataclasses import replace

from kinequimation.motion.gait import STILL, Gait, GaitTable, Swing

_WALK = Gait(
    speed_mps=1.5,
    contact_phase=(0.23, 0.73, 0.0, 0.5),
    duty=(0.63, 0.62),
    reach=0.45,
    hoof_height_m=(0.08, 0.065),
    ranges_deg={
        "shoulder": (108, 125), "elbow": (109, 154), "carpus": (131, 185), "fore_fetlock": (177, 222),
        "hip": (88, 111), "stifle": (117, 157), "hock": (127, 167), "hind_fetlock": (156, 216),
    },
    scapula_deg=9.0,
    hoof_pitch_deg=(75, 70),
    forward=(0, 0, 0, 0),
    step_width=(0.9, 0.9),
    rise_deg=0.0,
    tuck_deg=0.0,
    sway=Swing(0.008, 1, 0.30),  # guess: towards the hind limb that bears
    heave=Swing(0.012, 2, 0.045),
    pitch=Swing(1.8, 2, 0.045),
    pelvis_pitch=Swing(3.3, 2, 0.0),
    pelvis_roll=Swing(4.5, 1, 0.31),
    thorax_roll=Swing(2.0, 1, 0.545),
    pelvis_yaw=Swing(3.0, 1, 0.0),
    thorax_yaw=Swing(1.5, 1, 0.23),
    nod=Swing(5.0, 2, 0.12),
    neck_elevation_deg=26,
    nose_below_horizontal_deg=52,
    tail_lift_deg=8,
)  # fmt: skip
_WALK_SLOW = replace(
    _WALK,
    speed_mps=0.8,
    contact_phase=(0.22, 0.72, 0.0, 0.5),
    duty=(0.69, 0.68),
    # a guess from here on: everything a quarter less than at the walk
    hoof_height_m=(0.06, 0.05),
    ranges_deg={
        "shoulder": (110, 124), "elbow": (118, 153), "carpus": (140, 184), "fore_fetlock": (183, 219),
        "hip": (92, 110), "stifle": (124, 155), "hock": (134, 165), "hind_fetlock": (168, 214),
    },
    scapula_deg=7.0,
    hoof_pitch_deg=(62, 58),
    heave=Swing(0.009, 2, 0.045),
    pitch=Swing(1.3, 2, 0.045),
    pelvis_pitch=Swing(2.5, 2, 0.0),
    pelvis_roll=Swing(3.5, 1, 0.31),
    nod=Swing(4.0, 2, 0.12),
    neck_elevation_deg=18,
    tail_lift_deg=4,
)  # fmt: skip
_WALK_FAST = replace(
    _WALK,
    speed_mps=1.95,
    hoof_height_m=(0.095, 0.075),
    scapula_deg=10.0,
    nod=Swing(6.0, 2, 0.12),  # guess: long strides
)
WALK = GaitTable((0.5, 1.5, 2.0), ((0.5, 0.7375), (2.0, 0.97)), (_WALK_SLOW, _WALK, _WALK_FAST))

_TOLT = replace(
    _WALK,
    speed_mps=3.8,
    contact_phase=(0.25, 0.75, 0.0, 0.5),
    duty=(0.42, 0.46),
    reach=0.55,
    hoof_height_m=(0.21, 0.11),  # higher fore arc than at the trot (E2); the figure is a guess
    ranges_deg={  # guess, between walk and trot; fore limbs as high as an Andalusian's trot
        "shoulder": (104, 128), "elbow": (86, 151), "carpus": (84, 185), "fore_fetlock": (135, 230),
        "hip": (86, 114), "stifle": (112, 155), "hock": (112, 163), "hind_fetlock": (130, 226),
    },
    scapula_deg=10.0,
    hoof_pitch_deg=(100, 80),
    step_width=(0.85, 0.9),
    rise_deg=1.5,
    tuck_deg=2.0,
    sway=Swing(0.008, 1, 0.25),
    heave=Swing(0.006, 2, 0.10),  # no suspension, the rider sits still
    pitch=Swing(0.8, 2, 0.045),
    pelvis_pitch=Swing(2.0, 2, 0.0),
    pelvis_roll=Swing(3.0, 1, 0.25),
    thorax_roll=Swing(2.0, 1, 0.45),
    pelvis_yaw=Swing(2.2, 1, 0.0),
    thorax_yaw=Swing(1.5, 1, 0.23),
    nod=Swing(1.5, 2, 0.12),
    neck_elevation_deg=58,
    nose_below_horizontal_deg=62,
    tail_lift_deg=22,
)  # fmt: skip
_TOLT_FAST = replace(
    _TOLT,
    speed_mps=6.35,
    contact_phase=(0.21, 0.71, 0.0, 0.5),
    duty=(0.36, 0.40),
    hoof_height_m=(0.24, 0.14),
    scapula_deg=12.0,
    sway=Swing(0.014, 1, 0.25),
    heave=Swing(0.009, 2, 0.10),
    neck_elevation_deg=52,
    nose_below_horizontal_deg=55,
    tail_lift_deg=30,
)
TOLT = GaitTable((2.9, 3.8, 8.0), ((2.9, 1.6), (4.7, 2.0), (8.0, 2.4)), (_TOLT, _TOLT_FAST))

_FOX_TROT = replace(
    _WALK,
    speed_mps=2.9,
    contact_phase=(0.40, 0.90, 0.0, 0.5),
    duty=(0.52, 0.55),
    reach=0.52,
    hoof_height_m=(0.11, 0.085),  # guess, as the ranges: between walk and trot
    ranges_deg={
        "shoulder": (107, 127), "elbow": (101, 153), "carpus": (112, 185), "fore_fetlock": (156, 226),
        "hip": (87, 114), "stifle": (113, 157), "hock": (118, 165), "hind_fetlock": (140, 222),
    },
    scapula_deg=10.5,
    hoof_pitch_deg=(90, 80),
    heave=Swing(0.010, 2, 0.40),
    pitch=Swing(1.0, 2, 0.25),
    nod=Swing(5.5, 2, 0.20),  # known for its nodding head
    neck_elevation_deg=36,
    tail_lift_deg=15,
)  # fmt: skip
FOX_TROT = GaitTable((2.2, 2.9, 3.6), ((2.2, 1.2), (3.6, 1.5)), (_FOX_TROT,))

_IDLE = replace(
    _WALK,
    speed_mps=0.0,
    contact_phase=(0.0, 0.0, 0.0, 0.0),
    duty=(1.0, 1.0),
    reach=0.0,
    hoof_height_m=(0.0, 0.0),
    scapula_deg=0.0,
    hoof_pitch_deg=(0, 0),
    step_width=(1.0, 1.0),
    sway=STILL, heave=STILL, pitch=STILL, pelvis_pitch=STILL, pelvis_roll=STILL, thorax_roll=STILL,
    pelvis_yaw=STILL, thorax_yaw=STILL, nod=STILL,
    neck_elevation_deg=44,
    tail_lift_deg=0,
)  # fmt: skip
IDLE = GaitTable((0.0, 0.0, 0.0), ((0.0, 0.125),), (_IDLE,))
