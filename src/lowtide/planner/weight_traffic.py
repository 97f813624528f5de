"""How many bytes of weights a plan reads in one run of the network."""

from __future__ import annotations

from collections import Counter

from lowtide.ir.dtype import F32
from lowtide.ir.graph import Graph
from lowtide.ir.value import loads
from lowtide.planner.plan import Plan
from lowtide.rows.task import Task


def weight_traffic(plan: Plan) -> int:
    """Bytes of weights that one run of the network reads, no cache between.

    A step reads the weights it needs once, however many rows and pixels use them: steps x weight
    bytes. Where each row has weights of its own (a dense layer that takes its input row by row)
    they count once for all rows. A row that is computed twice reads twice. A convolution computed
    inside a pool reads its weights for each of its own rows, as it would outside, once a step.
    """
    rows: Counter[int] = Counter()
    steps: Counter[int] = Counter()
    for run in plan.schedule.runs:
        rows[run.task] += run.rows
        steps[run.task] += run.steps
    graph = plan.layout.graph
    return sum(weights_read(plan.tasks[k], graph, rows[k], steps[k]) for k in rows)


def weights_read(task: Task, graph: Graph, rows: int, steps: int, *, unpacked: bool = False) -> int:
    """Bytes of constants that a task reads for `rows` rows in `steps` steps.

    Codes count packed, or as the floats that they are `unpacked` to: that takes as long as reading
    these.
    """
    found: dict[str, int] = {}
    for k, read in enumerate(task.nest.reads):
        name = task.operands[read.operand]
        if name not in graph.constants:
            continue
        own = task.row is not None and any(task.row in i.variables for i in read.index)
        size, inner = graph.constant_bytes(name), _inner_rows(task, k)
        if unpacked and name in graph.packed:
            size = graph.constants[name].size * F32.bytes
        once = -(-size * rows * inner // task.rows) if own else size * steps * inner
        found[name] = max(found.get(name, 0), once)
    return sum(found.values())


def _inner_rows(task: Task, read: int) -> int:
    """Rows of the operator computed inside a task's, and reading there, for each of the task's."""
    reductions, rows = task.nest.reductions, 1
    used = (one for one in reductions if read in loads(one.start) | loads(one.update))
    outer = next((one.inside for one in used), None)
    while outer is not None:
        loop = next((v for v in reductions[outer].loops if v.extent > 1), None)
        if loop is not None and loop != task.row:
            rows *= loop.extent
        outer = reductions[outer].inside
    return rows
