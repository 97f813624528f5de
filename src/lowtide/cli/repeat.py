"""The command that was given, with some options changed: what an error suggests can be run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import typer

from lowtide.cli.parse import parse_numbers, parse_tile
from lowtide.errors import BudgetError


@contextmanager
def suggesting(context: typer.Context) -> Iterator[None]:
    """What a BudgetError suggests becomes the given command with its changes."""
    try:
        yield
    except BudgetError as error:
        if error.suggestions is not None:
            error.suggestions = [
                replace(one, command=repeated(context, one.changed)) for one in error.suggestions
            ]
        if error.eight is not None:
            command = repeated(context, error.eight.changed)
            error.eight = replace(error.eight, command=command)
        raise


def repeated(context: typer.Context, changed: Mapping[str, Any]) -> str:
    """lowtide fit net.onnx -o out --budget 9 -> .. --budget 65536 --image streamed"""
    words = ["lowtide", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in changed:
            if changed[name] != parameter.default:
                words += _words(parameter, changed[name])
        elif was_given(context, name):
            words += _words(parameter, context.params.get(name))
    return shlex.join(words)


def given_to(context: typer.Context) -> dict[str, Any]:
    """What was given by hand of what the network is made of, as Python takes it."""
    from lowtide.frontends.onnx.shapes import parse_shapes

    words: dict[str, Callable[[Any], Any]] = {
        "mean": parse_numbers, "std": parse_numbers, "tile": parse_tile, "shape": parse_shapes,
    }  # fmt: skip
    return {
        name: words[name](value) if name in words else value
        for name, value in context.params.items()
        if name not in _ABOUT_THE_COMMAND and was_given(context, name)
    }


_ABOUT_THE_COMMAND = {
    "as_json",
    "config",
    "input_",
    "model",
    "output",
    "quiet",
    "report",
    "together",
    "verbose",
}


def was_given(context: typer.Context, name: str) -> bool:
    """Whether a parameter was given, and is not what it is by default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _words(parameter: Any, value: Any) -> list[str]:
    """--keep-input, --no-fuse-pools, --sample a.png --sample b.png, --tile 1x16."""
    if parameter.param_type_name == "argument":
        return [str(one) for one in (value if isinstance(value, list | tuple) else [value])]
    option = parameter.opts[0]
    if isinstance(value, bool):
        named = [option] if value else parameter.secondary_opts
        return list(named[:1])
    if isinstance(value, list):
        return [word for one in value for word in (option, str(one))]
    return [] if value is None else [option, str(value)]
