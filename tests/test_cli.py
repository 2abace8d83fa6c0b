"""The command line as a user meets it: exit codes, one line for what is wrong, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation import __version__
from kinequimation.cli.animate import FILES
from kinequimation.cli.main import main
from kinequimation.cli.progress import ProgressBar, progress_text
from kinequimation.errors import InputError
from kinequimation.motion.edit import Edits
from kinequimation.pipeline import AnimateOptions
from kinequimation.runtime import SHIPPED, weights_path
from kinequimation.video import VideoWriter


def has_weights() -> bool:
    try:
        return all(weights_path(name).is_file() for name in SHIPPED)
    except InputError:
        return False


needs_weights = pytest.mark.skipif(not has_weights(), reason="the networks' weights are not all in this checkout")


def gradient_video(path: Path, n: int = 12) -> Path:
    """Clouds that drift: nothing that could be taken for a horse."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (6, 9, 3), dtype=np.uint8)
    still = np.asarray(Image.fromarray(coarse).resize((256, 144), Image.Resampling.BICUBIC))
    with VideoWriter(path, 256, 144, fps=25) as writer:
        for i in range(n):
            writer.write(np.roll(still, 3 * i, axis=1), i / 25)
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return gradient_video(tmp_path / "clouds.mp4")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a failed run printed: exactly one line, on standard error."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("\n") and printed.err.count("\n") == 1
    return printed.err


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "missing.mp4": lambda path: None,
    "empty.mp4": lambda path: path.write_bytes(b""),
    "empty.jpg": lambda path: path.write_bytes(b""),
    "text.mp4": lambda path: path.write_text("a horse, a horse\n" * 99),
    "dot.png": lambda path: Image.new("RGB", (1, 1)).save(path),
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_input_gets_one_line_and_leaves_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BAD_FILES[name](tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    assert main(["animate", str(tmp_path / name), "-o", str(tmp_path / "new" / "out")]) == 2
    assert name in one_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "options",
    [
        ["--withers-height", "nan"],
        ["--withers-height", "-1.6"],
        ["--withers-height", "0"],
        ["--time-scale", "0"],
        ["--time-scale", "nan"],
        ["--time-scale", "fast"],
        ["--start", "-1"],
        ["--start", "inf"],
        ["--start", "2", "--end", "1"],
        ["--start", "100"],
        ["--end", "nan"],
        ["--fps", "0"],
        ["--bbox", "1,2,3"],
        ["--bbox", "nan,0,50,50"],
        ["--bbox", "0,0,0,50"],
        ["--bbox=10,10,-40,40"],
        ["--breed", "unicorn"],
        ["--device", "abacus"],
        ["--lifter", "none.onnx"],
        ["--lifter", str(weights_path("gait"))],
        ["--keypoints", "missing.json"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_bad_options_get_one_line_and_leave_nothing(
    options: list[str], video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["animate", str(video), "-o", str(tmp_path / "out"), *options]) == 2
    line = one_line(capsys)
    assert options[0].split("=")[0] in line or (options[-1] in line and options[0] in ("--keypoints", "--lifter"))
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_cannot_be_written_is_known_at_once(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "taken"
    file.write_text("mine")
    for folder in (file, file / "below"):
        assert main(["animate", str(video), "-o", str(folder)]) == 2
        assert str(file) in one_line(capsys)
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who is not allowed everything")
def test_a_folder_without_permission_is_named(video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert main(["animate", str(video), "-o", str(locked)]) == 2
    assert "permission" in one_line(capsys)


@needs_weights
@pytest.mark.parametrize("kind", ["video", "image"])
def test_no_horse_is_said_and_leaves_nothing(
    kind: str, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = video
    if kind == "image":
        source = tmp_path / "noise.png"
        noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
        Image.fromarray(noise).save(source)
    before = sorted(tmp_path.rglob("*"))
    assert main(["animate", str(source), "-o", str(tmp_path / "out")]) == 2
    assert "no horse" in one_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_control_codes_of_a_file_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", str(tmp_path / "a\n\x1b[31mred.mp4"), "-o", str(tmp_path / "out")]) == 2
    assert "a ?[31mred.mp4" in one_line(capsys)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a pipe without a reader fails otherwise")
def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kinequimation", "horse", "-o", str(tmp_path / "horse.npz")]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
    assert (tmp_path / "horse.npz").is_file()


def test_help_tells_the_files_and_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["animate", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in FILES)
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(command in text for command in ("animate", "horse", "train", "evaluate", "doctor"))


def test_every_option_of_a_run_can_be_given() -> None:
    """A run that is recorded can be repeated: each field of the options has its argument."""
    from kinequimation.cli.main import build_parser

    args = build_parser().parse_args(["animate", "a.mp4", "-o", "out"])
    names = {
        "bbox_xywh": "bbox",
        "start_s": "start",
        "end_s": "end",
        "withers_height_m": "withers_height",
        "keypoint_map": "map",
        "formats": "format",
    }
    for field in {*AnimateOptions.__dataclass_fields__, *Edits.__dataclass_fields__} - {"edits"}:
        assert hasattr(args, names.get(field, field)), field


def test_the_program_starts_without_its_heavy_parts() -> None:
    code = (
        "import sys, kinequimation.cli.main as m; heavy = {'av', 'onnxruntime', 'scipy', 'torch', 'PIL', 'moderngl'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    done = subprocess.run([sys.executable, "-m", "kinequimation", "--version"], capture_output=True, text=True)
    assert done.stdout.strip() == f"kinequimation {__version__}"


def test_progress_tells_frames_and_the_time_left() -> None:
    assert progress_text("overlay", 50, 200, 10.0).split() == [
        "overlay", "█" * 6 + "░" * 18, "50/200", "frames", "5.0/s", "0:30", "left",
    ]  # fmt: skip
    assert progress_text("keypoints", 7, None, 1.0).split() == ["keypoints", "7", "frames", "7.0/s"]


def test_progress_is_silent_where_nobody_looks_and_cleared_after_a_failure() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    silent, seen = StringIO(), Terminal()
    with ProgressBar(silent) as progress:
        progress("fit", 1, 2)
    assert silent.getvalue() == ""
    with pytest.raises(InputError), ProgressBar(seen) as progress:
        progress("fit", 2, 2)
        raise InputError("stop")
    assert "2/2 frames" in seen.getvalue() and seen.getvalue().endswith(" \r")
