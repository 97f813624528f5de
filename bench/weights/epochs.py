"""Training by epochs: two halves of a batch at once, resumed from a checkpoint on any machine.

Each half runs in a thread of its own with one core, so that the two wait for each other once a
step and not in every operator: other programs on the same cores then cost less. A GPU takes the
batch whole. What is computed does not depend on the number of cores.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.weights.course import Course, height, optimizer
from bench.weights.folder import agree, put_state, state
from bench.weights.views import scaled


@dataclass(frozen=True)
class Taught:
    """What a student ought to give for a batch: the teacher's scores [N, classes], classes [N]."""

    scores: Tensor
    labels: Tensor

    def __getitem__(self, part: slice) -> Taught:
        return Taught(self.scores[part], self.labels[part])


Answers = Tensor | Taught
"""Classes [N], or the teacher's scores beside them."""

Loss = Callable[[nn.Module, Tensor, Any], Tensor]
"""Of a model, what it sees, and the `Answers`."""


@dataclass(frozen=True)
class Lessons:
    """`draw(step)` is batch number `step` and what the model ought to give for it."""

    draw: Callable[[int], tuple[Tensor, Answers]]
    each: int
    """Steps of an epoch."""


@dataclass(frozen=True)
class Curve:
    """What a run did: a row for each epoch, and what it took."""

    rows: list[dict[str, float]]
    seconds: float
    core_seconds: float


class Run:
    """A model in training, and its state on disk."""

    def __init__(
        self, model: nn.Module, loss: Loss, lessons: Lessons, course: Course, device: str
    ) -> None:
        self.model, self.loss, self.lessons, self.course = model, loss, lessons, course
        self.device = torch.device(device)
        model.to(self.device).train()
        self.parts = [model] if self.device.type == "cuda" else [model, shared(model)]
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = optimizer(model, course)
        self.each = lessons.each
        self.steps = round(self.each * course.epochs)
        self.step, self.seconds, self.core_seconds = 0, 0.0, 0.0
        self.rows: list[dict[str, float]] = []
        self.recent: list[Tensor] = []

    def advance(self, pool: ThreadPoolExecutor) -> None:
        """One step."""
        done = self.step / self.steps
        for group in self.optimizer.param_groups:
            group["lr"] = self.course.rate * height(done, self.course) * group["slowed"]
        side = next((n for until, n in self.course.sides if done < until), None)
        x, y = self.lessons.draw(self.step)
        x, count = scaled(x, side), len(self.parts)
        work = [(m, x[i::count], y[i::count]) for i, m in enumerate(self.parts)]
        found = list(pool.map(self._half, work))
        self.recent.append(torch.stack([loss for loss, _ in found]).mean())
        for number, p in enumerate(self.parameters):
            p.grad = found[0][1][number]
            for _, more in found[1:]:
                p.grad.add_(more[number])
            if count > 1:
                p.grad.div_(count)
        self.optimizer.step()
        self.step += 1

    def _half(self, work: tuple[nn.Module, Tensor, Answers]) -> tuple[Tensor, tuple[Tensor, ...]]:
        model, x, y = work
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = self.loss(model, x.contiguous(memory_format=torch.channels_last), y)
        mine = [p for p in model.parameters() if p.requires_grad]
        return loss.detach(), torch.autograd.grad(loss, mine)

    def save(self, file: Path) -> None:
        held = {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "seconds": self.seconds, "core_seconds": self.core_seconds,
            "rows": self.rows, "recent": self.recent, "course": vars(self.course),
        }  # fmt: skip
        put_state(file, held)

    def restore(self, file: Path) -> None:
        held = state(file, self.device)
        try:
            agree(file, Course.of(held["course"]), self.course)
            self.model.load_state_dict(held["model"])
            self.optimizer.load_state_dict(held["optimizer"])
            self.step, self.rows, self.recent = held["step"], held["rows"], held["recent"]
            self.seconds, self.core_seconds = held["seconds"], held["core_seconds"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise SystemExit(f"{file} is of another network: move it away") from error


def train(
    model: nn.Module, loss: Loss, lessons: Lessons, course: Course, *, file: Path,
    device: str, measure: Callable[[nn.Module], float], say: Callable[[str], None],
    every: float = 180.0,
) -> Curve:  # fmt: skip
    """Trains in place; the state is kept in `file` every `every` seconds and at each epoch's end.

    `measure` is asked for the accuracy once an epoch. A run that finds the file goes on from it.
    """
    torch.set_num_threads(1)
    run = Run(model, loss, lessons, course, device)
    if file.exists():
        run.restore(file)
        say(f"goes on at step {run.step} of {run.steps}")
    saved = began = time.perf_counter()
    spent = time.process_time()
    with ThreadPoolExecutor(len(run.parts)) as pool:
        while run.step < run.steps:
            run.advance(pool)
            ended = run.step % run.each == 0 or run.step == run.steps
            if not ended and time.perf_counter() - saved < every:
                continue
            saved = now = time.perf_counter()
            run.seconds, began = run.seconds + now - began, now
            used = time.process_time()
            run.core_seconds, spent = run.core_seconds + used - spent, used
            if ended:
                run.rows.append(_row(run, measure(model)))
                say(" ".join(f"{key} {value:g}" for key, value in run.rows[-1].items()))
            run.save(file)
            say(f"step {run.step} of {run.steps}, {run.core_seconds / 60:.1f} minutes of a core")
    return Curve(run.rows, run.seconds, run.core_seconds)


def _row(run: Run, right: float) -> dict[str, float]:
    loss = float(torch.stack(run.recent).mean())
    run.recent.clear()
    if not math.isfinite(loss):
        raise SystemExit(f"the loss is {loss} at step {run.step}: train at a lower rate")
    return {
        "epoch": round(run.step / run.each, 3), "loss": round(loss, 4), "accuracy": round(right, 4),
        "core_minutes": round(run.core_seconds / 60, 1), "minutes": round(run.seconds / 60, 1),
    }  # fmt: skip


def shared(model: nn.Module) -> nn.Module:
    """A copy with the same parameters and its own buffers (statistics of batch norms)."""
    twin = copy.deepcopy(model)
    for mine, theirs in zip(model.modules(), twin.modules(), strict=True):
        theirs._parameters.update(mine._parameters)
    return twin
