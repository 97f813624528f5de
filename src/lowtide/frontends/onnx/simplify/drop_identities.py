"""Drop operators that hand their input on unchanged."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import bypass, constant, operand, parameter, static_shape


def drop_identities(model: ir.Model) -> ir.Model:
    """Let the readers of an operator that changes nothing read its input.

        x ──> Dropout ──> Reshape to its own shape ──> Relu ──> y      ->      x ──> Relu ──> y

    An output of the network keeps its name; one that is an input of the network too keeps an
    Identity between the two names. Needs shapes.
    """
    for node in tuple(model.graph):
        test = _TESTS.get(node.op_type)
        source = operand(node, 0)
        extra = any(out.uses() or out.is_graph_output() for out in node.outputs[1:])
        if test and source is not None and not extra and node.domain == "" and test(node):
            bypass(node, source)
    return model


def _always(node: ir.Node) -> bool:
    return True


def _alone(node: ir.Node) -> bool:
    """Concat, Sum, Max ... of one operand, Split into one part."""
    return len(node.inputs) == 1 and len(node.outputs) == 1


def _one_part(node: ir.Node) -> bool:
    return len(node.outputs) == 1 and _same_shape(node)


def _not_training(node: ir.Node) -> bool:
    """Dropout: `training_mode` is an input since opset 12; before, the network's user decides."""
    mode = operand(node, 2)
    array = constant(mode)
    return mode is None or (array is not None and not array.any())


def _same_type(node: ir.Node) -> bool:
    source = node.inputs[0]
    return source is not None and source.dtype == node.attributes.get_int("to", -1)


def _same_type_as_other(node: ir.Node) -> bool:
    """CastLike: the second operand only lends its type."""
    source, other = node.inputs
    kinds = {value.dtype if value is not None else None for value in (source, other)}
    return len(kinds) == 1 and None not in kinds


def _no_pads(node: ir.Node) -> bool:
    pads = parameter(node, "pads", 1)
    return pads is not None and not any(pads)


def _same_shape(node: ir.Node) -> bool:
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    return before is not None and before == after


def _forward_slice(node: ir.Node) -> bool:
    """A slice of full size, unless a negative step turns the tensor round."""
    steps = (1,) if operand(node, 4) is None else parameter(node, "steps", 4)
    return steps is not None and min(steps, default=1) > 0 and _same_shape(node)


def _one_tap(node: ir.Node) -> bool:
    """A pool whose windows are single elements: an adaptive pool to the size it has already."""
    taps = node.attributes.get_ints("kernel_shape", (0,))
    pads = node.attributes.get_ints("pads", (0,))
    return set(taps) == {1} and set(pads) == {0} and _same_shape(node)


def _moves_only_ones(node: ir.Node) -> bool:
    """A transposition that leaves the shape, and the order of the axes longer than 1, alone."""
    shape = static_shape(node.inputs[0])
    if shape is None or not _same_shape(node):
        return False
    perm = node.attributes.get_ints("perm", tuple(reversed(range(len(shape)))))
    long = [axis for axis in perm if shape[axis] > 1]
    return long == sorted(long)


_TESTS: dict[str, Callable[[ir.Node], bool]] = {
    "Identity": _always,
    "Dropout": _not_training,
    "Cast": _same_type,
    "CastLike": _same_type_as_other,
    "Pad": _no_pads,
    "Concat": _alone,
    "Sum": _alone,
    "Max": _alone,
    "Min": _alone,
    "Mean": _alone,
    "Split": _one_part,
    "Reshape": _same_shape,
    "Flatten": _same_shape,
    "Expand": _same_shape,
    "Tile": _same_shape,
    "Slice": _forward_slice,
    "Transpose": _moves_only_ones,
    "AveragePool": _one_tap,
    "MaxPool": _one_tap,
    "GlobalAveragePool": _same_shape,
    "GlobalMaxPool": _same_shape,
}

IDENTITIES = tuple(_TESTS)
"""The operators that may turn out to change nothing."""
