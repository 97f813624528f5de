"""Make a network in parts: operators cloned for the regions they make, with slices and joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, Span, shape_of, whole
from lowtide.regions.restrict import narrow
from lowtide.tiling.pieces import Part, Piece, Pieces, Start, TiledStep, inputs_of

SLICE_INPUTS_SINCE = 10
"""The opset from which on Slice has its ends as inputs."""


def tiled(graph: Graph, stretches: Sequence[Sequence[Part]], limit: int = 0) -> Graph:
    """The network made part by part, in the order of the parts, one stretch of them after another.

        conv: rows 0..7 | pool: rows 0..3 | conv: rows 8..15 | pool: rows 4..7
                                        ->
        Slice x rows 0..8 -> Conv (pads 1 1 0 1) -> MaxPool -+-> Concat
        Slice x rows 7..15 -> Conv (pads 0 1 1 1) -> MaxPool -+

    Parts may overlap (computed again) or not (then what is read across their borders is kept and
    joined). Each reads what the latest parts before it made. What a stretch leaves to later ones
    is kept as it is; within it, pieces are cut off when they are not needed any more, as long as
    no more than `limit` elements, or the peak so far, live meanwhile.
    Raises UnsupportedModel where an operator's attributes cannot say what a part of it is.
    """
    reach, start = Reach(graph), inputs_of(graph)
    steps: list[TiledStep] = []
    for number, parts in enumerate(stretches):
        later = {part.operator for rest in stretches[number + 1 :] for part in rest}
        wanted = {name for k in later for name in graph.operators[k].inputs} | set(graph.outputs)
        pieces = Pieces(reach, parts, start, frozenset(wanted), limit=limit)
        pieces.run()
        if number == len(stretches) - 1:
            pieces.join(graph.outputs)
        steps += pieces.steps
        start = pieces.left()
    return _Writer(reach, _final(graph, start)).graph(steps)


def _final(graph: Graph, left: Start) -> dict[int, str]:
    """The inputs and the pieces that are the network's outputs, by number, with their names."""
    given = (piece for held in inputs_of(graph).pieces.values() for piece in held)
    found = {piece.number: piece.tensor for piece in given}
    for name in graph.outputs:
        region = whole(graph.shape(name))
        found[next(p.number for p in left.pieces[name] if p.region == region)] = name
    return found


@dataclass
class _Writer:
    """Turns steps into operators."""

    reach: Reach
    names: dict[int, str]
    operators: list[Operator] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        graph = self.reach.graph
        self.taken = {*graph.tensors, *graph.constants}
        self.tensors = {name: graph.tensors[name] for name in graph.inputs}
        self.opset = next((op.opset for op in graph.operators), SLICE_INPUTS_SINCE)

    def graph(self, steps: Sequence[TiledStep]) -> Graph:
        """The graph of all steps; inputs and outputs keep their names."""
        for step in steps:
            self.write(step)
        return replace(
            self.reach.graph,
            operators=tuple(self.operators),
            tensors=self.tensors,
            constants=self.constants,
        )

    def name(self, piece: Piece) -> str:
        """What a piece is called: a whole tensor as the network calls it, others with a number."""
        graph, tensor = self.reach.graph, piece.tensor
        if piece.number not in self.names:
            own = piece.region == whole(graph.shape(tensor)) and tensor not in self.tensors
            plain = own and tensor not in graph.outputs
            self.names[piece.number] = tensor if plain else self.free(f"{tensor}.{piece.number}")
        name = self.names[piece.number]
        self.tensors[name] = replace(graph.tensors[tensor], name=name, shape=shape_of(piece.region))
        return name

    def free(self, name: str) -> str:
        """The name, or one like it that nothing has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def write(self, step: TiledStep) -> None:
        """One operator more."""
        sources = tuple(self.name(piece) for piece in step.sources)
        made = tuple(self.name(piece) for piece in step.made)
        if step.kind == "make":
            self.operators.append(self._clone(step, sources, made))
        elif step.kind == "slice":
            self.operators.append(self._slice(step, sources, made))
        else:
            attributes = {"axis": step.what}
            joined = Operator(f"{made[0]}.concat", "Concat", sources, made, attributes, self.opset)
            self.operators.append(joined)

    def _clone(self, step: TiledStep, sources: tuple[str, ...], made: tuple[str, ...]) -> Operator:
        op = self.reach.graph.operators[step.what]
        region = step.made[0].region
        narrowed = narrow(op, self.reach, region)
        if narrowed is None:
            raise UnsupportedModel(
                f"{region} of it cannot be written as an ONNX operator",
                node=op.name,
                operator=op.type,
            )
        called = {p.tensor: name for p, name in zip(step.sources, sources, strict=True)}
        called |= {name: self._constant(name, part) for name, part in narrowed.constants.items()}
        renamed = _renamed(narrowed.operator, called)
        first = made[0] == op.output
        name = op.name if first else f"{op.name}.{step.made[0].number}"
        return replace(renamed, name=name, outputs=made)

    def _constant(self, name: str, region: Region) -> str:
        array = self.reach.graph.constants[name]
        if region == whole(array.shape):
            self.constants[name] = array
            return name
        spans = (f"{first}_{end}" for first, end in region)
        part = ".".join((name, *spans))
        if part not in self.constants:
            self.constants[part] = np.ascontiguousarray(array[tuple(slice(*s) for s in region)])
        return part

    def _slice(self, step: TiledStep, sources: tuple[str, ...], made: tuple[str, ...]) -> Operator:
        """Only the axes that are cut are named."""
        pairs = zip(step.sources[0].region, step.made[0].region, strict=True)
        cut: dict[int, Span] = {
            axis: (b[0] - a[0], b[1] - a[0]) for axis, (a, b) in enumerate(pairs) if a != b
        }
        ends = {
            "starts": [first for first, _ in cut.values()],
            "ends": [end for _, end in cut.values()],
            "axes": list(cut),
        }
        name = f"{made[0]}.slice"
        if self.opset < SLICE_INPUTS_SINCE:
            return Operator(name, "Slice", sources, made, ends, self.opset)
        inputs = (self._numbers(values) for values in ends.values())
        return Operator(name, "Slice", (*sources, *inputs), made, {}, self.opset)

    def _numbers(self, values: list[int]) -> str:
        name = "at." + ".".join(map(str, values))
        while name in self.taken:
            name += "_"
        self.constants[name] = np.array(values, np.int64)
        return name


def _renamed(op: Operator, called: dict[str, str]) -> Operator:
    epilogue = tuple(_renamed(one, called) for one in op.epilogue)
    inputs = tuple(called.get(name, name) for name in op.inputs)
    return replace(op, inputs=inputs, epilogue=epilogue)
