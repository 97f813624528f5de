"""What scripts and firmware are built on is added to, never renamed or dropped (docs/stability.md).

interfaces.json        what has been promised: keys of --json, exit codes, commands and their
                       options, the C of NET.h, the macros that NET.c asks for, Python's names
test                   all of it is there; more may be

What is new is added to the list, and nothing leaves it, with pytest --renew-goldens.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from onnx import TensorProto, helper, numpy_helper, parser

import lowtide
from commands import Command
from lowtide import errors
from lowtide.backends import emit
from lowtide.cli.app import app

LIST = Path(__file__).with_name("interfaces.json")
ROOT = Path(__file__).parents[2]
PROMISED: dict[str, dict[str, list[str]]] = json.loads(LIST.read_text())


def held(section: str, name: str, found: Iterable[str], request: pytest.FixtureRequest) -> None:
    """Whether everything promised is there; what is new is promised from now on, if asked."""
    there, promised = set(found), PROMISED.setdefault(section, {})
    if request.config.getoption("--renew-goldens"):
        promised[name] = sorted({*promised.get(name, []), *there})
        LIST.write_text(json.dumps(PROMISED, indent=1, sort_keys=True) + "\n")
    known = set(promised.get(name, []))
    assert known, f"nothing is promised of {section} {name}: pytest --renew-goldens"
    assert known <= there, f"{section} {name}: {sorted(known - there)} were promised, and are gone"


TFLITE = ROOT / "examples" / "resnet8_cifar10_int8.tflite"
NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,6,6] x) => (float[1,3,6,6] y)
<float[3,2,1,1] w = {1, 2, 3, 4, 5, 6}> { a = Conv(x, w) y = Tanh(a) }"""
WITH_NAMES = {"stages", "operators", "overlaps", "options", "stack_of"}
"""Keys of an object whose own keys are names of stages, operators and the like."""


def keys(facts: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """budget_bytes, reference.kind, ..; of a list of objects those of its first."""
    for key, value in facts.items():
        yield f"{before}{key}"
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict) and key not in WITH_NAMES:
            yield from keys(first, f"{before}{key}.")


def test_keys_and_exit_codes(
    command: Command, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    net, out, csv = tmp_path / "net.onnx", tmp_path / "out", tmp_path / "a.csv"
    onnx.save(parser.parse_model(NETWORK), net)
    csv.write_text("id,lower,upper,size\na,0,2,8\nb,1,3,8\n")
    small = ["--flash", "2KiB", "--uncalibrated"]
    runs: dict[str, tuple[int, list[object]]] = {
        "profile": (0, ["profile", net]),
        "fit": (0, ["fit", net, "-o", out, "--package", "cmake"]),
        "fit --flash": (0, ["fit", net, *small, "-o", tmp_path / "flash"]),
        "fit --int8": (0, ["fit", net, "--int8", "--uncalibrated", "--target", "none"]),
        "fit --target onnx": (0, ["fit", net, "--target", "onnx", "-o", tmp_path / "tiles"]),
        "fit --target fifo": (0, ["fit", net, "--target", "fifo", "-o", tmp_path / "fifo"]),
        "verify of FIFOs": (0, ["verify", tmp_path / "fifo"]),
        "fit --target tflite": (0, ["fit", TFLITE, "--target", "tflite", "-o", tmp_path / "tfl"]),
        "verify": (0, ["verify", out]),
        "bench": (0, ["bench", out, "--seconds", "0.1"]),
        "boards": (0, ["boards"]),
        "operators": (0, ["operators"]),
        "place": (0, ["place", csv]),
        "compress": (0, ["compress", net, *small, "-o", tmp_path / "small.onnx"]),
        "quantise": (0, ["quantise", net, "--uncalibrated", "-o", tmp_path / "eight.onnx"]),
        "error of a budget": (3, ["fit", net, "-o", out, "--budget", "8"]),
        "error of usage": (2, ["fit", net, "-o", out, "--tile", "1x16"]),
        "error of a file": (4, ["fit", csv, "-o", out]),
    }
    for name, (code, arguments) in runs.items():
        said = command(*arguments, "--json")
        assert said.code == code, (name, said.out, said.last)
        held("json", name, keys(json.loads(said.out)), request)


def test_each_error_has_its_exit_code(request: pytest.FixtureRequest) -> None:
    """By the error's name in Python; README and --help say the same numbers."""
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    codes = [f"{one.__name__} {one.exit_code}" for one in kinds if hasattr(one, "exit_code")]
    held("python", "exit codes", codes, request)


def test_commands_and_options(request: pytest.FixtureRequest) -> None:
    known = typer.main.get_command(app)
    for name, one in known.commands.items():  # type: ignore[attr-defined]
        options = [word for held in one.params for word in (*held.opts, *held.secondary_opts)]
        held("options", name, options, request)


def large() -> onnx.ModelProto:
    """Weights of more than 1 MiB, in a file."""
    drawn = np.random.default_rng(0).normal(size=(600, 500)).astype(np.float32)
    w = numpy_helper.from_array(drawn, "w")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", (1, 600)), ("y", (1, 500)))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [w])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


PROGRAMS: dict[str, tuple[onnx.ModelProto, lowtide.Options]] = {
    "resident": (parser.parse_model(NETWORK), lowtide.Options(name="face")),
    "rows": (
        parser.parse_model(NETWORK),
        lowtide.Options(name="face", image="streamed", result="streamed"),
    ),
    "portable": (parser.parse_model(NETWORK), lowtide.Options(name="face", cpu="portable")),
    "weights in a file": (large(), lowtide.Options(name="face")),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_c_identifiers(name: str, request: pytest.FixtureRequest) -> None:
    model, options = PROGRAMS[name]
    files = emit(lowtide.profile(model, options=options))
    header, program = (files[f"face.{end}"].decode() for end in "hc")
    held("c", f"{name}: declared", declared(header), request)
    held("c", f"{name}: asked for", asked_for(program), request)


def declared(header: str) -> Iterator[str]:
    """The macros and declarations of a header, in one line each; members of structs and enums too,
    but for those of a state, which are the program's own."""
    text = re.sub(r"/\*.*?\*/|\\\n", "", header, flags=re.DOTALL)
    yield from (f"#define {name}" for name in re.findall(r"^#define (\w+)", text, re.MULTILINE))
    text = re.sub(r'^#.*|extern "C" \{', "", text, flags=re.MULTILINE)
    one, depth = "", 0
    for letter in " ".join(text.split()):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        one += letter
        if letter == ";" and depth <= 0:
            kind, _, inside = one.strip(" };").partition(" {")
            yield f"{kind};"
            members = "" if kind.endswith("_state") else inside
            yield from (f"{kind} {{ {word} }}" for word in re.findall(r"\*?\w+(?=[,;]|$)", members))
            one, depth = "", 0


def asked_for(program: str) -> set[str]:
    """The macros with which a user says how a program is compiled."""
    lines = " ".join(re.findall(r"^#\s*if.*", program, re.MULTILINE))
    return set(re.findall(r"\b(?:FACE_\w+|LOWTIDE_\w+|ALIGNED|MAY_ALIAS)\b", lines))


def test_public_names_are_promised(request: pytest.FixtureRequest) -> None:
    held("python", "lowtide", lowtide.__all__, request)


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[?(\d[\w.]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == lowtide.__version__ == version
