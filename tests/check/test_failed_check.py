"""A program that fails a check is not written, and the result of before stays.

net.c with sinf() where the network has Tanh  ->  exit code 5, the folder as it was
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import parser

from commands import Command
from lowtide.check.judge import judge_program

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,6,6] x) => (float[1,2,6,6] y) { a = Relu(x) y = Tanh(a) }"""


def test_what_fails_is_not_written(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(parser.parse_model(NETWORK), net)

    def judge_another(files: Mapping[str, bytes], *rest: Any) -> object:
        wrong = {
            name: files[name].replace(b"tanhf(", b"sinf(") for name in ("net.c", "checks/net.c")
        }
        return judge_program({**files, **wrong}, *rest)

    with monkeypatch.context() as patched:
        patched.setattr("lowtide.pipeline.fit.judge_program", judge_another)
        failed = command("fit", net, "-o", out)
        assert failed.code == 5
        assert "please report it" in failed.last
        assert not out.exists()
    assert command("fit", net, "-o", out).code == 0
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    monkeypatch.setattr("lowtide.pipeline.fit.judge_program", judge_another)
    assert command("fit", net, "-o", out, "--align", "64").code == 5
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
