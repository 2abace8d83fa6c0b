"""Pictures of a rendered dataset with its labels drawn on, and contact sheets of them, to look at.

Files::

    OUT/<action>/f00012_c03_flat.png    one frame
    OUT/sheet_<action>.png              the frames of an action
    OUT/sheet.png                       some of each action
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.dataset.action_names import choose_actions
from kinequimation.dataset.frame_label import MAX_IMAGE_BYTES, FrameLabel, FramePlace
from kinequimation.dataset.labels import find_labels, read_label
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole
from kinequimation.runtime import Progress, no_progress
from kinequimation.viz.bones2d import AXIS_COLOURS, draw_label
from kinequimation.viz.skeleton2d import colour_of

if TYPE_CHECKING:
    from jaxtyping import UInt8

_SMALL_PX = 640
"""Images with a shorter long side are shown larger, by a whole number, so that lines do not cover the horse."""
_TILE_PX = 384
_TILES_A_ROW = 4
_MAX_SHEET_ROWS = 40
_STRIP_PX = 26
_INK, _PAPER, _TILE_GAP_PX = (32, 36, 42), (246, 246, 243), 6
_LEGEND = (
    ("left fore", colour_of("DEF-f_hoof.L"), "dot"),
    ("left hind", colour_of("DEF-r_hoof.L"), "dot"),
    ("right fore", colour_of("DEF-f_hoof.R"), "dot"),
    ("right hind", colour_of("DEF-r_hoof.R"), "dot"),
    ("middle", colour_of("DEF-head"), "dot"),
    ("hidden", colour_of("DEF-head"), "ring"),
    ("on the skin", colour_of("DEF-head"), "square"),
)


@dataclass(frozen=True)
class Overlays:
    """What was written.

    Attributes:
        files: pictures of frames, in the order of action, frame and camera.
        sheets: contact sheets, the one of all actions last.
        skipped: frames that could not be drawn, each in one line that names the file and says why.
    """

    files: tuple[Path, ...]
    sheets: tuple[Path, ...]
    skipped: tuple[str, ...]


def write_overlays(
    root: Path,
    out: Path,
    *,
    actions: Sequence[str] | None = None,
    sample: int = 12,
    variant: str | None = None,
    axes: bool = False,
    names: bool = False,
    progress: Progress = no_progress,
) -> Overlays:
    """Draw the labels of some frames of each action on their images, and contact sheets.

    Args:
        root: the folder that ``dataset render`` made.
        out: where to write; made if it is missing.
        actions: which of them; case and order of a name's words do not matter; all by default.
        sample: frames of each action; 0 for all.
        variant: of the images; by default ``materials`` where there are such images, else ``flat``.
        axes, names: also draw each bone's axes, write its name.
        progress: called with the stage, frames done and frames in all.

    Raises:
        InputError: there are no labels, or an action is not there.
        OutputError: a picture cannot be written.
    """
    if sample < 0:
        raise InputError(f"--sample: expected 0 or more frames of each action, got {sample}")
    of_action: dict[str, list[FramePlace]] = {}
    for place in find_labels(root):
        of_action.setdefault(place.action, []).append(place)
    wanted = choose_actions(list(of_action), actions or ())
    chosen = {action: spread(of_action[action], sample) for action in wanted}
    total = sum(len(places) for places in chosen.values())
    files: list[Path] = []
    sheets: list[Path] = []
    skipped: list[str] = []
    overview: list[Image.Image] = []
    for action, places in chosen.items():
        tiles: list[Image.Image] = []
        for_overview = set(spread(places, _TILES_A_ROW))
        for place in places:
            try:
                label, shown, image = _read(place, variant)
            except InputError as error:
                skipped.append(str(error))
            else:
                if len(tiles) < _MAX_SHEET_ROWS * _TILES_A_ROW or place in for_overview:
                    tile = _tile(label, image, axes)
                    tiles += [tile] if len(tiles) < _MAX_SHEET_ROWS * _TILES_A_ROW else []
                    overview += [tile] if place in for_overview else []
                path = out / action / f"{place.name}_{shown}.png"
                _save(_picture(label, image, shown, axes=axes, names=names), path)
                files.append(path)
            progress("overlays", len(files) + len(skipped), total)
        if tiles:
            sheets.append(out / f"sheet_{action}.png")
            _save(_sheet(tiles, axes), sheets[-1])
        overview += [_blank()] * (-len(overview) % _TILES_A_ROW)  # the next action begins a row
    if overview:
        sheets.append(out / "sheet.png")
        _save(_sheet(overview, axes), sheets[-1])
    return Overlays(tuple(files), tuple(sheets), tuple(skipped))


def spread(places: Sequence[FramePlace], n: int) -> list[FramePlace]:
    """Return n places of one action, spread over its frames and its cameras; all for 0, or where there are no more."""
    if n == 0 or n >= len(places):
        return list(places)
    frames: dict[int, list[FramePlace]] = {}
    for place in places:
        frames.setdefault(place.frame, []).append(place)
    left = [list(of_frame) for of_frame in frames.values()]
    used = dict.fromkeys((p.camera for p in places), 0)
    taken = []
    for i in range(n):
        wanted = round(i * (len(left) - 1) / max(n - 1, 1))
        nearest = min((k for k in range(len(left)) if left[k]), key=lambda k: (abs(k - wanted), k))
        place = min(left[nearest], key=lambda p: (used[p.camera], p.camera))
        left[nearest].remove(place)
        used[place.camera] += 1
        taken.append(place)
    return sorted(taken, key=lambda p: (p.frame, p.camera))


def _read(place: FramePlace, variant: str | None) -> tuple[FrameLabel, str, np.ndarray]:
    """Return a frame's label, the variant that is shown, and its image.

    Raises:
        InputError: one of them cannot be read; the text names it.
    """
    label = read_label(place.label)
    shown = variant or ("materials" if "materials" in label.variants else label.variants[0])
    path = place.image(shown)
    try:
        with Image.open(io.BytesIO(read_whole(path, MAX_IMAGE_BYTES)), formats=("PNG",)) as image:
            if image.size != (label.width, label.height):
                raise InputError(
                    f"{path}: expected {label.width}×{label.height} pixels as the label says, got {image.size}"
                )
            return label, shown, np.asarray(image.convert("RGB"))
    except InputError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"{path}: expected an image, got none that can be read ({reason.lower()})") from error


def _picture(
    label: FrameLabel, image: UInt8[np.ndarray, "h w 3"], variant: str, *, axes: bool, names: bool
) -> Image.Image:
    """Return the frame, small ones enlarged, with a line that says what it is and what the colours mean."""
    scale = float(np.ceil((_SMALL_PX if not names else 2 * _SMALL_PX) / max(label.width, label.height)))
    drawn = draw_label(image, label, scale=max(scale, 1.0), axes=axes, names=names)
    title = f"{label.action}  frame {label.frame}  camera {label.camera}  {variant}  clip {label.clip}"
    return _framed(drawn, title, axes)


def _tile(label: FrameLabel, image: UInt8[np.ndarray, "h w 3"], axes: bool) -> Image.Image:
    """Return the frame at the size of a contact sheet, with its name under it."""
    scale = _TILE_PX / max(label.width, label.height)
    if scale < 1:
        size = (max(1, round(label.width * scale)), max(1, round(label.height * scale)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    drawn = draw_label(image, label, scale=scale, axes=axes)
    tile = _blank(drawn.height)
    tile.paste(drawn, ((_TILE_PX - drawn.width) // 2, 0))
    text = f"{label.action}  f{label.frame:05d}  c{label.camera:02d}"
    ImageDraw.Draw(tile).text((4, drawn.height + 3), text, fill=_INK, font=ImageFont.load_default(13))
    return tile


def _blank(height: int = 0) -> Image.Image:
    return Image.new("RGB", (_TILE_PX, height + 20), _PAPER)


def _sheet(tiles: list[Image.Image], axes: bool) -> Image.Image:
    columns = min(_TILES_A_ROW, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = _TILE_PX, max(tile.height for tile in tiles)
    sheet = Image.new("RGB", (columns * (width + _TILE_GAP_PX), rows * (height + _TILE_GAP_PX)), _PAPER)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        sheet.paste(tile, (column * (width + _TILE_GAP_PX), row * (height + _TILE_GAP_PX)))
    return _framed(sheet, "", axes)


def _framed(image: Image.Image, title: str, axes: bool) -> Image.Image:
    """Return an image with a title above it, if there is one, and the legend below."""
    font = ImageFont.load_default(13)
    top = _STRIP_PX if title else 0
    measure = ImageDraw.Draw(image)
    entries = [*_LEGEND, *((f"{n} axis", c, "line") for n, c in zip("xyz", AXIS_COLOURS, strict=True) if axes)]
    rows: list[list[tuple[int, str, tuple[int, int, int], str]]] = [[]]
    x = 8
    for text, colour, mark in entries:
        step = 18 + round(measure.textlength(text, font)) + 14
        if x + step > image.width and rows[-1]:
            rows.append([])
            x = 8
        rows[-1].append((x, text, colour, mark))
        x += step
    framed = Image.new("RGB", (image.width, top + image.height + _STRIP_PX * len(rows)), _PAPER)
    framed.paste(image, (0, top))
    draw = ImageDraw.Draw(framed)
    if title:
        draw.text((8, top / 2), title, fill=_INK, font=font, anchor="lm")
    for i, row in enumerate(rows):
        y = top + image.height + _STRIP_PX * i + _STRIP_PX / 2
        for x, text, colour, mark in row:
            _draw_mark(draw, x + 6, y, colour, mark)
            draw.text((x + 18, y), text, fill=_INK, font=font, anchor="lm")
    return framed


def _draw_mark(draw: ImageDraw.ImageDraw, x: float, y: float, colour: tuple[int, int, int], mark: str) -> None:
    box = (x - 5, y - 5, x + 5, y + 5)
    if mark == "line":
        draw.line((x - 6, y, x + 6, y), fill=colour, width=3)
    elif mark == "square":
        draw.rectangle(box, fill=colour, outline=_INK)
    elif mark == "ring":
        draw.ellipse(box, fill=(120, 124, 130), outline=_INK)
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=colour, width=2)
    else:
        draw.ellipse(box, fill=colour, outline=_INK)


def _save(image: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")
