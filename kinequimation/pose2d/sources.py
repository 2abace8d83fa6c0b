"""What a training run learns from: the rendered stream, sets of labelled frames, or a mixture of them.

Everything here is a ``SampleFunction``: sample ``index`` of stream ``seed`` is the same in every process, so that a run
can stop anywhere, go on, and be shared among processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from kinequimation.errors import InputError
from kinequimation.pose2d.frame_sets import FrameSet, Photos, augmented, open_frames
from kinequimation.pose2d.stream import Arrays, RenderedSample, SampleFunction

STREAM = "stream"
"""The word for the rendered stream among the names of sets."""
HELD_SHARE = 10
"""One in so many frames of a set only validates: the last ones, as neighbours in a video are alike."""
MOST_HELD = 200
PERIOD = 64
"""Samples after which a mixture's parts stand exactly in their shares."""
MOST_WEIGHT = 1e6


class Source(Protocol):
    """A sample function that knows which samples are kept from training."""

    @property
    def held(self) -> SampleFunction:
        """Samples that training never sees."""
        ...

    def __call__(self, seed: int, index: int, size: int) -> Arrays: ...


@dataclass(frozen=True)
class StreamSource:
    """The rendered stream: another seed is another stream, so nothing needs to be kept.

    Attributes:
        sample: the stream.
    """

    sample: SampleFunction

    @property
    def held(self) -> SampleFunction:
        """The stream itself: validation asks for another seed."""
        return self.sample

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        """Return the sample's arrays."""
        return self.sample(seed, index, size)


@lru_cache(maxsize=8)
def _shuffled(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)


class SetSource:
    """Augmented crops of a set's frames: every frame once before any a second time, in a new order each time.

    Args:
        frames: the set.
        is_held: the frames that are kept from training, instead of the others.
    """

    def __init__(self, frames: FrameSet, is_held: bool = False) -> None:
        n_held = min(len(frames) // HELD_SHARE, MOST_HELD)
        self.frames, self.n_held = frames, n_held
        self._first, self._n = (len(frames) - n_held, n_held) if is_held else (0, len(frames) - n_held)

    @property
    def held(self) -> SetSource:
        """The frames that are kept from training; of a set of fewer than ten, those it trains on."""
        return SetSource(self.frames, is_held=self.n_held > 0)

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        """Return the sample's arrays."""
        epoch, i = divmod(index, self._n)
        place = self._first + int(_shuffled(seed, epoch, self._n)[i])
        rng = np.random.default_rng([seed, index, len(self.frames)])
        return augmented(rng, self.frames.frame(place, rng, size), size)


class MixedSource:
    """Several sources in fixed shares, in a random order.

    Each source gives its own samples 0, 1, 2, ... one after the other, whatever the shares are. A sample says which
    source it came from, as ``source``.

    Args:
        sources: the sources.
        weights: of each, > 0; the shares are rounded to 64ths, and no source gets less than one.

    Raises:
        InputError: there are none, or too many.
    """

    def __init__(self, sources: Sequence[Source], weights: Sequence[float]) -> None:
        self.sources, self.weights = tuple(sources), tuple(weights)
        if not 0 < len(sources) <= PERIOD:
            raise InputError(f"--data: expected 1 to {PERIOD} sets, got {len(sources)}")
        wanted = np.asarray(weights, float) / np.sum(weights) * PERIOD
        counts = np.maximum(np.floor(wanted).astype(int), 1)
        while (missing := PERIOD - int(counts.sum())) != 0:
            counts[np.argmax(wanted - counts if missing > 0 else counts)] += np.sign(missing)
        self.counts: tuple[int, ...] = tuple(int(c) for c in counts)
        self._slots = np.repeat(np.arange(len(counts)), counts)

    @property
    def held(self) -> SampleFunction:
        """The same mixture of what the sources keep from training."""
        return _Mixed(tuple(s.held for s in self.sources), self.counts, self._slots)

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        """Return the sample's arrays."""
        return _Mixed(self.sources, self.counts, self._slots)(seed, index, size)


@dataclass(frozen=True, eq=False)
class _Mixed:
    samples: Sequence[SampleFunction]
    counts: tuple[int, ...]
    slots: np.ndarray

    def __call__(self, seed: int, index: int, size: int) -> Arrays:
        block, slot = divmod(index, PERIOD)
        order = np.random.default_rng([seed, block]).permutation(self.slots)
        chosen = int(order[slot])
        own_index = block * self.counts[chosen] + int((order[:slot] == chosen).sum())
        return {**self.samples[chosen](seed, own_index, size), "source": np.array(chosen)}


@dataclass(frozen=True)
class Opened:
    """What a run learns from.

    Attributes:
        source: the samples.
        names: of the parts of the mixture, in the order of a sample's ``source``; one for a single source.
        shares: of each part.
        notes: what a user should know of it, a line each.
    """

    source: Source
    names: tuple[str, ...]
    shares: tuple[float, ...]
    notes: tuple[str, ...] = ()


def parse_data(text: str) -> tuple[str, float | None]:
    """Split ``PATH`` or ``PATH=WEIGHT``.

    Raises:
        InputError: the weight is not from 0 to a million.
    """
    name, equals, number = text.rpartition("=")
    if not equals:
        return text, None
    try:
        weight = float(number)
    except ValueError:
        return text, None  # a path with an = in it
    if not 0 <= weight <= MOST_WEIGHT:
        raise InputError(f"--data {text}: expected a weight from 0 to {MOST_WEIGHT:.0f}, got {number}")
    return name, weight


def open_sources(data: Sequence[str], backgrounds: Path | None = None, images: Path | None = None) -> Opened:
    """Open what a run shall learn from.

    Sets weigh as much as each other unless they say otherwise. Photos have labels for few points, and a network that
    saw nothing else would forget the others: where no shards are named beside them, the rendered stream joins with as
    much weight as all of them together. ``stream=0`` keeps it out.

    Args:
        data: each ``PATH``, ``PATH=WEIGHT`` or ``stream=WEIGHT``; nothing for the stream alone.
        backgrounds: photographs to draw horses before.
        images: the folder in which images of COCO files are looked for.

    Raises:
        InputError: a set is not as it should be, or nothing is left to learn from.
    """
    weights: dict[str, float | None] = {}
    for name, weight in map(parse_data, data):
        if name in weights:
            raise InputError(f"--data {name}: expected each set once, got it twice")
        weights[name] = weight
    sets = {n: open_frames(Path(n), backgrounds, images) for n, w in weights.items() if n != STREAM and w != 0}
    total = sum(1.0 if (w := weights[n]) is None else w for n in sets)
    needs_stream = all(isinstance(s, Photos) for s in sets.values())
    stream_weight = weights.get(STREAM, (total or 1.0) if needs_stream else 0.0)
    stream_weight = (total or 1.0) if stream_weight is None else stream_weight
    parts: dict[str, tuple[Source, float]] = {}
    if stream_weight > 0:
        parts[STREAM] = StreamSource(RenderedSample(backgrounds)), stream_weight
    for name, frames in sets.items():
        weight = weights[name]
        parts[name] = SetSource(frames), 1.0 if weight is None else weight
    if not parts:
        raise InputError("--data: expected something to learn from, got weights of 0 only")
    notes = []
    for name, frames in sets.items():
        n_held = SetSource(frames).n_held
        kept = f"the last {n_held} only validate" if n_held else "all are trained on, and so say little as validation"
        notes.append(f"{name}: {len(frames)} labelled horses, {kept}")
    sources = [source for source, _ in parts.values()]
    if len(parts) == 1:
        return Opened(sources[0], tuple(parts), (1.0,), tuple(notes))
    mixed = MixedSource(sources, [weight for _, weight in parts.values()])
    return Opened(mixed, tuple(parts), tuple(c / PERIOD for c in mixed.counts), tuple(notes))
