"""A demonstration that ends by itself: a Forge, a server, a few pictures, all over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import requests
from attrs import frozen

from stablequeue_core import StableQueue
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.extension import OUTPUTS, URL_PREFIX, create_app
from stablequeue_flask.listening import listening
from stablequeue_flask.serving import WebServer

ALIAS = "demo"
"""The alias of a real Forge."""

LINUX, WINDOWS = "linux", "windows"
"""The aliases of the simulated ones: each knows its checkpoints by paths of its own system."""

POLL_SECONDS = 0.1
OFFLINE_SECONDS = 15.0
"""How long we wait for a server that does not answer before we give up."""

STEPS = 12


@frozen
class Asked:
    """A picture to make: its prompt, on which simulated Forge, by which checkpoint, its size."""

    prompt: str
    server: str
    checkpoint: str
    width: int
    height: int


ASKED: Sequence[Asked] = (
    Asked("a lighthouse at dawn", LINUX, "Pony\\cyberrealisticPony_v8.safetensors", 512, 512),
    Asked("an old harbour in the rain", WINDOWS, "sd_xl_base_1.0", 768, 512),
    Asked("a fox in the snow", LINUX, "Pony/ponyDiffusionV6XL.safetensors", 512, 768),
    Asked("a greenhouse at night", WINDOWS, "Flux/flux1-dev-fp8.safetensors", 640, 640),
    Asked("a lighthouse at dusk", WINDOWS, "Pony/cyberrealisticPony_v8.safetensors", 768, 768),
)


class DemoFailed(Exception):
    """The demonstration did not end well; the message says why."""


@contextmanager
def served(queue: StableQueue) -> Iterator[str]:
    """Serve ``queue`` on a free port of this machine, on a thread; the block gets the URL."""
    app = create_app(queue, allowed_hosts=())
    with (
        listening("127.0.0.1", 0) as sockets,
        WebServer(app, sockets, largest_body=queue.settings.max_body_bytes) as server,
    ):
        thread = threading.Thread(target=server.run, name="demo-server", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        finally:
            server.stop()
            thread.join()


@contextmanager
def simulated(seconds_per_step: float, load_seconds: float) -> Iterator[Mapping[str, str]]:
    """Run a simulated Forge of each system; the block gets their URLs by alias."""
    from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

    with ExitStack() as stack:
        urls = {}
        for alias, system, separator in (
            (LINUX, "Linux", "/"),
            (WINDOWS, "Windows", "\\"),
        ):
            forge = SimulatedForge.with_sample_models(
                separator=separator, seconds_per_step=seconds_per_step, load_seconds=load_seconds
            )
            urls[alias] = stack.enter_context(ForgeServer(forge)).url
            click.echo(f"A simulated Forge on {system} listens on {urls[alias]}")
        yield urls


def show(url: str, forges: Mapping[str, str]) -> list[str]:
    """Make a few pictures through the server at ``url``, and show how far they are.

    Args:
        url: where StableQueue is served.
        forges: who makes the pictures: URLs by alias. Of the simulated ones we know the
            checkpoints; any other renders with what it has loaded.

    Returns:
        the names of the pictures.

    Raises:
        DemoFailed: a job failed, or a server cannot be used.
    """
    with requests.Session() as session:
        api = _Api(session, url)
        for alias, forge_url in forges.items():
            _introduce(api, alias, forge_url)
        jobs = _submit(api, forges)
        ended = _watch(api, jobs, list(forges))
        failed = [job for job in ended.values() if job["status"] != "completed"]
        if failed:
            details = failed[0]["result_details"]
            raise DemoFailed(f"{len(failed)} of {len(ended)} jobs failed: {details['message']}")
        names = [name for job in ended.values() for name in job["result_details"]["images"]]
        for name in names:
            api.fetch(f"{OUTPUTS}/{quote(name)}")
        _tell_proofs(ended)
        # Whoever goes on with this folder shall not wait for servers that are gone.
        for alias in forges:
            api.call("DELETE", f"/servers/{alias}")
        return names


class _Api:
    """The HTTP API, as any client sees it."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        # Proxies of the environment are not for a server on this machine.
        self._session.trust_env = False
        self._url = url

    def call(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self._url}{URL_PREFIX}{path}"
        answer = self._session.request(method, url, json=body, timeout=30)
        if answer.status_code >= 400:
            message = answer.json()["message"]
            raise DemoFailed(f"{method} {path} was answered with {answer.status_code}: {message}")
        return answer.json()

    def fetch(self, path: str) -> None:
        answer = self._session.get(f"{self._url}{path}", timeout=30)
        if answer.status_code != 200 or not answer.content:
            raise DemoFailed(f"GET {path} was answered with {answer.status_code}.")


def _introduce(api: _Api, alias: str, forge_url: str) -> None:
    servers = [server["alias"] for server in api.call("GET", "/servers")]
    if alias in servers:  # the folder is that of an earlier demonstration that broke off
        api.call("PUT", f"/servers/{alias}", {"apiUrl": forge_url})
    else:
        api.call("POST", "/servers", {"alias": alias, "apiUrl": forge_url})


def _submit(api: _Api, forges: Mapping[str, str]) -> Mapping[str, str]:
    """Submit the jobs; their ids by label."""
    jobs = {}
    for asked in ASKED:
        params: dict[str, Any] = {
            "positive_prompt": asked.prompt,
            "width": asked.width,
            "height": asked.height,
            "steps": STEPS,
        }
        target = ALIAS
        if asked.server in forges:
            params["checkpoint_name"] = asked.checkpoint
            target = asked.server
        body = {"target_server_alias": target, "generation_params": params}
        jobs[asked.prompt] = api.call("POST", "/generate", body)["stablequeue_job_id"]
    return jobs


def _watch(
    api: _Api, jobs: Mapping[str, str], aliases: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Show how far the jobs are until all have ended; their last state by label."""
    bars = Bars()
    answered_at = time.monotonic()
    while True:
        seen = {
            label: api.call("GET", f"/queue/jobs/{job_id}/status") for label, job_id in jobs.items()
        }
        bars.draw({label: _line(job) for label, job in seen.items()})
        if all(job["completion_timestamp"] for job in seen.values()):
            return seen
        servers = [api.call("GET", f"/servers/{alias}") for alias in aliases]
        silent = [each for each in servers if each["status"] not in ("online", "unknown")]
        if not silent:
            answered_at = time.monotonic()
        elif time.monotonic() - answered_at > OFFLINE_SECONDS:
            url, status, error = (silent[0][key] for key in ("apiUrl", "status", "last_error"))
            raise DemoFailed(f"The server at {url} is {status}: {error}")
        time.sleep(POLL_SECONDS)


def _line(job: Mapping[str, Any]) -> Line:
    progress = job["progress"]
    if job["status"] == "completed":
        return Line(1.0, "completed")
    if job["status"] == "processing" and progress:
        return Line(progress["fraction"], progress["phase"])
    return Line(0.0, job["waiting_reason"] or job["status"])


def _tell_proofs(jobs: Mapping[str, Mapping[str, Any]]) -> None:
    """Show which checkpoint each job named, and what its server has proved to render with."""
    lines = []
    for job in jobs.values():
        asked = job["generation_params"].get("checkpoint_name")
        proof = job["result_details"]["proof"].get("checkpoint")
        if asked and proof:
            lines.append((job["target_server_alias"], asked, proof["asked"]))
    if lines:
        click.echo("\nThe right model, proved (asked for -> what that server rendered with):")
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for server, asked, rendered in lines:
            click.echo(f"  {server:<{widths[0]}}  {asked:<{widths[1]}} -> {rendered}")


def tell(names: Sequence[str], data_dir: Path, image_folder: Path, forge_url: str) -> None:
    """Say where the pictures are, and what to do next."""
    serve = ["stablequeue", "serve", "--data-dir", str(data_dir), "--server", f"Laptop={forge_url}"]
    body = {
        "target_server_alias": "Laptop",
        "generation_params": {"positive_prompt": "a lighthouse at dawn"},
    }
    curl = ["curl", f"http://127.0.0.1:8083{URL_PREFIX}/generate"]
    curl += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    click.echo(f"\n{len(names)} pictures in {image_folder}:")
    click.echo("".join(f"  {name}\n" for name in names))
    click.echo(f"Start the server, for a Forge that runs with --api:\n  {join(serve)}")
    click.echo(f"Ask it for a picture:\n  {join(curl)}")
