"""Windows has fewer modules, calls and signals: without them commands begin, plan and write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx

from test_cli import small_network

HIDE = """
import asyncio, concurrent.futures, multiprocessing, shutil, subprocess, tempfile  # Python's own
import os, signal, sys

for name in "fcntl grp posix_ipc pty pwd resource syslog termios tty".split():
    sys.modules[name] = None
for name in ("O_DIRECTORY O_NOFOLLOW O_NONBLOCK chown fchmod fchown fork forkpty getegid geteuid"
             " getgid getloadavg getpgid getpriority getuid"
             " killpg lchown mkfifo nice pwrite sched_getaffinity sched_setaffinity setpgid setsid"
             " sysconf wait waitid").split():
    if hasattr(os, name):
        delattr(os, name)
for name in "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2".split():
    delattr(signal, name)

from lowtide.cli.start import main
for words in sys.argv[1].split("|"):
    sys.argv = ["lowtide", *words.split()]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


def test_nothing_is_taken_for_granted_that_only_posix_has(tmp_path: Path) -> None:
    """No compiler either: what is written is checked in numpy."""
    onnx.save(small_network(), tmp_path / "a.onnx")
    lines = "--help|operators|profile a.onnx -q|fit a.onnx -o out -q|fit a.onnx -o out -q"
    empty = {**os.environ, "PATH": str(tmp_path)}
    empty.pop("CC", None)
    done = subprocess.run(
        [sys.executable, "-c", HIDE, lines],
        cwd=tmp_path, env=empty, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "whole tensors" in done.stdout
    assert (tmp_path / "out" / "net.c").is_file()
    assert not (tmp_path / "out" / ".lowtide-new").exists()
