"""Python has what the command line has, by the same names.

lowtide fit --max-overhead 0.05   ->   lowtide.fit(model, max_overhead=0.05)
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from onnx import parser

import lowtide
from lowtide.cli.app import app
from lowtide.pipeline.takes import takes

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


OTHERS = {
    "boards": "what can be installed for emulated boards, said for a shell",
    "doctor": "what is installed, said for a shell",
    "operators": "a list for people",
    "place": "minimalloc's files, not networks",
    "train-compressed": "trains for hours, and goes on from a file",
}
"""Commands that Python has not, and what they are."""


@pytest.mark.parametrize("name", sorted({*COMMANDS} - {*OTHERS}))
def test_each_command_is_a_function_with_every_option(name: str) -> None:
    options = {str(one.name) for one in COMMANDS[name].params}
    beside = {*BESIDE} - {"explore": {"output"}, "bench": {"report"}}.get(name, set())
    assert options - beside <= parameters(name).keys()
    assert not beside & parameters(name).keys()


def test_several_networks_take_their_options() -> None:
    assert {"name", "keep", "endless", "budget", "options"} <= parameters("fit_together").keys()
    same = network()
    both = lowtide.fit_together([same, same], place="greedy", schedule="layerwise", target="none")
    assert [one.plan.options.place for one in both.fitted] == ["greedy", "greedy"]
    assert len({*both.shared.networks}) == 2
    with pytest.raises(lowtide.UsageError, match="'greedy' or 'exact' is needed"):
        lowtide.fit_together([same, same], place="magic")  # type: ignore[arg-type]


def test_options_are_each_a_keyword() -> None:
    fields = set(inspect.signature(lowtide.Options).parameters) - {"pixels"}
    assert fields <= parameters("fit").keys()


def test_defaults_are_those_of_options() -> None:
    fields = inspect.signature(lowtide.Options).parameters
    given = {name: one for name, one in parameters("fit").items() if name in fields}
    differ = {name for name, one in given.items() if one.default != fields[name].default}
    assert differ == {"io_type"}  # with int8 it is 8bit


FUNCTIONS = [name for name in lowtide.__all__ if name.islower()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_names_of_a_signature_can_be_imported(name: str) -> None:
    words = set(re.findall(r"[A-Z]\w+", str(inspect.signature(getattr(lowtide, name)))))
    known = {"Literal", "Mapping", "Path", "Sequence", "None", "False"}
    assert words - known <= {*lowtide.__all__}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_an_argument_takes_is_in_plain_words(name: str) -> None:
    for one in parameters(name).values():
        if one.name not in ("model", "example"):
            said = takes(one.name, str(one.annotation))
            assert not re.search(r"Sequence|Mapping|Files?\b|Progress|\b(str|int|float)\b", said)


def test_what_is_no_network_and_no_folder_is_refused() -> None:
    calls: list[tuple[Any, Any, str]] = [
        (lowtide.explore, [], "model=\\[]: a network, or a list"),
        (lowtide.fit_together, "a.onnx", "models: a list of two networks or more"),
        (lowtide.fit_together, [], "models: a list of two networks or more"),
        (lowtide.verify, None, "folder=None: a path is needed"),
        (lowtide.bench, None, "folder=None: a path is needed"),
    ]
    for function, given, said in calls:
        with pytest.raises(lowtide.UsageError, match=f"^{said}"):
            function(given)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_shows_no_addresses(name: str) -> None:
    assert "0x" not in str(inspect.signature(getattr(lowtide, name)))
    assert len(inspect.getdoc(getattr(lowtide, name)) or "") > 60


def test_help_is_in_words() -> None:
    shown = str(inspect.signature(lowtide.fit))
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
        ({"target": "onnx", "cpu": "cortex-m4"}, "^cpu means nothing with target onnx"),
        ({"target": "onnx", "int8": True}, "lowtide quantise writes ONNX"),
        ({"target": "tflm"}, "target='tflm': 'c99' or 'none' or 'onnx' or 'tflite' or 'fifo' is"),
        ({"tiles": 4}, "^tiles is for target onnx"),
        ({"test": ["x.png"]}, "for int8 and flash"),
        ({"int8": True, "uncalibrated": True, "calibrate": "x.png"}, "give one of them"),
        ({"flash": "9KiB", "calibrate": "nowhere"}, "no such file or folder"),
        ({"mean": "red"}, "mean=.red.: a number, or one for each channel"),
        ({"budget": "lots"}, "^budget: 'lots' is no size"),
        ({"budget": [1]}, "budget=<list>: a size, 65536 or '64KiB', is needed"),
        ({"place": "magic"}, "place='magic': 'greedy' or 'exact' is needed"),
        ({"shape": "1x3"}, r"shape='1x3': a shape by its input's name, {'x': \(1, 3"),
        ({"sample": {"x": np.zeros(2)}}, "sample=<dict>: a path, a list of paths, or sets"),
        ({"max_overhead": "5%"}, "max_overhead='5%': a share from 0 up, 0.05 for 5 %, is needed"),
        ({"max_elements": 2}, "max_elements is 2, a larger number lets it in"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(lowtide.LowtideError, match=said):
        lowtide.fit(network(), **given)  # type: ignore[call-overload]


def test_what_fits_is_said_in_arguments() -> None:
    with pytest.raises(lowtide.BudgetError, match=r"; with more memory: .*budget=\d+") as missed:
        lowtide.fit(network(), budget=1, place="greedy", target="none")
    (one, *_) = missed.value.suggestions or ()
    assert lowtide.fit(network(), **{"target": "none", **one.changed})  # type: ignore[call-overload]


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


HOSTILE = "</td><script>alert(1)</script>"


@pytest.fixture(scope="module")
def hostile() -> onnx.ModelProto:
    """A network whose names would run if a notebook took them for what they say."""
    made = network()
    made.graph.name = HOSTILE
    made.graph.input[0].name = made.graph.node[0].input[0] = HOSTILE
    made.graph.node[0].name = made.graph.node[0].output[0] = made.graph.node[1].input[0] = (
        f"{HOSTILE}<img src=x onerror=alert(1)>"
    )
    return made


def test_a_notebook_shows_results_and_runs_nothing(
    hostile: onnx.ModelProto, tmp_path: Path
) -> None:
    fitted = lowtide.fit(hostile, place="greedy", labels=["a"])
    fitted.save(tmp_path / "out")
    results = {
        "fitted": fitted,
        "profiled": lowtide.profile(hostile, place="greedy", chip="stm32f746"),
        "explored": lowtide.explore(hostile, max_overhead=0.0),
        "benched": lowtide.bench(tmp_path / "out", seconds=0.1, profile=True),
        "chips": lowtide.chips(),
    }
    for name, one in results.items():
        shown = one._repr_html_()
        assert shown.startswith('<div class="lowtide-result">'), name
        assert not re.search(r"<(script|img)|<[^>]*\son\w+=", shown), name
        assert name == "chips" or "&lt;" in shown, name
        assert shown.count("<table") == shown.count("</table>") > 0, name
        assert ("<svg" in shown) == (name in ("fitted", "profiled", "explored"))
        assert "\n" not in repr(one)
        assert len(repr(one)) < 600, name
        assert str(one) != repr(one)


def test_what_profile_says(tmp_path: Path) -> None:
    profiled = lowtide.profile(network(), place="greedy", chip=["stm32f746", "nrf52840"])
    assert isinstance(profiled, lowtide.Plan)
    assert profiled.overlaps.keys() == {"none", "row", "group", "pixel"}
    assert [one.chip.name for one in profiled.chips] == ["stm32f746", "nrf52840"]
    text = str(profiled)
    assert "at 8 bits" in text
    assert "overlap pixel" in text
    assert "nrf52840" in text


def test_weights_stored_small_and_8_bits_are_saved_as_files(tmp_path: Path) -> None:
    small = lowtide.compress(network(), "1KiB", uncalibrated=True)
    eight = lowtide.quantise(network(), uncalibrated=True)
    for one, name in ((small, "small.onnx"), (eight, "eight.onnx")):
        one.save(tmp_path / name)
        assert lowtide.profile(tmp_path / name, place="greedy").arena_bytes > 0
        assert len(repr(one)) < 200
        assert "an approximation" in str(one)
    with pytest.raises(lowtide.UsageError, match="or uncalibrated to do without"):
        lowtide.quantise(network())


def test_verify_says_what_is_in_a_folder(tmp_path: Path) -> None:
    lowtide.fit(network(), target="none", place="greedy").save(tmp_path / "plan")
    lowtide.fit(network(), target="fifo").save(tmp_path / "fifo")
    plan, fifo = lowtide.verify(tmp_path / "plan"), lowtide.verify(tmp_path / "fifo")
    assert repr(plan).startswith("<Verified network: ") or repr(plan).startswith("<Verified g: ")
    assert "the placement passed" in str(plan)
    assert repr(fifo).startswith("<VerifiedFifos ")
    with pytest.raises(lowtide.UsageError, match=r": layers compares with the network"):
        lowtide.verify(tmp_path / "plan", layers=True)
    with pytest.raises(lowtide.UsageError, match=r"^seconds does not go with board"):
        lowtide.bench(tmp_path / "plan", board="m4", seconds=1.0)  # type: ignore[call-overload]


def test_chips_are_shown_short() -> None:
    chips = lowtide.chips()
    assert re.fullmatch(r"<Chip \S+: .* MHz, .* of RAM, .*flash.*>", repr(chips[0]))
    assert all(one.name in str(chips) for one in chips)
