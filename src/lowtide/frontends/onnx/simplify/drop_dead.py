"""Drop what no output of the network needs."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass


def drop_dead(model: ir.Model) -> ir.Model:
    """Drop nodes that reach no output, outputs nothing reads, and constants nothing reads.

        x ──> Conv ──> y (output)           x ──> Conv ──> y (output)
         └──> Relu ──> z             ->

    The inputs of the network stay, read or not.
    """
    RemoveUnusedNodesPass()(model)
    return model
