"""A network as it is used: without the outputs for training that nothing reads, and with the
weights that it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

from lowtide.ir.graph import Array

Model = onnx.ModelProto | Path


def as_used(model: Model) -> Model:
    """The network whose BatchNormalization does not train; itself where none does.

        y, mean, var, saved_mean, saved_var = BatchNormalization(x, ..)   ->   y = ..

    Before opset 14 exporters listed the statistics in networks for inference as well, and
    onnxruntime takes what is listed as asked for: it normalises by the batch.
    """
    proto = onnx.load(model, load_external_data=False) if isinstance(model, Path) else model
    if not any(True for _ in _trained(proto)):
        return model
    made = onnx.load(model) if isinstance(model, Path) else onnx.ModelProto()
    if not isinstance(model, Path):
        made.CopyFrom(model)
    for node in _trained(made):
        del node.output[1:]
    return made


def _trained(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes with statistics that nothing reads."""
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset >= 14:  # since then an attribute says whether it trains
        return
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        listed = [n for n in nodes if n.op_type == "BatchNormalization" and len(n.output) > 1]
        if not listed:
            continue
        read = {name for node in nodes for name in node.input}
        read |= {value.name for value in model.graph.output}
        read |= {name for function in model.functions for name in function.output}
        yield from (n for n in listed if read.isdisjoint(name for name in n.output[1:] if name))


def floats_apart(model: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A network whose float weights of layers between 8-bit numbers are inputs, and those weights.

    DQ ──> Conv ──> Q        of constants onnxruntime makes 8-bit weights, which the file has not
    """
    real = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    read = {
        node.input[1]
        for node in model.graph.node
        if node.op_type in ("Conv", "ConvTranspose", "Gemm") and node.input[0] in real
    }
    taken = [held for held in model.graph.initializer if held.name in read]
    if not taken:
        return model, {}
    made = onnx.ModelProto()
    made.CopyFrom(model)
    kept = [held for held in made.graph.initializer if held.name not in read]
    listed = [info for info in made.graph.input if info.name not in read]
    shown = [helper.make_tensor_value_info(h.name, h.data_type, h.dims) for h in taken]
    del made.graph.initializer[:], made.graph.input[:]
    made.graph.initializer.extend(kept)
    made.graph.input.extend([*listed, *shown])
    return made, {held.name: numpy_helper.to_array(held) for held in taken}
