"""The command line as a page: each command with its arguments and options, as --help has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from lowtide.cli.app import app

HEAD = """\
---
search: {boost: 4}
---
# The command line

What `lowtide COMMAND --help` says, of all commands.
"""


def command_line() -> str:
    group: Any = typer.main.get_command(app)
    root = typer.Context(group, info_name="lowtide")
    return "\n".join([HEAD, *(group.epilog, ""), *lines(group, root)])


def lines(group: Any, root: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name, parent=root)
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"## lowtide {name}\n\n    lowtide {name} {usage}\n"
        yield f"{command.help or ''}\n\n{command.epilog or ''}\n"
        for panel, parameters in panels(command).items():
            address = f"{name}-{panel.lower().replace(' ', '-')}"
            yield f"### {name}: {panel} {{ #{address} }}\n" if panel else ""
            yield from (parameter(name, one, context) for one in parameters)


def panels(command: Any) -> dict[str, list[Any]]:
    """Parameters under the headings that --help shows, first those that have none."""
    found: dict[str, list[Any]] = {"": []}
    for one in command.params:
        if not one.hidden:
            found.setdefault(one.rich_help_panel or "", []).append(one)
    return found


def parameter(command: str, one: Any, context: Any) -> str:
    """An entry of a definition list; what is typed as code, with an address to link to."""
    typed, said = one.get_help_record(context)
    said, _, more = said.partition("  [")
    end = f" *{more.removesuffix(']').capitalize()}.*" if more else ""
    return f"`{typed}`{{ #{command}-{one.name} }}\n:   {said}{end}\n"
