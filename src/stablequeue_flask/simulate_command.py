"""The ``stablequeue simulate-…`` commands: servers to try everything with, which need nothing."""

from __future__ import annotations

import click

from stablequeue_flask.listening import listening
from stablequeue_flask.opening import option, told_in_one_sentence
from stablequeue_flask.serving import until_stopped

host_option = option("--host", default="127.0.0.1", help="Address to serve.")


@click.command("simulate-forge")
@host_option
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
    """Run a simulated Forge, until Ctrl-C.

    It needs no graphics card.
    """
    from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

    _check_address(host, port)
    forge = SimulatedForge.with_sample_models(
        seconds_per_step=seconds_per_step, load_seconds=load_seconds
    )
    with ForgeServer(forge, host=host, port=port) as server, until_stopped():
        click.echo(f"A simulated Forge listens on {server.url} (Ctrl-C stops it).")


@click.command("simulate-civitai")
@host_option
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7950,
    help="Port to serve; 0 takes any free one.",
)
def simulate_civitai(host: str, port: int) -> None:
    """Run a simulated Civitai, until Ctrl-C.

    It has a few small models and pictures.
    """
    from stablequeue_core.testing.civitai_simulator import CivitaiServer, SimulatedCivitai
    from stablequeue_core.testing.civitai_simulator.sample_world import GOOD_KEY

    _check_address(host, port)
    civitai = SimulatedCivitai.with_sample_models()
    with CivitaiServer(civitai, host=host, port=port) as server, until_stopped():
        click.echo(f"A simulated Civitai listens on {server.url} (Ctrl-C stops it).")
        click.echo("StableQueue uses it where these variables are set:")
        click.echo(f"  STABLEQUEUE_CIVITAI_URL={server.url}")
        click.echo(f"  STABLEQUEUE_CIVITAI_SECOND_URL={server.second_url}")
        click.echo("  STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS=1")
        click.echo(f"  CIVITAI_API_KEY={GOOD_KEY}")


def _check_address(host: str, port: int) -> None:
    """Say in our words what is wrong with it, if anything is."""
    with told_in_one_sentence(), listening(host, port):
        pass
