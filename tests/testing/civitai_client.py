"""Talks to a simulated Civitai as any program would: in-process, or over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    CivitaiSimulator,
    Origins,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedImage,
    SimulatedModel,
    SimulatedPicture,
    SimulatedVersion,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.model_files import vector_b, vector_c
from stablequeue_core.testing.simulated_http import generated
from stablequeue_core.transport import Request, Response, Timeouts, Transport
from stablequeue_core.transport.requests_transport import RequestsTransport

RECORDINGS = Path(__file__).parent.parent / "recordings" / "civitai"


def recording(name: str) -> Any:
    """A recorded body, or of an error its status, headers and body."""
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))


def recorded_page(name: str) -> str:
    """A recorded page, without the note of what it is."""
    text = (RECORDINGS / name).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("<!--"))


class Client:
    """Sends requests to Civitai, with the key of an active account unless told otherwise."""

    def __init__(
        self,
        civitai: SimulatedCivitai,
        transport: Transport | None = None,
        origins: Origins | None = None,
    ) -> None:
        self.civitai = civitai
        self.transport = transport or CivitaiSimulator(civitai)
        self.base = (origins or Origins()).api
        self.second = (origins or Origins()).second

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        key: str | None = GOOD_KEY,
        json: Any = None,
        patience: float = 5,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer to a request for a path, or for a whole address."""
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        url = path if "://" in path else self.base + path
        return self.transport.send(
            Request(
                method=method, url=url, headers=sent, json=json, timeouts=Timeouts(read=patience)
            )
        )

    def link(self, version_id: int = 700201, query: str = "") -> str:
        """A link to the storage."""
        answer = self.ask(f"/api/download/models/{version_id}{query}")
        assert answer.status == 307
        return answer.headers["location"]

    def fetch(self, link: str, **headers: str) -> Response:
        """What the storage answers to somebody who shows no key; ``if_range`` is ``If-Range``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(link, key=None, headers=sent)


CARRIERS = ("in process", "http")


@contextmanager
def carried(carrier: str, civitai: SimulatedCivitai) -> Iterator[Client]:
    """A client that reaches ``civitai`` in one of the two ways that there are."""
    if carrier == "in process":
        yield Client(civitai)
        return
    with CivitaiServer(civitai) as server, closing(RequestsTransport()) as transport:
        yield Client(civitai, transport, server.origins)


def recorded_civitai() -> SimulatedCivitai:
    """The Civitai whose answers were recorded; it is the day on which that was done."""
    civitai = SimulatedCivitai(clock=FakeClock(datetime(2026, 11, 23, tzinfo=UTC)))
    civitai.world.add(
        SimulatedAccount(key=GOOD_KEY),
        SimulatedModel(
            id=600101,
            name="Harbor Mix XL",
            description="<p>A merge for <strong>seaside</strong> scenes.</p>",
            tags=("base model", "landscape"),
            nsfw_level=5,
            versions=[_harbor()],
        ),
        SimulatedModel(
            id=600102,
            name="Ink Wash Style",
            type="LORA",
            tags=["style"],
            downloads=None,
            versions=[_ink(700303, "v3")],
        ),
        *(_recorded_image(number) for number in (51001, 51002, 51003, 51004)),
    )
    return civitai


def with_early_access(civitai: SimulatedCivitai) -> None:
    """Put the version that opens in December 2026 beside the LoRA."""
    civitai.world.add(
        SimulatedModel(
            id=600102,
            name="Ink Wash Style",
            type="LORA",
            versions=[
                _ink(
                    700304,
                    "v4 early",
                    published_at=datetime(2026, 11, 1, tzinfo=UTC),
                    early_access_until=datetime(2026, 12, 1, tzinfo=UTC),
                )
            ],
        )
    )


@cache
def _harbor() -> SimulatedVersion:
    told = {
        "AutoV2": "0123456789",
        "SHA256": "0123456789ABCDEF" * 4,
        "CRC32": "89ABCDEF",
        "BLAKE3": "FEDCBA9876543210" * 4,
    }
    return SimulatedVersion(
        id=700201,
        name="v2.0",
        description="<p>Second release.</p>",
        published_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        updated_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        files=[
            SimulatedFile(
                id=900101,
                name="harborMixXL_v20.safetensors",
                content=vector_c(),
                pruning="pruned",
                precision="fp16",
                blake3="4C3087C062A10A3B68BCACC939DE4BDFD00B074F4864750AD98547D8AD0579A5",
            ),
            SimulatedFile(
                id=900102,
                name="sdxl_vae.safetensors",
                content=b"vae",
                type="VAE",
                told_hashes=told,
                told_bytes=326798.34 * 1024,
                scanned_at="2026-03-02T08:16:01.000Z",
                scan_message=None,
            ),
        ],
        pictures=[
            _picture(50001, 1, meta=_meta()),
            _picture(50002, 2, is_film=True),
            _picture(50003, 3, nsfw_level=4),
        ],
    )


def _ink(version_id: int, name: str, **more: Any) -> SimulatedVersion:
    usual: dict[str, Any] = {"published_at": datetime(2026, 1, 10, 12, 5, tzinfo=UTC)}
    return SimulatedVersion(
        id=version_id,
        name=name,
        base_model="SD 1.5",
        trained_words=["inkwash style", "sumi-e"],
        created_at=datetime(2026, 1, 9, 20, tzinfo=UTC),
        updated_at=datetime(2026, 1, 10, 12, 5, tzinfo=UTC),
        downloads=987,
        thumbs_up=55,
        files=[
            SimulatedFile(
                id=900301,
                name="inkWash_v3.safetensors",
                content=vector_b(),
                blake3="9D265FE47CF39F6D86D09EE5BFF9E20C8E7471E0F691E641C896CDEEF1361117",
                scanned_at="2026-01-10T12:00:00.000Z",
            )
        ],
        pictures=[_picture(50011, 4)],
        **(usual | more),
    )


def _recorded_image(image_id: int) -> SimulatedImage:
    number = image_id - 51000
    is_film = image_id == 51003
    metas: Mapping[int, Any] = {51001: _meta(), 51002: recording("images")["items"][1]["meta"]}
    return SimulatedImage(
        picture=_picture(image_id, number, is_film=is_film, nsfw_level=2 if number == 2 else 1),
        meta=metas.get(image_id),
        version_ids=[700201, 700303],
        base_model="Illustrious",
    )


def _picture(
    picture_id: int, number: int, *, is_film: bool = False, **more: Any
) -> SimulatedPicture:
    return SimulatedPicture(
        id=picture_id,
        content=generated(5242880 if is_film else 1843200),
        is_film=is_film,
        uuid=f"0b6d2f10-1111-4a6b-9c3d-{number:012d}",
        **more,
    )


def _meta() -> Mapping[str, Any]:
    meta: Mapping[str, Any] = recording("images")["items"][0]["meta"]
    return meta
