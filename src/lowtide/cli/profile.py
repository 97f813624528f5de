"""`lowtide profile`."""

from __future__ import annotations

from lowtide.cli.model import Input, Model, network_given
from lowtide.cli.options import (
    Align,
    Chips,
    Cpu,
    ElementBytes,
    FusePools,
    Image,
    IoLayout,
    IoType,
    Json,
    KeepInput,
    MaxElements,
    MaxOverhead,
    Objective,
    Order,
    Overlap,
    Place,
    Push,
    Quiet,
    Result,
    Schedule,
    Shapes,
    State,
    Tile,
    TimeAxis,
    Window,
)
from lowtide.cli.output import show
from lowtide.cli.parse import parse_tile
from lowtide.cli.progress import StageLine
from lowtide.room import MAX_ELEMENTS


def profile(
    model: Model,
    chip: Chips = None,
    schedule: Schedule = "stream",
    order: Order = "least",
    overlap: Overlap = "group",
    place: Place = "exact",
    align: Align = 16,
    cpu: Cpu = None,
    element_bytes: ElementBytes = None,
    io_layout: IoLayout = "nhwc",
    io_type: IoType = None,
    fuse_pools: FusePools = None,
    tile: Tile = None,
    keep_input: KeepInput = False,
    state: State = None,
    image: Image = "resident",
    push: Push = None,
    window: Window = None,
    time_axis: TimeAxis = None,
    result: Result = "resident",
    max_overhead: MaxOverhead = None,
    objective: Objective = "memory",
    shape: Shapes = None,
    input_: Input = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """What the network costs: live bytes of each operator, peaks, MACs, weights."""
    from lowtide.pipeline.on_chip import on_chips, on_chips_text
    from lowtide.pipeline.profile import overlaps
    from lowtide.planner.plan import Options
    from lowtide.report.profile_text import profile_facts, profile_text

    options = Options(
        schedule, order, overlap, place, align, element_bytes, io_layout,
        fuse_pools=fuse_pools, tile=parse_tile(tile), keep_input=keep_input, image=image,
        result=result, max_overhead=max_overhead or 0.0, objective=objective,
        io_type=io_type or "file", cpu=cpu, state=tuple(state or ()),
        push=push or 1, window=window or 0, time_axis=time_axis,
    )  # fmt: skip
    made = network_given(model, input_, shape, quiet)
    network, shapes = made.model, made.shapes(shape)
    with StageLine(model, quiet) as progress:
        plans, eight = overlaps(network, options, progress, shapes, max_elements)
        held = on_chips(network, options, chip or (), progress, shapes, max_elements)
    plan = plans.pop("plan")
    facts = {**profile_facts(plan, plans), "at_8_bits": eight and eight.facts()}
    facts |= {"chips": [one.facts() for one in held]}
    text = profile_text(plan, others=plans, eight=str(eight or ""))
    show(facts if as_json else "\n\n".join(filter(None, (text, on_chips_text(held)))))
