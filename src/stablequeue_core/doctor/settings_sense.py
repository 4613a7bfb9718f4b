"""Settings that are fine each by itself, and make no sense together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from attrs import fields

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.sqlite_file import look_at
from stablequeue_core.errors import StorageError, StorageMoved
from stablequeue_core.serialization import to_iso
from stablequeue_core.settings import PREFIX, Settings, variable_of
from stablequeue_core.storage import ChunkKind, Move, Storage

SUBJECT = "settings"

RENEWALS = 4
"""A lease should live through so many looks at its job: one of them may be late."""

_ALIKE = 0.8


def check_settings(premises: Premises) -> Iterator[Finding]:
    """What contradicts itself, and variables whose names are nearly those of settings."""
    found = [
        *_contradictions(premises.settings),
        *_misspelled(premises.environment),
        *_forgotten_file(premises),
    ]
    yield from found or [ok(SUBJECT, "They go together.")]
    yield from _moved_file(premises)


def _contradictions(settings: Settings) -> Iterator[Finding]:
    for low, high in (("backoff_base", "backoff_cap"), ("circuit_base", "circuit_cap")):
        if getattr(settings, low) > getattr(settings, high):
            yield warning(
                SUBJECT,
                f"{low} is longer than {high}.",
                f"Make {high} the longer one; now every wait is {high}.",
            )
    if settings.lease < RENEWALS * settings.poll:
        yield warning(
            SUBJECT,
            f"lease ({settings.lease:g} s) is so short beside poll ({settings.poll:g} s) that "
            "running jobs may be taken for lost.",
            f"Make lease at least {RENEWALS * settings.poll:g} s.",
        )
    if settings.split_batches and 2 * settings.split_smallest > settings.max_images:
        yield warning(
            SUBJECT,
            f"split_batches never cuts a job: parts have at least {settings.split_smallest} "
            f"pictures (split_smallest), and a job at most {settings.max_images} (max_images).",
            "Lower split_smallest, or raise max_images.",
        )
    if not settings.keep_images and settings.keep_days is None and settings.keep_jobs is None:
        yield warning(
            SUBJECT,
            "keep_images is off, but no job is ever forgotten, so its pictures stay.",
            "Set keep_days or keep_jobs, too.",
        )
    if settings.civitai_second_url == settings.civitai_url:
        yield warning(
            SUBJECT,
            "civitai_second_url is civitai_url: what is not there is asked for twice.",
            f"Set {PREFIX}CIVITAI_SECOND_URL to another address, or to none.",
        )


def _misspelled(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {variable_of(each).removeprefix(PREFIX) for each in fields(Settings)}
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in known:
            continue
        for meant in get_close_matches(name, known, n=1, cutoff=_ALIKE):
            yield warning(
                SUBJECT,
                f"The variable {variable} is no setting, and does nothing.",
                f"Did you mean {PREFIX}{meant}?",
            )


def _forgotten_file(premises: Premises) -> Iterator[Finding]:
    """A queue that was left behind when its user went over to a database server."""
    if not _is_unused(premises) or _move_of(premises.file) is not None:
        return
    yield warning(
        SUBJECT,
        "A database server remembers the queue, but in the data folder lies the file of another "
        "one, which was not moved there.",
        "Move it with `stablequeue migrate --from sqlite --to postgres`, or put the file away."
        if _is_empty(premises.storage)
        else "Two queues cannot be joined. See what waits in the file with `stablequeue jobs list` "
        "where STABLEQUEUE_DATABASE_URL is not set, then put the file away.",
    )


def _moved_file(premises: Premises) -> Iterator[Finding]:
    """What is left of a queue that was moved to a database server."""
    if _is_unused(premises) and (move := _move_of(premises.file)) is not None:
        yield ok(
            SUBJECT,
            "The file in the data folder is what was left of a queue when it was moved to "
            f"{move.to}, at {to_iso(move.at)}. It takes no jobs, and may be removed.",
        )


def _is_unused(premises: Premises) -> bool:
    """Whether there is a file beside the database server that remembers the queue."""
    if premises.settings.database_url is None or not premises.file.exists():
        return False
    # Then the queue went the other way.
    return not isinstance(premises.refusal, StorageMoved)


def _move_of(file: Path) -> Move | None:
    with suppress(StorageError):  # It may be another program's, or of an earlier version.
        return look_at(file).moved
    return None


def _is_empty(storage: Storage | None) -> bool:
    """Whether a queue could be moved there."""
    if storage is None:
        return False
    with suppress(StorageError):
        return all(chunk.kind is ChunkKind.QUEUE for chunk in storage.dump())
    return False
