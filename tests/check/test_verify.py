"""verify() believes nothing that the files of a folder say about each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lowtide
from lowtide.check.reference_file import pack_references
from lowtide.errors import CheckError, LowtideError, ModelError, UsageError
from lowtide.files import write_folder
from test_cli import small_network


@pytest.fixture(scope="module")
def fitted() -> lowtide.Fitted:
    return lowtide.fit(small_network())


@pytest.fixture
def out(fitted: lowtide.Fitted, tmp_path: Path) -> Path:
    write_folder(tmp_path / "out", fitted.files)
    return tmp_path / "out"


def changed(path: Path, pattern: str, text: str) -> None:
    """Replaces the one place in a file that matches."""
    content, count = re.subn(pattern, text, path.read_text())
    assert count == 1, (path.name, count)
    path.write_text(content)


def refused(out: Path, error: type[LowtideError], *words: str) -> None:
    with pytest.raises(error) as caught:
        lowtide.verify(out)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_sizes_in_net_h_are_the_plans(out: Path) -> None:
    """A caller who trusts net.h must get what was checked."""
    changed(out / "net.h", r"(#define NET_ARENA_BYTES) \d+", r"\1 99999999")
    refused(out, CheckError, "net.h", "arena", "99999999")


def test_the_elements_in_net_h_are_the_plans(out: Path) -> None:
    changed(out / "net.h", r"(#define NET_OUTPUT_SCORES_ELEMENTS) \d+", r"\1 5")
    refused(out, CheckError, "net.h", "'scores' has 5 elements")


def test_identifiers_in_the_plan_are_no_code(out: Path) -> None:
    """They stand in the C that the judge and bench put around the program."""
    changed(out / "plan.json", r'"identifier": "scores"', '"identifier": "scores(); evil"')
    refused(out, ModelError, "plan.json", "identifier 'scores(); evil'")


@pytest.mark.parametrize("source", ["net.c", "checks/net.c", "checks/reference.c"])
def test_the_arena_is_the_one_that_net_h_declares(out: Path, source: str) -> None:
    changed(out / source, r"arena\[NET_ARENA_BYTES\]", "arena[NET_ARENA_BYTES + 64]")
    refused(out, CheckError, source, "NET_ARENA_BYTES")


def test_checks_is_a_folder_and_no_link(out: Path) -> None:
    (out / "checks").rename(out.parent / "elsewhere")
    for put in (lambda at: at.symlink_to(out.parent / "elsewhere"), lambda at: at.write_text("")):
        put(out / "checks")
        refused(out, ModelError, "checks/net.c is missing", "checks is no folder of lowtide's")
        (out / "checks").unlink()
    (out.parent / "elsewhere").rename(out / "checks")


def test_what_ships_is_what_was_checked(out: Path) -> None:
    """Anything else in one than in the other is at fault; comments may differ."""
    whole = (out / "net.c").read_text()
    for source in ("net.c", "checks/net.c"):
        text = (out / source).read_text()
        (out / source).write_text(text.replace("void net_run(void) {", "void net_run(void) {;", 1))
        refused(out, CheckError, "net.c is not checks/net.c without its judge")
        (out / source).write_text(text)
    (out / "net.c").write_text(whole.replace("/* ", "/*  "))
    lowtide.verify(out)


@pytest.mark.parametrize("fact", ["arena_bytes", "lower_bound_bytes"])
def test_facts_that_follow_from_the_storages_are_recomputed(out: Path, fact: str) -> None:
    held = json.loads((out / "plan.json").read_text())
    held["facts"][fact] += 4
    (out / "plan.json").write_text(json.dumps(held))
    refused(out, CheckError, "plan.json", fact)


def test_only_what_was_checked_is_reported(out: Path, fitted: lowtide.Fitted) -> None:
    """plan.json may claim any number of multiply-adds; verify does not repeat it."""
    changed(out / "plan.json", r'("facts": .*"macs": )\d+', r"\g<1>1")
    facts = lowtide.verify(out).facts()
    assert "macs" not in facts
    assert "layerwise_bytes" not in facts
    assert facts["arena_bytes"] == fitted.arena_bytes
    assert facts["faults"] == 0
    assert facts["seconds"] > 0
    assert Path(str(facts["checked_with"])).is_absolute()


@pytest.mark.parametrize(
    ("compiler", "words"),
    [
        ("no-such-cc", ["CC=no-such-cc", "no such command"]),
        ("true", ["'true'", "no program"]),
        ("cc '", ["CC=cc '"]),
    ],
)
def test_a_cc_that_is_no_compiler(
    out: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, words: list[str]
) -> None:
    """What was asked for is neither replaced silently nor taken for a bug."""
    monkeypatch.setenv("CC", compiler)
    refused(out, UsageError, *words)
    with pytest.raises(UsageError, match=r"CC|compiler"):
        lowtide.fit(small_network())


def test_a_cc_for_another_machine(
    out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cross = tmp_path / "cross-cc"
    cross.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo not for here > $2\n')
    cross.chmod(0o755)
    monkeypatch.setenv("CC", str(cross))
    refused(out, UsageError, "cross-cc", "do not run here")


@pytest.mark.parametrize("compiler", ["", "  "])
def test_an_empty_cc_is_none(out: Path, monkeypatch: pytest.MonkeyPatch, compiler: str) -> None:
    monkeypatch.setenv("CC", compiler)
    assert lowtide.verify(out).checks.faults == 0


def damage(path: tuple[str | int, ...], value: object) -> Callable[[dict[str, Any]], None]:
    """Sets what `path` leads to in a plan."""

    def change(held: dict[str, Any]) -> None:
        at: Any = held
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        damage(("storages", 0, "rows"), "a"),
        damage(("storages", 0, "rows"), 3.5),
        damage(("storages", 0, "rows"), 10**30),
        damage(("storages", 0, "live"), [[1, 5, 0]]),
        damage(("storages", 0, "live"), [[-1, 5, 0, 0, 0]]),
        damage(("storages", 0, "live"), [[10**15, 5, 9, 0, 0]]),
        damage(("storages", 0, "offset"), None),
        damage(("storages", 0), []),
        damage(("storages",), 7),
        damage(("inputs", 0, "order"), [0, 0, 0, 0]),
        damage(("inputs", 0, "shape"), [1, 3, 8, 9]),
        damage(("outputs",), []),
        damage(("operators", 0, "name"), 1),
        damage(("arena_bytes",), True),
        damage(("align",), "16"),
        damage(("facts",), []),
        damage(("schedule", 0, "operator"), {}),
    ],
)
def test_a_damaged_plan(out: Path, change: Callable[[dict[str, Any]], None]) -> None:
    held = json.loads((out / "plan.json").read_text())
    change(held)
    (out / "plan.json").write_text(json.dumps(held))
    refused(out, ModelError)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[]", "null", "{}", "", "1e999"])
def test_no_plan_at_all(out: Path, text: str) -> None:
    (out / "plan.json").write_text(text)
    refused(out, ModelError, "plan.json", "not a plan")


def test_references_of_nothing(out: Path, fitted: lowtide.Fitted) -> None:
    """Without a sample there is nothing to compare; that must not pass."""
    (out / "checks/reference.npz").write_bytes(pack_references([], fitted.memory.sha256))
    refused(out, ModelError, "reference.npz", "no sample")


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "nowhere", ModelError, "no such folder")
    refused(tmp_path / "file", ModelError, "not a folder")
    refused(tmp_path, ModelError, "plan.json is missing")


def test_a_plan_without_a_program_has_its_placement_checked(tmp_path: Path) -> None:
    """--target none writes plan.json and memory.svg; verify says that there was no program."""
    options = lowtide.Options(overlap="pixel", tile=(2, 3))
    made = lowtide.fit(small_network(), target="none", options=options)
    write_folder(tmp_path / "plan", made.files)
    verified = lowtide.verify(tmp_path / "plan")
    assert verified.checks is None
    assert verified.recomputed["arena_bytes"] == made.arena_bytes
    held = json.loads((tmp_path / "plan/plan.json").read_text())
    held["operators"][0]["atomic"] ^= True
    (tmp_path / "plan/plan.json").write_text(json.dumps(held))
    refused(tmp_path / "plan", CheckError, "schedule", "operators")


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_plan_for_elements_of_any_size_is_checked(size: int, tmp_path: Path, out: Path) -> None:
    options = lowtide.Options(element_bytes=size, align=16, place="greedy")
    made = lowtide.fit(small_network(), target="none", options=options)
    write_folder(tmp_path / "plan", made.files)
    assert lowtide.verify(tmp_path / "plan").recomputed["arena_bytes"] == made.arena_bytes
    held = json.loads((tmp_path / "plan/plan.json").read_text())
    held["operators"][0]["free_bytes"] = made.arena_bytes
    (tmp_path / "plan/plan.json").write_text(json.dumps(held))
    refused(tmp_path / "plan", CheckError, "free")
    (out / "plan.json").write_bytes(made.files["plan.json"])
    refused(out, CheckError, "no program")


def test_a_folder_of_tiles_says_that_it_has_no_program(tmp_path: Path) -> None:
    """What --target onnx writes is one file to execute: verify says so, not that net.c is gone."""
    for name in ("net.onnx", "tiles.json"):
        (tmp_path / name).write_bytes(b"{}")
    refused(tmp_path, ModelError, "--target onnx", "no program to verify")
