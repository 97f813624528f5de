"""Inputs and outputs as net.h describes them: shape, layout, what numbers stand for, pixels."""

from __future__ import annotations

from lowtide.backends.c99.text import comment, less
from lowtide.ir.dtype import F32, I8, U8
from lowtide.layout.ports import Port
from lowtide.quoting import PATH_WIDTH, for_c


def described(port: Port, way: str, pixels: str) -> str:
    """The comment above an input or output: its shape, how it lies, what its numbers stand for."""
    shape = "x".join(map(str, port.shape)) or "scalar"
    pixels = pixels if way == "input" and len(port.shape) == 4 else ""
    about = [f"in memory {port.memory}{_words(port)}{_numbers(port, way, pixels)}"]
    about += [for_c(pixels, PATH_WIDTH)] if pixels else []
    text = f"{way} '{for_c(port.name)}', {shape}, {'; '.join(about)}"
    return comment(text)


def sizes(port: Port, way: str) -> list[str]:
    """The macros of an input or output."""
    upper = f"NET_{way}_{port.identifier}".upper()
    rows = [f"#define {upper}_ROWS {port.streamed}"] if port.streamed else []
    return [f"#define {upper}_ELEMENTS {port.elements}", *rows, ""]


def _words(port: Port) -> str:
    """The layout of an image in words."""
    if len(port.shape) != 4:
        return ""
    channels = port.axes.index("C") if port.axes else 1
    if port.shape[channels] == 1:
        return ": row by row, pixel by pixel"
    last = port.order[-1] == channels
    return ": row by row, the channels of a pixel together" if last else ": channel by channel"


def _numbers(port: Port, way: str, pixels: str) -> str:
    """What the elements are, if they are no floats, and what they stand for; of an image also what
    pixels become where nobody says a mean and a standard deviation."""
    if port.type == F32:
        return ""
    if not port.scale:
        return f", {port.dtype}"
    number = f"(number{less(port.zero)})" if port.zero else "number"
    pixel = ""
    if way == "input" and len(port.shape) == 4 and port.type in (I8, U8) and not pixels:
        pixel = f"; pixels 0..255 over the whole range: pixel{' - 128' if port.type == I8 else ''}"
    return f", {port.dtype}: {number} * {port.scale:.9g} is the real value{pixel}"
