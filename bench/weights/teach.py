"""A dense network trained on CIFAR-10's JPEG pictures by a short recipe, resumed where it stopped.

    python -m bench.weights.teach resnet18 -o ~/.cache/lowtide/resnet18

One cycle of the rate, Nesterov's momentum, pictures shifted, mirrored and cut; the first 15 % of
the run on pictures of 16x16, on to a half of it on 24x24. No label smoothing: it would take from
what students learn.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.weights import data, resnet
from bench.weights.course import Course
from bench.weights.epochs import Lessons, train
from bench.weights.folder import facts, put_facts, put_state, state
from bench.weights.quick import quicken
from bench.weights.resnet import ResNet
from bench.weights.views import Views
from lowtide.weights.train.data import TrainingPictures
from lowtide.weights.train.measure import accuracy

SHARED = Path(__file__).parents[2].parent / "shared"
SMALL = ((0.15, 16), (0.5, 24))
COURSE = Course(epochs=12, batch=128, rate=0.2, warm=0.2, decay=5e-4, sides=SMALL)
GPU_COURSE = Course(epochs=50, batch=512, rate=0.5, warm=0.2, decay=5e-4)
LOOK = 2000
"""Test pictures of the accuracy after each epoch; nothing is chosen by it."""


def pictures(shared: Path, part: str) -> TrainingPictures:
    """One part of the data for torch."""
    values, labels = data.read(shared, part)
    mean, std = torch.tensor(data.MEAN), torch.tensor(data.STD)
    return TrainingPictures(torch.from_numpy(values), torch.from_numpy(labels), mean, std)


def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(x).float(), y)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def right(model: nn.Module, test: TrainingPictures, device: str, count: int = LOOK) -> float:
    """Accuracy on the first test pictures, in the arithmetic of training."""
    part = test.part(torch.arange(min(count, len(test))))
    with torch.autocast(torch.device(device).type, torch.bfloat16):
        return accuracy(model, part, device)


def built(name: str) -> ResNet:
    """A network of `resnet`, its weights random but always the same."""
    torch.manual_seed(0)
    return quicken(getattr(resnet, name)())  # type: ignore[return-value]


def teach(
    name: str, folder: Path, shared: Path, course: Course, device: str, part: int | None = None
) -> tuple[ResNet, dict[str, Any]]:
    """The trained network and what was measured, `folder`/NAME.json. `part`: so many pictures."""
    model, kept, told = built(name), folder / f"{name}.pt", folder / f"{name}.json"
    if kept.exists():
        known = facts(told, course)
        model.load_state_dict(state(kept, torch.device(device)))
        say(f"{name}: {100 * known['accuracy']:.2f} %, from {kept}")
        return model.to(device).eval(), known
    train_set, test = (pictures(shared, each) for each in ("train", "test"))
    if part is not None:
        train_set, test = (each.part(torch.arange(part)) for each in (train_set, test))
    views = Views.of(train_set.to(torch.device(device)))
    lessons = Lessons(lambda step: views.batch(step, course.batch), views.steps(course.batch))
    curve = train(
        model, loss, lessons, course, file=folder / f"{name}.checkpoint", device=device,
        measure=lambda m: right(m, test, device), say=lambda line: say(f"{name}: {line}"),
    )  # fmt: skip
    whole = accuracy(model, test, device)
    found = {"network": name, "accuracy": whole, "course": vars(course), **vars(curve)}
    put_facts(told, found)
    put_state(kept, {key: t.cpu() for key, t in model.state_dict().items()})
    say(f"{name}: {100 * whole:.2f} %")
    return model.eval(), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=resnet.NAMES)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--epochs", type=float, help="above 0; 12 by default, on a GPU 50")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    if given.epochs is not None and given.epochs <= 0:
        parser.error(f"--epochs {given.epochs:g}: give more than 0")
    course = GPU_COURSE if given.device.startswith("cuda") else COURSE
    if given.epochs is not None:
        course = replace(course, epochs=given.epochs)
    teach(given.network, given.output, given.shared, course, given.device)


if __name__ == "__main__":
    main()
