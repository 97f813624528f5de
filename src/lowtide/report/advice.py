"""What to do about a plan's peak: one thing to ask of fit that goes with the network and the rest.

Try --image streamed: the caller then hands its rows over one by one. While it lies whole in the
arena, no plan takes less than 12,288 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lowtide.errors import UsageError
from lowtide.ir.dtype import F32
from lowtide.layout.ports import Port
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.planner.refuse import check_options, check_states
from lowtide.rewrites.eight_ends import with_eight_ends
from lowtide.rows.liveness import live_bytes

_MOST = 0.5
"""Of the peak: what takes so much of it decides how small a plan can be."""

_WORTH = 0.9
"""Of the peak: where all else takes more, rows one by one hardly help."""

_ASKED: Mapping[str, str] = {
    "schedule": "operators may then take turns row by row, where that needs less",
    "objective": "it lets more lie in memory, so that weights are read less often",
    "overlap": "rows and pixels may then share bytes once they have been read",
    "order": "operators may then run in the order that needs least",
    "fuse_pools": "a pool may then take rows as they are made",
    "place": "the longer search may bring the arena down to what is in use at the peak",
    "keep_input": "the input may then be overwritten once it has been read",
}
"""Options that cost memory where they are not as they are unasked, and why."""


@dataclass(frozen=True)
class Advice:
    """Words, and the options that they say to ask for."""

    words: str
    change: Mapping[str, Any] = field(default_factory=dict)


def advice(plan: Plan) -> Advice:
    """Where inputs are most of the peak only their own options help; else what is free is first."""
    found = _ends(plan, plan.inputs, _MOST) or _leave_out(plan)
    found = found or _ends(plan, plan.inputs) or _ends(plan, plan.outputs) or _nothing(plan)
    if _may_be_eight(plan):
        more = " At 8 bits, numbers take a quarter: lowtide fit --int8 --calibrate PICTURES."
        return replace(found, words=found.words + more)
    return found


def _leave_out(plan: Plan) -> Advice | None:
    placed = plan.arena_bytes == plan.profile.lower_bound_bytes or plan.problem is None
    for name, why in _ASKED.items():
        asked, usual = getattr(plan.options, name), getattr(Options(), name)
        if asked == usual or (name == "place" and placed) or not _goes(plan, {name: usual}):
            continue
        flag = f"--{'no-' * (asked is False)}{name.replace('_', '-')}"
        value = "" if asked in (True, False) else f" {asked}"
        return Advice(f"Leave out {flag}{value}: {why}.", {name: usual})
    return None


def _ends(plan: Plan, ports: Sequence[Port], share: float = 0.0) -> Advice | None:
    """Smaller inputs, or results, or their rows one by one, where much of the peak is theirs."""
    layout, peak = plan.layout, plan.profile.lower_bound_bytes
    held = {layout.places[port.tensor].storage for port in ports if not port.streamed}
    least = sum(layout.storages[name].bytes for name in held)
    rest = {name: life for name, life in plan.lives.items() if name not in held}
    others = int(live_bytes(rest, plan.schedule.ticks).max())
    if not held or least < share * peak or (least < _MOST * peak and others > _WORTH * peak):
        return None
    if others >= peak or layout.graph.states or layout.graph.pushes:
        return None  # memory is as full without them
    what, name = ("input", "image") if ports is plan.inputs else ("result", "result")
    why = f"While all of the {what} lies in the arena, no plan takes less than {least:,} bytes."
    if least < _MOST * peak:
        why = f"All but the {what} takes at most {others:,} bytes at a moment."
    if _in_eight(plan, ports):
        words = f"8-bit numbers stand for the {what} in the network, and are then handed over"
        return Advice(f"Try --io-type 8bit: {words} as they are. {why}", {"io_type": "8bit"})
    change: dict[str, Any] = {name: "streamed"}
    if plan.options.keep_input and name == "image":
        change["keep_input"] = False
    if all(layout.storages[one].rows == 1 for one in held) or not _goes(plan, change):
        return None
    asked = f"--{name} streamed{' without --keep-input' * (len(change) - 1)}"
    words = f"rows of the {what} are then handed over one by one"
    return Advice(f"Try {asked}: {words}. {why}", change)


def _nothing(plan: Plan) -> Advice:
    small = plan.arena_bytes == plan.profile.lower_bound_bytes
    words = "The arena is as small as this order of work allows." if small else ""
    graph = plan.layout.graph
    more = plan.streamed and not (plan.options.max_overhead or graph.states or graph.pushes)
    if more and _goes(plan, {"max_overhead": 0.5}):
        words += " More multiply-adds may save memory: lowtide explore shows what each share buys."
    return Advice(words.strip() or "Nothing that fit knows of needs less.")


def _in_eight(plan: Plan, ports: Sequence[Port]) -> bool:
    """Whether the network makes 8-bit numbers of these inputs, or these outputs of such."""
    graph = plan.layout.graph
    if plan.options.io_type != "file" or all(port.dtype != F32.name for port in ports):
        return False
    try:
        made = with_eight_ends(graph)
    except UsageError:
        return False
    return any(made.tensors[port.tensor].dtype != port.type for port in ports)


def _may_be_eight(plan: Plan) -> bool:
    """Whether it is a network of floats that quantise() takes."""
    held = [plan.layout.storages[name].dtype for name in plan.lives]
    asked = plan.source.original or plan.options.element_bytes or plan.layout.graph.states
    return not asked and plan.source.file.endswith(".onnx") and all(one == F32 for one in held)


def _goes(plan: Plan, change: Mapping[str, Any]) -> bool:
    """Whether these options go with all others, and with this network."""
    options = replace(plan.options, **change)
    try:
        check_options(options)
        check_states(plan.layout.graph, options)
    except UsageError:
        return False
    return True
