"""profile(), overlaps(): what a network costs, planned; nothing is emitted or run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lowtide.clock import Clock, Progress, quiet
from lowtide.frontends.pytorch.exported import Exported
from lowtide.ir.graph import Shape
from lowtide.pipeline.at_eight_bits import AtEightBits, at_eight_bits
from lowtide.pipeline.from_torch import Module, open_model
from lowtide.pipeline.read import Model, named, read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.make_plan import make_plan
from lowtide.planner.plan import OVERLAPS, Options, Plan
from lowtide.room import MAX_ELEMENTS


def profile(
    model: Model | Module | Exported,
    example: object = None,
    *,
    options: Options | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Plan:
    """Plans a network and returns the plan with its costs; nothing is emitted or run.

    `model` and `example` as for `fit`.
    """
    clock = Clock(progress)
    options = options or Options()
    opened = open_model(model, example)
    model = opened.proto if isinstance(opened, Exported) else opened
    source, graph = read(model, clock, shapes, max_elements, options=options)
    return plan_filters(source, graph, options, clock)


def overlaps(
    model: Model,
    options: Options,
    progress: Progress = quiet,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
) -> tuple[dict[str, Plan], AtEightBits | None]:
    """Plans a network layer by layer at every overlap; returns the plans by the overlap's name.

    The plan that `options` ask for is under "plan"; beside them what the network would need at 8
    bits. Nothing is emitted or run.
    """
    clock = Clock(progress)
    source, graph = read(model, clock, shapes, max_elements, options=options)
    plans: dict[str, Plan] = {}
    for overlap in OVERLAPS:
        if options.tile and overlap not in ("none", "row", options.overlap):
            continue  # with tiles it is all the same
        progress(f"planning with overlap {overlap}")
        tile = options.tile if overlap == options.overlap else None
        changed = replace(
            options, schedule="layerwise", overlap=overlap, tile=tile, max_overhead=0.0,
            image="resident", result="resident", objective="memory",
        )  # fmt: skip
        plans[overlap] = make_plan(source, graph, changed, clock)
    if options.schedule == "layerwise":
        plans["plan"] = plans[options.overlap]
    else:
        progress("planning rows")
        plans["plan"] = make_plan(source, graph, options, clock)
    return plans, at_eight_bits(source, graph, options, named(model), clock, None, shapes)
