"""Whether a network computes in a few bits, and how large a quantum of each output is."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from lowtide.check.exact.evaluate import in_order


def quanta(model: onnx.ModelProto) -> list[float] | None:
    """The quantum of each output, 0 where it has none; None where no activation is quantised.

    Weights that are stored in few bits and made floats again are no reason: those are floats.
    A number that was quantised has the scale it is made a float again with, also behind operators
    that move it or mix it with others of smaller scale. Raises NotEvaluated where a node reads what
    nothing makes.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    given = {value.name for value in model.graph.input} - set(constants)
    steps = dict.fromkeys(given, 0.0)  # of all that depends on the inputs
    quantised = False
    for node in in_order(model.graph.node, {*constants, *given}):
        if node.op_type == "Constant":
            values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            constants |= {name: value for name in node.output for value in values}
        active = [name for name in node.input if name in steps]
        if not active:
            continue
        quantised |= _quantises(node)
        step = max(steps[name] for name in active)
        if node.op_type == "DequantizeLinear" and node.input[1] in constants:
            scale = numpy_helper.to_array(constants[node.input[1]])
            step = float(np.abs(scale).max(initial=0.0))
        steps |= dict.fromkeys(node.output, step)
    if not quantised:
        return None
    return [steps.get(value.name, 0.0) for value in model.graph.output]


def spans_of(model: onnx.ModelProto) -> dict[str, tuple[float, float]]:
    """The reals that an input can have which is made whole numbers before anything is computed."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    given = {value.name for value in model.graph.input} - set(constants)
    found = {}
    for node in model.graph.node:
        ends = [constants[name] for name in node.input[1:3] if name in constants]
        if node.op_type != "QuantizeLinear" or node.input[0] not in given or len(ends) < 2:
            continue
        if any(tensor.data_location for tensor in ends):
            continue
        scale, zero = (numpy_helper.to_array(tensor) for tensor in ends)
        if scale.size == 1 and zero.dtype.kind in "iu":
            limits = np.iinfo(zero.dtype)
            low, high = ((end - int(zero.item())) * float(scale.item())
                         for end in (int(limits.min), int(limits.max)))  # fmt: skip
            found[node.input[0]] = (low, high)
    return found


def _quantises(node: onnx.NodeProto) -> bool:
    """QuantizeLinear, DynamicQuantizeLinear and the operators on integers that they lead to."""
    kind = node.op_type
    return (kind.endswith(("QuantizeLinear", "Integer")) and kind != "DequantizeLinear") or (
        kind.startswith("QLinear")
    )
