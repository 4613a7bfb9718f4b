"""How Civitai says no, in its own words; each of these was told by its source or by its users."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from stablequeue_core.testing.civitai_simulator.exchange import (
    NOT_STORED,
    Answer,
    Refusal,
    error,
    html_answer,
    json_answer,
)
from stablequeue_core.testing.civitai_simulator.times import moment


def bad_id() -> Refusal:
    """By-id routes: one string for people."""
    return error(400, "✖ Invalid input: expected number, received NaN\n  → at id")


def bad_parameter(name: str, code: str, message: str) -> Refusal:
    """Lists: what their validation raises, as an object."""
    problems = [{"code": code, "path": [name], "message": message}]
    said = {"name": "ZodError", "message": json.dumps(problems, indent=2)}
    return Refusal(json_answer({"error": said}, 400))


def bad_cursor(received: int) -> Refusal:
    """The layer below says ``message`` where others say ``error``."""
    text = f"Invalid cursor: expected 3 value(s) for this sort, received {received}"
    return Refusal(json_answer({"message": text}, 400))


def bad_hashes(index: int | None) -> Refusal:
    """The hash look-ups for many: a list that is none, too long, or with something else in it."""
    path = [] if index is None else [index]
    problems = [{"code": "custom", "path": path, "message": "Invalid hash"}]
    listed = ",\n  ".join(json.dumps(each, separators=(",", ":")) for each in problems)
    return error(400, f"Request must include an array of SHA256 Hashes. [\n  {listed}\n]")


def page_with_query() -> Refusal:
    """A text search goes by cursors alone."""
    return error(400, "Cannot use page param with query search. Use cursor-based pagination.")


def too_many_pages() -> Refusal:
    """No rate limit, although it looks like one: it never heals."""
    return error(429, "You've requested too many pages, please use cursors instead")


def unauthorized() -> Refusal:
    """Nobody's key, where somebody's is needed."""
    return error(401, "Unauthorized")


def no_model(model_id: int) -> Refusal:
    """An unknown model."""
    return error(404, f"No model with id {model_id}")


def no_version() -> Refusal:
    """An unknown version, or an unknown hash."""
    return error(404, "Model not found")


def no_file_at_all() -> Refusal:
    """A version without any file."""
    return error(404, "Missing model file")


def wrong_method() -> Refusal:
    """Only some routes care."""
    return error(405, "Method not allowed")


def no_such_page() -> Answer:
    """Nothing is at this address."""
    return html_answer("<!DOCTYPE html><html><head><title>404</title></head></html>", 404)


def login_page() -> Answer:
    """Where a browser is sent to: no error, for a program that looks at the status only."""
    page = (
        "<!DOCTYPE html><html><head><title>Sign in</title></head>"
        '<body><div id="__next"></div></body></html>\n'
    )
    return html_answer(page)


def challenge() -> Answer:
    """The firewall at the edge does not like the look of the client."""
    page = (
        "<!DOCTYPE html>\n<html><head><title>Attention Required!</title></head>"
        "<body>Sorry, you have been blocked</body></html>\n"
    )
    return html_answer(page, 403)


def edge_error(status: int) -> Answer:
    """The proxy at the edge did not get an answer from what is behind it."""
    title = {502: "Bad gateway", 503: "Service unavailable", 504: "Gateway time-out"}.get(
        status, "Web server is returning an unknown error"
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en-US">\n'
        f"<head><title>civitai.com | {status}: {title}</title></head>\n"
        f"<body><h1>{title} <span>Error code {status}</span></h1></body>\n</html>\n"
    )
    return html_answer(page, status)


def server_error(status: int, path: str) -> Answer:
    """An exception inside Civitai; the routes of versions have their own words for it."""
    if "/model-versions/" in path:
        return json_answer({"error": "Failed to fetch model version details"}, status)
    said = {"message": "An unexpected error occurred", "error": "connect ETIMEDOUT"}
    return json_answer(said, status)


def busy(path: str) -> Answer:
    """Come back in two seconds."""
    if path.endswith("/models"):
        text = "Model search is temporarily overloaded — please retry."
    else:
        text = "Server busy, please retry shortly."
    return json_answer({"error": text}, 503, {"Retry-After": "2", "Cache-Control": "no-store"})


def too_many_requests(retry_after: float | None) -> Answer:
    """A rate limit; only some routes say how long to wait."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return json_answer({"error": "Rate limit exceeded, please retry shortly."}, 429, headers)


def _download(status: int, said: str, **more: Any) -> Refusal:
    return Refusal(json_answer({"error": said, **more}, status, NOT_STORED))


def blocked() -> Refusal:
    """Downloads: this account, or this address, gets nothing any more."""
    return _download(403, "Forbidden")


def too_many_downloads() -> Refusal:
    """Downloads: a limit that never says how long to wait."""
    return _download(
        429,
        "We've noticed an unusual amount of downloading from your account. "
        "Contact support@civitai.com or come back later.",
    )


def no_such_file() -> Refusal:
    """Downloads: no file of the version is like that; may heal, too."""
    answer = json_answer({"error": "File not found"}, 404, {"Cache-Control": "private, no-store"})
    return Refusal(answer)


def archived() -> Refusal:
    """Downloads: its files are gone."""
    return _download(410, "Model archived, not available for download")


def early_access(deadline: datetime | None) -> Refusal:
    """Downloads: only for those who paid; without a deadline for good."""
    until = {} if deadline is None else {"deadline": moment(deadline)}
    text = "This asset is in Early Access. You can use Buzz access it now!"
    return _download(403, "Early Access", **until, message=text)


def no_access() -> Refusal:
    """Downloads: not for this account, and nobody says why."""
    return _download(403, "You do not have access to download this file")


def login_needed() -> Refusal:
    """Downloads: nobody gets anything without a key."""
    text = "The creator of this asset requires you to be logged in to download it"
    return _download(401, "Unauthorized", message=text)


def downloads_disabled() -> Refusal:
    """Downloads: it may be used at Civitai only."""
    text = "The creator of this asset has disabled downloads on this file"
    return _download(401, "Unauthorized", message=text)
