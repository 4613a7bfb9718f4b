"""What many servers have in common is said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from attrs import field, frozen

from stablequeue_core.quantities import few
from stablequeue_core.servers import Server

MOST_NAMED = 3
"""So many servers are named of those that something else goes for, too."""

_NAME, _ADDRESS, _TIME = "\0", "\1", "\2"
"""They stand in a sentence where a server's name, its address and a time were."""

_TIMES = re.compile(r"\babout (?:a second|\d[\d.]* (?:s|min|h)\b)")


@frozen
class Shared:
    """A sentence, and of which servers it is true.

    Attributes:
        pattern: the sentence without whom it is about, and without how long things take.
        servers: the names of all of them ...
        sentences: ... and the sentence as it is said of each.
    """

    pattern: str
    servers: list[str] = field(factory=list)
    sentences: list[str] = field(factory=list)

    def told(self) -> str:
        """The sentence, as it is said of the first of them, and for which others it goes."""
        names_it = _NAME in self.pattern
        if self._is_one and not names_it:
            return f"{few(self.servers, MOST_NAMED)}: {self.sentences[0]}"
        first = self.sentences[0] if names_it else f"{self.servers[0]}: {self.sentences[0]}"
        others = few([repr(each) for each in self.servers[1:]], MOST_NAMED)
        if not others:
            return first
        goes = "The same goes" if self._is_one else "With other times, the same goes"
        return f"{first} {goes} for {others}."

    @property
    def _is_one(self) -> bool:
        """Whether it is said of all of them with the same times, or with none."""
        return len({tuple(_TIMES.findall(sentence)) for sentence in self.sentences}) == 1


def shared(said: Iterable[tuple[Server, str]]) -> Iterator[Shared]:
    """Each sentence once, in the order in which they come.

    Those that differ only by the server's name and address, and by how long something takes, are
    one.

    Args:
        said: sentences, and which server each is about.
    """
    alike: dict[str, Shared] = {}
    for server, sentence in said:
        pattern = _without(sentence, server)
        one = alike.setdefault(pattern, Shared(pattern))
        one.servers.append(server.alias)
        one.sentences.append(sentence)
    yield from alike.values()


def _without(sentence: str, server: Server) -> str:
    """The sentence without whom it is about, to compare it with others."""
    parts = urlsplit(server.api_url)
    unnamed = sentence.replace(repr(server.alias), _NAME)
    for address in (parts.netloc, parts.hostname or ""):
        # Not in the middle of a word: a host may be called `a`.
        unnamed = re.sub(rf"(?<![\w.-]){re.escape(address)}(?![\w-])", _ADDRESS, unnamed)
    return _TIMES.sub(_TIME, unnamed)
