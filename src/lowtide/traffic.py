"""How many bytes of weights a plan reads in one run of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

from lowtide.layout import Layout
from lowtide.plan import Plan
from lowtide.schedule import Schedule
from lowtide.task import Task


def weight_traffic(plan: Plan) -> int:
    """Bytes of weights read from wherever they lie, no cache between.

    A row reads the weights it needs once, however many pixels use them: rows x weight bytes. Where
    each row has weights of its own (a dense layer that takes its input row by row) they count once
    for all rows. A row that is computed twice reads twice.
    """
    return weight_reads(plan.layout, plan.tasks, plan.schedule) * plan.element_bytes


def weight_reads(layout: Layout, tasks: Sequence[Task], schedule: Schedule) -> int:
    """The same in elements."""
    rows: Counter[int] = Counter()
    for run in schedule.runs:
        rows[run.task] += run.rows
    return sum(_reads(tasks[k], count, layout) for k, count in rows.items())


def _reads(task: Task, rows: int, layout: Layout) -> int:
    """Elements of constants that a task reads while it runs `rows` rows."""
    own: dict[str, bool] = {}
    for read in task.nest.reads:
        name = task.operands[read.operand]
        if name in layout.graph.constants:
            each = task.row is not None and any(task.row in i.variables for i in read.index)
            own[name] = each and own.get(name, True)
    return sum(
        -(-prod(layout.graph.shape(name)) * rows // (task.rows if each else 1))
        for name, each in own.items()
    )
