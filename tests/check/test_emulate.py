"""The plan run in numpy: the same outputs as the C, the same verdicts, and no compiler needed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lowtide import fit
from lowtide.check.difference import compare
from lowtide.check.emulate import Machine, judge_emulated
from lowtide.check.expected import TOLERANCE, Expected
from lowtide.check.numbers import Sample
from lowtide.errors import CheckError
from network_builder import Builder
from networks import random_network, random_options
from programs import QUICK, judge_plan, plan_model
from spoiled import cases, element_lives, moves, shared_steps


@pytest.mark.parametrize("seed", range(24))
def test_numpy_and_c_agree(seed: int) -> None:
    """Exactly for whole numbers; else within the tolerance both have towards onnxruntime."""
    network = random_network(seed)
    plan = plan_model(network.model, random_options(seed))
    judged = judge_plan(network.model, plan, network.inputs, ways=QUICK[:1])
    machine = Machine(plan)
    results = machine.run(judged.sample.inputs)
    found = compare({"given": results}, [judged.sample])
    assert found.max_rel <= (0.0 if network.whole else TOLERANCE)
    assert all(y.dtype == np.float32 for y in results)
    checks = judge_emulated(plan, [judged.sample], lambda _: None)
    assert (checks.how, checks.faults, checks.checked_reads) == ("numpy", 0, machine.reads)


def test_a_wrong_read_names_the_operator_the_byte_and_the_storage() -> None:
    case = cases()[0]
    lives = element_lives(case.plan)
    lost = 0
    for storage, offset in moves(case.plan):
        plan = case.plan.moved(storage, offset)
        if shared_steps(plan, lives, storage) > 1:
            lost += 1
            with pytest.raises(CheckError, match=r"byte \d+ of the arena does not hold '.+'"):
                judge_emulated(plan, [case.sample], lambda _: None)
    assert lost > 10


def test_a_wrong_result_is_no_pass() -> None:
    case = cases()[0]
    first, *others = case.sample.outputs
    sample = Sample("off", case.sample.inputs, Expected((first + np.float32(1), *others)))
    with pytest.raises(CheckError, match="differs from onnxruntime"):
        judge_emulated(case.plan, [sample], lambda _: None)


def test_no_read_is_uncounted() -> None:
    """A Relu of 18 numbers reads 18, and its 18 results are read at the end; in C as well."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 2, 3, 3))
    network = b.finish("relu", [b.node("Relu", [x], x.shape, x.most)])
    plan = plan_model(network.model)
    judged = judge_plan(network.model, plan, network.inputs, ways=QUICK[:1])
    checks = judge_emulated(plan, [judged.sample], lambda _: None)
    assert checks.checked_reads == judged.checks.checked_reads == 36


def test_fit_without_a_compiler_checks_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lowtide.check.judge.find_compiler", lambda: None)
    said: list[str] = []
    fitted = fit(cases()[0].network.model, progress=said.append)
    assert fitted.checks is not None
    assert fitted.checks.how == "numpy"
    assert fitted.checks.faults == 0
    assert fitted.checks.checked_reads > 0
    assert {"net.c", "net.h", "checks/reference.c", "plan.json"} <= set(fitted.files)
    assert any("numpy" in stage for stage in said)


def test_fit_without_a_compiler_still_finds_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A placer that puts everything at 0 gets past neither the placement checker nor numpy."""
    monkeypatch.setattr("lowtide.check.judge.find_compiler", lambda: None)
    case = cases()[0]
    plan = case.plan
    for storage in plan.lives:
        plan = plan.moved(storage, 0)
    monkeypatch.setattr("lowtide.pipeline.ram.plan_filters", lambda *_: plan)
    with pytest.raises(CheckError, match="the placement is wrong"):
        fit(case.network.model)
    monkeypatch.setattr("lowtide.pipeline.fit.judge_placement", lambda _: None)
    with pytest.raises(CheckError, match="does not hold"):
        fit(case.network.model)
