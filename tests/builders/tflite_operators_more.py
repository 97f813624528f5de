"""More random .tflite networks of one operator each, of the operators that few files have."""

from __future__ import annotations

import numpy as np

from tflite_operators import Random, one, sum_scale, weights


@one("EXP", "LOG", "ABS", "ELU", "RSQRT", "GELU")
def of_bytes(random: Random, kind: str) -> bytes:
    shape, least = random.shape(), int(random.ends.min)
    roots = kind in ("LOG", "RSQRT")
    x_ends = (random.scale(-7, -4), least) if roots else random.ends_of(-7, -4)
    y = random.tensor(shape, (x_ends[0] * random.pick(1, random.scale(-1, 1)), random.zero()))
    x = random.tensor(shape, x_ends)
    if roots:  # numbers above zero
        raised = random.tensor(shape, x_ends)
        floor = random.file.constant(
            np.full(shape, 0.5 if random.real else least + 1), random.kind, x_ends
        )
        random.file.operator("MAXIMUM", [x, floor], [raised], "MaximumMinimumOptions")
        random.file.operator(kind, [raised], [y])
    else:
        options = {"EXP": "ExpOptions", "ABS": "AbsOptions", "GELU": "GeluOptions"}.get(kind, "")
        random.file.operator(kind, [x], [y], options)
    return random.file.bytes([x], [y])


@one("SQUARED_DIFFERENCE", "ADD_N")
def of_two(random: Random, kind: str) -> bytes:
    shape, a_ends = random.shape(), random.ends_of(-5, -1)
    b_ends = a_ends if kind == "ADD_N" else random.ends_of(-5, -1)
    a, b = random.tensor(shape, a_ends), random.tensor(shape, b_ends)
    largest = a_ends[0] if kind == "ADD_N" else max(a_ends[0], b_ends[0]) ** 2 * 70
    y = random.tensor(shape, (largest * random.scale(-1, 1.5), random.zero()))
    options = "AddNOptions" if kind == "ADD_N" else "SquaredDifferenceOptions"
    random.file.operator(kind, [a, b], [y], options)
    return random.file.bytes([a, b], [y])


@one("REVERSE_V2", "GATHER_ND")
def chosen(random: Random, kind: str) -> bytes:
    shape, ends = random.shape(), random.ends_of()
    x = random.tensor(shape, ends)
    if kind == "REVERSE_V2":
        out, other = shape, random.ints(random.int(0, len(shape) - 1))
    else:
        count = random.int(1, len(shape))
        lead = random.pick((random.int(1, 4),), (2, random.int(1, 3)))
        places = np.stack([random.rng.integers(0, n, lead) for n in shape[:count]], -1)
        out, other = (*lead, *shape[count:]), random.file.constant(places, "int32")
    y = random.tensor(out, ends)
    options = "ReverseV2Options" if kind == "REVERSE_V2" else "GatherNdOptions"
    random.file.operator(kind, [x, other], [y], options)
    return random.file.bytes([x], [y])


@one("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def batches(random: Random, kind: str) -> bytes:
    n, c, ends = random.pick(1, 1, 2), random.int(1, 5), random.ends_of()
    block, pads = np.array([random.int(1, 3) for _ in "hw"]), np.zeros((2, 2), int)
    small = np.array([random.int(1, 4) for _ in "hw"])
    for a in range(2):
        pads[a] = [random.int(0, min(2, small[a] * block[a] - 1)), 0]
        pads[a, 1] = random.int(0, min(2, int(small[a] * block[a] - pads[a, 0] - 1)))
    many = (n * int(block.prod()), *small, c)
    few = (n, *(small * block - pads.sum(1)), c)
    shape, out = (few, many) if kind == "SPACE_TO_BATCH_ND" else (many, few)
    x = random.tensor(tuple(int(s) for s in shape), ends)
    y = random.tensor(tuple(int(s) for s in out), ends)
    given = [random.file.constant(held, "int32") for held in (block, pads)]
    words = kind.split("_")
    options = f"{words[0].title()}To{words[2].title()}NDOptions"
    random.file.operator(kind, [x, *given], [y], options)
    return random.file.bytes([x], [y])


@one("dilated CONV_2D", "dilated DEPTHWISE_CONV_2D")
def dilated(random: Random, kind: str) -> bytes:
    """SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND; the edges padded and cut."""
    kind = kind.split()[1]
    n, h, w, c = random.image()
    block = np.array([random.int(1, 3) for _ in "hw"])
    k, out = [random.int(1, 3) for _ in "hw"], random.int(1, 5) if kind == "CONV_2D" else c
    wanted = [max(-(-s // b), q) for s, b, q in zip((h, w), block, k, strict=True)]
    room = [int(s * b - n) for s, b, n in zip(wanted, block, (h, w), strict=True)]
    pads = np.array([[random.int(0, r)] * 2 for r in room])
    pads[:, 1] = room - pads[:, 0]
    after = [s - q + 1 for s, q in zip(wanted, k, strict=True)]
    crops = np.array([[min(int(p[0]), 1), min(int(p[1]), 1)] if a * b > 2 else [0, 0]
                      for p, a, b in zip(pads, after, block, strict=True)])  # fmt: skip
    x_scale = random.scale()
    ends = (x_scale, random.zero())
    shape = (out, *k, c) if kind == "CONV_2D" else (1, *k, c)
    held = weights(random, x_scale, shape, 0 if kind == "CONV_2D" else 3, out, always=True)
    count, images = int(np.prod(shape[1:])), n * int(block.prod())
    y_ends = (sum_scale(random, x_scale, count), random.zero())
    x, apart = random.tensor((n, h, w, c), ends), random.tensor((images, *wanted, c), ends)
    made = random.tensor((images, *after, out), y_ends)
    size = [int(a * b - cut.sum()) for a, b, cut in zip(after, block, crops, strict=True)]
    y = random.tensor((n, *size, out), y_ends)
    parts = [random.file.constant(v, "int32") for v in (block, pads, crops)]
    random.file.operator("SPACE_TO_BATCH_ND", [x, *parts[:2]], [apart], "SpaceToBatchNDOptions")
    name = "Conv2DOptions" if kind == "CONV_2D" else "DepthwiseConv2DOptions"
    more = {} if kind == "CONV_2D" else {"depthMultiplier": 1}
    random.file.operator(
        kind, [apart, *held], [made], name, padding=1, strideH=1, strideW=1,
        fusedActivationFunction=random.pick(0, 1, 3), **more,
    )  # fmt: skip
    inputs = [made, parts[0], parts[2]]
    random.file.operator("BATCH_TO_SPACE_ND", inputs, [y], "BatchToSpaceNDOptions")
    return random.file.bytes([x], [y])


@one("SELECT_V2", "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "EQUAL", "NOT_EQUAL", "GREATER",
     "GREATER_EQUAL", "LESS", "LESS_EQUAL")  # fmt: skip
def masks(random: Random, kind: str) -> bytes:
    """Comparisons, and floats chosen by what is put together of two."""
    shape = random.shape()
    a, b, y = (random.file.tensor(shape, "float32") for _ in range(3))
    masks = [random.file.tensor(shape, "bool") for _ in range(3)]
    compared = kind if "EQUAL" in kind or kind in ("GREATER", "LESS") else "GREATER"
    options = f"{compared.title().replace('_', '')}Options"
    random.file.operator(compared, [a, b], [masks[0]], options)
    random.file.operator("LESS", [b, random.file.constant(np.array([0.5]), "float32")], [masks[1]],
                         "LessOptions")  # fmt: skip
    words = "".join(word.title() for word in kind.split("_"))
    if kind == "LOGICAL_NOT":
        random.file.operator(kind, [masks[0]], [masks[2]], "LogicalNotOptions")
    elif kind in ("LOGICAL_AND", "LOGICAL_OR"):
        random.file.operator(kind, masks[:2], [masks[2]], f"{words}Options")
    else:
        random.file.operator("LOGICAL_OR", masks[:2], [masks[2]], "LogicalOrOptions")
    random.file.operator("SELECT_V2", [masks[2], a, b], [y], "SelectV2Options")
    return random.file.bytes([a, b], [y])


@one("LOG_SOFTMAX", "CUMSUM", "FLOOR_DIV", "L2_POOL_2D")
def of_floats(random: Random, kind: str) -> bytes:
    shape = random.image()
    x, y = random.file.tensor(shape, "float32"), random.file.tensor(shape, "float32")
    inputs, name, given = [x], "LogSoftmaxOptions", {}
    if kind == "CUMSUM":
        inputs.append(random.ints(random.int(0, 3)))
        name = "CumsumOptions"
        given = {"exclusive": bool(random.int(0, 1)), "reverse": bool(random.int(0, 1))}
    elif kind == "FLOOR_DIV":
        inputs.append(random.file.constant(np.array([0.75]), "float32"))
        name = "FloorDivOptions"
    elif kind == "L2_POOL_2D":
        name, given = "Pool2DOptions", {"strideH": 1, "strideW": 1, "filterHeight": 3,
                                        "filterWidth": 2, "padding": 0}  # fmt: skip
    random.file.operator(kind, inputs, [y], name, **given)
    return random.file.bytes([x], [y])


@one("STRIDED_SLICE with axes")
def strided_slice(random: Random, kind: str) -> bytes:
    """An ellipsis, axes that are added, axes that are left out."""
    shape, ends = random.shape(), random.ends_of()
    index: list[object] = [
        random.pick(slice(random.int(0, n - 1), None), random.int(0, n - 1), slice(None))
        for n in shape
    ]
    some = random.int(0, len(shape) - 1)
    index[some : random.int(some + 1, len(shape))] = [Ellipsis]  # LiteRT's is never of nothing
    if random.int(0, 1):
        index.insert(random.int(0, len(index)), None)
    out = np.zeros(shape)[tuple(index)].shape  # type: ignore[index]
    masks = dict.fromkeys(("begin", "end", "ellipsis", "newAxis", "shrinkAxis"), 0)
    begin, last = [0] * len(index), [0] * len(index)
    for k, held in enumerate(index):
        if held is Ellipsis or held is None:
            masks["ellipsis" if held is Ellipsis else "newAxis"] |= 1 << k
        elif isinstance(held, slice):
            begin[k] = held.start or 0
            masks["end"] |= 1 << k
            masks["begin"] |= (held.start is None) << k
        else:
            begin[k], last[k] = int(held), int(held) + 1  # type: ignore[call-overload]
            masks["shrinkAxis"] |= 1 << k
    x, y = random.tensor(shape, ends), random.tensor(out, ends)
    inputs = [x, *(random.ints(*part) for part in (begin, last, [1] * len(index)))]
    random.file.operator("STRIDED_SLICE", inputs, [y], "StridedSliceOptions",
                         **{f"{name}Mask": mask for name, mask in masks.items()})  # fmt: skip
    return random.file.bytes([x], [y])
