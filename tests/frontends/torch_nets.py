"""Modules as users write them, and functions that make them: for the command line's tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

print("printed while imported")


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, groups=width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + x)


class Small(nn.Module):
    """A dict and a tuple in it come out, under names that are taken inside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.Hardswish())
        self.layer1 = nn.Sequential(Block(4))
        self.drop, self.fc = nn.Dropout(), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> dict[str, Any]:
        x = self.layer1(self.stem(x))
        return {"x": self.fc(self.drop(x.mean((2, 3)))), "maps": (x.sigmoid(), None)}


def small() -> nn.Module:
    print("printed by the factory")
    torch.manual_seed(0)
    made = Small()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return made.to(memory_format=torch.channels_last)


class Carried(nn.Module):
    """Two inputs, and a state of the caller's own."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor, *, h: Tensor) -> tuple[Tensor, Tensor]:
        made: tuple[Tensor, Tensor] = self.cell(x, h)
        return made


class Of(nn.Module):
    """Whatever a function computes behind a convolution."""

    def __init__(self, then: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.then = nn.Conv2d(1, 2, 3), then

    def forward(self, x: Tensor) -> Any:
        return self.then(self.conv(x))


class Airy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.airy_ai(x) + torch.special.bessel_j0(x)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


def faulty() -> nn.Module:
    return Of(lambda y: y * 2 if torch.compiler.is_exporting() else y)


def topped() -> nn.Module:
    """Of equal numbers either may be first."""
    return Of(lambda y: torch.topk(y * 0, 2))


def constant() -> nn.Module:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.ones(1, 3)

    return Constant()


def branching() -> nn.Module:
    return nn.Sequential(Of(lambda y: y if y.sum() > 0 else -y))


def unwritten() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), Airy(), nn.Sequential(Airy()))


def half() -> nn.Module:
    return nn.Conv2d(1, 2, 3).half()


def lazy() -> nn.Module:
    return nn.LazyConv2d(2, 3)


def counting() -> nn.Module:
    return Counting()


def with_a_number() -> nn.Module:
    return Of(lambda y: (y, 3))


def weights() -> object:
    return nn.Conv2d(1, 2, 3).state_dict()


def raising() -> None:
    raise ValueError("no such width\nand more")


def leaving() -> None:
    sys.exit("gone")


number = 3
