"""--target fifo: depths held to hls4ml's loops (`fifo_loops.py`), which share nothing with it.

x --> conv --+--> conv --> conv --+--> add --> y
             +--------------------+
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from pathlib import Path

import onnx
import pytest

from commands import Command
from fifo_loops import Net, net_of, run
from lowtide.backends.fifo import Depths, build, find_depths
from lowtide.backends.fifo.deadlock import rings
from lowtide.clock import Clock, quiet
from lowtide.pipeline.fit_fifo import fit_fifo
from lowtide.pipeline.read import read

ROOT = Path(__file__).parents[2]
RESNET = ROOT / "examples" / "resnet8_cifar10.onnx"
FRAMES = 2


class Drawn:
    """A small network with branches, drawn from a seed; all images have two channels or more."""

    def __init__(self, seed: int, steps: int, size: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.weights: list[str] = []
        self.shapes = {"x": (2, size, size)}
        for _ in range(steps):
            self.step()
        read = {word for line in self.lines for word in line.split("= ")[1].split()}
        left = [
            name
            for name in self.shapes
            if not any(f"{name}," in w or f"({name}" in w for w in read)
        ]
        shown = ", ".join(f"float[1,{c},{h},{w}] {n}" for n, (c, h, w) in self.of(left).items())
        weights = ", ".join(self.weights)
        self.text = (
            f'<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,{size},{size}] x) => ({shown}) '
            f"<{weights}> {{ {' '.join(self.lines)} }}"
        )

    def of(self, names: list[str]) -> dict[str, tuple[int, int, int]]:
        return {name: self.shapes[name] for name in names if name != "x"}

    def made(self, text: str, shape: tuple[int, int, int]) -> None:
        name = f"t{len(self.lines)}"
        self.lines.append(f"[n{len(self.lines)}] {name} = {text}")
        self.shapes[name] = shape

    def step(self) -> None:
        draw = self.random
        name = draw.choice(list(self.shapes)[-3:])
        c, h, w = self.shapes[name]
        same = [n for n, s in self.shapes.items() if s == (c, h, w) and n != name]
        wide = [n for n, s in self.shapes.items() if s[1:] == (h, w) and n != name]
        high = [n for n, s in self.shapes.items() if (s[0], s[2]) == (c, w) and n != name]
        kind = draw.choice(["conv", "conv", "pool", "add", "add", "concat", "concat", "after"])
        if kind == "add" and same:
            self.made(f"Add({name}, {draw.choice(same)})", (c, h, w))
        elif kind == "concat" and wide:
            other = draw.choice(wide)
            self.made(f"Concat<axis = 1>({name}, {other})", (c + self.shapes[other][0], h, w))
        elif kind == "after" and high and h < 8:
            other = draw.choice(high)
            self.made(f"Concat<axis = 2>({name}, {other})", (c, h + self.shapes[other][1], w))
        else:
            self.windowed(name, kind, (c, h, w))

    def windowed(self, name: str, kind: str, shape: tuple[int, int, int]) -> None:
        draw, (c, h, w) = self.random, shape
        kernel = [draw.randint(1, min(3, n)) for n in (h, w)]
        stride = [draw.choice([1, 1, 2]) for _ in kernel]
        spread = [draw.choice([1, 2]) if k > 1 and kind == "conv" else 1 for k in kernel]
        before, behind = ([draw.randint(0, k - 1) for k in kernel] for _ in range(2))
        if draw.random() < 0.5:
            before = [k // 2 for k in kernel]
            behind, stride = list(before), [1, 1]
        span = [(k - 1) * d + 1 for k, d in zip(kernel, spread, strict=True)]
        room = [n + a + b - s for n, a, b, s in zip((h, w), before, behind, span, strict=True)]
        if min(room) < 0:
            return
        out = tuple(r // s + 1 for r, s in zip(room, stride, strict=True))
        words = f"<kernel_shape = {kernel}, strides = {stride}, pads = {[*before, *behind]}"
        if kind == "pool" and kernel == [1, 1]:
            return
        if kind == "pool":
            self.made(f"MaxPool{words}>({name})", (c, *out))
            return
        filters = draw.randint(2, 4)
        weight = f"w{len(self.lines)}"
        count = filters * c * kernel[0] * kernel[1]
        numbers = ", ".join(str(draw.random()) for _ in range(count))
        self.weights.append(
            f"float[{filters},{c},{kernel[0]},{kernel[1]}] {weight} = {{{numbers}}}"
        )
        self.made(f"Conv{words}, dilations = {spread}>({name}, {weight})", (filters, *out))


def parsed(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(text)


def depths_of(model: onnx.ModelProto) -> Depths:
    return find_depths(build(read(model, Clock(quiet))[1]))


def by_stream(found: Depths, net: Net) -> dict[str, int]:
    """The number of lowtide's edge for each stream of the loops."""
    names = [one.name for one in found.machine.processes]
    kinds = [one.kind for one in found.machine.processes]
    edges = {}
    for k, edge in enumerate(found.machine.edges):
        to = "" if kinds[edge.consumer] == "output" else names[edge.consumer]
        tensor = edge.tensor if kinds[edge.consumer] == "output" else ""
        edges[names[edge.producer], to or f"{tensor} out"] = k
    assert edges.keys() == set(net.streams.values())
    return {stream: edges[ends] for stream, ends in net.streams.items()}


def depths(found: tuple[int, ...], edges: Mapping[str, int]) -> dict[str, int]:
    return {stream: found[k] for stream, k in edges.items()}


def drawn(count: int, steps: int, size: int, first: int = 0) -> list[Drawn]:
    """Networks with a fork that joins again."""
    found = (Drawn(seed, steps, size) for seed in itertools.count(first))
    return list(itertools.islice((d for d in found if len(d.lines) >= steps - 1), count))


@pytest.mark.parametrize("network", drawn(25, 7, 6), ids=lambda d: str(len(d.lines)))
def test_depths_are_those_of_hls4mls_loops(network: Drawn) -> None:
    model = parsed(network.text)
    found, net = depths_of(model), net_of(model, FRAMES)
    edges = by_stream(found, net)
    assert run(net, {}).most == depths(found.free, edges)
    names = [one.name for one in found.machine.processes]
    release = {names[k]: times.tolist() for k, times in found.release.items()}
    calm = run(net, depths(found.no_stall, edges), release)
    assert (calm.waits, calm.cycles, calm.locked) == (0, run(net, {}).cycles, False)
    assert calm.most == depths(found.no_stall, edges)  # so one less is a wait
    assert run(net, depths(found.no_stall, edges)).cycles == calm.cycles, "inputs that push"
    least = depths(found.no_deadlock, edges)
    assert not run(net, least).locked
    for stream, depth in least.items():
        assert depth == 1 or run(net, {**least, stream: depth - 1}).locked, stream


def test_steady_frames_need_no_more_than_two() -> None:
    for network in drawn(6, 6, 5, first=300):
        model = parsed(network.text)
        found, net = depths_of(model), net_of(model, 4)
        edges = by_stream(found, net)
        assert run(net, depths(found.no_stall, edges)).cycles == run(net, {}).cycles
        assert not run(net, depths(found.no_deadlock, edges)).locked


SEEDS = (1029, 1154, 1313, 1341, 1445, 1492, 1768)
"""Networks with few edges on rings, one of which holds more than a pixel."""


def test_least_depths_are_those_of_exhaustive_search() -> None:
    """All depths of the edges on rings, on pictures of 4x4."""
    proven = []
    for seed in SEEDS:
        model = parsed(Drawn(seed, 5, 4).text)
        found, net = depths_of(model), net_of(model, 1)
        streams = {k: stream for stream, k in by_stream(found, net).items()}
        bits = [edge.bits for edge in found.machine.edges]
        ring = [e for edges in rings(found.machine) for e in edges]
        least = {e: found.no_deadlock[e] for e in ring}
        tries = range(1, max(least.values()) + 2)
        all_of_them = (
            dict(zip(ring, chosen, strict=True))
            for chosen in itertools.product(tries, repeat=len(ring))
        )
        ones = dict.fromkeys(streams.values(), 1)
        ending = [
            held
            for held in all_of_them
            if not run(net, ones | {streams[e]: depth for e, depth in held.items()}).locked
        ]
        fewest = min(sum(depth * bits[e] for e, depth in held.items()) for held in ending)
        own = sum(depth * bits[e] for e, depth in least.items())
        assert {e: min(held[e] for held in ending) for e in ring} == {
            e: found.floor[e] for e in ring
        }
        assert least in ending
        assert max(least.values()) > 1
        assert own == fewest if found.least_of_all else own >= fewest
        proven.append(found.least_of_all)
    assert set(proven) == {True, False}


RING = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,1,h,w] x) => (float[1,1,h,w] y) <float[1,1,3,3] k = {1,1,1,1,1,1,1,1,1}>
{ [conv] c = Conv<pads = [1,1,1,1]>(x, k) [add] y = Add(c, x) }"""


@pytest.fixture
def fitted(tmp_path: Path, command: Command) -> Path:
    """The folder of a convolution whose input is added to its output."""
    onnx.save(parsed(RING), tmp_path / "ring.onnx")
    model, out = tmp_path / "ring.onnx", tmp_path / "out"
    said = command("fit", model, "--target", "fifo", "--shape", "x=1x1x6x8", "-o", out)
    assert said.code == 0, said.last
    return out


def edges_of(folder: Path) -> dict[tuple[str, str], dict[str, int]]:
    held = json.loads((folder / "fifo.json").read_bytes())
    return {(one["from"], one["to"]): one for one in held["edges"]}


def test_a_folder_is_verified_from_its_files_and_made_again(fitted: Path, command: Command) -> None:
    skip = edges_of(fitted)["x.clone", "add"]
    assert skip["bits"] == 32
    # the first result needs pixel (1, 1) of a picture 8 wide, and none is added before
    assert skip["no_deadlock"] == 8 + 2
    said = command("verify", fitted, "--json")
    assert said.code == 0, said.last
    assert json.loads(said.out)["one_less_locked"] == 1
    before = (fitted / "fifo.json").read_bytes()
    assert command("fit", "-c", fitted / "lowtide.toml").code == 0
    assert (fitted / "fifo.json").read_bytes() == before


@pytest.mark.parametrize("key", ["no_deadlock", "no_stall"])
def test_a_wrong_depth_does_not_pass(fitted: Path, command: Command, key: str) -> None:
    text = (fitted / "fifo.json").read_text()
    for by, wrong in (
        (-1, {"no_deadlock": "locks", "no_stall": "waits"}[key]),
        (1, "is not least"),
    ):
        held = json.loads(text)
        next(one for one in held["edges"] if one["from"] == "x.clone" and one["to"] == "add")[
            key
        ] += by
        (fitted / "fifo.json").write_text(json.dumps(held))
        said = command("verify", fitted)
        assert said.code == 5
        assert f"{key} {wrong}" in said.last
        assert ("from 'x.clone' to 'add'" in said.last) == (wrong != "locks")
        assert "changed since lowtide wrote it: fifo.json" in said.last


def test_what_is_damaged_or_means_nothing_is_refused(fitted: Path, command: Command) -> None:
    (fitted / "checks" / "fifo.npz").write_bytes(b"nothing")
    assert command("verify", fitted).code == 4
    assert command("verify", fitted, "--layers", "--model", RESNET).code == 2
    for option in (["--cpu", "cortex-m4"], ["--cc", "gcc"], ["--budget", "9KiB"], ["--together"]):
        said = command("fit", RESNET, "--target", "fifo", *option)
        assert said.code == 2
        assert f"{option[0]} means nothing with --target fifo" in said.last


def test_what_needs_more_than_a_line_buffer_is_refused(tmp_path: Path, command: Command) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,2,4,4] x) => (float[1,2,4,4] y) { [all] y = Softmax<axis = 2>(x) }"""
    onnx.save(parsed(text), tmp_path / "net.onnx")
    said = command("fit", tmp_path / "net.onnx", "--target", "fifo", "-o", tmp_path / "out")
    assert said.code == 4
    assert "Softmax 'all': cannot be streamed" in said.last
    assert not (tmp_path / "out").exists()


def test_a_skip_of_the_shipped_network_holds_two_rows_and_three_pixels(tmp_path: Path) -> None:
    made = fit_fifo(RESNET)
    for name, content in made.files.items():
        (tmp_path / Path(name).name).write_bytes(content)
    found = edges_of(tmp_path)["relu0.clone", "stage1.add"]
    assert (found["no_deadlock"], found["pixels"]) == (2 * 32 + 3, 1024)
    assert made.simulated is not None
    assert made.simulated.locked == 3


def test_a_mean_of_a_tflite_file_makes_one_pixel_of_all_channels() -> None:
    """Its result is [1, 1, 1, 64]: 64 channels of a pixel, and not 64 pixels."""
    made = fit_fifo(RESNET.with_name("resnet8_cifar10_int8.tflite"))
    assert made.simulated is not None
    assert made.simulated.locked == 3
    pixels = {edge.pixels for edge in made.found.machine.edges[-2:]}
    assert pixels == {1}
