"""Files from a stranger: refused in one line with an exit code, or taken for what they are.

No code in them runs, nothing outside of what was named is read, no other program is started.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import onnx
import pytest

import hostile
from commands import Command, Said
from hostile_files import (
    ARRAYS,
    EXTERNAL,
    GOOD_PICTURES,
    LABELS,
    NETWORKS,
    PICTURES,
    external,
    npy,
)
from lowtide.check.reference_file import unpack_references
from lowtide.errors import UnreadableModel


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a stand-in for Ghostscript that leaves PWNED."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("gs", "djpeg", "gswin64c"):
        (tools / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/work/PWNED\nexit 1\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def refused(said: Said, room: Path, codes: tuple[int, ...] = (4,)) -> None:
    """In one line that a terminal can show, and nothing ran."""
    assert said.code in codes, said
    assert said.last.startswith("lowtide: ")
    assert "a bug" not in said.last
    assert len(said.last) < 1200
    assert not hostile.unclean(said.last + said.out)
    assert not (room / "PWNED").exists()


@pytest.mark.parametrize("what", NETWORKS)
def test_networks(what: str, room: Path, command: Command) -> None:
    refused(command("profile", NETWORKS[what](room)), room)


@pytest.mark.parametrize("what", EXTERNAL)
def test_data_that_is_not_the_networks_own(what: str, room: Path, command: Command) -> None:
    said = command("profile", EXTERNAL[what](room))
    refused(said, room)
    assert "w" in said.last


@pytest.mark.parametrize("location", ["w", "./w"])
def test_data_of_its_own(location: str, room: Path, command: Command) -> None:
    make = external(location, lambda folder: (folder / "net/w").write_bytes(bytes(4 * 3 * 9 * 4)))
    assert command("profile", make(room)).code == 0


def fit(command: Command, room: Path, *options: object) -> Said:
    """A plan alone: what is asked for beside it is read all the same."""
    onnx.save(hostile.network("x"), room / "net.onnx")
    return command("fit", "net.onnx", "--target", "none", *options)


@pytest.mark.parametrize("what", PICTURES)
def test_pictures(what: str, room: Path, command: Command) -> None:
    """By their content; a decoder that starts other programs is not asked."""
    make, why = PICTURES[what]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = fit(command, room, "--sample", make(room))
    refused(said, room)
    assert why in said.last


@pytest.mark.parametrize("what", GOOD_PICTURES)
def test_pictures_that_are_taken(what: str, room: Path, command: Command) -> None:
    assert fit(command, room, "--sample", GOOD_PICTURES[what](room)).code == 0


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays(what: str, room: Path, command: Command) -> None:
    refused(fit(command, room, "--sample", ARRAYS[what](room)), room, (2, 4))


@pytest.mark.parametrize("what", PICTURES)
def test_pictures_to_calibrate_on(what: str, room: Path, command: Command) -> None:
    """The same function opens them."""
    make, why = PICTURES[what]
    onnx.save(hostile.network("x"), room / "net.onnx")
    path = make(room)
    said = command("compress", "net.onnx", "--flash", "600", "-o", "c.onnx", "--calibrate", path)
    refused(said, room)
    assert why in said.last


@pytest.mark.parametrize("what", LABELS)
def test_labels(what: str, room: Path, command: Command) -> None:
    """Names that are no UTF-8 are refused, all others are shown as names."""
    said = fit(command, room, "--labels", LABELS[what](room))
    assert said.code == (4 if what == "binary" else 0)
    assert not hostile.unclean(said.out + said.last)


@pytest.mark.parametrize("what", ["pickle in .npz", "bare pickle", "a zip of nothing"])
def test_references(what: str, room: Path) -> None:
    """reference.npz in a stranger's folder."""
    path = ARRAYS[what](room)
    with pytest.raises(UnreadableModel):
        unpack_references(path.read_bytes(), str(path))
    assert not (room / "PWNED").exists()


def test_the_stand_ins_would_be_seen(room: Path) -> None:
    """What these tests look for does happen where it is not prevented."""
    import numpy as np
    from PIL import Image

    (room / "a.npy").write_bytes(npy(np.zeros(1)))
    ARRAYS["pickle"](room)
    np.load(room / "a.npy", allow_pickle=True)
    assert (room / "PWNED").exists()
    (room / "PWNED").rmdir()
    make, _ = PICTURES["EPS"]
    with pytest.raises(Exception), Image.open(make(room)) as opened:  # noqa: B017, PT011
        opened.load()
    assert (room / "PWNED").exists()
