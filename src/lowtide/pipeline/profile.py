"""profile(): what a network costs, planned; nothing is emitted or run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import AtEightBits
from lowtide.frontends.pytorch.exported import Exported
from lowtide.ir.graph import Graph, Shape
from lowtide.kernels.chips import find_chip
from lowtide.pipeline.asked import options_of
from lowtide.pipeline.at_eight_bits import at_eight_bits
from lowtide.pipeline.from_torch import Module, open_model
from lowtide.pipeline.markup import picture, section, table
from lowtide.pipeline.on_chip import OnChip, on_chips, on_chips_text
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.signature import signed
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import OVERLAPS, Options, Source
from lowtide.planner.plan import Plan
from lowtide.report.memory_svg import memory_svg
from lowtide.report.profile_text import profile_facts, profile_text
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import show_bytes

Others = tuple[dict[str, Plan], AtEightBits | None]


@dataclass(frozen=True, repr=False, kw_only=True)
class Profiled(Plan):
    """A plan, and beside it what the network would need planned otherwise.

    `chips` says of each that was named whether it holds the network. Printed it is what
    `lowtide profile` says; a notebook shows its operators and the memory map.
    """

    chips: tuple[OnChip, ...] = ()
    look: Callable[[], Others] = field(compare=False)

    @cached_property
    def _looked(self) -> Others:
        return self.look()

    @property
    def overlaps(self) -> Mapping[str, Plan]:
        """The network layer by layer at each overlap; planned when first asked for."""
        return self._looked[0]

    @property
    def at_8_bits(self) -> AtEightBits | None:
        """What a network of floats would need at 8 bits; planned when first asked for."""
        return self._looked[1]

    def profiled(self) -> dict[str, Any]:
        """Everything `profile --json` prints."""
        eight = self.at_8_bits
        facts = {**profile_facts(self, self.overlaps), "at_8_bits": eight and eight.facts()}
        return {**facts, "chips": [one.facts() for one in self.chips]}

    def __str__(self) -> str:
        text = profile_text(self, others=self.overlaps, eight=str(self.at_8_bits or ""))
        return "\n\n".join(filter(None, (text, on_chips_text(self.chips))))

    def _repr_html_(self) -> str:
        rows = (
            (one.name, one.type, "x".join(map(str, one.shape)), show_bytes(one.live_bytes),
             f"{one.macs:,}", show_bytes(one.weight_bytes))
            for one in self.profile.costs
        )  # fmt: skip
        head = ("operator", "type", "output", "live", "multiply-adds", "weights")
        chips = [table([(one.chip.name, str(one)) for one in self.chips], left=2)]
        parts = [table(rows, head, left=3), *(chips if self.chips else [])]
        return section(self.short, *parts, picture(memory_svg(self)))


def profile(
    model: Model | Module,
    example: object = None,
    *,
    chip: str | Sequence[str] = (),
    schedule: Literal["layerwise", "stream"] = "stream",
    order: Literal["given", "least"] = "least",
    overlap: Literal["none", "row", "group", "pixel"] = "group",
    place: Literal["greedy", "exact"] = "exact",
    align: int = 16,
    cpu: str | None = None,
    element_bytes: int | None = None,
    io_layout: Literal["nhwc", "nchw"] = "nhwc",
    io_type: Literal["file", "8bit"] = "file",
    fuse_pools: bool | None = None,
    tile: tuple[int, int] | None = None,
    keep_input: bool = False,
    state: Sequence[str] = (),
    image: Literal["resident", "streamed", "endless"] = "resident",
    push: int = 1,
    window: int = 0,
    time_axis: int | None = None,
    result: Literal["resident", "streamed"] = "resident",
    max_overhead: float = 0.0,
    objective: Literal["memory", "balanced", "latency"] = "memory",
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Profiled:
    """Plans a network and returns the plan with its costs; nothing is emitted or run.

    model, example as for `lowtide.fit`
    chip           chips, by name: whether each holds the network, `chips` of the result
    shape, max_elements, options, progress
                   as for `lowtide.fit`; the others are fields of `lowtide.Options`

    Returns a Profiled, which is a Plan: `arena_bytes`, `profile.costs` (an entry an operator),
    `overlaps`, `at_8_bits`. Raises ModelError and UsageError.
    """
    given, usual = locals(), Options()
    chips = (chip,) if isinstance(chip, str) else tuple(chip)
    for name in chips:
        find_chip(name)
    words = {one.name: given[one.name] for one in fields(Options) if one.name in given}
    asked = {k: v for k, v in words.items() if v not in (getattr(usual, k), [])}
    own = options_of({**asked, **({"options": options} if options else {})})
    clock = Clock(progress or quiet)
    opened = open_model(model, example)
    network: Model = opened.proto if isinstance(opened, Exported) else opened
    source, graph = read(network, clock, shape, max_elements, options=own)
    plan = plan_filters(source, graph, own, clock)
    held = on_chips(network, own, chips, clock.progress, shape, max_elements)

    def look() -> Others:
        others = _overlaps(source, graph, own, clock, plan)
        return others, at_eight_bits(source, graph, own, named(network), clock, shape)

    made = {one.name: getattr(plan, one.name) for one in fields(Plan)}
    return Profiled(**made, chips=tuple(held), look=look)


signed(profile)


def _overlaps(
    source: Source, graph: Graph, options: Options, clock: Clock, plan: Plan
) -> dict[str, Plan]:
    """Plans of a network layer by layer at every overlap, by its name; `plan` is that of
    `options`."""
    plans: dict[str, Plan] = {}
    for overlap in OVERLAPS:
        if options.tile and overlap not in ("none", "row", options.overlap):
            continue  # with tiles it is all the same
        if options.schedule == "layerwise" and overlap == options.overlap:
            plans[overlap] = plan
            continue
        clock.progress(f"planning with overlap {overlap}")
        tile = options.tile if overlap == options.overlap else None
        changed = replace(
            options, schedule="layerwise", overlap=overlap, tile=tile, max_overhead=0.0,
            image="resident", result="resident", objective="memory",
        )  # fmt: skip
        plans[overlap] = make_plan(source, graph, changed, clock)
    return plans
