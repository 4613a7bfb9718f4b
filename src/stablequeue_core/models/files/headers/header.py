"""What stands at the beginning of a model file: names and shapes, and what its maker wrote."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from stablequeue_core.models.model import FileFormat


@frozen
class Tensor:
    """A tensor's type and shape, as PyTorch has them: GGUF's reversed dimensions are turned."""

    dtype: str
    shape: tuple[int, ...]


@frozen(kw_only=True)
class Header:
    """What a model file says of itself. Nothing of it is to be believed more than a label.

    Attributes:
        format: by the file's first bytes.
        tensors: by name; empty for a pickle, which is never opened.
        metadata: what its maker wrote, as text.
        data_start: where the tensors begin, in bytes; None for a file without that.
    """

    format: FileFormat
    tensors: Mapping[str, Tensor] = field(factory=dict)
    metadata: Mapping[str, str] = field(factory=dict)
    data_start: int | None = None
