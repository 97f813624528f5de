"""Drop what no output of the network needs."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from lowtide.frontends.onnx.simplify.edit import opset


def drop_dead(model: ir.Model) -> ir.Model:
    """Drop nodes that reach no output, outputs nothing reads, and constants nothing reads.

        x ──> Conv ──> y (output)           x ──> Conv ──> y (output)
         └──> Relu ──> z             ->

    The inputs of the network stay, read or not.
    """
    RemoveUnusedNodesPass()(model)
    for node in model.graph:
        if node.op_type == "BatchNormalization" and node.domain == "" and opset(model) < 14:
            _drop_statistics(node)
    return model


def _drop_statistics(node: ir.Node) -> None:
    """Outputs for training that nothing reads: exporters listed them for inference as well."""
    if not any(out.uses() or out.is_graph_output() for out in node.outputs[1:]):
        node.resize_outputs(1)
