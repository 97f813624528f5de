"""Pictures that a network is approximated by and tested on, as they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lowtide.data.pictures import Scaling
from lowtide.errors import UsageError
from lowtide.weights.candidates import Family
from lowtide.weights.labelled import Given

File = str | os.PathLike[str]
"""The path of a file or a folder."""

Files = File | Sequence[File]
"""A path, or several."""

FAMILIES: Mapping[str, tuple[Family, ...]] = {
    "both": ("plain", "generated"),
    "plain": ("plain",),
    "generated": ("generated",),
}
"""What layers may become, by the words of --weights."""


def paths(files: Files | None) -> tuple[Path, ...]:
    """One path or several as several."""
    if files is None:
        return ()
    return (Path(files),) if isinstance(files, str | os.PathLike) else tuple(map(Path, files))


def numbers(values: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """One number or several as several; none as none."""
    if values is None:
        return None
    try:
        return tuple(float(one) for one in np.atleast_1d(values))
    except ValueError:
        raise UsageError(f"'{values}' is no number, and no list of numbers") from None


def pictures(
    calibrate: Files | None = None,
    test: Files | None = None,
    classes: File | None = None,
    uncalibrated: bool = False,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    bgr: bool = False,
) -> Given:
    """What is given to calibrate and to test on.

    Raises UsageError for both kinds of calibration at once, and for paths that lead nowhere.
    """
    if uncalibrated and paths(calibrate):
        raise UsageError("--uncalibrated is for doing without --calibrate; give one of them")
    given = {"--calibrate": paths(calibrate), "--test": paths(test), "--classes": paths(classes)}
    for option, held in given.items():
        for path in held:
            if not path.exists():
                raise UsageError(f"{option} {path}: no such file or folder")
    first, second, third = given.values()
    scaling = Scaling(numbers(mean) or (0.0,), numbers(std) or (1.0,), bgr)
    return Given(scaling, first, second, third[0] if third else None, uncalibrated)
