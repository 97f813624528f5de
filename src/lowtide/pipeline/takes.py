"""What an argument takes, in plain words: of its type as the signature has it."""

from __future__ import annotations

_OF_NAME = {
    "max_overhead": "a share from 0 up, 0.05 for 5 %,",
    "models": "a list of two networks or more, ['a.onnx', 'b.onnx'],",
}
_OF_TYPE = {
    "bool": "True or False",
    "File": "a path",
    "File | Sequence[str]": "a path, or a list of words, ['cat', 'dog'],",
    "Files": "a path, or a list of paths,",
    "Files | Samples | Mapping[str, Mapping[str, Array]]": (
        "a path, a list of paths, or sets of inputs by name, {'cat': {'x': array}},"
    ),
    "float": "a number",
    "float | Sequence[float]": "a number, or one for each channel, [0.5, 0.4, 0.4],",
    "int": "a whole number",
    "Mapping[str, Shape]": "a shape by its input's name, {'x': (1, 3, 224, 224)},",
    "Options": "lowtide.Options(..)",
    "Progress": "a function that is given a text, such as print,",
    "Sequence[str]": "a list of words, ['a', 'b'],",
    "str": "a word",
    "str | int": "a size, 65536 or '64KiB',",
    "str | Sequence[str]": "a word, or a list of words, ['a', 'b'],",
    "tuple[int, int]": "two whole numbers, (1, 16),",
}


def takes(name: str, annotation: str) -> str:
    """A sentence of it: a whole number is needed."""
    kind = annotation.removesuffix(" | None")
    if kind.startswith("Literal["):
        return f"{kind[8:-1].replace(', ', ' or ')} is needed"
    return f"{_OF_NAME.get(name) or _OF_TYPE.get(kind, kind)} is needed"
