"""The Python API as a page: what `lowtide.__all__` names, from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import lowtide

ROW = re.compile(r"(\S.*?) {2,}(\S.*)")
CODE = re.compile(r"import \w+$|\w+ = \w+\.|\w[\w.]*\(.*\)$|>>> ")


def python_api() -> str:
    held = {name: getattr(lowtide, name) for name in lowtide.__all__}
    groups: dict[str, list[str]] = {"Functions": [], "Values": [], "Errors": [], "Types": []}
    for name, one in held.items():
        error = inspect.isclass(one) and issubclass(one, Exception)
        of_class = "Errors" if error else "Values" if inspect.isclass(one) else "Types"
        groups["Functions" if inspect.isfunction(one) else of_class].append(name)
    said = ["# Python\n", prose(lowtide.__doc__ or "")]
    for title, names in groups.items():
        said += [f"## {title}\n"] if names else []
        for name in names:
            said += [f"### {name}\n", *shown_as(name, held[name])]
    return "\n".join(said)


def shown_as(name: str, one: Any) -> Iterator[str]:
    """What a user needs of it: nobody makes errors, so of these no signature."""
    if inspect.isfunction(one):
        yield from entry(name, one, "lowtide.")
    elif not inspect.isclass(one):
        yield f"```python\nlowtide.{name} = {one}\n```\n"
    elif issubclass(one, Exception):
        code = getattr(one, "exit_code", 1)
        yield f"{prose(inspect.getdoc(one) or '')}\nOn the command line: exit code {code}.\n"
    else:
        yield from (*entry(name, one, "lowtide."), *members(name, one))


def entry(name: str, one: Any, before: str = "") -> list[str]:
    return [f"```python\n{before}{name}{signature(one)}\n```\n", prose(inspect.getdoc(one) or "")]


def members(owner: str, one: type) -> Iterator[str]:
    """Public fields are in the signature; then properties and methods that say what they do."""
    bases = [base for base in one.__mro__ if base.__module__.startswith("lowtide")]
    shown = [base.__name__ in lowtide.__all__ for base in bases[1:]]
    if any(shown):
        bases = bases[: shown.index(True) + 2]
        yield f"It is a {bases.pop().__name__}, and has all that this has.\n"
    for name, member in {n: m for base in bases[::-1] for n, m in vars(base).items()}.items():
        if name.startswith("_"):
            continue
        if isinstance(member, property) and member.fget and member.__doc__:
            returned = annotation(inspect.signature(member.fget).return_annotation)
            yield f"#### {owner}.{name}\n\n```python\n{name}: {returned}\n```\n"
            yield prose(inspect.getdoc(member) or "")
        elif inspect.isfunction(member) and member.__doc__:
            yield f"#### {owner}.{name}\n"
            yield from entry(name, member)


def signature(one: Any) -> str:
    """On one line where it is short, and else a parameter a line."""
    held = inspect.signature(one)
    parameters = [p for p in held.parameters.values() if p.name != "self"]
    words, by_name = [shown(p) for p in parameters], [p.kind is p.KEYWORD_ONLY for p in parameters]
    if any(by_name):
        words.insert(by_name.index(True), "*")
    returned = held.return_annotation
    arrow = "" if inspect.isclass(one) or returned is held.empty else f" -> {annotation(returned)}"
    line = f"({', '.join(words)}){arrow}"
    return (
        line if len(line) < 60 else "".join(["(", *(f"\n    {w}," for w in words), f"\n){arrow}"])
    )


def shown(one: inspect.Parameter) -> str:
    text = one.name if one.annotation is one.empty else f"{one.name}: {annotation(one.annotation)}"
    if one.default is one.empty:
        return text
    value = repr(one.default)
    named = getattr(one.default, "__name__", value)
    return f"{text} = {'...' if value.startswith('<factory') else named}"


def annotation(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def prose(text: str) -> str:
    """A docstring as Markdown: aligned columns of names become a definition list, drawings code."""
    return "\n\n".join(block(one) for one in re.split(r"\n\s*\n", text)) + "\n"


def block(text: str) -> str:
    rows: list[list[str]] = []
    for line in text.splitlines():
        if row := ROW.fullmatch(line):
            rows.append([row[1], row[2]])
        elif line.startswith("  ") and rows:
            rows[-1][1] += f" {line.strip()}"
        else:
            return drawn(text)
    return "\n\n".join(f"`{name}`\n:   {meaning}" for name, meaning in rows)


def drawn(text: str) -> str:
    """Words, and lines of Python below them as code."""
    lines = text.splitlines()
    code = [line for line in lines if CODE.match(line)]
    if not code:
        return text
    return "\n".join([*(line for line in lines if line not in code), "", "```python", *code, "```"])
