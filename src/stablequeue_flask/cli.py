"""The ``stablequeue`` command. Each option can also be set by a ``STABLEQUEUE_*`` variable."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from stablequeue_flask.civitai_command import civitai
from stablequeue_flask.doctor_command import doctor
from stablequeue_flask.download_command import download
from stablequeue_flask.downloads_command import downloads
from stablequeue_flask.explain_command import explain
from stablequeue_flask.extension import URL_PREFIX, create_app
from stablequeue_flask.foreign import host_name, origin
from stablequeue_flask.jobs_command import jobs
from stablequeue_flask.listening import is_loopback, listening, url_of
from stablequeue_flask.migrate_command import migrate
from stablequeue_flask.models_command import models
from stablequeue_flask.opening import (
    data_dir_option,
    database_option,
    log_to_stderr,
    model_folder_options,
    opened,
    option,
    told_in_one_sentence,
    warn_of_folders,
)
from stablequeue_flask.plain_text import say
from stablequeue_flask.queue_command import pause, resume, status
from stablequeue_flask.refresh_command import candidates, pin, refresh, unpin
from stablequeue_flask.servers_command import servers
from stablequeue_flask.servers_option import introduce, servers_option
from stablequeue_flask.serving import THREADS, WebServer, stopped_by_signals
from stablequeue_flask.simulate_command import simulate_civitai, simulate_forge
from stablequeue_flask.starting import new_place, start_lines
from stablequeue_flask.submit_command import submit
from stablequeue_flask.tidy_command import tidy
from stablequeue_flask.work_command import work

DEFAULT_FORGE = "http://127.0.0.1:7860"
DEMO_SECONDS_PER_STEP = 0.04
DEMO_LOAD_SECONDS = 0.4


@click.group(context_settings={"auto_envvar_prefix": "STABLEQUEUE", "show_default": True})
@click.version_option(package_name="stablequeue")
def main() -> None:
    """A durable job queue that drives Stable Diffusion WebUI Forge servers."""


for command in (
    models,
    download,
    downloads,
    civitai,
    servers,
    submit,
    jobs,
    explain,
    status,
    pause,
    resume,
    work,
    doctor,
    tidy,
    migrate,
    simulate_forge,
    simulate_civitai,
):
    main.add_command(command)
for command in (refresh, candidates, pin, unpin):
    models.add_command(command)


def _origins(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Sequence[str]:
    return _each(origin, texts)


def _hosts(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Sequence[str]:
    return _each(host_name, texts)


def _each(read: Callable[[str], object], texts: Sequence[str]) -> Sequence[str]:
    """The texts, each of which can be read."""
    try:
        for text in texts:
            read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return texts


def _names(host: str, allowed: Sequence[str], *, only_here: bool) -> Sequence[str] | None:
    """The names by which we may be called; None for any.

    What only this machine can reach, only names of this machine should lead to.
    """
    if not only_here:
        return allowed or None
    with suppress(ValueError):  # an address that clients cannot call us by
        host_name(host)
        return (host, *allowed)
    return allowed


@main.command()
@data_dir_option
@database_option
@option("--host", default="127.0.0.1", envvar="STABLEQUEUE_HOST", help="Address to serve.")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8083,
    envvar="STABLEQUEUE_PORT",
    help="Port to serve; 0 takes any free one.",
)
@option(
    "--threads",
    type=click.IntRange(1, 256),
    default=THREADS,
    envvar="STABLEQUEUE_THREADS",
    help="Requests answered at once.",
)
@option(
    "--dispatch/--no-dispatch",
    default=True,
    envvar="STABLEQUEUE_DISPATCH",
    help="Whether this process runs jobs and fetches downloads, or only takes them.",
)
@servers_option
@model_folder_options
@option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    callback=_origins,
    metavar="URL",
    envvar="STABLEQUEUE_ALLOW_ORIGIN",
    help="A site whose pages may change something, besides our own; may be given several times.",
)
@option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    callback=_hosts,
    metavar="NAME",
    envvar="STABLEQUEUE_ALLOW_HOST",
    help="A name by which we may be called, besides localhost and its like: that of a proxy, for "
    "example; may be given several times. Without it, any name will do on an address that other "
    "machines can reach.",
)
def serve(
    data_dir: Path,
    database_url: str | None,
    host: str,
    port: int,
    threads: int,
    dispatch: bool,
    servers: dict[str, str],
    checkpoints: Sequence[str],
    loras: Sequence[str],
    model_dirs: Mapping[str, Sequence[str]],
    allowed_origins: Sequence[str],
    allowed_hosts: Sequence[str],
) -> None:
    """Serve the API over HTTP until Ctrl-C."""
    log_to_stderr()
    # It warns of every request that finds all threads at work.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with ExitStack() as stack:
        stack.enter_context(told_in_one_sentence())
        # The port first: no job is started by a process that cannot serve.
        sockets = stack.enter_context(listening(host, port))
        new = new_place(data_dir, database_url)
        queue = stack.enter_context(
            opened(
                data_dir,
                dispatch=dispatch,
                database_url=database_url,
                checkpoints=checkpoints,
                loras=loras,
                model_dirs=model_dirs,
            )
        )
        warn_of_folders(queue.models.roots)
        introduce(queue, servers)
        only_here = all(is_loopback(each.getsockname()[0]) for each in sockets)
        app = create_app(
            queue,
            allowed_origins=allowed_origins,
            allowed_hosts=_names(host, allowed_hosts, only_here=only_here),
        )
        server = stack.enter_context(
            WebServer(
                app,
                sockets,
                threads=threads,
                largest_body=queue.settings.max_body_bytes,
            )
        )
        if not only_here:
            click.echo(
                f"Warning: {host} can be reached from other machines, and StableQueue asks nobody "
                "for a password. Put it behind a proxy that does.",
                err=True,
            )
        url = url_of(host, sockets[0].getsockname()[1])
        with stopped_by_signals(server.stop):
            click.echo(f"StableQueue listens on {url}{URL_PREFIX} (Ctrl-C stops it).")
            say("\n".join(start_lines(queue, data_dir, new, dispatch=dispatch)))
            server.run()
            click.echo(f"Stopping; running jobs have {queue.settings.close_grace:g} s to finish.")


@main.command()
@option("--forge", metavar="URL", help="A real Forge, run with --api, not a simulated one.")
@option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the database and the pictures; a new temporary one if not given.",
)
def demo(forge: str | None, data_dir: Path | None) -> None:
    """Make a few pictures, and show how.

    It shows everything that is needed for that.
    """
    from stablequeue_flask.demo import ALIAS, DemoFailed, served, show, simulated, tell

    folder = data_dir or Path(tempfile.mkdtemp(prefix="stablequeue-demo-"))
    with ExitStack() as stack:
        stack.enter_context(told_in_one_sentence())
        if forge is None:
            forges = stack.enter_context(simulated(DEMO_SECONDS_PER_STEP, DEMO_LOAD_SECONDS))
        else:
            forges = {ALIAS: forge}
        queue = stack.enter_context(opened(folder, dispatch=True))
        url = stack.enter_context(served(queue))
        click.echo(f"StableQueue listens on {url}{URL_PREFIX}\n")
        try:
            names = show(url, forges)
        except DemoFailed as error:
            raise click.ClickException(str(error)) from error
        tell(names, folder, queue.images.folder, forge or DEFAULT_FORGE)


if __name__ == "__main__":
    main()
