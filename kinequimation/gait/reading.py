"""Read the gait of a motion: hooves, strides, gaits, time, symmetry; and write it down as ``gait.json``."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.gait.bouts import Bout, bouts_of, decide, gait_at
from kinequimation.gait.classifier import GaitClassifier, shipped_classifier
from kinequimation.gait.clock import stride_clocks
from kinequimation.gait.events import Stance, read_stances
from kinequimation.gait.names import STRIDING, WORDS
from kinequimation.gait.period import stride_periods
from kinequimation.gait.rules import RuleReading, gait_by_rules, jumps, stands
from kinequimation.gait.sequence import filled_period, sequence, stride_time
from kinequimation.gait.signals import Signals, read_signals
from kinequimation.gait.strides import Stride, circular_mean, read_strides
from kinequimation.gait.symmetry import SCREENING, Symmetry, read_symmetry
from kinequimation.gait.time_scale import TimeReading, read_time
from kinequimation.io.atomic import replacing
from kinequimation.text import counted

if TYPE_CHECKING:
    from kinequimation.gait.names import GaitName
    from kinequimation.motion import Motion

FORMAT = "kinequimation-gait/1"
_OUT_OF_TIME = (0.6, 1.6)
"""Strides between two landings of a hoof at which legs must have been mistaken: half a stride where they were taken for
one another, two where one was missed (judgement; in films whose legs were told apart 0.7 to 1.2 was seen)."""


@dataclass(frozen=True)
class GaitSummary:
    """A gait over all strides of it in a clip. Hooves in the order LF, RF, LH, RH; shares are of the stride.

    Attributes:
        gait: which.
        n_strides: how many were measured.
        stride_rate_hz, stride_s: strides a second, and how long one lasts: the mean of those near the median.
        length_m, speed_mps: of a stride, and over the ground: medians; from the withers height that was taken for true.
        on_phase: circular means of when hooves land, 0 when the left hind does; NaN where too few were seen.
        duty: medians of how long hooves stand.
        suspension: mean share without a hoof on the ground.
        hooves_down: mean shares with 0, 1, 2, 3, 4 hooves on the ground.
        withers_range_m: median of how far the withers move up and down.
    """

    gait: GaitName
    n_strides: int
    stride_rate_hz: float
    stride_s: float
    length_m: float
    speed_mps: float
    on_phase: tuple[float, ...]
    duty: tuple[float, ...]
    suspension: float
    hooves_down: tuple[float, ...]
    withers_range_m: float


@dataclass(frozen=True)
class GaitReading:
    """What was read of a clip's gait. Times are the motion's own, seconds.

    Attributes:
        name: of the motion.
        duration_s: of the clip.
        withers_height_m: taken for true; lengths and speeds go with it.
        time_scale: how much slower than life the film was taken to be when the motion was made.
        main: what the horse does for the longest time, strides before all else.
        bouts: which gait when.
        strides: every whole stride.
        stride_gait: the gait of each stride.
        rules: what the rules alone say of each stride.
        stances: every stance of every hoof.
        summaries: each gait that has whole strides, the longest first.
        time: whether the clip plays slower or faster than life; None where nothing tells.
        symmetry: at trot; None elsewhere.
        signals: what all was read from.
    """

    name: str
    duration_s: float
    withers_height_m: float
    time_scale: float
    main: GaitName
    bouts: tuple[Bout, ...]
    strides: tuple[Stride, ...]
    stride_gait: tuple[GaitName, ...]
    rules: tuple[RuleReading, ...]
    stances: tuple[Stance, ...]
    summaries: tuple[GaitSummary, ...]
    time: TimeReading | None
    symmetry: Symmetry | None
    signals: Signals

    @property
    def stride_rate_hz(self) -> float | None:
        """Strides a second at the main gait; None where it has none."""
        return next((s.stride_rate_hz for s in self.summaries if s.gait == self.main), None)

    def strides_of(self, gait: GaitName) -> list[Stride]:
        """Return the strides of one gait."""
        return [s for s, g in zip(self.strides, self.stride_gait, strict=True) if g == gait]

    @property
    def doubt(self) -> str:
        """What cannot be right, about the time or the footfalls; empty where nothing is odd."""
        return "; ".join(part for part in (self._time_doubt, self._footfall_doubt) if part)

    @property
    def _footfall_doubt(self) -> str:
        """Say when hooves land far too soon or too late after they landed before, which no horse does in one gait."""
        odd_s: list[tuple[float, float]] = []
        stride_s = {summary.gait: summary.stride_s for summary in self.summaries}
        for bout in self.bouts:
            if bout.gait not in stride_s:
                continue
            for limb in skeleton.LIMBS:
                on_s = [s.on_s for s in self.stances if s.limb == limb and bout.start_s <= s.on_s <= bout.stop_s]
                for before, after in pairwise(sorted(on_s)):
                    strides = (after - before) / stride_s[bout.gait]
                    if not _OUT_OF_TIME[0] < strides < _OUT_OF_TIME[1]:
                        odd_s.append((before, after))
        if len(odd_s) < 2:
            return ""
        start_s, stop_s = min(start for start, _ in odd_s), max(stop for _, stop in odd_s)
        return (
            f"hooves land out of time between {start_s:.1f} and {stop_s:.1f} s:"
            " legs hidden or taken for one another; look at the overlay"
        )

    @property
    def _time_doubt(self) -> str:
        if self.time is None or not self.time.too:
            return ""
        word = WORDS[self.main].split(" on ")[0]
        if self.time.too == "fast":
            return f"no {word} has so many strides a second: is the time scale too large, or the video sped up?"
        scale = f"{self.time.time_scale * self.time_scale:.1f}".removesuffix(".0")
        beyond = "" if self.time_scale == 1 else f" beyond the {self.time_scale:g}fold that was said"
        return f"no {word} has so few strides a second: likely slow motion{beyond}, about --time-scale {scale}"

    @property
    def line(self) -> str:
        """The reading in a few words: the gaits in order, strides and their rate."""
        order: list[str] = []
        for bout in self.bouts:
            if not order or order[-1] != WORDS[bout.gait]:
                order.append(WORDS[bout.gait])
        shown = order if len(order) <= 4 else [*order[:3], "..."]
        parts = [", then ".join(shown)]
        if self.stride_rate_hz is not None:
            own = next(s for s in self.summaries if s.gait == self.main)
            parts.append(f"{counted(own.n_strides, 'stride')} at {own.stride_rate_hz:.2f} a second")
        doubts = [other for bout in self.bouts if bout.gait == self.main for other in others(bout)]
        return ", ".join(parts) + (f" ({doubts[0]})" if doubts else "")


def others(bout: Bout) -> list[str]:
    """Return what the rules or the classifier alone would have said of a stretch, where it is something else."""
    found = []
    if bout.rules is not None and bout.rules != bout.gait:
        found.append(f"by the rules alone: {WORDS[bout.rules]}")
    if bout.classifier != bout.gait:
        found.append(f"by the classifier alone: {WORDS[bout.classifier]}")
    return found


def read_gait(motion: Motion, classifier: GaitClassifier | None = None, time_scale: float = 1.0) -> GaitReading:
    """Read the gait of a motion.

    Args:
        motion: a horse; its times are taken for true.
        classifier: tells gaits apart; the one that ships with the package if None.
        time_scale: how much slower than life its film was taken to be: named with what is still odd.

    Raises:
        InputError: the shipped classifier is missing, or the times of the motion leap too far.
    """
    classifier = classifier or shipped_classifier()
    signals = read_signals(motion)
    period = stride_periods(signals)
    stances = read_stances(signals, period)
    strides = read_strides(signals, stances, stride_clocks(signals, period, stances))
    rules = [gait_by_rules(stride, signals.withers_height_m) for stride in strides]

    tempo = math.sqrt(signals.withers_height_m / 1.60)
    done = stride_time(filled_period(period, signals.step_s, tempo), signals.t_s)
    channels, u = sequence(signals.rows(), signals.seen.astype(float), done)
    t_s = np.interp(u, done, signals.t_s)
    probability = classifier.classify(channels)
    still = np.interp(t_s, signals.t_s, stands(signals, period).astype(float)) > 0.5
    path = decide(probability, t_s, strides, rules, tempo, jumps(signals), still)
    bouts = bouts_of(path, probability, t_s, strides, rules)

    stride_gait: list[GaitName] = [gait_at(bouts, 0.5 * (s.start_s + s.stop_s)) for s in strides]
    kept = [i for i, gait in enumerate(stride_gait) if gait in STRIDING]
    strides = [strides[i] for i in kept]
    stride_gait = [stride_gait[i] for i in kept]
    names: dict[GaitName, None] = dict.fromkeys(stride_gait)
    summaries = [_summary(g, [s for s, own in zip(strides, stride_gait, strict=True) if own == g]) for g in names]
    summaries.sort(key=lambda s: -s.n_strides * s.stride_s)
    main = summaries[0].gait if summaries else _longest(bouts)
    own = [s for s, gait in zip(strides, stride_gait, strict=True) if gait == main]
    trot = [s for s, gait in zip(strides, stride_gait, strict=True) if gait == "trot"]
    return GaitReading(
        name=motion.name,
        duration_s=motion.duration_s,
        withers_height_m=signals.withers_height_m,
        time_scale=time_scale,
        main=main,
        bouts=bouts,
        strides=tuple(strides),
        stride_gait=tuple(stride_gait),
        rules=tuple(rules[i] for i in kept),
        stances=stances,
        summaries=tuple(summaries),
        time=read_time(signals, own, main),
        symmetry=read_symmetry(signals, trot),
        signals=signals,
    )


def _longest(bouts: tuple[Bout, ...]) -> GaitName:
    total: dict[GaitName, float] = {}
    for bout in bouts:
        total[bout.gait] = total.get(bout.gait, 0.0) + bout.stop_s - bout.start_s
    return max(total, key=lambda gait: total[gait])


def _summary(gait: GaitName, strides: list[Stride]) -> GaitSummary:
    def median(values: list[float]) -> float:
        known = [v for v in values if math.isfinite(v)]
        return float(np.median(known)) if known else math.nan

    on = np.array([s.on_phase for s in strides])
    durations = np.array([s.duration_s for s in strides])
    usual = durations[np.abs(np.log(durations / np.median(durations))) < 0.25]
    duration = float(usual.mean())  # finer than a median where strides last few frames
    return GaitSummary(
        gait=gait,
        n_strides=len(strides),
        stride_rate_hz=1.0 / duration,
        stride_s=duration,
        length_m=median([s.length_m for s in strides]),
        speed_mps=median([s.speed_mps for s in strides]),
        on_phase=tuple(circular_mean(column)[0] for column in on.T),
        duty=tuple(median([s.duty[i] for s in strides]) for i in range(4)),
        suspension=float(np.mean([s.suspension for s in strides])),
        hooves_down=tuple(np.mean([s.hooves_down for s in strides], axis=0).tolist()),
        withers_range_m=median([s.withers_range_m for s in strides]),
    )


def gait_record(reading: GaitReading) -> dict[str, Any]:
    """Return a reading as it is written down; numbers that are not known are None."""
    limbs = skeleton.LIMBS

    def by_limb(values: tuple[float, ...]) -> dict[str, float]:
        return dict(zip(limbs, values, strict=True))

    def plain(item: Any) -> dict[str, Any]:
        record = dataclasses.asdict(item)
        for name in ("on_phase", "duty", "swing_phase", "swing_size"):
            if name in record:
                record[name] = by_limb(record[name])
        return record

    strides = [
        plain(stride)
        | {"gait": gait, "rules": rule.gait, "duration_s": stride.duration_s, "speed_mps": stride.speed_mps}
        for stride, gait, rule in zip(reading.strides, reading.stride_gait, reading.rules, strict=True)
    ]
    symmetry = None
    if reading.symmetry is not None:
        symmetry = {"note": SCREENING, "beyond_noise": list(reading.symmetry.beyond_noise)} | plain(reading.symmetry)
    return _without_nan(
        {
            "format": FORMAT,
            "name": reading.name,
            "duration_s": reading.duration_s,
            "withers_height_m": reading.withers_height_m,
            "gait": reading.main,
            "line": reading.line,
            "doubt": reading.doubt,
            "time_scale": reading.time_scale,
            "time": None if reading.time is None else plain(reading.time),
            "bouts": [plain(bout) | {"disagree": bout.disagree} for bout in reading.bouts],
            "gaits": [plain(summary) for summary in reading.summaries],
            "symmetry": symmetry,
            "strides": strides,
            "stances": [plain(stance) for stance in reading.stances],
        }
    )


def write_gait_json(path: Path, reading: GaitReading) -> None:
    """Write ``gait.json``: lengths and speeds go with the withers height in it, times are the motion's.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as partial:
        partial.write_text(json.dumps(gait_record(reading), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
