"""Before something is written beside a model: is it still where, and what, it was?"""

from __future__ import annotations

import os
from pathlib import Path

from stablequeue_core.errors import ModelNotFound, UnreadableModel
from stablequeue_core.models.model import Model


def check_is_here(model: Model) -> None:
    """Make sure that the model lies where it was found.

    Raises:
        ModelNotFound: its file is missing, or its folder has become a link to another place.
    """
    if model.missing or not os.path.lexists(model.file):
        raise ModelNotFound(model.filename, "Its file is missing; scan again when it is back.")
    real = Path(os.path.realpath(model.file))
    if not real.is_relative_to(os.path.realpath(model.root)):
        raise ModelNotFound(model.filename, "Its folder has become a link to another place.")


def check_is_as_found(model: Model) -> None:
    """Make sure that the model is the file of which we know the hash.

    Raises:
        ModelNotFound: as :func:`check_is_here`.
        UnreadableModel: ``file_changed``: it was written since.
    """
    check_is_here(model)
    try:
        seen = os.stat(model.file)
    except OSError:
        raise ModelNotFound(model.filename, "Its file cannot be looked at.") from None
    if (seen.st_size, seen.st_mtime_ns) != (model.size, model.mtime_ns):
        raise UnreadableModel(
            "file_changed",
            f"{model.filename!r} has changed since it was hashed, so that it may be another "
            "version now. Scan again.",
        )
