"""The port: who keeps finished pictures. Its docstrings are the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path


class ImageStore(ABC):
    """Keeps finished pictures under the names that :func:`picture_name` makes.

    Safe to use from several threads and several processes at once. What a method has saved
    survives a power cut, so that a job may be recorded as completed as soon as it returns.

    Attributes:
        folder: where the pictures lie, for people and programs that look for them there.
    """

    folder: Path

    @abstractmethod
    def save_all(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Keep pictures, given as name and bytes: all of them or none.

        Raises:
            DiskFull: there is no room left.
            ImageStoreError: they cannot be kept, or one of the names is taken; what had the name
                before stays as it was.
            ValueError: a name is none that :func:`picture_name` makes.
        """

    def save(self, name: str, data: bytes) -> None:
        """Keep one picture; see :meth:`save_all`.

        Example::

            store.save(picture_name(job.id, attempt.started_at, 0, 42, ImageFormat.PNG), data)
        """
        self.save_all([(name, data)])

    @abstractmethod
    def path(self, name: str) -> Path:
        """Where the picture lies.

        Raises:
            ImageNotFound: there is no such picture, or the name is none of ours: nothing outside
                of this store, and nothing in it but finished pictures, can be reached.
        """

    @abstractmethod
    def discard(self, names: Iterable[str]) -> None:
        """Delete these pictures; those that are not there are left out.

        Raises:
            ImageStoreError: one of them cannot be deleted.
        """

    @abstractmethod
    def discard_attempt(
        self, job_id: str, started_at: datetime, pictures: range | None = None
    ) -> int:
        """Delete what an attempt left behind whose worker died before the job was recorded.

        Args:
            job_id: of the job that its pictures are named after.
            started_at: when the attempt started.
            pictures: delete only those of these indices; None: all. An attempt at another part of
                the job may have started in the same moment.

        Returns:
            how many pictures there were, finished or half-written.

        Raises:
            ImageStoreError: one of them cannot be deleted.
        """
