"""What twenty annotated frames of one's own video are worth.

    python benchmarks/finetune.py --out outputs/finetune

The video is drawn, and as no training frame looks: a drone's thermal camera from nine metres above (warm is bright, a
quarter of the pixels, grey, noisy, compressed). Twenty frames from its first two thirds get the landmarks as an
annotator would set them, in a COCO file. The network that ships is fine-tuned on them by ``kinequimation train pose2d
--init shipped --data mine.json``, for ``--steps`` steps, once beside the rendered stream as it is by default, and once
on the frames alone. The table says how many seen landmarks lie within 0.05 of the box, before and after: in the video's
last third, and on the stream's plain frames, where nothing should be lost.

``--rest DIR`` takes frames of ``kinequimation dataset frames`` in place of the stream: they need no drawing.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from kinequimation.pose2d import PoseEstimator
    from kinequimation.synth import Frame

N_FRAMES, N_ANNOTATED, N_PLAIN = 45, 20, 40
SIZE = (640, 360)
LANDMARKS = slice(68, None)


def thermal(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Return an image as a cheap thermal camera would show it."""
    grey = Image.fromarray(image).convert("L").resize((SIZE[0] // 4, SIZE[1] // 4), Image.Resampling.BOX)
    warm = 235 - 0.6 * np.asarray(grey, float) + rng.normal(0, 9, (SIZE[1] // 4, SIZE[0] // 4))
    shown = Image.fromarray(np.clip(warm, 0, 255).astype(np.uint8)).resize(SIZE, Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    shown.convert("RGB").save(stream, "JPEG", quality=40)
    return np.asarray(Image.open(stream).convert("RGB"))


def film_video(folder: Path) -> list[Frame]:
    """Draw the video into ``folder``, and return its frames with what they show as labels."""
    from dataclasses import replace

    from kinequimation.body import Body
    from kinequimation.body.shape import breed_shape
    from kinequimation.motion.gaits import make_motion
    from kinequimation.synth.clip import film, tripod

    body = Body(breed_shape("warmblood", None))
    motion = make_motion("walk", body, seconds=N_FRAMES / 8, fps=8)
    rng = np.random.default_rng(0)
    frames = []
    for i, frame in enumerate(film(motion, 11, tripod(motion, *SIZE, distance_m=3.0, eye_height_m=9.0))):
        frame = replace(frame, image=thermal(rng, frame.image))
        Image.fromarray(frame.image).save(folder / f"{i:03d}.png")
        frames.append(frame)
    return frames


def annotate(frames: list[Frame], chosen: np.ndarray, path: Path) -> None:
    """Write the landmarks of some frames as a COCO file."""
    from kinequimation.skeleton import LANDMARKS as NAMES

    images, annotations = [], []
    for i in chosen.tolist():
        uv_px, seen = frames[i].uv_px[LANDMARKS], frames[i].visibility[LANDMARKS]
        points = np.where(seen[:, None] > 0, np.c_[uv_px.round(1), seen], 0)
        images.append({"id": i, "file_name": f"{i:03d}.png", "width": SIZE[0], "height": SIZE[1]})
        annotations.append(
            {
                "image_id": i,
                "category_id": 1,
                "bbox": frames[i].bbox_xywh.tolist(),
                "keypoints": points.ravel().tolist(),
            }
        )
    categories = [{"id": 1, "name": "horse", "keypoints": list(NAMES)}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def share_right(estimator: PoseEstimator, frames: list[Frame]) -> tuple[float, int]:
    """Return PCK@0.05 over the seen landmarks of frames, and their number."""
    right, seen = 0, 0
    for frame in frames:
        uv_px, _ = estimator.estimate([frame.image], frame.bbox_xywh[None])
        error = np.linalg.norm(uv_px[0] - frame.uv_px, axis=1)[LANDMARKS] / frame.bbox_xywh[2:].max()
        visible = frame.visibility[LANDMARKS] == 2
        right, seen = right + int((error[visible] <= 0.05).sum()), seen + int(visible.sum())
    return right / seen, seen


def main() -> int:
    """Draw, fine-tune, and print the table."""
    from kinequimation.cli.main import main as kinequimation
    from kinequimation.pose2d import PoseEstimator
    from kinequimation.synth import sample

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300, help="batches of 16; default: 300")
    parser.add_argument("--rest", type=Path, help="frames of 'dataset frames' in place of the stream")
    parser.add_argument("--legs", nargs="+", choices=("beside", "alone"), default=["beside", "alone"])
    parser.add_argument("--set", action="append", default=[], help="of kinequimation train, to try other settings")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    frames = film_video(args.out)
    last_third = len(frames) * 2 // 3
    annotate(frames, np.linspace(0, last_third - 1, N_ANNOTATED).round().astype(int), args.out / "mine.json")
    plain = [sample(991, i) for i in range(N_PLAIN)]
    weights: dict[str, Path | None] = {"as it ships": None}
    for leg in args.legs:
        weights[f"fine-tuned, {leg}"] = path = args.out / leg / "pose2d.onnx"
        rest = "stream=0" if leg == "alone" else str(args.rest or "stream")
        options = [option for text in args.set for option in ("--set", text)]
        code = kinequimation(
            ["train", "pose2d", "--init", "shipped", "--data", str(args.out / "mine.json"), "--data", rest, "--run",
             str(path.parent), "--out", str(path), "--max-steps", str(args.steps), *options]
        )  # fmt: skip
        if code:
            return code
    print(f"\nseen landmarks within 0.05 of the box; {args.steps} steps\n{'':24}the video's last third   plain frames")
    for name, path in weights.items():
        estimator = PoseEstimator(path, "cpu")
        cells = [share_right(estimator, part) for part in (frames[last_third:], plain)]
        print(f"{name:24}" + "".join(f"{share:10.1%} of {n:<10}" for share, n in cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
