"""The stages together: from true keypoints to files, and what a run says and leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from true_keypoints import FPS, HEIGHT, WIDTH, clip_of, needs_lift

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.cli.animate import FILES
from kinequimation.cli.main import main
from kinequimation.detect import Detection, HorseFinder
from kinequimation.errors import InputError, NoHorseError, OutputError
from kinequimation.io.keypoints import KeypointClip, read_keypoints_json, write_keypoints_json
from kinequimation.metrics import box_iou
from kinequimation.motion import Motion, read_motion
from kinequimation.motion.gaits import make_motion
from kinequimation.pipeline import AnimateOptions, animate
from kinequimation.pipeline.boxes import Follower
from kinequimation.pipeline.observe import observe_horses
from kinequimation.pipeline.staging import staged_folder
from kinequimation.runtime import no_progress
from kinequimation.video import Frame, FrameSource, VideoWriter, open_source
from kinequimation.viz import SecondView


@pytest.fixture(scope="module")
def trot() -> Motion:
    return make_motion("trot", Body(Shape()), seconds=2.0, fps=FPS)


@needs_lift
def test_true_keypoints_become_a_horse_that_trots(tmp_path: Path, trot: Motion) -> None:
    given = tmp_path / "given.json"
    write_keypoints_json(given, clip_of(trot, gap=range(20, 25)))
    stages: list[str] = []
    result = animate(
        AnimateOptions(inputs=(), output=tmp_path / "out", keypoints=given),
        lambda stage, done, total: stages.append(stage),
    )
    expected = {
        "horse.bvh",
        "horse.glb",
        "keypoints.csv",
        "keypoints.json",
        "motion.npz",
        "overlay.mp4",
        "gait.json",
        "gait.png",
    }
    expected |= {"report.html", "run.json", "positions.csv", "angles.csv"}
    assert set(result.files) == expected == {f.name for f in (tmp_path / "out").iterdir()}
    motion = read_motion(tmp_path / "out" / "motion.npz")
    assert len(motion) == len(trot)
    assert np.all((motion.confidence == 0) == np.isin(np.arange(len(trot)), range(20, 25)))
    told = json.loads((tmp_path / "out" / "gait.json").read_text())
    assert told["gait"] == "trot" and told["gaits"][0]["stride_rate_hz"] == pytest.approx(true_rate_hz(trot), rel=0.05)
    forward = motion.root_xyz_world[0] - motion.root_xyz_world[-1]
    assert forward[1] > 3.0, "a horse that faces -Y moves that way"
    written = read_keypoints_json(tmp_path / "out" / "keypoints.json")
    assert [len(h) for h in written.horses] == [0 if 20 <= t < 25 else 1 for t in range(len(trot))]
    horse = written.horses[0][0]
    assert horse.xyz_cam is not None
    np.testing.assert_allclose(horse.xyz_cam[skeleton.KEYPOINT_INDEX[skeleton.SACRUM]], 0, atol=1e-5)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["frames"] == {"in": 50, "out": 50, "with_horse": 45, "usable": 45}
    assert set(record["weights_sha256"]) == {"lift", "gait"} and len(record["weights_sha256"]["lift"]) == 64
    assert {"keypoints", "lift", "fit", "gait", "overlay", "files", "total"} == set(record["timings_s"])
    assert record["options"]["time_scale"] == 1.0 and record["device"] in ("cpu", "cuda")
    assert "no frames" in record["warnings"][0], "the video that the keypoints name is not there"
    assert [s for i, s in enumerate(stages) if s not in stages[:i]] == ["lift", "fit", "overlay"]
    assert result.judgement.line.startswith("usable 45 of 50 frames; no horse in 5")


@needs_lift
def test_one_of_two_horses_is_chosen_or_each_is_animated(
    tmp_path: Path, trot: Motion, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_of(trot)
    both = tuple(
        (replace(h, id=4), replace(h, id=7, uv_px=h.uv_px + [30, 0], bbox_xywh=h.bbox_xywh + [30, 0, 0, 0]))
        for (h,) in clip.horses
    )
    write_keypoints_json(tmp_path / "k.json", replace(clip, horses=both))
    command = ["animate", "--keypoints", str(tmp_path / "k.json"), "--end", "0.4", "-o"]
    assert main([*command, str(tmp_path / "one"), "--horse", "7"]) == 0
    assert "2 horses were seen" in capsys.readouterr().out
    assert main([*command, str(tmp_path / "all"), "--all"]) == 0
    places = []
    for folder in ("one", "all/horse4", "all/horse7"):
        ((horse,), *others) = read_keypoints_json(tmp_path / folder / "keypoints.json").horses
        assert len(others) == 9 and (tmp_path / folder / "horse.glb").is_file()
        places.append((horse.id, horse.uv_px[:, 0].mean() - both[0][0].uv_px[:, 0].mean()))
    assert places == [(7, pytest.approx(30, abs=0.1)), (4, pytest.approx(0, abs=0.1)), (7, pytest.approx(30, abs=0.1))]
    assert main([*command, str(tmp_path / "none"), "--horse", "5"]) != 0
    assert "4, 7" in capsys.readouterr().err and not (tmp_path / "none").exists()


@needs_lift
def test_corrected_keypoints_with_their_video_and_slow_motion(tmp_path: Path, trot: Motion) -> None:
    video = tmp_path / "trot.mp4"
    with VideoWriter(video, WIDTH, HEIGHT, FPS) as writer:
        for t in trot.t_s:
            writer.write(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), t)
    write_keypoints_json(tmp_path / "k.json", clip_of(trot, source=str(video)))
    options = AnimateOptions((), tmp_path / "out", keypoints=tmp_path / "k.json", time_scale=4.0, end_s=1.6)
    result = animate(options)
    motion = read_motion(tmp_path / "out" / "motion.npz")
    np.testing.assert_allclose(motion.t_s, np.arange(40) / FPS / 4, atol=1e-9)
    assert motion.fps == pytest.approx(4 * FPS)
    assert "sped up" in result.judgement.doubt, "a trot of 1.3 strides/s taken to be in slow motion"
    frames = [(f.t_s, f.image_rgb) for f in open_source([str(tmp_path / "out" / "overlay.mp4")])]
    np.testing.assert_allclose([t for t, _ in frames], np.arange(40) / FPS, atol=1e-3)
    assert np.abs(frames[0][1][4, 4].astype(int) - 90).max() < 6, "the video's frame is under the skeleton"


@needs_lift
def test_one_image_becomes_a_pose(tmp_path: Path) -> None:
    motion = make_motion("idle", Body(Shape()), seconds=0.2, fps=FPS)
    clip = clip_of(motion)
    one = KeypointClip("a.jpg", FPS, WIDTH, HEIGHT, clip.t_s[:1], clip.index[:1], clip.horses[:1])
    write_keypoints_json(tmp_path / "k.json", one)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "overlay.mp4").write_bytes(b"of an earlier run")
    result = animate(AnimateOptions((), tmp_path / "out", keypoints=tmp_path / "k.json", withers_height_m=1.3))
    assert "overlay.png" in result.files and not (tmp_path / "out" / "overlay.mp4").exists()
    motion = read_motion(tmp_path / "out" / "motion.npz")
    assert len(motion) == 1 and motion.shape.withers_height_m == pytest.approx(1.3)


@needs_lift
def test_machines_get_json(tmp_path: Path, trot: Motion, capsys: pytest.CaptureFixture[str]) -> None:
    write_keypoints_json(tmp_path / "k.json", clip_of(trot))
    arguments = ["animate", "--keypoints", str(tmp_path / "k.json"), "-o", str(tmp_path / "out"), "--end", "0.4"]
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert printed.err == ""
    assert {Path(p).name for p in record["files"].values()} == {f.name for f in (tmp_path / "out").iterdir()}
    assert set(record["files"]) <= set(FILES)
    assert record["judgement"]["n_frames"] == 10 and record["device"] in ("cpu", "cuda")
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(record["files"]) + 2 and lines[-1].startswith("usable 10 of 10 frames")


@needs_lift
def test_another_video_under_the_name_that_keypoints_give_only_costs_the_frames(tmp_path: Path, trot: Motion) -> None:
    video = tmp_path / "trot.mp4"
    with VideoWriter(video, 64, 64, FPS) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8), 0.0)
    write_keypoints_json(tmp_path / "k.json", clip_of(trot, source=str(video)))
    result = animate(AnimateOptions((), tmp_path / "out", keypoints=tmp_path / "k.json", end_s=0.4))
    assert "got 64x64" in result.warnings[0]
    with pytest.raises(InputError, match="got 64x64"):
        animate(AnimateOptions((str(video),), tmp_path / "out", keypoints=tmp_path / "k.json"))


def test_keypoints_without_a_horse_leave_the_folder_as_it_was(tmp_path: Path, trot: Motion) -> None:
    write_keypoints_json(tmp_path / "k.json", clip_of(trot, gap=range(len(trot))))
    with pytest.raises(NoHorseError):
        animate(AnimateOptions((), tmp_path / "deep" / "out", keypoints=tmp_path / "k.json"))
    assert [f.name for f in tmp_path.iterdir()] == ["k.json"]


def test_times_that_leap_are_refused_before_they_fill_the_memory(tmp_path: Path, trot: Motion) -> None:
    clip = clip_of(trot)
    t_s = clip.t_s + np.where(np.arange(len(clip)) < 25, 0.0, 1e9)
    write_keypoints_json(tmp_path / "k.json", replace(clip, t_s=t_s))
    with pytest.raises(InputError, match="--start and --end"):
        animate(AnimateOptions((), tmp_path / "out", keypoints=tmp_path / "k.json"))


def test_a_failed_run_keeps_the_files_of_the_one_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with staged_folder(out) as staging:
        (staging / "run.json").write_text("first")
    with pytest.raises(RuntimeError), staged_folder(out) as staging:
        (staging / "run.json").write_text("second")
        raise RuntimeError
    assert [f.name for f in out.iterdir()] == ["run.json"] and (out / "run.json").read_text() == "first"
    (out / "blocked").mkdir()
    with pytest.raises(OutputError), staged_folder(out) as staging:
        (staging / "blocked").write_text("")
        (staging / "a").write_text("")
    assert sorted(f.name for f in out.iterdir()) == ["blocked", "run.json"]


def true_rate_hz(motion: Motion) -> float:
    """Return the stride rate that a generated motion was made with."""
    turns = np.unwrap(motion.phase, period=1.0)
    return float((turns[-1] - turns[0]) / (motion.t_s[-1] - motion.t_s[0]))


class SpotDetector:
    """Finds the bright rectangles that these tests draw, when it is not blind: a detector whose answers are known."""

    def __init__(self, blind: range = range(0)) -> None:
        self.blind, self.looked_at = blind, []

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        number = int(image_rgb[0, 0, 0])
        self.looked_at.append(number)
        if number in self.blind:
            return []
        spots = []
        for level in np.unique(image_rgb[image_rgb >= 200]):
            rows, columns = np.nonzero(image_rgb[..., 0] == level)
            low = np.array([columns.min(), rows.min()], float)
            spots.append(Detection(np.array([*low, np.ptp(columns) + 1, np.ptp(rows) + 1]), level / 255))
        return spots


class SpotEstimator:
    """Keypoints on a lattice over the spot of level 200; as sure as the spot fills the box, and the box the spot."""

    def estimate(self, images: list[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        uv = np.zeros((len(images), skeleton.NUM_KEYPOINTS, 2))
        confidence = np.zeros((len(images), skeleton.NUM_KEYPOINTS))
        for i, (image, box) in enumerate(zip(images, boxes, strict=True)):
            rows, columns = np.nonzero(image[..., 0] == 200)
            if len(rows):
                low, size = np.array([columns.min(), rows.min()]), np.array([np.ptp(columns), np.ptp(rows)]) + 1
                lattice = np.stack(np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 1, 8)), -1).reshape(-1, 2)[:103]
                uv[i] = low + lattice * (size - 1)
                confidence[i] = 0.95 * box_iou(box, np.concatenate([low, size]))[0, 0]
        return uv, confidence


class AnyHorse:
    """Takes every box for a horse's."""

    def ask(self, image_rgb: np.ndarray, bboxes_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(len(bboxes_xywh)), np.ones(len(bboxes_xywh))


def spot_finder(detector: SpotDetector) -> HorseFinder:
    """Return a finder that doubts its detector."""
    return HorseFinder(detector, SpotEstimator(), AnyHorse(), believes=False)  # type: ignore[arg-type]


class Spots(FrameSource):
    """A large spot that moves right, a small brighter one that stands; the large one is away in the gap."""

    def __init__(self, n: int, gap: range = range(0)) -> None:
        super().__init__("spots", 400, 100, 25.0, n)
        self.n, self.gap = n, gap

    def __iter__(self) -> Iterator[Frame]:
        for i in range(self.n):
            image = np.zeros((100, 400, 3), np.uint8)
            image[0, 0] = i
            image[2:8, 380:390] = 250
            if i not in self.gap:
                image[20:70, 10 + 5 * i : 110 + 5 * i] = 200
            yield Frame(i, i / 25, image)


def test_a_horse_is_detected_once_and_then_followed_past_what_the_detector_misses() -> None:
    detector = SpotDetector(blind=range(10, 30))
    (seen,) = observe_horses(Spots(50), spot_finder(detector), no_progress)
    assert len(seen) == 50 and seen.found.all()
    assert detector.looked_at == list(range(0, 50, 5))
    left = 10 + 5.0 * np.arange(50)
    points = seen.part(0, 50)
    np.testing.assert_allclose(points.uv_px[:, :, 0].min(1), left)
    np.testing.assert_allclose(seen.bbox_xywh[:, 0] + seen.bbox_xywh[:, 2] / 2, left + 50, atol=6)
    assert points.confidence.mean(1).min() > 0.7, "the box stays on the horse"


def test_frames_without_the_horse_are_gaps_and_it_is_found_again() -> None:
    gap = range(20, 32)
    detector = SpotDetector()
    (seen,) = observe_horses(Spots(50, gap), spot_finder(detector), no_progress)
    np.testing.assert_array_equal(seen.found, ~np.isin(np.arange(50), gap))
    assert np.isnan(seen.part(20, 21).uv_px).all() and seen.frame_confidence[20] == 0
    assert set(range(21, 33)) <= set(detector.looked_at), "a lost horse is looked for in every frame"
    assert [len(h) for h in seen.keypoints()] == seen.found.astype(int).tolist()


def test_a_given_box_stays_with_a_horse_that_crosses_the_picture() -> None:
    rng = np.random.default_rng(0)
    shape = rng.uniform([0, 0], [100, 60], (103, 2))
    confidence = np.full(103, 0.9)
    confidence[50] = 0.1
    follower = Follower(np.array([0.0, 0.0, 120.0, 80.0]))
    for i in range(40):
        uv = shape + [18.0 * i, -2.0 * i]
        uv[50], uv[51] = (5000, 5000), np.nan
        if i > 20:
            lo, hi = np.nanmin(uv[confidence > 0.5], 0), np.nanmax(uv[confidence > 0.5], 0)
            truth = (lo + hi) / 2
            np.testing.assert_allclose(follower.xywh[:2] + follower.xywh[2:] / 2, truth, atol=0.5)
            np.testing.assert_allclose(follower.xywh[2:], 1.08 * (hi - lo), rtol=0.02)
        assert follower.see(uv, confidence)
    before = follower.xywh
    assert not follower.see(uv, np.full(103, 0.1))
    np.testing.assert_array_equal(follower.xywh, before)


def test_the_second_view_shows_the_horse_in_the_middle(trot: Motion) -> None:
    view = SecondView(trot, 200, 160)
    for i in (0, 25, 49):
        picture = view.render(i)
        assert picture.shape == (160, 200, 3)
        rows, columns = np.nonzero(picture[..., 0].astype(int) - picture[..., 2] > 25)  # brown, on blue and grey
        assert len(rows) > 2000 and abs(columns.mean() - 100) < 30 and abs(rows.mean() - 80) < 30
        assert columns.min() > 0 and columns.max() < 199 and rows.min() > 0 and rows.max() < 159
