"""Networks cut into tiles as plain ONNX, layer by layer: docs/portable.md.

    python -m bench.portable [--shared ../shared] [--only NAME] [--tiles 16] [--max-overhead 0.04]

The structures of ../shared/models that the papers use, filled with random weights. Without --only
the table in docs/portable.md is written anew; what is measured is what `lowtide fit --target onnx`
judges by: the written file, node by node, and onnxruntime on it against the original.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import onnx

from bench.tables import markdown, put
from lowtide.pipeline.fit_onnx import MAX_OVERHEAD, TILES, Portable, fit_portable

ROOT = Path(__file__).parents[1]
NETWORKS = {
    "vgg16": "VGG16",
    "squeezenet1_1": "SqueezeNet1.1",
    "mobilenet_v2": "MobileNetV2",
    "resnet18": "ResNet18",
    "inception_v3": "InceptionV3",
}
PLANNING = ("searching segments", "improving segments", "writing tiles")
HEAD = (
    "network", "layer by layer", "in tiles", "saving %", "extra MACs %", "segments cut", "nodes",
    "nodes before", "max rel diff", "plan s", "all s",
)  # fmt: skip


def filled(shared: Path, name: str, folder: Path) -> Path:
    """A structure with seeded random weights."""
    spec = importlib.util.spec_from_file_location("fill", shared / "models/fill_weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = folder / f"{name}.onnx"
    source = shared / f"models/structure/{name}.onnx"
    onnx.save(module.fill(onnx.load(source, load_external_data=False)), path)
    return path


def row(name: str, fitted: Portable) -> list[str]:
    """One network, in elements."""
    cut = sum(s.tiles * s.columns > 1 for s in fitted.segments)
    return [
        name,
        f"{fitted.before.peak:,}",
        f"{fitted.after.peak:,}",
        f"{100 * fitted.saving:.1f}",
        f"{100 * fitted.overhead:.2f}",
        str(cut),
        str(fitted.after.nodes),
        str(fitted.before.nodes),
        f"{fitted.numbers.max_rel:.1e}",
        f"{sum(fitted.seconds[stage] for stage in PLANNING):.0f}",
        f"{sum(fitted.seconds.values()):.0f}",
    ]


def mean(fitted: list[Portable]) -> list[str]:
    """The average saving and the average overhead, as the papers state them."""
    saving = sum(f.saving for f in fitted) / len(fitted)
    overhead = sum(f.overhead for f in fitted) / len(fitted)
    return ["average", "", "", f"{100 * saving:.1f}", f"{100 * overhead:.2f}", *[""] * 6]


def main() -> None:
    """Restructures the networks and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network; prints its row and writes nothing")
    parser.add_argument("--tiles", type=int, default=TILES)
    parser.add_argument("--max-overhead", type=float, default=MAX_OVERHEAD)
    given = parser.parse_args()
    rows, found = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, title in NETWORKS.items():
            if given.only in (None, name):
                path = filled(given.shared, name, Path(folder))
                one = fit_portable(path, tiles=given.tiles, max_overhead=given.max_overhead)
                path.unlink()
                found.append(one)
                rows.append(row(title, one))
                print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    table = markdown(HEAD, [*rows, mean(found)])
    if given.only is None and (given.tiles, given.max_overhead) == (TILES, MAX_OVERHEAD):
        put(ROOT / "docs/portable.md", "table", table)
    else:
        print(table)


if __name__ == "__main__":
    main()
