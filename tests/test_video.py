"""Frames in and out: times, orientation, damage, and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation.errors import InputError, OutputError
from kinequimation.video import MAX_WORK_SIDE, VideoWriter, open_source

WIDTH, HEIGHT = 160, 96


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A frame with red in its top-left corner, and a brightness that tells its number."""
    image = np.full((height, width, 3), 20 + 3 * (index % 70), np.uint8)
    image[: height // 3, : width // 3] = (230, 10, 10)
    return image


def write_video(path: Path, times_s: np.ndarray, width: int = WIDTH, height: int = HEIGHT) -> Path:
    with VideoWriter(path, width, height, fps=25) as writer:
        for i, t in enumerate(times_s):
            writer.write(picture(i, width, height), t)
    return path


def red_corner(image: np.ndarray) -> tuple[str, str]:
    rows, columns = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 90))
    return (
        "top" if rows.mean() < image.shape[0] / 2 else "bottom",
        "left" if columns.mean() < image.shape[1] / 2 else "right",
    )


def test_variable_frame_times_survive_a_round_trip(tmp_path: Path) -> None:
    times = np.concatenate([[0.0], np.cumsum(np.random.default_rng(0).choice([1 / 60, 1 / 25, 0.1], 39))])
    source = open_source([str(write_video(tmp_path / "a.mp4", times))])
    frames = [(f.index, f.t_s, f.image_rgb[-10, -10, 0]) for f in source]
    index, t_s, level = (np.array(x, float) for x in zip(*frames, strict=True))
    assert index.tolist() == list(range(40))
    np.testing.assert_allclose(t_s, times, atol=1e-4)
    np.testing.assert_allclose(level, 20 + 3 * np.arange(40), atol=6)
    assert (source.width, source.height, source.warnings) == (WIDTH, HEIGHT, [])
    assert source.fps == pytest.approx(40 / (times[-1] + 1 / 25), rel=0.05)
    assert [f.t_s for f in source] == t_s.tolist(), "a source can be read again"


def test_start_and_end_keep_the_numbers_of_the_source(tmp_path: Path) -> None:
    video = str(write_video(tmp_path / "a.mp4", np.arange(50) / 25))
    frames = list(open_source([video], start_s=0.4, end_s=1.2))
    assert [f.index for f in frames] == list(range(10, 30))
    np.testing.assert_allclose([f.t_s for f in frames], np.arange(10, 30) / 25, atol=1e-4)
    with pytest.raises(InputError, match="it lasts 2"):
        list(open_source([video], start_s=5.0))


@pytest.mark.parametrize(
    ("matrix", "corner", "size"),
    [
        ((0, 1, -1, 0, HEIGHT, 0), ("top", "right"), (HEIGHT, WIDTH)),
        ((0, -1, 1, 0, 0, WIDTH), ("bottom", "left"), (HEIGHT, WIDTH)),
        ((-1, 0, 0, -1, WIDTH, HEIGHT), ("bottom", "right"), (WIDTH, HEIGHT)),
    ],
)
def test_a_rotation_tag_is_applied(
    tmp_path: Path, matrix: tuple[int, ...], corner: tuple[str, str], size: tuple[int, int]
) -> None:
    data = bytearray(write_video(tmp_path / "a.mp4", np.arange(5) / 25).read_bytes())
    a, b, c, d, x, y = (int(v) << 16 for v in matrix)
    at = data.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the matrix of a version 0 track header
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, x, y, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(data)
    source = open_source([str(tmp_path / "turned.mp4")])
    image = next(iter(source)).image_rgb
    assert (source.width, source.height) == size
    assert image.shape == (size[1], size[0], 3)
    assert red_corner(image) == corner


def test_odd_sides_are_made_even(tmp_path: Path) -> None:
    source = open_source([str(write_video(tmp_path / "odd.mp4", np.arange(3) / 25, 161, 95))])
    assert (source.width, source.height) == (162, 96)


@pytest.mark.parametrize("seed", range(3))
def test_a_truncated_video_gives_what_decodes_and_says_so(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "a.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, fps=25) as writer:
        for i in range(50):
            writer.write(rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8), i / 25)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    source = open_source([str(path)])
    n = len(list(source))
    assert 10 < n < 40
    assert source.warnings[0].startswith(f"decoded {n} frames") and "ends early" in source.warnings[0]


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", 64, 64, fps=25) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8), 0.0)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_video_cannot_be_written_over_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        VideoWriter(tmp_path, 64, 64, fps=25)


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    for i in (1, 2, 10, 9):
        Image.fromarray(picture(i)).save(tmp_path / f"frame{i}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source([str(tmp_path)], image_fps=10)
    assert [f.image_rgb[-1, -1, 0] for f in source] == [20 + 3 * i for i in (1, 2, 9, 10)]
    assert [f.t_s for f in source] == [0.0, 0.1, 0.2, 0.3]
    assert source.n_frames == 4 and not source.is_still


@pytest.mark.parametrize("broken", [0, 2])
def test_a_broken_image_of_a_series_is_left_out_and_counted(tmp_path: Path, broken: int) -> None:
    for i in range(4):
        Image.fromarray(picture(i)).save(tmp_path / f"{i}.png")
    (tmp_path / f"{broken}.png").write_text("not an image")
    source = open_source([str(tmp_path)])
    assert [f.index for f in source] == [i for i in range(4) if i != broken]
    assert source.warnings == ["1 of 4 images cannot be read"]


def test_a_palette_with_transparency_is_read_without_a_word(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    Image.fromarray(picture(0)).quantize(16).save(tmp_path / "a.png", transparency=bytes(range(16)))
    image = next(iter(open_source([str(tmp_path / "a.png")]))).image_rgb
    assert red_corner(image) == ("top", "left") and not recwarn.list


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(picture(0)).save(tmp_path / "a.jpg", exif=exif)
    source = open_source([str(tmp_path / "a.jpg")])
    image = next(iter(source)).image_rgb
    assert (source.width, source.height) == (HEIGHT, WIDTH) and source.is_still
    assert red_corner(image) == ("top", "right")


def test_a_very_large_image_is_handed_out_small_with_coordinates_of_the_source(tmp_path: Path) -> None:
    Image.new("1", (12_000, 9_000), 1).save(tmp_path / "large.png")
    source = open_source([str(tmp_path / "large.png")])
    image = next(iter(source)).image_rgb
    assert image.shape == (1440, MAX_WORK_SIDE, 3) and (source.width, source.height) == (12_000, 9_000)
    corners_work_px = np.array([[-0.5, -0.5], [MAX_WORK_SIDE - 0.5, 1439.5], [100.0, 200.0]])
    np.testing.assert_allclose(source.to_source_px(corners_work_px)[:2], [[-0.5, -0.5], [11_999.5, 8_999.5]])
    np.testing.assert_allclose(source.to_work_px(source.to_source_px(corners_work_px)), corners_work_px)
    all_of_it = source.to_source_box(np.array([-0.5, -0.5, MAX_WORK_SIDE, 1440.0]))
    np.testing.assert_allclose(all_of_it, [-0.5, -0.5, 12_000, 9_000])
    np.testing.assert_allclose(source.to_work_box(all_of_it), [-0.5, -0.5, MAX_WORK_SIDE, 1440.0])


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "an empty file"),
        ("text.mp4", b"once upon a time\n" * 200, "not a video"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n", "not a video"),
        ("empty.png", b"", "an empty file"),
        ("text.png", b"once upon a time", "something else"),
        ("bomb.png", _png_header(100_000, 100_000), "million"),
        ("tiny.png", _png_header(1, 1), "too small"),
        ("hollow.png", _png_header(100, 100), "damaged|something else"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(open_source([str(tmp_path / name)]))
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_paths_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    image, video = tmp_path / "a.png", write_video(tmp_path / "a.mp4", np.arange(3) / 25)
    Image.fromarray(picture(0)).save(image)
    (tmp_path / "nothing").mkdir()
    cases = {
        "no such file": [str(tmp_path / "missing.mp4")],
        "without images": [str(tmp_path / "nothing")],
        "one video or folder at a time": [str(image), str(video)],
        "no input": [],
    }
    for message, paths in cases.items():
        with pytest.raises(InputError, match=message):
            open_source(paths)


def test_names_that_the_system_refuses_get_one_line() -> None:
    for name in ("", "a" * 5000, "a\0b.mp4"):
        with pytest.raises(InputError):
            open_source([name])


def test_a_folder_of_damaged_images_is_refused(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    for i in range(3):
        file = tmp_path / f"{i}.png"
        noise.save(file)
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(InputError, match="none of its 3 images"):
        list(open_source([str(tmp_path)]))


def test_postscript_is_not_run_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "horse.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(InputError, match="expected an image, got something else"):
        open_source([str(tmp_path / "horse.png")])


def test_images_of_two_sizes_are_refused(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).save(tmp_path / "1.png")
    Image.fromarray(picture(0, 200, 100)).save(tmp_path / "2.png")
    with pytest.raises(InputError, match="one size"):
        open_source([str(tmp_path)])
