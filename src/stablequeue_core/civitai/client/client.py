"""Civitai's public API, version 1, as Python calls with typed answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stablequeue_core.civitai.client.api import CivitaiApi, Query
from stablequeue_core.civitai.client.asking import Asker
from stablequeue_core.civitai.client.calls import Calls, sound
from stablequeue_core.civitai.client.hosts import CivitaiHosts
from stablequeue_core.civitai.client.limiter import Limiter
from stablequeue_core.civitai.client.locating import Locator
from stablequeue_core.civitai.client.picture_fetching import PictureFetcher
from stablequeue_core.civitai.pictures import sized
from stablequeue_core.civitai.reading.digests import askable, askable_sha256s, has_digest
from stablequeue_core.civitai.reading.models import (
    account_in,
    candidates_in,
    images_in,
    model_in,
    models_in,
    version_in,
    versions_in,
)
from stablequeue_core.civitai.records import (
    CivitaiAccount,
    CivitaiImage,
    CivitaiModel,
    CivitaiVersion,
)
from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.downloads import Location
from stablequeue_core.errors import CivitaiNotFound, LoginNeeded
from stablequeue_core.models import CivitaiCandidate
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Transport

HASHES_A_CALL = 10_000
"""Civitai takes no more when it answers with ids ..."""

VERSIONS_A_CALL = 100
"""... or with versions ..."""

MODELS_A_CALL = 100
"""... or with models."""

_SEARCH_RESULTS = 20
_ALL_LEVELS = ("nsfw", "true")  # absent, it means: nothing but PG

_RATE, _BURST = 4.0, 4
"""Requests a second. Civitai publishes no limit, and asks for politeness."""

_PICTURE_RATE, _PICTURE_BURST = 16.0, 16
"""Its CDN is made for pages that show a hundred pictures."""


class CivitaiClient:
    """Civitai. Safe to use from several threads at once; they share one limiter.

    Everything that it raises is a :class:`~stablequeue_core.errors.CivitaiError`, a
    :class:`~stablequeue_core.errors.CivitaiNotFound`, or, where a call is given up,
    :class:`~stablequeue_core.errors.TransferAborted`.

    Args:
        transport: carries the requests; it is not closed with the client.
        settings: where Civitai is, and the key.
        clock: the time.

    Example::

        client = CivitaiClient(RequestsTransport(), Settings.from_environment())
        print(client.version(128078).air)
    """

    def __init__(
        self, transport: Transport, settings: Settings, *, clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        hosts = CivitaiHosts(settings)
        asker = Asker(transport, settings, hosts, clock)
        limiter = Limiter(clock, rate=_RATE, burst=_BURST)
        pictures = Limiter(clock, rate=_PICTURE_RATE, burst=_PICTURE_BURST)
        self._has_key = settings.civitai_api_key is not None
        self._first = hosts.bases[0]
        self._api = CivitaiApi(asker, limiter, hosts, clock)
        self._locator = Locator(asker, self._api, limiter, hosts, clock)
        self._pictures = PictureFetcher(asker, pictures, hosts)
        self._calls = Calls(self._api, hosts)

    def close(self) -> None:
        """Give up everything that is under way; safe to call again."""
        self._calls.close()

    def account(self, *, abort: Abort | None = None) -> CivitaiAccount:
        """Whose key it is; the only way to learn that it is a good one.

        Raises:
            LoginNeeded: there is no key (nobody was asked), or Civitai does not accept it.
        """
        if not self._has_key:
            raise LoginNeeded(key_was_sent=False)
        with self._calls.given_up_by(abort) as given_up:
            url, what = f"{self._first}/me", "account of the API key"
            told = self._api.get(url, (), what=what, abort=given_up)
            return sound(account_in(told), what)

    def model(self, model_id: int, *, abort: Abort | None = None) -> CivitaiModel:
        """A model with its versions.

        Raises:
            CivitaiNotFound: there is none with this id.
        """
        what = f"model {model_id}"
        return self._calls.one(f"/models/{model_id}", (), model_in, what, abort)

    def models(
        self, model_ids: Sequence[int], *, abort: Abort | None = None
    ) -> Sequence[CivitaiModel]:
        """Those of the models that there are, a hundred with each request."""
        wanted = list(dict.fromkeys(model_ids))

        def ask(base: str, some: Sequence[int], given_up: Abort) -> dict[int, CivitaiModel]:
            query = (
                ("ids", ",".join(map(str, some))),
                ("limit", MODELS_A_CALL),
                _ALL_LEVELS,
            )
            what = "models"
            told = self._api.get(f"{base}/models", query, what=what, abort=given_up)
            return {model.id: model for model in sound(models_in(told), what)}

        found = self._calls.all(wanted, MODELS_A_CALL, ask, abort)
        return [found[model_id] for model_id in wanted if model_id in found]

    def version(self, version_id: int, *, abort: Abort | None = None) -> CivitaiVersion:
        """A version with its files.

        Raises:
            CivitaiNotFound: there is none with this id.
        """
        what = f"version {version_id}"
        return self._calls.one(f"/model-versions/{version_id}", (), version_in, what, abort)

    def version_by_hash(self, digest: str, *, abort: Abort | None = None) -> CivitaiVersion:
        """The version of which a file has this hash; the first published of several.

        Args:
            digest: a SHA-256, AutoV3, AutoV2 or AutoV1, told apart by their length.
            abort: gives the call up.

        Raises:
            CivitaiNotFound: no file has it; or only as a hash of another kind, which proves
                nothing.
        """
        digits = askable(digest)
        what = f"file with the hash {digest[:64]!r}"
        if digits is None:
            raise CivitaiNotFound(what)

        def read(told: object) -> CivitaiVersion | None:
            version = version_in(told)
            if version is not None and not has_digest(version, digits):
                raise CivitaiNotFound(what)
            return version

        return self._calls.one(f"/model-versions/by-hash/{digits}", (), read, what, abort)

    def versions_by_hash(
        self, sha256s: Sequence[str], *, abort: Abort | None = None
    ) -> Mapping[str, Sequence[CivitaiVersion]]:
        """The versions that have these files, by SHA-256 in lower case; only hits are keys.

        A hundred with each request. Several versions may have the same file.
        """

        def ask(base: str, some: Sequence[str], given_up: Abort) -> dict[str, list[CivitaiVersion]]:
            url, what = f"{base}/model-versions/by-hash", "versions by hash"
            body = [digest.upper() for digest in some]
            told = self._api.post(url, body, what=what, abort=given_up)
            return _rejoined(sound(versions_in(told), what), some)

        return self._calls.all(askable_sha256s(sha256s), VERSIONS_A_CALL, ask, abort)

    def ids_by_hash(
        self, sha256s: Sequence[str], *, abort: Abort | None = None
    ) -> Mapping[str, tuple[CivitaiCandidate, ...]]:
        """Which versions have these files, by SHA-256 in lower case; only hits are keys.

        Ten thousand with each request: the cheapest way to identify a whole library.
        """

        def ask(
            base: str, some: Sequence[str], given_up: Abort
        ) -> dict[str, tuple[CivitaiCandidate, ...]]:
            url, what = f"{base}/model-versions/by-hash/ids", "ids by hash"
            body = [digest.upper() for digest in some]
            told = self._api.post(url, body, what=what, abort=given_up)
            found, wanted = sound(candidates_in(told), what), set(some)
            return {digest: those for digest, those in found.items() if digest in wanted}

        return self._calls.all(askable_sha256s(sha256s), HASHES_A_CALL, ask, abort)

    def search(
        self, query: str, *, types: Sequence[str] = (), abort: Abort | None = None
    ) -> Sequence[CivitaiModel]:
        """The models that fit some words best.

        Args:
            query: the words.
            types: only these types of Civitai's: ``Checkpoint``, ``LORA`` ...
            abort: gives the call up.
        """
        # A comma list of types is taken for one type, which nothing has.
        asked: Query = (
            ("query", query),
            *(("types", each) for each in types),
            ("limit", _SEARCH_RESULTS),
            _ALL_LEVELS,
        )
        with self._calls.under(abort) as given_up:
            what = "models by name"

            def ask(base: str) -> list[CivitaiModel]:
                told = self._api.get(f"{base}/models", asked, what=what, abort=given_up)
                return sound(models_in(told), what)

            return ask(self._first) or self._api.elsewhere(ask) or []

    def image(self, image_id: int, *, abort: Abort | None = None) -> CivitaiImage:
        """A picture, and how it was made.

        Raises:
            CivitaiNotFound: there is none with this id, or it is hidden: Civitai answers with
                pictures beside it.
        """
        what = f"image {image_id}"
        query = (
            ("imageId", image_id),
            ("withMeta", "true"),
            ("flatMeta", "true"),
            ("nsfw", "X"),
            ("limit", 1),
        )

        def read(told: object) -> CivitaiImage:
            for image in sound(images_in(told), what):
                if image.id == image_id:
                    return image
            raise CivitaiNotFound(what)

        return self._calls.one("/images", query, read, what, abort)

    def picture(
        self, url: str, *, largest: int, width: int | None = None, abort: Abort | None = None
    ) -> bytes:
        """The bytes of a picture or film at Civitai's CDN; a key is never sent there.

        Args:
            url: as Civitai tells it.
            largest: bytes; more are refused.
            width: in pixels, about; None for the original.
            abort: gives the call up.

        Raises:
            CivitaiGarbled: the address is of another host, or what is there is no picture, or too
                large.
            CivitaiNotFound: it is not there any more.
        """
        with self._calls.given_up_by(abort) as given_up:
            return self._pictures.fetch(
                url if width is None else sized(url, width), largest, given_up
            )

    def locate(self, version_id: int, file_id: int | None, *, abort: Abort) -> Location:
        """A link to a model file, good for a while.

        Args:
            version_id: of the version.
            file_id: of one of its files; None for the one that Civitai gives who does not choose.
            abort: gives the call up.

        Raises:
            CivitaiRefused: it is not given to us; the error says why, and what to do.
            CivitaiNotFound: there is no such file.
        """
        with self._calls.given_up_by(abort) as given_up:
            return self._locator.locate(version_id, file_id, given_up)


def _rejoined(
    versions: Sequence[CivitaiVersion], digests: Sequence[str]
) -> dict[str, list[CivitaiVersion]]:
    """Which version is whose: they come without those that nobody has, and in any order."""
    found: dict[str, list[CivitaiVersion]] = {digest: [] for digest in digests}
    for version in versions:
        for digest in {file.hashes.sha256 for file in version.files}:
            if digest in found:
                found[digest].append(version)
    return {digest: those for digest, those in found.items() if those}
