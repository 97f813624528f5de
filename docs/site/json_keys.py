"""What scripts read, as a page: the keys of --json by command, and the exit codes.

keys of each command    tests/cli/interfaces.json, what is promised
what they mean          keys.md, and of a plan's figures docs/plan-json.md
exit codes              the errors
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from lowtide import errors

DOCS = Path(__file__).parents[1]
PROMISED = json.loads((DOCS.parent / "tests" / "cli" / "interfaces.json").read_text())

FACT = re.compile(r"^- (`\w+`): ((?:.|\n  )*)", re.MULTILINE)
"""What docs/plan-json.md says of the figures of a plan, which are keys here too."""

MEMORY = "### Memory\n"


HEAD = """\
# --json and exit codes

With `--json` a command prints one JSON object on stdout, and nothing else there; progress and
warnings go to stderr. An error is an object too. Keys may be added in a later version and are
never renamed ([the rules](../stability.md)).

## Exit codes
"""


def json_keys() -> str:
    plan = (DOCS / "plan-json.md").read_text()
    facts = [f"{one[1]}\n:   {' '.join(one[2].split())}\n" for one in FACT.finditer(plan)]
    meanings = (DOCS / "site" / "keys.md").read_text()
    meanings = meanings.replace(MEMORY, "\n".join([MEMORY, *facts]))
    of_each = map(of_command, PROMISED["json"])
    meant = "## What keys mean\n"
    return "\n".join([HEAD, codes(), meant, meanings, "## Keys of each command\n", *of_each])


def codes() -> str:
    """From the tree that the errors' own docstring draws."""
    drawn = re.findall(r"(\w+(?:Error|Model))\b *\d? *(.*)", errors.__doc__ or "")
    rows = [f"| {getattr(errors, name).exit_code} | `{name}` | {said} |" for name, said in drawn]
    ends = "| 129, 130, 143 | | interrupted: a closed terminal, Ctrl-C, `kill` |"
    return "\n".join(
        ["| code | in Python | when |\n|---|---|---|\n| 0 | | done |", *rows, ends, ""]
    )


def of_command(name: str) -> str:
    """A line of keys; of those that have nearly all of another's, what is different."""
    keys, fit = PROMISED["json"][name], PROMISED["json"]["fit"]
    said = ", ".join(f"`{key}`" for key in keys)
    gone = [key for key in fit if key not in keys]
    if name.startswith("fit --") and len(gone) < len(fit) / 4:
        more = ", ".join(f"`{key}`" for key in keys if key not in fit)
        said = f"Those of `fit`, and {more}"
        said += f"; not {', '.join(f'`{key}`' for key in gone)}" if gone else ""
    return f"### {name}\n\n{said}.\n"
