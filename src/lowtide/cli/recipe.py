"""lowtide.toml: what a fit was asked for, so that it can be repeated: lowtide fit -c lowtide.toml.

    model = "../net.tflite"      paths begin at the file's folder
    chip = "stm32l4r5"           other keys are options without their dashes
    keep-input = true

A file becomes words of the command line before those that are given by hand, which win.
"""

from __future__ import annotations

import inspect
import json
import os
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from lowtide.cli.recipe_types import checked
from lowtide.cli.repeat import was_given
from lowtide.errors import UnreadableModel, UsageError, system_says
from lowtide.files.listing import NAME as LISTING
from lowtide.files.listing import RECIPE
from lowtide.version import __version__

_NOT_IN_IT = {"as_json", "config", "help", "quiet", "verbose"}
"""What is about the command, and not about what it makes."""

PATHS = {"calibrate", "classes", "labels", "model", "output", "sample", "test"}
"""Names of files and folders: in the file they begin at its own folder."""

_HEAD = f"# lowtide {__version__} made this folder so; lowtide fit -c {RECIPE} makes it again.\n"


class RepeatedFit(TyperCommand):
    """A command that takes its options from a file as well."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """With -c FILE: its words, where nothing was given by hand, before the others."""
        given, *_ = self.make_parser(ctx).parse_args(args=list(args))
        file = given.get("config")
        if file is not None and not ctx.resilient_parsing:
            hints = get_type_hints(inspect.unwrap(self.callback))  # type: ignore[arg-type]
            args = [*_words(Path(file), self.params, given, hints), *args]
        rest = super().parse_args(ctx, args)
        if not ctx.params["model"] and not ctx.resilient_parsing:
            raise UsageError(
                "no network: name its file, ONNX or .tflite, or -c a lowtide.toml that does; "
                f"'{ctx.command_path} --help' lists what there is"
            )
        return rest


def recipe(context: typer.Context, output: Path, exported: Path | None = None) -> dict[str, bytes]:
    """lowtide.toml by its name: what was given, in the command's order, and another compiler.

    A PyTorch module is fitted again from what it was `exported` to, without PyTorch.
    """
    compiler = os.environ.get("CC")
    lines = [_HEAD, *([f"# CC = {_toml(compiler, output)}\n"] if compiler else [])]
    skipped = {*_NOT_IN_IT, "output", *(("input_",) if exported else ())}
    for parameter in context.command.params:
        name = str(parameter.name)
        if was_given(context, name) and name not in skipped:
            value = context.params[name]
            if exported is not None and name == "model":
                value = Path(os.path.realpath(exported.parent)) / exported.name
            line = f"{_key(parameter)} = {_toml(value, output)}\n"
            lines.append(line if _in_utf8(line) else f"# {_key(parameter)}: give it by hand\n")
    return {RECIPE: "".join(lines).encode()}


def _in_utf8(text: str) -> bool:
    """False of names of files that have bytes which no text has."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _key(parameter: Any) -> str:
    """The longest name of an option, without dashes; an argument's is its own."""
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    return str(max(parameter.opts, key=len)).lstrip("-")


def _toml(value: Any, output: Path) -> str:
    """ "a", 1, true, ["a", "b"]; paths from the folder that is written."""
    if isinstance(value, list | tuple):
        inner = [_toml(one, output) for one in value]
        return inner[0] if len(inner) == 1 else f"[{', '.join(inner)}]"
    if isinstance(value, Path):
        value = os.path.relpath(value.absolute(), os.path.realpath(output))
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _words(
    file: Path, parameters: Any, given: Mapping[str, Any], hints: Mapping[str, Any]
) -> Iterator[str]:
    """--budget=64KiB --sample=/there/a.png /there/net.onnx; raises UsageError."""
    held, known = _read(file), {_key(p): p for p in parameters if p.name not in _NOT_IN_IT}
    home = Path(os.path.realpath(file)).parent
    if "output" not in held and (home / LISTING).is_file():
        held["output"] = "."
    for key, value in held.items():
        if key not in known:
            near = ", ".join(get_close_matches(key, known, cutoff=0.5))
            meant = f"perhaps {near}?" if near else "its keys are the options of fit"
            raise UsageError(f"{file}: there is no '{key}'; {meant}")
        parameter, name = known[key], str(known[key].name)
        values = checked(file, key, name, hints[name], value)
        if given.get(name) in (None, ()):
            for one in values:
                if name in PATHS - {"output"}:
                    _check_there(file, key, one, home)
                yield from _word(key, parameter, one, home)


def _check_there(file: Path, key: str, value: str, home: Path) -> None:
    """Raises where a path leads nowhere, as after a folder was moved; nets.py:small is none."""
    if ":" in value or (home / value).exists():
        return
    by_hand = "NETWORK" if key == "model" else f"--{key} PATH"
    what = f"'{key}' is {value}, which is not there"
    hint = f"if it was moved, say where it is: lowtide fit {by_hand} -c {shlex.quote(str(file))}"
    if key == "model":
        raise UnreadableModel(what, file=str(file), hint=hint)
    raise UsageError(f"{file}: {what}; {hint}")


def _word(key: str, parameter: Any, value: Any, home: Path) -> Iterator[str]:
    if isinstance(value, bool):
        yield from parameter.opts[-1:] if value else parameter.secondary_opts[:1]
        return
    text = str(home / value) if parameter.name in PATHS else str(value)
    yield text if parameter.param_type_name == "argument" else f"--{key}={text}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(
            f"-c {file}: {'a folder' if file.is_dir() else 'there is no such file'}; name a "
            f"{RECIPE}, as each folder of lowtide fit has one"
        ) from error
    except OSError as error:
        raise UsageError(f"-c {file}: {system_says(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"-c {file} is no TOML file: {error}") from error
