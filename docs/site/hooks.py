"""What mkdocs asks while it builds the site: pages made from the code, links outside.

pages    reference/commands.md, ..          made now, so they cannot be behind the code
links    [the example](../examples/main.c)  the example (`examples/main.c`): no page shows that
         [kernels.md](kernels.md)           its title, The C and its kernels
"""

from __future__ import annotations

import posixpath
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT / "src"), str(Path(__file__).parent)]

from c_interface import c_interface  # noqa: E402
from command_line import command_line  # noqa: E402
from json_keys import json_keys  # noqa: E402
from python_api import python_api  # noqa: E402

MADE = {
    "reference/commands.md": command_line,
    "reference/python.md": python_api,
    "reference/c.md": c_interface,
    "reference/json.md": json_keys,
    "changelog.md": lambda: (ROOT / "CHANGELOG.md").read_text().replace("](docs/", "]("),
    "licences.md": lambda: LICENCES + licence_of_theme(),
}
LICENCES = """\
# Licences

lowtide is under the Apache License 2.0. What it writes is yours: generated code carries no licence
of lowtide's, and the weights in it stay under the network's.

This site has beside our own words, each under the MIT licence: the theme Material for MkDocs, in
its scripts [lunr](https://lunrjs.com), which searches, and others that are named there;
iframe-worker, for a search in pages opened from a file, whose licence stands in
`docs/site/iframe-worker.js`; and icons of the
[Material Design Icons](https://pictogrammers.com/library/mdi/), under the Apache License 2.0.

## Material for MkDocs

"""
MADE_PAGES = {
    "Commands and options, Python, C, exit codes and `--json`": "[Commands and options]"
    "(reference/commands.md), [Python](reference/python.md), [C](reference/c.md), "
    "[exit codes and `--json`](reference/json.md)",
}
"""Words of docs/index.md that are links where the pages are: not on GitHub."""

OUTSIDE = {"CHANGELOG.md": "changelog.md"}
"""Files of the repository that are pages of the site under another name."""

LINK = re.compile(r"\[([^\[\]]+)\]\(([^\s():]+)\)")


def licence_of_theme() -> str:
    held = [one for one in metadata.files("mkdocs-material") or [] if one.name == "LICENSE"]
    return "".join(f"    {line}\n" for line in held[0].read_text().splitlines())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, make in MADE.items():
        files.append(File.generated(config, name, content=make()))
    return files


def on_page_markdown(text: str, page: Page, **_: Any) -> str:
    for words, links in MADE_PAGES.items():
        text = text.replace(words, links)
    return LINK.sub(lambda link: as_on_site(page.file.src_uri, *link.group(0, 1, 2)), text)


def as_on_site(source: str, link: str, text: str, target: str) -> str:
    """A link as the site has it: to files that are no page, their path in the repository."""
    folder, name = posixpath.split(source)[0], target.partition("#")[0]
    path = posixpath.normpath(posixpath.join("docs", folder, name))
    named = text.strip("`") in (path, name, posixpath.basename(path))
    if page := OUTSIDE.get(path):
        return f"[{text}]({posixpath.relpath(page, folder or '.')})"
    if not path.startswith("docs/"):
        return f"`{path}`" if named else f"{text} (`{path}`)"
    if named and path.endswith(".md") and (ROOT / path).is_file():
        title = (ROOT / path).read_text().partition("\n")[0].removeprefix("# ")
        return f"[{title}]({target})"
    return link
