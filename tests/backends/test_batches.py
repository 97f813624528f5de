"""The batch judge sees what is wrong with a plan, and says with which."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import batches
from batches import Case, judge_batch, make_case
from layers import lone_layer
from lowtide.backends import emit
from lowtide.errors import CheckError
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from programs import plan_model

COUNT = 12
PIXELS = Options(schedule="layerwise", overlap="pixel", align=4)


def into_collision(plan: Plan) -> Plan | None:
    """The plan with one storage an alignment unit further into another, where that is possible:
    not with a kernel's scratch, of which reference.c has none.
    """
    step, scratch = plan.problem.align, {*plan.layout.scratch.values()}
    for (i, j), walls in plan.problem.forbidden.items():
        if scratch & {plan.problem.blocks[i].name, plan.problem.blocks[j].name}:
            continue
        apart = plan.placement.offsets[i] - plan.placement.offsets[j]
        lower, upper = (i, j) if apart < 0 else (j, i)
        towards = {upper: -step, lower: step}
        for low, high in walls:
            for block, by in towards.items():
                moved = apart + (by if block == i else -by)
                name = plan.problem.blocks[block].name
                if low < moved < high and plan.offset[name] + by >= 0:
                    return plan.moved(name, plan.offset[name] + by)
    return None


@cache
def dense_layers() -> tuple[Case, ...]:
    """Convolutions of which each output reads each channel: what a pixel loses is missed."""
    found: list[Case] = []
    seed = 0
    while len(found) < COUNT:
        network = lone_layer(seed)
        plan = plan_model(network.model, PIXELS)
        types = [task.operator.type for task in plan.tasks]
        group = {a.name: a.i for node in network.model.graph.node for a in node.attribute}
        if types == ["Conv"] and group["group"] == 1 and into_collision(plan):
            found.append(make_case(f"layer {seed}", network, plan))
        seed += 1
    return tuple(found)


def test_one_alignment_unit_too_close_is_a_fault(tmp_path: Path) -> None:
    cases = list(dense_layers())
    for k in range(0, COUNT, 2):
        moved = into_collision(cases[k].plan)
        assert moved is not None
        cases[k] = replace(cases[k], plan=moved)
    for k, judged in enumerate(judge_batch(cases, tmp_path)):
        if k % 2:
            assert judged.faults == ()
            continue
        name, who = judged.case.name, ["the placement is wrong", "reference.c: step"]
        who += ["net.c: step"] if judged.kernels else []
        starts = [f"{name}: {one}" for one in who]
        assert len(judged.faults) == len(starts)
        for fault, start in zip(judged.faults, starts, strict=True):
            assert fault.startswith(start), fault


def test_whole_numbers_must_be_equal(tmp_path: Path) -> None:
    """A reference a millionth off is tolerated, but not where the sums are exact."""
    cases = list(dense_layers()[:4])
    for k, case in enumerate(cases):
        outputs = tuple(np.asarray(y * np.float32(1 + 2e-6)) for y in case.sample.outputs)
        network, sample = (
            replace(case.network, whole=k % 2 == 0),
            replace(case.sample, expected=replace(case.sample.expected, outputs=outputs)),
        )
        cases[k] = replace(case, network=network, sample=sample)
    for k, judged in enumerate(judge_batch(cases, tmp_path)):
        assert bool(judged.faults) is (k % 2 == 0)
        assert all("differs by" in fault for fault in judged.faults)


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"int spoilt = ;", "does not compile"), (b"raise(SIGSEGV);", "reference.c stops")],
)
def test_a_program_that_spoils_a_batch_is_named(
    line: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = dense_layers()[:3]

    def emit_spoilt(plan: Plan) -> dict[str, bytes]:
        files = emit(plan)
        if plan is cases[1].plan:
            head = b"void net_run(void) {"
            spoilt = files["checks/reference.c"].replace(head, head + line)
            files["checks/reference.c"] = b"#include <signal.h>\n" + spoilt
        return files

    monkeypatch.setattr(batches, "emit", emit_spoilt)
    with pytest.raises(CheckError, match=f"^{cases[1].name}.*{message}"):
        judge_batch(cases, tmp_path)
