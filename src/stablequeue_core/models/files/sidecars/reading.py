"""Reads the sidecars of a model, in every dialect, and makes one card of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen

from stablequeue_core.models.files.sidecars import names as called
from stablequeue_core.models.files.sidecars.dialects import (
    browser_plus,
    civitai_api,
    civitai_info,
    forge_json,
    lora_manager,
    stability_matrix,
    stablequeue_download,
    swarmui,
)
from stablequeue_core.models.files.sidecars.fields import Fields, prose
from stablequeue_core.models.files.sidecars.html_text import plain_text
from stablequeue_core.models.files.sidecars.json_file import BrokenFile, json_object, read_bounded
from stablequeue_core.models.files.sidecars.our_mark import mark_in
from stablequeue_core.models.files.sidecars.testimony import Subject, Testimony
from stablequeue_core.models.files.sidecars.trust import is_about, judged, merged, vouched_sha256
from stablequeue_core.models.model import EMPTY_CARD, FileProblem, ModelCard


@frozen(kw_only=True)
class SidecarsRead:
    """What the sidecars of a model say, taken together.

    Attributes:
        card: of the model.
        sha256: of the model file, in lower case, where a sidecar can be believed to be about this
            very file: it names its size to the byte, and is not older. None otherwise.
        problems: files that are broken, or are about another file than this.
    """

    card: ModelCard = EMPTY_CARD
    sha256: str | None = None
    problems: tuple[FileProblem, ...] = ()


_NONE_READ = SidecarsRead()


def read_sidecars(
    folder: Path,
    stem: str,
    names: Collection[str],
    *,
    size: int,
    mtime_ns: int,
    sha256: str | None = None,
) -> SidecarsRead:
    """Read the sidecars of a model.

    Nothing that they hold raises an error: a field of the wrong type is left out, and a file that
    cannot be read becomes a problem. A file that is gone by now was never there.

    Args:
        folder: in which the model lies.
        stem: the model's file name without extension.
        names: the files of the folder that may belong to it; others are not looked for. Links
            among them are followed, so whoever lists the folder decides about those.
        size: of the model file, in bytes.
        mtime_ns: when the model file was last written, in nanoseconds since 1970.
        sha256: of the model file, where it is known. What is said of another file is not taken.

    Example::

        read = read_sidecars(folder, "inkWash_v3", ["inkWash_v3.json"], size=144, mtime_ns=0)
        print(read.card.trigger_words, read.problems)
    """
    if not names:
        return _NONE_READ
    found = called.by_suffix(stem, names)
    if not found:
        return _NONE_READ
    reader = _Reader(folder, found)
    subject = Subject(
        stem=stem, size=size, mtime_ns=mtime_ns, sha256=sha256.lower() if sha256 else None
    )
    testimonies = []
    for suffix, testimony in reader.testimonies(subject):
        if not is_about(testimony, subject):
            reader.report(suffix, "sidecar_of_another_file", _OF_ANOTHER_FILE)
        testimonies.append(judged(testimony, subject))
    vouched = vouched_sha256(testimonies, subject)
    return SidecarsRead(
        card=merged(testimonies, subject.sha256 or vouched),
        sha256=vouched,
        problems=tuple(reader.problems),
    )


_OF_ANOTHER_FILE = (
    "describes a file with another SHA-256, so its ids and base model are not used. Let the tool "
    "that wrote it look at the model again"
)


class _Reader:
    """Opens the sidecars of one model, and collects what is wrong with them."""

    def __init__(self, folder: Path, found: called.BySuffix) -> None:
        self._folder = folder
        self._found = found
        self.problems: list[FileProblem] = []

    def testimonies(self, subject: Subject) -> Iterator[tuple[str, Testimony]]:
        """What each file says that is there, with the suffix of the one that names a hash."""
        found = self._found
        own, _ = self._object(called.FORGE_JSON)
        yield called.FORGE_JSON, self._with_description(forge_json(own))
        if called.LORA_MANAGER in found:
            metadata, _ = self._object(called.LORA_MANAGER)
            yield called.LORA_MANAGER, lora_manager(metadata)
        if called.CIVITAI_INFO in found:
            content, seen_ns = self._values(called.CIVITAI_INFO)
            info, mark = Fields(content), mark_in(content)
            told = civitai_api(info, mark, subject) if mark else civitai_info(info)
            yield called.CIVITAI_INFO, evolve(told, seen_ns=seen_ns)
        if called.STABILITY_MATRIX in found:
            info, _ = self._object(called.STABILITY_MATRIX)
            yield called.STABILITY_MATRIX, stability_matrix(info)
        if called.API_INFO in found or called.FORGE_JSON in found:
            model, seen_ns = self._object(called.API_INFO)
            suffix = called.API_INFO if called.API_INFO in found else called.FORGE_JSON
            yield suffix, evolve(browser_plus(own, model, subject), seen_ns=seen_ns)
        if called.CIVITAI_JSON in found:
            info, _ = self._object(called.CIVITAI_JSON)
            yield called.CIVITAI_JSON, stablequeue_download(info)
        if called.SWARMUI in found:
            header, _ = self._object(called.SWARMUI)
            yield called.SWARMUI, swarmui(header)

    def report(self, suffix: str, code: str, reason: str) -> None:
        """Note down that something is wrong with a file."""
        name = self._found[suffix]
        self.problems.append(FileProblem(code=code, message=f"{name!r} {reason}.", file=name))

    def _with_description(self, testimony: Testimony) -> Testimony:
        """Forge takes a description from a text file where its JSON has none."""
        for suffix in called.TEXTS:
            if testimony.card.description is None and (data := self._bytes(suffix)):
                text = data[0].decode("utf-8-sig", errors="replace")
                card = evolve(testimony.card, description=prose(plain_text(text)))
                testimony = evolve(testimony, card=card)
        return testimony

    def _object(self, suffix: str) -> tuple[Fields, int | None]:
        """The JSON of a file, and when it was written, in nanoseconds since 1970."""
        values, mtime_ns = self._values(suffix)
        return Fields(values), mtime_ns

    def _values(self, suffix: str) -> tuple[Mapping[str, object], int | None]:
        """The same, as it stands there."""
        read = self._bytes(suffix)
        if read is None:
            return {}, None
        data, mtime_ns = read
        try:
            return json_object(data), mtime_ns
        except BrokenFile as error:
            self.report(suffix, error.code, f"{error.reason}; repair or delete it")
            return {}, None

    def _bytes(self, suffix: str) -> tuple[bytes, int] | None:
        name = self._found.get(suffix)
        if name is None:
            return None
        try:
            data, seen = read_bounded(self._folder / name)
        except FileNotFoundError:
            return None
        except BrokenFile as error:
            self.report(suffix, error.code, f"{error.reason}, so it was not read")
            return None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.report(suffix, "sidecar_unreadable", f"cannot be read: {reason}")
            return None
        return data, seen.st_mtime_ns
