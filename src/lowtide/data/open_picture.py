"""The one place where picture files are opened."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from lowtide.errors import ModelError, UnreadableModel
from lowtide.ir.graph import Array

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
"""Endings of pictures."""

_FORMATS = ("PNG", "JPEG", "BMP")
# Others are not even tried: what a file is goes by its content, and of some contents (EPS) Pillow
# starts other programs.

_MOST_PIXELS = 89_478_485
_WAY_OUT = "convert it to 8 bits, or give the numbers as .npy"


def open_picture(path: Path, channels: int, width: int, height: int) -> Array:
    """The pixels 0..255 as float32 [height, width, channels], scaled to that size.

    Of one channel: made gray. Raises UnreadableModel.
    """
    try:
        # Pillow warns of large pictures, of larger ones than that it makes an error.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(path, formats=_FORMATS)
        with opened:
            _check(opened)
            held = opened.convert("L" if channels == 1 else "RGB")
            if held.size != (width, height):
                held = held.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(held, np.float32).reshape(height, width, channels)
    except ModelError as error:
        raise error.within(file=str(path)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        what = f"a picture of more than {_MOST_PIXELS:,} pixels"
        raise UnreadableModel(what, file=str(path), hint="scale it down") from error
    except MemoryError:
        raise
    except Exception as error:  # its decoders raise a dozen kinds on damaged files
        what = f"not a picture that can be read ({', '.join(_FORMATS)})"
        raise UnreadableModel(what, file=str(path)) from error


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture that was opened before."""
    with Image.open(path, formats=_FORMATS) as opened:
        return opened.size


def has_colour(path: Path) -> bool:
    """Whether a picture that was opened before has more than grey."""
    with Image.open(path, formats=_FORMATS) as opened:
        return opened.mode not in ("1", "L", "LA")


def _check(opened: Image.Image) -> None:
    """Refuses what converting would clip or cut off instead of scaling it."""
    if opened.mode[0] in "IF":
        what = f"a picture of mode {opened.mode}, more than 8 bits a pixel"
        raise UnreadableModel(what, hint=_WAY_OUT)
    tiles = getattr(opened, "tile", ())
    if opened.format == "PNG" and any(";16" in str(tile[3]) for tile in tiles):
        raise UnreadableModel("a picture of 16 bits a channel", hint=_WAY_OUT)
