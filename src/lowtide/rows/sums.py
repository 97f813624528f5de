"""Sums that wait: they need more bits than what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.ir.dtype import I32
from lowtide.ir.graph import Operator, Tensor
from lowtide.ir.nest import Nest
from lowtide.ir.view import contiguous
from lowtide.layout.lay_out import Layout, Place, storage_of
from lowtide.ops import understood
from lowtide.ops.parted import finish_of, sums_of
from lowtide.rows.task import Task, in_rows, make_tasks


def with_sums(layout: Layout, tasks: Sequence[Task]) -> tuple[Layout, tuple[Task, ...]]:
    """The tasks in rows, and the layout with sums that are not finished yet in 32 bits an element.

    Those are sums that grow row by row, and sums that another operator goes on from. A sum of int8
    products needs 32 bits; a float32 has them already.
    """
    rows = in_rows(tasks, layout)
    if layout.graph.as_if is None:
        return _parted(layout, rows)
    sums = {layout.places[task.output].storage for task in rows if task.accumulates}
    begun = {name for task in rows for name in task.begins_with}
    sums |= {layout.places[name].storage for name in begun & layout.places.keys()}
    narrow = [name for name in sums if layout.storages[name].dtype.bits < I32.bits]
    wide = {name: replace(layout.storages[name], dtype=I32) for name in narrow}
    return replace(layout, storages={**layout.storages, **wide}) if wide else layout, rows


def _parted(layout: Layout, rows: tuple[Task, ...]) -> tuple[Layout, tuple[Task, ...]]:
    """Operators whose sums grow in a type that their results do not have become two.

    The first keeps the sums in a storage of its own, the second makes the results of them.
    """
    parted = {task.output: task for task in rows if task.accumulates and _narrow(task, layout)}
    if not parted:
        return layout, rows
    for task in parted.values():
        layout = _with_storage(layout, task)
    operators = [
        one
        for op in layout.graph.operators
        for one in (_in_two(parted[op.output]) if op.output in parted else [op])
    ]
    graph = understood(replace(layout.graph, operators=tuple(operators)))
    layout = replace(layout, graph=graph)
    made = {task.output: task for task in in_rows(make_tasks(layout, rows), layout)}
    order = [n for t in rows for n in ([_sums(t)] if t.output in parted else []) + [t.output]]
    return layout, tuple(made[name] for name in order)


def _narrow(task: Task, layout: Layout) -> bool:
    """Whether a task's sums are of another type than its results."""
    return layout.graph.tensors[task.output].stored != task.nest.arithmetic


def _sums(task: Task) -> str:
    return f"{task.output}.sums"


def _with_storage(layout: Layout, task: Task) -> Layout:
    """The layout with a storage for the sums of a task."""
    name, place = _sums(task), layout.places[task.output]
    shape, order = place.strided.shape, place.strided.order
    tensor = Tensor(name, shape, task.nest.arithmetic)
    whole = contiguous(shape, order)
    return replace(
        layout,
        graph=replace(layout.graph, tensors={**layout.graph.tensors, name: tensor}),
        storages={**layout.storages, name: storage_of(name, tensor.stored, whole)},
        places={**layout.places, name: Place(name, whole)},
        origins={**layout.origins, name: frozenset((name,))},
    )


def _in_two(task: Task) -> list[Operator]:
    """The operators that sum, and that make the results of the sums."""
    op, operands, sums = task.operator, task.operands, _sums(task)
    first, second = sums_of(task.nest), finish_of(task.nest, len(operands))
    return [
        Operator(f"{op.name}.sums", "Sums", _read(first, operands), (sums,), {"nest": first}),
        Operator(op.name, "Finish", _read(second, (*operands, sums)), op.outputs, {"nest": second}),
    ]


def _read(nest: Nest, operands: Sequence[str]) -> tuple[str, ...]:
    """The operands that a nest reads; "" stands for the others."""
    used = {read.operand for read in nest.reads}
    return tuple(name if k in used else "" for k, name in enumerate(operands))
