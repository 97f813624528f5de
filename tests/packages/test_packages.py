"""`fit --package`: what the folder then has, whose it is, and that a build takes it as it is.

out/CMakeLists.txt ─> cmake ─> net_selftest ─> PASS        the same for an emulated Cortex-M4
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import onnx
import pytest

from commands import Command
from lowtide.files.listing import is_example
from lowtide.files.result import read_result
from lowtide.packages import ECOSYSTEMS, find_part
from lowtide.timing.board_build import around
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import board
from networks import random_network
from test_cli import small_network
from tools import need, need_board


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx.save(small_network(), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def made(command: Command, package: str, *given: object) -> Path:
    """The folder of a fit."""
    out = Path(str(given[0])).parent / "a folder"
    said = command("fit", *given, "--place", "greedy", "-q", "--package", package, "-o", out)
    assert said.code == 0, said.last
    assert "  package        " in said.out
    return out


def cmake(folder: Path, *arguments: object) -> str:
    need("" if shutil.which("cmake") else "there is no cmake")
    done = subprocess.run(
        ["cmake", *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def says(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=False).stdout


def one_is_another(text: str) -> str:
    """The self-test with the first number of what is expected changed a little."""
    found = re.search(r"expected_\w+\[SAMPLES\]\[\d+\] = \{\n\{\n\s+-?", text)
    assert found is not None
    digit = int(text[found.end()])
    return f"{text[: found.end()]}{(digit + 1) % 10}{text[found.end() + 1 :]}"


def test_cmake_builds_the_folder_alone(model: Path, command: Command) -> None:
    """Library, example and self-test, which ctest runs; a wrong number in it, and it fails."""
    out = made(command, "cmake", model, "--name", "face")
    cmake(out.parent, "-S", out, "-B", "build")
    cmake(out.parent, "--build", "build")
    assert says(out.parent / "build/face_selftest") == "PASS\n"
    assert says(out.parent / "build/face_example")
    subprocess.run(["ctest"], cwd=out.parent / "build", check=True, capture_output=True)
    test = out / "face_selftest.c"
    test.write_text(one_is_another(test.read_text()))
    cmake(out.parent, "--build", "build")
    assert says(out.parent / "build/face_selftest").endswith("not what was written\nFAIL\n")
    assert subprocess.run(["ctest"], cwd=out.parent / "build", capture_output=True).returncode


def test_cmake_builds_networks_that_take_turns(model: Path, command: Command) -> None:
    other = model.with_name("other.onnx")
    onnx.save(random_network(2).model, other)
    out = made(command, "cmake", model, other, "--together", "--name", "face,wake")
    cmake(out.parent, "-S", out, "-B", "build")
    cmake(out.parent, "--build", "build")
    assert says(out.parent / "build/together_selftest") == "PASS\n"
    assert says(out.parent / "build/together_example")


FIRMWARE = """\
cmake_minimum_required(VERSION 3.20)
project(firmware LANGUAGES C)
set(FACE_PROGRAMS ON)
add_subdirectory(out face EXCLUDE_FROM_ALL)
target_sources(face_selftest PRIVATE start.c stack.c semihost.c console.c)
add_executable(firmware start.c stack.c semihost.c firmware.c)
target_link_libraries(firmware PRIVATE lowtide::face)
"""
MAIN = """\
#include "board.h"
#include "face.h"
int main(void) { face_run(); board_print("ran\\n"); return 0; }
"""
CONSOLE = """\
#include "board.h"
int _write(int file, const char *text, int bytes)
{
    char held[2] = {0};
    (void)file;
    for (int k = 0; k < bytes; k++) held[0] = text[k], board_print(held);
    return bytes;
}
void *_sbrk(int more) { static char heap[8192]; static int at; return heap + (at += more) - more; }
int _close(int file) { return -(file >= 0); }
int _fstat(int file, void *is) { (void)is; return -(file < 0); }
int _isatty(int file) { return file >= 0; }
int _lseek(int file, int to, int from) { return 0 * (file + to + from); }
int _read(int file, char *to, int bytes) { (void)to; return 0 * (file + bytes); }
"""
TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER {compiler})
set(CMAKE_C_FLAGS_INIT "{flags}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "{link}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""


def test_cmake_builds_firmware_of_an_emulated_board(model: Path, command: Command) -> None:
    """add_subdirectory() with a toolchain file of Arm GCC; the self-test on a Cortex-M4."""
    need_board("m4")
    m4 = board("m4")
    out = made(command, "cmake", model, "--name", "face", "--cpu", "cortex-m4f")
    home = out.parent / "firmware"
    home.mkdir()
    shutil.copytree(out, home / "out")
    files = {**around(m4), "CMakeLists.txt": FIRMWARE, "firmware.c": MAIN, "console.c": CONSOLE}
    link = " ".join(m4.link).replace("board.ld", str(home / "board.ld"))
    files["arm.cmake"] = TOOLCHAIN.format(
        compiler=m4.family.compiler.command, flags=" ".join(m4.flags), link=link
    )
    for name, text in files.items():
        (home / name).write_text(text)
    cmake(home, "-S", ".", "-B", "build", "-DCMAKE_TOOLCHAIN_FILE=arm.cmake")
    cmake(home, "--build", "build", "--target", "firmware", "face_selftest")
    assert run_on_board(m4, home / "build/firmware", 20) == (0, "ran\n")
    assert run_on_board(m4, home / "build/face/face_selftest", 20) == (0, "PASS\n")
    test = home / "out/face_selftest.c"
    test.write_text(one_is_another(test.read_text()))
    cmake(home, "--build", "build", "--target", "face_selftest")
    status, said = run_on_board(m4, home / "build/face/face_selftest", 20)
    assert status == 1
    assert said.endswith("FAIL\n")


def test_what_is_changed_stays_and_is_not_spoken_of(model: Path, command: Command) -> None:
    """As main.c: the ecosystem's own files are the user's from the first change on."""
    out = made(command, "cmake", model)
    held = json.loads((out / "lowtide.json").read_text())["files"]
    assert {"CMakeLists.txt", "selftest/main.c", "net_selftest.c", "net_selftest.h"} <= held.keys()
    for name in held:
        before = (out / name).read_bytes()
        (out / name).write_bytes(before + b" ")
        assert read_result(out).changed == (() if is_example(name) else (name,))
        (out / name).write_bytes(before)
    (out / "CMakeLists.txt").write_text("# mine\n")
    again = command("fit", "-q", "-c", out / "lowtide.toml", "--json")
    assert again.code == 0, again.last
    assert json.loads(again.out)["package"]["name"] == "cmake"
    assert json.loads(again.out)["package"]["selftest_bytes"] > 0
    assert (out / "CMakeLists.txt").read_text() == "# mine\n"
    assert json.loads(command("verify", out, "--json").out)["changed"] == []
    (out / "net_selftest.c").write_text("/* mine, too */\n")
    assert json.loads(command("verify", out, "--json").out)["changed"] == ["net_selftest.c"]
    assert command("fit", "-q", "-c", out / "lowtide.toml").code == 2
    (out / "net_selftest.c").unlink()
    assert command("fit", "-q", model, "--place", "greedy", "-o", out).code == 0
    assert not (out / "selftest").exists(), "what lowtide wrote for the package is gone"
    assert (out / "CMakeLists.txt").read_text() == "# mine\n"


@pytest.mark.parametrize("target", ["onnx", "none"])
def test_it_is_around_a_program(target: str, model: Path, command: Command) -> None:
    said = command("fit", model, "--package", "cmake", "--target", target, "-o", "out")
    assert said.code == 2
    assert "--package" in said.last
    assert "--target" in said.last
    said = command("fit", model, "--package", "make")
    assert said.code == 2
    assert all(one.name in said.last for one in ECOSYSTEMS)


def test_another_package_takes_the_place_of_the_one_before(model: Path, command: Command) -> None:
    """What lowtide wrote goes, with its folders; the sketch that was changed stays."""
    out = made(command, "arduino", model, "--name", "face")
    sketch = out / "examples/face/face.ino"
    sketch.write_text("// mine\n")
    (out / "src/mine.c").write_text("/* mine */\n")
    assert read_result(out).changed == ()
    assert made(command, "zephyr", model, "--name", "face") == out
    assert {path.name for path in (out / "src").iterdir()} == {"mine.c"}
    assert not (out / "library.properties").exists()
    assert sketch.read_text() == "// mine\n"
    assert (out / "samples/selftest/src/main.c").is_file()
    made(command, "arduino", model, "--name", "face")
    assert sketch.read_text() == "// mine\n"
    assert not (out / "zephyr").exists()
    assert not (out / "samples").exists()


def test_files_of_packages_are_known_by_name() -> None:
    """A list of files with other names in it is not believed: nothing outside of them goes."""
    for part in (part for one in ECOSYSTEMS for part in one.parts):
        assert find_part(part.called("face", "face", "face")) is not None
        assert find_part(f"../{part.called('face', 'face', 'face')}") is None
    others = ["selftest/../main.c", "selftest/main.cc", "selftest", "src/a b.c", "src/x/face.c"]
    for path in (*others, "examples/face/wake.ino", "examples/while/while.ino"):
        assert find_part(path) is None
