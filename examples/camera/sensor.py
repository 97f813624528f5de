"""The sensor's stand-in: pictures as the lines a camera would give, written to frames.raw.

    bayer   a byte a pixel, R G R G .. and G B G B .. in turns     width bytes a line
    yuv     Y U Y V for two pixels, full range BT.601              2 * width
    rgb     R G B                                                  3 * width

A picture of another size is scaled to the sensor's here, on the PC (Pillow's BILINEAR): the C only
sees lines of the sensor's size, and a sensor of another size would be asked for this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lowtide.data.open_picture import open_picture

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

LINE_BYTES = {"bayer": 1, "yuv": 2, "rgb": 3}
"""Bytes a pixel, of each format."""


def picture(path: Path, width: int, height: int) -> Pixels:
    """What the sensor sees: [height, width, 3]."""
    return open_picture(path, 3, width, height).astype(np.uint8)


def frame(seen: Pixels, format_: str) -> bytes:
    """A frame as the sensor sends it, line after line."""
    return (
        bayer(seen) if format_ == "bayer" else yuv(seen) if format_ == "yuv" else seen
    ).tobytes()


def bayer(seen: Pixels) -> Pixels:
    """Of each pixel the one colour that the filter above it lets through: RGGB."""
    raw = seen[:, :, 1].copy()
    raw[0::2, 0::2] = seen[0::2, 0::2, 0]
    raw[1::2, 1::2] = seen[1::2, 1::2, 2]
    return raw


def yuv(seen: Pixels) -> Pixels:
    """YUYV: brightness of each pixel, and the colours of two of them together."""
    r, g, b = np.moveaxis(seen.astype(np.float64), -1, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = 128 + (b - y) / 1.772, 128 + (r - y) / 1.402
    both = [(part[:, 0::2] + part[:, 1::2]) / 2 for part in (u, v)]
    packed = np.stack([y[:, 0::2], both[0], y[:, 1::2], both[1]], -1)
    whole: Pixels = np.clip(np.rint(packed), 0, 255).astype(np.uint8)
    return whole.reshape(len(seen), -1)
