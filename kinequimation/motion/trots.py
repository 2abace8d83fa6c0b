"""The two-beat gaits: trot, jog, piaffe, passage, pace (sources, E1 to E4; "guess" where they are silent)."""

from __future__ import annotations

from dataclasses import replace

from kinequimation.motion.gait import STILL, Gait, GaitTable, Swing

_TROT = Gait(
    speed_mps=3.6,
    contact_phase=(0.53, 0.03, 0.0, 0.5),
    duty=(0.40, 0.36),
    reach=0.62,
    hoof_height_m=(0.15, 0.112),
    ranges_deg={
        "shoulder": (105, 128), "elbow": (92, 150), "carpus": (92, 184), "fore_fetlock": (135, 232),
        "hip": (85, 118), "stifle": (108, 156), "hock": (108, 163), "hind_fetlock": (125, 230),
    },
    scapula_deg=12.0,
    hoof_pitch_deg=(105, 90),
    forward=(0, 0, 0, 0),
    step_width=(0.85, 0.85),
    rise_deg=0.0,
    tuck_deg=0.0,
    sway=STILL,
    heave=Swing(0.030, 2, 0.45),
    pitch=Swing(0.7, 2, 0.40),
    pelvis_pitch=Swing(3.0, 2, 0.97),
    pelvis_roll=Swing(2.2, 1, 0.18),
    thorax_roll=Swing(1.5, 1, 0.73),
    pelvis_yaw=Swing(1.8, 1, 0.0),
    thorax_yaw=Swing(1.0, 1, 0.53),
    nod=Swing(2.0, 2, 0.25),
    neck_elevation_deg=48,
    nose_below_horizontal_deg=60,
    tail_lift_deg=22,
)  # fmt: skip
_TROT_COLLECTED = replace(
    _TROT,
    speed_mps=2.8,
    contact_phase=(0.52, 0.02, 0.0, 0.5),
    duty=(0.44, 0.40),
    hoof_height_m=(0.16, 0.135),  # guess: rounder
    rise_deg=1.5,
    tuck_deg=2.5,
    heave=Swing(0.032, 2, 0.45),
    neck_elevation_deg=56,
    nose_below_horizontal_deg=78,
)
_TROT_EXTENDED = replace(
    _TROT,
    speed_mps=5.25,
    contact_phase=(0.54, 0.04, 0.0, 0.5),
    duty=(0.35, 0.32),
    hoof_height_m=(0.18, 0.15),
    scapula_deg=14.0,
    heave=Swing(0.036, 2, 0.45),
    neck_elevation_deg=45,
    nose_below_horizontal_deg=54,
    tail_lift_deg=28,
)
_TROT_RACING = replace(
    _TROT,
    speed_mps=11.5,
    contact_phase=(0.52, 0.02, 0.0, 0.5),
    duty=(0.25, 0.24),
    # guess: folds as at a canter, back and neck stay level
    hoof_height_m=(0.22, 0.18),
    ranges_deg={
        "shoulder": (100, 132), "elbow": (86, 152), "carpus": (78, 186), "fore_fetlock": (126, 238),
        "hip": (78, 124), "stifle": (98, 158), "hock": (94, 166), "hind_fetlock": (118, 236),
    },
    scapula_deg=15.0,
    step_width=(0.7, 1.25),  # the hind hooves pass outside the fore hooves
    heave=Swing(0.026, 2, 0.45),
    neck_elevation_deg=38,
    nose_below_horizontal_deg=46,
    tail_lift_deg=34,
)  # fmt: skip
_TROT_MEDIUM = replace(_TROT, speed_mps=4.2)
TROT = GaitTable(
    (2.6, 3.6, 14.2),
    ((2.6, 1.249), (4.6, 1.379), (6.0, 1.56), (9.0, 2.0), (14.2, 2.5)),
    (_TROT_COLLECTED, _TROT, _TROT_MEDIUM, _TROT_EXTENDED, _TROT_RACING),
)

_JOG = replace(
    _TROT,
    speed_mps=2.1,
    contact_phase=(0.5, 0.0, 0.0, 0.5),
    duty=(0.52, 0.50),
    hoof_height_m=(0.09, 0.075),  # guess, as the ranges: between walk and trot
    ranges_deg={
        "shoulder": (107, 126), "elbow": (104, 152), "carpus": (118, 184), "fore_fetlock": (160, 226),
        "hip": (88, 113), "stifle": (116, 156), "hock": (121, 164), "hind_fetlock": (146, 222),
    },
    scapula_deg=9.0,
    hoof_pitch_deg=(85, 75),
    heave=Swing(0.014, 2, 0.45),
    nod=Swing(1.5, 2, 0.25),
    neck_elevation_deg=22,  # western: topline level
    nose_below_horizontal_deg=62,
    tail_lift_deg=8,
)  # fmt: skip
JOG = GaitTable((1.6, 2.1, 2.6), ((1.6, 1.1), (2.6, 1.3)), (_JOG,))

_PIAFFE = replace(
    _TROT,
    speed_mps=0.15,
    contact_phase=(0.48, 0.98, 0.0, 0.5),
    duty=(0.52, 0.58),
    hoof_height_m=(0.20, 0.11),  # guess: the fore toe rises to the middle of the other cannon, the hind to the fetlock
    ranges_deg={  # guess: fore limbs folded as at a canter, hind limbs bent all the time
        "shoulder": (104, 126), "elbow": (90, 150), "carpus": (86, 184), "fore_fetlock": (128, 222),
        "hip": (84, 104), "stifle": (102, 146), "hock": (104, 152), "hind_fetlock": (130, 222),
    },
    scapula_deg=5.0,
    hoof_pitch_deg=(80, 60),
    forward=(0.0, 0.0, 0.05, 0.05),  # the hind limbs step under
    rise_deg=3.0,
    tuck_deg=7.0,
    heave=Swing(0.018, 2, 0.45),
    neck_elevation_deg=62,
    nose_below_horizontal_deg=82,
    tail_lift_deg=20,
)  # fmt: skip
PIAFFE = GaitTable((0.0, 0.15, 0.3), ((0.0, 0.90), (0.3, 1.05)), (_PIAFFE,))

_PASSAGE = replace(
    _TROT,
    speed_mps=1.6,
    contact_phase=(0.52, 0.02, 0.0, 0.5),
    duty=(0.44, 0.42),
    hoof_height_m=(0.24, 0.19),  # guess: lofty, as high as a canter's
    ranges_deg={  # guess, between trot and canter
        "shoulder": (102, 130), "elbow": (86, 150), "carpus": (80, 184), "fore_fetlock": (128, 230),
        "hip": (82, 112), "stifle": (98, 152), "hock": (98, 160), "hind_fetlock": (122, 230),
    },
    scapula_deg=8.0,
    hoof_pitch_deg=(95, 80),
    forward=(0.0, 0.0, 0.03, 0.03),
    rise_deg=2.5,
    tuck_deg=4.0,
    heave=Swing(0.048, 2, 0.45),
    neck_elevation_deg=60,
    nose_below_horizontal_deg=80,
    tail_lift_deg=26,
)  # fmt: skip
PASSAGE = GaitTable((1.3, 1.6, 1.9), ((1.3, 0.88), (1.9, 1.0)), (_PASSAGE,))

_PACE = replace(
    _TROT,
    speed_mps=7.0,
    contact_phase=(0.08, 0.58, 0.0, 0.5),
    duty=(0.33, 0.36),
    hoof_height_m=(0.15, 0.13),  # guess, as the ranges: those of the trot
    step_width=(0.95, 0.95),
    sway=Swing(0.022, 1, 0.70),  # guess: falls towards the pair that will land
    heave=Swing(0.024, 2, 0.47),
    pitch=Swing(1.2, 2, 0.20),
    pelvis_roll=Swing(4.5, 1, 0.18),  # guess: rolls more than any other gait
    thorax_roll=Swing(4.5, 1, 0.24),
    pelvis_yaw=Swing(2.5, 1, 0.0),
    thorax_yaw=Swing(2.0, 1, 0.06),
    nod=Swing(1.5, 2, 0.25),
    neck_elevation_deg=40,
    nose_below_horizontal_deg=50,
)
_FLYING_PACE = replace(
    _PACE,
    speed_mps=11.5,
    contact_phase=(0.10, 0.60, 0.0, 0.5),
    duty=(0.26, 0.28),
    hoof_height_m=(0.19, 0.16),
    ranges_deg=_TROT_RACING.ranges_deg,
    scapula_deg=15.0,
    heave=Swing(0.03, 2, 0.47),
    neck_elevation_deg=34,
    nose_below_horizontal_deg=44,
    tail_lift_deg=36,
)
PACE = GaitTable((4.0, 7.0, 14.0), ((4.0, 1.6), (9.5, 2.1), (14.0, 2.5)), (_PACE, _FLYING_PACE))
