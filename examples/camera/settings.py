"""settings.h: what the C has to know of a network, its sensor, and what its numbers stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sensor import LINE_BYTES

from lowtide.data.inputs import Input, Numbers
from lowtide.errors import UsageError
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import for_c

UNITS = 16
"""Corners are in parts of a pixel (faces.h)."""
LEAST = 0.7
"""The least score of a face."""
STRIDES = ((8, 3), (16, 2), (32, 2), (64, 3))
"""UltraFace's boxes: in each cell of so many pixels, so many sizes (faces.c)."""


@dataclass(frozen=True)
class Seeing:
    """How a network is shown a sensor's lines, and what its classes are called."""

    format: str
    mean: Numbers = None
    std: Numbers = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """Of the network's image, and so of the sensor."""

    channels: int
    height: int
    width: int


def size_of(network: MemoryMap) -> Size:
    """Raises UsageError for a network that is not shown one image in numbers of 8 bits."""
    inputs = network.inputs
    image = _input(network).image if len(inputs) == 1 else ()
    if not image or image[0] not in (1, 3) or inputs[0].type.bytes != 1 or not inputs[0].streamed:
        raise UsageError(
            "a camera's network has one input, an image of one or three channels in 8 bits, handed "
            "in by rows: lowtide fit --image streamed --io-type 8bit; of a network of floats "
            "lowtide quantise makes one of 8 bits"
        )
    size = Size(*image)
    if size.width % 2 or min(size.width, size.height) < 2:
        raise UsageError(f"lines of a sensor have an even width, not {size.width}")
    return size


def finds_faces(network: MemoryMap) -> bool:
    """Whether its outputs are UltraFace's; raises UsageError where they are not classes either."""
    size, outputs = size_of(network), network.outputs
    boxes = sum(-(-size.height // s) * -(-size.width // s) * n for s, n in STRIDES)
    found = sorted(port.shape[1:] for port in outputs)
    if any(port.type.bytes != 1 for port in outputs):
        raise UsageError("the network's outputs are not numbers of 8 bits")
    if found == [(boxes, 2), (boxes, 4)]:
        return True
    if len(outputs) == 1:
        return False
    raise UsageError(
        f"outputs of shapes {found} are neither one row of scores nor UltraFace's scores and "
        f"boxes, ({boxes}, 2) and ({boxes}, 4) for this image: faces.c is the place for others"
    )


def settings(network: MemoryMap, seeing: Seeing) -> str:
    """The header's text; raises UsageError for a network that the example has no C for."""
    size, name = size_of(network), for_c(Path(network.file).name)
    lines = [
        f"/* settings.h: made by examples/camera for {name} and a sensor of {seeing.format}. */",
        "#ifndef SETTINGS_H",
        "#define SETTINGS_H",
        "#include <stdint.h>",
        "#define BAYER 1",
        "#define YUV 2",
        "#define RGB 3",
        f"#define SENSOR {seeing.format.upper()}",
        f"enum {{ WIDTH = {size.width}, HEIGHT = {size.height}, "
        f"SENSOR_LINE_BYTES = {LINE_BYTES[seeing.format]} * WIDTH }};",
        f"#define CHANNELS {size.channels}",
        *_numbers(network, seeing, size),
        *(faces(*network.outputs) if finds_faces(network) else _classes(network, seeing.labels)),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _input(network: MemoryMap) -> Input:
    port = network.inputs[0]
    return Input(port.name, port.shape, port.dtype, port.scale, port.zero, port.axes == "NHWC")


def _numbers(network: MemoryMap, seeing: Seeing, size: Size) -> list[str]:
    """Which number of the network each pixel is; nothing where it is the pixel itself."""
    one = _input(network)
    pixels = np.tile(np.arange(256.0).reshape(1, 1, 16, 16), (1, size.channels, 1, 1))
    made = one.of_pixels(pixels, seeing.mean, seeing.std)
    made = np.moveaxis(made, -1, 1) if one.channels_last else made
    table = made.reshape(size.channels, 256).view(np.uint8)
    if (table == np.arange(256)).all():
        return []
    rows = [_list(row.tolist()) for row in table]
    return [
        "#define NUMBERS",
        "static const uint8_t number_of[CHANNELS][256] = {",
        ",\n".join(rows),
        "};",
    ]


def faces(*outputs: Port) -> list[str]:
    """Offsets in parts of a box: 0.1 of it for centres, e to the power of 0.2 for its size."""
    scores, boxes = sorted(outputs, key=lambda port: port.shape[-1])
    reals = boxes.reals(np.arange(256, dtype=np.uint8).view(boxes.dtype))
    moved = np.rint(0.1 * reals * UNITS * 256).astype(int)
    half = np.rint(np.exp(0.2 * reals) / 2 * UNITS * 256).astype(int)
    if max(abs(moved).max(), half.max()) > 12000:
        raise UsageError("the network's boxes reach further than 16 bits have room for")
    least = int(np.ceil(LEAST / scores.scale + scores.zero))
    return [
        f"typedef {scores.c} score_number;",
        f"typedef {boxes.c} box_number;",
        f"#define SCORES net_output_{scores.identifier}",
        f"#define BOXES net_output_{boxes.identifier}",
        f"enum {{ SCORE_LEAST = {least} }};           /* a score of {LEAST} */",
        "/* Of a box's number: by how much of it the face's centre is off, and half of the face in "
        "it, in 4096ths. */",
        f"static const int16_t moved_by[256] = {_braced(moved.tolist())};",
        f"static const int16_t half_of[256] = {_braced(half.tolist())};",
    ]


def _classes(network: MemoryMap, labels: Sequence[str]) -> list[str]:
    scores: Port = network.outputs[0]
    names = labels or [str(k) for k in range(scores.elements)]
    if len(names) != scores.elements:
        raise UsageError(f"{len(names)} labels for {scores.elements} classes")
    quoted = ", ".join(f'"{for_c(name)}"' for name in names)
    return [
        f"typedef {scores.c} score_number;",
        f"#define SCORES net_output_{scores.identifier}",
        f"enum {{ CLASSES = {scores.elements} }};",
        f"#define LABELS {quoted}",
    ]


def _list(numbers: Iterable[int]) -> str:
    return "    { " + ", ".join(map(str, numbers)) + " }"


def _braced(numbers: Sequence[int]) -> str:
    lines = [", ".join(map(str, numbers[k : k + 16])) for k in range(0, len(numbers), 16)]
    return "{\n    " + ",\n    ".join(lines) + " }"
