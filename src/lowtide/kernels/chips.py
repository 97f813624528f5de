"""The chips of `--chip`: processor, memories, flash and clock, each with where it is written.

    stm32f746   cortex-m7, 216 MHz   DTCM 64 + SRAM1 240 + SRAM2 16 = 320 KiB in one piece

One entry of CHIPS is all that is known of a chip. What no document says is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import accumulate, pairwise

from lowtide.errors import UsageError
from lowtide.kernels import chip_sources as at
from lowtide.kernels.chip_codes import are_several, flash_kib, is_ending, plain_code
from lowtide.kernels.chip_sources import Source
from lowtide.kernels.cpus import PORTABLE, find_cpu
from lowtide.quoting import for_terminal

KIB, _MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Memory:
    """A memory for data, where it lies; a tightly coupled one is the processor's own."""

    name: str
    address: int
    bytes: int
    coupled: bool = False

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.bytes


@dataclass(frozen=True, repr=False)
class Chip:
    """What is sold under a name.

    `ram_bytes` is the most RAM in one piece. `flash_bytes` is that of the largest of the name; None
    where the flash is a chip of its own.
    """

    name: str
    cpu: str
    clock_mhz: int
    memories: tuple[Memory, ...]
    flash_bytes: int | None
    sources: tuple[Source, ...]
    note: str = ""
    other: str = ""
    """What its core is called, where that is none of `kernels.cpus`."""

    def __post_init__(self) -> None:
        find_cpu(self.cpu)

    def __repr__(self) -> str:
        flash = f"{self.flash_bytes // KIB:,} KiB of flash" if self.flash_bytes else "flash outside"
        ram = f"{self.ram_bytes / KIB:,.7g} KiB of RAM"
        return f"<Chip {self.name}: {self.core}, {self.clock_mhz} MHz, {ram}, {flash}>"

    @property
    def measured(self) -> bool:
        """Whether its code can be compiled here, so that its size is known."""
        return self.cpu != PORTABLE

    @property
    def core(self) -> str:
        """What its processor is called."""
        return self.other or find_cpu(self.cpu).core

    @property
    def pieces(self) -> list[tuple[Memory, ...]]:
        """Its memories, together where one begins at the other's end."""
        ordered = sorted(self.memories, key=lambda one: one.address)
        apart = [one.end != other.address for one, other in pairwise(ordered)]
        number = list(accumulate(apart, initial=0))
        return [
            tuple(m for m, k in zip(ordered, number, strict=True) if k == piece)
            for piece in range(number[-1] + 1)
        ]

    @property
    def ram(self) -> tuple[Memory, ...]:
        """The largest piece: the one that the arena, the stack and the state are planned for."""
        return max(self.pieces, key=lambda piece: sum(one.bytes for one in piece))

    @property
    def ram_bytes(self) -> int:
        """Its bytes."""
        return sum(one.bytes for one in self.ram)

    @property
    def ram_name(self) -> str:
        """SRAM1 + SRAM2"""
        return " + ".join(one.name for one in self.ram)


CHIPS = (
    Chip(
        "stm32f407", "cortex-m4f", 168,
        (Memory("SRAM1", 0x20000000, 112 * KIB), Memory("SRAM2", 0x2001C000, 16 * KIB),
         Memory("CCM", 0x10000000, 64 * KIB, coupled=True)),
        _MIB, at.STM32F407,
    ),
    Chip(
        "stm32f746", "cortex-m7", 216,
        (Memory("DTCM", 0x20000000, 64 * KIB, coupled=True),
         Memory("SRAM1", 0x20010000, 240 * KIB), Memory("SRAM2", 0x2004C000, 16 * KIB)),
        _MIB, at.STM32F746,
    ),
    Chip(
        "stm32h743", "cortex-m7", 480,
        (Memory("DTCM", 0x20000000, 128 * KIB, coupled=True),
         Memory("AXI SRAM", 0x24000000, 512 * KIB), Memory("D2 SRAM", 0x30000000, 288 * KIB),
         Memory("D3 SRAM", 0x38000000, 64 * KIB)),
        2 * _MIB, at.STM32H743,
    ),
    Chip(
        "stm32l476", "cortex-m4f", 80,
        (Memory("SRAM1", 0x20000000, 96 * KIB), Memory("SRAM2", 0x10000000, 32 * KIB)),
        _MIB, at.STM32L476,
    ),
    Chip(
        "stm32l4r5", "cortex-m4f", 120,
        (Memory("SRAM1", 0x20000000, 192 * KIB), Memory("SRAM2", 0x20030000, 64 * KIB),
         Memory("SRAM3", 0x20040000, 384 * KIB)),
        2 * _MIB, at.STM32L4R5, "SRAM2 by its second address; its first is 0x10000000",
    ),
    Chip(
        "stm32u575", "cortex-m33", 160,
        (Memory("SRAM1", 0x20000000, 192 * KIB), Memory("SRAM2", 0x20030000, 64 * KIB),
         Memory("SRAM3", 0x20040000, 512 * KIB), Memory("SRAM4", 0x28000000, 16 * KIB)),
        2 * _MIB, at.STM32U575, "with TrustZone off; with it on, memory and flash are divided",
    ),
    Chip(
        "nrf52840", "cortex-m4f", 64,
        (Memory("RAM", 0x20000000, 256 * KIB),), _MIB, at.NRF52840,
        "a SoftDevice takes of both memories",
    ),
    Chip(
        "nrf5340", "cortex-m33", 128,
        (Memory("RAM0", 0x20000000, 256 * KIB), Memory("RAM1", 0x20040000, 252 * KIB)),
        _MIB, at.NRF5340, "the application core, without the last 4 KiB, which its maker keeps",
    ),
    Chip(
        "rp2040", "cortex-m0plus", 125,
        (Memory("SRAM0-3", 0x20000000, 256 * KIB), Memory("SRAM4", 0x20040000, 4 * KIB),
         Memory("SRAM5", 0x20041000, 4 * KIB)),
        None, at.RP2040,
        "the SDK's linker script gives data the first 256 KiB, and each core's stack 4 KiB",
    ),
    Chip(
        "rp2350", "cortex-m33", 150,
        (Memory("SRAM0-7", 0x20000000, 512 * KIB), Memory("SRAM8", 0x20080000, 4 * KIB),
         Memory("SRAM9", 0x20081000, 4 * KIB)),
        None, at.RP2350,
        "its Arm cores; the SDK's linker script gives data the first 512 KiB, and each core's "
        "stack 4 KiB",
    ),
    Chip(
        "esp32s3", PORTABLE, 240,
        (Memory("DRAM", 0x3FC88000, 0x53700),), None, at.ESP32S3,
        "what ESP-IDF leaves for static data of 512 KiB; it, Wi-Fi and code in RAM take of it",
        "Xtensa LX7",
    ),
    Chip(
        "max32690", "cortex-m4f", 120,
        (Memory("SRAM", 0x20000000, 1024 * KIB),), 3 * _MIB, at.MAX32690,
        "the Arm core's; 128 KiB of RAM and 256 KiB of flash more are its RISC-V core's",
    ),
)  # fmt: skip


def find_chip(name: str) -> Chip:
    """The chip of a name or an order code; raises UsageError where there is none."""
    asked = plain_code(name)
    for one in CHIPS:
        if asked.startswith(one.name) and (found := _ordered(one, asked)):
            return found
    if are_several(name):
        raise UsageError(
            f"--chip {for_terminal(name)}: one chip a fit; "
            "'lowtide profile --chip A --chip B' compares several"
        )
    names = [one.name for one in CHIPS]
    near = get_close_matches(asked[: max(map(len, names))], names)
    meant = f"perhaps {' or '.join(near)}?" if near else f"there are {', '.join(names)};"
    raise UsageError(
        f"--chip {for_terminal(name)}: there is no such chip; {meant} 'lowtide chips' lists all; "
        "for another one: lowtide fit NET --cpu CPU --budget RAM --flash BYTES"
    )


def _ordered(chip: Chip, code: str) -> Chip | None:
    """The chip, with the flash of an order code that says less: stm32l4r5zg has 1 MiB."""
    ending = code.removeprefix(chip.name)
    size = (flash_kib(chip.name, ending) or 0) * KIB
    if not is_ending(chip.name, ending) or size > (chip.flash_bytes or 0):
        return None
    less = 0 < size < (chip.flash_bytes or 0)
    return replace(chip, name=code, flash_bytes=size) if less else chip
