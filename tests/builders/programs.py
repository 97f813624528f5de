"""A network taken all the way: plan -> emit -> judge, with compilers told to hurry.

For tests that build hundreds of small programs; `lowtide.fit` does the same with full optimisation.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import onnx

from lowtide.backends import emit
from lowtide.check.expected import Expected
from lowtide.check.judge import Checks, judge_placement, judge_program
from lowtide.check.numbers import Reference, Sample, lively_inputs
from lowtide.check.trial import WAYS, Way
from lowtide.clock import Clock
from lowtide.ir.graph import Array
from lowtide.layout.lay_out import lay_out
from lowtide.overlap.problem import placement_problem
from lowtide.pipeline.fit import read
from lowtide.placers import place
from lowtide.planner.costs import Whole, measure
from lowtide.planner.make_plan import as_streamed, make_plan, stream
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan, straight_rows
from lowtide.planner.row_problem import alignment
from lowtide.planner.streamed import cut_segments, plan_streamed
from lowtide.regions.footprint import Reach
from lowtide.rewrites.bands import in_bands
from lowtide.rewrites.in_order import in_order
from lowtide.rewrites.stretch import put_in_place
from lowtide.rows.liveness import lifetimes, live_bytes, whole_lifetimes
from lowtide.rows.task import Task, make_tasks
from lowtide.schedules.direction import directed

# Programs this small are compiled longer than they run.
QUICK: tuple[Way, ...] = tuple(
    replace(way, flags=("-O1", *(f for f in way.flags if not f.startswith("-O")))) for way in WAYS
)

GREEDY = Options(schedule="layerwise", place="greedy")
STREAM = Options(place="greedy")


@dataclass(frozen=True)
class Judged:
    """A plan and its program, which passed the placement checker and every way of the judge."""

    plan: Plan
    memory: MemoryMap
    files: Mapping[str, bytes]
    sample: Sample
    checks: Checks

    @property
    def outputs(self) -> Sequence[Array]:
        """What the program computed (in the last of the ways), in ONNX's axis order."""
        return self.checks.results[self.sample.name]


def plan_model(model: onnx.ModelProto, options: Options = GREEDY) -> Plan:
    """The plan of a network; raises ModelError."""
    clock = Clock(lambda _: None)
    source, graph = read(model, clock)
    return make_plan(source, graph, options, clock)


def streamed_model(model: onnx.ModelProto, options: Options = STREAM) -> Plan:
    """The streamed plan of a network, also where one layer by layer needs less."""
    plan = plan_model(model, options)
    return plan if plan.streamed else stream(plan, Clock(lambda _: None))


def stepped(model: onnx.ModelProto, options: Options, seed: int) -> Plan:
    """The streamed plan of a network in steps of as many rows as dice say; the caller's stay one.

    Whether that is any use is not asked.
    """
    dice, clock = random.Random(f"steps {seed}"), Clock(lambda _: None)
    given = replace(options, max_overhead=0.0, objective="memory")
    whole = plan_model(
        model, replace(given, schedule="layerwise", image="resident", result="resident")
    )
    whole = replace(whole, options=given)
    ordered = [whole.tasks[run.task] for run in whole.schedule.runs]
    cut = cut_segments(whole.layout, ordered, given)[0]

    def rows(task: Task) -> int:
        return 1 if task.port else min(dice.choice((1, 2, 3, 5, task.rows)), task.rows)

    ways = tuple(
        cut.known.get(one.first, one.end, tuple(map(rows, cut.graph.tasks[one.first : one.end])))
        for one in cut.segments
    )
    found = plan_streamed(replace(cut, segments=ways), given, clock)
    return as_streamed(whole, found)


def banded_model(model: onnx.ModelProto, options: Options, dice: random.Random) -> Plan | None:
    """A plan with column bands, whether or not they save memory; None where none can be cut."""
    clock = Clock(lambda _: None)
    whole, (_, graph) = replace(plan_model(model, GREEDY), options=options), read(model, clock)
    graph = in_order(graph, [whole.tasks[run.task].output for run in whole.schedule.runs])
    reach, windows = Reach(graph), options.image == "streamed"
    ends = list(combinations(range(len(graph.operators) + 1), 2))
    found = [
        stretch
        for first, end in dice.sample(ends, min(len(ends), 12))
        if not windows or first == 0
        if (stretch := in_bands(reach, first, end, dice.randint(2, 3), windows))
    ]
    if not found:
        return None
    one = dice.choice([one for one in found if one.extra_macs > 0] or found)
    layout = lay_out(put_in_place(graph, [one]), options.io_layout)
    cut = cut_segments(layout, make_tasks(layout), options)[0]
    return as_streamed(whole, plan_streamed(cut, options, clock))


def turned(plan: Plan, backward: frozenset[int]) -> Plan:
    """The plan with just these tasks going backward, placed anew; not for overlap "none"."""
    schedule = directed(plan.schedule, backward)
    lives = lifetimes(plan.layout, plan.tasks, schedule)
    whole = whole_lifetimes(plan.layout, plan.tasks, schedule)
    problem = placement_problem(lives, schedule.ticks, alignment(plan.layout, plan.options))
    placement = place(problem, plan.options.place)
    return replace(
        plan,
        schedule=schedule,
        lives=lives,
        problem=problem,
        placement=placement,
        addresses=straight_rows(plan.layout, problem, placement),
        profile=measure(
            Whole(plan.layout, plan.tasks, schedule, whole),
            plan.tasks,
            int(live_bytes(lives, schedule.ticks).max()),
        ),
    )


def judge_model(
    model: onnx.ModelProto,
    inputs: Mapping[str, Array] | None = None,
    expected: Sequence[Array] | None = None,
    options: Options = GREEDY,
    ways: Sequence[Way] = QUICK,
) -> Judged:
    """Plans a network, emits its program and judges both; raises ModelError and CheckError.

    Without `inputs` they are random (seeded); without `expected` onnxruntime is the reference.
    """
    return judge_plan(model, plan_model(model, options), inputs, expected, ways)


def judge_plan(
    model: onnx.ModelProto,
    plan: Plan,
    inputs: Mapping[str, Array] | None = None,
    expected: Sequence[Array] | None = None,
    ways: Sequence[Way] = QUICK,
) -> Judged:
    """Emits the program of a plan of `model` and judges both; raises CheckError."""
    memory = memory_map(plan)
    judge_placement(memory)
    sample = _sample(model, memory, inputs, expected)
    files = emit(plan)
    checks = judge_program(files, memory, [sample], ways=_different(files, memory.called, ways))
    assert checks is not None, "these tests need a C compiler"
    return Judged(plan, memory, files, sample, checks)


def _different(files: Mapping[str, bytes], name: str, ways: Sequence[Way]) -> Sequence[Way]:
    """Without kernels net.c is reference.c but for the first line: it need not be judged twice."""
    net, reference = (files[f"checks/{one}.c"].partition(b"\n")[2] for one in (name, "reference"))
    return [way for way in ways if net != reference or (way.source, way.checked) != ("net.c", True)]


def _sample(
    model: onnx.ModelProto,
    memory: MemoryMap,
    inputs: Mapping[str, Array] | None,
    expected: Sequence[Array] | None,
) -> Sample:
    if inputs is not None and expected is not None:
        return Sample("given", dict(inputs), Expected(tuple(expected)))
    reference = Reference(model.SerializeToString(), model.graph.name)
    if inputs is not None:
        return Sample("given", dict(inputs), reference.run(inputs))
    return lively_inputs(reference.run, {p.name: (p.shape, "float32") for p in memory.inputs})
