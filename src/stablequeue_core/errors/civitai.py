"""What Civitai refuses, or cannot answer; as in its own source (``src/pages/api``, ebed6616).

A refusal is for good, as far as asking again goes: what has to change is told by its sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stablequeue_core.errors.base import MOST_CANDIDATES, NotFound, StableQueueError
from stablequeue_core.quantities import few


class InvalidCivitaiLink(StableQueueError):
    """The text names nothing at Civitai; nobody was asked."""

    code = "invalid_civitai_link"

    def __init__(self, text: str, wanted: str = "a model, a version or an image") -> None:
        """Tell what would have been understood.

        Args:
            text: as it was given.
            wanted: what it should name.
        """
        shown = text if len(text) <= 120 else f"{text[:119]}…"
        super().__init__(
            f"{shown!r} does not name {wanted} at Civitai. Give the number of a version, the "
            "address of its page at civitai.com or civitai.red, or its AIR (urn:air:…@…).",
            {"link": shown},
        )


class CivitaiNotFound(NotFound):
    """Civitai has nothing of this id or hash, or does not show it to us."""

    code = "civitai_not_found"

    def __init__(self, what: str) -> None:
        """Tell what is not there.

        Args:
            what: with its article or number: ``version 700201``, ``an image with the id 7``.
        """
        super().__init__(
            f"Civitai has no {what}. It may have been removed, or be hidden from this region or "
            "account; check the number and the API key.",
            {"wanted": what},
        )


class NotIdentified(CivitaiNotFound):
    """Civitai does not know a file by its hash, and its name means no one file for certain."""

    code = "not_identified"

    def __init__(self, filename: str, candidates: Sequence[Mapping[str, Any]]) -> None:
        """Tell which it may be.

        Args:
            filename: of the model.
            candidates: what is called alike: ``version_id``, ``model_id``, ``name``, ``version``
                and ``filename`` of each, nearest first.
        """
        if candidates:
            listed = [f"{each['version_id']} ({each['name']!r})" for each in candidates]
            rest = (
                "and no single one at Civitai must be meant by its name and size. If it is one of "
                f"these versions, pin it: {few(listed, MOST_CANDIDATES)}."
            )
        else:
            rest = "and nothing there is called so. If you know which version it is, pin that."
        super(CivitaiNotFound, self).__init__(
            f"Civitai does not know {filename!r} by its hash, {rest}",
            {"wanted": filename, "candidates": [dict(each) for each in candidates]},
        )


class CivitaiError(StableQueueError):
    """Civitai did not do what it was asked for."""

    code = "civitai_error"


class CivitaiUnavailable(CivitaiError):
    """Civitai cannot be reached, is too busy, or broke; the same may work in a while."""

    code = "civitai_unavailable"


class CivitaiGarbled(CivitaiError):
    """What answered is not Civitai's API: a page for people, a proxy, or far too much."""

    code = "civitai_garbled"


class CivitaiRefused(CivitaiError):
    """Civitai understood, and said no; asking again changes nothing."""

    code = "civitai_refused"


class LoginNeeded(CivitaiRefused):
    """Civitai gives this only to somebody with an account."""

    code = "login_needed"

    def __init__(self, *, key_was_sent: bool) -> None:
        """Tell what to do.

        Args:
            key_was_sent: whether we had an API key to show.
        """
        if key_was_sent:
            sentence = (
                "Civitai does not accept the API key: it is wrong, was revoked, or its account may "
                "not do this. Make a new one at https://civitai.com/user/account and set "
                "CIVITAI_API_KEY to it."
            )
        else:
            sentence = (
                "Civitai wants to know who asks. Make an API key at "
                "https://civitai.com/user/account and set CIVITAI_API_KEY to it."
            )
        super().__init__(sentence, {"key_was_sent": key_was_sent})


class EarlyAccess(CivitaiRefused):
    """Only those who paid may have it yet.

    Attributes:
        until: when it opens for everybody; None when nobody says.
    """

    code = "early_access"

    def __init__(self, until: datetime | None) -> None:
        self.until = until
        opens = f"It opens for everybody on {until:%d %B %Y at %H:%M} UTC" if until else ""
        sentence = "This is in early access at Civitai: only those who bought access may have it. "
        rest = f"{opens}; retry then, or buy access." if until else "Buy access, or wait for it."
        details = {"until": until.isoformat() if until else None}
        super().__init__(sentence + rest, details)


class PaidAccess(CivitaiRefused):
    """Only those who paid may have it, for good."""

    code = "paid_access"

    def __init__(self) -> None:
        super().__init__(
            "This is sold at Civitai, and this account has not bought it. Buy access on its page, "
            "then retry."
        )


class GenerationOnly(CivitaiRefused):
    """Its creator lets it be used at Civitai only."""

    code = "generation_only"

    def __init__(self) -> None:
        super().__init__(
            "Its creator has disabled downloads: it can only be used on Civitai itself. Choose "
            "another version or model."
        )


class Archived(CivitaiRefused):
    """Its creator has put it away; its files are gone from Civitai."""

    code = "archived"

    def __init__(self) -> None:
        super().__init__(
            "This model is archived at Civitai, and its files cannot be had there any more. Look "
            "for another version, or for a copy elsewhere."
        )


class AccessDenied(CivitaiRefused):
    """This account may not have it, and Civitai does not say why."""

    code = "access_denied"

    def __init__(self, said: str = "") -> None:
        """Tell it in Civitai's words.

        Args:
            said: what it answered.
        """
        quoted = f" It says: {said[:200]!r}." if said else ""
        super().__init__(
            f"Civitai does not give this to this account.{quoted} Look at its page while logged in "
            "with the account of the API key.",
            {"said": said[:200]},
        )
