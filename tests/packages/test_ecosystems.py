"""Packages of Zephyr, ESP-IDF and Arduino, whose own builds are not here.

their CMake files   ─> functions that stand for theirs, a dozen lines  ─> the sample's main ─> PASS
the sketch, src/*.c ─> as Arduino compiles them, with an Arduino.h that stands for theirs ─> PASS
their manifests     ─> the fields that their schemas have
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import lowtide
from lowtide.backends import emit
from lowtide.backends.c99 import weights
from lowtide.check.judge import Checks
from lowtide.packages import ECOSYSTEMS, Contents, ecosystem, fill
from lowtide.pipeline.package import pack
from lowtide.pipeline.together import fit_together
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.timing.boards import board
from networks import random_network
from test_cli import small_network
from tools import need, need_board

Made = tuple[Options, list[tuple[Plan, Checks]], Mapping[str, bytes]]
OTHERS = [one.name for one in ECOSYSTEMS if one.name != "cmake"]


@pytest.fixture(scope="module", params=["face", "together"])
def made(request: pytest.FixtureRequest) -> Made:
    """One network, or two that take turns."""
    models, quick = [small_network(), random_network(2).model], Options(place="greedy")
    if request.param == "face":
        one = lowtide.fit(models[0], options=replace(quick, name="face"))
        assert one.checks is not None
        return one.plan.options, [(one.plan, one.checks)], one.files
    both = fit_together(models, name=["face", "wake"], options=quick)
    parts = [(one.plan, one.checks) for one in both.fitted if one.checks]
    return replace(quick, name="together"), parts, both.files


def packed(made: Made, ecosystem: str, folder: Path) -> Path:
    options, parts, files = made
    package = pack(replace(options, package=ecosystem), parts, files)
    assert package is not None
    out = folder / options.name
    for name, content in {**files, **package.files}.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    return out


def spoil(out: Path) -> None:
    """The last bit of what is expected of the first network, changed."""
    test = out / "face_selftest.c"
    found = re.search(r"expected_\w+\[SAMPLES\]\[\d+\] = \{\n\{\n\s+-?", text := test.read_text())
    assert found is not None
    wrong = (int(text[found.end()]) + 1) % 10
    test.write_text(f"{text[: found.end()]}{wrong}{text[found.end() + 1 :]}")


def done(*command: object, folder: Path, env: Mapping[str, str] | None = None) -> str:
    words = [str(one) for one in command]
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=env)
    assert made.returncode == 0 or words[0].startswith(str(folder)), made.stdout + made.stderr
    return made.stdout


STANDS_FOR_ZEPHYR = """\
enable_language(C)
add_executable(app)
file(STRINGS prj.conf lines REGEX "^CONFIG_")
foreach(line IN LISTS lines)
    string(REGEX MATCH "^(.*)=(.*)$" found "${line}")
    set(${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
macro(zephyr_library_named name)
    set(library ${name})
    add_library(${name} STATIC)
    target_link_libraries(app PRIVATE ${name} m)
endmacro()
macro(zephyr_library_sources)
    target_sources(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_sources_ifdef option)
    if(${option})
        target_sources(${library} PRIVATE ${ARGN})
    endif()
endmacro()
macro(zephyr_library_compile_options)
    target_compile_options(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
    include_directories(${ARGN})
    target_include_directories(app PRIVATE ${ARGN})
endmacro()
foreach(module IN LISTS EXTRA_ZEPHYR_MODULES)
    add_subdirectory(${module}/zephyr ${CMAKE_BINARY_DIR}/module)
endforeach()
"""

STANDS_FOR_IDF = """\
macro(idf_component_register)
    cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    get_filename_component(COMPONENT_LIB ${CMAKE_CURRENT_LIST_DIR} NAME)
    add_library(${COMPONENT_LIB} STATIC ${given_SRCS})
    target_compile_definitions(${COMPONENT_LIB} PRIVATE ESP_PLATFORM=1)
    if(given_INCLUDE_DIRS)
        target_include_directories(${COMPONENT_LIB} PUBLIC ${given_INCLUDE_DIRS})
    endif()
endmacro()
macro(project name)
    _project(${name} C)
    foreach(component IN LISTS EXTRA_COMPONENT_DIRS)
        get_filename_component(found ${component} REALPATH)
        get_filename_component(found ${found} NAME)
        add_subdirectory(${component} ${CMAKE_BINARY_DIR}/${found})
    endforeach()
    add_subdirectory(main)
    file(WRITE ${CMAKE_BINARY_DIR}/start.c
        "void app_main(void); int main(void) { app_main(); return 0; }")
    add_executable(app ${CMAKE_BINARY_DIR}/start.c)
    target_link_libraries(main PRIVATE ${found} m)
    target_link_libraries(app PRIVATE main)
endmacro()
"""


@pytest.mark.parametrize("ecosystem", ["zephyr", "esp-idf"])
def test_their_cmake_files_build_the_sample(ecosystem: str, made: Made, tmp_path: Path) -> None:
    """It says PASS; and FAIL with another number in the reference."""
    need("" if shutil.which("cmake") else "there is no cmake")
    out = packed(made, ecosystem, tmp_path)
    project = tmp_path / "idf/tools/cmake"
    project.mkdir(parents=True)
    (project / "project.cmake").write_text(STANDS_FOR_IDF)
    (project / "ZephyrConfig.cmake").write_text(STANDS_FOR_ZEPHYR)
    sample = out / ("samples" if ecosystem == "zephyr" else "examples") / "selftest"
    env = {"IDF_PATH": str(tmp_path / "idf"), "PATH": os.environ["PATH"]}
    asked = [f"-DZephyr_DIR={project}", "-S", sample, "-B", "build"]
    done("cmake", *asked, folder=tmp_path, env=env)
    done("cmake", "--build", "build", folder=tmp_path)
    (app,) = (path for path in (tmp_path / "build").rglob("app") if path.is_file())
    assert done(app, folder=tmp_path) == "PASS\n"
    spoil(out)
    done("cmake", "--build", "build", folder=tmp_path)
    assert done(app, folder=tmp_path).endswith("not what was written\nFAIL\n")


STANDS_FOR_ARDUINO = """\
#pragma once
#include <stdio.h>
struct Serial_ {
    void begin(unsigned long) {}
    void print(const char *text) { fputs(text, stdout); }
    void print(int number) { printf("%d", number); }
    void print(long number) { printf("%ld", number); }
    void print(unsigned long number) { printf("%lu", number); }
    void println(const char *text) { puts(text); }
    void println(long number) { printf("%ld\\n", number); }
};
static Serial_ Serial;
inline unsigned long micros() { return 0; }
inline void delay(unsigned long) {}
void setup();
void loop();
"""


def test_the_sketch_and_the_library_compile_as_arduino_does(made: Made, tmp_path: Path) -> None:
    """Everything in src/, with -I src alone; also by the compilers of a Cortex-M4."""
    need("" if shutil.which("g++") else "there is no g++")
    out = packed(made, "arduino", tmp_path)
    name = made[0].name
    (tmp_path / "Arduino.h").write_text(STANDS_FOR_ARDUINO)
    sketch = (out / f"examples/{name}/{name}.ino").read_text()
    (tmp_path / "sketch.cpp").write_text(f"#include <Arduino.h>\n{sketch}")
    (tmp_path / "main.cpp").write_text("#include <Arduino.h>\nint main() { setup(); loop(); }\n")
    sources = sorted((out / "src").rglob("*.c"))
    flags, arm = ["-Os", "-Wall", "-Wextra", "-Werror", "-I", out / "src", "-I", tmp_path], ""
    need_board("m4")
    for arm, more in (("arm-none-eabi-", board("m4").flags), ("", ())):
        done(f"{arm}gcc", *flags, *more, "-std=gnu11", "-c", *sources, folder=tmp_path)
        done(f"{arm}g++", *flags, *more, "-c", "sketch.cpp", folder=tmp_path)
    objects = [tmp_path / f"{source.stem}.o" for source in sources]
    link = ["main.cpp", "sketch.o", *objects, "-lm", "-o", "app"]
    done("g++", *flags[:1], "-I", tmp_path, *link, folder=tmp_path)
    assert done(tmp_path / "app", folder=tmp_path) == "PASS\n0 us\n"
    spoil(out)
    done("gcc", *flags, "-std=gnu11", "-c", out / "src/face_selftest.c", folder=tmp_path)
    done("g++", *flags[:1], "-I", tmp_path, *link, folder=tmp_path)
    assert "not what was written\nFAIL\n" in done(tmp_path / "app", folder=tmp_path)


def test_weights_in_a_file_are_found_from_src(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The assembler looks for them in folders of -I, of which Arduino gives it src/ alone."""
    need("" if shutil.which("gcc") else "there is no gcc")
    monkeypatch.setattr(weights, "MOST_IN_C", 0)
    files = emit(lowtide.profile(small_network(), options=Options(name="face", place="greedy")))
    assert "face_weights.bin" in files
    around = fill(ecosystem("arduino"), Contents("face", ("face",), ("face",), "net.onnx"))
    for name, content in {**files, **around}.items():
        (tmp_path / "face" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "face" / name).write_bytes(content)
    done("gcc", "-I", "face/src", "-c", "face/src/face.c", folder=tmp_path)


MODULE = {"name": str, "build": {"cmake": str, "kconfig": str}, "samples": [str]}
"""Of scripts/schemas/module-schema.yaml in Zephyr: the fields that are used here."""

SAMPLE = {
    "sample": {"name": str, "description": str},
    "common": {"harness": str, "harness_config": {"type": str, "regex": [str]}},
    "tests": {str: {"integration_platforms": [str]}},
}
"""Of scripts/schemas/twister/testsuite-schema.yaml; tests, and the sample's name, are required."""

COMPONENT = {"version": str, "description": str, "dependencies": {str: str}}
"""Of the manifest of ESP-IDF's component manager."""


def fits(held: Any, schema: Any) -> bool:
    """Whether fields and their types are those of a schema."""
    if isinstance(schema, dict):
        any_name = schema.get(str)
        return isinstance(held, dict) and all(
            (any_name or key in schema) and fits(value, any_name or schema[key])
            for key, value in held.items()
        )
    if isinstance(schema, list):
        return isinstance(held, list) and all(fits(one, schema[0]) for one in held)
    return isinstance(held, schema)


def test_manifests_of_zephyr(made: Made, tmp_path: Path) -> None:
    """The module's paths are there; Kconfig has the options that the sample sets."""
    out = packed(made, "zephyr", tmp_path)
    module = yaml.safe_load((out / "zephyr/module.yml").read_text())
    assert fits(module, MODULE)
    assert module["name"] == made[0].name
    assert (out / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (out / module["build"]["kconfig"]).is_file()
    assert all((out / sample / "selftest/sample.yaml").is_file() for sample in module["samples"])
    sample = yaml.safe_load((out / "samples/selftest/sample.yaml").read_text())
    assert fits(sample, SAMPLE)
    assert sample["sample"]["name"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.]+", name) for name in sample["tests"])
    assert sample["common"]["harness_config"]["regex"] == ["PASS"]
    kconfig = (out / "zephyr/Kconfig").read_text()
    options = {f"CONFIG_{one}" for one in re.findall(r"^config (\w+)$", kconfig, re.MULTILINE)}
    conf = re.findall(r"^(CONFIG_\w+)=", (out / "samples/selftest/prj.conf").read_text(), re.M)
    assert {*conf} - options == {"CONFIG_MAIN_STACK_SIZE"}
    assert options < {*conf}


def test_manifest_of_esp_idf(made: Made, tmp_path: Path) -> None:
    out = packed(made, "esp-idf", tmp_path)
    component = yaml.safe_load((out / "idf_component.yml").read_text())
    assert fits(component, COMPONENT)
    assert re.fullmatch(r"\d+\.\d+\.\d+", component["version"])


CATEGORIES = (
    "Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing",
    "Data Storage", "Data Processing", "Other",
)  # fmt: skip
REQUIRED = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"}


def test_manifests_of_arduino(made: Made, tmp_path: Path) -> None:
    """The fields of the library specification, rev. 2.2; keywords behind a tab; folders' names."""
    out, name = packed(made, "arduino", tmp_path), made[0].name
    lines = (out / "library.properties").read_text().splitlines()
    held = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert held.keys() == REQUIRED | {"architectures", "includes"}
    assert all(held.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", held["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", held["version"])
    assert held["category"] in CATEGORIES
    assert (out / "src" / held["includes"]).is_file()
    words = (out / "keywords.txt").read_text().splitlines()
    assert all(
        re.fullmatch(r"\w+\tKEYWORD[12]", word) for word in words if not word.startswith("#")
    )
    (sketch,) = (out / "examples").rglob("*.ino")
    assert sketch.stem == sketch.parent.name == name


@pytest.mark.parametrize("ecosystem", OTHERS)
def test_there_is_one_program(ecosystem: str, made: Made, tmp_path: Path) -> None:
    """No file of the program is changed or copied: what is around it names it."""
    options, parts, files = made
    package = pack(replace(options, package=ecosystem), parts, files)
    assert package is not None
    assert not package.files.keys() & files.keys()
    assert not {*package.files.values()} & {*files.values()}
    assert b"@" not in b"".join(
        text for name, text in package.files.items() if not name.endswith("_selftest.c")
    )
