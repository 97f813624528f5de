"""The documentation as a site: every page is in it, as on GitHub, and nothing asks a network.

docs/*.md, and pages made from the code -> mkdocs build --strict -> html
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.builders.tools import need
from tests.report.chromium import CHROMIUM, open_page

import lowtide

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PROMISED = json.loads((ROOT / "tests" / "cli" / "interfaces.json").read_text())
COUNTED = {"h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "tr", "td", "em", "strong", "del"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with --strict: a page that is in no menu, or a link that leads nowhere, fails."""
    folder = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder


def article(page: Path) -> str:
    return re.split(r"<article[^>]*>|</article>", page.read_text())[1]


def tags(text: str) -> Counter[str]:
    return Counter(tag for tag in re.findall(r"<(\w+)[ >]", text) if tag in COUNTED)


def test_a_page_is_on_the_site_what_it_is_on_github(site: Path) -> None:
    """Lists, tables and headings: Python-Markdown reads some otherwise than CommonMark does."""
    github = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for page in sorted(set(DOCS.rglob("*.md")) - set(DOCS.glob("site/*"))):
        built = article(site / page.relative_to(DOCS).with_suffix(".html"))
        assert tags(built) == tags(github.render(page.read_text())), page


def test_the_reference_has_all_that_is_promised(site: Path) -> None:
    """Commands with their options, names of Python, functions of the C, keys of --json."""
    reference = site / "reference"
    said = {page.stem: html.unescape(article(page)) for page in reference.glob("*.html")}
    for command, options in PROMISED["options"].items():
        part = said["commands"].split(f'id="lowtide-{command}"')[1].split("<h2")[0]
        missing = [one for one in options if not re.search(rf"{one}(?![\w-])", part)]
        assert not missing, (command, missing)
    assert all(f'id="{name.lower()}"' in said["python"] for name in lowtide.__all__)
    keys = {key for one in PROMISED["json"].values() for key in one}
    assert all(re.search(rf"\b{key.split('.')[-1]}\b", said["json"]) for key in keys)
    assert "face_run_in" in said["c"]
    assert all(f'href="reference/{name}.html"' in article(site / "index.html") for name in said)


def test_keys_that_are_explained_are_promised() -> None:
    promised = {
        part for one in PROMISED["json"].values() for key in one for part in [key, *key.split(".")]
    }
    lines = re.findall(r"^`.*", (DOCS / "site" / "keys.md").read_text(), re.MULTILINE)
    explained = {key for line in lines for key in re.findall(r"`(\w+)`", line.split(" of `")[0])}
    assert explained
    assert explained <= promised


def test_nothing_is_asked_of_a_network(site: Path) -> None:
    """Scripts, styles, fonts and pictures come from the site's own folder; links may lead out."""
    asked = re.compile(
        r"<(?:script|img|iframe|source|object)[^>]*?(?:src|data)=[\"']?(?:https?:)?//[^>]*"
        r"|<link[^>]*?rel=[\"']?(?:stylesheet|preconnect|preload|icon)[^>]*?//[^>]*"
        r"|(?:url\(|@import )[\"']?(?:https?:)?//[^)]*"
    )
    found = [
        (page.name, one)
        for page in site.rglob("*")
        if page.suffix in {".html", ".css"}
        for one in asked.findall(page.read_text())
    ]
    assert not found


def test_search_finds_in_a_page_opened_from_a_file(site: Path) -> None:
    """An option as it is typed, to which the search's own language gives another meaning."""
    need("" if CHROMIUM else "there is no chromium")
    with open_page(site / "index.html", 1200, 900) as page:
        page.value("document.querySelector('[for=__search]').click()")
        page.value("document.querySelector('input[name=query]').focus()")
        for letter in "--max-overhead":
            page.key(letter)
        found = page.value(
            """new Promise(done => { let tries = 0; const look = () => {
                const all = [...document.querySelectorAll('.md-search-result__link')];
                const there = all.some(one => one.href.includes('commands.html'));
                there || ++tries > 200 ? done(there) : setTimeout(look, 50) }; look() })"""
        )
        assert found
        assert not [fault for fault in page.faults() if not fault.startswith("data:")]
