"""The wheel and the sdist: the same bytes wherever they are built, and in them what is needed."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from bench.distribute import ROOT, alone, build, environment, tracked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return environment(tmp_path_factory.mktemp("backend"), "hatchling")
    except subprocess.CalledProcessError:
        pytest.skip("no index to take hatchling from")


@pytest.fixture(scope="module")
def built(backend: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build(backend, tmp_path_factory.mktemp("one"), 1e9)


def archive(built: dict[str, bytes], ending: str) -> tuple[str, io.BytesIO]:
    (name,) = (name for name in built if name.endswith(ending))
    return name, io.BytesIO(built[name])


def test_the_same_bytes_from_another_folder_and_date(
    built: dict[str, bytes], backend: Path, tmp_path: Path
) -> None:
    assert len(built) == 2
    assert build(backend, tmp_path / "elsewhere", 1.5e9) == built


def test_licences_of_all_that_is_in_the_wheel(built: dict[str, bytes]) -> None:
    """Ours is there; a file of others, which names its owner, has a licence beside it."""
    held = zipfile.ZipFile(archive(built, ".whl")[1])
    names = held.namelist()
    assert any(re.fullmatch(r"lowtide-[^/]+\.dist-info/licenses/LICENSE", name) for name in names)
    for name in names:
        if name.endswith((".js", ".css", ".c", ".h")) and re.search(
            rb"@licen[cs]e|Copyright", held.read(name)
        ):
            folder = name.rpartition("/")[0]
            assert any(re.match(rf"{folder}/[^/]*LICEN[CS]E", other) for other in names), name


def test_the_sdist_has_what_its_tests_need(built: dict[str, bytes], tmp_path: Path) -> None:
    name, content = archive(built, ".tar.gz")
    with tarfile.open(fileobj=content) as held:
        held.extractall(tmp_path, filter="data")
    folder = tmp_path / name.removesuffix(".tar.gz")
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert set(tracked()) - there <= {".ci/run"}
    own = {**alone(), "PYTHONPATH": str(folder / "src")}
    some = ["tests/test_rooms.py", "tests/test_golden.py", "tests/cli/test_help.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", *some],
        cwd=folder, env=own, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_wheel_alone_in_an_empty_environment(built: dict[str, bytes], tmp_path: Path) -> None:
    """Everything that a user needs comes with it, and it runs outside the repository."""
    name, content = archive(built, ".whl")
    (tmp_path / name).write_bytes(content.getvalue())
    python = environment(tmp_path / "empty", str(tmp_path / name))
    shutil.copy(ROOT / "examples" / "resnet8_cifar10.onnx", tmp_path / "mine.onnx")

    def runs(*words: str) -> str:
        done = subprocess.run(
            [*words], cwd=tmp_path, env=alone(), capture_output=True, text=True
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    lowtide = str(python.with_name("lowtide"))
    assert runs(lowtide, "--version").startswith("lowtide ")
    assert json.loads(runs(lowtide, "doctor", "--json"))["ready"]
    assert "0 faults" in runs(lowtide, "fit", "mine.onnx", "-o", "out")
    assert (tmp_path / "empty" / "share" / "cmake" / "lowtide" / "lowtideConfig.cmake").exists()
    assert "No broken requirements" in runs(str(python), "-m", "pip", "check")
