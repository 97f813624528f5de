"""Pictures and arrays to run a network on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lowtide.data.inputs import Numbers, check_finite, input_of
from lowtide.data.open_picture import PICTURES, has_colour, open_picture
from lowtide.errors import UnreadableModel, UsageError
from lowtide.ir.graph import Array, Graph, Shape


@dataclass(frozen=True)
class SampleFiles:
    """Files to run a network on, and how pixels become its numbers."""

    files: tuple[Path, ...] = ()
    mean: Numbers = None
    std: Numbers = None
    bgr: bool = False

    def read(self, graph: Graph) -> dict[str, dict[str, Array]]:
        """Sets of inputs for a network, by file name; raises UsageError, UnreadableModel."""
        self._check(graph)
        found: dict[str, dict[str, Array]] = {}
        for path in self.files:
            name = path.name if path.name not in found else str(path)
            found[name] = read_sample(path, graph, self.mean, self.std, self.bgr)
        return found

    def greyed(self, graph: Graph) -> list[str]:
        """What is said of pictures in colour for a network that takes one channel."""
        image = input_of(graph, graph.inputs[0]).image if graph.inputs else ()
        if not image or image[0] != 1:
            return []
        return [
            f"{path}: a picture in colour, made grey: the network takes one channel"
            for path in self.files
            if path.suffix.lower() in PICTURES and has_colour(path)
        ]

    @property
    def words(self) -> str:
        """What pixels become, if that was said."""
        if self.mean is None and self.std is None and not self.bgr:
            return ""
        mean, std = (", ".join(f"{v:g}" for v in n) for n in (self.mean or (0,), self.std or (1,)))
        colours = "blue first" if self.bgr else "red first"
        return f"pixels 0..255 become (pixel - mean) / std, mean {mean}, std {std}, {colours}"

    def _check(self, graph: Graph) -> None:
        """The numbers make sense, whether or not there is a picture to use them on."""
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        check_scaling(mean, std)
        if self.files and not graph.inputs:
            raise UsageError("the network has no inputs, it takes no --sample")
        if len(graph.inputs) == 1 and (image := input_of(graph, graph.inputs[0]).image):
            check_channels(mean, std, image[0])


def check_scaling(mean: Sequence[float], std: Sequence[float]) -> None:
    """Raises UsageError for numbers that make no sense, whatever the network."""
    for name, values in (("--mean", mean), ("--std", std)):
        if not np.isfinite(_float32(values)).all():
            raise UsageError(f"{name} takes finite numbers, not {','.join(map(str, values))}")
    if not _float32(std).all():
        raise UsageError("--std must not be 0")


def _float32(values: Array | Sequence[float]) -> Array:
    """In the network's type; what is beyond it is infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def check_channels(mean: Sequence[float], std: Sequence[float], channels: int) -> None:
    """Raises UsageError where there is neither one value for all channels nor one for each."""
    if len(mean) not in (1, channels) or len(std) not in (1, channels):
        takes = f"1 or {channels} values" if channels > 1 else "1 value"
        raise UsageError(f"--mean and --std take {takes}: the input has {channels} channels")


def read_labels(path: Path) -> list[str]:
    """Class names, a line each."""
    check_there(path, pipes=True)
    try:
        return path.read_text().splitlines()
    except ValueError as error:
        raise UnreadableModel("not a list of names, in UTF-8", file=str(path)) from error


def check_there(path: Path, pipes: bool = False) -> None:
    """Raises UnreadableModel unless there is such a file; what is read once may be a pipe."""
    if path.is_file() or (pipes and path.exists() and not path.is_dir()):
        return
    kind = "a folder, not a file" if path.is_dir() else "not a file that is read more than once"
    raise UnreadableModel(kind if path.exists() else "no such file", file=str(path))


def read_sample(
    path: Path, graph: Graph, mean: Numbers, std: Numbers, bgr: bool
) -> dict[str, Array]:
    """One set of inputs from a picture, a .npy (one input) or a .npz (inputs by name).

    A picture is scaled to the network's size and made gray where it has one channel; values are
    (pixel - mean) / std with pixels 0..255, a value for all channels or one for each. An input of
    whole numbers takes them as `data/inputs.py` says.
    """
    check_there(path)
    if path.suffix.lower() == ".npz":
        return _named(path, graph, mean, std)
    if len(graph.inputs) != 1:
        names = ", ".join(graph.inputs)
        raise UsageError(f"{path}: the network has inputs {names}; give a .npz with those names")
    one = input_of(graph, graph.inputs[0])
    if path.suffix.lower() == ".npy":
        return {one.name: one.of_array(_load(path), mean, std, str(path))}
    if path.suffix.lower() not in PICTURES:
        raise UsageError(f"{path}: a sample is one of {', '.join(PICTURES)}, .npy, .npz")
    pixels = picture(path, (one.shape[0], *one.image) if one.image else one.shape, bgr)
    made = one.of_pixels(pixels, mean, std)
    check_finite(one.name, made, str(path))
    return {one.name: made}


def picture(path: Path, shape: Shape, bgr: bool) -> Array:
    """A picture as pixels [1, C, H, W]; raises UnreadableModel or UsageError."""
    if len(shape) != 4 or shape[0] != 1 or shape[1] not in (1, 3):
        raise UsageError(f"{path}: a picture does not fit an input of shape {shape}; give a .npy")
    channels, height, width = shape[1:]
    pixels = open_picture(path, channels, width, height)
    if bgr:
        pixels = pixels[:, :, ::-1]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def _load(path: Path) -> Array:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise UnreadableModel("not an array that can be read", file=str(path)) from error


def _named(path: Path, graph: Graph, mean: Numbers, std: Numbers) -> dict[str, Array]:
    try:
        held = dict(np.load(path, allow_pickle=False))
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        raise UnreadableModel("not arrays that can be read", file=str(path)) from error
    missing = [name for name in graph.inputs if name not in held]
    if missing:
        raise UsageError(f"{path}: holds no array '{missing[0]}', which is an input of the network")
    return {
        name: input_of(graph, name).of_array(held[name], mean, std, str(path))
        for name in graph.inputs
    }
