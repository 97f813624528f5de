"""Training pictures as each epoch sees them: every picture once, shifted, mirrored, a square cut.

What a batch is depends on the seed and on its number alone, so that a run that was stopped goes on
with the same batches on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from lowtide.weights.train.data import TrainingPictures


@dataclass(frozen=True)
class Views:
    """Pictures [N, C, H, W] with a mirrored border, of which batches are windows."""

    pictures: TrainingPictures
    bordered: Tensor
    shift: int
    cut: int
    """Pixels on a side of the square that is grey."""
    seed: int

    @staticmethod
    def of(pictures: TrainingPictures, shift: int = 4, cut: int = 8, seed: int = 0) -> Views:
        values = pictures.values.float()
        bordered = pad(values, (shift,) * 4, mode="reflect").to(torch.uint8)
        return Views(pictures, bordered, shift, cut, seed)

    def steps(self, batch: int) -> int:
        """Batches of an epoch; the last pictures, fewer than a batch, wait for the next one."""
        return len(self.pictures) // batch

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Batch number `step` of the run, as the network sees it, and its classes."""
        epoch, place = divmod(step, self.steps(size))
        order = torch.randperm(len(self.pictures), generator=self._dice(epoch, 1))
        index = order[place * size : (place + 1) * size].to(self.bordered.device)
        seen = self.pictures.normal(self._windows(index, self._dice(step, 2)))
        return seen, self.pictures.labels[index]

    def _dice(self, number: int, what: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed << 40) + (what << 32) + number)

    def _windows(self, index: Tensor, dice: torch.Generator) -> Tensor:
        count, side, device = len(index), self.pictures.values.shape[2], index.device
        down, right = torch.randint(2 * self.shift + 1, (2, count, 1), generator=dice)
        flipped = torch.rand(count, 1, generator=dice) < 0.5
        rows, columns = (first + torch.arange(side) for first in (down, right))
        columns = torch.where(flipped, columns.flip(1), columns)
        at, rows, columns = index[:, None, None], rows.to(device), columns.to(device)
        # Indices around the channels put them last, which is the order in memory that is wanted.
        seen = self.bordered[at, :, rows[:, :, None], columns[:, None, :]]
        if self.cut:
            seen = torch.where(self._cut(count, side, dice).to(device), self._grey(), seen)
        return seen.permute(0, 3, 1, 2)

    def _grey(self) -> Tensor:
        return self.pictures.mean.round().to(torch.uint8)

    def _cut(self, count: int, side: int, dice: torch.Generator) -> Tensor:
        """Squares [N, H, W, 1] about any pixel, which may reach over the border."""
        top, left = torch.randint(side, (2, count, 1), generator=dice) - self.cut // 2
        place = torch.arange(side)
        down = (place >= top) & (place < top + self.cut)
        right = (place >= left) & (place < left + self.cut)
        return (down[:, :, None] & right[:, None, :])[..., None]


def scaled(x: Tensor, side: int | None) -> Tensor:
    """Pictures of so many pixels on a side."""
    if side is None or side == x.shape[2]:
        return x
    return interpolate(x, (side, side), mode="bilinear", antialias=True)
