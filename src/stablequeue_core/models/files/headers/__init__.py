"""What a model file says of itself before its tensors begin, read without trusting any of it."""

from stablequeue_core.models.files.headers.header import Header, Tensor
from stablequeue_core.models.files.headers.reading import read_header

__all__ = ["Header", "Tensor", "read_header"]
