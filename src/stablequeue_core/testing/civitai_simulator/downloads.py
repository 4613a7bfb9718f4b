"""Who may have which file; the answer is a link to the storage, for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from stablequeue_core.clock import Clock
from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.exchange import (
    Answer,
    Place,
    Refusal,
    redirect,
)
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.model_routes import choices, last_id
from stablequeue_core.testing.civitai_simulator.models import SimulatedVersion
from stablequeue_core.testing.civitai_simulator.storage import FileStorage
from stablequeue_core.testing.civitai_simulator.visits import Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld

_BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
_TO_LOGIN = frozenset({"Early Access", "Unauthorized"})
_SIZES = frozenset({"full", "pruned"})
_KINDS: Mapping[str, Callable[[SimulatedFile], str | None]] = {
    "type": lambda file: file.type,
    "format": lambda file: file.format,
    "size": lambda file: file.pruning,
    "fp": lambda file: file.precision,
}


class DownloadGate:
    """Checks in Civitai's own order, then hands out a link."""

    def __init__(self, world: CivitaiWorld, storage: FileStorage, clock: Clock) -> None:
        self._world = world
        self._storage = storage
        self._clock = clock

    def download(self, visit: Visit) -> Answer:
        """``GET /api/download/models/:id``."""
        if visit.incoming.method == "HEAD":
            raise refusals.login_needed()  # whatever key was sent
        try:
            file = self._let_out(visit)
        except Refusal as refusal:
            if _is_browser(visit):
                return _for_browsers(visit, refusal)
            raise
        link = self._storage.link(file, visit.origins.of(Place.STORAGE))
        return redirect(link)

    def _let_out(self, visit: Visit) -> SimulatedFile:
        account = visit.account
        if account is not None and account.is_blocked:
            raise refusals.blocked()
        version_id = last_id(visit)
        choices(visit, "size", _SIZES)
        listing = self._world.listing(version_id)
        if listing is None or not visit.shows(listing.model.only_at_second):
            raise refusals.no_such_file()
        file = _chosen(visit, listing.version)
        if listing.model.is_archived:
            raise refusals.archived()
        has_bought = account is not None and version_id in account.bought
        if not has_bought:
            self._check_paid(listing.version)
        if account is None:
            raise refusals.login_needed()
        if listing.version.usage_control != "Download":
            raise refusals.downloads_disabled()
        return file

    def _check_paid(self, version: SimulatedVersion) -> None:
        if version.is_sold:
            raise refusals.early_access(None)
        until = version.early_access_until
        if until is not None and self._clock.now() < until:
            raise refusals.early_access(until)
        if version.is_private:
            raise refusals.no_access()


def _is_browser(visit: Visit) -> bool:
    """Whether Civitai thinks that a person asks."""
    agent = visit.header("user-agent").lower()
    return any(name in agent for name in _BROWSERS)


def _chosen(visit: Visit, version: SimulatedVersion) -> SimulatedFile:
    """The file that the query means.

    Raises:
        Refusal: it means none.
    """
    wanted = visit.parameter("fileId")
    told = {name: visit.parameter(name) for name in _KINDS if name in visit.parameters}
    if wanted is not None:
        found = [file for file in version.files if str(file.id) == wanted]
    elif told:
        found = [
            file
            for file in version.files
            if file.is_found_by_kind
            and all(_KINDS[name](file) == value for name, value in told.items())
        ]
    else:
        found = [] if version.primary is None else [version.primary]
    if not found:
        raise refusals.no_such_file()
    return found[0]


def _for_browsers(visit: Visit, refusal: Refusal) -> Answer:
    """People are shown the door to the login, or plain text."""
    said = refusal.answer.content.read().decode()
    if any(f'"{reason}"' in said for reason in _TO_LOGIN) and "disabled" not in said:
        query = urlencode({"returnUrl": visit.path, "reason": "download-auth"})
        return redirect(f"{visit.home}/login?{query}")
    status = refusal.answer.status
    return Answer(status=status, content=said.encode(), content_type="text/plain; charset=utf-8")
