"""Nothing that lowtide starts opens a connection: onnxruntime's telemetry is off.

Each command runs in a network namespace of its own, with a library in front of it that writes down
sockets. The client writes a session file, .ses, to TMPDIR as soon as it is loaded, and opens its
first socket some seconds later.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

import lowtide
from hostile import network

_UNSHARED = ["unshare", "--net"]
_ALONE = ["unshare", "--map-root-user", "--net"]
_SOURCE = Path(__file__).parents[2] / "src/lowtide"


def namespace() -> list[str]:
    """What runs a command without a network; skips where that is not permitted."""
    for command in (_UNSHARED, _ALONE):
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
        ):
            return command
    pytest.skip("no network namespaces here (unshare --net is not permitted)")


@pytest.fixture
def quiet(tmp_path: Path) -> dict[str, str]:
    """An environment without the variable, in which sockets are written down."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc to build the library that watches sockets")
    source = Path(__file__).parent / "sockets.c"
    library = tmp_path / "sockets.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    (tmp_path / "tmp").mkdir()
    held = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    return held | {
        "LD_PRELOAD": str(library),
        "SOCKETS_LOG": str(tmp_path / "sockets"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


def silent(folder: Path) -> bool:
    return not (folder / "sockets").exists() and not (folder / "tmp/.ses").exists()


def run(folder: Path, environment: dict[str, str], *command: str) -> None:
    whole = [*namespace(), sys.executable, *command]
    done = subprocess.run(
        whole, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_fit_compress_and_bench_are_silent(tmp_path: Path, quiet: dict[str, str]) -> None:
    onnx.save(network("x"), tmp_path / "net.onnx")
    for line in (
        "fit net.onnx -o out",
        "fit net.onnx -o tiles --target onnx",
        "bench out --against onnxruntime --model net.onnx --seconds 0.2",
        "compress net.onnx --flash 900 --uncalibrated -o small.onnx",
        "quantise net.onnx --uncalibrated -o eight.onnx",
    ):
        run(tmp_path, quiet, "-m", "lowtide", *line.split())
        assert silent(tmp_path), line


def test_the_library_is_silent(tmp_path: Path, quiet: dict[str, str]) -> None:
    """Imported by a program that lives long enough for a client to speak."""
    onnx.save(network("x"), tmp_path / "net.onnx")
    code = "import time, lowtide; lowtide.fit('net.onnx'); import onnxruntime; time.sleep(8)"
    run(tmp_path, quiet, "-c", code)
    assert silent(tmp_path)


def test_the_sockets_would_be_seen(tmp_path: Path, quiet: dict[str, str]) -> None:
    run(tmp_path, quiet, "-c", "import socket; socket.socket()")
    assert not silent(tmp_path)


def test_one_place_imports_onnxruntime() -> None:
    """And lowtide's own package, which sets the variable, is loaded before it."""
    found = []
    for path in _SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "onnxruntime" for name in names):
                found.append(path.name)
    assert {*found} == {"runtime.py"}
    assert lowtide.__version__
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
