"""From a Graph to the machine: a process for each operator, each padding and each fork.

What needs more than a line buffer is refused: an operator of more than a row whose first needs the
last that comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from lowtide.backends.fifo.machine import Edge, Kind, Machine, Process
from lowtide.backends.fifo.needs import Pads, TooMany, direct, padded, pads_of, through
from lowtide.backends.fifo.program import Program, program
from lowtide.backends.fifo.stream import Stream, seen, stream_of
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.ir.graph import Graph, Operator
from lowtide.ir.index import IntArray
from lowtide.ir.meaning import Join, Views
from lowtide.layout.memory_order import channels_last, preferred_orders
from lowtide.ops import meaning
from lowtide.ops.definition import Definition, definition

_FEW = 2
"""Rows that any line buffer holds."""


def build(graph: Graph) -> Machine:
    """The machine of a network; raises UnsupportedModel for what is no stream of pixels."""
    if graph.states:
        raise UsageError("--target fifo is for networks without --state")
    builder = _Builder(graph)
    for name in graph.inputs:
        builder.add_input(name)
    for op in graph.operators:
        try:
            builder.add(op)
        except TooMany:
            raise _refuse(
                op, "the order in which it reads its input is too irregular to follow"
            ) from None
    for name in graph.outputs:
        builder.read(name, builder.process(name, "output", builder.whole(name)), builder.all(name))
    return builder.machine()


def _refuse(op: Operator, why: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"cannot be streamed: {why}",
        node=op.name,
        operator=op.type,
        hint="hls4ml and FINN have no such layer either; cut the network before it",
    )


@dataclass
class _Builder:
    """The machine as it grows; `made` says by which process, `root` of what a tensor is a view."""

    graph: Graph
    processes: list[Process] = field(default_factory=list)
    wanted: list[tuple[str, int, IntArray]] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    root: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, IntArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held = {op.output: meaning(op, self.graph) for op in self.graph.operators}
        self.orders = preferred_orders(self.graph, held, "nhwc")
        self.meanings = held

    def process(self, name: str, kind: Kind, does: Program) -> int:
        taken = {one.name for one in self.processes}
        while name in taken:
            name += ".out" if kind == "output" else ".again"
        self.processes.append(Process(name, kind, does.firings, does.writes))
        return len(self.processes) - 1

    def read(self, name: str, by: int, reads: IntArray) -> None:
        self.wanted.append((self.root.get(name, name), by, reads))

    def whole(self, name: str) -> Program:
        """A process that does no more than hand pixels over."""
        pixels = self.streams[self.root.get(name, name)].pixels
        return Program(pixels, {}, np.arange(pixels))

    def all(self, name: str) -> IntArray:
        return self.whole(name).writes

    def add_input(self, name: str) -> None:
        self.streams[name] = stream_of(self.graph.shape(name), self.orders[name])
        self.made[name] = self.process(name, "input", self.whole(name))

    def add(self, op: Operator) -> None:
        held = self.meanings[op.output]
        if isinstance(held, Views):
            self._view(op, held)
            return
        out = self._out(op)
        stated = definition(op, self.graph)
        if isinstance(held, Join) or stated is None:
            assert isinstance(held, Join)
            needs = self._joined(op, held.axis, out)
        else:
            needs = dict(self._nest(op, stated, out))
        comes = {name: self._comes(name) for name in needs}
        for name, need in needs.items():
            came = self.streams[self.root.get(name, name)]
            row = came.strides[came.outer] if came.grid else 1
            rows = came.pixels // row
            if rows > _FEW and out.pixels > row and need[0] >= came.pixels - row:
                raise _refuse(op, f"its first row needs the last of the {rows} rows of '{name}'")
        does = program(needs, comes, out.pixels)
        self.streams[op.output] = out
        self.made[op.output] = self.process(op.name, "layer", does)
        for name in needs:
            self.read(name, self.made[op.output], does.reads[name])

    def _out(self, op: Operator) -> Stream:
        """The stream of a result: channels stay channels, also where an axis beside them goes."""
        shape, order = self.graph.shape(op.output), self.orders[op.output]
        sources = [self.streams[name] for name in op.read if name in self.streams]
        for one in sources:  # of a .tflite file, where channels are the last axis
            last = one.order[-1]
            alike = len(one.shape) == len(shape) > 2 and last == order[-1] != 1
            if alike and one.shape[last] == shape[last]:
                return Stream(shape, order)
        if len(shape) > 2 and any(
            len(one.shape) > 2 and one.order[-1] == 1 and one.shape[1] == shape[1]
            for one in sources
        ):
            order = channels_last(len(shape))
        return stream_of(shape, order)

    def _comes(self, name: str) -> int:
        return self.streams[self.root.get(name, name)].pixels

    def _view(self, op: Operator, held: Views) -> None:
        """Nothing moves: who reads the view reads the pixels of what is seen."""
        name = op.inputs[0]
        for output, chain in zip(op.outputs, held.chains, strict=True):
            own = seen(self._numbers(name), chain)
            self.root[output] = self.root.get(name, name)
            self.numbers[output] = own
            same = stream_of(self.graph.shape(output), self.orders[output])
            if same.pixels == self._comes(name) and np.array_equal(own, same.numbers()):
                self.streams[output] = same

    def _numbers(self, name: str) -> IntArray:
        return self.numbers[name] if name in self.numbers else self.streams[name].numbers()

    def _joined(self, op: Operator, axis: int, out: Stream) -> Mapping[str, IntArray]:
        """Where each input lies in the output it is read, and nowhere else."""
        first, needs = 0, dict[str, IntArray]()
        for name in op.inputs:
            shape = self.graph.shape(name)
            region = [slice(None)] * len(shape)
            region[axis] = slice(first, first := first + shape[axis])
            if name in self.graph.tensors:
                last = np.full(out.shape, -1, np.int64)
                last[tuple(region)] = self._numbers(name)
                needs[name] = np.maximum(out.last(last), needs.get(name, -1))
        return needs

    def _nest(
        self, op: Operator, stated: Definition, out: Stream
    ) -> Iterator[tuple[str, IntArray]]:
        nest = stated.nest
        for operand in dict.fromkeys(stated.operands[read.operand] for read in nest.reads):
            if operand not in self.graph.tensors:
                continue
            reads = [one for one in nest.reads if stated.operands[one.operand] == operand]
            stream = self.streams.get(operand)
            if stream is None:
                own = self.numbers[operand]
                found = [through(read, own, nest, out) for read in reads]
                yield operand, np.maximum.reduce(found)
                continue
            pads = pads_of(reads, stream)
            found = [direct(read, stream, pads, nest, out) for read in reads]
            named = self._pad(op, operand, stream, pads) if any(map(any, pads)) else operand
            yield named, np.maximum.reduce(found)

    def _pad(self, op: Operator, operand: str, stream: Stream, pads: Pads) -> str:
        """A layer that puts zeros around the pixels, as hls4ml's and FINN's padding layers do."""
        grid = padded(stream.grid, pads)
        needs = np.full(grid, -1, np.int64)
        rows = zip(stream.grid, pads, strict=True)
        inner = tuple(slice(before, before + n) for n, (before, _) in rows)
        needs[inner] = np.arange(stream.pixels).reshape(stream.grid)
        does = program({operand: needs.reshape(-1)}, {operand: stream.pixels}, needs.size)
        several = sum(one in self.graph.tensors for one in op.read) > 1
        name = f"{op.name}.pad.{operand}" if several else f"{op.name}.pad"
        shape = list(stream.shape)
        for axis, extent in zip(stream.axes, grid, strict=True):
            shape[axis] = extent
        made = f"{operand} padded for {op.output}"
        self.streams[made] = Stream(tuple(shape), stream.order)
        self.made[made] = self.process(name, "pad", does)
        self.read(operand, self.made[made], does.reads[operand])
        self.root[made] = made
        return made

    def machine(self) -> Machine:
        """With a clone where a stream has several readers, and none without a reader."""
        edges: list[Edge] = []
        for root, by in self.made.items():
            readers = [(to, reads) for name, to, reads in self.wanted if name == root]
            if len(readers) > 1:
                clone = self.process(f"{root}.clone", "clone", self.whole(root))
                edges.append(self._edge(root, by, clone, self.all(root)))
                by = clone
            edges += [self._edge(root, by, to, reads) for to, reads in readers]
        return ordered(Machine(tuple(self.processes), tuple(edges)))

    def _edge(self, root: str, by: int, to: int, reads: IntArray) -> Edge:
        tensor = self.graph.tensors.get(root.split(" padded for ")[0])
        assert tensor is not None
        bits = self.streams[root].elements * 8 * tensor.stored.bytes
        return Edge(by, to, root, bits, reads)


def ordered(machine: Machine) -> Machine:
    """The same machine with each process after those that it reads from."""
    waiting = {k: len(edges) for k, edges in enumerate(machine.inputs)}
    order: list[int] = []
    while ready := [k for k, count in waiting.items() if not count]:
        for k in ready:
            del waiting[k]
            order.append(k)
            for edge in machine.outputs[k]:
                waiting[machine.edges[edge].consumer] -= 1
    place = {old: new for new, old in enumerate(order)}
    edges = [
        Edge(place[e.producer], place[e.consumer], e.tensor, e.bits, e.reads) for e in machine.edges
    ]
    edges.sort(key=lambda e: (e.producer, e.consumer))
    return Machine(tuple(machine.processes[k] for k in order), tuple(edges))
