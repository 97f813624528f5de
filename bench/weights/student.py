"""A network of generated or plain low-bit weights, taught by kept scores; and what it comes to.

All begin as the nearest to their own dense network, in the norm of what its layers meet.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from bench.weights import data
from bench.weights.course import Course
from bench.weights.epochs import Lessons, Loss, Taught, train
from bench.weights.folder import facts, put_facts
from bench.weights.resnet import ResNet
from bench.weights.teach import right, say
from lowtide.files import write_file
from lowtide.weights.account import published_bytes
from lowtide.weights.accuracy import accuracy
from lowtide.weights.setting import Setting
from lowtide.weights.train.data import TrainingPictures
from lowtide.weights.train.export import export, fitted
from lowtide.weights.train.generate import filters_of, generate, stored
from lowtide.weights.train.losses import distillation
from lowtide.weights.train.meets import meets

COURSE = Course(
    epochs=12, batch=128, rate=0.01, warm=0.1, decay=0.0, optimizer="adamw", sides=((0.4, 24),),
    share=0.5,
)  # fmt: skip
GPU_COURSE = replace(COURSE, epochs=80, batch=256, sides=())


@dataclass(frozen=True)
class Pupil:
    """What is to be made: its name, the dense network it begins as, and how layers are stored."""

    name: str
    dense: ResNet
    settings: Mapping[str, Setting]


@dataclass(frozen=True)
class School:
    """Where and on what students are trained."""

    folder: Path
    seen: Tensor
    """Pictures as networks see them, for calibration."""
    test: TrainingPictures
    lessons: Lessons
    course: Course
    device: str


def loss(share: float) -> Loss:
    """Distillation at the paper's heat of 3, so much of it by scores, the rest by labels."""

    def distil(model: nn.Module, x: Tensor, taught: Taught) -> Tensor:
        return distillation(model(x).float(), taught.scores, taught.labels, share)

    return distil


def learn(pupil: Pupil, school: School) -> dict[str, Any]:
    """Trains and writes `folder`/NAME.onnx and .json, unless they are there; gives the latter."""
    file = school.folder / f"{pupil.name}.json"
    if file.exists():
        say(f"{pupil.name}: from {file}")
        return facts(file, school.course)
    student, begin = begun(pupil, school)
    curve = train(
        student, loss(school.course.share), school.lessons, school.course,
        file=school.folder / f"{pupil.name}.checkpoint", device=school.device,
        measure=lambda m: right(m, school.test, school.device),
        say=lambda line: say(f"{pupil.name}: {line}"),
    )  # fmt: skip
    model = export(student, school.seen[:1])
    write_file(school.folder / f"{pupil.name}.onnx", model.SerializeToString())
    found = {
        "name": pupil.name, "accuracy": measured(model, school.test),
        "untrained": begin, "paper_bytes": counted(pupil.dense, pupil.settings),
        "factor_bytes": sum(made.bytes for made in stored(student).values()),
        "file_bytes": model.ByteSize(), "test_pictures": len(school.test),
        "device": school.device, "course": vars(school.course), **vars(curve),
    }  # fmt: skip
    put_facts(file, found)
    say(f"{pupil.name}: {100 * found['accuracy']:.2f} %")
    return found


def begun(pupil: Pupil, school: School) -> tuple[nn.Module, float]:
    """The student before training, and its accuracy on the first test pictures."""
    student = copy.deepcopy(pupil.dense).cpu()
    seen = list(school.seen.split(64))
    say(f"{pupil.name}: least squares")
    met = meets(student, pupil.settings, seen)
    generate(student, fitted(student, pupil.settings, met))
    _recalibrate(student, seen)
    return student, right(student, school.test, "cpu")


@torch.no_grad()
def _recalibrate(student: nn.Module, seen: list[Tensor]) -> None:
    """Batch norms' statistics to what they meet now."""
    norms = [m for m in student.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # type: ignore[assignment]
    student.train()
    for x in seen:
        student(x)
    for norm in norms:
        norm.momentum = 0.1


def measured(model: onnx.ModelProto, test: TrainingPictures) -> float:
    """Accuracy of the file in onnxruntime."""
    return accuracy(model, {"input": data.normal(test.values.numpy())}, test.labels.numpy())


def counted(model: ResNet, settings: Mapping[str, Setting]) -> float:
    """Bytes by the paper's count."""
    layers = [
        (filters, settings[name])
        for name, module in model.named_modules()
        if (filters := filters_of(module)) is not None and not isinstance(module, nn.Linear)
    ]
    norms = sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    return published_bytes(layers, model.linear.weight.numel(), norms)
