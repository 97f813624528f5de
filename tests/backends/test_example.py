"""main.c and the compile lines of net.h: what somebody does first with a folder of lowtide's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

import lowtide
from commands import Command
from lowtide.backends import emit
from lowtide.backends.c99 import weights
from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from networks import random_network
from test_cli import small_network
from tflite_operators import ONE, Random

WAYS: Mapping[str, Options] = {
    "floats": Options(place="greedy"),
    "rows in": Options(place="greedy", image="streamed"),
    "rows out": Options(place="greedy", result="streamed"),
    "rows": Options(place="greedy", image="streamed", result="streamed", name="face"),
}
QUIET = [*WARNINGS, "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wmissing-prototypes"]


def run_as_said(files: Mapping[str, bytes], folder: Path, called: str = "net") -> str:
    """What the example prints, compiled as the header says from another folder."""
    compiler = find_compiler() or pytest.skip("no C compiler")
    out = folder / "a result"
    write_sources(files, out)
    said = (out / f"{called}.h").read_text()
    lines = re.findall(r"^       (cc -std=c99 .*?)(?:   |$)", said, re.MULTILINE)
    assert len(lines) == 2
    script = "\n".join(["set -e", 'OUT="a result"', *lines, f"./{called}_example"])
    named = folder / "bin"
    named.mkdir()
    (named / "cc").symlink_to(shutil.which(compiler[0]) or "")
    env = {**os.environ, "PATH": f"{named}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command = [*compiler, *QUIET, "-Werror", "-O1", "-I", str(out), "-fsyntax-only"]
    done = subprocess.run([*command, out / "main.c"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (
        done.stdout
        or subprocess.run(
            [folder / f"{called}_example"], capture_output=True, text=True, check=True
        ).stdout
    )


def numbers(printed: str) -> list[float]:
    return [float(word) for line in printed.splitlines() for word in line.split(":")[-1].split()]


@pytest.mark.parametrize("way", WAYS)
def test_the_example_prints_the_outputs(way: str, tmp_path: Path) -> None:
    """Whole images and rows: the same first numbers."""
    plan = lowtide.profile(small_network(), options=WAYS[way])
    printed = run_as_said(emit(plan), tmp_path, WAYS[way].name)
    (port,) = plan.outputs
    assert len(printed.splitlines()) == (port.streamed or 1)
    found = numbers(printed)
    assert len(found) == min(10, port.elements // max(port.streamed, 1)) * (port.streamed or 1)
    assert np.ptp(found) > 0


def test_the_code_is_the_users() -> None:
    """NAME.h and NAME.c say it in one sentence, once each."""
    files = emit(lowtide.profile(small_network(), options=Options(name="face", place="greedy")))
    for name in ("face.h", "face.c", "checks/face.c"):
        said = " ".join(files[name].decode().split())
        assert said.count("carries no licence of lowtide's and is yours; the weights") == 1


def test_examples_of_many_networks(tmp_path: Path) -> None:
    """Several inputs and outputs, whole numbers, no constants; libm where it is called."""
    for seed in range(6):
        plan = lowtide.profile(random_network(seed).model, options=Options(place="greedy"))
        printed = run_as_said(emit(plan), tmp_path / str(seed))
        assert len(printed.splitlines()) == len(plan.outputs)
        assert len(numbers(printed)) == sum(min(10, port.elements) for port in plan.outputs)


def eight(folder: Path, **options: str) -> Plan:
    (folder / "one.tflite").write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    return lowtide.profile(folder / "one.tflite", options=Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("image", ["resident", "streamed"])
def test_8_bit_numbers_are_printed_as_what_they_stand_for(image: str, tmp_path: Path) -> None:
    plan = eight(tmp_path, image=image)
    files = emit(plan)
    assert b"-lm" not in files["net.h"]
    (port,) = plan.outputs
    found = np.array(numbers(run_as_said(files, tmp_path))) / port.scale + port.zero
    np.testing.assert_allclose(found, np.rint(found), atol=1e-2)
    assert len(found) == min(10, port.elements)
    assert abs(found).max() <= 128


@pytest.mark.parametrize("name", ["net", "face"])
def test_weights_in_a_file_are_found_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = run_as_said(emit(lowtide.profile(small_network())), tmp_path)
    monkeypatch.setattr(weights, "MOST_IN_C", 0)
    files = emit(lowtide.profile(small_network(), options=Options(name=name)))
    assert f"{name}_weights.bin" in files
    assert f"{name}_weights.c" not in files
    (tmp_path / "file").mkdir()
    np.testing.assert_allclose(
        numbers(run_as_said(files, tmp_path / "file", name)), numbers(wanted), rtol=1e-4
    )


def test_constants_lie_where_the_user_says(tmp_path: Path) -> None:
    """NET_WEIGHTS_IN, and in a list of sources net_weights.c is nothing."""
    if not shutil.which("gcc") or not shutil.which("objdump"):
        pytest.skip("no gcc, no objdump")
    write_sources(emit(lowtide.profile(small_network())), tmp_path)
    placed = '-DNET_WEIGHTS_IN=__attribute__((section(".qspi")))'
    for source in ("net.c", "net_weights.c"):
        command = ["gcc", *WARNINGS, placed, "-c", source]
        subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run(["size", "-A", "net.o"], cwd=tmp_path, capture_output=True, text=True)
    sizes = dict(re.findall(r"^(\.\S+)\s+(\d+)", said.stdout, re.MULTILINE))
    assert int(sizes[".qspi"]) >= lowtide.profile(small_network()).profile.weight_bytes
    said = subprocess.run(["nm", "net_weights.o"], cwd=tmp_path, capture_output=True, text=True)
    assert not said.stdout


def test_without_o_the_folder_is_named_after_the_model(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said in the last line; made safe; or after --name. A changed main.c stays, whatever comes."""
    monkeypatch.chdir(tmp_path)
    onnx.save(small_network(), tmp_path / "My Net (v2).onnx")
    said = command("fit", "My Net (v2).onnx")
    assert said.code == 0
    out = tmp_path / "my_net_v2-lowtide"
    assert said.out.splitlines()[-1].split(":")[0].split() == ["written", f"{out.name}/"]
    assert "main.c" in said.out.splitlines()[-1]
    (out / "main.c").write_text("/* mine */\n")
    again = command("fit", "My Net (v2).onnx", "--align", "64")
    assert again.code == 0
    assert "main.c" not in again.out.splitlines()[-1]
    assert (out / "main.c").read_text() == "/* mine */\n"
    assert "changed" not in command("verify", out).out
    (out / "main.c").unlink()
    assert command("fit", "My Net (v2).onnx", "--json").out.count('"folder": "my_net_v2-low') == 1
    assert "net_run" in (out / "main.c").read_text()
    assert command("fit", "My Net (v2).onnx", "--name", "face").code == 0
    assert (tmp_path / "face-lowtide/face_weights.c").is_file()
    assert command("fit", "My Net (v2).onnx", "--target", "none").code == 0
    assert len(list(tmp_path.iterdir())) == 3
