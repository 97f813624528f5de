"""onnxruntime's quantiser at work: Q and DQ around every operator that it knows.

x ─> Conv ─> Relu ─> y      ->      x ─> Q ─> DQ ─> Conv ─> Q ─> DQ ─> y
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import onnx

from lowtide.errors import UnsupportedModel
from lowtide.runtime import quantisation

BOTH = ("QuantizeLinear", "DequantizeLinear")

_OPTIONS = {"WeightSymmetric": True, "ActivationSymmetric": False}


def quantised(
    proto: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]], name: str
) -> onnx.ModelProto:
    """A copy in QDQ form, floats going in and out; `ranges` are those of its float tensors.

    Raises UnsupportedModel where nothing of it runs in 8 bits.
    """
    tool = quantisation()
    held = {
        tensor: tool.calibrate.TensorData(lowest=np.float32(low), highest=np.float32(high))
        for tensor, (low, high) in ranges.items()
    }
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    onnx.helper.set_model_props(copy, {"onnx.infer": "onnxruntime.quant"})  # shapes are known
    known = {*tool.registry.QDQRegistry, *tool.registry.QLinearOpsRegistry}
    with _silent():
        quantiser = tool.QDQQuantizer(
            copy, True, False, tool.QuantType.QInt8, tool.QuantType.QUInt8,
            tool.calibrate.TensorsData(tool.CalibrationMethod.MinMax, held),
            [], [], sorted(known), _OPTIONS,
        )  # fmt: skip
        quantiser.quantize_model()
        quantiser.model.topological_sort()
    made: onnx.ModelProto = quantiser.model.model
    del made.metadata_props[:]
    made.producer_name, made.producer_version = "lowtide", ""
    if not any(node.op_type == BOTH[0] for node in made.graph.node):
        raise UnsupportedModel("no operator of it can run in 8 bits", file=name)
    return made


def left(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The names of operators that still read floats."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    floats = {
        value.name
        for value in (*proto.graph.input, *proto.graph.value_info, *proto.graph.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    whole = {name for node in proto.graph.node if node.op_type == BOTH[1] for name in node.output}
    return tuple(
        node.name or node.op_type
        for node in proto.graph.node
        if node.op_type not in BOTH
        and any(name in floats and name not in whole | constants for name in node.input)
    )


@contextmanager
def _silent() -> Iterator[None]:
    """Without the quantiser's advice, which is for its own users."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
