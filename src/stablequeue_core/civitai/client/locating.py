"""Where a model file can be read from: Civitai answers with a link to a storage host."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import evolve

from stablequeue_core.civitai.client.answers import Asked, error_of, no_api
from stablequeue_core.civitai.client.api import CivitaiApi
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
from stablequeue_core.civitai.client.refusals import explained
from stablequeue_core.civitai.client.saying import is_markup
from stablequeue_core.civitai.reading.models import version_in
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Location
from stablequeue_core.errors import (
    AccessDenied,
    CivitaiError,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    PaidAccess,
)
from stablequeue_core.transport import Abort, Response

_FILE = frozenset({200, 206})
_LARGEST_WORDS = 1024 * 1024

# Its HEAD answers 401 to a good key, so the first byte is asked for.
_HEADERS = {"Accept": "application/json", "Range": "bytes=0-0"}

_API_VERSION = re.compile(r"/v[0-9]+$")
_DOWNLOADS = "/download/models/"


class Locator:
    """Asks Civitai for links to files. Safe to use from several threads at once.

    Args:
        asker: sends the requests.
        api: tells of accounts and versions, where a refusal has to be explained.
        limiter: says when.
        hosts: where the API is.
        clock: the time.
    """

    def __init__(
        self,
        asker: Asker,
        api: CivitaiApi,
        limiter: Limiter,
        hosts: CivitaiHosts,
        clock: Clock,
    ) -> None:
        self._asker = asker
        self._api = api
        self._limiter = limiter
        self._hosts = hosts
        self._clock = clock

    def locate(self, version_id: int, file_id: int | None, abort: Abort) -> Location:
        """A link to a file, good for a while; raises as :meth:`DownloadOrigin.locate`."""
        chosen = "" if file_id is None else f"?fileId={file_id}"
        what = (
            f"file of version {version_id}"
            if file_id is None
            else f"file {file_id} of version {version_id}"
        )

        def ask(base: str) -> Location:
            url = f"{_API_VERSION.sub('', base)}{_DOWNLOADS}{version_id}{chosen}"
            return self._link(url, what, abort)

        try:
            return self._api.anywhere(ask)
        except CivitaiRefused as refusal:
            why = self._explained(self._api.judged(refusal, abort), version_id, abort)
            if why is refusal:
                raise
            raise why from refusal

    def _link(self, url: str, what: str, abort: Abort) -> Location:
        question = Question(
            what=what, url=url, headers=_HEADERS, largest=_LARGEST_WORDS, head_of=_FILE
        )
        for _ in range(MOST_HOPS):
            response = self._asker.ask(question, self._limiter, abort)
            asked = self._asker.asked(question)
            if not is_redirect(response):
                return self._here(question.url, response, asked)
            target = target_of(response, question.url, asked.secret)
            if refusal := refusal_behind(target, self._hosts, key_was_sent=asked.key_was_sent):
                raise refusal
            if not self._is_download(target):
                return self._there(target, what)
            question = evolve(question, url=target)
        raise too_many_hops(url)

    def _here(self, url: str, response: Response, asked: Asked) -> Location:
        """The file itself: how servers answer that have no storage host."""
        if response.status not in _FILE:
            raise error_of(response, asked)
        if is_markup(response) or "json" in response.headers.get("content-type", "").lower():
            raise no_api(response, asked)
        headers = self._asker.headers_for(url)
        return Location(url=url, headers=headers, public_only=not self._asker.may_be_private(url))

    def _there(self, target: str, what: str) -> Location:
        """On a storage host: it refuses who shows it a key, and it has no business with ours."""
        if self._hosts.is_page(target):
            raise CivitaiGarbled(
                f"Asked for {what}, Civitai sends us to a page for people instead of a file. Try "
                "again later; if it repeats, look at the model's page.",
                {"wanted": what},
            )
        return Location(url=target, public_only=not self._asker.may_be_private(target))

    def _is_download(self, target: str) -> bool:
        """Whether another of Civitai's own addresses is to be asked: another host, a slash."""
        is_civitais = self._hosts.is_page(target) or self._hosts.is_trusted(target)
        return is_civitais and _DOWNLOADS in urlsplit(target).path

    def _explained(self, refusal: CivitaiRefused, version_id: int, abort: Abort) -> CivitaiRefused:
        if not isinstance(refusal, AccessDenied | PaidAccess):
            return refusal
        what = f"version {version_id}"

        def ask(base: str) -> object:
            url = f"{base}/model-versions/{version_id}"
            return self._api.get(url, (), what=what, abort=abort)

        try:
            version = version_in(self._api.anywhere(ask))
        except (CivitaiError, CivitaiNotFound):
            return refusal
        return refusal if version is None else explained(refusal, version, self._clock.now())
