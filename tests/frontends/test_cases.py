"""The files of ../shared/cases, made after public bug reports: what becomes of each.

A case runs, and what it computes is right, or it is refused in one line that names a node and says
what to do. lowtide's own process stays within 500 MiB. `pytest -s` prints the table.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import pytest

from peak import MOST_BYTES, run_measured

FOLDER = Path(__file__).parents[3] / "shared" / "cases"

RUNS = frozenset(
    {"clip_max_only", "conv3d_batch2", "int4_block", "qdq_weights_only", "quiet_sigmoid"}
    | {"lstm_named", "bn_five_outputs", "pool_ceil_padding", "empty_parts", "convtranspose_same"}
    | {"stale_value_info", "activations", "log_of_relu", "same_lower"}
    | {"lenet_qdq", "qdq_residual", "qlinear", "uint8_input"}
)
"""Three of the last against an 8-bit runtime's integers; the image of the other is bytes."""

NAMES = tuple(re.findall(r"^def (\w+)\(n\)", (FOLDER / "build.py").read_text(), re.MULTILINE)
              if FOLDER.exists() else ())  # fmt: skip

pytestmark = pytest.mark.skipif(not NAMES, reason="../shared/cases is not here")


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """All cases written out, and cases.json."""
    with TemporaryDirectory(prefix="lowtide-cases-") as folder:
        command = [sys.executable, str(FOLDER / "build.py"), folder]
        subprocess.run(command, check=True, capture_output=True)
        yield Path(folder)


@pytest.mark.parametrize("name", NAMES)
def test_case_runs_or_is_refused_by_name(name: str, built: Path, tmp_path: Path) -> None:
    path = built / f"{name}.onnx"
    done, peak = run_measured("fit", path, "-o", tmp_path / name, "--json", folder=tmp_path)
    facts, taken = json.loads(done.stdout), (peak or 0) / 2**20
    print(f"\n{name:20} exit {done.returncode}  {taken:4.0f} MiB  {_shown(facts)}")
    assert (peak or 0) < MOST_BYTES
    if name in RUNS:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 4, done.stderr
    reason = str(facts["error"])
    assert "\n" not in reason
    assert any(_is_named(node, reason) for node in onnx.load(path).graph.node), "no node is named"
    assert "; " in reason, "no way out is shown"
    wanted = json.loads((built / "cases.json").read_text())[name]["expect"]
    assert wanted == "runs" or wanted.rpartition(" ")[2] in reason


def _is_named(node: onnx.NodeProto, reason: str) -> bool:
    """By name and operator, or by a part, 'node/Cast_12', of what ONNX defines by others."""
    return (f"{node.name}'" in reason and node.op_type in reason) or f"'{node.name}/" in reason


def _shown(facts: dict[str, object]) -> str:
    if "error" in facts:
        return str(facts["error"])
    return f"{facts['arena_bytes']} B, off by {facts['max_rel_diff']:.1e} of the largest value"


def test_all_that_run_are_cases() -> None:
    assert set(NAMES) >= RUNS
