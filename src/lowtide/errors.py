"""What can go wrong, and the exit code that says so.

    LowtideError              1  a bug: none of the below
    ├── UsageError            2  a flag, a path or a combination that makes no sense
    ├── BudgetError           3  the network does not fit, and what holds it there
    ├── ModelError            4
    │   ├── UnreadableModel      missing, damaged or inconsistent file
    │   └── UnsupportedModel     a sound network that needs something that lowtide does not do
    └── CheckError            5  a plan was made but a check failed; nothing was written

Every message is one line: what, where (file, node, operator), and the way out; below that of a
budget stand the commands that would fit.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import starmap
from typing import Any

from lowtide.quoting import PATH_WIDTH, for_terminal

_FILE_WIDTH = 400

CUT = "end the network before it (onnx.utils.extract_model) and do the rest outside"
NO_OPERATOR = "no such operator in lowtide"
OPERATORS = f"'lowtide operators' lists those that there are: export with these, or {CUT}"
STATIC = f"export with fixed sizes, fold them with onnxsim, or {CUT}"
_END_MODULE = "end the module before it and do the rest outside"
MODULE = (
    "of PyTorch give the function that makes the module, which loads the weights: "
    "lowtide fit nets.py:small --input 1x3x224x224; in Python the module: "
    "lowtide.fit(module, example)"
)
FINITE = "export it from a training that did not diverge"
FLOAT32 = "export the network in float32"
NO_SEQUENCES = "export without sequences (Split instead of SplitToSequence)"
NETWORKS = "a network is an .onnx or a .tflite file: export others to one of those"
NO_COMPILER = "no C compiler: set CC, install gcc or clang, or pip install ziglang"
EXPORT = "onnx.checker.check_model(file, full_check=True) says more; export it again"
FIT_AGAIN = "run lowtide fit again"
REPORT = "please report it, with the command, what 'lowtide doctor' prints and the network"
"""Ways out that several errors name."""


def of_module(hint: str | None) -> str:
    """The way out where the network came from a PyTorch module: what to change there."""
    fixed = f"compute it with fixed shapes (torch.where, a mask), or {_END_MODULE}"
    return (hint or CUT).replace(STATIC, fixed).replace(CUT, _END_MODULE)


def extra(name: str) -> str:
    """How one of lowtide's extras is installed: right before a release and after one."""
    return f"install the extra {name}: pip install '.[{name}]' in a clone of lowtide"


def perhaps(word: str, known: Iterable[str]) -> str:
    """ " (perhaps cortex-m4?)" for what follows a word that is not known; "" if none is near."""
    bare = {re.sub("[^a-z0-9]", "", one.lower()): one for one in known}
    near = get_close_matches(re.sub("[^a-z0-9]", "", word.lower()), bare, n=2, cutoff=0.5)
    return f" (perhaps {' or '.join(bare[one] for one in near)}?)" if near else ""


LIMITS = {
    errno.EFBIG: "allow larger files: ulimit -f unlimited",
    errno.EMFILE: "allow more open files: ulimit -n 1024",
    errno.EAGAIN: "allow more processes: ulimit -u",
}
"""Ways out of what the system allows a process, wherever it was met."""


def system_says(error: OSError) -> str:
    """Its words, and the way out where that is the same everywhere."""
    what = error.strerror or " ".join(str(error).split()) or type(error).__name__
    way_out = LIMITS.get(error.errno or 0)
    return f"{what}; {way_out}" if way_out else what


_OPTION = re.compile(r"lowtide [a-z]+ [^;|]*|--([a-z][a-z0-9-]*)")
"""A command, which stays as it is, or an option."""


class LowtideError(Exception):
    """The base of every error that lowtide raises on purpose."""

    exit_code = 1
    arguments: frozenset[str] = frozenset()
    """Of the Python function that raised it, if that was called: options are called so then."""

    def __str__(self) -> str:
        """One line, which names from outside cannot make anything else of."""
        text = for_terminal(" ".join(self._text().split()), PATH_WIDTH)
        return _OPTION.sub(self._as_argument, text) if self.arguments else text

    def _as_argument(self, option: re.Match[str]) -> str:
        name = (option[1] or "").replace("-", "_")
        return name if name in self.arguments else option[0]

    def _text(self) -> str:
        return super().__str__()

    def facts(self) -> dict[str, Any]:
        """What `--json` prints when the command ends with this error."""
        return {"error": str(self), "exit_code": self.exit_code}

    def lines(self) -> list[str]:
        """What the terminal shows, with what was noted on the way out: what is kept."""
        notes = (for_terminal(one, PATH_WIDTH) for one in getattr(self, "__notes__", []))
        return [str(self.facts()["error"]), *notes]


class UsageError(LowtideError):
    """A flag, a path or a combination of them that makes no sense."""

    exit_code = 2


@dataclass(frozen=True)
class Suggestion:
    """A command that would succeed, and the RAM that it was seen to take.

    `changed` are the options in which it differs, by the command line's names; `note` is what has
    to be known before it is run. `needs` is the memory it takes beyond what was asked for: "a
    budget of 6448"; without that it fits as asked. `counted` is what its bytes are of.
    """

    command: str
    ram_bytes: int
    changed: Mapping[str, Any]
    note: str = ""
    needs: str = ""
    counted: str = "RAM"

    @property
    def argued(self) -> str:
        """What is to be given in Python: budget=560, image='streamed'."""
        return ", ".join(f"{name}={_plain(value)!r}" for name, value in self.changed.items())

    def facts(self) -> dict[str, Any]:
        """For --json."""
        more = {"note": self.note, "needs": self.needs}
        said = {name: words for name, words in more.items() if words}
        return {"command": self.command, "ram_bytes": self.ram_bytes, **said}

    def __str__(self) -> str:
        """A line; a shell takes its note for a comment."""
        needs = f", with {self.needs}" if self.needs else ""
        note = f"  # {self.note}" if self.note else ""
        return f"  {self.ram_bytes:>10,} B of {self.counted}{needs}: {self.command}{note}"


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


@dataclass(frozen=True)
class AtEightBits:
    """What the network would need at 8 bits: its arena, planned with elements of one byte.

    `command` makes it so, and `changed` are the options in which that differs, as in Suggestion.
    `ram_bytes` counts what the network's own figure does: with the stack where that was measured.
    `over` says which limit it misses as well, or may miss.
    """

    arena_bytes: int
    command: str
    changed: Mapping[str, Any]
    ram_bytes: int | None = None
    over: str = ""

    def facts(self) -> dict[str, Any]:
        """For --json."""
        ram = {} if self.ram_bytes is None else {"ram_bytes": self.ram_bytes}
        return {"arena_bytes": self.arena_bytes, **ram, "command": self.command}

    def __str__(self) -> str:
        arena, ram = f"{self.arena_bytes:,} bytes of arena", f"{self.ram_bytes or 0:,} B of RAM"
        over = f", {self.over}" if self.over else ""
        return f"about {arena if self.ram_bytes is None else ram}{over}: {self.command}"


class BudgetError(LowtideError):
    """The network does not fit the budget; `reached` says in numbers what it needs.

    `suggestions` would fit: each was planned, and its stack measured where this one's was.
    `eight` is what 8 bits would do, which makes another network of it.
    """

    exit_code = 3

    def __init__(
        self,
        what: str,
        reached: Mapping[str, Any] | None = None,
        suggestions: Sequence[Suggestion] | None = None,
    ) -> None:
        super().__init__(what)
        self.reached = reached or {}
        self.suggestions = suggestions
        self.eight: AtEightBits | None = None

    def __str__(self) -> str:
        """One line, for Python: with the commands, or the arguments that fit."""
        name = "argued" if self.arguments else "command"
        groups = self._groups()
        fit, more = (" | ".join(getattr(one, name) for one in group) for group in groups)
        said = [("what fits", fit), ("with more memory", more)]
        told = "".join(f"; {how}: {for_terminal(what, PATH_WIDTH)}" for how, what in said if what)
        return self._what() + told

    def _what(self) -> str:
        return super().__str__()

    def _groups(self) -> tuple[list[Suggestion], list[Suggestion]]:
        """What fits as it was asked, and what takes more memory."""
        told = self.suggestions or ()
        return [one for one in told if not one.needs], [one for one in told if one.needs]

    def facts(self) -> dict[str, Any]:
        """The error, `arena_bytes` (the least that was reached), and what holds it there."""
        facts = {**super().facts(), "error": self._what(), **self.reached}
        if self.eight is not None:
            facts["at_8_bits"] = self.eight.facts()
        if self.suggestions is None:
            return facts
        return {**facts, "suggestions": [one.facts() for one in self.suggestions]}

    def lines(self) -> list[str]:
        """The error, and a line for each command that succeeds."""
        fit, more = self._groups()
        head = "; these commands fit:" if fit else "; no options were found that fit"
        lines = [self._what() + (head if fit or more else ""), *map(str, fit)]
        lines += ["with more memory:", *map(str, more)] if more else []
        if self.eight is not None:
            lines.append(f"at 8 bits, which approximates it, {self.eight}")
        return lines


class ModelError(LowtideError):
    """The network cannot be taken in.

    `where` grows on the way out: an operator's entry knows the attribute, its caller the node,
    the importer the file.
    """

    exit_code = 4
    way_out = EXPORT
    """For a node whose error gives none of its own."""

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
        hint = self.hint or (self.way_out if self.node else None)
        return place + self.what + (f"; {hint}" if hint else "")


_NAMED, _KINDS = 2, 12


def all_of(errors: Sequence[UnsupportedModel]) -> UnsupportedModel:
    """One error that says all of several: what is wrong, then each operator with its nodes.

    no such operator in lowtide: TopK (3 nodes: 'a', 'b', ..), Det ('c'); end the network before it
    """
    if len(errors) == 1:
        return errors[0]
    wrong: dict[str, dict[str, list[str]]] = {}
    for error in errors:
        nodes = wrong.setdefault(error.what, {}).setdefault(error.operator or "", [])
        nodes.append(error.node or "")
    told = [f"{what}: {', '.join(starmap(_nodes, of.items()))}" for what, of in wrong.items()]
    more = [f"and {len(told) - _KINDS} more things"] if len(told) > _KINDS else []
    hints = Counter(error.hint or UnsupportedModel.way_out for error in errors)
    ((hint, _),) = hints.most_common(1)
    return UnsupportedModel("; ".join(told[:_KINDS] + more), file=errors[0].file, hint=hint)


def _nodes(operator: str, nodes: Sequence[str]) -> str:
    """Conv ('a'); Conv (3 nodes: 'a', 'b', ..)"""
    named = ", ".join(f"'{for_terminal(node)}'" for node in nodes[:_NAMED])
    if len(nodes) > 1:
        named = f"{len(nodes)} nodes: {named}{', ..' if len(nodes) > _NAMED else ''}"
    return f"{for_terminal(operator)} ({named})"


class UnreadableModel(ModelError):
    """The file is missing, damaged or inconsistent."""


class UnsupportedModel(ModelError):
    """The network is sound but needs something that lowtide does not do."""

    way_out = CUT


class CheckError(LowtideError):
    """A plan was made but one of the checks on it failed; a bug where no `hint` is a way out."""

    exit_code = 5

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint

    def _text(self) -> str:
        return super()._text() + (f"; {self.hint}" if self.hint else "")

    def lines(self) -> list[str]:
        """The error; where nobody knows a way out, that it is to be reported."""
        whose = "" if self.hint else f"; unless the compiler is at fault a bug of lowtide: {REPORT}"
        return [f"{self}{whose}"]
