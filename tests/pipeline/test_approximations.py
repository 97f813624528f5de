"""Nothing approximate in silence, and one value for each figure wherever it is said."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bench.figures import differences
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner, Result

from lowtide.check.compile import find_compiler
from lowtide.cli.app import app
from lowtide.errors import BudgetError, UsageError
from lowtide.frontends.onnx.original import original_in, with_original
from lowtide.ir.original import KEY, Apart, Original
from lowtide.pipeline.profile import profile
from lowtide.sizes import parse_bytes

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


def network() -> onnx.ModelProto:
    """image [1,3,16,16] -> Conv to 16 -> Relu -> MaxPool -> Conv to 32 -> mean -> Gemm to 10."""
    rng, kind = np.random.default_rng(0), TensorProto.FLOAT
    shapes = {"a": (16, 3, 3, 3), "b": (32, 16, 3, 3), "c": (10, 32)}
    held = [
        numpy_helper.from_array(
            (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name
        )
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first", pads=[1] * 4),
        helper.make_node("Relu", ["x"], ["y"], "relu"),
        helper.make_node("MaxPool", ["y"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p", "b"], ["z"], "second", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["z"], ["m"], "mean"),
        helper.make_node("Flatten", ["m"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "c"], ["scores"], "last", transB=1),
    ]
    image = helper.make_tensor_value_info("image", kind, [1, 3, 16, 16])
    scores = helper.make_tensor_value_info("scores", kind, [1, 10])
    graph = helper.make_graph(nodes, "tiny", [image], [scores], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Here are net.onnx and pictures.npy."""
    monkeypatch.chdir(tmp_path)
    onnx.save(network(), "net.onnx")
    np.save("pictures.npy", np.random.default_rng(1).integers(0, 256, (40, 3, 16, 16), np.uint8))
    return tmp_path


SCALED = ("--mean", "128", "--std", "64")
CALIBRATED = ("--calibrate", "pictures.npy", *SCALED)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.exception
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "net.onnx", "-o", "out", "--flash", "4KiB", "--budget", "32KiB"],
        ["fit", "net.onnx", "-o", "out", "--flash", "22KiB"],  # the code is what does not fit
        ["compress", "net.onnx", "-o", "out", "--flash", "4KiB"],
    ],
)
def test_it_is_refused_without_pictures(words: Sequence[str]) -> None:
    """Before any work."""
    done = run(*words)
    assert isinstance(done.exception, UsageError)
    assert "--uncalibrated" in str(done.exception)
    assert "candidates" not in done.stderr
    assert not Path("out").exists()


def test_what_stays_exact_needs_no_pictures() -> None:
    facts = told("fit", "net.onnx", "-o", "out", "--flash", "1MiB", "--target", "none")
    assert facts["compressed"] is facts["original_max_rel_diff"] is None


def test_one_of_both() -> None:
    flash = ["--flash", "4KiB", "--uncalibrated", *CALIBRATED]
    for words in (["compress", "net.onnx", "-o", "o"], ["fit", "net.onnx", "-o", "o"]):
        assert isinstance(run(*words, *flash).exception, UsageError)
    assert isinstance(run("fit", "net.onnx", "-o", "o", "--uncalibrated").exception, UsageError)


@needs_compiler
def test_how_far_it_is_from_the_original_stands_first() -> None:
    """In what is printed, in net.h and in --json: the same, with both digests."""
    words = ["fit", "net.onnx", "-o", "out", "--flash", "6KiB", *CALIBRATED]
    facts, text = told(*words), run(*words).stdout
    header = Path("out/net.h").read_text()
    error = facts["original_max_rel_diff"]
    assert next(iter(facts)) == "original_max_rel_diff"
    assert 1e-3 < error < 10
    said = f"an approximation: up to {error:.1e} of the largest value from net.onnx"
    assert text.startswith(said)
    assert header.startswith(f"/* net.h: {said}")
    digest = hashlib.sha256(Path("net.onnx").read_bytes()).hexdigest()
    small = hashlib.sha256(Path("out/compressed.onnx").read_bytes()).hexdigest()
    assert facts["original_sha256"] == digest
    assert f"original    sha256 {digest}" in header
    assert f"compressed  sha256 {small}" in header
    assert facts["original_apart"][0]["on"] == "40 pictures"
    assert error == facts["original_apart"][0]["max_rel"]
    assert differences(text, facts, Path("out")) == []


def test_it_is_what_onnxruntime_says() -> None:
    facts = told("compress", "net.onnx", "-o", "small.onnx", "--flash", "4KiB", *CALIBRATED)
    from lowtide.weights.batch import session

    x = (np.load("pictures.npy").astype(np.float32) - 128) / 64
    (ref,) = session(onnx.load("net.onnx")).run(None, {"image": x[:1]})
    refs, made = (
        np.concatenate([session(onnx.load(f)).run(None, {"image": one[None]})[0] for one in x])
        for f in ("net.onnx", "small.onnx")
    )
    assert ref.shape == (1, 10)
    off = np.abs(made - refs).max() / np.abs(refs).max()
    assert facts["original_max_rel_diff"] == pytest.approx(off, rel=1e-3)


@needs_compiler
def test_a_file_that_was_stored_small_says_so_whenever_it_is_fitted() -> None:
    facts = told("compress", "net.onnx", "-o", "small.onnx", "--flash", "4KiB", *CALIBRATED)
    again = told("fit", "small.onnx", "-o", "out")
    assert again["original_max_rel_diff"] == facts["original_max_rel_diff"]
    assert "an approximation" in run("fit", "small.onnx", "-o", "out").stdout
    assert "not its original" in run("verify", "out").stdout
    twice = told("compress", "small.onnx", "-o", "two.onnx", "--flash", "3KiB", *CALIBRATED)
    assert "is an approximation itself" in run("fit", "two.onnx", "-o", "out").stdout
    assert twice["original_file"] == "small.onnx"


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '{"apart": 1}', "[" * 9999, '{"file": "a", "sha256": "*/", "apart": []}'],
)
def test_metadata_that_say_something_else_are_nothing(text: str) -> None:
    model = network()
    helper.set_model_props(model, {KEY: text})
    assert profile(model).source.original is None


def test_names_in_metadata_are_text() -> None:
    name = "*/ int evil; /*\x1b[2J"
    known = Original(name, "0" * 64, (Apart("*/", 1.0, 0.5),))
    model = with_original(network(), known)
    assert original_in(model.SerializeToString()) == known
    from lowtide.backends import emit

    header = emit(profile(model))["net.h"].decode()
    assert "*/ int evil" not in header
    assert header.count("*/") == header.count("/*")


def test_what_does_not_match_is_said(folder: Path) -> None:
    """Labels, folders of classes, sizes of pictures, and a network that only guesses."""
    Path("names.txt").write_text("cat\ndog\n")
    rng = np.random.default_rng(2)
    for name in ("cat", "dog"):
        (folder / "pets" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "pets" / name / f"{number}.png")
    words = ["compress", "net.onnx", "-o", "small.onnx", "--flash", "4KiB", "--calibrate", "pets"]
    done = run(*words, "--json")
    said = json.loads(done.stdout.splitlines()[-1])["warnings"]
    assert any("40 of 40 pictures were resized to 16x16" in one for one in said)
    assert any("2 folders, where output 'scores' has 10 classes" in one for one in said)
    assert all(f"lowtide: warning: {one}" in done.stderr for one in said)
    facts = told("fit", "net.onnx", "--target", "none", "--labels", "names.txt")
    assert "2 names, where output 'scores' has 10 classes" in facts["warnings"][0]
    np.save("classes.npy", rng.integers(0, 10, 40))
    test = ["--test", "pictures.npy", "--labels", "classes.npy"]
    facts = told("compress", "net.onnx", "-o", "s.onnx", "--flash", "4KiB", *CALIBRATED, *test)
    assert "as by guessing one of 10 classes" in facts["warnings"][-1]


@needs_compiler
def test_ram_is_looked_into_before_weights_are_compressed() -> None:
    """And what is suggested holds once they are."""
    words = ["fit", "net.onnx", "-o", "out", "--flash", "5KiB", *CALIBRATED]
    done = run(*words, "--budget", "2KiB")
    assert isinstance(done.exception, BudgetError)
    assert "candidates" not in done.stderr
    found = done.exception.facts()["suggestions"]
    assert found
    for one in found:
        given = shlex.split(one["command"])[1:]
        assert given[:2] == words[:2]
        facts = told(*given)
        assert facts["ram_bytes"] <= one["ram_bytes"]
        assert facts["flash_bytes"] <= parse_bytes(given[given.index("--flash") + 1], "--flash")


@needs_compiler
@pytest.mark.parametrize(
    "words", [[], ["--image", "streamed", "--max-overhead", "0.5"], ["--overlap", "none"]]
)
def test_figures_have_one_value(words: Sequence[str]) -> None:
    command = ["fit", "net.onnx", "-o", "out", *words]
    facts, text = told(*command), run(*command).stdout
    assert differences(text, facts, Path("out")) == []
    for name in ("net.h", "memory.svg", "plan.json"):  # one that differs is seen
        path = Path("out") / name
        held = path.read_text()
        size = f"{facts['arena_bytes'] / 1024:.1f}" if name == "memory.svg" else "arena_bytes"
        pattern = {"net.h": r"ARENA_BYTES \d+", "plan.json": r'"arena_bytes": \d+'}.get(name, size)
        path.write_text(re.sub(pattern, lambda m: m[0][:-1] + str((int(m[0][-1]) + 1) % 10), held))
        assert differences(text, facts, Path("out"))
        path.write_text(held)
    assert differences(text.replace("arena   ", "arena  9"), facts, Path("out"))
