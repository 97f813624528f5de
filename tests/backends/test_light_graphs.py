"""The nine classifiers that come with the onnx package, weights made by ConstantOfShape."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from lowtide import fit

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
GRAPHS = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet",
    "squeezenet", "vgg19", "zfnet512",
)  # fmt: skip
QUICK = "squeezenet"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == QUICK else [pytest.mark.slow]) for n in GRAPHS]
)
def test_it_is_planned_and_checked(name: str) -> None:
    """CI plans one; `-m slow` fits the others, in two minutes each."""
    path = FOLDER / f"light_{name}.onnx"
    if not path.is_file():
        pytest.skip("this onnx brings no light graphs along")
    fitted = fit(path, target="none" if name == QUICK else "c99")
    assert fitted.arena_bytes < fitted.plan.profile.layerwise_bytes
    assert fitted.checks is None or fitted.checks.faults == 0
