"""Weights as C arrays, or in a file of their own when there are too many for a compiler.

Arrays of what ships stand in net_weights.c, which net.c includes: one compile, so no family's order
of weights can meet the kernels of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lowtide.backends.c99.program import Program
from lowtide.backends.c99.storages import row_bytes
from lowtide.backends.c99.text import Lines, literal, whole_literal
from lowtide.ir.dtype import F32
from lowtide.ir.graph import STORED, Array
from lowtide.kernels.cpus import PORTABLE
from lowtide.kernels.families import choosing, in_a_file, macro
from lowtide.quoting import own

MOST_IN_C = 1 << 20
"""Bytes of weights that are written as C arrays; above it they go to net_weights.bin."""

_ALIGN = 64  # bytes

_TYPES = {dtype.name: dtype.c for dtype in (F32, *STORED)}
"""Packed codes are bytes, their scales perhaps 16-bit floats (`packed.py`)."""

_INCBIN = """\
/* The weights: linked from net_weights.bin by the assembler, or handed over by the caller. */
#ifdef NET_WEIGHTS_MAPPED
static const float *net_weights;
void net_set_weights(const void *weights) { net_weights = (const float *)weights; }
#else
#ifndef NET_WEIGHTS_FILE
#define NET_WEIGHTS_FILE "net_weights.bin"
#endif
#if defined __APPLE__
__asm__(".const_data\\n.balign 64\\n_" "net_weights:\\n"
        ".incbin \\"" NET_WEIGHTS_FILE "\\"\\n.text\\n");
#else
__asm__(".pushsection .rodata\\n.balign 64\\n" "net_weights:\\n"
        ".incbin \\"" NET_WEIGHTS_FILE "\\"\\n.popsection\\n");
#endif
extern const float net_weights[];
#endif"""


_PLACED = """\
#ifndef NET_WEIGHTS_IN /* where constants lie: __attribute__((section(".qspi"))) */
#define NET_WEIGHTS_IN
#endif"""
_APART = """\
/* net_weights.c: the constants of net.c, which includes it; in a list of sources it is nothing.
   Made by lowtide; see net.h. */
#ifndef NET_CONSTANTS
typedef int net_constants_are_in_net_c;
#else
{}#endif
"""
_INCLUDED = """\
#define NET_CONSTANTS
#include "net_weights.c"
"""


def place_constants(constants: Lines, lines: Lines, called: str, apart: bool) -> str | None:
    """Puts constants into the program, or `apart`; returns net_weights.c, which it then includes.

    None: it has none, or none are needed.
    """
    if not constants.lines:
        return None
    lines.add(own(_PLACED, called))
    if not apart:
        lines.add(constants.text().rstrip("\n"))
        return None
    lines.add(own(_INCLUDED, called))
    return own(_APART, called).format(constants.text())


@dataclass(frozen=True)
class Held:
    """Where a program's constants are: in a file of so many bytes, `apart` in net_weights.c, or
    nowhere. And bytes of weights, of factors (biases, scales, how sums end) and of tables as they
    are written."""

    file_bytes: int | None
    apart: bool
    weights: int
    factors: int
    tables: int

    def __str__(self) -> str:
        if self.file_bytes:
            return f"net_weights.bin, {self.file_bytes} bytes"
        return "net_weights.c" if self.apart else "none"


def measure_held(program: Program, file_bytes: int | None, apart: bool) -> Held:
    """What a program holds, after all of it is written."""
    sizes = {name: _known(array).nbytes for name, array in program.weights.items()}
    factors = sum(size for name, size in sizes.items() if name in program.factors)
    lookups = sum(map(len, program.tables.values()))
    tables = 4 * (program.limits.get("ZEROS", 0) + lookups) + row_bytes(program.plan)
    tables += sum(_known(array).nbytes for array in program.numbers.values())
    return Held(file_bytes, apart, sum(sizes.values()) - factors, factors, tables)


def in_file(program: Program) -> bool:
    """Whether the weights go to net_weights.bin: a compiler takes too long over so many."""
    if program.plan.options.cpu == PORTABLE:  # a file is linked in by assembler
        return False
    return sum(array.nbytes for array in program.weights.values()) > MOST_IN_C


def emit_weights(program: Program, lines: Lines, constants: Lines) -> bytes | None:
    """Declares every weight array among the `constants`; returns the content of net_weights.bin if
    there is one."""
    if not program.weights:
        return None
    if not in_file(program):
        if program.variants:
            lines.add(choosing(program.variants))
        for name, array in program.weights.items():
            _emit_variants(name, array, program, constants)
        return None
    family = in_a_file(program.plan.layout, program.variants)
    held = program.weights | (program.variants[family] if family else {})
    if family:
        lines.add(f"#define {macro(family)}    /* the order of the weights in the file */")
    called = program.plan.options.name
    lines.add(own(_INCBIN, called))
    parts, at = [], 0
    for name, one in held.items():
        array, align = _known(one), _alignment(name, one, program)
        gap = bytes(-at % align)
        at += len(gap)
        where = f"{called}_weights + {at // 4}"
        if array.dtype != np.float32:
            where = f"(const {_TYPES[array.dtype.name]} *)(const void *)({where})"
        lines.add(f"#define {name} ({where})    /* {array.size} */")
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        parts += [gap, data]
        at += len(data)
    return b"".join([*parts, bytes(-at % _ALIGN)])


def _emit_variants(name: str, array: Array, program: Program, lines: Lines) -> None:
    """An array; those of families that have others stand before it."""
    kinds: list[tuple[list[str], Array]] = [([], array)]
    for family, arrays in program.variants.items():
        own = arrays.get(name, array)
        same = next((names for names, one in kinds if _equal(one, own)), None)
        if same is None:
            kinds.append(([f"defined {macro(family)}"], own))
        elif same is not kinds[0][0]:
            same.append(f"defined {macro(family)}")
    for k, (names, own) in enumerate([*kinds[1:], kinds[0]]):
        if len(kinds) > 1:
            lines.add(f"#{'elif' if k else 'if'} {' || '.join(names)}" if names else "#else")
        _emit_array(name, own, program, lines)
    if len(kinds) > 1:
        lines.add("#endif")


def _equal(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


def _alignment(name: str, array: Array, program: Program) -> int:
    """What an array begins at a multiple of: vectors read floats and codes, loops whole numbers."""
    whole = array.dtype.name in _TYPES and array.dtype != np.float32
    return 4 if whole and name not in program.packed else _ALIGN


def emit_numbers(program: Program, lines: Lines) -> None:
    """Declares the tables of numbers that definitions bring along."""
    for name, table in sorted(program.numbers.items()):
        _emit_array(name, table, program, lines)


def _known(array: Array) -> Array:
    """The array, as floats if it is of none of the types that are stored."""
    return array if array.dtype.name in _TYPES else array.astype(np.float32)


def _emit_array(name: str, held: Array, program: Program, lines: Lines) -> None:
    array, align = _known(held), _alignment(name, held, program)
    placed = f"{program.plan.options.name.upper()}_WEIGHTS_IN"
    kind = _TYPES[array.dtype.name]
    aligned = f"ALIGNED({align}) " if align > array.itemsize else ""
    lines.add(f"static {placed} {aligned}const {kind} {name}[{array.size}] = {{")
    for line in in_c(array):
        lines.add(line)
    lines.add("};")


def in_c(array: Array) -> Iterator[str]:
    """An array's numbers, in lines."""
    to_text, per = (literal, 8) if array.dtype == np.float32 else (whole_literal, 16)
    texts = [to_text(v).strip("()") for v in array.ravel().tolist()]
    for i in range(0, len(texts), per):
        yield "    " + ", ".join(texts[i : i + per]) + ","
