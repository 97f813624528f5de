"""Pictures and arrays as the whole numbers that a network takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lowtide.data.inputs import Input
from lowtide.data.labelled import LabelledFiles
from lowtide.data.samples import SampleFiles
from lowtide.errors import UnreadableModel, UsageError
from lowtide.ir.dtype import I8
from lowtide.ir.graph import Array, Graph, Tensor
from lowtide.ir.quant import Quant

SCALE, ZERO = 1 / 64, -10
TENSOR = Tensor("x", (1, 4, 5, 3), I8, Quant((SCALE,), (ZERO,)), channels_last=True)
IMAGE = Graph("net", ("x",), (), (), {"x": TENSOR}, {})
ONE = Input("x", (1, 4, 5, 3), "int8", SCALE, ZERO, channels_last=True)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (5, 4), (0, 130, 255)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def taken(file: Path, **how: tuple[float, ...]) -> Array:
    return SampleFiles((file,), **how).read(IMAGE)[file.name]["x"]  # type: ignore[arg-type]


def test_a_picture_without_mean_and_std_has_the_whole_range(picture: Path) -> None:
    made = taken(picture)
    assert made.dtype == np.int8
    assert made.shape == (1, 4, 5, 3)
    assert made[0, 0, 0].tolist() == [-128, 2, 127]


def test_with_them_it_is_reals_and_the_inputs_own_scale(picture: Path) -> None:
    made = taken(picture, mean=(128.0,), std=(128.0,))
    reals = (np.array([0, 130, 255]) - 128) / 128
    assert made[0, 3, 4].tolist() == [round(real * 64) + ZERO for real in reals]
    assert taken(picture, std=(1.0,))[0, 0, 0].tolist() == [ZERO, 127, 127], "clipped"


def test_whole_numbers_are_taken_as_they_are_and_reals_are_not(tmp_path: Path) -> None:
    numbers = np.arange(-30, 30, dtype=np.int16).reshape(4, 5, 3)
    np.savez(tmp_path / "whole.npz", x=numbers)
    assert np.array_equal(taken(tmp_path / "whole.npz")[0], numbers)
    reals = np.full((1, 4, 5, 3), 0.5 / 64)  # halves away from zero
    np.save(tmp_path / "reals.npy", np.concatenate([reals, -reals])[:1])
    assert taken(tmp_path / "reals.npy").ravel().tolist() == [ZERO + 1] * 60
    first = np.moveaxis(numbers, -1, 0)
    np.save(tmp_path / "first.npy", first)
    assert np.array_equal(taken(tmp_path / "first.npy")[0], numbers)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for name, values, error in (
        ("large", np.full((4, 5, 3), 200, np.int16), UsageError),
        ("nan", np.full((4, 5, 3), np.nan), UnreadableModel),
        ("shape", np.zeros((4, 5)), UsageError),
    ):
        np.save(tmp_path / f"{name}.npy", values)
        with pytest.raises(error, match=f"{name}.npy"):
            taken(tmp_path / f"{name}.npy")
    with pytest.raises(UsageError, match="no scale"):
        Input("x", (1, 4), "int16").of_reals(np.zeros((1, 4)))


def test_tests_are_arrays_pictures_and_folders_of_classes(tmp_path: Path, picture: Path) -> None:
    numbers = np.zeros((6, 4, 5, 3), np.int8)
    np.savez(
        tmp_path / "a.npz", x=numbers, y=np.arange(6, dtype=np.uint8), name=np.array(["a"] * 6)
    )
    found = LabelledFiles([tmp_path / "a.npz"]).read(ONE)
    assert found.values.shape == numbers.shape
    assert found.classes.tolist() == [*range(6)]
    np.savez(
        tmp_path / "b.npz", values=np.full((2, 3, 4, 5), 255, np.uint8), labels=np.array([1, 0])
    )
    assert LabelledFiles([tmp_path / "b.npz"]).read(ONE).values.max() == 127, "bytes are pixels"
    with pytest.raises(UsageError, match="no classes"):
        LabelledFiles([picture]).read(ONE)
    (tmp_path / "numbers").write_text("3\n")
    assert LabelledFiles([picture], tmp_path / "numbers").read(ONE).classes.tolist() == [3]
