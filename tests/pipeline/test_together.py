"""Networks that take turns in one arena: planned, verified, called from C++.

wake_run(), face_run(), wake_run(), ..      wake's input and result survive face's turns
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import Command
from lowtide.check.compile import write_sources
from lowtide.check.trial import pack
from lowtide.errors import UsageError
from lowtide.files import write_folder
from lowtide.pipeline.together import Together, fit_together
from lowtide.planner.options import Options
from lowtide.quoting import network_name
from networks import random_network
from turns import QUICKLY, chain

SEEDS = {"wake": 3, "face": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    files = [folder / f"{name}.onnx" for name in SEEDS]
    for file, seed in zip(files, SEEDS.values(), strict=True):
        file.write_bytes(random_network(seed).model.SerializeToString())
    return files


@pytest.fixture(scope="module")
def made(models: list[Path]) -> Together:
    """Two networks; what one is given, and what it makes, is kept."""
    return fit_together(models, keep=["wake:in1", "wake:concat6"], options=QUICKLY)


def test_the_arena_is_the_largest_turn_and_what_is_kept(made: Together) -> None:
    shared = made.shared
    alone = [one.plan.arena_bytes for one in made.fitted]
    kept = sum(one.bytes for one in shared.kept)
    assert shared.arena_bytes == max(alone)
    assert shared.turn_bytes + kept <= shared.arena_bytes < shared.turn_bytes + kept + 32
    assert shared.arena_align >= 64
    assert {one.port for one in shared.kept} == {"in1", "concat6"}
    assert made.turns is not None
    assert "wake_input_in1" in made.files["wake.h"].decode()
    assert "But for in1, which stays" in made.files["wake.h"].decode()


_MAIN = """\
#include "together.h"
#include <cstring>
#include <mutex>
#include <thread>

static std::mutex turn;
static int wrong;

%s
int main()
{
    std::thread one(wake), other(face);
    one.join();
    other.join();
    return wrong != 0;
}
"""


def thread(made: Together, number: int) -> Iterator[str]:
    """C++ of a thread that takes a turn 20 times, and compares what its network makes."""
    fitted = made.fitted[number]
    name, memory, checks = fitted.plan.options.name, fitted.memory, fitted.checks
    assert checks is not None
    sample = checks.samples[0]
    yield f"static void {name}()\n{{\n    for (int k = 0; k < 20; k++) {{"
    yield "        std::lock_guard<std::mutex> mine(turn);"
    results = zip(memory.outputs, checks.results[sample.name], strict=True)
    for way, port, values in (
        *(("input", port, sample.inputs[port.name]) for port in memory.inputs),
        *(("output", port, result) for port, result in results),
    ):
        data = ", ".join(map(str, pack([port], {port.name: values})))
        at = f"{name}_{way}_{port.identifier}"
        yield f"        static const unsigned char {at}_is[] = {{ {data} }};"
        if way == "input":
            yield f"        std::memcpy({at}(), {at}_is, sizeof {at}_is);"
    yield f"        {name}_run();"
    for port in memory.outputs:
        at = f"{name}_output_{port.identifier}"
        yield f"        wrong += std::memcmp({at}(), {at}_is, sizeof {at}_is) != 0;"
    yield "    }\n}"


def test_two_threads_take_turns_from_cplusplus(made: Together, tmp_path: Path) -> None:
    """One arena, a lock around each turn: no race, and what each makes alone."""
    linker = shutil.which("g++") or shutil.which("clang++") or pytest.skip("no C++ compiler here")
    write_sources(made.files, tmp_path)
    threads = (line for number in range(2) for line in thread(made, number))
    (tmp_path / "main.cpp").write_text(_MAIN % "\n".join(threads))
    flags = ["-O1", "-g", "-fsanitize=thread", "-pthread", "-Wall", "-Wextra", "-Werror"]
    sources = ["together.c", "wake.c", "face.c"]
    c = subprocess.run(
        ["cc", *flags, "-std=c99", "-ffp-contract=fast", "-c", *sources],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert c.returncode == 0, c.stderr
    objects = [source.replace(".c", ".o") for source in sources]
    done = subprocess.run(
        [linker, *flags, "-std=c++17", "-o", "all", "main.cpp", *objects, "-lm"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and "tsan" in done.stderr:
        pytest.skip("this compiler finds no races: there is no library for it")
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([tmp_path / "all"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[:2000]


def test_the_command_writes_one_folder(
    models: list[Path], tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "out"
    asked = (*models, "--together", "--keep", "wake:in1", "-o", out, "--target", "none", "--json")
    said = command("fit", *asked, "--place", "greedy")
    assert said.code == 0, said.last
    facts = json.loads(said.out)
    assert facts["networks"].keys() == SEEDS.keys()
    each = ("plan.json", "memory.svg", "report.html")
    assert {path.name for path in out.iterdir()} == {
        *(f"{name}_{what}" for name in SEEDS for what in each),
        "plan.json", "report.html", "lowtide.json", "lowtide.toml",
    }  # fmt: skip
    assert command("verify", out).code == 0


def test_the_folder_is_verified(
    made: Together, models: list[Path], tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "out"
    write_folder(out, made.files)
    files = {path.name for path in out.iterdir()}
    assert {"wake.c", "face.c", "wake_plan.json", "plan.json", "together.h", "together.c"} < files
    said = command("verify", out, "--json", "--model", models[1])
    assert said.code == 0, said.last
    assert json.loads(said.out)["turns"] == made.facts()["turns"]
    assert command("bench", out).code == 4, "it is for one network"
    held, at = (out / "plan.json").read_text(), made.shared.kept[0].offset
    (out / "plan.json").write_text(held.replace(f'"offset": {at}', '"offset": 0'))
    said = command("verify", out)
    assert said.code == 5
    assert "kept" in said.last
    assert "changed since" in said.last
    said = command("fit", models[0], "-o", out, "--target", "none")
    assert said.code == 2, "a file that was changed is the user's"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.onnx", "b.onnx"], "--together"),
        (["a.onnx", "--keep", "a:x"], "--together"),
        (["a.onnx", "--together"], "two networks"),
        (["a.onnx", "b.onnx", "--together", "--name", "a"], "a name for each"),
        (["a.onnx", "b.onnx", "--together", "--name", "a,a"], "no two the same"),
        (["a.onnx", "b.onnx", "--together", "--name", "a,together"], "none of them together"),
        (["a.onnx", "b.onnx", "--together", "--keep", "a:no"], "in1"),
        (["a.onnx", "b.onnx", "--together", "--keep", "c:in1"], "the networks are a, b"),
        (["a.onnx", "b.onnx", "--together", "--keep", "a:in1", "--image", "streamed"], "by row"),
        (["a.onnx", "b.onnx", "--together", "--sample", "cat.png"], "--sample is for one"),
        (["a.onnx", "b.onnx", "--together", "--target", "onnx"], "--target"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: list[str],
    said: str,
    models: list[Path],
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(models[0], "a.onnx")
    shutil.copy(models[1], "b.onnx")
    found = command("fit", *arguments, "-o", "out", "--place", "greedy")
    assert found.code == 2, found
    assert said in found.last
    assert not Path("out").exists()


def test_a_budget_is_for_all(models: list[Path], command: Command) -> None:
    asked = (*models, "--together", "--target", "none", "--place", "greedy", "--json")
    facts = json.loads(command("fit", *asked).out)
    least = max(one["arena_bytes"] for one in facts["networks"].values())
    assert command("fit", *asked, "--budget", least).code == 0
    found = command("fit", *asked, "--budget", least - 1)
    assert found.code == 3
    assert "together they need" in found.last


def test_files_name_networks() -> None:
    taken = {"together"}
    named = [
        network_name(text, taken) for text in ("Face-v2", "face_v2", "while", "9", "main", "x" * 90)
    ]
    assert named[:-1] == ["face_v2", "face_v2_2", "twhile", "t9", "net_main"]
    assert network_name("together", taken) == "together_2"
    for name in named:
        Options(name=name)


def test_the_example_compiles_and_runs_from_anywhere(made: Together, tmp_path: Path) -> None:
    """As together.h says, and with no warning."""
    out = tmp_path / "out"
    write_folder(out, made.files)
    said = made.files["together.h"].decode()
    found = re.search(r"^       (cc -std=c99 .*?\n.*?)$", said, re.MULTILINE | re.DOTALL)
    assert found is not None, said
    line = found[1].replace(" -o together", " -Wall -Wextra -pedantic -Werror -o together")
    script = f'OUT="{out}"\n{line}\n./together'
    ran = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    outputs = [port for one in made.fitted for port in one.memory.outputs]
    assert len(ran.stdout.splitlines()) == len(outputs)


def test_one_network_reads_what_another_makes() -> None:
    """The same bytes, and no copy: the turn of the second is given nothing."""
    made = fit_together(
        chain("Exp", "Tanh"), name=["face", "wake"], keep=["face:y=wake:x"], options=QUICKLY
    )
    result, given = made.shared.kept
    assert (result.offset, result.way, given.way) == (given.offset, "output", "input")
    assert made.shared.arena_bytes == given.offset + given.bytes < made.shared.turn_bytes + 256
    source = made.files["checks/together.c"].decode()
    assert re.search(rf"\{{ {given.offset}, {given.bytes}, 1, 2u \}}", source)


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (["a:y=b:x"], "the order in memory differs"),
        (["a:y=b:y"], "two outputs"),
        (["a:y=a:y"], "named twice"),
        (["a:y=b"], "NETWORK:NAME"),
    ],
)
def test_bytes_that_are_not_the_same_are_refused(keep: list[str], said: str) -> None:
    models = chain("Exp", "Tanh", channels=2 if "two" in said else 3)
    with pytest.raises(UsageError, match=said):
        fit_together(models, name=["a", "b"], keep=keep, options=QUICKLY, target="none")
