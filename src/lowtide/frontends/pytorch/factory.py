"""pkg.mod:factory or nets.py:factory, as the command line names a module that is to be made."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Sequence
from inspect import Parameter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lowtide.errors import UnreadableModel, UsageError
from lowtide.frontends.pytorch.where import told
from lowtide.ir.graph import Array

_WORD = re.compile(r"(.+\.py|[^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")

_SHAPE = re.compile(r"(?:([^\W\d]\w*)=)?([1-9][0-9]{0,8}(?:x[1-9][0-9]{0,8})*)")


def is_factory(word: str) -> bool:
    """Whether it names a factory, and no file."""
    return _WORD.fullmatch(word) is not None and not os.path.exists(word)


def make(word: str) -> Any:
    """What the factory returns, or what is there if that is a module already.

    Raises UsageError where there is none, UnreadableModel where the user's code raises.
    """
    found = _WORD.fullmatch(word)
    assert found is not None
    place, name = found.groups()
    held: Any = _file(Path(place), word) if place.endswith(".py") else _package(place, word)
    for part in name.split("."):
        if not hasattr(held, part):
            raise UsageError(f"{word}: {place} has no '{part}'; name a function of it")
        held = getattr(held, part)
    if not isinstance(held, type) and hasattr(held, "named_modules"):
        return held
    if not callable(held):
        raise UsageError(
            f"{word}: of type {type(held).__name__}, which cannot be called; name a function that "
            "returns a torch.nn.Module"
        )
    if missing := _needed(held):
        raise UsageError(
            f"{word}: {name} needs {missing}; name a function that needs nothing, and write it if "
            f"there is none: def make(): return {name}(..)"
        )
    try:
        return held()
    except (Exception, SystemExit) as error:
        raise UnreadableModel(f"it raises {told(error)}", file=word) from error


def _needed(held: Any) -> str:
    """The arguments that it cannot be called without, as far as that is known."""
    try:
        parameters = inspect.signature(held).parameters.values()
    except (TypeError, ValueError):
        return ""
    free = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    names = (p.name for p in parameters if p.default is Parameter.empty and p.kind not in free)
    return " and ".join(f"'{name}'" for name in names)


def drawn(shapes: Sequence[str]) -> tuple[Array, ...] | dict[str, Array]:
    """1x3x32x32, or NAME=1x3x32x32: seeded numbers of these shapes, as a module is called."""
    rng, args, kwargs = np.random.default_rng(0), list[Array](), dict[str, Array]()
    for text in shapes:
        found = _SHAPE.fullmatch(text.strip())
        if found is None:
            raise UsageError(f"--input {text}: a shape such as 1x3x224x224, or NAME=1x3x224x224")
        name, dims = found[1], tuple(map(int, found[2].split("x")))
        values = rng.normal(size=dims).astype(np.float32)
        if name is None:
            args.append(values)
        elif name in kwargs:
            raise UsageError(f"--input {text}: '{name}' has a shape already")
        else:
            kwargs[name] = values
    if args and kwargs:
        raise UsageError("--input: give all inputs by name, or all in the order of forward()")
    return kwargs or tuple(args)


def _file(path: Path, word: str) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"{word}: there is no file {path}")
    # Under a name of its own: one called torch.py must not become torch.
    spec = importlib.util.spec_from_file_location(f"lowtide_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.absolute().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UnreadableModel(f"{path.name} raises {told(error)}", file=word) from error
    return module


def _package(name: str, word: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise UsageError(
                f"{word}: there is no module '{error.name}' here or in Python's path; of a file "
                "say path/to/file.py:factory"
            ) from error
        raise UnreadableModel(f"{name} raises {told(error)}", file=word) from error
    except (Exception, SystemExit) as error:
        raise UnreadableModel(f"{name} raises {told(error)}", file=word) from error
