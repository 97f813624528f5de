"""What a network costs: the live bytes of each step, peaks under four rules, MACs, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowtide.ir.graph import Operator
from lowtide.layout.lay_out import Layout
from lowtide.rows.liveness import Lives, live_bytes
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task


@dataclass(frozen=True, eq=False)
class Whole:
    """The network as it was given, layer by layer with whole tensors: the baseline of a plan.

    No pool is fused, and no operator made in parts.
    """

    layout: Layout
    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives


@dataclass(frozen=True)
class Cost:
    """One operator: its live bytes layer by layer, multiply-adds and weights."""

    name: str
    type: str
    shape: tuple[int, ...]
    live_bytes: int
    macs: int
    weight_bytes: int


@dataclass(frozen=True)
class Profile:
    """What a network costs: peaks of activations in bytes, multiply-adds, bytes of weights.

    Inputs and outputs are counted; fused activations are not stored.

    no_reuse      every storage has bytes of its own
    ping_pong     the largest operator's distinct inputs and output; nothing else counted
    layerwise     the most that whole storages live at one operator
    lower_bound   the most that rows live at one step, at the overlap of the plan
    """

    costs: tuple[Cost, ...]
    no_reuse_bytes: int
    ping_pong_bytes: int
    layerwise_bytes: int
    lower_bound_bytes: int
    macs: int
    weight_bytes: int

    @property
    def peak(self) -> Cost:
        """The operator at which the most bytes live, layer by layer."""
        return max(self.costs, key=lambda cost: cost.live_bytes)


def measure(whole: Whole, done: Sequence[Task], lower_bound_bytes: int) -> Profile:
    """Measures a network layer by layer; multiply-adds are those of the tasks in `done`.

    `lower_bound_bytes` is the plan's: the most bytes that live at one moment of its schedule.
    """
    layout, tasks, schedule = whole.layout, whole.tasks, whole.schedule
    lives = live_bytes(whole.lives, schedule.ticks)
    sizes = {name: s.bytes for name, s in layout.storages.items()}
    costs, ping_pong = [], 0
    for run, tick in schedule.timed():
        task = tasks[run.task]
        live = int(lives[tick : tick + run.moments].max())
        weights = weights_of(task, layout)
        shape = layout.graph.shape(task.output)
        cost = Cost(task.operator.name, label(task), shape, live, task.nest.macs, weights)
        costs.append(cost)
        ping_pong = max(ping_pong, sum(sizes[s] for s in storages_of(task, layout)))
    names = {name for task in tasks for name in constants_of(task, layout)}
    weight_bytes = sum(layout.graph.constant_bytes(name) for name in names)
    return Profile(
        costs=tuple(costs),
        no_reuse_bytes=sum(sizes.values()),
        ping_pong_bytes=ping_pong,
        layerwise_bytes=int(lives.max()),
        lower_bound_bytes=lower_bound_bytes,
        macs=sum(task.nest.macs for task in done),
        weight_bytes=weight_bytes,
    )


def storages_of(task: Task, layout: Layout) -> set[str]:
    """The storages a task reads or writes."""
    names = (name for name in (*task.reads, task.output) if name in layout.places)
    return {layout.places[name].storage for name in names}


def constants_of(task: Task, layout: Layout) -> list[str]:
    """The constants a task's definition reads, each once."""
    return [name for name in task.reads if name in layout.graph.constants]


def weights_of(task: Task, layout: Layout) -> int:
    """Bytes of the constants a task reads."""
    used = constants_of(task, layout)
    return sum(layout.graph.constant_bytes(name) for name in used)


def label(task: Task) -> str:
    """The operator's type with what is fused onto it: Conv+Relu."""
    return "+".join(_types(task.operator))


def _types(op: Operator) -> list[str]:
    inner = _types(op.inlined) if op.inlined else []
    return [*inner, op.type, *(one.type for one in op.epilogue)]


def contains(op: Operator, name: str) -> bool:
    """Whether an operator has this name, or computes an operator of this name inside it."""
    return op.name == name or (op.inlined is not None and contains(op.inlined, name))
