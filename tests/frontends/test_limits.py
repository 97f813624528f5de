"""Networks that ask for more memory than there is are refused by name, before they take it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import lowtide
from large_networks import LARGE
from lowtide.cli.progress import StageLine
from lowtide.cli.start import exit_codes

# ru_maxrss is handed on through exec: it may be the parent's. VmHWM is this program's own.
_PEAK = """
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1])
"""

_ALL = (
    _PEAK
    + """
import json, sys
import onnx, lowtide
said = {}
for file in sys.argv[1:]:
    try:
        lowtide.fit(file)
    except lowtide.ModelError as error:
        said[file] = str(error)
print(json.dumps({"said": said, "peak": peak()}))
"""
)

_COMMAND = (
    _PEAK
    + """
import atexit, sys
atexit.register(lambda: print(peak()))
from lowtide.cli.start import main
main()
"""
)


def test_large_networks_are_refused_by_their_node(tmp_path: Path) -> None:
    """One process meets them all, and its peak stays that of its libraries."""
    files = {}
    for name, model in LARGE.items():
        files[name] = str(tmp_path / f"{name}.onnx")
        onnx.save(model, files[name])
    done = subprocess.run(
        [sys.executable, "-c", _ALL, *files.values()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    result = json.loads(done.stdout)
    for name, file in files.items():
        said = result["said"][file]
        kind = name.split(",")[0]
        assert said.startswith(f"{file}: {kind} 'grow"), said
        assert "max_elements is 268435456" in said
    assert result["peak"] < 512 * 1024, f"{result['peak']} KiB"


def test_tile_to_2_to_the_30_ends_within_a_gibibyte(tmp_path: Path) -> None:
    """The command: exit 4, one line, the node and the option in it."""
    onnx.save(LARGE["Tile"], tmp_path / "tile.onnx")
    command = [sys.executable, "-c", _COMMAND, "fit", "tile.onnx", "-o", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    *_, last = done.stderr.splitlines()
    assert "tile.onnx: Tile 'grow': tensor 'y' has 1073741824 elements" in last
    assert "--max-elements" in last
    assert int(done.stdout) < 2**20, f"{done.stdout} KiB"


def test_a_larger_limit_lets_more_in() -> None:
    """300 elements and their Relu are 600 in all."""
    model = _relu(300)
    with pytest.raises(lowtide.ModelError, match=r"Relu '.*': tensor 'y' has 300 .* 600 with"):
        lowtide.profile(model, max_elements=599)
    assert lowtide.profile(model, max_elements=600).arena_bytes == 2400


def test_constants_in_the_file_count() -> None:
    w = onnx.numpy_helper.from_array(np.ones((200,), np.float32), "w")
    model = _relu(100)
    model.graph.node[0].CopyFrom(helper.make_node("Mul", ["x", "w"], ["y"]))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model.graph.initializer.append(w)
    with pytest.raises(lowtide.ModelError, match="tensor 'w' has 200 elements; max_elements"):
        lowtide.profile(model, max_elements=150)


def test_verify_refuses_samples_that_grow_when_unpacked(tmp_path: Path) -> None:
    """reference.npz is packed: what it holds is measured before it is unpacked."""
    fitted = lowtide.fit(_relu(300))
    fitted.emit("c99", tmp_path)
    assert lowtide.verify(tmp_path, max_elements=10_000).checks
    with zipfile.ZipFile(tmp_path / "checks/reference.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("0/name.npy", bytes(50_000))
    assert os.path.getsize(tmp_path / "checks/reference.npz") < 1000
    with pytest.raises(
        lowtide.ModelError, match="50000 bytes of samples are more than max_elements 10000"
    ):
        lowtide.verify(tmp_path, max_elements=10_000)


def test_verify_refuses_a_plan_of_too_many_elements(tmp_path: Path) -> None:
    """plan.json is counted before the lifetimes of its cells are written out."""
    lowtide.fit(_relu(300)).emit("c99", tmp_path)
    with pytest.raises(lowtide.ModelError, match=r"plan.json: tensor '.*' has 300 elements"):
        lowtide.verify(tmp_path, max_elements=200)


def test_out_of_memory_names_file_and_stage(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no limit helped: exit 4."""
    with pytest.raises(SystemExit) as ended:
        _run_out(Path("net.onnx"))
    assert ended.value.code == 4
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("lowtide: net.onnx: out of memory at the stage 'finding lifetimes'")


def _relu(elements: int) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [elements]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _run_out(file: Path) -> None:
    with exit_codes(), StageLine(file) as progress:
        progress("finding lifetimes")
        raise MemoryError
