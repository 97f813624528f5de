"""What `lowtide train-compressed` does once torch is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lowtide.errors import UsageError
from lowtide.weights.candidates import Family
from lowtide.weights.pictures import Pictures as Files
from lowtide.weights.pictures import Scaling
from lowtide.weights.train.compressed import STUDENT, Trained, train_compressed
from lowtide.weights.train.data import Augment, Pictures


@dataclass(frozen=True)
class Options:
    """The command's options."""

    steps: int
    batch: int
    rate: float
    minutes: float | None
    shift: int
    mirror: bool
    orthonormal: float
    held_back: float
    seed: int
    device: str


def pictures(files: Files, scaling: Scaling) -> Pictures:
    """Pictures from files for torch; bytes are scaled batch by batch."""
    assert files.classes is not None
    values = torch.from_numpy(files.values)
    channels = values.shape[1]
    if values.dtype != torch.uint8:
        mean, std = torch.zeros(channels), torch.ones(channels)
    else:
        mean, std = (torch.tensor(v).expand(channels) for v in (scaling.mean, scaling.std))
    return Pictures(values, torch.from_numpy(files.classes), mean, std)


def train(
    model: Path,
    flash: str,
    files: Files,
    scaling: Scaling,
    families: Sequence[Family],
    options: Options,
    checkpoint: Path,
    progress: Callable[[str], None],
) -> Trained:
    """Trains; raises UsageError for a device that is not there."""
    if options.steps < 1 or not 0 <= options.held_back < 1:
        raise UsageError("--steps takes 1 or more, --held-back a share from 0 up to 1")
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"--device {options.device}: torch finds no GPU")
    recipe = replace(
        STUDENT, steps=options.steps, batch=options.batch, rate=options.rate,
        minutes=options.minutes, augment=Augment(options.shift, options.mirror),
        seed=options.seed, half=options.device.startswith("cuda"),
    )  # fmt: skip
    torch.manual_seed(options.seed)
    return train_compressed(
        model, flash, pictures(files, scaling), recipe=recipe, held_back=options.held_back,
        orthonormal=options.orthonormal, families=families, device=options.device,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip


def rates(trained: Trained) -> dict[str, Any]:
    """What is printed of the training."""
    return {
        "steps": trained.history.steps,
        "training_seconds": round(trained.history.seconds, 1),
        "validation_dense": trained.dense_accuracy,
        "validation_untrained": trained.before_accuracy,
        "validation_accuracy": trained.after_accuracy,
    }
