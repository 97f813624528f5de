"""`--chip`: what a chip has, whether a network fits it, and what is suggested where it does not."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

from commands import Command
from lowtide.check.compile import find_compiler
from lowtide.errors import UsageError
from lowtide.kernels.chip_codes import plain_code
from lowtide.kernels.chip_sources import FACTS
from lowtide.kernels.chips import CHIPS, Chip, find_chip
from lowtide.kernels.cpus import CPUS
from lowtide.pipeline.on_chip import Limits, OnChip
from lowtide.sizes import show_both, show_change
from tflite_operators import ONE, Random

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
WIDE = 2048
"""Floats in a row of a network here: 8 KiB."""


def network(path: Path, kib: int, pooled: bool) -> Path:
    """An image of so many KiB -> Conv, Relu; with `pooled` a quarter of it, where --image helps."""
    rows = kib // 16 * 2
    size, small = f"1,1,{rows},{WIDE}", f"1,1,{rows // 2},{WIDE // 2}"
    pool = "y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (b)" if pooled else "y = Tanh(b)"
    model = parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[{size}] x) => (float[{small if pooled else size}] y) {{
            a = Conv <pads = [1, 1, 1, 1]> (x, w)
            b = Relu(a)
            {pool}
        }}"""
    )
    weights = np.linspace(-1, 1, 9, dtype=np.float32).reshape(1, 1, 3, 3)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name)
def test_each_fact_has_a_document(chip: Chip) -> None:
    said = {fact for one in chip.sources for fact in one.says}
    assert said == {*FACTS}
    assert all(one.document and one.number and one.where for one in chip.sources)
    assert chip.cpu in {one.name for one in CPUS}
    assert chip.clock_mhz >= 48
    for one, other in pairwise(sorted(chip.memories, key=lambda m: m.address)):
        assert one.end <= other.address, "memories lie on each other"


def test_there_are_ten_and_names_are_single() -> None:
    assert len({one.name for one in CHIPS}) == len(CHIPS) >= 10


def test_ram_is_what_lies_in_one_piece() -> None:
    assert find_chip("stm32f746").ram_bytes == (64 + 240 + 16) << 10
    assert find_chip("stm32h743").ram_name == "AXI SRAM"
    assert find_chip("stm32h743").ram_bytes == 512 << 10
    assert find_chip("stm32l476").ram_bytes == 96 << 10
    assert not find_chip("esp32s3").measured


def test_names_are_order_codes_too() -> None:
    """In any case, with the flash that their letters say."""
    assert find_chip("STM32L4R5ZI") == find_chip("stm32l4r5")
    assert find_chip("ESP32-S3") == find_chip("esp32s3")
    less = find_chip("STM32F407VET6")
    assert (less.name, less.flash_bytes) == ("stm32f407vet6", 512 << 10)
    assert find_chip(less.name) == less
    with pytest.raises(UsageError, match="perhaps stm32f746"):
        find_chip("STM32F745ZG")


REAL = (
    "STM32L4R5ZIT6P STM32L4R5xx STM32F407VETx STM32U575ZIT6QTR STM32H743XIH6 STM32L476RG RP2350B "
    "nRF52840-QIAA nRF52840-CKAA-F-R7 nRF52840_xxAA nRF5340-QKAA RP2040 ESP32-S3R8V ESP32-S3FH4R2 "
    "ESP32-S3-WROOM-1-N16R8 ESP32-S3-MINI-1U MAX32690GTK+T"
)
JUNK = (
    "rp20401 rp2040x STM32L4R5ZZZZ STM32F407VI STM32L4R5Z STM32L4R5ZI6 stm32l4r5zit6qqqqq "
    "nrf52840x nrf52840-abcd esp32s3foo max32690? rp2040\N{SUPERSCRIPT TWO} stm32f407v/e"
)


def test_an_order_code_has_its_vendors_form() -> None:
    """What else follows a name is refused, also where it is another chip's name."""
    for code in REAL.split():
        assert plain_code(code).startswith(find_chip(code).name)
    for code in JUNK.split():
        with pytest.raises(UsageError, match="no such chip; perhaps"):
            find_chip(code)
    for several in ("rp2040,nrf52840", "STM32L4R5ZI, rp2040", "rp2040 rp2350", "rp2040+esp32-s3"):
        with pytest.raises(UsageError, match="one chip a fit; 'lowtide profile --chip A --chip B'"):
            find_chip(several)


def test_rounding_hides_no_byte() -> None:
    """What nearly fills a memory, or is a little too much, is said to the byte."""
    chip = find_chip("stm32l476")
    full = chip.ram_bytes
    said = [
        str(OnChip(chip, Limits(full, None, chip), ram, 2048, True, True)).split(" (")[0]
        for ram in (full - 2048, full - 1, full, full + 1)
    ]
    assert said == [
        "fits: RAM 94 of 96 KiB",
        "fits: RAM 98,303 of 98,304 B",
        "fits: RAM 96 of 96 KiB",
        "does not fit: 1 B of RAM too much: RAM 98,305 of 98,304 B",
    ]
    assert show_both(full + 1, full) == ("98,305 B", "98,304 B")
    assert show_both(full, full) == ("96.0 KiB", "96.0 KiB")
    assert [show_change(full, one) for one in (full, full - 1, 0)] == [
        "no change",
        "-1 B",
        "-100.0 %",
    ]


def test_the_list_of_chips(command: Command) -> None:
    lines = command("chips").out.splitlines()
    assert any(line.split()[:2] == ["nrf52840", "cortex-m4f"] for line in lines)
    facts = json.loads(command("chips", "--json").out)["chips"]
    assert [one["name"] for one in facts] == [one.name for one in CHIPS]
    assert all(one["sources"][0]["document"] for one in facts)


@needs_compiler
def test_a_network_that_fits(command: Command, tmp_path: Path) -> None:
    net = network(tmp_path / "net.onnx", 40, pooled=True)
    said = command("fit", net, "-o", tmp_path / "out", "--chip", "nrf52840")
    line = next(line for line in said.out.splitlines() if "nrf52840" in line)
    assert line.split("fits: ")[1].startswith("RAM ")
    assert "of 256 KiB (RAM), flash" in line
    assert "-mcpu=cortex-m4 " in (tmp_path / "out" / "net.h").read_text()
    outside = command("fit", net, "-o", tmp_path / "s3", "--chip", "esp32s3", "--json")
    facts = json.loads(outside.out)["chip"]
    assert facts["fits"]
    assert facts["flash_limit_bytes"] is None
    assert not facts["code_measured"]
    assert not facts["stack_measured"]
    assert "nothing here compiles for the Xtensa" in (tmp_path / "s3" / "net.h").read_text()
    assert "measured_with" in json.loads(outside.out)
    assert json.loads(outside.out)["measured_with"] is None


@needs_compiler
def test_what_is_given_by_hand_wins(command: Command, tmp_path: Path) -> None:
    net = network(tmp_path / "net.onnx", 40, pooled=True)
    asked = ("fit", net, "-o", tmp_path / "out", "--chip", "nrf52840", "--json")
    less = command(*asked, "--budget", "20KiB")
    assert less.code == 3
    assert json.loads(less.out)["chip"]["ram_limit_bytes"] == 20 << 10
    assert all("--chip" in one["command"] for one in json.loads(less.out)["suggestions"])
    other = command(*asked, "--cpu", "cortex-m7", "--budget", "1MiB")
    assert json.loads(other.out)["chip"]["ram_limit_bytes"] == 1 << 20
    assert "-mcpu=cortex-m7 " in (tmp_path / "out" / "net.h").read_text()


def test_what_is_kept_of_a_chip_is_kept_of_others(command: Command, tmp_path: Path) -> None:
    """A budget by hand leaves RAM for other things; and what lies outside a chip is said."""
    net = network(tmp_path / "net.onnx", 40, pooled=True)
    asked = ("fit", net, "--target", "none", "--chip", "rp2040", "--budget", "20KiB", "--json")
    kept, told = find_chip("rp2040").ram_bytes - (20 << 10), {}
    for one in json.loads(command(*asked).out)["suggestions"]:
        words = shlex.split(one["command"])[1:]
        assert command(*words).code == 0
        name = words[words.index("--chip") + 1]
        if name != "rp2040":
            told[name] = one["note"]
            budget = int(words[words.index("--budget") + 1])
            assert budget == find_chip(name).ram_bytes - kept
    assert told["stm32f746"].startswith("keeps as much RAM for other things")
    assert "its flash is outside the chip" not in told["stm32f746"]
    assert "its flash is outside the chip" in told["esp32s3"]


@needs_compiler
def test_a_flash_by_hand_limits_a_tflite_file(command: Command, tmp_path: Path) -> None:
    """Its weights stay as they are; so they do where the network is made 8 bits first."""
    net, out = tmp_path / "net.tflite", tmp_path / "out"
    net.write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    said = command("fit", net, "-o", out, "--chip", "rp2040", "--flash", "200KiB")
    assert said.code == 0
    assert "of 200 KiB, outside the chip" in said.out
    plan = ("fit", net, "--target", "none", "--json", "--flash", "4")
    missed = command(*plan, "--chip", "rp2040")
    assert missed.code == 3
    assert json.loads(missed.out)["chip"]["flash_limit_bytes"] == 4
    alone = command(*plan)
    assert alone.code == 3
    [told] = json.loads(alone.out)["suggestions"]
    assert command(*shlex.split(told["command"])[1:]).code == 0
    floats = network(tmp_path / "net.onnx", 40, pooled=True)
    eight = ("fit", floats, "--target", "none", "--int8", "--uncalibrated", "--flash", "4")
    assert command(*eight).code == 3


def test_plain_onnx_is_no_program_of_a_chip(command: Command, tmp_path: Path) -> None:
    net = network(tmp_path / "net.onnx", 32, pooled=True)
    said = command("fit", net, "-o", tmp_path / "o", "--chip", "rp2040", "--target", "onnx")
    assert said.code == 2
    assert said.last.startswith("lowtide: --chip means nothing with --target onnx")


def test_a_chip_that_there_is_not(command: Command, tmp_path: Path) -> None:
    net = network(tmp_path / "net.onnx", 32, pooled=True)
    said = command("fit", net, "-o", tmp_path / "out", "--chip", "z80", "--json")
    assert said.code == 2
    assert "stm32l4r5" in json.loads(said.out)["error"]
    at_once = command("profile", tmp_path / "absent.onnx", "--chip", "rp2040", "--chip", "z80")
    assert (at_once.code, "no such chip" in at_once.last) == (2, True)


@needs_compiler
def test_profile_has_a_column_for_each(command: Command, tmp_path: Path) -> None:
    net = network(tmp_path / "net.onnx", 110, pooled=True)
    asked = ("profile", net, "--chip", "stm32l476", "--chip", "rp2040")
    text = command(*asked).out.splitlines()
    rows = {line.split()[0]: line for line in text if line.startswith("  ") and line.split()}
    assert rows["on"].split() == ["on", "stm32l476", "rp2040"]
    assert any(line.split() == ["does", "not", "fit:", *line.split()[3:]] for line in text)
    held = json.loads(command(*asked, "--json").out)["chips"]
    assert [one["fits"] for one in held] == [False, True]


def answers(command: Command, folder: Path, chip: Chip) -> list[dict[str, Any]]:
    """Of networks that fit, nearly fit and do not: the answer; each suggestion was run."""
    kib, found = chip.ram_bytes >> 10, []
    for name, size, pooled in (("fits", kib - 56, True), ("near", kib + 16, True),
                               ("not", 2 * kib, False)):  # fmt: skip
        net = network(folder / f"{name}.onnx", size, pooled)
        said = command("fit", net, "-o", folder / name, "--chip", chip.name, "--json")
        facts = json.loads(said.out)
        for one in facts.get("suggestions", ()):
            words = shlex.split(one["command"])[1:]
            done = command(*words)
            assert done.code == 0, (one["command"], done.out)
            assert json.loads(done.out)["chip"]["fits"], one["command"]
        found.append(facts)
    return found


FEW = ("nrf52840", "esp32s3")


@needs_compiler
@pytest.mark.parametrize(
    "chip",
    [
        pytest.param(one, id=one.name, marks=[] if one.name in FEW else [pytest.mark.slow])
        for one in CHIPS
    ],
)
def test_fits_nearly_fits_and_does_not(command: Command, tmp_path: Path, chip: Chip) -> None:
    fits, near, large = answers(command, tmp_path, chip)
    assert fits["chip"]["fits"]
    for one in (near, large):
        assert one["exit_code"] == 3
        assert not one["chip"]["fits"]
        assert one["suggestions"]
        assert "too much" in one["error"]
    assert any("--image streamed" in one["command"] for one in near["suggestions"])


@needs_compiler
@pytest.mark.parametrize("small", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_flash_that_is_too_small(command: Command, tmp_path: Path, small: bool) -> None:
    """Weights of 1.5 MiB: no plan has fewer; chips that hold them are told, or bits are saved."""
    net, out = tmp_path / "net.onnx", tmp_path / "out"
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,256] x) => (float[1,1536] y) { y = MatMul(x, w) }"""
    )
    weights = np.random.default_rng(3).standard_normal((256, 1536), dtype=np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(model, net)
    asked = ("fit", net, "-o", out, "--chip", "nrf52840", "--json")
    if small:
        facts = json.loads(command(*asked, "--uncalibrated").out)
        assert facts["chip"]["fits"]
        assert facts["compressed"] is not None
        return
    said = command(*asked)
    facts = json.loads(said.out)
    assert said.code == 3
    assert "of flash too much" in facts["error"]
    assert facts["suggestions"]
    for one in facts["suggestions"]:
        done = command(*shlex.split(one["command"])[1:])
        assert done.code == 0, one["command"]
        assert json.loads(done.out)["chip"]["fits"], one["command"]


def test_the_page_is_that_of_the_values() -> None:
    page = (Path(__file__).parents[2] / "docs" / "chips.md").read_text()
    for chip in CHIPS:
        assert f"`{chip.name}` | {chip.cpu} | {chip.core} | {chip.clock_mhz}" in page
        for one in chip.sources:
            assert f"| {one.document} | {one.number} | {one.where} |" in page, "bench.chips"
