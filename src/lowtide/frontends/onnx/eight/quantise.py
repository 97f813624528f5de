"""QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from dataclasses import replace

from lowtide.frontends.onnx.eight.ending import numbers_of
from lowtide.frontends.onnx.eight.site import Site, operator
from lowtide.frontends.onnx.eight.table import look_up


@operator("DequantizeLinear")
def dequantize(op: Site) -> bool:
    """Real numbers that are made where they are needed."""
    found = numbers_of(op.op, op.net.graph)
    if found is None:
        return False
    name = op.net.name(found.name)
    op.net.whole[op.op.output] = found.named(name)
    if name in op.net.graph.inputs:
        op.net.tensors[name] = replace(op.net.tensors[name], quant=found.quant)
    return True


@operator("QuantizeLinear")
def quantize(op: Site) -> bool:
    """Numbers of numbers: the same ones, or a table; else those of reals."""
    held, made = op.active(0), numbers_of(op.op, op.net.graph)
    if made is None:
        return False
    if held is None:
        op.net.keep(op.op)
        if made.name in op.net.tensors:
            op.net.tensors[made.name] = replace(op.net.tensors[made.name], quant=made.quant)
    elif held.is_like(made):
        op.net.same(made.name, held.name)
    else:
        table = made.numbers(held.real(held.all))
        look_up(op, held, made, table)
    return True
