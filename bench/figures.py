"""Compares every figure that a fit prints, writes and draws: python -m bench.figures [--only NAME]

    terminal | net.h | plan.json | memory.svg | --json       one value wherever one thing is named

For the trained networks of ../shared/models/onnx, and one of them with its weights stored small.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]

Figures = Mapping[str, float | str]

_NUMBER = r"([0-9][0-9.,]*(?:e[-+]?[0-9]+)?)"
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1 << 20}

# What each place says, and the name that --json has for it.
_TERMINAL = {
    "layerwise_bytes": r"whole tensors +(\d+) B",
    "arena_bytes": r"arena +(\d+) B",
    "lower_bound_bytes": r"lower bound +(\d+) B",
    "ram_bytes": r"RAM +(\d+) B",
    "stack_bytes": r"arena, (\d+) of stack",
    "state_bytes": r"of stack, (\d+) of state",
    "flash_bytes": r"flash +(\d+) B",
    "code_bytes": r"weights and (\d+) of code",
    "checked_reads": r"checked +(\d+) reads",
    "faults": r"reads, (\d+) faults",
}
_HEADER = {
    "arena_bytes": r"RAM +arena (\d+) bytes",
    "arena_bytes again": r"#define NET_ARENA_BYTES (\d+)",
    "layerwise_bytes": r"layer by layer with whole tensors: (\d+)\)",
    "weight_bytes": r"flash +weights (\d+) bytes",
    "macs": r"work +(\d+) multiply-adds",
    "stack_bytes": r"RAM .*, stack (\d+), state",
    "state_bytes": r"RAM .*, state (\d+):",
    "ram_bytes": r"RAM .*, state \d+: (\d+) bytes",
    "code_bytes": r"flash .*, code (\d+):",
    "flash_bytes": r"flash .*, code \d+: (\d+) bytes",
    "original_sha256": r"original +sha256 ([0-9a-f]{64})",
}
_ROUNDED = {  # (place, figure) -> what is shown of it, and to how many digits
    "terminal": {
        "max_rel_diff": (rf"numbers +{_NUMBER} from", "e"),
        "onnxruntime_error": (rf"; onnxruntime {_NUMBER}; allowed", "e"),
        "original_max_rel_diff": (rf"^an approximation: up to {_NUMBER} of the largest", "e"),
        "macs": (rf": {_NUMBER} M multiply-adds", "M"),
        "weight_bytes": (rf"multiply-adds, {_NUMBER} (\w+) of weights", "bytes"),
        "layerwise_bytes": (rf"whole tensors +\d+ B \( *{_NUMBER} (\w+)\)", "bytes"),
        "arena_bytes": (rf"arena +\d+ B \( *{_NUMBER} (\w+)\)", "bytes"),
        "ram_bytes": (rf"RAM +\d+ B \( *{_NUMBER} (\w+)\)", "bytes"),
        "flash_bytes": (rf"flash +\d+ B \( *{_NUMBER} (\w+)\)", "bytes"),
    },
    "net.h": {
        "original_max_rel_diff": (rf"net\.h: an approximation: up to {_NUMBER} of", "e"),
    },
    "memory.svg": {
        "layerwise_bytes": (rf">{_NUMBER} → [0-9.,]+ (KiB) of arena", "bytes"),
        "arena_bytes": (rf"→ {_NUMBER} (KiB) of arena", "bytes"),
        "arena_bytes again": (rf">arena {_NUMBER} (KiB)</text>(?!.*>arena )", "bytes"),
    },
}


def differences(text: str, facts: Mapping[str, Any], folder: Path) -> list[str]:
    """Every figure that has another value in the terminal, or in a file, than in --json."""
    header, picture = ((folder / name).read_text() for name in ("net.h", "memory.svg"))
    plan = json.loads((folder / "plan.json").read_text())
    places = {"terminal": text, "net.h": header, "memory.svg": picture}
    found = [
        *_exact("terminal", text, _TERMINAL, facts),
        *_exact("net.h", header, _HEADER, facts),
        *(line for place, held in places.items() for line in _rounded(place, held, facts)),
        *_plan(plan, facts),
        *_digests(plan, header, facts, folder),
        *_percents(text, picture, facts),
        *_drawn(picture, facts),
        *_small(text, facts),
    ]
    return found


def _exact(
    place: str, text: str, patterns: Mapping[str, str], facts: Mapping[str, Any]
) -> list[str]:
    wrong = []
    for name, pattern in patterns.items():
        key, said = name.split()[0], re.search(pattern, text)
        wanted = facts.get(key)
        if (said[1] if said else None) != (None if wanted is None else str(wanted)):
            wrong.append(f"{place}: {name} is {said and said[1]}, --json says {wanted}")
    return wrong


def _rounded(place: str, text: str, facts: Mapping[str, Any]) -> list[str]:
    wrong = []
    for name, (pattern, kind) in _ROUNDED[place].items():
        said = re.search(pattern, text, re.MULTILINE | re.DOTALL)
        wanted = facts.get(name.split()[0])
        if (said is None) != (wanted is None):
            wrong.append(f"{place}: {name} is {said and said[0]}, --json says {wanted}")
        elif said is not None and wanted is not None and not _is(said, kind, float(wanted)):
            wrong.append(f"{place}: {name} is {said[0]}, --json says {wanted}")
    return wrong


def _is(said: re.Match[str], kind: str, wanted: float) -> bool:
    """Whether a figure is what is shown of a value."""
    if kind == "e":
        return said[1] == f"{wanted:.1e}"
    return _shown(said[1], "M" if kind == "M" else said[2], wanted)


def _plan(plan: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """plan.json repeats the facts; its parts add up to them."""
    wrong = [
        f"plan.json: {name} is {value}, --json says {facts.get(name)}"
        for name, value in plan["facts"].items()
        if facts.get(name) != value
    ]
    if plan["arena_bytes"] != facts["arena_bytes"]:
        wrong.append(f"plan.json: arena_bytes is {plan['arena_bytes']}")
    done = sum(one["macs"] for one in plan["operators"])
    if max(round(done / max(facts["macs"], 1) - 1, 6), 0) != facts["mac_overhead"]:
        wrong.append(f"plan.json: the operators' {done} macs are not {facts['macs']} and overhead")
    return wrong


def _digests(
    plan: Mapping[str, Any], header: str, facts: Mapping[str, Any], folder: Path
) -> list[str]:
    made = r"^   (?:compressed  |at 8 bits   )?sha256 ([0-9a-f]{64})"
    said = re.search(made, header, re.MULTILINE)
    held = np.load(folder / "checks/reference.npz", allow_pickle=False)
    found = {"net.h": said and said[1], "reference.npz": str(held["sha256"])}
    return [
        f"{place}: the network is {digest}, plan.json says {plan['sha256']}"
        for place, digest in found.items()
        if digest != plan["sha256"]
    ]


def _percents(text: str, picture: str, facts: Mapping[str, Any]) -> list[str]:
    """What was saved of the arena, in the terminal and in the picture's title and middle."""
    before, after = facts["layerwise_bytes"], facts["arena_bytes"]
    saved = 100 * (before - after) / before
    change = f"{-saved:+.1f} %" if abs(saved) >= 0.05 else f"{after - before:+,} B"
    change = change if after != before else "no change"
    shown = {
        "terminal": (r"(no change|[-+][0-9.,]+ (?:%|B)) against whole tensors", change),
        "memory.svg": (r"of arena, ([0-9.]+) % ", f"{abs(saved):.1f}"),
    }
    texts = {"terminal": text, "memory.svg": picture}
    wrong = []
    for place, (pattern, wanted) in shown.items():
        said = re.search(pattern, texts[place])
        if said is None or said[1] != wanted:
            wrong.append(f"{place}: {said and said[0]} saved, {wanted} by --json")
    middle = re.search("\N{MINUS SIGN}([0-9.]+) %</text>", picture)
    if middle is not None and middle[1] != f"{saved:.1f}":
        wrong.append(f"memory.svg: {middle[0]}, {saved:.1f} by --json")
    return wrong


def _drawn(picture: str, facts: Mapping[str, Any]) -> list[str]:
    """The arena's lines are as high as what they stand for."""
    lines = [float(y) for y in re.findall(r'class="arena" d="M[0-9.]+ ([0-9.]+)H', picture)][:2]
    bottom = float(re.findall(r'class="axis" d="M[0-9.]+ [0-9.]+V([0-9.]+)', picture)[0])
    heights = [bottom - y for y in lines]
    wanted = facts["layerwise_bytes"] / facts["arena_bytes"]
    if abs(heights[0] / heights[1] / wanted - 1) > 0.01:
        return [f"memory.svg: {heights[0] / heights[1]:.3f} times as high before, not {wanted:.3f}"]
    return []


_PAIRS = {  # before and after weights were stored small
    "arena_bytes": "arena",
    "weight_bytes": "weights",
    "weight_traffic_bytes": "weights read",
    "macs": "multiply-adds",
}


def _small(text: str, facts: Mapping[str, Any]) -> list[str]:
    """Both programs of a fit with --flash, and each figure of the one that was written once."""
    small = facts.get("compressed")
    if small is None:
        return []
    wrong = []
    for name, label in _PAIRS.items():
        said = re.search(rf"^    {label} +{_NUMBER} (\w+) -> {_NUMBER} (\w+)", text, re.MULTILINE)
        wanted = (facts["dense"][name], facts[name])
        both = [(said[1], said[2]), (said[3], said[4])] if said else []
        shown = [_shown(*one, value) for one, value in zip(both, wanted, strict=bool(both))]
        if not shown or not all(shown):
            wrong.append(f"terminal: {label} is {said and said[0].strip()}, --json says {wanted}")
    for name, value in small.items():
        if name in facts and facts[name] != value:
            wrong.append(f"--json: compressed {name} is {value}, {facts[name]} beside it")
    if small["dense_macs"] != facts["dense"]["macs"]:
        wrong.append(f"--json: dense_macs is {small['dense_macs']} and {facts['dense']['macs']}")
    first = text.splitlines()[0]
    wrong += [
        f"terminal: nothing is said of {one['on']}"
        for one in facts["original_apart"]
        if one["on"] not in first
    ]
    if re.search(r"outputs +[0-9.]+ from", text):
        wrong.append("terminal: a second measure of how far it is from the original")
    return wrong


def _shown(number: str, unit: str, wanted: float) -> bool:
    """Whether 1.2 KiB, or 0.62 M, is what is shown of a value."""
    size = 1e6 if unit == "M" else _UNITS[unit]
    digits = len(number.partition(".")[2])
    return number.replace(",", "") == f"{wanted / size:.{digits}f}"


def compared(model: Path, words: Sequence[str], folder: Path) -> list[str]:
    """Fits a network, twice: for people and for scripts."""
    command = [sys.executable, "-m", "lowtide", "fit", str(model), "-o", str(folder), *words]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    return differences(text, json.loads(told), folder)


def _digits(shared: Path, folder: Path) -> Path:
    """The first pictures of MNIST's training set."""
    data = gzip.decompress((shared / "data/mnist/train-images-idx3-ubyte.gz").read_bytes())
    values = np.frombuffer(data, np.uint8, 200 * 784, 16).reshape(-1, 1, 28, 28)
    np.save(folder / "digits.npy", values)
    return folder / "digits.npy"


def main() -> None:
    """Prints a line a network; ends with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network")
    given = parser.parse_args()
    wrong = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        runs: list[tuple[Path, list[str]]]
        runs = [(model, []) for model in sorted((given.shared / "models/onnx").glob("*.onnx"))]
        digits = _digits(given.shared, folder)
        small = ["--budget", "8KiB", "--flash", "4KiB", "--calibrate", str(digits)]
        runs.append((given.shared / "models/onnx/mnist_cntk.onnx", small))
        for number, (model, words) in enumerate(runs):
            if given.only in (None, model.stem):
                found = compared(model, words, folder / str(number))
                wrong += len(found)
                print(
                    f"{model.stem} {' '.join(words[:4])}: {len(found)} figures differ", flush=True
                )
                print("".join(f"  {line}\n" for line in found), end="", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
