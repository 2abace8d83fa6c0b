"""What the program says to input that is wrong, odd or hostile: one line, exit code 2, and nothing left behind.

    python benchmarks/bad_input.py [--only WORD]

Makes each input in a temporary folder, runs the program on it in a process of its own, and prints a table: the exit
code, the lines on standard error, the most memory resident, what was left behind, and the line itself. ``!!`` marks
what is not as expected; the script then ends with code 1. Memory under 100 MB may be that of this script, from which
the process was started. Linux and macOS; as root the folder without permission is left out, since root may write it.

A run may be refused (exit code 2, exactly one line on standard error, nothing written) or work (exit code 0, a
``horse.glb`` beside the files that were there). Either way a file that stood in the output folder stays as it was, and
nothing else on the disk changes.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from kinequimation.skeleton import KEYPOINTS
from kinequimation.video import VideoWriter, open_source

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "examples" / "trot.mp4"
MAX_BYTES = 2 << 30
REFUSED, WORKS = 2, 0


@dataclass(frozen=True)
class Case:
    """One run of the program.

    Attributes:
        name: what is wrong with the input.
        args: the arguments; ``OUT`` stands for the output folder, in which a file lies already.
        expected: the exit code.
        says: what the line on standard error must hold.
    """

    name: str
    args: tuple[str, ...]
    expected: int = REFUSED
    says: str = ""


def animate(name: str, *args: str | Path, expected: int = REFUSED, says: str = "") -> Case:
    """Return a run of ``animate``."""
    output = () if "-o" in args else ("-o", "OUT")
    return Case(name, ("animate", *map(str, args), *output), expected, says)


def frames(n: int) -> list[np.ndarray]:
    """Return the first frames of the example."""
    return [frame.image_rgb for frame, _ in zip(open_source([str(CLIP)]), range(n), strict=False)]


def write_video(path: Path, images: list[np.ndarray], fps: float = 25.0) -> Path:
    """Write a video of a few frames."""
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, fps) as writer:
        for i, image in enumerate(images):
            writer.write(image, i / fps)
    return path


def remux(path: Path, index_first: bool) -> Path:
    """Write the example's packets again, with the index (moov) before or after the pictures."""
    flags = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(CLIP)) as source, av.open(str(path), "w", options=flags) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def cut(source: Path, path: Path, share: float) -> Path:
    """Write the first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def turned(path: Path, quarter: np.ndarray) -> Path:
    """Write a video of frames that lie on their side, with the tag that sets them upright."""
    height = quarter.shape[0]
    data = bytearray(write_video(path, [quarter] * 5).read_bytes())
    matrix = (0, 1 << 16, 0, -1 << 16, 0, 0, height << 16, 0, 1 << 30)
    at = data.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the matrix of a version 0 track header
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def sound(path: Path) -> Path:
    """Write an MP4 with sound alone."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:  # type: ignore[attr-defined]
            container.mux(packet)
    return path


def clouds(n: int) -> list[np.ndarray]:
    """Return frames of drifting clouds."""
    coarse = np.random.default_rng(0).integers(90, 220, (6, 9, 3), dtype=np.uint8)
    still = np.asarray(Image.fromarray(coarse).resize((320, 180), Image.Resampling.BICUBIC))
    return [np.roll(still, 3 * i, axis=1) for i in range(n)]


def noise(n: int) -> list[np.ndarray]:
    """Return frames of noise."""
    return list(np.random.default_rng(0).integers(0, 255, (n, 180, 320, 3), dtype=np.uint8))


def write_large(path: Path, image: np.ndarray) -> Path:
    """Write an image of 108 million pixels."""
    canvas = Image.new("RGB", (12_000, 9_000), (120, 140, 110))
    canvas.paste(Image.fromarray(image).resize((12_000, 6_750)), (0, 1_000))
    canvas.save(path, compress_level=1)
    return path


def video_cases(folder: Path) -> Iterator[Case]:
    """Yield what can be wrong with a video."""
    few = frames(12)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("a horse, a horse\n" * 99)
    last = remux(folder / "index_last.mp4", index_first=False)
    first = remux(folder / "index_first.mp4", index_first=True)
    yield animate("no such file", folder / "missing.mp4", says="no such file")
    yield animate("empty file .mp4", folder / "empty.mp4", says="empty")
    yield animate("text file .mp4", folder / "text.mp4", says="not a video")
    yield animate("cut at 50 %", cut(CLIP, folder / "cut.mp4", 0.5), expected=WORKS, says="ends early")
    yield animate("index last, cut at 50 %", cut(last, folder / "headless.mp4", 0.5), says="not a video")
    yield animate("index first, cut at 60 %", cut(first, folder / "cut60.mp4", 0.6), expected=WORKS, says="ends early")
    yield animate("index only", cut(first, folder / "cut1.mp4", 0.008), says="no frame")
    yield animate("clouds, no horse", write_video(folder / "clouds.mp4", clouds(20)), says="no horse")
    yield animate("noise, no horse", write_video(folder / "noise.mp4", noise(20)), says="no horse")
    yield animate("sound alone", sound(folder / "sound.mp4"), says="without pictures")
    yield animate("rotation tag", turned(folder / "turned.mp4", np.rot90(few[0]).copy()), expected=WORKS)
    yield animate("two frames", write_video(folder / "two.mp4", few[:2]), expected=WORKS)
    yield animate("one frame", write_video(folder / "one.mp4", few[:1]), expected=WORKS)
    gif = [Image.fromarray(f) for f in few]
    gif[0].save(folder / "a.gif", save_all=True, append_images=gif[1:], duration=40)
    yield animate("GIF", folder / "a.gif", expected=WORKS)
    with wave.open(str(folder / "a.wav"), "wb") as f:
        f.setparams((1, 2, 8000, 0, "NONE", ""))
        f.writeframes(bytes(800))
    yield animate("WAV", folder / "a.wav", says="without pictures")


def image_cases(folder: Path) -> Iterator[Case]:
    """Yield what can be wrong with images."""
    horse = frames(5)
    picture = Image.fromarray(horse[0])
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    yield animate("1x1 image", folder / "dot.png", says="too small")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # what starts a process counts in its memory
        large = list(pool.map(write_large, (folder / "large.jpg", folder / "large.png"), horse[:2]))
    yield animate("12000x9000 JPEG", large[0], expected=WORKS)
    yield animate("12000x9000 PNG", large[1], expected=WORKS)
    grey16 = (np.asarray(picture.convert("L")).astype(np.uint16) * 257).astype("<u2")
    kinds: dict[str, Callable[[Path], object]] = {
        "grey.png": lambda p: picture.convert("L").save(p),
        "rgba.png": lambda p: picture.convert("RGBA").save(p),
        "palette.png": lambda p: picture.quantize(64).save(p, transparency=bytes(range(64))),
        "grey16.png": lambda p: Image.fromarray(grey16).save(p),
        "cmyk.jpg": lambda p: picture.convert("CMYK").save(p, quality=95),
    }
    for name, write in kinds.items():
        write(folder / name)
        yield animate(name, folder / name, expected=WORKS)
    picture.save(folder / "whole.jpg")
    yield animate("cut JPEG", cut(folder / "whole.jpg", folder / "cut.jpg", 0.5), says="damaged")
    (folder / "nothing").mkdir()
    (folder / "nothing" / "notes.txt").write_text("none here")
    yield animate("folder without images", folder / "nothing", says="without images")
    for name, broken in {"first": 0, "middle": 2}.items():
        series = folder / f"broken_{name}"
        series.mkdir()
        for i, image in enumerate(horse):
            Image.fromarray(image).save(series / f"{i}.png")
        (series / f"{broken}.png").write_text("no image")
        yield animate(f"{name} image of a folder broken", series, expected=WORKS, says="1 of 5 images")
    for name in ("rotten", "hollow"):
        series = folder / name
        series.mkdir()
        for i in range(3):
            picture.save(series / f"{i}.png")
            cut(series / f"{i}.png", series / f"{i}.png", 0.0001 if name == "rotten" else 0.1)
        yield animate(f"all images of a folder broken ({name})", series)


def option_cases(folder: Path) -> Iterator[Case]:
    """Yield options that make no sense."""
    video = folder / "two.mp4"
    wrong = {
        "--withers-height": ("nan", "-1.6", "0", "100", "tall"),
        "--time-scale": ("nan", "-1", "0", "fast"),
        "--start": ("nan", "-1", "soon", "100"),
        "--end": ("nan", "-1", "0", "late"),
        "--fps": ("nan", "0"),
        "--bbox": ("nan,0,50,50", "10,10,-40,40", "0,0,0,0", "9000,9000,50,50", "1,2,3", "1,2,3,4,5", "a,b,c,d"),
        "--breed": ("unicorn",),
        "--device": ("abacus",),
    }
    for option, values in wrong.items():
        for value in values:
            yield animate(f"{option}={value}", video, f"{option}={value}", says=option)
    yield animate("--start after --end", video, "--start", "2", "--end", "1", says="--end")
    yield animate("--end before the first frame", CLIP, "--start", "0.001", "--end", "0.002", says="no frames")
    (folder / "file").write_text("mine")
    yield animate("output is a file", video, "-o", folder / "file", says="file")
    yield animate("output under a file", video, "-o", folder / "file" / "below", says="file")
    yield animate("no input", says="no input")
    yield Case("no output", ("animate", str(video)), says="--output")
    if os.geteuid() != 0:  # root may write everywhere
        (folder / "locked").mkdir(mode=0o500)
        yield animate("output without permission", video, "-o", folder / "locked", says="permission")


def keypoint_cases(folder: Path) -> Iterator[Case]:
    """Yield keypoint files that nobody should trust."""
    horse = {
        "id": 0,
        "bbox_xywh": [10, 10, 200, 200],
        "score": 1.0,
        "uv_px": np.random.default_rng(0).uniform(10, 210, (len(KEYPOINTS), 2)).tolist(),
        "confidence": [0.9] * len(KEYPOINTS),
        "xyz_cam": None,
        "root_xyz_cam": None,
    }
    rows = [{"index": i, "t_s": i / 25, "horses": [horse]} for i in range(4)]
    head = {"format": "kinequimation-keypoints/1", "source": "gone.mp4", "fps": 25, "width": 320, "height": 240}
    good = head | {"keypoints": list(KEYPOINTS), "frames": rows}
    far = [rows[0], rows[1] | {"t_s": 1e9}]
    unlucky: dict[str, tuple[Any, int, str]] = {
        "nested": ("[" * 200_000, REFUSED, "nested"),
        "cut": (json.dumps(good)[:3000], REFUSED, "JSON"),
        "NaN": (json.dumps(good | {"fps": float("nan")}), REFUSED, "NaN"),
        "wrong names": (good | {"keypoints": [f"wing {i}" for i in range(len(KEYPOINTS))]}, REFUSED, "wing 0"),
        "one name for all": (good | {"keypoints": [KEYPOINTS[0]] * len(KEYPOINTS)}, REFUSED, "twice"),
        "wrong count": (good | {"keypoints": list(KEYPOINTS[:5])}, REFUSED, "points"),
        "negative size": (good | {"width": -5}, REFUSED, "width"),
        "huge size": (good | {"width": 65_536, "height": 65_536}, WORKS, ""),
        "no frames": (good | {"frames": []}, REFUSED, "frames"),
        "times that fall": (good | {"frames": [rows[1], rows[0]]}, REFUSED, "rise"),
        "a gap of 30 years": (good | {"frames": far}, REFUSED, ""),
        "fps 900000": (good | {"fps": 900_000, "frames": [rows[0], rows[1] | {"t_s": 600.0}]}, REFUSED, ""),
        "source outside": (good | {"source": "../../../../../../etc/passwd"}, WORKS, "no frames"),
        "source is a device": (good | {"source": "/dev/zero"}, WORKS, "no frames"),
        "source of control codes": (good | {"source": "a\n\x1b[31mred\x00\ud800"}, WORKS, "a ?[31mred"),
        "random points": (good, WORKS, "no frames"),
    }
    for name, (content, expected, says) in unlucky.items():
        path = folder / f"{name.replace(' ', '_')}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        yield animate(f"keypoints: {name}", "--keypoints", path, expected=expected, says=says)
    yield animate("keypoints of another video", CLIP, "--keypoints", folder / "random_points.json", says="expected")
    yield animate("keypoints that are a folder", "--keypoints", folder, says="directory")


def other_cases(folder: Path) -> Iterator[Case]:
    """Yield what can be wrong with the other commands."""
    wrong = {
        "breed unicorn": ("warmblood", "--breed", "unicorn"),
        "gait gallop": ("trot", "--gait", "gallop"),
        "suffix .txt": (".glb", "-o", "OUT/horse.txt"),
        "no suffix": (".glb", "-o", "OUT/horse"),
        "seconds -1": ("--seconds", "--seconds", "-1"),
        "seconds 1e9": ("--seconds", "--seconds", "1e9"),
        "speed nan": ("--speed", "--speed", "nan"),
        "fps 0": ("--fps", "--fps", "0"),
        "height 100": ("--withers-height", "--withers-height", "100"),
        "height nan": ("--withers-height", "--withers-height", "nan"),
        "output is a folder": ("folder", "-o", str(folder / "folder.glb")),
        "in place .bvh": ("--in-place", "--in-place", "-o", "OUT/a.bvh"),
    }
    (folder / "folder.glb").mkdir()
    for name, (says, *args) in wrong.items():
        output = () if "-o" in args else ("-o", "OUT/horse.glb")
        yield Case(f"horse: {name}", ("horse", *args, *output), says=says)
    (folder / "labels").mkdir()
    (folder / "labels" / "annotations.json").write_text("{}")
    yield Case("evaluate: no annotations", ("evaluate", "--set", str(folder / "nothing")), says="annotations.json")
    yield Case("evaluate: empty annotations", ("evaluate", "--set", str(folder / "labels")), says="annotations.json")
    yield Case("no command", (), says="COMMAND")
    yield Case("unknown command", ("anmate",), says="animate")


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the size and the time of every file below a folder."""
    return {p: (p.lstat().st_size, p.lstat().st_mtime_ns) for p in folder.rglob("*") if not p.is_dir()}


def run(case: Case, folder: Path, out: Path) -> tuple[bool, str]:
    """Run a case; return whether all is as expected, and its line of the table."""
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    before = snapshot(folder)
    args = [arg.replace("OUT", str(out), 1) if arg.startswith("OUT") else arg for arg in case.args]
    command = [sys.executable, "-m", "kinequimation", *args]
    with tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command, stdout=printed, stderr=err, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        err.seek(0)
        lines = err.read().decode(errors="replace").splitlines()
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    after = snapshot(folder)
    changed = [p for p in before if after.get(p) != before[p]]
    new = sorted(p.relative_to(folder) for p in after.keys() - before.keys())
    text = "\n".join(lines)
    good = code == case.expected and not changed and peak < MAX_BYTES and case.says in text
    if case.expected == REFUSED:
        good &= len(lines) == 1 and not new
    else:
        good &= out / "horse.glb" in after and all(out in (folder / p).parents for p in new)
        good &= all(line.startswith("warning: ") for line in lines)
    left = f"CHANGED {changed}" if changed else f"{len(new)} files" if new else "nothing"
    shown = lines if case.expected == WORKS else (lines[:1] if len(lines) == 1 else lines[-2:])
    text = " | ".join(shown).replace(str(folder), "...")
    mark = "  " if good else "!!"
    return good, f"{mark} {case.name:<40} {code:>3} {len(lines):>5} {peak >> 20:>5} MB  {left:<9} {text}"


def main() -> int:
    """Run the cases; return 1 if one is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="only cases with this in their name")
    args = parser.parse_args()
    print(f"   {'case':<40} exit lines  memory  left      standard error")
    n = n_bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "input").mkdir()
        for make in (video_cases, image_cases, option_cases, keypoint_cases, other_cases):
            for case in make(folder / "input"):
                if args.only in case.name:
                    good, line = run(case, folder, folder / f"out{n}")
                    print(line, flush=True)
                    n, n_bad = n + 1, n_bad + (not good)
    print(f"{n} cases, {n_bad} not as expected")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
