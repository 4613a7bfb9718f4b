"""Civitai's API as JSON: redirects followed by hand, and a second base for what is not there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from attrs import evolve

from stablequeue_core.civitai.client.answers import value_of
from stablequeue_core.civitai.client.asking import Asker, Question
from stablequeue_core.civitai.client.hosts import CivitaiHosts
from stablequeue_core.civitai.client.limiter import Limiter
from stablequeue_core.civitai.client.redirects import (
    MOST_HOPS,
    is_redirect,
    refusal_behind,
    target_of,
    too_many_hops,
)
from stablequeue_core.civitai.client.refusals import is_of_the_place
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    AccessDenied,
    CivitaiError,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    ConnectFailed,
    LoginNeeded,
)
from stablequeue_core.transport import Abort

_T = TypeVar("_T")

_REST = 600.0
"""Seconds for which a second base is left alone that cannot be used from here."""

Query = Sequence[tuple[str, object]]


class CivitaiApi:
    """Civitai's API. Safe to use from several threads at once.

    Args:
        asker: sends the requests.
        limiter: says when.
        hosts: where the API is.
        clock: the time.
    """

    def __init__(self, asker: Asker, limiter: Limiter, hosts: CivitaiHosts, clock: Clock) -> None:
        self._asker = asker
        self._limiter = limiter
        self._hosts = hosts
        self._clock = clock
        self._lock = threading.Lock()
        self._rested: dict[str, float] = {}

    def get(self, url: str, query: Query, *, what: str, abort: Abort) -> Any:
        """The JSON at an address of the API.

        Args:
            url: without a query.
            query: names and values.
            what: is asked for, for sentences: ``version 700201``.
            abort: gives the request up.

        Raises:
            CivitaiError, CivitaiNotFound: what is there instead.
            TransferAborted: ``abort`` was pulled.
        """
        asked = f"?{urlencode(query, safe=',')}" if query else ""
        return self._value(Question(what=what, url=f"{url}{asked}"), abort)

    def post(self, url: str, body: Sequence[str], *, what: str, abort: Abort) -> Any:
        """The JSON that answers ``body``; raises as :meth:`get`."""
        return self._value(Question(what=what, url=url, method="POST", json=list(body)), abort)

    def anywhere(self, ask: Callable[[str], _T]) -> _T:
        """What the first base has, or else another one.

        Args:
            ask: asks one base; CivitaiNotFound says that the thing is not there.

        Raises:
            CivitaiNotFound: it is nowhere.
            CivitaiError: what the first base says instead, or :meth:`elsewhere`.
        """
        try:
            return ask(self._hosts.bases[0])
        except CivitaiNotFound:
            found = self.elsewhere(ask)
            if found is None:
                raise
            return found

    def elsewhere(self, ask: Callable[[str], _T]) -> _T | None:
        """What the second base has of that which the first has not.

        A base that cannot be used from here (a blocked region, a network that does not let us
        through) counts as one that has nothing, and is left alone for a while.

        Raises:
            CivitaiError: it says no, or it cannot answer now: then nobody knows what it has.
        """
        for base in self._hosts.bases[1:]:
            if self._rests(base):
                continue
            try:
                return ask(base)
            except CivitaiNotFound:
                continue
            except CivitaiError as error:
                if not _is_out_of_reach(error):
                    raise
                self._let_rest(base)
        return None

    def judged(self, refusal: CivitaiRefused, abort: Abort) -> CivitaiRefused:
        """The refusal; but "who are you?" to a key that Civitai knows means: not you.

        Args:
            refusal: of anything but the account itself.
            abort: gives the request up.
        """
        if not isinstance(refusal, LoginNeeded) or not refusal.details["key_was_sent"]:
            return refusal
        try:
            self.get(f"{self._hosts.bases[0]}/me", (), what="the account", abort=abort)
        except (CivitaiError, CivitaiNotFound):
            return refusal
        return AccessDenied()

    def _value(self, question: Question, abort: Abort) -> Any:
        asked_first = question.url
        for _ in range(MOST_HOPS):
            response = self._asker.ask(question, self._limiter, abort)
            asked = self._asker.asked(question)
            if not is_redirect(response):
                return value_of(response, asked)
            target = target_of(response, question.url, asked.secret)
            if refusal := refusal_behind(target, self._hosts, key_was_sent=asked.key_was_sent):
                raise refusal
            # Browsers would go on with GET; the API would then answer something else.
            question = evolve(question, url=target)
        raise too_many_hops(asked_first)

    def _rests(self, base: str) -> bool:
        with self._lock:
            return self._clock.monotonic() < self._rested.get(base, 0.0)

    def _let_rest(self, base: str) -> None:
        with self._lock:
            self._rested[base] = self._clock.monotonic() + _REST


def _is_out_of_reach(error: CivitaiError) -> bool:
    """Whether it tells of the way there, and nothing of what was asked for."""
    if isinstance(error, CivitaiRefused):
        return is_of_the_place(error)
    if isinstance(error, CivitaiUnavailable):
        return error.details.get("cause") == ConnectFailed.code
    return isinstance(error, CivitaiGarbled)
