"""Options of the test suite."""

from __future__ import annotations

import os
import sys

import pytest

from commands import Command

os.environ["LOWTIDE_PROGRESS"] = "1"  # each stage a line: tests wait for stages, and look for them


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-goldens", action="store_true", help="write tests/golden anew instead of comparing"
    )


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With LOWTIDE_REPEAT: what the tests made is made again from its own lowtide.toml."""
    asked = os.environ.get("LOWTIDE_REPEAT")
    factory = getattr(session.config, "_tmp_path_factory", None)
    if not asked or factory is None or hasattr(session.config, "workerinput"):
        return
    from repeat_outs import repeat_outs

    found = repeat_outs(factory.getbasetemp(), asked)
    print(f"\n{found}", file=sys.__stderr__)
    if found.differ:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
