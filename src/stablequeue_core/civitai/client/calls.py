"""One call of the client: what may end it, which bases are asked, and what a refusal means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from stablequeue_core.civitai.client.aborting import any_of
from stablequeue_core.civitai.client.api import CivitaiApi, Query
from stablequeue_core.civitai.client.hosts import CivitaiHosts
from stablequeue_core.errors import CivitaiGarbled, CivitaiRefused
from stablequeue_core.transport import Abort

_T = TypeVar("_T")
_K = TypeVar("_K")


class Calls:
    """Calls of Civitai's API. Safe to use from several threads at once.

    Args:
        api: asks.
        hosts: where the API is.
    """

    def __init__(self, api: CivitaiApi, hosts: CivitaiHosts) -> None:
        self._api = api
        self._hosts = hosts
        self._closing = Abort()

    def close(self) -> None:
        """Give up all calls, those to come included."""
        self._closing.pull()

    def given_up_by(self, abort: Abort | None) -> AbstractContextManager[Abort]:
        """A switch for one call: pulled by its caller, or because all calls are given up."""
        return any_of(self._closing, abort)

    def one(
        self,
        path: str,
        query: Query,
        read: Callable[[object], _T | None],
        what: str,
        abort: Abort | None,
    ) -> _T:
        """The one thing that is asked for, from the base that has it.

        Args:
            path: below a base.
            query: names and values.
            read: makes a record of the answer; None says that it is none.
            what: for sentences.
            abort: the caller's switch.
        """
        with self.under(abort) as given_up:

            def ask(base: str) -> _T:
                told = self._api.get(f"{base}{path}", query, what=what, abort=given_up)
                return sound(read(told), what)

            return self._api.anywhere(ask)

    def all(
        self,
        wanted: Sequence[_K],
        at_once: int,
        ask: Callable[[str, Sequence[_K], Abort], dict[_K, _T]],
        abort: Abort | None,
    ) -> dict[_K, _T]:
        """What there is of all these; what the first base has not is asked of the second.

        Args:
            wanted: ids or hashes, each once.
            at_once: so many with each request.
            ask: asks one base for some of them.
            abort: the caller's switch.
        """
        with self.under(abort) as given_up:

            def ask_for(base: str, those: Sequence[_K]) -> dict[_K, _T]:
                found: dict[_K, _T] = {}
                for start in range(0, len(those), at_once):
                    found |= ask(base, those[start : start + at_once], given_up)
                return found

            found = ask_for(self._hosts.bases[0], wanted)
            missing = [each for each in wanted if each not in found]
            if missing:
                found |= self._api.elsewhere(lambda base: ask_for(base, missing)) or {}
            return found

    @contextmanager
    def under(self, abort: Abort | None) -> Iterator[Abort]:
        """A call inside, under a switch; a refusal that leaves it says what has to change."""
        with any_of(self._closing, abort) as given_up:
            try:
                yield given_up
            except CivitaiRefused as refusal:
                judged = self._api.judged(refusal, given_up)
                if judged is refusal:
                    raise
                raise judged from refusal


def sound(record: _T | None, what: str) -> _T:
    """The record that was asked for.

    Raises:
        CivitaiGarbled: the answer is JSON, but none.
    """
    if record is None:
        raise CivitaiGarbled(
            f"Civitai's answer about {what} lacks what makes it one. Check STABLEQUEUE_CIVITAI_URL."
        )
    return record
