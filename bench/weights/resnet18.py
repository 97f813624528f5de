"""ResNet-18 for CIFAR-10 at the paper's point, (Bi, Bc) = (2, 44), 3-6-3 bits: 350 KiB; rivals.

    python -m bench.weights.resnet18                   # teacher, its scores, the student, C
    python -m bench.weights.resnet18 resnet56-2bit     # a rival, taught by the same scores as long
    python -m bench.weights.resnet18 --device cuda     # 10 minutes of one H100
    python -m bench.weights.resnet18 --try             # a few steps of everything, in two minutes

Both see the JPEG pictures of ../shared (the paper's are lossless: 93.72 of 94.10 %). The same
command goes on from what is in the folder (-o, default ~/.cache/lowtide/resnet18) after any stop;
the folder may be taken to another machine. Each row goes to bench/weights/results/resnet18.json
once its C program has classified all 10,000 test pictures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.weights import data, device, student, teach
from bench.weights.course import Course
from bench.weights.folder import put_facts
from bench.weights.resnet import ResNet
from bench.weights.scores import PERIOD, asked, kept
from bench.weights.student import Pupil, School, learn
from bench.weights.teach import SHARED, pictures, say
from bench.weights.untrained import RESULTS
from bench.weights.views import Views
from lowtide.check.compile import find_compiler
from lowtide.pipeline.fit import fit
from lowtide.weights.setting import Setting, plain, published
from lowtide.weights.train.generate import filters_of

FOLDER = Path.home() / ".cache/lowtide/resnet18"
CALIBRATION = 512


@dataclass(frozen=True)
class Way:
    """A network, and how its convolutions are stored: plain bits, or the paper's factors."""

    network: str
    bits: int | None = None

    def settings(self, model: ResNet) -> dict[str, Setting]:
        """Of every layer. The classifier is plain 8-bit, as is the first layer of plain ones."""
        found = {}
        for name, module in model.named_modules():
            filters = filters_of(module)
            if filters is None:
                continue
            first = name == "conv1"
            if isinstance(module, nn.Linear) or (first and self.bits is not None):
                found[name] = plain(8)
            elif self.bits is not None:
                found[name] = plain(self.bits)
            else:
                found[name] = published(filters, 2, 44, (3, 6, 3), first)
        return found


WAYS: Mapping[str, Way] = {
    "resnet18-generated": Way("resnet18"),
    "resnet20-4bit": Way("resnet20", 4),
    "resnet56-2bit": Way("resnet56", 2),
    "resnet56-4bit": Way("resnet56", 4),
    "resnet18-half-1bit": Way("resnet18_half", 1),
    "resnet18-quarter-4bit": Way("resnet18_quarter", 4),
}
"""All of ResNet-18 is 1,364 KiB at one bit: plain weights fit 350 KiB with fewer channels only."""


def courses(given: argparse.Namespace) -> tuple[Course, Course]:
    """The teacher's and the student's."""
    on_gpu = given.device.startswith("cuda")
    first = teach.GPU_COURSE if on_gpu else teach.COURSE
    second = student.GPU_COURSE if on_gpu else student.COURSE
    if given.try_:
        return tuple(replace(c, epochs=4.0, batch=16) for c in (first, second))  # type: ignore[return-value]
    return first, second


def school(given: argparse.Namespace, teacher: ResNet, course: Course) -> School:
    """The student's lessons by this teacher."""
    train, test = pictures(given.shared, "train"), pictures(given.shared, "test")
    seen = train.normal(train.values[:CALIBRATION])
    if given.try_:
        train, test = train.part(torch.arange(64)), test.part(torch.arange(100))
    views = Views.of(train.to(torch.device(given.device)), seed=1)
    if given.device.startswith("cuda"):
        lessons = asked(teacher, views, course.batch, given.device)
    else:
        lessons = kept(teacher, views, course.batch, given.output, say, 1 if given.try_ else PERIOD)
    return School(given.output, seen, test, lessons, course, given.device)


def on_device(row: dict[str, Any], folder: Path, test: Any) -> dict[str, Any]:
    """The row with what the emitted C is: its flash, RAM, work, time, and accuracy."""
    fitted = fit(folder / f"{row['name']}.onnx")
    seen = np.ascontiguousarray(data.normal(test.values.numpy()).transpose(0, 2, 3, 1))
    milliseconds, found = device.classify(fitted, seen)
    right = float((found == test.labels.numpy()).mean())
    return {**row, "c": device.row(row["name"], fitted, milliseconds, right)}


def put(results: Path, teacher: dict[str, Any], row: dict[str, Any]) -> None:
    """The row, and its teacher, in the results."""
    file = results / "resnet18.json"
    held = json.loads(file.read_text()) if file.exists() else {"rows": []}
    rows = [one for one in held["rows"] if one["name"] != row["name"]] + [row]
    rows.sort(key=lambda one: list(WAYS).index(one["name"]))
    put_facts(file, {"teacher": teacher, "rows": rows})


def ready(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Ends with what is missing, before any work."""
    for part in ("train", "test"):
        file = given.shared / f"data/cifar10/cifar10_{part}_jpeg.npz"
        if not file.exists():
            parser.error(f"no {file}: --shared is the folder that holds data/cifar10")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here: do without --device cuda")
    if find_compiler() is None:
        parser.error("no C compiler, which classifies the test pictures in the end")
    try:
        given.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"-o {given.output}: {error.strerror}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "name", nargs="?", choices=WAYS, default="resnet18-generated", help="what is to be trained"
    )
    parser.add_argument(
        "--shared", type=Path, default=SHARED,
        help="where data/cifar10/cifar10_train_jpeg.npz and _test_jpeg.npz are (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where the row is put (%(default)s)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--try", dest="try_", action="store_true",
        help="a few steps of everything, in OUTPUT/try: its losses and accuracy mean nothing",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, default=FOLDER,
        help="all that is kept; the same command goes on from it (%(default)s)",
    )  # fmt: skip
    given = parser.parse_args()
    ready(parser, given)
    if given.try_:
        given.output /= "try"
        given.results = given.output / "results"
    way, (first, second) = WAYS[given.name], courses(given)
    part = 64 if given.try_ else None
    (teacher, told), (dense, own) = (
        teach.teach(name, given.output, given.shared, first, given.device, part)
        for name in ("resnet18", way.network)
    )
    lessons = school(given, teacher, second)
    row = learn(Pupil(given.name, dense, way.settings(dense)), lessons)
    row = on_device(row, given.output, lessons.test)
    row |= {"dense": own["accuracy"], "teacher": told["accuracy"]}
    put(given.results, told, row)
    print(json.dumps({key: value for key, value in row.items() if key not in ("rows", "course")}))


if __name__ == "__main__":
    main()
