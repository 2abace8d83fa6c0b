"""How many frames a second our networks look at, beside MMPose's HRNet-W32 on the same frames in the same run.

    python benchmarks/pose_speed.py [--mmpose MMPOSE_PYTHON] [--clip FILE] [--rounds 5] [--threads 2]

Frames of a clip at 1280×720, decoded beforehand. Ours: what ``animate`` and ``predict`` do with a video (the detector
in every fifth frame, keypoints in every one and twice where the detector looked, who is who, and whether it is a
horse); the detector in every frame or in every fifth and the keypoint network once in every frame, without the other
questions; the keypoint network alone; and all questions that are asked of a single photo.
MMPose: ``inference_topdown`` of HRNet-W32 at 256×256 in given boxes, without flip test and without a detector, so less
work than ours. Ours and MMPose take turns, so that what else the machine does hits both; the medians over the rounds
are compared, and the span of the ratios is printed. It takes an idle machine all the same: where other programs hold a
core, PyTorch's threads wait for one another, and MMPose looks many times slower than it is. The load is printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from kinequimation.detect import HorseDetector, HorseFinder
from kinequimation.pipeline.observe import DETECT_EVERY, observe_horses
from kinequimation.pose2d import PoseEstimator, box_of_points
from kinequimation.runtime import no_progress
from kinequimation.video import Frame, FrameSource, open_source

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1280, 720
BUSY_FROM = 0.5
"""Mean number of processes at work in the minute before, from which the figures are not to be used: a judgement."""
_MMPOSE = """
import sys, time
import numpy as np, torch
from mmengine.config import Config
from mmpose.apis import inference_topdown
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.models import build_pose_estimator
from mmpose.utils import register_all_modules
register_all_modules()
torch.set_num_threads(int(sys.argv[3]))
config = Config.fromfile(sys.argv[1])
config.model.backbone.init_cfg = None
config.model.test_cfg.flip_test = False
model = build_pose_estimator(config.model)
model.cfg = config
model.dataset_meta = dataset_meta_from_config(config, dataset_mode="train")
model.eval()
data = np.load(sys.argv[2])
frames, boxes = list(data["frames"]), data["boxes"]
xyxy = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
inference_topdown(model, frames[0], xyxy[:1])
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for frame, box in zip(frames, xyxy):
        inference_topdown(model, frame, box[None])
    print(time.perf_counter() - start, flush=True)
"""


def clip_frames(clip: Path, n: int) -> list[np.ndarray]:
    """Return the first n frames of a clip at the size of the benchmark."""
    frames = []
    for frame in open_source([str(clip)]):
        resized = Image.fromarray(frame.image_rgb).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        frames.append(np.asarray(resized))
        if len(frames) == n:
            return frames
    return frames


class Decoded(FrameSource):
    """Frames that are in memory."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        super().__init__("frames", WIDTH, HEIGHT, 25.0, len(frames))
        self.frames = frames

    def __iter__(self) -> Iterator[Frame]:
        for i, image in enumerate(self.frames):
            yield Frame(i, i / self.fps, image)


def seconds(look: Callable[[], object]) -> float:
    """Return the time that a call takes."""
    start = time.perf_counter()
    look()
    return time.perf_counter() - start


class Ours:
    """The ways in which our networks look at the frames."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self.frames = frames
        self.detector = HorseDetector(device="cpu")
        self.estimator = PoseEstimator(device="cpu")
        self.finder = HorseFinder(estimator=self.estimator, device="cpu")
        found = self.detector.detect(frames[0])
        if not found:
            sys.exit("expected a horse in the first frame of the clip, found none")
        self.start = np.asarray(found[0].bbox_xywh, float)

    def detect_every(self, n: int) -> list[np.ndarray]:
        """Look for the horse in every n-th frame and for its keypoints in every one; return the boxes."""
        box, boxes = self.start, []
        for i, frame in enumerate(self.frames):
            if i % n == 0 and (found := self.detector.detect(frame)):
                box = np.asarray(found[0].bbox_xywh, float)
            boxes.append(box)
            uv_px, confidence = self.estimator.estimate([frame], box[None])
            around = box_of_points(uv_px[0], confidence[0])
            box = box if around is None else around
        return boxes

    def video(self) -> None:
        """Find the horses of the frames and their keypoints as ``animate`` does."""
        observe_horses(Decoded(self.frames), self.finder, no_progress)

    def pose_only(self) -> None:
        """Look for the keypoints in a given box."""
        for frame in self.frames:
            self.estimator.estimate([frame], self.start[None])

    def photo(self) -> None:
        """Ask everything that is asked of a photo: detector, keypoints twice, horse or another animal."""
        for frame in self.frames:
            self.finder.find(frame)


def start_mmpose(
    python: str, config: Path, frames: list[np.ndarray], boxes: list[np.ndarray], folder: str, threads: int
) -> subprocess.Popen[str]:
    """Start MMPose on the same frames; it answers each line with the seconds that it took."""
    data = Path(folder) / "frames.npz"
    np.savez(data, frames=np.stack(frames)[..., ::-1], boxes=np.stack(boxes))  # MMPose reads BGR
    command = [python, "-W", "ignore", "-c", _MMPOSE, str(config), str(data), str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    while (line := process.stdout.readline()) and line.strip() != "ready":
        pass
    if not line:
        sys.exit("MMPose did not start: see above")
    return process


def main() -> None:
    """Measure, and print frames per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mmpose", metavar="PYTHON", help="the Python that has MMPose 1.3.2")
    parser.add_argument(
        "--config", type=Path, default=ROOT / "model_pipeline" / "configs" / "hrnet_w32_horse68_256x256.py"
    )
    parser.add_argument("--clip", type=Path, default=ROOT / "examples" / "trot.mp4")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of PyTorch, for MMPose")
    args = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    frames = clip_frames(args.clip, args.frames)
    ours = Ours(frames)
    boxes = ours.detect_every(1)
    ways: dict[str, Callable[[], object]] = {
        "a video, as animate looks at it": ours.video,
        "detector in every frame": lambda: ours.detect_every(1),
        f"detector in every {DETECT_EVERY}th": lambda: ours.detect_every(DETECT_EVERY),
        "keypoints in a given box": ours.pose_only,
        "a photo, all questions": ours.photo,
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        mmpose = start_mmpose(args.mmpose, args.config, frames, boxes, folder, args.threads) if args.mmpose else None
        for _ in range(args.rounds):
            for name, way in ways.items():
                took[name].append(seconds(way))
            if mmpose is not None and mmpose.stdin is not None and mmpose.stdout is not None:
                mmpose.stdin.write("go\n")
                mmpose.stdin.flush()
                theirs.append(float(mmpose.stdout.readline()))
        if mmpose is not None and mmpose.stdin is not None:
            mmpose.stdin.close()
            mmpose.wait()
    print(f"{os.cpu_count()} cores, {len(frames)} frames of {args.clip.name} at {WIDTH}x{HEIGHT}, {args.rounds} rounds")
    print(f"load before: {load:.1f}" + (": NOT idle, the ratios mean nothing" if load > BUSY_FROM else ""))
    n = len(frames)
    if theirs:
        print(f"{'MMPose, HRNet-W32, given boxes':<32} {n / np.median(theirs):6.2f} frames/s")
    for name, times in took.items():
        line = f"{name:<32} {n / np.median(times):6.2f} frames/s"
        if theirs:
            ratios = np.array(theirs) / np.array(times)
            line += f"   {np.median(theirs) / np.median(times):5.1f} times ({ratios.min():.1f} to {ratios.max():.1f})"
        print(line)


if __name__ == "__main__":
    main()
