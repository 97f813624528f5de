"""How often a network is right."""

from __future__ import annotations

import torch
from torch import nn

from lowtide.weights.train.data import TrainingPictures


@torch.no_grad()
def accuracy(
    model: nn.Module, pictures: TrainingPictures, device: torch.device | str = "cpu"
) -> float:
    """The share of pictures whose class gets the largest of the outputs [N, classes]."""
    was = model.training
    model.eval().to(device)
    right = 0
    for x, y in pictures.to(torch.device(device)).batches(500):
        right += int((model(x).argmax(1) == y).sum())
    model.train(was)
    return right / len(pictures)
