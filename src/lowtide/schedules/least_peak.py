"""The order of steps with the least peak of live bytes, exact.

    a 1 -+- b 8 -- c 1 -+           given  a b d c e f:  b and d live together, 17 bytes
         +- d 8 -- e 1 -+- f 1      least  a b c d e f:  c replaces b before d is made, 10 bytes

A set of steps that contains what each of its steps must follow is a downset. Which storages live
between two steps depends on the downset alone, not on the order inside it, so the search walks
over downsets (bit masks), the one with the least peak so far first. Peaks only grow on the way,
so the first complete downset that comes up is optimal.

Two facts keep it short (the search, and not this file: a bound in one place would mean little
without the rule in the other, so they stand together in 310 lines):

- No order beats the step that needs most by itself (`_bound`), so every peak is counted as at
  least that. While the bound can be met, all that matters is to get on: of equal peaks the
  larger downset comes first.
- A step that is ready, does not raise the peak and leaves no more bytes alive than before is taken
  at once, without branching. Live bytes are a cut in the hypergraph of storages, hence
  submodular: the step could only cost more and free less now than it would later on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from lowtide.errors import LowtideError


@dataclass(frozen=True)
class OrderProblem:
    """Steps, the storages they use, and the steps they must follow.

    Step k makes or reads the storages `uses[k]` and must come after the steps `after[k]`. Storage
    s has `sizes[s]` bytes and lives from the first step that uses it to the last. Storages in
    `held_from_start` (the network's inputs) live from the beginning until their last user, those
    in `held_to_end` (its outputs) from their first user to the end, those in both always.
    """

    sizes: tuple[int, ...]
    uses: tuple[frozenset[int], ...]
    after: tuple[frozenset[int], ...]
    held_from_start: frozenset[int]
    held_to_end: frozenset[int]


@dataclass(frozen=True)
class Order:
    """The steps in order, the most bytes that live at one of them, and what is proven of that."""

    steps: tuple[int, ...]
    peak: int
    proven: bool
    bound: int
    """No order has a smaller peak than this (equals `peak` if proven)."""


def given_order(problem: OrderProblem) -> Order:
    """The steps as they are numbered; proven if even the bound that takes no search is met."""
    graph = _graph_of(problem)
    return _order(range(len(problem.uses)), _given_peak(graph), graph.bound)


MOST_CHOICES = 16
"""Steps that are ready in a set of done steps, on average; with more, fewer sets are looked at."""


def least_peak(problem: OrderProblem, *, states: int = 200_000) -> Order:
    """Searches the order with the least peak; looks at no more than `states` sets of done steps.

    The given order is kept if none is better. If the search is cut short, the best of the given
    order and a greedy one is returned, with the bound that was proven by then.
    """
    graph = _graph_of(problem)
    given = given_order(problem)
    if given.proven:
        return given
    quick = _beam(graph)
    best = quick if quick.peak < given.peak else given
    return best if best.proven else _search(graph, best, states)


_Storage = tuple[int, int]
"""Its size, and a mask of the steps that use it."""


@dataclass(frozen=True)
class _Graph:
    """The problem as bit masks over steps.

    Two steps are added so that held storages need no special case: one that is done from the
    start and uses the inputs, one that is never done and uses the outputs.
    """

    storages: tuple[tuple[_Storage, ...], ...]
    """storages[k]: those that step k uses."""
    before: tuple[int, ...]
    """before[k]: the steps that k must follow directly."""
    then: tuple[tuple[int, ...], ...]
    """then[k]: the steps that must follow k directly."""
    start: _State
    bound: int

    @property
    def done(self) -> int:
        """The downset of all steps."""
        return self.start.done | (1 << len(self.before)) - 1


class _State(NamedTuple):
    """A downset: the steps done, the ones ready, the peak so far and the bytes alive after it."""

    done: int
    ready: int
    peak: int
    live: int


def _graph_of(problem: OrderProblem) -> _Graph:
    count = len(problem.uses)
    for step, earlier in enumerate(problem.after):
        if any(not 0 <= other < step for other in earlier):
            raise LowtideError(f"step {step} must follow {sorted(earlier)}, some not before it")
    before = tuple(_mask(earlier) for earlier in problem.after)
    storages = _storages(problem)
    bound = _bound(storages, before)
    inputs = 1 << count
    return _Graph(
        storages=tuple(tuple(storages[s] for s in sorted(uses)) for uses in problem.uses),
        before=before,
        then=tuple(
            tuple(step for step in range(count) if before[step] >> other & 1)
            for other in range(count)
        ),
        start=_State(
            done=inputs,
            ready=_mask(step for step in range(count) if not before[step]),
            peak=bound,
            live=sum(size for size, users in storages if users & inputs),
        ),
        bound=bound,
    )


def _storages(problem: OrderProblem) -> list[_Storage]:
    """The size and the users of each storage; one that no step needs has no size."""
    count = len(problem.uses)
    users = [0] * len(problem.sizes)
    for step, uses in enumerate((*problem.uses, problem.held_from_start, problem.held_to_end)):
        for storage in uses:
            users[storage] |= 1 << step
    idle = (1 << count, 1 << count + 1)
    return [
        (0 if mask in idle else size, mask) for size, mask in zip(problem.sizes, users, strict=True)
    ]


def _bound(storages: Sequence[_Storage], before: Sequence[int]) -> int:
    """The most bytes that one step needs in every order.

    Those are its own storages and those that some step it must follow uses and some step that must
    follow it uses too. The two added steps need all inputs, and all outputs.
    """
    count = len(before)
    past, future = [1 << count] * count, [1 << count + 1] * count
    for step in range(count):
        for other in _bits(before[step]):
            past[step] |= past[other] | 1 << other
    for step in reversed(range(count)):
        for other in _bits(before[step]):
            future[other] |= future[step] | 1 << step
    spans = [*zip(past, future, strict=True), (0, 0), (0, 0)]
    return max(
        sum(
            size
            for size, users in storages
            if users >> step & 1 or (users & behind and users & ahead)
        )
        for step, (behind, ahead) in enumerate(spans)
    )


def _after(graph: _Graph, state: _State, step: int) -> _State:
    """The state when `step` has been executed too."""
    done = state.done | 1 << step
    born = dead = 0
    for size, users in graph.storages[step]:
        if not users & state.done:
            born += size
        if not users & ~done:
            dead += size
    ready = state.ready ^ 1 << step
    for other in graph.then[step]:
        if not graph.before[other] & ~done:
            ready |= 1 << other
    during = state.live + born
    return _State(done, ready, max(state.peak, during), during - dead)


def _settle(graph: _Graph, state: _State) -> tuple[_State, tuple[int, ...]]:
    """Take every ready step that costs nothing now and leaves no more alive than before."""
    taken: list[int] = []
    found = True
    while found:
        found = False
        for step in _bits(state.ready):
            later = _after(graph, state, step)
            if later.peak == state.peak and later.live <= state.live:
                state, found = later, True
                taken.append(step)
    return state, tuple(taken)


def _search(graph: _Graph, best: Order, states: int) -> Order:
    """Downsets by least peak, then most steps; those that cannot beat `best` are dropped."""
    choices = MOST_CHOICES * states
    first, taken = _settle(graph, graph.start)
    came: dict[int, _Origin] = {first.done: _Origin(first.peak, graph.start.done, taken)}
    reached: dict[int, int] = {}  # the least peak of a downset before it was settled
    frontier = [(first.peak, 0, first)]
    while frontier:
        peak, _, state = heappop(frontier)
        if state.done == graph.done:
            return _order(_path(came, graph), peak, peak)
        if len(reached) > states or choices < 0:
            return _order(best.steps, best.peak, peak)
        if came[state.done].peak < peak:
            continue  # reached again with a smaller peak meanwhile
        choices -= state.ready.bit_count()
        for step in _bits(state.ready):
            later = _after(graph, state, step)
            if later.peak >= reached.get(later.done, best.peak):
                continue
            reached[later.done] = later.peak
            choices -= later.ready.bit_count()
            later, taken = _settle(graph, later)
            if later.done not in came or later.peak < came[later.done].peak:
                came[later.done] = _Origin(later.peak, state.done, (step, *taken))
                heappush(frontier, (later.peak, -later.done.bit_count(), later))
    return _order(best.steps, best.peak, best.peak)


class _Origin(NamedTuple):
    """How a downset was reached: with what peak, from which one, by which steps."""

    peak: int
    done: int
    steps: tuple[int, ...]


def _path(came: Mapping[int, _Origin], graph: _Graph) -> list[int]:
    """The steps that led to the downset of all steps."""
    done, pieces = graph.done, list[tuple[int, ...]]()
    while done != graph.start.done:
        pieces.append(came[done].steps)
        done = came[done].done
    return [step for piece in reversed(pieces) for step in piece]


def _beam(graph: _Graph, width: int = 32, choices: int = 2048) -> Order:
    """A good order soon: of the downsets of each size keep a few, by peak, then by live bytes.

    Fewer where they leave more choices than that together.
    """
    layers: list[dict[int, tuple[_State, int]]] = [{graph.start.done: (graph.start, -1)}]
    for _ in graph.before:
        options: dict[int, tuple[_State, int]] = {}
        for state, _ in layers[-1].values():
            for step in _bits(state.ready):
                later = _after(graph, state, step)
                if later.done not in options or later.peak < options[later.done][0].peak:
                    options[later.done] = (later, step)
        kept = sorted(options.values(), key=lambda o: (o[0].peak, o[0].live, o[0].done))[:width]
        ready = accumulate(state.ready.bit_count() for state, _ in kept)
        kept = kept[: max(1, sum(sofar <= choices for sofar in ready))]
        layers.append({state.done: (state, step) for state, step in kept})
    done, steps = graph.done, list[int]()
    for layer in reversed(layers[1:]):
        steps.append(layer[done][1])
        done ^= 1 << steps[-1]
    return _order(reversed(steps), layers[-1][graph.done][0].peak, graph.bound)


def _given_peak(graph: _Graph) -> int:
    state = graph.start
    for step in range(len(graph.before)):
        state = _after(graph, state, step)
    return state.peak


def _order(steps: Iterable[int], peak: int, bound: int) -> Order:
    return Order(tuple(steps), peak, peak == bound, bound)


def _mask(steps: Iterable[int]) -> int:
    return sum(1 << step for step in steps)


def _bits(mask: int) -> Iterator[int]:
    """The members of a bit mask, smallest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
