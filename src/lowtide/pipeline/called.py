"""A call from Python: what it is given is looked at first, and its errors name its arguments.

The command line calls the same functions, and its users read of its options: --max-elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from functools import wraps
from inspect import Parameter, signature
from numbers import Real
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from lowtide.errors import LowtideError, UsageError
from lowtide.frontends.pytorch.mistaken import mistaken
from lowtide.pipeline.takes import takes
from lowtide.quoting import for_terminal

_Call = TypeVar("_Call", bound=Callable[..., Any])


def called(function: _Call) -> _Call:
    """The function as users have it. Raises UsageError for what no argument of it takes."""
    known = signature(function).parameters

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            for name, value in {**dict(zip(known, args, strict=False)), **kwargs}.items():
                if name in known:
                    _check(known[name], value, function)
            return function(*args, **kwargs)
        except LowtideError as error:
            error.arguments = frozenset(known)
            raise

    return call  # type: ignore[return-value]


def _check(parameter: Parameter, value: Any, function: Callable[..., Any]) -> None:
    name, words = parameter.name, str(parameter.annotation)
    if value is None and parameter.default is None:
        return
    if name in ("model", "models"):
        written = str(function.__annotations__.get(name))  # of all overloads
        several = isinstance(value, list | tuple) and (name == "models" or "list[" in written)
        if name == "models" and not (several and len(value) > 1):
            raise UsageError(f"{name}: {takes(name, words)}")
        if several and not value:
            raise UsageError(f"{name}=[]: a network, or a list of some, is needed")
        for one in value if several else [value]:
            if why := mistaken(one, modules="Module" in words):
                raise UsageError(why)
        return
    try:
        hint = eval(words, function.__globals__)
    except NameError:  # it is only there for type checkers
        return
    if (value is None and parameter.default is not Parameter.empty) or _is(value, hint):
        return
    plain = value is None or isinstance(value, str | Real)
    shown = repr(value) if plain else f"<{type(value).__name__}>"
    raise UsageError(f"{name}={for_terminal(shown)}: {takes(name, words)}")


def _is(value: Any, hint: Any) -> bool:
    """Whether a value may be meant for an annotation; numpy's and torch's kinds count as well."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in parts)
    if origin is Literal:
        return value.__hash__ is not None and value in parts
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_is(one, parts[1]) for one in value.values())
    if (
        isinstance(origin, type) and issubclass(origin, Iterable) and parts
    ):  # Sequence, tuple, ndarray
        if isinstance(value, Mapping) or not isinstance(value, Iterable):
            return False
        known = isinstance(value, Sized) and origin.__name__ != "ndarray"  # else it is used up
        return not known or all(_is(one, parts[0]) for one in value)
    if hint in (int, float):
        real = isinstance(value, Real) and not isinstance(value, bool)
        return real and (hint is float or value == value // 1)
    try:
        return isinstance(value, origin or hint)
    except TypeError:  # a protocol, or Any
        return True
