"""Networks as long or as wide as nobody writes them: nothing here recurses as deep as they are.

And nothing grows faster than they do, by counts of the work that is done.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lowtide
from lowtide.backends import emit
from lowtide.check import placement
from lowtide.check.placement import Rows, check_placement
from lowtide.ir.value import IN_A_ROW, Call, Load, together
from lowtide.planner import streamed
from lowtide.planner.options import Options
from lowtide.schedules import segments

MANY = 1100
"""More than Python recurses."""

Step = Callable[[str, str], list[onnx.NodeProto]]


def node(kind: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def model(
    nodes: list[onnx.NodeProto], shape: tuple[int, ...], **constants: np.ndarray
) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "deep", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def chain(step: Step, count: int = MANY) -> list[onnx.NodeProto]:
    """So many steps, each of what the one before it makes."""
    names = ["x", *(f"y{k}" for k in range(count))]
    return [one for a, b in zip(names, names[1:], strict=False) for one in step(a, b)]


def in_turn(a: str, b: str) -> list[onnx.NodeProto]:
    """Two views that do not compose."""
    return [node("Transpose", a, f"{b}t", perm=[1, 0]), node("Reshape", f"{b}t s", b)]


CHAINS = {
    "pools of one pixel": model(
        chain(lambda a, b: [node("GlobalAveragePool", a, b)]), (1, 8, 1, 1)
    ),
    "means of one": model(
        chain(lambda a, b: [node("ReduceMean", a, b, axes=[1], keepdims=1)]), (4, 1, 4)
    ),
    "views": model(chain(in_turn, MANY // 2), (3, 2), s=np.array([3, 2])),
    "functions": model(chain(lambda a, b: [node("Tanh", a, b)]), (4,)),
    "sum": model([node("Sum", "x " * MANY, "y")], (1, 2, 4, 4)),
    "max": model([node("Max", "x " * MANY, "y")], (1, 2, 4, 4)),
    "mean": model([node("Mean", "x " * MANY, "y")], (1, 2, 4, 4)),
    "einsum": model(
        [node("Einsum", "x " * MANY, "y", equation=",".join("a" * MANY) + "->a")], (3,)
    ),
    "concat": model([node("Concat", "x " * MANY, "y", axis=0)], (1, 2)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_as_long_as_python_is_deep_is_planned_and_emitted(name: str) -> None:
    quick = Options(schedule="layerwise", place="greedy")
    assert "net_run" in emit(lowtide.profile(CHAINS[name], options=quick))["net.c"].decode()


def test_convolutions_into_one_sum() -> None:
    convs = [node("Conv", "x w", f"c{k}") for k in range(MANY)]
    names = " ".join(f"c{k}" for k in range(MANY))
    wide = model([*convs, node("Sum", names, "y")], (1, 1, 2, 2), w=np.ones((1, 1, 1, 1), "f4"))
    quick = Options(schedule="layerwise", order="given", overlap="none", place="greedy")
    assert lowtide.profile(wide, options=quick).profile.macs == 4 * MANY


def test_functions_that_call_functions_are_refused_by_name() -> None:
    version = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    for k in range(MANY):
        body = helper.make_node(f"F{k + 1}", ["a"], ["b"], domain="own")
        functions.append(helper.make_function("own", f"F{k}", ["a"], ["b"], [body], version))
    deep = model([helper.make_node("F0", ["x"], ["y"], domain="own")], (4,))
    deep.functions.extend(functions)
    deep.opset_import.append(helper.make_opsetid("own", 1))
    with pytest.raises(lowtide.ModelError, match="functions call functions more than 100 deep"):
        lowtide.profile(deep)


def test_few_operands_are_taken_in_their_order() -> None:
    """As onnxruntime adds them, so that sums keep their bits; many make no deep value."""
    value = together("add", [Load(k) for k in range(IN_A_ROW)])
    for k in reversed(range(1, IN_A_ROW)):
        assert isinstance(value, Call)
        value, last = value.arguments
        assert last == Load(k)
    assert value == Load(0)


def test_many_operands_give_the_right_sum() -> None:
    """100 whole numbers, in every way of the judge: exact in every order."""
    terms = {f"t{k}": np.full((1, 2, 3, 3), k, np.float32) for k in range(50)}
    both = " ".join(f"x {name}" for name in terms)
    fitted = lowtide.fit(model([node("Sum", both, "y")], (1, 2, 3, 3), **terms))
    assert fitted.checks is not None
    assert fitted.checks.faults == 0


def test_ways_to_cut_are_given_up_where_they_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 branches into one sum: every way to cut puts 820 segments in order, all rows of them."""
    convs = [node("Conv", f"x w{k}", f"c{k}") for k in range(40)]
    weights = {f"w{k}": np.full((1, 1, 1, 1), k, np.float32) for k in range(40)}
    names = " ".join(f"c{k}" for k in range(40))
    wide = model([*convs, node("Sum", names, "y")], (1, 1, 8, 8), **weights)
    options = Options(place="greedy", image="streamed")

    def ordered(most: int) -> int:
        rows = 0
        cut = segments.segment

        def counted(graph, first, end, together=None):  # type: ignore[no-untyped-def]
            nonlocal rows
            rows += int(graph.first[end] - graph.first[first])
            return cut(graph, first, end, together)

        with monkeypatch.context() as patch:
            patch.setattr(streamed, "MOST_ROWS", most)
            patch.setattr(segments, "segment", counted)
            lowtide.profile(wide, options=options)
        return rows

    assert ordered(5_000) < ordered(1 << 22) / 2


def test_storages_that_do_not_meet_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 storages one after the other in one place: each with itself and its neighbours."""
    compared = 0
    clashes = placement._clashes

    def counted(one, other):  # type: ignore[no-untyped-def]
        nonlocal compared
        compared += 1
        return clashes(one, other)

    monkeypatch.setattr(placement, "_clashes", counted)
    made = [
        Rows(f"s{k}", 4, np.zeros(1, np.int64), np.array([2 * k]), np.array([2 * k + 1]))
        for k in range(2000)
    ]
    assert check_placement(made, 4, 4) == []
    assert compared == 2000
    made[7] = Rows("late", 4, np.zeros(1, np.int64), np.array([14]), np.array([16]))
    assert "late row 0" in check_placement(made, 4, 4)[0]
