"""`lowtide bench`: what it measures has the right shape and adds up; no time is asserted.

fit -> out/ -> bench: net.c and onnxruntime in turns, each in its own process
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

import lowtide
from lowtide.check.verify import read_folder
from lowtide.errors import CheckError, UnreadableModel, UsageError
from lowtide.files import write_folder
from lowtide.files.result import read_result
from lowtide.planner.options import Options
from lowtide.timing.bench_text import bench_text
from lowtide.timing.find_model import find_model
from lowtide.timing.measured_page import check_report
from lowtide.timing.memory_by_operator import held_by_operator
from lowtide.timing.pairs import spread
from test_cli import lowtide as command
from test_cli import small_network

EXAMPLE = Path(__file__).parents[2] / "examples/resnet8_cifar10.onnx"
SECONDS = 0.05


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network, fitted; its file lies beside the folder."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy(EXAMPLE, folder)
    lowtide.fit(folder / EXAMPLE.name).emit("c99", folder / "out")
    return folder / "out"


def test_the_command_prints_one_object(shipped: Path) -> None:
    """Both are timed, the model is found by name and digest, every operator has its place."""
    done = command(
        "bench", shipped, "--against", "onnxruntime", "--profile", "--seconds", SECONDS, "--json"
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    plan = json.loads((shipped / "plan.json").read_text())
    assert facts["arena_bytes"] == plan["arena_bytes"]
    assert facts["macs"] == plan["facts"]["macs"]
    assert facts["rounds"] >= 5
    ours, other, ratio = facts["lowtide"], facts["other"], facts["ratio"]
    assert (other["name"], bool(other["version"])) == ("onnxruntime", True)
    for one in (ours, other):
        assert 0 < one["least_s"] <= one["quartile_1_s"] <= one["median_s"] <= one["quartile_3_s"]
        assert one["macs_per_s"] == pytest.approx(facts["macs"] / one["median_s"])
        assert one["share_of_peak"] > 0
    assert 0 < ratio["least"] <= ratio["quartile_1"] <= ratio["median"] <= ratio["quartile_3"]
    if sys.platform == "linux":
        # The program's process holds its arena; onnxruntime's has Python in it as well.
        assert facts["arena_bytes"] < ours["peak_rss_bytes"] < other["peak_rss_bytes"]
        assert 0 < other["idle_rss_bytes"] < other["peak_rss_bytes"]
    assert [o["name"] for o in facts["operators"]] == [o["name"] for o in plan["operators"]]
    assert all(o["seconds"] > 0 for o in facts["operators"])
    assert sum(o["macs"] for o in facts["operators"]) == facts["macs"]
    assert "timing lowtide and onnxruntime" in done.stderr


def test_the_words_have_every_operator(shipped: Path) -> None:
    """Those that take most time first, and a ratio where there was another."""
    benched = lowtide.bench(shipped, profile=True, seconds=SECONDS)
    assert benched.other is None
    assert benched.ratio is None
    text = bench_text(benched)
    assert "ratio" not in text
    times = [o.seconds or 0.0 for o in benched.operators]
    first = benched.operators[int(np.argmax(times))].name
    listed = text.split("live KiB")[1].splitlines()
    assert first in listed[1]
    assert all(any(o.name[-23:] in line for line in listed) for o in benched.operators)
    assert max(map(len, text.splitlines())) <= 100


def test_the_page_gets_a_column_in_a_file_of_its_own(shipped: Path, tmp_path: Path) -> None:
    """What fit wrote stays as it was; the column is that of the operators in plan.json's order."""
    file = tmp_path / "measured.html"
    before = (shipped / "report.html").read_bytes()
    done = command("bench", shipped, "--report", file, "--seconds", SECONDS, "--json")
    assert done.returncode == 0, done.stderr
    assert (shipped / "report.html").read_bytes() == before
    assert not read_result(shipped).changed
    found = re.search(r'<script id="measured"[^>]*>(.*?)</script>', file.read_text())
    assert found
    measured = json.loads(found[1])
    assert measured["each"] == [one["seconds"] for one in json.loads(done.stdout)["operators"]]
    with pytest.raises(UsageError, match="is the file that is read"):
        check_report(shipped, shipped / "report.html")
    with pytest.raises(UsageError, match="--report"):
        check_report(shipped, tmp_path)
    copy = shutil.copytree(shipped, tmp_path / "out")
    (copy / "report.html").write_bytes(before + b" ")
    with pytest.raises(UsageError, match="was changed"):
        check_report(copy, file)


def test_a_streamed_image_is_handed_over_whole(tmp_path: Path) -> None:
    """net_run(image, result): the caller's rows are in the plan, but take no time of their own."""
    options = Options(image="streamed", result="streamed")
    fitted = lowtide.fit(small_network(), options=options)
    write_folder(tmp_path / "out", fitted.files)
    onnx.save(small_network(), tmp_path / fitted.memory.file)
    benched = lowtide.bench(tmp_path / "out", profile=True, seconds=SECONDS)
    callers = [o.name for o in benched.operators if o.seconds is None]
    assert callers == [o.name for o in fitted.memory.operators if o.type in ("Input", "Output")]
    assert callers


def test_where_memory_goes_is_the_plans(shipped: Path) -> None:
    """The fullest operator holds what the plan says lives at most; none holds more."""
    memory = lowtide.read_memory_map((shipped / "plan.json").read_text(), "plan.json")
    held = held_by_operator(memory)
    assert max(one.live_bytes for one in held) == memory.facts["lower_bound_bytes"]
    assert all(0 < one.own_bytes <= one.live_bytes for one in held)


def test_a_program_that_computes_something_else_is_not_timed(shipped: Path, tmp_path: Path) -> None:
    """A fast wrong answer is no answer."""
    out = shutil.copytree(shipped, tmp_path / "out")
    text = (out / "net.c").read_text()
    (out / "net.c").write_text(text.replace("order[k]]++", "order[k]]++ * 0", 1))
    assert (out / "net.c").read_text() != text
    with pytest.raises(CheckError, match="as it is timed, differs from the exact value"):
        lowtide.bench(out, seconds=SECONDS)


def test_the_model_must_be_the_one_that_was_fitted(shipped: Path, tmp_path: Path) -> None:
    """By digest: what is named is refused, what only bears the name is passed over."""
    out = shutil.copytree(shipped, tmp_path / "out")
    onnx.save(small_network(), tmp_path / EXAMPLE.name)
    with pytest.raises(UsageError, match=r"resnet8_cifar10\.onnx has changed.*model FILE"):
        lowtide.bench(out, "onnxruntime", seconds=SECONDS)
    with pytest.raises(CheckError, match="not the model that was fitted"):
        lowtide.bench(out, "onnxruntime", model=tmp_path / EXAMPLE.name, seconds=SECONDS)
    with pytest.raises(UnreadableModel, match="none"):
        lowtide.bench(out, "onnxruntime", model=tmp_path / "none.onnx", seconds=SECONDS)


def test_the_model_is_found_where_it_was(tmp_path: Path) -> None:
    """From anywhere, by lowtide.toml; what has moved or changed since is said."""
    nets, out = tmp_path / "nets", tmp_path / "built" / "out"
    nets.mkdir()
    onnx.save(small_network(), nets / "a.onnx")
    assert command("fit", nets / "a.onnx", "-o", out).returncode == 0
    held = read_folder(out)
    assert find_model(out, held).samefile(nets / "a.onnx")
    (nets / "a.onnx").rename(nets / "b.onnx")
    with pytest.raises(UsageError, match=r"a\.onnx, the network .* not where it was"):
        find_model(out, held)
    assert find_model(out, held, nets / "b.onnx") == nets / "b.onnx"
    onnx.save(small_network("Sigmoid"), nets / "a.onnx")
    with pytest.raises(UsageError, match=r"a\.onnx has changed since"):
        find_model(out, held)


def test_what_cannot_be_timed_is_said(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"tvm.*onnxruntime"):
        lowtide.bench(shipped, "tvm")
    with pytest.raises(UsageError, match=r"litert takes \.tflite files.*against onnxruntime"):
        lowtide.bench(shipped, "litert")
    with pytest.raises(UsageError, match=r"^seconds"):
        lowtide.bench(shipped, seconds=-1)
    with pytest.raises(UnreadableModel, match=r"plan\.json is missing.*lowtide fit"):
        lowtide.bench(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("lowtide.check.compile.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="no C compiler"):
        lowtide.bench(shipped)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 4, "no such folder"),
        ([".", "--seconds", "0"], 2, "--seconds"),
        ([".", "--against", "nothing"], 2, "against"),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    done = command("bench", *arguments, cwd=tmp_path)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_an_interrupt_ends_all_processes(shipped: Path) -> None:
    """Ctrl-C while it times: one line, exit code 130, no process and no folder left."""
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also behind a shell's &
    process = subprocess.Popen(
        [sys.executable, "-m", "lowtide", "bench", str(shipped), "--seconds", "60"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        preexec_fn=heed,
    )  # fmt: skip
    assert process.stderr is not None
    while "timing" not in process.stderr.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr.read().startswith("lowtide: interrupted")
    time.sleep(0.2)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_the_spread_of_times() -> None:
    """Medians and quartiles; one far-off time moves neither."""
    found = spread([1.0, 2.0, 3.0, 4.0, 500.0])
    assert (found.low, found.median, found.high, found.least) == (2.0, 3.0, 4.0, 1.0)
