"""Train a dense network on CIFAR-10's JPEG pictures: the teacher that the others learn from.

python -m bench.weights.teach resnet20 --minutes 30 -o out/resnet20_teacher.pt
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.weights import data, resnet
from lowtide.weights.train.data import Augment, Pictures
from lowtide.weights.train.loop import Recipe, run
from lowtide.weights.train.measure import accuracy

SHARED = Path(__file__).parents[2].parent / "shared"


def pictures(shared: Path, part: str) -> Pictures:
    """One part of the data for torch."""
    values, labels = data.read(shared, part)
    mean, std = torch.tensor(data.MEAN), torch.tensor(data.STD)
    return Pictures(torch.from_numpy(values), torch.from_numpy(labels), mean, std)


def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(x), y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=("resnet20", "resnet18"))
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    torch.manual_seed(0)
    model = getattr(resnet, given.network)().to(memory_format=torch.channels_last)
    recipe = Recipe(
        given.steps, rate=0.2, warm=0.2, minutes=given.minutes, augment=Augment(4), half=True
    )
    began = time.perf_counter()
    history = run(
        model, loss, pictures(given.shared, "train"), recipe, device=given.device,
        checkpoint=given.output.with_suffix(".checkpoint"),
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    )  # fmt: skip
    right = accuracy(model, pictures(given.shared, "test"), given.device)
    torch.save({name: t.cpu() for name, t in model.state_dict().items()}, given.output)
    minutes = (time.perf_counter() - began) / 60
    print(
        f"{given.network}: {100 * right:.2f} % after {history.steps} steps, {minutes:.1f} minutes"
    )


if __name__ == "__main__":
    main()
