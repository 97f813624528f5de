"""A compiler that is wrong at -O3: fit says so and ships flags that are right; or nothing does.

The compiler is the machine's own behind a script that spoils net.c for some flags before it
compiles it: planted cases of one that computes other sums, crashes, or refuses.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.check.compile import find_compiler
from lowtide.check.flags import SHIPS, SLOWER, named
from lowtide.timing.program import release_flags

SUMS = "s/\\(acc[^=]*\\) += /\\1 -= /"
CRASH = "s/^void net_run(void) {/void net_run(void) { __builtin_trap();/"
REFUSED = "s/^void net_run(void) {/#error this compiler gives up/"


def lowtide(*arguments: object, env: dict[str, str] | None = None) -> Any:
    """Runs the command in a process of its own: what a compiler makes is kept in this one."""
    command = [sys.executable, "-m", "lowtide", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A convolution over one axis, whose rows loops make."""
    w = np.random.default_rng(0).standard_normal((8, 2, 3)).astype(np.float32)
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 2, 9]), ("y", [1, 8, 9]))
    )
    conv = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1])
    graph = helper.make_graph([conv], "g", [x], [y], [numpy_helper.from_array(w, "w")])
    path = tmp_path / "net.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return path


def spoiling(folder: Path, spoil: str, flags: str) -> dict[str, str]:
    """An environment whose CC spoils net.c where the command has flags of this shell pattern."""
    compiler = find_compiler()
    assert compiler is not None
    script = folder / "spoilingcc"
    script.write_text(
        f'#!/bin/sh\ncase " $* " in {flags}) '
        f"[ -f net.c ] && sed -i {shlex.quote(spoil)} net.c checks/net.c;; esac\n"
        f'exec {shlex.join(compiler)} "$@"\n'
    )
    script.chmod(0o755)
    return {**os.environ, "CC": str(script)}


def fitted(network: Path, out: Path, env: dict[str, str]) -> Any:
    """`fit` layer by layer, so that loops make the rows."""
    command = ("fit", network, "-o", out, "--schedule", "layerwise", "--overlap", "none")
    return lowtide(*command, env=env)


@pytest.mark.parametrize("spoil", [SUMS, CRASH, REFUSED])
def test_flags_that_are_right_ship(spoil: str, network: Path, tmp_path: Path) -> None:
    out, env = tmp_path / "out", spoiling(tmp_path, spoil, '*" -O3 "*')
    done = fitted(network, out, env)
    assert done.returncode == 0, done.stderr
    assert "is at fault: the sanitisers and -O2 agree" in done.stdout
    assert "-O2 -ffp-contract=fast: right" in done.stdout
    header = (out / "net.h").read_text()
    assert "cc -std=c99 -O2 -ffp-contract=fast -I" in header
    assert "cc -std=c99 -O3" not in header
    assert "Not -O3 -ffp-contract=fast" in header
    files = {"net.h": header.encode()}
    assert "-O2" in release_flags(["cc"], files)
    assert "-O3" not in release_flags(["cc"], files)
    # What net.h says is what is verified, with a good compiler and with this one.
    for own in (None, env):
        done = lowtide("verify", out, "--json", env=own)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["flags"] == "-O2 -ffp-contract=fast"


def test_scripts_are_told(network: Path, tmp_path: Path) -> None:
    env = spoiling(tmp_path, SUMS, '*" -O3 "*')
    good = json.loads(lowtide("fit", network, "-o", tmp_path / "good", "--json").stdout)
    done = lowtide("fit", network, "-o", tmp_path / "out", "--json", env=env)
    facts: dict[str, Any] = json.loads(done.stdout)
    assert good["flags"] == " ".join(SHIPS)
    assert good["flags_failed"] == []
    assert good["compiler"] == facts["compiler"]
    assert facts["flags"] == "-O2 -ffp-contract=fast"
    failed = facts["flags_failed"]
    assert [one["flags"].split()[0] for one in failed] == ["-O3", "-O3"]  # every call; as it ships
    assert all("differs from" in one["error"] for one in failed)


def test_the_fastest_that_is_right(network: Path, tmp_path: Path) -> None:
    """Where only the compiler's own vectors are wrong, the rest of -O3 stays."""
    flags = '*" -fno-tree-vectorize "*) ;; *" -DLOWTIDE_CHECKED "*) ;; *" -O3 "*'
    out = tmp_path / "out"
    done = fitted(network, out, spoiling(tmp_path, SUMS, flags))
    assert done.returncode == 0, done.stderr
    assert named((out / "net.h").read_bytes()) == SLOWER[0]


@pytest.mark.parametrize("flags", ["*", '*" -O3 "*|*" -O2 "*', '*" -O3 "*|*-fsanitize*'])
def test_nothing_ships_where_nothing_agrees(flags: str, network: Path, tmp_path: Path) -> None:
    """The program may be wrong: at every level, at -O2 as well, or under the sanitisers."""
    out = tmp_path / "out"
    done = fitted(network, out, spoiling(tmp_path, SUMS, flags))
    assert done.returncode == 5, done.stderr
    assert "differs from" in done.stderr
    assert not out.exists()


def test_flags_that_lowtide_does_not_write_are_not_taken() -> None:
    """A net.h from elsewhere cannot choose what the compiler is told."""
    assert named(b"cc -std=c99 -fplugin=evil.so -c net.c") == SHIPS
