"""Settings that are fine each by itself, and make no sense together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from attrs import fields

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.settings import PREFIX, Settings, variable_of

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
    if premises.settings.database_url is not None and premises.file.exists():
        yield warning(
            SUBJECT,
            "A database server remembers the queue, but in the data folder lies the file of "
            "another one, which nobody uses.",
            "Copy it with `stablequeue migrate --from sqlite --to postgres`, or move it away.",
        )
