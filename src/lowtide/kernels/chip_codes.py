"""The order codes of `--chip`: what a vendor writes behind a chip's name.

    STM32L4R5 ZIT6   nRF52840 -QIAA-R7   RP2350 A   ESP32-S3 FH4R2   MAX32690 GTK+

What is not of this form is no order code, and no chip's.
"""

from __future__ import annotations

import re

_FORMS = {
    # Pins, flash, package, temperature, options; x stands for any. The sources' "Ordering
    # information" has them.
    "stm32": r"xx|[abcijmnoqrvxz][cegix]([behijktuyx]([3567x][a-z0-9]{0,3})?)?",
    "nrf5": r"([cq][a-z]|xx)a[a-z]([a-z]\d?){0,2}",  # package, variant, build code and reel
    "rp2040": r"(b[0-2])?(tr\d{1,2})?",  # stepping and reel
    "rp2350": r"[ab](0a\d)?(tr\d{1,2})?",  # package, stepping and reel
    "esp32s3": r"(f[hn]\d{1,2})?(rh?\d{1,2}v?)?|"  # flash and RAM inside; or a module with them
    r"(wroom|mini|pico)[12]u?([hn]\d{1,2}(r\d{1,2}v?)?)?",
    "max32690": r"[aceg][a-z]{2}t?",  # temperature, package, pins and reel
}
"""By the beginning of the chip's name, in small letters without - _ + and blanks."""

_FLASH_KIB = {"c": 256, "e": 512, "g": 1024, "i": 2048}
"""By the letter of an STM32's order code behind that of its pins, as its sources' names have it."""


def plain_code(text: str) -> str:
    """ESP32-S3 as esp32s3; only what stands in order codes is left out."""
    return re.sub(r"[-_+ ]", "", text.lower())


def is_ending(chip: str, ending: str) -> bool:
    """Whether an order code of a chip may end so."""
    form = next((form for begins, form in _FORMS.items() if chip.startswith(begins)), "")
    return not ending or re.fullmatch(form, ending, re.ASCII) is not None


def flash_kib(chip: str, ending: str) -> int | None:
    """The flash that the ending of an order code says, if it says any."""
    return _FLASH_KIB.get(ending[1:2]) if chip.startswith("stm32") else None


def are_several(text: str) -> bool:
    """Whether these are names of several chips."""
    return len(re.findall(r"[\w-]*[a-zA-Z][\w-]*\d[\w-]*", text)) > 1
