"""Why Civitai says no: told by its answer, and explained by what it tells of the version. Pure.

The answer decides. What a version tells of itself may be out of date in either direction, so it
stops nobody from asking; it only says why, where an answer does not.
"""

from __future__ import annotations

from datetime import datetime

from stablequeue_core.civitai.client.saying import is_markup, object_in, said_in
from stablequeue_core.civitai.reading.moments import moment
from stablequeue_core.civitai.records import CivitaiVersion
from stablequeue_core.errors import (
    AccessDenied,
    Archived,
    CivitaiRefused,
    EarlyAccess,
    GenerationOnly,
    LoginNeeded,
    PaidAccess,
)
from stablequeue_core.transport import Response

_DISABLED = "disabled downloads"
_EARLY_ACCESS = "early access"


def refusal_of(
    response: Response, now: datetime, secret: str | None, *, key_was_sent: bool
) -> CivitaiRefused | None:
    """Why an answer says no; None for one that does not."""
    status = response.status
    if status == 451:
        return region_blocked()
    if status not in (401, 402, 403, 410):
        return None
    if is_markup(response):
        return stopped_on_the_way(status)
    said = said_in(response, secret)
    if status == 410:
        return Archived()
    if status == 402:
        return PaidAccess()
    if _DISABLED in said.lower():
        return GenerationOnly()
    if status == 401:
        return LoginNeeded(key_was_sent=key_was_sent)
    if _EARLY_ACCESS in said.lower():
        return _early_access(response, now)
    return AccessDenied(said)


def closed(version: CivitaiVersion, now: datetime) -> CivitaiRefused | None:
    """Why a version cannot be had, by what it tells of itself; None: it seems to be open."""
    if version.is_archived:
        return Archived()
    if not version.is_for_download:
        return GenerationOnly()
    if version.is_sold:
        return PaidAccess()
    until = version.early_access_until
    return EarlyAccess(until) if until is not None and until > now else None


def explained(refusal: CivitaiRefused, version: CivitaiVersion, now: datetime) -> CivitaiRefused:
    """The refusal, in the words of what the version tells of itself where it has none of its own.

    Early access without a date is how Civitai answers for what is sold; what the version says of
    an end to it is more than that.
    """
    if isinstance(refusal, AccessDenied | PaidAccess):
        return closed(version, now) or refusal
    return refusal


def stopped_on_the_way(status: int) -> CivitaiRefused:
    """A firewall before Civitai answered, with a page for browsers."""
    return CivitaiRefused(
        f"Something before Civitai refuses the request with a page for browsers (status {status}): "
        "its firewall, or a proxy of your network. It may not like this region or network (try "
        "without a VPN), or programs that are no browser; Civitai itself was not reached.",
        {"status": status, "reason": STOPPED},
    )


def region_blocked() -> CivitaiRefused:
    """Civitai does not answer to some countries."""
    return CivitaiRefused(
        "Civitai is blocked in the region that this request comes from, and answers with a page "
        "that says so. Its other host may answer: see STABLEQUEUE_CIVITAI_URL.",
        {"reason": REGION},
    )


STOPPED = "stopped_on_the_way"
REGION = "region_blocked"


def is_of_the_place(refusal: CivitaiRefused) -> bool:
    """Whether it was the place that was refused, and not the thing asked for."""
    return refusal.details.get("reason") in (STOPPED, REGION)


def _early_access(response: Response, now: datetime) -> CivitaiRefused:
    deadline = object_in(response).get("deadline")
    if not isinstance(deadline, str):
        return PaidAccess()
    until = moment(deadline)
    # A date that is over tells nothing: the answer decides, and it says no.
    return EarlyAccess(until if until is not None and until > now else None)
