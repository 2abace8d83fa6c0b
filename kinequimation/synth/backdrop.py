"""What lies behind: skylines, walls and roofs, plain studios, pictures with light that matches them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth import pictures
from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.ground import tint
from kinequimation.synth.shares import PLACES
from kinequimation.synth.textures import TEXTURES, texture_layer

if TYPE_CHECKING:
    from jaxtyping import UInt8

    from kinequimation.synth.shares import SceneShares

    Rows = dict[str, np.ndarray]

_CONTRAST = 0.45
"""Of the tone curve, as in ``glsl.common``."""
OUTDOORS = ("field", "arena", "yard", "road")
_WALL_COLOURS = (
    (206, 200, 188), (176, 168, 156), (222, 220, 214), (150, 132, 108), (112, 90, 68), (96, 104, 96), (134, 70, 56),
    (92, 108, 92), (120, 124, 130), (190, 176, 150), (74, 70, 66), (160, 150, 140),
)  # fmt: skip


def sample_place(rng: np.random.Generator, shares: SceneShares) -> str:
    """Draw the kind of place; a picture stays one only with photographs, or else by the share of painted ones."""
    weights = np.array([getattr(shares, place) for place in PLACES])
    place = PLACES[rng.choice(len(PLACES), p=weights / weights.sum())]
    outdoors = np.array([getattr(shares, p) for p in OUTDOORS])
    is_painted = rng.random() < shares.painted
    instead = rng.random()
    if place == "picture" and not shares.photographs and not is_painted:
        if not outdoors.sum() > 0:
            return "plain"
        return OUTDOORS[int(np.searchsorted(np.cumsum(outdoors / outdoors.sum()), instead, side="right").clip(0, 3))]
    return place


def add_skyline(
    rng: np.random.Generator, rows: Rows, shares: SceneShares, hfov_rad: float, record: dict[str, object]
) -> UInt8[np.ndarray, "h w 4"] | None:
    """Draw what stands along the horizon: a painted skyline, or bands of hills and trees.

    Returns:
        the skyline's picture, if it is a painted one.
    """
    rows["offset"] = np.array([*rng.random(3) * 5, 0.0])
    if rng.random() < shares.skyline:
        number = int(rng.integers(pictures.N_SKYLINES))
        # a long lens sees a small part of the horizon: there the same trees stand nearer, and out of focus
        height = np.exp(rng.uniform(np.log(0.14), np.log(0.6))) * np.clip(hfov_rad / 0.7, 0.45, 1.2)
        around = height * pictures.SKYLINE_SIZE[0] / pictures.SKYLINE_SIZE[1] * rng.uniform(0.8, 1.3)
        blur = int(rng.integers(0, 4)) if hfov_rad < 0.6 else int(rng.random() < 0.25)
        haze = rng.uniform(0.0, 0.2) + (0.35 if record.get("fog") else 0.0)
        rows["skyline"] = np.array([1 / around, 1 / height, haze, 1.0])
        record |= {"skyline": number, "skyline_height": float(height), "backdrop_blur": blur}
        return pictures.unfocused(number, blur, is_skyline=True)
    if rng.random() < 0.5:
        rows["hills"] = np.array([*tint(rng, (92, 112, 92), 0.25), rng.uniform(0.02, 0.25)])
    if rng.random() < 0.75:
        green = (62, 88, 46) if rng.random() < 0.75 else (120, 100, 66)
        rows["trees"] = np.array([*tint(rng, green, 0.25), rng.uniform(0.04, 0.4)])
        leafy = texture_layer(("leaves", "foliage", "grass")[rng.integers(3)])
        rows["trees_shape"] = np.array([leafy, rng.uniform(4, 14), rng.uniform(0.3, 1.5), rng.uniform(0.45, 0.9)])
    return None


def add_wall(
    rng: np.random.Generator, rows: Rows, place: str, eye: np.ndarray, distance_m: float, record: dict[str, object]
) -> None:
    """Draw a wall across the view; indoors with kicking boards, windows, roof and lamps."""
    far = distance_m * rng.uniform(1.15, 3.0) + 1.0
    height = rng.uniform(3, 7) if place in ("indoor", "stable") else rng.uniform(0.6, 3.5)
    surface = ("planks", "bricks", "plaster", "boards", "metal", "plaster", "boards", "planks")[rng.integers(8)]
    if place in ("indoor", "arena") and rng.random() < 0.08:
        surface = ("crowd", "letters", "panels")[rng.integers(3)]
    rows["wall"] = np.array(
        [*tint(rng, _WALL_COLOURS[rng.integers(len(_WALL_COLOURS))], 0.15), (height - eye[2]) / far]
    )
    if rng.random() < 0.06:
        rows["wall"][:3] = random_colour(rng)
    rows["wall_shape"] = np.array([texture_layer(surface), rng.uniform(2.0, 8) * min(far / 8, 2.0), -eye[2] / far, 0.0])
    rows["wall_shape"][3] = rng.uniform(0.2, 0.9)
    towards = -eye[:2] / (np.linalg.norm(eye[:2]) + 1e-9)
    turn = rng.normal(0, 0.3)
    normal = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ towards
    rows["wall_normal"] = np.array([*normal, rng.uniform(0.003, 0.02) if rng.random() < 0.25 else 0.0, 0.0])
    record["wall"] = surface
    if place not in ("indoor", "stable"):
        return
    if rng.random() < 0.75:  # boards that keep riders' knees off the wall
        kick = (150, 116, 78) if rng.random() < 0.6 else (72, 60, 50)
        rows["kick"] = np.array([*tint(rng, kick, 0.2), (rng.uniform(1.1, 1.7) - eye[2]) / far])
    if rng.random() < 0.5:
        low = rng.uniform(2.0, max(height - 1.0, 2.2))
        edges = (low - eye[2]) / far, (low + rng.uniform(0.6, 1.5) - eye[2]) / far
        rows["window"] = np.array([*edges, rng.uniform(0.7, 3.0), rng.uniform(0.9, 2.2)])
    dim = rng.uniform(0.1, 0.5)
    sky = rows["sky_rgb"][:3]
    rows["zenith"][:3], rows["horizon"][:3], rows["sky_rgb"][3] = sky * dim, sky * dim, 0.0
    rows["fade"][2] = max(height + rng.uniform(0.3, 2.5), eye[2] + 1.0)
    beams = rng.uniform(0, np.pi)
    rows["roof"] = np.array([np.cos(beams), np.sin(beams), rng.uniform(2.5, 6.0), rng.uniform(1.0, 2.5)])
    roof = ((150, 140, 126), (96, 90, 84), (190, 190, 188))[rng.integers(3)]
    rows["roof_rgb"] = np.array([*tint(rng, roof, 0.2), rng.uniform(0.0, 0.09) if rng.random() < 0.8 else 0.0])


def add_studio(rng: np.random.Generator, rows: Rows, distance_m: float) -> None:
    """Draw a plain background: the ground runs into it without an edge."""
    colour = linear(np.full(3, rng.uniform(90, 245)) * np.exp(rng.normal(0, 0.06, 3)))
    if rng.random() < 0.2:
        colour = random_colour(rng)
    light = rows["sky_rgb"][:3] + rows["sun_rgb"][:3] * 0.4
    rows["horizon"][:3] = colour * light
    rows["zenith"][:3] = colour * light * np.exp(rng.normal(0, 0.4))
    rows["sky_rgb"][3] = 0.0
    rows["soil_a"][:3] = colour * rng.uniform(0.85, 1.1)
    rows["soil_b"][:3] = rows["soil_a"][:3]
    rows["soil_mix"][3] *= 0.15
    rows["path"][3] = rows["reach"][3] = 0.0
    rows["fade"][:2] = np.array([0.25, rng.uniform(0.7, 1.6)]) * distance_m + 1.0


def add_abstract(rng: np.random.Generator, rows: Rows) -> None:
    """Draw a background of two textures without ground, as the first generator had."""
    rows["zenith"][3] = 1.0
    rows["picture"] = np.array([*rng.integers(0, len(TEXTURES), 2), np.exp(rng.uniform(-2.3, -0.22)), rng.random()])
    rows["picture_rgb"] = np.array([*linear(rng.uniform(40, 230, 3)), rng.uniform(0, 1)])
    rows["offset"] = np.array([*rng.random(3) * 5, 0.0])


def add_picture(
    rng: np.random.Generator, rows: Rows, shares: SceneShares, distance_m: float, record: dict[str, object]
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw a photograph, or a painting where there is none, and make the light match it.

    The upper half's mean colour becomes the sky's, the lower half's the ground's, and how bright it is the
    exposure's. The ground keeps its relief and shadows near the horse and runs into the picture farther out.
    """
    if shares.photographs:
        source: int | Path = Path(shares.photographs[rng.integers(len(shares.photographs))])
        record["picture"] = source.name
    else:
        source = int(rng.integers(pictures.N_PAINTINGS))
        record["picture"] = f"painting {source}"
    blur = int(rng.choice(4, p=[0.35, 0.3, 0.2, 0.15]))
    if isinstance(source, int) and source % 2:
        blur = max(blur, 1)  # clutter has no edges of its own worth seeing
    zoom = rng.uniform(0.55, 1.0)
    centre = rng.uniform(0.5 * zoom, 1 - 0.5 * zoom, 2)
    flip = rng.choice([-1.0, 1.0])
    record["backdrop_blur"] = blur
    # image rows run down on the screen and in the picture alike
    rows["fit"] = np.array([*centre, 0.5 * zoom * flip, 0.5 * zoom])
    rows["skyline"] = np.array([0.0, 0.0, 0.0, 2.0])
    rows["fade"] = np.array([*(np.array([0.12, rng.uniform(0.35, 0.9)]) * distance_m + 0.9), 0.0, 1.0])
    match_light(rows, pictures.unfocused(source, 0))
    return pictures.unfocused(source, blur)


def match_light(rows: Rows, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Tune sky, ground and exposure to a picture, the light being in ``rows`` already.

    What lies on the ground then shows about the mean colour of the picture's lower half, and what faces the sky is
    lit in the colour of its upper half, half-way towards grey.
    """
    half = image.shape[0] // 2
    above, below = (linear(part.reshape(-1, 3).mean(0)) for part in (image[:half], image[half:]))
    luma = np.array([0.2126, 0.7152, 0.0722])
    hue = np.clip(above / max(above @ luma, 1e-3), 0.5, 1.8) ** 0.5
    rows["sky_rgb"][:3] = rows["sky_rgb"][:3] @ luma * hue
    rows["white"][:3] = 0.0
    rows["white"][3] = min(rows["white"][3], 0.0)
    light = rows["sky_rgb"][:3] + rows["sun_rgb"][:3] * max(rows["sun"][2], 0.05)
    # the exposure: what reflects a fifth shows as dark or bright as the picture is
    mean = float(np.clip(0.5 * (above + below) @ luma, 0.01, 0.85))
    rows["sun_rgb"][3] = scene_linear(mean) / 0.22 / max(float(light @ luma), 1e-3)
    shown = np.array([scene_linear(float(c)) for c in np.clip(below, 0.005, 0.9)])
    soil = np.clip(shown / rows["sun_rgb"][3] / np.maximum(light, 1e-3), 0.01, 0.95)
    change = soil / np.maximum(rows["soil_a"][:3], 1e-3)
    rows["soil_a"][:3] = soil
    rows["soil_b"][:3] = np.clip(rows["soil_b"][:3] * change, 0.5 * soil, 1.6 * soil)
    rows["path"][3] = 0.0
    rows["horizon"][:3] = np.array([scene_linear(float(c)) for c in np.clip(above, 0.01, 0.9)]) / rows["sun_rgb"][3]
    rows["ground_rgb"][:3] = soil * light * 0.45


def scene_linear(shown: float) -> float:
    """Return the light that ``displayed`` in ``glsl.common`` shows as this value, which is linear by a power of 2.2."""
    light = np.linspace(0.0, 6.0, 512)
    value = np.minimum(1.04 * (1 - np.exp(-1.2 * light)), 1.0) ** (1 / 2.1)
    value += _CONTRAST * (value * value * (3 - 2 * value) - value)
    return float(np.interp(shown ** (1 / 2.2), value, light))
