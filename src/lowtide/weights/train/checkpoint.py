"""The state of a training run on disk: written beside the file, then put in its place."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lowtide.errors import UnreadableModel
from lowtide.files import write_file

_WAY_OUT = "remove it to begin anew, or name another file"


@dataclass(frozen=True)
class Checkpoint:
    """Weights, optimizer, random state, and how far the run is; `of` says what is trained."""

    model: dict[str, Any]
    optimizer: dict[str, Any]
    dice: Tensor
    step: int
    seconds: float
    losses: tuple[float, ...]
    of: str = ""


def save(path: Path, state: Checkpoint) -> None:
    """Writes the state; under torch.distributed process 0 does."""
    if dist.is_initialized() and dist.get_rank():
        return
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    write_file(path, buffer.getvalue())


def check(path: Path, of: str) -> None:
    """Raises UnreadableModel where the state is of something else; a look before the work."""
    try:
        held = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True, mmap=True))
    except Exception as error:  # zipfile, pickle and torch each raise their own
        raise UnreadableModel(
            "not a checkpoint that can be read", file=str(path), hint=_WAY_OUT
        ) from error
    if held.of != of:
        raise UnreadableModel(
            "a checkpoint of another network, other pictures or other options",
            file=str(path),
            hint=_WAY_OUT,
        )


def restore(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> Checkpoint:
    """Loads a state into model and optimizer; raises UnreadableModel where it is not theirs."""
    try:
        held = Checkpoint(**torch.load(path, map_location=device, weights_only=True))
        model.load_state_dict(held.model)
        optimizer.load_state_dict(held.optimizer)
    except Exception as error:  # zipfile, pickle and torch each raise their own
        raise UnreadableModel(
            "not a checkpoint of this network and recipe",
            file=str(path),
            hint=_WAY_OUT,
        ) from error
    return Checkpoint(**{**vars(held), "dice": held.dice.cpu()})
