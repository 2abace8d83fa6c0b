"""The trained network that tells gaits apart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.gait.clock import PER_STRIDE
from kinequimation.gait.names import GAITS, MIRROR_GAITS
from kinequimation.gait.sequence import CHANNELS, MIRROR_CHANNELS
from kinequimation.runtime import open_session, sha256_of, weights_path

if TYPE_CHECKING:
    from jaxtyping import Float

CHUNK_ROWS, MARGIN_ROWS = 128 * PER_STRIDE, 2 * PER_STRIDE
"""Rows that go through the network at once, and to each side rows that only inform those."""


class GaitClassifier:
    """The trained classifier.

    Args:
        weights: an ONNX file; the one that ships with the package if None.

    Raises:
        InputError: the weights are missing or unreadable.
    """

    def __init__(self, weights: Path | None = None) -> None:
        path = weights or weights_path("gait")
        self._session, _ = open_session(path, "cpu", 1)
        self.weights_sha256 = sha256_of(path)

    def classify(self, channels: Float[np.ndarray, "r c"]) -> Float[np.ndarray, "r g"]:
        """Return the probability of each of ``GAITS`` in each row of a ``sequence``.

        Mirrored rows give exactly the mirrored gaits.
        """
        channels = np.asarray(channels, np.float32)
        if channels.ndim != 2 or channels.shape[1] != len(CHANNELS):
            raise ValueError(f"expected rows of {len(CHANNELS)} channels, got {channels.shape}")
        result = np.empty((len(channels), len(GAITS)))
        for start in range(0, len(channels), CHUNK_ROWS):
            low, high = max(0, start - MARGIN_ROWS), min(len(channels), start + CHUNK_ROWS + MARGIN_ROWS)
            part = channels[low:high]
            (logit,) = self._session.run(["gait_logit"], {"channels": np.stack([part, part[:, MIRROR_CHANNELS]])})
            mean = 0.5 * (np.asarray(logit)[0] + np.asarray(logit)[1][:, MIRROR_GAITS])
            own = mean[start - low : start - low + CHUNK_ROWS].astype(float)
            own = np.exp(own - own.max(1, keepdims=True))
            result[start : start + len(own)] = own / own.sum(1, keepdims=True)
        return result


@lru_cache(maxsize=1)
def shipped_classifier() -> GaitClassifier:
    """Return the classifier that ships with the package, opened once.

    Raises:
        InputError: its file is missing.
    """
    return GaitClassifier()
