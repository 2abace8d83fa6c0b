"""The flesh of the template horse, trunk and neck; where its landmarks are. Limbs and head have their own files.

Everything is in metres in the world of ``skeleton.REST_HEAD_XYZ`` (the horse faces −Y, left is +X; withers height
1.64 m). The sizes are judgement, held to the proportions in sources, F2 and F5 (``tests/test_body.py``
measures them) and to pictures.
"""

from __future__ import annotations

import numpy as np

from kinequimation.body.anatomy_head import head
from kinequimation.body.anatomy_limbs import fore_limb, hind_limb
from kinequimation.body.solids import Blob, Cone, Loft, Point, Solid, chain

_NECK_AXIS: Point = (0, -0.8376, 0.5462)
_NECK_UP: Point = (0, 0.5462, 0.8376)


def _trunk() -> list[Solid]:
    return [
        # along the back: top line and bottom line, half width, where it is widest, roundness of top and bottom
        Loft(
            region="trunk",
            axis=(0, 1, 0),
            up=(0, 0, 1),
            stations=(
                (-0.79, 1.26, 1.06, 0.09, 0, 0.45, 2.2, 2.2),
                (-0.74, 1.40, 1.00, 0.155, 0, 0.45, 2.0, 2.2),
                (-0.66, 1.535, 0.955, 0.175, 0, 0.42, 1.8, 2.0),
                (-0.56, 1.605, 0.925, 0.195, 0, 0.42, 1.55, 2.0),
                (-0.44, 1.636, 0.908, 0.216, 0, 0.42, 1.45, 2.0),
                (-0.32, 1.622, 0.897, 0.232, 0, 0.42, 1.5, 2.0),
                (-0.20, 1.582, 0.893, 0.262, 0, 0.43, 1.75, 2.1),
                (-0.05, 1.540, 0.902, 0.290, 0, 0.44, 2.0, 2.1),
                (0.10, 1.526, 0.925, 0.297, 0, 0.46, 2.15, 2.1),
                (0.22, 1.545, 0.965, 0.283, 0, 0.48, 2.1, 2.1),
                (0.33, 1.578, 1.03, 0.262, 0, 0.52, 2.05, 2.1),
                (0.43, 1.603, 1.09, 0.258, 0, 0.55, 2.0, 2.1),
                (0.52, 1.608, 1.12, 0.264, 0, 0.55, 2.0, 2.2),
                (0.63, 1.585, 1.13, 0.262, 0, 0.52, 2.0, 2.2),
                (0.75, 1.535, 1.14, 0.228, 0, 0.50, 2.0, 2.2),
                (0.84, 1.485, 1.17, 0.165, 0, 0.48, 2.0, 2.2),
                (0.885, 1.44, 1.24, 0.09, 0, 0.5, 2.0, 2.0),
            ),
        ),
        # the muscles that make the ridge of the withers broad, and the loin
        Cone(region="trunk", a=(0.04, -0.45, 1.575), b=(0.075, -0.15, 1.50), ra=0.05, rb=0.05, both=True, blend=0.08),
        Cone(region="trunk", a=(0.075, -0.15, 1.495), b=(0.09, 0.38, 1.535), ra=0.038, rb=0.048, both=True, blend=0.08),
        # point of hip
        Blob(
            region="trunk",
            centre=(0.196, 0.430, 1.440),
            radii=(0.090, 0.070, 0.050),
            axis=(0.5, 0.3, 0.6),
            both=True,
            blend=0.08,
        ),
        # breast: a muscle on each side, a furrow between them
        Blob(
            region="breast",
            centre=(0.072, -0.735, 1.105),
            radii=(0.135, 0.068, 0.082),
            axis=(-0.12, 0.25, 1),
            both=True,
            blend=0.035,
        ),
        Cone(region="breast", a=(0.05, -0.69, 1.00), b=(0.06, -0.48, 0.955), ra=0.085, rb=0.075, both=True, blend=0.05),
        # hollow of the flank, and the furrow behind the elbow where the girth lies
        Blob(
            region="trunk",
            centre=(0.300, 0.335, 1.415),
            radii=(0.10, 0.055, 0.038),
            axis=(0, 0.5, 0.8),
            both=True,
            blend=0.07,
            carve=True,
        ),
        # dock
        *chain(
            [
                ((0, 0.83, 1.455), 0.052),
                ((0, 0.91, 1.455), 0.042),
                ((0, 1.003, 1.440), 0.034),
                ((0, 1.10, 1.355), 0.028),
                ((0, 1.20, 1.268), 0.020),
                ((0, 1.26, 1.230), 0.012),
            ],
            Cone(region="dock", flat=1.0, blend=0.03),
        ),
    ]


def _on_neck(s: float, v: float, x: float = 0.0) -> Point:
    """Return the world point of the neck's coordinates: ``s`` from its base to the poll, ``v`` towards the crest."""
    return (x, -0.60 + s * _NECK_AXIS[1] + v * _NECK_UP[1], 1.33 + s * _NECK_AXIS[2] + v * _NECK_UP[2])


def _neck() -> list[Solid]:
    return [
        Loft(
            region="neck",
            blend=0.07,
            origin=(0, -0.60, 1.33),
            axis=_NECK_AXIS,
            up=_NECK_UP,
            stations=(
                (0.02, 0.255, -0.255, 0.180, 0, 0.42, 1.7, 2.5),
                (0.12, 0.263, -0.246, 0.160, 0, 0.42, 1.6, 2.5),
                (0.267, 0.224, -0.205, 0.126, 0, 0.40, 1.55, 2.4),
                (0.431, 0.201, -0.166, 0.100, 0, 0.38, 1.5, 2.3),
                (0.592, 0.174, -0.132, 0.080, 0, 0.40, 1.55, 2.1),
                (0.72, 0.144, -0.108, 0.076, 0, 0.45, 1.75, 2.2),
                (0.82, 0.118, -0.075, 0.074, 0, 0.5, 1.9, 2.2),
                (0.90, 0.090, -0.03, 0.060, 0, 0.5, 2.0, 2.0),
            ),
        ),
        # the muscle from the jaw to the point of the shoulder, and the windpipe: the vein lies in the furrow between
        *chain(
            [
                (_on_neck(0.76, 0.03, 0.050), 0.036),
                (_on_neck(0.60, -0.03, 0.062), 0.045),
                (_on_neck(0.40, -0.045, 0.082), 0.055),
                (_on_neck(0.22, -0.065, 0.112), 0.064),
                (_on_neck(0.06, -0.10, 0.140), 0.068),
            ],
            Cone(region="neck", flat=0.62, blend=0.055, both=True),
        ),
        *chain(
            [
                (_on_neck(0.70, -0.078), 0.038),
                (_on_neck(0.55, -0.102), 0.042),
                (_on_neck(0.40, -0.128), 0.048),
                (_on_neck(0.25, -0.158), 0.054),
                (_on_neck(0.10, -0.190), 0.062),
            ],
            Cone(region="neck", flat=0.95, blend=0.05),
        ),
        # hollow in front of the shoulder blade
        Cone(
            region="neck",
            a=(0.135, -0.70, 1.56),
            b=(0.185, -0.80, 1.34),
            ra=0.014,
            rb=0.014,
            both=True,
            blend=0.07,
            carve=True,
        ),
    ]


def solids() -> list[Solid]:
    """Return all solids of the skin, in the order in which they are melted together."""
    return [*_trunk(), *_neck(), *fore_limb(), *hind_limb(), *head()]


LANDMARK_ANCHORS: dict[str, Point] = {
    "nose": (0.0, -1.690, 1.408),
    "chin": (0.0, -1.580, 1.325),
    "eye.L": (0.103, -1.456, 1.728),
    "ear_tip.L": (0.124, -1.434, 2.005),
    "poll": (0.0, -1.318, 1.905),
    "withers": (0.0, -0.44, 1.640),
    "neck_base": (0.0, -0.87, 1.22),
    "back": (0.0, 0.06, 1.53),
    "croup": (0.0, 0.50, 1.61),
    "tail_base": (0.0, 0.900, 1.50),
    "point_of_shoulder.L": (0.175, -0.795, 1.165),
    "elbow.L": (0.205, -0.432, 0.915),
    "girth": (0.0, -0.36, 0.895),
    "carpus.L": (0.164, -0.595, 0.475),
    "fore_fetlock.L": (0.205, -0.513, 0.218),
    "fore_toe.L": (0.164, -0.665, 0.002),
    "point_of_hip.L": (0.262, 0.425, 1.450),
    "ischium": (0.0, 0.905, 1.30),
    "stifle.L": (0.225, 0.452, 1.02),
    "hock.L": (0.193, 0.832, 0.662),
    "hind_fetlock.L": (0.234, 0.692, 0.200),
    "hind_toe.L": (0.193, 0.558, 0.002),
}
"""Where each landmark is looked for: the nearest point of the skin. The right ones are mirror images; ``tail_end`` is
the end of the hair."""


def landmark_anchor(name: str) -> np.ndarray:
    """Return the [3] point near which a landmark lies on the template's skin."""
    if name in LANDMARK_ANCHORS:
        return np.array(LANDMARK_ANCHORS[name])
    return np.array(LANDMARK_ANCHORS[name.replace(".R", ".L")]) * [-1.0, 1.0, 1.0]
