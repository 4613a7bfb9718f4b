"""Writes what Civitai says of a model into the files beside it, and its pictures."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.forge_words import DESCRIPTION, Filling, filling, forge_words
from stablequeue_core.civitai.library.previews_beside import PreviewsBeside
from stablequeue_core.civitai.records import CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.files.safe_files import persist_names, replacing
from stablequeue_core.models.files.sidecars import (
    CIVITAI_INFO,
    TEXTS,
    Fields,
    Mark,
    ShownPicture,
    civitai_info_content,
    explained,
    forge_json_of,
    locked,
    mark_in,
    read_json,
    version_card,
    with_changes,
    write_json,
)
from stablequeue_core.serialization import to_iso

if TYPE_CHECKING:
    from stablequeue_core.civitai.library.showing import PreviewFile

_T = TypeVar("_T")


@frozen(kw_only=True)
class Written:
    """What is beside a model now.

    Attributes:
        previews: names of the pictures and films that are there and come from Civitai.
        problems: what could not be fetched or written, as sentences; all else was.
    """

    previews: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Enricher:
    """Writes beside models. Safe to use from several threads.

    Args:
        client: fetches pictures.
        locks: a folder for locks on the files beside models.
        clock: the time.
    """

    def __init__(self, client: CivitaiClient, *, locks: Path, clock: Clock) -> None:
        self._client = client
        self._locks = locks
        self._clock = clock

    def write(
        self,
        model_file: Path,
        version: CivitaiVersion,
        model: CivitaiModel | None,
        *,
        sha256: str,
        pinned: bool,
        names: Collection[str] | None = None,
        persist: bool = True,
    ) -> Written:
        """Write down what Civitai says; what anybody else has written or put there stays.

        Civitai's own words go into ``<stem>.civitai.info``, for ever; what Forge shows goes into
        its ``<stem>.json``; then come pictures. The first of these notes what is ours in the
        others, and does so before they are written: a process that dies in between leaves nothing
        that would be taken for somebody else's.

        Args:
            model_file: the model.
            version: that it is.
            model: of the version; None when it is not known.
            sha256: of the file.
            pinned: whether it is the user who says that it is this version.
            names: of the files beside it that may be previews; None lists its folder.
            persist: make sure that all of it survives a power cut; else the caller sees to that.

        Raises:
            SidecarNotWritten: ``<stem>.civitai.info`` cannot be; nothing was changed.
        """
        # Whoever waits for the lock shall not wait for the network.
        files, problems = self._fetch(model_file, version, names)
        with locked(model_file, self._locks):
            info = _Info(model_file, version, model)
            mark = info.mark(sha256, pinned=pinned, now=to_iso(self._clock.now()))
            beside = PreviewsBeside(model_file, mark.pictures, names)
            if beside.has_others:
                files = ()
            forge = _ForgeJson(model_file, info.words(mark), mark.words, outdated=info.is_outdated)
            coming = {file.suffix: (file.shown,) for file in files}
            claimed = evolve(
                mark,
                words=_either(mark.words, forge.planned.ours),
                pictures=_either(mark.pictures, coming),
            )
            info.write(claimed)
            with _noted(problems):
                forge.write()
            pictures = _show(beside, files, problems)
            done = evolve(mark, words=forge.ours, pictures=pictures)
            if done != claimed:
                with _noted(problems):
                    info.write(done)
            if persist:
                persist_names(model_file.parent)
        return Written(
            previews=tuple(f"{model_file.stem}{suffix}" for suffix in sorted(pictures)),
            problems=tuple(dict.fromkeys(problems)),
        )

    def _fetch(
        self, model_file: Path, version: CivitaiVersion, names: Collection[str] | None
    ) -> tuple[Sequence[PreviewFile], list[str]]:
        """The pictures that are to be put there, and what is wrong with others."""
        if not version.pictures:
            return (), []
        mark = mark_in(read_json(_info_of(model_file)))
        beside = PreviewsBeside(model_file, mark.pictures if mark else {}, names)
        if beside.has_others:
            return (), []
        from stablequeue_core.civitai.library.showing import Showing  # loads a library for pictures

        showing = Showing(self._client, version.pictures)
        if {shown.url for shown in beside.ours.values()} == set(showing.wanted):
            return (), []  # they are there already
        return showing.fetch(), showing.problems


class _Info:
    """``<stem>.civitai.info``: what Civitai said, and what we note of ourselves."""

    def __init__(
        self, model_file: Path, version: CivitaiVersion, model: CivitaiModel | None
    ) -> None:
        self._model_file = model_file
        self._path = _info_of(model_file)
        self._version = dict(version.raw)
        if version.model_id is not None:
            self._version.setdefault("modelId", version.model_id)
        self._model = None if model is None else model.raw
        self._old = self._present = read_json(self._path)

    @property
    def is_outdated(self) -> bool:
        """Whether it spoke of another version until now."""
        return Fields(self._old).identifier("id") not in (
            None,
            Fields(self._version).identifier("id"),
        )

    def mark(self, sha256: str, *, pinned: bool, now: str) -> Mark:
        """Our notes, as they stand there, for what is going to be written."""
        with explained(self._path.name):
            size = os.stat(self._model_file).st_size
        known = mark_in(self._old) or Mark(sha256=sha256)
        return evolve(known, sha256=sha256, size=size, fetched_at=now, pinned=pinned)

    def words(self, mark: Mark) -> Mapping[str, object]:
        """What all of it comes to in the words of Forge's JSON."""
        return forge_words(version_card(Fields(self._content(mark))), mark.sha256)

    def write(self, mark: Mark) -> None:
        """Keep it, with these notes.

        Raises:
            SidecarNotWritten: it is as it was.
        """
        content = self._content(mark)
        write_json(self._path, content, self._present, persist=False)
        self._present = content

    def _content(self, mark: Mark) -> dict[str, Any]:
        return civitai_info_content(self._old, self._version, self._model, mark)


class _ForgeJson:
    """Forge's ``<stem>.json``: the words that we put into its empty places.

    Attributes:
        planned: what is going to change.
        ours: of what stands there, digests of our own words.
    """

    def __init__(
        self,
        model_file: Path,
        words: Mapping[str, object],
        ours: Mapping[str, tuple[str, ...]],
        *,
        outdated: bool,
    ) -> None:
        self._path = forge_json_of(model_file)
        self._before = self.ours = ours
        self._outdated = outdated
        texts = (model_file.with_name(f"{model_file.stem}{suffix}") for suffix in TEXTS)
        if any(map(os.path.lexists, texts)):
            # Forge shows it where its JSON has no description.
            words = {key: value for key, value in words.items() if key != DESCRIPTION}
        self._words = words
        self.planned = Filling(changes={}, ours=ours)
        # What cannot be read is told when it is to be written.
        with suppress(SidecarNotWritten):
            self.planned = self._filling(read_json(self._path))

    def write(self) -> None:
        """Put them there.

        Raises:
            SidecarNotWritten: it is as it was.
        """
        present = read_json(self._path)
        now = self._filling(present)  # Forge heeds no lock of ours
        write_json(self._path, with_changes(present, now.changes), present, persist=False)
        self.ours = now.ours

    def _filling(self, present: Mapping[str, Any]) -> Filling:
        return filling(present, self._words, self._before, outdated=self._outdated)


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """What cannot be written is told, and the rest is done all the same."""
    try:
        yield
    except SidecarNotWritten as error:
        problems.append(error.message)


def _show(
    beside: PreviewsBeside, files: Sequence[PreviewFile], problems: list[str]
) -> Mapping[str, tuple[ShownPicture, ...]]:
    """Put pictures beside the model, in the place of earlier ones of ours.

    Returns:
        those of ours that are there now.
    """
    present = dict(beside.ours)
    written: set[str] = set()
    for file in files:
        path = beside.path(file.suffix)
        with _noted(problems), explained(path.name):
            with replacing(path, persist=False) as new:
                new.write(file.data)
            present[file.suffix] = file.shown
            written.add(file.suffix)
    # Those of a version that is shown by others now, or by fewer.
    outdated = beside.ours.keys() - written if len(written) == len(files) > 0 else ()
    for suffix in outdated:
        with suppress(OSError):
            beside.path(suffix).unlink()
            del present[suffix]
    return {suffix: (shown,) for suffix, shown in present.items()}


def _info_of(model_file: Path) -> Path:
    return model_file.with_name(f"{model_file.stem}{CIVITAI_INFO}")


def _either(
    one: Mapping[str, Iterable[_T]], other: Mapping[str, Iterable[_T]]
) -> dict[str, tuple[_T, ...]]:
    """By key what is in one or in the other, each once."""
    return {
        key: tuple(dict.fromkeys((*one.get(key, ()), *other.get(key, ()))))
        for key in dict.fromkeys((*one, *other))
    }
