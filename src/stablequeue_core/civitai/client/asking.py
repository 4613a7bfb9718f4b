"""Asks: in good manners, again where that may help, and showing the key to nobody else."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from attrs import field, frozen

from stablequeue_core.civitai.client.aborting import within
from stablequeue_core.civitai.client.answers import Asked, is_rate_limit, may_pass
from stablequeue_core.civitai.client.hosts import CivitaiHosts, shown
from stablequeue_core.civitai.client.limiter import Limiter
from stablequeue_core.civitai.client.patience import (
    ATTEMPTS,
    LONGEST_WAIT,
    pause_after,
    retry_after,
)
from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    CivitaiError,
    CivitaiGarbled,
    CivitaiUnavailable,
    ConnectFailed,
    ConnectionLost,
    PrivateAddress,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Request, Response, Timeouts, Transport

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes, decompressed. A hundred versions with everything that is told of them are a tenth of it;
what is longer is a mistake, or meant to use up our memory."""

logger = logging.getLogger(__name__)


@frozen(kw_only=True)
class Question:
    """One thing to ask for, at one address.

    Attributes:
        what: for sentences: ``version 700201``.
        json: sent as a body when not None.
        largest: a longer answer is refused.
        head_of: of answers with these statuses, only the first piece is read.
        shows_key: whether the key is sent along, where it may be.
        patience: so many times ``answer_timeout`` the answer may take until its end.
    """

    what: str
    url: str
    method: str = "GET"
    json: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = {"Accept": "application/json"}
    largest: int = LARGEST_ANSWER
    head_of: frozenset[int] = frozenset()
    shows_key: bool = True
    patience: float = 4.0


class Asker:
    """Sends requests to Civitai. Safe to use from several threads at once.

    Args:
        transport: carries them.
        settings: the key, the addresses it is for, and how patient we are.
        hosts: whose they are.
        clock: the time.
    """

    def __init__(
        self, transport: Transport, settings: Settings, hosts: CivitaiHosts, clock: Clock
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._hosts = hosts
        self._clock = clock
        self._timeouts = Timeouts(connect=settings.connect_timeout, read=settings.answer_timeout)

    @property
    def secret(self) -> str | None:
        """The key: what must not appear anywhere else."""
        return self._settings.civitai_api_key

    def shows_key_to(self, url: str) -> bool:
        """Whether there is a key, and whoever answers there may see it."""
        return bool(self.secret) and self._hosts.is_api(url)

    def asked(self, question: Question) -> Asked:
        """What is needed to understand the answer that has just come."""
        return Asked(
            what=question.what,
            host=shown(question.url),
            now=self._clock.now(),
            key_was_sent=question.shows_key and self.shows_key_to(question.url),
            secret=self.secret,
        )

    def headers_for(self, url: str, *, shows_key: bool = True) -> dict[str, str]:
        """Who asks: our name, and the key where it may be shown."""
        headers = {"User-Agent": user_agent()}
        if shows_key and self.shows_key_to(url):
            headers["Authorization"] = f"Bearer {self.secret}"
        return headers

    def may_be_private(self, url: str) -> bool:
        """Whether the address may lie in the user's own network: they named it, or allow all."""
        return self._settings.allow_private_downloads or self._hosts.is_trusted(url)

    def ask(self, question: Question, limiter: Limiter, abort: Abort) -> Response:
        """The answer, whatever its status; asked again a few times where that may help.

        Raises:
            CivitaiUnavailable: nobody answers.
            CivitaiGarbled: the answer is far too long, or lies in a private network.
            TransferAborted: ``abort`` was pulled.
        """
        failures = 0
        while True:
            failures += 1
            is_last = failures == ATTEMPTS
            try:
                response = self._once(question, limiter, abort)
            except TransferAborted:
                raise
            except TransportError as error:
                if is_last or not _may_heal(error):
                    raise _unreachable(question, error) from error
                self._pause(pause_after(failures, random.random()), question, error.code, abort)
                continue
            asked_for = retry_after(response.headers, self._clock.now()) or 0.0
            if is_last or asked_for > LONGEST_WAIT or not may_pass(response):
                return response
            pause = max(asked_for, pause_after(failures, random.random()))
            self._pause(pause, question, f"status {response.status}", abort)

    def _once(self, question: Question, limiter: Limiter, abort: Abort) -> Response:
        turn = limiter.take(abort)
        response = self._receive(question, abort)
        asked_for = retry_after(response.headers, self._clock.now())
        if is_rate_limit(response):
            limiter.slow_down(turn, asked_for)
        elif asked_for:
            limiter.hold(asked_for)
        else:
            limiter.went_well()
        return response

    def _receive(self, question: Question, abort: Abort) -> Response:
        host, url = shown(question.url), question.url
        request = Request(
            method=question.method,
            url=url,
            headers={
                **question.headers,
                **self.headers_for(url, shows_key=question.shows_key),
            },
            json=question.json,
            timeouts=self._timeouts,
            public_only=not self.may_be_private(url),
        )
        limit = question.patience * self._settings.answer_timeout
        with (
            within(limit, abort, host) as limited,
            self._transport.stream(request, abort=limited) as streamed,
        ):
            pieces, size = [], 0
            for piece in streamed.chunks():
                size += len(piece)
                if size > question.largest:
                    raise CivitaiGarbled(
                        f"Asked for {question.what}, {host} answered with more than "
                        f"{question.largest} bytes. Check STABLEQUEUE_CIVITAI_URL.",
                        {"wanted": question.what, "largest": question.largest},
                    )
                pieces.append(piece)
                if streamed.status in question.head_of:
                    break
            return Response(status=streamed.status, headers=streamed.headers, body=b"".join(pieces))

    def _pause(self, seconds: float, question: Question, why: str, abort: Abort) -> None:
        logger.info(
            "%s: %s when asked for %s; asking again in %.1f s",
            shown(question.url),
            why,
            question.what,
            seconds,
        )
        if self._clock.wait(seconds, abort.wait):
            raise TransferAborted


@cache
def user_agent() -> str:
    """Our own name. One that looks like a browser's is answered with pages for people."""
    try:
        return f"stablequeue/{version('stablequeue')}"
    except PackageNotFoundError:  # run from its source, without being installed
        return "stablequeue/0"


def _may_heal(error: TransportError) -> bool:
    if isinstance(error, PrivateAddress):
        return False
    return isinstance(error, ConnectFailed | ConnectionLost | ReadTimedOut)


def _unreachable(question: Question, error: TransportError) -> CivitaiError:
    host = shown(question.url)
    details = {"cause": error.code, "wanted": question.what}
    if isinstance(error, PrivateAddress):
        return CivitaiGarbled(
            f"Civitai sends us to an address of its own: {error.message}", details
        )
    return CivitaiUnavailable(f"{host} cannot be asked: {error.message}", details)
