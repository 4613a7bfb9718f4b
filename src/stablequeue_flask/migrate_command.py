"""The ``stablequeue migrate`` command: copies a queue from one database to another."""

from __future__ import annotations

from pathlib import Path

import click

from stablequeue_core import Settings
from stablequeue_core.assembly.storages import DATABASE, open_storage
from stablequeue_core.storage import ChunkKind, Storage
from stablequeue_core.storage.copying import copy
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    option,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import say

SQLITE, POSTGRES = "sqlite", "postgres"
_STORAGES = click.Choice([SQLITE, POSTGRES])


@click.command()
@option("--from", "source", type=_STORAGES, required=True, help="Where the queue is now.")
@option("--to", "target", type=_STORAGES, required=True, help="Where it shall be.")
@data_dir_option
@database_option
@option(
    "--to-data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --from sqlite --to sqlite: the data folder of the copy.",
)
def migrate(
    source: str,
    target: str,
    data_dir: Path,
    database_url: str | None,
    to_data_dir: Path | None,
) -> None:
    """Copy a whole queue to another database, and prove that all of it has arrived.

    Stop every process that uses the queue first. It stays as it is; the other database must be
    empty, and stays empty if the copy breaks off. Pictures are not copied: they stay in the data
    folder.
    """
    to_folder = _checked(source, target, data_dir, database_url, to_data_dir)
    with told_in_one_sentence():
        url = Settings.from_environment({}, database_url=database_url).database_url
        with (
            _existing(source, data_dir, url) as old,
            open_storage(to_folder, database_url=url if target == POSTGRES else None) as new,
        ):
            _copy(old, new)
    if source == target:
        say("The pictures are not copied; copy the folder `images`, if you want them, too.")


def _checked(
    source: str,
    target: str,
    data_dir: Path,
    database_url: str | None,
    to_data_dir: Path | None,
) -> Path:
    """The folder of the copy, if that is to be a file."""
    if POSTGRES in (source, target) and database_url is None:
        raise click.UsageError(
            "Say which PostgreSQL: set STABLEQUEUE_DATABASE_URL, or give --database-url."
        )
    if source == target == POSTGRES:
        raise click.UsageError("A PostgreSQL is copied to another with pg_dump and pg_restore.")
    if source == target and to_data_dir is None:
        raise click.UsageError("Say where the copy shall be: --to-data-dir.")
    if source != target and to_data_dir is not None:
        raise click.UsageError("--to-data-dir is for --from sqlite --to sqlite only.")
    folder = to_data_dir or data_dir
    if source == target and folder.resolve() == data_dir.resolve():
        raise click.UsageError("--to-data-dir is the data folder itself; choose another.")
    return folder


def _existing(source: str, data_dir: Path, url: str | None) -> Storage:
    if source == POSTGRES:
        return open_storage(data_dir, database_url=url)
    if not (data_dir / DATABASE).exists():
        raise click.ClickException(
            "There is no queue in the data folder; check --data-dir. Nothing was written."
        )
    return open_storage(data_dir)


def _copy(old: Storage, new: Storage) -> None:
    bars = Bars()
    # Of the other kinds there are few; how many is not worth counting.
    expected = sum(old.jobs.counts().values()) + old.events.last() + 1
    seen: dict[ChunkKind, int] = {}

    def told(kind: ChunkKind, count: int) -> None:
        seen[kind] = count
        done = sum(seen.values())
        bars.draw({"queue": Line(min(done / expected, 1.0), "copying", f"{count:,} {kind}")})

    copied = copy(old, new, told=told)
    bars.draw({"queue": Line(1.0, "copied and compared")})
    for kind, count in copied.counts.items():
        say(f"  {count:>9,} {kind}")
    say(f"Both sides are the same: {copied.digest[:16]}")
