"""Light: sun, sky, lamps, flash, fog, and what the camera makes of them (sources, B6: light and post)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.shares import SceneShares

if TYPE_CHECKING:
    from jaxtyping import Float

    Rows = dict[str, np.ndarray]

_WAVELENGTHS_M = np.array([610e-9, 550e-9, 465e-9])
_NEUTRAL_K = 6500.0
_GAMMA = 2.1
"""The picture's tone curve; near sRGB's 2.2, as the first generator had it."""


def blackbody(kelvin: float) -> Float[np.ndarray, " 3"]:
    """Return the colour of a glowing body (Planck's law at one wavelength a channel), 6500 K white, green 1."""

    def radiance(t: float) -> np.ndarray:
        return _WAVELENGTHS_M**-5 / np.expm1(0.014388 / (_WAVELENGTHS_M * t))

    rgb = radiance(kelvin) / radiance(_NEUTRAL_K)
    return rgb / rgb[1]


def _direction(elevation_rad: float, azimuth_rad: float) -> np.ndarray:
    c = np.cos(elevation_rad)
    return np.array([c * np.cos(azimuth_rad), c * np.sin(azimuth_rad), np.sin(elevation_rad)])


def sample_light(
    rng: np.random.Generator,
    rows: Rows,
    *,
    indoor: bool,
    eye: Float[np.ndarray, " 3"] | None = None,
    shares: SceneShares | None = None,
    record: dict[str, object] | None = None,
) -> tuple[Float[np.ndarray, " 3"], float]:
    """Draw sun, sky, lamps and exposure into ``rows``.

    Args:
        rng: source of randomness.
        rows: the shader's rows, written to.
        indoor: is there a roof?
        eye: [3] the camera's position, for light from behind and flash; without it there is neither.
        shares: how often what; the defaults if not given.
        record: where to note what was drawn.

    Returns:
        the unit direction towards the sun, and the strength of its shadows.
    """
    shares = shares or SceneShares()
    note: dict[str, object] = record if record is not None else {}
    for name in SCENE_FIELDS:
        rows.setdefault(name, np.zeros(4))
    u = dict(zip(("flash", "golden", "overcast", "back", "fog", "lamps", "soft", "white"), rng.random(8), strict=True))
    is_flash = eye is not None and u["flash"] < shares.flash
    is_golden = not indoor and u["golden"] < shares.golden_hour
    grey = float(rng.random() ** 0.6) if not is_golden and u["overcast"] < shares.overcast else 0.0
    elevation = np.radians(rng.uniform(3, 14) if is_golden else rng.uniform(10, 80) if grey else rng.uniform(3, 80))
    azimuth = rng.uniform(0, 2 * np.pi)
    if eye is not None and u["back"] < shares.backlight:
        azimuth = float(np.arctan2(-eye[1], -eye[0])) + rng.normal(0, 0.5)
        elevation = min(elevation, np.radians(rng.uniform(8, 50)))
    if indoor:
        elevation, grey = np.radians(rng.uniform(50, 88)), 1.0
    height = np.sin(elevation)

    # light: a ratio of sun to sky, in units in which the sky is near 1
    sun_k = 2200 + 3600 * min(1.0, height / 0.45) ** 0.6 + rng.normal(0, 150)
    sky = np.exp(rng.uniform(np.log(0.35), np.log(1.2))) * (1 + 0.5 * grey)
    strength = sky * np.exp(rng.uniform(np.log(1.5), np.log(5.5))) * (1 - grey) ** 1.3 * min(1.0, 0.35 + 2.2 * height)
    sky_k = rng.uniform(6500, 8000) + (1 - grey) * rng.uniform(0, 4500)
    if indoor:
        sky_k = rng.uniform(3200, 6800)
        strength = sky * rng.uniform(0.0, 0.9)
    sun_rgb = blackbody(max(sun_k, 2000.0)) * strength
    sky_rgb = blackbody(sky_k) * sky
    shadow = rng.uniform(0.85, 1.0) * (1 - 0.8 * grey)
    sun = _direction(float(elevation), azimuth)
    reach = 0.0
    if is_flash and eye is not None:
        # the light stands by the lens; what is farther than the horse sinks into the dark
        distance = float(np.linalg.norm(eye))
        at = eye + np.array([0.0, 0.0, 0.1]) + rng.normal(0, 0.03, 3) * distance
        sun = at / np.linalg.norm(at)
        sun[2] = max(sun[2], 0.05)
        sun /= np.linalg.norm(sun)
        height = float(sun[2])
        reach, shadow = distance**2, 1.0
        sky_rgb = sky_rgb * np.exp(rng.uniform(np.log(0.01), np.log(0.12)))
        sun_rgb = blackbody(rng.uniform(4500, 6500)) * rng.uniform(1.0, 2.0)
    lamp_light = np.zeros(3)
    n_lamps = int(rng.integers(1, 4)) if indoor or is_flash or u["lamps"] < shares.lamps else 0
    for name in ("lamp_a", "lamp_b", "lamp_c")[:n_lamps]:
        kelvin = rng.uniform(2600, 7000)
        power = rng.uniform(0.1, 0.9) * sky * (0.15 if is_flash else 1.0)
        tint = np.exp(rng.normal(0, 0.25, 3)) if rng.random() < 0.2 else np.ones(3)
        direction = _direction(np.radians(rng.uniform(5, 75)), rng.uniform(0, 2 * np.pi))
        rows[name] = np.array([*direction, rng.uniform(0.0, 0.4)])
        rows[f"{name}_rgb"] = np.array([*(blackbody(kelvin) * tint * power), 0.0])
        lamp_light += blackbody(kelvin) * tint * power * 0.45

    # the camera: it meters ground and upright things alike, and errs by up to 1.5 stops
    metered = sky_rgb * 0.8 + sun_rgb * (0.5 * height + 0.35 * np.cos(elevation)) * (1 - 0.35 * shadow) + lamp_light
    error = float(np.clip(rng.normal(0.0, 0.4), -1.5, 1.5))
    exposure = 1.05 / float(metered @ [0.2126, 0.7152, 0.0722]) * 2.0**error
    if shares.white_balance > u["white"]:
        # what the camera takes for white, off by a normal error in mired; one in eight stands at some preset
        true = metered / metered[1]
        off = blackbody(1e6 / np.clip(1e6 / _NEUTRAL_K + rng.normal(0, 22), 100, 400))
        kelvin = rng.uniform(2800, 9000)
        gain = 1 / blackbody(kelvin) if rng.random() < 0.12 else 1 / (true ** rng.uniform(0.6, 1.0) * off)
        gain = np.clip(gain / gain[1], 0.55, 1.8)
        rows["white"] = np.array([*np.log(gain), rng.uniform(-0.4, 0.1)])
    else:
        rows["white"] = np.array([*-np.log(np.clip(metered / metered[1], 0.5, 2.0)), 0.0])
    size_deg = np.exp(rng.uniform(np.log(0.3), np.log(15.0))) if u["soft"] < shares.soft_shadow else 0.0
    if grey > 0.2 and size_deg:
        size_deg = rng.uniform(6, 15)
    # the edge is as wide as a thing half a metre up throws it
    soft_m = float(np.tan(np.radians(size_deg) / 2) * 0.5 / max(np.sqrt(height), 0.3))
    rows["sun"] = np.array([*sun, shadow])
    rows["sun_rgb"] = np.array([*sun_rgb, exposure])
    clouds = 0.0 if indoor or is_flash else rng.uniform(0.0, 1.0) if grey < 0.5 else rng.uniform(0.3, 1.0)
    rows["sky_rgb"] = np.array([*sky_rgb, clouds])
    rows["reach"] = np.array([soft_m, reach, 0.0, 0.0])
    rows["eye"] = np.array([0, 0, 0, 1 / (_GAMMA * np.exp(rng.normal(0, 0.1)))])
    # the sky as it is seen
    blueness = (1 - grey) * rng.uniform(0.3, 1.0)
    zenith = sky_rgb * (blueness * np.array([0.35, 0.55, 1.0]) + (1 - blueness) * 0.9) * rng.uniform(0.7, 1.3)
    pale = sky_rgb * rng.uniform(0.95, 1.6)
    warm = blackbody(max(sun_k, 2000.0)) if is_golden else np.ones(3)
    horizon = pale * (0.55 + 0.45 * warm)
    rows["zenith"] = np.array([*zenith, rows["zenith"][3]])
    rows["horizon"] = np.array([*horizon, np.exp(rng.uniform(-1.8, 0.2))])
    is_foggy = not indoor and u["fog"] < shares.fog
    distance = float(np.linalg.norm(eye)) if eye is not None else 8.0
    rows["ground_rgb"][3] = np.exp(rng.uniform(np.log(0.03), np.log(0.4))) / distance if is_foggy else 0.0015
    kind = "flash" if is_flash else "lamps" if indoor else "golden" if is_golden else "overcast" if grey else "sun"
    note |= {
        "light": kind, "sun_elevation_deg": float(np.degrees(np.arcsin(sun[2]))), "shadow_strength": float(shadow),
        "sun_azimuth_deg": float(np.degrees(np.arctan2(sun[1], sun[0])) % 360), "lamps": n_lamps,
        "shadow_edge_m": soft_m, "exposure_error_ev": error, "fog": bool(is_foggy), "overcast": grey,
        "white_gain": [float(g) for g in np.exp(rows["white"][:3])],
    }  # fmt: skip
    return sun, float(shadow)
