"""The app: the commands in the order of --help. A command a file, and no logic in them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lowtide.cli.bench import bench
from lowtide.cli.boards import boards
from lowtide.cli.chips import chips
from lowtide.cli.compress import compress
from lowtide.cli.doctor import doctor
from lowtide.cli.explore import explore
from lowtide.cli.fit import fit
from lowtide.cli.operators import operators
from lowtide.cli.output import show
from lowtide.cli.place import place
from lowtide.cli.profile import profile
from lowtide.cli.quantise import quantise
from lowtide.cli.recipe import RepeatedFit
from lowtide.cli.train import train_compressed
from lowtide.cli.verify import verify
from lowtide.errors import UsageError
from lowtide.version import __version__


class _Commands(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuses empty words: of a path that is empty `Path` makes the folder where we are."""
        if ctx.resilient_parsing:  # a shell asks how the line may go on
            return super().parse_args(ctx, args)
        for before, word in zip(["lowtide", *args], args, strict=False):
            named = word if word.startswith("--") and word.endswith("=") else before
            if word == "" or named is word:
                raise UsageError(f"nothing after '{named}', where a name or a value is needed")
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Makes a neural network fit in the memory you have, and proves it computes the same.",
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 budget cannot be met, 4 input unreadable or "
    "unsupported, 5 a check failed, 129, 130 and 143 interrupted.",
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        show(f"lowtide {__version__}")
        raise typer.Exit


app.command(epilog="Example: `lowtide profile net.onnx --overlap none`")(profile)
app.command(
    cls=RepeatedFit,
    epilog="Examples:\n\n"
    "- `lowtide fit net.tflite -o out --chip stm32l4r5`\n\n"
    "- `lowtide fit net.onnx -o out --budget 256KiB --sample cat.png`\n\n"
    "- `lowtide fit net.onnx -o out --chip nrf52840 --int8 --calibrate pictures/`\n\n"
    "- `lowtide fit -c out/lowtide.toml`",
)(fit)
app.command(epilog="Example: `lowtide explore net.onnx -o front --image streamed`")(explore)
app.command(epilog="Example: `lowtide verify out --model net.onnx`")(verify)
app.command(
    epilog="Examples: `lowtide bench out --against onnxruntime --model net.onnx --profile`; "
    "`lowtide bench out --board m4`"
)(bench)
app.command(epilog="Examples: `lowtide boards`; `lowtide boards m4 -o m4 --source out/net.c`")(
    boards
)
app.command(
    epilog="Example: `lowtide chips --json`; then `lowtide fit net.onnx -o out --chip stm32l4r5`"
)(chips)
app.command(epilog="Example: `lowtide doctor --json`")(doctor)
app.command(epilog="Example: `lowtide operators --json`")(operators)
app.command(epilog="Example: `lowtide place A.csv --capacity 1MiB -o placed.csv`")(place)
app.command(epilog="Example: `lowtide quantise net.onnx --calibrate pictures/ -o net_int8.onnx`")(
    quantise
)
app.command(
    epilog="Example: `lowtide compress net.onnx --flash 256KiB --calibrate pictures/ -o o.onnx`"
)(compress)
app.command(
    epilog="Example: `lowtide train-compressed net.onnx --flash 64KiB --data d.npz -o o.onnx`"
)(train_compressed)
