"""How light becomes pixels, and back: ``displayed`` of ``glsl.common`` for arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.glsl.common import SCENE_FIELDS

if TYPE_CHECKING:
    from jaxtyping import Float

_LUMA = np.array([0.2126, 0.7152, 0.0722])
TOE = 0.45
"""How much of the picture's contrast is an S of its brightness."""
_BRIGHTEST = 1.0 - 1e-4
"""What shows as white may be of any brightness: of as little as this shows."""


@dataclass(frozen=True)
class CameraTone:
    """What a scene's camera makes of light.

    Attributes:
        gain: [3] exposure and white balance of each channel.
        mixing: [3, 3] saturation: the channels that are shown, as mixtures of those there are.
        contrast: the tone curve's power.
    """

    gain: Float[np.ndarray, " 3"]
    mixing: Float[np.ndarray, "3 3"]
    contrast: float


def camera_of(rows: Float[np.ndarray, "fields 4"]) -> CameraTone:
    """Return what a scene's camera makes of light, from ``Scene.rows``."""
    white = rows[SCENE_FIELDS.index("white")]
    gain = rows[SCENE_FIELDS.index("sun_rgb"), 3] * np.exp(white[:3])
    mixing = -white[3] * np.broadcast_to(_LUMA, (3, 3)) + (1 + white[3]) * np.eye(3)
    return CameraTone(gain, mixing, float(rows[SCENE_FIELDS.index("eye"), 3]))


def displayed(light_rgb: Float[np.ndarray, "*n 3"], rows: Float[np.ndarray, "fields 4"]) -> Float[np.ndarray, "*n 3"]:
    """Return how a scene's camera shows light: gain, saturation, a soft shoulder, gamma, a toe.

    Args:
        light_rgb: linear light.
        rows: ``Scene.rows``.

    Returns:
        what the picture's pixels hold, 0..1.
    """
    camera = camera_of(rows)
    rgb = (light_rgb * camera.gain) @ camera.mixing.T
    rgb = np.clip(1.04 * (1 - np.exp(-1.2 * np.maximum(rgb, 0))), 0, 1) ** camera.contrast
    return rgb + TOE * (rgb * rgb * (3 - 2 * rgb) - rgb)


def light_of(shown_rgb: Float[np.ndarray, "*n 3"], rows: Float[np.ndarray, "fields 4"]) -> Float[np.ndarray, "*n 3"]:
    """Return the light that ``displayed`` shows as these pixels; of white, the least that does."""
    camera = camera_of(rows)
    # the toe is a cubic that rises from 0 to 1: read backwards from a table fine enough for 16 bits
    before = np.linspace(0, 1, 4097)
    after = before + TOE * (before * before * (3 - 2 * before) - before)
    rgb = np.interp(np.clip(shown_rgb, 0, _BRIGHTEST), after, before)
    rgb = -np.log(1 - rgb ** (1 / camera.contrast) / 1.04) / 1.2
    return np.maximum(rgb @ np.linalg.inv(camera.mixing).T, 0) / camera.gain
