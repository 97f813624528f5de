"""3x3 convolutions as products of matrices where oneDNN's own are slow: few pixels, many channels.

At 4x4 pixels oneDNN's bfloat16 kernels (AMX) run at a tenth of what they reach at 16x16, those for
the gradients of weights most of all. The pictures' patches, laid out as a matrix, are small there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

FEW = 4
"""Pixels on a side, of the output: up to here all three products are of matrices."""
SOME = 8
"""Up to here the gradient of weights is."""


def patches(x: Tensor, stride: int) -> Tensor:
    """Channels-last pictures [N, C, H, W] to rows [N * H' * W', 9 * C] of what each output sees."""
    padded = pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    count, height, width, channels = padded.shape
    tall, wide = (height - 3) // stride + 1, (width - 3) // stride + 1
    picture, row, pixel, _ = padded.stride()
    seen = padded.as_strided(
        (count, tall, wide, 3, 3 * channels), (picture, row * stride, pixel * stride, row, 1)
    )
    return seen.reshape(count * tall * wide, 9 * channels)


def rows(x: Tensor) -> Tensor:
    """Channels-last pictures to rows [N * H * W, C]."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _pictures(x: Tensor, count: int, side: int) -> Tensor:
    return x.view(count, side, side, -1).permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    """conv2d(x, w, None, stride, 1) of square pictures, in bfloat16 under autocast."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)
    def forward(ctx: Any, x: Tensor, w: Tensor, stride: int) -> Tensor:
        x, w = (t.contiguous(memory_format=torch.channels_last) for t in (x, w))
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.side = stride, -(-x.shape[2] // stride)
        if ctx.side > FEW:
            return torch.conv2d(x, w, None, stride, 1)
        return _pictures(patches(x, stride) @ rows(w).view(len(w), -1).t(), len(x), ctx.side)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, w = ctx.saved_tensors
        g = g.to(x.dtype).contiguous(memory_format=torch.channels_last)
        dx = _to_pictures(g, x, w, ctx) if ctx.needs_input_grad[0] else None
        if ctx.side > SOME:
            return dx, _backward(g, x, w, ctx.stride, (False, True, False))[1], None
        dw = rows(g).t().contiguous() @ patches(x, ctx.stride)
        return dx, dw.view(len(w), 3, 3, -1).permute(0, 3, 1, 2), None


def _to_pictures(g: Tensor, x: Tensor, w: Tensor, ctx: Any) -> Tensor:
    """The gradient of the pictures."""
    if ctx.side > FEW:
        return _backward(g, x, w, ctx.stride, (True, False, False))[0]
    if ctx.stride == 1:
        turned = rows(w).view(len(w), 9, -1).flip(1).transpose(0, 1).reshape(9 * len(w), -1)
        return _pictures(patches(g, 1) @ turned, len(x), x.shape[2])
    count, channels, side, _ = x.shape
    parts = (rows(g) @ rows(w).view(len(w), -1)).view(count, ctx.side, ctx.side, 3, 3, channels)
    dx = x.new_zeros(count, side + 2, side + 2, channels)
    end = ctx.stride * ctx.side
    for i in range(3):
        for j in range(3):
            dx[:, i : i + end : ctx.stride, j : j + end : ctx.stride] += parts[:, :, :, i, j]
    return dx[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def _backward(
    g: Tensor, x: Tensor, w: Tensor, stride: int, mask: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    both = (stride, stride), (1, 1), (1, 1)
    return torch.ops.aten.convolution_backward(g, x, w, None, *both, False, (0, 0), 1, mask)  # type: ignore[no-any-return]


def convolve(x: Tensor, w: Tensor, stride: int) -> Tensor:
    """A 3x3 convolution with a border of one pixel, without bias."""
    return _Convolution.apply(x, w, stride)  # type: ignore[no-any-return, no-untyped-call]
