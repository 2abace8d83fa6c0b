"""``report.html``: the film beside the horse in 3D, which can be turned; one page, no server, no network.

The page is a template (``web/report.html``) that this module fills: style sheet and scripts go in as they are, three.js
as ``web/build_three.sh`` bundled it, the motion and the film as base64 in pieces. A content security policy in its head
lets it run these scripts alone, by their hashes, and load nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import numpy as np

from kinequimation import __version__, skeleton
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_continuous, quat_from_matrix
from kinequimation.io.atomic import replacing
from kinequimation.io.gltf import gltf_from_world_xyz
from kinequimation.text import one_line
from kinequimation.viz.skeleton2d import colour_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

MAX_EMBEDDED_BYTES = 150_000_000
"""Of a motion or a film: what is larger stays beside the page. A guess at what a phone's browser still opens."""
_FILM_TYPES = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg"}
_SCRIPTS = ("three.min.js", "stage.js", "strip.js", "player.js", "page.js")
_PIECE_BYTES = 3 << 18
"""Read and encoded at a time; divisible by three, so that pieces of base64 need no padding between them."""
_MAX_CAMERA_POSES = 20_000
"""Poses of the filming camera that a page holds; of a longer clip every second, third, ... frame's."""
_LIMB_HOOF = dict(zip(skeleton.LIMBS, ("DEF-f_hoof.L", "DEF-f_hoof.R", "DEF-r_hoof.L", "DEF-r_hoof.R"), strict=True))


@dataclass(frozen=True)
class FilmingCamera:
    """Where the film was taken from.

    Attributes:
        T_cam_world: [T, 4, 4] world metres to camera metres, of each frame.
        t_s: [T] the frames' times from the clip's beginning, seconds, rising.
        vertical_fov_rad: the angle between the upper and the lower edge of the frame.
        aspect: width of the frame over its height.

    Raises:
        InputError: poses and times are not as many.
    """

    T_cam_world: Float[np.ndarray, "frames 4 4"]
    t_s: Float[np.ndarray, " frames"]
    vertical_fov_rad: float
    aspect: float

    def __post_init__(self) -> None:
        if self.T_cam_world.shape != (len(self.t_s), 4, 4) or len(self.t_s) == 0:
            raise InputError(f"camera: expected {len(self.t_s)} poses of 4x4, got shape {self.T_cam_world.shape}")


@dataclass(frozen=True)
class ReportFacts:
    """What the page says, and how film and motion go together.

    Attributes:
        title: of the page; the input's name will do.
        judgement: one line below the title.
        rows: label and text of each row of the table.
        warnings: what a user should know.
        fps: frames per second of the motion.
        time_scale: how many seconds of film one second of the motion takes: 4 for fourfold slow motion.
        film_start_s: when in the film the motion begins.
        film_share: share of the film's width that is shown, from the left: an overlay has a 3D view of its own on its
            right, which the page does without.
        stances_s: for each limb of ``skeleton.LIMBS`` when its hoof stands, [n, 2] seconds of the motion.
        unseen_s: when no horse was found, [n, 2] seconds of the motion.
        from_left: whether the camera stood on the horse's left; the page's own views begin on that side.
        camera: where the film was taken from; None leaves the view "as filmed" out.

    Raises:
        InputError: a number is out of its range.
    """

    title: str
    judgement: str
    rows: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    fps: float = 30.0
    time_scale: float = 1.0
    film_start_s: float = 0.0
    film_share: float = 1.0
    stances_s: Sequence[Float[np.ndarray, "n 2"]] = field(default_factory=lambda: [np.empty((0, 2))] * 4)
    unseen_s: Float[np.ndarray, "n 2"] = field(default_factory=lambda: np.empty((0, 2)))
    from_left: bool = True
    camera: FilmingCamera | None = None

    def __post_init__(self) -> None:
        if not (self.fps > 0 and self.time_scale > 0 and 0 < self.film_share <= 1):
            raise InputError(
                "report: expected fps and time scale above 0 and a share of the film in (0, 1],"
                f" got {self.fps}, {self.time_scale}, {self.film_share}"
            )
        if len(self.stances_s) != len(skeleton.LIMBS):
            raise InputError(f"report: expected the stances of {len(skeleton.LIMBS)} limbs, got {len(self.stances_s)}")


def spans_s(mask: Bool[np.ndarray, " frames"], t_s: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "n 2"]:
    """Return when a mask holds: from half a frame before the first frame of each run to half a frame after its last.

    Args:
        mask: of each frame.
        t_s: the frames' times, seconds, rising.
    """
    between = (t_s[1:] + t_s[:-1]) / 2
    half = float(np.median(np.diff(t_s))) / 2 if len(t_s) > 1 else 0.5
    edges = np.concatenate([t_s[:1] - half, between, t_s[-1:] + half])
    turns = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    return np.stack([edges[np.flatnonzero(turns == 1)], edges[np.flatnonzero(turns == -1)]], axis=1)


def write_report(path: str | PathLike[str], glb: Path, overlay: Path | None, facts: ReportFacts) -> None:
    """Write the page.

    Memory does not grow with the files. One that is larger than ``MAX_EMBEDDED_BYTES`` is left out: the page says so
    and links to it by its name, as it is thought to lie beside the page.

    Args:
        path: the ``.html`` to write.
        glb: the moving horse, as ``io.gltf`` writes it.
        overlay: the film (``.mp4``) or photo (``.png``, ``.jpg``) beside it; None leaves the 3D view alone.
        facts: what to say, and how the two go together.

    Raises:
        InputError: a file cannot be read, or the overlay is of another kind.
        OutputError: the page cannot be written.
    """
    if overlay is not None and overlay.suffix.lower() not in _FILM_TYPES:
        raise InputError(f"{overlay}: expected one of {', '.join(_FILM_TYPES)} as the overlay of a report")
    sizes = {file: _size(file) for file in (glb, overlay) if file is not None}
    embedded = {file for file, size in sizes.items() if size <= MAX_EMBEDDED_BYTES}
    scripts = [_text(name) for name in _SCRIPTS]
    style = _text("report.css")
    fixed = {
        "policy": _policy(style, scripts),
        "title": html.escape(one_line(facts.title)),
        "style": style,
        "judgement": html.escape(one_line(facts.judgement)),
        "columns": "two" if overlay is not None else "",
        "film": _film_panel(overlay, overlay in embedded, sizes.get(overlay, 0)) if overlay is not None else "",
        "speeds": _speeds(facts.time_scale),
        "warnings": _warnings(facts.warnings),
        "rows": "\n".join(_row(label, text) for label, text in facts.rows),
        "generator": f"Made by KinEquiMation {__version__}.",
        "facts": _data_json(_page_facts(facts, glb, overlay if overlay in embedded else None)),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    with replacing(path) as temporary, temporary.open("wb") as page:
        for piece in re.split(r"({{\w+}})", _text("report.html")):
            name = piece[2:-2] if piece.startswith("{{") else None
            if name == "data":
                for kind, file in (("motion", glb), ("film", overlay)):
                    if file in embedded:
                        _write_base64(page, kind, file)
            else:
                page.write((piece if name is None else fixed[name]).encode("utf-8", "replace"))


def _text(name: str) -> str:
    return (files("kinequimation") / "viz" / "web" / name).read_text(encoding="utf-8")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error


def _policy(style: str, scripts: Sequence[str]) -> str:
    """Return a policy that lets this style and these scripts work on data from the page itself, and nothing else."""
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in (style, *scripts)]
    return (
        f"default-src 'none'; style-src {hashes[0]}; script-src {' '.join(hashes[1:])};"
        " img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _write_base64(page: BinaryIO, kind: str, file: Path) -> None:
    for piece in _pieces(file):
        page.write(f'<script type="text/plain" data-of="{kind}">'.encode())
        page.write(base64.b64encode(piece))
        page.write(b"</script>\n")


def _pieces(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as source:
            while piece := source.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise InputError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error


def _film_panel(overlay: Path, embedded: bool, size: int) -> str:
    if not embedded:
        name, link = html.escape(one_line(overlay.name)), html.escape("./" + quote(os.fsencode(overlay.name)))
        text = f'{name} has {size / 1e6:.0f} MB, too much for this page: <a href="{link}">open it</a> beside this page'
        return f'<div class="panel" id="film"><p class="note"><span>{text}</span></p></div>'
    if _FILM_TYPES[overlay.suffix.lower()].startswith("video/"):
        return '<div class="panel" id="film"><video muted playsinline preload="auto"></video></div>'
    return '<div class="panel" id="film"><img alt="the horse with its skeleton"></div>'


def _speeds(time_scale: float) -> str:
    choices = [(0.1, "1/10"), (0.25, "1/4"), (0.5, "1/2"), (1.0, "as filmed")]
    if time_scale != 1 and 1 / 16 <= time_scale <= 16:  # what browsers play
        choices.append((time_scale, "as in life"))
    selected = {1.0: " selected"}
    return "".join(f'<option value="{v:g}"{selected.get(v, "")}>{html.escape(text)}</option>' for v, text in choices)


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(one_line(warning))}</li>" for warning in warnings)
    return f'<ul class="warnings">{items}</ul>' if items else ""


def _row(label: str, text: str) -> str:
    return f"<tr><th>{html.escape(one_line(label))}</th><td>{html.escape(one_line(text))}</td></tr>"


def _page_facts(facts: ReportFacts, glb: Path, film: Path | None) -> dict[str, Any]:
    """Return what the scripts need to know."""
    limbs = skeleton.LIMBS
    return {
        "bones": {bone: _hex(bone) for bone in skeleton.BONES if bone not in skeleton.MANE_BONES},
        "limbs": {limb: _hex(_LIMB_HOOF[limb]) for limb in limbs},
        "stances": {limb: _flat(spans) for limb, spans in zip(limbs, facts.stances_s, strict=True)},
        "unseen": _flat(facts.unseen_s),
        "side": 1 if facts.from_left else -1,
        "fps": float(facts.fps),
        "scale": float(facts.time_scale),
        "start": float(facts.film_start_s),
        "motion": one_line(glb.name),
        "film": None
        if film is None
        else {
            "name": one_line(film.name),
            "type": _FILM_TYPES[film.suffix.lower()],
            "share": float(facts.film_share),
        },
        "camera": None if facts.camera is None else _page_camera(facts.camera),
    }


def _page_camera(camera: FilmingCamera) -> dict[str, Any]:
    """Return places and turns in glTF's axes, seven numbers a frame; glTF's cameras look along −Z and have Y up."""
    rows = slice(None, None, -(-len(camera.t_s) // _MAX_CAMERA_POSES))
    R_cam_world, offset = camera.T_cam_world[rows, :3, :3], camera.T_cam_world[rows, :3, 3]
    places = gltf_from_world_xyz(-np.einsum("tba,tb->ta", R_cam_world, offset))
    axes = gltf_from_world_xyz(R_cam_world * np.array([1.0, -1.0, -1.0])[:, None])  # [T, right up back, 3]
    quat_wxyz = quat_continuous(quat_from_matrix(np.swapaxes(axes, 1, 2)))
    poses = np.concatenate([places, quat_wxyz[:, [1, 2, 3, 0]]], axis=1)
    return {
        "times": _flat(camera.t_s[rows]),
        "poses": np.round(poses, 5).ravel().tolist(),
        "fov": float(camera.vertical_fov_rad),
        "aspect": float(camera.aspect),
    }


def _hex(name: str) -> str:
    r, g, b = colour_of(name)
    return f"#{r:02x}{g:02x}{b:02x}"


def _flat(values: np.ndarray) -> list[float]:
    return np.round(np.asarray(values, float), 4).ravel().tolist()


def _data_json(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
