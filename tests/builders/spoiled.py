"""Plans spoiled on purpose, and a program whose storages can be moved without compiling it anew.

Three judges look at each: the placement checker (rows), the program built with CHECKED (elements,
or kernel calls), and the plan run in numpy. What they must say follows from the lives of single
elements, which are worked out here without any of the three.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from lowtide.backends import emit
from lowtide.check.compile import Verdict, build, find_compiler, run
from lowtide.check.difference import compare
from lowtide.check.emulate import Machine
from lowtide.check.judge import judge_placement
from lowtide.check.main_around import Io
from lowtide.check.numbers import Reference, Sample
from lowtide.check.trial import pack, split
from lowtide.errors import CheckError
from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Layout
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.rows.accesses import reads_of, writes_of
from lowtide.rows.liveness import Life, lifetimes
from network_builder import Builder, Network
from networks import random_network
from programs import GREEDY, plan_model

ROWS = replace(GREEDY, align=4, overlap="row")
COUNT = 10


@dataclass(frozen=True)
class Case:
    """A network of whole numbers with its plan and what onnxruntime makes of its inputs."""

    network: Network | None
    plan: Plan
    sample: Sample


@cache
def cases(options: Options = ROWS) -> tuple[Case, ...]:
    """The first networks with storages enough to get into each other's way, and rows."""
    found: list[Case] = []
    seed = 0
    while len(found) < COUNT:
        network = random_network(seed, whole=True)
        seed += 1
        plan = plan_model(network.model, options)
        tall = sum(task.rows > 2 for task in plan.tasks)
        steps = sum(run.rows for run in plan.schedule.runs)
        if 4 <= len(plan.lives) <= 12 and tall >= 3 and steps <= 120:
            outputs = Reference(network.model.SerializeToString(), "spoiled").run(network.inputs)
            found.append(Case(network, plan, Sample("given", network.inputs, outputs)))
    return tuple(found)


class Movable:
    """reference.c or net.c of a plan, built once: it takes its storages' offsets at run time."""

    def __init__(self, case: Case, source: str, folder: Path) -> None:
        self.case, self.memory = case, memory_map(case.plan)
        files = dict(emit(case.plan))
        text, moved = re.subn(
            r"^(#define S(\d+)\(r, i\).*)arena \+ \d+\)",
            r"\1arena + offsets[\2])",
            files[f"checks/{source}"].decode(),
            flags=re.MULTILINE,
        )
        unused = case.plan.layout.scratch if source == "reference.c" else {}  # it has no kernels
        assert moved == len(case.plan.lives) - len(unused)
        files[f"checks/{source}"] = (_OFFSETS + text).encode()
        inputs, outputs = (
            Io(
                tuple(p.identifier for p in ports),
                tuple(p.elements for p in ports),
                types=tuple(p.c for p in ports),
            )
            for ports in (self.memory.inputs, self.memory.outputs)
        )
        compiler = find_compiler()
        assert compiler is not None
        self.program = build(files, source, inputs, outputs, folder, compiler, ("-O1",), True)

    def run(self, plan: Plan) -> tuple[Verdict, bool]:
        """What the judge saw of a plan with other offsets, and whether the outputs are right."""
        os.environ["OFFSETS"] = " ".join(str(plan.offset[name]) for name in plan.layout.storages)
        verdict = run(self.program, pack(self.memory.inputs, self.case.sample.inputs))
        return verdict, _right(split(verdict.outputs, self.memory, [self.case.sample]), self.case)


_OFFSETS = """\
#include <stdlib.h>
#include <string.h>
static long offsets[64];
__attribute__((constructor)) static void read_offsets(void)
{
    char *text = getenv("OFFSETS");
    for (int i = 0; text && *text && i < 64; i++)
        offsets[i] = strtol(text, &text, 10);
}
"""


def _right(results: Mapping[str, object], case: Case) -> bool:
    return compare(results, [case.sample]).max_abs == 0.0  # type: ignore[arg-type]


def rejected(plan: Plan) -> bool:
    """Whether the placement checker finds two live rows on one byte."""
    try:
        judge_placement(memory_map(plan))
    except CheckError:
        return True
    return False


def faults_in_numpy(plan: Plan, case: Case) -> bool:
    """Whether numpy's machine finds a wrong read; if it does not, its outputs are right."""
    try:
        results = Machine(plan).run(case.sample.inputs)
    except CheckError:
        return True
    assert _right({"given": results}, case), "wrong and unseen"
    return False


def single_elements(plan: Plan) -> Layout:
    """The plan's layout with rows and pixels of one element."""
    held = plan.layout.storages.items()
    single = {name: replace(s, row_elements=1, pixel_elements=1) for name, s in held}
    return replace(plan.layout, storages=single)


def element_lives(plan: Plan) -> dict[str, Life]:
    """When each single element lives in the plan's schedule."""
    layout = single_elements(plan)
    return lifetimes(layout, plan.tasks, plan.schedule)


def shared_steps(plan: Plan, lives: Mapping[str, Life], moved: str) -> int:
    """The most moments that an element of `moved` and one of another storage live on one byte.

    0: nothing is lost. 2 or more: the later of the two was written while the earlier was still to
    be read, which no order within a step can mend. 1: one of them dies in the step that makes the
    other (which is not atomic), and it depends on which comes first.
    """
    most, (begun, done) = 0, _of_bytes(lives[moved])
    for name, other in lives.items():
        if name == moved:
            continue
        others_begun, others_done = _of_bytes(other)
        apart = plan.offset[name] - plan.offset[moved]
        first, end = max(0, apart), min(len(begun), apart + len(others_begun))
        if first < end:
            here, there = slice(first, end), slice(first - apart, end - apart)
            start = np.maximum(begun[here], others_begun[there])
            stop = np.minimum(done[here], others_done[there])
            most = max(most, int((stop - start + 1).max()))
    return most


def _of_bytes(life: Life) -> tuple[IntArray, IntArray]:
    """When each byte lives, first and last."""
    return life.start.repeat(life.cell_bytes), life.stop.repeat(life.cell_bytes)


def moves(plan: Plan) -> Iterator[tuple[str, int]]:
    """Storages and where to put them: a little off, onto others, into forbidden intervals."""
    blocks, align = plan.problem.blocks, plan.options.align
    offset = [plan.offset[block.name] for block in blocks]
    found: dict[tuple[int, int], None] = {}
    for i, block in enumerate(blocks):
        row = plan.layout.storages[block.name].row_bytes
        cell = plan.lives[block.name].cell_bytes
        for by in (align, cell, 2 * cell + align, row, 2 * row + align):
            found[i, offset[i] + by] = found[i, offset[i] - by] = None
        for j in range(len(blocks)):
            found[i, offset[j]] = found[i, offset[j] + row] = None
    for (i, j), intervals in plan.problem.forbidden.items():
        for low, high in intervals:
            for apart in (low + align, (low + high) // 2, high - align):
                found[i, offset[j] + apart // align * align] = None
                found[j, offset[i] - apart // align * align] = None
    for i, at in found:
        inside = 0 <= at <= plan.arena_bytes - blocks[i].size
        if at % align == 0 and inside and at != offset[i]:
            yield blocks[i].name, at


def readers_before_makers(plan: Plan) -> Iterator[Plan]:
    """The plan with two neighbours in the schedule swapped, where the second reads the first.

    Once whole, and once with only the first one's last row late.
    """
    runs, layout = plan.schedule.runs, single_elements(plan)
    cells = dict.fromkeys(layout.storages, 1)
    for k, (one, two) in enumerate(zip(runs, runs[1:], strict=False)):
        made = next(writes_of(plan.tasks[one.task], layout, cells))
        read = [
            touched.cells
            for touched in reads_of(plan.tasks[two.task], layout, cells)
            if touched.storage == made.storage
        ]
        if np.isin(made.cells, np.concatenate([[-1], *read])).any():
            swapped = (*runs[:k], two, one, *runs[k + 2 :])
            yield replace(plan, schedule=replace(plan.schedule, runs=swapped))
        last = made.cells[made.rows == one.rows - 1]
        if one.rows > 1 and np.isin(last, np.concatenate([[-1], *read])).any():
            most, late = replace(one, rows=one.rows - 1), replace(one, first=one.rows - 1, rows=1)
            cut = (*runs[:k], most, two, late, *runs[k + 2 :])
            yield replace(plan, schedule=replace(plan.schedule, runs=cut))


def sliding_convolution(apart: int) -> Case:
    """A 3x3 convolution whose output lies `apart` rows before its input.

    apart 2    row r of the output on row r - 2 of the input: dead since the step before
    apart 1    on row r - 1: read for the last time in the very step that overwrites it
    """
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 4, 6, 6))
    weights = b.constant(b.numbers((4, 4, 3, 3)))
    y = b.node("Conv", [x, weights], x.shape, 300, pads=[1, 1, 1, 1])
    network = b.finish("sliding", [y])
    plan = plan_model(network.model, ROWS)
    row = plan.lives[x.name].cell_bytes
    room = [(name, plan.layout.storages[name].row_bytes) for name in plan.layout.scratch.values()]
    placement = replace(plan.placement, arena_bytes=8 * row + sum(size for _, size in room))
    plan = replace(plan, placement=placement).moved(y.name, 0).moved(x.name, apart * row)
    for name, _ in room:  # what a kernel unpacks is out of the way
        plan = plan.moved(name, 8 * row)
    outputs = Reference(network.model.SerializeToString(), "sliding").run(network.inputs)
    return Case(network, plan, Sample("given", network.inputs, outputs))
