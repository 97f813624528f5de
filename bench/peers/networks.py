"""The networks that are compared, the plans of each, and what the notes say onnxruntime needs."""

from __future__ import annotations

import csv
from pathlib import Path

from lowtide.backends import emit
from lowtide.check.judge import judge_placement
from lowtide.check.reference_file import pack_references
from lowtide.clock import Clock
from lowtide.files import write_folder
from lowtide.pipeline.fit import make_references, read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options

NETWORKS = {
    "squeezenet1_1": "SqueezeNet1.1",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "resnet18": "ResNet18",
    "inception_v3": "InceptionV3",
    "vgg16": "VGG16",
    "tiny_yolov2": "Tiny-YOLOv2",
    "dncnn17": "DnCNN-17",
    "mlperf_resnet8": "MLPerf ResNet-8",
    "mlperf_mobilenetv1_025": "MLPerf VWW",
    "mlperf_dscnn": "MLPerf DS-CNN",
}
"""Structures of ../shared/models, filled with random weights, and what people call them."""


def plans() -> dict[str, Options]:
    """The plans that are compared, by objective: `memory` is what fit does by itself."""
    return {"memory": Options(), "latency": Options(objective="latency")}


def activations() -> dict[str, dict[str, float]]:
    """KiB of each runtime for each network, from activations.csv."""
    return _figures("activations.csv")


def latencies() -> dict[str, dict[str, float]]:
    """Milliseconds of each runtime for each network on another machine, from latencies.csv."""
    return _figures("latencies.csv")


def _figures(file: str) -> dict[str, dict[str, float]]:
    text = Path(__file__).with_name(file).read_text().splitlines()
    rows = csv.DictReader(line for line in text if not line.startswith("#"))
    return {
        row["network"]: {k: float(v) for k, v in row.items() if k != "network" and v}
        for row in rows
    }


def write_program(model: Path, options: Options, folder: Path) -> None:
    """What `lowtide fit` writes, without the judge's runs of it.

    The placement is checked here, and the results where the program is timed; the checks read by
    read are those of fit and of `python -m bench.restructure --check`.
    """
    clock = Clock(lambda _: None)
    source, graph = read(model, clock)
    plan = plan_filters(source, graph, options, clock)
    memory = memory_map(plan)
    judge_placement(memory)
    references = pack_references(make_references(model, source, memory, {}), source.sha256)
    files = {
        "plan.json": memory.to_json().encode(),
        "checks/reference.npz": references,
        **emit(plan),
    }
    write_folder(folder, files)
