"""The memory map in C: for each storage a macro that gives the address of element i of row r.

#define S0(r, i) ((f32 *)(void *)(arena + 1024) + (r) * 96 + (i))         rows in one piece

static const uint16_t S1_at[56] = { 0, 84, 168, 420, ... };               a row table
#define S1(r, i) ((f32 *)(void *)(arena + (size_t)S1_at[r] * 64) + (i))
"""

from __future__ import annotations

from math import gcd

from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines
from lowtide.backends.c99.types import IN_ARENA, only_floats
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c


def emit_storages(program: Program, lines: Lines) -> None:
    """The macros, the tables they need, and what the judge must know of each storage."""
    plan = program.plan
    lines.add(
        "/* The memory map: each macro gives the address of element i of row r of a storage. */"
    )
    numbers, first, floats = [], 1, only_floats(plan)
    unused = plan.layout.scratch.values() if not program.kernels else ()
    for name, storage in plan.layout.storages.items():
        c, row = program.storage(name), storage.row_elements
        size, kind = storage.bytes, IN_ARENA[storage.dtype]
        straight = plan.straight(name)
        where = f"at {plan.offset[name]}" if straight else "row by row"
        lines.add(
            f"/* {c}: {for_c(name)}, {storage.rows} rows of {row} {storage.dtype}, "
            f"{size} bytes {where} */"
        )
        if name in unused:
            lines.add(f"/* {c} is for kernels alone. */")
        elif straight:
            address = f"({kind} *)(void *)(arena + {plan.offset[name]})"
            lines.add(f"#define {c}(r, i) ({address} + (r) * {row} + (i))")
        else:
            _table(plan, name, c, lines)
        numbers.append(f"#define {c}_FIRST {first}u\n#define {c}_ROW {row}")
        if not floats:
            numbers.append(f"#define {c}_TYPE {kind}")
        first += storage.elements
    lines.add("#ifdef LOWTIDE_CHECKED\n" + "\n".join(numbers) + "\n#endif\n")


def _table(plan: Plan, name: str, c: str, lines: Lines) -> None:
    unit, units = row_table(plan, name)
    lines.add(table(f"{_type(units)} {c}_at", units))
    kind = IN_ARENA[plan.layout.storages[name].dtype]
    address = f"({kind} *)(void *)(arena + (size_t){c}_at[r] * {unit})"
    lines.add(f"#define {c}(r, i) ({address} + (i))")


def row_table(plan: Plan, name: str) -> tuple[int, list[int]]:
    """The addresses of a storage's rows, as multiples of a unit that divides those of all rows."""
    rows = [at for one in plan.addresses.values() for at in one.tolist()]
    unit = gcd(*rows) or 1
    return unit, [at // unit for at in plan.addresses[name].tolist()]


def row_bytes(plan: Plan) -> int:
    """Bytes of flash for the tables of a streamed plan: where rows lie, and their order."""
    if not plan.streamed:
        return 0
    tables = [row_table(plan, name)[1] for name in plan.addresses if not plan.straight(name)]
    rows = sum(len(units) * (2 if _type(units) == "uint16_t" else 4) for units in tables)
    steps = sum(run.steps for run in plan.schedule.runs)
    return rows + steps * (1 if len(plan.tasks) <= 256 else 2)


def _type(units: list[int]) -> str:
    return "uint16_t" if max(units) < 1 << 16 else "uint32_t"


def table(declared: str, values: list[int]) -> str:
    """A constant array, 16 numbers a line."""
    lines = [", ".join(map(str, values[k : k + 16])) for k in range(0, len(values), 16)]
    body = ",\n    ".join(lines)
    return f"static const {declared}[{len(values)}] = {{\n    {body}\n}};"
