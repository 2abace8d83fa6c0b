"""Compare the labels of OpenGL and of Blender's Cycles for the same sampled scenes.

    .venv-blender/bin/python benchmarks/renderers.py [--scenes 40] [--size 256] [--seed 1] [--sheet SHEET.jpg]

Run it with a Python that has ``bpy`` and ``moderngl`` (``python3 run.py blender``). One line a scene: the largest
distance between keypoints, the masks' overlap (intersection over union), the share of keypoints with the same
visibility, and what OpenGL has at the pixels where the masks differ; then the same over all scenes, over those with
dust, water and so on, and the causes added up. ``--sheet`` writes them side by side: OpenGL, Cycles, and the masks
(blue both, red Cycles alone, green OpenGL alone).

Exits 1 unless keypoints agree to 0.01 px, masks to an overlap of 0.97 over the scenes on average, and visibility on
99 % of the keypoints.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kinequimation.blender.quiet import quiet
from kinequimation.blender.random_frames import RandomStage
from kinequimation.blender.render_settings import RANDOM, RenderSettings
from kinequimation.dataset.frame_label import FramePlace
from kinequimation.dataset.labels import read_label
from kinequimation.skeleton import NUM_JOINTS68
from kinequimation.synth import sample
from kinequimation.synth.cards import card_layer
from kinequimation.synth.coat_fields import COAT_FIELDS
from kinequimation.synth.frames import sampled_scene
from kinequimation.synth.meshes import VEIL
from kinequimation.synth.scene import HORSE_ID, OBJECT_ID, OTHER_HORSE_ID, PERSON_ID, TACK_ID

if TYPE_CHECKING:
    from kinequimation.dataset.frame_label import FrameLabel
    from kinequimation.synth.frames import Frame
    from kinequimation.synth.scene import Scene

KEYPOINT_PX, MASK_IOU, VISIBILITY_SHARE = 0.01, 0.97, 0.99
_NAMES = {OTHER_HORSE_ID: "another horse", TACK_ID: "tack", PERSON_ID: "a person", OBJECT_ID: "a thing"}


def _features(scene: Scene) -> list[str]:
    """Return what of a scene is harder to draw twice alike."""
    veils = scene.props.get(VEIL, np.empty((0, 20)))
    pictures = -10 - np.round(veils[:, 16])
    cards = scene.props.get("card", np.empty((0, 20)))
    horse = scene.horses[0]
    there = {
        "dust or spray": bool(((pictures >= 0) & (pictures != card_layer("shade"))).any()),
        "water": scene.water_m > 0,
        "sunk in": scene.cover_m > 0,
        "grass, leaves": len(cards) > 20,
        "garments": horse.garments is not None,
        "rider": bool(scene.record.get("rider")),
        "another horse": len(scene.horses) > 1,
        "winter coat": bool(horse.coat[COAT_FIELDS.index("fuzz"), 2] > 0),
    }
    return [name for name, is_there in there.items() if is_there] or ["none of these"]


def _causes(frame: Frame, mask: np.ndarray) -> Counter[str]:
    """Return what is at the pixels that one mask has and the other has not."""
    causes = Counter({
        f"{_NAMES.get(int(i), 'another horse')} in OpenGL": int(n)
        for i, n in zip(*np.unique(frame.object_id[mask & ~frame.mask], return_counts=True), strict=True)
        if i
    })  # fmt: skip
    causes["outline, outside"] = int((mask & ~frame.mask & (frame.object_id == 0)).sum())
    missing = frame.mask & ~mask
    near_backdrop, near_thing = (
        np.asarray(binary_dilation(there), bool)
        for there in (frame.object_id == 0, (frame.object_id != HORSE_ID) & (frame.object_id != 0))
    )
    outline, beside = missing & near_backdrop, missing & ~near_backdrop & near_thing
    causes["outline, inside"], causes["beside something"] = int(outline.sum()), int(beside.sum())
    causes["amid the horse"] = int((missing & ~outline & ~beside).sum())
    return causes


def _compared(frame: Frame, label: FrameLabel, mask: np.ndarray) -> tuple[float, float, float]:
    """Return the largest distance of keypoints, the masks' overlap, and the share of visibilities that agree."""
    uv = np.concatenate([label.bones.uv[:NUM_JOINTS68], label.landmarks.uv])
    seen = np.concatenate([label.bones.visibility[:NUM_JOINTS68], label.landmarks.visibility])
    either = int((mask | frame.mask).sum())
    overlap = float((mask & frame.mask).sum() / either) if either else 1.0
    return float(np.nanmax(np.abs(uv - frame.uv_px))), overlap, float((seen == frame.visibility).mean())


def main() -> int:
    """Run the comparison; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="number of the first scene")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--samples", type=int, default=4, help="of Cycles' images; labels do not depend on them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    settings = RenderSettings(
        blend_sha256="", armature="", actions=(), frames="", step=1, cameras=1, width=args.size, height=args.size,
        engine="cycles", samples=args.samples, variants=("materials",), device="cpu", random=args.scenes,
        seed=args.seed,
    )  # fmt: skip
    with quiet():
        stage = RandomStage(settings, args.threads)
    plan = stage.plan()
    figures, causes, panels = [], Counter[str](), []
    by_feature: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.first, args.first + args.scenes):
            place = FramePlace(Path(folder), RANDOM, i, 0)
            with quiet():
                stage.shoot(place, plan)
            frame = sample(args.seed, i, args.size)
            mask = np.asarray(Image.open(place.mask)) > 127
            keypoints, overlap, visible = _compared(frame, read_label(place.label), mask)
            features, differing = _features(sampled_scene(args.seed, i, args.size)), _causes(frame, mask)
            for name in features:
                by_feature.setdefault(name, []).append(len(figures))
            figures.append((keypoints, overlap, visible))
            causes += differing
            print(
                f"{i:4d}  {keypoints:.5f} px  IoU {overlap:.4f} of {int(frame.mask.sum()):6d} px  visibility"
                f" {visible:7.2%}  {', '.join(features)}; {dict(differing.most_common(3)) if overlap < 0.99 else ''}",
                flush=True,
            )
            masks = np.stack([mask & ~frame.mask, ~mask & frame.mask, mask & frame.mask], -1) * np.uint8(255)
            panels.append(np.concatenate([frame.image, np.asarray(Image.open(place.image("materials"))), masks], 1))
    keypoints, overlap, visible = (np.array(column) for column in zip(*figures, strict=True))
    print(f"keypoints differ by at most {keypoints.max():.5f} px")
    below = (overlap < MASK_IOU).sum()
    print(f"masks: IoU {overlap.mean():.4f} on average, least {overlap.min():.4f}, {below} below {MASK_IOU}")
    print(f"visibility agrees on {visible.mean():.3%} of the keypoints, least {visible.min():.2%}")
    for name, rows in sorted(by_feature.items(), key=lambda item: overlap[item[1]].mean()):
        print(f"  {name}: {len(rows)} scenes, IoU {overlap[rows].mean():.4f}, visibility {visible[rows].mean():.2%}")
    print("pixels that differ: " + ", ".join(f"{name} {n}" for name, n in causes.most_common() if n))
    if args.sheet:
        rows = [np.concatenate(panels[k : k + 2], 1) for k in range(0, len(panels) - len(panels) % 2, 2)]
        Image.fromarray(np.concatenate(rows or panels)).save(args.sheet, quality=92)
    agree = keypoints.max() <= KEYPOINT_PX and overlap.mean() >= MASK_IOU and visible.mean() >= VISIBILITY_SHARE
    return 0 if agree else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender's module may crash while the interpreter takes it down
