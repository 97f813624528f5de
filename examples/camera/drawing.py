"""What was found, drawn into what the sensor saw."""

from __future__ import annotations

from pathlib import Path

from firmware import Found
from PIL import Image, ImageDraw
from sensor import Pixels
from settings import UNITS

LARGEST = 640
"""Pictures are drawn at a multiple of their size, up to so many pixels wide."""


def draw(seen: Pixels, found: Found, to: Path) -> None:
    """Boxes, or the label, as a PNG."""
    height, width = seen.shape[:2]
    times = max(1, LARGEST // width)
    picture = Image.fromarray(seen).resize(
        (width * times, height * times), Image.Resampling.NEAREST
    )
    pen = ImageDraw.Draw(picture)
    for _, *corners in found.faces:
        pen.rectangle([corner * times / UNITS for corner in corners], outline="lime", width=2)
    if found.label:
        pen.rectangle((0, 0, 8 * len(found.label) + 8, 18), fill="black")
        pen.text((4, 3), found.label, fill="lime")
    picture.save(to)
