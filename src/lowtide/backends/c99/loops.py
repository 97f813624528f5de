"""The reference loops of an operator, straight from its definition.

for each pixel, for a block of channels:
    float acc[16] = bias                         the innermost axis in memory is blocked,
    for ky, kx, i:                               so a value that all its channels share is
        const float a0 = READ(S1, h, ...)        read (and checked) once for the block
        for c: acc[c] += a0 * w1[...]
    for c: WRITE(S2, y, ..., acc[c])

In an atomic step nothing is written before everything is read: where the accumulators do not hold
the whole pixel already, a buffer does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from lowtide.backends.c99.branches import Test, keeps_branch
from lowtide.backends.c99.packed import element
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression, within
from lowtide.ir.dtype import F32, DType
from lowtide.ir.index import Index, Var
from lowtide.ir.nest import BoundedRead, Nest, bound_inside
from lowtide.ir.value import Acc, Call, Value, loads
from lowtide.ir.view import contiguous
from lowtide.kernels.packing import InOrder
from lowtide.kernels.patterns import LOOP_BLOCK as BLOCK
from lowtide.kernels.patterns import needs_buffer, order_of_constant
from lowtide.rows.task import Task, depends_on


def reference_loops(task: Task, program: Program, lines: Lines, backward: bool) -> None:
    """Emits the body of `task` for the row in its row variable."""
    program.use_values(task.nest)
    _Loops(task, program, lines, backward).emit()


@dataclass
class _Loops:
    task: Task
    program: Program
    lines: Lines
    backward: bool
    around: list[Var] = field(default_factory=list)
    guarded: set[Var | Index] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    block: Var | None = None
    buffered: bool = False

    def emit(self) -> None:
        nest, row, free = self.task.nest, self.task.row, self.task.inside
        cut = self.task.pixels if self.task.grain.pixels else ()
        needed: set[Var] = set(cut)
        for k in range(len(nest.reductions)):
            needed |= depends_on(nest, k)
        if nest.reductions and free and free[-1] in needed and free[-1] not in cut:
            self.block = free[-1]
        self.buffered = self.task.grain.atomic and needs_buffer(self.task, self.program.plan.layout)
        self.around = [row] if row else []
        outer = [v for v in free if v in needed and v != self.block]
        inner = [v for v in free if v not in needed]
        with ExitStack() as loops:
            for v in outer:
                loops.enter_context(self._loop(v, self.backward and v in cut))
            if self.buffered:
                made = self.program.stored(self.task.output).c
                self.lines.add(f"{made} made[{self.task.channels}];")
            with ExitStack() as pixel:
                self._cut_block(pixel)
                for k in nest.within(None):
                    self._reduce(k)
                for v in inner:
                    pixel.enter_context(self._loop(v))
                self._finish()
            if self.buffered:
                self._write_buffer()

    @contextmanager
    def _loop(self, v: Var, down: bool = False) -> Iterator[None]:
        if down:
            self.lines.down(v.name, v.extent)
        else:
            self.lines.loop(v.name, v.extent)
        with self._within(v):
            yield
        self.lines.close()

    @contextmanager
    def _within(self, v: Var) -> Iterator[None]:
        self.around.append(v)
        yield
        self.around.pop()

    def _cut_block(self, loops: ExitStack) -> None:
        """A block of more than BLOCK elements is cut by a loop of its own."""
        block = self.block
        if block is None or block.extent <= BLOCK:
            return
        name, rest = block.name, f"{block.extent} - {block.name}0"
        self.lines.loop(f"{name}0", block.extent, step=BLOCK)
        loops.callback(self.lines.close)
        if block.extent % BLOCK:
            self.lines.add(f"const int {name}1 = {name}0 + ({rest} < {BLOCK} ? {rest} : {BLOCK});")

    @contextmanager
    def _over_block(self) -> Iterator[None]:
        """The loop over the block, if there is one."""
        block = self.block
        if block is None:
            yield
            return
        if block.extent <= BLOCK:
            self.lines.loop(block.name, block.extent)
        else:
            end = f"{block.name}1" if block.extent % BLOCK else f"{block.name}0 + {BLOCK}"
            self.lines.loop(block.name, end, start=f"{block.name}0")
        with self._within(block):
            yield
        self.lines.close()

    def _acc(self, k: int) -> str:
        """The text of accumulator k: one number, or an element of an array over the block."""
        name = "acc" if len(self.task.nest.reductions) == 1 else f"acc{k}"
        if self.block is None:
            return name
        first = f" - {self.block.name}0" if self.block.extent > BLOCK else ""
        return f"{name}[{self.block.name}{first}]"

    def _reduce(self, k: int) -> None:
        reduction = self.task.nest.reductions[k]
        reads, acc = loads(reduction.update), self._acc(k)
        guarded, names = set(self.guarded), dict(self.names)
        start = bare(self._start(k))
        if self.block:
            size = min(self.block.extent, BLOCK)
            self.lines.add(f"{self.kind} {acc.split('[')[0]}[{size}];")
            with self._over_block():
                self.lines.add(f"{acc} = {start};")
        else:
            self.lines.add(f"{self.kind} {acc} = {start};")
        with ExitStack() as scopes:
            self._guard(k, scopes)
            for v in self._rest(k):
                scopes.enter_context(self._loop(v))
                self._guard(k, scopes)
            for inner in self.task.nest.within(k):
                self._reduce(inner)
            self._name_shared(reads)
            with self._over_block(), ExitStack() as inside:
                self._guard(k, inside)
                self.lines.add(self._update(k, reduction.update))
        self.guarded, self.names = guarded, names

    def _start(self, k: int) -> str:
        """What an accumulator begins with: what the rows before have left, if there are any."""
        task, start = self.task, self._text(self.task.nest.reductions[k].start)
        if not task.accumulates or task.row is None or k not in task.nest.within(None):
            return start
        return f"{task.row.name} == 0 ? {start} : READ({self._target()})"

    def _update(self, k: int, update: Value) -> str:
        acc = self._acc(k)
        if isinstance(update, Call) and update.function == "add" and update.arguments[0] == Acc(k):
            return f"{acc} += {bare(self._text(update.arguments[1]))};"
        return f"{acc} = {bare(self._text(update))};"

    def _rest(self, k: int) -> list[Var]:
        """The loops of a reduction that are not open yet."""
        loops = self.task.nest.reductions[k].loops
        return [v for v in loops if v.extent > 1 and v not in self.around]

    def _guard(self, reduction: int, scopes: ExitStack) -> None:
        """Opens an `if` for each padding test that can be made here and was not made yet."""
        reads = sorted(loads(self.task.nest.reductions[reduction].update))
        known, here = frozenset(self.around), dict[Var | Index, Index]()
        for k in reads:
            here |= {test: index for test, index in self._tests(k) if index.variables <= known}
        here = {test: index for test, index in here.items() if test not in self.guarded}
        self.guarded |= here.keys()
        if here and all(test in self.guarded for k in reads for test, _ in self._tests(k)):
            self._keep_branch(reduction, reads)
        for test, index in here.items():
            if isinstance(test, Var):
                self.lines.add(f"const int {test.name} = {index.c()};")
                self._open_if(within(test.name, index, test.extent), index, scopes)
            else:
                self._open_if(f"{index.c()} == 0", index, scopes)

    def _tests(self, k: int) -> list[tuple[Var | Index, Index]]:
        """What is tested before read k: that an index is 0, or within what a variable can be."""
        zero: list[tuple[Var | Index, Index]] = [(z, z) for z in self.task.nest.reads[k].zero]
        return [*zero, *self._bounded(k).guards]

    def _keep_branch(self, reduction: int, reads: Sequence[int]) -> None:
        """Adds what keeps the test that follows a branch, where it has to be one."""
        inside, block = list[Var](), self.block if self.block not in self.around else None
        for k in (reduction, *self.task.nest.within(reduction)):
            inside += [v for v in self._rest(k) if v not in inside]
        inside += [block] if block else []
        test = Test(tuple(self.around), tuple(inside), block)
        if keeps_branch(test, reads, self.task, self.program.plan.layout):
            self.lines.add("KEEP_BRANCH;")
            self.program.branches = True

    def _open_if(self, test: str, index: Index, scopes: ExitStack) -> None:
        self.program.use_tables(index)
        self.lines.open(f"if ({test})")
        scopes.callback(self.lines.close)

    def _bounded(self, k: int) -> BoundedRead:
        read = self.task.nest.reads[k]
        name = self.task.operands[read.operand]
        suffix = "" if k == 0 else str(k)
        return bound_inside(read, self.program.plan.layout.graph.shape(name), suffix)

    def _name_shared(self, reads: frozenset[int]) -> None:
        """Reads that the whole block shares get a name before the block's loop."""
        for k in sorted(reads):
            read = self.task.nest.reads[k]
            if self.block and all(self.block not in i.variables for i in (*read.index, *read.zero)):
                kind = self.kind if self._stored(k) != F32 else F32.c
                self.lines.add(f"const {kind} a{k} = {bare(self._load(k))};")
                self.names[k] = f"a{k}"

    def _load(self, k: int) -> str:
        if k in self.names:
            return self.names[k]
        name = self.task.operands[self.task.nest.reads[k].operand]
        places = self.program.plan.layout.places
        if name not in places:
            return constant_element(self.task, k, self.program)
        read = f"READ({self.program.address(places[name], self._bounded(k).index).c})"
        return as_number(read, self._stored(k), self.task.nest)

    def _stored(self, k: int) -> DType:
        """The type in which what read k finds lies in memory."""
        return self.program.stored(self.task.operands[self.task.nest.reads[k].operand])

    @property
    def kind(self) -> str:
        """The type of numbers and accumulators in C."""
        return self.task.nest.arithmetic.c

    def _text(self, value: Value) -> str:
        return expression(value, self._load, self._acc, self.task.nest.arithmetic)

    def _finish(self) -> None:
        task, value = self.task, bare(self._text(self.task.nest.finish))
        if task.accumulates and task.row is not None:
            (k,) = task.nest.within(None)
            last = f"{task.row.name} == {task.rows - 1}"
            value = f"{last} ? {value} : {self._acc(k)}" if value != self._acc(k) else value
        with self._over_block():
            if self.buffered:
                self.lines.add(f"made[{self.task.inside[-1].name}] = {value};")
            else:
                self.lines.add(f"WRITE({self._target()}, {self._narrowed(value)});")

    def _narrowed(self, value: str) -> str:
        """A value in the type of the output's elements, cast where that is a narrower one."""
        stored = self.program.stored(self.task.output)
        return value if stored == self.task.nest.arithmetic else f"({stored.c})({value})"

    def _write_buffer(self) -> None:
        channel = self.task.inside[-1].name
        self.lines.loop(channel, self.task.channels)
        self.lines.add(f"WRITE({self._target()}, {self._narrowed(f'made[{channel}]')});")
        self.lines.close()

    def _target(self) -> str:
        place = self.program.plan.layout.places[self.task.output]
        return self.program.address(place, self.task.nest.axes).c


def constant_element(task: Task, k: int, program: Program) -> str:
    """The constant that read k points at; its axes are laid out in the order the loops run."""
    read = task.nest.reads[k]
    name, order = task.operands[read.operand], order_of_constant(task, read)
    graph, weight = program.plan.layout.graph, program.weight(InOrder(name, order))
    at = contiguous(graph.shape(name), list(order)).at(read.index)
    program.use_tables(at)
    codes = graph.packed.get(name)
    if codes is None:
        return as_number(f"{weight}[{at.c()}]", program.stored(name), task.nest)
    vector = read.index[0] // (graph.shape(name)[0] // codes.vectors)
    program.use_tables(vector)
    return element(weight, codes, at.c(), vector.c())


def as_number(element: str, stored: DType, nest: Nest) -> str:
    """An element as a nest computes with it: among floats, whole numbers become floats."""
    return f"(float){element}" if nest.arithmetic == F32 != stored else element
