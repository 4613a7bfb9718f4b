"""A demonstration that ends by itself: a Forge, a server, a few pictures, all over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import requests

from stablequeue_core import StableQueue
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.extension import OUTPUTS, URL_PREFIX, create_app
from stablequeue_flask.listening import listening
from stablequeue_flask.serving import WebServer

ALIAS = "demo"
POLL_SECONDS = 0.1
OFFLINE_SECONDS = 15.0
"""How long we wait for a server that does not answer before we give up."""

STEPS = 12
_ASKED: Sequence[tuple[str, str, int, int]] = (
    ("a lighthouse at dawn", "Pony/cyberrealisticPony_v8.safetensors", 512, 512),
    ("an old harbour in the rain", "sd_xl_base_1.0.safetensors", 768, 512),
    ("a fox in the snow", "Pony/ponyDiffusionV6XL.safetensors", 512, 768),
    ("a greenhouse at night", "Flux/flux1-dev-fp8.safetensors", 640, 640),
    ("a lighthouse at dusk", "Pony\\cyberrealisticPony_v8.safetensors", 768, 768),
)
"""Prompt, checkpoint of the simulated Forge, width, height."""


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


def show(url: str, forge_url: str, *, simulated: bool) -> list[str]:
    """Make a few pictures through the server at ``url``, and show how far they are.

    Args:
        url: where StableQueue is served.
        forge_url: the server that makes the pictures.
        simulated: whether it is ours, so that we know its checkpoints.

    Returns:
        the names of the pictures.

    Raises:
        DemoFailed: a job failed, or the server cannot be used.
    """
    with requests.Session() as session:
        api = _Api(session, url)
        _introduce(api, forge_url)
        jobs = _submit(api, with_checkpoint=simulated)
        ended = _watch(api, jobs)
        failed = [job for job in ended.values() if job["status"] != "completed"]
        if failed:
            details = failed[0]["result_details"]
            raise DemoFailed(f"{len(failed)} of {len(ended)} jobs failed: {details['message']}")
        names = [name for job in ended.values() for name in job["result_details"]["images"]]
        for name in names:
            api.fetch(f"{OUTPUTS}/{quote(name)}")
        # Whoever goes on with this folder shall not wait for a server that is gone.
        api.call("DELETE", f"/servers/{ALIAS}")
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


def _introduce(api: _Api, forge_url: str) -> None:
    servers = [server["alias"] for server in api.call("GET", "/servers")]
    if ALIAS in servers:  # the folder is that of an earlier demonstration that broke off
        api.call("PUT", f"/servers/{ALIAS}", {"apiUrl": forge_url})
    else:
        api.call("POST", "/servers", {"alias": ALIAS, "apiUrl": forge_url})


def _submit(api: _Api, *, with_checkpoint: bool) -> Mapping[str, str]:
    """Submit the jobs; their ids by label."""
    jobs = {}
    for prompt, checkpoint, width, height in _ASKED:
        params = {"positive_prompt": prompt, "width": width, "height": height, "steps": STEPS}
        if with_checkpoint:
            params["checkpoint_name"] = checkpoint
        body = {"target_server_alias": ALIAS, "generation_params": params}
        label = f"{prompt}, {width}x{height}"
        jobs[label] = api.call("POST", "/generate", body)["stablequeue_job_id"]
    return jobs


def _watch(api: _Api, jobs: Mapping[str, str]) -> Mapping[str, Any]:
    """Draw the jobs until all have ended; what became of them, by label."""
    bars = Bars()
    answered_at = time.monotonic()
    while True:
        seen = {
            label: api.call("GET", f"/queue/jobs/{job_id}/status") for label, job_id in jobs.items()
        }
        bars.draw({label: _line(job) for label, job in seen.items()})
        if all(job["completion_timestamp"] for job in seen.values()):
            return seen
        server = api.call("GET", f"/servers/{ALIAS}")
        if server["status"] in ("online", "unknown"):
            answered_at = time.monotonic()
        elif time.monotonic() - answered_at > OFFLINE_SECONDS:
            raise DemoFailed(
                f"The server at {server['apiUrl']} is {server['status']}: {server['last_error']}"
            )
        time.sleep(POLL_SECONDS)


def _line(job: Mapping[str, Any]) -> Line:
    progress = job["progress"]
    if job["status"] == "completed":
        return Line(1.0, "completed")
    if job["status"] == "processing" and progress:
        return Line(progress["fraction"], progress["phase"])
    return Line(0.0, job["waiting_reason"] or job["status"])


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
