"""Layer by layer: every row of one operator, then every row of the next."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.layout.lay_out import Layout
from lowtide.rows.follows import follows
from lowtide.rows.schedule import Run, Schedule
from lowtide.rows.task import Task
from lowtide.schedules.least_peak import OrderProblem, given_order, least_peak


def schedule(
    layout: Layout,
    tasks: Sequence[Task],
    order: str = "least",
    keep_inputs: bool = False,
) -> Schedule:
    """Runs each task once, all its rows, one task after the other.

        conv1 rows 0..31 | pool rows 0..15 | conv2 rows 0..15 | ...

    `order` is "given" (the file's) or "least" (the least peak of live storages, exact unless the
    search is cut short). `keep_inputs`: the network's inputs live to the end.
    """
    problem = order_problem(layout, tasks, keep_inputs)
    found = given_order(problem) if order == "given" else least_peak(problem)
    runs = tuple(Run(k, 0, tasks[k].rows, tasks[k].ticks) for k in found.steps)
    return Schedule(runs, found.proven, found.bound)


def order_problem(layout: Layout, tasks: Sequence[Task], keep_inputs: bool = False) -> OrderProblem:
    """The tasks as a problem of order: which storages each uses, and which tasks it must follow."""
    number = {name: i for i, name in enumerate(layout.storages)}
    uses = []
    for task in tasks:
        names = [name for name in task.reads if name in layout.places]
        used = {layout.places[name].storage for name in (*names, task.output)}
        uses.append(frozenset(number[name] for name in used))
    graph = layout.graph
    return OrderProblem(
        tuple(storage.bytes for storage in layout.storages.values()),
        tuple(uses),
        tuple(follows(layout, tasks)),
        frozenset(number[layout.places[name].storage] for name in graph.inputs),
        frozenset(
            number[layout.places[name].storage]
            for name in (*graph.outputs, *({*graph.inputs} - graph.carried if keep_inputs else ()))
        ),
    )
