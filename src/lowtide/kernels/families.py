"""Families of processors, which have kernels, and orders of weights, of their own.

    #if defined __ARM_FEATURE_MVE ..    the first of those that a program has something of
    #define FAMILY_HELIUM               whose condition holds when it is compiled; the kernels' C
    #elif ..                            and its constants ask for that name alone

A new family is one entry of FAMILIES. All other processors have what is portable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lowtide.kernels.cpus import find_cpu
from lowtide.kernels.packing import ByFamily, Order, Packing
from lowtide.layout.lay_out import Layout


@dataclass(frozen=True)
class Family:
    """Processors that a condition of C's preprocessor is true of.

    Its C may run `anywhere` if that has a half without instructions of its own. One order of
    weights has to do for every machine where they lie in a file: that of such a family, or the
    portable one.
    """

    name: str
    condition: str
    anywhere: bool = False

    @property
    def macro(self) -> str:
        """What is defined in C where the program is compiled for it."""
        return f"FAMILY_{self.name.upper()}"

    def may_have(self, cpu: str) -> bool:
        """Whether the condition can be true where C is compiled for a processor of `--cpu`."""
        never = re.compile(find_cpu(cpu).never)
        ways = (re.findall(r"defined (\w+)", way) for way in self.condition.split("||"))
        return any(not any(map(never.fullmatch, macros)) for macros in ways)


PC = ("x86-64", "aarch64")
"""The processors whose order weights in a file have, unless it is said otherwise."""

FAMILIES = (
    Family("helium", "defined __ARM_FEATURE_MVE && defined __GNUC__"),
    Family("dsp", "defined __ARM_FEATURE_DSP && defined __GNUC__"),
    Family(
        "dot", "defined __AVX2__ || (defined __aarch64__ && defined __AARCH64EL__)", anywhere=True
    ),
)
"""The first that a processor is of counts: a Cortex-M55 has the DSP extension as well."""


def families_of(cpu: str) -> tuple[str, ...]:
    """The family of a processor, if it has one: it may be compiled without what that needs."""
    return tuple(family.name for family in FAMILIES if family.may_have(cpu))[:1]


def never(cpu: str) -> str:
    """A pattern of the names that are not defined in C where it is for a processor alone."""
    return "|".join(family.macro for family in FAMILIES if family.name not in families_of(cpu))


def by_family(layout: Layout, others: Order, **own: Order) -> Packing:
    """A constant in the order that each family wants it in; those that are not emitted left out."""
    wanted = [f.name for f in FAMILIES if f.name in own and _emitted(f.name, layout)]
    return ByFamily(tuple((name, own[name]) for name in wanted), others) if wanted else others


def most_bytes(layout: Layout, others: int, **own: int) -> int:
    """What a step needs if each family needs its own, and each may be the one that runs."""
    return max(others, *(n for name, n in own.items() if _emitted(name, layout)), 0)


def _emitted(name: str, layout: Layout) -> bool:
    return layout.families is None or name in layout.families


def choosing(names: Iterable[str]) -> str:
    """Lines of C that find out which of some families, at least one, a program is compiled for."""
    lines, word = ["/* Whose kernels, and whose order of weights. */"], "if"
    wanted = set(names)
    for family in FAMILIES:
        if family.name in wanted:
            lines += [f"#{word} {family.condition}", f"#define {family.macro}"]
            word = "elif"
    return "\n".join([*lines, "#endif"])


def in_a_file(layout: Layout, names: Iterable[str]) -> str | None:
    """The one family of some whose order of weights lies in a file; None: the portable one."""
    first = [name for cpu in PC for name in families_of(cpu)]
    first = first if layout.families is None else list(layout.families)
    wanted = set(names) & set(first)
    return next((f.name for f in FAMILIES if f.name in wanted and f.anywhere), None)


def macro(name: str) -> str:
    """The name in C of a family."""
    return next(family.macro for family in FAMILIES if family.name == name)
