"""What the client asks, and what it makes of the answers."""

from __future__ import annotations

import hashlib

import pytest
from tests.civitai.clients import client_of, in_json, visitor

from stablequeue_core.civitai.client.client import HASHES_A_CALL, VERSIONS_A_CALL
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiNotFound,
    LoginNeeded,
)
from stablequeue_core.models import CivitaiCandidate
from stablequeue_core.testing.civitai_simulator import (
    BANNED_KEY,
    GOOD_KEY,
    SimulatedFile,
    SimulatedImage,
    SimulatedModel,
    SimulatedPicture,
    SimulatedVersion,
)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_version_is_asked_for_by_its_id() -> None:
    to = visitor()
    version = to.client.version(700201)
    assert (version.id, version.model_id, version.model_name) == (700201, 600101, "Harbor Mix XL")
    assert to.asked == ["GET civitai.com/api/v1/model-versions/700201"]


def test_a_model_is_asked_for_by_its_id() -> None:
    model = visitor().client.model(600102)
    assert (model.name, [each.id for each in model.versions]) == (
        "Ink Wash Style",
        [700304, 700303],
    )


def test_every_request_tells_our_own_name_and_none_that_a_browser_has() -> None:
    to = visitor()
    to.client.version(700201)
    (request,) = to.civitai.requests
    name = request.headers["user-agent"].lower()
    assert name.startswith("stablequeue/")
    words = ("mozilla", "chrome", "safari", "firefox", "opera", "edge", "python", "requests")
    assert not any(word in name for word in words)
    assert request.headers["accept"] == "application/json"


def test_the_key_is_a_header_and_never_in_an_address() -> None:
    to = visitor()
    to.client.version(700201)
    (request,) = to.civitai.requests
    assert to.civitai.leaks == []
    assert request.headers["authorization"] == f"Bearer {GOOD_KEY}"
    assert GOOD_KEY not in request.url


def test_without_a_key_nothing_is_sent_that_looks_like_one() -> None:
    to = visitor(key=None)
    to.client.version(700201)
    assert "authorization" not in to.civitai.requests[0].headers


def test_the_account_tells_whose_key_it_is() -> None:
    account = visitor().client.account()
    assert (account.username, account.status) == ("harbor_tester", "active")


def test_without_a_key_there_is_no_account_and_nobody_is_asked() -> None:
    to = visitor(key=None)
    with pytest.raises(LoginNeeded) as refused:
        to.client.account()
    assert not refused.value.details["key_was_sent"]
    assert to.asked == []


@pytest.mark.parametrize("key", [BANNED_KEY, "nonsense"])
def test_a_key_that_is_not_accepted_is_told_by_the_account_alone(key: str) -> None:
    to = visitor(key=key)
    assert to.client.version(700201).id == 700201
    with pytest.raises(LoginNeeded) as refused:
        to.client.account()
    assert refused.value.details["key_was_sent"]


def test_what_is_nowhere_is_named_after_both_bases_were_asked() -> None:
    to = visitor()
    with pytest.raises(CivitaiNotFound, match="version 7"):
        to.client.version(7)
    with pytest.raises(CivitaiNotFound, match="model 8"):
        to.client.model(8)
    assert to.asked == [
        "GET civitai.com/api/v1/model-versions/7",
        "GET civitai.red/api/v1/model-versions/7",
        "GET civitai.com/api/v1/models/8",
        "GET civitai.red/api/v1/models/8",
    ]


def test_what_only_the_second_base_has_is_found_there() -> None:
    to = visitor()
    assert to.client.version(700801).model_name == "Night Harbor"
    assert to.client.model(600107).name == "Night Harbor"


def test_without_a_second_base_nobody_else_is_asked() -> None:
    to = visitor(civitai_second_url=None)
    with pytest.raises(CivitaiNotFound):
        to.client.version(700801)
    assert len(to.asked) == 1


def test_models_are_asked_for_a_hundred_at_a_time_and_come_in_order() -> None:
    to = visitor(civitai_second_url=None)
    wanted = [600102, *range(1, 150), 600101, 600102]
    assert [model.id for model in to.client.models(wanted)] == [600102, 600101]
    first, second = to.civitai.requests
    assert len(first.query["ids"][0].split(",")) == 100
    assert len(second.query["ids"][0].split(",")) == 51
    assert (first.query["limit"], first.query["nsfw"]) == (["100"], ["true"])


def test_a_model_that_a_list_hides_is_found_at_the_second_base() -> None:
    assert [model.id for model in visitor().client.models([600101, 600107])] == [600101, 600107]


def test_a_file_is_found_by_each_of_its_hashes() -> None:
    to = visitor()
    hashes = to.client.version(700303).files[0].hashes
    for digest in (hashes.sha256, hashes.autov2, hashes.autov3):
        assert digest is not None
        assert to.client.version_by_hash(digest.upper()).id == 700303


def test_a_crc32_of_another_file_is_no_autov1() -> None:
    to = visitor()
    crc32 = to.client.version(700303).files[0].crc32
    assert crc32 is not None
    with pytest.raises(CivitaiNotFound, match=crc32):
        to.client.version_by_hash(crc32)


@pytest.mark.parametrize("digest", ["", "../me", "e3b0c44298fc", "x" * 64, "a" * 63])
def test_a_hash_that_none_can_be_is_not_asked_for(digest: str) -> None:
    to = visitor()
    with pytest.raises(CivitaiNotFound):
        to.client.version_by_hash(digest)
    assert to.asked == []


def test_a_whole_library_is_identified_with_two_requests() -> None:
    to = visitor()
    known = to.client.version(700201).files[0].hashes.sha256
    hidden = to.client.version(700801).files[0].hashes.sha256
    assert known is not None
    assert hidden is not None
    before = len(to.asked)
    unknown = [sha256_of(str(number)) for number in range(HASHES_A_CALL - 2)]
    found = to.client.ids_by_hash([known.upper(), *unknown, hidden])
    assert found == {
        known: (CivitaiCandidate(version_id=700201, model_id=600101),),
        hidden: (CivitaiCandidate(version_id=700801, model_id=600107),),
    }
    assert to.asked[before:] == [
        "POST civitai.com/api/v1/model-versions/by-hash/ids",
        "POST civitai.red/api/v1/model-versions/by-hash/ids",
    ]


def test_more_hashes_than_civitai_takes_at_once_are_asked_for_in_parts() -> None:
    to = visitor(civitai_second_url=None)
    to.client.ids_by_hash([sha256_of(str(number)) for number in range(HASHES_A_CALL + 1)])
    assert [len(request.body) for request in to.civitai.requests] == [HASHES_A_CALL, 1]


def test_one_hash_that_is_none_does_not_spoil_the_others() -> None:
    to = visitor()
    known = to.client.version(700201).files[0].hashes.sha256
    assert known is not None
    asked = ["nonsense", "", known, known.upper(), sha256_of("")]
    assert set(to.client.ids_by_hash(asked)) == {known}
    assert set(to.client.versions_by_hash(asked)) == {known}


def test_no_hash_at_all_asks_nobody() -> None:
    to = visitor()
    assert to.client.ids_by_hash([]) == {}
    assert to.client.versions_by_hash(["nonsense"]) == {}
    assert to.client.models([]) == []
    assert to.asked == []


def test_a_hash_that_two_versions_share_has_two_candidates() -> None:
    to = visitor()
    shared = to.client.version(700701).files[0].hashes.sha256
    assert shared is not None
    found = to.client.ids_by_hash([shared])[shared]
    assert {candidate.version_id for candidate in found} == {700701, 700702}
    versions = to.client.versions_by_hash([shared])[shared]
    assert {version.id for version in versions} == {700701, 700702}


def test_full_versions_come_a_hundred_at_a_time_and_are_told_apart_by_their_hash() -> None:
    to = visitor()
    files = {
        number: SimulatedFile(id=number, name=f"{number}.safetensors", content=b"%d" % number)
        for number in range(1, 251)
    }
    for number, file in files.items():
        version = SimulatedVersion(id=number, files=(file,))
        to.civitai.world.add(SimulatedModel(id=number, name="x", versions=(version,)))
    wanted = {file.hashes["SHA256"].lower(): number for number, file in files.items()}
    found = to.client.versions_by_hash(list(wanted))
    assert {digest: [v.id for v in versions] for digest, versions in found.items()} == {
        digest: [number] for digest, number in wanted.items()
    }
    assert [len(r.body) for r in to.civitai.requests] == [VERSIONS_A_CALL, VERSIONS_A_CALL, 50]


def test_a_search_repeats_its_types() -> None:
    to = visitor()
    found = to.client.search("harbor", types=("Checkpoint", "LORA"))
    assert 600101 in {model.id for model in found}
    assert to.civitai.requests[0].url.count("types=") == 2
    assert "limit=" in to.civitai.requests[0].url


def test_the_words_of_a_search_cannot_become_other_parameters() -> None:
    to = visitor(civitai_second_url=None)
    to.client.search("a&token=x#y /é")
    assert to.civitai.requests[0].query["query"] == ["a&token=x#y /é"]


def test_an_image_comes_with_how_it_was_made() -> None:
    to = visitor()
    image = to.client.image(51001)
    assert image.meta is not None
    assert (image.id, image.meta["steps"], image.version_ids) == (51001, 24, (700201, 700303))
    query = to.civitai.requests[0].query
    assert (query["withMeta"], query["flatMeta"], query["nsfw"]) == (["true"], ["true"], ["X"])
    assert "limit" in query


def test_a_hidden_image_has_no_meta() -> None:
    assert visitor().client.image(51004).meta is None


def test_a_deleted_images_neighbour_is_not_taken_for_it() -> None:
    to = visitor()
    to.civitai.world.remove_image(51001)
    with pytest.raises(CivitaiNotFound, match="image 51001"):
        to.client.image(51001)


def test_an_image_that_only_the_second_base_shows_is_found_there() -> None:
    to = visitor()
    picture = SimulatedPicture(id=51900, content=b"x")
    to.civitai.world.add(SimulatedImage(picture=picture, only_at_second=True))
    assert to.client.image(51900).id == 51900


@pytest.mark.parametrize("value", [{"name": "x"}, [], None, 7, "x"])
def test_json_that_is_no_record_is_garbled(value: object) -> None:
    client, _ = client_of(lambda request: in_json(value))
    with pytest.raises(CivitaiGarbled, match="version 7"):
        client.version(7)
    with pytest.raises(CivitaiGarbled, match="model 8"):
        client.model(8)
    with pytest.raises(CivitaiGarbled, match="account"):
        client.account()
    with pytest.raises(CivitaiGarbled, match="image 9"):
        client.image(9)


@pytest.mark.parametrize("value", [{"name": "x"}, {"items": None}, None, 7, "x"])
def test_json_that_is_no_list_is_garbled_and_not_a_list_without_hits(value: object) -> None:
    client, _ = client_of(lambda request: in_json(value))
    for call in (
        lambda: client.models([1]),
        lambda: client.search("x"),
        lambda: client.ids_by_hash(["ab" * 32]),
        lambda: client.versions_by_hash(["ab" * 32]),
    ):
        with pytest.raises(CivitaiGarbled):
            call()
