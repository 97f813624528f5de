"""--shape: inputs whose shape the file leaves open."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

from lowtide import fit
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.frontends.onnx.load import load
from lowtide.frontends.onnx.shapes import parse_shapes

OPEN = (
    '<ir_version: 8, opset_import: ["" : 17]> g'
    " (float[N,3,H,W] image, float[N,K] extra) => (float[N,3,A,B] y, float[N,K] z)"
    "{ y = Relu (image) z = Tanh (extra) }"
)


def network() -> onnx.ModelProto:
    return onnx.parser.parse_model(OPEN)


def test_words_become_shapes() -> None:
    assert parse_shapes(["image=1x3x8x6", "a=b=4"]) == {"image": (1, 3, 8, 6), "a=b": (4,)}


@pytest.mark.parametrize(
    "text", ["image", "image=", "=1x3", "image=1x-3", "image=1x0x3", "a=9999999999"]
)
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shape"):
        parse_shapes([text])


def test_an_open_network_is_fitted() -> None:
    fitted = fit(network(), shapes={"image": (1, 3, 8, 6), "extra": (1, 5)})
    assert [p.shape for p in fitted.memory.outputs] == [(1, 3, 8, 6), (1, 5)]


def test_what_stays_open_names_the_way_out() -> None:
    with pytest.raises(UnsupportedModel, match=r"'extra' has dim 1 = 'K'; .*--shape extra=1x"):
        load(network(), {"image": (1, 3, 8, 6)})


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({"picture": (1, 3, 8, 8)}, "--shape picture: no such input; the network has 'image'"),
        ({"image": (1, 4, 8, 8)}, "--shape image=1x4x8x8: the network says"),
        ({"image": (3, 8, 8)}, "--shape image=3x8x8: the network says"),
    ],
)
def test_shapes_that_do_not_fit(shapes: dict[str, tuple[int, ...]], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(network(), shapes)


def test_the_command_line_takes_them(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from lowtide.cli.app import app

    path = tmp_path / "open.onnx"
    onnx.save(network(), path)
    words = ["profile", str(path), "--shape", "image=1x3x8x6", "--shape", "extra=2x5"]
    assert CliRunner().invoke(app, words).exit_code == 0
