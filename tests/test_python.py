"""Python has what the command line has, by the same names.

lowtide fit --max-overhead 0.05   ->   lowtide.fit(model, max_overhead=0.05)
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import onnx
import pytest
import typer
from onnx import parser

import lowtide
from lowtide.cli.app import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
BESIDE = {
    "as_json": "`facts()` of the result",
    "quiet": "`progress`: silence unless it is given",
    "help": "help(lowtide.fit)",
    "output": "`save(folder)` of the result",
    "config": "Python is such a file",
    "verbose": "`seconds` of the result",
    "report": "`files` of the result has report.html",
    "together": "lowtide.fit_together",
    "keep": "lowtide.fit_together",
    "endless": "lowtide.fit_together",
    "input_": "the example of a module",
}
"""Options of `fit` that make no sense in Python, and what is there instead."""

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,6,6] x) => (float[1,3,6,6] y)
<float[3,2,1,1] w = {1, 2, 3, 4, 5, 6}> { a = Conv(x, w) y = Tanh(a) }"""


def network() -> onnx.ModelProto:
    return parser.parse_model(NETWORK)


def parameters(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(lowtide, name)).parameters)


def test_fit_takes_every_option() -> None:
    options = {str(one.name) for one in COMMANDS["fit"].params}
    assert options - {*BESIDE} <= parameters("fit").keys()
    assert not {*BESIDE} & parameters("fit").keys()


def test_options_are_each_a_keyword() -> None:
    fields = set(inspect.signature(lowtide.Options).parameters) - {"pixels"}
    assert fields <= parameters("fit").keys()


def test_defaults_are_those_of_options() -> None:
    fields = inspect.signature(lowtide.Options).parameters
    given = {name: one for name, one in parameters("fit").items() if name in fields}
    differ = {name for name, one in given.items() if one.default != fields[name].default}
    assert differ == {"io_type"}  # with int8 it is 8bit


def test_the_names_of_a_signature_can_be_imported() -> None:
    words = set(re.findall(r"[A-Z]\w+", str(inspect.signature(lowtide.fit))))
    known = {"Literal", "Mapping", "Sequence", "None", "False"}
    assert words - known <= {*lowtide.__all__}


def test_help_shows_words_and_no_addresses() -> None:
    shown = str(inspect.signature(lowtide.fit))
    assert "0x" not in shown
    assert "\n    max_overhead: float = 0.0,\n" in shown
    assert all(name in (lowtide.fit.__doc__ or "") for name in ("bytes", "Returns", "Raises"))


def test_a_fit_by_names(tmp_path: Path) -> None:
    fitted = lowtide.fit(network(), name="face", image="streamed", target="none", place="greedy")
    assert fitted.plan.options.name == "face"
    assert fitted.plan.options.image == "streamed"
    fitted.save(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


def test_names_go_before_options() -> None:
    options = lowtide.Options(place="greedy", align=4)
    plan = lowtide.fit(network(), options=options, align=8, target="none").plan
    assert (plan.options.place, plan.options.align) == ("greedy", 8)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "onnx", "cpu": "cortex-m4"}, "--cpu means nothing with --target onnx"),
        ({"target": "onnx", "int8": True}, "lowtide quantise writes ONNX"),
        ({"target": "tflm"}, "there are c99, onnx, tflite, fifo, none"),
        ({"tiles": 4}, "--tiles is for --target onnx"),
        ({"test": ["x.png"]}, "for --int8 and --flash"),
        ({"int8": True, "uncalibrated": True, "calibrate": "x.png"}, "give one of them"),
        ({"flash": "9KiB", "calibrate": "nowhere"}, "no such file or folder"),
        ({"mean": "red"}, "no number"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(lowtide.UsageError, match=said):
        lowtide.fit(network(), **given)  # type: ignore[call-overload]


def test_a_name_that_there_is_not_is_told_from_one_that_there_is() -> None:
    with pytest.raises(TypeError, match=r"fit\(\) got .* 'buget'; did you mean budget"):
        lowtide.fit(network(), buget=1)  # type: ignore[call-overload]


def test_targets_without_a_program(tmp_path: Path) -> None:
    tiles = lowtide.fit(network(), target="onnx", tiles=2)
    assert tiles.save(tmp_path / "tiles") == ["net.onnx", "tiles.json"]
    assert "layer by layer" in str(tiles)
    depths = lowtide.fit(network(), target="fifo")
    assert "never locks" in str(depths)
    assert all("\n" not in repr(one) for one in (tiles, depths))


def test_a_program_short_and_in_words(tmp_path: Path) -> None:
    fitted = lowtide.fit(network(), place="greedy", labels=["a", "b", "c"])
    assert re.fullmatch(r"<Fitted .* of arena .* of RAM, .* of flash; .*>", repr(fitted))
    assert len(repr(fitted)) < 300
    assert str(fitted).splitlines()[-1].startswith("  numbers")
    assert fitted.warnings == (
        "--labels: output 'y', 1x3x6x6, is no list of classes; none is named",
    )
    assert re.fullmatch(r"<Plan .* of arena .* multiply-adds>", repr(fitted.plan))
    fitted.emit("c99", tmp_path / "out")
    with pytest.raises(lowtide.UsageError, match=r'target="onnx"\).save'):
        fitted.emit("onnx", tmp_path / "out")


def test_eight_bits_by_name() -> None:
    fitted = lowtide.fit(network(), int8=True, uncalibrated=True, target="none")
    assert "at 8 bits      before and after" in str(fitted)
    assert fitted.facts()["quantised"]["operators"]
    assert "int8.onnx" in fitted.files
    assert repr(fitted).startswith("<FittedEight ")
