"""Models, versions and hashes: what the API answers to whom."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from tests.testing.civitai_client import Client

from stablequeue_core.testing.civitai_simulator import (
    BANNED_KEY,
    GOOD_KEY,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.civitai_simulator.models import DAY
from stablequeue_core.testing.model_files import (
    vector_a,
    vector_b,
    vector_c,
    vector_d,
    vector_e,
)

RED = "https://civitai.red"


@pytest.fixture
def civitai() -> SimulatedCivitai:
    return SimulatedCivitai.with_sample_models()


@pytest.fixture
def client(civitai: SimulatedCivitai) -> Client:
    return Client(civitai)


def ids(client: Client, query: str) -> list[int]:
    return [item["id"] for item in client.ask(f"/api/v1/models?{query}").json()["items"]]


def version(version_id: int, *contents: bytes, **more: object) -> SimulatedModel:
    """A model with one version, whose id is ten times as large as the model's."""
    files = [
        SimulatedFile(id=version_id * 10 + i, name=f"{i}.safetensors", content=content)
        for i, content in enumerate(contents)
    ]
    versions = [SimulatedVersion(id=version_id, files=files, **more)]  # type: ignore[arg-type]
    return SimulatedModel(id=version_id // 10, name="Fox", versions=versions)


# Keys


@pytest.mark.parametrize("key", ["a wrong one", BANNED_KEY, None])
def test_a_bad_key_makes_the_call_anonymous(client: Client, key: str | None) -> None:
    assert client.ask("/api/v1/models/600101", key=key).status == 200
    assert client.ask("/api/v1/me", key=key).status == 401


def test_a_key_in_the_query_works_but_the_header_wins(client: Client) -> None:
    assert client.ask(f"/api/v1/me?token={GOOD_KEY}", key=None).status == 200
    assert client.ask(f"/api/v1/me?token={GOOD_KEY}", key="wrong").status == 401


def test_the_second_word_of_the_header_is_the_key_whatever_the_first_is(client: Client) -> None:
    headers = {"Authorization": f"Nonsense {GOOD_KEY}"}
    assert client.ask("/api/v1/me", key=None, headers=headers).status == 200


def test_the_agent_of_pythons_own_library_meets_the_firewall(client: Client) -> None:
    answer = client.ask("/api/v1/models/600101", headers={"User-Agent": "Python-urllib/3.12"})
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")


# Lists


def test_a_list_goes_by_cursors_to_its_end(client: Client) -> None:
    found: list[int] = []
    path = "/api/v1/models?limit=2&nsfw=true"
    while path:
        page = client.ask(path).json()
        found += [item["id"] for item in page["items"]]
        path = page["metadata"].get("nextPage", "")
    assert found == [600101, 600102, 600103, 600104, 600105, 600106]


def test_the_next_page_is_at_the_host_that_was_asked(client: Client) -> None:
    page = client.ask(f"{RED}/api/v1/models?limit=1&types=LORA&types=VAE").json()
    assert page["metadata"]["nextPage"].startswith(f"{RED}/api/v1/models?")
    assert "types=LORA&types=VAE" in page["metadata"]["nextPage"]


def test_a_page_by_number_tells_its_number(client: Client) -> None:
    metadata = client.ask("/api/v1/models?limit=2&page=2").json()["metadata"]
    assert (metadata["currentPage"], metadata["pageSize"]) == (2, 2)


def test_the_cursor_of_a_text_search_is_a_number(client: Client) -> None:
    page = client.ask("/api/v1/models?query=harbor&limit=1").json()
    assert [item["name"] for item in page["items"]] == ["Harbor Mix XL"]
    assert page["metadata"]["nextCursor"] == "1"
    assert ids(client, "query=harbor&limit=1&cursor=1") == [600103]


def test_kinds_are_repeated_a_comma_list_is_one_unknown_kind(client: Client) -> None:
    assert ids(client, "types=Checkpoint&types=VAE") == [600101]
    assert client.ask("/api/v1/models?types=Checkpoint,VAE").status == 400


def test_ids_are_a_list_with_commas(client: Client) -> None:
    assert ids(client, "ids=600102,600101,5") == [600101, 600102]
    assert ids(client, "modelVersionIds=700303") == [600102]
    assert client.ask("/api/v1/models?ids=600102,x").status == 400


@pytest.mark.parametrize("query", ["limit=101", "limit=-1", "limit=x", "page=0", "sort=Best"])
def test_a_bad_parameter_is_refused(client: Client, query: str) -> None:
    assert client.ask(f"/api/v1/models?{query}").status == 400


def test_what_is_not_for_everybody_is_listed_only_to_who_asks_for_it(
    civitai: SimulatedCivitai, client: Client
) -> None:
    civitai.world.add(SimulatedModel(id=7, name="Night", is_nsfw=True))
    assert 7 not in ids(client, "limit=100")
    assert 7 in ids(client, "limit=100&nsfw=true")


# Two hosts


@pytest.mark.parametrize("path", ["models/600107", "model-versions/700801"])
def test_some_models_are_known_to_the_second_host_only(client: Client, path: str) -> None:
    assert client.ask(f"/api/v1/{path}").status == 404
    assert client.ask(f"{RED}/api/v1/{path}").status == 200


def test_addresses_of_downloads_name_the_host_that_was_asked(client: Client) -> None:
    told = client.ask(f"{RED}/api/v1/model-versions/700801").json()["downloadUrl"]
    assert told == f"{RED}/api/download/models/700801"


# By id


@pytest.mark.parametrize("model_id", ["0", "2147483648", "x", "-1", "1.5"])
def test_a_bad_id_is_refused_with_a_sentence(client: Client, model_id: str) -> None:
    answer = client.ask(f"/api/v1/models/{model_id}")
    assert answer.status == 400
    assert isinstance(answer.json()["error"], str)


def test_an_archived_model_has_no_files_and_no_way_to_them(client: Client) -> None:
    told = client.ask("/api/v1/model-versions/700401").json()
    assert (told["files"], told["model"]["mode"]) == ([], "Archived")
    assert "downloadUrl" not in told
    assert client.ask("/api/v1/models/600103").json()["modelVersions"][0].get("files") is None


def test_a_model_that_was_taken_down_shows_no_pictures(
    civitai: SimulatedCivitai, client: Client
) -> None:
    model = civitai.world.model(600101)
    assert model is not None
    civitai.world.add(
        SimulatedModel(id=600101, name="Gone", mode="TakenDown", versions=model.versions)
    )
    told = client.ask("/api/v1/model-versions/700201").json()
    assert (told["images"], len(told["files"])) == ([], 2)


def test_a_version_tells_whether_it_is_to_be_paid_for(client: Client) -> None:
    def paid(version_id: int) -> object:
        return client.ask(f"/api/v1/model-versions/{version_id}").json()["paidAccess"]

    assert paid(700303) is None
    assert paid(700304) == {"permanent": False, "endsAt": "2099-12-01T00:00:00.000Z"}
    assert paid(700501) == {"permanent": True, "endsAt": None}


def test_a_new_version_may_be_missing_from_its_models_list(
    civitai: SimulatedCivitai, client: Client
) -> None:
    civitai.world.add(version(70, b"fox", is_listed=False))
    assert client.ask("/api/v1/models/7").json().get("modelVersions") == []
    assert client.ask("/api/v1/model-versions/70").status == 200


def test_the_primary_file_is_the_one_that_civitai_prefers(
    civitai: SimulatedCivitai, client: Client
) -> None:
    kinds = [("Config", None), ("Training Data", None), ("Model", "full"), ("Model", "pruned")]
    files = [
        SimulatedFile(id=700 + i, name=f"{i}", content=b"x", type=kind, pruning=pruning)
        for i, (kind, pruning) in enumerate(kinds)
    ]
    versions = [SimulatedVersion(id=70, files=files)]
    civitai.world.add(SimulatedModel(id=7, name="Fox", versions=versions))
    told = client.ask("/api/v1/model-versions/70").json()["files"]
    assert [file["primary"] for file in told] == [False, False, False, True]
    assert told[2]["downloadUrl"].endswith("?type=Model&format=SafeTensor&size=full")


def test_an_unknown_address_is_a_page_for_people(client: Client) -> None:
    answer = client.ask("/api/v1/nonsense")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


# Hashes


@pytest.mark.parametrize(
    "hashes",
    [
        (vector_a(), None, "4646B8CA23", "B9C80B5ADECA", "6D23E465"),
        (vector_b(), None, "863411B2A7", "B9C80B5ADECA", "F33DEF97"),
        (vector_c(), "3C489728", "F3CD8A9E1F", "715F9963F3B2", "0CE0EC9D"),
        (vector_d(), None, "B94D27B993", None, "85114A0D"),
        (vector_e(), None, "5101AA9262", "E3B0C44298FC", "E09D1ACD"),
    ],
    ids=["a", "b", "c", "d", "e"],
)
def test_hashes_are_those_of_the_file(
    hashes: tuple[bytes, str | None, str, str | None, str],
) -> None:
    content, autov1, autov2, autov3, crc32 = hashes
    told = SimulatedFile(id=1, name="x", content=content).hashes
    assert told["SHA256"] == hashlib.sha256(content).hexdigest().upper()
    assert (told.get("AutoV1"), told["AutoV2"], told["CRC32"]) == (autov1, autov2, crc32)
    if autov3 is not None:
        assert told["AutoV3"] == autov3


@pytest.mark.parametrize("kind", ["AutoV2", "AutoV3", "SHA256", "CRC32"])
def test_a_version_is_found_by_any_hash_in_any_case(client: Client, kind: str) -> None:
    digest = client.ask("/api/v1/model-versions/700303").json()["files"][0]["hashes"][kind]
    for text in (digest, digest.lower()):
        assert client.ask(f"/api/v1/model-versions/by-hash/{text}").json()["id"] == 700303


def test_of_two_versions_with_one_hash_the_earliest_is_told(client: Client) -> None:
    hashes = client.ask("/api/v1/model-versions/700702").json()["files"][0]["hashes"]
    answer = client.ask(f"/api/v1/model-versions/by-hash/{hashes['SHA256']}")
    assert answer.json()["id"] == 700701
    many = client.ask(
        "/api/v1/model-versions/by-hash/ids", method="POST", json=[hashes["SHA256"]]
    ).json()
    assert {row["modelVersionId"] for row in many} == {700701, 700702}


def test_a_version_that_is_not_published_is_found_by_no_hash(
    civitai: SimulatedCivitai, client: Client
) -> None:
    civitai.world.add(version(70, b"fox", status="Draft"))
    digest = hashlib.sha256(b"fox").hexdigest()
    assert client.ask(f"/api/v1/model-versions/by-hash/{digest}").status == 404
    assert client.ask("/api/v1/model-versions/70").status == 200


def test_hashes_can_lie_or_be_missing(civitai: SimulatedCivitai, client: Client) -> None:
    lying = SimulatedFile(id=1, name="a", content=b"a", told_hashes={"SHA256": "AB" * 32})
    unscanned = SimulatedFile(id=2, name="b", content=b"b", told_hashes={}, scanned_at=None)
    versions = [SimulatedVersion(id=70, files=[lying, unscanned])]
    civitai.world.add(SimulatedModel(id=7, name="Fox", versions=versions))
    told = client.ask(f"/api/v1/model-versions/by-hash/{'ab' * 32}").json()
    assert [file["hashes"] for file in told["files"]] == [{"SHA256": "AB" * 32}, {}]
    assert told["files"][1]["pickleScanResult"] == "Pending"


def test_many_hashes_come_back_in_another_order_with_a_null_and_a_host_that_is_none(
    client: Client,
) -> None:
    asked = [
        client.ask(f"/api/v1/model-versions/{each}").json()["files"][0]["hashes"]["SHA256"]
        for each in (700201, 700303)
    ]
    told = client.ask(
        "/api/v1/model-versions/by-hash", method="POST", json=[*asked, "F" * 64]
    ).json()
    assert [each and each["id"] for each in told] == [700303, None, 700201]
    assert {urlsplit(each["downloadUrl"]).netloc for each in told if each} == {"undefined"}


@pytest.mark.parametrize(("path", "most"), [("by-hash", 100), ("by-hash/ids", 10_000)])
def test_look_ups_for_many_have_their_limits(client: Client, path: str, most: int) -> None:
    asked = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(most + 1)]
    url = f"/api/v1/model-versions/{path}"
    assert client.ask(url, method="POST", json=asked[:most]).status == 200
    assert client.ask(url, method="POST", json=asked).status == 400
    assert client.ask(url, method="POST", json=["AB" * 16]).status == 400
    assert client.ask(url, method="POST", json={"hashes": asked[:1]}).status == 400


def test_the_world_may_change_at_any_time(civitai: SimulatedCivitai, client: Client) -> None:
    digest = hashlib.sha256(b"fox").hexdigest()
    civitai.world.add(version(70, b"fox", published_at=DAY + timedelta(days=1)))
    assert client.ask(f"/api/v1/model-versions/by-hash/{digest}").json()["id"] == 70
    civitai.world.remove_model(7)
    assert client.ask(f"/api/v1/model-versions/by-hash/{digest}").status == 404
    civitai.world.remove_account(GOOD_KEY)
    assert client.ask("/api/v1/me").status == 401
