"""Text from outside on its way into C, the terminal and markup: whatever it is, it stays text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from hostile import NAMES, unclean
from lowtide.quoting import WIDTH, for_c, for_markup, for_terminal, identifier, is_identifier

_SHORT = "*/\\?"
_WILD = (
    *_SHORT, *"\n\r\t\"'<>&;#%:=-ab1 ", "\x00", "\x07", "\x08", "\x1b", "\x7f", "\x85", "\x9b",
    "\u00a0", "\u200b", "\u202e", "\u2066", "\u2028", "\ufeff", "\ufffe", "\ud800", "\udcff",
    "é", "大", "\U0001f600", "\U000e0041",
)  # fmt: skip


def strings(count: int = 100_000) -> Iterator[str]:
    """Of the four characters that comments and trigraphs are made of; of all kinds; any at all."""
    rng = Random(7)
    for k in range(count):
        size = rng.randrange(200) if k % 50 == 0 else rng.randrange(12)
        if k % 3 == 0:
            yield "".join(rng.choices(_SHORT, k=size))
        elif k % 3 == 1:
            yield "".join(rng.choices(_WILD, k=size))
        else:
            yield "".join(chr(rng.randrange(0x110000)) for _ in range(size))
    yield from NAMES.values()


def test_nothing_ends_a_comment_a_string_or_a_line_of_c() -> None:
    """No `*/`, `/*`, `??`, backslash, quote or line end, however it stands between blanks."""
    for text in strings():
        made = for_c(text)
        assert made.isascii() and made.isprintable() and len(made) <= WIDTH, repr(text)  # noqa: PT018
        within = f" {made} "
        bad = [one for one in ("*/", "/*", "??", "\\", '"', "'", "\n") if one in within]
        assert not bad, (text, made)


def test_nothing_is_an_order_to_a_terminal() -> None:
    for text in strings():
        made = for_terminal(text)
        assert not unclean(made), repr(text)
        assert "\n" not in made
        assert len(made) <= WIDTH


def test_markup_holds_the_text_and_nothing_else() -> None:
    """What is put into an element or an attribute is what a parser reads there."""
    held = list(strings())
    for first in range(0, len(held), 1000):
        made = [for_markup(text) for text in held[first : first + 1000]]
        assert not re.search("[<>\"']", "".join(made))
        page = "".join(f'<t a="{one}">{one}</t>' for one in made)
        tree = ElementTree.fromstring(f"<page>{page}</page>")
        read = [for_terminal(text) for text in held[first : first + 1000]]
        assert [one.text or "" for one in tree] == read
        assert [one.get("a") for one in tree] == read


def test_identifiers_are_those_of_c() -> None:
    taken: set[str] = set()
    made = [identifier(text, taken) for text in strings(10_000)]
    assert len(set(made)) == len(made)
    assert all(is_identifier(one) and re.fullmatch("[a-z_][a-z0-9_]*", one) for one in made)
    assert max(map(len, made)) < 80


def test_a_compiler_agrees(tmp_path: Path) -> None:
    """10,000 of them as comments and strings of one file, with trigraphs: nothing but what was
    meant."""
    texts = [for_c(text) for text in strings(10_000)]
    lines = [f'/* {one} */ "{one}",' for one in texts]
    source = tmp_path / "texts.c"
    source.write_text("const char *const texts[] = {\n" + "\n".join(lines) + "\n};\n")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-trigraphs"]
    command = ["gcc", *flags, "-fsyntax-only", str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no gcc")
    assert done.returncode == 0, done.stderr[:500]


def test_both_ends_of_what_is_long_stay() -> None:
    assert for_terminal("short", 5) == "short"
    assert for_terminal("features.denseblock1.conv", 12) == "featur….conv"
    assert [len(for_terminal("abcdefgh", n)) for n in range(1, 9)] == list(range(1, 9))
    assert for_terminal("a\nb", 9) == "a\N{REPLACEMENT CHARACTER}b"
    assert for_c("/model/features/conv") == "/model/features/conv"
    assert for_c("a" * 100 + "b" * 100) == "a" * 39 + ".." + "b" * 39
