"""What can go wrong, and the exit code that says so.

    LowtideError              1  a bug: none of the below
    ├── UsageError            2  a flag, a path or a combination that makes no sense
    ├── BudgetError           3  the network does not fit, and what holds it there
    ├── ModelError            4
    │   ├── UnreadableModel      missing, damaged or inconsistent file
    │   └── UnsupportedModel     a sound network that needs something lowtide has no entry for
    └── CheckError            5  a plan was made but a check failed; nothing was written

Every message is one line: what, where (file, node, operator), and the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lowtide.quoting import PATH_WIDTH, for_terminal

_FILE_WIDTH = 400

OPERATORS = "'lowtide operators' lists those that are understood"
EXPORT = "onnx.checker.check_model(file, full_check=True) says more; export it anew"
"""Ways out that several errors name."""


class LowtideError(Exception):
    """The base of every error that lowtide raises on purpose."""

    exit_code = 1

    def __str__(self) -> str:
        """One line, which names from outside cannot make anything else of."""
        return for_terminal(" ".join(self._text().split()), PATH_WIDTH)

    def _text(self) -> str:
        return super().__str__()

    def facts(self) -> dict[str, Any]:
        """What `--json` prints when the command ends with this error."""
        return {"error": str(self), "exit_code": self.exit_code}


class UsageError(LowtideError):
    """A flag, a path or a combination of them that makes no sense."""

    exit_code = 2


class BudgetError(LowtideError):
    """The network does not fit the budget; `reached` says in numbers what it needs."""

    exit_code = 3

    def __init__(self, what: str, reached: Mapping[str, int | str] | None = None) -> None:
        super().__init__(what)
        self.reached = reached or {}

    def facts(self) -> dict[str, Any]:
        """The error, `arena_bytes` (the least that was reached), and what holds it there."""
        return {**super().facts(), **self.reached}


class ModelError(LowtideError):
    """The network cannot be taken in.

    `where` grows on the way out: an operator's entry knows the attribute, its caller the node,
    the importer the file.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        file: str | None = None,
        node: str | None = None,
        operator: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.file = file
        self.node = node
        self.operator = operator
        self.hint = hint

    def within(
        self, *, file: str | None = None, node: str | None = None, operator: str | None = None
    ) -> ModelError:
        """The same error with the places that were still unknown filled in."""
        self.file = self.file or file
        self.node = self.node or node
        self.operator = self.operator or operator
        return self

    def _text(self) -> str:
        place = f"{for_terminal(self.file, _FILE_WIDTH)}: " if self.file else ""
        node = for_terminal(self.node) if self.node else ""
        if self.operator:
            named = f" '{node}'" if node else ""
            place += f"{for_terminal(self.operator)}{named}: "
        elif node:
            place += f"node '{node}': "
        return place + self.what + (f"; {self.hint}" if self.hint else "")


class UnreadableModel(ModelError):
    """The file is missing, damaged or inconsistent."""


class UnsupportedModel(ModelError):
    """The network is sound but needs something lowtide has no entry for."""


class CheckError(LowtideError):
    """A plan was made but one of the checks on it failed."""

    exit_code = 5
