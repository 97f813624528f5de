"""Which tasks must follow which: what reads after what makes, and what makes a state anew after
all that reads the old one."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.layout.lay_out import Layout
from lowtide.rows.task import Task

Follows = list[frozenset[int]]
"""For each task the numbers of those that it must follow."""


def follows(layout: Layout, tasks: Sequence[Task]) -> Follows:
    """Which tasks each reads something of, and, of states, which stand before it and read them."""
    return [
        data | frozenset(k for k in old if k < number)
        for number, (data, old) in enumerate(
            zip(_makers(layout, tasks), _readers(layout, tasks), strict=True)
        )
    ]


def in_state_order(layout: Layout, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks with those that make states anew behind those that read the old ones.

    Where no order has that, a state is made too early, which its lifetimes tell.
    """
    if not layout.graph.states:
        return tuple(tasks)
    data, old = _makers(layout, tasks), _readers(layout, tasks)
    waiting, done = list(range(len(tasks))), dict[int, Task]()
    while waiting:
        ready = (k for k in waiting if data[k] <= done.keys())
        early = [k for k in waiting if data[k] <= done.keys() and old[k] <= done.keys()][:1]
        chosen = early[0] if early else next(ready)
        done[chosen] = tasks[chosen]
        waiting.remove(chosen)
    return tuple(done.values())


def _makers(layout: Layout, tasks: Sequence[Task]) -> Follows:
    maker = {task.output: k for k, task in enumerate(tasks)}
    found = []
    for task in tasks:
        names = [name for name in task.reads if name in layout.places]
        made = (maker.get(origin) for name in names for origin in layout.origins[name])
        found.append(frozenset(k for k in made if k is not None))
    return found


def _readers(layout: Layout, tasks: Sequence[Task]) -> Follows:
    """For each task that makes a state anew those that read the old one, itself left out."""
    places, found = layout.places, [frozenset[int]() for _ in tasks]
    for state in layout.graph.states:
        old, new = places[state.input].storage, places[state.output].storage
        readers = frozenset(
            k
            for k, task in enumerate(tasks)
            if any(name in places and places[name].storage == old for name in task.reads)
        )
        for k, task in enumerate(tasks):
            if places[task.output].storage == new:
                found[k] |= readers - {k}
    return found
