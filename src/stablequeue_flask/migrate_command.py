"""The ``stablequeue migrate`` command: moves a queue from one database to another."""

from __future__ import annotations

from pathlib import Path

import click

from stablequeue_core import Settings
from stablequeue_core.assembly.storages import DATABASE, open_storage
from stablequeue_core.serialization import to_iso
from stablequeue_core.storage import ChunkKind, Storage
from stablequeue_core.storage.copying import move
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
@option("--to", "target", type=_STORAGES, help="Where it shall be.")
@data_dir_option
@database_option
@option(
    "--to-data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --from sqlite --to sqlite: its data folder from then on.",
)
@option(
    "--reopen",
    is_flag=True,
    help="Copy nothing: the queue that --from names was moved, and shall go on where it was.",
)
def migrate(
    source: str,
    target: str | None,
    data_dir: Path,
    database_url: str | None,
    to_data_dir: Path | None,
    reopen: bool,
) -> None:
    """Move a whole queue to another database.

    And prove that all of it has arrived. Stop every process that uses the queue first. The other
    database must be empty, and stays empty if this breaks off. Once all has arrived, the old one
    takes no jobs any more, from nobody: it can be removed, or told to go on with --reopen. Pictures
    are not copied: they stay in the data folder.
    """
    to_folder = _checked(source, target, data_dir, database_url, to_data_dir, reopen=reopen)
    with told_in_one_sentence():
        url = Settings.from_environment({}, database_url=database_url).database_url
        with _existing(source, data_dir, url) as old:
            if reopen:
                _reopen(old)
                return
            with _empty(to_folder, url if target == POSTGRES else None) as new:
                _move(old, new)
    say(
        "The old queue takes no jobs any more. Start every process with the new one; when all is "
        f"well there, remove the old one. To go on with it instead: stablequeue migrate --reopen "
        f"--from {source}"
    )
    if source == target:
        say("The pictures are not copied; copy the folder `images`, if you want them, too.")


def _checked(
    source: str,
    target: str | None,
    data_dir: Path,
    database_url: str | None,
    to_data_dir: Path | None,
    *,
    reopen: bool,
) -> Path:
    """The folder of the queue from then on, if that is to be a file."""
    if reopen and (target is not None or to_data_dir is not None):
        raise click.UsageError("--reopen moves nothing; leave --to and --to-data-dir away.")
    if not reopen and target is None:
        raise click.UsageError("Say where the queue shall be: --to.")
    if POSTGRES in (source, target) and database_url is None:
        raise click.UsageError(
            "Say which PostgreSQL: set STABLEQUEUE_DATABASE_URL, or give --database-url."
        )
    if source == target == POSTGRES:
        raise click.UsageError("A PostgreSQL is copied to another with pg_dump and pg_restore.")
    if source == target == SQLITE and to_data_dir is None:
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


def _empty(folder: Path, url: str | None) -> Storage:
    """Where the queue is to be; a queue that was there before was moved away, not removed."""
    new = open_storage(folder, database_url=url)
    if new.moved() is None:
        return new
    new.close()
    advice = "Drop its schema `stablequeue`" if url else f"Move the file `{DATABASE}` away"
    raise click.ClickException(
        "Where the queue shall be, there is still one that was moved away from there. "
        f"{advice}, then try again. Nothing was written."
    )


def _reopen(old: Storage) -> None:
    move = old.reopen()
    if move is None:
        say("The queue was not moved; it takes jobs as it did.")
    else:
        say(
            "The queue takes jobs again. It knows nothing of what has happened since "
            f"{to_iso(move.at)} in {move.to}: let nobody work there, or jobs are made twice."
        )


def _move(old: Storage, new: Storage) -> None:
    bars = Bars()
    # Of the other kinds there are few; how many is not worth counting.
    expected = sum(old.jobs.counts().values()) + old.events.last() + 1
    seen: dict[ChunkKind, int] = {}

    def told(kind: ChunkKind, count: int) -> None:
        seen[kind] = count
        done = sum(seen.values())
        bars.draw({"queue": Line(min(done / expected, 1.0), "copying", f"{count:,} {kind}")})

    copied = move(old, new, told=told)
    bars.draw({"queue": Line(1.0, "copied and compared")})
    for kind, count in copied.counts.items():
        say(f"  {count:>9,} {kind}")
    say(f"Both sides are the same: {copied.digest[:16]}")
