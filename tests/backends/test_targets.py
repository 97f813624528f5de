"""One net.c for every processor: vectors where it has them, plain C99 where not, no warnings.

Compiled with zig, a cross compiler from PyPI (`pip install ziglang`); skipped without it.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS
from networks import random_network
from programs import streamed_model

TARGETS = {
    "x86-64": ("-target", "x86_64-linux-musl"),
    "x86-64 with AVX-512": ("-target", "x86_64-linux-musl", "-mcpu=x86_64_v4"),
    "aarch64": ("-target", "aarch64-linux-musl"),
    "Cortex-M7": ("-target", "thumb-linux-musleabihf", "-mcpu=cortex_m7"),
}


def program_with_kernels() -> dict[str, bytes]:
    """That of the first random network which a kernel of whole rows computes a part of."""
    for seed in range(100):
        files = emit(streamed_model(random_network(seed).model))
        if b"conv_rows(&shape" in files["net.c"]:
            return files
    raise AssertionError("no network with a kernel")


@pytest.mark.skipif(find_spec("ziglang") is None, reason="ziglang is not installed")
@pytest.mark.parametrize("target", TARGETS)
def test_one_file_compiles_for(target: str, tmp_path: Path) -> None:
    files = program_with_kernels()
    for name in ("net.c", "net_weights.c", "net.h"):
        (tmp_path / name).write_bytes(files[name])
    command = [sys.executable, "-m", "ziglang", "cc", *WARNINGS, *TARGETS[target], "-O2", "-c"]
    done = subprocess.run([*command, "net.c"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[:2000]
