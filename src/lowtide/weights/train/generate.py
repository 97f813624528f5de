"""Weights generated from low-bit factors, on ordinary torch modules.

    made = fitted(model, settings, moments)         # or what `lowtide compress` chose
    generate(model, made)                           # each layer's weight is now V (U B)
    ... train as ever ...
    stored(model)                                   # the factors in lowtide's format

Steps (scales) are learned with the weights: LSQ, Esser et al., "Learned Step Size Quantization",
ICLR 2020, equations 1, 3 and 5, with a step for each vector of a factor.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lowtide.errors import UsageError
from lowtide.ir.codes import Codes, limits, make
from lowtide.weights.format import Filters, Generated


class Factor(nn.Module):
    """A trainable matrix that is seen rounded to low bits.

    `latent` [vectors, length] holds the numbers before rounding, `step` [vectors] the scale of
    each row, both in units of `gauge`: so that all factors are about 1 in size, and one learning
    rate suits them all. Gradients pass the rounding as if it were not there, and stop at the
    range's ends.
    """

    gauge: Tensor

    def __init__(self, codes: Codes) -> None:
        super().__init__()
        self.bits, self.centred = codes.bits, codes.centred
        values, steps = torch.from_numpy(codes.values), torch.from_numpy(codes.scales)
        gauge = values.square().mean().sqrt().clamp_min(1e-8)
        self.register_buffer("gauge", gauge)
        self.latent = nn.Parameter(values / gauge)
        self.step = nn.Parameter(
            torch.where(steps == 0, torch.full_like(steps, 1e-6), steps / gauge)
        )
        high = limits(codes.bits)[1] + (0.5 if codes.centred else 0.0)
        self.share = (codes.length * high) ** -0.5
        """Of the step's gradient that is used: LSQ's g, which balances it with the weights'."""

    def forward(self) -> Tensor:
        low, high = limits(self.bits)
        half = 0.5 if self.centred else 0.0
        step = self.step[:, None]
        step = step * self.share + (step * (1 - self.share)).detach()
        place = torch.clamp(self.latent / step - half, low, high)
        rounded = place + (place.round() - place).detach()
        return (rounded + half) * (step * self.gauge)

    @torch.no_grad()
    def codes(self) -> Codes:
        """What is stored: the codes as they are now, scales rounded to float16 where they fit."""
        low, high = limits(self.bits)
        half = 0.5 if self.centred else 0.0
        place = torch.clamp(self.latent / self.step[:, None] - half, low, high).round()
        scales = self.step.double() * self.gauge.double()
        return make(self.bits, self.centred, place.cpu().numpy(), scales.cpu().numpy())


class Generate(nn.Module):
    """A parametrization of a weight [outputs, inputs, *area]: W = V (U B).

    The weight it is put on is given up: what is left of it is an empty tensor.
    """

    def __init__(self, made: Generated) -> None:
        super().__init__()
        self.filters, self.rank = made.filters, made.rank
        self.basis = Factor(made.basis)
        self.inside = None if made.inside is None else Factor(made.inside)
        self.across = None if made.across is None else Factor(made.across)

    def forward(self, nothing: Tensor) -> Tensor:
        kernels = self.kernels()
        w = kernels if self.across is None else self.across() @ kernels
        return w.view(self.filters.shape)

    def kernels(self) -> Tensor:
        """What V combines, [kernels, inputs * taps]: a layer may apply the two one by one."""
        kernels = self.basis()
        if self.inside is None:
            return kernels
        u = self.inside().view(-1, self.rank, self.filters.inputs)
        return torch.bmm(u.mT, kernels.view(-1, self.rank, self.filters.taps)).flatten(1)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight.new_zeros(0)

    def stored(self) -> Generated:
        """The factors in lowtide's format."""
        inside = None if self.inside is None else self.inside.codes()
        across = None if self.across is None else self.across.codes()
        return Generated(self.filters, self.basis.codes(), inside, across)


def filters_of(module: nn.Module) -> Filters | None:
    """The shape of a module's weights; None where they are not those of a layer of ours."""
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return Filters(
            module.out_channels, module.in_channels // module.groups,
            tuple(module.kernel_size), module.groups,
        )  # fmt: skip
    if isinstance(module, nn.Linear):
        return Filters(module.out_features, module.in_features)
    return None


def generate(model: nn.Module, made: Mapping[str, Generated]) -> nn.Module:
    """Lets the weights of modules (by their names in `model`) be generated; in place.

    Raises UsageError where a name is no Conv or Linear of that shape. The factors begin at
    `made`'s values. Build optimizers, and DistributedDataParallel, after this.
    """
    modules = dict(model.named_modules())
    for name, stored in made.items():
        module = modules.get(name)
        filters = filters_of(module) if module is not None else None
        if module is None or filters is None:
            raise UsageError(f"'{name}' is no Conv or Linear of the model")
        if filters != stored.filters:
            raise UsageError(f"'{name}' has weights {filters.shape}, not {stored.filters.shape}")
        if parametrize.is_parametrized(module, "weight"):
            raise UsageError(f"the weight of '{name}' is parametrized already")
        weight = module.get_parameter("weight")
        parametrization = Generate(stored).to(weight.device)
        parametrize.register_parametrization(module, "weight", parametrization, unsafe=True)
        module.parametrizations.weight.original.requires_grad_(False)  # type: ignore[union-attr]
    return model


def generators(model: nn.Module) -> dict[str, Generate]:
    """The parametrizations that `generate` put on, by the names of their modules."""
    return {
        name.removesuffix(".parametrizations.weight.0"): module
        for name, module in model.named_modules()
        if isinstance(module, Generate)
    }


def stored(model: nn.Module) -> dict[str, Generated]:
    """The generated layers as they would be stored now, by the names of their modules."""
    return {name: module.stored() for name, module in generators(model).items()}


@torch.no_grad()
def settle(model: nn.Module) -> dict[str, Generated]:
    """Puts dense weights in place of the parametrizations, exactly what is stored; in place.

    For exporting: gives the stored layers, by the names of their modules.
    """
    found = stored(model)
    modules = dict(model.named_modules())
    for name, made in found.items():
        module = modules[name]
        if len(module.parametrizations) > 1:  # type: ignore[arg-type]
            raise UsageError(f"'{name}' has other parametrizations; remove them first")
        device = next(module.parameters()).device
        # torch's own removal deletes `weight` from a class that copies of the module share.
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
        module.weight = nn.Parameter(torch.from_numpy(made.values.copy()).to(device))
    return found
