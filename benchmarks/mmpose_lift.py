"""MMPose's VideoPose3D from labels to predictions: made, exported, trained, tested, and lifted with by MMPose itself.

    .venv/bin/python benchmarks/mmpose_lift.py --mmpose MMPOSE_PYTHON --epochs 4

from the repository's root. Without ``--root`` the labels are written here, of true geometry and without pictures: a few
bodies and gaits seen by cameras around them. ``--root DIR`` takes a folder that 'dataset render' made; ``--work DIR``
keeps everything. What is printed: loss and errors epoch by epoch, then the errors on the test part, beside those of one
pose for all frames, the training part's mean. Errors are in per cent of the withers height, over the 68 joints.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body, sample_shape
from kinequimation.dataset.labels import write_label
from kinequimation.dataset.lifter_sequences import SequenceFile, write_sequences
from kinequimation.dataset.rendered_frames import find_frames
from kinequimation.lift.normalize import rays, rotation_to_axis
from kinequimation.metrics import mpjpe, pa_mpjpe
from kinequimation.motion import make_motion

CONFIG = Path("model_pipeline/configs/videopose3d_horse68_27frames.py")
GAITS = ("walk", "trot", "pace", "tolt", "canter_left", "canter_right", "gallop_left", "gallop_right")
N = skeleton.NUM_JOINTS68


def main() -> None:
    """Run everything and print the figures."""
    parser = argparse.ArgumentParser(description="MMPose's lifter from end to end.")
    parser.add_argument("--mmpose", required=True, help="the Python that has MMPose 1.3.2")
    parser.add_argument("--root", type=Path, help="folder of renders; default: labels made here")
    parser.add_argument("--bodies", type=int, default=4, help="horses of each gait, where labels are made here")
    parser.add_argument("--cameras", type=int, default=4, help="around each of them")
    parser.add_argument("--frames", type=int, default=30, help="of each, at 30 a second")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--work", type=Path, help="folder to keep; default: a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() if args.work is None else contextlib.nullcontext(args.work) as folder:
        work = Path(folder).resolve()
        file = work / "lifter_sequences.npz"
        counts = write_sequences(file, find_frames([args.root or make_labels(work / "labels", args)]))
        for part, n in counts.sequences.items():
            print(f"{part:<6} {n} sequences, {counts.frames[part]} frames")
        best = train(args, file, work / "run")
        sequences = SequenceFile(file)
        report("MMPose's test command", *test(args, file, best, work / "test"))
        report("one pose for all frames", *errors_of_mean(sequences))
        report("MMPose's inference of one clip", *errors_of_inference(args.mmpose, sequences, best, work))


def make_labels(root: Path, args: argparse.Namespace) -> Path:
    """Write labels of every gait, done by horses of different shapes, and return their folder."""
    sys.path.insert(0, "tests")
    from rendered_set import label_of

    for g, gait in enumerate(GAITS):
        for b in range(args.bodies):
            body = Body(sample_shape(np.random.default_rng((g, b))))
            of = body, make_motion(gait, body, fps=30.0)
            action = f"{gait}-{b}"
            for frame in range(args.frames):
                for camera in range(args.cameras):
                    label, _ = label_of(
                        action,
                        frame,
                        camera,
                        n_cameras=args.cameras,
                        width=640,
                        height=480,
                        variants=("flat",),
                        of=of,
                        is_drawn=False,
                    )
                    path = root / action / "labels" / f"f{frame:05d}_c{camera:02d}.json"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_label(path, label)
    return root


def options(file: Path, *more: str) -> list[str]:
    """Return options that point the config at a file and keep to one process."""
    loaders = [f"{part}_dataloader" for part in ("train", "val", "test")]
    here = [f"{loader}.dataset.ann_file={file}" for loader in loaders]
    alone = [f"{x}.num_workers=0" for x in loaders] + [f"{x}.persistent_workers=False" for x in loaders]
    return ["--cfg-options", *here, *alone, *more]


def mim(python: str, *command: str) -> None:
    """Run mim in MMPose's environment."""
    line = [str(Path(python).with_name("mim")), *command]
    done = subprocess.run(line, capture_output=True, text=True, env=_environment(python))
    if done.returncode:
        raise SystemExit(f"mim {command[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def _environment(python: str) -> dict[str, str]:
    """Return the environment in which mim finds its own Python."""
    return os.environ | {
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": "1",
    }


def train(args: argparse.Namespace, file: Path, work: Path) -> Path:
    """Train, print the log, and return the best checkpoint."""
    more = (f"train_cfg.max_epochs={args.epochs}", f"train_dataloader.batch_size={args.batch}")
    mim(args.mmpose, "train", "mmpose", str(CONFIG), "--work-dir", str(work), *options(file, *more))
    losses: dict[int, list[float]] = {}
    for entry in scalars(work):
        if "loss" in entry:
            losses.setdefault(int(entry["epoch"]), []).append(entry["loss"])
        else:
            loss = np.mean(losses[int(entry["step"])])
            found = 100 * entry["MPJPE"], 100 * entry["P-MPJPE"]
            print(f"epoch {entry['step']}: loss {loss:.4f}; val MPJPE {found[0]:.1f} %, PA-MPJPE {found[1]:.1f} %")
    return work / "videopose3d_horse68_best.pth"


def test(args: argparse.Namespace, file: Path, checkpoint: Path, work: Path) -> tuple[float, float]:
    """Return what MMPose's test command says of the test part."""
    command = ("test", "mmpose", str(CONFIG), "--checkpoint", str(checkpoint), "--work-dir", str(work))
    mim(args.mmpose, *command, *options(file))
    (path,) = work.glob("*/2*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["MPJPE"], found["P-MPJPE"]


def scalars(work: Path) -> list[dict[str, float]]:
    """Return the lines of a run's log."""
    path = sorted(work.glob("*/vis_data/scalars.json"))[-1]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def truth(sequences: SequenceFile, part: str) -> list[np.ndarray]:
    """Return the poses of a part as the config's dataset has them: [T, 68, 3] for each sequence, from the sacrum."""
    root = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
    found = []
    for i in np.flatnonzero(sequences.part == part):
        sequence = sequences[int(i)]
        centre = sequence.uv_px[:, :N].mean(1, keepdims=True).astype(float)
        turns = rotation_to_axis(rays(centre, sequence.K)[:, 0])
        xyz = (sequence.xyz_cam[:, :N] - sequence.xyz_cam[:, [root]]) / sequence.unit_m
        found.append(np.einsum("tab,tkb->tka", turns, xyz))
    return found


def errors_of_mean(sequences: SequenceFile) -> tuple[float, float]:
    """Return MPJPE and PA-MPJPE of the mean pose: what is known without looking."""
    mean = np.concatenate(truth(sequences, "train")).mean(0)
    poses = np.concatenate(truth(sequences, "test"))
    same = np.broadcast_to(mean, poses.shape)
    return mpjpe(same, poses), pa_mpjpe(same, poses)


def errors_of_inference(python: str, sequences: SequenceFile, checkpoint: Path, work: Path) -> tuple[float, float]:
    """Return MPJPE and PA-MPJPE of the first test sequence, lifted by MMPose's inference functions."""
    first = sequences[int(np.flatnonzero(sequences.part == "test")[0])]
    np.savez(work / "in.npz", uv_px=first.uv_px[:, :N], image_size=first.image_size[0])
    job = {"config": str(CONFIG), "checkpoint": str(checkpoint), "input": str(work / "in.npz")}
    job["out"] = str(work / "out.npz")
    (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
    line = [python, "benchmarks/mmpose_lift_run.py", str(work / "job.json")]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"MMPose failed:\n{done.stderr[-2000:]}")
    with np.load(work / "out.npz") as data:
        xyz = data["xyz"]
    poses = truth(sequences, "test")[0]
    return mpjpe(xyz, poses), pa_mpjpe(xyz, poses)


def report(name: str, error: float, error_aligned: float) -> None:
    """Print two errors."""
    print(f"{name:<32} MPJPE {100 * error:5.1f} %   PA-MPJPE {100 * error_aligned:5.1f} %")


if __name__ == "__main__":
    main()
