"""The boards as `lowtide boards` lists them, and which of their tools are here."""

from __future__ import annotations

from typing import Any

from lowtide.timing.boards import BOARDS, apt_line, list_tools


def boards_text() -> str:
    """A line a board, a line a tool, and what installs those that are missing."""
    lines = []
    for one in BOARDS:
        ready = f"needs {', '.join(t.absent for t in one.missing)}" if one.missing else "ready"
        lines.append(f"  {one.name:11}  {one.core:18}  {one.machine:11}  {ready}")
        lines += [f"{'':15}{one.note}"] if one.note else []
    tools = list_tools()
    lines += [
        "",
        *(f"  {tool.command:24}  {tool.found or f'missing: {tool.absent}'}" for tool in tools),
    ]
    missing = [tool for tool in tools if not tool.found]
    return "\n".join([*lines, *(["", f"  {apt_line(missing)}"] if missing else [])])


def board_facts() -> dict[str, Any]:
    """Everything `boards --json` prints."""
    tools = list_tools()
    missing = [tool for tool in tools if not tool.found]
    return {
        "boards": [
            {
                "name": one.name, "core": one.core, "flags": list(one.flags),
                "compiler": one.family.compiler.command,
                "emulator": one.family.emulator.command, "machine": one.machine,
                "ready": not one.missing, "missing": [tool.absent for tool in one.missing],
                "note": one.note,
            }
            for one in BOARDS
        ],
        "tools": {tool.command: tool.found for tool in tools},
        "install": apt_line(missing) if missing else None,
    }  # fmt: skip
