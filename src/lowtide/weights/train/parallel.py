"""The processes of `torchrun`, where a command is run by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


@contextmanager
def processes(device: str) -> Iterator[tuple[bool, str]]:
    """Joins the others; gives whether this is the first, which alone writes, and its device."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield True, device
        return
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    # The others wait while the first compresses.
    wait = timedelta(days=1)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=wait)
    yield dist.get_rank() == 0, device
    dist.destroy_process_group()


def made_once(make: Callable[[], T]) -> T:
    """What the first process makes, in all of them."""
    if not dist.is_initialized():
        return make()
    held: list[Any] = [make() if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(held, 0)
    return held[0]  # type: ignore[no-any-return]
