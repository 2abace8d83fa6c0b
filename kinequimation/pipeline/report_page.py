"""``report.html`` of a run: what it says of a horse, and how its film and its motion go together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.gait.names import WORDS
from kinequimation.geometry.camera import default_intrinsics
from kinequimation.geometry.rotation import quat_rotate
from kinequimation.io.gltf import write_glb
from kinequimation.viz.overlay import overlay_size
from kinequimation.viz.report import FilmingCamera, ReportFacts, spans_s, write_report

if TYPE_CHECKING:
    from kinequimation.pipeline.outputs import Result

STANDS_FROM = 0.5
"""Probability of contact from which a hoof is shown to stand."""


def write_report_page(folder: Path, result: Result) -> None:
    """Write ``report.html``; what it shows is read from the files that the run wrote before into the same folder."""
    overlay = next((folder / name for name in ("overlay.mp4", "overlay.png") if (folder / name).is_file()), None)
    glb = folder / "horse.glb"
    if glb.is_file():
        write_report(folder / "report.html", glb, overlay, report_facts(result))
        return
    glb = folder / ".report.glb"  # not asked for as a file of its own
    try:
        write_glb(glb, result.motion, result.body)
        write_report(folder / "report.html", glb, overlay, report_facts(result))
    finally:
        glb.unlink(missing_ok=True)


def report_facts(result: Result) -> ReportFacts:
    """Return what the page says of a horse, and which part of the film its animation is of."""
    seen, motion, edits, looped = result.seen, result.motion, result.options.edits, result.looped
    frame_width, view_width, _ = overlay_size(seen.width, seen.height)
    t_s = motion.t_s - motion.t_s[0]
    start_s, scale = 0.0, result.options.time_scale
    if looped is not None:
        start_s = looped.start_s - float(result.fitted.motion.t_s[0])
        scale *= (looped.end_s - looped.start_s) / float(looped.motion.t_s[-1] - looped.motion.t_s[0])
    film_start_s = start_s * result.options.time_scale
    if edits.rest_first and len(t_s) > 1:
        film_start_s -= float(t_s[1]) * scale  # the film has nothing to show for the rest pose
    moved = looped is not None or edits.in_place or edits.rest_first
    return ReportFacts(
        title=Path(seen.source).name or motion.name,
        judgement=result.judgement.line,
        rows=_rows(result),
        warnings=result.warnings,
        fps=motion.fps,
        time_scale=scale,
        film_start_s=film_start_s,
        film_share=frame_width / (frame_width + view_width),
        stances_s=[spans_s(motion.contact[:, limb] > STANDS_FROM, t_s) for limb in range(motion.contact.shape[1])],
        unseen_s=spans_s(motion.confidence <= 0, t_s),
        from_left=_from_left(result),
        camera=None if moved else _camera(result),
    )


def _camera(result: Result) -> FilmingCamera:
    fitted, seen = result.fitted, result.seen
    K = default_intrinsics(seen.width, seen.height)
    fov_rad = 2 * math.atan(seen.height / 2 / float(K[1, 1]))
    t_s = fitted.motion.t_s - fitted.motion.t_s[0]
    return FilmingCamera(fitted.T_cam_world, t_s, fov_rad, seen.width / seen.height)


def _from_left(result: Result) -> bool:
    """Return whether the camera was more often on the horse's left than on its right."""
    motion, T = result.fitted.motion, result.fitted.T_cam_world
    eye_xyz_world = -np.einsum("tba,tb->ta", T[:, :3, :3], T[:, :3, 3])
    left = quat_rotate(motion.quat_wxyz[:, 0], np.array([1.0, 0.0, 0.0]))
    return bool(np.median(((eye_xyz_world - motion.root_xyz_world) * left)[:, :2].sum(1)) >= 0)


def _rows(result: Result) -> list[tuple[str, str]]:
    options, seen, motion = result.options, result.seen, result.motion
    height = f"{motion.shape.withers_height_m:.2f} m"
    said = options.withers_height_m is not None
    kind = f"a {options.breed}" if options.breed else "a horse of common build"
    rows = [
        ("image", f"{seen.width} × {seen.height} pixels"),
        ("withers height", f"{height}, {'as was said' if said else 'taken for granted'}, of {kind}. {_SCALE}"),
    ]
    if len(seen) > 1:
        way_m = float(np.linalg.norm(np.diff(result.fitted.motion.root_xyz_world[:, :2], axis=0), axis=1).sum())
        seconds = result.fitted.motion.duration_s
        rows[0] = ("film", f"{rows[0][1]}, {len(seen)} frames, {seen.fps:g} frames/s")
        rows += _gait_rows(result)
        rows.append(("way", f"{way_m:.1f} m over the ground in {seconds:.1f} s, at that withers height"))
        scale = options.time_scale
        time = "as filmed" if scale == 1 else f"the film plays {scale:g} times slower than life, as was said"
        rows.append(("time", f"{time}. {_TIME}"))
    if options.edits.any:
        rows.append(("edited", _edited(result)))
    return rows


def _gait_rows(result: Result) -> list[tuple[str, str]]:
    reading, judgement = result.gait, result.judgement
    if reading is None:
        rate = judgement.stride_rate_hz
        return [] if rate is None else [("stride", f"{rate:.2f} strides/s")]
    rows = [("gait", reading.line)]
    for gait in reading.summaries:
        figures = [f"{gait.stride_rate_hz:.2f} strides/s, {gait.length_m:.2f} m long, {gait.speed_mps:.2f} m/s"]
        duty = zip(skeleton.LIMBS, gait.duty, strict=True)
        stands = ", ".join(f"{limb} {100 * share:.0f} %" for limb, share in duty if math.isfinite(share))
        if stands:
            figures.append(f"hooves on the ground {stands} of the stride")
        rows.append((f"stride, {WORDS[gait.gait]}", "; ".join(figures)))
    return rows


_SCALE = "One camera cannot see size: every length and speed grows with the height that is given (--withers-height)."
_TIME = "One camera cannot see slow motion either: --time-scale says it."


def _edited(result: Result) -> str:
    edits = result.options.edits
    said = [
        *([f"smoothed by {edits.smooth:g}"] if edits.smooth is not None else []),
        *(["looped"] if edits.loop is not None else []),
        *([f"at {edits.fps:g} frames/s"] if edits.fps is not None else []),
        *(["in place"] if edits.in_place else []),
        *(["the rest pose first"] if edits.rest_first else []),
    ]
    return ", ".join(said) + ": the horse here is the one in the files, not quite the one in the film"
