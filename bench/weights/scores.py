"""A teacher's scores of training pictures, computed once for some epochs' views and kept.

The views of a student's epochs repeat after `PERIOD`; on a GPU, where the teacher costs little,
each epoch has its own and the teacher is asked as they come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.weights.epochs import Lessons, Taught
from bench.weights.views import Views
from lowtide.files import write_file
from lowtide.ir.codes import Array

PERIOD = 4
CLASSES = 10


def asked(teacher: nn.Module, views: Views, batch: int, device: str) -> Lessons:
    """Lessons whose scores the teacher gives when they are drawn."""

    def draw(step: int) -> tuple[Tensor, Taught]:
        x, labels = views.batch(step, batch)
        return x, Taught(scores(teacher, x, device), labels)

    return Lessons(draw, views.steps(batch))


def kept(
    teacher: nn.Module, views: Views, batch: int, folder: Path, say: Callable[[str], None],
    period: int = PERIOD,
) -> Lessons:  # fmt: skip
    """Lessons with scores from files; those that are absent or cut short are made now."""
    each, of = views.steps(batch), digest(teacher, views)
    files = [folder / f"scores_{of}_{batch}_{epoch}.f16" for epoch in range(period)]
    whole = []
    for epoch, file in enumerate(files):
        steps = range(epoch * each, (epoch + 1) * each)
        values = _held(file, each * batch)
        if values is None:
            say(f"the teacher's scores of {each * batch} views, part {epoch + 1} of {period}")
            values = _scored(teacher, views, batch, steps)
            write_file(file, values.tobytes())
        whole.append(torch.from_numpy(values.astype(np.float32)))
    answers = torch.cat(whole)

    def draw(step: int) -> tuple[Tensor, Taught]:
        step %= each * period
        x, labels = views.batch(step, batch)
        return x, Taught(answers[step * batch : (step + 1) * batch], labels)

    return Lessons(draw, each)


def _held(file: Path, count: int) -> Array | None:
    """Scores [count, classes] of a file that is there and whole."""
    size = count * CLASSES * 2
    if not file.exists() or file.stat().st_size != size:
        return None
    return np.frombuffer(file.read_bytes(), np.float16).reshape(count, CLASSES)


def _scored(teacher: nn.Module, views: Views, batch: int, steps: range) -> Array:
    """Scores of batches, two at a time, as float16."""
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda step: scores(teacher, views.batch(step, batch)[0], "cpu"), steps)
        return torch.cat(list(found)).numpy().astype(np.float16)


def scores(teacher: nn.Module, x: Tensor, device: str) -> Tensor:
    kind = torch.device(device).type
    with torch.no_grad(), torch.autocast(kind, torch.bfloat16):
        return teacher(x).float()  # type: ignore[no-any-return]


def digest(teacher: nn.Module, views: Views) -> str:
    """Eight letters that tell one teacher, and what it was asked, from others."""
    found = hashlib.sha256(str((views.seed, views.shift, views.cut)).encode())
    for value in (*teacher.state_dict().values(), views.pictures.values, views.pictures.labels):
        found.update(value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:8]
