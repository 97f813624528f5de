"""The command line that makes a plan."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields

from lowtide.ir.graph import Shape
from lowtide.planner.options import Options


def fit_command(
    model: str,
    options: Options,
    budget: int | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> str:
    """The command that makes a plan with these options; defaults are left out."""
    written = "-o out" if options.element_bytes is None else "--target none"
    words = [f"lowtide fit {shlex.quote(model)} {written}"]
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default and field.name != "pixels":  # words of --mean and others
            words.append(_flag(field.name.replace("_", "-"), value))
    words += [
        f"--shape {shlex.quote(given(name, shape))}" for name, shape in (shapes or {}).items()
    ]
    words += [] if budget is None else [f"--budget {budget}"]
    return " ".join(words)


def given(name: str, shape: Shape) -> str:
    """x=1x3x224x224"""
    return f"{name}={'x'.join(map(str, shape))}"


def _flag(name: str, value: object) -> str:
    """--keep-input, --no-fuse-pools, --tile 1x16, --align 4."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    if isinstance(value, tuple):
        return f"--{name} {'x'.join(map(str, value))}"
    said = f"{value:g}" if isinstance(value, float) else shlex.quote(str(value))
    return f"--{name} {said}"
