"""A batch norm with what follows it, an addition and ReLU, in two passes over bfloat16 rows.

torch makes four of it, each through memory. In C (norm.c), compiled when it is first used; without
a compiler, on a GPU and outside of training it is torch's.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lowtide.check.compile import find_compiler

BLOCK = 64
FLAGS = ("-std=c99", "-O3", "-ffast-math", "-march=native", "-mprefer-vector-width=512")


@lru_cache(1)
def _library() -> ctypes.CDLL | None:
    compiler = find_compiler()
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        built, source = Path(folder) / "norm.so", Path(__file__).with_name("norm.c")
        words = [*compiler, *FLAGS, "-shared", "-fPIC", str(source), "-o", str(built)]
        subprocess.run(words, check=True)
        return ctypes.CDLL(str(built))


def activate(
    norm: nn.BatchNorm2d, x: Tensor, added: Tensor | None = None, relu: bool = True
) -> Tensor:
    """relu(norm(x) + added)."""
    if norm.training and _suits(x):
        return _Fused.apply(x, norm.weight, norm.bias, added, norm, relu)  # type: ignore[no-any-return, no-untyped-call]
    y = norm(x)
    y = y if added is None else y + added
    return torch.relu(y) if relu else y


def _suits(x: Tensor) -> bool:
    """Whether C takes it: rows of whole BLOCKs, several pixels in one where channels are few."""
    if x.dtype != torch.bfloat16 or x.device.type != "cpu" or _library() is None:
        return False
    return x.numel() % BLOCK == 0 and (x.shape[1] % BLOCK == 0 or BLOCK % x.shape[1] == 0)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, added: Tensor | None,
        norm: nn.BatchNorm2d, relu: bool,
    ) -> Tensor:  # fmt: skip
        x = _plain(x)
        added = None if added is None else _plain(added.to(x.dtype))
        rows = x.numel() // x.shape[1]
        sums, squares = _sums("norm_sums", x)
        mean = sums / rows
        variance = (squares / rows - mean.square()).clamp_min(0)
        _remember(norm, mean, variance * (rows / (rows - 1)))
        scale = (variance + norm.eps).rsqrt()
        gain = (weight * scale).float()
        shift = (bias - mean * gain).float()
        y = torch.empty_like(x)
        _call("norm_apply", x, added, y, *_shape(x), _wide(gain), _wide(shift), int(relu))
        ctx.save_for_backward(x, y, weight, mean, scale)
        ctx.relu, ctx.added = relu, added is not None
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight, mean, scale = ctx.saved_tensors
        g = _plain(g.to(x.dtype))
        rows = x.numel() // x.shape[1]
        sums, products = _sums("norm_gradients", g, y, x, relu=int(ctx.relu))
        centred = (products - mean * sums) * scale  # with x as the norm gives it
        gain = weight * scale
        b = -gain * centred * scale / rows
        c = -gain * sums / rows - mean * b
        dx, kept = torch.empty_like(x), torch.empty_like(x) if ctx.added and ctx.relu else None
        parts = [_wide(v.float()) for v in (gain, b, c)]
        _call("norm_back", g, y, x, dx, kept, *_shape(x), *parts, int(ctx.relu))
        other = (kept if ctx.relu else g) if ctx.added else None
        return dx, centred.float(), sums.float(), other, None, None


@torch.no_grad()
def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """The running statistics, as torch keeps them."""
    assert norm.momentum is not None
    for kept, now in ((norm.running_mean, mean), (norm.running_var, variance)):
        assert kept is not None
        kept.lerp_(now.float(), norm.momentum)
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)


def _plain(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _shape(x: Tensor) -> tuple[int, int]:
    """Rows and their length, in which channels may repeat."""
    length = max(x.shape[1], BLOCK)
    return x.numel() // length, length


def _wide(values: Tensor) -> Tensor:
    """A value for each place of a row."""
    return values if len(values) >= BLOCK else values.repeat(BLOCK // len(values))


def _sums(name: str, *pictures: Tensor, relu: int | None = None) -> Tensor:
    """Two sums over all pixels [2, channels], float64."""
    count, length = _shape(pictures[0])
    found = torch.empty(2, length, dtype=torch.float64)
    last = () if relu is None else (relu,)
    _call(name, *pictures, count, length, found[0], found[1], *last)
    return found.view(2, -1, pictures[0].shape[1]).sum(1)


def _call(name: str, *values: Any) -> None:
    library = _library()
    assert library is not None
    given = [
        ctypes.c_void_p(v.data_ptr()) if isinstance(v, Tensor)
        else ctypes.c_void_p(None) if v is None
        else ctypes.c_int64(v)
        for v in values
    ]  # fmt: skip
    getattr(library, name)(*given)
