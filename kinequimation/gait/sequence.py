"""The signals as the classifier reads them: stride by stride instead of second by second, and without size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.gait.clock import PER_STRIDE
from kinequimation.gait.events import USUAL_STRIDE_S

if TYPE_CHECKING:
    from jaxtyping import Float, Int

CHANNELS: tuple[str, ...] = (
    *(f"{what} {limb}" for what in ("swing", "lift", "contact") for limb in ("LF", "RF", "LH", "RH")),
    "withers bob", "sacrum bob", "sacrum height", "poll height", "pitch", "progress", "seen",
)  # fmt: skip
"""What each number of a row is."""
MIRROR_CHANNELS: Int[np.ndarray, " c"] = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, *range(12, 19)])
_AROUND = np.hanning(2 * PER_STRIDE + 3)[1:-1]


def filled_period(period_s: Float[np.ndarray, " t"], step_s: float, tempo: float) -> Float[np.ndarray, " t"]:
    """Return a stride's duration at every time: the nearest known one, or a usual one far from any.

    Args:
        period_s: NaN where there is no stride.
        step_s: between two rows.
        tempo: square root of the withers height over 1.60 m.
    """
    known = np.flatnonzero(np.isfinite(period_s))
    usual = USUAL_STRIDE_S * tempo
    if len(known) == 0:
        return np.full(len(period_s), usual)
    rows = np.arange(len(period_s))
    after = np.clip(np.searchsorted(known, rows), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    near = np.where(np.abs(known[after] - rows) < np.abs(known[before] - rows), known[after], known[before])
    value = period_s[near]
    return np.where(np.abs(near - rows) * step_s <= 2.0 * value, value, usual)


def stride_time(period_s: Float[np.ndarray, " t"], t_s: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """Return strides done since the first row, from how long they last."""
    middle = 0.5 * (1 / period_s[1:] + 1 / period_s[:-1])
    return np.concatenate([[0.0], np.cumsum(np.diff(t_s) * middle)])


def sequence(
    rows: Float[np.ndarray, "t 17"], seen: Float[np.ndarray, " t"], strides: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, "r 19"], Float[np.ndarray, " r"]]:
    """Return the channels at ``PER_STRIDE`` rows a stride, and where in ``strides`` each row lies.

    Args:
        rows: of the signals, as ``Signals.rows`` gives them.
        seen: 1 where the horse was found, else 0.
        strides: strides done, rising.
    """
    u = np.arange(0.0, max(strides[-1], 1e-6), 1 / PER_STRIDE)
    even = np.stack([np.interp(u, strides, column) for column in (*rows.T, seen)], 1)
    weight = np.convolve(np.ones(len(u)), _AROUND, "same" if len(u) >= len(_AROUND) else "full")
    if len(u) < len(_AROUND):
        weight = weight[len(_AROUND) // 2 : len(_AROUND) // 2 + len(u)]

    def middle(columns: np.ndarray) -> np.ndarray:
        size = len(_AROUND) // 2
        return np.stack([np.convolve(c, _AROUND)[size : size + len(u)] for c in columns.T], 1) / weight[:, None]

    swing, trunk_z = even[:, 0:4], even[:, 12:15]
    half = PER_STRIDE // 2
    ahead = np.minimum(np.arange(len(u)) + half, len(u) - 1)
    behind = np.maximum(np.arange(len(u)) - half, 0)
    progress = (even[ahead, 16] - even[behind, 16]) * (2 * half / np.maximum(ahead - behind, 1))
    channels = np.concatenate(
        [
            2.0 * (swing - middle(swing)),
            3.0 * even[:, 4:8].clip(-0.1, 0.5),
            2.0 * even[:, 8:12] - 1.0,
            8.0 * (trunk_z[:, 1:] - middle(trunk_z[:, 1:])),
            3.0 * (trunk_z[:, [2]] - 0.95).clip(-0.6, 0.6),
            2.0 * (trunk_z[:, [0]] - 1.0).clip(-1.0, 1.0),
            3.0 * even[:, [15]],
            0.5 * progress.clip(-1.0, 5.0)[:, None],
            even[:, [17]],
        ],
        axis=1,
    )
    return channels.clip(-4, 4).astype(np.float32), u
