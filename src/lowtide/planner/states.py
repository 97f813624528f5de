"""What is carried from call to call: an output lies where the input lay that it becomes.

    run          1 2 3 4 5 6 7
    h            #######              read for the last time in 4 ..
    h'                     #####      .. and made from 6 on, in the same bytes, which in 5 are
                                      nobody else's

The bytes lie above all others, as those do that survive the turns of other networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

import numpy as np

from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Graph
from lowtide.ir.state import State
from lowtide.planner.plan import Plan
from lowtide.planner.together import above, states_of
from lowtide.quoting import for_terminal
from lowtide.rewrites.copy_states import copied_inputs, copied_outputs
from lowtide.rows.liveness import Life


class Overwritten(Exception):
    """States whose new value is made before the old one has been read; `plan` does without them in
    another schedule, if there is one."""

    def __init__(self, states: frozenset[State], plan: Plan | None = None) -> None:
        super().__init__(states)
        self.states, self.plan = states, plan


def with_copies(graph: Graph, planned: Callable[[Graph], Plan]) -> Plan:
    """The smallest plan that keeps the states of a network: copies are made where they must be.

    Raises UnsupportedModel where there is none.
    """
    try:
        return planned(graph)
    except Overwritten as error:
        found, clash = [error.plan] if error.plan else [], error.states
    for copied in (copied_outputs, copied_inputs, _both):
        states = _named(clash, graph)
        for _ in graph.states:
            try:
                found.append(planned(copied(graph, states)))
                break
            except Overwritten as error:
                found += [error.plan] if error.plan else []
                states = [*states, *(s for s in _named(error.states, graph) if s not in states)]
    if not found:
        which = ", ".join(for_terminal(state.input) for state in clash)
        raise UnsupportedModel(
            f"--state: no plan keeps {which} until it has been read",
            hint="leave out --image, --result and --objective",
        )
    return min(found, key=lambda plan: plan.arena_bytes)


def _both(graph: Graph, states: Sequence[State]) -> Graph:
    """Where one is made of another, or of itself, by views alone."""
    return copied_inputs(copied_outputs(graph, states), states)


def _named(states: frozenset[State], graph: Graph) -> list[State]:
    return [state for state in graph.states if state.input in {one.input for one in states}]


def hold(plan: Plan) -> Plan:
    """The plan with its states above all else; raises Overwritten where one cannot lie there."""
    layout = plan.layout
    groups = states_of(plan)
    pairs = [(read.storage, made.storage) for read, made in groups]
    if not pairs:
        return plan
    lives = [_carried(*(plan.lives[name] for name in pair)) for pair in pairs]
    lost = {s for s, one in zip(layout.graph.states, lives, strict=True) if one is None}
    if lost:
        raise Overwritten(frozenset(lost))
    kept = {
        name: life
        for pair, found in zip(pairs, lives, strict=True)
        for name, life in zip(pair, found or (), strict=True)
    }
    _, _, (placed,) = above([plan], groups, [kept])
    return placed


def _carried(old: Life, new: Life) -> tuple[Life, Life] | None:
    """The lives of both, the old one until the new one is made; None where it is read later."""
    alike = (old.cell_bytes, len(old.start)) == (new.cell_bytes, len(new.start))
    if not alike or (old.stop >= new.start).any():
        return None
    return replace(old, stop=np.maximum(old.stop, new.start - 1)), new


class Candidates:
    """Plans of one network, with their states held, of which the smallest is wanted."""

    def __init__(self) -> None:
        self.plans = list[Plan]()
        self.lost = frozenset[State]()

    def add(self, *plans: Plan) -> None:
        """Some more plans; one that cannot keep its states is left out."""
        for plan in plans:
            try:
                self.plans.append(hold(plan))
            except Overwritten as error:
                self.lost |= error.states

    @property
    def arena_bytes(self) -> float:
        """The smallest arena so far."""
        return min((plan.arena_bytes for plan in self.plans), default=inf)

    @property
    def smallest(self) -> Plan:
        """Raises Overwritten where a plan was left out, with the smallest of the others."""
        best = min(self.plans, key=lambda plan: plan.arena_bytes, default=None)
        if self.lost or best is None:
            raise Overwritten(self.lost, best)
        return best
