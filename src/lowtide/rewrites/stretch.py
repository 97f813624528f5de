"""A stretch of operators made in another way: what takes its place in the graph.

    conv1 -> conv2 -> conv3            conv1 -> [conv2.0, conv2.1 -> Concat] -> conv3
             -----                              ------------------------------
             operators 1 .. 1                   a stretch in two parts

A rewrite (`bands.py`, `channels.py`) says what the parts are; here they are put in place. What a
stretch reads and what is read of it keep their names, so several stretches of a graph that have no
operator in common are put in place one by one, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lowtide.ir.dtype import DType
from lowtide.ir.graph import Array, Crop, Graph, Operator, Tensor
from lowtide.ops import understood
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, shape_of, whole
from lowtide.regions.restrict import Narrowed, narrow

Regions = Mapping[str, Region]
"""What a part makes of each tensor."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """The operators that take the place of operators first to end - 1, with their own constants.

    `parts` gives the number of the part that makes each output; joins are in no part. `crops`
    are the parts of the network's inputs that the caller hands in by themselves. `extra_macs` are
    multiply-adds beyond those of the graph.
    """

    first: int
    end: int
    operators: tuple[Operator, ...]
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Array]
    crops: Mapping[str, Crop]
    parts: Mapping[str, int]
    extra_macs: int


def crossing_of(graph: Graph, first: int, end: int) -> tuple[str, ...]:
    """The tensors made by operators `first` .. `end` - 1 that are needed afterwards."""
    made = [name for op in graph.operators[first:end] for name in op.outputs]
    later = {name for op in graph.operators[end:] for name in op.read} | set(graph.outputs)
    return tuple(name for name in made if name in later)


def put_in_place(graph: Graph, stretches: Sequence[Stretch]) -> Graph:
    """The graph with several stretches in their places; no two may have an operator in common."""
    operators, at = list[Operator](), 0
    for one in sorted(stretches, key=lambda one: one.first):
        operators += (*graph.operators[at : one.first], *one.operators)
        at = one.end
    operators += graph.operators[at:]
    crops = {name: w for one in stretches for name, w in one.crops.items()}
    read = {name for op in operators for name in op.read} | set(graph.outputs)
    inputs = [name for name in graph.inputs if name in read or not graph.readers[name]]
    whole = replace(
        graph,
        inputs=(*crops, *inputs),
        crops=crops,
        operators=tuple(operators),
        tensors={**graph.tensors, **{n: t for one in stretches for n, t in one.tensors.items()}},
        constants={**graph.constants, **{n: c for s in stretches for n, c in s.constants.items()}},
    )
    return understood(whole)


def alone(graph: Graph, first: int, end: int, stretch: Stretch) -> Graph:
    """Operators first to end - 1, those that `stretch` replaces replaced, as a graph of their own.

    Its inputs are what they read, its outputs what is needed afterwards.
    """
    before, behind = graph.operators[first : stretch.first], graph.operators[stretch.end : end]
    operators = (*before, *stretch.operators, *behind)
    made = {name for op in operators for name in op.outputs}
    read = dict.fromkeys(name for op in operators for name in op.read)
    tensors = {**graph.tensors, **stretch.tensors}
    part = replace(
        graph,
        inputs=tuple(name for name in read if name in tensors and name not in made),
        outputs=crossing_of(graph, first, end),
        operators=operators,
        tensors=tensors,
        constants={**graph.constants, **stretch.constants},
        crops=stretch.crops,
    )
    return understood(part)


@dataclass
class Writer:
    """Writes the operators of a stretch, with their tensors and parts of constants.

    `first` is the number of its first operator, by which names of what it cuts out of tensors from
    outside differ from those of another stretch. With `crops` the parts of the graph's inputs are
    handed in, each by itself.
    """

    reach: Reach
    first: int
    crops: bool = False
    handed_in: dict[str, Crop] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)

    def stretch(self, end: int, extra_macs: int) -> Stretch:
        """Returns what was written as the replacement of the operators up to end - 1."""
        return Stretch(
            self.first, end, tuple(self.operators), self.tensors, self.constants, self.handed_in,
            self.parts, extra_macs,
        )  # fmt: skip

    def part(
        self, number: int, stretch: Sequence[Operator], regions: Regions
    ) -> dict[str, str] | None:
        """Writes the operators for one part; returns its tensors' names, None if it cannot be."""
        graph, called = self.reach.graph, dict[str, str]()
        for op in stretch:
            if op.output not in regions:
                continue
            narrowed = narrow(op, self.reach, regions[op.output])
            if narrowed is None:
                return None
            names = {}
            for name, cut in narrowed.reads.items():
                source = called.get(name, name)
                held = regions[name] if name in called else whole(graph.shape(name))
                names[name] = self._sliced(source, name, held, cut, number)
            called[op.output] = self._clone(narrowed, regions[op.output], names, number)
        return called

    def _clone(
        self, narrowed: Narrowed, region: Region, names: Mapping[str, str], part: int
    ) -> str:
        """Writes an operator that makes `region`; `names` says what its inputs are called."""
        op = narrowed.operator
        names = {**names, **{n: self.constant(n, cut) for n, cut in narrowed.constants.items()}}
        output = f"{op.output}.{part}"
        self.tensor(output, op.output, region)
        made = replace(_renamed(op, names), name=f"{op.name}.{part}", outputs=(output,))
        self.operators.append(made)
        self.parts[output] = part
        return output

    def _sliced(self, source: str, name: str, held: Region, cut: Region, part: int) -> str:
        """The region `cut` of a tensor, of which `source` holds the region `held`."""
        if held == cut:
            return source
        axes = [axis for axis, (a, b) in enumerate(zip(held, cut, strict=True)) if a != b]
        spans = ".".join(f"{cut[axis][0]}_{cut[axis][1]}" for axis in axes)
        sliced = f"{source}.{part}.{spans}"
        if source == name:
            sliced = f"{source}.{self.first}.{part}.{spans}"
        if sliced not in self.tensors:
            self.tensor(sliced, name, cut)
            if self.crops and self._is_crop(name, axes):
                self.handed_in[sliced] = Crop(name, self.reach.graph.shape(name), cut)
                return sliced
            attributes = {
                "axes": axes,
                "starts": [cut[axis][0] - held[axis][0] for axis in axes],
                "ends": [cut[axis][1] - held[axis][0] for axis in axes],
            }
            operator = Operator(f"{sliced}.slice", "Slice", (source,), (sliced,), attributes, 9)
            self.operators.append(operator)
        return sliced

    def _is_crop(self, name: str, axes: Sequence[int]) -> bool:
        """Whether the caller can hand in what is cut along `axes`: rows and columns of an image."""
        graph = self.reach.graph
        last = name in graph.tensors and graph.tensors[name].channels_last
        return name in graph.inputs and {*axes} <= ({1, 2} if last else {2, 3})

    def join(self, name: str, pieces: Sequence[str], axis: int) -> None:
        """Writes a tensor of the graph as the join of its pieces."""
        joined = Operator(f"{name}.joined", "Concat", tuple(pieces), (name,), {"axis": axis})
        self.operators.append(joined)

    def tensor(self, name: str, of: str, region: Region, dtype: DType | None = None) -> str:
        """Adds a tensor that holds a region of another one, or sums of a type for it; its name."""
        whole = self.reach.graph.tensors[of]
        made = replace(whole, name=name, shape=shape_of(region))
        self.tensors[name] = made if dtype is None else Tensor(name, made.shape, dtype)
        return name

    def constant(self, name: str, region: Region) -> str:
        """The name of a constant that holds a region of another one."""
        array = self.reach.graph.constants[name]
        if region == whole(array.shape):
            return name
        part = ".".join((name, *(f"{first}_{end}" for first, end in region)))
        self.constants[part] = np.ascontiguousarray(array[tuple(slice(*s) for s in region)])
        return part


def _renamed(op: Operator, called: Mapping[str, str]) -> Operator:
    epilogue = tuple(_renamed(one, called) for one in op.epilogue)
    inputs = tuple(called.get(name, name) for name in op.inputs)
    return replace(op, inputs=inputs, epilogue=epilogue)
