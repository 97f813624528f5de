"""Kernels and loops on outputs that lie on their own inputs: right at the distance that is
declared, and wrong one unit closer. Were it still right there, the declaration would be loose.

    input      [.....########]                input      [....########]
    output  [########]           right        output  [########]          must be wrong
            |<-d->|                                   |<d-1>|

The unit is an element where a step is atomic, else the pixel that is written in any order.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from closed_forms import Axis, Layer
from lowtide.check.numbers import Reference, Sample
from lowtide.schedules.direction import directed
from network_builder import Builder
from programs import GREEDY, plan_model
from spoiled import Case, Movable

SAME, STRIDED, DILATED = (3, 1, 1, 1), (3, 2, 1, 1), (3, 1, 2, 2)


def layer_of(geometry: tuple[int, int, int, int], channels: tuple[int, int], groups: int) -> Layer:
    kernel, stride, dilation, pad = geometry
    axes = (Axis(size, kernel, stride, dilation, pad, pad) for size in (7, 8))
    return Layer(*axes, *channels, groups)


def case_of(layer: Layer, overlap: str, backward: bool, most: int = 3000) -> Case:
    """The convolution alone, of whole numbers above 0, with room to move in its arena.

    Weights go up to `most`; those of up to 8 bits are stored packed.
    """
    rows, columns = layer.rows, layer.columns
    numbers = np.random.default_rng(0)
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, layer.inputs, rows.size, columns.size))
    shape = (layer.outputs, layer.inputs // layer.groups, rows.kernel, columns.kernel)
    weights = b.constant(numbers.integers(1, most, shape).astype(np.float32))
    how = {
        "group": layer.groups,
        "strides": [rows.stride, columns.stride],
        "dilations": [rows.dilation, columns.dilation],
        "pads": [rows.before, columns.before, rows.after, columns.after],
    }
    made = (1, layer.outputs, rows.made, columns.made)
    network = b.finish("alone", [b.node("Conv", [x, weights], made, 1000, **how)])
    inputs = {"x": numbers.integers(1, 9, x.shape).astype(np.float32)}
    inputs = {name: next(iter(inputs.values())) for name in network.inputs}
    plan = plan_model(network.model, replace(GREEDY, align=4, overlap=overlap))
    schedule = directed(plan.schedule, frozenset([0] if backward else []))
    room = sum(life.bytes for life in plan.lives.values())
    placement = replace(plan.placement, arena_bytes=2 * room)
    plan = replace(plan, schedule=schedule, placement=placement)
    outputs = Reference(network.model.SerializeToString(), "alone").run(inputs)
    return Case(replace(network, inputs=inputs), plan, Sample("given", inputs, outputs))


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("geometry", "channels", "groups", "overlap"),
    [
        (SAME, (4, 4), 1, "group"),  # the kernel holds a pixel: it reads all, then writes
        (SAME, (4, 40), 1, "group"),  # two blocks: the second reads again what the first wrote on
        (SAME, (4, 40), 1, "pixel"),  # two blocks into a buffer
        (STRIDED, (4, 30), 1, "group"),
        (DILATED, (5, 5), 1, "pixel"),
        (SAME, (6, 6), 6, "group"),  # depthwise
        (SAME, (40, 40), 40, "pixel"),
    ],
)
def test_a_kernel_goes_as_far_as_it_declares(
    geometry: tuple[int, int, int, int],
    channels: tuple[int, int],
    groups: int,
    overlap: str,
    backward: bool,
    tmp_path: Path,
) -> None:
    layer = layer_of(geometry, channels, groups)
    form = layer.mirrored if backward else layer
    atomic = overlap == "pixel" or layer.outputs <= 32
    least = form.by_pixel() if atomic else form.by_group(1, atomic=False)
    assert least > 0
    case = case_of(layer, overlap, backward)
    (x,), (y,) = case.plan.layout.graph.inputs, case.plan.layout.graph.outputs
    low = 4 * max(layer.in_elements, layer.out_elements)
    # Loops hold more channels at a time than kernels: they do no harm one pixel closer.
    for source in ("reference.c", "net.c") if atomic else ("net.c",):
        program = Movable(case, source, tmp_path / source)
        for closer in (0, 1 if atomic else layer.outputs):
            d = least - closer  # the output below the input, or above it
            apart = layer.out_elements - layer.in_elements - d if backward else d
            plan = case.plan.moved(y, low).moved(x, low + 4 * apart)
            verdict, right = program.run(plan)
            assert (verdict.faults == 0) is right is (closer == 0), source


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("geometry", "channels", "groups"),
    [(SAME, (8, 8), 1), (SAME, (4, 40), 1), (DILATED, (9, 5), 1), (SAME, (40, 40), 40)],
)
def test_packed_weights_keep_to_the_declaration(
    geometry: tuple[int, int, int, int],
    channels: tuple[int, int],
    groups: int,
    backward: bool,
    tmp_path: Path,
) -> None:
    """Those kernels read some pixels before they write: closer by less may be right as well."""
    layer = layer_of(geometry, channels, groups)
    form = layer.mirrored if backward else layer
    one_block = layer.outputs <= 32
    least = form.by_pixel() if one_block else form.by_group(8, atomic=False)
    case = case_of(layer, "group", backward, most=5)
    assert len(case.plan.layout.graph.packed) == 1
    (x,), (y,) = case.plan.layout.graph.inputs, case.plan.layout.graph.outputs
    low = 4 * max(layer.in_elements, layer.out_elements)
    for source in ("reference.c", "net.c"):
        program = Movable(case, source, tmp_path / source)
        for closer in (0, 1) if one_block else (0,):
            d = least - closer
            apart = layer.out_elements - layer.in_elements - d if backward else d
            plan = case.plan.moved(y, low).moved(x, low + 4 * apart)
            kept = f"{y}.scratch"  # what is unpacked lies aside
            aside = plan.arena_bytes - plan.layout.storages[kept].bytes
            plan = plan.moved(kept, aside // 4 * 4)
            verdict, right = program.run(plan)
            assert (verdict.faults == 0) is (closer == 0), source
            assert right or closer, source
