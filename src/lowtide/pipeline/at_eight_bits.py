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
from lowtide.pipeline.on_chip import Limits
from lowtide.pipeline.ram import Sized
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options, Source


def at_eight_bits(
    source: Source,
    graph: Graph,
    options: Options,
    model: str,
    clock: Clock,
    shapes: Mapping[str, Shape] | None = None,
    missed: tuple[Sized, Limits] | None = None,
) -> AtEightBits | None:
    """None of what is not an ONNX network of floats that is planned as such.

    `missed` is the program that there is, and the limits that it misses: stack, state and code are
    taken for the same at 8 bits, where they are mostly less. The command asks for those limits, or
    for the chip that has them, unless arena or weights alone do not meet them either.
    """
    floats = {tensor.dtype for tensor in graph.tensors.values()} == {F32}
    if not floats or options.element_bytes is not None or options.tile or is_tflite(model):
        return None
    with clock("planning at 8 bits"):
        small = replace(options, element_bytes=1)
        plan = make_plan(source, graph, small, Clock(lambda _: None))
    eight = {"int8": True, "calibrate": "PICTURES", "verbose": False}
    if missed is None:
        command = fit_command(model, options, None, shapes)
        return AtEightBits(plan.arena_bytes, f"{command} {_EIGHT}", {"budget": None, **eight})
    beside, limits = missed[0].beside, missed[1]
    arena, weights = plan.arena_bytes, plan.profile.weight_bytes
    ram, flash = arena + (beside.ram_bytes or 0), weights + (beside.code_bytes or 0)
    over = _more("RAM", arena, limits.ram) + _more("flash", weights, limits.flash)
    near = _more("RAM", ram, limits.ram) + _more("flash", flash, limits.flash)
    verb = "still" if over else "perhaps"
    said = f"{verb} too much {' and '.join(over or near)}" if over or near else ""
    changed, told = _within(model, options, shapes, limits, bool(over))
    return AtEightBits(arena, f"{told} {_EIGHT}", {**changed, **eight}, ram, said)


def _more(memory: str, needed: int, limit: int | None) -> list[str]:
    return [] if limit is None or needed <= limit else [memory]


_EIGHT = "--int8 --calibrate PICTURES"


def _within(
    model: str,
    options: Options,
    shapes: Mapping[str, Shape] | None,
    limits: Limits,
    over: bool,
) -> tuple[dict[str, Any], str]:
    """What changes of the command that was given, and a command of our own."""
    chip = None if limits.chip is None else limits.chip.name
    if over:
        changed: dict[str, Any] = {"budget": None, "flash": None, "chip": None}
        changed |= {} if chip is None else {"cpu": options.cpu}
        return changed, fit_command(model, options, None, shapes)
    if chip is not None:  # its limits as they were given, or its own
        return {}, f"{fit_command(model, replace(options, cpu=None), None, shapes)} --chip {chip}"
    return {}, fit_command(model, options, limits.ram, shapes)
