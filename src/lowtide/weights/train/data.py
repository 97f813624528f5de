"""Labelled pictures in memory, and batches of them cropped and mirrored at random.

Whole data sets of small pictures fit the memory of the machine, or of the GPU, that trains on
them; batches are then made where the network runs, and no loader has to keep up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Augment:
    """What a training batch may look like: shifted by up to `shift` pixels, mirrored or not."""

    shift: int = 4
    mirror: bool = True


@dataclass(frozen=True)
class TrainingPictures:
    """Labelled inputs of a network.

    `values` [N, C, H, W] holds pixels (uint8 or float32), `labels` [N] int64 classes. What the
    network sees is (value - mean) / std; both have C numbers.
    """

    values: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> TrainingPictures:
        moved = (t.to(device) for t in (self.values, self.labels, self.mean, self.std))
        return TrainingPictures(*moved)

    def part(self, index: Tensor) -> TrainingPictures:
        """The pictures with these numbers."""
        at = index.to(self.values.device)
        return replace(self, values=self.values[at], labels=self.labels[at])

    def split(self, share: float, seed: int) -> tuple[TrainingPictures, TrainingPictures]:
        """Two parts drawn at random: all but `share` of the pictures, and that share."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        kept = len(self) - round(share * len(self))
        return self.part(order[:kept]), self.part(order[kept:])

    def normal(self, values: Tensor) -> Tensor:
        """Pixels as the network sees them, float32 in channels-last order."""
        shape = (1, -1, *[1] * (values.ndim - 2))
        scaled = (values.float() - self.mean.view(shape)) / self.std.view(shape)
        if scaled.ndim == 4:
            return scaled.contiguous(memory_format=torch.channels_last)
        return scaled

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All pictures in order, as the network sees them, with their labels."""
        for begin in range(0, len(self), size):
            part = slice(begin, begin + size)
            yield self.normal(self.values[part]), self.labels[part]

    def draw(self, size: int, augment: Augment, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """A random batch, each picture shifted and mirrored by itself; drawn with replacement."""
        index = torch.randint(len(self), (size,), generator=dice).to(self.labels.device)
        values = self.values[index]
        if values.ndim == 4:
            values = _shifted(values, augment, dice)
        return self.normal(values), self.labels[index]


def _shifted(values: Tensor, augment: Augment, dice: torch.Generator) -> Tensor:
    """Pictures [N, C, H, W], each from another place of its padded self."""
    count, _, height, width = values.shape
    most, device = augment.shift, values.device
    down, right = torch.randint(2 * most + 1, (2, count, 1), generator=dice)
    columns = right + torch.arange(width)
    if augment.mirror:
        flipped = torch.rand(count, 1, generator=dice) < 0.5
        columns = torch.where(flipped, columns.flip(1), columns)
    rows = (down + torch.arange(height)).to(device)
    padded = pad(values, (most, most, most, most)) if most else values
    number = torch.arange(count, device=device)
    moved = padded[number[:, None, None], :, rows[:, :, None], columns.to(device)[:, None, :]]
    return moved.permute(0, 3, 1, 2)
