"""Files of a training's folder: each is written whole, and one that cannot be used is named."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch

from bench.weights.course import Course
from lowtide.files import write_file


def put_facts(file: Path, facts: dict[str, Any]) -> None:
    write_file(file, (json.dumps(facts, indent=1) + "\n").encode())


def put_state(file: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_file(file, buffer.getvalue())


def facts(file: Path, course: Course) -> dict[str, Any]:
    """What is known of a finished network; SystemExit if it was trained by another course."""
    try:
        held: dict[str, Any] = json.loads(file.read_text())
        found = Course.of(held["course"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _useless(file) from error
    agree(file, found, course)
    return held


def state(file: Path, device: torch.device) -> dict[str, Any]:
    """Tensors and what stands beside them."""
    try:
        return torch.load(file, map_location=device, weights_only=True)  # type: ignore[no-any-return]
    except Exception as error:  # torch raises what its unpickler happens to meet
        raise _useless(file) from error


def agree(file: Path, found: Course, wanted: Course) -> None:
    """SystemExit where they differ, with what differs."""
    differ = [
        f"{key} {was}, not {now}"
        for (key, was), now in zip(vars(found).items(), vars(wanted).values(), strict=True)
        if was != now
    ]
    if differ:
        words = "move it away, or take another folder with -o"
        raise SystemExit(f"{file} was trained by {'; '.join(differ)}: {words}")


def _useless(file: Path) -> SystemExit:
    return SystemExit(f"{file} is absent, damaged or of something else: remove it and begin again")
