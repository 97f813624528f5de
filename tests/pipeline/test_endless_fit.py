"""fit --image endless: what is planned, written, checked and said."""

from __future__ import annotations

from dataclasses import replace

import onnx
import onnx.parser
import pytest
from tests.builders.endless_networks import drawn

import lowtide
from lowtide.check.emulate import judge_emulated
from lowtide.check.pushes import push_samples
from lowtide.clock import Clock, quiet
from lowtide.errors import UsageError
from lowtide.pipeline.fit_text import show_fit
from lowtide.pipeline.read import read
from lowtide.pipeline.together import fit_together
from lowtide.planner.make_plan import make_plan

ENDLESS = lowtide.Options(image="endless", place="greedy", schedule="layerwise")


def parsed(nodes: str) -> onnx.ModelProto:
    text = f'<ir_version: 9, opset_import: ["": 17]> g (float[1,4,16] x) => (float y) {{ {nodes} }}'
    return onnx.parser.parse_model(text)


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_the_program_makes_what_the_definitions_make_push_after_push(seed: int) -> None:
    fitted = lowtide.fit(drawn(seed, 64, images=seed == 20), options=ENDLESS)
    assert fitted.checks is not None
    pushes = fitted.plan.layout.graph.pushes
    assert pushes is not None
    assert len(fitted.checks.samples) == pushes.delay + 4
    assert fitted.checks.faults == 0


def test_what_is_said() -> None:
    model = parsed("a = MaxPool <kernel_shape = [3], pads = [1, 1]> (x) y = GlobalAveragePool(a)")
    options = lowtide.Options(image="endless", window=16, push=2)
    fitted = lowtide.fit(model, options=options)
    header = fitted.files["net.h"].decode()
    assert "#define NET_PUSH_ROWS 2\n" in header
    assert "#define NET_DELAY 8\n" in header
    assert "void net_reset(void);" in header
    assert "NET_OUTPUT_ROWS" not in header
    facts = fitted.facts()
    assert (facts["push_rows"], facts["delay_pushes"]) == (2, 8)
    assert facts["delays"] == [{"output": "y", "pushes": 8, "late": 0, "rows": 0}]
    assert facts["windows"] == {"GlobalAveragePool_1": 16}
    assert facts["dropped_padding"] == {"MaxPool_0": 2}
    text = show_fit(fitted)
    assert "2 rows a call; results are valid from call 8 on" in text
    assert "padding along time dropped: MaxPool_0" in text
    assert "runs on the last 16 of its rows" in text


def test_without_a_compiler_it_is_checked_in_numpy() -> None:
    source, graph = read(drawn(3, 64, images=False), Clock(quiet), options=ENDLESS)
    plan = make_plan(source, graph, ENDLESS, Clock(quiet))
    checks = judge_emulated(plan, push_samples(graph, {}), quiet)
    assert checks.faults == 0
    assert checks.difference.compared


def test_time_is_the_axis_along_which_operators_go_row_by_row() -> None:
    """[N, C, L] whose first reader is no convolution."""
    model = parsed(
        "a = Relu(x) w = Constant <value = float[1,4,3] "
        "{1.,1.,1.,1.,1.,1.,1.,1.,1.,1.,1.,1.}> () y = Conv(a, w)"
    )
    _, graph = read(model, Clock(quiet), options=ENDLESS)
    assert graph.shape("x") == (1, 4, 1)


def test_another_axis_of_time() -> None:
    """Of [1, 4, 16] the second: 16 channels a row."""
    turned = parsed("y = Softmax <axis = 2> (x)")
    options = lowtide.Options(image="endless", time_axis=1)
    _, graph = read(turned, Clock(quiet), options=options)
    assert graph.shape("y") == (1, 1, 16)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (lowtide.Options(push=2), "push, window and time_axis are for image endless"),
        (lowtide.Options(image="endless", time_axis=3), "'x' has axes 1 to 2"),
        (lowtide.Options(image="endless", window=4), "no operator needs all of time"),
        (lowtide.Options(image="endless", keep_input=True), "does not go with image endless"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: lowtide.Options, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        lowtide.fit(parsed("y = MaxPool <kernel_shape = [2]> (x)"), options=options)


def test_an_endless_network_takes_turns_with_another() -> None:
    wake = parsed("a = MaxPool <kernel_shape = [3]> (x) y = GlobalAveragePool(a)")
    face = parsed("y = Relu(x)")
    made = fit_together(
        [wake, face], name=["wake", "face"], endless=["wake:16"],
        options=replace(ENDLESS, image="resident"),
    )  # fmt: skip
    assert made.turns is not None
    assert {one.network for one in made.shared.kept} == {"wake"}
    assert b"#define WAKE_DELAY 15" in made.files["wake.h"]
    with pytest.raises(UsageError, match="--endless other: NETWORK or NETWORK:ROWS"):
        fit_together([wake, face], name=["wake", "face"], endless=["other"])
