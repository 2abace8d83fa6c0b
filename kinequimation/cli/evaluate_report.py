"""The tables that ``kinequimation evaluate`` prints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinequimation import metrics
from kinequimation.dataset.score import Score
from kinequimation.dataset.score_rows import THRESHOLDS, Row

_NAME_WIDTH, _CELL_WIDTH = 28, 30


def report(scores: Mapping[str, Score], per_keypoint: bool = False) -> str:
    """Return the tables of scores, by the name of each.

    Args:
        scores: in the order in which they are printed.
        per_keypoint: also a row for each keypoint and each left/right pair.
    """
    head = "  ".join(f"{f'PCK@{t}':<{_CELL_WIDTH}}" for t in THRESHOLDS)
    lines = [f"{'':<{_NAME_WIDTH + 2}}{head}  (95 % interval over images)"]
    for name, s in scores.items():
        lines += ["", name, *(_row(row) for row in (s.seen, s.hidden))]
        lines += [_row(row) for row in (*s.groups, *s.kinds) if row.count]
        if per_keypoint:
            lines += ["  by keypoint, seen", *(_row(row) for row in s.keypoints)]
        lines += [*_pairs(s, per_keypoint), _oks(s.oks), *_confidence(s)]
    return "\n".join(lines)


def _row(row: Row) -> str:
    cells = [
        f"{f'{row.hits[i]:>4}/{row.count}':<9} {row.share(i):6.1%} {_interval(*ends)}" if row.count else "-"
        for i, ends in enumerate(row.intervals)
    ]
    return f"  {row.name:<{_NAME_WIDTH}}" + "  ".join(f"{cell:<{_CELL_WIDTH}}" for cell in cells).rstrip()


def _interval(low: float, high: float) -> str:
    return f"({low:.2f} to {high:.2f})"


def _pairs(s: Score, each: bool) -> list[str]:
    named = [("left/right pairs", s.pairs), ("  of the legs", s.leg_pairs)]
    named += [(f"  {row.name}", row) for row in s.pairs_of] if each else []
    lines = []
    for name, row in named:
        n = row.comparable
        if n:
            swapped = f"{row.swapped}/{n} ({row.swapped / n:.1%}) swapped {_interval(*row.interval)}"
            lines.append(f"  {name:<{_NAME_WIDTH}}{swapped}, {row.merged}/{n} ({row.merged / n:.1%}) both on one side")
    return lines


def _oks(oks: metrics.PrecisionRecall) -> str:
    names = (("AP", oks.ap), ("AP50", oks.ap50), ("AP75", oks.ap75), ("AR", oks.ar))
    cells = (f"{n} {v:.3f} {_interval(*ends)}" for (n, v), ends in zip(names, oks.intervals, strict=True))
    return f"  {'OKS, seen and hidden':<{_NAME_WIDTH}}" + "  ".join(cells)


def _confidence(s: Score) -> list[str]:
    lines = []
    for name, r in (("seen", s.reliability_seen), ("seen and hidden", s.reliability)):
        if r is None or np.isnan(r.ece):
            continue
        too = f"{abs(r.bias):.3f} too {'high' if r.bias > 0 else 'low'} in the mean"
        title = f"confidence, {name}"
        lines.append(f"  {title:<{_NAME_WIDTH}}expected calibration error {r.ece:.3f}, {too}")
    r = s.reliability
    if r is not None and lines:
        cells = (
            f"{c:.2f}: {share:.2f} of {n}" for n, c, share in zip(r.counts, r.confidence, r.right, strict=True) if n
        )
        lines.append(f"  {'  given: right':<{_NAME_WIDTH}}" + "   ".join(cells))
    return lines


def differences(scores: Mapping[str, Score], others: Mapping[str, Score]) -> dict[str, dict[str, metrics.Difference]]:
    """Return how much higher scores are than others of the same name, by name and figure."""
    found: dict[str, dict[str, metrics.Difference]] = {}
    for name in scores.keys() & others.keys():
        s, other = scores[name], others[name]
        rows = [(s.seen, other.seen), (s.hidden, other.hidden), *zip(s.groups, other.groups, strict=True)]
        columns = [
            (f"{a.name} PCK@{t}", a.image_hits[:, i], a.image_counts, b.image_hits[:, i], b.image_counts)
            for a, b in rows
            if a.count
            for i, t in enumerate(THRESHOLDS)
        ]
        pairs = (("left/right pairs", s.pairs, other.pairs), ("leg pairs", s.leg_pairs, other.leg_pairs))
        columns += [
            (f"swapped {kind}", a.image_swapped, a.image_comparable, b.image_swapped, b.image_comparable)
            for kind, a, b in pairs
            if a.comparable and b.comparable
        ]
        hits, counts, other_hits, other_counts = (np.stack([c[i] for c in columns], 1) for i in range(1, 5))
        of = metrics.paired_differences(hits, counts, other_hits, other_counts)
        found[name] = {c[0]: d for c, d in zip(columns, of, strict=True)}
        found[name]["OKS-AP"] = metrics.precision_difference(s.matches, other.matches)
    return {name: found[name] for name in scores if name in found}


def difference_report(found: Mapping[str, Mapping[str, metrics.Difference]], against: str) -> str:
    """Return the table of differences; a star marks those whose interval excludes 0."""
    lines = [f"less {against}, on the same images (paired bootstrap; * where the 95 % interval excludes 0)"]
    for name, of in found.items():
        rows: dict[str, list[str]] = {}
        for figure, d in of.items():
            kind, _, _ = figure.partition(" PCK@")
            cell = f"{d.value:+7.1%} ({d.low:+.3f} to {d.high:+.3f}){' *' if d.certain else ''}"
            rows.setdefault(kind, []).append(cell)
        head = "  ".join(f"{f'PCK@{t}':<{_CELL_WIDTH}}" for t in THRESHOLDS)
        lines += ["", f"{name:<{_NAME_WIDTH + 2}}{head.rstrip()}"]
        for kind, cells in rows.items():
            lines.append(f"  {kind:<{_NAME_WIDTH}}" + "  ".join(f"{c:<{_CELL_WIDTH}}" for c in cells).rstrip())
    return "\n".join(lines)
