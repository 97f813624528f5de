"""Shells complete commands, options and their values: bash itself asks, as it does at a TAB."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

bash = shutil.which("bash")
needs_bash = pytest.mark.skipif(bash is None, reason="no bash")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with the command `lowtide`, as pip makes it."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "lowtide"
    script.write_text(f"#!{sys.executable}\nfrom lowtide.__main__ import main\nmain()\n")
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def offered(environment: dict[str, str], line: str) -> set[str]:
    """What bash offers behind a line, its last word being written still."""
    words = line.split(" ")
    asked = " ".join(map(shlex.quote, words))
    script = (
        "source <(lowtide --show-completion bash)\n"
        f"COMP_WORDS=({asked}) COMP_CWORD={len(words) - 1}\n"
        '_lowtide_completion lowtide; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [str(bash), "--norc", "-c", script], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), line
    return set(done.stdout.split())


@needs_bash
@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("lowtide ", {"fit", "profile", "bench", "chips"}),
        ("lowtide fit --bud", {"--budget"}),
        ("lowtide fit net.onnx --target ", {"c99", "onnx", "tflite", "none"}),
        ("lowtide fit net.onnx --chip stm32l4r", {"stm32l4r5"}),
        ("lowtide profile net.onnx --chip nrf52840 --chip stm32f4", {"stm32f407"}),
        ("lowtide fit -c missing.toml --cpu cortex-m5", {"cortex-m55"}),
        ("lowtide bench out --board aarch64-", {"aarch64-dot"}),
        ("lowtide boards m", {"m4", "m0plus"}),
        ("lowtide fit net.onnx --package esp", {"esp-idf"}),
    ],
)
def test_words_and_values(installed: dict[str, str], line: str, some: set[str]) -> None:
    found, begun = offered(installed, line), line.split(" ")[-1]
    assert some <= found
    assert all(word.startswith(begun) for word in found)


@needs_bash
@pytest.mark.parametrize("line", ["lowtide fit exa", "lowtide fit net.onnx -o o"])
def test_files_are_left_to_the_shell(installed: dict[str, str], line: str) -> None:
    assert not offered(installed, line)
    script = subprocess.run(["lowtide", "--show-completion", "bash"], env=installed,
                            capture_output=True, text=True)  # fmt: skip
    assert "complete -o default" in script.stdout


def test_nothing_heavy_is_loaded_to_complete() -> None:
    """A shell waits for it; in these is most of what loading lowtide takes."""
    heavy = "numpy onnx onnxruntime ortools pandas PIL flatbuffers rich.markdown"
    code = (
        "import sys; from lowtide.cli.start import main; sys.argv = ['lowtide']\n"
        "try: main()\n"
        f"finally: print('loaded', *[m for m in '{heavy}'.split() if m in sys.modules])"
    )
    asked = {"_LOWTIDE_COMPLETE": "complete_bash", "COMP_WORDS": "lowtide fit --chip stm32l4r5"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked, "COMP_CWORD": "3"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["stm32l4r5", "loaded"], done.stderr
