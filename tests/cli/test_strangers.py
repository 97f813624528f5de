"""What a stranger types, and the files that lie about: every answer says what to do next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from commands import Command

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
NET = """g (float[1,3,8,8] x) => (float[1,4] y)
    { a = Conv(x, w) b = GlobalAveragePool(a) y = Flatten(b) }"""
OPEN = NET.replace("1,3,8,8", "N,3,H,W")


def network(text: str = NET, weights: float = 0.5) -> onnx.ModelProto:
    model = parser.parse_model(HEAD + text)
    held = np.full((4, 3, 3, 3), weights, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(held, "w"))
    for node, name in zip(model.graph.node, ("conv", "mean", "flat"), strict=True):
        node.name = name
    return model


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    onnx.save(network(), "net.onnx")
    onnx.save(network(OPEN), "open.onnx")
    (tmp_path / "nothing").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "sub").mkdir()
    return tmp_path


SAYS = {
    "fit net.onnx -o '' --json": (2, "nothing after '-o'"),
    "fit net.onnx --output= --json": (2, "nothing after '--output='"),
    "verify '' --json": (2, "nothing after 'verify'"),
    "fit net.onnx --target none --element-bytes 1000000000000": (2, "a size from 1 to 16"),
    "profile net.onnx --element-bytes 0": (2, "a size from 1 to 16"),
    "explore net.onnx --element-bytes 17": (2, "a size from 1 to 16"),
    "fit net.onnx -o o --target onnx --max-overhead inf": (2, "a share from 0 up is needed"),
    "fit net.onnx -o o --max-overhead much": (2, "much: a share from 0 up is needed; 0.05 is 5 %"),
    "fit net.onnx -o o --target c98": (2, "'none' (perhaps c99?)"),
    "fit net.onnx -o o --io-type int8": (2, "(perhaps 8bit?)"),
    "fit net.onnx -o o --cpu cortexm4": (2, "(perhaps cortex-m4 or cortex-m4f?)"),
    "fit net.onnx -o o --package c-make": (2, "(perhaps cmake?)"),
    "fit net.onnx -o o --name int": (2, "int is a keyword of C; int_net would do"),
    "fit net.onnx -o o --name test --package cmake": (2, "called so; test_net would do"),
    "fit net.onnx -o o --chip rp2040,nrf52840": (2, "one chip a fit"),
    "fit net.onnx -o o --name Net-a": (2, "net_a would do"),
    "bench o --board m5 --json": (2, "(perhaps m55 or m7?)"),
    "bnech o --json": (2, "there is no command bnech (perhaps bench?)"),
    "fit net.onnx -o o --labels gone": (4, "gone: no such file"),
    "fit net.onnx -o o --labels folder": (4, "folder: a folder, not a file"),
    "fit net.onnx -o o --sample gone": (4, "gone: no such file"),
    "compress net.onnx --flash 200 -o c --calibrate gone": (2, "--calibrate gone: no such file"),
    "quantise net.onnx -o c --calibrate gone": (2, "--calibrate gone: no such file"),
    "quantise net.onnx -o c --uncalibrated --test gone": (2, "--test gone: no such file"),
    "fit net.onnx -o o --int8 --calibrate gone": (2, "--calibrate gone: no such file"),
    "fit open.onnx -o o": (4, "--shape x=1x.."),
    "explore open.onnx": (4, "--shape x=1x.."),
}


@pytest.mark.parametrize("words", SAYS)
def test_what_is_said(words: str, room: Path, command: Command) -> None:
    """Exit code and words, as JSON too; nothing is written."""
    before = sorted(room.iterdir())
    split = [word.strip("'") for word in words.split()]
    said = command(*split, *([] if "--json" in split else ["--json"]))
    facts = json.loads(said.out)
    assert (said.code, facts["exit_code"]) == (SAYS[words][0],) * 2
    assert SAYS[words][1] in facts["error"] == said.last.removeprefix("lowtide: ")
    assert sorted(room.iterdir()) == before


TURNS = ("--image streamed", "--result streamed", "--max-overhead 0.1", "--objective latency")


@pytest.mark.parametrize("asked", TURNS)
@pytest.mark.parametrize("other", ["--schedule layerwise", "--overlap none", "--tile 1x16"])
def test_the_option_in_the_way_is_named(
    asked: str, other: str, room: Path, command: Command
) -> None:
    said = command("fit", "net.onnx", "--target", "none", *asked.split(), *other.split())
    assert said.code == 2
    assert asked in said.last
    assert other.removesuffix(" 1x16") in said.last


def test_a_dimension_of_zero_is_not_open(room: Path, command: Command) -> None:
    """No --shape helps there, so none is advised; a name with blanks is quoted where one does."""
    for shape in ("1,3,0,8", "0,3,8,8"):
        onnx.save(network(NET.replace("1,3,8,8", shape)), "zero.onnx")
        said = command("fit", "zero.onnx", "-o", "o")
        assert said.code == 4
        assert "= 0, so it holds nothing" in said.last
        assert "--shape" not in said.last
        assert command("fit", "zero.onnx", "-o", "o", "--shape", "x=1x3x8x8").code == 2
    model = network(OPEN)
    model.graph.input[0].name = model.graph.node[0].input[0] = "my image"
    onnx.save(model, "blank.onnx")
    assert "--shape 'my image=1x..'" in command("profile", "blank.onnx").last
    assert command("profile", "blank.onnx", "--shape", "my image=1x3x8x8").code == 0


def test_a_shape_is_taken_by_every_command_that_reads_a_network(
    room: Path, command: Command
) -> None:
    shape = ("--shape", "x=1x3x8x8")
    assert command("fit", "open.onnx", "-o", "tiles", "--target", "onnx", *shape).code == 0
    assert command("fit", "open.onnx", "-o", "c", *shape).code == 0
    assert command("verify", "c", "--model", "open.onnx").code == 0
    found = command("explore", "open.onnx", "-o", "front", "--max-overhead", "0", *shape, "--json")
    facts = json.loads(found.out)
    line = next(point["command"] for point in facts["points"] if point["front"])
    assert line.endswith("--shape x=1x3x8x8")
    assert command(*line.split()[1:]).code == 0
    again = command("explore", "open.onnx", "-o", "front", "--shape", "x=1x3x6x8")
    assert (again.code, "another --shape" in again.last) == (2, True)


def _twice(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.name = "same"


def _of_another_type(model: onnx.ModelProto) -> None:
    model.graph.value_info.append(helper.make_tensor_value_info("a", 6, [1, 4, 6, 6]))


def _of_another_shape(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("w", 1, [9]))


def _without_version(model: onnx.ModelProto) -> None:
    model.ClearField("ir_version")


@pytest.mark.parametrize("change", [_twice, _of_another_type, _of_another_shape, _without_version])
def test_what_says_nothing_of_the_numbers_is_not_heeded(
    change: Callable[[onnx.ModelProto], None], room: Path, command: Command
) -> None:
    """onnxruntime, the reference, refuses each of these files; it is shown them without that."""
    model = network()
    change(model)
    onnx.save(model, "odd.onnx")
    facts = json.loads(command("fit", "odd.onnx", "-o", "o", "--json").out)
    assert facts["reference"]["kind"] == "float64"
    assert command("verify", "o", "--model", "odd.onnx").code == 0
    small = command("fit", "odd.onnx", "--flash", "420", "--uncalibrated", "--target", "none")
    assert small.code == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_named(value: float, room: Path, command: Command) -> None:
    onnx.save(network(weights=value), "bad.onnx")
    for more in ("", " --target onnx", " --flash 300 --uncalibrated"):
        said = command(*f"fit bad.onnx -o o{more}".split())
        assert said.code == 4
        assert "'conv': its weights 'w' hold NaN or infinit" in said.last


def test_errors_name_the_path(room: Path, command: Command) -> None:
    """Whoever finds the fault: the importer, the planner, the budget, the reference."""
    whole = NET.replace("float[1,3,8,8] x", "int64[1,3,8,8] x")
    for name, text in (("whole", whole), ("open", OPEN)):
        onnx.save(network(text), f"sub/{name}.onnx")
        for first in ("fit", "profile", "explore", "compress --flash 9 -o c"):
            said = command(*first.split(), f"sub/{name}.onnx", *("-o", "o")[: 2 * (first == "fit")])
            assert said.last.startswith(f"lowtide: sub/{name}.onnx: "), said.last
    onnx.save(network(), "sub/net.onnx")
    for more in ((), ("--target", "onnx")):
        said = command("fit", "sub/net.onnx", "-o", "o", "--budget", "9", "--json", *more)
        assert json.loads(said.out)["error"].startswith("sub/net.onnx: ")


def test_no_names(room: Path, command: Command) -> None:
    facts = json.loads(command("fit", "net.onnx", "-o", "o", "--labels", "nothing", "--json").out)
    assert facts["warnings"] == ["--labels: the file is empty; no class is named"]


def test_a_damaged_list_of_files(room: Path, command: Command) -> None:
    assert command("fit", "net.onnx", "-o", "o").code == 0
    for damaged in ("{", "", '{"files": {}}'):
        Path("o/lowtide.json").write_text(damaged)
        said = command("fit", "net.onnx", "-o", "o")
        assert said.code == 2
        assert "o/lowtide.json" in said.last
        assert "is damaged or not lowtide's" in said.last


def test_quiet(room: Path, command: Command) -> None:
    """No progress of any command; warnings and errors stay."""
    for words in (
        "fit net.onnx -o c", "fit net.onnx -o t --target onnx", "verify c", "profile net.onnx",
        "explore net.onnx --max-overhead 0", "compress net.onnx --flash 420 --uncalibrated -o s",
        "fit net.onnx --flash 420 --uncalibrated --target none",
    ):  # fmt: skip
        assert command(*words.split(), "--quiet", "--json").last == "", words
    assert "9" in command("fit", "net.onnx", "-o", "c", "-q", "--budget", "9").err
    assert "warning" in command("fit", "net.onnx", "-o", "c", "-q", "--labels", "nothing").last


def test_class_numbers_have_one_name(room: Path, command: Command) -> None:
    """--classes wherever numbers are meant; --labels is the older name of it in `compress`."""
    np.save("values.npy", np.random.default_rng(0).integers(0, 255, (20, 3, 8, 8), np.uint8))
    Path("numbers").write_text("1\n" * 20)
    words = "compress net.onnx --flash 420 -o s --json --calibrate values.npy"
    rates = [
        json.loads(command(*words.split(), option, "numbers").out)["accuracy_dense"]
        for option in ("--classes", "--labels")
    ]
    assert rates[0] == rates[1]


def test_without_a_compiler_it_is_said(room: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lowtide", "fit", "net.onnx", "-o", "o", "-q"],
        capture_output=True, text=True, check=True, env={**os.environ, "PATH": str(room)},
    )  # fmt: skip
    assert "stack and state are not measured: there is no C compiler" in done.stdout


@pytest.mark.parametrize("words", ["fit net.onnx -o o", "fit net.onnx -o o --target onnx"])
def test_files_that_may_not_be_large(words: str, room: Path) -> None:
    """The compiler's and our own: a way out, and nothing half-written."""
    command = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", sys.executable, "-m", "lowtide"]
    done = subprocess.run(
        [*command, *words.split(), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "ulimit -f unlimited" in json.loads(done.stdout)["error"]
    assert not (room / "o").exists()
