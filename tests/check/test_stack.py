"""The stack along calls: never less than a run takes, and what has no bound is refused."""

from __future__ import annotations

import shutil

import pytest

from lowtide.check.code_size import Footprint, footprint
from lowtide.check.meter import find_meter
from lowtide.check.stack import Machine, Stack, deepest
from lowtide.errors import CheckError
from lowtide.planner.options import Options

ARM = "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard"
COMPILERS = {
    "gcc": "gcc -O2",
    "clang": "clang -O2",
    "m4": f"{ARM} -O2",
    "m4s": f"{ARM} -Os",
    "m0plus": "arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb -O2",
    "clang-m4": "clang --target=arm-none-eabi -mcpu=cortex-m4 -O2 -ffreestanding",
    "aarch64": "aarch64-linux-gnu-gcc -O2",
    "riscv32": "riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 --specs=picolibc.specs -O2",
}
BEGIN = """
#define APART __attribute__((noinline, noclone))
#define USE(p) __asm__ volatile("" : : "r"(p) : "memory")
"""


def measured(source: str, cc: str) -> Footprint:
    if not shutil.which(cc.split()[0]):
        pytest.skip(f"there is no {cc.split()[0]}")
    meter = find_meter(Options(cc=cc))
    return footprint({"net.c": (BEGIN + source).encode(), "net.h": b""}, meter, 0, 0, "net")


def stack(source: str, cc: str) -> Stack:
    found = measured(source, cc).stack
    assert found is not None
    return found


def names(found: Stack) -> list[str]:
    return [step.function for step in found.path]


@pytest.fixture(params=COMPILERS.values(), ids=COMPILERS)
def cc(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_deepest_of_two_paths_and_a_jump_at_the_end(cc: str) -> None:
    """The last call is a jump; the frame of 400 bytes lies behind it."""
    found = stack(
        """
        APART static int deep(int x) { char a[400]; USE(a); return a[x]; }
        APART static int flat(int x) { char a[100]; USE(a); return a[x]; }
        APART static int middle(int x) { flat(x); return deep(x + 1); }
        int net_run(int x) { return middle(x); }
        int net_run_in(int x) { return flat(x); }
        """,
        cc,
    )
    assert names(found) == ["net_run", "middle", "deep"]
    assert 400 <= found.stack_bytes < 400 + 300
    assert 100 <= found.facts()["stack_of"]["net_run_in"] < 400


def test_a_pointer_leads_to_whatever_has_its_address_taken(cc: str) -> None:
    found = stack(
        """
        APART static int one(int x) { char a[100]; USE(a); return a[x]; }
        APART static int two(int x) { char a[300]; USE(a); return a[x]; }
        static int (*const table[])(int) = { one, two };
        int (*net_chosen)(int);
        int net_run(int x) { net_chosen = table[x & 1]; return net_chosen(x) + 1; }
        int net_pull(int (*give)(int), int x) { switch (x) { case 1: return give(x);
            case 2: return 7; case 3: return 99; case 4: return 12; case 5: return 5; } return 0; }
        """,
        cc,
    )
    assert names(found)[-1] == "two"
    assert found.facts()["stack_of"]["net_pull"] >= 300, "also from a last call by pointer"


def test_a_table_of_places_is_no_call(cc: str) -> None:
    """A switch jumps by a register too, and leads nowhere else."""
    cases = "".join(f"case {k}: net_a = {k * k}; net_b *= net_a; break; " for k in range(12))
    found = stack(
        f"""
        int net_a, net_b;
        APART static int two(int x) {{ char a[900]; USE(a); return a[x]; }}
        int (*const net_two)(int) = two;
        void net_run(int x) {{ switch (x) {{ {cases} }} }}
        """,
        cc,
    )
    assert found.facts()["stack_of"]["net_run"] < 300


def test_what_assembler_pushes_counts() -> None:
    """Of a function of assembler the compiler says 0; of what stands in another, nothing."""
    found = stack(
        """
        __attribute__((naked)) APART static void pushes(void) {
            __asm__ volatile("push {r3-r11, lr}\\n vpush {d8, d9}\\n sub sp, #16\\n add sp, #16\\n"
                             "vpop {d8, d9}\\n pop {r3-r11, pc}\\n"); }
        void net_run(void) { pushes(); __asm__ volatile("nop"); }
        void net_run_in(void) { __asm__ volatile("push {r0-r7}\\n pop {r0-r7}\\n"); }
        """,
        f"{ARM} -mfpu=fpv4-sp-d16 -O2",
    )
    assert found.path[-1].stack_bytes == 40 + 16 + 16
    assert found.facts()["stack_of"]["net_run_in"] == 32


def test_recursion_and_arrays_of_unknown_length_are_refused(cc: str) -> None:
    turns = """
        int net_step(int x);
        APART static int again(int x) { char a[32]; USE(a); return x ? net_step(x - 1) + a[x] : 0; }
        int net_step(int x) { char a[16]; USE(a); return again(x) * 3 + a[0]; }
        int net_run(int x) { return net_step(x); }
    """
    with pytest.raises(CheckError, match=r"has no bound: .* calls .*"):
        stack(turns, cc)
    with pytest.raises(CheckError, match="only when it runs"):
        stack("int net_run(int x) { char a[x]; USE(a); return a[0]; }", cc)


def test_the_librarys_functions_are_read_or_assumed() -> None:
    source = """void *memset(void *, int, unsigned);
        void net_run(char *x, int n) { memset(x, 1, n); x[0] = 2; }"""
    here = stack(source, "gcc -O2").path[-1]
    assert (here.function, here.source) == ("memset", "assumed")
    there = stack(source, f"{ARM} -O2").path[-1]
    assert there.source == "library"
    assert there.stack_bytes < here.stack_bytes
    assert str(stack(source, f"{ARM} -O2")).endswith(f"memset {there.stack_bytes} (library)")


def test_nothing_is_said_where_nothing_is_told() -> None:
    assert deepest("", "net_run:\n ret\n", Machine(), lambda _: {}) is None
    assert deepest("net.c:1:1:net_run\t8\tstatic", "", Machine(), lambda _: {}) is None
