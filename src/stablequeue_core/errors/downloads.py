"""What can go wrong with a download, or with what is asked of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stablequeue_core.errors.base import (
    Conflict,
    InvalidFields,
    NotFound,
    StableQueueError,
)


class InvalidDownload(InvalidFields):
    """A download cannot be accepted as it was described; ``problems`` lists every bad field."""

    code = "invalid_download"
    _subject = "Invalid download field"


class DownloadNotFound(NotFound):
    """No download has this id."""

    code = "download_not_found"

    def __init__(self, download_id: str) -> None:
        super().__init__(f"Download {download_id} not found.", {"download_id": download_id})


class IllegalDownloadTransition(Conflict):
    """A download cannot go from its present status to the wanted one; nothing was changed."""

    code = "illegal_download_transition"

    def __init__(self, download_id: str, present: str, wanted: str) -> None:
        super().__init__(
            f"Download {download_id} is {present} and cannot become {wanted}.",
            {"download_id": download_id, "status": present, "wanted": wanted},
        )


class StaleDownload(Conflict):
    """Someone else changed the download first; nothing of this change was kept."""

    code = "stale_download"

    def __init__(self, download_id: str) -> None:
        super().__init__(
            f"Download {download_id} was changed by someone else meanwhile; read it again.",
            {"download_id": download_id},
        )


class NoFolderForKind(Conflict):
    """No folder was named for models of this kind, so a file of it cannot be put anywhere."""

    code = "no_folder_for_kind"

    def __init__(self, kind: str, option: str) -> None:
        """Tell how to name one.

        Args:
            kind: of model: ``lora`` ...
            option: of the command line, with its value.
        """
        super().__init__(
            f"No folder for {kind} files is configured, so there is no place for this one. Name "
            f"one with {option}, and start again.",
            {"kind": kind},
        )


class ModelFileExists(Conflict):
    """A file of this name is there already, or is being fetched; it was not touched."""

    code = "model_file_exists"

    def __init__(self, path: str, *, is_same: bool, download_id: str | None = None) -> None:
        """Tell what is there.

        Args:
            path: below its model folder.
            is_same: it has the very SHA-256 that was going to be fetched.
            download_id: of what fetches another file of this name at present; None: it is there.
        """
        another = "It is another file. Choose another filename or subfolder, or"
        if download_id is not None:
            sentence = f"is being fetched by download {download_id}. {another} cancel that one."
        elif is_same:
            sentence = "is there already. It is the same file; there is nothing to fetch."
        else:
            sentence = f"is there already. {another} move it away."
        super().__init__(f"{path!r} {sentence}", {"path": path, "is_same": is_same})


class DownloadTimedOut(StableQueueError):
    """The download had not ended when the caller's patience did; it goes on."""

    code = "download_timed_out"

    def __init__(self, download_id: str, seconds: float, status: str) -> None:
        super().__init__(
            f"Download {download_id} is still {status} after {seconds:g} s; it goes on without "
            "you.",
            {"download_id": download_id, "seconds": seconds, "status": status},
        )


class DownloadError(StableQueueError):
    """A file could not be fetched; what was fetched of it so far is kept where it can be used."""

    code = "download_error"


class LinkExpired(DownloadError):
    """The storage does not know the link any more; a new one leads to the same bytes."""

    code = "link_expired"

    def __init__(self) -> None:
        super().__init__(
            "The link to the file has expired, again and again. Retry later: what is here already "
            "is kept."
        )


class StorageHostFailed(DownloadError):
    """The host that holds the file refused or broke; worth another try."""

    code = "storage_host_failed"


class TooSlow(DownloadError):
    """Bytes came, but so few that it would never end."""

    code = "too_slow"

    def __init__(self, seconds: float, received: int) -> None:
        super().__init__(
            f"Only {received:,} bytes came in {seconds:g} s. Retry when the network, or the host, "
            "is quicker; what is here already is kept.",
            {"seconds": seconds, "received": received},
        )


class WrongFile(DownloadError):
    """What came is not the file.

    ``code`` tells what it is instead: ``login_page``, ``not_a_model``, ``wrong_size``,
    ``wrong_checksum``, ``wrong_header``.
    """

    code = "wrong_file"

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        self.code = code
        super().__init__(message, details)


class NotEnoughSpace(DownloadError):
    """The disk has no room for the file; nothing of it was fetched, or what was fetched is kept."""

    code = "not_enough_space"

    def __init__(self, needed: int, free: int) -> None:
        """Tell how much is missing.

        Args:
            needed: bytes that are still to come.
            free: bytes that the disk has left.
        """
        super().__init__(
            f"The file needs {needed:,} bytes more, but the disk of its model folder has only "
            f"{free:,} left. Free some space, then retry: what is here already is kept.",
            {"needed": needed, "free": free},
        )


class FileNotPlaced(DownloadError):
    """The file cannot be written into its folder."""

    code = "file_not_placed"


class ModelNotSupplied(StableQueueError):
    """A job lacks a model, asked for it to be fetched, and it cannot be.

    Args:
        wanted: the models' names, as the job says them.
        reason: why not, and what to do.
    """

    code = "model_not_supplied"

    def __init__(self, wanted: Sequence[str], reason: str) -> None:
        super().__init__(reason, {"wanted": list(wanted)})
