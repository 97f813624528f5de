"""Results in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lowtide.check.words import amount, checked_lines
from lowtide.quoting import PATH_WIDTH, for_terminal
from lowtide.sizes import show_bytes, show_change

if TYPE_CHECKING:
    from lowtide.check.judge import Checks
    from lowtide.ir.graph import Array
    from lowtide.ir.original import Original
    from lowtide.layout.ports import Port
    from lowtide.minimalloc.buffers import Buffer
    from lowtide.pipeline.fitted import Fitted
    from lowtide.placers.problem import Placement
    from lowtide.planner.plan import Plan


def show_fit(fitted: Fitted, labels: Sequence[str] | None = None) -> str:
    """The result of a fit in words."""
    plan, own = fitted.plan, fitted.plan.profile
    before, arena = own.layerwise_bytes, plan.arena_bytes
    proven = "proven least" if plan.placement.proven else f"at least {plan.placement.bound}"
    order = "proven least" if plan.schedule.proven else f"at least {plan.schedule.bound}"
    lines = [
        *_approximation(plan.source.original),
        f"{for_terminal(plan.source.named, 160)}: {own.macs / 1e6:.2f} M multiply-adds, "
        f"{show_bytes(own.weight_bytes)} of weights",
        *([f"  {fitted.on_chip.chip.name:<13}  {fitted.on_chip}"] if fitted.on_chip else []),
        f"  whole tensors  {amount(before)}  order {order}; most at {for_terminal(own.peak.name)} "
        f"({own.peak.type})",
        f"  arena          {amount(arena)}  placement {proven}; "
        f"{show_change(before, arena)} against whole tensors",
        *_states(plan),
        f"  lower bound    {amount(own.lower_bound_bytes)}  live at one time, "
        + ("row by row" if plan.streamed else f"overlap {plan.options.overlap}"),
        *_whole(fitted),
        *_pushes(plan),
    ]
    if fitted.checks:
        lines += [str(fitted.package)] if fitted.package else []
        lines += [*checked_lines(fitted.checks), *_module(fitted)]
        lines += _answers(fitted.checks, plan.outputs[0], labels or ())
    return "\n".join(lines)


def _module(fitted: Fitted) -> list[str]:
    error = fitted.module_error
    return [] if error is None else [f"  PyTorch        {error:.1e} from exact, as the module runs"]


def _states(plan: Plan) -> list[str]:
    """What of the arena is carried from call to call."""
    if not plan.states:
        return []
    named = ", ".join(
        f"{for_terminal(one.output.name)} becomes {for_terminal(one.input.name)}"
        for one in plan.states
    )
    what = named if plan.layout.graph.pushes is None else f"{len(plan.states)} times rows"
    return [
        f"  state          {amount(sum(one.bytes for one in plan.states))}  of the arena, kept "
        f"from call to call: {what}"
    ]


def _pushes(plan: Plan) -> list[str]:
    """What a call takes of an endless input, and when results are valid."""
    pushes = plan.layout.graph.pushes
    if pushes is None:
        return []
    lines = [
        f"  a push         {pushes.rows:10} rows a call; results are valid from call "
        f"{pushes.delay} on, counted from 0"
    ]
    if pushes.dropped:
        lines.append(f"                 padding along time dropped: {_listed([*pushes.dropped])}")
    for name, rows in pushes.windows.items():
        lines.append(f"                 {for_terminal(name)} runs on the last {rows} of its rows")
    return lines


def _listed(names: Sequence[str]) -> str:
    """A few names, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(for_terminal, names[:3])) + more


def label_warnings(fitted: Fitted, labels: Sequence[str] | None) -> list[str]:
    """What is said of names of classes that are not those of the network."""
    if labels is None:
        return []
    if not labels:
        return ["--labels: the file is empty; no class is named"]
    output = fitted.plan.outputs[0]
    if len(output.shape) != 2:
        shape = "x".join(map(str, output.shape))
        return [f"--labels: output '{output.name}', {shape}, is no list of classes; none is named"]
    if len(labels) != output.shape[1]:
        there = f"output '{output.name}' has {output.shape[1]} classes"
        return [f"--labels: {len(labels)} names, where {there}; are they those of the network?"]
    return []


def _approximation(original: Original | None) -> list[str]:
    return [for_terminal(original.words, 1000)] if original else []


def show_detail(fitted: Fitted) -> str:
    """The weights that a run reads, and where the time of the fit went, the longest first."""
    read, held = fitted.weight_traffic_bytes, fitted.plan.profile.weight_bytes
    times = f"{read / held:.1f} times what there are" if held else "there are none"
    stages = sorted(fitted.seconds.items(), key=lambda one: -one[1])
    lines = [
        f"  weights read   {amount(read)}  in one run, no cache between; {times}",
        f"  seconds        {sum(fitted.seconds.values()):10.2f}",
        *(f"    {spent:23.2f}  {stage}" for stage, spent in stages),
    ]
    return "\n".join(lines)


def show_placed(placed: Placement, output: Path) -> str:
    """The result of placing buffers in words."""
    proven = "proven least" if placed.proven else f"at least {placed.bound}"
    arena = f"{placed.arena_bytes} B ({show_bytes(placed.arena_bytes)})"
    file = for_terminal(str(output), PATH_WIDTH)
    return f"{file}: {len(placed.offsets)} buffers in {arena}, {proven}"


def placed_facts(
    buffers: Sequence[Buffer], placed: Placement, capacity: int | None
) -> dict[str, Any]:
    """The result of placing buffers for scripts."""
    return {
        "buffers": len(buffers),
        "capacity_bytes": capacity,
        "arena_bytes": placed.arena_bytes,
        "lower_bound_bytes": placed.bound,
        "placement_proven": placed.proven,
        "offsets": {b.name: at for b, at in zip(buffers, placed.offsets, strict=True)},
    }


def _whole(fitted: Fitted) -> list[str]:
    """RAM and flash of the whole network, and what was saved of both together."""
    plan, own = fitted.plan, fitted.footprint
    weights, code = plan.profile.weight_bytes, own.code_bytes
    before = plan.profile.layerwise_bytes + weights
    after = plan.arena_bytes + weights
    return [
        f"  RAM            {amount(fitted.ram_bytes or plan.arena_bytes)}  {_beside(fitted)}",
        f"  flash          {amount(weights + (code or 0))}  weights and "
        + ("code (not measured)" if code is None else f"{code} of code and tables"),
        *([f"  deepest calls  {own.stack}"] if own.stack else []),
        *([f"  measured       {for_terminal(own.words, 300)}"] if own.stack else []),
        f"  whole network  {amount(after)}  activations and weights; {show_change(before, after)}",
    ]


def _beside(fitted: Fitted) -> str:
    """What the RAM holds."""
    own = fitted.footprint
    if own.stack_bytes is None:
        return f"arena alone; stack and state are not measured: {own.unknown}"
    state = "" if own.state_bytes is None else f", {own.state_bytes} of state"
    return f"arena, {own.stack_bytes} of stack{state}"


def _answers(checks: Checks, output: Port, labels: Sequence[str]) -> list[str]:
    """The three largest classes for each sample, where the first output is a list of classes."""
    lines = []
    for name, outputs in checks.results.items():
        drawn = name.partition(" ")[0] == "random"
        if not drawn and outputs and outputs[0].size > 1 and outputs[0].ndim == 2:
            scores = output.reals(outputs[0])
            lines.append(f"  {for_terminal(name):<14} " + ", ".join(_classes(scores, labels)))
    return lines


def _classes(scores: Array, labels: Sequence[str]) -> list[str]:
    flat = scores.ravel()
    best = np.argsort(-flat, kind="stable")[:3]
    names = [for_terminal(labels[i]) if i < len(labels) else i for i in best]
    return [f"{name} {flat[i]:.3f}" for name, i in zip(names, best, strict=True)]
