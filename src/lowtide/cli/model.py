"""The network that a command is given: a file, or what makes a PyTorch module of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowtide.cli.options import ENDS
from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.cli.recipe import recipe
from lowtide.errors import UsageError

if TYPE_CHECKING:
    from lowtide.frontends.pytorch.exported import Exported
    from lowtide.ir.graph import Shape
    from lowtide.pipeline.read import Model as Read


Model = Annotated[
    Path,
    typer.Argument(
        help="The network: an ONNX or a .tflite file, or nets.py:small of a PyTorch module.",
        show_default=False,
    ),
]
Models = Annotated[
    list[Path],
    typer.Argument(
        default_factory=list,
        help="The network: an ONNX or a .tflite file, or nets.py:small of a PyTorch module; "
        "several files with --together; none where -c names it.",
        show_default=False,
    ),
]
OnnxModel = Annotated[
    Path,
    typer.Argument(
        help="The network: an ONNX file, or nets.py:small of a PyTorch module.", show_default=False
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="With nets.py:small (or pkg.nets:small), where small() makes a PyTorch module: the "
        "shape of its input, 1x3x224x224; repeated for several, in the order of forward() or as "
        "NAME=1x16.",
        rich_help_panel=ENDS,
    ),
]


@dataclass(frozen=True)
class Given:
    """A network by its word, and what that was exported to if it is no file."""

    word: Path
    exported: Exported | None = None

    @property
    def model(self) -> Read:
        """What is read as a network."""
        return self.word if self.exported is None else self.exported.proto

    def shapes(self, given: Sequence[str] | None) -> dict[str, Shape]:
        """Those of --shape; of a module all, so that commands that are printed say them."""
        from lowtide.frontends.onnx.shapes import parse_shapes

        return {**(self.exported.shapes if self.exported else {}), **parse_shapes(given or [])}

    def out(self, context: typer.Context, out: Out) -> Out:
        """A network that came from PyTorch lies in its folder, and is fitted again from there."""
        from lowtide.files.listing import EXPORTED

        content = self._content()
        if out.folder is None or content is None:
            return out
        kept = out.folder / EXPORTED
        again = {**recipe(context, out.folder, kept), EXPORTED: content}
        return replace(out, recipe=again, read=[p for p in out.read if not _same(p, kept)])

    def _content(self) -> bytes | None:
        from lowtide.frontends.onnx.original import name_in

        if self.exported is not None:
            return self.exported.content
        content = self.word.read_bytes() if self.word.is_file() else b""
        return content if name_in(content) is not None else None


def network_given(
    model: Path, inputs: Sequence[str] | None, shape: Sequence[str] | None, quiet: bool
) -> Given:
    """Runs the factory that a word names, and exports its module; a file stays one.

    A module's shapes come from --input, or from --shape, as the commands that are printed say them.
    """
    from lowtide.frontends.pytorch.factory import is_factory

    if not is_factory(str(model)):
        if inputs:
            raise UsageError(
                "--input is for the module that pkg.mod:factory or file.py:factory makes; an "
                "input that a file leaves open gets its shape with --shape x=1x3x224x224"
            )
        return Given(model)
    from lowtide.pipeline.from_torch import exported_from

    with StageLine(model, quiet) as progress, _stdout_kept():
        progress("exporting from PyTorch")
        return Given(model, exported_from(str(model), inputs or shape or ()))


def stem(model: Path) -> str:
    """What a folder is called after: small of nets.py:small, net of net.onnx."""
    from lowtide.frontends.pytorch.factory import is_factory

    return str(model).rpartition(":")[2] if is_factory(str(model)) else model.stem


def refuse_factories(models: Sequence[Path], why: str) -> None:
    """Raises UsageError for words that name factories, where files are needed."""
    from lowtide.frontends.pytorch.factory import is_factory

    for model in models:
        if is_factory(str(model)):
            raise UsageError(f"{model}: {why}")


def _same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """What the user's code prints goes to stderr: stdout is for the result."""
    try:
        held = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # closed: there is nothing to keep
        held = None
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if held is not None:
            os.dup2(held, 1)
            os.close(held)
