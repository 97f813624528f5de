"""Operators on 8-bit numbers, ONNX's own and onnxruntime's, written with real ones in between.

    a, b ──> QLinearAdd ──> c      ->      a ──> DQ ──> Add ──> Q ──> c
                                           b ──> DQ ──┘

So a network has one form, whatever tool made it, and one reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx
from onnx import NodeProto, helper

from lowtide.errors import ModelError, UnreadableModel, UnsupportedModel

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Form:
    """What an operator does to real numbers, and which of its inputs are what.

    `reals` are those that a scale and a zero point follow; the rest of them, if there is one, are
    as many as there are. `made` is the result's scale, followed by its zero point. `plain` are
    handed on, and a `bias` counts in products of the two scales.
    """

    type: str
    reals: tuple[int, ...]
    made: int
    plain: tuple[int, ...] = ()
    bias: int | None = None


_ONE, _TWO = ((0,), 3), ((0, 3), 6)
FORMS = {
    "QLinearConv": Form("Conv", *_TWO, bias=8),
    "QLinearMatMul": Form("MatMul", *_TWO),
    "QGemm": Form("Gemm", (0, 3), 7, bias=6),
    "QLinearAdd": Form("Add", *_TWO),
    "QLinearMul": Form("Mul", *_TWO),
    "QLinearConcat": Form("Concat", (), 0),
    "QLinearWhere": Form("Where", (1, 4), 7, plain=(0,)),
    "QLinearGlobalAveragePool": Form("GlobalAveragePool", *_ONE),
    "QLinearAveragePool": Form("AveragePool", *_ONE),
    "QLinearSigmoid": Form("Sigmoid", *_ONE),
    "QLinearLeakyRelu": Form("LeakyRelu", *_ONE),
    "QLinearSoftmax": Form("Softmax", *_ONE),
}
_ONNX = ("QLinearConv", "QLinearMatMul")
_SAID = {"channels_last": 0, "opset": None}
"""Attributes that only onnxruntime's have, and the value with which they say nothing; the version
of a Softmax is the network's."""


def is_form(node: NodeProto) -> bool:
    """Whether a node is one of these operators."""
    return node.op_type in FORMS and node.domain == ("" if node.op_type in _ONNX else MICROSOFT)


def as_real(graph: onnx.GraphProto, version: int) -> None:
    """Writes out the operators on 8-bit numbers of a graph whose nodes have names and an order."""
    if not any(is_form(node) for node in graph.node):
        return
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    nodes = [
        one
        for node in graph.node
        for one in (_Written(node, taken).nodes(version) if is_form(node) else [node])
    ]
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


@dataclass(frozen=True)
class _Written:
    """One such node, and the names that tensors have already."""

    node: NodeProto
    taken: set[str]

    def nodes(self, version: int) -> Iterator[NodeProto]:
        """DequantizeLinear of each operand, the operator, QuantizeLinear."""
        form, inputs = FORMS[self.node.op_type], self.node.input
        operands = [inputs[k] for k in form.plain]
        first = form.reals or tuple(range(form.made + 2, len(inputs), 3))
        if len(inputs) < max(first, default=0) + 3 or (form.reals and len(inputs) < form.made):
            what = f"{len(inputs)} inputs"
            raise UnreadableModel(what, node=self.node.name, operator=self.node.op_type)
        for k in first:
            operands.append(self._fresh("real"))
            yield self._part("DequantizeLinear", inputs[k : k + 3], operands[-1], self._axis(k))
        if form.bias is not None and len(inputs) > form.bias and inputs[form.bias]:
            step = self._fresh("step")
            yield self._part("Mul", (inputs[1], inputs[4]), step)
            operands.append(self._fresh("bias"))
            yield self._part("DequantizeLinear", (inputs[form.bias], step), operands[-1], -1)
        given = list(self._attributes(version))
        ends = [name for name in inputs[form.made : form.made + 2] if name]
        made = self._fresh("made") if ends else self.node.output[0]
        named = helper.make_node(form.type, operands, [made], name=self.node.name)
        named.attribute.extend(given)
        yield named
        if ends:
            yield self._part("QuantizeLinear", (made, *ends), self.node.output[0])

    def _attributes(self, version: int) -> Iterator[onnx.AttributeProto]:
        for attribute in self.node.attribute:
            if attribute.name not in _SAID:
                yield attribute
            elif attribute.name == "opset" and (attribute.i < 13) != (version < 13):
                raise self._refused(f"Softmax as of opset {attribute.i}")
            elif attribute.name == "channels_last" and attribute.i:
                raise self._refused("channels last, of an optimised model")

    def _fresh(self, what: str) -> str:
        name, count = f"{self.node.output[0]}_{what}", 2
        while name in self.taken:
            name, count = f"{self.node.output[0]}_{what}{count}", count + 1
        self.taken.add(name)
        return name

    def _axis(self, operand: int) -> int:
        """Along which several scales lie: of filters, of columns, of rows."""
        across = any(a.name == "transB" and a.i for a in self.node.attribute)
        if self.node.op_type == "QLinearConv" or (across and operand):
            return 0
        return -2 if operand == 0 else -1

    def _part(
        self, type_: str, inputs: Sequence[str], output: str, axis: int | None = None
    ) -> NodeProto:
        made = helper.make_node(type_, inputs, [output], name=f"{self.node.name}/{output}")
        if axis is not None:
            made.attribute.append(helper.make_attribute("axis", axis))
        return made

    def _refused(self, what: str) -> ModelError:
        hint = "hand in the network as it was before onnxruntime optimised it"
        return UnsupportedModel(what, node=self.node.name, operator=self.node.op_type, hint=hint)
