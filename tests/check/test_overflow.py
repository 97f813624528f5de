"""Samples at which the network itself leaves float32's range, and floats that are whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import lowtide
from lowtide.check.difference import compare
from lowtide.check.expected import Expected
from lowtide.check.judge import judge_program
from lowtide.check.numbers import Sample
from lowtide.check.overflow import overflow
from lowtide.check.parting import parting
from lowtide.check.reference_file import pack_references, unpack_references
from lowtide.errors import CheckError
from lowtide.files import write_folder
from test_exact import network


def two_convs(scale: float = 1.0) -> onnx.ModelProto:
    """Large weights and then small ones: of numbers of 1e37 some sums between are beyond float32.

    `scale` makes another network of it.
    """
    rng = np.random.default_rng(0)
    weights = {
        "w": 2 * rng.standard_normal((8, 3, 3, 3), np.float32),
        "v": np.float32(scale * 2e-3) * rng.standard_normal((4, 8, 3, 3), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], name="large", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["h", "v"], ["y"], name="small", pads=[1, 1, 1, 1]),
    ]
    return network(nodes, weights, [1, 3, 16, 16])


def image(size: float) -> np.ndarray:
    drawn = size * np.random.default_rng(1).standard_normal((1, 3, 16, 16))
    return drawn.clip(-3e38, 3e38).astype(np.float32)


@pytest.mark.parametrize("size", [1e35, 1e37, 1e38])
def test_a_right_program_is_right_where_float32_overflows(size: float, tmp_path: Path) -> None:
    fitted = lowtide.fit(two_convs(), samples={"loud": {"x": image(size)}})
    checks = fitted.checks
    assert checks is not None
    assert checks.against.kind == "float64"
    said = "the network itself overflows float32 at sample 'loud': node 'large' (Conv)"
    assert (said in checks.shown) == (size > 1e35)
    write_folder(tmp_path / "out", fitted.files)
    assert lowtide.verify(tmp_path / "out").facts()["reference"]["note"] == checks.against.note


def test_only_what_may_overflow_is_open() -> None:
    """Of 1e37 a few sums of magnitudes are too large, of 1e36 none, of 1e38 nearly all."""
    found = {size: overflow(two_convs(), {"x": image(size)}) for size in (1e36, 1e37, 1e38)}
    shares = [float(np.isnan(made).mean()) for _, (made,) in found.values()]
    assert [node for node, _ in found.values()] == ["", *["node 'large' (Conv)"] * 2]
    assert shares[0] == 0 < shares[1] < shares[2]


def test_a_wrong_program_is_wrong_there(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = lowtide.fit(two_convs(1.001)).files
    monkeypatch.setattr(
        "lowtide.pipeline.fit.judge_program", lambda files, *rest: judge_program(moved, *rest)
    )
    with pytest.raises(CheckError, match="the network itself overflows float32 at sample 'loud'"):
        lowtide.fit(two_convs(), samples={"loud": {"x": image(1e37)}})


def test_nothing_is_compared_where_it_is_open() -> None:
    """And infinity is as wrong as ever elsewhere, also where a network's own NaN stands."""
    outputs = (np.array([1.0, np.nan, 2.0]),)
    for node, right in (("", False), ("node 'a' (Conv)", True)):
        one = Sample("s", {}, Expected(outputs, "float64", gaps=(0.0,), overflows=node))
        assert compare({"s": [np.array([1.0, np.inf, 2.0])]}, [one]).passes == right
        assert not compare({"s": [np.array([np.inf, np.nan, 2.0])]}, [one]).passes
        (back,), _ = unpack_references(pack_references([one], ""), "reference.npz")
        assert back.expected.overflows == node


def test_large_floats_decide_nothing() -> None:
    """All floats beyond 2 ** 24 are whole numbers; they differ by rounding as others do."""
    assert parting(two_convs(), {"x": image(1e35)}, "n") is None
