"""What an explanation's table has no room for: what is alike is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import field, frozen

from stablequeue_core import Server
from stablequeue_flask.plain_text import printable

if TYPE_CHECKING:
    from stablequeue_core.dispatch.explaining.explanation import ServerOutlook

_NAME, _ADDRESS = "\0", "\1"
"""They stand in a sentence where a server's name and address were; servers send neither."""


def remarks(servers: Sequence[tuple[ServerOutlook, Server]], why: str) -> Iterator[str]:
    """What the servers lack and what else is to be known of them, as far as ``why`` does not tell.

    Sentences that differ only by the server's name and address are one, with all the names.

    Args:
        servers: what each could do, and where it is.
        why: what is said already.
    """
    alike: dict[str, _Remark] = {}
    for outlook, server in servers:
        for sentence in dict.fromkeys(filter(None, (*outlook.missing, outlook.note))):
            pattern = _without(sentence, server)
            remark = alike.setdefault(pattern, _Remark(sentence, _NAME in pattern))
            remark.said_of.append(server.alias)
            remark.sentences.append(sentence)
    for remark in alike.values():
        if not any(sentence in why for sentence in remark.sentences):
            yield printable(remark.told())


@frozen
class _Remark:
    """A sentence, and of whom it is true.

    Attributes:
        first: as it is said of the first of them.
        names_it: whether the sentence itself says whom it is about.
        said_of: the names of all of them ...
        sentences: ... and the sentence as it is said of each.
    """

    first: str
    names_it: bool
    said_of: list[str] = field(factory=list)
    sentences: list[str] = field(factory=list)

    def told(self) -> str:
        """The sentence with all the names."""
        if not self.names_it:
            return f"{', '.join(self.said_of)}: {self.first}"
        others = ", ".join(map(repr, self.said_of[1:]))
        return f"{self.first} The same goes for {others}." if others else self.first


def _without(sentence: str, server: Server) -> str:
    """The sentence without whom it is about, to compare it with others."""
    parts = urlsplit(server.api_url)
    unnamed = sentence.replace(repr(server.alias), _NAME)
    for address in (parts.netloc, parts.hostname or ""):
        # Not in the middle of a word: a host may be called `a`.
        unnamed = re.sub(rf"(?<![\w.-]){re.escape(address)}(?![\w-])", _ADDRESS, unnamed)
    return unnamed
