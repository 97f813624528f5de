"""What the system does to the command: closed and full streams, signals, limits, no room.

Each is said for what it is, with exit code 2 or none at all, and never called a bug.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from hostile import network, unclean
from lowtide.check.system_faults import check_system
from lowtide.cli.reasons import reason
from lowtide.cli.start import exit_codes
from lowtide.errors import UsageError

LOWTIDE = [sys.executable, "-m", "lowtide"]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    onnx.save(network("x"), tmp_path / "net.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "net.onnx"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `lowtide` is this one; it ends with the status of `lowtide`."""
    words = f'lowtide() {{ "{sys.executable}" -m lowtide "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(
        ["bash", "-c", words], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


PLAN = "lowtide fit net.onnx --target none -o out"

STREAMS = {
    "nobody reads the result": (f"{PLAN} | true", 0),
    "nobody reads the first line": (f"{PLAN} | head -1", 0),
    "nobody reads anything": (f"{PLAN} 2>&1 | true", 0),
    "nobody reads the help": ("lowtide fit --help | true", 0),
    "all closed": (f"{PLAN} <&- >&- 2>&-", 0),
    "errors to a full disk": (f"{PLAN} 2>/dev/full", 0),
    "the result to a full disk": (f"{PLAN} >/dev/full", 2),
    "JSON to a full disk": (f"{PLAN} --json >/dev/full", 2),
    "both to a full disk": (f"{PLAN} >/dev/full 2>&1", 2),
}


@pytest.mark.parametrize("what", STREAMS)
def test_streams(what: str, model: Path) -> None:
    """The folder is written whole whoever reads what is said of it."""
    line, code = STREAMS[what]
    done = shell(line)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "a bug" not in done.stderr
    if code == 2 and "2>&1" not in line:
        assert done.stderr.splitlines()[-1].endswith("to stdout: No space left on device")
    if "-o out" in line:
        assert {p.name for p in Path("out").iterdir()} == {
            "lowtide.json", "lowtide.toml", "memory.svg", "plan.json", "report.html"
        }  # fmt: skip


def test_a_terminal_without_the_letters(model: Path) -> None:
    """Latin-1 has no such name: question marks, after which everything else is said."""
    model.rename("大きさ.onnx")
    line = PLAN.replace("net", "大きさ")
    done = shell(line, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("???.onnx: ")


def test_a_name_that_is_no_utf8(model: Path) -> None:
    os.rename(model, b"a\xff.onnx")
    for command in ("profile", "fit --target none"):
        done = subprocess.run(
            [*LOWTIDE, *command.split(), b"a\xff.onnx"], capture_output=True, check=False
        )
        assert done.returncode == 4
        assert b"its name is not UTF-8" in done.stderr
        assert not unclean(done.stderr.decode().splitlines()[-1])


def test_too_few_open_files(model: Path) -> None:
    """The compiler needs more than lowtide itself."""
    done = shell("ulimit -n 10; lowtide fit net.onnx -o out")
    assert done.returncode == 2
    assert "ulimit -n 1024" in done.stderr.splitlines()[-1]


def test_a_full_folder_for_temporary_files(model: Path, tmp_path: Path) -> None:
    """Said for what it is, not as a compiler that does not compile."""
    (tmp_path / "small").mkdir()
    mounted = f"mount -t tmpfs -o size=16k none {tmp_path}/small"
    command = ["unshare", "--mount", "sh", "-c"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*command, mounted], capture_output=True, check=False).returncode
    ):
        pytest.skip("no file system of its own here (unshare --mount is not permitted)")
    line = f"{mounted} && {sys.executable} -m lowtide fit net.onnx -o out"
    done = subprocess.run(
        [*command, line], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": f"{tmp_path}/small"},
    )  # fmt: skip
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "set TMPDIR to" in last
    assert "does not compile" not in last


STAGES = ("loading", "checking the program", "checking net.c, as it")


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        pytest.param(stage, number, marks=[pytest.mark.slow] if (i + k) % 2 else [])
        for i, stage in enumerate(STAGES)
        for k, number in enumerate([signal.SIGHUP, signal.SIGTERM])
    ],
)
def test_signals(stage: str, number: signal.Signals, model: Path, tmp_path: Path) -> None:
    """No folder for temporary files is left, no child at work, no result; and twice is once."""
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(
        [*LOWTIDE, "fit", "net.onnx", "-o", "out", "--json"], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "CC": _slow_compiler(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        while not process.stderr.readline().startswith(f"lowtide: {stage}"):
            assert process.poll() is None
        time.sleep(0.1)
        process.send_signal(number)
        process.send_signal(number)
        out, complained = process.communicate()
    assert process.returncode == 128 + number
    assert complained.splitlines()[-1] == "lowtide: interrupted, nothing was written"
    answer = json.loads(out)
    assert (answer["exit_code"], answer["kept"]) == (128 + number, "nothing was written")
    assert not list((tmp_path / "tmp").iterdir())
    assert not Path("out").exists()
    assert not _at_work(process.pid)


def _slow_compiler(folder: Path) -> str:
    """A compiler that takes half a second at least, so that a signal comes before it is done."""
    slow = folder / "slow-cc"
    slow.write_text('#!/bin/sh\nsleep 0.5\nexec cc "$@"\n')
    slow.chmod(0o755)
    return str(slow)


def _at_work(session: int) -> list[str]:
    """Processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, of, *_ = rest.split()
        if int(of) == session and state not in "ZX":
            found.append(name)
    return found


def test_nohup_is_heeded(model: Path) -> None:
    """Who starts it with hangups ignored wants it to go on."""
    line = f"trap '' HUP; {PLAN} & sleep 1.5; kill -HUP $!; wait $!; exit $?"
    done = shell(line)
    assert done.returncode == 0, done.stderr


ERRORS: dict[str, tuple[Callable[[], Exception], str]] = {
    "system": (lambda: OSError(errno.EIO, "Input/output error", "a\x1b[2J"), "a"),
    "no room": (lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "set TMPDIR"),
    "files": (lambda: OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
    "permission": (
        lambda: PermissionError(errno.EACCES, "Permission denied", "notes.txt"),
        "notes",
    ),
    "letters": (lambda: UnicodeEncodeError("latin-1", "大", 0, 1, "ordinal"), "latin-1"),
    "threads": (lambda: RuntimeError("can't start new thread"), "ulimit -u"),
    "installation": (lambda: ImportError("libx.so.1 is missing", name="ortools"), "install"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_no_bugs(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, word = ERRORS[what]
    with pytest.raises(SystemExit) as ended, exit_codes():
        raise make()
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert word in last
    assert not unclean(last)


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("x"), RuntimeError("x"), ImportError("x", name="lowtide.x")],
    ids=repr,
)
def test_bugs(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """What is none of that is still called one."""
    assert reason(error) is None
    with pytest.raises(SystemExit) as ended, exit_codes():
        raise error
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "a bug: " in said
    assert "please report it" in said


def test_a_package_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises while it is loaded."""
    (tmp_path / "in_pieces.py").write_text("raise ValueError('two\\n  lines')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="two") as raised:
        __import__("in_pieces")
    said = str(reason(raised.value))
    assert "in_pieces does not load: ValueError: two lines; pip install --force-reinstall" in said


def test_what_compilers_say() -> None:
    with pytest.raises(UsageError, match="TMPDIR"):
        check_system("cc1: fatal error: /tmp/x.s: No space left on device", Path("/tmp"))
    check_system("net.c:3:1: error: expected ';'", Path("/tmp"))


def test_a_command_line_that_is_not_understood() -> None:
    """One line, one JSON object, whatever stands in it."""
    words = [*LOWTIDE, "profile", "a.onnx", "\x1b]0;PWNED\x07", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not unclean(done.stderr)
    assert json.loads(done.stdout)["exit_code"] == 2


def test_little_memory_for_files(model: Path) -> None:
    """Files may have no bytes: the system's error, and the folder is as it was."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        [*LOWTIDE, "fit", "net.onnx", "-o", "out", "--target", "none"],
        capture_output=True, text=True, check=False, preexec_fn=limit,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "a bug" not in done.stderr
