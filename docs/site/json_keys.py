"""What scripts read, as a page: the keys of --json by command, and the exit codes.

The keys are those that tests/cli/interfaces.json promises; the codes are of the errors.
"""

from __future__ import annotations

import json
from pathlib import Path

from lowtide import errors

PROMISED = json.loads((Path(__file__).parents[2] / "tests" / "cli" / "interfaces.json").read_text())


HEAD = """\
# --json and exit codes

With `--json` a command prints one JSON object on stdout, and nothing else there; progress and
warnings go to stderr. An error is an object too. Keys may be added in a later version and are
never renamed ([the rules](../stability.md)).

## Exit codes
"""


def json_keys() -> str:
    keys = PROMISED["json"].items()
    said = "A point stands before a key of an object within, or of each object of a list.\n"
    of_each = [f"### {name}\n\n{tree(held)}" for name, held in keys]
    return "\n".join([HEAD, codes(), "## Keys\n", said, *of_each])


def codes() -> str:
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    rows = [
        f"| {one.exit_code} | `{one.__name__}` | {(one.__doc__ or '').splitlines()[0]} |"
        for one in kinds
        if issubclass(one, errors.LowtideError)
    ]
    ends = "| 129, 130, 143 | | Interrupted: a closed terminal, Ctrl-C, `kill`. |"
    head = ["| code | in Python | when |", "|---|---|---|", "| 0 | | Done. |"]
    return "\n".join([*head, *sorted(rows), ends, ""])


def tree(keys: list[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys) + "\n"
