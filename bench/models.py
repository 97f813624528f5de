"""Fits every trained network of ../shared/models/onnx on a real picture: docs/models.md.

    python -m bench.models [--only NAME] [--shared ../shared]

Each is planned, emitted, checked at both levels of the judge, and compared with its evaluation in
float64 on a seeded random input and on a real picture, onnxruntime beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from bench.tables import markdown, put
from lowtide.check.expected import Against
from lowtide.data.samples import SampleFiles, read_labels
from lowtide.errors import ModelError
from lowtide.ir.graph import Array
from lowtide.pipeline.fit import fit
from lowtide.pipeline.fitted import Fitted

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Trial:
    """A picture as a network was trained to see it, and what its outputs say in words."""

    picture: str
    answer: Callable[[Sequence[Array], Path], str]
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False


def _top(labels: str) -> Callable[[Sequence[Array], Path], str]:
    def answer(outputs: Sequence[Array], shared: Path) -> str:
        best = int(np.argmax(outputs[0]))
        names = read_labels(shared / labels) if labels else []
        return names[best].split(",")[0] if best < len(names) else f"class {best}"

    return answer


def _faces(outputs: Sequence[Array], shared: Path) -> str:
    scores = next(y for y in outputs if y.shape[-1] == 2)
    return f"{int((scores[..., 1] > 0.7).sum())} anchors above 0.7"


def _objects(outputs: Sequence[Array], shared: Path) -> str:
    best = [float(y.max()) for y in outputs if y.shape[-1] == 1]
    return f"best score {max(best):.2f}"


def _detected(outputs: Sequence[Array], shared: Path) -> str:
    y = outputs[0][0]
    row, column = np.unravel_index(int(y[0].argmax()), y[0].shape)
    held = read_labels(shared / "data/pictures/coco_labels.txt")  # of 90; the network knows 80
    names = [name for name in held if name != "n/a"]
    return names[int(y[5:, row, column].argmax())]


def _range(outputs: Sequence[Array], shared: Path) -> str:
    return f"pixels {outputs[0].min():.2f} .. {outputs[0].max():.2f}"


_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_CIFAR = Trial("cifar", _top(""), _IMAGENET_MEAN, _IMAGENET_STD)
_FACE = Trial("data/faces/1.jpg", _faces, (127.0,), (128.0,))
_CAT = "data/pictures/cat.bmp"

# How each file was trained to see pictures, from ../shared/models/README.md.
TRIALS = {
    "dncnn_25": Trial("noisy", _range, std=(255.0,)),
    "face_rfb_320": _FACE,
    "face_slim_320": _FACE,
    "fastestdet_352": Trial(_CAT, _detected, std=(255.0,), bgr=True),
    "mnist_cntk": Trial("digit", _top("")),
    "resnet20_cifar10": _CIFAR,
    "resnet20_cifar10_bn": _CIFAR,
    "squeezenet_v1.0": Trial(
        _CAT, _top("data/pictures/imagenet_labels.txt"), (104.0, 117.0, 123.0), bgr=True
    ),
    "super_resolution": Trial("data/set12/02.png", _range, std=(255.0,)),
    "yunet_n_320": Trial("data/faces/1.jpg", _objects, bgr=True),
}


def _picture(trial: Trial, shared: Path, folder: Path) -> Path:
    """The file of a trial's picture; pictures out of collections are written to `folder`."""
    if trial.picture == "cifar":
        strip = np.asarray(Image.open(shared / "data/cifar10/cifar10_batch_0.png"))
        return _saved(strip[1].reshape(32, 32, 3), folder / "cifar10 number 1 (class 9).png")
    if trial.picture == "digit":
        import gzip

        held = gzip.decompress((shared / "data/mnist/t10k-images-idx3-ubyte.gz").read_bytes())
        digit = np.frombuffer(held, np.uint8, 784, 16).reshape(28, 28)
        return _saved(digit, folder / "mnist test 0 (class 7).png")
    if trial.picture == "noisy":
        clean = np.asarray(Image.open(shared / "data/set12/01.png").convert("L"), np.float64)
        noise = np.random.default_rng(0).normal(0, 25, clean.shape)
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        return _saved(noisy, folder / "set12 01 with noise.png")
    return shared / trial.picture


def _saved(pixels: Array, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def measure(model: Path, shared: Path, folder: Path) -> list[str]:
    """One row of the table."""
    trial = TRIALS[model.stem]
    picture = _picture(trial, shared, folder)
    samples = SampleFiles((picture,), trial.mean, trial.std, trial.bgr)
    try:
        fitted = fit(model, samples=samples.read)
    except ModelError as error:
        return [model.stem, f"refused: {error.what}", *[""] * (len(HEAD) - 2)]
    return _row(model.stem, fitted, trial, picture, shared)


def _row(name: str, fitted: Fitted, trial: Trial, picture: Path, shared: Path) -> list[str]:
    plan, checks = fitted.plan, fitted.checks
    assert checks is not None
    own = plan.profile
    copies = sum(task.operator.type == "Copy" for task in plan.tasks)
    answer = trial.answer(checks.results[picture.name], shared)
    return [
        name,
        str(len(plan.tasks)) + (f" ({copies} copies)" if copies else ""),
        f"{own.macs / 1e6:,.1f}",
        f"{own.weight_bytes:,}",
        f"{own.layerwise_bytes:,}",
        f"{plan.arena_bytes:,}",
        f"{own.lower_bound_bytes:,}",
        "yes" if plan.placement.proven and plan.schedule.proven else "no",
        f"{checks.checked_reads:,} / {checks.faults}",
        f"{checks.max_rel_diff:.1e}" if checks.against.kind == "float64" else "-",
        _error(checks.against),
        f"{picture.stem}: {answer}",
    ]


def _error(against: Against) -> str:
    """onnxruntime's own error, or why nothing more exact is known."""
    if against.runtime_error is None:
        return f"the reference: {against.note}"
    return f"{against.runtime_error:.1e}"


HEAD = (
    "network", "operators", "M MACs", "weights", "whole tensors", "arena", "live",
    "proven least", "reads checked / faults", "from exact", "onnxruntime's own",
    "real picture: answer",
)  # fmt: skip


def main() -> None:
    """Writes docs/models.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network; prints its row and writes nothing")
    given = parser.parse_args()
    rows = []
    with TemporaryDirectory() as folder:
        for model in sorted((given.shared / "models/onnx").glob("*.onnx")):
            if model.stem in TRIALS and given.only in (None, model.stem):
                rows.append(measure(model, given.shared, Path(folder)))
                print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    table = markdown(HEAD, rows)
    if given.only:
        print(table)
    else:
        put(ROOT / "docs/models.md", "table", table)


if __name__ == "__main__":
    main()
