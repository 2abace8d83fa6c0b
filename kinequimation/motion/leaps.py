"""The gaits of leaps, right lead: canter and gallop (sources, E1 to E4; "guess" where they are silent)."""

from __future__ import annotations

from dataclasses import replace

from kinequimation.motion.gait import STILL, Gait, GaitTable, Swing

_CANTER = Gait(
    speed_mps=4.4,
    contact_phase=(0.27, 0.52, 0.0, 0.24),
    duty=(0.37, 0.39),
    reach=0.62,
    hoof_height_m=(0.22, 0.18),
    ranges_deg={
        "shoulder": (102, 132), "elbow": (88, 152), "carpus": (82, 184), "fore_fetlock": (130, 234),
        "hip": (80, 122), "stifle": (100, 158), "hock": (98, 165), "hind_fetlock": (120, 232),
    },
    scapula_deg=12.0,
    hoof_pitch_deg=(110, 95),
    forward=(-0.055, 0.03, 0.0, 0.05),  # the leading limbs reach, the trailing ones push (Back 1997)
    step_width=(0.75, 0.75),
    rise_deg=0.0,
    tuck_deg=0.0,
    sway=STILL,
    heave=Swing(0.052, 1, 0.97),
    pitch=Swing(5.5, 1, 0.20),  # less than E4's 8 to 10, which it does not measure: the pelvis adds its own
    pelvis_pitch=Swing(8.0, 1, 0.97),
    pelvis_roll=Swing(2.0, 1, 0.15),
    thorax_roll=Swing(2.5, 1, 0.45),
    pelvis_yaw=Swing(2.5, 1, 0.6),
    thorax_yaw=Swing(1.8, 1, 0.3),
    nod=Swing(6.5, 1, 0.68),
    neck_elevation_deg=42,
    nose_below_horizontal_deg=55,
    tail_lift_deg=28,
)  # fmt: skip
_CANTER_COLLECTED = replace(
    _CANTER,
    speed_mps=3.1,
    contact_phase=(0.30, 0.55, 0.0, 0.25),
    duty=(0.43, 0.46),
    hoof_height_m=(0.19, 0.16),
    rise_deg=2.0,
    tuck_deg=3.0,
    heave=Swing(0.048, 1, 0.97),
    nod=Swing(5.5, 1, 0.68),
    neck_elevation_deg=54,
    nose_below_horizontal_deg=76,
)
_CANTER_EXTENDED = replace(
    _CANTER,
    speed_mps=6.4,
    contact_phase=(0.27, 0.52, 0.0, 0.22),
    duty=(0.31, 0.32),
    hoof_height_m=(0.25, 0.22),
    scapula_deg=14.0,
    heave=Swing(0.058, 1, 0.97),
    pelvis_pitch=Swing(9.0, 1, 0.97),
    neck_elevation_deg=36,
    nose_below_horizontal_deg=50,
    tail_lift_deg=34,
)
_CANTER_FULL = replace(_CANTER, speed_mps=4.9)
CANTER_RIGHT = GaitTable(
    (2.8, 4.4, 7.5),
    ((2.8, 1.628), (5.2, 1.696), (7.5, 1.80)),
    (_CANTER_COLLECTED, _CANTER, _CANTER_FULL, _CANTER_EXTENDED),
)

_GALLOP_9 = replace(
    _CANTER,
    speed_mps=9.0,
    contact_phase=(0.41, 0.615, 0.0, 0.19),
    duty=(0.265, 0.287),
    reach=0.66,
    hoof_height_m=(0.28, 0.26),
    ranges_deg={
        "shoulder": (95, 135), "elbow": (80, 152), "carpus": (70, 186), "fore_fetlock": (120, 245),
        "hip": (72, 128), "stifle": (92, 160), "hock": (85, 168), "hind_fetlock": (110, 240),
    },
    scapula_deg=15.0,
    hoof_pitch_deg=(115, 100),
    forward=(-0.04, 0.04, -0.01, 0.03),  # from the spacing of Muybridge's hoof prints, about
    heave=Swing(0.045, 1, 0.98),
    pitch=Swing(5.0, 1, 0.27),
    pelvis_pitch=Swing(10.0, 1, 0.98),
    pelvis_yaw=Swing(2.0, 1, 0.6),
    nod=Swing(7.0, 1, 0.72),
    neck_elevation_deg=30,
    nose_below_horizontal_deg=46,
    tail_lift_deg=38,
)  # fmt: skip
_GALLOP_13 = replace(
    _GALLOP_9,
    speed_mps=13.0,
    contact_phase=(0.425, 0.645, 0.0, 0.195),
    duty=(0.22, 0.25),
    hoof_height_m=(0.31, 0.29),
    heave=Swing(0.045, 1, 0.98),
    pelvis_pitch=Swing(12.0, 1, 0.98),
    neck_elevation_deg=25,
    nose_below_horizontal_deg=42,
    tail_lift_deg=44,
)
_GALLOP_17 = replace(
    _GALLOP_13,
    speed_mps=17.0,
    contact_phase=(0.44, 0.673, 0.0, 0.20),
    duty=(0.184, 0.224),
    hoof_height_m=(0.34, 0.32),
    pelvis_pitch=Swing(13.5, 1, 0.98),
    neck_elevation_deg=21,
    nose_below_horizontal_deg=40,
)
GALLOP_RIGHT = GaitTable(
    (9.0, 13.0, 17.0), ((9.0, 2.01), (13.0, 2.20), (17.0, 2.38)), (_GALLOP_9, _GALLOP_13, _GALLOP_17)
)
