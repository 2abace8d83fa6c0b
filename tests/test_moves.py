"""Moves measured back from the posed mesh: gravity, footfalls, hooves that stay, joints and ground."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import MATERIALS, Body, breed_shape
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_inverse, quat_multiply, quat_to_rotvec
from kinequimation.motion import JOINT_LIMITS, Motion, Style
from kinequimation.motion.moves import MOVE_NAMES, make_move, sample_move

TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
MIDDLE = skeleton.JOINT_INDEX["DEF-spine.004"]
BREEDS = ("warmblood", "shire", "foal_0m")
LF, RF, LH, RH = range(4)


@pytest.fixture(scope="module")
def bodies() -> dict[str, Body]:
    return {breed: Body(breed_shape(breed)) for breed in BREEDS}


def lowest(body: Body, motion: Motion) -> float:
    """Return the lowest point of all frames but of the feathering, which lies on the ground beside a sunken fetlock."""
    feather = np.unique(body.faces[body.face_material == MATERIALS.index("feather")])
    rest = np.setdiff1d(np.arange(len(body.rest_vertices)), feather)
    return min(
        float(body.vertices(motion.root_xyz_world[i : i + 8], motion.quat_wxyz[i : i + 8])[:, rest, 2].min())
        for i in range(0, len(motion), 8)
    )


def airborne(motion: Motion) -> np.ndarray:
    """Return the frames of the longest time without a hoof on the ground."""
    runs = np.split(np.arange(len(motion)), np.flatnonzero(np.diff(motion.contact.max(1))) + 1)
    return max((run for run in runs if motion.contact[run[0]].max() < 0.5), key=len)


@pytest.mark.parametrize("breed", BREEDS)
@pytest.mark.parametrize("name", MOVE_NAMES)
def test_hooves_stay_nothing_sinks_and_joints_keep_their_limits(name: str, breed: str, bodies: dict[str, Body]) -> None:
    body = bodies[breed]
    motion = make_move(name, body, fps=12.0)
    toes = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, TOES]
    for i in range(4):
        for run in np.split(np.arange(len(motion)), np.flatnonzero(np.diff(motion.contact[:, i])) + 1):
            if motion.contact[run[0], i] > 0.5:
                assert np.ptp(toes[run, i], axis=0).max() < 0.005, skeleton.LIMBS[i]
    assert lowest(body, motion) > -0.003
    rotvec = quat_to_rotvec(motion.quat_wxyz)[:, 1:]
    slack = np.radians(1.0)
    assert np.all(rotvec > JOINT_LIMITS[1:, 0] - slack) and np.all(rotvec < JOINT_LIMITS[1:, 1] + slack)
    assert np.all(motion.gait == name)


@pytest.mark.parametrize("name", MOVE_NAMES)
def test_nothing_jumps_from_frame_to_frame(name: str, bodies: dict[str, Body]) -> None:
    motion = make_move(name, bodies["warmblood"], 4.0, fps=120.0)
    turn = quat_to_rotvec(quat_multiply(quat_inverse(motion.quat_wxyz[:-1]), motion.quat_wxyz[1:]))
    speed = np.linalg.norm(turn, axis=-1) * motion.fps
    assert speed.max() < 60.0, skeleton.JOINTS[np.unravel_index(speed.argmax(), speed.shape)[1]]
    assert np.linalg.norm(np.diff(motion.root_xyz_world, axis=0), axis=-1).max() * motion.fps < 12.0


@pytest.mark.parametrize(("breed", "fence_m"), [("warmblood", 0.5), ("warmblood", 1.3), ("foal_0m", 0.4)])
def test_a_jump_obeys_gravity_and_clears_its_fence(breed: str, fence_m: float, bodies: dict[str, Body]) -> None:
    body = bodies[breed]
    motion = make_move("jump", body, fps=120.0, fence_m=fence_m)
    run = airborne(motion)
    middle = body.joints(motion.root_xyz_world[run], motion.quat_wxyz[run])[0][:, MIDDLE]
    t = motion.t_s[run]
    fit = np.polyfit(t, middle[:, 2], 2)
    assert -2 * fit[0] == pytest.approx(9.81, rel=0.01)
    assert np.abs(np.polyval(fit, t) - middle[:, 2]).max() < 0.01
    assert np.abs(np.polyval(np.polyfit(t, middle[:, 1], 1), t) - middle[:, 1]).max() < 0.01
    # the fence stands where the middle of the back is at its highest: no vertex touches a rail there
    rail_y = middle[middle[:, 2].argmax(), 1]
    for i in run:
        skin = body.vertices(motion.root_xyz_world[i : i + 1], motion.quat_wxyz[i : i + 1])[0]
        over = np.abs(skin[:, 1] - rail_y) < 0.03
        assert not over.any() or skin[over, 2].min() > fence_m


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_jump_leaves_and_lands_in_the_order_of_its_lead(side: str, bodies: dict[str, Body]) -> None:
    motion = make_move("jump", bodies["warmblood"], fps=120.0, fence_m=1.0, side=side)
    run = airborne(motion)
    trailing, leading = (LF, RF) if side == "right" else (RF, LF)
    last = [np.flatnonzero(motion.contact[: run[0], i] > 0.5)[-1] for i in range(4)]
    first = [run[-1] + 1 + np.flatnonzero(motion.contact[run[-1] + 1 :, i] > 0.5)[0] for i in range(4)]
    assert last[trailing] < last[leading] < min(last[LH], last[RH])
    assert abs(last[LH] - last[RH]) / motion.fps < 0.06
    assert first[trailing] < first[leading] < min(first[LH], first[RH])


def test_a_move_is_the_same_again_and_turns_with_its_heading(bodies: dict[str, Body]) -> None:
    body = bodies["warmblood"]
    one, again = (make_move("rear", body, 0.5, rng=np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.quat_wxyz, again.quat_wxyz)
    turned = make_move("rear", body, 0.5, rng=np.random.default_rng(3), style=Style(heading_rad=np.pi / 2))
    np.testing.assert_allclose(turned.root_xyz_world[:, 0], -one.root_xyz_world[:, 1], atol=1e-9)


@pytest.mark.parametrize("name", MOVE_NAMES)
def test_one_sampled_frame_is_the_first_of_many(name: str, bodies: dict[str, Body]) -> None:
    body = bodies["shire"]
    for seed in range(2):
        short = sample_move(np.random.default_rng(seed), body, 1, 25.0, name)
        long = sample_move(np.random.default_rng(seed), body, 9, 25.0, name)
        # the limbs' solver stops when all frames have arrived: joints may differ by a little, hooves may not
        one, first = (body.keypoints(m.root_xyz_world[:1], m.quat_wxyz[:1]) for m in (short, long))
        np.testing.assert_allclose(one, first, atol=0.02)
        stands = short.contact[0] > 0.5
        np.testing.assert_allclose(one[0, TOES][stands], first[0, TOES][stands], atol=0.001)
        assert len(short) == 1 and short.name == name
        assert lowest(body, short) > -0.003


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fly", {}),
        ("jump", {"fence_m": 3.0}),
        ("jump", {"depth_m": 1.0}),
        ("rear", {"angle_deg": 120.0}),
        ("graze", {"seconds": 0.0}),
        ("jump", {"side": "up"}),
    ],
)
def test_bad_requests_are_refused(name: str, arguments: dict, bodies: dict[str, Body]) -> None:
    with pytest.raises(InputError):
        make_move(name, bodies["warmblood"], **arguments)
