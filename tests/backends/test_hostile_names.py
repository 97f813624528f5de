"""Names in a stranger's network, whatever they hold, stay names: in the C, its comments, the
picture and the terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from commands import Command
from hostile import NAMES, code, comments, network, unclean
from lowtide.backends.c99.emit import emit
from lowtide.report.memory_svg import memory_svg
from lowtide.report.profile_text import profile_text
from programs import GREEDY, QUICK, judge_model, plan_model

_ENDS = (("x", 8), ("y", 3))
_DRAWN = {"path", "rect", "style", "svg", "text", "title"}
_EVIL = re.compile(r"\b(system|PWNED|constructor|script|passwd|evil|red)\b|x{99}")


def fit(folder: Path, model: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lowtide", "fit", str(model), "-o", "out", *more]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)


@pytest.mark.parametrize("what", NAMES)
def test_a_name_is_a_name(what: str) -> None:
    """None of it is code, none ends its comment, the picture is well-formed, files stay small."""
    plan = plan_model(network(NAMES[what]), GREEDY)
    files = {name: held.decode("ascii") for name, held in emit(plan).items()}
    assert files.keys() == {
        "main.c",
        "net.c",
        "net.h",
        "net_weights.c",
        *(f"checks/{n}" for n in ("net.c", "net_check.h", "reference.c")),
    }
    for text in files.values():
        assert not _EVIL.search(code(text))
        assert all(held.isprintable() or "\n" in held for held in comments(text))
        assert "??" not in text
        assert max(map(len, text.splitlines())) < 500
    drawn = memory_svg(plan)
    tags = {one.tag.removeprefix("{http://www.w3.org/2000/svg}") for one in _tree(drawn).iter()}
    assert tags <= _DRAWN
    assert len(drawn) < 100_000
    shown = profile_text(plan)
    assert not unclean(shown + drawn)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("what", NAMES)
def test_an_error_is_one_line(what: str, tmp_path: Path, command: Command) -> None:
    """Names of nodes, tensors, operators and domains, in what is said of a network that is refused
    and in what is printed of one that is not."""
    name = NAMES[what]
    for place in ("name", "op_type", "domain", "input", "attribute"):
        held = network(name)
        node = held.graph.node[1]
        if place == "name":
            node.op_type = "NoSuch"
        elif place == "attribute":
            node.attribute[0].name = name
        elif place == "input":
            node.input[0] = f"not {name}"
        else:
            setattr(node, place, name)
        (tmp_path / "net.onnx").write_bytes(held.SerializeToString())
        said = command("profile", tmp_path / "net.onnx")
        assert said.code == 4, (place, said)
        assert said.last.startswith("lowtide: ")
        assert not unclean(said.last + said.out)
        assert len(said.last) < 1200
    (tmp_path / "net.onnx").write_bytes(network(name).SerializeToString())
    said = command("fit", tmp_path / "net.onnx", "--target", "none")
    assert said.code == 0
    assert not unclean(said.out)
    assert max(map(len, said.out.splitlines())) < 200


def _tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_names_of_classes_and_samples(tmp_path: Path) -> None:
    """On the terminal, progress and result."""
    rng = np.random.default_rng(0)
    w = numpy_helper.from_array(rng.normal(size=(8, 3)).astype(np.float32), "w")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, k]) for n, k in _ENDS]
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name=NAMES["title of the window"])
    graph = helper.make_graph([node], NAMES["C1"], ends[:1], ends[1:], [w])
    opsets = [helper.make_opsetid("", 17)]
    model, sample = tmp_path / "\x1b[2J.onnx", tmp_path / "\x1b]0;PWNED\x07\n.npy"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), model)
    np.save(sample, np.ones((1, 8), np.float32))
    (tmp_path / "labels").write_text("\x1b[31mred\n" + "\u202ediw\n" + "x" * 10_000 + "\n")
    done = fit(tmp_path, model, "--sample", str(sample), "--labels", "labels")
    assert done.returncode == 0, done.stderr
    out = done.stdout.decode()
    assert "[31mred" in out
    assert not unclean(out + done.stderr.decode())
    assert max(map(len, out.splitlines())) < 400


def test_all_of_them_compile_and_compute() -> None:
    """One network with all the names, as those of nodes, tensors, inputs and outputs."""
    judged = judge_model(_all_names(), ways=QUICK[:2])
    assert len(judged.memory.inputs) == len(judged.memory.outputs) == len(NAMES)


def _all_names() -> onnx.ModelProto:
    whole = network("first")
    for text in NAMES.values():
        one = network(text)
        for field in ("node", "input", "output", "initializer"):
            getattr(whole.graph, field).extend(getattr(one.graph, field))
    for field in ("input", "output"):
        del getattr(whole.graph, field)[0]
    del whole.graph.node[:3], whole.graph.initializer[:2]
    return whole


@pytest.mark.parametrize("what", ["ends a comment", "ends a comment once mended", "newline"])
def test_fit_runs_none_of_it(what: str, tmp_path: Path) -> None:
    """fit compiles and runs net.c; what a name says must not be in it."""
    onnx.save(network(NAMES[what]), tmp_path / "net.onnx")
    done = fit(tmp_path, tmp_path / "net.onnx")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"net.onnx", "out"}


@pytest.mark.parametrize("name", ["*\\ int evil; \\*.onnx", "a\n\x1b[2J.onnx", "??\\.onnx"])
def test_fit_of_a_file_of_such_a_name(name: str, tmp_path: Path) -> None:
    """The file's name stands in net.c, net.h, memory.svg and on the terminal."""
    onnx.save(network("/\\*"), tmp_path / name)
    done = fit(tmp_path, tmp_path / name)
    assert done.returncode == 0, done.stderr
    for file in ("net.c", "net.h", "checks/reference.c"):
        text = (tmp_path / "out" / file).read_text("ascii")
        assert not _EVIL.search(code(text))
    assert not unclean((tmp_path / "out/memory.svg").read_text())
