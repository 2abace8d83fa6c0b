"""Gait read back from generated horses, whose every footfall is known."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.cli.main import main
from kinequimation.errors import InputError
from kinequimation.gait import GaitReading, read_gait, write_gait_json
from kinequimation.gait.bouts import decide
from kinequimation.gait.clips import labels_by_name, labels_of, path_clip
from kinequimation.gait.names import GAITS
from kinequimation.gait.rules import UNKNOWN, gait_by_rules, jumps
from kinequimation.gait.signals import read_signals
from kinequimation.gait.strides import Stride, circular_mean
from kinequimation.gait.symmetry import read_symmetry
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply
from kinequimation.motion import Motion, Segment, Style, make_motion, make_ride, write_motion
from kinequimation.motion.table import table_of
from kinequimation.pipeline.judgement import judge

PAIRS = np.array([1, 0, 3, 2])


def moving(gait: str, seconds: float = 4.0, fps: float = 60.0, height_m: float = 1.6, **style: float) -> Motion:
    return make_motion(gait, Body(Shape(height_m)), seconds=seconds, fps=fps, style=Style(**style))  # type: ignore[arg-type]


def slower(motion: Motion, times: float) -> Motion:
    return dataclasses.replace(motion, t_s=motion.t_s * times, fps=motion.fps / times)


def with_legs_exchanged(motion: Motion, rows: np.ndarray) -> Motion:
    """Exchange the poses of left and right limbs, as a network does that takes one leg for the other."""
    limbs = [
        j for j, n in enumerate(skeleton.JOINTS) if any(n in skeleton.limb_joints(limb) for limb in skeleton.LIMBS)
    ]
    quat, contact = motion.quat_wxyz.copy(), motion.contact.copy()
    mirrored = quat[:, skeleton.MIRROR_JOINTS] * [1.0, 1.0, -1.0, -1.0]
    at = np.ix_(rows, np.array(limbs))
    quat[at] = mirrored[at]
    contact[rows] = contact[rows][:, PAIRS]
    return dataclasses.replace(motion, quat_wxyz=quat, contact=contact)


@pytest.fixture(scope="module")
def trot() -> GaitReading:
    return read_gait(moving("trot"))


@pytest.mark.parametrize(
    "gait",
    [
        "walk",
        "trot",
        "passage",
        "piaffe",
        "pace",
        "tolt",
        "fox_trot",
        "canter_left",
        "canter_right",
        "gallop_left",
        "gallop_right",
    ],
)
def test_every_gait_is_read_back_with_its_footfalls(gait: str) -> None:
    reading = read_gait(moving(gait))
    assert reading.main == gait and {bout.gait for bout in reading.bouts} == {gait}
    assert {rule.gait for rule in reading.rules} == {gait}, "the rules alone"
    table, mirrored = table_of(gait)
    row = table.at(table.speeds_mps[1])
    (own,) = reading.summaries
    on = np.array(row.contact_phase)[PAIRS if mirrored else slice(None)]
    on = (on - on[2]) % 1.0
    assert np.abs((np.array(own.on_phase) - on + 0.5) % 1.0 - 0.5).max() < 0.025
    np.testing.assert_allclose(own.duty, row.limb_duty()[0], atol=0.025)
    assert own.stride_rate_hz == pytest.approx(float(table.frequency_hz(table.speeds_mps[1])), rel=0.02)
    assert own.speed_mps == pytest.approx(table.speeds_mps[1], rel=0.03, abs=0.05)
    assert sum(own.hooves_down) == pytest.approx(1.0) and own.suspension == pytest.approx(own.hooves_down[0])
    assert reading.doubt == "" and reading.stride_rate_hz == own.stride_rate_hz


@pytest.mark.parametrize(
    ("gait", "fps", "height_m"), [("trot", 12.5, 1.6), ("walk", 12.5, 1.0), ("canter_left", 25, 1.7)]
)
def test_few_frames_and_other_sizes(gait: str, fps: float, height_m: float) -> None:
    motion = moving(gait, fps=fps, height_m=height_m)
    loop = make_motion(gait, Body(Shape(height_m)))  # type: ignore[arg-type]
    reading = read_gait(motion)
    assert reading.main == gait and reading.doubt == ""
    assert reading.stride_rate_hz == pytest.approx(1 / loop.duration_s, rel=0.04)


def test_exchanged_legs_neither_halve_nor_double_the_stride() -> None:
    motion = moving("walk", seconds=6.0, fps=25)
    true = read_gait(motion).stride_rate_hz
    rows = np.flatnonzero((motion.t_s > 1.1) & (motion.t_s < 2.9))
    found = read_gait(with_legs_exchanged(motion, rows))
    assert found.main == "walk" and found.stride_rate_hz == pytest.approx(true, rel=0.06)
    assert "out of time" in found.doubt, "a person is told to look"


def test_a_mirrored_horse_has_the_mirrored_gait() -> None:
    left, right = (read_gait(moving(f"canter_{side}", fps=50)) for side in ("left", "right"))
    assert (left.main, right.main) == ("canter_left", "canter_right")
    hind = [circular_mean(np.array([s.on_phase[3] for s in r.strides]))[0] for r in (left, right)]
    assert hind[0] == pytest.approx(1 - hind[1], abs=0.02), "a stride begins with the left hind on either lead"


def test_a_turned_and_moved_horse_reads_the_same(trot: GaitReading) -> None:
    motion = moving("trot")
    turn = quat_from_axis_angle((0.0, 0.0, 1.0), 2.0)
    quat = motion.quat_wxyz.copy()
    quat[:, 0] = quat_multiply(turn, quat[:, 0])
    c, s = np.cos(2.0), np.sin(2.0)
    root = motion.root_xyz_world @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + [30.0, -4.0, 0.0]
    turned = read_gait(dataclasses.replace(motion, root_xyz_world=root, quat_wxyz=quat))
    assert turned.line == trot.line
    np.testing.assert_allclose(turned.summaries[0].on_phase, trot.summaries[0].on_phase, atol=1e-6)
    assert turned.summaries[0].length_m == pytest.approx(trot.summaries[0].length_m, rel=1e-6)


def test_a_ride_is_cut_where_the_gait_changes() -> None:
    plan = [Segment("idle", 2), Segment("walk", 4), Segment("trot", 4), Segment("canter_left", 4)]
    reading = read_gait(make_ride(plan, Body(Shape()), fps=30))
    assert [bout.gait for bout in reading.bouts] == ["idle", "walk", "trot", "canter_left"]
    np.testing.assert_allclose([bout.start_s for bout in reading.bouts[1:]], [2, 6, 10], atol=0.8)
    assert [summary.gait for summary in reading.summaries if summary.n_strides >= 2]


def test_one_odd_stride_is_no_change_of_gait() -> None:
    t_s = np.arange(24 * 6) / 24
    sure = np.full((len(t_s), len(GAITS)), 0.01)
    sure[:, GAITS.index("trot")] = 0.9
    sure[60:80] = np.roll(sure[60:80], 3, axis=1)
    assert set(decide(sure, t_s, [], [], 1.0, [])) == {GAITS.index("trot")}
    sure[60:] = np.roll(sure[:1], 3, axis=1)
    assert len(set(decide(sure, t_s, [], [], 1.0, []))) == 2


@pytest.mark.parametrize(("flying", "is_tolt"), [((3,), True), (range(6), False)])
def test_flights_in_all_strides_are_none_of_a_gait_that_always_stands(flying: Sequence[int], is_tolt: bool) -> None:
    t_s = np.arange(24 * 6) / 24
    likely = np.full((len(t_s), len(GAITS)), 0.01)
    likely[:, GAITS.index("tolt")], likely[:, GAITS.index("canter_left")] = 0.7, 0.2
    x = float("nan")
    nan, none = (x, x, x, x), (0.0, 0.0, 0.0, 0.0)
    strides = [
        Stride(s, s + 1.0, "swing", 2.0, nan, nan, nan, none, 0.07 * (s in flying), (0, 0, 1, 0, 0), 0.05, 0.0, 1.0)
        for s in range(6)
    ]
    found = {GAITS[i] for i in decide(likely, t_s, strides, [UNKNOWN] * 6, 1.0, [])}
    assert found == ({"tolt"} if is_tolt else {"canter_left"})


def test_standing_has_no_strides() -> None:
    reading = read_gait(make_motion("stand", Body(Shape()), seconds=4.0, fps=30))
    assert reading.main == "idle" and reading.strides == () and reading.stride_rate_hz is None and reading.time is None


def test_rules_need_the_legs() -> None:
    x = float("nan")
    nan, none = (x, x, x, x), (0.0, 0.0, 0.0, 0.0)
    stride = Stride(0.0, 1.0, "swing", 1.6, nan, nan, nan, none, 0.0, (0, 0, 1, 0, 0), 0.05, 0.0, 1.0)
    assert gait_by_rules(stride, 1.6).gait is None
    swings = dataclasses.replace(stride, swing_phase=(0.52, 0.02, 0.0, 0.5), swing_size=(0.3,) * 4, length_m=2.6)
    assert gait_by_rules(swings, 1.6).gait == "trot", "by how the legs swing, where no landing was seen"


@pytest.mark.parametrize(("gait", "times"), [("trot", 3.0), ("canter_right", 2.0), ("walk", 2.5), ("gallop_left", 4.0)])
def test_slow_motion_is_named_with_its_scale(gait: str, times: float) -> None:
    reading = read_gait(slower(moving(gait), times))
    assert reading.main == gait and "slow motion" in reading.doubt
    assert reading.time is not None and reading.time.time_scale == pytest.approx(times, rel=0.3)
    assert "sped up" in read_gait(slower(moving(gait), 0.3)).doubt
    told = read_gait(slower(moving(gait), times), time_scale=2.0)
    assert "beyond the 2fold" in told.doubt and f"{2 * reading.time.time_scale:.1f}"[0] in told.doubt


def test_lameness_shows_in_the_symmetry_and_soundness_does_not(trot: GaitReading) -> None:
    assert trot.symmetry is not None and trot.symmetry.beyond_noise == ()
    assert all(abs(getattr(trot.symmetry, name).mean_mm) < 3 for name in ("hd_min", "hd_max", "pd_min", "pd_max"))
    fore = read_gait(moving("trot", seconds=21.0, fps=30, lame_limb="RF", lameness_mm=30.0)).symmetry  # type: ignore[arg-type]
    assert fore is not None and fore.hd_min.mean_mm == pytest.approx(30, abs=5) and "hd_min" in fore.beyond_noise
    assert read_gait(moving("walk")).symmetry is None, "the indices are of the trot alone"


def test_symmetry_of_a_curve_by_formula(trot: GaitReading) -> None:
    landings = [*(stride.start_s for stride in trot.strides), trot.strides[-1].stop_s]
    phase = np.interp(trot.signals.t_s, landings, np.arange(len(landings)))
    middle = trot.summaries[0].duty[2] / 2
    even, odd = np.cos(4 * np.pi * (phase - middle)), np.cos(2 * np.pi * (phase - middle))
    z_mm = np.stack([0 * even, 0 * even, -30 * even + 10 * odd], 1)  # 20 mm higher while the left hind stands
    signals = dataclasses.replace(trot.signals, skin_z=z_mm / 1000 / trot.signals.withers_height_m)
    found = read_symmetry(signals, list(trot.strides[1:-1]))
    assert found is not None and found.pd_min.mean_mm == pytest.approx(-20, abs=1) and found.pd_min.sd_mm < 1
    assert found.pd_max.mean_mm == pytest.approx(0, abs=2) and found.hd_vector_sum_mm == pytest.approx(0, abs=0.1)
    assert found.pelvis_range_mm == pytest.approx(70, abs=6)


def test_recorded_jumps_are_labelled_by_what_the_recording_holds() -> None:
    motion = make_motion("jump", Body(Shape(1.4)), fps=50)
    xyz = Body(motion.shape).keypoints(motion.root_xyz_world, motion.quat_wxyz) / 1.4
    true = labels_of(motion, read_signals(motion))
    label = labels_by_name("jump", motion.contact, xyz)
    np.testing.assert_array_equal(label, true)
    assert {GAITS[i] for i in label} >= {"jump"} and len(set(label)) == 2
    assert set(labels_by_name("walk-trot", motion.contact, xyz)) == {-1}, "nobody says when the gait changes"
    channels, rows = path_clip(motion, label)
    assert len(channels) == len(rows) and set(rows) == set(label)
    assert np.mean(rows == GAITS.index("jump")) == pytest.approx(np.mean(label == GAITS.index("jump")), abs=0.1)


def test_unseen_frames_are_bridged_and_leaping_times_refused() -> None:
    motion = moving("trot")
    confidence = np.where((motion.t_s > 1.0) & (motion.t_s < 1.2), 0.0, 1.0)
    assert read_gait(dataclasses.replace(motion, confidence=confidence)).main == "trot"
    late = motion.t_s + np.where(np.arange(len(motion)) < 100, 0.0, 1e7)
    with pytest.raises(InputError, match="gaps"):
        read_signals(dataclasses.replace(motion, t_s=late))


def test_the_command_writes_a_page_and_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_motion(tmp_path / "motion.npz", moving("trot"))
    assert main(["gait", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "trot, " in printed and "no diagnosis" in printed
    record = json.loads((tmp_path / "out" / "gait.json").read_text())
    assert record["format"] == "kinequimation-gait/1" and record["gait"] == "trot"
    assert "no diagnosis" in record["symmetry"]["note"]
    starts = [stride["start_s"] for stride in record["strides"]]
    assert starts == sorted(starts) and record["strides"][0]["on_phase"]["LH"] == 0
    assert {stance["limb"] for stance in record["stances"]} == set(skeleton.LIMBS)
    with Image.open(tmp_path / "out" / "gait.png") as page:
        assert page.width == 1600 and len(page.getcolors(1 << 24) or []) > 50
    capsys.readouterr()
    table = tmp_path / "trotDLC.csv"
    table.write_text("scorer,a\n")
    for options in ([str(tmp_path), "--withers-height", "1.5"], [str(table)]):
        assert main(["gait", *options, "-o", str(tmp_path / "none")]) == 2 and not (tmp_path / "none").exists()
        assert "expected" in capsys.readouterr().err
    broken = tmp_path / "no.npz"
    broken.write_bytes(b"nothing")
    assert main(["gait", str(broken), "-o", str(tmp_path / "none")]) == 2 and not (tmp_path / "none").exists()


def test_numbers_that_are_not_known_are_null(tmp_path: Path) -> None:
    motion = moving("idle", seconds=1.0)
    write_gait_json(tmp_path / "gait.json", read_gait(motion))
    record = json.loads((tmp_path / "gait.json").read_text())
    assert record["strides"] == [] and record["time"] is None
    assert all(stance["off_s"] is None for stance in record["stances"]), "hooves that stand to the end"


def test_the_judgement_says_gait_rate_and_hidden_hooves(trot: GaitReading) -> None:
    n = 50
    confidence = np.full((n, skeleton.NUM_KEYPOINTS), 0.9)
    assert (
        judge(confidence, np.full(n, 0.9), trot).line
        == f"usable 50 of 50 frames; trot, {trot.stride_rate_hz:.2f} strides/s"
    )
    for limb in ("LH", "RH"):
        for name in (*skeleton.limb_joints(limb)[-2:], skeleton.limb_toe(limb)):
            confidence[:20, skeleton.KEYPOINT_INDEX[name]] = 0.1
    line = judge(confidence, np.where(np.arange(n) < 10, 0.2, 0.9)).line
    assert line == "usable 40 of 50 frames; hind hooves hidden in 20"


def test_jumps_of_lifts_in_any_order_are_within_the_clip() -> None:
    motion = make_motion("jump", Body(), fps=30.0)
    signals = read_signals(motion)
    assert len(jumps(signals)) == 1
    rng = np.random.default_rng(3)
    for _ in range(200):  # hind hooves may come down before the fore ones, or never
        edges = np.sort(rng.integers(0, len(signals), (4, 2)), axis=1)
        lift = np.zeros((len(signals), 4))
        for limb, (first, last) in enumerate(edges):
            lift[first:last, limb] = 0.5
        pitch = rng.uniform(-1.0, 1.0, len(signals))
        for first_s, last_s in jumps(dataclasses.replace(signals, lift=lift, pitch_rad=pitch)):
            assert signals.t_s[0] <= first_s < last_s <= signals.t_s[-1]
