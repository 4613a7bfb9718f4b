"""Fetches what shows a model: from Civitai's CDN, and from nowhere else."""

from __future__ import annotations

from attrs import evolve

from stablequeue_core.civitai.client.answers import error_of
from stablequeue_core.civitai.client.asking import Asker, Question
from stablequeue_core.civitai.client.hosts import CivitaiHosts, shown
from stablequeue_core.civitai.client.limiter import Limiter
from stablequeue_core.civitai.client.redirects import (
    MOST_HOPS,
    is_redirect,
    target_of,
    too_many_hops,
)
from stablequeue_core.civitai.client.saying import is_markup
from stablequeue_core.errors import CivitaiGarbled, CivitaiNotFound
from stablequeue_core.transport import Abort

_WHAT = "picture at this address"
_HEADERS = {"Accept": "*/*"}
_PATIENCE = 20.0  # films have many megabytes
_GONE = frozenset({404, 410})


class PictureFetcher:
    """Fetches pictures and films. Safe to use from several threads at once.

    Args:
        asker: sends the requests.
        limiter: says when.
        hosts: which of them show pictures.
    """

    def __init__(self, asker: Asker, limiter: Limiter, hosts: CivitaiHosts) -> None:
        self._asker = asker
        self._limiter = limiter
        self._hosts = hosts

    def fetch(self, url: str, largest: int, abort: Abort) -> bytes:
        """The bytes of a picture or film; whether they are one, only a look at them tells.

        Raises:
            CivitaiGarbled: the address is of another host (nobody was asked), or what is there is
                a page, or has more bytes than ``largest``.
            CivitaiNotFound: it is not there any more.
            CivitaiError: it cannot be had now, or not by us.
            TransferAborted: ``abort`` was pulled.
        """
        question = Question(
            what=_WHAT,
            url=url,
            headers=_HEADERS,
            largest=largest,
            shows_key=False,
            patience=_PATIENCE,
        )
        for _ in range(MOST_HOPS):
            self._refuse_others(question.url)
            response = self._asker.ask(question, self._limiter, abort)
            asked = self._asker.asked(question)
            if is_redirect(response):
                question = evolve(question, url=target_of(response, question.url, asked.secret))
                continue
            if response.status in _GONE:
                raise CivitaiNotFound(_WHAT)
            if response.status != 200:
                raise error_of(response, asked)
            if is_markup(response) or not response.body:
                raise CivitaiGarbled(
                    f"{asked.host} answered with a page or with nothing instead of a picture.",
                    {"host": asked.host},
                )
            return response.body
        raise too_many_hops(url)

    def _refuse_others(self, url: str) -> None:
        if not self._hosts.shows_pictures(url):
            raise CivitaiGarbled(
                f"Civitai names a picture at {shown(url)}, which is not one of its own hosts; it "
                "was not asked.",
                {"host": shown(url)},
            )
