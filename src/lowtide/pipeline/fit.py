"""fit(): load -> rewrite -> layout -> schedule -> place -> check -> emit, value to value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import onnx

from lowtide.backends import emit
from lowtide.check.as_judged import as_judged
from lowtide.check.code_size import Footprint
from lowtide.check.emulate import judge_emulated
from lowtide.check.ends import Ends
from lowtide.check.in_child import in_child
from lowtide.check.judge import judge_placement, judge_program
from lowtide.check.meter import meter_for
from lowtide.check.numbers import Sample
from lowtide.check.pushes import push_samples
from lowtide.check.reference_file import pack_references
from lowtide.check.truth import make_samples
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError, UsageError
from lowtide.ir.graph import Array, Graph, Shape
from lowtide.pipeline.at_eight_bits import at_eight_bits
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.fit_page import page_figures
from lowtide.pipeline.fitted import Fitted
from lowtide.pipeline.on_chip import Limits, OnChip, on_chip, with_chips
from lowtide.pipeline.package import pack
from lowtide.pipeline.ram import Planning, Sized, too_large, too_much_flash
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.suggest import missed
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.options import Options, Source
from lowtide.planner.plan import Plan
from lowtide.report.memory_svg import memory_svg
from lowtide.report.page import report_html, with_figures
from lowtide.report.sides import before_and_after
from lowtide.room import MAX_ELEMENTS

Samples = Callable[[Graph], Mapping[str, Mapping[str, Array]]]


def fit(
    model: Model,
    *,
    budget: str | int | None = None,
    options: Options | None = None,
    target: str = "c99",
    samples: Samples | Mapping[str, Mapping[str, Array]] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    chip: str | None = None,
    flash: str | int | None = None,
    progress: Progress = quiet,
) -> Fitted:
    """Plans a network, writes its program in memory, checks both; `emit` of the result saves it.

    `model` is a file, ONNX or .tflite, or an onnx.ModelProto. `budget` limits RAM (arena, stack and
    state), in bytes or as "256KiB". `options` are those of the plan. `target` "none" plans only.
    `samples` gives sets of inputs (by input name, in the file's axis order) to compare with the
    reference on, besides seeded random ones, or makes them from the graph. `shapes` gives inputs
    theirs, by name, where the file leaves them open. A network of more than `max_elements`,
    constants and activations together, is refused before they are made. `flash`
    limits weights and code, which stay as they are. `chip` gives the budget, the flash and the
    options' processor unless they are given. `progress` is told each stage.
    Raises ModelError, BudgetError, CheckError and UsageError.
    """
    clock = Clock(progress)
    limits, given = Limits.of(budget, chip, flash), options or Options()
    limit, options = limits.ram, limits.options(given)
    check_target(options, target)
    measuring = meter_for(options, target) is not None
    source, graph = read(model, clock, shapes, max_elements, options=options)
    inputs = samples(graph) if callable(samples) else samples or {}
    planning = Planning(source, graph, clock, measuring, limits.absent(options))
    sized = planning.within(options, limit)
    held = on_chip(sized, limits)
    if held is not None and not held.fits:
        error = _missed(planning, options, limits, sized, named(model), shapes)
        raise with_chips(error, held, planning, given, named(model))
    if limit is not None and sized.ram_bytes > limit:
        raise _missed(planning, options, limits, sized, named(model), shapes)
    if limits.flash is not None and sized.flash_bytes > limits.flash:
        command = fit_command(named(model), options, limit, shapes)
        raise too_much_flash(sized, limits.flash, command)
    return finished(model, sized, target, inputs, clock, graph, held, limit)


def check_target(options: Options, target: str) -> None:
    """Raises UsageError for a target that there is not, or that the options are not for."""
    if target not in ("c99", "none"):
        raise UsageError(f"unknown target '{target}'; there are c99 and none")
    if options.package and target != "c99":
        raise UsageError(f"--package {options.package} is around a program: for --target c99 alone")
    if options.tile and target != "none":
        raise UsageError("--tile plans for an accelerator and needs --target none")
    if options.element_bytes is not None and target != "none":
        raise UsageError("--element-bytes needs --target none: C has the types of the network")


def finished(
    model: Model,
    sized: Sized,
    target: str,
    samples: Mapping[str, Mapping[str, Array]],
    clock: Clock,
    graph: Graph,
    held: OnChip | None,
    limit: int | None,
) -> Fitted:
    """A plan of a graph with its program, drawn and checked; `limit`: RAM that it was to fit."""
    plan = sized.plan
    memory = memory_map(plan)
    with clock("checking the placement"):
        judge_placement(memory)
    with clock("drawing the memory map"):
        picture, page = _drawn(plan)
        files = {"plan.json": memory.to_json().encode(), "memory.svg": picture}
    if target == "none":
        fitted = Fitted(plan, memory, None, Footprint(), files, clock.seconds)
    else:
        fitted = _checked(model, sized, memory, samples, files, clock, graph)
    fitted = replace(fitted, on_chip=held)
    report = with_figures(page, page_figures(fitted, limit)).encode()
    return replace(fitted, files={**fitted.files, "report.html": report})


def _drawn(plan: Plan) -> tuple[bytes, str]:
    """The picture and the page; what they are drawn from is large, and let go before the checks."""
    sides = before_and_after(plan)
    return memory_svg(plan, sides).encode(), report_html(plan, sides)


def _missed(
    planning: Planning,
    options: Options,
    limits: Limits,
    sized: Sized,
    model: str,
    shapes: Mapping[str, Shape] | None,
) -> BudgetError:
    """What would do, and what the network would need at 8 bits."""
    limit, flash = limits.ram or 0, limits.needed
    if limits.flash is not None and sized.ram_bytes <= limit:
        error = too_much_flash(sized, limits.flash, fit_command(model, options, limit, shapes))
    elif flash is not None and sized.plan.profile.weight_bytes > flash.given:
        error = too_large(sized, limit, [])  # no plan has fewer
    else:
        error = missed(planning, options, limit, sized, model, flash=flash)
    error.eight = at_eight_bits(
        planning.source, planning.graph, options, model, planning.clock, shapes, (sized, limits)
    )
    return error


def _checked(
    model: Model,
    sized: Sized,
    memory: MemoryMap,
    samples: Mapping[str, Mapping[str, Array]],
    drawn: Mapping[str, bytes],
    clock: Clock,
    graph: Graph,
) -> Fitted:
    plan, program = sized.plan, sized.program
    if program is None:
        with clock("emitting C"):
            program = emit(plan)
    with clock("computing the references"):
        references = (
            make_references(model, plan.source, memory, samples)
            if graph.pushes is None
            else in_child(memory.elements, push_samples, graph, samples)
        )
    with clock("checking the program"):
        checks = judge_program(program, memory, references, clock.progress)
    if checks is None:
        with clock("no C compiler: checking in numpy"):
            checks = judge_emulated(plan, references, clock.progress)
    header = f"{plan.options.name}.h"
    program = {**program, header: as_judged(program[header], checks)}
    held = pack_references(checks.samples, memory.sha256)
    files = {**program, **drawn, "checks/reference.npz": held}
    package = pack(plan.options, [(plan, checks)], files)
    files = {**files, **(package.files if package else {})}
    path = None if isinstance(model, onnx.ModelProto) else Path(model).absolute()
    return Fitted(plan, memory, checks, sized.beside, files, clock.seconds, path, package=package)


def make_references(
    model: Model,
    source: Source,
    memory: MemoryMap,
    samples: Mapping[str, Mapping[str, Array]],
) -> list[Sample]:
    """Samples with what is expected of each: a seeded random input, and those that are given."""
    held = model if isinstance(model, onnx.ModelProto) else Path(model)
    shapes = {port.name: port.shape for port in memory.inputs}
    ends = Ends(memory.inputs, memory.outputs, memory.states)
    return in_child(memory.elements, make_samples, held, source.path, shapes, samples, ends)
