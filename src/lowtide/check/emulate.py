"""The plan run in numpy, row by row, for those who have no C compiler.

The same definitions, the same arena, the same check of every read; slower. A row is computed at
once, also where it takes several steps: what these would do to each other is looked for in the
addresses. Of several rows in one step none may overwrite what another reads, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np

from lowtide.check.arena import Memory, all_of
from lowtide.check.difference import check_comparable, check_near, compare, scales
from lowtide.check.expected import summary
from lowtide.check.judge import EMULATED, Checks
from lowtide.check.numbers import Sample
from lowtide.clock import Progress, quiet
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array
from lowtide.ir.index import Index, IntArray
from lowtide.ir.nest import Read
from lowtide.ir.value import Acc, Call, Chosen, FromIndex, FromTable, Load, Number, Value
from lowtide.ir.whole import functions
from lowtide.planner.plan import Plan
from lowtide.rows.task import Task

_MOST_POINTS = 1 << 24


def judge_emulated(plan: Plan, samples: Sequence[Sample], progress: Progress) -> Checks:
    """Runs every sample; raises CheckError for a wrong read or a result too far off."""
    check_comparable(samples)
    reads = 0
    results: dict[str, Sequence[Array]] = {}
    machine = Machine(plan)
    for sample in samples:
        machine = machine if plan.states else Machine(plan)
        results[sample.name] = machine.run(sample.inputs, progress)
        reads = machine.reads if plan.states else reads + machine.reads
    worst = compare(results, samples)
    check_near(worst, samples, "the plan")
    samples = [sample.settled(results[sample.name]) for sample in samples]
    against = summary([sample.expected for sample in samples], scales(samples))
    return Checks(EMULATED, reads, 0, worst, against, samples, results)


class Machine:
    """The plan's tasks, run on a memory of their own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.memory = Memory(plan)
        for one in plan.states:
            place = plan.layout.places[one.output.tensor]
            self.memory.store(place, all_of(place), np.full(one.output.shape, one.initial))
        self.step = Index()
        """How the steps of the current task follow within a row."""

    @property
    def reads(self) -> int:
        """How many reads were checked."""
        return self.memory.reads

    def run(self, inputs: Mapping[str, Array], progress: Progress = quiet) -> list[Array]:
        """The network's outputs, in ONNX's axis order."""
        places = self.plan.layout.places
        for port in self.plan.inputs:
            if not port.streamed:
                place = places[port.tensor]
                self.memory.store(place, all_of(place), inputs[port.name])
        for one in self.plan.states:
            self.memory.carry(places[one.input.tensor], places[one.output.tensor])
        taken = {
            port.tensor: np.zeros(port.shape, port.dtype)
            for port in self.plan.outputs
            if port.streamed
        }
        for run in self.plan.schedule.runs:
            task = self.plan.tasks[run.task]
            if task.port:
                self._hand_over(task, range(run.first, run.first + run.rows), {**inputs, **taken})
                continue
            progress(f"running {task.operator.name} in numpy")
            self.step = task.step(run.backward)
            for rows in run.step_rows():
                self._step(task, rows)
        return [
            taken[name]
            if name in taken
            else self.memory.load(places[name], all_of(places[name]), f"output '{name}'")
            for name in (port.tensor for port in self.plan.outputs)
        ]

    def _hand_over(self, task: Task, rows: range, values: Mapping[str, Array]) -> None:
        """The caller writes rows of an input, or takes rows of an output."""
        place = self.plan.layout.places[task.output]
        crop = self.plan.layout.graph.crops.get(task.output)
        own = values[crop.input if crop else task.output]
        if crop:
            own = own[tuple(slice(*span) for span in crop.region)]
        row_elements = self.plan.layout.storages[place.storage].row_elements
        linear = all_of(place)
        for row in rows:
            here = linear // row_elements == row
            if task.port == "in":
                self.memory.store(place, linear[here], own[here])
            else:
                own[here] = self.memory.load(place, linear[here], f"output '{task.output}'")

    def _step(self, task: Task, rows: range) -> None:
        """The rows of one step: all of a row is read before any of it is stored.

        What the step writes is noted before its first read, so that no order of its rows is right
        by chance.
        """
        place = self.plan.layout.places[task.output]
        pieces = [list(self._grids(task, row)) for row in rows]
        made = [
            [np.broadcast_to(place.strided.at(task.nest.axes).evaluate(g), s) for g, s in grids]
            for grids in pieces
        ]
        for grids, where in zip(pieces, made, strict=True):
            for (grid, _), linear in zip(grids, where, strict=True):
                moment = self.step.evaluate(grid) * task.grain.ticks + task.grain.ticks - 1
                self.memory.write_at(place, linear, moment)
        for grids, where in zip(pieces, made, strict=True):
            values = [self._chunk(task, grid, shape) for grid, shape in grids]
            for linear, value in zip(where, values, strict=True):
                self.memory.store(place, linear, value)
        for linear in (one for where in made for one in where):
            self.memory.write_at(place, linear)

    def _grids(self, task: Task, row: int) -> Iterator[tuple[dict[str, IntArray], tuple[int, ...]]]:
        """The row's variables in pieces that fit into memory: as arrays, and their shape."""
        nest, free = task.nest, task.inside
        at: dict[str, IntArray] = {task.row.name: np.asarray(row)} if task.row else {}
        block = free[-1] if free else None
        inner = max((nest.rounds(k) for k in range(len(nest.reductions))), default=1)
        outer = prod(v.extent for v in free[:-1])
        chunk = max(1, _MOST_POINTS // max(inner * outer, 1))
        for first in range(0, block.extent if block else 1, chunk):
            values = [np.arange(v.extent, dtype=np.int64) for v in free]
            if block:
                values[-1] = values[-1][first : first + chunk]
            grid = {v.name: _along(values[i], i, len(free)) for i, v in enumerate(free)}
            yield {**at, **grid}, tuple(len(held) for held in values)

    def _chunk(self, task: Task, grid: Mapping[str, IntArray], shape: tuple[int, ...]) -> Array:
        """Part of a row: `shape` is that of the grid."""
        accs: dict[int, Array] = {}
        for k in task.nest.within(None):
            accs[k] = self._reduce(task, k, grid, shape, accs)
        value = self._value(task, task.nest.finish, grid, accs, ())
        if task.accumulates and task.row and int(grid[task.row.name]) < task.rows - 1:
            (k,) = accs
            value = accs[k]
        return np.broadcast_to(value, shape)

    def _reduce(
        self,
        task: Task,
        number: int,
        grid: Mapping[str, IntArray],
        shape: tuple[int, ...],
        accs: Mapping[int, Array],
    ) -> Array:
        """start, then function(acc, rest) over the loops; all reductions have that form."""
        reduction = task.nest.reductions[number]
        start = self._value(task, reduction.start, grid, accs, ())
        update, loops = reduction.update, reduction.loops
        if task.accumulates and task.row and number in task.nest.within(None):
            loops = tuple(loop for loop in loops if loop != task.row)
            if int(grid[task.row.name]) > 0:
                start = self._kept(task, grid, shape)
        rank, extra = len(shape), len(loops)
        wide = {k: v.reshape(v.shape + (1,) * extra) if v.ndim else v for k, v in grid.items()}
        wide |= {
            loop.name: _along(np.arange(loop.extent, dtype=np.int64), rank + i, rank + extra)
            for i, loop in enumerate(loops)
        }
        full = (*shape, *(loop.extent for loop in loops))
        earlier = {k: np.asarray(a).reshape(np.shape(a) + (1,) * extra) for k, a in accs.items()}
        for k in task.nest.within(number):
            earlier[k] = self._reduce(task, k, wide, full, earlier)
        masks: list[Array] = []
        own = Acc(number)
        if isinstance(update, Call) and update.arguments[0] == own:
            rest = self._value(task, update.arguments[1], wide, earlier, masks)
            function = functions(task.nest.arithmetic)[update.function]
            ufunc, neutral = function.numpy, function.neutral
            assert isinstance(ufunc, np.ufunc)
            assert neutral is not None
            terms = np.broadcast_to(self._masked(rest, masks, neutral), full)
            total = ufunc.reduce(terms.reshape(*shape, -1), axis=-1)
            return np.asarray(ufunc(np.broadcast_to(start, shape), total))
        assert not loops
        loaded = self._value(task, update, wide, earlier, masks)
        return self._masked(loaded, masks, start)

    def _kept(self, task: Task, grid: Mapping[str, IntArray], shape: tuple[int, ...]) -> Array:
        """What the rows before have left of an accumulator."""
        place = self.plan.layout.places[task.output]
        linear = np.broadcast_to(place.strided.at(task.nest.axes).evaluate(grid), shape)
        return self.memory.load(place, linear, task.operator.name)

    def _masked(self, value: Array, masks: list[Array], otherwise: Array | float) -> Array:
        for mask in masks:
            value = np.where(mask, value, np.asarray(otherwise, np.asarray(value).dtype))
        return np.asarray(value)

    def _value(
        self,
        task: Task,
        value: Value,
        grid: Mapping[str, IntArray],
        accs: Mapping[int, Array],
        masks: list[Array] | tuple[()],
    ) -> Array:
        if isinstance(value, Number):
            return np.asarray(value.value, _kind(task))
        if isinstance(value, Acc):
            return accs[value.reduction]
        if isinstance(value, FromIndex):
            return np.asarray(value.index.evaluate(grid)).astype(_kind(task))
        if isinstance(value, FromTable):
            return np.asarray(value.table, _kind(task))[value.index.evaluate(grid)]
        if isinstance(value, Load):
            return self._read(task, task.nest.reads[value.read], grid, masks)
        if isinstance(value, Chosen):
            at = self._value(task, value.at, grid, accs, masks)
            return np.asarray(value.table, _kind(task))[at.astype(np.int64) - value.first]
        parts = [self._value(task, a, grid, accs, masks) for a in value.arguments]
        with np.errstate(all="ignore"):
            function = functions(task.nest.arithmetic)[value.function]
            return np.asarray(function.numpy(*parts), _kind(task))

    def _read(
        self,
        task: Task,
        read: Read,
        grid: Mapping[str, IntArray],
        masks: list[Array] | tuple[()],
    ) -> Array:
        name, layout = task.operands[read.operand], self.plan.layout
        index, exists = [], np.asarray(True)
        for zero in read.zero:
            exists = exists & (zero.evaluate(grid) == 0)
        for one, extent in zip(read.index, layout.graph.shape(name), strict=True):
            at = one.evaluate(grid)
            exists = exists & (at >= 0) & (at < extent)
            index.append(np.clip(at, 0, extent - 1))
        if not exists.all():
            assert isinstance(masks, list), "padding outside a reduction"
            masks.append(exists)
        if name not in layout.places:
            return _number(task, layout.graph.constants[name][tuple(index)])
        place = layout.places[name]
        linear = np.asarray(place.strided.offset, np.int64)
        for at, stride in zip(index, place.strided.strides, strict=True):
            linear = linear + at * stride
        # Not even its own step may overwrite what it reads, unless the step is atomic.
        safe = self.step.evaluate(grid) * task.grain.ticks + 1
        linear, exists, safe = np.broadcast_arrays(linear, exists, safe)
        found = self.memory.load(place, linear[exists], task.operator.name, safe[exists])
        loaded = np.zeros(linear.shape, found.dtype)
        loaded[exists] = found
        return _number(task, loaded)


def _kind(task: Task) -> type[np.float32] | type[np.int64]:
    """What a task's numbers are here: int32 has room to spare, so that nothing wraps unseen."""
    return np.float32 if task.nest.arithmetic == F32 else np.int64


def _number(task: Task, values: Array) -> Array:
    """What was read, as the task computes with it; whole numbers may be scaled by floats."""
    held = np.asarray(values)
    return held.astype(np.float32 if held.dtype.kind == "f" else _kind(task))


def _along(values: IntArray, axis: int, rank: int) -> IntArray:
    return values.reshape([-1 if a == axis else 1 for a in range(rank)])
