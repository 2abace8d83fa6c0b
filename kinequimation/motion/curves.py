"""Smooth curves through a few points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.gait import Swing


def ease(x: Float[np.ndarray, "*n"], keys_x: np.ndarray, keys_y: np.ndarray) -> Float[np.ndarray, "*n"]:
    """Go from key to key, level at each: for curves whose keys are their highest and lowest points.

    Args:
        x: where to evaluate; outside the keys the end values hold.
        keys_x: rising.
        keys_y: the values there.
    """
    i = np.clip(np.searchsorted(keys_x, x, side="right") - 1, 0, len(keys_x) - 2)
    w = np.clip((x - keys_x[i]) / (keys_x[i + 1] - keys_x[i]), 0.0, 1.0)
    return keys_y[i] + (keys_y[i + 1] - keys_y[i]) * w * w * (3.0 - 2.0 * w)


def limb_keys(duty: float, keys: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Turn keys given at 0–1 of the stance and 1–2 of the swing into keys over one whole limb cycle.

    Args:
        duty: fraction of the cycle that the hoof stands.
        keys: (where, value), rising; they repeat every cycle.

    Returns:
        keys in fractions of the cycle, with the neighbours outside 0–1 added, and their values.
    """
    x = np.array([k[0] for k in keys])
    x = np.where(x < 1.0, x * duty, duty + (x - 1.0) * (1.0 - duty))
    y = np.array([k[1] for k in keys])
    return np.concatenate([[x[-1] - 1.0], x, [x[0] + 1.0]]), np.concatenate([[y[-1]], y, [y[0]]])


def ease_limb(
    progress: Float[np.ndarray, "frames limbs"], duty: Float[np.ndarray, "*any"], keys: list[tuple[float, float]]
) -> Float[np.ndarray, "frames limbs"]:
    """Ease through keys of a limb's cycle whose duty factor may change from frame to frame.

    Args:
        progress: of each limb's cycle: 0 to 1 through its stance, 1 to 2 through its swing.
        duty: fraction of the cycle that the hoof stands, one that broadcasts with the progress.
        keys: (where, value) as for ``limb_keys``.
    """
    duty = np.asarray(duty, float)
    phase = _phase(progress, duty)
    if duty.size == 1:
        return ease(phase, *limb_keys(float(duty.reshape(-1)[0]), keys))
    at = np.array([k[0] for k in keys])
    at = np.concatenate([[at[-1]], at, [at[0]]])
    y = np.array([k[1] for k in keys])
    y = np.concatenate([[y[-1]], y, [y[0]]])
    x = _phase(at, np.broadcast_to(duty, phase.shape)[..., None])
    x[..., 0] -= 1.0
    x[..., -1] += 1.0
    i = np.clip((phase[..., None] >= x).sum(-1) - 1, 0, len(at) - 2)[..., None]
    low, high = np.take_along_axis(x, i, -1)[..., 0], np.take_along_axis(x, i + 1, -1)[..., 0]
    i = i[..., 0]
    w = np.clip((phase - low) / (high - low), 0.0, 1.0)
    return y[i] + (y[i + 1] - y[i]) * w * w * (3.0 - 2.0 * w)


def _phase(progress: np.ndarray, duty: np.ndarray) -> np.ndarray:
    return np.where(progress < 1.0, progress * duty, duty + (progress - 1.0) * (1.0 - duty))


def bump(w: Float[np.ndarray, "*n"], rise: float, fall: float) -> Float[np.ndarray, "*n"]:
    """Return a bump on 0–1 that is 1 at ``rise / (rise + fall)`` and 0 at both ends; the powers set its steepness."""
    top = rise / (rise + fall)
    w = np.clip(w, 0.0, 1.0)
    return (w / top) ** rise * ((1.0 - w) / (1.0 - top)) ** fall


def swing_value(swing: Swing, phase: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """Evaluate a sinusoid over the stride."""
    return swing.size * np.cos(2.0 * np.pi * swing.cycles * (phase - swing.peak))
