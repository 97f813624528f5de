"""Streamed plans: what they save, the driver that stops at any row, growing sums, column bands."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.check.emulate import Machine
from lowtide.check.numbers import Reference
from lowtide.errors import UsageError
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from programs import STREAM, judge_plan, plan_model, streamed_model

BOTH = replace(STREAM, align=4, image="streamed", result="streamed")


def chain(
    height: int = 24, width: int = 20, dense: bool = False, deep: int = 0, levels: int = 2
) -> onnx.ModelProto:
    """conv 3x3, conv 3x3 stride 2, then a 3x3 of two channels; or a dense layer over all of it.

    `deep` more convolutions of stride 2 come before the last. Weights of many `levels` are not
    packed.
    """
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def conv(x: str, y: str, cin: int, cout: int, **how: object) -> None:
        w = rng.integers(-levels, levels + 1, (cout, cin, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"{y}_w"))
        nodes.append(helper.make_node("Conv", [x, f"{y}_w"], [y], y, pads=[1, 1, 1, 1], **how))

    conv("x", "a", 3, 8)
    nodes.append(helper.make_node("Relu", ["a"], ["ar"], "ar"))
    conv("ar", "b", 8, 6, strides=[2, 2])
    last = "b"
    for k in range(deep):
        conv(last, f"d{k}", 6, 6, strides=[2, 2])
        last = f"d{k}"
    conv(last, "c" if dense else "y", 6, 2)
    if dense:
        count = 2 * (height >> deep + 1) * (width >> deep + 1)
        w = rng.integers(-2, 3, (count, 5)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, "dense_w"))
        nodes.append(helper.make_node("Flatten", ["c"], ["flat"], "flat"))
        nodes.append(helper.make_node("Gemm", ["flat", "dense_w"], ["y"], "dense"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, height, width])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "chain", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def whole_numbers(plan: Plan) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {p.name: rng.integers(-3, 4, p.shape).astype(np.float32) for p in plan.inputs}


def test_line_buffers_need_as_many_rows_as_the_windows_read() -> None:
    """Two 3x3 convolutions over an image that is handed in: three rows of each, and what they make.

        image  3 rows x 20 x 3        a 3 rows x 20 x 8        b 3 rows x 10 x 6     y 1 row

    When a row of b is made two of `a` and no more than one of the image need stay, and so on: the
    live set is less than all of these together.
    """
    plan = streamed_model(chain(levels=999), BOTH)
    rows = 4 * (3 * 60 + 3 * 160 + 3 * 60 + 20)
    assert plan.profile.lower_bound_bytes < rows < plan.profile.layerwise_bytes / 4
    assert plan.arena_bytes == plan.profile.lower_bound_bytes
    assert plan.mac_overhead == 0


@pytest.mark.parametrize("image", ["resident", "streamed"])
@pytest.mark.parametrize("dense", [False, True])
def test_a_streamed_chain_computes_the_same(image: str, dense: bool) -> None:
    """Whole numbers: exactly what onnxruntime and the program layer by layer compute."""
    model = chain(dense=dense)
    plan = streamed_model(model, replace(STREAM, image=image))
    inputs = whole_numbers(plan)
    judged = judge_plan(model, plan, inputs)
    by_layers = judge_plan(model, plan_model(model, replace(STREAM, schedule="layerwise")), inputs)
    for one, other, wanted in zip(
        judged.outputs, by_layers.outputs, judged.sample.outputs, strict=True
    ):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, wanted)


def test_a_dense_layer_takes_rows_as_they_come() -> None:
    """The map before it is never whole: its rows are added to the sums one by one."""
    plan = streamed_model(chain(dense=True), BOTH)
    (dense,) = [task for task in plan.tasks if task.accumulates]
    assert dense.rows == 12
    life = plan.lives[plan.layout.places["c"].storage]
    assert int((life.stop - life.start).max()) <= 2


def test_sums_take_32_bits_where_elements_take_8() -> None:
    plan = streamed_model(chain(dense=True), replace(BOTH, element_bytes=1, align=1))
    (dense,) = [task for task in plan.tasks if task.accumulates]
    assert plan.lives[plan.layout.places[dense.output].storage].bytes == 4 * 5
    assert plan.lives[plan.layout.places["ar"].storage].cell_bytes == 20 * 8


def test_numpy_runs_streamed_plans_too() -> None:
    for options in (STREAM, BOTH, replace(BOTH, max_overhead=1.0)):
        model = chain(64, 64, dense=True, deep=2)
        plan = streamed_model(model, options)
        inputs = whole_numbers(plan)
        (wanted,) = Reference(model.SerializeToString(), "chain").run(inputs).outputs
        (found,) = Machine(plan).run(inputs)
        np.testing.assert_array_equal(found, wanted)


_MAIN = """\
#include "net.h"
#include <stdio.h>
static float image[NET_INPUT_X_ELEMENTS], made[4][NET_OUTPUT_Y_ELEMENTS];
static int needed[4], taken[4], way;
enum { ROW = NET_INPUT_X_ELEMENTS / NET_INPUT_X_ROWS };
static const float *at(const struct net_row *r) { return image + r->number * ROW + r->first; }
static void take_row(struct net_row *r, void *context)
{
    (void)context;
    taken[way]++;
    for (int i = 0; i < r->elements; i++)
        made[way][r->number * r->elements + i] = r->data[i];
}
static void give_row(struct net_row *r, void *context)
{
    *(int *)context += 1;
    needed[way]++;
    for (int i = 0; i < r->elements; i++)
        r->data[i] = at(r)[i];
}
int main(void)
{
    struct net_row row;
    enum net_status status;
    int calls = 0;
    if (fread(image, sizeof image, 1, stdin) != 1)
        return 1;
    net_start();  /* a run that is given up half-way leaves nothing behind */
    for (int k = 0; k < 7; k++)
        if (net_step(&row) == NET_NEED_ROW)
            give_row(&row, &calls);
    needed[0] = 0;
    net_run(image, made[0]);
    way = 1;
    net_pull(give_row, take_row, &calls);
    way = 2;
    net_start();
    while ((status = net_step(&row)) != NET_DONE)
        (status == NET_NEED_ROW ? give_row : take_row)(&row, &calls);
    way = 3;
    net_start();
    status = net_step(&row);
    while (status != NET_DONE) {
        if (status == NET_HAVE_ROW) {
            take_row(&row, &calls);
            status = net_step(&row);
        } else {
            needed[3]++;
            status = net_push(at(&row), &row);
        }
    }
    for (int k = 1; k < 4; k++)
        fprintf(stderr, "%d %d\\n", needed[k], taken[k]);
    fwrite(made, sizeof made, 1, stdout);
    return 0;
}
"""


@pytest.mark.parametrize("overhead", [0.0, 1.0])
def test_whole_images_push_and_pull_are_one_driver(tmp_path: Path, overhead: float) -> None:
    """Each way of handing rows over gives the same bytes; with bands the image is read twice."""
    model = chain(64, 64, deep=2)
    plan = streamed_model(model, replace(BOTH, max_overhead=overhead))
    bands = max(len(plan.layout.graph.crops), 1)
    assert (bands > 1) == bool(overhead)
    write_sources(emit(plan), tmp_path)
    (tmp_path / "main.c").write_text(_MAIN)
    compiler = find_compiler()
    assert compiler is not None, "these tests need a C compiler"
    command = [
        *compiler,
        *WARNINGS,
        "-O1",
        "-DLOWTIDE_CHECKED",
        "-o",
        "main",
        "main.c",
        "-I.",
        "checks/net.c",
        "-lm",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    inputs = whole_numbers(plan)
    image = np.ascontiguousarray(inputs["x"].transpose(0, 2, 3, 1)).tobytes()
    done = subprocess.run([tmp_path / "main"], input=image, capture_output=True, check=True)
    (wanted,) = Reference(model.SerializeToString(), "chain").run(inputs).outputs
    found = np.frombuffer(done.stdout, np.float32).reshape(4, 1, 8, 8, 2)
    for one in found:
        np.testing.assert_array_equal(one.transpose(0, 3, 1, 2), wanted)
    needed, taken = bands * 64, 8
    assert done.stderr.decode().split() == [str(needed), str(taken)] * 3


def test_bands_need_less_and_say_what_they_cost() -> None:
    """The least memory within the work that is allowed; the work is counted exactly."""
    model = chain(64, 64, deep=2)
    plans = [
        streamed_model(model, replace(BOTH, max_overhead=overhead))
        for overhead in (0.0, 0.1, 0.3, 1.0)
    ]
    for plan, most in zip(plans, (0, 0.1, 0.3, 1), strict=True):
        assert plan.mac_overhead <= most
    arenas = [plan.arena_bytes for plan in plans]
    assert arenas == sorted(arenas, reverse=True)
    assert arenas[-1] < 0.75 * arenas[0]
    assert plans[-1].mac_overhead > 0
    for plan in plans:
        judge_plan(model, plan, whole_numbers(plan))


def test_bands_read_the_rows_of_the_image_that_they_need() -> None:
    """A convolution of stride 2 without padding leaves the last row of 64 unread, a Slice others.

    What a band asks for is counted in rows and columns of the image all the same.
    """
    model = chain(64, 64, deep=2)
    first = model.graph.node[0]
    del first.attribute[:]
    first.attribute.extend(
        [helper.make_attribute("strides", [2, 2]), helper.make_attribute("pads", [0, 1, 0, 1])]
    )
    ends = {"starts": [2], "ends": [63], "axes": [2]}
    for name, values in ends.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(values), name))
    first.input[0] = "cut"
    cut = helper.make_node("Slice", ["x", *ends], ["cut"], "cut")
    model.graph.node.insert(0, cut)
    plan = streamed_model(model, replace(BOTH, max_overhead=1.0))
    judge_plan(model, plan, whole_numbers(plan))
    del model.graph.node[0]
    first = model.graph.node[0]
    first.input[0] = "x"
    plan = streamed_model(model, replace(BOTH, max_overhead=1.0))
    assert plan.layout.graph.crops
    judge_plan(model, plan, whole_numbers(plan))


def test_a_budget_takes_no_more_work_than_it_needs() -> None:
    from lowtide.pipeline.fit import fit

    model = chain(64, 64, deep=2)
    free = streamed_model(model, BOTH).arena_bytes
    options = replace(BOTH, max_overhead=1.0)
    least = fit(model, options=options, target="none").plan
    easy = fit(model, options=options, target="none", budget=free).plan
    middle = fit(model, options=options, target="none", budget=(free + least.arena_bytes) // 2).plan
    assert easy.mac_overhead == 0
    assert 0 < middle.mac_overhead <= least.mac_overhead
    assert middle.arena_bytes <= (free + least.arena_bytes) // 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(schedule="layerwise", image="streamed"), "lets operators take turns"),
        (Options(overlap="none", result="streamed"), "lets operators take turns"),
        (Options(image="streamed", keep_input=True), "--keep-input"),
        (Options(schedule="layerwise", max_overhead=0.1), "lets operators take turns"),
        (Options(image="streamed", io_layout="nchw", max_overhead=0.1), "--io-layout nhwc"),
    ],
)
def test_rows_are_handed_over_in_streamed_plans_only(options: Options, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan_model(chain(), options)


@pytest.mark.parametrize("share", [float("inf"), float("nan"), -0.5])
def test_extra_work_is_a_share(share: float) -> None:
    with pytest.raises(UsageError, match="--max-overhead"):
        plan_model(chain(), replace(STREAM, max_overhead=share))
