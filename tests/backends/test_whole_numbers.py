"""Networks of whole numbers in C: planned in every way, judged byte by byte, equal to numpy."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from eight import Eight, evaluated, judged, planned
from eight_random import random_network, random_way
from lowtide.backends import emit
from lowtide.check.compile import compile_program, find_compiler, write_sources
from lowtide.check.emulate import Machine
from lowtide.ir.dtype import F32, I8, I32
from lowtide.ir.graph import Graph, Tensor
from lowtide.ir.nest import Nest
from lowtide.ir.value import Load, call
from lowtide.kernels.calls import EightCall
from lowtide.ops import ENTRIES, Bound, Entry
from lowtide.ops.definition import definition
from lowtide.ops.unary import unary
from lowtide.planner.options import Options
from lowtide.regions.footprint import Reach
from lowtide.rewrites.channels import in_groups
from lowtide.rewrites.fuse import fuse
from lowtide.rewrites.stretch import put_in_place
from lowtide.rows.liveness import live_bytes
from programs import QUICK

GREEDY = Options(place="greedy")
CHECKED = [way for way in QUICK if way.source == "net.c" and way.checked]


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int) -> None:
    _try(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 1000, 50))
def test_many_random_networks(first: int) -> None:
    for seed in range(first, first + 50):
        _try(seed)


def _try(seed: int) -> None:
    """No fault, and the same numbers from the C and from the plan in numpy."""
    net, graph = random_network(seed)
    feed = net.feed()
    plan = judged(graph, feed, random_way(seed), CHECKED)
    for made, wanted in zip(Machine(plan).run(feed), evaluated(graph, feed), strict=True):
        assert made.dtype == wanted.dtype
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(made, wanted, 1e-4, 1e-3)
        else:
            np.testing.assert_array_equal(made, wanted)
    whole = all(tensor.dtype != F32 for tensor in graph.tensors.values())
    text = emit(plan)["net.c"].decode()
    assert whole is not bool(re.search(r"float|f32|math\.h", text))


def classifier() -> tuple[Eight, Graph]:
    """A little of everything, down to a softmax."""
    net = Eight(5, x=(1, 8, 8, 3))
    a = net.conv(net.image(1, 8, 8, 3), 8)
    b = net.sum(a, net.conv(a, 8, group=8))
    return net, net.graph(net.softmax(net.dense(net.flat(net.mean(b)), 10)))


def test_whole_numbers_need_no_floats(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None or not shutil.which("objdump") or not shutil.which("nm"):
        pytest.skip("needs a compiler, nm and objdump")
    write_sources(emit(planned(classifier()[1], GREEDY)), tmp_path)
    command = [*compiler, "-std=c99", "-O3", "-c", "net.c", "-o", "net.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    needed = _said(["nm", "-u", "net.o"], tmp_path).split()
    assert {*needed} <= {"U", "memset", "memcpy", "memmove", "_GLOBAL_OFFSET_TABLE_"}
    code = _said(["objdump", "-d", "net.o"], tmp_path)
    assert "ret" in code
    assert not re.findall(r"\b(?:v?(?:add|sub|mul|div|cvt\w+)[sp][sd]|fld|fadd\w*)\b", code)


def _said(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_sums_wait_in_32_bits() -> None:
    """A mean and a dense layer read row by row; what they make of their sums are bytes."""
    net = Eight(3, x=(1, 4, 9, 7))
    a = net.conv("x", 6)
    graph = net.graph(net.mean(a), net.dense(net.flat(a), 5))
    plan = judged(graph, net.feed(), GREEDY, CHECKED)
    kept = plan.layout.scratch.values()  # by kernels, for the time of a step
    types = {name: s.dtype for name, s in plan.layout.storages.items() if name not in kept}
    waiting = [name for name in types if name.endswith(".sums")]
    assert len(waiting) == 2
    assert all(types[name] == (I32 if name in waiting else I8) for name in types)
    assert all(plan.layout.storages[t].dtype == I8 for t in plan.layout.graph.outputs)


def test_tiles_are_narrow_where_memory_is_scarce() -> None:
    """What a tile widens counts: four pixels of 64 channels are 512 bytes, at the peak too much.

    conv 64 channels    1 x 1, at the peak         one pixel at a time
    conv 2 channels     of what little is left     four
    """
    net = Eight(3, x=(1, 64, 4, 6))
    a = net.conv("x", 64, kernel=1, pad=0)
    graph = net.graph(net.conv(net.conv(a, 2, kernel=1, pad=0), 2))
    plan = judged(graph, net.feed(), Options(), CHECKED)
    calls = [use.call for use in plan.uses if use]
    pixels = {c.channels: c.pixels for c in calls if isinstance(c, EightCall)}
    assert pixels[64] < pixels[2] == 4
    own = {name: plan.lives[name] for name in plan.layout.scratch.values()}
    live, scratch = (live_bytes(held, plan.schedule.ticks) for held in (plan.lives, own))
    assert live.max() <= 1.05 * (live - scratch).max() + 128


def test_kernels_of_floats_leave_whole_numbers_alone() -> None:
    """Without zero points the sums of products are those of a float convolution."""
    net = Eight(4, x=(1, 4, 6, 6))
    y = net.conv("x", 8)
    net.operators[0] = replace(
        net.operators[0], attributes={**net.operators[0].attributes, "x_zero": 0}
    )
    (use,) = planned(net.graph(y), GREEDY).uses
    assert use is not None
    assert use.kernel.types.sum == I32
    floats = Eight(4, x=(1, 4, 6, 6))
    floats.tensors["x"] = Tensor("x", (1, 4, 6, 6), F32)
    graph = floats.graph(floats.real_conv("x", 8))
    assert planned(graph, GREEDY).uses[0] is not None


def test_what_computes_in_other_numbers_is_not_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of bytes that only floats have stays an operator of its own behind others."""

    def tenth(op: Bound) -> Nest:
        return unary(op, call("floor", call("div", Load(0), 10.0)))

    def doubled(op: Bound) -> Nest:
        return unary(op, call("min", call("add", Load(0), Load(0)), 127.0))

    for name, held in (("Tenth", tenth), ("Doubled", doubled)):
        monkeypatch.setitem(ENTRIES, name, Entry(name, held, pointwise=True, types=(I8,)))
    net = Eight(7, x=(1, 3, 4, 4))
    y = net.conv("x", 3)
    for name in ("Doubled", "Tenth", "Doubled", "Doubled"):
        y = net.add(name, [y], net.tensors[y].shape)
    fused = fuse(net.graph(y))
    labels = [[op.type, *(one.type for one in op.epilogue)] for op in fused.operators]
    assert labels == [["QConv", "Doubled"], ["Tenth"], ["Doubled", "Doubled"]]
    nests = [definition(op, fused) for op in fused.operators]
    assert [held.nest.arithmetic for held in nests if held] == [I32, F32, I32]


def in_bands(net: Eight, image: str) -> Graph:
    """Wide convolutions on a small image, which are best made a few columns at a time."""
    a = net.conv(image, 16)
    b = net.conv(a, 16, group=16, stride=2)
    return net.graph(net.mean(net.conv(b, 16, kernel=1, pad=0)))


@pytest.mark.parametrize("image", ["resident", "streamed"])
def test_bands_reach_images_with_channels_last(image: Literal["resident", "streamed"]) -> None:
    """The same plan as of an image with its channels first: its columns are handed in in bands."""
    first, last = Eight(1, x=(1, 3, 16, 40)), Eight(1, x=(1, 16, 40, 3))
    options = replace(GREEDY, image=image, max_overhead=1.0)
    wanted = planned(in_bands(first, "x"), options)
    graph = in_bands(last, last.image(1, 16, 40, 3))
    plan = judged(graph, last.feed(), options, CHECKED)
    assert plan.mac_overhead > 0
    assert plan.arena_bytes == wanted.arena_bytes
    assert len(plan.layout.graph.crops) == len(wanted.layout.graph.crops)
    assert bool(plan.layout.graph.crops) == (image == "streamed")


@pytest.mark.parametrize("kernel", [1, 3])
def test_channels_in_groups_make_the_same_numbers(kernel: int) -> None:
    """Sums of a group of channels wait as int32; factors are applied when all groups are there."""
    net = Eight(9, x=(1, 8, 8, 8))
    a = net.conv("x", 48, kernel=1, pad=0)
    b = net.conv(net.conv(a, 48, group=48), 8, kernel=kernel, pad=kernel // 2)
    graph, feed = fuse(net.graph(net.mean(net.sum(b, "x")))), net.feed()
    stretch = in_groups(Reach(graph), 0, 3, 3)
    assert stretch is not None
    assert not stretch.extra_macs
    cut = put_in_place(graph, [stretch])
    sums = [name for name, tensor in cut.tensors.items() if tensor.dtype == I32]
    assert len(sums) == 2
    for wanted, made in zip(evaluated(graph, feed), evaluated(cut, feed), strict=True):
        np.testing.assert_array_equal(made, wanted)
    judged(cut, feed, GREEDY, CHECKED)


def mixed() -> tuple[Eight, Graph]:
    """Bytes in; floats and bytes out."""
    net = Eight(6, x=(1, 3, 7, 5))
    a = net.conv("x", 5)
    return net, net.graph(net.real(net.conv(a, 3)), a)


def test_net_h_says_what_numbers_stand_for() -> None:
    text = emit(planned(mixed()[1], GREEDY))["net.h"].decode()
    assert "int8: (number - 3) * 0.5 is the real value" in text
    for line in (
        "#include <stdint.h>",
        "int8_t *net_input_x(void);",
        "const float *net_output_t2(void);",
        "const int8_t *net_output_t0(void);",
    ):
        assert line in text.split("\n"), line


_PUSHING = """\
#include "net.h"
#include <stdio.h>
#include <string.h>
static int8_t x[NET_INPUT_X_ELEMENTS], bytes[2][NET_OUTPUT_T0_ELEMENTS];
static float floats[2][NET_OUTPUT_T2_ELEMENTS];
int main(void)
{
    struct net_row row;
    enum net_status status;
    for (int i = 0; i < NET_INPUT_X_ELEMENTS; i++)
        x[i] = (int8_t)(i * 7);
    net_run(x, floats[0], bytes[0]);
    net_start();
    for (status = net_step(&row); status != NET_DONE;) {
        const int length = NET_INPUT_X_ELEMENTS / NET_INPUT_X_ROWS;
        if (status == NET_NEED_ROW) {
            status = net_push(x + row.number * length + row.first, &row);
            continue;
        }
        if (row.port == 0)
            memcpy(floats[1] + row.number * row.elements, row.data, (size_t)row.bytes);
        else
            memcpy(bytes[1] + row.number * row.elements, row.data, (size_t)row.bytes);
        status = net_step(&row);
    }
    printf("%d", memcmp(bytes[0], bytes[1], sizeof bytes[0]) |
                     memcmp(floats[0], floats[1], sizeof floats[0]));
    return bytes[0][3] == bytes[0][4];
}
"""


def test_rows_of_several_types_are_handed_over(tmp_path: Path) -> None:
    """net_push and net_step move the same bytes as net_run."""
    net, graph = mixed()
    options = replace(GREEDY, image="streamed", result="streamed")
    files = emit(judged(graph, net.feed(), options, CHECKED))
    compiler = find_compiler()
    assert compiler is not None
    command = [*compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
    program = compile_program(files, {"main.c": _PUSHING}, "net.c", tmp_path, command, "pushing")
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "0"
