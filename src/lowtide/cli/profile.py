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
    """What a network costs, before it is fitted: memory by operator, multiply-adds, weights."""
    from lowtide.pipeline.profile import profile as run

    network = network_given(model, input_, shape, quiet)
    with StageLine(model, quiet) as progress:
        profiled = run(
            network.model, chip=chip or (), schedule=schedule, order=order, overlap=overlap,
            place=place, align=align, cpu=cpu, element_bytes=element_bytes, io_layout=io_layout,
            io_type=io_type or "file", fuse_pools=fuse_pools, tile=parse_tile(tile),
            keep_input=keep_input, state=state or (), image=image, push=push or 1,
            window=window or 0, time_axis=time_axis, result=result,
            max_overhead=max_overhead or 0.0, objective=objective,
            shape=network.shapes(shape), max_elements=max_elements, progress=progress,
        )  # fmt: skip
        said = profiled.profiled() if as_json else str(profiled)
    show(said)
