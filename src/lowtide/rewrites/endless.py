"""Endless input: a network on rows that come for ever, a few new ones with each push.

    Conv 3x3, pads 1 1 1 1       x: 1 new row
    on [1, 8, 16, 16]    ->      Concat(2 rows before it, x) -> Conv 3x3, pads 0 1 0 1
                                 these 3 are kept for the next push, which reads the last 2

Rows are counted as in the file, so branches that part and meet again go on meeting: the one that
is earlier waits in rows that are kept. Padding along time is dropped. An operator over all of time
runs on the last rows, if a window is given: as many as it had in the file, or else their share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from lowtide.errors import ModelError, UsageError
from lowtide.ir.graph import Graph, Operator, Tensor
from lowtide.ir.nest import Nest
from lowtide.ir.pushes import Delay, Pushes
from lowtide.ir.state import State
from lowtide.layout.memory_order import preferred_orders
from lowtide.ops import ENTRIES, meaning, understood
from lowtide.quoting import for_terminal
from lowtide.rewrites.along_time import resized, takes_all
from lowtide.rewrites.row_flow import Flow, Flows, Ways, find_ways, refused
from lowtide.room import MAX_ELEMENTS, Room


def endless(
    graph: Graph,
    axes: Mapping[str, int],
    times: int = 1,
    window: int = 0,
    max_elements: int = MAX_ELEMENTS,
) -> Graph:
    """The network of which a call takes `times` the least number of new rows.

    `axes` has the axis of time of each input that has one. `window`: of so many rows of the input
    are the windows of operators over all of time; 0 refuses them. All tensors together may have
    `max_elements`. Raises UnsupportedModel.
    """
    ways = find_ways(graph, axes, windows=window > 0)
    flows = Flows(ways, times * ways.least_push, window)
    for name, axis in axes.items():
        flows.flows[name] = Flow(axis, flows.push)
    for op in graph.operators:
        flows.add(op)
    room = Room(max_elements)
    for name, flow in flows.flows.items():
        rows = flow.rows + flows.held(name)
        room.count(name, prod(resized(graph.shape(name), flow.axis, rows)))
    if window and all(rows == 1 for rows in flows.windows.values()):
        raise UsageError("--window: no operator needs all of time; leave it out")
    return _Writer(graph, ways, flows).written()


def time_axes(graph: Graph, axis: int | None = None) -> dict[str, int]:
    """The axis of time of each input that is handed in: the outermost in memory, or the one given.

    Of an input with two axes behind the batch it is the one that is nowhere the channels of a
    convolution: [N, C, L] and [N, T, F] look alike. Raises UsageError where there is no such axis.
    """
    kept = {one.input for one in graph.states}
    meanings = {op.output: meaning(op, graph) for op in graph.operators}
    orders = preferred_orders(graph, meanings, "nhwc")
    choices = {}
    for name in (name for name in graph.inputs if name not in kept):
        shape = graph.shape(name)
        if axis is not None and not 0 < axis < len(shape):
            most = len(shape) - 1
            raise UsageError(
                f"--time-axis {axis}: '{for_terminal(name)}' has axes 1 to {most} behind the batch"
            )
        outer = sorted((a for a in orders[name] if a > 0), key=lambda a: shape[a] == 1)
        if not outer:
            raise UsageError(f"--image endless: '{for_terminal(name)}' has no axis but its first")
        choices[name] = outer if axis is None else [axis]
    found = {name: outer[0] for name, outer in choices.items()}
    for name, outer in choices.items():
        if len(graph.shape(name)) == 3:
            tried = ({**found, name: a} for a in outer)
            found = min(tried, key=lambda axes: _are_channels(graph, axes))
    return found


def _are_channels(graph: Graph, axes: Mapping[str, int]) -> bool:
    """Whether rows would be the channels of some convolution or pool."""
    try:
        found = find_ways(graph, axes, windows=True).axes
    except ModelError:
        return True
    windows = (op for op in graph.operators if ENTRIES[op.type].kernel is not None)
    return any(found.get(op.inputs[0]) == 1 for op in windows)


@dataclass
class _Writer:
    graph: Graph
    ways: Ways
    flows: Flows
    operators: list[Operator] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    """The tensors with the rows that are kept before the new ones."""

    def written(self) -> Graph:
        graph = self.graph
        self.tensors = {name: self._resized(tensor) for name, tensor in graph.tensors.items()}
        for name in self.ways.given:
            self._keep(name)
        for op in graph.operators:
            self._write(op)
        made = replace(
            graph,
            inputs=(*graph.inputs, *(one.input for one in self.states)),
            outputs=(*graph.outputs, *(one.output for one in self.states)),
            operators=tuple(self.operators),
            tensors=self.tensors,
            states=(*graph.states, *self.states),
            pushes=self._pushes(),
        )
        return understood(made)

    def _pushes(self) -> Pushes:
        ways, windows = self.ways.ways, self.flows.windows
        pairs = [(op, ways[op.output]) for op in self.graph.operators if op.output in ways]
        dropped = {op.name: way.padding for op, way in pairs if way is not None and way.padding}
        last = {op.name: windows[op.output] for op, _ in pairs if op.output in windows}
        delays = tuple(self._delay(name) for name in self.graph.outputs)
        return Pushes(self.flows.push, delays, dropped, last)

    def _delay(self, output: str) -> Delay:
        flow, pushes = self.flows.flows.get(output), self.flows.valid_after(output)
        return Delay(output, pushes, *((flow.late, flow.rows) if flow else (0, 0)))

    def _resized(self, tensor: Tensor) -> Tensor:
        flow = self.flows.flows.get(tensor.name)
        if flow is None:
            return tensor
        return replace(tensor, shape=resized(tensor.shape, flow.axis, flow.rows))

    def _write(self, op: Operator) -> None:
        if op.output not in self.ways.ways:
            self.operators.append(op)
            return
        way = self.ways.ways[op.output]
        called = {name: self._read(op, name) for name in op.read if name in self.flows.flows}
        plain = self._on_window(op) if way is None else way.operator
        made = replace(plain, inputs=tuple(called.get(name, name) for name in plain.inputs))
        self.operators.append(made)
        if way is None:
            self._check(op, made, called)
        for name in op.outputs:
            if name in self.flows.flows:
                self._keep(name)

    def _keep(self, name: str) -> None:
        """Puts the rows that are kept before the new ones: what a call leaves are all of these.

        So they lie in one place, where the older ones are moved down, and the new ones made.
        """
        count, tensor = self.flows.held(name), self.tensors[name]
        if not count:
            return
        flow = self.flows.flows[name]
        joined = self._fresh(f"rows{len(self.states)}")
        before, old = self._fresh(f"{joined}.before"), self._fresh(f"{joined}.old")
        for new, rows in ((joined, count + flow.rows), (before, count + flow.rows), (old, count)):
            shape = resized(tensor.shape, flow.axis, rows)
            self.tensors[new] = replace(tensor, name=new, shape=shape)
        moved = _slice(before, old, flow.axis, flow.rows, flow.rows + count)
        join = Operator(joined, "Concat", (old, name), (joined,), {"axis": flow.axis})
        self.operators += (moved, join)
        quant = tensor.quant
        zero = quant.zeros[0] if quant is not None and len(quant.zeros) == 1 else 0
        self.states.append(State(joined, before, zero, shown=False))
        self.joined[name] = joined

    def _read(self, op: Operator, name: str) -> str:
        """The tensor with what an operator reads of another's rows."""
        flow, piece = self.flows.flows[name], self.flows.pieces[op.output, name]
        count = self.flows.held(name)
        first, end = count - piece.before, count + flow.rows - piece.without
        source = self.joined.get(name, name)
        if (first, end) == (0, count + flow.rows):
            return source
        cut = self._fresh(f"{name}.{first}_{end}")
        if cut not in self.tensors:
            shape = resized(self.tensors[name].shape, flow.axis, end - first)
            self.tensors[cut] = replace(self.tensors[name], name=cut, shape=shape)
            self.operators.append(_slice(source, cut, flow.axis, first, end))
        return cut

    def _fresh(self, name: str) -> str:
        taken = {*self.graph.tensors, *self.graph.constants}
        while name in taken:
            name += "_"
        return name

    # Operators over all of time.

    def _on_window(self, op: Operator) -> Operator:
        """An operator over all of time; a pool gets a kernel of the window's length."""
        axis = next(self.ways.axes[name] for name in op.read if name in self.ways.axes)
        if not takes_all(op, self.graph.shape(op.read[0])[axis], axis):
            return op
        sizes = [*op.attributes["kernel_shape"]]
        rank = len(sizes)
        pads = [*(op.attributes.get("pads") or [0] * 2 * rank)]
        sizes[axis - 2] = self.flows.windows[op.output]
        pads[axis - 2] = pads[axis - 2 + rank] = 0
        return replace(op, attributes={**op.attributes, "kernel_shape": sizes, "pads": pads})

    def _check(self, op: Operator, made: Operator, called: Mapping[str, str]) -> None:
        """Whether an operator over all of time takes as many rows as there are in its window."""
        for name, window in called.items():
            axis = self.ways.axes[name]
            rows = self.graph.shape(name)[axis]
            if self.flows.windows[op.output] != rows and not self._sums_up(made, window, axis):
                hint = f"--window {self.ways.file_rows} gives it these"
                raise refused(op, f"it runs on {rows} rows, no more and no fewer", hint)

    def _sums_up(self, made: Operator, window: str, axis: int) -> bool:
        """Whether each result takes all rows of a window, however many there are."""
        try:
            held = meaning(made, replace(self.graph, tensors=self.tensors))
        except ModelError:
            return False
        count = self.tensors[window].shape[axis]
        return isinstance(held, Nest) and all(
            read.index[axis].bounds == (0, count - 1)
            and not any(one.variables & read.index[axis].variables for one in held.axes)
            for read in held.reads
            if made.inputs[read.operand] == window
        )


def _slice(source: str, name: str, axis: int, first: int, end: int) -> Operator:
    attributes = {"axes": [axis], "starts": [first], "ends": [end]}
    return Operator(f"{name}.slice", "Slice", (source,), (name,), attributes, 9)
