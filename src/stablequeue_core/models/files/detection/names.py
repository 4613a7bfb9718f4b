"""The names of a file's tensors, as the tables ask for them."""

from __future__ import annotations

from collections.abc import Mapping

from stablequeue_core.models.files.headers import Tensor

_PREFIXES = (
    "model.diffusion_model.",
    "model.model.",
    "model.",
    "net.",
    "diffusion_model.",
    "transformer.",
)
"""What tools write before every name of the diffusion model; one of these is taken off."""


def listed(tensors: Mapping[str, Tensor]) -> str:
    """All names as one text, each between line breaks: that is searched faster than each name."""
    return "\n".join(["", *tensors, ""])


class TensorNames:
    """Answers what the rows of the tables ask, by look-up where the whole name is known.

    Args:
        tensors: of the file.
        text: their names, as :func:`listed` joins them.
    """

    def __init__(self, tensors: Mapping[str, Tensor], text: str) -> None:
        self.tensors = tensors
        self._text = text
        self._prefix = next((start for start in _PREFIXES if "\n" + start in text), "")

    def tensor(self, name: str) -> Tensor | None:
        """The tensor of this name, with or without the prefix."""
        prefixed = self.tensors.get(self._prefix + name)
        return self.tensors.get(name) if prefixed is None else prefixed

    def has(self, name: str) -> bool:
        """Whether there is one."""
        return self._prefix + name in self.tensors or name in self.tensors

    def size(self, name: str, axis: int) -> int | None:
        """How long it is along an axis; None if it is not there, or has no such axis."""
        tensor = self.tensor(name)
        shape = () if tensor is None else tensor.shape
        return shape[axis] if -len(shape) <= axis < len(shape) else None

    def begins(self, start: str) -> bool:
        """Whether a name begins so behind the prefix."""
        return f"\n{self._prefix}{start}" in self._text

    def holds(self, part: str) -> bool:
        """Whether a name holds this anywhere."""
        return part in self._text
