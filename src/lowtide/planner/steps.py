"""Which cut of a network is streamed, and in steps of how many rows.

objective   arena                         weights
memory      the least that is found, A    read as seldom as A allows
balanced    half-way between the two      ..
latency     whatever that takes           read so seldom that it costs little
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from lowtide.clock import Clock
from lowtide.kernels.cpus import find_cpu
from lowtide.planner.options import Options
from lowtide.planner.row_problem import Kept, row_bars
from lowtide.planner.streamed import Segmented, Streamed, plan_streamed
from lowtide.planner.weight_traffic import weights_read
from lowtide.schedules.coarsen import FAR, Coarsening, Work
from lowtide.schedules.demand import Segment

SHARES = (0.95, 0.9, 0.85, 0.8, 0.7)
"""Parts of the arena that a segment of coarser steps may fill: the fewer, the easier to place."""

ROUNDS = 12
"""How often all segments are placed, those with less that found no room."""

WORTH = 0.01
"""The share of all weights read for which a segment is tried once more by itself."""


def best_streamed(found: Sequence[Segmented], options: Options, clock: Clock) -> Streamed:
    """Streams each way to cut the network and keeps the one with the smallest arena.

    That one is then made in steps of several rows, as far as `options.objective` wants it.
    """
    cheap = replace(options, place="greedy")
    best: tuple[Streamed, Segmented] | None = None
    for one in found:
        if best is None or one.live_bytes < best[0].placement.arena_bytes:
            placed = plan_streamed(one, cheap, clock)
            if best is None or placed.placement.arena_bytes < best[0].placement.arena_bytes:
                best = placed, one
    assert best is not None
    least, cut = best
    if options.objective != "memory":
        return _faster(cut, least, options, clock)
    if options.place == "exact" and not least.placement.proven:
        least = plan_streamed(cut, options, clock)
    return grown(cut, least, options, clock)


def grown(cut: Segmented, plan: Streamed, options: Options, clock: Clock) -> Streamed:
    """The plan with steps of as many rows as pay, in no more memory than it has."""
    plain = tuple((one,) for one in cut.segments)
    return _Steps(cut, cut, plain, plan, options, clock).grow()


def _faster(cut: Segmented, least: Streamed, options: Options, clock: Clock) -> Streamed:
    """The segments in steps that weights hardly slow, or half-way from the least memory there."""
    with clock("steps of several rows"):
        rule, limit = _coarsening(cut, options), None
        ways = [rule.coarser(one.first, one.end, None) for one in cut.segments]
        if options.objective == "balanced":
            arena, fastest = least.placement.arena_bytes, max(one.peak for (one,) in ways)
            limit = (arena + max(arena, fastest)) // 2
            ways = [rule.coarser(one.first, one.end, limit) for one in cut.segments]
        coarse = replace(cut, segments=tuple(chain(*ways)))
    return plan_streamed(coarse, options, clock)


Parts = tuple[tuple[Segment, ...], ...]
"""What has become of each of some segments: a coarser one, or several."""


@dataclass
class _Steps:
    """A plan whose steps grow, in no more memory than it has.

    Segments that are full keep their rows where they lie; those of all others are placed anew.
    `tried` has the segments that were placed last: more than once, if they found no room.
    """

    cut: Segmented
    tried: Segmented
    parts: Parts
    plan: Streamed
    options: Options
    clock: Clock

    def grow(self) -> Streamed:
        """All segments at once, then those alone that still read much.

        No more lives at one time than before, so that what is known of the least arena stays true.
        """
        live, rule = self.plan.live_bytes, _coarsening(self.cut, self.options)
        self._all(rule)
        with self.clock("steps of several rows"):
            ways = [rule.coarser(one.first, one.end, live) for one in self.cut.segments]
            read = [rule.read(part) for part in self.parts]
            saved = [n - rule.read(way) for n, way in zip(read, ways, strict=True)]
        for k in sorted(range(len(ways)), key=lambda k: -saved[k]):
            if saved[k] > WORTH * sum(read):
                self._full_at((*self.parts[:k], ways[k], *self.parts[k + 1 :]), [0] * len(ways))
        return self.plan

    def _all(self, rule: Coarsening) -> None:
        """Each segment within a share of the arena, which falls where its rows find no room."""
        arena, live = self.plan.placement.arena_bytes, self.plan.live_bytes
        shares = [min(live, int(share * arena)) for share in SHARES]
        peaks = [max(one.peak for one in part) for part in self.parts]
        limits = [_limits(peak, shares) for peak in peaks]
        for _ in range(ROUNDS):
            with self.clock("steps of several rows"):
                parts = tuple(
                    self._coarser(rule, part, limit[0])
                    for part, limit in zip(self.parts, limits, strict=True)
                )
            full = self._full_at(parts, [limit[0] for limit in limits])
            if not full:
                return
            for k in full:
                limits[k] = limits[k][1:] or limits[k]

    def _coarser(
        self, rule: Coarsening, part: tuple[Segment, ...], limit: int
    ) -> tuple[Segment, ...]:
        """A part of the plan coarser, if it then reads less within the limit."""
        if max(one.peak for one in part) > limit:
            return part
        found = rule.coarser(part[0].first, part[-1].end, limit)
        return found if rule.read(found) < rule.read(part) else part

    def _full_at(self, parts: Parts, limits: Sequence[int]) -> set[int]:
        """Takes other parts if all rows find room; else, which parts have too little.

        What stays as it is and needs more than its limit stays where it is.
        """
        if parts == self.parts:
            return set()
        if (segments := tuple(chain(*parts))) != self.tried.segments:
            self.tried = replace(self.cut, segments=segments)
        with self.clock("finding lifetimes"):
            timed = self.tried.timed
        with self.clock("placing rows anew"):
            spans = _spans(parts)
            free = [
                new is not old or max(one.peak for one in old) <= limit
                for new, old, limit in zip(parts, self.parts, limits, strict=True)
            ]
            stay = [span for span, moves in zip(spans, free, strict=True) if not moves]
            arena = self.plan.placement.arena_bytes
            kept = Kept(self.plan.addresses, stay, arena)
            bars = row_bars(self.cut.layout, timed.lives, timed.live_bytes, self.options, kept)
            over = bars.problem.clashes()
            if not over:
                arena_bytes, addresses, over = bars.place("steps")
        if not over:
            self.parts, self.plan = parts, timed.placed(arena_bytes, addresses)
        return {_fullest(parts, free, spans, one) for one in over}


def _limits(peak: int, shares: Sequence[int]) -> list[int]:
    """What a segment of this peak may fill: ever less, and at last it stays as it is."""
    return [*sorted({max(share, peak) for share in shares}, reverse=True), 0]


def _fullest(
    parts: Parts, free: Sequence[bool], spans: Sequence[tuple[int, int]], moments: tuple[int, int]
) -> int:
    """Of the parts that were placed anew and have one of the moments that of the highest peak."""
    meet = [first <= moments[1] and moments[0] <= last for first, last in spans]
    peak = [max(one.peak for one in part) for part in parts]
    return max(range(len(parts)), key=lambda k: (meet[k] and free[k], peak[k]))


def _spans(parts: Parts) -> list[tuple[int, int]]:
    """The first and the last moment of each part."""
    steps = [sum(len(one.order) for one in part) for part in parts]
    last = np.cumsum(steps).tolist()
    return [(end - n + 1, end) for n, end in zip(steps, last, strict=True)]


def _coarsening(cut: Segmented, options: Options) -> Coarsening:
    graph = cut.layout.graph
    work = [
        Work(task.nest.macs // task.rows, weights_read(task, graph, 0, 1, unpacked=True))
        for task in cut.graph.tasks
    ]
    far = FAR if options.cpu is None else find_cpu(options.cpu).far
    return Coarsening(cut.known, work, far)
