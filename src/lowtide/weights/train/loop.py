"""A training loop: an objective and pictures in, a trained model out; resumable, on any device.

It is one way to train; nothing in `generate` or `losses` needs it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lowtide.clock import Progress, quiet
from lowtide.errors import UsageError
from lowtide.weights.train.checkpoint import Checkpoint, restore, save
from lowtide.weights.train.data import Augment, TrainingPictures

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""The loss of a model on a batch (what the network sees, classes)."""


@dataclass(frozen=True)
class Recipe:
    """How to train. `rate` is the largest learning rate: it rises over the first `warm` share of
    the run, then falls as a cosine to 0.

    The run ends after `steps` batches, or after `minutes` if that comes first; the rate follows
    whichever is nearer its end, so that a run limited by time is annealed as well (and then
    depends on the machine's speed). `batch` counts the pictures of all processes together.
    """

    steps: int
    batch: int = 128
    rate: float = 0.1
    warm: float = 0.1
    optimizer: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = 5e-4
    augment: Augment = field(default_factory=Augment)
    minutes: float | None = None
    seed: int = 0
    half: bool = False
    """bfloat16 arithmetic where the device is a GPU."""


@dataclass(frozen=True)
class History:
    """What a run did; `losses` is the mean loss since the line before, for each line."""

    steps: int
    seconds: float
    losses: tuple[float, ...]


def rate_at(done: float, recipe: Recipe) -> float:
    """The learning rate when a share `done` (0..1) of the run is over."""
    if done < recipe.warm:
        return recipe.rate * (0.05 + 0.95 * done / recipe.warm)
    fallen = (done - recipe.warm) / (1 - recipe.warm)
    return recipe.rate * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(fallen, 1.0)))))


def run(
    model: nn.Module,
    objective: Loss,
    pictures: TrainingPictures,
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    of: str = "",
    every: int = 100,
    progress: Progress = quiet,
) -> History:
    """Trains `model` in place.

    Under `torchrun` (torch.distributed initialised) each process takes its part of every batch
    and gradients are averaged. With `checkpoint` the state is saved every `every` steps and when
    the run is interrupted, and a run that finds it goes on from there; it says that it is `of`
    the same. Raises UsageError where the loss is not finite.
    """
    device = torch.device(device)
    model.to(device).train()
    runner = _Runner(model, objective, pictures.to(device), recipe, device)
    if checkpoint is not None and checkpoint.exists():
        runner.resume(restore(checkpoint, model, runner.optimizer, device))
        progress(f"goes on at step {runner.step} of {recipe.steps}")
    saved = runner.step
    try:
        while not runner.over:
            runner.advance()
            if runner.step % every == 0 or runner.over:
                progress(runner.line())
                if checkpoint is not None:
                    save(checkpoint, runner.checkpoint(of))
                    saved = runner.step
    except BaseException as error:
        if checkpoint is not None and runner.whole:
            save(checkpoint, runner.checkpoint(of))
            saved = runner.step
        if checkpoint is not None and saved:
            kept = f"{saved} of {recipe.steps} steps are kept in {checkpoint}"
            error.add_note(f"{kept}; the same command goes on from there")
        raise
    return History(runner.step, runner.seconds, tuple(runner.losses))


class _Runner:
    """The state of a run."""

    def __init__(
        self,
        model: nn.Module,
        objective: Loss,
        pictures: TrainingPictures,
        recipe: Recipe,
        device: torch.device,
    ) -> None:
        self.model, self.objective, self.pictures = model, objective, pictures
        self.recipe, self.device = recipe, device
        self.ranks = dist.get_world_size() if dist.is_initialized() else 1
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.parallel: nn.Module = DistributedDataParallel(model) if self.ranks > 1 else model
        self.optimizer = _optimizer(model, recipe)
        self.dice = torch.Generator().manual_seed(recipe.seed * 1000 + self.rank)
        self.drawn = self.dice.get_state()
        """The dice after the last whole step: a batch that was drawn and not used is drawn anew."""
        self.step, self.spent, self.began = 0, 0.0, time.perf_counter()
        self.losses: list[float] = []
        self.recent: list[Tensor] = []
        self.whole = True
        """False while a step is under way, whose state must not be saved."""

    @property
    def seconds(self) -> float:
        return self.spent + time.perf_counter() - self.began

    @property
    def done(self) -> float:
        share = self.step / self.recipe.steps
        if self.recipe.minutes is not None:
            share = max(share, self.seconds / (60 * self.recipe.minutes))
        if self.ranks > 1 and self.recipe.minutes is not None:
            agreed = torch.tensor(share, device=self.device)
            dist.broadcast(agreed, 0)
            share = float(agreed)
        return min(share, 1.0)

    @property
    def over(self) -> bool:
        return self.done >= 1.0

    def advance(self) -> None:
        """One step of the optimizer."""
        x, y = self.pictures.draw(
            -(-self.recipe.batch // self.ranks), self.recipe.augment, self.dice
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.done, self.recipe) * group["slowed"]
        half = self.recipe.half and self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            loss = self.objective(self.parallel, x, y)
        self.whole = False
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.step, self.drawn = self.step + 1, self.dice.get_state()
        self.whole = True
        self.recent.append(loss.detach())

    def line(self) -> str:
        loss = float(torch.stack(self.recent).mean())
        self.recent.clear()
        if not math.isfinite(loss):
            self.whole = False  # what came of it is not worth keeping
            raise UsageError(f"the loss is {loss} at step {self.step}: give a lower --rate")
        self.losses.append(loss)
        per = self.seconds / max(self.step, 1)
        left = (1 - self.done) / max(self.done, 1e-9) * self.seconds
        return (
            f"step {self.step}/{self.recipe.steps}: loss {loss:.4f}, {1000 * per:.0f} ms a step, "
            f"{left / 60:.1f} minutes left"
        )

    def checkpoint(self, of: str) -> Checkpoint:
        return Checkpoint(
            self.model.state_dict(), self.optimizer.state_dict(), self.drawn,
            self.step, self.seconds, tuple(self.losses), of,
        )  # fmt: skip

    def resume(self, held: Checkpoint) -> None:
        self.step, self.spent, self.losses = held.step, held.seconds, list(held.losses)
        self.began = time.perf_counter()
        self.dice.set_state(held.dice)
        if self.rank:  # the file is of process 0; the others go on with dice of their own
            self.dice.manual_seed(self.recipe.seed * 1000 + self.rank + 7919 * self.step)
        self.drawn = self.dice.get_state()


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Vectors (norms, biases, steps) are not decayed; steps of quantisers learn more slowly."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    steps = [p for n, p in named if n.rsplit(".", 1)[-1].startswith("step")]
    known = {id(p) for p in steps}
    decayed = [p for _, p in named if p.ndim > 1 and id(p) not in known]
    plain = [p for _, p in named if p.ndim <= 1 and id(p) not in known]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay, "slowed": 1.0},
        {"params": plain, "weight_decay": 0.0, "slowed": 1.0},
        {"params": steps, "weight_decay": 0.0, "slowed": 0.2},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, recipe.rate)
