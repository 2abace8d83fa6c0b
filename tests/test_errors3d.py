"""Pictures of errors in 3D."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_rotvec, quat_to_matrix
from kinequimation.motion import make_motion
from kinequimation.viz.errors3d import draw_errors_3d

BLUE = (31, 98, 176)


@pytest.fixture(scope="module")
def walk() -> tuple[np.ndarray, np.ndarray]:
    body = Body(breed_shape("arabian"))
    motion = make_motion("walk", body, seconds=1.0, fps=12.0)
    return body.keypoints(motion.root_xyz_world, motion.quat_wxyz), motion.t_s


def _found(xyz: np.ndarray) -> np.ndarray:
    found = xyz + np.random.default_rng(3).normal(0, 0.02, xyz.shape)
    found[2, 5] = np.nan
    found[4] = np.nan
    return found


def _pixels(image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == colour).all(-1).sum())


def test_bars_are_as_long_as_errors(walk: tuple[np.ndarray, np.ndarray]) -> None:
    xyz, t_s = walk
    hooves = [skeleton.KEYPOINT_INDEX[name] for name in skeleton.GROUPS["hoof"]]
    moved, more = xyz.copy(), xyz.copy()
    moved[:, hooves] += [0.03, 0.0, 0.0]
    more[:, hooves] += [0.03, 0.0, 0.0]
    more[:, [i for i in range(len(skeleton.KEYPOINTS)) if i not in hooves]] += [0.0, 0.015, 0.0]
    none, few, all_points = (_pixels(draw_errors_3d(x, xyz, 1.5, t_s), BLUE) for x in (xyz, moved, more))
    assert none < few < all_points
    shares = (few - none) / (all_points - none)  # the same scale: bars of hooves alone, and of all points
    names = {skeleton.unsided(name) for name in skeleton.KEYPOINTS}
    hoof_names = {skeleton.unsided(skeleton.KEYPOINTS[i]) for i in hooves}
    few_bars = 2.0 + 2.0 * len(hoof_names) + 2.0 * len(hooves) / 103  # hoof, its points, all points; in per cent
    rest_bars = len(skeleton.GROUPS) - 1.0 + len(names) - len(hoof_names) + 1.0 * (103 - len(hooves)) / 103
    assert shares == pytest.approx(few_bars / (few_bars + rest_bars), abs=0.03)


def test_the_picture_does_not_depend_on_where_and_how_the_horse_stands(walk: tuple[np.ndarray, np.ndarray]) -> None:
    xyz, t_s = walk
    found = _found(xyz)
    R = quat_to_matrix(quat_from_rotvec(np.array([0.4, -1.1, 0.7])))
    here = draw_errors_3d(found, xyz, 1.5, t_s)
    there = draw_errors_3d(found @ R.T + 3, xyz @ R.T + 3, 1.5, t_s, up_xyz=R[:, 2])
    assert here.size == there.size
    assert np.abs(np.asarray(here, float) - np.asarray(there, float)).mean() < 0.05
    lying = draw_errors_3d(found @ R.T + 3, xyz @ R.T + 3, 1.5, t_s)
    assert np.abs(np.asarray(here, float) - np.asarray(lying, float)).mean() > 0.2  # another up is another picture


def test_one_frame_is_drawn_and_what_cannot_be_compared_is_refused(walk: tuple[np.ndarray, np.ndarray]) -> None:
    xyz, _ = walk
    assert draw_errors_3d(_found(xyz)[:1], xyz[:1], 1.5).width == 1600
    with pytest.raises(InputError, match="103"):
        draw_errors_3d(xyz[:, :68], xyz[:, :68], 1.5)
    with pytest.raises(InputError, match="no point"):
        draw_errors_3d(np.full_like(xyz, np.nan), xyz, 1.5)
