"""The head of the template horse. See ``anatomy`` for frame and sources.

The head's own frame: ``s`` runs from the poll to the end of the muzzle (0.65 m), ``v`` is up to the profile of the
face, both in the median plane; x is sideways.
"""

from __future__ import annotations

from kinequimation.body.solids import Blob, Cone, Loft, Point, Solid, chain

POLL: Point = (0.0, -1.315, 1.895)
AXIS: Point = (0.0, -0.5740, -0.8189)
UP: Point = (0.0, -0.8189, 0.5740)


def at(s: float, v: float, x: float = 0.0) -> Point:
    """Return the world point of the head's coordinates."""
    return (x, POLL[1] + s * AXIS[1] + v * UP[1], POLL[2] + s * AXIS[2] + v * UP[2])


def along(s: float, v: float, x: float = 0.0) -> Point:
    """Return the world direction of a direction in the head's coordinates."""
    return (x, s * AXIS[1] + v * UP[1], s * AXIS[2] + v * UP[2])


EYE = Blob(centre=at(0.2150, 0.0195, 0.0865), radii=(0.0240, 0.0170, 0.0255), axis=along(1, 0.10, -0.20))
"""The left eyeball: a closed surface of its own, which stands out of the skin between the lids."""
MUZZLE_S = 0.562
"""Where the bare skin of the muzzle begins along the head, metres from the poll."""


def head() -> list[Solid]:
    """Return the solids of the head."""
    return [
        # skull and face; (s, profile, underside, half width, x, where it is widest, roundness above and below)
        Loft(
            region="head",
            blend=0.035,
            origin=POLL,
            axis=AXIS,
            up=UP,
            stations=(
                (-0.035, -0.030, -0.085, 0.030, 0, 0.5, 2.0, 2.0),
                (-0.010, 0.004, -0.105, 0.052, 0, 0.5, 2.0, 2.0),
                (0.040, 0.030, -0.125, 0.068, 0, 0.55, 2.1, 2.0),
                (0.100, 0.050, -0.135, 0.085, 0, 0.62, 2.3, 2.0),
                (0.160, 0.061, -0.130, 0.097, 0, 0.70, 2.5, 1.9),
                (0.215, 0.064, -0.115, 0.097, 0, 0.70, 2.6, 1.9),
                (0.280, 0.060, -0.110, 0.082, 0, 0.66, 2.6, 1.9),
                (0.360, 0.053, -0.105, 0.066, 0, 0.62, 2.5, 2.0),
                (0.450, 0.044, -0.095, 0.054, 0, 0.58, 2.4, 2.0),
                (0.530, 0.035, -0.090, 0.048, 0, 0.55, 2.3, 2.1),
                (0.590, 0.025, -0.088, 0.051, 0, 0.55, 2.3, 2.2),
                (0.630, 0.006, -0.082, 0.049, 0, 0.50, 2.2, 2.2),
                (0.650, -0.012, -0.072, 0.040, 0, 0.50, 2.2, 2.2),
                (0.660, -0.028, -0.062, 0.022, 0, 0.50, 2.0, 2.0),
            ),
        ),
        # lower jaw, from the round cheek to the chin
        Loft(
            region="jaw",
            blend=0.022,
            origin=POLL,
            axis=AXIS,
            up=UP,
            stations=(
                (0.135, -0.085, -0.160, 0.045, 0, 0.5, 2.2, 2.0),
                (0.170, -0.070, -0.192, 0.058, 0, 0.5, 2.2, 2.0),
                (0.215, -0.060, -0.214, 0.062, 0, 0.5, 2.2, 2.0),
                (0.265, -0.060, -0.208, 0.058, 0, 0.5, 2.2, 2.0),
                (0.325, -0.060, -0.176, 0.050, 0, 0.5, 2.2, 2.0),
                (0.400, -0.060, -0.142, 0.042, 0, 0.5, 2.2, 2.0),
                (0.470, -0.060, -0.121, 0.037, 0, 0.5, 2.2, 2.0),
                (0.530, -0.060, -0.113, 0.035, 0, 0.5, 2.2, 2.1),
                (0.575, -0.070, -0.118, 0.037, 0, 0.4, 2.2, 2.1),
                (0.610, -0.075, -0.112, 0.034, 0, 0.4, 2.2, 2.1),
                (0.630, -0.080, -0.098, 0.022, 0, 0.4, 2.0, 2.0),
            ),
        ),
        Blob(region="jaw", blend=0.018, centre=at(0.578, -0.103), radii=(0.030, 0.024, 0.030), axis=along(1, 0.1)),
        # cheek (masseter), the hollow under its front edge, facial crest
        Blob(
            region="head",
            blend=0.016,
            centre=at(0.205, -0.110, 0.052),
            radii=(0.095, 0.092, 0.036),
            axis=along(1, 0.25, -0.08),
            both=True,
        ),
        Cone(
            region="head",
            blend=0.020,
            a=at(0.265, -0.020, 0.079),
            b=at(0.405, -0.032, 0.055),
            ra=0.010,
            rb=0.007,
            both=True,
        ),
        Blob(
            region="head",
            blend=0.050,
            centre=at(0.390, -0.085, 0.078),
            radii=(0.090, 0.030, 0.024),
            axis=along(1, 0.2, -0.15),
            carve=True,
            both=True,
        ),
        # ridge of the nose bone: flat in front, hollow between it and the crest
        Blob(
            region="head",
            blend=0.030,
            centre=at(0.40, 0.012, 0.080),
            radii=(0.11, 0.020, 0.020),
            axis=along(1, -0.05, -0.16),
            carve=True,
            both=True,
        ),
        # hollow over the eye; the rim of the socket: brow, inner corner, lower lid; the eye in it
        Blob(
            region="head",
            blend=0.025,
            centre=at(0.125, 0.034, 0.098),
            radii=(0.030, 0.018, 0.012),
            axis=along(1, 0.1),
            carve=True,
            both=True,
        ),
        *chain(
            [(at(0.165, 0.024, 0.082), 0.014), (at(0.198, 0.043, 0.0905), 0.0170), (at(0.250, 0.034, 0.078), 0.012)],
            Cone(region="head", blend=0.022, both=True),
        ),
        Cone(
            region="head",
            blend=0.020,
            a=at(0.180, 0.000, 0.085),
            b=at(0.250, 0.006, 0.076),
            ra=0.014,
            rb=0.012,
            both=True,
        ),
        Blob(
            region="head",
            blend=0.004,
            centre=at(0.2155, 0.0205, 0.0850),
            radii=(0.0265, 0.0165, 0.0165),
            axis=along(1, 0.08, -0.22),
            both=True,
        ),
        # temple: the knob of the jaw's joint
        Blob(
            region="head",
            blend=0.02,
            centre=at(0.150, -0.030, 0.078),
            radii=(0.040, 0.018, 0.016),
            axis=along(1, 0.1),
            both=True,
        ),
        # nostrils: their wings, then the holes
        Blob(
            region="head",
            blend=0.016,
            centre=at(0.602, -0.012, 0.040),
            radii=(0.036, 0.026, 0.022),
            axis=along(1, -0.5, 0.0),
            both=True,
        ),
        Blob(
            region="head",
            blend=0.006,
            centre=at(0.612, -0.010, 0.060),
            radii=(0.024, 0.0105, 0.022),
            axis=along(1, -0.75, -0.25),
            carve=True,
            both=True,
        ),
        # upper lip over the lower one, and the line of the mouth
        Blob(
            region="head",
            blend=0.018,
            centre=at(0.628, -0.052),
            radii=(0.030, 0.034, 0.040),
            axis=along(1, -0.4),
        ),
        Cone(
            region="head",
            blend=0.008,
            a=at(0.540, -0.078, 0.050),
            b=at(0.645, -0.083, 0.030),
            ra=0.0065,
            rb=0.0065,
            carve=True,
            both=True,
        ),
        # ears: shell, then its hollow, which looks forwards and outwards
        *chain(
            [
                ((0.056, -1.335, 1.830), 0.030),
                ((0.072, -1.372, 1.880), 0.0285),
                ((0.090, -1.395, 1.920), 0.0295),
                ((0.108, -1.416, 1.962), 0.022),
                ((0.124, -1.434, 2.002), 0.005),
            ],
            Cone(region="ear", blend=0.022, both=True, flat=0.85),
        ),
        *chain(
            [
                ((0.088, -1.399, 1.878), 0.010),
                ((0.103, -1.417, 1.918), 0.0185),
                ((0.117, -1.431, 1.955), 0.0140),
                ((0.127, -1.441, 1.985), 0.004),
            ],
            Cone(region="ear", blend=0.010, both=True, carve=True),
        ),
    ]
