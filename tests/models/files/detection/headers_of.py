"""Headers for tests of detection: only names and shapes matter there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stablequeue_core.models import FileFormat
from stablequeue_core.models.files.detection import Detected, detect
from stablequeue_core.models.files.headers import Header, Tensor

Shapes = Mapping[str, Sequence[int]]


def detected(
    shapes: Shapes,
    metadata: Mapping[str, str] | None = None,
    filename: str = "x.safetensors",
    file_format: FileFormat = FileFormat.SAFETENSORS,
) -> Detected:
    """What is made of a file with these tensors."""
    tensors = {name: Tensor("F16", tuple(shape)) for name, shape in shapes.items()}
    header = Header(format=file_format, tensors=tensors, metadata=metadata or {})
    return detect(header, filename=filename)
