"""The Python API as a page: what `lowtide.__all__` names, from signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import lowtide

ROW = re.compile(r"(\S.*?) {2,}(\S.*)")


def python_api() -> str:
    held = {name: getattr(lowtide, name) for name in lowtide.__all__}
    functions = {name: one for name, one in held.items() if inspect.isfunction(one)}
    classes = {name: one for name, one in held.items() if inspect.isclass(one)}
    rest = {n: one for n, one in held.items() if n not in functions and n not in classes}
    failures = {name: one for name, one in classes.items() if issubclass(one, Exception)}
    values = {name: one for name, one in classes.items() if name not in failures}
    said = ["# Python\n", prose(lowtide.__doc__ or "")]
    for title, group in (("Functions", functions), ("Values", values), ("Errors", failures)):
        said.append(f"## {title}\n")
        for name, one in group.items():
            said.append(f"### {name}\n")
            said += entry(name, one, "lowtide.")
            said += members(name, one) if name in classes else []
    said += (
        ["## Types\n", *(f"`lowtide.{n}`\n:   `{one}`\n" for n, one in rest.items())]
        if rest
        else []
    )
    return "\n".join(said)


def entry(name: str, one: Any, before: str = "") -> list[str]:
    return [f"```python\n{before}{name}{signature(one)}\n```\n", prose(inspect.getdoc(one) or "")]


def members(owner: str, one: type) -> Iterator[str]:
    """Public fields are in the signature; then properties and methods that say what they do."""
    for name, member in vars(one).items():
        if name.startswith("_") or name == "exit_code":
            continue
        if isinstance(member, property) and member.__doc__:
            returned = annotation(inspect.signature(member.fget).return_annotation)  # type: ignore[arg-type]
            yield f"#### {owner}.{name}\n\n```python\n{name}: {returned}\n```\n"
            yield prose(inspect.getdoc(member) or "")
        elif inspect.isfunction(member) and member.__doc__:
            yield f"#### {owner}.{name}\n"
            yield from entry(name, member)


def signature(one: Any) -> str:
    """On a line of its own each, where there are several parameters."""
    try:
        held = inspect.signature(one)
    except ValueError:
        return ""
    parameters = [shown(p) for p in held.parameters.values() if p.name != "self"]
    stars = [p.kind for p in held.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in stars and inspect.Parameter.VAR_POSITIONAL not in stars:
        parameters.insert(
            [p.kind for p in held.parameters.values() if p.name != "self"].index(
                inspect.Parameter.KEYWORD_ONLY
            ),
            "*",
        )
    returned = held.return_annotation
    arrow = "" if inspect.isclass(one) or returned is held.empty else f" -> {annotation(returned)}"
    line = f"({', '.join(parameters)}){arrow}"
    if len(line) < 60:
        return line
    return "(" + "".join(f"\n    {one}," for one in parameters) + f"\n){arrow}"


def shown(one: inspect.Parameter) -> str:
    text = str(one.replace(default=one.empty, annotation=one.empty))
    text += "" if one.annotation is one.empty else f": {annotation(one.annotation)}"
    if one.default is one.empty:
        return text
    default = one.default
    if default is dataclasses.MISSING or "factory" in repr(default):
        return f"{text} = ..."
    return f"{text} = {getattr(default, '__name__', None) or repr(default)}"


def annotation(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def prose(text: str) -> str:
    """A docstring as Markdown: aligned columns of names become a definition list, drawings code."""
    return "\n\n".join(block(one) for one in re.split(r"\n\s*\n", text)) + "\n"


def block(text: str) -> str:
    lines = text.splitlines()
    if all(ROW.fullmatch(line) or line.startswith("  ") for line in lines):
        rows: list[list[str]] = []
        for line in lines:
            if line.startswith("  ") and rows:
                rows[-1][1] += " " + line.strip()
            elif row := ROW.fullmatch(line):
                rows.append([row[1], row[2]])
        if rows:
            return "\n\n".join(f"`{name}`\n:   {meaning}" for name, meaning in rows)
    if any(re.match(r"import |\w+ = |print\(|>>> ", line) for line in lines):
        code = [line for line in lines if re.match(r"import |[\w., ]+ = |\w[\w.]*\(|>>> ", line)]
        words = [line for line in lines if line not in code]
        return "\n".join([*words, "", "```python", *code, "```"])
    return text
