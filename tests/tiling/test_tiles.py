"""Networks cut into tiles: the same outputs, and the memory and work that were promised."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.backends.onnx import emit
from lowtide.check.onnx_memory import measure
from lowtide.clock import Clock
from lowtide.errors import BudgetError, UsageError
from lowtide.ir.graph import Graph
from lowtide.pipeline.fit import read
from lowtide.pipeline.fit_onnx import fit_portable
from lowtide.tiling.improve import improve
from lowtide.tiling.search import cuts_of, search
from lowtide.tiling.segments import TiledSegment
from lowtide.tiling.tiler import Reached, Tiler
from lowtide.tiling.write import tiled
from network_builder import Array, Network
from networks import random_network

HERE, ALL = 60, 1000


def _run(model: onnx.ModelProto, inputs: Mapping[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {value.name for value in session.get_inputs()}
    return [
        np.asarray(y) for y in session.run(None, {k: v for k, v in inputs.items() if k in wanted})
    ]


def _graph(model: onnx.ModelProto) -> Graph:
    return read(model, Clock(lambda _: None))[1]


def _random_segments(tiler: Tiler, dice: random.Random) -> tuple[TiledSegment, ...]:
    """Segments of any length, cut along any axis that can be cut, with any pivot."""
    found, first, graph = [], 0, tiler.graph
    while first < tiler.count:
        last = min(tiler.count, first + dice.choice((1, 2, 3, 5, 8)))
        axis = dice.choice((1, 2, 2, 2, 3))
        while last > first + 1 and not tiler.can_cut(range(first, last), axis):
            last -= 1
        ops = graph.operators[first:last]
        names = [n for op in ops for n in (*op.inputs, op.output) if n in graph.tensors]
        names = [n for n in names if len(graph.shape(n)) > axis and graph.shape(n)[axis] > 1]
        segment = TiledSegment(first, last)
        if names and tiler.can_cut(range(first, last), axis):
            pivot = dice.choice(names)
            tiles = dice.randint(2, min(5, graph.shape(pivot)[axis]))
            inner = range(first, last)
            again = frozenset(n for n in inner if dice.random() < 0.3)
            segment = TiledSegment(first, last, tiles, axis, pivot, again)
            if all(tiler.can_cut(inner, a) for a in (2, 3)) and dice.random() < 0.3:
                segment = TiledSegment(first, last, dice.randint(1, 3), columns=dice.randint(2, 3))
        found.append(segment)
        first = last
    return tuple(found)


def _chained(tiler: Tiler, segments: tuple[TiledSegment, ...]) -> Reached:
    chain = tiler.chain(tiler.start(), segments, None)
    assert chain is not None
    return chain[-1]


def _check(network: Network, graph: Graph, tiler: Tiler, reached: Reached) -> onnx.ModelProto:
    """The model that is made keeps its promises and computes the same."""
    made = emit(tiled(graph, tiler.parts(reached.segments), tiler.limit))
    onnx.checker.check_model(made, full_check=True)
    measured = measure(made)
    assert measured.peak <= reached.peak
    assert measured.macs == sum(tiler.macs) + reached.extra
    for ours, theirs in zip(
        _run(made, network.inputs), _run(network.model, network.inputs), strict=True
    ):
        if network.whole:
            np.testing.assert_array_equal(ours, theirs)
        else:
            scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * scale)
    return made


def _seeds() -> list[object]:
    slow = [pytest.mark.slow]
    return [pytest.param(s, marks=slow if s >= HERE else []) for s in range(ALL)]


@pytest.mark.parametrize("seed", _seeds())
def test_any_segments_compute_the_same(seed: int) -> None:
    network, dice = random_network(seed), random.Random(f"tiles {seed}")
    graph = _graph(network.model)
    tiler = Tiler(graph, 16, 1e9, limit=dice.choice((0, 10**9)))
    _check(network, graph, tiler, _chained(tiler, _random_segments(tiler, dice)))


@pytest.mark.parametrize("seed", range(HERE, HERE + 20))
def test_the_search_keeps_its_promise(seed: int) -> None:
    network = random_network(seed)
    graph = _graph(network.model)
    tiler = Tiler(graph, 5, 0.2)
    before = measure(emit(graph))
    reached = improve(tiler, search(tiler)[0])
    assert reached.peak <= before.peak
    assert reached.extra <= tiler.budget
    assert all(segment.tiles * segment.columns <= 5 for segment in reached.segments)
    measured = measure(_check(network, graph, tiler, reached))
    assert measured.peak == reached.peak


def _stem(side: int = 64) -> onnx.ModelProto:
    """A stem as they all have: the largest maps between a small image and small features."""
    rng = np.random.default_rng(0)
    sizes = {"w1": (16, 3, 3, 3), "w2": (16, 16, 3, 3), "w3": (32, 16, 3, 3)}
    weights = [
        numpy_helper.from_array((rng.normal(size=shape) / 9).astype(np.float32), name)
        for name, shape in sizes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("MaxPool", ["e"], ["f"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        helper.make_node("Conv", ["f", "w3"], ["g"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["g"], ["scores"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 32, 1, 1])
    graph = helper.make_graph(nodes, "stem", [image], [scores], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_a_stem_needs_a_third() -> None:
    """Convolution, residual and pool in one segment, at no extra work."""
    fitted = fit_portable(_stem(), max_overhead=0.0)
    assert fitted.before.peak == 3 * 64 * 64 * 16  # the skip, the convolution and their sum
    assert fitted.after.macs == fitted.before.macs
    assert fitted.saving > 0.8
    assert fitted.numbers.passes
    assert fitted.facts()["peak_bytes"] == fitted.after.peak * 4


def test_fewer_tiles_need_more() -> None:
    peaks = [fit_portable(_stem(), tiles=tiles).after.peak for tiles in (1, 4, 16)]
    assert peaks[0] > peaks[1] > peaks[2]


def test_a_budget_takes_the_least_work_that_fits() -> None:
    free = fit_portable(_stem(), max_overhead=0.0)
    fitted = fit_portable(_stem(), budget=free.after.peak * 4)
    assert fitted.after.macs == fitted.before.macs
    with pytest.raises(BudgetError, match="at '"):
        fit_portable(_stem(), budget=1000)


@pytest.mark.parametrize("wrong", [{"tiles": 0}, {"max_overhead": -0.1}])
def test_wrong_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        fit_portable(_stem(), **wrong)  # type: ignore[arg-type]


def test_the_same_network_gives_the_same_file() -> None:
    assert fit_portable(_stem()).files == fit_portable(_stem()).files


def test_a_restructured_network_is_taken_in_again() -> None:
    """What was written is a network like any other; its order is kept with order "given"."""
    fitted = fit_portable(_stem())
    again = _graph(onnx.ModelProto.FromString(fitted.files["net.onnx"]))
    assert len(again.operators) > 20
    assert measure(emit(again)).peak == fitted.after.peak


def test_a_slice_of_the_image_is_a_tensor() -> None:
    """image 1x1x8x4, slice 1x1x4x4, functions of it: 32 + 16, then 16 + 16."""
    nodes = [
        helper.make_node("Slice", ["image", "starts", "ends", "axes"], ["half"]),
        helper.make_node("Relu", ["half"], ["out"]),
        helper.make_node("Relu", ["out"], ["last"]),
    ]
    numbers = {"starts": [0], "ends": [4], "axes": [2]}
    constants = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in numbers.items()]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, rows, 4])
        for name, rows in (("image", 8), ("last", 4))
    ]
    graph = helper.make_graph(nodes, "half", values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    measured = measure(model)
    assert (measured.peak, measured.macs, measured.nodes) == (48, 0, 3)


def test_cuts_are_where_little_crosses() -> None:
    graph = _graph(_stem())
    tiler = Tiler(graph, 16, 0.0)
    types = [graph.operators[number].type for number in cuts_of(tiler) if number < tiler.count]
    assert types == ["Conv", "MaxPool", "Conv", "GlobalAveragePool"]


def test_the_command_line_writes_it(tmp_path: Path) -> None:
    """fit --target onnx writes a folder, again as well; the file is taken in again."""
    onnx.save(_stem(24), tmp_path / "stem.onnx")
    command = [sys.executable, "-m", "lowtide"]
    fit = [*command, "fit", tmp_path / "stem.onnx", "--target", "onnx", "-o", tmp_path / "out"]
    for extra in ((), ("--tiles", "4", "--max-overhead", "0")):
        done = subprocess.run([*fit, *extra, "--json"], capture_output=True, text=True, check=True)
        facts = json.loads(done.stdout)
        written = {p.name for p in (tmp_path / "out").iterdir()}
        assert written == {"lowtide.json", "lowtide.toml", "net.onnx", "tiles.json"}
        made = onnx.load(tmp_path / "out/net.onnx")
        assert measure(made).peak == facts["peak_elements"] < facts["layerwise_elements"]
    assert facts["mac_overhead"] == 0
    assert facts["tiles_most"] <= 4
    again = [*command, "fit", tmp_path / "out/net.onnx", "--order", "given", "--json"]
    again += ["--target", "none", "--overlap", "none", "--place", "greedy"]
    done = subprocess.run(again, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["macs"] == facts["macs"]
    for wrong in (("--align", "4"), ("--budget", "1KiB")):
        done = subprocess.run([*fit, *wrong], capture_output=True, text=True, check=False)
        assert done.returncode == (2 if wrong[0] == "--align" else 3), done.stderr
    done = subprocess.run(
        [*command, "fit", tmp_path / "stem.onnx", "--target", "none", "--tiles", "4"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
