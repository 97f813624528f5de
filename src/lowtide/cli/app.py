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
    help="Turns a trained neural network into C that runs in a fraction of the usual RAM, and "
    "checks that it computes the same.",
    epilog="Begin with your network, `lowtide fit net.onnx -o out`, or, in a clone of lowtide, "
    "with that of the examples: `lowtide fit examples/resnet8_cifar10.onnx -o out`.\n\n"
    "Exit codes: 0 done, 1 a bug, 2 usage, 3 budget cannot be met, 4 input unreadable or "
    "unsupported, 5 a check failed, 129, 130 and 143 interrupted.",
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        show(f"lowtide {__version__}")
        raise typer.Exit


_RESNET = "examples/resnet8_cifar10.onnx"
_INT8 = "examples/resnet8_cifar10_int8"


def _examples(*commands: str) -> str:
    """What --help ends with; all files are in a clone, in this order also what was written."""
    return "In a clone of lowtide:\n\n" + "\n\n".join(f"- `lowtide {one}`" for one in commands)


app.command(epilog=_examples(f"profile {_RESNET}", f"profile {_RESNET} --chip nrf52840"))(profile)
app.command(
    cls=RepeatedFit,
    epilog=_examples(
        f"fit {_RESNET} -o out --budget 64KiB --sample examples/pictures/cat.jpg",
        f"fit {_INT8}.tflite -o out --chip stm32l4r5",
        f"fit {_RESNET} -o out --chip nrf52840 --int8 --calibrate examples/pictures",
        "fit -c out/lowtide.toml",
    ),
)(fit)
app.command(epilog=_examples(f"explore {_RESNET} -o front --image streamed"))(explore)
app.command(epilog=_examples(f"fit {_RESNET} -o out", f"verify out --model {_RESNET}"))(verify)
app.command(
    epilog=_examples(
        f"fit {_RESNET} -o out", "bench out --against onnxruntime", "bench out --board m4"
    )
)(bench)
app.command(epilog=_examples("boards", f"fit {_RESNET} -o out", "boards m4 -o m4"))(boards)
app.command(epilog=_examples("chips", f"fit {_INT8}.tflite -o out --chip stm32l4r5"))(chips)
app.command(epilog=_examples("doctor"))(doctor)
app.command(epilog=_examples("operators"))(operators)
app.command(epilog="Example: `lowtide place A.csv --capacity 1MiB -o placed.csv`")(place)
app.command(epilog=_examples(f"quantise {_RESNET} --calibrate examples/pictures -o int8.onnx"))(
    quantise
)
app.command(
    epilog=_examples(
        f"compress {_RESNET} --flash 64KiB --calibrate examples/pictures -o small.onnx"
    )
)(compress)
app.command(
    epilog="Example: `lowtide train-compressed net.onnx --flash 64KiB --data d.npz -o o.onnx`"
)(train_compressed)
