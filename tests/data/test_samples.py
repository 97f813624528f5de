"""What may be given to run a network on, and what is refused in words."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lowtide.check.difference import check_comparable
from lowtide.check.expected import Expected
from lowtide.check.numbers import Sample
from lowtide.data.samples import SampleFiles
from lowtide.errors import CheckError, LowtideError, UnreadableModel, UsageError
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Graph, Tensor
from lowtide.sizes import parse_bytes


def taking(**inputs: tuple[int, ...]) -> Graph:
    """A network with these inputs and nothing else."""
    tensors = {name: Tensor(name, shape, F32) for name, shape in inputs.items()}
    return Graph("net", tuple(inputs), (), (), tensors, {})


IMAGE = taking(x=(1, 3, 4, 5))


def refused(pictures: SampleFiles, graph: Graph, error: type[LowtideError], *words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error) as caught:
            pictures.read(graph)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_picture_becomes_numbers(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), (10, 20, 30)).save(tmp_path / "a.png")
    given = SampleFiles((tmp_path / "a.png",), (10, 0, 0), (1, 2, 3), bgr=True).read(IMAGE)
    assert given["a.png"]["x"].shape == (1, 3, 4, 5)
    assert given["a.png"]["x"][0, :, 0, 0].tolist() == [20, 10, np.float32(10) / 3]


def test_a_picture_in_colour_for_a_network_of_grey_is_told(tmp_path: Path) -> None:
    """It is taken, and a user may not have meant it."""
    colour, grey = tmp_path / "colour.png", tmp_path / "grey.png"
    Image.new("RGB", (5, 4), (10, 20, 30)).save(colour)
    Image.new("L", (5, 4), 10).save(grey)
    given = SampleFiles((colour, grey))
    (told,) = given.greyed(taking(x=(1, 1, 4, 5)))
    assert told.startswith(f"{colour}: a picture in colour")
    assert given.greyed(IMAGE) == given.greyed(taking()) == []


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ((float("nan"),), (1.0,), ["--mean", "nan"]),
        ((0.0,), (float("inf"),), ["--std", "inf"]),
        ((0.0,), (1.0, 0.0, 1.0), ["--std", "not be 0"]),
        ((0.0,), (1e-60,), ["--std", "not be 0"]),
        ((1e60,), (1.0,), ["--mean", "1e+60"]),
        ((1.0, 2.0), (1.0,), ["1 or 3 values"]),
    ],
)
def test_mean_and_std_must_make_sense_without_a_sample_too(
    mean: tuple[float, ...], std: tuple[float, ...], words: list[str]
) -> None:
    refused(SampleFiles((), mean, std), IMAGE, UsageError, *words)


@pytest.mark.parametrize(
    "values",
    [np.full((1, 3, 4, 5), np.nan), np.full((3, 4, 5), np.inf), np.full((1, 3, 4, 5), 1e300)],
)
def test_numbers_that_cannot_be_compared(values: Array, tmp_path: Path) -> None:
    np.save(tmp_path / "odd.npy", values)
    refused(SampleFiles((tmp_path / "odd.npy",)), IMAGE, UnreadableModel, "odd.npy", "'x'")


def test_sixteen_bits_are_refused_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 5), 40000, np.uint16)).save(tmp_path / "deep.png")
    refused(SampleFiles((tmp_path / "deep.png",)), IMAGE, UnreadableModel, "deep.png", "8 bits")


def test_files_that_are_no_samples(tmp_path: Path) -> None:
    refused(SampleFiles((tmp_path,)), IMAGE, UnreadableModel, "a folder")
    refused(SampleFiles((tmp_path / "no.png",)), IMAGE, UnreadableModel, "no such file")
    refused(SampleFiles((tmp_path / "no.png",)), taking(), UsageError, "no inputs")
    np.save(tmp_path / "one.npy", np.float32(3))
    refused(SampleFiles((tmp_path / "one.npy",)), IMAGE, UsageError, "one.npy")
    assert SampleFiles((tmp_path / "one.npy",)).read(taking(x=()))["one.npy"]["x"].shape == ()


def test_agreeing_on_nothing_is_no_check() -> None:
    """NaN equals NaN, but an output that is NaN throughout has not been compared."""
    nan, some = np.full(3, np.nan), np.array([np.nan, 1.0, np.inf])
    both, left, right = Expected((some, some)), Expected((nan, some)), Expected((some, nan))
    check_comparable([Sample("a", {}, both), Sample("b", {}, left)])
    with pytest.raises(CheckError, match="output 2 of 2"):
        check_comparable([Sample("a", {}, right), Sample("b", {}, right)])


def test_sizes() -> None:
    sizes = {"1GiB": 1 << 30, "1.5 MiB": 3 << 19, "2kB": 2000, "64k": 65536, 7: 7}
    assert {text: parse_bytes(text, "--budget") for text in sizes} == sizes
    for text in ("lots", "-1", "1TiB", ""):
        with pytest.raises(UsageError, match=f"--budget: '{text}' is no size"):
            parse_bytes(text, "--budget")
