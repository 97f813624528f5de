"""What the layers of a torch model meet on pictures: the moments in whose norm `fitted` fits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import unfold

from lowtide.errors import UsageError
from lowtide.weights.calibrate import PATCHES
from lowtide.weights.moments import Gathering, Moments
from lowtide.weights.train.generate import filters_of


@torch.no_grad()
def meets(model: nn.Module, names: Iterable[str], seen: Iterable[Tensor]) -> dict[str, Moments]:
    """Moments of what Linear and two-dimensional Conv modules (by name) are given.

    `seen` are batches as the network sees them; of each, patches are drawn at random. Raises
    UsageError where a name is no such module.
    """
    modules = dict(model.named_modules())
    found, hooks, dice = {}, [], np.random.default_rng(0)
    for name in names:
        module = modules.get(name)
        filters = filters_of(module) if module is not None else None
        if not isinstance(module, nn.Conv2d | nn.Linear) or filters is None:
            raise UsageError(f"'{name}' is no Conv2d or Linear of the model")
        found[name] = Gathering(filters)
        hooks.append(module.register_forward_pre_hook(_Look(found[name], dice)))
    was = model.training
    model.eval()
    for x in seen:
        model(x)
    model.train(was)
    for hook in hooks:
        hook.remove()
    return {name: gathering.moments() for name, gathering in found.items()}


class _Look:
    """A hook that adds patches of a module's input to a gathering."""

    def __init__(self, gathering: Gathering, dice: np.random.Generator) -> None:
        self.gathering, self.dice = gathering, dice

    def __call__(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        rows = _rows(module, given[0].float())
        f = self.gathering.filters
        most = max(PATCHES // 10, 1)
        if len(rows) > most:
            drawn = self.dice.choice(len(rows), most, replace=False)
            rows = rows[torch.from_numpy(drawn).to(rows.device)]
        patches = rows.view(-1, f.groups, f.inputs, f.taps).cpu().numpy()
        if self.gathering.count < PATCHES:
            self.gathering.add(patches)


def _rows(module: nn.Module, x: Tensor) -> Tensor:
    """Patches [count, channels * taps] in the order of the module's weights."""
    if isinstance(module, nn.Linear):
        return x.reshape(-1, x.shape[-1])
    assert isinstance(module, nn.Conv2d)
    if isinstance(module.padding, str):
        raise UsageError(f"padding '{module.padding}' of a Conv2d: give it in pixels")
    columns = unfold(
        x.contiguous(), module.kernel_size, module.dilation, module.padding, module.stride
    )
    return columns.transpose(1, 2).reshape(-1, columns.shape[1])
