"""From any way to say a checkpoint to the one that a server understands.

A server takes only its own exact spellings, and silently renders with another model when it is
given anything else. So a name is looked up here first; what fits nothing, or two, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models.digests import AUTOV1_CHARS, AUTOV2_CHARS, is_hash_of_nothing
from stablequeue_core.models.naming.civitai_versions import civitai_version
from stablequeue_core.models.naming.known_files import NOTHING_KNOWN, KnownFile, KnownFiles
from stablequeue_core.models.naming.name_table import NameTable, may_have_same_hash
from stablequeue_core.models.naming.nearest import near, nearest_first
from stablequeue_core.models.paths import comparable, filename_of, split_title, tails
from stablequeue_core.servers import ListedCheckpoint

_HASH = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{10,64}")
_VERSION_ID = re.compile(r"[0-9]{1,18}")
_MODELS_FOLDERS = frozenset({"stable-diffusion", "checkpoints", "models", "unet"})
"""What a path on some machine may have just above the part that servers know."""


@frozen
class Resolution:
    """Which of the server's checkpoints was meant, and how that was found.

    Attributes:
        checkpoint: the server's own entry.
        reason: in what the two names agree, for people.
        digest: the hash that the file must turn out to have, ten digits or more in lower case: the
            one that came with the name, or the SHA-256 of the local file that was meant. None
            when there is none.
    """

    checkpoint: ListedCheckpoint
    reason: str
    digest: str | None = None


class CheckpointNames:
    r"""The names of one server's checkpoints, ready to be looked up.

    Args:
        server: its alias, for errors.
        listed: its checkpoints.
        known: what the local catalogue knows of hashes and Civitai versions; it is asked only
            when the server's own list does not have the answer.

    Example:
        >>> names = CheckpointNames("Laptop", [ListedCheckpoint(title=r"Pony\x.safetensors",
        ...                                                     model_name="Pony_x")])
        >>> names.resolve("Pony/x.safetensors").checkpoint.name
        'Pony\\x.safetensors'
    """

    def __init__(
        self,
        server: str,
        listed: Iterable[ListedCheckpoint],
        known: KnownFiles = NOTHING_KNOWN,
    ) -> None:
        self._server = server
        self._table = NameTable(listed)
        self._known = known

    def resolve(self, wanted: str) -> Resolution:
        """The checkpoint that ``wanted`` means.

        Args:
            wanted: a title, a path with either separator, relative or absolute, a file name with
                or without extension, a hash (8, or 10 to 64 hex digits), or a Civitai version: its
                id, its resource name or the address of its page.

        Raises:
            NotOnServer: nothing fits; the error lists what there is, nearest names first.
            AmbiguousName: more than one file fits; the error lists them.
        """
        title = split_title(wanted.strip())
        name, digest = title.name, title.digest
        if digest is not None and len(digest) < AUTOV2_CHARS:
            # The old hash, of eight digits: it collides, and the server does not list it.
            digest = None
        version = civitai_version(name)
        if version is not None:
            files = self._known.of_version(version)
            return self._file_among(files, wanted, f"Civitai version {version}")
        for reason, found in self._ways(name):
            fitting = [c for c in found if may_have_same_hash(c.digest, digest)]
            if len(fitting) > 1 and digest is not None:
                # The server has not hashed them all; perhaps we know which of them it is.
                fitting = self._known_among(fitting, digest) or fitting
            if fitting:
                return Resolution(self._only(fitting, wanted), reason, digest)
        if digest is not None and (renamed := self._table.same_hash(digest)):
            return Resolution(self._only(renamed, wanted), "same hash, under another name", digest)
        files = [] if digest is None or is_hash_of_nothing(digest) else self._known.of_hash(digest)
        if files:
            # The server has not hashed it, and calls it otherwise; we know what.
            return self._file_among(files, wanted, f"hash {digest}")
        if digest is None and (_HASH.fullmatch(name) or _VERSION_ID.fullmatch(name)):
            return self._by_number(name, wanted)
        raise self._missing(wanted)

    def of_file(self, file: KnownFile) -> Resolution:
        """The server's entry for a local file: by SHA-256 where the server has it, else by path.

        Raises:
            NotOnServer: the server does not list it; the error lists what there is.
            AmbiguousName: two of the server's files may be it.
        """
        return self._file_among([file], file.path)

    def near(self, wanted: str) -> list[str]:
        """The titles of what is like ``wanted``, most like it first; ten at most."""
        titles = {checkpoint.name: checkpoint.title for checkpoint in self._table.listed}
        return [titles[name] for name in near(wanted, self._table.names)]

    def _ways(self, name: str) -> Iterator[tuple[str, Sequence[ListedCheckpoint]]]:
        """Each way to read ``name`` by the server's own list, surest first, with what it finds."""
        table = self._table
        path = comparable(name)
        folded = path.casefold()
        yield "same path", table.same_path(path)
        yield "same path but for upper and lower case", table.same_folded_path(folded)
        for tail in tails(name, _MODELS_FOLDERS):
            yield "end of the path", table.same_folded_path(tail)
        if "/" in folded:
            yield "same path without extension", table.same_bare_path(folded)
        yield "same end of the path", table.same_end(folded)
        # Together, for the server keeps them in one table: what fits by either may be meant.
        by_stem = table.same_bare_end(folded)
        by_model_name = table.same_model_name(path)
        yield "same model name", [*by_stem, *(c for c in by_model_name if c not in by_stem)]
        if _HASH.fullmatch(name) and len(name) >= AUTOV2_CHARS:
            yield "same hash", table.same_hash(name.lower())

    def _known_among(
        self, listed: Sequence[ListedCheckpoint], digest: str
    ) -> list[ListedCheckpoint]:
        """Those of ``listed`` that lie where our file with this hash does."""
        paths = {comparable(file.path).casefold() for file in self._known.of_hash(digest)}
        return [c for c in listed if comparable(c.name).casefold() in paths]

    def _by_number(self, number: str, wanted: str) -> Resolution:
        """A hash or an id that the server cannot know: which local file is it, and who has that?"""
        files: list[KnownFile] = []
        said = f"hash {number.lower()}"
        # A file that has nothing to hash shares this one with all others.
        if _HASH.fullmatch(number) and not is_hash_of_nothing(number):
            files += self._known.of_hash(number.lower())
        is_weak = bool(files) and len(number) == AUTOV1_CHARS
        if _VERSION_ID.fullmatch(number):
            versions = self._known.of_version(int(number))
            said = said if files else f"Civitai version {number}"
            files += versions
        if is_weak and (len(_contents(files)) > 1 or not files[0].sha256):
            # It collides: more than one file, or one that cannot be proved, is only suggested.
            raise self._missing(wanted, files)
        return self._file_among(files, wanted, said)

    def _file_among(self, files: Sequence[KnownFile], wanted: str, said: str = "") -> Resolution:
        """The one checkpoint of the server that is one of these files.

        Args:
            files: all that are meant.
            wanted: the user's words, for errors.
            said: what of them led to the files, for the reason.
        """
        found = [
            Resolution(
                checkpoint,
                f"{said} is {copies[0].path} here: {reason}" if said else reason,
                copies[0].sha256,
            )
            for copies in _contents(files).values()
            for checkpoint, reason in self._listed_as(copies)
        ]
        # One entry that may be either of two different files could not be proved to be the right
        # one.
        if not found or len({resolution.checkpoint for resolution in found}) < len(found):
            raise self._missing(wanted, files)
        self._only([resolution.checkpoint for resolution in found], wanted)
        return found[0]

    def _listed_as(self, copies: Sequence[KnownFile]) -> list[tuple[ListedCheckpoint, str]]:
        """What the server may list this file as, with all of its copies here; and why."""
        sha256 = copies[0].sha256
        for reason, found in self._ways_of(copies):
            fitting = [c for c in found if may_have_same_hash(c.digest, sha256)]
            if fitting:
                return [(checkpoint, reason) for checkpoint in dict.fromkeys(fitting)]
        return []

    def _ways_of(
        self, copies: Sequence[KnownFile]
    ) -> Iterator[tuple[str, Sequence[ListedCheckpoint]]]:
        table = self._table
        sha256 = copies[0].sha256
        paths = [comparable(file.path) for file in copies]
        if sha256:
            yield "same SHA-256", table.same_hash(sha256)
        yield "same path", [c for path in paths for c in table.same_path(path)]
        folds = [path.casefold() for path in paths]
        yield (
            "same path but for upper and lower case",
            [c for folded in folds for c in table.same_folded_path(folded)],
        )
        if sha256:
            # Perhaps the server's folder lies above or below ours; whether it is the same file is
            # known as soon as the server has hashed it.
            longer = [c for folded in folds for c in table.same_end(folded)]
            shorter = [c for f in folds for tail in _ends(f) for c in table.same_folded_path(tail)]
            yield "same end of the path", [*longer, *shorter]
            names = [filename_of(folded) for folded in folds]
            yield "same file name", [c for name in names for c in table.same_end(name)]

    def _only(self, fitting: Sequence[ListedCheckpoint], wanted: str) -> ListedCheckpoint:
        if len(fitting) == 1:
            return fitting[0]
        titles = sorted(checkpoint.title for checkpoint in fitting)
        raise AmbiguousName("checkpoint", wanted, titles, self._server)

    def _missing(self, wanted: str, files: Sequence[KnownFile] = ()) -> NotOnServer:
        """Nothing fits; what may be one of these files comes first, then what is like it."""
        likely = [
            c.name for copies in _contents(files).values() for c, _ in self._listed_as(copies)
        ]
        sought = files[0].path if files else split_title(wanted.strip()).name
        names = self._table.names
        close = list(dict.fromkeys([*likely, *near(sought, names)]))
        available = nearest_first(sought, names, close)
        return NotOnServer("checkpoint", wanted, available, self._server, near=close)


def _contents(files: Iterable[KnownFile]) -> dict[str, list[KnownFile]]:
    """The files by what is in them: copies of one file are one."""
    contents: dict[str, list[KnownFile]] = {}
    for file in files:
        contents.setdefault(file.sha256 or file.path, []).append(file)
    return contents


def _ends(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]
