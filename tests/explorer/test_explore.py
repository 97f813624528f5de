"""Exploring: what is beaten is told from what is not, and no work is done twice or thrown away."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pytest

from lowtide.errors import UsageError
from lowtide.explorer import explore as explore_module
from lowtide.explorer.explore import explore
from lowtide.explorer.explored import Explored
from lowtide.explorer.front import Point, distinct, front, staircase
from lowtide.explorer.front_svg import front_svg
from lowtide.explorer.front_text import front_text
from lowtide.explorer.recipes import recipe_name, recipes
from lowtide.files import write_folder
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.profile import profile
from lowtide.planner.options import Options
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.report.labels import Box, place_labels
from lowtide.report.scale import Scale
from network_builder import Builder
from test_cli import lowtide, started, stopped_at

MODEL = Path(__file__).parents[2] / "examples" / "resnet8_cifar10.onnx"
FEW = recipes(Options(), 0.02)
SVG = "{http://www.w3.org/2000/svg}"


def network(channels: int = 4) -> onnx.ModelProto:
    """image [1,3,16,16] -> 3x3 to `channels` -> Relu -> 3x3 -> Flatten -> 5 classes."""
    b = Builder(random.Random(1), 17, whole=False)
    x, side = b.input((1, 3, 16, 16)), {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    shape = (1, channels, 16, 16)
    x = b.node("Conv", [x, b.weights((channels, 3, 3, 3), 27)], shape, 0, **side)
    x = b.node("Relu", [x], shape, 0)
    x = b.node("Conv", [x, b.weights((4, channels, 3, 3), 9)], (1, 4, 16, 16), 0, **side)
    x = b.node("Flatten", [x], (1, 1024), 0)
    x = b.node("Gemm", [x, b.weights((1024, 5), 1024)], (1, 5), 0)
    return b.finish(f"classifier{channels}", [x]).model


def made(arena: int, overhead: float = 0.0, traffic: int = 100, code: int | None = None) -> Point:
    """A point without a plan."""
    recipe = Options(max_overhead=overhead, align=4 + arena % 7)
    return Point(recipe, arena, int(1000 * (1 + overhead)), overhead, traffic, code, 0.1)


# What is compared.


def test_points_that_another_beats() -> None:
    """Less of one thing is enough to be on the front; the same of all is shown once."""
    whole, streamed, banded = made(900), made(300), made(200, 0.1, traffic=300)
    worse, lean = made(300, 0.1), made(950, traffic=50)
    points = [whole, streamed, banded, worse, lean]
    assert front(points) == (lean, streamed, banded)
    assert staircase(front(points)) == (streamed, banded)
    assert distinct([streamed, replace(streamed, seconds=9.0), whole]) == (streamed, whole)
    assert front([]) == ()


def test_code_counts_where_all_of_it_is_known() -> None:
    small, large = made(900, code=10), made(300, code=20)
    assert front([small, large]) == (small, large)
    assert front([small, replace(large, code_bytes=None)]) == (replace(large, code_bytes=None),)


def test_weight_traffic() -> None:
    """A convolution's weights are read for each of 16 rows, a dense layer's once, both ways."""
    expected = 4 * (16 * 4 * 3 * 9 + 16 * 4 * 4 * 9 + 1024 * 5)
    for schedule in ("layerwise", "stream"):
        plan = profile(network(), options=Options(schedule=schedule))
        assert plan.streamed == (schedule == "stream")
        assert weight_traffic(plan) == expected


def test_weight_traffic_inside_a_pool() -> None:
    """A convolution that a pool computes as it reads counts as it would outside."""
    b = Builder(random.Random(1), 17, whole=False)
    x = b.input((1, 3, 16, 16))
    x = b.node("Conv", [x, b.weights((4, 3, 1, 1), 3)], (1, 4, 16, 16), 0, kernel_shape=[1, 1])
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    model = b.finish("pool", [b.node("MaxPool", [x], (1, 4, 8, 8), 0, **pool)]).model
    for fused in (True, False):
        plan = profile(model, options=Options(schedule="layerwise", fuse_pools=fused))
        assert len(plan.tasks) == (1 if fused else 2)
        assert weight_traffic(plan) == 4 * 16 * 4 * 3


# Recipes.


def test_recipes_go_from_cheap_to_dear() -> None:
    held = recipes(Options(align=4), 0.5)
    names = [recipe_name(one) for one in held]
    assert names[:7] == [
        "layer by layer, overlap none",
        "layer by layer, overlap row",
        "layer by layer, overlap group",
        "streamed, image resident",
        "streamed, image resident, balanced",
        "streamed, image resident, latency",
        "streamed, image resident, up to 1 % extra",
    ]
    assert [one.max_overhead for one in held[6:]] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5]
    assert {one.align for one in held} == {4}
    streamed = recipes(Options(image="streamed"), 0.03)
    assert {one.image for one in streamed if one.schedule == "layerwise"} == {"resident"}
    assert [one.image for one in streamed[3:]] == ["resident", *["streamed"] * 6]
    assert streamed[-1].max_overhead == 0.03
    assert not any(one.max_overhead for one in recipes(Options(), 0.0))
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="max-overhead"):
            recipes(Options(), wrong)


def test_a_command_says_what_is_not_the_default() -> None:
    row = Options(schedule="layerwise", overlap="row", keep_input=True, tile=(1, 16))
    assert fit_command("my net.onnx", row) == (
        "lowtide fit 'my net.onnx' -o out --schedule layerwise --overlap row --tile 1x16"
        " --keep-input"
    )
    bytes_ = Options(element_bytes=1, image="streamed", max_overhead=0.05, fuse_pools=False)
    assert fit_command("net.onnx", bytes_) == (
        "lowtide fit net.onnx --target none --element-bytes 1 --no-fuse-pools --image streamed"
        " --max-overhead 0.05"
    )


def test_a_printed_command_makes_its_point(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network(), path)
    done = lowtide("explore", path, "--max-overhead", 0, "--image", "streamed", "--json")
    facts = json.loads(done.stdout)
    assert facts["recipes"] == 7
    last = facts["points"][-1]
    assert last["front"]
    assert last["recipe"]["image"] == "streamed"
    words = shlex.split(last["command"].replace("-o out", ""))[1:]
    again = json.loads(lowtide(*words, "--target", "none", "--json").stdout)
    assert (again["arena_bytes"], again["macs"]) == (last["arena_bytes"], last["macs"])


# The folder.


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The recipes that are planned from now on."""
    planned: list[Options] = []
    plan = explore_module.make_plan

    def make_plan(source, graph, options, clock):  # type: ignore[no-untyped-def]
        planned.append(options)
        return plan(source, graph, options, clock)

    monkeypatch.setattr(explore_module, "make_plan", make_plan)
    return planned


def test_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a recipe; what is there is not planned again, a line that was cut off is."""
    planned = counted(monkeypatch)
    first = explore(network(), FEW, folder=tmp_path / "out")
    assert planned == list(FEW)
    lines = (tmp_path / "out" / "points.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + len(FEW)
    held = {"points.jsonl", "front.html", "front.svg", "lowtide.json"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == held

    planned.clear()
    said: list[str] = []
    assert explore(network(), FEW, folder=tmp_path / "out", progress=said.append) == first
    assert planned == []
    assert f"{len(FEW)} of {len(FEW)} found before" in said

    (tmp_path / "out" / "points.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:40])
    again = explore(network(), FEW, folder=tmp_path / "out", progress=said.append)
    assert planned == list(FEW[2:])
    assert said[-len(planned)].startswith(f"plan 3 of {len(FEW)}: layer by layer")
    assert [replace(p, seconds=0) for p in again.points] == [
        replace(p, seconds=0) for p in first.points
    ]
    assert len((tmp_path / "out" / "points.jsonl").read_bytes().splitlines()) == len(lines)


def test_code_is_measured_where_it_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `code` points without it are made anew; without, points that have it do."""
    few = FEW[1:2]
    planned = counted(monkeypatch)
    assert explore(network(), few, folder=tmp_path / "out").points[0].code_bytes is None
    found = explore(network(), few, folder=tmp_path / "out", code=True)
    assert (found.points[0].code_bytes or 0) > 100
    assert explore(network(), few, folder=tmp_path / "out") == found
    assert len(planned) == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("thesis.tex", "years of work", "not empty"),
        ("points.jsonl", "1, 2\n", "line 1: not as explore wrote it"),
        ("points.jsonl", "", "line 1: not as explore wrote it"),
        ("points.jsonl", '{"lowtide": "0.1.0", "sha256": "0", "file": "b.onnx"}\n', "b.onnx"),
        ("points.jsonl", '{"lowtide": "0.0.1", "sha256": "OWN"}\n', "lowtide 0.0.1"),
        ("points.jsonl", '{"lowtide": "0.1.0", "sha256": "OWN"}\n{"recipe": {}}\n', "line 2"),
    ],
)
def test_a_folder_of_something_else(tmp_path: Path, name: str, content: str, says: str) -> None:
    """Refused, and left as it was."""
    explored = explore(network(), FEW[:1], folder=tmp_path / "own")
    held = content.replace("OWN", explored.source.sha256)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(held)
    with pytest.raises(UsageError, match=says):
        explore(network(), FEW[:1], folder=tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [name]
    assert (tmp_path / "out" / name).read_text() == held


def test_the_picture_of_somebody_else_stays(tmp_path: Path) -> None:
    """front.svg that was drawn on, or is the user's; points behind a link; a folder of fit's."""
    out = tmp_path / "out"
    explore(network(), FEW[:1], folder=out)
    held = (out / "points.jsonl").read_bytes()
    (out / "front.svg").write_text("drawn on")
    with pytest.raises(UsageError, match=r"front\.svg was changed"):
        explore(network(), FEW, folder=out)
    (out / "front.svg").rename(out / "drawn.svg")
    assert (out / "points.jsonl").read_bytes() == held
    explore(network(), FEW[:2], folder=out)
    assert (out / "drawn.svg").read_text() == "drawn on"
    (out / "points.jsonl").rename(tmp_path / "points")
    (out / "points.jsonl").symlink_to(tmp_path / "points")
    with pytest.raises(UsageError, match="is a link"):
        explore(network(), FEW, folder=out)
    write_folder(tmp_path / "fit", {"net.c": b""})
    (tmp_path / "points").rename(tmp_path / "fit/points.jsonl")
    with pytest.raises(UsageError, match="holds what fit wrote"):
        explore(network(), FEW, folder=tmp_path / "fit")


def test_what_cannot_be_explored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="no folder"):
        explore(network(), FEW, folder=tmp_path / "file")
    for address in ("banana", "tcp://a", "a:0", "a:65536", "ftp://a:1", "a b:1", ":1"):
        with pytest.raises(UsageError, match="not the address of a scheduler"):
            explore(network(), FEW, cluster=address)
    with pytest.raises(UsageError, match="--code"):
        explore(network(), [Options(element_bytes=1)], code=True)
    with pytest.raises(UsageError, match="--element-bytes"):
        explore(network(), [Options(element_bytes=0)])
    with pytest.raises(UsageError, match="--align"):
        explore(network(), [Options(align=3)], folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C in the second recipe: exit code 130, the first is kept, the next run begins there."""
    path, out, slow = tmp_path / "net.onnx", tmp_path / "out", tmp_path / "slow-cc"
    onnx.save(network(), path)
    slow.write_text(f'#!/bin/sh\n[ -e "{out}" ] && exec sleep 60\nexec cc "$@"\n')
    slow.chmod(0o755)
    command = ["explore", str(path), "-o", str(out), "--max-overhead", "0", "--code"]
    running = started([sys.executable, "-m", "lowtide", *command], {**os.environ, "CC": str(slow)})
    line = stopped_at(running, "plan 2 of 6", signal.SIGINT)
    assert running.returncode == 130, line
    assert "stopped after 1 of 6 recipes, kept in" in line
    held = {"points.jsonl", "front.html", "front.svg", "lowtide.json"}
    assert {p.name for p in out.iterdir()} == held
    assert "Stopped after 1 of 6 recipes; " in (out / "front.html").read_text()
    again = lowtide(*command)
    assert again.returncode == 0, again.stderr
    assert "1 of 6 found before" in again.stderr
    assert "1 of 6: " not in again.stderr
    assert again.stdout.startswith("net.onnx: 6 recipes")


@pytest.mark.slow
def test_killed(tmp_path: Path) -> None:
    """SIGKILL, so that nothing runs on the way out: the next run goes on, to the same front."""
    command = ["explore", str(MODEL), "-o", str(tmp_path / "out"), "--max-overhead", "0"]
    points = tmp_path / "out" / "points.jsonl"
    running = started([sys.executable, "-m", "lowtide", *command], {**os.environ})
    while not points.exists() or points.read_bytes().count(b"\n") < 3:
        assert running.poll() is None, "it was done before it was killed"
        time.sleep(0.05)
    running.kill()
    running.communicate()
    kept = points.read_bytes().splitlines()[:3]
    again = json.loads(lowtide(*command, "--json").stdout)
    assert points.read_bytes().splitlines()[:3] == kept
    here = explore(MODEL, recipes(Options(), 0.0)).facts()
    for one in (again, here):
        for of in one["points"]:
            of.pop("seconds"), of.pop("command")
    assert again == json.loads(json.dumps(here))


# What is shown.


@pytest.fixture(scope="module")
def explored() -> Explored:
    return explore(network(), FEW)


def test_the_table(explored: Explored) -> None:
    """A line a point, a command for each of the front's; the picture numbers them alike."""
    text = front_text(explored)
    best = explored.front
    assert text.startswith(f"{explored.source.file}: {len(FEW)} recipes")
    assert sum(recipe_name(one.options) in text for one in explored.points) == len(explored.points)
    for k, one in enumerate(best, 1):
        assert f"  {k}  {explored.command(one)}" in text.splitlines()
    assert len({p.arena_bytes for p in best}) == len(best)


def test_the_picture() -> None:
    """Every point is a dot, and labels of the front cover neither each other nor a dot."""
    tried = recipes(Options(image="streamed"), 0.5)
    names = [one for one in tried if one.objective == "memory"]
    sizes = [4896, 3900, 3800, 630, 420, 410, 409, 260, 150, 148, 151, 120]
    extra = [0, 0, 0, 0, 0, 0.008, 0.019, 0.047, 0.09, 0.17, 0.33, 0.46]
    points = [
        Point(name, 1024 * size, int(1e6 * (1 + more)), more, 100, 9000 + k, 1.0)
        for k, (name, size, more) in enumerate(zip(names, sizes, extra, strict=True))
    ]
    for held in (points, points[:1], points[:4], []):
        svg = front_svg('a<b>&"c.onnx', len(held), held)
        root = ElementTree.fromstring(svg)
        dots = [c for c in root.iter(f"{SVG}circle") if c.find(f"{SVG}title") is not None]
        assert len(dots) == len(held)
        assert all(0 < float(dot.get("cx", 0)) < 1000 for dot in dots)
        labels = [t.text or "" for t in root.iter(f"{SVG}text") if t.get("class") == "label"]
        assert [text.split(":")[0] for text in labels] == [
            str(k) for k in range(1, 1 + len(front(held)))
        ]


def test_labels_do_not_meet() -> None:
    room = Box(0, 0, 400, 300)
    dots = [(200.0 + 3 * k, 150.0 + 2 * k) for k in range(9)]
    boxes = place_labels(["1: 100.0 KiB, +0.1 %"] * 9, dots, room)
    placed = [box for box in boxes if box is not None]
    assert len(placed) >= 6
    assert not any(a.meets(b) for a, b in combinations(placed, 2))
    assert all(box.inside(room) for box in placed)
    assert not any(b.left < x < b.right and b.top < y < b.bottom for b in placed for x, y in dots)


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale("linear", 0, 26), [0, 5, 10, 15, 20, 25]),
        (Scale("log", 15, 600), [20, 50, 100, 200, 500]),
        (Scale("plus", 0, 10), [0, 1, 2, 5, 10]),
    ],
)
def test_scales(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks == pytest.approx(ticks)
    assert (scale.at(scale.low), scale.at(scale.high)) == (0, 1)
