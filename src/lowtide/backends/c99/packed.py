"""Low-bit constants in C: codes packed as they lie in flash, dequantised where they are read.

static const uint8_t w3[]          the codes, `bits` each, the first in the lowest bits of byte 0
static const uint16_t w3_scales[]  a scale for each row of the constant's first axis, or several

value k of row r  =  (code k [+ 1/2 if centred]) * scale of r
"""

from __future__ import annotations

import numpy as np

from lowtide.ir.codes import Array, Codes, pack


def stored(name: str, codes: Codes, ordered: Array) -> dict[str, Array]:
    """The C arrays of a packed constant, by name; `ordered` are its codes as they lie in memory."""
    kind = np.uint16 if codes.scale_bits == 16 else np.float32
    scales = codes.scales.astype(f"f{codes.scale_bits // 8}").view(kind)
    return {name: np.frombuffer(pack(ordered, codes.bits), np.uint8), f"{name}_scales": scales}


def element(name: str, codes: Codes, at: str, vector: str) -> str:
    """C text of one value: the code at a place in memory times the scale of a vector."""
    whole = f"(float)code({name}, {at}, {codes.bits})"
    return f"({whole}{' + 0.5f' if codes.centred else ''}) * {_scale(name, codes, vector)}"


def _scale(name: str, codes: Codes, vector: str) -> str:
    text = f"{name}_scales[{vector}]"
    return f"half({text})" if codes.scale_bits == 16 else text


def descriptor(name: str, codes: Codes, outputs: int, floats: int) -> str:
    """The fields of `struct packed` (kernels/c/packed_codes.h) for a constant."""
    halves, per = int(codes.scale_bits == 16), outputs // codes.vectors
    numbers = f"{codes.bits}, {int(codes.centred)}, {halves}, {per}"
    return f"{name}, {name}_scales, {numbers}, {floats}"
