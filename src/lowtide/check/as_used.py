"""A network as it is used: without the outputs for training that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

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
