"""Several networks in one exploration: a front and a folder for each, and a page of all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest
from onnx import parser

import lowtide
from lowtide.errors import UsageError
from lowtide.explorer.explore import explore, explore_all
from lowtide.explorer.recipes import recipes
from lowtide.planner.options import Options
from test_cli import lowtide as command

FEW = recipes(Options(), 0.0)[:4]


def network(side: int = 6) -> onnx.ModelProto:
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,2,{side},{side}] x) => (float[1,4,{side},{side}] z)
    <float[3,2,1,1] w = {{1, 2, 3, 4, 5, 6}},
     float[4,3,1,1] v = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}}>
    {{ a = Conv(x, w) y = Tanh(a) z = Conv(y, v) }}"""
    return parser.parse_model(text)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two networks in files."""
    made = [tmp_path / "small.onnx", tmp_path / "wide.onnx"]
    for path, side in zip(made, (6, 9), strict=True):
        onnx.save(network(side), path)
    return made


def data_in(page: Path) -> dict[str, list[dict[str, object]]]:
    found = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", page.read_text(), re.S)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_each_network_has_its_front(files: list[Path], tmp_path: Path) -> None:
    """As if it were explored by itself; the page has all points, and says whose each is."""
    out = tmp_path / "out"
    found = explore_all(files, FEW, folder=out)
    alone = [explore(path, FEW) for path in files]
    costs = [[(one.options, one.arena_bytes) for one in held.front] for held in (*found, *alone)]
    assert costs[:2] == costs[2:]
    assert costs[0] != costs[1]
    data = data_in(out / "front.html")
    assert data["options"]["network"] == ["small.onnx", "wide.onnx"]  # type: ignore[call-overload]
    for held in found:
        own = [p for p in data["points"] if p["options"]["network"] == held.source.file]  # type: ignore[index]
        assert [p["arena"] for p in own] == [p.arena_bytes for p in held.points]
        assert sum(p["front"] != 0 for p in own) == len(held.front)


def test_it_goes_on_network_by_network(files: list[Path], tmp_path: Path) -> None:
    """What one has is not planned again, and its folder is as explored by itself."""
    out, said = tmp_path / "out", list[str]()
    explore(files[0], FEW, folder=out / "small.onnx")
    with pytest.raises(UsageError, match="not lowtide's"):
        explore_all(files, FEW, folder=out)
    (out / "small.onnx").rename(tmp_path / "kept")
    explore_all(files, FEW[:2], folder=out)
    found = explore_all(files, FEW, folder=out, progress=said.append)
    assert "4 of 8 found before" in said
    assert [one for one in said if one.startswith("plan ")] == [
        "plan 5 of 8: small.onnx, layer by layer, overlap group",
        "plan 6 of 8: small.onnx, streamed, image resident",
        "plan 7 of 8: wide.onnx, layer by layer, overlap group",
        "plan 8 of 8: wide.onnx, streamed, image resident",
    ]
    assert explore(files[1], FEW, folder=out / "wide.onnx") == found[1]


def test_folders_that_will_not_do(files: list[Path], tmp_path: Path) -> None:
    """Two of one name, and the folder of one network."""
    (tmp_path / "other").mkdir()
    twin = files[0].rename(tmp_path / "other" / "wide.onnx")
    with pytest.raises(UsageError, match=r"2 networks are called wide\.onnx"):
        explore_all([twin, files[1]], FEW, folder=tmp_path / "out")
    explore(twin, FEW[:1], folder=tmp_path / "out")
    with pytest.raises(UsageError, match="holds the points of one network"):
        explore_all([files[1]], FEW, folder=tmp_path / "out")


def test_the_command_and_python(files: list[Path], tmp_path: Path) -> None:
    done = command("explore", *files, "--max-overhead", 0, "-o", tmp_path / "out", "--json")
    facts = json.loads(done.stdout)
    assert [one["file"] for one in facts["networks"]] == ["small.onnx", "wide.onnx"]
    found = lowtide.explore(files, max_overhead=0.0, output=tmp_path / "out")
    assert isinstance(found, lowtide.Explorations)
    assert json.loads(json.dumps(found.facts()))["networks"] == facts["networks"]
    assert str(found).count(" on the front (") == 2
    assert found._repr_html_().count("<svg") == 2
    assert repr(found) == "<Explorations of small.onnx, wide.onnx>"
