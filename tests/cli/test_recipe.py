"""lowtide.toml: a fit is a file, and repeated from it makes the same bytes."""

from __future__ import annotations

import inspect
import json
import shlex
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

import numpy as np
import onnx
import pytest
from onnx import parser

from commands import Command
from lowtide.check.compile import find_compiler
from lowtide.cli.fit import fit
from lowtide.cli.recipe import PATHS
from networks import random_network

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,6,6] x) => (float[1,3,6,6] y)
<float[3,2,1,1] w = {1, 2, 3, 4, 5, 6}> { a = Conv(x, w) y = Tanh(a) }"""


def saved(path: Path) -> Path:
    onnx.save(parser.parse_model(NETWORK), path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in files}


def repeated(command: Command, tmp_path: Path, asked: Sequence[object]) -> Path:
    """A fit, and what its own lowtide.toml makes elsewhere: the same, and in its own place."""
    out, again = tmp_path / "out", tmp_path / "again"
    first = command("fit", *asked, "-o", out)
    assert first.code == 0, first.last
    before = contents(out)
    assert command("fit", "-c", out / "lowtide.toml", "-o", again).code == 0
    other = contents(again)
    assert [one for one in {*before, *other} if before.get(one) != other.get(one)] == []
    if "onnx" not in asked:
        assert command("verify", out).code == 0
    return out


CASES = {
    "plain": [],
    "options": ["--image", "streamed", "--no-fuse-pools", "--align", "4", "--max-overhead", "0.5"],
    "named": ["--name", "face", "--keep-input", "--cpu", "portable"],
    "chip": ["--chip", "nrf52840", "--budget", "64KiB"],
    "plan": ["--target", "none", "--tile", "1x16"],
    "onnx": ["--target", "onnx", "--tiles", "2"],
    "flash": ["--flash", "64KiB"],
    "int8": ["--int8", "--uncalibrated"],
}


@needs_compiler
@pytest.mark.parametrize("asked", CASES.values(), ids=CASES)
def test_a_fit_repeated_from_its_file(command: Command, tmp_path: Path, asked: list[str]) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, 2, 6, 6), np.float32))
    sample = [] if "none" in asked else ["--sample", tmp_path / "x.npy"]
    out = repeated(command, tmp_path, [saved(tmp_path / "net.onnx"), *asked, *sample])
    held = tomllib.loads((out / "lowtide.toml").read_text())
    assert held["model"] == "../net.onnx"
    assert "output" not in held


@needs_compiler
def test_two_networks_together(command: Command, tmp_path: Path) -> None:
    two = [saved(tmp_path / "a.onnx"), saved(tmp_path / "b.onnx")]
    out = repeated(command, tmp_path, [*two, "--together", "--name", "a,b"])
    assert tomllib.loads((out / "lowtide.toml").read_text())["model"] == ["../a.onnx", "../b.onnx"]


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("seed", range(30))
def test_random_networks_repeated(command: Command, tmp_path: Path, seed: int) -> None:
    onnx.save(random_network(seed).model, tmp_path / "net.onnx")
    repeated(command, tmp_path, [tmp_path / "net.onnx"])


@needs_compiler
def test_a_folder_is_made_again_in_place_and_moves(command: Command, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    net, out = saved(tmp_path / "work" / "net.onnx"), tmp_path / "work" / "out"
    assert command("fit", net, "-o", out, "--name", "face").code == 0
    before = contents(out)
    (out / "face.c").unlink()
    assert command("fit", "-c", out / "lowtide.toml").code == 0
    assert contents(out) == before
    shutil.copytree(out, tmp_path / "alone" / "out")
    lost = command("fit", "-c", tmp_path / "alone" / "out" / "lowtide.toml")
    assert lost.code == 4
    assert "'model' is ../net.onnx, which is not there" in lost.last
    by_hand = lost.last.partition("say where it is: lowtide ")[2].replace("NETWORK", str(net))
    assert command(*shlex.split(by_hand)).code == 0
    shutil.move(tmp_path / "work", tmp_path / "elsewhere")
    assert command("fit", "-c", tmp_path / "elsewhere" / "out" / "lowtide.toml").code == 0
    assert contents(tmp_path / "elsewhere" / "out") == before


@needs_compiler
def test_what_is_given_by_hand_wins(command: Command, tmp_path: Path) -> None:
    saved(tmp_path / "net.onnx")
    file = tmp_path / "fit.toml"
    file.write_text('model = "net.onnx"\noutput = "made"\nname = "face"\nfuse-pools = false\n'
                    'align = 4\nkeep-input = false\n')  # fmt: skip
    assert command("fit", "-c", file, "--name", "hand").code == 0
    held = tomllib.loads((tmp_path / "made" / "lowtide.toml").read_text())
    assert (tmp_path / "made" / "hand.c").exists()
    assert held == {"model": "../net.onnx", "name": "hand", "fuse-pools": False, "align": 4}
    small = command("fit", "-c", file, "--budget", "8", "--json")
    for one in json.loads(small.out)["suggestions"]:
        assert "--name face" in one["command"], "what is suggested says all of it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgte = '1'", "no 'budgte'"),
        ("keep-input = 3", "takes true or false"),
        ("budget = true", "'budget' takes a size, 65536 or \"64KiB\", not true"),
        ("budget = ''", "takes a size"),
        ("budget = 6000.5", "takes a size"),
        ("budget = '6000.5'", "fit.toml: 'budget': '6000.5': a number of bytes is whole"),
        ("chip = 5", "'chip' takes words in quotes, not 5"),
        ("order = 'some'", '\'order\' takes "given" or "least", not'),
        ("align = 4.0", "'align' takes a whole number"),
        ("align = [4, 8]", "'align' takes a whole number"),
        ("sample = ['a.npy', 3]", "'sample' takes a path in quotes, or a list of such"),
        ("max-overhead = true", "'max-overhead' takes a share"),
        ("budget = ", "no TOML file"),
        ("json = true", "no 'json'"),
        ("model = 'gone.onnx'\ntarget = 'none'", "gone.onnx"),
    ],
)
def test_files_that_are_refused(command: Command, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "fit.toml"
    file.write_text(text)
    found = command("fit", "-c", file, "-o", tmp_path / "out")
    assert found.code in (2, 4)
    assert said in found.last


def test_a_file_that_is_not_there(command: Command, tmp_path: Path) -> None:
    found = command("fit", "-c", tmp_path / "gone.toml")
    assert found.code == 2
    assert "gone.toml: there is no such file; name a lowtide.toml" in found.last
    assert "a folder; name a lowtide.toml" in command("fit", "-c", tmp_path).last


def test_the_paths_are_those_of_fit() -> None:
    hints = get_type_hints(fit)
    paths = {name for name in inspect.signature(fit).parameters if "Path" in str(hints[name])}
    assert paths - {"config"} == PATHS


def test_the_page_is_left_out_where_it_is_not_wanted(command: Command, tmp_path: Path) -> None:
    """And by the recipe again; a page of the user's own by that name is in nobody's way."""
    asked = (saved(tmp_path / "net.onnx"), "--target", "none", "--no-report")
    out = repeated(command, tmp_path, asked)
    assert "report = false" in (out / "lowtide.toml").read_text()
    assert "memory.svg" in contents(out)
    assert "report.html" not in contents(out)
    (out / "report.html").write_text("mine")
    assert command("fit", *asked, "-o", out).code == 0
    assert (out / "report.html").read_text() == "mine"
