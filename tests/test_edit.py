"""Edits of motions: what they change, and what they must leave as it was: hooves, heights, times, no step at a seam."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.cli.main import main
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_from_rotvec, quat_multiply, quat_rotate
from kinequimation.motion import Motion, Style, make_motion, read_motion, write_motion
from kinequimation.motion.angles import ANGLES, angles
from kinequimation.motion.edit import Edits, edit
from kinequimation.motion.edit.loop import Looped, loop
from kinequimation.motion.edit.place import Step, headings_rad, in_place, moved, trunk_xyz, with_rest_first
from kinequimation.motion.edit.planting import Stance, plant, stances_of, toe_paths
from kinequimation.motion.edit.sampling import resample, sampled
from kinequimation.motion.edit.smoothing import smooth
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg
from kinequimation.motion.motion import part_of

BODY = Body(Shape())
MM = 1e-3


def slides_m(motion: Motion, stances: list[Stance] | None = None) -> np.ndarray:
    """How far the toe of each stance strays from its place."""
    toes = toe_paths(BODY, motion)
    found = stances_of(BODY, motion) if stances is None else stances
    assert found
    return np.array([np.linalg.norm(toes[s.start : s.stop, s.limb] - s.xyz_world, axis=-1).max() for s in found])


def repeated(looped: Looped, times: int = 3) -> Motion:
    """The loop played again and again, each round going on where the one before ended."""
    own = part_of(looped.motion, slice(0, len(looped.motion) - 1))
    rounds = [own]
    for _ in range(times - 1):
        rounds.append(moved(rounds[-1], np.full(1, looped.step.turn_rad), looped.step.xy[None]))
    names = ("root_xyz_world", "quat_wxyz", "contact", "confidence", "gait", "phase")
    joined = {name: np.concatenate([getattr(r, name) for r in rounds]) for name in names}
    return dataclasses.replace(own, **joined, t_s=np.arange(times * len(own)) / own.fps)


def shaken(motion: Motion, size_rad: float, seed: int = 3) -> Motion:
    """The motion with its own noise in every joint and frame."""
    rng = np.random.default_rng(seed)
    noise = quat_from_rotvec(rng.normal(0, size_rad, (*motion.quat_wxyz.shape[:2], 3)))
    noise[:, 0] = [1.0, 0.0, 0.0, 0.0]
    return dataclasses.replace(motion, quat_wxyz=quat_multiply(motion.quat_wxyz, noise))


@pytest.fixture(scope="module")
def trot() -> Motion:
    return make_motion("trot", BODY, seconds=3.0, fps=50.0)


def test_resampled_frames_lie_on_the_old_ones_and_hooves_stand(trot: Motion) -> None:
    finer = resample(trot, 100.0, BODY)
    assert len(finer) == 2 * len(trot) - 1 and finer.fps == 100.0
    old, new = (BODY.joints(m.root_xyz_world, m.quat_wxyz)[0] for m in (trot, part_of(finer, slice(None, None, 2))))
    assert np.abs(old - new).max() < 1 * MM
    assert slides_m(finer).max() < 1 * MM
    assert toe_paths(BODY, finer)[..., 2].min() > -1 * MM
    coarse = resample(trot, 24.0, BODY)
    np.testing.assert_allclose(coarse.t_s, np.arange(len(coarse)) / 24, atol=1e-9)
    assert slides_m(coarse).max() < 1 * MM
    back = BODY.joints(coarse.root_xyz_world[::12], coarse.quat_wxyz[::12])[0]
    assert np.abs(back - old[::25]).max() < 5 * MM, "every half second both have a frame"


def test_nothing_overshoots_between_frames_and_gaps_stay_gaps() -> None:
    rng = np.random.default_rng(0)
    n = 700  # more than one piece
    motion = Motion(
        root_xyz_world=np.cumsum(rng.normal(0, 1, (n, 3)), 0),
        quat_wxyz=np.tile([-1.0, 0, 0, 0], (n, skeleton.NUM_JOINTS, 1)) * rng.choice([-1, 1], (n, 1, 1)),
        contact=rng.integers(0, 2, (n, 4)).astype(float),
        t_s=np.cumsum(rng.uniform(0.01, 0.3, n)),
        fps=8.0,
        confidence=rng.integers(0, 2, n).astype(float),
        shape=Shape(),
        phase=np.linspace(0, 40, n) % 1,
    )
    wanted = np.sort(rng.uniform(motion.t_s[0], motion.t_s[-1], 3000))
    made = sampled(motion, wanted, 8.0)
    left = np.searchsorted(motion.t_s, wanted, side="right") - 1
    both = np.stack([motion.root_xyz_world[left], motion.root_xyz_world[left + 1]])
    assert np.all(made.root_xyz_world >= both.min(0) - 1e-9) and np.all(made.root_xyz_world <= both.max(0) + 1e-9)
    assert np.abs(made.quat_wxyz[..., 0]).min() > 1 - 1e-9, "signs of quaternions are no turns"
    np.testing.assert_array_equal(made.confidence > 0, np.minimum(*motion.confidence[[left, left + 1]]) > 0)
    stands = np.minimum(*motion.contact[[left, left + 1]]) > 0.5
    np.testing.assert_array_equal(made.contact > 0.5, stands)


def test_smoothing_takes_shakes_out_and_leaves_hooves_and_pace(trot: Motion) -> None:
    rough = shaken(trot, 0.01)
    rough = plant(BODY, rough)
    stances = stances_of(BODY, rough)
    soft = smooth(rough, 1.0, BODY)
    jitter = [np.abs(np.diff(BODY.joints(m.root_xyz_world, m.quat_wxyz)[0], 3, axis=0)).mean() for m in (rough, soft)]
    assert jitter[1] < 0.5 * jitter[0]
    assert slides_m(soft, stances).max() < 5 * MM and np.median(slides_m(soft, stances)) < 1 * MM
    assert np.abs(soft.root_xyz_world - rough.root_xyz_world).max() < 0.03, "also at the ends, where it is in full trot"
    np.testing.assert_array_equal(soft.contact, rough.contact)


@pytest.mark.parametrize(
    ("gait", "fps", "turn_per_m"), [("trot", 50.0, 0.0), ("walk", 25.0, 0.1), ("gallop_left", 30.0, 0.0)]
)
def test_a_loop_is_one_stride_that_goes_on_without_a_step(gait: str, fps: float, turn_per_m: float) -> None:
    motion = make_motion(gait, BODY, seconds=3.2, fps=fps, style=Style(turn_per_m=turn_per_m))
    stride = make_motion(gait, BODY, fps=600.0).duration_s
    looped = loop(motion, BODY, 1)
    assert looped.n_strides == 1 and looped.end_s - looped.start_s == pytest.approx(stride, rel=0.02)
    assert looped.gap_heights < 0.03
    assert abs(looped.stretch) * (len(looped.motion) - 1) <= 0.51, "less than half a frame"
    pace = np.linalg.norm(np.diff(motion.root_xyz_world[[0, -1]], axis=0)) / motion.t_s[-1]
    if turn_per_m == 0:
        assert np.linalg.norm(looped.step.xy) == pytest.approx(pace * stride, rel=0.03)
    else:
        assert abs(looped.step.turn_rad) == pytest.approx(turn_per_m * 1.68, rel=0.1), "1.68 m a stride of this walk"
    assert_seamless(looped)


def assert_seamless(looped: Looped, slide_m: float = 2 * MM) -> None:
    """Rounds join without a jump of place or pace, and hooves that stand across the seam stand."""
    long = repeated(looped)
    n = len(looped.motion) - 1
    xyz = BODY.joints(long.root_xyz_world, long.quat_wxyz)[0]
    end = BODY.joints(looped.motion.root_xyz_world[-1:], looped.motion.quat_wxyz[-1:])[0]
    assert np.abs(end[0] - xyz[n]).max() < 0.02 * 1.6, "closes to less than 2 % of the withers height"
    change = np.linalg.norm(np.diff(xyz, 2, axis=0), axis=-1).max(1)
    inner = change[n + 2 : 2 * n - 3]
    assert change[n - 2 : n + 1].max() <= 1.2 * inner.max()
    assert slides_m(long).max() < slide_m
    assert toe_paths(BODY, long)[..., 2].min() > -2 * MM


def test_strides_that_differ_are_closed_and_hooves_are_planted_again() -> None:
    motion = make_motion("trot", BODY, seconds=4.0, fps=50.0)
    t = motion.t_s
    sway = np.zeros((len(t), skeleton.NUM_JOINTS, 3))
    for k, joint in enumerate(("DEF-spine.003", "DEF-neck.002", "DEF-thigh.L", "DEF-upper_arm.R")):
        sway[:, skeleton.JOINT_INDEX[joint], 0] = 0.08 * np.sin(2 * np.pi * (0.31 + 0.1 * k) * t + k)
    swayed = dataclasses.replace(motion, quat_wxyz=quat_multiply(motion.quat_wxyz, quat_from_rotvec(sway)))
    uneven = plant(BODY, swayed, stances_of(BODY, motion))
    looped = loop(uneven, BODY, 2, fps=60.0)
    assert looped.n_strides == 2 and looped.gap_heights > 0.005 and looped.motion.fps == 60.0
    assert_seamless(looped, 5 * MM)


def test_a_clip_of_hardly_more_than_a_stride_is_closed_too() -> None:
    motion = make_motion("trot", BODY, seconds=0.9, fps=30.0)
    looped = loop(motion, BODY)
    assert looped.n_strides == 1
    long = repeated(looped)
    n = len(looped.motion) - 1
    xyz = BODY.joints(long.root_xyz_world, long.quat_wxyz)[0]
    steps = np.linalg.norm(np.diff(xyz, axis=0), axis=-1).max(1)
    assert steps[n - 1] <= 1.2 * steps.max(initial=0, where=np.arange(len(steps)) % n != n - 1)
    with pytest.raises(InputError, match="expected 3 strides"):
        loop(motion, BODY, 3)
    with pytest.raises(InputError, match="expected a stride"):
        loop(make_motion("trot", BODY, seconds=0.04, fps=50.0), BODY)


def test_a_horse_that_stands_is_looped_where_it_stands() -> None:
    looped = loop(make_motion("idle", BODY, seconds=6.0, fps=20.0), BODY)
    assert looped.n_strides == 0 and looped.step.turn_rad == 0.0 and not looped.step.xy.any()
    assert slides_m(repeated(looped)).max() < 1 * MM


def test_in_place_keeps_height_and_stride_and_faces_ahead() -> None:
    motion = make_motion("trot", BODY, seconds=6.0, fps=50.0, style=Style(turn_per_m=0.3, heading_rad=2.0))
    turned = np.ptp(headings_rad(motion.quat_wxyz))
    assert turned > 2 * np.pi * 0.95, "a whole circle"
    held = in_place(motion, BODY)
    np.testing.assert_allclose(held.root_xyz_world[:, 2], motion.root_xyz_world[:, 2], atol=1e-9)
    np.testing.assert_array_equal(held.quat_wxyz[:, 1:], motion.quat_wxyz[:, 1:])
    rest = trunk_xyz(np.zeros((1, 3)), part_of(with_rest_first(held, BODY), slice(0, 1)).quat_wxyz, BODY)[0]
    away = trunk_xyz(held.root_xyz_world, held.quat_wxyz, BODY)[:, :2] - rest[:2]
    assert np.abs(away[50:-50]).max() < 0.06, "surge and sway of a stride, and no way"
    assert np.abs(away).max() < 0.2, "at the ends half of the way is not known"
    assert np.abs(headings_rad(held.quat_wxyz)).max() < np.radians(4)
    looped = loop(motion, BODY, 1)
    closed = in_place(looped.motion, BODY, looped.step)
    np.testing.assert_allclose(closed.root_xyz_world[-1], closed.root_xyz_world[0], atol=1e-9)
    np.testing.assert_allclose(closed.quat_wxyz[-1], closed.quat_wxyz[0], atol=1e-9)


def test_a_step_over_the_ground_has_roots() -> None:
    rng = np.random.default_rng(5)
    for turn in (0.0, 1e-9, 0.4, -2.0):
        step = Step(turn, rng.normal(size=2))
        third_turn, third_xy = step.power(np.array([1 / 3]))
        third = Step(float(third_turn[0]), third_xy[0])
        xyz = rng.normal(size=(1, 3))
        moving = xyz
        for _ in range(3):
            moving = quat_rotate(quat_from_axis_angle((0, 0, 1.0), np.array([third.turn_rad])), moving)
            moving[:, :2] += third.xy
        whole = quat_rotate(quat_from_axis_angle((0, 0, 1.0), np.array([turn])), xyz)
        whole[:, :2] += step.xy
        np.testing.assert_allclose(moving, whole, atol=1e-9)


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_a_motion_too_short_to_loop_is_said_so_and_edited_otherwise(trot: Motion, n_frames: int) -> None:
    brief = part_of(trot, slice(0, n_frames))
    with pytest.raises(InputError, match="take a longer part"):
        edit(brief, Edits(loop=0), BODY)
    assert (
        len(edit(brief, Edits(smooth=1.0, fps=trot.fps, in_place=True, rest_first=True), BODY).motion) == n_frames + 1
    )


def test_the_rest_pose_stands_where_the_horse_starts(trot: Motion) -> None:
    turned = moved(trot, np.full(1, 0.7), np.array([[3.0, -2.0]]))
    made = with_rest_first(turned, BODY)
    assert len(made) == len(trot) + 1 and made.t_s[0] == 0 and made.t_s[1] == pytest.approx(1 / trot.fps)
    np.testing.assert_array_equal(made.quat_wxyz[1:], turned.quat_wxyz)
    np.testing.assert_array_equal(made.quat_wxyz[0, 1:, 0], 1.0)
    assert headings_rad(made.quat_wxyz[:1])[0] == pytest.approx(0.7)
    assert BODY.vertices(made.root_xyz_world[:1], made.quat_wxyz[:1])[..., 2].min() == pytest.approx(0, abs=1 * MM)
    trunk = trunk_xyz(made.root_xyz_world[:2], made.quat_wxyz[:2], BODY)
    np.testing.assert_allclose(trunk[0, :2], trunk[1, :2], atol=1e-6)


def test_edits_are_made_in_their_order_from_the_command_line(
    tmp_path: Path, trot: Motion, capsys: pytest.CaptureFixture[str]
) -> None:
    write_motion(tmp_path / "motion.npz", part_of(trot, slice(0, 80)))
    out = tmp_path / "out"
    options = ["--smooth", "0.5", "--loop", "--fps", "30", "--in-place", "--rest-first", "--format", "bvh"]
    assert main(["edit", str(tmp_path), "-o", str(out), *options]) == 0
    assert {f.name for f in out.iterdir()} == {"motion.npz", "horse.bvh", "positions.csv", "angles.csv"}
    made = read_motion(out / "motion.npz")
    assert made.fps == 30.0 and made.gait[0] == "rest" and made.confidence[0] == 0
    np.testing.assert_allclose(made.root_xyz_world[-1], made.root_xyz_world[1], atol=1e-6)
    assert "loop: 1 stride" in capsys.readouterr().out
    assert main(["edit", str(tmp_path), "-o", str(tmp_path), "--loop"]) == 2, "not over what it is made of"
    assert main(["edit", str(tmp_path), "-o", str(out), "--fps", "0"]) == 2
    assert main(["edit", str(tmp_path), "-o", str(out), "--format", "obj"]) == 2


def test_angles_are_those_of_the_rest_pose_and_turn_with_the_horse() -> None:
    rest = with_rest_first(make_motion("idle", BODY, seconds=0.2, fps=10.0), BODY)
    names = list(ANGLES)
    standing = dict(zip(names, angles(BODY, part_of(rest, slice(0, 1)))[0], strict=True))
    for joint in LIMB_JOINTS:
        for side in "LR":
            if f"{joint}.{side}" in standing:
                expected = rest_angle_deg(joint, BODY.rest_xyz, BODY.rest_tail_xyz, side)
                assert standing[f"{joint}.{side}"] == pytest.approx(expected, abs=1e-6)
    for name in ("trunk_pitch", "trunk_roll", "trunk_yaw"):
        assert standing[name] == pytest.approx(0, abs=0.5)
    root = rest.quat_wxyz[:1].copy()
    signs = {"trunk_pitch": -1, "trunk_roll": -1, "trunk_yaw": 1}
    for axis, (name, sign) in zip(((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)), signs.items(), strict=True):
        root[:, 0] = quat_from_axis_angle(axis, np.radians([10.0]))
        tilted = dataclasses.replace(part_of(rest, slice(0, 1)), quat_wxyz=root)
        now = dict(zip(names, angles(BODY, tilted)[0], strict=True))
        assert now[name] - standing[name] == pytest.approx(10 * sign, abs=0.6)
        for joint in ("carpus.L", "hock.R", "shoulder.L"):
            assert now[joint] == pytest.approx(standing[joint], abs=1e-6)
    assert standing["head"] > 0 and standing["neck"] > 0
