"""The memory map as a picture and the profile as text say what the plan says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.ir.original import SMALL, Original
from lowtide.pipeline.profile import profile
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.report.memory_svg import memory_svg
from lowtide.report.profile_text import kib, profile_facts, profile_text
from lowtide.report.small_map import CELLS, COLUMNS, moments, small_map
from lowtide.rows.liveness import live_bytes

RESNET20 = Path(__file__).parents[3] / "shared" / "models" / "onnx" / "resnet20_cifar10.onnx"
SVG = "{http://www.w3.org/2000/svg}"
GREEDY = Options(schedule="layerwise", place="greedy", overlap="row")

Nodes = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]


def conv(x: str, y: str, cin: int, cout: int, kernel: int = 3) -> Nodes:
    """A same-size convolution without a bias, and its weights."""
    rng = np.random.default_rng([cin, cout, kernel])
    w = rng.standard_normal((cout, cin, kernel, kernel), np.float32)
    pads = [kernel // 2] * 4
    node = helper.make_node("Conv", [x, f"{y}_w"], [y], y, pads=pads)
    return [node], [numpy_helper.from_array(w, f"{y}_w")]


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> Nodes:
    return [helper.make_node(kind, inputs, [output], output, **attributes)], []


def network(pieces: Sequence[Nodes], shape: Sequence[int], name: str = "small") -> onnx.ModelProto:
    """A network from "x" of this shape to "y"."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = [n for made, _ in pieces for n in made]
    weights = [w for _, made in pieces for w in made]
    graph = helper.make_graph(nodes, name, [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def small(stem: str = "stem", name: str = "small") -> onnx.ModelProto:
    """Convolutions with ReLU, a pool, a residual addition and a concatenation."""
    pieces = [
        conv("x", stem, 3, 8),
        node("Relu", [stem], "stem_relu"),
        node("MaxPool", ["stem_relu"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        conv("pool", "deep", 8, 8),
        node("Add", ["pool", "deep"], "sum"),
        node("Relu", ["sum"], "sum_relu"),
        conv("sum_relu", "left", 8, 4, kernel=1),
        conv("sum_relu", "right", 8, 4),
        node("Concat", ["left", "right"], "joined", axis=1),
        conv("joined", "last", 8, 2),
        node("GlobalAveragePool", ["last"], "y"),
    ]
    return network(pieces, [1, 3, 32, 32], name)


def tall() -> onnx.ModelProto:
    """Two convolutions over 300 rows: more than a picture draws one by one."""
    return network([conv("x", "a", 1, 4), conv("a", "y", 4, 4)], [1, 1, 300, 4])


@pytest.fixture(scope="module")
def plan() -> Plan:
    return profile(small(), options=GREEDY)


# The picture.


@dataclass(frozen=True)
class Rectangle:
    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: Rectangle) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


@dataclass(frozen=True)
class Side:
    """One half of a picture: the shapes of its storages by tooltip, and the arena's line."""

    shapes: dict[str, list[Rectangle]]
    arena: float


def sides(svg: str) -> tuple[Side, Side]:
    """What is drawn on the left and on the right; arena lines follow the shapes they hold."""
    found: list[Side] = []
    shapes: dict[str, list[Rectangle]] = {}
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        kind, drawn = path.get("class"), path.get("d", "")
        if kind == "storage":
            shapes[path.findtext(f"{SVG}title", "")] = list(rectangles(drawn))
        if kind == "arena" and shapes:
            found.append(Side(shapes, points(drawn)[0][0][1]))
            shapes = {}
    before, after = found
    return before, after


def points(drawn: str) -> list[list[tuple[float, float]]]:
    """The corners of each closed line of a path made of M, H, V and Z."""
    lines: list[list[tuple[float, float]]] = []
    for command, numbers in re.findall(r"([MHVZ])([^MHVZ]*)", drawn):
        if command == "M":
            x, y = map(float, numbers.split())
            lines.append([(x, y)])
        elif command != "Z":
            x, y = lines[-1][-1]
            lines[-1].append((float(numbers), y) if command == "H" else (x, float(numbers)))
    return lines


def rectangles(drawn: str) -> Iterator[Rectangle]:
    """The area inside a path, cut at the height of every corner."""
    for line in points(drawn):
        heights = sorted({y for _, y in line})
        edges = [(a, b, y) for (a, b), (c, y) in pairwise([*line, line[0]]) if a == c]
        for top, bottom in pairwise(heights):
            across = sorted(x for x, a, b in edges if min(a, b) <= top and max(a, b) >= bottom)
            for left, right in zip(across[::2], across[1::2], strict=True):
                yield Rectangle(left, right, top, bottom)


def clashes(side: Side) -> list[tuple[str, str]]:
    """The pairs of storages whose shapes share some area."""
    return [
        (one, other)
        for (one, these), (other, those) in combinations(side.shapes.items(), 2)
        if any(a.meets(b) for a in these for b in those)
    ]


def test_picture_stands_alone_and_repeats(plan: Plan) -> None:
    """Well-formed XML without scripts or anything fetched, and the same bytes every time."""
    svg = memory_svg(plan)
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    assert re.findall(r"https?://[^\"]*|url\(|@import|href", svg) == ["http://www.w3.org/2000/svg"]
    assert memory_svg(profile(small(), options=GREEDY)) == svg


def test_every_storage_is_drawn_on_both_sides(plan: Plan) -> None:
    """One shape a storage, the input's and the output's too, in the same colour left and right.

    What no pass over the network's pools stores any more is on the left alone.
    """
    root = ElementTree.fromstring(memory_svg(plan))
    colours: dict[str, list[str | None]] = {}
    for path in root.iter(f"{SVG}path"):
        if path.get("class") == "storage":
            name = path.findtext(f"{SVG}title", "").rpartition(": ")[0]
            colours.setdefault(name, []).append(path.get("fill"))
    stored = set(plan.layout.storages)
    assert {"x", "y"} <= stored
    assert set(colours) == stored | set(plan.whole.layout.storages) > stored
    assert {name for name, found in colours.items() if len(found) == 2} == stored
    assert all(found[0] == found[-1] for found in colours.values())
    assert len({both[0] for both in colours.values()}) == len(colours)


def test_shapes_stay_below_the_arena_line(plan: Plan) -> None:
    """Nothing lies above the arena's line or outside the canvas, and something touches the line."""
    svg = memory_svg(plan)
    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for side in sides(svg):
        area = [r for shape in side.shapes.values() for r in shape]
        assert min(r.top for r in area) == side.arena > 0
        assert max(r.bottom for r in area) < height
        assert min(r.left for r in area) > 0
        assert max(r.right for r in area) < width


@pytest.mark.parametrize(
    "options", [GREEDY, replace(GREEDY, overlap="none"), replace(GREEDY, schedule="stream")]
)
def test_no_two_storages_share_a_byte_at_one_time(options: Options) -> None:
    """The shapes of a valid placement never overlap, although the storages' hulls do."""
    before, after = sides(memory_svg(profile(small(), options=options)))
    assert clashes(before) == []
    assert clashes(after) == []


def test_a_spoiled_placement_shows(plan: Plan) -> None:
    """A storage moved onto another that lives at the same time is seen to cover it."""
    (i, j), _ = next(iter(plan.problem.forbidden.items()))
    one, other = plan.problem.blocks[i].name, plan.problem.blocks[j].name
    spoiled = plan.moved(one, plan.offset[other])
    assert clashes(sides(memory_svg(spoiled))[1])


def test_title_says_what_is_drawn(plan: Plan) -> None:
    """The name, both arenas in KiB and the saving in percent; both halves on one scale."""
    svg = memory_svg(plan)
    before, after = sides(svg)
    texts = ["".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert "small" in texts
    assert f"arena {kib(plan.arena_bytes)} KiB" in texts
    assert f"peak layer by layer: {plan.profile.peak.name}" in texts
    bottom = max(r.bottom for side in (before, after) for s in side.shapes.values() for r in s)
    ratio = (bottom - after.arena) / (bottom - before.arena)
    found = re.search(r"→ ([0-9.,]+) KiB of arena, ([0-9.]+) % saved", svg)
    assert found is not None
    assert found[1] == kib(plan.arena_bytes)
    assert float(found[2]) == pytest.approx(100 * (1 - ratio), abs=0.1)


def test_the_original_has_a_line_of_its_own(plan: Plan) -> None:
    """A network made of another one: the title is its own file's name, not cut for the other's."""
    file = "a_network_of_some_length_int8.onnx"
    made = replace(plan.source, file=file, original=Original("its_original_network.onnx", "", ()))
    drawn = ElementTree.fromstring(memory_svg(replace(plan, source=made)))
    title, _, below = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")][:3]
    assert title == file
    assert below == f"made of its_original_network.onnx, {SMALL}"


def test_names_are_text() -> None:
    """Names with markup, quotes or control characters come out as text."""
    name = 'a<b> & "c"\t</text>'
    plan = profile(small(stem=name, name=name), options=GREEDY)
    root = ElementTree.fromstring(memory_svg(plan))
    assert 'a<b> & "c"�</text>' in ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    assert "\t" not in profile_text(plan)


def test_many_rows_are_drawn_in_bands() -> None:
    """Hundreds of rows with lifetimes of their own become at most 64 steps of an outline."""
    plan = profile(tall(), options=GREEDY)
    assert max(len(np.unique(life.stop)) for life in plan.lives.values()) > 200
    for side in sides(memory_svg(plan)):
        assert max(len(shape) for shape in side.shapes.values()) <= 64


# The text.


def rows(text: str) -> list[str]:
    """The lines of the table of operators."""
    return text.split("\n\n")[0].splitlines()[1:]


def test_table_has_the_operators_in_order(plan: Plan) -> None:
    """A line an operator: name, type, shape, live KiB; the peak marked, its bar the longest."""
    lines = rows(profile_text(plan, 120))
    costs = plan.profile.costs
    assert len(lines) == len(costs) == 8  # the pools as they were given
    for line, cost in zip(lines, costs, strict=True):
        words = line.removeprefix("▶").split()
        assert words[:3] == [cost.name, cost.type, "x".join(map(str, cost.shape))]
        assert f" {kib(cost.live_bytes)} " in line
    bars = [line.count("█") for line in lines]
    marked = [k for k, line in enumerate(lines) if line.startswith("▶")]
    assert [costs[k] for k in marked] == [plan.profile.peak]
    assert bars[marked[0]] == max(bars)


def test_summary_agrees_with_the_plan(plan: Plan) -> None:
    """The peaks of the four conventions, the arena, totals and verdicts are those of the plan."""
    text, own = profile_text(plan), plan.profile
    for label, count in (
        ("no reuse", own.no_reuse_bytes),
        ("ping-pong", own.ping_pong_bytes),
        ("layer by layer", own.layerwise_bytes),
        ("lower bound", own.lower_bound_bytes),
        ("arena planned", plan.arena_bytes),
    ):
        assert re.search(rf"^  {label} +{re.escape(kib(count))} KiB  \S", text, re.MULTILINE)
    flat = " ".join(text.split())
    assert f"peak at {own.peak.name} ({own.peak.type}), {kib(own.layerwise_bytes)} KiB" in flat
    assert f"{plan.arena_bytes:,} bytes;" in flat
    assert f"{own.macs:,} multiply-adds, {own.weight_bytes:,} bytes of weights" in flat
    assert ("order proven" in flat) == plan.schedule.proven


def test_verdicts_follow_the_proofs(plan: Plan) -> None:
    """'Proven least' only with a proof; without one the greatest possible gap."""
    size = plan.arena_bytes
    proven = replace(plan, placement=replace(plan.placement, proven=True, bound=size))
    open_ = replace(plan, placement=replace(plan.placement, proven=False, bound=size * 4 // 5))
    given = replace(plan, schedule=replace(plan.schedule, proven=False, bound=1024))
    assert "proven least" in " ".join(profile_text(proven).split())
    assert "at most 25.0 % above the least" in " ".join(profile_text(open_).split())
    assert "proven least" not in " ".join(profile_text(open_).split())
    assert "not proven: none has a peak below 1.0 KiB" in profile_text(given)


@pytest.mark.parametrize("width", [72, 80, 100, 200])
def test_lines_fit_the_width(width: int) -> None:
    """Long names are shortened in the middle; no line is wider than asked."""
    plan = profile(small(stem="features/block_1/expand/Conv" * 4), options=GREEDY)
    text = profile_text(plan, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" in text


def test_facts_are_json(plan: Plan) -> None:
    """--json: the plan's facts, the peak operator, and every operator with the table's numbers."""
    facts = json.loads(json.dumps(profile_facts(plan)))
    assert facts.items() >= plan.facts().items()
    assert facts["peak_operator"] == plan.profile.peak.name
    assert [op["name"] for op in facts["operators"]] == [c.name for c in plan.profile.costs]
    assert max(op["live_bytes"] for op in facts["operators"]) == facts["layerwise_bytes"]
    assert sum(op["macs"] for op in facts["operators"]) == facts["macs"]
    assert set(facts["operators"][0]) == {
        "name", "type", "shape", "live_bytes", "macs", "weight_bytes",
    }  # fmt: skip


@pytest.mark.skipif(not RESNET20.exists(), reason="needs ../shared/models/onnx/resnet20_cifar10")
def test_a_real_network() -> None:
    """ResNet-20: both reports agree with the plan, and the picture is small and without clashes."""
    plan = profile(RESNET20, options=GREEDY)
    svg, text = memory_svg(plan), profile_text(plan)
    assert len(svg.encode()) < 300 * 1024
    assert clashes(sides(svg)[1]) == []
    assert f"{kib(plan.arena_bytes)} KiB of arena" in svg
    assert len(rows(text)) == len(plan.profile.costs)


@pytest.mark.parametrize("schedule", ["layerwise", "stream"])
def test_the_small_map_has_what_lives(schedule: Literal["layerwise", "stream"]) -> None:
    """Column by column at least the bytes that live then, and all of the arena at the peak."""
    made = profile(small(), options=replace(GREEDY, schedule=schedule))
    columns = list[list[int]]()
    for text in small_map(made).split(";"):
        columns.append(columns[-1] if text == "=" else [int(n) for n in text.split(",") if n])
    assert len(columns) == COLUMNS
    live = live_bytes(made.lives, made.schedule.ticks)
    for column, moment in zip(columns, moments(made), strict=True):
        held = sum(end - first for first, end in zip(column[::3], column[1::3], strict=True))
        assert held * made.arena_bytes >= live[moment] * CELLS
        assert all(
            0 <= first < end <= CELLS for first, end in zip(column[::3], column[1::3], strict=True)
        )
