"""A model's 3x3 convolutions made quick on CPUs with bfloat16 (AMX); elsewhere they are torch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bench.weights.matmul import convolve
from lowtide.weights.train.generate import Generate


class Quick(nn.Conv2d):
    """A 3x3 convolution without bias that is `convolve` in bfloat16 on a CPU.

    Where its weights are V (U B) of few kernels, those are applied, and V after them: equal, and
    a third of the work from 128 channels on. U, B and V one by one are fewer multiply-adds still,
    but oneDNN has nothing quick for groups of two channels.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        made = self.generator()
        few = made is not None and 2 * len(made.basis.latent) <= self.out_channels
        if made is None or made.across is None or not few:
            return convolve(x, self.weight, self.stride[0])
        kernels = made.kernels().view(-1, *made.filters.shape[1:])
        return torch.conv2d(convolve(x, kernels, self.stride[0]), made.across()[..., None, None])

    def generator(self) -> Generate | None:
        if not parametrize.is_parametrized(self, "weight"):
            return None
        made = self.parametrizations.weight[0]  # type: ignore[union-attr, index]
        return made if isinstance(made, Generate) else None


def quicken(model: nn.Module) -> nn.Module:
    """Makes 3x3 convolutions quick, in place; before `generate`."""
    for module in model.modules():
        if type(module) is nn.Conv2d and module.kernel_size == (3, 3) and module.groups == 1:
            module.__class__ = Quick
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
