"""``render``: the command that renders a rigged horse, or sampled scenes, with labels."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import time
from pathlib import Path

from kinequimation.blender.render_settings import RANDOM, SCENE_CAMERAS, RenderSettings
from kinequimation.dataset.frame_label import MAX_SIDE_PX, VARIANTS
from kinequimation.errors import InputError

_EPILOG = """files (--out DIR), one of each for every frame and camera:
  DIR/render.json                               how it is rendered; to go on, ask for the same
  DIR/<action>/images/<variant>/f00012_c03.png  the image
  DIR/<action>/masks/f00012_c03.png             255 where the horse itself is seen
  DIR/<action>/labels/f00012_c03.json           the label (docs/dataset.md)

A rendering that was stopped, in whatever way, goes on where it was when the same command is given again.
Frames are counted from each action's first one. Names of actions may be written in any case and order of words.
"""
_DEFAULTS = {"blend": Path("assets/horse.blend"), "cameras": "12", "step": 1}
_MAX_CAMERAS, _MAX_RANDOM = 9999, 100_000_000
_LINE_EVERY_S, _REDRAW_S = 10.0, 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "render",
        help="render a rigged horse with labels",
        description="Render a rigged horse with labels: images, masks, bones and landmarks in 2D and 3D.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the dataset")
    parser.add_argument("--blend", type=Path, metavar="FILE", help="a Rigify horse; default: assets/horse.blend")
    parser.add_argument("--armature", metavar="NAME", help="its armature; default: the only one that fits")
    parser.add_argument("--actions", metavar="A,B", help="e.g. Walk,Trot,LeftCanter; default: all in the file")
    parser.add_argument(
        "--frames", metavar="A:B", help="A to B-1 of each action, or those of A,B,C it has; default: all"
    )
    parser.add_argument("--step", type=int, metavar="N", help="every Nth of them; default: 1")
    parser.add_argument("--cameras", metavar="N", help="how many around the horse, or 'scene'; default: 12")
    parser.add_argument("--random", type=int, metavar="N", help="N sampled scenes instead of a file's actions")
    parser.add_argument("--res", default="512", metavar="PX", help="side, or WIDTHxHEIGHT; default: 512")
    parser.add_argument("--engine", choices=("cycles", "eevee", "workbench"), default="cycles", help="default: cycles")
    parser.add_argument("--samples", type=int, default=16, metavar="N", help="a pixel; default: 16")
    parser.add_argument("--variant", choices=(*VARIANTS, "both"), default="materials", help="default: materials")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="default: cpu")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of cameras, light, scenes; default: 0")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes at once; default: 1")
    parser.add_argument("--batch", type=int, default=200, metavar="N", help="frames per process; default: 200")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Render; return the exit code.

    Raises:
        InputError: an option is out of range, or the file does not hold what is asked for.
        OutputError: the folder cannot be written.
        MissingDependencyError: the engine or the device is not there.
        KinEquiMationError: Blender failed.
    """
    if args.worker:
        from kinequimation.blender.worker import work

        return work()
    from kinequimation.blender.batches import RenderJob, render

    if args.out is None:
        raise InputError("--out: expected a folder for the dataset, got none")
    settings = settings_from(args)
    for option, high in (("workers", 256), ("batch", 100_000)):
        _check_range(option, getattr(args, option), 1, high)
    blend = args.blend or _DEFAULTS["blend"]
    with _ProgressLine() as line:
        plan, n_before = render(RenderJob(args.out, blend, settings, args.workers, args.batch), line)
    names = ", ".join(a.folder for a in plan.actions)
    n = len(plan.places(args.out))
    kept = f" ({n_before} were there before)" if n_before else ""
    cameras = f"{plan.n_cameras} camera{'' if plan.n_cameras == 1 else 's'}"
    print(f"{args.out}: {n} labelled frame{'' if n == 1 else 's'} of {names}, {cameras}{kept}")
    return 0


def settings_from(args: argparse.Namespace) -> RenderSettings:
    """Return what the options ask for.

    Raises:
        InputError: an option is out of range, or two do not go together.
    """
    if args.random is not None:
        for option in ("blend", "armature", "actions", "frames", "step", "cameras"):
            if getattr(args, option) is not None:
                raise InputError(f"--{option}: expected none beside --random, whose scenes are sampled")
        _check_range("random", args.random, 1, _MAX_RANDOM)
    cameras = str(args.cameras or _DEFAULTS["cameras"])
    if cameras != "scene":
        if not cameras.isdecimal():
            raise InputError(f"--cameras: expected a number, or 'scene' for those in the file, got {cameras!r}")
        _check_range("cameras", int(cameras), 1, _MAX_CAMERAS)
    frames = args.frames or ""
    if frames and not re.fullmatch(r"\d{0,9}:\d{0,9}|\d{1,9}(,\d{1,9})*", frames):
        raise InputError(f"--frames: expected A:B or numbers with commas, as in 0:30 or 0,10,20, got {frames!r}")
    size = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", args.res)
    if not size:
        raise InputError(f"--res: expected pixels, as in 512 or 640x480, got {args.res!r}")
    width, height = int(size[1]), int(size[2] or size[1])
    for side in (width, height):
        _check_range("res", side, 16, MAX_SIDE_PX)
    step = args.step if args.step is not None else _DEFAULTS["step"]
    _check_range("step", step, 1, 1_000_000)
    _check_range("samples", args.samples, 1, 100_000)
    _check_range("seed", args.seed, 0, 2**63 - 1)
    actions = tuple(a.strip() for a in (args.actions or "").split(",") if a.strip())
    if args.actions is not None and not actions:
        raise InputError("--actions: expected names with commas, got none; leave it out for all actions")
    return RenderSettings(
        blend_sha256="" if args.random else _sha256(args.blend or _DEFAULTS["blend"]),
        armature=args.armature or "",
        actions=(RANDOM,) if args.random else actions,
        frames=frames,
        step=step,
        cameras=1 if args.random else SCENE_CAMERAS if cameras == "scene" else int(cameras),
        width=width,
        height=height,
        engine=args.engine,
        samples=args.samples,
        variants=VARIANTS if args.variant == "both" else (args.variant,),
        device=args.device,
        random=args.random or 0,
        seed=args.seed,
    )


def _check_range(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"--{option}: expected {low} to {high}, got {value}")


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise InputError(
            f"--blend: expected a .blend file with a Rigify horse, found no {path}; build_assets.py makes one"
        )
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class _ProgressLine:
    """Frames done, frames a second and the time left: one line that is drawn over, or a line each 10 s in a log."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._before: int | None = None
        self._started = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if self._before is None:
            self._before, self._started = done, now
        if now - self._shown < (_REDRAW_S if self._is_terminal else _LINE_EVERY_S) and done != total:
            return
        self._shown = now
        rate = (done - self._before) / max(now - self._started, 1e-6)
        text = f"{done}/{total} frames"
        if rate > 0:
            left = round((total - done) / rate)
            text += f", {rate:.2f} frames/s, {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        sys.stderr.write(f"\r{text:<60}" if self._is_terminal else f"{text}{os.linesep}")
        sys.stderr.flush()

    def __enter__(self) -> _ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_terminal and self._before is not None:
            sys.stderr.write("\n")
