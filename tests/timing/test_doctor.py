"""`lowtide doctor` says what is there and what is not, whatever is broken."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import Command
from lowtide.timing import doctor
from lowtide.timing.boards import CLANG, CORTEX_M, apt_line

ROOT = Path(__file__).parents[2]


Asked = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def asked(command: Command, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The exit code, and the findings by name, with variables of the environment changed."""
    monkeypatch.setattr(doctor, "_CORE", doctor._CORE[1:2])  # loading all takes seconds
    monkeypatch.setattr(doctor, "_EXTRAS", ())

    def asks(**changed: str) -> tuple[int, dict[str, dict[str, Any]]]:
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        said = command("doctor", "--json")
        facts = json.loads(said.out)
        assert facts["ready"] == (said.code == 0)
        return said.code, {one["name"]: one for one in facts["findings"]}

    return asks


def script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_it_names_every_package_that_pip_brings_and_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(name for name, _ in doctor._CORE) == sorted(
        line.partition(">")[0] for line in project["dependencies"]
    )


def test_all_is_well_in_words(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_EXTRAS", doctor._EXTRAS[:1])
    said = command("doctor")
    assert said.code == 0
    assert said.out.endswith("fit can work here\n")
    assert re.search(r"^  onnxruntime +[\d.]+$", said.out, re.M)


def test_what_is_not_installed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_CORE", ())
    monkeypatch.setattr(doctor, "_EXTRAS", (("no-such-thing", "nosuch", "train", "nothing"),))
    said = command("doctor")
    assert said.code == 0
    assert re.search(r"^x no-such-thing +not installed$", said.out, re.M)
    assert "pip install '.[train]' in a clone of lowtide\n" in said.out
    assert "without: nothing\n" in said.out


def test_nothing_on_the_path(asked: Asked, tmp_path: Path) -> None:
    """Fit works without a compiler, so this is no failure; each line says what brings the rest."""
    code, found = asked(PATH=str(tmp_path))
    assert code == (2 if found["C compiler"]["found"] else 0)  # ziglang may be installed
    for tool in (CORTEX_M.compiler, CORTEX_M.emulator, CLANG):
        assert found[tool.command]["install"] == apt_line([tool])
        assert found[tool.command]["without"]
    assert "m4" in found["qemu-system-arm"]["without"]


@pytest.mark.parametrize("text", ["#!/bin/sh\necho 'no licence' >&2\nexit 1\n", "not a program"])
def test_a_compiler_that_fails(asked: Asked, tmp_path: Path, text: str) -> None:
    code, found = asked(CC=str(script(tmp_path, "cc", text)))
    assert code == 2
    assert found["C compiler"]["fault"]
    assert found["numpy"]["found"]
    code, found = asked(CC="no-such-compiler")
    assert code == 2
    assert "no-such-compiler" in found["C compiler"]["fault"]


def test_a_board_compiler_that_fails(asked: Asked, tmp_path: Path) -> None:
    script(tmp_path, "arm-none-eabi-gcc", "#!/bin/sh\nexit 1\n")
    code, found = asked(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert code == 0
    assert "nano.specs" in found["arm-none-eabi-gcc"]["fault"]


def test_a_package_that_does_not_load(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message is shown, in a line; one that ends its process ends no other; of one that does
    not load another, that one is to be mended."""
    core = ("numpy", "numpy"), ("onnxruntime", "onnxruntime"), ("onnx", "onnx"), ("typer", "typer")
    monkeypatch.setattr(doctor, "_CORE", core)
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libx.so.1')")
    (tmp_path / "numpy.py").write_text("import os; os.abort()")
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "__init__.py").write_text("raise ValueError('two\\n  lines')")
    (tmp_path / "typer.py").write_text("import onnx")
    code, found = asked(PYTHONPATH=str(tmp_path))
    assert code == 2
    assert found["onnx"]["fault"] == "does not load: ValueError: two lines"
    assert found["typer"]["fault"] == "does not load onnx"
    assert found["typer"]["install"] == "pip install --force-reinstall onnx"
    assert "libx.so.1" in found["onnxruntime"]["fault"]
    assert found["onnxruntime"]["install"] == "pip install --force-reinstall onnxruntime"
    assert "ends Python" in found["numpy"]["fault"]


def test_no_folder_for_temporary_files(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    code, found = asked(HOME="/nowhere")
    assert code == 2
    assert "No such file" in found["folders"]["fault"]
    monkeypatch.setattr(tempfile, "tempdir", None)
    code, found = asked(TMPDIR=str(tmp_path))
    assert code == 0
    assert found["temporary files"]["found"].startswith(str(tmp_path))
