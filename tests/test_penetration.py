"""What the penetration benchmark measures with: winding numbers, depths, parts, neighbours."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kinequimation.body import BREEDS, Body, breed_shape


@pytest.fixture(scope="module")
def parts() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "parts.py"
    spec = importlib.util.spec_from_file_location("parts", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["parts"] = module
    spec.loader.exec_module(module)
    return module


def solid_angle_winding(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the winding number by the solid angle of every triangle (Van Oosterom and Strackee, 1983)."""
    a, b, c = (triangles[None, :, i] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    det = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    dots = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return 2 * np.arctan2(det, dots).sum(1) / (4 * np.pi)


def cuboid(parts: ModuleType, low: np.ndarray, high: np.ndarray) -> Any:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (high - low) + low
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return parts.Volume(corners, faces, len(faces))


def test_depth_in_a_cuboid_is_the_distance_to_its_nearest_side(parts: ModuleType) -> None:
    rng = np.random.default_rng(0)
    low, high = np.array([-0.2, 0.1, 0.3]), np.array([0.5, 0.4, 1.1])
    box = cuboid(parts, low, high)
    assert box.volume_m3 == pytest.approx(np.prod(high - low))
    for point in rng.uniform(low - 0.1, high + 0.1, (200, 3)):
        expected = max(0.0, float(np.minimum(point - low, high - point).min()))
        assert box.deepest(point[None]) == pytest.approx(expected, abs=1e-12)
    assert box.deepest(np.array([[0.0, 0.2, 0.31]]), beyond_m=0.02) == 0.0


@pytest.mark.parametrize("breed", BREEDS)
def test_parts_are_closed_and_hold_what_they_should(parts: ModuleType, breed: str) -> None:
    body = Body(breed_shape(breed))
    rng = np.random.default_rng(1)
    found = parts.body_parts()
    assert set(found) >= set(parts.PARTS) - {parts.TAIL}
    for name, part in found.items():
        volume = part.pose(body.rest_vertices)
        points = rng.uniform(volume.box[0], volume.box[1], (40, 3))
        winding = solid_angle_winding(points, volume.triangles)
        np.testing.assert_allclose(winding, np.round(winding), atol=1e-6, err_msg=f"{name} is not closed")
        np.testing.assert_array_equal(volume.winding_number(points), np.round(winding))
        nearest = parts.triangle_distance(points[:, None], volume.triangles[None, : volume.n_skin]).min(1)
        expected = np.where(winding > 0.5, nearest, 0.0).max()
        assert volume.deepest(points) == pytest.approx(expected), name


def test_neighbours_are_what_an_anatomist_would_say(parts: ModuleType) -> None:
    near = parts.joined() | parts.touching()
    assert ("head", "neck") in near and ("LF forearm", "LF cannon") in near and ("LF upper arm", "trunk") in near
    for a, b in (("head", "trunk"), ("LF cannon", "RF cannon"), ("LF foot", "LH foot"), ("LH cannon", "trunk")):
        assert (a, b) not in near and (b, a) not in near
