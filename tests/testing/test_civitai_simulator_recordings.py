"""Answer by answer, the simulator against the recorded shapes of Civitai."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.testing.civitai_client import (
    Client,
    recorded_civitai,
    recorded_page,
    recording,
    with_early_access,
)

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    Fault,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.transport import Response

HASHES = "/api/v1/model-versions/by-hash"
DOWNLOAD = "/api/download/models/700201"
HARBOR_SHA256 = "F3CD8A9E1F7AD2E6DE5712C200BD21428E6E88F0BE336A38B6DFFFB226F03039"
INK_SHA256 = "863411B2A783F35D3DC34E0EC00FCC476E78CF7B9CDB9801541FB34639AA0845"


@pytest.fixture
def civitai() -> SimulatedCivitai:
    return recorded_civitai()


@pytest.fixture
def client(civitai: SimulatedCivitai) -> Client:
    return Client(civitai)


def without(value: Any, *names: str) -> Any:
    """JSON without the fields of these names, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(each, *names) for key, each in value.items() if key not in names}
    return [without(each, *names) for each in value] if isinstance(value, list) else value


def test_a_model(client: Client) -> None:
    ours = client.ask("/api/v1/models/600101").json()
    assert ours == recording("model")


def test_a_version(client: Client) -> None:
    ours = client.ask("/api/v1/model-versions/700201").json()
    theirs = recording("model_version")
    # The one thing that is told of a file in some answers, and not in others.
    assert without(ours, "overrideName") == theirs


def test_an_archived_version(civitai: SimulatedCivitai, client: Client) -> None:
    model = civitai.world.model(600102)
    assert model is not None
    civitai.world.add(
        SimulatedModel(
            id=600102, name=model.name, type="LORA", mode="Archived", versions=model.versions
        )
    )
    ours = client.ask("/api/v1/model-versions/700303").json()
    assert ours == recording("model_version_archived")


def test_a_version_in_early_access(civitai: SimulatedCivitai, client: Client) -> None:
    with_early_access(civitai)
    ours = client.ask("/api/v1/model-versions/700304").json()
    theirs = recording("model_version_early_access")
    assert without(ours, "air") == without(theirs, "air")


def test_a_list_of_models(client: Client) -> None:
    ours = client.ask("/api/v1/models?types=Checkpoint&types=LORA&limit=2").json()
    theirs = recording("models_list")
    assert without(ours["items"], "id") == without(theirs["items"], "id")


def test_the_last_page_of_a_list(client: Client) -> None:
    ours = client.ask("/api/v1/models?limit=2&cursor=1%7C2%7C3").json()
    assert ours == recording("models_last_page")


def test_a_version_found_by_its_hash(client: Client) -> None:
    ours = client.ask("/api/v1/model-versions/by-hash/863411b2a7").json()
    assert ours == recording("by_hash")


def test_versions_found_by_many_hashes(client: Client) -> None:
    ours = client.ask(HASHES, method="POST", json=[INK_SHA256, "F" * 64]).json()
    assert ours == recording("by_hash_bulk")


def test_ids_found_by_many_hashes(client: Client) -> None:
    asked = [HARBOR_SHA256, INK_SHA256, "F" * 64]
    ours = client.ask(f"{HASHES}/ids", method="POST", json=asked).json()
    assert ours == recording("by_hash_ids")


def test_images_of_a_version_have_their_meta_flat(client: Client) -> None:
    ours = client.ask("/api/v1/images?modelVersionId=700201&withMeta=true&limit=3").json()
    theirs = recording("images")
    assert ours["items"] == theirs["items"]
    assert set(ours["metadata"]) == set(theirs["metadata"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("images_imageid_wrapped_meta", "/api/v1/images?imageId=51001&withMeta=true"),
        ("images_imageid_hidden_meta", "/api/v1/images?imageId=51004&withMeta=true"),
    ],
)
def test_an_image_by_its_id_has_its_meta_wrapped(client: Client, name: str, path: str) -> None:
    assert client.ask(path).json() == recording(name)


def test_images_without_asking_for_meta_have_none(client: Client) -> None:
    ours = client.ask("/api/v1/images?postId=80001&limit=1").json()
    assert ours["items"] == recording("images_without_withmeta")["items"]


def test_the_account(client: Client) -> None:
    assert client.ask("/api/v1/me").json() == recording("me")


def _with(*things: Any) -> Callable[[Client], None]:
    return lambda client: client.civitai.world.add(*things)


def _ordered(where: str, fault: Fault, **details: Any) -> Callable[[Client], None]:
    return lambda client: client.civitai.faults.next(where, fault, **details)


def _archive(client: Client) -> None:
    model = client.civitai.world.model(600101)
    assert model is not None
    client.civitai.world.add(
        SimulatedModel(id=600101, name=model.name, mode="Archived", versions=model.versions)
    )


def _version(**more: Any) -> Callable[[Client], None]:
    """Let the recorded version be one of another kind."""

    def change(client: Client) -> None:
        listing = client.civitai.world.listing(700201)
        assert listing is not None
        version = SimulatedVersion(id=700201, files=listing.version.files, **more)
        client.civitai.world.add(
            SimulatedModel(id=600101, name="Harbor Mix XL", versions=[version])
        )

    return change


def _nothing(client: Client) -> None:
    """Everything is as it was recorded."""


@pytest.mark.parametrize(
    ("name", "prepare", "path", "how"),
    [
        ("error_400_bad_cursor", _nothing, "/api/v1/models?cursor=abc", {}),
        ("error_400_bad_id", _nothing, "/api/v1/models/abc", {}),
        ("error_400_bulk_hash", _nothing, HASHES, {"method": "POST", "json": ["nonsense"]}),
        ("error_400_query_with_page", _nothing, "/api/v1/models?query=fox&page=2", {}),
        ("error_401_unauthorized", _nothing, "/api/v1/me", {"key": None}),
        ("error_401_unauthorized", _nothing, "/api/v1/models?favorites=true", {"key": "wrong"}),
        ("error_401_download_login", _nothing, DOWNLOAD, {"key": None}),
        ("error_401_download_disabled", _version(usage_control="Generation"), DOWNLOAD, {}),
        (
            "error_403_forbidden",
            _with(SimulatedAccount(key=GOOD_KEY, is_blocked=True)),
            DOWNLOAD,
            {},
        ),
        ("error_403_no_access", _version(is_private=True), DOWNLOAD, {}),
        ("error_404_model", _nothing, "/api/v1/models/999999999", {}),
        ("error_404_version_or_hash", _nothing, f"{HASHES}/DEADBEEF00", {}),
        ("error_404_version_or_hash", _nothing, "/api/v1/model-versions/999999999", {}),
        ("error_404_download", _nothing, f"{DOWNLOAD}?type=Config", {}),
        ("error_405_method", _nothing, "/api/v1/models", {"method": "POST"}),
        ("error_410_archived", _archive, DOWNLOAD, {}),
        ("error_429_downloads", _ordered("download", Fault.TOO_MANY_DOWNLOADS), DOWNLOAD, {}),
        (
            "error_429_retry_after",
            _ordered("models", Fault.TOO_MANY_REQUESTS, retry_after=7),
            "/api/v1/models",
            {},
        ),
        ("error_429_too_many_pages", _nothing, "/api/v1/models?limit=100&page=11", {}),
        ("error_500_generic", _ordered("models", Fault.SERVER_ERROR), "/api/v1/models", {}),
        (
            "error_500_version",
            _ordered("model-versions", Fault.SERVER_ERROR),
            "/api/v1/model-versions/7",
            {},
        ),
        ("error_503_search", _ordered("models", Fault.BUSY), "/api/v1/models?query=fox", {}),
        ("error_503_images", _ordered("images", Fault.BUSY), "/api/v1/images", {}),
    ],
)
def test_an_error_is_told_in_civitais_own_words(
    client: Client,
    name: str,
    prepare: Callable[[Client], None],
    path: str,
    how: dict[str, Any],
) -> None:
    prepare(client)
    assert_same_answer(client.ask(path, **how), recording(name))


def test_lists_tell_what_is_wrong_as_an_object(client: Client) -> None:
    ours = client.ask("/api/v1/models?sort=Best")
    theirs = recording("error_400_list_validation")
    assert (ours.status, without(ours.json(), "message")) == (
        400,
        without(theirs["body"], "message"),
    )
    said, told = ours.json()["error"]["message"], theirs["body"]["error"]["message"]
    assert json.loads(said) == json.loads(told)


def test_early_access_is_told_with_its_end(civitai: SimulatedCivitai, client: Client) -> None:
    with_early_access(civitai)
    answer = client.ask("/api/download/models/700304")
    assert_same_answer(answer, recording("error_403_early_access"))


def test_a_version_without_any_file_is_an_error(civitai: SimulatedCivitai, client: Client) -> None:
    civitai.world.add(SimulatedModel(id=7, name="Bare", versions=[SimulatedVersion(id=70)]))
    answer = client.ask("/api/v1/model-versions/70")
    assert_same_answer(answer, recording("error_404_missing_file"))


@pytest.mark.parametrize(
    ("name", "status", "fault"),
    [
        ("error_200_login_page.html", 200, Fault.LOGIN_PAGE),
        ("error_403_challenge.html", 403, Fault.CHALLENGE),
        ("error_502_edge.html", 502, Fault.EDGE_ERROR),
    ],
)
def test_pages_for_people_come_as_html(
    civitai: SimulatedCivitai, client: Client, name: str, status: int, fault: Fault
) -> None:
    civitai.faults.next("api", fault)
    answer = client.ask("/api/v1/models/600101")
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    said = recorded_page(name).replace("civitai.example", "civitai.com")
    assert answer.body.decode().split() == said.split()


def test_a_storage_refuses_a_key_in_xml(client: Client) -> None:
    answer = client.ask(client.link())
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/xml"
    said = recorded_page("error_400_storage_auth_forwarded.xml")
    assert answer.body.decode().split() == said.split()


def assert_same_answer(ours: Response, told: Any) -> None:
    assert ours.status == told["status"]
    assert ours.json() == told["body"]
    for header, value in told["headers"].items():
        assert ours.headers[header.lower()] == value
    assert ("retry-after" in ours.headers) == ("Retry-After" in told["headers"])
