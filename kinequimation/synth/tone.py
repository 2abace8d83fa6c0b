"""How light becomes pixels, and back: ``displayed`` of ``glsl.common`` for arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.glsl.common import SCENE_FIELDS

if TYPE_CHECKING:
    from jaxtyping import Float

_LUMA = np.array([0.2126, 0.7152, 0.0722])
_TOE = 0.45
_BRIGHTEST = 1.0 - 1e-4
"""What shows as white may be of any brightness: of as little as this shows."""


def _camera(rows: Float[np.ndarray, "fields 4"]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the camera's gain for each channel, its mixing of channels [3, 3], and its contrast."""
    white = rows[SCENE_FIELDS.index("white")]
    gain = rows[SCENE_FIELDS.index("sun_rgb"), 3] * np.exp(white[:3])
    mixing = -white[3] * np.broadcast_to(_LUMA, (3, 3)) + (1 + white[3]) * np.eye(3)
    return gain, mixing, float(rows[SCENE_FIELDS.index("eye"), 3])


def displayed(light_rgb: Float[np.ndarray, "*n 3"], rows: Float[np.ndarray, "fields 4"]) -> Float[np.ndarray, "*n 3"]:
    """Return how a scene's camera shows light: gain, saturation, a soft shoulder, gamma, a toe.

    Args:
        light_rgb: linear light.
        rows: ``Scene.rows``.

    Returns:
        what the picture's pixels hold, 0..1.
    """
    gain, mixing, contrast = _camera(rows)
    rgb = (light_rgb * gain) @ mixing.T
    rgb = np.clip(1.04 * (1 - np.exp(-1.2 * np.maximum(rgb, 0))), 0, 1) ** contrast
    return rgb + _TOE * (rgb * rgb * (3 - 2 * rgb) - rgb)


def light_of(shown_rgb: Float[np.ndarray, "*n 3"], rows: Float[np.ndarray, "fields 4"]) -> Float[np.ndarray, "*n 3"]:
    """Return the light that ``displayed`` shows as these pixels; of white, the least that does."""
    gain, mixing, contrast = _camera(rows)
    # the toe is a cubic that rises from 0 to 1: read backwards from a table fine enough for 16 bits
    before = np.linspace(0, 1, 4097)
    after = before + _TOE * (before * before * (3 - 2 * before) - before)
    rgb = np.interp(np.clip(shown_rgb, 0, _BRIGHTEST), after, before)
    rgb = -np.log(1 - rgb ** (1 / contrast) / 1.04) / 1.2
    return np.maximum(rgb @ np.linalg.inv(mixing).T, 0) / gain
