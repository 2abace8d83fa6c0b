"""Which gait when: the classifier and the rules together, over time, so that one odd stride is no change of gait."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.gait.clock import PER_STRIDE
from kinequimation.gait.names import GAITS
from kinequimation.gait.rules import median_about, unevenness
from kinequimation.gait.time_scale import RATES_HZ

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.gait.names import GaitName
    from kinequimation.gait.rules import RuleReading
    from kinequimation.gait.strides import Stride

LOOKS_PER_STRIDE = 3.0
"""Rows of one stride are much alike: together they count as so many looks at it (judgement)."""
CHANGE_COST, JUMP_COST = 6.0, 3.0
"""Minus the logarithm of how likely a change of gait is at one row, in looks, and a jump's ends (judgement).
A stride all of another gait is not enough for two changes; a jump is over within a stride."""
FLOOR = 0.01
"""Probability under which no gait is held to be (judgement): the network is surer than it is right."""
RULE_WEIGHT = 10.0
"""What a certain rule adds a stride to the gait that it names; the classifier's surest difference is 14 (judgement)."""
FLIGHT_COST, FLIGHT = 8.0, (0.03, 0.06)
"""What a stride takes from gaits without a flight where no hoof stands for the second of these shares of it, nothing at
the first, in the median of the strides about it (judgement): in one a contact may be missed, in all of them hardly."""
RARE_COST = 1.5
"""What a stride takes from gaits that few horses are filmed in (judgement): they have to be seen more clearly."""
RARE = [GAITS.index(gait) for gait in ("passage", "piaffe", "pace", "tolt", "fox_trot")]
UNEVEN_COST, UNEVEN = 8.0, (0.07, 0.12)
"""What a stride takes from gaits whose sides go alike, where pairs are off half a stride by the second of these, from
none at the first (judgement; canter and gallop are off by 0.2 to 0.4)."""
ALIKE = [GAITS.index(gait) for gait in ("walk", "trot", "passage", "piaffe", "pace", "tolt", "fox_trot")]
GROUNDED = [GAITS.index(gait) for gait in ("walk", "tolt", "piaffe")]
"""Gaits in which a hoof is always on the ground (sources, E1)."""
JUMP_WEIGHT = 20.0
"""What a jump by the rules adds to the jump in all (judgement)."""
TOO_SLOW, TOO_FAST = 6.0, 20.0
"""What a stride rate beyond a gait's slowest or fastest takes from it a stride, for each e-fold (judgement): slow
motion is common, films that are sped up are not."""


@dataclass(frozen=True)
class Bout:
    """A stretch of one gait.

    Attributes:
        start_s, stop_s: when.
        gait: which.
        certainty: mean probability of it in the classifier's eyes.
        rules: what the rules say of most of its strides; None where they say nothing.
        classifier: what the classifier alone holds for likeliest.
        n_strides: whole strides in it.
    """

    start_s: float
    stop_s: float
    gait: GaitName
    certainty: float
    rules: GaitName | None
    classifier: GaitName
    n_strides: int

    @property
    def disagree(self) -> bool:
        """Whether the rules or the classifier alone name another gait than was decided on."""
        return self.classifier != self.gait or (self.rules is not None and self.rules != self.gait)


def decide(
    probability: Float[np.ndarray, "r g"],
    t_s: Float[np.ndarray, " r"],
    strides: list[Stride],
    rules: list[RuleReading],
    tempo: float,
    jumps: list[tuple[float, float]],
    still: Bool[np.ndarray, " r"] | None = None,
) -> Int[np.ndarray, " r"]:
    """Return the place in ``GAITS`` of what the horse does in each row.

    Args:
        probability: from the classifier.
        t_s: time of each row.
        strides: of the clip.
        rules: what the rules say of each stride.
        tempo: square root of the withers height over 1.60 m.
        jumps: first and last moments of jumps, by the rules.
        still: rows in which the horse stands, by the rules.
    """
    score = np.log(np.maximum(probability, FLOOR)) * (LOOKS_PER_STRIDE / PER_STRIDE)
    score[:, RARE] -= RARE_COST / PER_STRIDE
    in_stride = np.zeros(len(t_s), bool)
    for stride in strides:
        in_stride[slice(*np.searchsorted(t_s, [stride.start_s, stride.stop_s]))] = True
    flights = median_about(np.array([stride.suspension for stride in strides]))
    for stride, rule, uneven, suspension in zip(strides, rules, unevenness(strides), flights, strict=True):
        rows = np.arange(*np.searchsorted(t_s, [stride.start_s, stride.stop_s]))
        for gait, ends in RATES_HZ.items():
            score[rows, GAITS.index(gait)] -= _odd_rate(tempo / stride.duration_s, *ends) / PER_STRIDE
        flies = float(np.clip((suspension - FLIGHT[0]) / (FLIGHT[1] - FLIGHT[0]), 0.0, 1.0))
        score[rows[:, None], GROUNDED] -= FLIGHT_COST * flies / PER_STRIDE
        if np.isfinite(uneven):
            share = float(np.clip((uneven - UNEVEN[0]) / (UNEVEN[1] - UNEVEN[0]), 0.0, 1.0))
            about = slice(
                *np.searchsorted(t_s, [stride.start_s - stride.duration_s, stride.stop_s + stride.duration_s])
            )
            alone = np.union1d(rows, np.arange(about.start, about.stop)[~in_stride[about]])  # and what no stride holds
            score[alone[:, None], ALIKE] -= UNEVEN_COST * share / PER_STRIDE
        if rule.gait is not None:
            score[rows, GAITS.index(rule.gait)] += RULE_WEIGHT * rule.certainty / PER_STRIDE
    if still is not None:
        score[still, GAITS.index("idle")] += RULE_WEIGHT / PER_STRIDE
    for span in jumps:
        rows = slice(*np.searchsorted(t_s, span))
        score[rows, GAITS.index("jump")] += JUMP_WEIGHT / max(rows.stop - rows.start, 1)
    cost = np.full((len(GAITS), len(GAITS)), CHANGE_COST)
    jump = GAITS.index("jump")
    cost[jump, :] = cost[:, jump] = JUMP_COST
    np.fill_diagonal(cost, 0.0)
    return _best_path(score, cost)


def _odd_rate(rate_hz: float, slowest_hz: float, _: float, fastest_hz: float) -> float:
    """Return what it costs a gait, in looks, that it goes so fast or slowly: much, and little, as films play."""
    slow, fast = np.log(slowest_hz / rate_hz), np.log(rate_hz / fastest_hz)
    return float(np.clip(TOO_SLOW * slow, 0.0, 3.0) + np.clip(TOO_FAST * fast, 0.0, 10.0))


def _best_path(score: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the path of greatest score, less the cost [from, to] of each change (Viterbi)."""
    n = len(score)
    came_from = np.empty(score.shape, np.int16)
    total = score[0].copy()
    for t in range(1, n):
        ways = total[:, None] - cost
        came_from[t] = ways.argmax(0)
        total = ways.max(0) + score[t]
    path = np.empty(n, int)
    path[-1] = int(total.argmax())
    for t in range(n - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


def bouts_of(
    path: Int[np.ndarray, " r"],
    probability: Float[np.ndarray, "r g"],
    t_s: Float[np.ndarray, " r"],
    strides: list[Stride],
    rules: list[RuleReading],
) -> tuple[Bout, ...]:
    """Return the stretches of one gait each, in order; see ``decide``."""
    edges = [0, *(np.flatnonzero(path[1:] != path[:-1]) + 1).tolist(), len(path)]
    step = float(t_s[-1] - t_s[0]) / max(len(t_s) - 1, 1)
    middles = np.array([0.5 * (s.start_s + s.stop_s) for s in strides])
    bouts = []
    for a, b in pairwise(edges):
        start, stop = float(t_s[a]), float(t_s[b]) if b < len(t_s) else float(t_s[-1]) + step
        inside = np.flatnonzero((middles >= start) & (middles < stop))
        named: dict[GaitName, int] = {}
        for i in inside:
            if (rule := rules[i].gait) is not None:
                named[rule] = named.get(rule, 0) + 1
        most = max(named, key=lambda gait: named[gait]) if named else None
        sure = float(probability[a:b, path[a]].mean())
        likeliest = GAITS[int(probability[a:b].mean(0).argmax())]
        bouts.append(Bout(start, stop, GAITS[path[a]], sure, most, likeliest, len(inside)))
    return tuple(bouts)


def gait_at(bouts: tuple[Bout, ...], t_s: float) -> GaitName:
    """Return the gait at a time; that of the nearest stretch outside all."""
    for bout in bouts:
        if t_s < bout.stop_s:
            return bout.gait
    return bouts[-1].gait
