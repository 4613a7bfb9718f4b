"""What an explanation's table has no room for: what is alike is said once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stablequeue_core import Server
from stablequeue_flask.plain_text import printable

if TYPE_CHECKING:
    from stablequeue_core.dispatch.explaining.explanation import ServerOutlook


def remarks(servers: Sequence[tuple[ServerOutlook, Server]], why: str) -> Iterator[str]:
    """What the servers lack and what else is to be known of them, as far as ``why`` does not tell.

    Sentences that differ only by the server's name and address are one, with the first names.

    Args:
        servers: what each could do, and where it is.
        why: what is said already.
    """
    from stablequeue_core.dispatch.explaining.alike import shared

    said = [
        (server, sentence)
        for outlook, server in servers
        for sentence in dict.fromkeys(filter(None, (*outlook.missing, outlook.note)))
    ]
    for each in shared(said):
        if not any(sentence in why for sentence in each.sentences):
            yield printable(each.told())
