"""The processors of `--cpu`: what compiles for each, and what of the C is for it.

    cortex-m4f   arm-none-eabi-gcc -mcpu=cortex-m4 ..   C of the DSP extension, and the portable
    portable     cc                                     plain C99: no word of GNU C, no vectors

One entry of CPUS is all that is known of a processor; boards have theirs from here.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from lowtide.errors import UsageError, perhaps
from lowtide.quoting import for_terminal


@dataclass(frozen=True)
class Cpu:
    """A processor, or several that share their C.

    `never` is a pattern of the macros that its compilers do not define: what stands in C for those
    that do is left out. `far` is how many multiply-adds there are for each byte of weights where
    reading them anew costs a sixteenth of the arithmetic, and no cache holds them.
    """

    name: str
    core: str
    compiler: str
    flags: tuple[str, ...]
    never: str
    far: int = 8
    systems: tuple[str, ...] = ()
    """What Python calls such a machine where it runs on one."""

    @property
    def command(self) -> str:
        """The compiler with its flags."""
        return " ".join((self.compiler, *self.flags))


_PC = r"__(SSE|AVX|FMA|BMI|x86_64|i386|APPLE)\w*|_MSC_VER"
_LARGE_ARM = r"|__(aarch64__|AARCH64|ARM_NEON|ARM_FEATURE_DOTPROD)\w*"
_HELIUM = r"|__ARM_FEATURE_MVE\w*"
_DSP = r"|__ARM_FEATURE_(DSP|SIMD32)\w*"
_QUADS = r"|QUADS"
_ARM = r"|__(ARM|arm|aarch64|AARCH64)\w*" + _QUADS
_SMALL = _PC + _LARGE_ARM
_EVERY = r"__(?!STDC|cplusplus|func__|LINE__|FILE__)\w+|_MSC_VER|QUADS"


def _cortex(name: str, core: str, fpu: str, never: str, short: str = "") -> Cpu:
    """A Cortex-M by GCC's name, with the unit for floats that `fpu` names, if any."""
    floats = (f"-mfpu={fpu}",) if fpu not in ("", "hard") else ()
    hard = ("-mfloat-abi=hard",) if fpu else ()
    flags = (f"-mcpu={short or name}", *floats, "-mthumb", *hard)
    return Cpu(name, core, "arm-none-eabi-gcc", flags, _SMALL + never + ("" if fpu else _QUADS))


CPUS = (
    _cortex("cortex-m0plus", "Cortex-M0+", "", _HELIUM + _DSP),
    _cortex("cortex-m3", "Cortex-M3", "", _HELIUM + _DSP),
    _cortex("cortex-m4", "Cortex-M4", "", _HELIUM),
    _cortex("cortex-m4f", "Cortex-M4F", "fpv4-sp-d16", _HELIUM, "cortex-m4"),
    _cortex("cortex-m7", "Cortex-M7", "fpv5-d16", _HELIUM),
    _cortex("cortex-m33", "Cortex-M33", "fpv5-sp-d16", _HELIUM),
    _cortex("cortex-m55", "Cortex-M55, Helium", "hard", ""),
    Cpu("x86-64", "x86-64", "cc", ("-march=native",), _ARM.removeprefix("|"), far=32,
        systems=("x86_64", "AMD64")),
    Cpu("aarch64", "Armv8.0-A", "aarch64-linux-gnu-gcc", ("-march=armv8-a",),
        _PC + _HELIUM + _DSP + _QUADS, far=32, systems=("aarch64", "arm64")),
    Cpu("riscv32", "RV32IMAC", "riscv64-unknown-elf-gcc",
        ("-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"), _PC + _ARM),
    Cpu("portable", "any", "cc", (), _EVERY, far=32),
)  # fmt: skip

PORTABLE = "portable"


def this_machine() -> str | None:
    """The name of the processor that Python runs on, if it is one of these."""
    return next((one.name for one in CPUS if platform.machine() in one.systems), None)


def same_c(asked: str, here: str) -> bool:
    """Whether what is left out for a processor is what is left out for another."""
    left_out = {one.name: one.never for one in CPUS}
    return left_out.get(asked) == left_out[here]


def find_cpu(name: str) -> Cpu:
    """The processor of a name; raises UsageError where there is none."""
    for one in CPUS:
        if one.name == name:
            return one
    known = [one.name for one in CPUS]
    raise UsageError(
        f"--cpu {for_terminal(name)}: there is no such processor; there are {', '.join(known)}"
        + perhaps(name, known)
    )
