"""`--json` is an interface: keys are added, never renamed or dropped.

lowtide fit net.onnx --json  ->  {"arena_bytes": .., "macs": .., ..}
"""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import parser

from commands import Command

PLAN = """
    arena_bytes lower_bound_bytes schedule_proven schedule_bound_bytes placement_proven
    placement_bound_bytes layerwise_bytes ping_pong_bytes no_reuse_bytes macs mac_overhead
    weight_bytes scratch_bytes
"""
KEYS = {
    "profile": PLAN + "operators overlaps peak_operator",
    "fit": PLAN
    + """
    checked_with checked_reads faults max_abs_diff max_rel_diff error_from_exact onnxruntime_error
    reference stack_bytes state_bytes code_bytes ram_bytes flash_bytes weight_traffic_bytes
    seconds stages original_file original_sha256 original_max_abs_diff original_max_rel_diff
    original_apart warnings
    """,
    "verify": """
    arena_bytes lower_bound_bytes changed checked_reads checked_with error_from_exact faults file
    max_abs_diff max_rel_diff onnxruntime_error reference seconds sha256
    """,
    "budget": """
    error exit_code budget_bytes ram_bytes arena_bytes stack_bytes state_bytes lower_bound_bytes
    peak_operator suggestions
    """,
    "usage": "error exit_code",
}
"""Those of each command, as they were when they were promised."""

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,6,6] x) => (float[1,2,6,6] y) { a = Relu(x) y = Tanh(a) }"""


def test_keys_are_never_renamed(command: Command, tmp_path: Path) -> None:
    net, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(parser.parse_model(NETWORK), net)
    said = {
        "profile": command("profile", net, "--json"),
        "fit": command("fit", net, "-o", out, "--json"),
        "verify": command("verify", out, "--json"),
        "budget": command("fit", net, "-o", out, "--budget", "8", "--json"),
        "usage": command("fit", net, "--tile", "1x16", "-o", out, "--json"),
    }
    assert [one.code for one in said.values()] == [0, 0, 0, 3, 2]
    for name, one in said.items():
        facts = json.loads(one.out)
        assert set(KEYS[name].split()) <= facts.keys(), name
