"""ResNet-18 for CIFAR-10 at the paper's point, (Bi, Bc) = (2, 44), 3-6-3 bits: 350 KiB.

    python -m bench.weights.resnet18 --device cuda --teacher-minutes 9 --minutes 14 -o out/resnet18
    python -m bench.weights.resnet18 --teacher-steps 3 --steps 3 --batch 16 --test 200 -o out/try

Trains the teacher, then the student from least squares and distillation; both see the JPEG
pictures of ../shared (the paper's are lossless: 93.72 of 94.10 %). A run that was stopped goes on
from its checkpoints. Writes the student as ONNX, and what was measured as JSON.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from bench.weights.resnet import ResNet, resnet18
from bench.weights.teach import SHARED, loss, pictures
from lowtide.weights.account import published_bytes
from lowtide.weights.setting import Setting, plain, published
from lowtide.weights.train.data import Pictures
from lowtide.weights.train.export import export, fitted
from lowtide.weights.train.generate import filters_of, generate, stored
from lowtide.weights.train.loop import Recipe, run
from lowtide.weights.train.losses import Distil
from lowtide.weights.train.measure import accuracy

RANK, KERNELS, BITS = 2, 44, (3, 6, 3)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def settings(model: ResNet) -> dict[str, Setting]:
    """The paper's settings of every layer; the classifier plain, 8 bits."""
    found = {}
    for name, module in model.named_modules():
        filters = filters_of(module)
        if filters is not None:
            first = name == "conv1"
            setting = published(filters, RANK, KERNELS, BITS, first)
            found[name] = plain(8) if isinstance(module, nn.Linear) else setting
    return found


def counted(model: ResNet) -> float:
    """The student's bytes by the paper's count."""
    chosen, layers = settings(model), []
    for name, module in model.named_modules():
        filters = filters_of(module)
        if filters is not None and not isinstance(module, nn.Linear):
            layers.append((filters, chosen[name]))
    norms = sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    return published_bytes(layers, model.linear.weight.numel(), norms)


def teach(given: argparse.Namespace, train: Pictures) -> ResNet:
    """The dense network."""
    model = resnet18().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe = Recipe(
        given.teacher_steps, given.batch, 0.2, 0.2, minutes=given.teacher_minutes, half=True
    )
    file = given.output / "teacher.checkpoint"
    say("the teacher")
    run(model, loss, train, recipe, device=given.device, checkpoint=file, progress=say)
    return model  # type: ignore[no-any-return]


def learn(given: argparse.Namespace, train: Pictures, teacher: ResNet) -> ResNet:
    """The student, a copy of the teacher whose weights are generated."""
    student = copy.deepcopy(teacher).cpu()
    say("least squares")
    generate(student, fitted(student, settings(teacher)))
    recipe = Recipe(
        given.steps, given.batch, 0.005, 0.05, "adamw", 0.0, minutes=given.minutes, half=True
    )
    objective = Distil(teacher.eval(), orthonormal=given.orthonormal)
    file = given.output / "student.checkpoint"
    say("the student")
    run(student, objective, train, recipe, device=given.device, checkpoint=file, progress=say)
    return student


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--teacher-steps", type=int, default=20_000)
    parser.add_argument("--teacher-minutes", type=float)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--orthonormal", type=float, default=0.0)
    parser.add_argument("--test", type=int, help="test pictures to use; default: all")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    began = time.perf_counter()
    train, test = pictures(given.shared, "train"), pictures(given.shared, "test")
    test = test.part(torch.arange(given.test or len(test)))
    teacher = teach(given, train)
    found: dict[str, Any] = {"teacher": accuracy(teacher, test, given.device)}
    student = learn(given, train, teacher)
    found["student"] = accuracy(student, test, given.device)
    found["paper_kib"] = counted(teacher) / 1024
    found["factors_kib"] = sum(made.bytes for made in stored(student).values()) / 1024
    model = export(student, train.normal(train.values[:1]))
    onnx.save(model, given.output / "resnet18_student.onnx")
    found |= {"file_kib": model.ByteSize() / 1024, "minutes": (time.perf_counter() - began) / 60}
    found |= {"device": given.device, "steps": given.steps, "test_pictures": len(test)}
    (given.output / "resnet18.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
