"""How long and how to train: rates, sizes of pictures, the optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Course:
    """How long and how to train. The rate rises over the first `warm` share, then falls to 0."""

    epochs: float
    batch: int = 128
    rate: float = 0.1
    warm: float = 0.2
    decay: float = 5e-4
    optimizer: str = "sgd"
    sides: tuple[tuple[float, int], ...] = ()
    """Pixels on a side of the pictures until a share of the run is over; after the last, all."""
    fall: str = "linear"
    share: float = 1.0
    """A student's: how much of the loss is of the teacher's scores; the rest is of the labels."""

    @staticmethod
    def of(held: dict[str, Any]) -> Course:
        """Of what `vars` gave, also if it was kept as JSON."""
        sides = tuple((until, side) for until, side in held["sides"])
        return Course(**{**held, "sides": sides})


def height(done: float, course: Course) -> float:
    """The learning rate, as a share of the highest, when a share `done` of the run is over."""
    if done < course.warm:
        return 0.05 + 0.95 * done / course.warm
    left = (1 - done) / (1 - course.warm)
    return left if course.fall == "linear" else 0.5 * (1 - math.cos(math.pi * left))


def optimizer(model: nn.Module, course: Course) -> torch.optim.Optimizer:
    """Vectors (norms, biases, steps) are not decayed; steps of quantisers learn more slowly."""
    kinds: dict[str, list[nn.Parameter]] = {"decayed": [], "plain": [], "step": []}
    for name, p in model.named_parameters():
        if p.requires_grad:
            last = name.rsplit(".", 1)[-1]
            kinds["step" if last == "step" else "decayed" if p.ndim > 1 else "plain"].append(p)
    slowed = {"decayed": 1.0, "plain": 1.0, "step": 0.2}
    groups = [
        {"params": ps, "slowed": slowed[kind],
         "weight_decay": course.decay if kind == "decayed" else 0.0}
        for kind, ps in kinds.items() if ps
    ]  # fmt: skip
    if course.optimizer == "sgd":
        return torch.optim.SGD(groups, course.rate, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, course.rate, fused=True)
