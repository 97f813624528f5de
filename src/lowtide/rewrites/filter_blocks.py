"""Weights that are made in the arena, made and used a block of filters at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ir.nest import Nest
from lowtide.ir.view import Reshape
from lowtide.ops import ENTRIES, Views, meaning, understood
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, Span, shape_of, whole, with_span
from lowtide.regions.restrict import can_cut, narrow


def filter_blocks(graph: Graph, most: int) -> Graph:
    """The network with convolutions of computed weights in parts of at most `most` weights.

        MatMul V, K -> Reshape -> Conv x      ->      MatMul V0, K -> Reshape -> Conv x --+
                                                      MatMul V1, K -> Reshape -> Conv x --+-> Concat

    A part of the filters dies before the next is made, so they share the same bytes; the parts of
    the output lie side by side in one storage. Convolutions in groups stay whole, and those of
    fewer weights; if that is all, the graph itself comes back.
    """
    found = [(op, chain) for op, chain in _made(graph) if _parts(graph, chain, most) > 1]
    return _Writer(graph, most).run(found) if found else graph


def most_filters(graph: Graph) -> int:
    """The most weights that any convolution has made in the arena; 0: none has."""
    sizes = (graph.tensors[chain[-1].output].elements for _, chain in _made(graph))
    return max(sizes, default=0)


def _parts(graph: Graph, chain: Sequence[Operator], most: int) -> int:
    weights = graph.tensors[chain[-1].output]
    return min(-(-weights.elements // most), weights.shape[0])


def _made(graph: Graph) -> Iterator[tuple[Operator, list[Operator]]]:
    """The convolutions whose weights a product makes, and what makes them, the product first."""
    for op in graph.operators:
        if not ENTRIES[op.type].goes_on or op.inlined or op.attributes.get("group", 1) != 1:
            continue
        if op.inputs[3:]:  # factors of whole numbers, a filter each
            continue
        steps, name = list[Operator](), op.inputs[1]
        while name in graph.producer and _only(graph, name, op if not steps else steps[0]):
            steps.insert(0, graph.producer[name])
            if not _only_shapes(steps[0], graph):
                break
            name = steps[0].inputs[0]
        filters = graph.shape(op.output)[1]
        if (
            steps
            and _makes_rows(steps[0], graph)
            and all(graph.shape(step.output)[0] == filters for step in steps)
        ):
            yield op, steps


def _only_shapes(step: Operator, graph: Graph) -> bool:
    """Whether an operator hands its input on in another shape."""
    held = meaning(step, graph)
    return isinstance(held, Views) and all(isinstance(v, Reshape) for c in held.chains for v in c)


def _makes_rows(step: Operator, graph: Graph) -> bool:
    """Whether an operator sums products, and can make any of its rows alone."""
    held = meaning(step, graph)
    product = isinstance(held, Nest) and held.macs > 0 and not step.epilogue
    return product and can_cut(step, Reach(graph), 0)


def _only(graph: Graph, name: str, reader: Operator) -> bool:
    """Whether nothing else reads a tensor."""
    return name not in graph.outputs and graph.readers[name] == (reader,)


@dataclass
class _Writer:
    graph: Graph
    most: int
    tensors: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)

    @cached_property
    def reach(self) -> Reach:
        return Reach(self.graph)

    def run(self, found: Sequence[tuple[Operator, list[Operator]]]) -> Graph:
        """The graph with these in blocks; what they replace is gone."""
        steps = {step.output for _, chain in found for step in chain}
        chains = {op.output: chain for op, chain in found}
        self.tensors = {k: v for k, v in self.graph.tensors.items() if k not in steps}
        self.constants = dict(self.graph.constants)
        operators: list[Operator] = []
        for op in self.graph.operators:
            if op.output in chains:
                operators += self._split(op, chains[op.output])
            elif op.output not in steps:
                operators.append(op)
        cut = replace(
            self.graph, operators=tuple(operators), tensors=self.tensors, constants=self.constants
        )
        return understood(cut)

    def _split(self, op: Operator, chain: Sequence[Operator]) -> Iterator[Operator]:
        filters = self.graph.shape(op.output)[1]
        count, parts = _parts(self.graph, chain, self.most), list[str]()
        ends = [filters * k // count for k in range(count + 1)]
        for k, span in enumerate(zip(ends, ends[1:], strict=False)):
            made = ""
            for step in chain:
                made = f"{step.output}.{k}"
                yield self._filters(step, span, made, k)
            parts.append(f"{op.output}.{k}")
            yield self._part(op, span, made, parts[-1], k)
        yield Operator(
            f"{op.name}.joined", "Concat", tuple(parts), op.outputs, {"axis": 1}, op.opset
        )

    def _filters(self, step: Operator, span: Span, made: str, k: int) -> Operator:
        """One step in making a block of filters, which are the first axis of what it makes."""
        region = with_span(whole(self.graph.shape(step.output)), 0, span)
        self._tensor(step.output, made, region)
        if _only_shapes(step, self.graph):
            shape = f"{made}.shape"
            self.constants[shape] = np.array(shape_of(region), np.int64)
            inputs: tuple[str, ...] = (f"{step.inputs[0]}.{k}", shape)
            return Operator(f"{step.name}.{k}", "Reshape", inputs, (made,), {}, step.opset)
        narrowed = narrow(step, self.reach, region)
        assert narrowed is not None, "a product makes any of its rows alone"
        held = narrowed.constants
        inputs = tuple(
            self._cut(name, held[name]) if name in held else name for name in step.inputs
        )
        return replace(narrowed.operator, name=f"{step.name}.{k}", inputs=inputs, outputs=(made,))

    def _part(self, op: Operator, span: Span, weights: str, made: str, k: int) -> Operator:
        """The convolution with a block of filters, and what is fused onto it."""
        self._tensor(op.output, made, with_span(whole(self.graph.shape(op.output)), 1, span))
        bias = tuple(self._cut(name, (span,)) for name in op.inputs[2:3] if name)
        inputs = (op.inputs[0], weights, *bias)
        epilogue = tuple(
            replace(one, inputs=tuple(self._channels(op, name, span) for name in one.inputs))
            for one in op.epilogue
        )
        name = f"{op.name}.{k}"
        return replace(op, name=name, inputs=inputs, outputs=(made,), epilogue=epilogue)

    def _channels(self, op: Operator, name: str, span: Span) -> str:
        """The part of a constant of a fused operator that belongs to some channels."""
        shape = self.graph.shape(name) if name else ()
        axis = len(shape) - len(self.graph.shape(op.output)) + 1
        if axis < 0 or shape[axis] == 1:
            return name
        return self._cut(name, with_span(whole(shape), axis, span))

    def _tensor(self, name: str, made: str, region: Region) -> None:
        self.tensors[made] = replace(self.graph.tensors[name], name=made, shape=shape_of(region))

    def _cut(self, name: str, region: Region) -> str:
        array = self.graph.constants[name]
        if region == whole(array.shape):
            return name
        part = ".".join((name, *(f"{first}_{end}" for first, end in region)))
        self.constants[part] = array[tuple(slice(*span) for span in region)]
        return part
