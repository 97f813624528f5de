"""The signature that a function shows, and what a call of it was given.

A function that is declared for each target (`typing.overload`) takes whatever one of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import Parameter, Signature, signature
from typing import Any, get_overloads

_WIDE = 80


class _Word(str):
    """An annotation that is shown as it was written."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class _Lines(Signature):
    """A signature that is shown with a line for each parameter, where one is too short for all."""

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) < _WIDE:
            return text
        parameters = ["*" if one == "*" else str(one) for one in _with_star(self)]
        returns = f" -> {self.return_annotation}"
        return "(\n    " + ",\n    ".join(parameters) + f"\n){returns}"


def _with_star(of: Signature) -> list[Parameter | str]:
    found: list[Parameter | str] = list(of.parameters.values())
    named = (k for k, one in enumerate(of.parameters.values()) if one.kind is one.KEYWORD_ONLY)
    at = next(named, None)
    return found if at is None else [*found[:at], "*", *found[at:]]


def signed(function: Callable[..., Any]) -> None:
    """Makes a function show all that one of its overloads takes, and all that they return."""
    ways = [signature(one) for one in get_overloads(function)] or [signature(function)]
    merged: dict[str, Parameter] = {}
    for way in ways:
        for name, one in way.parameters.items():
            held = merged.get(name, one)
            merged[name] = held.replace(annotation=_either(held.annotation, one.annotation))
    returns = " | ".join(dict.fromkeys(str(way.return_annotation) for way in ways))
    shown = _Lines(list(merged.values()), return_annotation=_Word(returns))
    function.__signature__ = shown  # type: ignore[attr-defined]


def _either(one: str, other: str) -> _Word:
    """Literal['a', 'b'], Literal['c'] -> Literal['a', 'b', 'c']; of other types the first."""
    begins = "Literal["
    if one == other or not all(
        text.startswith(begins) and text[-1] == "]" for text in (one, other)
    ):
        return _Word(one)
    words = (word for text in (one, other) for word in text[len(begins) : -1].split(", "))
    return _Word(f"{begins}{', '.join(dict.fromkeys(words))}]")


def given_of(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a call was given, but for what is None, or off as it is anyway.

    Raises TypeError for a name that the function does not take.
    """
    known = signature(function).parameters
    for name in given:
        if name not in known:
            near = ", ".join(get_close_matches(name, known))
            called = f"{function.__name__}() got an unexpected keyword argument '{name}'"
            raise TypeError(f"{called}{near and f'; did you mean {near}?'}")
    return {
        name: value
        for name, value in given.items()
        if value is not None and not (value is False and known[name].default is False)
    }
