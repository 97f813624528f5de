"""Real networks of ../shared, where that folder is there: known peaks, real pictures.

The structures are filled with random weights; their layer-by-layer peaks are published
(../shared/notes/restructuring.md), in elements, image counted, fused activations not stored.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lowtide.data.samples import SampleFiles
from lowtide.pipeline.fit import fit
from lowtide.planner.options import Options

SHARED = Path(__file__).parents[3] / "shared"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")

PEAKS = {
    "vgg16": 6_422_528,
    "squeezenet1_1": 982_144,
    "mobilenet_v2": 1_505_280,
    "resnet18": 1_003_520,
    "inception_v3": 2_074_464,
}


@pytest.mark.parametrize("name", PEAKS)
def test_layer_by_layer_peaks(name: str, tmp_path: Path) -> None:
    """Whole tensors need the published peak, not a byte more: both proofs close."""
    filled = tmp_path / "filled.onnx"
    script, source = SHARED / "models/fill_weights.py", SHARED / f"models/structure/{name}.onnx"
    subprocess.run([sys.executable, script, source, filled], check=True)
    plan = fit(
        filled, options=Options(schedule="layerwise", overlap="none", align=4), target="none"
    ).plan
    assert plan.arena_bytes == 4 * PEAKS[name]
    assert plan.schedule.proven
    assert plan.placement.proven
    rows = fit(
        filled, options=Options(schedule="layerwise", overlap="row", align=4), target="none"
    ).plan
    assert rows.profile.lower_bound_bytes <= rows.arena_bytes < plan.arena_bytes


def test_resnet20_knows_a_real_picture(tmp_path: Path) -> None:
    """Picture number 1 of CIFAR-10 is a truck (class 9), in C as in onnxruntime."""
    strip = np.asarray(Image.open(SHARED / "data/cifar10/cifar10_batch_0.png"))
    label = np.load(SHARED / "data/cifar10/train_labels_original_order.npy")[1]
    Image.fromarray(strip[1].reshape(32, 32, 3)).save(tmp_path / "one.png")
    pictures = SampleFiles(
        (tmp_path / "one.png",), (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    )
    fitted = fit(SHARED / "models/onnx/resnet20_cifar10_bn.onnx", samples=pictures.read)
    assert fitted.checks is not None
    assert fitted.checks.results["one.png"][0].argmax() == label == 9


def test_a_face_detector_needs_no_copies() -> None:
    """Its heads (Transpose, Reshape, Concat) are written in place by their convolutions."""
    fitted = fit(SHARED / "models/onnx/face_slim_320.onnx", target="none")
    assert all(task.operator.type != "Copy" for task in fitted.plan.tasks)
