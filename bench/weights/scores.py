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
    """Lessons with scores from files, made where they are not there yet."""
    each, of = views.steps(batch), digest(teacher)
    whole: dict[int, Tensor] = {}

    def draw(step: int) -> tuple[Tensor, Taught]:
        epoch, place = divmod(step % (each * period), each)
        if epoch not in whole:
            file = folder / f"scores_{of}_{batch}_{epoch}.f16"
            if not file.exists():
                say(f"the teacher's scores of {each * batch} views, part {epoch + 1} of {period}")
                steps = range(epoch * each, (epoch + 1) * each)
                write_file(file, _scored(teacher, views, batch, steps).tobytes())
            held = np.frombuffer(file.read_bytes(), np.float16).reshape(each * batch, -1)
            whole[epoch] = torch.from_numpy(held.astype(np.float32))
        x, labels = views.batch(step % (each * period), batch)
        return x, Taught(whole[epoch][place * batch : (place + 1) * batch], labels)

    return Lessons(draw, each)


def _scored(teacher: nn.Module, views: Views, batch: int, steps: range) -> Array:
    """Scores of batches, two at a time, as float16."""
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda step: scores(teacher, views.batch(step, batch)[0], "cpu"), steps)
        return torch.cat(list(found)).numpy().astype(np.float16)


def scores(teacher: nn.Module, x: Tensor, device: str) -> Tensor:
    kind = torch.device(device).type
    with torch.no_grad(), torch.autocast(kind, torch.bfloat16):
        return teacher(x).float()  # type: ignore[no-any-return]


def digest(model: nn.Module) -> str:
    """Eight letters that tell one network's weights from another's."""
    found = hashlib.sha256()
    for value in model.state_dict().values():
        found.update(value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:8]
