"""What `lowtide train-compressed` does once torch is there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lowtide.clock import Progress
from lowtide.data.pictures import Pictures, Scaling
from lowtide.errors import UsageError
from lowtide.ir.graph import Shape
from lowtide.weights.candidates import Family
from lowtide.weights.train.compressed import STUDENT, Trained, train_compressed
from lowtide.weights.train.data import Augment, TrainingPictures
from lowtide.weights.train.parallel import processes

__all__ = ["TrainOptions", "processes", "rates", "train"]


@dataclass(frozen=True)
class TrainOptions:
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

    def __post_init__(self) -> None:
        """Raises UsageError for what makes no sense, and for a device that is not there."""
        least = {"steps": 1, "batch": 1, "shift": 0, "orthonormal": 0, "held_back": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if not bound <= value < math.inf:
                raise UsageError(f"--{name.replace('_', '-')} takes {bound} or more, not {value}")
        if self.held_back >= 1:
            raise UsageError(f"--held-back takes a share below 1, not {self.held_back}")
        for name in ("rate", "minutes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"--{name} takes a number above 0, not {value}")
        try:
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError) as error:
            why = " ".join(str(error).split()).split(". ")[0]
            raise UsageError(f"--device {self.device}: torch cannot use it: {why}") from error


def pictures(files: Pictures, scaling: Scaling) -> TrainingPictures:
    """Pictures from files for torch; bytes are scaled batch by batch."""
    assert files.classes is not None
    values = torch.from_numpy(files.values)
    channels = values.shape[1]
    if values.dtype != torch.uint8:
        mean, std = torch.zeros(channels), torch.ones(channels)
    else:
        mean, std = (torch.tensor(v).expand(channels) for v in (scaling.mean, scaling.std))
    return TrainingPictures(values, torch.from_numpy(files.classes), mean, std)


def train(
    model: Path,
    flash: str,
    files: Pictures,
    scaling: Scaling,
    families: Sequence[Family],
    options: TrainOptions,
    checkpoint: Path,
    shapes: Mapping[str, Shape],
    max_elements: int,
    progress: Progress,
) -> Trained:
    """Trains as the options say."""
    recipe = replace(
        STUDENT, steps=options.steps, batch=options.batch, rate=options.rate,
        minutes=options.minutes, augment=Augment(options.shift, options.mirror),
        seed=options.seed, half=options.device.startswith("cuda"),
    )  # fmt: skip
    torch.manual_seed(options.seed)
    return train_compressed(
        model, flash, pictures(files, scaling), recipe=recipe, held_back=options.held_back,
        orthonormal=options.orthonormal, families=families, device=options.device,
        checkpoint=checkpoint, shapes=shapes, max_elements=max_elements, progress=progress,
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
