"""Training of what is stored, in torch: the extra `train`."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError("training needs torch: pip install 'lowtide[train]'") from error
