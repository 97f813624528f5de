"""Where each fact of a chip is written: a document, its number, and the page.

Most are files of the makers themselves, as they stood at a commit: there the page is the line, or
the heading where the lines were not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

FACTS = ("cpu", "memories", "flash", "clock")
"""What every chip has a source of."""


@dataclass(frozen=True)
class Source:
    """Which facts are written where in which edition of which document."""

    says: tuple[str, ...]
    document: str
    number: str
    where: str


def _of(document: str, number: str, where: str, *says: str) -> Source:
    return Source(says, document, number, where)


def _parts(where: str) -> Source:
    """ST's own description of a part number: core, clock and flash."""
    return _of(
        "STMicroelectronics, STM32_open_pin_data", "STM32CubeMX 6.15.0, commit 3d64b10",
        f"mcu/{where}", "cpu", "flash", "clock",
    )  # fmt: skip


def _device(family: str, number: str, where: str, *says: str) -> Source:
    document = f"STMicroelectronics, cmsis_device_{family}"
    return _of(document, number, where, *(says or ("memories", "flash")))


def _nordic(where: str, *says: str) -> Source:
    return _of("Nordic Semiconductor, nrfx", "4.2.1", f"bsp/stable/mdk/{where}", *says)


def _pico(where: str, *says: str) -> Source:
    return _of("Raspberry Pi, pico-sdk", "2.2.0", where, *says)


def _adi(number: str, where: str, *says: str) -> Source:
    document = "Analog Devices, msdk, Libraries/CMSIS/Device/Maxim/MAX32690"
    return _of(document, f"commit {number}", where, *says)


STM32F407 = (
    _parts("STM32F407V(E-G)Tx.xml, lines 4, 5, 12"),
    _device("f4", "v2.6.10, commit cdbad76", "Include/stm32f407xx.h, lines 51, 906-909, 917, 920"),
)
STM32F746 = (
    _parts("STM32F746NGHx.xml, lines 4, 5, 10"),
    _device("f7", "v1.2.9", "Include/stm32f746xx.h, lines 170-172, 1131, 1137-1139"),
)
STM32H743 = (
    _parts("STM32H743ZITx.xml, lines 4, 5, 11"),
    _device("h7", "v1.10.4, commit 13ba9da",
            "Include/stm32h743xx.h, lines 216-222, 2062-2065, 2068, 2071, 2078"),
)  # fmt: skip
STM32L476 = (
    _parts("STM32L476R(C-E-G)Tx.xml, lines 4, 5, 11"),
    _device("l4", "v1.7.4", "Include/stm32l476xx.h, lines 51, 1126-1131, 1145, 1146"),
)
STM32L4R5 = (
    _parts("STM32L4R5Z(G-I)Tx.xml, lines 4, 5, 10"),
    _device("l4", "v1.7.4", "Include/stm32l4r5xx.h, lines 51, 1226-1232, 1248-1250"),
    _of("STMicroelectronics, STM32CubeL4", "commit 82e7ade",
        "Projects/NUCLEO-L4R5ZI/Templates/STM32CubeIDE/STM32L4R5ZITX_FLASH.ld, lines 50-54",
        "memories"),
)  # fmt: skip
STM32U575 = (
    _parts("STM32U575ZITxQ.xml, lines 4, 10, 17"),
    _device("u5", "v1.4.0, commit 48a64b6", "Include/stm32u575xx.h, lines 225-230, 1634-1656"),
    _device("u5", "v1.4.0, commit 48a64b6",
            "Source/Templates/gcc/linker/STM32U575xx_FLASH.ld, lines 48-50"),
)  # fmt: skip
NRF52840 = (
    _nordic("nrf52840.h, lines 138-151", "cpu"),
    _nordic("nrf52840_xxaa_memory.h, lines 44, 45, 64, 65", "memories", "flash"),
    _nordic("system_nrf52.c, line 34", "clock"),
)
NRF5340 = (
    _nordic("nrf5340_application.h, lines 137-151", "cpu"),
    _nordic("nrf5340_xxaa_application_memory.h, lines 44, 45, 60-65", "memories", "flash"),
    _nordic("system_nrf5340_application.c, line 41", "clock"),
)
RP2040 = (
    _pico("cmake/preload/toolchains/pico_arm_cortex_m0plus_gcc.cmake, line 5", "cpu"),
    _pico("src/rp2040/hardware_regs/include/hardware/regs/addressmap.h, lines 33-38", "memories"),
    _pico("src/rp2_common/pico_crt0/rp2040/memmap_default.ld, lines 27-29", "memories"),
    _pico("src/boards/include/boards/pico.h, line 77: of the board, not the chip", "flash"),
    _pico("src/rp2040/hardware_regs/include/hardware/platform_defs.h, lines 85-89: 125 MHz unless "
          "asked for 200", "clock"),
    _of("Raspberry Pi, RP2040 Datasheet", "as manualshelf.com holds it (Arducam B0302)",
        "section 2.6.2, SRAM: a single region (no page: it was read as text)", "memories"),
)  # fmt: skip
RP2350 = (
    _pico("cmake/preload/toolchains/pico_arm_cortex_m33_gcc.cmake, line 4", "cpu"),
    _pico("src/rp2350/hardware_regs/include/hardware/regs/addressmap.h, lines 34-42", "memories"),
    _pico("src/rp2_common/pico_crt0/rp2350/memmap_default.ld, lines 27-29", "memories"),
    _pico("src/boards/include/boards/pico2.h, line 80: of the board, not the chip", "flash"),
    _pico("src/rp2350/hardware_regs/include/hardware/platform_defs.h, line 114", "clock"),
)
ESP32S3 = (
    _of("Espressif, ESP32-S3 Series Datasheet", "version 2.2", "pages 1, 4 and 38 (4.1.2)",
        "cpu", "memories", "flash", "clock"),
    _of("Espressif, esp-idf", "commit 019a019",
        "components/esp_system/ld/esp32s3/memory.ld.in, lines 29-36", "memories"),
)  # fmt: skip
MAX32690 = (
    _adi("02288e7", "Include/max32690.h, headings 'Configuration of the Cortex-M Processor' and "
         "'Device Specific Memory Section'", "cpu", "memories", "flash"),
    _adi("02a8761", "Source/GCC/max32690_memory.mk, lines 2-5 and 19-22", "memories", "flash"),
    _adi("1248e26", "Include/system_max32690.h, heading 'Define clocks'", "clock"),
)  # fmt: skip
