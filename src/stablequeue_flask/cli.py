"""The ``stablequeue`` command. Each option can also be set by a ``STABLEQUEUE_*`` variable."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from stablequeue_core import StableQueue
from stablequeue_flask.extension import URL_PREFIX, create_app
from stablequeue_flask.foreign import host_name, origin
from stablequeue_flask.listening import is_loopback, listening, url_of
from stablequeue_flask.models_command import models
from stablequeue_flask.opening import (
    data_dir_option,
    model_folder_options,
    opened,
    option,
    told_in_one_sentence,
    warn_of_folders,
)
from stablequeue_flask.serving import THREADS, WebServer, stopped_by_signals

DEFAULT_FORGE = "http://127.0.0.1:7860"
DEMO_SECONDS_PER_STEP = 0.04
DEMO_LOAD_SECONDS = 0.4


@click.group(context_settings={"auto_envvar_prefix": "STABLEQUEUE", "show_default": True})
@click.version_option(package_name="stablequeue")
def main() -> None:
    """A durable job queue that drives Stable Diffusion WebUI Forge servers."""


main.add_command(models)


def _servers(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    servers = {}
    for text in texts:
        alias, equals, url = text.partition("=")
        if not equals or not alias:
            raise click.BadParameter(f"{text!r} must look like Laptop=http://127.0.0.1:7860.")
        servers[alias] = url
    return servers


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
    help="Whether this process runs jobs, or only takes them.",
)
@option(
    "--server",
    "servers",
    multiple=True,
    callback=_servers,
    metavar="ALIAS=URL",
    envvar="STABLEQUEUE_SERVERS",
    help="A Forge server to use, added or changed at the start; may be given several times.",
)
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
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It warns of every request that finds all threads at work.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with ExitStack() as stack:
        stack.enter_context(told_in_one_sentence())
        # The port first: no job is started by a process that cannot serve.
        sockets = stack.enter_context(listening(host, port))
        queue = stack.enter_context(
            opened(
                data_dir,
                dispatch=dispatch,
                checkpoints=checkpoints,
                loras=loras,
                model_dirs=model_dirs,
            )
        )
        warn_of_folders(queue.models.roots)
        _introduce(queue, servers)
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
            server.run()
            click.echo(f"Stopping; running jobs have {queue.settings.close_grace:g} s to finish.")


@main.command("simulate-forge")
@option("--host", default="127.0.0.1", help="Address to serve.")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7860,
    help="Port to serve; 0 takes any free one.",
)
@option(
    "--seconds-per-step", type=click.FloatRange(0), default=0.05, help="Time for one sampling step."
)
@option(
    "--load-seconds",
    type=click.FloatRange(0),
    default=0.5,
    help="Time for loading another checkpoint.",
)
def simulate_forge(host: str, port: int, seconds_per_step: float, load_seconds: float) -> None:
    """Run a simulated Forge, which needs no graphics card, until Ctrl-C."""
    from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

    with told_in_one_sentence(), listening(host, port):
        pass  # Says in our words what is wrong with the address, if anything is.
    forge = SimulatedForge.with_sample_models(
        seconds_per_step=seconds_per_step, load_seconds=load_seconds
    )
    stop = threading.Event()
    with ForgeServer(forge, host=host, port=port) as server, stopped_by_signals(stop.set):
        click.echo(f"A simulated Forge listens on {server.url} (Ctrl-C stops it).")
        # On Windows, Ctrl-C does not wake who waits for ever.
        while not stop.wait(0.5):
            pass


@main.command()
@option("--forge", metavar="URL", help="A real Forge, run with --api, not a simulated one.")
@option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the database and the pictures; a new temporary one if not given.",
)
def demo(forge: str | None, data_dir: Path | None) -> None:
    """Make a few pictures, and show everything that is needed for it."""
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


def _introduce(queue: StableQueue, servers: dict[str, str]) -> None:
    """Add the servers, or change where they are."""
    present = {server.alias: server.api_url for server in queue.servers.list()}
    for alias, url in servers.items():
        if alias not in present:
            queue.servers.add(alias, url)
        elif url.rstrip("/") != present[alias]:
            queue.servers.update(alias, {"api_url": url})


if __name__ == "__main__":
    main()
