"""Jobs that have their models fetched, over HTTP from end to end, with everything on real ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from tests.worlds import LORAS, World, with_settings

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    Fault,
    SimulatedCivitai,
)
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge
from stablequeue_core.testing.forge_simulator.files import LoraFile
from stablequeue_core.transport.requests_transport import RequestsTransport
from stablequeue_flask import create_app

INK = "urn:air:sdxl:lora:civitai:600102@700303"
SMALL = {"positive_prompt": "a fox, <lora:inkWash_v3:0.8>", "width": 64, "height": 64, "steps": 4}


class WorldOnPorts(World):
    """A world whose servers are where they say."""

    ports: Mapping[str, str]

    def url(self, alias: str) -> str:
        """Where the server is."""
        return self.ports[alias]


@frozen
class Town:
    """A queue that dispatches, a client for it, and the servers that it speaks with."""

    world: World
    client: Any
    civitai: SimulatedCivitai
    forge: SimulatedForge

    def generate(self, **params: object) -> Any:
        body = {"target_server_alias": "Laptop", "generation_params": {**SMALL, **params}}
        return self.client.post("/api/v1/generate", json=body)

    def job(self, job_id: str) -> Any:
        return self.client.get(f"/api/v1/queue/jobs/{job_id}/status").json

    def submitted(self, **params: object) -> str:
        return str(self.generate(**params).json["stablequeue_job_id"])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    forge, civitai = SimulatedForge.with_sample_models(), SimulatedCivitai.with_sample_models()
    with ExitStack() as stack:
        laptop = stack.enter_context(ForgeServer(forge))
        port = stack.enter_context(CivitaiServer(civitai))
        (tmp_path / LORAS).mkdir()
        world = WorldOnPorts(
            tmp_path / "queue",
            {"Laptop": forge},
            settings=with_settings(
                civitai_url=port.url,
                civitai_second_url=port.second_url,
                civitai_api_key=GOOD_KEY,
                allow_private_downloads=True,
            ),
            transport=RequestsTransport(),
            loras=tmp_path / LORAS,
        )
        world.ports = {"Laptop": laptop.url}
        stack.callback(world.close, grace=0)
        yield Town(world, create_app(world.queue).test_client(), civitai, forge)


def test_a_job_shows_what_it_waits_for_and_runs_when_that_is_there(
    town: Town, tmp_path: Path
) -> None:
    town.civitai.faults.next("storage", Fault.STALL, after=60_000)
    job_id = town.submitted(on_missing_model="download", model_sources={"inkWash_v3": INK})
    town.world.until(lambda: [each["fraction"] for each in town.job(job_id)["waits_for"]] > [0.3])
    job = town.job(job_id)
    (waited_for,) = job["waits_for"]
    assert list(waited_for) == ["downloadId", "status", "filename", "fraction"]
    assert (waited_for["status"], waited_for["filename"]) == (
        "downloading",
        "inkWash_v3.safetensors",
    )
    assert (job["status"], job["attempts"]) == ("pending", [])
    assert "inkWash_v3" in job["waiting_reason"]
    town.forge.disk.add(LoraFile(path="inkWash_v3.safetensors"))  # the folder is the server's, too
    for verb in ("pause", "resume"):
        town.client.post(f"/api/v1/downloads/{waited_for['downloadId']}/{verb}")
    town.world.queue.wait(job_id, timeout=20)
    job = town.job(job_id)
    assert job["status"] == "completed", job
    assert job["waits_for"] == []
    assert (tmp_path / LORAS / "inkWash_v3.safetensors").exists()
    assert not town.civitai.leaks


def test_without_that_wish_the_job_fails_as_ever(town: Town) -> None:
    job_id = town.submitted()
    town.world.queue.wait(job_id, timeout=10)
    assert town.job(job_id)["result_details"]["error"] == "unknown_lora"
    assert town.client.get("/api/v1/downloads").json["total"] == 0


def test_a_model_that_can_not_be_had_fails_the_job_with_the_reason(town: Town) -> None:
    job_id = town.submitted(on_missing_model="download", model_sources={"inkWash_v3": "700501"})
    town.world.queue.wait(job_id, timeout=20)
    details = town.job(job_id)["result_details"]
    assert "is sold at Civitai" in details["message"]


def test_a_picture_at_civitai_becomes_a_job_by_sending_its_parameters_back(town: Town) -> None:
    answer = town.client.get("/api/v1/civitai/image-info?imageId=51001")
    params = {**answer.json["generationParams"], **SMALL, "on_missing_model": "download"}
    assert town.generate(**params).status_code == 202


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({"on_missing_model": "fetch"}, ["on_missing_model"]),
        ({"on_missing_model": 5}, ["on_missing_model"]),
        ({"model_sources": "700303"}, ["model_sources"]),
        ({"model_sources": {"ink": "https://example.org/x"}}, ["model_sources.ink"]),
        (
            {"on_missing_model": [], "model_sources": {"a": "", "b": "700303"}},
            ["on_missing_model", "model_sources.a"],
        ),
    ],
    ids=str,
)
def test_a_wish_that_nobody_understands_is_400_with_the_path_of_each_field(
    town: Town, params: dict[str, object], paths: list[str]
) -> None:
    answer = town.generate(**params)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_params")
    assert [problem["path"] for problem in answer.json["details"]["fields"]] == [
        f"generation_params.{path}" for path in paths
    ]


def test_a_download_that_is_gone_is_listed_with_its_id_only(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody has cleaned up the database."""
    town.civitai.faults.next("storage", Fault.STALL, after=60_000)
    job_id = town.submitted(on_missing_model="download", model_sources={"inkWash_v3": INK})
    town.world.until(lambda: town.job(job_id)["waits_for"])
    (waited_for,) = town.job(job_id)["waits_for"]
    get = town.world.queue.downloads.get
    monkeypatch.setattr(town.world.queue.downloads, "get", lambda _: get("nothing"))
    assert town.job(job_id)["waits_for"] == [{"downloadId": waited_for["downloadId"]}]
