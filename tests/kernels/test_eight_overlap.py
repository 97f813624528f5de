"""Kernels of 8-bit numbers on outputs that lie on their own inputs.

Right as close as pixel by pixel, and at fault one byte closer. (A tile reads four pixels before it
writes, so there it may be right all the same.)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from closed_forms import Axis, Layer
from eight import Eight, evaluated, planned
from lowtide.check.expected import Expected
from lowtide.check.numbers import Sample
from lowtide.planner.options import Options
from lowtide.schedules.direction import directed
from spoiled import Case, Movable

LAYERS = [
    (3, 1, 1, 4, 4, 1), (3, 2, 1, 4, 7, 1), (3, 1, 1, 3, 40, 1), (1, 1, 0, 8, 8, 1),
    (3, 1, 1, 8, 8, 8), (3, 2, 1, 4, 12, 4),
]  # fmt: skip


def case_of(net: Eight, made: str, overlap: str, backward: bool) -> Case:
    """The operator alone, with room to move in its arena."""
    graph, feed = net.graph(made), net.feed()
    options = Options(schedule="layerwise", place="greedy", align=1, overlap=overlap)  # type: ignore[arg-type]
    plan = planned(graph, options)
    assert plan.uses[0] is not None
    assert plan.tasks[0].grain.pixels == 1
    schedule = directed(plan.schedule, frozenset([0] if backward else []))
    room = 4 * sum(life.bytes for life in plan.lives.values())
    placement = replace(plan.placement, arena_bytes=room)
    wanted = Expected(tuple(evaluated(graph, feed)))
    plan = replace(plan, schedule=schedule, placement=placement)
    return Case(None, plan, Sample("given", feed, wanted))


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("overlap", ["group", "pixel"])
@pytest.mark.parametrize(("kernel", "stride", "pad", "inputs", "outputs", "groups"), LAYERS)
def test_a_tile_keeps_to_the_declaration(
    kernel: int, stride: int, pad: int, inputs: int, outputs: int, groups: int,
    overlap: str, backward: bool, tmp_path: Path,
) -> None:  # fmt: skip
    axes = (Axis(size, kernel, stride, 1, pad, pad) for size in (7, 9))
    layer = Layer(*axes, inputs, outputs, groups)
    net = Eight(3, x=(1, inputs, 7, 9))
    case = case_of(net, net.conv("x", outputs, kernel, stride, groups, pad), overlap, backward)
    least = (layer.mirrored if backward else layer).by_pixel()
    low = max(layer.in_elements, layer.out_elements)
    program = Movable(case, "net.c", tmp_path)
    for closer in (0, 1):
        d = least - closer
        apart = layer.out_elements - layer.in_elements - d if backward else d
        plan = case.plan.moved("t0", low).moved("x", low + apart)
        plan = plan.moved("t0.scratch", (3 * low + apart + 3) // 4 * 4 + 64)
        verdict, right = program.run(plan)
        assert (verdict.faults == 0) is (closer == 0)
        assert right or closer
