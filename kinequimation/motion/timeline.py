"""The timeline of a ride: at every moment the gaits' shares, the speed, the stride phase, and where hooves stand."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.animate import Course, Part, symmetric_toes
from kinequimation.motion.curves import wrapped
from kinequimation.motion.gait import mixed
from kinequimation.motion.lameness import Lameness, rough_lameness_of, spared_style
from kinequimation.motion.pace import frequency_hz, froude
from kinequimation.motion.steps import Hooves, Stances, ground_plan, moving_hooves, turned_left
from kinequimation.motion.strides import sink_m
from kinequimation.motion.table import GAITS, table_of
from kinequimation.motion.track import Track

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait
    from kinequimation.motion.ride import Segment
    from kinequimation.motion.style import Style

_HIP = skeleton.JOINT_INDEX["DEF-thigh.L"]
_STEP_S = 0.01
_MARGIN_STRIDES = 2.2
"""How much more than the ride is planned at both ends, so that every hoof has a place before and after."""
_MIXED_STRIDES, _LEAD_STRIDES = 1.5, 1.0
_LEAD_OFFSET = 0.14
"""Hind limbs change the lead earlier, fore limbs later than the middle of the change, strides (a guess)."""
_SUSPENSION = 0.94
"""Phase of the suspension of canter and gallop, the trailing hind landing at 0 (sources, E1)."""
_ACCELERATION_MPS2 = 2.5
"""A guess; racehorses leave the gate with more."""
_LEAST_SWING = 0.5
"""Least share of its usual swing that a hoof is given when the rhythm changes (a guess)."""
_LAST_STEP = 0.16
"""How far before the trunk's place a halting hoof lands at most, in withers heights (a guess)."""
_LONG_S = 1e6
_IDLE_HZ = 0.125


@dataclass(frozen=True)
class _Stretch:
    """A segment with its boundaries and its phases."""

    segment: Segment
    begin_s: float
    end_s: float
    speeds: tuple[float, float]
    delay: np.ndarray  # [4] whole strides, and the shift of all, added to the table's contact phases
    shift: float  # that shift alone

    @property
    def stands(self) -> bool:
        return self.segment.gait == "idle"


@dataclass(frozen=True)
class Timeline:
    """A planned ride, on a fine grid of times.

    Attributes:
        body: the horse.
        style: its way of going, lame limb included.
        grid_s: [N] times.
        phase: [N] strides since time 0.
        speed_mps: [N].
        turn_per_m: [N].
        frequency_hz: [N].
        shares: [S, N] of the segments.
        delays: [N, 4] of each limb's landings.
        track: the way.
        stances: of each limb.
    """

    body: Body
    style: Style
    stretches: tuple[_Stretch, ...]
    grid_s: Float[np.ndarray, " n"]
    phase: Float[np.ndarray, " n"]
    speed_mps: Float[np.ndarray, " n"]
    turn_per_m: Float[np.ndarray, " n"]
    frequency_hz: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, "segments n"]
    delays: Float[np.ndarray, "n 4"]
    track: Track
    stances: list[Stances] = field(repr=False)

    @classmethod
    def of(cls, plan: list[Segment], body: Body, style: Style) -> Timeline:
        """Plan a ride."""
        style = spared_style(style)
        stretches = _stretched(plan, body)
        moving = [_frequency(s, body) for s in stretches if not s.stands or len(stretches) == 1]
        margin = _MARGIN_STRIDES / min(moving, default=1.0)  # who stands and goes on standing has no stride
        grid = np.arange(-margin, stretches[-1].end_s + margin + _STEP_S, _STEP_S)
        stretches = _timed_lead_changes(stretches, body, style, grid)
        shares = _shares(stretches, body, grid, 0.0)
        speed, turn = _speed(stretches, body, grid), _turn(stretches, style, shares, grid)
        frequency = _mean_frequency(stretches, body, shares, speed)
        phase = _phase(stretches, body, shares, frequency, grid) + style.phase
        stretches = _aligned(stretches, body)
        track = Track.of(grid, speed, turn, style.heading_rad)
        delays = _delays(stretches, body, speed, grid) + style.limb_phase
        half = cls(body, style, tuple(stretches), grid, phase, speed, turn, frequency, shares, delays, track, [])
        half.stances.extend(_placed(half))
        return half

    def gaits(self, t_s: Float[np.ndarray, " frames"], moving_only: bool) -> list[tuple[int, np.ndarray, Gait]]:
        """Return the segments that have a share at some of the times, with their shares [T] and gaits."""
        speed = np.interp(t_s, self.grid_s, self.speed_mps) / froude(self.body)
        out = []
        for i, stretch in enumerate(self.stretches):
            share = np.interp(t_s, self.grid_s, self.shares[i])
            if (moving_only and stretch.stands) or not share.any():
                continue
            out.append((i, share, _gait_at(stretch.segment.gait, speed)))
        return out

    def _mean_gait(self, t_s: np.ndarray) -> Gait:
        """Return the mean of the gaits in which the horse moves; where it only stands, of those beside."""
        gaits = self.gaits(t_s, moving_only=True)
        if not gaits:
            beside = [s for s in self.stretches if not s.stands]
            return _gait_at(beside[0].segment.gait, 0.0) if beside else GAITS["walk"]
        total = np.sum([share for _, share, _ in gaits], axis=0)
        # a standing horse between two rides takes the first one's numbers: none of them shows
        return mixed([(share + (total < 1e-9) * (k == 0), gait) for k, (_, share, gait) in enumerate(gaits)])

    def hooves(self, t_s: Float[np.ndarray, " frames"]) -> Hooves:
        """Return what the hooves do."""
        return moving_hooves(
            self._mean_gait(t_s), self.style, self.stances, symmetric_toes(self.body), t_s,
            self.body.shape.withers_height_m,
        )  # fmt: skip

    def course(self, t_s: Float[np.ndarray, " frames"]) -> Course:
        """Return where the trunk goes."""
        xy, heading = self.track.at(self.track.distance(t_s))
        speed, turn = (np.interp(t_s, self.grid_s, v) for v in (self.speed_mps, self.turn_per_m))
        return Course(xy, heading, speed, turn)

    def parts(self, t_s: Float[np.ndarray, " frames"]) -> list[Part]:
        """Return the gaits with their shares and phases."""
        speed, phase = (np.interp(t_s, self.grid_s, v) for v in (self.speed_mps, self.phase))
        parts = []
        for i, share, gait in self.gaits(t_s, moving_only=False):
            stretch = self.stretches[i]
            if stretch.stands:
                parts.append(Part(gait, _IDLE_HZ * t_s + self.style.phase, share, np.zeros(len(t_s))))
            else:
                lived = speed[share > 0.0]
                apart = lived.max() > 1.03 * lived.min() + 0.01
                nodes = np.array([lived.min(), lived.max()]) if apart else lived.mean(keepdims=True)
                sink = _sink(stretch, self.body, self.style, speed, nodes)
                parts.append(Part(gait, phase - stretch.shift, share, sink))
        return parts

    def spare(
        self, t_s: Float[np.ndarray, " frames"], progress: Float[np.ndarray, "frames 4"]
    ) -> tuple[Float[np.ndarray, "frames 81 3"], Float[np.ndarray, " frames"]]:
        """Return what a lame horse adds to its joints and to its trunk's height."""
        extra, lift = np.zeros((len(t_s), skeleton.NUM_JOINTS, 3)), np.zeros(len(t_s))
        if not (self.style.lame_limb and self.style.lameness_mm):
            return extra, lift
        phase = np.interp(t_s, self.grid_s, self.phase)
        for i, share, _ in self.gaits(t_s, moving_only=True):
            lame = _lameness(self.stretches[i], self.body, self.style)
            if lame is not None:
                turns, up = lame.spare(self.body, phase - self.stretches[i].shift, progress)
                extra += share[:, None, None] * turns
                lift += share * up
        return extra, lift

    def gait_and_phase(self, t_s: Float[np.ndarray, " frames"]) -> tuple[np.ndarray, Float[np.ndarray, " frames"]]:
        """Return the name of the gait and the phase since the left hind landed, NaN where the horse stands."""
        ends = [s.end_s for s in self.stretches[:-1]]
        which = np.searchsorted(ends, t_s, side="right")
        gait = np.array([s.segment.gait for s in self.stretches])[which]
        cycle = np.interp(t_s, self.grid_s, self.phase - self.delays[:, 2])
        return gait, np.where(gait == "idle", np.nan, wrapped(cycle))


def _gait_at(name: str, speed_mps: Float[np.ndarray, " frames"] | float) -> Gait:
    table, mirrored = table_of(name)
    gait = table.at(speed_mps)
    return gait.mirrored() if mirrored else gait


def _stretched(plan: list[Segment], body: Body) -> list[_Stretch]:
    out, begin = [], 0.0
    for segment in plan:
        speed = segment.speed_mps
        if segment.gait == "idle":
            speed = 0.0
        elif speed is None:
            speed = table_of(segment.gait)[0].speeds_mps[1] * froude(body)
        first, last = speed if isinstance(speed, tuple) else (speed, speed)
        out.append(_Stretch(segment, begin, begin + segment.seconds, (first, last), np.zeros(4), 0.0))
        begin += segment.seconds
    return out


def _frequency(stretch: _Stretch, body: Body) -> float:
    """Return the stride frequency in the middle of a segment."""
    table, _ = table_of(stretch.segment.gait)
    speed = 0.5 * sum(stretch.speeds)
    return float(frequency_hz(table, table.at(speed / froude(body)), body, speed))


def _changes_lead(a: _Stretch, b: _Stretch) -> bool:
    x, y = a.segment.gait, b.segment.gait
    return (
        x != y
        and x.split("_")[0] in ("canter", "gallop")
        and y.split("_")[0] in ("canter", "gallop")
        and (x.endswith("_left") != y.endswith("_left"))
    )


def _ramp(
    a: _Stretch, b: _Stretch, body: Body, t_s: np.ndarray, offset_strides: float, least_s: float = 0.0
) -> np.ndarray:
    """Return how far the transition from one segment to the next has gone, 0 to 1."""
    frequency = np.mean([_frequency(s, body) for s in (a, b) if not s.stands] or [1.0])
    strides = _LEAD_STRIDES if _changes_lead(a, b) else _MIXED_STRIDES
    width = max(strides / frequency, least_s)
    width = min(width, a.end_s - a.begin_s, b.end_s - b.begin_s)
    middle = a.end_s + (offset_strides / frequency if _changes_lead(a, b) else 0.0)
    x = np.clip((t_s - middle) / width + 0.5, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _shares(stretches: list[_Stretch], body: Body, t_s: np.ndarray, offset_strides: float) -> np.ndarray:
    """Return the share of each segment [S, N]."""
    ramps = [_ramp(a, b, body, t_s, offset_strides) for a, b in itertools.pairwise(stretches)]
    ones, zeros = np.ones(len(t_s)), np.zeros(len(t_s))
    return np.array([a - b for a, b in itertools.pairwise([ones, *ramps, zeros])])


def _along(stretch: _Stretch, ends: tuple[float, float], t_s: np.ndarray) -> np.ndarray:
    return np.interp(t_s, [stretch.begin_s, stretch.end_s], ends)


def _speed(stretches: list[_Stretch], body: Body, t_s: np.ndarray) -> np.ndarray:
    """Return the speed [N]: changes take as long as they must."""
    speed = _along(stretches[0], stretches[0].speeds, t_s)
    for a, b in itertools.pairwise(stretches):
        ramp = _ramp(a, b, body, t_s, 0.0, abs(b.speeds[0] - a.speeds[1]) / _ACCELERATION_MPS2)
        speed = speed * (1.0 - ramp) + ramp * _along(b, b.speeds, t_s)
    return speed


def _turn(stretches: list[_Stretch], style: Style, shares: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    turn = np.full(len(t_s), style.turn_per_m)
    for stretch, share in zip(stretches, shares, strict=True):
        ends = stretch.segment.turn_per_m
        turn += share * _along(stretch, ends if isinstance(ends, tuple) else (ends, ends), t_s)
    return turn


def _mean_frequency(stretches: list[_Stretch], body: Body, shares: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Return strides per second [N]; of a standing horse what it would be if it moved off."""
    total, weight = np.zeros(len(speed)), np.zeros(len(speed))
    for stretch, share in zip(stretches, shares, strict=True):
        if not stretch.stands:
            table, _ = table_of(stretch.segment.gait)
            total += share * frequency_hz(table, table.at(speed / froude(body)), body, speed)
            weight += share
    return np.where(weight > 1e-9, total / np.maximum(weight, 1e-9), 1.0)


def _moves(stretches: list[_Stretch], shares: np.ndarray) -> np.ndarray:
    """Return whether a segment other than standing has a share, [N]."""
    standing = [share for stretch, share in zip(stretches, shares, strict=True) if stretch.stands]
    return np.sum(standing, axis=0) < 1.0 - 1e-9 if standing else np.ones(shares.shape[1], bool)


def _phase(
    stretches: list[_Stretch], body: Body, shares: np.ndarray, frequency: np.ndarray, t_s: np.ndarray
) -> np.ndarray:
    moves = _moves(stretches, shares)
    rate = frequency * moves
    phase = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(t_s))])
    phase -= np.interp(0.0, t_s, phase)
    # a horse that moves off does so with its left hind
    starts = np.flatnonzero(moves[1:] & ~moves[:-1]) + 1
    for at, (first, _) in zip(starts, [go for go in _goes(stretches) if go[0] > 0], strict=True):
        gait = _gait_at(stretches[first].segment.gait, stretches[first].speeds[0] / froude(body))
        phase[at:] += (float(gait.contact_phase[2]) + float(gait.duty[1]) - 0.02 - phase[at]) % 1.0
    return phase


def _timed_lead_changes(stretches: list[_Stretch], body: Body, style: Style, t_s: np.ndarray) -> list[_Stretch]:
    """Put off each change of lead to the next suspension."""
    out = list(stretches)
    for i, (a, b) in enumerate(itertools.pairwise(stretches)):
        if not _changes_lead(a, b):
            continue
        shares = _shares(out, body, t_s, 0.0)
        frequency = _mean_frequency(out, body, shares, _speed(out, body, t_s))
        phase = _phase(out, body, shares, frequency, t_s) + style.phase - _aligned(out, body)[i].shift
        at = float(np.interp(out[i].end_s, t_s, phase))
        rate = float(np.interp(out[i].end_s, t_s, frequency))
        end = out[i].end_s + ((_SUSPENSION - at) % 1.0) / rate
        if end < out[i + 1].end_s - 0.5 * _LEAD_STRIDES / rate:
            out[i] = _replaced(out[i], end_s=end)
            out[i + 1] = _replaced(out[i + 1], begin_s=end)
    return out


def _replaced(stretch: _Stretch, **changes: float | np.ndarray) -> _Stretch:
    return dataclasses.replace(stretch, **changes)  # pyright: ignore[reportArgumentType]


def _aligned(stretches: list[_Stretch], body: Body) -> list[_Stretch]:
    """Number each gait's landings so that the delays of all limbs change as little as can be at each transition."""
    out: list[_Stretch] = []
    for stretch in stretches:
        before = out[-1] if out else None
        if before is None or stretch.stands or before.stands:
            out.append(stretch)
            continue
        old = _contacts(before, before.speeds[1] / froude(body)) + before.delay
        new = _contacts(stretch, stretch.speeds[0] / froude(body))
        best, cost = (np.zeros(4), 0.0), np.inf
        for i in range(4):
            whole = np.round(old - (new + old[i] - new[i]))
            change = new + whole - old
            shift = -float(change.mean())
            size = float(np.sum((change + shift) ** 2)) + 1e-6 * abs(shift)
            if size < cost:
                best, cost = (whole + shift, shift), size
        # the shift of all: what the table's own phase 0 is late by
        out.append(_replaced(stretch, delay=best[0], shift=best[1]))
    return out


def _contacts(stretch: _Stretch, speed_mps: Float[np.ndarray, " n"] | float) -> np.ndarray:
    """Return the table's contact phases at speeds, [..., 4]."""
    gait = _gait_at(stretch.segment.gait, speed_mps)
    return np.stack(np.broadcast_arrays(*gait.contact_phase), -1)


def _goes(stretches: list[_Stretch]) -> list[tuple[int, int]]:
    """Return the first and the last segment of each go: a part of the ride without standing."""
    moving = [i for i, s in enumerate(stretches) if not s.stands]
    cuts = [k for k in range(1, len(moving)) if moving[k] != moving[k - 1] + 1]
    return [(part[0], part[-1]) for part in np.split(np.array(moving, int), cuts)] if moving else []


def _delays(stretches: list[_Stretch], body: Body, speed: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """Return the delay of each limb's landings [N, 4]."""
    delays = np.zeros((len(t_s), 4))
    v = speed / froude(body)
    for first, last in _goes(stretches):
        go = stretches[first : last + 1]
        own = [np.broadcast_to(_contacts(s, v) + s.delay, (len(v), 4)) for s in go]
        mean = np.empty((len(t_s), 4))
        for pair, offset in ((0, _LEAD_OFFSET), (1, -_LEAD_OFFSET)):
            limbs = slice(2 * pair, 2 * pair + 2)
            shares = _shares(go, body, t_s, offset)
            mean[:, limbs] = sum(share[:, None] * delay[:, limbs] for share, delay in zip(shares, own, strict=True))
        begin = 0.5 * (stretches[first - 1].begin_s + stretches[first - 1].end_s) if first else -np.inf
        rows = t_s >= begin
        delays[rows] = mean[rows]
    return delays


def _placed(line: Timeline) -> list[Stances]:
    """Return the stances of the four limbs."""
    body, style, t = line.body, line.style, line.grid_s
    height, toes = body.shape.withers_height_m, symmetric_toes(body)
    gait = line._mean_gait(t)
    duty = np.stack(np.broadcast_arrays(t, *(gait.duty[i] for i in (0, 0, 1, 1)))[1:], -1) + style.limb_duty
    plan = np.broadcast_to(ground_plan(gait, style, toes, height), (len(t), 4, 2))
    still = ground_plan(GAITS["idle"], style, toes, height)
    moves = _moves(list(line.stretches), line.shares)
    begins = np.flatnonzero(np.diff(moves.astype(int), prepend=int(moves[0]))).tolist()
    runs = [r for r in np.split(np.arange(len(t)), begins) if moves[r[0]]]
    longest = 2.0 * float(np.max(gait.reach)) * body.rest_xyz[_HIP, 2]
    going = line.track.distance_m + 1e-9 * np.arange(len(t))  # rising, for the way back to times
    out = []
    for i in range(4):
        cycle = line.phase - line.delays[:, i]
        on, off, halted = [], [], []
        for rows in runs:
            landings, liftings = (_crossings(t[rows], c) for c in (cycle[rows], cycle[rows] - duty[rows, i]))
            from_halt, to_halt = rows[0] > 0, rows[-1] < len(t) - 1
            first = liftings[:1] if from_halt else liftings[:0]
            if from_halt:
                landings = landings[landings > first[0]] if len(first) else landings[:0]
            # only the swing takes longer or shorter when the rhythm changes
            stand = np.interp(landings, t, duty[:, i] / line.frequency_hz)
            for _ in range(2):
                stand = np.interp(landings + 0.5 * stand, t, duty[:, i] / line.frequency_hz)
            swing = np.interp(landings, t, (1.0 - duty[:, i]) / line.frequency_hz)
            following = np.append(landings[1:], np.inf) - _LEAST_SWING * swing
            left_behind = np.interp(line.track.distance(landings) + longest, going, t, right=np.inf)
            off_after = np.minimum(np.minimum(landings + stand, following), left_behind)
            on.append(landings)
            off.append(np.concatenate([first, off_after[:-1] if to_halt else off_after]))
            if to_halt and len(landings) == 0:
                off[-1] = first[:0]
            halted.append((from_halt, to_halt))
        on_s, off_s = (np.concatenate([[], *v]) for v in (on, off))
        if not halted or halted[0][0]:
            on_s = np.concatenate([[-_LONG_S], on_s])
        if not halted or halted[-1][1]:
            off_s = np.concatenate([off_s, [_LONG_S]])
        n = min(len(on_s), len(off_s))
        on_s, off_s = on_s[:n], off_s[:n]
        # a stance that spans a halt is where the horse stands, all others where the trunk passes over them
        middle = 0.5 * (np.clip(on_s, t[0], t[-1]) + np.clip(off_s, t[0], t[-1]))
        inside = [np.flatnonzero(~moves & (t > a) & (t < b)) for a, b in zip(on_s, off_s, strict=True)]
        stands = np.array([len(r) > 0 for r in inside], bool)
        distance = 0.5 * (line.track.distance(on_s) + line.track.distance(off_s))
        point = np.stack([np.interp(middle, t, plan[:, i, a]) for a in (0, 1)], -1)
        for k in np.flatnonzero(stands):
            # a last step may be short of the square: so far ahead a horse that halts does not reach
            ahead = line.track.distance(on_s[k]) + _LAST_STEP * height
            distance[k] = min(float(line.track.distance(t[inside[k][0]])), float(ahead))
            point[k] = still[i]
        usual = np.interp(middle, t, duty[:, i] / line.frequency_hz)
        usual = np.where(stands, usual, off_s - on_s)
        xy, yaw = line.track.at(distance - point[:, 1])
        out.append(Stances(on_s, off_s, usual, xy + turned_left(point * [1.0, 0.0], yaw), yaw))
    return out


def _crossings(t_s: np.ndarray, cycle: np.ndarray) -> np.ndarray:
    """Return when a rising cycle passes whole numbers."""
    whole = np.arange(np.ceil(cycle[0]), np.floor(cycle[-1]) + 1.0)
    return np.interp(whole, cycle, t_s)


def _sink(stretch: _Stretch, body: Body, style: Style, speed_mps: np.ndarray, nodes_mps: np.ndarray) -> np.ndarray:
    """Return how far the trunk sinks at each speed, worked out at some of them, metres."""
    table, mirrored = table_of(stretch.segment.gait)
    style = style.mirrored() if mirrored else style
    frequencies = [float(frequency_hz(table, table.at(v / froude(body)), body, v)) for v in nodes_mps]
    sinks = [sink_m(table, body, style, float(v), f) for v, f in zip(nodes_mps, frequencies, strict=True)]
    return np.interp(speed_mps, nodes_mps, sinks)


def _lameness(stretch: _Stretch, body: Body, style: Style) -> Lameness | None:
    table, mirrored = table_of(stretch.segment.gait)
    speed = 0.5 * sum(stretch.speeds)
    lame = rough_lameness_of(table, body, style.mirrored() if mirrored else style, speed)
    return _mirrored(lame) if lame is not None and mirrored else lame


def _mirrored(lame: Lameness) -> Lameness:
    return Lameness(lame.limb ^ 1, lame.turn_rad, lame.peak, lame.severity)
