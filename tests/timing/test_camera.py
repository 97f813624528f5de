"""examples/camera: its C against definitions in Python, and the whole program on a board.

pixels.c   Bayer and YUV lines       <->  the same by whole pictures in numpy
faces.c    boxes, best first         <->  UltraFace's formulas in float64; sorted suppression
main.c ..  frames on an emulated M4  <->  this PC's build, and that under the sanitizers
"""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run
import sensor
from firmware import HERE, Program, found_in, on_this_pc
from settings import UNITS, Seeing, faces, settings

from lowtide.check.compile import find_compiler
from lowtide.check.verify import read_folder
from lowtide.layout.ports import Port
from tools import need_board

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover")
FLAGS = ("-O1", "-Wall", "-Wextra", "-Werror", *SANITIZED)
WIDTH, HEIGHT, READY = 64, 48, 48 * 3 + 12 * 2 + 4 * 2 + 3
SCORES = Port("scores", "scores", "s", (1, READY, 2), (0, 1, 2), 0, "uint8", 1 / 256, 0)
BOXES = Port("boxes", "boxes", "b", (1, READY, 4), (0, 1, 2), 0, "int8", 0.05, -3)

SETTINGS = f"""#ifndef SETTINGS_H
#define SETTINGS_H
#include <stdint.h>
#define BAYER 1
#define YUV 2
#define RGB 3
#define SENSOR BAYER
#define CHANNELS 3
enum {{ WIDTH = {WIDTH}, HEIGHT = {HEIGHT}, BOXES_READY = {READY}, SENSOR_LINE_BYTES = WIDTH }};
"""
NET = """#include <stdint.h>
enum net_status { NET_DONE, NET_NEED_ROW, NET_HAVE_ROW };
struct net_row { int port, number, first, elements; uint8_t *data; };
void net_start(void);
enum net_status net_step(struct net_row *row);
"""

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's C for a small picture and a network that hands its rows on, sanitized."""
    folder = tmp_path_factory.mktemp("camera")
    lines = [SETTINGS, *faces(BOXES, SCORES), "#endif", ""]
    (folder / "settings.h").write_text("\n".join(lines))
    (folder / "net.h").write_text(NET)
    for file in HERE.glob("*.[ch]"):
        shutil.copy(file, folder)
    shutil.copy(Path(__file__).parent / "camera_harness.c", folder)
    command = [*(find_compiler() or ["cc"]), *FLAGS, "-std=c99", "-pedantic"]
    sources = ["camera_harness.c", "camera.c", "pixels.c", "faces.c"]
    subprocess.run([*command, *sources, "-o", "camera"], cwd=folder, check=True)
    return folder / "camera"


def through(harness: Path, what: str, lines: Array, height: int, width: int) -> Array:
    words = [str(harness), what, str(height), str(width)]
    made = subprocess.run(words, input=lines.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(made, np.uint8).reshape(height, width, -1)


def demosaiced(raw: Array) -> Array:
    """Each colour's own pixels, and where it has none the rounded mean of its nearest."""
    height, width = raw.shape
    y, x = np.mgrid[:height, :width]
    of = np.array([[0, 1], [1, 2]])[y % 2, x % 2]
    made = np.zeros((height, width, 3), np.uint8)
    wide, colour = np.pad(raw.astype(int), 1, "reflect"), np.pad(of, 1, "reflect")
    near = [(j, i) for j in (0, 1, 2) for i in (0, 1, 2)]
    for j, i in np.ndindex(height, width):
        for k in range(3):
            at = [(j + v, i + h) for v, h in near if colour[j + v, i + h] == k]
            closest = min(abs(v - j - 1) + abs(h - i - 1) for v, h in at)
            some = [wide[v, h] for v, h in at if abs(v - j - 1) + abs(h - i - 1) == closest]
            made[j, i, k] = int(sum(map(int, some)) / len(some) + 0.5)
    return made


@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 4), (6, 10), (5, 32)])
def test_bayer_lines_become_colours_by_their_neighbours(
    harness: Path, height: int, width: int
) -> None:
    rng = np.random.default_rng(height)
    raw = rng.integers(0, 256, (height, width), np.uint8)
    raw[-1] = rng.choice([0, 255], width)
    assert np.array_equal(through(harness, "bayer", raw, height, width), demosaiced(raw))


def test_lines_reach_the_network_frame_by_frame(harness: Path) -> None:
    raw = np.random.default_rng(5).integers(0, 256, (2, HEIGHT, WIDTH), np.uint8)
    words = [str(harness), "frames"]
    made = subprocess.run(words, input=raw.tobytes(), capture_output=True, check=True).stdout
    rows = np.frombuffer(made, np.uint8).reshape(2, HEIGHT, WIDTH, 3)
    assert np.array_equal(rows, np.stack([demosaiced(frame) for frame in raw]))


def test_a_gray_picture_stays_gray_through_the_sensor(harness: Path) -> None:
    """Its own inverse where there is nothing to guess, so the stand-in's order is the C's."""
    seen = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 3, 2).repeat(4, 0)
    for format_, lines in (("bayer", sensor.bayer(seen)), ("yuv", sensor.yuv(seen))):
        off = through(harness, format_, lines, 4, 256).astype(int) - seen
        assert np.abs(off[:, 1:-1]).max() <= 1, format_
    red = np.zeros((4, 8, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
    assert through(harness, "bayer", sensor.bayer(red), 4, 8).mean((0, 1)).tolist() == [200, 0, 0]
    yuv = through(harness, "yuv", sensor.yuv(red), 4, 8).astype(int)
    assert np.abs(yuv - red).max() <= 2


def test_yuv_lines_become_colours(harness: Path) -> None:
    raw = np.random.default_rng(2).integers(0, 256, (64, 32, 2, 2), np.uint8)
    raw[:2, :, :, :] = [[0, 0], [255, 255]]
    y, u, v = (a.astype(np.float64) for a in (raw[..., 0], raw[:, :, :1, 1], raw[:, :, 1:, 1]))
    u, v = u - 128, v - 128
    colours = [y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u]
    exact = np.clip(np.stack(colours, -1).reshape(64, 64, 3), 0, 255)
    made = through(harness, "yuv", raw, 64, 64)
    assert np.abs(made - exact).max() < 0.8
    gray = through(harness, "gray", made, 64, 64)[..., 0]
    assert np.abs(gray - made @ np.array([0.299, 0.587, 0.114])).max() < 1


def decoded(numbers: Array) -> tuple[Array, Array]:
    """Corners in units as faces.c has them, from its tables; and as UltraFace has them, exactly."""
    table = {
        name: np.array([int(n) for n in re.findall(r"-?\d+", text.partition("=")[2])])
        for text in faces(SCORES, BOXES)
        if (name := text.partition("[")[0].rpartition(" ")[2]) in ("moved_by", "half_of")
    }
    ready = []
    for stride, sizes in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        for y in range(-(-HEIGHT // stride)):
            for x in range(-(-WIDTH // stride)):
                middle = min((x + 0.5) * stride, WIDTH), min((y + 0.5) * stride, HEIGHT)
                ready += [(*middle, min(size, WIDTH), min(size, HEIGHT)) for size in sizes]
    at, size = np.array(ready)[:, :2], np.array(ready)[:, 2:]
    reals = BOXES.reals(numbers)
    exact = [at + reals[:, :2] * 0.1 * size, np.exp(reals[:, 2:] * 0.2) * size / 2]
    q = numbers.view(np.uint8)
    whole = size.astype(int)
    moved = (table["moved_by"][q[:, :2]] * whole + 128) // 256
    half = (table["half_of"][q[:, 2:]] * whole + 128) // 256
    middle = (at * UNITS).astype(int) + moved
    ours = np.concatenate([middle - half, middle + half], 1)
    return ours, UNITS * np.concatenate([exact[0] - exact[1], exact[0] + exact[1]], 1)


def kept(scores: Array, corners: Array) -> list[list[int]]:
    """The best first, without those that share more than 0.3 with a better one."""
    found: list[list[int]] = []
    for k in np.argsort(-scores, kind="stable"):
        one = [int(scores[k]), *map(int, corners[k])]
        if one[0] >= 180 and all(common(one[1:], other[1:]) <= Fraction(3, 10) for other in found):
            found.append(one)
    return found[:128]


def common(a: list[int], b: list[int]) -> Fraction:
    w, h = (max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1))
    areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return Fraction(w * h, areas - w * h)


@pytest.mark.parametrize("seed", range(12))
def test_faces_are_those_of_the_definition(harness: Path, seed: int) -> None:
    """Many ties in scores; boxes of any number, or near where they stand."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(170, 256 if seed else 190, (READY, 2), np.uint8)
    spread = 127 if seed % 2 else 12
    boxes = rng.integers(-spread, spread + 1, (READY, 4)).astype(np.int8)
    if seed == 1:
        boxes[::3], boxes[1::3] = -128, 127
    corners, exact = decoded(boxes)
    assert np.abs(corners - exact).max() < 1.5, "a tenth of a pixel"
    said = subprocess.run(
        [str(harness), "faces"], input=scores.tobytes() + boxes.tobytes(), capture_output=True,
        check=True,
    ).stdout  # fmt: skip
    made = [[int(n) for n in line.split()] for line in said.decode().splitlines()]
    assert made == kept(scores[:, 1], corners)
    assert len(made) > 3


def test_the_shipped_network_sees_the_same_on_a_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bayer on an M4, in 16 KiB of RAM, stack and lines counted; other lines under sanitizers."""
    need_board("m4")
    assert run.main(["--board", "m4", "--ram", "16KiB", "-o", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    names = ["cat", "frog", "horse", "ship", "truck"]
    assert re.findall(r"^  (\w+)\.jpg +(\w+)$", told, re.MULTILINE) == [(n, n) for n in names]
    row = re.search(r"^ +m4 +(.*)$", told, re.MULTILINE)
    assert row
    ram, arena, other, stack, used, flash, total, pixels, network, result = (
        int(number.replace(",", "")) for number in row[1].split()
    )
    assert ram == arena + other + stack < 13000
    assert 200 < used < stack
    assert total - 3 <= pixels + network + result <= total
    assert 80_000 < flash < 130_000
    assert network < 24e6, "sums that end in float32 are to take few instructions"
    assert len(list(tmp_path.glob("*.png"))) == 5
    held = read_folder(tmp_path / "fitted").memory
    for format_ in ("yuv", "rgb"):
        mean, std = (tuple(map(float, t.split(","))) for t in (run.SHIPPED_MEAN, run.SHIPPED_STD))
        header = settings(held, Seeing(format_, mean, std, tuple(names + [""] * 5)))
        seen = sensor.picture(run.EXAMPLES / "pictures/ship.jpg", 32, 32)
        program = Program(tmp_path / "fitted", header, sensor.frame(seen, format_))
        said = on_this_pc(program, tmp_path / format_, ("-O0", *SANITIZED))
        assert len(found_in(said)) == 1, format_


@pytest.mark.slow
@pytest.mark.parametrize("board", ["m4", "m7", "m55"])
def test_faces_are_found_on_a_board_in_96_kib(
    board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same boxes as this PC's build, on every picture: else run.main ends with 5."""
    need_board(board)
    model, pictures = SHARED / "models/qdq/face_slim_320_qdq.onnx", SHARED / "data/faces"
    if not model.is_file() or not pictures.is_dir():
        pytest.skip(f"there is no {model} or no {pictures}")
    words = [str(model), "--pictures", str(pictures), "--board", board, "-o", str(tmp_path)]
    assert run.main(words) == 0
    told = capsys.readouterr().out
    assert len(re.findall(r"^  \d+\.jpg +\d+ faces", told, re.MULTILINE)) == 8
    row = re.search(rf"^ +{board} +(.*)$", told, re.MULTILINE)
    assert row
    network = int(row[1].split()[8].replace(",", ""))
    assert network / 81.41e6 < {"m4": 2.1, "m7": 2.1, "m55": 0.8}[board]
