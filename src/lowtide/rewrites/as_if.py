"""A network planned as if its elements took so many bytes."""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.dtype import as_wide_as
from lowtide.ir.graph import Graph


def as_if(graph: Graph, element_bytes: int | None) -> Graph:
    """The network with all elements counted as `element_bytes` bytes each; None: as it is.

        float32 [1,16,32,32], 65,536 bytes   ->   as if int8, 16,384 bytes

    Nothing is quantised: this tells what an accelerator of that width would need.
    """
    return graph if element_bytes is None else replace(graph, as_if=as_wide_as(element_bytes))
