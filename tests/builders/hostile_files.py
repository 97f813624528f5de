"""Files that a stranger may hand over: networks, their data, pictures, arrays, labels."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

Maker = Callable[[Path], Path]


class Pickled:
    """Makes a file, PWNED, in the working folder when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, ("PWNED",)


def model(*nodes: onnx.NodeProto, constants: tuple[TensorProto, ...] = ()) -> onnx.ModelProto:
    """Nodes from x [1,3,8,8] to y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([*nodes], "g", [x], [y], [*constants])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _saved(held: onnx.ModelProto) -> Maker:
    def make(folder: Path) -> Path:
        (folder / "net.onnx").write_bytes(held.SerializeToString())
        return folder / "net.onnx"

    return make


def _bytes(content: bytes, name: str = "net.onnx") -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def outside(folder: Path) -> Path:
    """A file that a network has no business with."""
    (folder / "secret").write_bytes(bytes(4 * 3 * 9 * 4))
    return folder / "secret"


def external(location: str, prepare: Callable[[Path], object] = outside, **more: str) -> Maker:
    """A network in the folder `net`, whose weights lie at `location`."""

    def make(folder: Path) -> Path:
        (folder / "net").mkdir()
        prepare(folder)
        w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 3, 3, 3])
        w.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location.format(folder=folder), **more}.items():
            w.external_data.add(key=key, value=value)
        return _saved(model(helper.make_node("Conv", ["x", "w"], ["y"]), constants=(w,)))(
            folder / "net"
        )

    return make


def _inside(folder: Path) -> None:
    (folder / "net/w").write_bytes(bytes(4 * 3 * 9 * 4))


def _linked(folder: Path) -> None:
    (folder / "net/w").symlink_to(outside(folder))


def _linked_folder(folder: Path) -> None:
    outside(folder)
    (folder / "net/sub").symlink_to(folder)


EXTERNAL: dict[str, Maker] = {
    "in the folder above": external("../secret"),
    "absolute": external("{folder}/secret"),
    "back and forth": external("../net/../secret"),
    "with a backslash": external("..\\secret"),
    "a link": external("w", _linked),
    "through a linked folder": external("sub/secret", _linked_folder),
    "a fifo": external("w", lambda folder: os.mkfifo(folder / "net/w")),
    "a folder": external("w", lambda folder: (folder / "net/w").mkdir()),
    "NUL": external("w\0", _inside),
    "empty": external(""),
    "missing": external("w"),
    "offset below 0": external("w", _inside, offset="-8"),
    "offset in hex": external("w", _inside, offset="0x8"),
    "offset of 2^63": external("w", _inside, offset=str(2**63)),
    "length below 0": external("w", _inside, length="-1"),
    "length beyond the file": external("w", _inside, length="4096"),
}

_GOOD = model(helper.make_node("Relu", ["x"], ["y"])).SerializeToString()
_IF = helper.make_graph(
    [helper.make_node("Relu", ["x"], ["z"])], "branch", [],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3, 8, 8])],
)  # fmt: skip


_CLAIMED = TensorProto(name="w", data_type=1, dims=[2**20, 2**20], raw_data=b"1234")


def _constant(name: str, *values: int) -> TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


NETWORKS: dict[str, Maker] = {
    "empty": _bytes(b""),
    "ten bytes": _bytes(_GOOD[:10]),
    "cut short": _bytes(_GOOD[:-9]),
    "random": _bytes(np.random.default_rng(0).bytes(4096)),
    "compressed": _bytes(gzip.compress(_GOOD)),
    "text": _bytes(b"#!/bin/sh\ntouch PWNED\n"),
    "a cycle": _saved(
        model(helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
              helper.make_node("Relu", ["b"], ["y"]))
    ),
    "made twice": _saved(
        model(helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Relu", ["x"], ["y"]))
    ),
    "never made": _saved(model(helper.make_node("Relu", ["nothing"], ["y"]))),
    "If": _saved(
        model(helper.make_node("If", ["x"], ["y"], then_branch=_IF, else_branch=_IF))
    ),
    "another domain": _saved(model(helper.make_node("Relu", ["x"], ["y"], domain="\x1b[2J"))),
    "an unknown operator": _saved(model(helper.make_node("Sin\x1b]0;PWNED\x07", ["x"], ["y"]))),
    "2^40 elements": _saved(
        model(helper.make_node("Expand", ["x", "s"], ["y"]),
              constants=(_constant("s", 2**32, 3, 8, 8),))
    ),
    "a tensor that claims 2^40": _saved(
        model(helper.make_node("Add", ["x", "w"], ["y"]),
              constants=(_CLAIMED,))
    ),
    "an extent of 0": _saved(
        model(helper.make_node("Reshape", ["x", "s"], ["y"]),
              constants=(_constant("s", 0, 0, 0, 7),))
    ),
    "a stride of 0": _saved(
        model(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[0, 0]))
    ),
    "a dilation of 2^31": _saved(
        model(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2**31, 1]))
    ),
}  # fmt: skip


def png(width: int, height: int, bits: int = 8, kind: int = 2, data: bytes | None = None) -> bytes:
    """A PNG; `kind` 2 is RGB, 0 gray. Without data it only claims its size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data or b""))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def _picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> bytes:
    held = io.BytesIO()
    Image.new(mode, size).save(held, kind)
    return held.getvalue()


_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(PWNED) (w) file\n"
_SIXTEEN = b"".join(b"\0" + bytes(8 * 6) for _ in range(8))

PICTURES: dict[str, tuple[Maker, str]] = {
    "EPS": (_bytes(_EPS, "a.png"), "not a picture"),
    "GIF": (_bytes(_picture("GIF"), "a.png"), "not a picture"),
    "TIFF": (_bytes(_picture("TIFF"), "a.jpg"), "not a picture"),
    "text": (_bytes(b"hello\n", "a.jpg"), "not a picture"),
    "nothing": (_bytes(b"", "a.png"), "not a picture"),
    "cut short": (_bytes(_picture("JPEG")[:200], "a.jpg"), "not a picture"),
    "no pixels in it": (_bytes(png(8, 8), "a.png"), "not a picture"),
    "16 bits RGB": (_bytes(png(8, 8, 16, 2, _SIXTEEN), "a.png"), "16 bits a channel"),
    "16 bits gray": (_bytes(png(8, 8, 16, 0, _SIXTEEN), "a.png"), "more than 8 bits"),
    "169 million pixels": (_bytes(png(13_000, 13_000), "a.png"), "89,478,485 pixels"),
    "900 million pixels": (_bytes(png(30_000, 30_000), "a.png"), "89,478,485 pixels"),
    "2^31 x 2^31": (_bytes(png(2**31 - 1, 2**31 - 1), "a.png"), "89,478,485 pixels"),
}

GOOD_PICTURES: dict[str, Maker] = {
    "1 x 1": _bytes(_picture("PNG", size=(1, 1)), "a.png"),
    "CMYK": _bytes(_picture("JPEG", "CMYK"), "a.jpg"),
    "RGBA": _bytes(_picture("PNG", "RGBA"), "a.png"),
    "1 bit": _bytes(_picture("PNG", "1"), "a.png"),
    "palette": _bytes(_picture("BMP", "P"), "a.bmp"),
    "a JPEG named .png": _bytes(_picture("JPEG"), "a.png"),
}


def npy(values: object) -> bytes:
    held = io.BytesIO()
    np.save(held, values, allow_pickle=True)  # type: ignore[arg-type]
    return held.getvalue()


def _npz(content: bytes, name: str = "x.npy") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr(name, content)
    return held.getvalue()


def _header(text: str) -> bytes:
    padded = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


_OBJECT = np.array([Pickled()], object)
_CODE = "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').mkdir('PWNED')}"
_CLAIM = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 1000000, 1000000)}"

ARRAYS: dict[str, Maker] = {
    "pickle": _bytes(npy(_OBJECT), "a.npy"),
    "pickle in .npz": _bytes(_npz(npy(_OBJECT)), "a.npz"),
    "bare pickle": _bytes(pickle.dumps(Pickled()), "a.npy"),
    "code in the header": _bytes(_header(_CODE), "a.npy"),
    "claims 12 TB": _bytes(_header(_CLAIM), "a.npy"),
    "cut short": _bytes(npy(np.zeros((1, 3, 8, 8), np.float32))[:-9], "a.npy"),
    "NaN": _bytes(npy(np.full((1, 3, 8, 8), np.nan, np.float32)), "a.npy"),
    "infinity": _bytes(npy(np.full((1, 3, 8, 8), np.inf, np.float32)), "a.npy"),
    "1e300": _bytes(npy(np.full((1, 3, 8, 8), 1e300)), "a.npy"),
    "complex": _bytes(npy(np.zeros((1, 3, 8, 8), np.complex64)), "a.npy"),
    "text": _bytes(npy(np.array(["a"])), "a.npy"),
    "another shape": _bytes(npy(np.zeros((1, 3, 8, 9), np.float32)), "a.npy"),
    "no such name": _bytes(_npz(npy(np.zeros(3)), "z.npy"), "a.npz"),
    "a zip of nothing": _bytes(b"PK\x05\x06" + bytes(18), "a.npz"),
}

LABELS: dict[str, Maker] = {
    "binary": _bytes(bytes(range(256)), "labels.txt"),
    "nothing": _bytes(b"", "labels.txt"),
    "orders to the terminal": _bytes(b"\x1b]0;PWNED\x07\n\x1b[2J\n" * 4, "labels.txt"),
    "a long line": _bytes(b"x" * 5_000_000, "labels.txt"),
}
