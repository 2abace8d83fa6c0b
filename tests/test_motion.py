"""Gaits measured back from the posed mesh: footfalls, hooves that stay, joints within their ranges."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape, sample_shape
from kinequimation.body.horse import load_template
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_rotate, quat_to_rotvec
from kinequimation.motion import (
    GAIT_NAMES,
    JOINT_LIMITS,
    MOTION_NAMES,
    Motion,
    Segment,
    Style,
    joint_angles,
    make_motion,
    make_ride,
    read_motion,
    sample_motion,
    write_motion,
)
from kinequimation.motion.table import table_of

TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
MOVING = tuple(gait for gait in GAIT_NAMES if gait != "idle")
# speed of a horse of 1.60 m, contact phase of LF, RF, LH, RH, duty factor of fore and hind: sources, E1
FOOTFALLS = {
    "walk": [(0.8, (0.22, 0.72, 0.0, 0.5), (0.69, 0.68)), (1.5, (0.23, 0.73, 0.0, 0.5), (0.63, 0.62))],
    "trot": [
        (2.8, (0.52, 0.02, 0.0, 0.5), (0.44, 0.40)), (3.6, (0.53, 0.03, 0.0, 0.5), (0.40, 0.36)),
        (5.25, (0.54, 0.04, 0.0, 0.5), (0.35, 0.32)), (11.5, (0.52, 0.02, 0.0, 0.5), (0.25, 0.24)),
    ],
    "jog": [(2.1, (0.5, 0.0, 0.0, 0.5), (0.52, 0.50))],
    "piaffe": [(0.15, (0.48, 0.98, 0.0, 0.5), (0.52, 0.58))],
    "passage": [(1.6, (0.52, 0.02, 0.0, 0.5), (0.44, 0.42))],
    "pace": [(7.0, (0.08, 0.58, 0.0, 0.5), (0.33, 0.36)), (11.5, (0.10, 0.60, 0.0, 0.5), (0.26, 0.28))],
    "tolt": [(3.8, (0.25, 0.75, 0.0, 0.5), (0.42, 0.46)), (6.35, (0.21, 0.71, 0.0, 0.5), (0.36, 0.40))],
    "fox_trot": [(2.9, (0.40, 0.90, 0.0, 0.5), (0.52, 0.55))],
    "canter_right": [
        (3.1, (0.30, 0.55, 0.0, 0.25), (0.43, 0.46)), (4.4, (0.27, 0.52, 0.0, 0.24), (0.37, 0.39)),
        (6.4, (0.27, 0.52, 0.0, 0.22), (0.31, 0.32)),
    ],
    "canter_left": [(4.4, (0.52, 0.27, 0.24, 0.0), (0.37, 0.39))],
    "gallop_right": [
        (9.0, (0.41, 0.615, 0.0, 0.19), (0.265, 0.287)), (13.0, (0.425, 0.645, 0.0, 0.195), (0.22, 0.25)),
        (17.0, (0.44, 0.673, 0.0, 0.20), (0.184, 0.224)),
    ],
    "gallop_left": [(13.0, (0.645, 0.425, 0.195, 0.0), (0.22, 0.25))],
}  # fmt: skip
# flexor-side angles that no horse leaves, degrees: sources, E3
E3_LIMITS = {
    "shoulder": (80, 145), "elbow": (55, 160), "carpus": (35, 190), "fore_fetlock": (95, 255),
    "hip": (60, 140), "stifle": (60, 165), "hock": (50, 170), "hind_fetlock": (90, 250),
}  # fmt: skip
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
    return (xyz[..., 2] < xyz[..., 2].min(0) + 0.003) & (speed < 0.2)


def lowest_skin(body: Body, motion: Motion) -> float:
    """Return the height of the lowest skin; hair hangs to the ground and into it."""
    skin = load_template().is_skin
    return float(body.vertices(motion.root_xyz_world, motion.quat_wxyz)[:, skin, 2].min())


@pytest.mark.parametrize(("gait", "row"), [(gait, row) for gait, rows in FOOTFALLS.items() for row in rows])
def test_footfalls_measured_from_the_mesh_are_the_tables(gait: str, row: tuple, body: Body) -> None:
    speed, phases, duty = row
    stride_s = make_motion(gait, body, speed_mps=speed, fps=200.0).duration_s
    motion = make_motion(gait, body, seconds=2.6 * stride_s, fps=200.0 / stride_s, speed_mps=speed)
    stands = measured_stance(body, motion)
    landings = [np.flatnonzero(~stands[:-1, i] & stands[1:, i]) + 1 for i in range(4)]
    liftings = [np.flatnonzero(stands[:-1, i] & ~stands[1:, i]) + 1 for i in range(4)]
    first = int(np.argmin(np.abs(phases)))
    for i in range(4):
        phase = (landings[i][0] - landings[first][0]) / 200.0
        assert abs((phase - phases[i] + 0.5) % 1.0 - 0.5) < 0.021, skeleton.LIMBS[i]
        lift = liftings[i][liftings[i] > landings[i][0]][0]
        assert abs((lift - landings[i][0]) / 200.0 - duty[i // 2]) < 0.03, skeleton.LIMBS[i]
        assert np.mean(stands[:, i] != (motion.contact[:, i] > 0.5)) < 0.06
    # the phase is told per frame, from the landing of the left hind
    assert np.abs((motion.phase[landings[2]] + 0.5) % 1.0 - 0.5).max() < 0.02


def worst_drift(body: Body, motion: Motion) -> float:
    """Return how far a toe moves over a whole stance at most, metres."""
    xyz, worst = toes(body, motion), 0.0
    for i in range(4):
        for frames in np.split(np.arange(len(motion)), np.flatnonzero(np.diff(motion.contact[:, i])) + 1):
            if motion.contact[frames[0], i] > 0.5:
                worst = max(worst, float(np.ptp(xyz[frames, i], axis=0).max()))
    return worst


@pytest.mark.parametrize("breed", ["warmblood", "shetland", "shire"])
@pytest.mark.parametrize("gait", GAIT_NAMES)
def test_hooves_stay_where_they_land_and_joints_within_their_limits(gait: str, breed: str) -> None:
    body = Body(breed_shape(breed))
    speeds = table_of(gait)[0].speeds_mps
    for speed in set(speeds):
        motion = make_motion(gait, body, 1.2, 30.0, speed * np.sqrt(body.shape.withers_height_m / 1.6))
        assert worst_drift(body, motion) < 0.003
        assert lowest_skin(body, motion) > -0.003
        angles = joint_angles(body, motion)
        for joint, (low, high) in E3_LIMITS.items():
            for side in "LR":
                assert angles[f"{joint}.{side}"].min() > low - 0.2, (joint, speed)
                assert angles[f"{joint}.{side}"].max() < high + 0.2, (joint, speed)


@pytest.mark.parametrize(
    "gaits",
    [
        ("idle", "walk", "trot", "canter_right", "gallop_right"),
        ("gallop_left", "canter_left", "trot", "walk", "idle"),
        ("canter_left", "canter_right", "canter_left"),
        ("walk", "tolt", "pace", "trot", "passage", "piaffe", "walk", "idle", "trot"),
        ("gallop_left", "gallop_right"),
    ],
)
def test_transitions_neither_slide_nor_jump(gaits: tuple[str, ...], body: Body) -> None:
    plan = [Segment(gait, 2.5, turn_per_m=(0.0, 0.01 * (-1) ** i)) for i, gait in enumerate(gaits)]
    motion = make_ride(plan, body, fps=60.0)
    assert list(dict.fromkeys(motion.gait.tolist())) == list(dict.fromkeys(gaits))
    assert worst_drift(body, motion) < 0.005
    assert lowest_skin(body, motion) > -0.003
    step = np.diff(motion.root_xyz_world, axis=0)
    assert np.abs(np.diff(step, axis=0)).max() < 0.06
    # no hoof lands twice, or never, in the strides between
    for i in range(4):
        edges = np.flatnonzero(np.diff(motion.contact[:, i]))
        swings = np.diff(edges)[(1 - motion.contact[edges[:-1] + 1, i]) > 0.5] / 60.0
        assert swings.min() > 0.12 and swings.max() < 0.75
    # the phase runs on but for the start of each go, and is nobody's while the horse stands
    assert np.all(np.isnan(motion.phase) == (motion.gait == "idle"))
    moved = np.diff(motion.phase)
    moved = moved[np.isfinite(moved)] % 1.0
    assert np.all(moved < 0.12)


def test_speed_and_direction_change_within_a_segment(body: Body) -> None:
    plan = [Segment("trot", 6.0, speed_mps=(3.0, 5.0), turn_per_m=(0.0, 0.1))]
    motion = make_ride(plan, body, fps=50.0)
    velocity = np.diff(motion.root_xyz_world[:, :2], axis=0) * 50.0
    speed = np.linalg.norm(velocity, axis=1)
    assert speed[:25].mean() == pytest.approx(3.08, abs=0.1) and speed[-25:].mean() == pytest.approx(4.92, abs=0.1)
    heading = np.unwrap(np.arctan2(velocity[:, 0], -velocity[:, 1]))
    # ∫ κ v dt with κ and v linear in time: 0.1 · 6 · (3/2 + 2/3)
    assert heading[-10:].mean() - heading[:10].mean() == pytest.approx(1.3, abs=0.15)
    assert worst_drift(body, motion) < 0.005


@pytest.mark.parametrize(("limb", "asked"), [("", 0.0), ("LF", 20.0), ("RF", 50.0), ("LH", 12.0), ("RH", 30.0)])
def test_lameness_measures_back(limb: str, asked: float, body: Body) -> None:
    motion = make_motion("trot", body, fps=240.0, style=Style(lame_limb=limb, lameness_mm=asked))
    points = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[..., 2]
    right, left = 0.03 + 0.2, 0.53 + 0.2  # about the middle of the stance of RF and of LF; RH stands with LF

    def low(z: np.ndarray, phase: float) -> float:
        return float(z[np.abs((motion.phase - phase + 0.5) % 1.0 - 0.5) < 0.22].min())

    head, croup = (points[:, skeleton.KEYPOINT_INDEX[name]] for name in ("poll", "croup"))
    head_mm, pelvis_mm = 1e3 * (low(head, right) - low(head, left)), 1e3 * (low(croup, left) - low(croup, right))
    if not limb:
        assert abs(head_mm) < 1.0 and abs(pelvis_mm) < 1.0
    else:
        measured = head_mm if limb.endswith("F") else pelvis_mm
        assert measured == pytest.approx(asked if limb.startswith("R") else -asked, rel=0.2)


@pytest.mark.parametrize("gait", MOVING)
def test_hooves_in_the_air_go_forwards(gait: str, body: Body) -> None:
    motion = make_motion(gait, body)
    step = np.diff(toes(body, motion), axis=0)
    swinging = (motion.contact[1:] < 0.5) & (motion.contact[:-1] < 0.5)
    assert step[..., 1][swinging].max() < 0.001
    assert motion.root_xyz_world[-1, 1] < motion.root_xyz_world[0, 1]


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


def test_a_phase_just_before_landing_is_a_phase(body: Body) -> None:
    for gait in ("walk", "canter_left"):  # −1e-17 % 1 is 1 in floating point
        assert np.all(make_motion(gait, body, fps=10.0, style=Style(phase=-1e-17)).phase < 1.0)


def test_speed_is_kept_and_scales_with_size() -> None:
    for height in (0.9, 1.6):
        body = Body(breed_shape("warmblood", height))
        motion = make_motion("trot", body, seconds=2.0)
        speed = -np.polyfit(motion.t_s, motion.root_xyz_world[:, 1], 1)[0]
        assert speed == pytest.approx(3.6 * np.sqrt(height / 1.6), rel=0.02)
    motion = make_motion("walk", Body(), seconds=2.0, speed_mps=1.1, style=Style(heading_rad=np.pi / 2))
    assert np.polyfit(motion.t_s, motion.root_xyz_world[:, 0], 1)[0] == pytest.approx(1.1, rel=0.03)


def test_samples_depend_on_the_generator_alone_and_stay_within_limits() -> None:
    seen = set()
    for seed in range(40):
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
    assert len(seen) >= 8


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
    with pytest.raises(InputError, match="got a folder"):
        read_motion(tmp_path)


def test_a_motion_survives_its_file(tmp_path, body: Body) -> None:
    motion = make_motion("walk", body, seconds=0.2)
    write_motion(tmp_path / "m.npz", motion)
    back = read_motion(tmp_path / "m.npz")
    np.testing.assert_array_equal(back.quat_wxyz, motion.quat_wxyz)
    assert back.shape == motion.shape and back.name == "walk" and back.fps == motion.fps
    np.testing.assert_array_equal(back.gait, motion.gait)
    np.testing.assert_array_equal(back.phase, motion.phase)
    with np.load(tmp_path / "m.npz") as data:
        old = {key: data[key] for key in data.files if key not in ("gait", "phase")}
    np.savez(tmp_path / "old.npz", **old)
    back = read_motion(tmp_path / "old.npz")
    assert set(back.gait) == {"walk"} and np.isnan(back.phase).all()


def test_everything_by_name_can_be_made(body: Body) -> None:
    for name in MOTION_NAMES:
        assert len(make_motion(name, body, fps=5.0)) > 0


@pytest.mark.parametrize(
    ("gait", "arguments"),
    [
        ("levade", {}),
        ("jump", {"speed_mps": 3.0}),
        ("walk", {"seconds": 0.0}),
        ("walk", {"fps": float("nan")}),
        ("trot", {"speed_mps": -1.0}),
    ],
)
def test_bad_requests_are_refused(gait: str, arguments: dict, body: Body) -> None:
    with pytest.raises(InputError):
        make_motion(gait, body, **arguments)
