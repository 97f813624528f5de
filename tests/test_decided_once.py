"""What is decided is handed on: in one fit nothing is worked out a second time.

    meaning       of an operator of the file, once; rewrites that leave it as it is hand it on
    definition    once an operator that is laid out, with all that is fused onto it
    lifetimes     once a schedule that is tried; those of whole storages once
    kernels       once a task of the plan that is kept

The judge is outside: it works all of it out in its own way.
"""

from __future__ import annotations

import cProfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType

import onnx
import pytest

from lowtide.backends import emit
from lowtide.clock import Clock
from lowtide.errors import UnsupportedModel
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load
from lowtide.ir.nest import Nest
from lowtide.kernels.choose import choose
from lowtide.ops import bind, meaning
from lowtide.ops.definition import definition
from lowtide.ops.entry import understand
from lowtide.pipeline.fit import fit, read
from lowtide.planner import layerwise, streamed
from lowtide.planner.plan import Plan
from lowtide.rows.liveness import lifetimes, whole_lifetimes
from lowtide.rows.row_graph import row_lifetimes
from lowtide.rows.schedule import Schedule
from test_golden import joined, packed, residual

RESNET8 = Path(__file__).parent.parent / "examples" / "resnet8_cifar10.onnx"
MOBILENET = Path(__file__).parent.parent.parent / "shared/models/onnx/mobilenet_v2_imagenet.onnx"
COUNTED = (bind, understand, definition, lifetimes, row_lifetimes, whole_lifetimes, choose)

Model = Path | onnx.ModelProto

NETWORKS = [
    pytest.param(residual(), id="residual"),
    pytest.param(joined(), id="joined"),
    pytest.param(packed(), id="packed"),
    pytest.param(RESNET8, id="resnet8"),
    pytest.param(
        MOBILENET,
        id="mobilenet_v2",
        marks=pytest.mark.skipif(not MOBILENET.exists(), reason="needs ../shared/models"),
    ),
]


def calls(
    run: Callable[[], Plan], functions: Sequence[Callable[..., object]]
) -> tuple[Plan, Counter[str]]:
    """What `run` made, and how often it called functions, whoever imported them."""
    profile = cProfile.Profile()
    made = profile.runcall(run)
    count = {s.code: s.callcount for s in profile.getstats() if isinstance(s.code, CodeType)}
    return made, Counter({f.__name__: count.get(f.__code__, 0) for f in functions})


def fitted(model: Model) -> Plan:
    """A fit without the judge: planned, drawn, emitted, its facts looked at twice."""
    made = fit(model, target="none")
    emit(made.plan)
    assert made.plan.facts() == made.plan.facts()
    return made.plan


@pytest.mark.parametrize("model", NETWORKS)
def test_one_fit_works_everything_out_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Schedule] = []

    def noted(find: Callable[..., object]) -> Callable[..., object]:
        def found(*args: object, **options: object) -> object:
            tried.extend(arg for arg in args if isinstance(arg, Schedule))
            return find(*args, **options)

        return found

    monkeypatch.setattr(layerwise, "lifetimes", noted(lifetimes))
    monkeypatch.setattr(streamed, "row_lifetimes", noted(row_lifetimes))
    plan, count = calls(lambda: fitted(model), COUNTED)

    layouts = {id(layout): layout for layout in (plan.layout, plan.whole.layout)}.values()
    laid_out = {id(op): op for layout in layouts for op in layout.graph.operators}.values()
    copies = sum(op.type == "Copy" for op in laid_out)
    assert count["understand"] == count["bind"] == len(freeze(load(model)).operators) + copies
    inlined = sum(op.inlined is not None for op in laid_out)
    assert count["definition"] == len(laid_out) + inlined
    assert count["lifetimes"] + count["row_lifetimes"] == len(tried)
    assert len({schedule.runs for schedule in tried}) == len(tried) > 0
    assert count["whole_lifetimes"] == 1
    assert count["choose"] == len(plan.tasks)


def test_a_meaning_that_is_known_is_not_believed_of_another_operator() -> None:
    """Attributes, shapes and constants decide it; what has other ones is worked out anew."""
    _, graph = read(residual(), Clock(lambda _: None))
    conv = graph.operators[0]
    held = meaning(conv, graph)
    assert isinstance(held, Nest)
    assert meaning(conv, graph) is held
    assert meaning(replace(conv, name="called otherwise", epilogue=()), graph) is held

    with pytest.raises(UnsupportedModel, match="output size"):
        meaning(replace(conv, attributes={**conv.attributes, "strides": [2, 2]}), graph)
    small = replace(graph.tensors["x"], shape=(1, 3, 4, 4))
    with pytest.raises(UnsupportedModel, match="output size"):
        meaning(conv, replace(graph, tensors={**graph.tensors, "x": small}))
    weights = graph.constants[conv.inputs[1]]
    narrow = {**graph.constants, conv.inputs[1]: weights[:, :2]}
    with pytest.raises(UnsupportedModel, match="weights"):
        meaning(conv, replace(graph, constants=narrow))
    equal = {**graph.constants, conv.inputs[1]: weights.copy()}
    assert meaning(conv, replace(graph, constants=equal)) == held
