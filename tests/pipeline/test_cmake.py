"""lowtide_network() of CMake: a library, fitted when it is built, and again when it has to be.

find_package(lowtide) ─> lowtide_network(face face.onnx) ─> target_link_libraries(app face)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import onnx
import pytest
from onnx import parser

import lowtide
from tools import need, need_board

ROOT = Path(__file__).parents[2]
CONFIG = Path(lowtide.__file__).parent / "packages/cmake/lowtideConfig.cmake"
NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,1,2,2] x) => (float[1,1,2,2] y) {{ y = {}(x) }}"""
LISTS = """\
cmake_minimum_required(VERSION 3.20)
project(app LANGUAGES C)
find_package(lowtide REQUIRED NO_CMAKE_FIND_ROOT_PATH)
lowtide_network(face face.onnx BUDGET {budget} ARGS --align 32)
lowtide_network(hand hand.onnx CPU portable)
add_executable(app main.c)
target_link_libraries(app PRIVATE face hand)
"""
MAIN = """\
#include <stdio.h>
#include "face.h"
#include "hand.h"

int main(void)
{
    face_input_x()[0] = 1.0f;
    face_run();
    hand_run();
    printf("%.3f %s\\n", (double)face_output_y()[0], FACE_CONTRACT);
    return 0;
}
"""
TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH /nowhere)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(what LIBRARY INCLUDE PACKAGE)
    set(CMAKE_FIND_ROOT_PATH_MODE_${what} ONLY)
endforeach()
set(LOWTIDE_CPU cortex-m4f)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two networks and a main.c; the command is in a folder of its own, for PATH."""
    need("" if shutil.which("cmake") else "there is no cmake")
    face, hand = (tmp_path / f"{name}.onnx" for name in ("face", "hand"))
    onnx.save(parser.parse_model(NETWORK.format("Tanh")), face)
    onnx.save(parser.parse_model(NETWORK.format("Relu")), hand)
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "CMakeLists.txt").write_text(LISTS.format(budget="64KiB"))
    command = tmp_path / "bin" / "lowtide"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lowtide "$@"\n')
    command.chmod(0o755)
    return tmp_path


def cmake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(project / "bin"), os.environ["PATH"]])
    source = str(Path(lowtide.__file__).parents[1])
    return subprocess.run(
        ["cmake", *arguments], cwd=project, check=False, capture_output=True, text=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": source},
    )  # fmt: skip


def configure(project: Path, *arguments: str) -> None:
    done = cmake(project, "-B", "build", f"-Dlowtide_DIR={CONFIG.parent}", *arguments)
    assert done.returncode == 0, done.stderr


def fitted(project: Path) -> list[str]:
    """Builds; which networks were fitted for it."""
    done = cmake(project, "--build", "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return [name for name in ("face", "hand") if f"lowtide fit {name}.onnx" in done.stdout]


def says(project: Path) -> str:
    app = str(project / "build" / "app")
    return subprocess.run([app], check=True, capture_output=True, text=True).stdout.strip()


def test_a_network_is_fitted_again_when_its_file_or_its_options_change(project: Path) -> None:
    configure(project)
    assert fitted(project) == ["face", "hand"]
    assert says(project) == "0.762 float32/float64"
    assert "Plain C99" in (project / "build/hand-lowtide/hand.h").read_text()
    assert fitted(project) == []
    onnx.save(parser.parse_model(NETWORK.format("Sigmoid")), project / "face.onnx")
    assert fitted(project) == ["face"]
    assert says(project) == "0.731 float32/float64"
    (project / "CMakeLists.txt").write_text(LISTS.format(budget="8"))
    done = cmake(project, "--build", "build")
    assert done.returncode != 0
    assert "the budget is 8" in done.stdout + done.stderr


def test_a_toolchain_file_says_the_processor(project: Path) -> None:
    need_board("m4")
    (project / "arm.cmake").write_text(TOOLCHAIN)
    configure(project, "-DCMAKE_TOOLCHAIN_FILE=arm.cmake")
    done = cmake(project, "--build", "build", "--target", "face", "hand")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Made for cortex-m4f" in (project / "build/face-lowtide/face.h").read_text()
    assert "Plain C99" in (project / "build/hand-lowtide/hand.h").read_text()  # CPU comes first
    told = ["arm-none-eabi-readelf", "-A", str(project / "build" / "libface.a")]
    assert b"v7E-M" in subprocess.run(told, check=True, capture_output=True).stdout


def test_what_is_not_understood_is_an_error(project: Path) -> None:
    lists = LISTS.format(budget="64KiB").replace("ARGS --align", "--align")
    (project / "CMakeLists.txt").write_text(lists)
    done = cmake(project, "-B", "build", f"-Dlowtide_DIR={CONFIG.parent}")
    assert done.returncode != 0
    assert "options of lowtide fit go behind ARGS" in " ".join(done.stderr.split())


def test_it_is_installed_where_cmake_looks() -> None:
    """PREFIX/share/cmake, where PREFIX/bin is in PATH: find_package() finds it without a word."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    there = tool["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert there == {
        f"src/lowtide/packages/cmake/{file.name}": f"share/cmake/lowtide/{file.name}"
        for file in (CONFIG, CONFIG.with_name("lowtideLibrary.cmake"))
    }
    assert all((ROOT / file).is_file() for file in there)
