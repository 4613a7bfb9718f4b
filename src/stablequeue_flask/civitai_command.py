"""The ``stablequeue civitai`` commands: does it know us?"""

from __future__ import annotations

from contextlib import closing

import click

from stablequeue_core import Settings
from stablequeue_flask.opening import told_in_one_sentence
from stablequeue_flask.plain_text import printable, say

ACTIVE = "active"


@click.group()
def civitai() -> None:
    """Ask Civitai about ourselves."""


@civitai.command()
def account() -> None:
    """Ask Civitai whether it accepts our API key.

    And whose it is: that in CIVITAI_API_KEY. A wrong key is otherwise hard to notice: Civitai then
    answers as it does to everybody.
    """
    from stablequeue_core.civitai.client import CivitaiClient
    from stablequeue_core.transport.requests_transport import RequestsTransport

    with (
        told_in_one_sentence(),
        closing(RequestsTransport()) as transport,
        closing(CivitaiClient(transport, Settings.from_environment())) as client,
    ):
        found = client.account()
    tier = f", tier {printable(found.tier)}" if found.tier else ""
    say(f"Civitai accepts the key: it is that of {printable(found.username)}{tier}.")
    if found.status not in ("", ACTIVE):
        say(f"But the account is {printable(found.status)}; Civitai may refuse what it asks for.")
