"""Objectives: distillation from the dense network, and the paper's orthonormality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from lowtide.weights.train.generate import Generate, generators


def distillation(
    scores: Tensor, teacher: Tensor, labels: Tensor, share: float = 0.9, heat: float = 3.0
) -> Tensor:
    """`share` of the loss from the teacher's scores [N, classes], the rest from the labels.

    Hinton et al. 2015; (0.9, 3) is the setting of Gu et al. 2021, section 4.1.
    """
    soft = kl_div(
        log_softmax(scores / heat, 1), log_softmax(teacher / heat, 1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    loss = share * heat * heat * soft
    return loss + (1 - share) * cross_entropy(scores, labels) if share < 1 else loss


def orthonormality(model: nn.Module) -> Tensor:
    """How far the rows of B and the columns of U and V are from orthogonal, averaged.

    Gu et al. 2021, equation 8, on vectors of length 1: their scales are learned here.
    """
    parts = [_overlap(vectors) for made in generators(model).values() for vectors in _sets(made)]
    return torch.stack(parts).mean() if parts else torch.zeros(())


def _sets(made: Generate) -> list[Tensor]:
    """Sets of vectors [sets, count, length] that ought to be orthogonal."""
    found = []
    if made.inside is not None:
        found.append(made.basis.latent.view(-1, made.rank, made.filters.taps))
        found.append(made.inside.latent.view(-1, made.rank, made.filters.inputs))
    if made.across is not None:
        found.append(made.across.latent.t()[None])
    return found


def _overlap(vectors: Tensor) -> Tensor:
    unit = nn.functional.normalize(vectors, dim=-1)
    gram = unit @ unit.mT
    return (gram - torch.eye(gram.shape[-1], device=gram.device)).square().sum((1, 2)).mean()


@dataclass(frozen=True)
class Distil:
    """The objective of a student: `loop.Loss`. `orthonormal` weighs the regulariser."""

    teacher: Callable[[Tensor], Tensor]
    share: float = 0.9
    heat: float = 3.0
    orthonormal: float = 0.0

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            taught = self.teacher(x)
        loss = distillation(model(x).float(), taught.float(), y, self.share, self.heat)
        if self.orthonormal:
            loss = loss + self.orthonormal * orthonormality(model)
        return loss
