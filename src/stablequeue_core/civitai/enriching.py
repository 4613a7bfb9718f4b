"""Writes what Civitai says of a model into the files beside it, and its pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.forge_words import DESCRIPTION, Filling, filling, forge_words
from stablequeue_core.civitai.previews_beside import PreviewsBeside
from stablequeue_core.civitai.records import CivitaiModel, CivitaiVersion
from stablequeue_core.clock import Clock
from stablequeue_core.errors import SidecarNotWritten
from stablequeue_core.models.files.safe_files import replacing
from stablequeue_core.models.files.sidecars import (
    CIVITAI_INFO,
    FORGE_JSON,
    TEXTS,
    Fields,
    Mark,
    ShownPicture,
    civitai_info_content,
    explained,
    mark_in,
    read_json,
    rewrite_json,
    version_card,
    write_forge_json,
)
from stablequeue_core.serialization import to_iso

if TYPE_CHECKING:
    from stablequeue_core.civitai.showing import PreviewFile

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

        Raises:
            SidecarNotWritten: ``<stem>.civitai.info`` cannot be; nothing was changed.
        """
        sheet = _Sheet(model_file, version, model, self._locks)
        mark = sheet.mark(sha256, pinned=pinned, now=to_iso(self._clock.now()))
        words = _Words(model_file, sheet.words(mark), mark, self._locks, outdated=sheet.is_new)
        files, problems = self._fetch(model_file, version, mark)
        shown = {file.suffix: (file.shown,) for file in files}
        claimed = evolve(
            mark,
            words=_either(mark.words, words.planned().ours),
            pictures=_either(mark.pictures, shown),
        )
        sheet.keep(claimed)
        problems += words.write()
        pictures, not_shown = _show(model_file, mark, files)
        problems += not_shown
        done = evolve(mark, words=words.ours, pictures=pictures)
        if done != claimed:
            sheet.keep(done)
        return Written(
            previews=tuple(f"{model_file.stem}{suffix}" for suffix in sorted(pictures)),
            problems=tuple(dict.fromkeys(problems)),
        )

    def _fetch(
        self, model_file: Path, version: CivitaiVersion, mark: Mark
    ) -> tuple[Sequence[PreviewFile], list[str]]:
        """The pictures that are to be put there, and what is wrong with others."""
        from stablequeue_core.civitai.showing import Showing  # loads a library for pictures

        beside = PreviewsBeside(model_file, mark.pictures)
        if beside.has_others or not version.pictures:
            return (), []
        showing = Showing(self._client, version.pictures)
        if {shown.url for shown in beside.ours.values()} == set(showing.wanted):
            return (), []  # they are there already
        return showing.fetch(), showing.problems


class _Sheet:
    """``<stem>.civitai.info``: what Civitai said, and what we note of ourselves."""

    def __init__(
        self, model_file: Path, version: CivitaiVersion, model: CivitaiModel | None, locks: Path
    ) -> None:
        self._model_file = model_file
        self._path = model_file.with_name(f"{model_file.stem}{CIVITAI_INFO}")
        self._version = dict(version.raw)
        if version.model_id is not None:
            self._version.setdefault("modelId", version.model_id)
        self._model = None if model is None else model.raw
        self._locks = locks
        with explained(self._path.name):
            self._old = read_json(self._path)
        before = Fields(self._old).identifier("id")
        self.is_new = before is not None and before != version.id

    def mark(self, sha256: str, *, pinned: bool, now: str) -> Mark:
        """Our notes, as they stand there, for what is going to be written."""
        with explained(self._path.name):
            size = os.stat(self._model_file).st_size
        known = mark_in(self._old) or Mark(sha256=sha256)
        return evolve(known, sha256=sha256, size=size, fetched_at=now, pinned=pinned)

    def words(self, mark: Mark) -> Mapping[str, object]:
        """What all of it comes to in the words of Forge's JSON."""
        content = civitai_info_content(self._old, self._version, self._model, mark)
        return forge_words(version_card(Fields(content)), mark.sha256)

    def keep(self, mark: Mark) -> None:
        """Write it.

        Raises:
            SidecarNotWritten: it is as it was.
        """
        rewrite_json(
            self._path,
            lambda old: civitai_info_content(old, self._version, self._model, mark),
            self._locks,
        )


class _Words:
    """Forge's ``<stem>.json``: the words that we put into its empty places."""

    def __init__(
        self,
        model_file: Path,
        words: Mapping[str, object],
        mark: Mark,
        locks: Path,
        *,
        outdated: bool,
    ) -> None:
        self._model_file = model_file
        self._locks = locks
        self._before = mark.words
        self._outdated = outdated
        self._words = dict(words)
        self.ours = mark.words
        if any(os.path.lexists(model_file.with_name(model_file.stem + each)) for each in TEXTS):
            # Forge shows it where its JSON has no description.
            self._words.pop(DESCRIPTION, None)

    def planned(self) -> Filling:
        """What is going to change; nothing when the file cannot be read."""
        with suppress(SidecarNotWritten, OSError):
            path = self._model_file.with_name(self._model_file.stem + FORGE_JSON)
            return self._filling(read_json(path))
        return Filling(changes={}, ours=self._before)

    def write(self) -> list[str]:
        """Put them there; what is wrong if that cannot be done."""
        filled: list[Filling] = []

        def change(present: Mapping[str, Any]) -> Mapping[str, object]:
            filled.append(self._filling(present))
            return filled[-1].changes

        try:
            write_forge_json(self._model_file, change, self._locks)
        except SidecarNotWritten as error:
            return [error.message]
        self.ours = filled[-1].ours
        return []

    def _filling(self, present: Mapping[str, Any]) -> Filling:
        return filling(present, self._words, self._before, outdated=self._outdated)


def _show(
    model_file: Path, mark: Mark, files: Sequence[PreviewFile]
) -> tuple[Mapping[str, tuple[ShownPicture, ...]], list[str]]:
    """Put pictures beside the model, in the place of earlier ones of ours.

    Returns:
        those of ours that are there now, and what is wrong if one cannot be put there.
    """
    beside = PreviewsBeside(model_file, mark.pictures)
    present = dict(beside.ours)
    problems = []
    for file in () if beside.has_others else files:
        path = beside.path(file.suffix)
        try:
            with explained(path.name), replacing(path) as new:
                new.write(file.data)
        except SidecarNotWritten as error:
            problems.append(error.message)
            continue
        present[file.suffix] = file.shown
    written = {suffix for suffix in present if present[suffix] != beside.ours.get(suffix)}
    if written:
        for suffix in beside.ours.keys() - {file.suffix for file in files}:
            with suppress(OSError):
                beside.path(suffix).unlink()
                del present[suffix]
    return {suffix: (shown,) for suffix, shown in present.items()}, problems


def _either(
    one: Mapping[str, Iterable[_T]], other: Mapping[str, Iterable[_T]]
) -> dict[str, tuple[_T, ...]]:
    """By key what is in one or in the other, each once."""
    return {
        key: tuple(dict.fromkeys((*one.get(key, ()), *other.get(key, ()))))
        for key in (*one, *(key for key in other if key not in one))
    }
