"""The name of what a network's numbers are: in which arithmetic, and whose they are held to.

float32/float64              sums in any order, held to an evaluation in float64
int8/tflite-micro            TFLite's integers as TFLite Micro computes them: equal
uint8/litert                 the same as LiteRT's reference kernels compute them
float32/litert               a .tflite file of floats
qdq/onnxruntime              8 bits between QuantizeLinear and DequantizeLinear: equal
qdq+float32/onnxruntime      a mixture: some operators compute in floats
"""

from __future__ import annotations

from lowtide.check.tflite_truth import runtime_of
from lowtide.ir.dtype import F32, I8, U8
from lowtide.ir.graph import Graph, Operator
from lowtide.ops.definition import definition


def contract(graph: Graph, tflite: bool) -> str:
    """That of a network as it was read, from a .tflite file or not."""
    quantised = {t.dtype for t in graph.tensors.values() if t.quant is not None} & {I8, U8}
    whole = sorted(kind.name for kind in quantised) if tflite else ["qdq"] * bool(quantised)
    floats = not whole or any(_in_floats(op, graph) for op in graph.operators)
    runtime = runtime_of(graph).removeprefix("ai-edge-") if tflite else "onnxruntime"
    reference = runtime if tflite or whole else "float64"
    return f"{'+'.join([*whole, *['float32'] * floats])}/{reference}"


def _in_floats(op: Operator, graph: Graph) -> bool:
    """Whether an operator makes floats of floats, other than by moving them."""
    reads = [graph.tensors[name].dtype for name in op.read if name in graph.tensors]
    real = F32 in reads and graph.tensors[op.output].dtype == F32
    return real and definition(op, graph) is not None
