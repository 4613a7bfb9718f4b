"""From any way to say a checkpoint to the one that a server understands.

A server takes only its own exact spellings, and silently renders with another model when it is
given anything else. So a name is looked up here first; what fits nothing, or two, is refused.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import frozen

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models.paths import comparable, split_hash, stem
from stablequeue_core.servers import ListedCheckpoint

_HEX = re.compile(r"[0-9a-fA-F]{10,64}")
_ABSOLUTE = re.compile(r"[A-Za-z]:[/\\]|[/\\]+[^/\\]+[/\\]+[^/\\]+[/\\]")
"""With a drive, or at least two folders deep: `/Pony/x` is how some clients write `Pony/x`."""

_MODELS_FOLDERS = frozenset({"stable-diffusion", "checkpoints", "models", "unet"})
"""What a path on some machine may have just above the part that servers know."""

_SHORT_HASH = 10
_NEAREST = 10


@frozen
class Resolution:
    """Which of the server's checkpoints was meant, and how that was found.

    Attributes:
        checkpoint: the server's own entry.
        reason: in what the two names agree, for people.
        digest: the hash that came with the name, in lower case; None when there was none.
    """

    checkpoint: ListedCheckpoint
    reason: str
    digest: str | None = None


class CheckpointNames:
    r"""The names of one server's checkpoints, ready to be looked up.

    Example:
        >>> names = CheckpointNames("Laptop", [ListedCheckpoint(title=r"Pony\x.safetensors",
        ...                                                     model_name="Pony_x")])
        >>> names.resolve("Pony/x.safetensors").checkpoint.name
        'Pony\\x.safetensors'
    """

    def __init__(self, server: str, listed: Iterable[ListedCheckpoint]) -> None:
        self._server = server
        self._listed = tuple(listed)
        self._by_path = _index(self._listed, lambda c: comparable(c.name))
        self._by_folded_path = _index(self._listed, lambda c: comparable(c.name).casefold())
        self._by_bare_path = _index(self._listed, lambda c: _bare(comparable(c.name)).casefold())
        self._by_file_name = _index(
            self._listed, lambda c: comparable(c.name).rpartition("/")[2].casefold()
        )
        self._by_stem = _index(self._listed, lambda c: stem(comparable(c.name)).casefold())
        self._by_model_name = _index(self._listed, lambda c: comparable(c.model_name))

    def resolve(self, wanted: str) -> Resolution:
        """The checkpoint that ``wanted`` means.

        Args:
            wanted: a title, a path with either separator, relative or absolute, a file name with
                or without extension, or a hash (10 to 64 hex digits).

        Raises:
            NotOnServer: nothing fits; the error lists what there is, nearest names first.
            AmbiguousName: more than one file fits; the error lists them.
        """
        name, digest = split_hash(wanted.strip())
        if digest is not None and len(digest) < _SHORT_HASH:
            # The old hash, of eight digits: it collides, and the server does not list it.
            digest = None
        for reason, found in self._ways(name):
            fitting = [c for c in found if digest is None or _may_have(c, digest)]
            if len(fitting) == 1:
                return Resolution(fitting[0], reason, digest)
            if fitting:
                titles = sorted(c.title for c in fitting)
                raise AmbiguousName("checkpoint", wanted, titles, self._server)
        raise NotOnServer("checkpoint", wanted, self.nearest(name), self._server)

    def nearest(self, wanted: str) -> list[str]:
        """All names, those most like ``wanted`` first."""
        names = [c.name for c in self._listed]
        return nearest_first(wanted, names)

    def _ways(self, name: str) -> Iterator[tuple[str, Sequence[ListedCheckpoint]]]:
        """Each way to read ``name``, surest first, with what it finds."""
        path = comparable(name)
        folded = path.casefold()
        yield "same path", self._by_path.get(path, ())
        yield "same path but for upper and lower case", self._by_folded_path.get(folded, ())
        parts = folded.split("/")
        is_absolute = _ABSOLUTE.match(name) is not None
        for start in range(1, len(parts)):
            # Some machine's own path: its tail may be the server's relative path. Any other is
            # never cut: `SDXL/x` is not the `x` of another folder.
            if is_absolute or parts[start - 1] in _MODELS_FOLDERS:
                tail = "/".join(parts[start:])
                yield "end of the path", self._by_folded_path.get(tail, ())
        if len(parts) > 1:
            yield "same path without extension", self._by_bare_path.get(folded, ())
        yield "same end of the path", self._ending(self._by_file_name, parts, with_extension=True)
        # Together, for the server keeps them in one table: what fits by either may be meant.
        by_stem = self._ending(self._by_stem, parts, with_extension=False)
        by_model_name = self._by_model_name.get(path, ()) if path else ()
        yield "same model name", [*by_stem, *(c for c in by_model_name if c not in by_stem)]
        if _HEX.fullmatch(name):
            wanted = name.lower()
            yield "same hash", [c for c in self._listed if _has(c, wanted)]

    def _ending(
        self,
        by_last_part: dict[str, list[ListedCheckpoint]],
        parts: Sequence[str],
        *,
        with_extension: bool,
    ) -> list[ListedCheckpoint]:
        """The checkpoints whose path ends with all of ``parts``."""
        ending = "/" + "/".join(parts)
        found = []
        for checkpoint in by_last_part.get(parts[-1], ()):
            path = comparable(checkpoint.name).casefold()
            if ("/" + (path if with_extension else _bare(path))).endswith(ending):
                found.append(checkpoint)
        return found


def nearest_first(wanted: str, names: Iterable[str]) -> list[str]:
    """All of ``names``, those most like ``wanted`` first.

    Example:
        >>> nearest_first("euler", ["DDIM", "Euler a", "Euler"])[:2]
        ['Euler', 'Euler a']
    """
    unique = sorted(set(names))
    by_fold = {name.casefold(): name for name in unique}
    close = difflib.get_close_matches(wanted.casefold(), by_fold, n=_NEAREST, cutoff=0.4)
    first = [wanted] if wanted in unique else []
    first += [by_fold[fold] for fold in close if by_fold[fold] != wanted]
    return first + [name for name in unique if name not in first]


def _index(
    listed: Iterable[ListedCheckpoint], key: Callable[[ListedCheckpoint], str]
) -> dict[str, list[ListedCheckpoint]]:
    table: dict[str, list[ListedCheckpoint]] = defaultdict(list)
    for checkpoint in listed:
        table[key(checkpoint)].append(checkpoint)
    return dict(table)


def _bare(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return folder + slash + stem(path)


def _has(checkpoint: ListedCheckpoint, digest: str) -> bool:
    known = checkpoint.sha256 or checkpoint.shorthash or ""
    return bool(known) and (known.startswith(digest) or digest.startswith(known))


def _may_have(checkpoint: ListedCheckpoint, digest: str) -> bool:
    """A file that the server has not hashed yet may be the one."""
    return not (checkpoint.sha256 or checkpoint.shorthash) or _has(checkpoint, digest)
