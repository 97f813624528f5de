"""A network takes and hands out the 8-bit numbers that it makes of its reals, and the like."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lowtide.errors import UsageError
from lowtide.ir.dtype import I8, U8
from lowtide.ir.graph import Graph, Operator, Tensor

TO_WHOLE = ("Quantize", "QuantizeLinear")
TO_REAL = ("Dequantize", "DequantizeLinear")
"""TFLite's roundings, and ONNX's."""


def with_eight_ends(graph: Graph, real: Collection[str] = ()) -> Graph:
    """Inputs and outputs become 8-bit numbers where nothing else is made of them, or they of it.

        x ─> Q ─> q ─> QConv ─> p ─> DQ ─> y          ->          x ─> QConv ─> y

    They keep their names; those in `real` stay as they are. Raises UsageError where there is no
    such input or output.
    """
    for name in (one for one in (*graph.inputs, *graph.outputs) if one not in real):
        graph = _input(graph, name) if name in graph.inputs else _output(graph, name)
    if not any(_is_eight(graph.tensors[name]) for name in (*graph.inputs, *graph.outputs)):
        raise UsageError(
            "--io-type 8bit: this network has no 8-bit numbers behind its inputs or before its "
            "outputs; leave the option out, or make it 8 bits: lowtide fit --int8 --calibrate"
        )
    return graph


def _input(graph: Graph, name: str) -> Graph:
    readers = graph.readers[name]
    made = [graph.tensors[op.output] for op in readers if op.type in TO_WHOLE]
    alike = {(tensor.dtype, tensor.quant) for tensor in made}
    names = {tensor.name for tensor in made}
    if len(made) < len(readers) or len(alike) != 1 or not all(map(_is_eight, made)):
        return graph
    if name in graph.outputs or not names.isdisjoint(graph.outputs):
        return graph
    return _without(graph, readers, dict.fromkeys(names, name), made[0])


def _output(graph: Graph, name: str) -> Graph:
    maker = graph.producer.get(name)
    if maker is None or maker.type not in TO_REAL or graph.readers[name]:
        return graph
    held = graph.tensors.get(maker.inputs[0])
    if held is None or not _is_eight(held) or held.name in (*graph.inputs, *graph.outputs):
        return graph
    return _without(graph, (maker,), {held.name: name}, held)


def _is_eight(tensor: Tensor) -> bool:
    """Whether its numbers are of 8 bits and of one scale."""
    return tensor.dtype in (I8, U8) and tensor.quant is not None and len(tensor.quant.scales) == 1


def _without(
    graph: Graph, gone: tuple[Operator, ...], names: dict[str, str], like: Tensor
) -> Graph:
    """Without some operators, tensors called by other `names`, which are `like` one of them."""
    kept = [op for op in graph.operators if op not in gone]
    tensors = {n: t for n, t in graph.tensors.items() if n not in names}
    for name in {*names.values()}:
        tensors[name] = replace(tensors[name], dtype=like.dtype, quant=like.quant)
    operators = tuple(
        replace(
            op,
            inputs=tuple(names.get(n, n) for n in op.inputs),
            outputs=tuple(names.get(n, n) for n in op.outputs),
        )
        for op in kept
    )
    read = {n for op in operators for n in op.inputs} | {*graph.outputs}
    constants = {n: array for n, array in graph.constants.items() if n in read}
    return replace(graph, operators=operators, tensors=tensors, constants=constants)
