"""Steps of several rows: what they save, what they must not do, and that the judges see it.

steps of one row         conv 0 | conv 1 | conv 2 | conv 3      weights are read four times
of two rows together     conv 0, 1       | conv 2, 3            twice; in the step both live
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.backends import emit
from lowtide.check.emulate import Machine
from lowtide.check.judge import judge_placement, judge_program
from lowtide.check.numbers import Reference, Sample
from lowtide.check.verify import verify
from lowtide.errors import CheckError, UsageError
from lowtide.pipeline.fit import fit
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.planner.plan_json import read_memory_map
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.rows.schedule import Run, Schedule
from lowtide.schedules.coarsen import Coarsening, Work, steps_that_pay
from programs import QUICK, STREAM, judge_plan, plan_model, stepped, streamed_model
from test_streams import BOTH, chain, whole_numbers


def late(channels: int = 48, size: int = 4, deep: int = 3) -> onnx.ModelProto:
    """An image of 64 x 64 that takes the memory, then few pixels and many weights."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def conv(x: str, y: str, cin: int, cout: int, k: int, **how: object) -> None:
        w = (rng.standard_normal((cout, cin, k, k)) / (cin * k * k) ** 0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"{y}_w"))
        nodes.append(helper.make_node("Conv", [x, f"{y}_w"], [y], y, **how))

    conv("x", "a", 3, 8, 3, pads=[1, 1, 1, 1], strides=[2, 2])
    conv("a", "c0", 8, channels, 64 // 2 // size, strides=[64 // 2 // size] * 2)
    for k in range(deep):
        conv(f"c{k}", f"c{k + 1}", channels, channels, 3, pads=[1, 1, 1, 1])
    nodes.append(helper.make_node("GlobalAveragePool", [f"c{deep}"], ["y"], "pool"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "late", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def even(channels: int = 96, size: int = 16, deep: int = 4) -> onnx.ModelProto:
    """Convolutions of the same size, which take turns where memory is short."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for k in range(deep):
        w = rng.standard_normal((channels, channels, 3, 3)).astype(np.float32) / channels
        weights.append(numpy_helper.from_array(w, f"w{k}"))
        names = "x" if k == 0 else f"c{k}", "y" if k == deep - 1 else f"c{k + 1}"
        nodes.append(
            helper.make_node("Conv", [names[0], f"w{k}"], [names[1]], names[1], pads=[1, 1, 1, 1])
        )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, size, size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "even", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


# The schedule.


def test_rows_of_one_step_have_one_moment() -> None:
    """Seven rows, three together: three steps, of which the last makes what is left."""
    schedule = Schedule((Run(0, 0, 7, together=3), Run(1, 0, 2)))
    assert schedule.ticks == 3 + 2
    assert schedule.tick_of[0].tolist() == [1, 1, 1, 2, 2, 2, 3]
    assert schedule.tick_of[1].tolist() == [4, 5]
    assert [list(rows) for rows in schedule.runs[0].step_rows()] == [[0, 1, 2], [3, 4, 5], [6]]
    back = Run(0, 0, 7, together=3, backward=True)
    assert [list(rows) for rows in back.step_rows()] == [[4, 5, 6], [1, 2, 3], [0]]
    assert Schedule((back,)).tick_of[0].tolist() == [3, 2, 2, 2, 1, 1, 1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dense", [False, True])
def test_steps_of_any_size_compute_the_same(seed: int, dense: bool) -> None:
    """Whole numbers, so exactly; both levels of the judge, numpy, and rows of the caller."""
    model = chain(dense=dense)
    plan = stepped(model, BOTH if seed % 2 else STREAM, seed)
    assert any(run.together > 1 for run in plan.schedule.runs)
    inputs = whole_numbers(plan)
    judged = judge_plan(model, plan, inputs)
    (found,) = Machine(plan).run(inputs)
    for outputs in (judged.outputs[0], found):
        np.testing.assert_array_equal(outputs, judged.sample.outputs[0])
    memory = memory_map(plan)
    assert read_memory_map(memory.to_json(), "plan.json") == memory


def test_the_order_has_an_entry_a_step() -> None:
    model = late()
    plan = streamed_model(model, replace(STREAM, objective="latency"))
    source = emit(plan)["net.c"].decode()
    steps = sum(run.steps for run in plan.schedule.runs)
    assert steps < sum(run.rows for run in plan.schedule.runs)
    assert f" order[{steps}]" in source
    assert re.search(r"case \d+: NET_AT\(\d+\); op\d+_conv\(arena, 0, 4\); break;", source)


# What the planner makes of it.


def test_work_that_pays() -> None:
    """A row of 4,000 multiply-adds and 1,000 bytes: 16 a byte take four rows."""
    assert steps_that_pay(8, Work(4000, 1000), 16) == 2
    assert steps_that_pay(8, Work(4000, 1000), 4) == 8
    assert steps_that_pay(8, Work(4000, 0), 16) == 8
    assert steps_that_pay(7, Work(1, 1 << 20), 16) == 1


def test_no_more_memory_and_fewer_reads() -> None:
    """Late layers live far below the peak: there all rows of an operator are made at once."""
    model = late()
    plan = streamed_model(model)
    rows = {task.operator.name: task.rows for task in plan.tasks}
    together = {plan.tasks[k].operator.name: n for k, n in plan.schedule.together.items()}
    assert together["c2"] == rows["c2"] == 4
    assert together["a"] == 1
    alone = replace(
        plan, schedule=Schedule(tuple(replace(r, together=1) for r in plan.schedule.runs))
    )
    assert weight_traffic(plan) < weight_traffic(alone) / 3
    judge_plan(model, plan)
    assert plan.arena_bytes <= plan.profile.lower_bound_bytes * 1.02


HANDED = replace(STREAM, image="streamed", result="streamed")


def test_objectives_trade_memory_for_reads() -> None:
    model = even()
    plans = [
        streamed_model(model, replace(HANDED, objective=objective))
        for objective in ("memory", "balanced", "latency")
    ]
    arenas, reads = [p.arena_bytes for p in plans], [weight_traffic(p) for p in plans]
    assert arenas == sorted(arenas)
    assert reads == sorted(reads, reverse=True)
    assert reads[0] > reads[1] > reads[2]


def test_a_budget_takes_the_fastest_that_fits() -> None:
    model, fast = even(), replace(HANDED, objective="latency")
    for objective in ("memory", "balanced", "latency"):
        budget = streamed_model(model, replace(fast, objective=objective)).arena_bytes
        plan = fit(model, options=fast, target="none", budget=budget).plan
        assert plan.options.objective == objective
        assert plan.arena_bytes <= budget


def test_layers_one_after_the_other_have_no_objective() -> None:
    with pytest.raises(UsageError, match="--schedule layerwise does not"):
        plan_model(chain(), Options(schedule="layerwise", objective="latency"))


def test_a_written_plan_is_verified(tmp_path: object) -> None:
    fitted = fit(late(), options=replace(STREAM, image="streamed"))
    fitted.emit("c99", f"{tmp_path}/out")
    verified = verify(f"{tmp_path}/out")
    assert any(run.together > 1 for run in verified.memory.schedule)
    assert set(fitted.facts()["stages"]) >= {"placing rows", "emitting C"}  # type: ignore[arg-type]


# What a step must not do.


def together_at(apart: int) -> tuple[onnx.ModelProto, Plan]:
    """A 3x3 convolution in steps of three rows whose output lies `apart` rows before its input.

    rows of y made together   0 1 2 | 3 4 5          they read rows 0..3 | 2..5 of x
    apart 6                   on none of x           sound
    apart 4                   y 3 on x -1, 4 on 0    x 0 and 1 are dead in the second step
    apart 2                   y 2 on x 0             sound row by row: x 0 is read by y 0 and 1;
                                                     not in a step of rows 0, 1 and 2
    """
    rng = np.random.default_rng(0)
    levels = rng.integers(-999, 999, (4, 4, 3, 3))  # too many to be packed
    w = numpy_helper.from_array(levels.astype(np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", pads=[1, 1, 1, 1])
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4, 6, 6]) for n in "xy"]
    graph = helper.make_graph([node], "together", ports[:1], ports[1:], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    plan = streamed_model(model, replace(STREAM, align=4))
    runs = (Run(0, 0, 6, together=3),)
    row = plan.lives["x"].cell_bytes
    placement = replace(plan.placement, arena_bytes=12 * row)
    plan = replace(plan, schedule=replace(plan.schedule, runs=runs), placement=placement)
    lives = dict(plan.lives)
    moment = plan.schedule.tick_of[0]
    last = [int(moment[min(r + 1, 5)]) for r in range(6)]
    lives["x"] = replace(lives["x"], start=np.zeros(6, np.int64), stop=np.array(last))
    lives["y"] = replace(lives["y"], start=moment, stop=np.full(6, plan.schedule.ticks + 1))
    plan = replace(plan, lives=lives)
    return model, plan.moved("y", 0).moved("x", apart * row)


@pytest.mark.parametrize(("apart", "sound"), [(6, True), (4, True), (3, False), (2, False)])
def test_no_row_of_a_step_may_lie_on_what_another_reads(apart: int, sound: bool) -> None:
    """Whichever order a kernel takes. Two rows apart the program would be right row by row."""
    model, plan = together_at(apart)
    inputs = whole_numbers(plan)
    outputs = Reference(model.SerializeToString(), "together").run(inputs)
    sample = Sample("given", inputs, outputs)
    files, memory = emit(plan), memory_map(plan)
    assert b"conv_row" in files["net.c"] or b"conv" in files["net.c"]
    ways = [way for way in QUICK if way.checked]
    assert len(ways) == 2
    if sound:
        judge_placement(memory)
        judge_program(files, memory, [sample], ways=ways)
        Machine(plan).run(inputs)
        return
    with pytest.raises(CheckError, match="both live"):
        judge_placement(memory)
    for way in ways:
        with pytest.raises(CheckError, match="found 'y'"):
            judge_program(files, memory, [sample], ways=[way])
    with pytest.raises(CheckError, match="does not hold 'x'"):
        Machine(plan).run(inputs)


def test_sums_must_be_there_when_a_step_begins() -> None:
    """A dense layer over rows, two a step: what lies on its sums between two steps is seen."""
    model = chain(dense=True)
    plan = stepped(model, STREAM, 0)
    seed = next(
        s for s in range(50)
        if 1 < stepped(model, STREAM, s).schedule.together[3] < 12
    )  # fmt: skip
    plan = stepped(model, STREAM, seed)
    inputs = whole_numbers(plan)
    sample = Sample("given", inputs, Reference(model.SerializeToString(), "chain").run(inputs))
    (dense,) = [task for task in plan.tasks if task.accumulates]
    sums, rows = plan.layout.places[dense.output].storage, plan.layout.places["c"].storage
    plan = plan.moved(sums, int(plan.addresses[rows][-1]))
    for way in QUICK[:2]:
        with pytest.raises(CheckError, match="expected"):
            judge_program(emit(plan), memory_map(plan), [sample], ways=[way])


def test_random_segments_hold_their_limit() -> None:
    """Whatever the limit, no segment's peak is above it that was not, and none reads more."""
    from lowtide.clock import Clock
    from lowtide.layout.lay_out import lay_out
    from lowtide.pipeline.fit import read
    from lowtide.planner.streamed import cut_segments
    from lowtide.rows.task import make_tasks

    _, graph = read(late(deep=2), Clock(lambda _: None))
    layout = lay_out(graph, "nhwc")
    cut = cut_segments(layout, make_tasks(layout), STREAM)[0]
    dice = random.Random(0)
    work = [Work(dice.randrange(1, 10**5), dice.randrange(10**5)) for _ in cut.graph.tasks]
    rule, low = Coarsening(cut.known, work), max(one.peak for one in cut.segments)
    before = rule.read(cut.segments)
    for limit in (low, low + 2000, 2 * low, 10 * low):
        found = [part for one in cut.segments for part in rule.coarser(one.first, one.end, limit)]
        assert max(one.peak for one in found) <= limit
        assert rule.read(found) <= before
        before = rule.read(found)
