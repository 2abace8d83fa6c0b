"""Least-squares alignment of two point sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def similarity_transform(
    source: Float[np.ndarray, "n 3"],
    target: Float[np.ndarray, "n 3"],
    weights: Float[np.ndarray, " n"] | None = None,
    with_scale: bool = True,
) -> tuple[float, Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Return scale, rotation and translation that take ``source`` nearest to ``target``.

    The weighted least-squares solution without reflection (Umeyama, PAMI 1991).
    """
    w = np.ones(len(source)) if weights is None else np.asarray(weights, float)
    w = w / max(float(w.sum()), 1e-12)
    mean_source, mean_target = w @ source, w @ target
    a, b = source - mean_source, target - mean_target
    U, S, Vt = np.linalg.svd((b * w[:, None]).T @ a)
    D = np.ones(3)
    D[2] = np.sign(np.linalg.det(U) * np.linalg.det(Vt))
    R = (U * D) @ Vt
    scale = float((S * D).sum() / max(float(w @ (a**2).sum(-1)), 1e-12)) if with_scale else 1.0
    return scale, R, mean_target - scale * R @ mean_source
