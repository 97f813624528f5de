"""CIFAR-10 as ../shared/data holds it: JPEG, quality 75; 50,000 pictures and 10,000 for testing."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, np.dtype[Any]]

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""The ImageNet values, with which ../shared/models/onnx/resnet20_cifar10 was trained."""


def read(shared: Path, part: str) -> tuple[Array, Array]:
    """Pictures [N, 3, 32, 32] uint8 and classes [N] of part "train" or "test".

    The files are ordered by class; here the order is shuffled, the same one each time.
    """
    with np.load(shared / f"data/cifar10/cifar10_{part}_jpeg.npz") as file:
        jpeg, offset, label = (file[key] for key in ("jpeg", "offset", "label"))
    files = (io.BytesIO(jpeg[a:b].tobytes()) for a, b in pairwise(offset))
    pixels = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in files])
    order = np.random.default_rng(0).permutation(len(label))
    return pixels.transpose(0, 3, 1, 2)[order], label.astype(np.int64)[order]


def normal(pixels: Array) -> Array:
    """Pixels as the networks see them, float32."""
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    return np.ascontiguousarray((pixels.astype(np.float32) - mean) / std)
