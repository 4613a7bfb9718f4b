"""What can be wrong with a model file, or with what is asked of one."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.errors.base import MOST_CANDIDATES, Conflict, NotFound, StableQueueError
from stablequeue_core.quantities import few


class ModelNotFound(NotFound):
    """No model file fits the name."""

    code = "model_not_found"

    def __init__(self, wanted: str, hint: str = "") -> None:
        super().__init__(f"Model {wanted!r} not found.{hint and ' ' + hint}", {"model": wanted})


class PreviewNotFound(NotFound):
    """The model has no such preview, or what should be it cannot be shown."""

    code = "preview_not_found"

    def __init__(self, model: str, index: int, count: int, *, file: str | None = None) -> None:
        """Tell what is missing.

        Args:
            model: the model's file name.
            index: of the preview that was asked for.
            count: how many previews the model was found with.
            file: the name of the file that should be this preview, and is no picture or film.
        """
        if file is not None:
            sentence = (
                f"What should be preview {index} of {model!r} ({file!r}) is no picture or film; "
                "replace or delete it."
            )
        elif 0 <= index < count:
            sentence = f"Preview {index} of {model!r} is not there any more; scan its folder again."
        else:
            has = {0: "none", 1: "one (index 0)"}.get(count, f"{count} (index 0 to {count - 1})")
            sentence = f"Model {model!r} has no preview {index}; it has {has}."
        super().__init__(sentence, {"model": model, "index": index, "count": count})


class AmbiguousModel(Conflict):
    """The name fits several model files."""

    code = "ambiguous_model"

    def __init__(self, wanted: str, candidates: Sequence[str]) -> None:
        """Tell which files the name fits.

        Args:
            wanted: the name that was asked for.
            candidates: for each of the files a name that means it and no other.
        """
        super().__init__(
            f"{wanted!r} fits {len(candidates)} model files. Name one of these instead: "
            f"{few(candidates, MOST_CANDIDATES)}.",
            {"model": wanted, "candidates": list(candidates)},
        )


class NoModelFolders(Conflict):
    """No folder with models was named, so there is nothing to scan."""

    code = "no_model_folders"

    def __init__(self) -> None:
        super().__init__(
            "No model folder is configured. Name one with --checkpoints DIR or --loras DIR, with "
            "STABLEQUEUE_CHECKPOINT_DIRS or STABLEQUEUE_LORA_DIRS, or with "
            "StableQueue.open(..., checkpoints=[...], loras=[...])."
        )


class ModelFileError(StableQueueError):
    """A model file, or a file beside it, cannot be read or written."""

    code = "model_file_error"


class UnreadableModel(ModelFileError):
    """A model file is not what its name says.

    ``code`` tells what it is instead: ``empty_file``, ``truncated``, ``html_page`` ...
    """

    code = "unreadable_model"

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class SidecarNotWritten(ModelFileError):
    """The file beside a model that holds its description could not be written; it is as it was."""

    code = "sidecar_not_written"
