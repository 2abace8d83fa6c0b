"""The limbs of the template horse: shoulder to fore hoof, thigh to hind hoof. See ``anatomy`` for frame and sources.

The stations of the lofts read (height, front edge, back edge, half width, centre x, where it is widest, roundness in
front, roundness behind), with −y as front: edges are written as −y.
"""

from __future__ import annotations

from kinequimation.body.solids import Blob, Cone, Loft, Point, Solid, chain

Station = tuple[float, ...]
_FORE_X, _HIND_X = 0.164, 0.193


def _column(region: str, blend: float, rows: list[Station], material: str = "coat", **options: object) -> Loft:
    """Return an upright loft of rows (z, y front, y back, half width, centre x, widest, n front, n back)."""
    stations = tuple((r[0], -r[1], -r[2], *r[3:]) for r in rows)
    return Loft(
        region=region,
        blend=blend,
        material=material,
        both=True,
        axis=(0, 0, 1),
        up=(0, -1, 0),
        stations=stations,
        **options,  # type: ignore[arg-type]
    )


def _hoof(
    region: str, x: float, front_y: float, back_y: float, slope: float, wide: float, height: float
) -> list[Solid]:
    """Return a hoof: its wall, cut off along the coronet, and the bulbs of the heel.

    Args:
        region: of its skin.
        x: centre, metres.
        front_y, back_y: toe and heel on the ground.
        slope: how far the toe leans back for each metre of height (the cotangent of its angle to the ground).
        wide: half width on the ground.
        height: of the coronet above the toe.
    """
    lean = slope * height
    wall = _column(
        region,
        0.003,
        [
            (-0.02, front_y - 0.02 * slope, back_y, wide * 1.04, x, 0.47, 2.1, 2.6),
            (0.0, front_y, back_y, wide, x, 0.47, 2.1, 2.6),
            (height * 0.5, front_y + lean * 0.5, back_y + 0.006, wide * 0.915, x, 0.45, 2.1, 2.5),
            (height, front_y + lean, back_y + 0.008, wide * 0.83, x, 0.43, 2.1, 2.4),
            (height + 0.03, front_y + lean + 0.03 * slope, back_y + 0.006, wide * 0.76, x, 0.43, 2.1, 2.4),
        ],
        "hoof",
        cut=((x, front_y + lean, height), (0.0, 0.30, 1.0)),
    )
    heel = Cone(
        region=region,
        blend=0.012,
        both=True,
        a=(x - 0.024, back_y - 0.014, 0.034),
        b=(x + 0.024, back_y - 0.014, 0.034),
        ra=0.019,
        rb=0.019,
    )
    return [heel, wall]


CORONETS: dict[str, tuple[Point, Point]] = {
    "fore hoof": ((_FORE_X, -0.6044, 0.0800), (0.0, 0.30, 1.0)),
    "hind hoof": ((_HIND_X, 0.6088, 0.0800), (0.0, 0.30, 1.0)),
}
"""A point and the normal of the plane that parts horn from hair."""


def fore_limb() -> list[Solid]:
    """Return the left fore limb (and its mirror image)."""
    x = _FORE_X
    blade: Point = (-0.09, 0.19, 0.38)
    return [
        # shoulder: blade, its ridge with a hollow before and behind, point, long head of the triceps
        Blob(
            region="shoulder",
            blend=0.06,
            both=True,
            centre=(0.122, -0.590, 1.36),
            radii=(0.25, 0.145, 0.088),
            axis=blade,
        ),
        Cone(
            region="shoulder",
            blend=0.05,
            both=True,
            a=(0.118, -0.510, 1.520),
            b=(0.194, -0.655, 1.235),
            ra=0.018,
            rb=0.028,
        ),
        Blob(region="shoulder", blend=0.05, both=True, centre=(0.143, -0.725, 1.165), radii=(0.085, 0.068, 0.055)),
        Blob(
            region="arm",
            blend=0.05,
            both=True,
            centre=(0.160, -0.505, 1.085),
            radii=(0.215, 0.100, 0.066),
            axis=(0.03, -0.10, -0.33),
        ),
        Cone(
            region="shoulder",
            blend=0.025,
            both=True,
            carve=True,
            a=(0.252, -0.60, 1.20),
            b=(0.240, -0.47, 1.33),
            ra=0.012,
            rb=0.012,
        ),
        Cone(
            region="arm",
            blend=0.05,
            both=True,
            a=(0.145, -0.69, 1.13),
            b=(0.158, -0.585, 0.95),
            ra=0.092,
            rb=0.082,
            flat=0.72,
        ),
        # forearm, carpus, bone of the cannon, fetlock, pastern
        _column(
            "leg",
            0.03,
            [
                (1.00, -0.655, -0.470, 0.060, 0.150, 0.5, 2.2, 2.0),
                (0.93, -0.655, -0.452, 0.069, 0.157, 0.55, 2.2, 2.0),
                (0.85, -0.638, -0.448, 0.067, 0.162, 0.55, 2.2, 2.0),
                (0.77, -0.622, -0.457, 0.060, x, 0.55, 2.2, 2.0),
                (0.68, -0.604, -0.474, 0.051, x, 0.55, 2.2, 2.1),
                (0.59, -0.590, -0.488, 0.0425, x, 0.5, 2.2, 2.2),
                (0.545, -0.587, -0.492, 0.0405, x, 0.5, 2.3, 2.3),
                (0.515, -0.592, -0.490, 0.0445, x, 0.5, 2.8, 2.4),
                (0.480, -0.5935, -0.490, 0.0455, x, 0.5, 3.0, 2.4),
                (0.450, -0.588, -0.492, 0.0430, x, 0.5, 2.9, 2.4),
                (0.415, -0.5765, -0.505, 0.0335, x, 0.6, 2.4, 2.2),
                (0.380, -0.5715, -0.508, 0.0285, x, 0.6, 2.2, 2.2),
                (0.310, -0.5625, -0.500, 0.0270, x, 0.6, 2.2, 2.2),
                (0.265, -0.559, -0.492, 0.0290, x, 0.5, 2.2, 2.2),
                (0.232, -0.561, -0.483, 0.0360, x, 0.5, 2.3, 2.2),
                (0.208, -0.560, -0.480, 0.0365, x, 0.5, 2.3, 2.2),
                (0.175, -0.568, -0.500, 0.0310, x, 0.5, 2.2, 2.2),
                (0.145, -0.584, -0.520, 0.0295, x, 0.5, 2.2, 2.2),
                (0.112, -0.602, -0.535, 0.0350, x, 0.5, 2.2, 2.2),
                (0.085, -0.610, -0.524, 0.0440, x, 0.5, 2.2, 2.2),
                (0.040, -0.622, -0.522, 0.0450, x, 0.5, 2.2, 2.2),
            ],
        ),
        # point of the elbow, accessory carpal bone, tendons behind the cannon, sesamoids, ergot
        Blob(
            region="leg",
            blend=0.04,
            both=True,
            centre=(0.172, -0.462, 0.905),
            radii=(0.055, 0.036, 0.033),
            axis=(0, 0.25, 1),
        ),
        Cone(
            region="leg", blend=0.016, both=True, a=(0.168, -0.487, 0.515), b=(0.168, -0.484, 0.475), ra=0.020, rb=0.017
        ),
        _column(
            "leg",
            0.012,
            [
                (0.46, -0.518, -0.478, 0.0185, x, 0.4, 2.2, 2.4),
                (0.42, -0.518, -0.482, 0.0185, x, 0.4, 2.2, 2.4),
                (0.34, -0.512, -0.479, 0.0175, x, 0.4, 2.2, 2.4),
                (0.27, -0.506, -0.470, 0.0195, x, 0.4, 2.2, 2.4),
                (0.235, -0.500, -0.461, 0.0240, x, 0.4, 2.2, 2.4),
            ],
        ),
        Cone(
            region="leg",
            blend=0.014,
            both=True,
            a=(x - 0.015, -0.478, 0.224),
            b=(x + 0.015, -0.478, 0.224),
            ra=0.021,
            rb=0.021,
        ),
        Cone(region="leg", blend=0.012, both=True, a=(x, -0.472, 0.207), b=(x, -0.478, 0.190), ra=0.016, rb=0.010),
        Cone(region="leg", blend=0.010, both=True, a=(x, -0.498, 0.19), b=(x, -0.535, 0.09), ra=0.016, rb=0.021),
        # coronet
        Blob(
            region="leg",
            blend=0.010,
            both=True,
            centre=(x, -0.557, 0.0715),
            radii=(0.013, 0.0545, 0.0505),
            axis=(0, 0.30, 1),
        ),
        *_hoof("fore hoof", x, -0.662, -0.520, 0.72, 0.0630, 0.080),
    ]


def hind_limb() -> list[Solid]:
    """Return the left hind limb (and its mirror image)."""
    x = _HIND_X
    return [
        # thigh, gaskin, hock and cannon
        _column(
            "hind",
            0.05,
            [
                (1.46, 0.48, 0.76, 0.075, 0.120, 0.5, 2.0, 2.0),
                (1.36, 0.440, 0.865, 0.125, 0.128, 0.5, 2.0, 2.0),
                (1.26, 0.432, 0.898, 0.137, 0.133, 0.5, 2.0, 2.0),
                (1.17, 0.428, 0.884, 0.128, 0.142, 0.5, 2.0, 2.0),
                (1.09, 0.433, 0.850, 0.106, 0.155, 0.5, 2.0, 2.0),
                (1.01, 0.452, 0.812, 0.081, 0.170, 0.52, 2.1, 2.0),
                (0.94, 0.500, 0.784, 0.064, 0.180, 0.55, 2.1, 2.0),
                (0.87, 0.552, 0.766, 0.055, 0.187, 0.55, 2.1, 2.0),
                (0.80, 0.600, 0.750, 0.047, 0.191, 0.55, 2.1, 2.0),
                (0.735, 0.648, 0.768, 0.037, x, 0.55, 2.1, 2.0),
                (0.690, 0.683, 0.792, 0.0375, x, 0.55, 2.3, 2.2),
                (0.650, 0.707, 0.806, 0.0415, x, 0.55, 2.6, 2.4),
                (0.610, 0.714, 0.810, 0.0420, x, 0.55, 2.6, 2.4),
                (0.570, 0.717, 0.800, 0.0380, x, 0.55, 2.5, 2.3),
                (0.530, 0.717, 0.786, 0.0315, x, 0.55, 2.3, 2.2),
                (0.470, 0.710, 0.776, 0.0280, x, 0.55, 2.2, 2.2),
                (0.380, 0.695, 0.760, 0.0270, x, 0.55, 2.2, 2.2),
                (0.270, 0.672, 0.738, 0.0285, x, 0.5, 2.2, 2.2),
                (0.220, 0.650, 0.729, 0.0360, x, 0.5, 2.3, 2.2),
                (0.193, 0.646, 0.726, 0.0365, x, 0.5, 2.3, 2.2),
                (0.165, 0.640, 0.706, 0.0310, x, 0.5, 2.2, 2.2),
                (0.140, 0.625, 0.688, 0.0295, x, 0.5, 2.2, 2.2),
                (0.112, 0.607, 0.676, 0.0345, x, 0.5, 2.2, 2.2),
                (0.085, 0.602, 0.686, 0.0430, x, 0.5, 2.2, 2.2),
                (0.040, 0.586, 0.690, 0.0440, x, 0.5, 2.2, 2.2),
            ],
        ),
        # muscles: biceps of the thigh, hamstring behind it and the furrow between, tensor in front, patella
        Blob(
            region="hind",
            blend=0.06,
            both=True,
            centre=(0.178, 0.62, 1.25),
            radii=(0.25, 0.15, 0.098),
            axis=(0.06, -0.03, -0.5),
        ),
        Cone(region="hind", blend=0.05, both=True, a=(0.085, 0.832, 1.33), b=(0.158, 0.765, 1.00), ra=0.078, rb=0.045),
        Cone(
            region="hind",
            blend=0.06,
            both=True,
            carve=True,
            a=(0.262, 0.795, 1.34),
            b=(0.266, 0.750, 1.06),
            ra=0.010,
            rb=0.006,
        ),
        Cone(
            region="hind",
            blend=0.06,
            both=True,
            a=(0.205, 0.445, 1.42),
            b=(0.190, 0.475, 1.10),
            ra=0.050,
            rb=0.055,
            flat=0.7,
        ),
        Blob(
            region="hind",
            blend=0.04,
            both=True,
            centre=(0.182, 0.492, 1.03),
            radii=(0.062, 0.042, 0.042),
            axis=(0, 0.2, -1),
        ),
        # fold of skin from the stifle to the flank
        Cone(
            region="trunk",
            blend=0.06,
            both=True,
            a=(0.165, 0.36, 1.10),
            b=(0.170, 0.42, 1.085),
            ra=0.04,
            rb=0.03,
            flat=0.5,
        ),
        # muscle on the outside of the gaskin, string of Achilles, point of the hock
        Blob(
            region="hind",
            blend=0.04,
            both=True,
            centre=(0.196, 0.628, 0.905),
            radii=(0.125, 0.062, 0.048),
            axis=(0.02, 0.35, -0.8),
        ),
        Blob(
            region="hind",
            blend=0.04,
            both=True,
            centre=(0.188, 0.715, 0.90),
            radii=(0.115, 0.052, 0.043),
            axis=(0.03, 0.16, -0.8),
        ),
        *chain(
            [
                ((0.189, 0.748, 0.84), 0.026),
                ((x, 0.780, 0.755), 0.0165),
                ((x, 0.803, 0.685), 0.0175),
                ((x, 0.808, 0.655), 0.0215),
            ],
            Cone(region="hind", blend=0.018, both=True, flat=0.85),
        ),
        Cone(
            region="hind",
            blend=0.020,
            both=True,
            a=(x, 0.808, 0.655),
            b=(x, 0.795, 0.565),
            ra=0.0215,
            rb=0.018,
            flat=0.9,
        ),
        _column(
            "hind",
            0.012,
            [
                (0.560, 0.770, 0.811, 0.0190, x, 0.4, 2.2, 2.4),
                (0.510, 0.768, 0.804, 0.0180, x, 0.4, 2.2, 2.4),
                (0.400, 0.752, 0.785, 0.0165, x, 0.4, 2.2, 2.4),
                (0.290, 0.730, 0.765, 0.0185, x, 0.4, 2.2, 2.4),
                (0.225, 0.716, 0.756, 0.0240, x, 0.4, 2.2, 2.4),
            ],
        ),
        Cone(
            region="hind",
            blend=0.014,
            both=True,
            a=(x - 0.015, 0.732, 0.207),
            b=(x + 0.015, 0.732, 0.207),
            ra=0.021,
            rb=0.021,
        ),
        Cone(region="hind", blend=0.012, both=True, a=(x, 0.738, 0.190), b=(x, 0.730, 0.173), ra=0.016, rb=0.010),
        Cone(region="hind", blend=0.010, both=True, a=(x, 0.708, 0.175), b=(x, 0.676, 0.09), ra=0.016, rb=0.021),
        Blob(
            region="hind",
            blend=0.010,
            both=True,
            centre=(x, 0.6475, 0.0715),
            radii=(0.013, 0.0515, 0.0475),
            axis=(0, 0.30, 1),
        ),
        *_hoof("hind hoof", x, 0.556, 0.692, 0.66, 0.0585, 0.080),
    ]
