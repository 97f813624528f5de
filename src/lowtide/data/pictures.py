"""Pictures from files, folders and arrays, many at once, with their classes where known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lowtide.data.open_picture import PICTURES, size_of
from lowtide.data.samples import check_channels, check_scaling, check_there, picture
from lowtide.errors import UnreadableModel, UsageError
from lowtide.ir.codes import Array


@dataclass(frozen=True)
class Scaling:
    """How pixels (0..255) become a network's numbers: (pixel - mean) / std, a value or one a
    channel; `bgr`: the network wants blue first."""

    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)
    bgr: bool = False

    def __post_init__(self) -> None:
        check_scaling(self.mean, self.std)

    def check(self, shape: Sequence[int]) -> None:
        """Raises UsageError unless the numbers are for an input [C, H, W]."""
        if shape:
            check_channels(self.mean, self.std, shape[0])

    def __call__(self, pixels: Array) -> Array:
        """Bytes [N, C, H, W] are pixels and scaled, other numbers are taken as they are."""
        if pixels.dtype != np.uint8:
            return pixels.astype(np.float32)
        shape = (1, -1, *[1] * (pixels.ndim - 2))
        mean, std = (np.array(v, np.float32).reshape(shape) for v in (self.mean, self.std))
        return np.asarray((pixels.astype(np.float32) - mean) / std)


@dataclass(frozen=True)
class Pictures:
    """`values` [N, C, H, W], bytes or float32; `classes` [N] where they are known.

    So many were `resized`; `folders` are those of which classes were made, in their order.
    """

    values: Array
    classes: Array | None
    resized: int = 0
    folders: tuple[str, ...] = ()


def read(paths: Sequence[Path], shape: Sequence[int], bgr: bool = False) -> Pictures:
    """Pictures for an input of shape [C, H, W].

    A path is a picture; a folder of pictures; a folder of folders, one for each class, in the
    order of their names; a .npy or .npz of pictures [N, C, H, W] or [N, H, W, C] (`values` or the
    only array; `labels` if there is one). Raises UsageError, UnreadableModel.
    """
    parts = [part for path in paths for part in _parts(path, tuple(shape), bgr)]
    if not sum(len(part.values) for part in parts):
        raise UsageError("no pictures in " + ", ".join(map(str, paths)))
    classes = [part.classes for part in parts]
    known = [c for c in classes if c is not None]
    values = [part.values for part in parts]
    if len({v.dtype for v in values}) > 1:
        raise UsageError("pictures and arrays of other numbers than bytes cannot be mixed")
    return Pictures(
        np.concatenate(values),
        np.concatenate(known) if len(known) == len(classes) else None,
        sum(part.resized for part in parts),
        tuple(dict.fromkeys(name for part in parts for name in part.folders)),
    )


def _parts(path: Path, shape: tuple[int, ...], bgr: bool) -> list[Pictures]:
    if path.is_dir():
        return _folder(path, shape, bgr)
    check_there(path)
    if path.suffix.lower() in (".npy", ".npz"):
        return [_array(path, shape)]
    if path.suffix.lower() in PICTURES:
        return [_one(path, shape, bgr)]
    raise UsageError(f"{path}: pictures are {', '.join(PICTURES)}, .npy, .npz or folders of them")


def _folder(path: Path, shape: tuple[int, ...], bgr: bool) -> list[Pictures]:
    classes = sorted(p for p in path.iterdir() if p.is_dir())
    found = []
    for number, folder in enumerate(classes or [path]):
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in PICTURES:
                found.append(_one(file, shape, bgr))
                if classes:
                    found[-1] = replace(
                        found[-1],
                        classes=np.array([number]),
                        folders=tuple(one.name for one in classes),
                    )
    return found


def _one(path: Path, shape: tuple[int, ...], bgr: bool) -> Pictures:
    values = picture(path, (1, *shape), bgr).round().astype(np.uint8)
    return Pictures(values, None, resized=int(size_of(path) != (shape[2], shape[1])))


def _array(path: Path, shape: tuple[int, ...]) -> Pictures:
    try:
        held = np.load(path, allow_pickle=False)
        arrays = {"values": held} if isinstance(held, np.ndarray) else dict(held)
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        raise UnreadableModel("not arrays that can be read", file=str(path)) from error
    labels = arrays.pop("labels", None)
    values = arrays["values"] if "values" in arrays else next(iter(arrays.values()), None)
    if values is None or ("values" not in arrays and len(arrays) > 1):
        there = ", ".join(arrays) or "no others than 'labels'"
        raise UsageError(f"{path}: name the pictures 'values' (there are {there})")
    if values.shape[1:] != shape and values.shape == shape:
        values = values[None]
    if values.ndim == 4 and values.shape[1:] != shape and (
        values.shape[3], *values.shape[1:3]
    ) == shape:  # fmt: skip
        values = values.transpose(0, 3, 1, 2)
    if values.shape[1:] != shape or values.dtype.kind not in "fiu":
        needed = ", ".join(map(str, shape))
        raise UsageError(f"{path}: holds {values.dtype} {values.shape}; [N, {needed}] is needed")
    if labels is not None:
        labels = _checked(labels, len(values), path)
    with np.errstate(over="ignore"):
        kept = values if values.dtype == np.uint8 else values.astype(np.float32)
    if not np.isfinite(kept).all():
        raise UnreadableModel("holds NaN, infinity or numbers beyond float32", file=str(path))
    return Pictures(np.ascontiguousarray(kept), labels)


def read_classes(path: Path, count: int) -> Array:
    """Classes [count] from a .npy, or a text file with a number on each line."""
    check_there(path, pipes=True)
    try:
        if path.suffix.lower() == ".npy":
            held = np.load(path, allow_pickle=False)
        else:
            held = np.array([int(line) for line in path.read_text().split()])
    except (OSError, ValueError, EOFError) as error:
        raise UnreadableModel(
            "not a list of class numbers (0, 1, ..), a line each or .npy", file=str(path)
        ) from error
    return _checked(held, count, path)


def _checked(labels: Array, count: int, path: Path) -> Array:
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise UsageError(
            f"{path}: holds {labels.dtype} {labels.shape}; {count} class numbers are needed, one a "
            "picture"
        )
    return labels.astype(np.int64)
