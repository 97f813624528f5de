"""Where float64 and onnxruntime part: the first node that rounding does not explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx

from lowtide.check.difference import distance
from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.evaluate import Values, evaluate, label, opsets_of, run_node
from lowtide.check.exact.widen import widen
from lowtide.check.expected import SUSPECT, TOLERANCE, share
from lowtide.check.numbers import Reference
from lowtide.errors import UnreadableModel
from lowtide.ir.graph import Array


def parting(model: onnx.ModelProto, inputs: Values, name: str) -> str | None:
    """The first node where the two differ for other reasons than rounding, in words; or None.

    A difference counts from 1e-3 of the node's largest value on. It is rounding if it is small
    beside what the node reads: a sigmoid is good to 1e-7 of 1 in float32 and not of its value, a
    difference of two numbers is as good as they are. Behind a node that rounds so, a node is asked
    what it makes of onnxruntime's own numbers. Where numbers decide (ArgMax, a comparison, whole
    numbers), and float64 decides otherwise, that node is named, whatever is before it.
    """
    found = _Parting(model, _tensors(model, inputs, name))
    evaluate(model, inputs, found.watch)
    return found.first


class _Parting:
    """Compares node after node until one is found."""

    def __init__(self, model: onnx.ModelProto, runtime: Values) -> None:
        self.runtime = {name: widen(value) for name, value in runtime.items()}
        self.opsets = opsets_of(model)
        self.rounded: set[str] = set()
        self.first: str | None = None

    def watch(self, node: onnx.NodeProto, values: Values) -> None:
        """Looks at what a node made of what it read."""
        made = [name for name in node.output if name in values and name in self.runtime]
        if self.first is not None or not made:
            return
        read = {name: value for name, value in values.items() if name not in node.output}
        self._note(node, self._decided(made, values))
        off = self._apart(made, values, ())
        if not off:
            return
        if self.rounded & set(read):
            held = {name: self.runtime.get(name, value) for name, value in read.items()}
            self._note(node, self._apart(made, run_node(node, held, self.opsets), held.values()))
        else:
            self._note(node, self._apart(made, values, read.values()))
        self.rounded |= set(off)

    def _decided(self, names: Sequence[str], values: Values) -> dict[str, float]:
        """Truth values, places and whole numbers that are not the same ones."""
        found = {}
        for name in names:
            ours, theirs = values[name], self.runtime[name]
            gap = distance(ours, theirs)
            if gap and _whole(ours) and _whole(theirs):
                found[name] = share(gap, largest_of(theirs))
        return found

    def _apart(
        self, names: Sequence[str], values: Values, read: Iterable[Array]
    ) -> dict[str, float]:
        """Which tensors are too far apart, beside what was read, and by how much of the largest."""
        noise = TOLERANCE * max((largest_of(x) for x in read if x.dtype.kind == "f"), default=0.0)
        found = {}
        for name in names:
            gap, scale = distance(values[name], self.runtime[name]), largest_of(self.runtime[name])
            if gap > max(SUSPECT * scale, noise):
                found[name] = share(gap, scale)
        return found

    def _note(self, node: onnx.NodeProto, apart: Mapping[str, float]) -> None:
        if apart and self.first is None:
            by = max(apart.values())
            self.first = f"{label(node)}, by {by:.0e} of its largest value"


_LARGEST_WHOLE = 1 << 24
"""Beyond this all floats are whole numbers, which says nothing of them."""


def _whole(x: Array) -> bool:
    if x.dtype.kind in "biu":
        return True
    return bool((x == np.rint(x)).all()) and largest_of(x) <= _LARGEST_WHOLE


def _tensors(model: onnx.ModelProto, inputs: Values, name: str) -> dict[str, Array]:
    """What onnxruntime, not optimised, has in every tensor between its nodes that it can show."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    there = {value.name for value in wide.graph.output}
    names = [name for node in wide.graph.node for name in node.output if name and name not in there]
    wide.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        made = Reference(wide.SerializeToString(), name, optimised=False).run(inputs)
    except UnreadableModel:
        return {}
    return dict(zip((value.name for value in wide.graph.output), made.outputs, strict=True))
