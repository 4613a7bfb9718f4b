"""Asks Civitai which versions files are, ten thousand at once, and remembers its answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from attrs import evolve

from stablequeue_core.civitai.client.client import HASHES_A_CALL, CivitaiClient
from stablequeue_core.civitai.client.refusals import is_of_the_place
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    CivitaiError,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    LoginNeeded,
)
from stablequeue_core.models import CivitaiCandidate, Identity
from stablequeue_core.models.digests import is_hash_of_nothing

logger = logging.getLogger(__name__)

_KEPT_EVERY = 50
"""Answers, where each file has to be asked for by itself."""

Candidates = Mapping[str, tuple[CivitaiCandidate, ...]]


class Identifier:
    """Finds out which versions at Civitai have which files. Safe to use from several threads.

    Args:
        client: asks.
        book: where the answers are kept.
        clock: the time.
        unknown_age: how many seconds Civitai's word that it does not know a file is believed.
    """

    def __init__(
        self, client: CivitaiClient, book: IdentityBook, *, clock: Clock, unknown_age: float
    ) -> None:
        self._client = client
        self._book = book
        self._clock = clock
        self._unknown_age = timedelta(seconds=unknown_age)

    def identify(
        self,
        sha256s: Iterable[str],
        *,
        again: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Mapping[str, Identity]:
        """What is known of files, after asking for those of which nothing is.

        One request asks for ten thousand. What was answered before an error is kept.

        Args:
            sha256s: of the files, in lower case.
            again: ask for all of them.
            stopping: asked before each request; True ends it, and the rest stays unasked.

        Raises:
            CivitaiError: Civitai cannot be asked now.
            StorageError: its answers cannot be kept.
        """
        known = dict(self._book.all_of(list(dict.fromkeys(sha256s))))
        unasked = [
            sha256
            for sha256, identity in known.items()
            if not is_hash_of_nothing(sha256) and (again or not self._is_settled(identity))
        ]
        for start in range(0, len(unasked), HASHES_A_CALL):
            if stopping():
                break
            known |= self._ask(unasked[start : start + HASHES_A_CALL], stopping)
        return known

    def _ask(self, sha256s: Sequence[str], stopping: Callable[[], bool]) -> Mapping[str, Identity]:
        try:
            found = self._client.ids_by_hash(sha256s)
        except (CivitaiError, CivitaiNotFound) as error:
            if not _is_about_the_route(error):
                raise
            logger.warning("Civitai is asked for each file by itself: %s", error.message)
            return self._ask_one_by_one(sha256s, stopping)
        return self._keep(sha256s, found)

    def _ask_one_by_one(
        self, sha256s: Sequence[str], stopping: Callable[[], bool]
    ) -> Mapping[str, Identity]:
        known: dict[str, Identity] = {}
        found: dict[str, tuple[CivitaiCandidate, ...]] = {}
        try:
            for sha256 in sha256s:
                if stopping():
                    break
                try:
                    found[sha256] = self._asked_for(sha256)
                except CivitaiError as error:
                    if not (known or found) or not _is_about_the_route(error):
                        raise
                    logger.warning("Civitai was asked for a file in vain: %s", error.message)
                if len(found) == _KEPT_EVERY:
                    known |= self._keep(list(found), found)
                    found.clear()
        finally:
            known |= self._keep(list(found), found)
        return known

    def _asked_for(self, sha256: str) -> tuple[CivitaiCandidate, ...]:
        try:
            version = self._client.version_by_hash(sha256)
        except CivitaiNotFound:
            return ()
        return (CivitaiCandidate(version_id=version.id, model_id=version.model_id),)

    def _keep(self, sha256s: Sequence[str], found: Candidates) -> Mapping[str, Identity]:
        now = self._clock.now()
        return self._book.revise(
            sha256s,
            lambda known: evolve(known, candidates=found.get(known.sha256, ()), asked_at=now),
        )

    def _is_settled(self, identity: Identity) -> bool:
        if identity.asked_at is None:
            return False
        is_new = self._clock.now() - identity.asked_at < self._unknown_age
        return bool(identity.candidates) or is_new


def _is_about_the_route(error: CivitaiError | CivitaiNotFound) -> bool:
    """Whether Civitai can be asked in another way: it is only this way that does not work."""
    if isinstance(error, CivitaiUnavailable | LoginNeeded):
        return False
    return not (isinstance(error, CivitaiRefused) and is_of_the_place(error))
