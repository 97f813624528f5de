"""The shortest FIFOs with which every frame ends.

Whether a machine locks does not depend on who fires first: what a process does never depends on the
numbers. So it is run in no time: each process fires as often as it can, in turns, until none can.
An edge that alone joins two halves of the graph can never lock; it holds 1, and halves are tried by
themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np

from lowtide.backends.fifo.machine import Machine
from lowtide.backends.fifo.times import Frames
from lowtide.ir.index import IntArray

_ORDERS = 3
"""Up to so many edges that trade depth for depth are shortened in every order."""

_NEAR = 2
"""Edges no longer than that above their least are shortened together."""

Held = dict[int, int]
"""Depths by edge; an edge that is not in it never fills."""


def shortest(
    run: Frames, enough: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(what each edge needs at least, depths of which none can be one less).

    `enough` has depths that never lock. Those found are shortened from one of them, in each ring
    from that which ends with the fewest bits. What locks in one frame locks in several, so one
    frame is tried first.
    """
    count = len(run.machine.edges)
    floor, found = [1] * count, [1] * count
    for edges in rings(run.machine):
        starts = [{e: depths[e] for e in edges} for depths in enough]
        whole = Trial(run, edges)
        least, chosen = _of_ring(Trial(Frames(run.machine, 1), edges), starts)
        if not whole.ends(chosen):
            least, chosen = _of_ring(whole, starts)
        for e in edges:
            floor[e], found[e] = least[e], chosen[e]
    return tuple(floor), tuple(found)


def _of_ring(trial: Trial, starts: Sequence[Held]) -> tuple[Held, Held]:
    edges = starts[0]
    least = {e: trial.least(e, {}, min(at[e] for at in starts)) for e in edges}
    return least, least if trial.ends(least) else _shortened(trial, least, starts)


def _shortened(trial: Trial, least: Held, starts: Sequence[Held]) -> Held:
    """Shortens edge after edge, from each start and in several orders; that of fewest bits."""
    tried = []
    for at in starts:
        near = {e: least[e] for e in least if at[e] - least[e] <= _NEAR}
        if trial.ends(at | near):
            at = at | near
        rest = sorted((e for e in least if at[e] > least[e]), key=trial.bits)
        some = permutations(rest) if len(rest) <= _ORDERS else (rest, rest[::-1])
        tried += [_in_order(trial, order, at, least) for order in some]
    return min(tried, key=trial.total)


def _in_order(trial: Trial, order: Sequence[int], at: Held, least: Held) -> Held:
    """None can be one less afterwards: what one cannot give up while others are longer, it cannot
    when they are shorter."""
    at = dict(at)
    for e in order:
        at[e] = trial.least(e, at, at[e], least[e])
    return at


class Trial:
    """Runs the processes between some edges; all other edges never fill and never run empty."""

    def __init__(self, run: Frames, edges: Sequence[int]) -> None:
        self.run, own = run, run.machine.edges
        self.ends_of = {e: (own[e].producer, own[e].consumer) for e in edges}
        self.firings = {
            p: run.firings(p) for p in {p for both in self.ends_of.values() for p in both}
        }
        self.writes = {p: run.writes(p).tolist() for p in self.firings}
        self.reads = {e: [*run.reads(e).tolist(), self.firings[own[e].consumer]] for e in edges}
        self.made = {p: _counted(run.writes(p), self.firings[p]) for p in self.firings}
        self.taken = {e: _counted(run.reads(e), self.firings[own[e].consumer]) for e in edges}
        self.into = {p: [e for e in edges if own[e].consumer == p] for p in self.firings}
        self.out_of = {p: [e for e in edges if own[e].producer == p] for p in self.firings}

    def bits(self, edge: int) -> int:
        """Those of a pixel."""
        return self.run.machine.edges[edge].bits

    def total(self, depths: Mapping[int, int]) -> int:
        """The bits of all edges together."""
        return sum(depth * self.bits(edge) for edge, depth in depths.items())

    def least(self, edge: int, others: Mapping[int, int], enough: int, from_: int = 1) -> int:
        """The least depth of one edge that does not lock; `enough` does not."""
        low, high = from_ - 1, enough
        while high - low > 1:
            middle = (low + high) // 2 if low >= from_ else from_
            low, high = (low, middle) if self.ends({**others, edge: middle}) else (middle, high)
        return high

    def ends(self, depths: Mapping[int, int]) -> bool:
        """Whether every process fires to its end."""
        done = dict.fromkeys(self.firings, 0)
        come = {p: [(self.ends_of[e][0], self.reads[e]) for e in self.into[p]] for p in done}
        room = {
            p: [
                (self.ends_of[e][1], self.taken[e], depths[e])
                for e in self.out_of[p]
                if e in depths
            ]
            for p in done
        }
        near = {p: [self.ends_of[e][1] for e in self.out_of[p]] for p in done}
        for p in done:
            near[p] += [self.ends_of[e][0] for e in self.into[p] if e in depths]
        made, writes, todo, waits = self.made, self.writes, deque(done), set(done)
        while todo:
            p = todo.popleft()
            waits.discard(p)
            most = self.firings[p]
            for producer, reads in come[p]:
                at = reads[made[producer][done[producer]]]
                if at < most:
                    most = at
            for consumer, taken, depth in room[p]:
                count = taken[done[consumer]] + depth
                if count < len(writes[p]) and writes[p][count] < most:
                    most = writes[p][count]
            if most > done[p]:
                done[p] = most
                new = [q for q in near[p] if q not in waits]
                todo += new
                waits.update(new)
        return done == self.firings


def _counted(at: IntArray, firings: int) -> list[int]:
    """How many of `at` lie before each firing, and in all."""
    return [int(n) for n in np.searchsorted(at, np.arange(firings + 1))]


def rings(machine: Machine) -> list[list[int]]:
    """The edges that lie on rings of the graph, those whose rings hang together in one list."""
    on_ring = [e for e in range(len(machine.edges)) if _joined(machine, e)]
    found: list[list[int]] = []
    left = set(on_ring)
    while left:
        ring, grown = {min(left)}, True
        while grown:
            ends = {p for e in ring for p in (machine.edges[e].producer, machine.edges[e].consumer)}
            more = {
                e for e in left if {machine.edges[e].producer, machine.edges[e].consumer} & ends
            }
            grown = not more <= ring
            ring |= more
        left -= ring
        found.append(sorted(ring))
    return found


def _joined(machine: Machine, without: int) -> bool:
    """Whether both ends of an edge hang together without it."""
    gone = machine.edges[without]
    reached, todo = {gone.producer}, [gone.producer]
    while todo:
        p = todo.pop()
        for e in (*machine.inputs[p], *machine.outputs[p]):
            for q in (machine.edges[e].producer, machine.edges[e].consumer):
                if e != without and q not in reached:
                    reached.add(q)
                    todo.append(q)
    return gone.consumer in reached
