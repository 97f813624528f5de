"""When the rows of each tensor come, if those of the input come for ever, some with each push.

x                 push n makes rows 2n, 2n + 1
conv 3, pad 1     rows 2n - 1, 2n: it is one late, since row i reads row i + 1 of x
add(x, conv)      rows 2n - 1, 2n: of x it reads one row from the push before
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, lcm

from lowtide.errors import ModelError, UnsupportedModel
from lowtide.ir.graph import Graph, Operator
from lowtide.rewrites.along_time import Along, along


@dataclass(frozen=True)
class Flow:
    """A tensor with rows along `axis`: push n makes rows n * rows - late .. + rows - 1.

    Rows are counted as in the file; `real` is the first that is made of rows of the input alone.
    """

    axis: int
    rows: int
    late: int = 0
    real: int = 0


@dataclass(frozen=True)
class Piece:
    """What an operator reads of a tensor: `before` rows older than the new, not the last `without`.

    With `before` < 0 not the first of the new, either.
    """

    before: int
    without: int = 0


@dataclass(frozen=True)
class Ways:
    """How operators go along time, by their first output: those that read rows that go on.

    None: it reads all of time, and runs on the last rows. `rates` are rows for one of the input.
    """

    graph: Graph
    given: Mapping[str, int]
    ways: Mapping[str, Along | None]
    axes: Mapping[str, int]
    rates: Mapping[str, Fraction]

    @property
    def least_push(self) -> int:
        """The least number of new rows of which every tensor gets whole rows."""
        return lcm(*(rate.denominator for rate in self.rates.values()))

    @property
    def file_rows(self) -> int:
        """How many rows the file's input has."""
        first = next(iter(self.given))
        return self.graph.shape(first)[self.given[first]]


@dataclass
class Flows:
    """The rows of all tensors, and what operators read of them.

    `once` has the tensors without rows that go on: the first push that they are valid after.
    `pieces` are by operator's first output and tensor, `windows` by operator's first output.
    """

    ways: Ways
    push: int
    window: int
    flows: dict[str, Flow] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)
    pieces: dict[tuple[str, str], Piece] = field(default_factory=dict)
    windows: dict[str, int] = field(default_factory=dict)
    of_windows: set[str] = field(default_factory=set)
    """Tensors that are made of a window alone, and rows that are made with them."""

    def held(self, name: str) -> int:
        """How many old rows of a tensor its readers need."""
        return max((p.before for (_, n), p in self.pieces.items() if n == name and p.before > 0),
                   default=0)  # fmt: skip

    def valid_after(self, name: str) -> int:
        """How many pushes make a tensor of rows from before the first, too."""
        if name not in self.flows:
            return self.once.get(name, 0)
        flow = self.flows[name]
        return max(ceil(Fraction(flow.real + flow.late, flow.rows)), 0)

    def add(self, op: Operator) -> None:
        """What an operator reads and makes, all before it being known."""
        once = max((self.once.get(name, 0) for name in op.read), default=0)
        mixed = any(name in self.of_windows for name in read_by(op))
        if mixed:
            self.of_windows |= {*op.outputs}
        if op.output not in self.ways.ways:
            self.once |= dict.fromkeys(op.outputs, once)
            return
        way = self.ways.ways[op.output]
        read = {name: self.flows[name] for name in op.read if name in self.flows}
        if way is None:
            if mixed:
                raise refused(op, "it runs over all of time on what a window was used for before")
            self.of_windows |= {*op.outputs}
            late = max(flow.late for flow in read.values())
            once = max(once, *(self._windowed(op, name, late) for name in read))
            self.once |= dict.fromkeys(op.outputs, once)
            return
        late = max(_late(way, flow) for flow in read.values())
        real = max(_real(way, flow) for flow in read.values())
        rows = int(self.ways.rates[op.output] * self.push)
        flow = Flow(way.axis, rows, late, max(real, once * rows - late))
        self.flows |= dict.fromkeys(op.outputs, flow)
        for name, one in read.items():
            piece = self.pieces[op.output, name] = _piece(way, one, late)
            if name in self.of_windows and piece.before > 0:
                raise refused(op, "it reads older rows, each made with the window of its own call")

    def _windowed(self, op: Operator, name: str, late: int) -> int:
        """The push after which a window, of rows that are `late` late, is full of real rows."""
        flow, length = self.flows[name], self._length(name)
        self.windows[op.output] = length
        without = late - flow.late
        self.pieces[op.output, name] = Piece(length - flow.rows + without, without)
        return max(ceil(Fraction(flow.real + late + length, flow.rows)) - 1, 0)

    def _length(self, name: str) -> int:
        """How many rows of a tensor there are to as many of the input as the window has."""
        rows = self.ways.graph.shape(name)[self.ways.axes[name]]
        if rows == 1 or self.window == self.ways.file_rows:
            return rows
        return ceil(self.window * self.ways.rates[name])


def find_ways(graph: Graph, given: Mapping[str, int], windows: bool) -> Ways:
    """How all operators go along time; `given` has the axis of time of each input that has one.

    Raises UnsupportedModel for operators over all of time, unless there are `windows` for them.
    """
    axes, rates = dict(given), {name: Fraction(1) for name in given}
    ways: dict[str, Along | None] = {}
    for op in graph.operators:
        read = [name for name in op.read if name in axes]
        if not read:
            continue
        way = along(op, graph, axes)
        if way is None and not windows and any(graph.shape(n)[axes[n]] > 1 for n in read):
            hint = "--window ROWS runs it on the last rows of the input"
            raise refused(op, "no row that it makes is made of a few rows along time", hint)
        if len({rates[name] for name in read}) > 1:
            raise refused(op, "its inputs have rows at different rates")
        if way is not None:
            axes |= dict.fromkeys(op.outputs, way.axis)
            rates |= dict.fromkeys(op.outputs, rates[read[0]] * way.up / way.down)
        ways[op.output] = way
    return Ways(graph, given, ways, axes, rates)


def read_by(op: Operator) -> tuple[str, ...]:
    """All that an operator reads, also by what is fused onto it."""
    return (*op.read, *(name for one in op.epilogue for name in one.inputs))


def refused(op: Operator, what: str, hint: str | None = None) -> ModelError:
    """The error for an operator that cannot have endless input."""
    return UnsupportedModel(f"endless input: {what}", node=op.name, operator=op.type, hint=hint)


def _late(way: Along, flow: Flow) -> int:
    """How late rows are made of an input that is `flow.late` late."""
    if way.up > 1:
        return way.last + way.up * flow.late
    return ceil(Fraction(flow.late + way.last - way.down + 1, way.down))


def _real(way: Along, flow: Flow) -> int:
    """The first row of the file's that is made of real rows alone."""
    if way.up > 1:
        return max(way.up * (flow.real - 1) + 1 - way.first, 0)
    return max(ceil(Fraction(flow.real - way.first, way.down)), 0)


def _piece(way: Along, flow: Flow, late: int) -> Piece:
    """What of an input is read for rows that are made `late` late."""
    if way.up > 1:
        return Piece((way.last - way.first) // way.up)
    before = late * way.down - flow.late - way.first
    without = late * way.down - flow.late + way.down - 1 - way.last
    # Less than a stride is left over by a window anyway.
    return Piece(before, without if without >= way.down or way.down == 1 else 0)
