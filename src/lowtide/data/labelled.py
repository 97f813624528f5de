"""Pictures or sets of inputs with their classes, as a network's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lowtide.data.inputs import Input, Numbers
from lowtide.data.pictures import read, read_classes
from lowtide.data.samples import check_channels, check_scaling, check_there
from lowtide.errors import UnreadableModel, UsageError
from lowtide.ir.graph import Array

_VALUES, _CLASSES = ("values", "x"), ("labels", "y")
"""What arrays of a .npz are called."""


@dataclass(frozen=True)
class Labelled:
    """Sets of inputs [N, ...] and the class of each."""

    values: Array
    classes: Array


@dataclass(frozen=True)
class LabelledFiles:
    """Files to test on: pictures, folders of them (one for each class), .npz with `values` or `x`
    and `labels` or `y`; `classes` is a file with the class numbers of them all."""

    files: Sequence[Path]
    classes: Path | None = None
    mean: Numbers = None
    std: Numbers = None
    bgr: bool = False

    def read(self, one: Input) -> Labelled:
        """Everything, for a network's only input; raises UsageError, UnreadableModel."""
        check_scaling(self.mean or (0.0,), self.std or (1.0,))
        if one.image:
            check_channels(self.mean or (0.0,), self.std or (1.0,), one.image[0])
        parts = [
            self._arrays(p, one) if _is_array(p) else self._pictures(p, one) for p in self.files
        ]
        values = np.concatenate([held for held, _ in parts])
        if self.classes is not None:
            return Labelled(values, read_classes(self.classes, len(values)))
        known = [labels for _, labels in parts if labels is not None]
        if len(known) < len(parts):
            raise UsageError(
                "--test: no classes; give --classes FILE with their numbers, folders of one class "
                "each, or .npz with 'labels'"
            )
        return Labelled(values, np.concatenate(known))

    def _pictures(self, path: Path, one: Input) -> tuple[Array, Array | None]:
        if not one.image:
            raise UsageError(f"{path}: input '{one.name}' takes no picture; give a .npz")
        found = read([path], one.image, self.bgr)
        return one.of_pixels(found.values, self.mean, self.std), found.classes

    def _arrays(self, path: Path, one: Input) -> tuple[Array, Array | None]:
        check_there(path)
        try:
            held = np.load(path, allow_pickle=False)
            arrays = {"values": held} if isinstance(held, np.ndarray) else dict(held)
        except Exception as error:  # zipfile, zlib and numpy each raise their own
            raise UnreadableModel("not arrays that can be read", file=str(path)) from error
        values = next((arrays[name] for name in (*_VALUES, one.name) if name in arrays), None)
        labels = next((arrays[name] for name in _CLASSES if name in arrays), None)
        if values is None or not values.ndim or not len(values):
            there = ", ".join(arrays)
            raise UsageError(f"{path}: name the sets of inputs 'values' (there are {there})")
        if labels is not None and (
            labels.shape != values.shape[:1] or labels.dtype.kind not in "iu"
        ):
            raise UsageError(
                f"{path}: holds {labels.dtype} {labels.shape}; class numbers are needed"
            )
        made = [one.of_array(v, self.mean, self.std, str(path)) for v in values]
        return np.concatenate(made), labels


def _is_array(path: Path) -> bool:
    return path.suffix.lower() in (".npy", ".npz")
