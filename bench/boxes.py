"""From a detector's outputs to boxes: (score, left, top, right, bottom) in parts of the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Decode = Callable[[Sequence[Array]], Array]


def ultraface_slim(outputs: Sequence[Array]) -> Array:
    """Offsets from prior boxes, centre variance 0.1 and size variance 0.2."""
    scores, offsets, priors = outputs[0][0, :, 1], outputs[1][0], _priors(320, 240)
    centre = offsets[:, :2] * 0.1 * priors[:, 2:] + priors[:, :2]
    size = np.exp(offsets[:, 2:] * 0.2) * priors[:, 2:]
    return _best(scores, centre - size / 2, centre + size / 2, 0.7, 0.3)


def ultraface_rfb(outputs: Sequence[Array]) -> Array:
    """Corners, decoded inside the network."""
    boxes = outputs[1][0]
    return _best(outputs[0][0, :, 1], boxes[:, :2], boxes[:, 2:], 0.7, 0.3)


def yunet(outputs: Sequence[Array]) -> Array:
    """Three scales of cells; the score is the root of class times objectness."""
    parts = []
    for k, stride in enumerate((8, 16, 32)):
        cls, obj, box = (outputs[k + 3 * kind][0] for kind in range(3))
        side = 320 // stride
        cell = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
        centre, size = (cell + box[:, :2]) * stride / 320, np.exp(box[:, 2:]) * stride / 320
        score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        parts.append((score, centre - size / 2, centre + size / 2))
    score, low, high = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _best(score, low, high, 0.6, 0.3)


def fastestdet(outputs: Sequence[Array]) -> Array:
    """One grid; the score is objectness^0.6 * class^0.4."""
    y = outputs[0][0]
    rows, columns = y.shape[1:]
    cell = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)
    centre = (cell + np.tanh(y[1:3].transpose(1, 2, 0))) / (columns, rows)
    size = 1 / (1 + np.exp(-y[3:5].transpose(1, 2, 0)))
    score = y[0] ** 0.6 * y[5:].max(0) ** 0.4
    low, high = (centre - size / 2).reshape(-1, 2), (centre + size / 2).reshape(-1, 2)
    return _best(score.ravel(), low, high, 0.65, 0.45)


def _priors(width: int, height: int) -> Array:
    """UltraFace's boxes: centre and size, scale by scale, cell by cell."""
    boxes = []
    for stride, sizes in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        rows, columns = -(-height // stride), -(-width // stride)
        for y in range(rows):
            for x in range(columns):
                for size in sizes:
                    centre = (x + 0.5) / (width / stride), (y + 0.5) / (height / stride)
                    boxes.append((*centre, size / width, size / height))
    return np.clip(np.array(boxes), 0, 1)


def _best(scores: Array, low: Array, high: Array, least: float, most_common: float) -> Array:
    """Boxes above `least`, the best first, without those that share too much with a better one."""
    found: list[Array] = []
    for k in np.argsort(-scores, kind="stable"):
        if scores[k] < least:
            break
        box = np.concatenate([[scores[k]], low[k], high[k]])
        if all(_common(box, other) <= most_common for other in found):
            found.append(box)
    return np.array(found).reshape(-1, 5)


def _common(a: Array, b: Array) -> float:
    """Intersection over union."""
    sides = np.clip(np.minimum(a[3:], b[3:]) - np.maximum(a[1:3], b[1:3]), 0, None)
    both = float(np.prod(sides))
    areas = np.prod(a[3:] - a[1:3]) + np.prod(b[3:] - b[1:3])
    return both / max(float(areas) - both, 1e-12)
