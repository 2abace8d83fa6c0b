"""Gaits measured back from the posed mesh: footfalls, hooves that stay, joints within their ranges."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape, sample_shape
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_rotate, quat_to_rotvec
from kinequimation.motion import (
    GAIT_NAMES,
    JOINT_LIMITS,
    Motion,
    Style,
    joint_angles,
    make_motion,
    read_motion,
    sample_motion,
    write_motion,
)

TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
MOVING = ("walk", "trot", "canter_left", "canter_right")
# contact phase of LF, RF, LH, RH and duty of fore and hind: sources, E1
FOOTFALLS = {
    "walk": ((0.23, 0.73, 0.0, 0.5), (0.63, 0.62)),
    "trot": ((0.53, 0.03, 0.0, 0.5), (0.40, 0.36)),
    "canter_right": ((0.27, 0.52, 0.0, 0.24), (0.37, 0.39)),
    "canter_left": ((0.52, 0.27, 0.24, 0.0), (0.37, 0.39)),
}
# least and greatest flexor-side angle, degrees: sources, E3
JOINT_RANGES = {
    "walk": {
        "elbow": (109, 154), "carpus": (131, 185), "fore_fetlock": (177, 222),
        "stifle": (117, 157), "hock": (127, 167), "hind_fetlock": (156, 216),
    },
    "trot": {
        "elbow": (92, 150), "carpus": (92, 184), "fore_fetlock": (135, 232),
        "stifle": (108, 156), "hock": (108, 163), "hind_fetlock": (125, 230),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def body() -> Body:
    return Body()


def toes(body: Body, motion: Motion) -> np.ndarray:
    return body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, TOES]


def measured_stance(body: Body, motion: Motion) -> np.ndarray:
    """Return [T, 4]: whether each toe of the mesh lies still on the ground."""
    xyz = toes(body, motion)
    speed = np.linalg.norm(np.gradient(xyz, axis=0), axis=-1) * motion.fps
    return (xyz[..., 2] < xyz[..., 2].min() + 0.006) & (speed < 0.4)


@pytest.mark.parametrize("gait", MOVING)
def test_footfalls_measured_from_the_mesh_are_the_tables(gait: str, body: Body) -> None:
    motion = make_motion(gait, body, seconds=3.0, fps=200.0)
    stands = measured_stance(body, motion)
    landings = [np.flatnonzero(~stands[:-1, i] & stands[1:, i]) + 1 for i in range(4)]
    liftings = [np.flatnonzero(stands[:-1, i] & ~stands[1:, i]) + 1 for i in range(4)]
    first = 2 if gait != "canter_left" else 3
    stride = float(np.diff(landings[first]).mean())
    phases, duty = FOOTFALLS[gait]
    for i in range(4):
        phase = (landings[i][0] - landings[first][0]) / stride
        assert abs((phase - phases[i] + 0.5) % 1.0 - 0.5) < 0.03, skeleton.LIMBS[i]
        lift = liftings[i][liftings[i] > landings[i][0]][0]
        assert abs((lift - landings[i][0]) / stride - duty[i // 2]) < 0.03, skeleton.LIMBS[i]
        np.testing.assert_allclose(stands[:, i], motion.contact[:, i] > 0.5, atol=1, err_msg=skeleton.LIMBS[i])
        assert np.mean(stands[:, i] != (motion.contact[:, i] > 0.5)) < 0.06


@pytest.mark.parametrize("breed", ["warmblood", "shetland", "shire"])
@pytest.mark.parametrize("gait", GAIT_NAMES)
def test_hooves_stay_where_they_land(gait: str, breed: str) -> None:
    body = Body(breed_shape(breed))
    motion = make_motion(gait, body, seconds=1.6, fps=30.0)
    xyz = toes(body, motion)
    for i in range(4):
        stance = np.split(np.arange(len(motion)), np.flatnonzero(np.diff(motion.contact[:, i])) + 1)
        for frames in stance:
            if motion.contact[frames[0], i] > 0.5:
                assert np.ptp(xyz[frames, i], axis=0).max() < 0.003, skeleton.LIMBS[i]
    lowest = body.vertices(motion.root_xyz_world, motion.quat_wxyz)[..., 2].min()
    assert lowest > -0.003


@pytest.mark.parametrize("gait", MOVING)
def test_hooves_in_the_air_go_forwards(gait: str, body: Body) -> None:
    motion = make_motion(gait, body)
    step = np.diff(toes(body, motion), axis=0)
    swinging = (motion.contact[1:] < 0.5) & (motion.contact[:-1] < 0.5)
    assert step[..., 1][swinging].max() < 0.0
    assert np.all(np.diff(motion.root_xyz_world[:, 1]) < 0)


@pytest.mark.parametrize("gait", JOINT_RANGES)
def test_joints_bend_as_far_as_a_horses(gait: str, body: Body) -> None:
    angles = joint_angles(body, make_motion(gait, body))
    for joint, (least, greatest) in JOINT_RANGES[gait].items():
        for side in "LR":
            measured = angles[f"{joint}.{side}"]
            assert least - 12 < measured.min() < least + 16, (joint, measured.min())
            assert greatest - 14 < measured.max() < greatest + 12, (joint, measured.max())


def test_the_carpus_folds_the_cannon_backwards_and_the_hock_forwards(body: Body) -> None:
    motion = make_motion("trot", body)
    _, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    angles = joint_angles(body, motion)

    def tip_y(bone: str, frame: int) -> float:
        j = skeleton.JOINT_INDEX[bone]
        return float(quat_rotate(rotation[frame, j], np.array([0.0, 0.0, -1.0]))[1])

    flexed = int(angles["carpus.L"].argmin())
    assert tip_y("DEF-forefoot.L", flexed) > tip_y("DEF-forearm.L", flexed) + 0.5
    flexed = int(angles["hock.L"].argmin())
    assert tip_y("DEF-hind_foot.L", flexed) < tip_y("DEF-lower_leg.L", flexed) - 0.3


def test_rest_pose_angles_are_a_standing_horses(body: Body) -> None:
    angles = joint_angles(body, make_motion("idle", body, seconds=0.1))
    expected = {"shoulder": 125, "elbow": 150, "carpus": 178, "fore_fetlock": 210, "hip": 105, "stifle": 146}
    for joint, angle in expected.items():
        assert abs(float(angles[f"{joint}.L"][0]) - angle) < 8, joint


def test_left_canter_is_the_mirror_image_of_the_right(body: Body) -> None:
    left, right = make_motion("canter_left", body), make_motion("canter_right", body)
    np.testing.assert_allclose(left.root_xyz_world, right.root_xyz_world * [-1, 1, 1], atol=1e-12)
    np.testing.assert_array_equal(left.contact, right.contact[:, [1, 0, 3, 2]])
    mirrored = quat_to_rotvec(right.quat_wxyz)[:, skeleton.MIRROR_JOINTS] * [1, -1, -1]
    np.testing.assert_allclose(quat_to_rotvec(left.quat_wxyz), mirrored, atol=1e-9)
    # and in the posed body
    points = body.joints(left.root_xyz_world, left.quat_wxyz)[0]
    image = body.joints(right.root_xyz_world, right.quat_wxyz)[0][:, skeleton.MIRROR_JOINTS] * [-1, 1, 1]
    np.testing.assert_allclose(points, image, atol=0.002)


@pytest.mark.parametrize("gait", GAIT_NAMES)
def test_one_stride_closes(gait: str, body: Body) -> None:
    one = make_motion(gait, body, fps=30.0)
    again = make_motion(gait, body, fps=30.0, style=Style(phase=1.0 / len(one)))
    difference = quat_to_rotvec(one.quat_wxyz[:1])[0] - quat_to_rotvec(again.quat_wxyz[-1:])[0]
    assert np.abs(difference).max() < 0.02
    assert np.abs(np.linalg.norm(one.quat_wxyz, axis=-1) - 1).max() < 1e-9
    np.testing.assert_allclose(one.t_s, np.arange(len(one)) / 30.0)


def test_speed_is_kept_and_scales_with_size() -> None:
    for height in (0.9, 1.6):
        body = Body(breed_shape("warmblood", height))
        motion = make_motion("trot", body, seconds=2.0)
        speed = -np.polyfit(motion.t_s, motion.root_xyz_world[:, 1], 1)[0]
        assert speed == pytest.approx(3.3 * np.sqrt(height / 1.6), rel=0.02)
    motion = make_motion("walk", Body(), seconds=2.0, speed_mps=1.1, style=Style(heading_rad=np.pi / 2))
    assert np.polyfit(motion.t_s, motion.root_xyz_world[:, 0], 1)[0] == pytest.approx(1.1, rel=0.03)


def test_samples_depend_on_the_generator_alone_and_stay_within_limits() -> None:
    seen = set()
    for seed in range(25):
        n_frames = (1, 27)[seed % 2]
        body = Body(sample_shape(np.random.default_rng(seed)))
        motion = sample_motion(np.random.default_rng(seed), body, n_frames, 25.0)
        again = sample_motion(np.random.default_rng(seed), body, n_frames, 25.0)
        np.testing.assert_array_equal(motion.quat_wxyz, again.quat_wxyz)
        np.testing.assert_array_equal(motion.root_xyz_world, again.root_xyz_world)
        assert len(motion) == n_frames
        seen.add(motion.name)
        rotvec = quat_to_rotvec(motion.quat_wxyz)[:, 1:]
        slack = np.radians(1.0)
        assert np.all(rotvec > JOINT_LIMITS[1:, 0] - slack) and np.all(rotvec < JOINT_LIMITS[1:, 1] + slack)
    assert len(seen) >= 4


def test_limits_hold_rest_and_rigid_bones() -> None:
    assert JOINT_LIMITS.shape == (81, 2, 3)
    assert np.all(JOINT_LIMITS[:, 0] <= 1e-12) and np.all(JOINT_LIMITS[:, 1] >= -1e-12)
    halves = [j for j, name in enumerate(skeleton.JOINTS) if name.endswith((".L.001", ".R.001"))]
    assert len(halves) == 14 and np.all(JOINT_LIMITS[halves] == 0)
    swapped = JOINT_LIMITS[skeleton.MIRROR_JOINTS]
    np.testing.assert_allclose(JOINT_LIMITS[..., 0], swapped[..., 0], atol=1e-3)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(60), b"\x93NUMPY", b"text"])
def test_files_that_are_no_motion_get_one_line(tmp_path, content: bytes) -> None:
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(InputError, match="kinequimation-motion"):
        read_motion(tmp_path / "m.npz")


def test_a_motion_survives_its_file(tmp_path, body: Body) -> None:
    motion = make_motion("walk", body, seconds=0.2)
    write_motion(tmp_path / "m.npz", motion)
    back = read_motion(tmp_path / "m.npz")
    np.testing.assert_array_equal(back.quat_wxyz, motion.quat_wxyz)
    assert back.shape == motion.shape and back.name == "walk" and back.fps == motion.fps


@pytest.mark.parametrize(
    ("gait", "arguments"),
    [("gallop", {}), ("walk", {"seconds": 0.0}), ("walk", {"fps": float("nan")}), ("trot", {"speed_mps": -1.0})],
)
def test_bad_requests_are_refused(gait: str, arguments: dict, body: Body) -> None:
    with pytest.raises(InputError):
        make_motion(gait, body, **arguments)
