"""Every checkpoint that is known, from the local folders and from the servers' lists, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from attrs import define, field, frozen

from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.models.model import Model
from stablequeue_core.models.naming.name_table import may_have_same_hash
from stablequeue_core.models.paths import comparable, stem
from stablequeue_core.servers import Inventory, ListedCheckpoint


@frozen(kw_only=True)
class CachedModel:
    """A checkpoint file, as all who know it call it.

    Attributes:
        id: of the local model; one that no local folder has gets a number behind theirs.
        name: the file's name without folder and extension.
        path: below the local root, or the server's folder, with forward slashes.
        normalized_path: the name that the first server which knows it must be sent; ``path`` where
            none does.
        hash: the first ten digits of its SHA-256, as a server or we know it; else None.
        title: that server's own, None where no server knows it.
        aliases: the path with either separator, and every spelling of it, each once.
        servers: the aliases of the servers that list it.
    """

    id: int
    name: str
    path: str
    normalized_path: str
    hash: str | None
    title: str | None
    aliases: tuple[str, ...]
    servers: tuple[str, ...]


def merged(models: Iterable[Model], inventories: Mapping[str, Inventory]) -> Sequence[CachedModel]:
    """One list of local checkpoints and of what servers list.

    A server's file is a local one, or one of another server's, if its path is the same and the
    hashes do not forbid it, or else if it has the same SHA-256.

    Args:
        models: the local ones, in the order in which they shall come.
        inventories: what servers have, by alias.

    Example:
        >>> listed = ListedCheckpoint(title="Pony/x.safetensors", model_name="Pony_x")
        >>> [known] = merged([], {"Laptop": Inventory(checkpoints=(listed,))})
        >>> known.name, known.servers
        ('x', ('Laptop',))
    """
    merger = _Merger()
    for model in models:
        merger.add(_Entry(path=model.path, sha256=model.hashes.sha256, id=model.id))
    for server, inventory in inventories.items():
        merger.add_listed(server, inventory.checkpoints)
    return merger.merged()


@define(eq=False)
class _Entry:
    path: str
    sha256: str | None = None
    id: int | None = None
    listed: dict[str, ListedCheckpoint] = field(factory=dict)

    @property
    def digest(self) -> str | None:
        digests = (checkpoint.digest for checkpoint in self.listed.values())
        return self.sha256 or next((digest for digest in digests if digest), None)


class _Merger:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._by_path: dict[str, list[_Entry]] = {}
        self._by_hash: dict[str, list[_Entry]] = {}

    def add(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._by_path.setdefault(comparable(entry.path), []).append(entry)
        self._note_hash(entry)

    def add_listed(self, server: str, listed: Sequence[ListedCheckpoint]) -> None:
        # All paths first: a copy elsewhere must not take the place of the file itself.
        rest = [c for c in listed if not self._joined(server, c, self._by_path, comparable(c.name))]
        for checkpoint in rest:
            short = _short(checkpoint.digest)
            if not (short and self._joined(server, checkpoint, self._by_hash, short)):
                self.add(_Entry(path=comparable(checkpoint.name), listed={server: checkpoint}))

    def merged(self) -> list[CachedModel]:
        behind = count(max((entry.id or 0 for entry in self._entries), default=0) + 1)
        return [_shown(entry, entry.id or next(behind)) for entry in self._entries]

    def _joined(
        self, server: str, checkpoint: ListedCheckpoint, index: dict[str, list[_Entry]], key: str
    ) -> bool:
        """Whether the server's file is one that is known; it is added to that one."""
        for entry in index.get(key, ()):
            if server not in entry.listed and may_have_same_hash(entry.digest, checkpoint.digest):
                entry.listed[server] = checkpoint
                self._note_hash(entry)
                return True
        return False

    def _note_hash(self, entry: _Entry) -> None:
        short = _short(entry.digest)
        if short:
            known = self._by_hash.setdefault(short, [])
            if entry not in known:
                known.append(entry)


def _shown(entry: _Entry, number: int) -> CachedModel:
    first = next(iter(entry.listed.values()), None)
    listed = [checkpoint.name for checkpoint in entry.listed.values()]
    spellings = [entry.path, entry.path.replace("/", "\\"), *listed]
    digests = [checkpoint.digest for checkpoint in entry.listed.values()]
    return CachedModel(
        id=number,
        name=stem(entry.path),
        path=entry.path,
        normalized_path=first.name if first else entry.path,
        hash=next((_short(digest) for digest in digests if digest), _short(entry.sha256)),
        title=first.title if first else None,
        aliases=tuple(dict.fromkeys(spellings)),
        servers=tuple(entry.listed),
    )


def _short(digest: str | None) -> str | None:
    return digest[:AUTOV2_CHARS] if digest else None
