"""The trained detectors and the de-noiser on real pictures, overlapped, against onnxruntime.

    python -m bench.detect [--shared ../shared] [--overlap pixel]

The same boxes: as many, in the same order, corners within a hundredth of a pixel. The same PSNR: to
a thousandth of a decibel. Writes the second table of docs/overlap.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.boxes import Array, Decode, fastestdet, ultraface_rfb, ultraface_slim, yunet
from bench.tables import markdown, put
from lowtide.check.numbers import Reference
from lowtide.data.samples import SampleFiles
from lowtide.ir.graph import Graph
from lowtide.pipeline.fit import fit
from lowtide.pipeline.fitted import Fitted
from lowtide.planner.options import Options

ROOT = Path(__file__).parents[1]
SIGMA = 25


@dataclass(frozen=True)
class Detector:
    """A detector, the pictures it is shown, and how it is used to see them."""

    pictures: str
    decode: Decode
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False


DETECTORS = {
    "face_slim_320": Detector("faces/*.jpg", ultraface_slim, (127.0,), (128.0,)),
    "face_rfb_320": Detector("faces/*.jpg", ultraface_rfb, (127.0,), (128.0,)),
    "yunet_n_320": Detector("faces/*.jpg", yunet, bgr=True),
    "fastestdet_352": Detector("pictures/*.bmp", fastestdet, std=(255.0,), bgr=True),
}


def detect(name: str, shared: Path, options: Options) -> Iterator[list[str]]:
    """A row for each picture."""
    how, model = DETECTORS[name], shared / f"models/onnx/{name}.onnx"
    paths = tuple(sorted((shared / "data").glob(how.pictures)))
    held: dict[str, Mapping[str, Array]] = {}

    def samples(graph: Graph) -> Mapping[str, Mapping[str, Array]]:
        held.update(SampleFiles(paths, how.mean, how.std, how.bgr).read(graph))
        return held

    fitted, reference = fit(model, options=options, samples=samples), Reference(model, name)
    side = max(next(iter(held.values()))[fitted.memory.inputs[0].name].shape)
    for picture, inputs in held.items():
        ours, theirs = _boxes(how.decode, fitted, picture, reference.run(inputs).outputs)
        same = ours.shape == theirs.shape and (
            not ours.size or float(np.abs(ours - theirs)[:, 1:].max()) * side < 0.01
        )
        best = f"{theirs[0, 0]:.3f}" if theirs.size else "-"
        yield [name, picture, str(len(theirs)), best, "the same boxes" if same else "DIFFERENT"]


def _boxes(
    decode: Decode, fitted: Fitted, picture: str, reference: Sequence[Array]
) -> tuple[Array, Array]:
    assert fitted.checks is not None
    return decode(fitted.checks.results[picture]), decode(reference)


def denoise(shared: Path, options: Options) -> Iterator[list[str]]:
    """DnCNN on Set12 with Gaussian noise; the file takes 256 x 256, larger pictures are cropped."""
    model, clean, noisy = shared / "models/onnx/dncnn_25.onnx", {}, {}
    for number, path in enumerate(sorted((shared / "data/set12").glob("*.png"))[:4]):
        picture = np.asarray(Image.open(path).convert("L"), np.float32)[:256, :256] / 255
        noise = np.random.default_rng(number).normal(0, SIGMA / 255, picture.shape)
        clean[path.name], noisy[path.name] = picture, (picture + noise).astype(np.float32)
    given = {name: {"input": x[None, None]} for name, x in noisy.items()}
    fitted, reference = fit(model, options=options, samples=given), Reference(model, "dncnn")
    assert fitted.checks is not None
    for name, inputs in given.items():
        before = psnr(noisy[name], clean[name])
        ours = psnr(fitted.checks.results[name][0], clean[name])
        theirs = psnr(reference.run(inputs).outputs[0], clean[name])
        same = abs(ours - theirs) < 0.001
        what = f"{ours:.3f} dB, {'the same' if same else f'NOT {theirs:.3f}'}"
        yield ["dncnn_25", name, "-", f"{before:.2f} dB", what]


def psnr(x: Array, clean: Array) -> float:
    """Peak signal to noise ratio in decibels, of pictures in 0 .. 1."""
    error: Any = np.mean((np.clip(x, 0, 1).reshape(clean.shape) - clean) ** 2)
    return float(-10 * np.log10(error))


HEAD = ("network", "picture", "boxes", "best score, or noisy", "lowtide against onnxruntime")


def main() -> None:
    """Writes the second table of docs/overlap.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--overlap", choices=["row", "group", "pixel"], default="pixel")
    given = parser.parse_args()
    options, rows = replace(Options(), overlap=given.overlap), []
    for name in DETECTORS:
        rows += list(detect(name, given.shared, options))
        print("\n".join(" | ".join(r) for r in rows[-2:]), file=sys.stderr, flush=True)
    rows += list(denoise(given.shared, options))
    put(ROOT / "docs/overlap.md", "pictures", markdown(HEAD, rows))


if __name__ == "__main__":
    main()
