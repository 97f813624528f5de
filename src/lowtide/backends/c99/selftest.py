"""net_selftest.c: whether net.c computes where it runs what it did where it was made.

    the arena's inputs  = given_x            a row that is wanted  = given_x
    net_run()                                net_pull()
    the arena's outputs : expected_y         a row that is made    : expected_y

A sum of the constants finds what is wrong in them and would not show in the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.backends.c99.arena import by_rows
from lowtide.backends.c99.text import literal
from lowtide.backends.c99.weights import in_c
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.quoting import own

_HEADER = """\
/* net_selftest.h: whether net.c computes here what it did where it was made. Made by lowtide.

   net_selftest() runs the network on inputs that it brings along, and compares. Its constants take
   {bytes} bytes of flash: leave it out of what ships. */
#ifndef NET_SELFTEST_H
#define NET_SELFTEST_H

#ifndef LOWTIDE_SELFTEST
#define LOWTIDE_SELFTEST
/* How many elements are `wrong`, and the first of them: of which output, in which sample. NULL for
   the output: the constants of the self-test are not those that were written. */
struct lowtide_selftest {{ const char *output; int sample; long element, wrong; }};
#endif

#ifdef __cplusplus
extern "C" {{
#endif
struct lowtide_selftest net_selftest(void);
#ifdef __cplusplus
}}
#endif
#endif
"""

_SOURCE = """\
/* net_selftest.c: inputs, what is expected of them, and a comparison; see net_selftest.h.
   Made by lowtide. */
#include "net_selftest.h"

#include "net.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {{ SAMPLES = {samples} }};

{constants}
#define SUM {sum}u /* of all that stands above: where one number is another, so is this */
{functions}
static uint32_t mixed(uint32_t sum, uint32_t number) {{ return (sum ^ number) * 16777619u; }}

static uint32_t sum_of_constants(void)
{{
    uint32_t sum = 2166136261u;
    for (int k = 0; k < SAMPLES; k++) {{
{summed}
    }}
    return sum;
}}

struct run {{ int sample; struct lowtide_selftest *found; }};

static void wrong(const struct run *run, const char *output, long element)
{{
    if (run->found->wrong++ == 0) {{
        run->found->output = output;
        run->found->sample = run->sample;
        run->found->element = element;
    }}
}}
{calls}
struct lowtide_selftest net_selftest(void)
{{
    struct lowtide_selftest found = {{ NULL, 0, 0, 0 }};
    if (sum_of_constants() != SUM) {{
        found.wrong = 1;
        return found;
    }}
    for (int k = 0; k < SAMPLES; k++) {{
        struct run run = {{ k, &found }};
{run}
    }}
    return found;
}}
"""

_OF_FLOATS = """
static uint32_t bits(float value)
{
    uint32_t held;
    memcpy(&held, &value, sizeof held);
    return value == value ? held : 0x7fc00000u;
}

/* Nothing is compared where NaN is expected. */
static int off(float made, float expected, float most)
{
    const float by = made - expected;
    return !(made == expected || expected != expected || (by <= most && -by <= most));
}
"""

_OF_WHOLE = """
static int whole_off(int32_t made, int32_t expected, int32_t most)
{
    const int64_t by = (int64_t)made - expected;
    return by > most || -by > most;
}
"""

_CALL = """
static void {}(struct net_row *row, void *context)
{{
    const struct run *const run = context;
{}
}}
"""


@dataclass(frozen=True)
class Case:
    """Inputs and what is expected of them, each flat in its order in memory, by port."""

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in (*self.inputs, *self.outputs))


def selftest(plan: Plan, cases: Sequence[Case], most_off: Sequence[float]) -> dict[str, bytes]:
    """The files by name; each output may be `most_off` from what is expected of it."""
    name, ports = plan.options.name, (*plan.inputs, *plan.outputs)
    columns = zip(*((*case.inputs, *case.outputs) for case in cases), strict=True)
    arrays = dict(zip((_held(plan, port) for port in ports), columns, strict=True))
    limits = dict(zip((port.identifier for port in plan.outputs), most_off, strict=True))
    floats = {port.type == F32 for port in ports}
    source = own(_SOURCE, name).format(
        samples=len(cases),
        constants="\n".join(line for port in ports for line in _constants(plan, port, arrays)),
        sum=_sum(list(arrays.values())),
        functions=(_OF_FLOATS if True in floats else "") + (_OF_WHOLE if False in floats else ""),
        summed="\n".join(line for port in ports for line in _summed(plan, port)),
        calls="".join(_calls(plan, limits)),
        run="\n".join(f"        {line}" for line in _run(plan, limits)),
    )
    header = own(_HEADER, name).format(bytes=sum(case.bytes for case in cases))
    return {f"{name}_selftest.h": header.encode(), f"{name}_selftest.c": source.encode()}


def _held(plan: Plan, port: Port) -> str:
    """The name of a port's constants."""
    way = "expected" if any(port is one for one in plan.outputs) else "given"
    return f"{way}_{port.identifier}"


def _constants(plan: Plan, port: Port, arrays: Mapping[str, Sequence[Array]]) -> Iterator[str]:
    held = _held(plan, port)
    yield f"static const {port.c} {held}[SAMPLES][{port.elements}] = {{"
    for array in arrays[held]:
        yield from ("{", *in_c(array), "},")
    yield "};"


def _sum(columns: Sequence[Sequence[Array]]) -> int:
    """FNV-1a by numbers: a multiplication by an odd number hides no difference."""
    total = 2166136261
    for sample in zip(*columns, strict=True):
        for array in sample:
            for number in _bits(array).tolist():
                total = (total ^ number) * 16777619 & 0xFFFFFFFF
    return total


def _bits(array: Array) -> Array:
    """Each number as 32 bits."""
    if array.dtype == np.float32:
        return np.where(np.isnan(array), np.uint32(0x7FC00000), array.view(np.uint32))
    return array.astype(np.int64) & 0xFFFFFFFF


def _summed(plan: Plan, port: Port) -> Iterator[str]:
    element = f"{_held(plan, port)}[k][i]"
    value = f"bits({element})" if port.type == F32 else f"(uint32_t){element}"
    yield f"        for (long i = 0; i < {port.elements}; i++)"
    yield f"            sum = mixed(sum, {value});"


def _differs(port: Port, made: str, sample: str, at: str, limits: Mapping[str, float]) -> str:
    """Whether an element is not what is expected."""
    limit, expected = limits[port.identifier], f"expected_{port.identifier}[{sample}][{at}]"
    if port.type == F32:
        most = min(1.01 * limit, 3e38)  # what is expected was rounded to float32
        return f"off({made}, {expected}, {literal(most)})"
    return f"whole_off({made}, {expected}, {int(min(limit, 2**31 - 1))})"


def _calls(plan: Plan, limits: Mapping[str, float]) -> Iterator[str]:
    """The functions that hand rows in and take them, where there are such."""
    at = "row->number * {}L + row->first + i"
    given, taken = list[str](), list[str]()
    for k, port in enumerate(plan.inputs):
        where = at.format(port.elements // max(port.streamed, 1))
        value = f"given_{port.identifier}[run->sample][{where}]"
        given += [
            f"    if (row->port == {k})",
            "        for (int i = 0; i < row->elements; i++)",
            f"            (({port.c} *)row->data)[i] = {value};",
        ]
    for k, port in enumerate(plan.outputs):
        where = at.format(port.elements // max(port.streamed, 1))
        made = f"((const {port.c} *)row->data)[i]"
        taken += [
            f"    if (row->port == {k})",
            "        for (int i = 0; i < row->elements; i++)",
            f"            if ({_differs(port, made, 'run->sample', where, limits)})",
            f'                wrong(run, "{port.identifier}", {where});',
        ]
    for name, lines, ports in (("give", given, plan.inputs), ("take", taken, plan.outputs)):
        if any(port.streamed for port in ports):
            yield own(_CALL, plan.options.name).format(name, "\n".join(lines))


def _run(plan: Plan, limits: Mapping[str, float]) -> Iterator[str]:
    """One sample: inputs in the arena are filled, the network runs, outputs there are compared."""
    name = plan.options.name
    if plan.states:
        yield f"if (k == 0)\n            {name}_reset();"
    for port in plan.inputs:
        if not port.streamed:
            held = f"in_{port.identifier}"
            yield f"{port.c} *const {held} = {name}_input_{port.identifier}();"
            yield f"for (long i = 0; i < {port.elements}; i++)"
            yield f"    {held}[i] = given_{port.identifier}[k][i];"
    ways = (("give", plan.inputs), ("take", plan.outputs))
    calls = [way if any(p.streamed for p in ports) else "NULL" for way, ports in ways]
    yield f"{name}_pull({', '.join(calls)}, &run);" if by_rows(plan) else f"{name}_run();"
    for port in plan.outputs:
        if not port.streamed:
            held = f"out_{port.identifier}"
            yield f"const {port.c} *const {held} = {name}_output_{port.identifier}();"
            yield f"for (long i = 0; i < {port.elements}; i++)"
            yield f"    if ({_differs(port, f'{held}[i]', 'k', 'i', limits)})"
            yield f'        wrong(&run, "{port.identifier}", i);'
