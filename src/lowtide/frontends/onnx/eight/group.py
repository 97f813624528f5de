"""QDQ groups as operators of 8-bit numbers."""

from __future__ import annotations

from importlib import import_module

from lowtide.frontends.onnx.eight.moves import moved, takes_numbers
from lowtide.frontends.onnx.eight.network import Network
from lowtide.frontends.onnx.eight.site import OPERATORS, Site
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Graph
from lowtide.ops import ENTRIES

for _name in ("add", "conv", "dense", "join", "mean", "moves", "quantise", "softmax", "table"):
    import_module(f"lowtide.frontends.onnx.eight.{_name}")


def grouped_operators() -> list[str]:
    """The operators that are taken between DequantizeLinear and QuantizeLinear."""
    own = [type_ for type_ in OPERATORS if F32 in ENTRIES[type_].types]
    moves = [type_ for type_, entry in ENTRIES.items() if takes_numbers(entry)]
    return sorted({*own, *moves} - {"DequantizeLinear", "QuantizeLinear"})


def group(graph: Graph) -> Graph:
    """Every operator between DequantizeLinear and QuantizeLinear that 8-bit numbers can do.

    DQ ──> Conv ──> Relu ──> Q        ->      QConv, kept at or above the zero point
    DQ ──> MaxPool ──> Q              ->      MaxPool of the numbers
    DQ ──> Sigmoid ──> Q              ->      QLookup, 256 numbers
    DQ ──> Erf ──> Add ──> Q          ->      as it is, and so are float operators
    """
    if not any(op.type == "DequantizeLinear" for op in graph.operators):
        return graph
    net = Network(graph)
    for op in graph.operators:
        if net.done.isdisjoint(op.outputs):
            reads = OPERATORS.get(op.type, moved)
            if not reads(Site(net, op)):
                net.keep(op)
    return net.made()
