"""What must hold among the frames of a rendered dataset: one horse a clip, no gaps, nothing twice.

Keeps some hundred bytes for each frame, never its images or labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.dataset.check_frame import Fault, FrameFindings
from kinequimation.dataset.frame_label import FramePlace

if TYPE_CHECKING:
    from jaxtyping import Float

_LENGTH_TOLERANCE = 5e-3
"""Of the mean bone: a millimetre of a horse. Labels keep a ten-thousandth of that."""
_ROLL_TOLERANCE_RAD = 1e-3
_LEAST_CONTRAST = 0.2
"""Of the median of the same clip, camera and variant ``flat``. A guess, wide enough for a horse that comes nearer."""
_MAX_KINDS = 32
"""How many different horses in one clip are told apart."""
_MAX_GAPS = 20
"""How many missing frames of one clip are named one by one."""
_MAX_LEFT_OUT = 100_000
"""Frames between which more numbers than this were left out are not those of one run: they are named, not counted."""


@dataclass
class _Kind:
    """Frames of a clip that show the same horse in the same format."""

    fixed: str
    names: tuple[str, ...]
    lengths: Float[np.ndarray, " n"]
    roll: Float[np.ndarray, " n"]
    frames: list[int] = field(default_factory=list)

    def difference(self, other: FrameFindings) -> str | None:
        """Return how a frame differs from these in what no frame of a clip may change."""
        if other.fixed != self.fixed:
            return f"is not like the clip's other frames: {other.fixed}; there {self.fixed}"
        off = np.abs(other.lengths - self.lengths)
        if off.max() > _LENGTH_TOLERANCE * self.lengths.mean():
            worst = int(off.argmax())
            a, b = other.lengths[worst], self.lengths[worst]
            return (
                "bone lengths are not those of the clip's other frames:"
                f" {self.names[worst]} is {a:.4g} long, there {b:.4g}"
            )
        turned = np.abs((other.roll - self.roll + np.pi) % (2 * np.pi) - np.pi)
        if turned.max() > _ROLL_TOLERANCE_RAD:
            return f"roll is not that of the clip's other frames: {self.names[int(turned.argmax())]}"
        return None


@dataclass
class _Clip:
    kinds: list[_Kind] = field(default_factory=list)
    frames: dict[int, list[int]] = field(default_factory=dict)  # of each camera
    contrast: dict[int, list[tuple[int, float]]] = field(default_factory=dict)


class ClipChecker:
    """Takes the findings of one frame after the other, and then says what is wrong among them.

    Args:
        places: all frames of the dataset; ``add`` is called once for each, in this order.
        base: the folder that files are named from.
    """

    def __init__(self, places: list[FramePlace], base: Path) -> None:
        self._places = places
        self._base = base
        self._clips: dict[tuple[Path, str, str], _Clip] = {}
        self._pictures: dict[bytes, tuple[int, str, float]] = {}
        self._moments: dict[bytes, int] = {}
        self._is_repeat: set[int] = set()
        self._clip_of_frame: dict[tuple[Path, str, int], tuple[str, int]] = {}
        self._torn: list[tuple[tuple[str, int], tuple[str, int]]] = []
        self._done = 0

    @property
    def n_clips(self) -> int:
        """How many clips there are so far."""
        return len(self._clips)

    def add(self, found: FrameFindings) -> list[Fault]:
        """Take a frame; return what it repeats of earlier ones."""
        i = self._done
        self._done += 1
        faults = []
        if found.moment:
            first = self._moments.setdefault(found.moment, i)
            if first != i:
                self._is_repeat.add(i)
                other = self._places[first]
                faults.append(
                    Fault(self._label(found.place), f"bones and camera are those of {self._label(other)}: it is twice")
                )
        faults += self._repeated_pictures(found, i)
        if found.clip:
            self._add_to_clip(found, i)
        return faults

    def _repeated_pictures(self, found: FrameFindings, i: int) -> list[Fault]:
        faults = []
        for variant, digest in found.pictures.items():
            contrast = found.contrast.get(variant, 0.0)
            j, other_variant, other_contrast = self._pictures.setdefault(digest, (i, variant, contrast))
            if (j, other_variant) == (i, variant) or (j != i and i in self._is_repeat):
                continue  # a frame that is there twice has been named
            mine, other = self._image(found.place, variant), self._image(self._places[j], other_variant)
            # the picture belongs to the mask whose outline it shows
            if j != i and other_contrast < 0.7 * contrast:
                mine, other = other, mine
                self._pictures[digest] = (i, variant, contrast)
            faults.append(Fault(mine, f"is the same picture as {other}"))
        return faults

    def _add_to_clip(self, found: FrameFindings, i: int) -> None:
        frame = (found.place.root, found.place.action, found.place.frame)
        first = self._clip_of_frame.setdefault(frame, (found.clip, i))
        if first[0] != found.clip:
            self._torn.append((first, (found.clip, i)))
        clip = self._clips.setdefault((found.place.root, found.place.action, found.clip), _Clip())
        clip.frames.setdefault(found.place.camera, []).append(found.place.frame)
        if "flat" in found.contrast:
            clip.contrast.setdefault(found.place.camera, []).append((i, found.contrast["flat"]))
        for kind in clip.kinds:
            if kind.difference(found) is None or len(clip.kinds) >= _MAX_KINDS:
                kind.frames.append(i)
                return
        clip.kinds.append(_Kind(found.fixed, found.names, found.lengths, found.roll, [i]))

    def finish(self, planned: Set[Path] = frozenset()) -> Iterator[Fault]:
        """Yield what is wrong with whole clips.

        Args:
            planned: folders that say themselves which frames they should have; in others, gaps are what is missing.
        """
        present = {(p.root, p.action, p.frame, p.camera) for p in self._places}
        for (root, action, _), clip in self._clips.items():
            usual = max(clip.kinds, key=lambda k: len(k.frames))
            for kind in clip.kinds:
                if kind is not usual:
                    as_found = FrameFindings(
                        self._places[kind.frames[0]], (), fixed=kind.fixed, lengths=kind.lengths, roll=kind.roll
                    )
                    what = usual.difference(as_found) or "is not like the clip's other frames"
                    yield from (Fault(self._label(self._places[i]), what) for i in kind.frames)
            for rows in clip.contrast.values():
                median = float(np.median([c for _, c in rows]))
                for i, contrast in rows if len(rows) >= 3 else ():
                    if contrast < _LEAST_CONTRAST * median:
                        what = "does not show the horse's outline where the mask has it: a picture of another frame?"
                        yield Fault(self._image(self._places[i], "flat"), what)
            if root not in planned:
                yield from self._gaps(root, action, clip, present)
        for first, second in self._torn:
            # the clip of fewer frames is the one that is wrong
            wrong, right = sorted((first, second), key=lambda c: self._n_frames(*c))
            what = f"clip is {wrong[0][:80]!r}, but {right[0][:80]!r} where another camera sees the same frame"
            yield Fault(self._label(self._places[wrong[1]]), what)

    def _n_frames(self, clip: str, i: int) -> int:
        place = self._places[i]
        return sum(map(len, self._clips[place.root, place.action, clip].frames.values()))

    def _gaps(self, root: Path, action: str, clip: _Clip, present: set[tuple[Path, str, int, int]]) -> Iterator[Fault]:
        frames = sorted({f for of_camera in clip.frames.values() for f in of_camera})
        gaps = _missing(frames)
        if sum(map(len, gaps)) > _MAX_LEFT_OUT:
            widest = max(gaps, key=len)
            what = f"the clip has no frame between {widest[0] - 1} and {widest[-1] + 1}: is one of them misnamed?"
            yield Fault(self._named(root / action / "labels"), what)
            gaps = []
        skipped = {frame for gap in gaps for frame in gap}
        missing = [
            (frame, camera, frame in skipped)
            for frame in sorted({*frames, *skipped})
            for camera in sorted(clip.frames)
            if (root, action, frame, camera) not in present
        ]
        for frame, camera, is_gap in missing[:_MAX_GAPS]:
            why = "the clip has frames before and after it" if is_gap else "other cameras saw this frame"
            yield Fault(self._label(FramePlace(root, action, frame, camera)), f"the frame is missing; {why}")
        if len(missing) > _MAX_GAPS:
            yield Fault(
                self._named(root / action / "labels"),
                f"{len(missing) - _MAX_GAPS} more frames of this clip are missing",
            )

    def _label(self, place: FramePlace) -> str:
        return self._named(place.label)

    def _image(self, place: FramePlace, variant: str) -> str:
        return self._named(place.image(variant))

    def _named(self, path: Path) -> str:
        return path.relative_to(self._base).as_posix()


def _missing(frames: list[int]) -> list[range]:
    """Return the frames left out of a regular sequence, gap by gap; none where it follows no one step."""
    steps = np.diff(frames)
    if len(steps) < 2:
        return []
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[counts.argmax()])
    if (steps % step).any():
        return []
    return [range(a + step, b, step) for a, b in pairwise(frames) if b > a + step]
