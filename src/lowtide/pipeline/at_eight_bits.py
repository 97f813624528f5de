"""What a float32 network would need at 8 bits, and the command that makes it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lowtide.clock import Clock
from lowtide.errors import AtEightBits
from lowtide.frontends.tflite.load import is_tflite
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Graph, Shape
from lowtide.pipeline.command import fit_command
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options, Source


def at_eight_bits(
    source: Source,
    graph: Graph,
    options: Options,
    model: str,
    clock: Clock,
    limit: int | None = None,
    shapes: Mapping[str, Shape] | None = None,
    chip: str | None = None,
) -> AtEightBits | None:
    """None of what is not an ONNX network of floats that is planned as such.

    With a `limit` that the arena keeps to, the command asks for it, or for the `chip` that has it.
    """
    floats = {tensor.dtype for tensor in graph.tensors.values()} == {F32}
    if not floats or options.element_bytes is not None or options.tile or is_tflite(model):
        return None
    with clock("planning at 8 bits"):
        small = replace(options, element_bytes=1)
        arena = make_plan(source, graph, small, Clock(lambda _: None)).arena_bytes
    budget = limit if limit is not None and arena <= limit else None
    changed: dict[str, Any] = {"budget": None if budget is None else str(budget)}
    changed |= {"int8": True, "calibrate": "PICTURES", "verbose": False}
    if chip is not None and budget is not None:
        del changed["budget"]  # as it was given, or the chip's
        command = f"{fit_command(model, replace(options, cpu=None), None, shapes)} --chip {chip}"
    else:
        changed |= {} if chip is None else {"chip": None, "cpu": options.cpu}
        command = fit_command(model, options, budget, shapes)
    return AtEightBits(arena, f"{command} --int8 --calibrate PICTURES", changed)
