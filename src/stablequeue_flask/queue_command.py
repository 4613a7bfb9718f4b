"""The commands for the queue as a whole: ``stablequeue status``, ``pause`` and ``resume``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from stablequeue_core import JobStatus, QueueStatus, StableQueue
from stablequeue_core.jobs import OPEN
from stablequeue_core.quantities import count_text
from stablequeue_flask.bodies import status_body
from stablequeue_flask.json_option import json_option, say_json
from stablequeue_flask.lead_time import FAR, TO_THE_MINUTE, lead_time
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    opened_to_look,
    told_in_one_sentence,
)
from stablequeue_flask.plain_text import Fact, fact_lines, room, say
from stablequeue_flask.server_duty import standing
from stablequeue_flask.shown import health_of
from stablequeue_flask.starting import folder_words


@click.command()
@data_dir_option
@database_option
@json_option
def status(data_dir: Path, database_url: str | None, as_json: bool) -> None:
    """Tell how the queue stands, at a glance.

    Whether it is paused, how many jobs stand where, when all of them will be done, and how the
    servers feel.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        now = queue.status()
        if as_json:
            say_json(status_body(now))
            return
        resume_it = f"stablequeue resume{folder_words(data_dir, queue.settings.database_url)}"
        facts = [*_facts(now, resume_it), *_servers(queue)]
    say("\n".join(fact_lines(facts, within=room())))


@click.command()
@data_dir_option
@database_option
def pause(data_dir: Path, database_url: str | None) -> None:
    """Start no more jobs, on any server.

    Those that run finish. It stays so until `stablequeue resume`, also after a restart.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        queue.pause()
    say("The queue is paused: running jobs finish, and no other starts.")


@click.command()
@data_dir_option
@database_option
def resume(data_dir: Path, database_url: str | None) -> None:
    """Start jobs again, after `stablequeue pause`.

    Servers that are paused stay so; `stablequeue servers resume` lets them go on.
    """
    with told_in_one_sentence(), opened_to_look(data_dir, database_url) as queue:
        queue.resume()
        resting = sum(each.paused or not each.enabled for each in queue.servers.list())
    rest = count_text(resting, "server is still", "servers are still")
    also = f" {rest} paused or disabled." if resting else ""
    say(f"The queue starts jobs again.{also}")


def _facts(now: QueueStatus, resume_it: str) -> Iterator[Fact]:
    counts = {state: now.jobs.get(state, 0) for state in JobStatus}
    told = [f"{count:,} {state.value}" for state, count in counts.items() if count]
    yield "Queue", f"paused, until `{resume_it}`" if now.paused else "starts jobs"
    yield "Jobs", ", ".join(told) or "none yet"
    eta = now.eta_seconds
    if eta is not None and any(counts[state] for state in OPEN):
        yield ("Done on" if eta >= FAR else "Done in"), lead_time(eta, TO_THE_MINUTE)
    unserved = count_text(now.backlog.unserved, "job that no server", "jobs that no server")
    yield "Left over", f"{unserved} can run now" if now.backlog.unserved else None


def _servers(queue: StableQueue) -> Iterator[Fact]:
    counts = Counter(
        standing(server, health_of(queue, server.alias).in_words) for server in queue.servers.list()
    )
    told = "; ".join(f"{count:,} {each}" for each, count in counts.most_common())
    yield "Servers", told or "none yet"
