"""Which versions files are: asked in bulk, remembered, and asked again when that has aged."""

from __future__ import annotations

import hashlib

import pytest
from attrs import evolve, frozen
from tests.civitai.clients import Answering, client_of, in_json, page, visitor
from tests.civitai.library import a_file, at_civitai, lora, sha256_of

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.library.identifying import Identifier
from stablequeue_core.civitai.library.identity_book import IdentityBook
from stablequeue_core.errors import CivitaiGarbled, CivitaiUnavailable
from stablequeue_core.models import CivitaiCandidate, Identity, IdentityStore
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.civitai_simulator import Fault, SimulatedCivitai, SimulatedModel
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.transport import Request, Response

WEEK = 7 * 86400.0
IDS, BY_HASH = "/model-versions/by-hash/ids", "/model-versions/by-hash/"
NOTHING = hashlib.sha256().hexdigest()


@frozen
class Desk:
    """Somebody who identifies files, and what they remember."""

    identifier: Identifier
    store: IdentityStore
    clock: FakeClock
    civitai: SimulatedCivitai

    @property
    def asked(self) -> list[str]:
        """What Civitai was asked for, in order."""
        seen = self.civitai.requests
        return [f"{each.method} {each.path.removeprefix('/api/v1')}" for each in seen]


def desk_at(*models: SimulatedModel) -> Desk:
    """One that asks a Civitai with these models, and no second host."""
    to = visitor(civitai_second_url=None)
    to.civitai.world.add(*models)
    store = MemoryStorage().identities
    return Desk(identifier(to.client, store, to.clock), store, to.clock, to.civitai)


def identifier(client: CivitaiClient, store: IdentityStore, clock: FakeClock) -> Identifier:
    return Identifier(client, IdentityBook(store), clock=clock, unknown_age=WEEK)


def answered_by(answering: Answering, store: IdentityStore) -> Identifier:
    """One whose Civitai answers as a function tells it to."""
    client, _ = client_of(answering, civitai_second_url=None)
    return identifier(client, store, FakeClock())


def ids(identity: Identity) -> list[int]:
    return sorted(each.version_id for each in identity.candidates)


def hashes(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_ten_thousand_files_are_identified_with_one_request() -> None:
    desk = desk_at(at_civitai(5, a_file("ink.safetensors")))
    known = sha256_of(lora("ink.safetensors"))
    found = desk.identifier.identify([known, *hashes(9_999)])
    assert desk.asked == [f"POST {IDS}"]
    assert len(found) == 10_000
    assert [sha256 for sha256, identity in found.items() if identity.candidates] == [known]
    assert found[known].candidates == (CivitaiCandidate(version_id=5, model_id=50),)


def test_one_file_more_is_asked_for_with_a_second_request() -> None:
    desk = desk_at()
    desk.identifier.identify(hashes(10_001))
    assert [len(each.body) for each in desk.civitai.requests] == [10_000, 1]


def test_a_hash_that_versions_share_keeps_all_of_them() -> None:
    file = a_file("ink.safetensors")
    desk = desk_at(at_civitai(5, file), at_civitai(6, file), at_civitai(7, file))
    sha256 = sha256_of(lora("ink.safetensors"))
    assert ids(desk.identifier.identify([sha256])[sha256]) == [5, 6, 7]


def test_what_was_answered_is_not_asked_for_again() -> None:
    desk = desk_at(at_civitai(5, a_file("ink.safetensors")))
    sha256 = sha256_of(lora("ink.safetensors"))
    desk.identifier.identify([sha256])
    desk.clock.advance(10 * WEEK)
    assert ids(desk.identifier.identify([sha256])[sha256]) == [5]
    assert len(desk.asked) == 1
    desk.identifier.identify([sha256], again=True)
    assert len(desk.asked) == 2


def test_that_civitai_does_not_know_a_file_is_believed_for_a_while() -> None:
    desk = desk_at()
    sha256 = sha256_of(lora("ink.safetensors"))
    assert desk.identifier.identify([sha256])[sha256].candidates == ()
    desk.clock.advance(WEEK - 1)
    desk.identifier.identify([sha256])
    assert len(desk.asked) == 1
    desk.civitai.world.add(at_civitai(5, a_file("ink.safetensors")))
    desk.clock.advance(1)
    assert ids(desk.identifier.identify([sha256])[sha256]) == [5]


def test_an_answer_leaves_what_the_user_pinned_and_when_it_was_refreshed() -> None:
    desk = desk_at(at_civitai(5, a_file("ink.safetensors")))
    sha256 = sha256_of(lora("ink.safetensors"))
    pinned = Identity(
        sha256=sha256, pinned=CivitaiCandidate(version_id=9), refreshed_at=desk.clock.now()
    )
    desk.store.save([pinned])
    found = desk.identifier.identify([sha256])[sha256]
    assert found == evolve(pinned, candidates=found.candidates, asked_at=desk.clock.now())
    assert ids(found) == [5]
    assert desk.store.of([sha256])[sha256] == found


def test_the_hash_of_nothing_is_never_asked_for() -> None:
    desk = desk_at()
    assert desk.identifier.identify([NOTHING])[NOTHING].candidates == ()
    assert desk.asked == []


def test_what_was_answered_before_civitai_broke_is_kept() -> None:
    desk = desk_at()
    several = hashes(10_001)
    desk.civitai.faults.next("ids", Fault.SERVER_ERROR, skip=1, times=None)
    with pytest.raises(CivitaiUnavailable):
        desk.identifier.identify(several)
    assert len(desk.store.of(several)) == 10_000


def test_a_run_that_is_stopped_asks_for_no_more() -> None:
    desk = desk_at()
    found = desk.identifier.identify(hashes(10_001), stopping=lambda: bool(desk.asked))
    assert len(desk.asked) == 1
    assert sum(identity.asked_at is None for identity in found.values()) == 1


REFUSED = {"error": "Method not allowed"}
ROUTE_FAILURES = {
    "the route is not there": in_json({"error": "Not found"}, 404),
    "the method is not allowed": in_json(REFUSED, 405),
    "the body is not understood": in_json(REFUSED, 400),
    "a page answers": page(),
    "JSON of another kind answers": in_json({"error": "what?"}),
}


@pytest.mark.parametrize("failure", ROUTE_FAILURES.values(), ids=list(ROUTE_FAILURES))
def test_each_file_is_asked_for_by_itself_where_the_bulk_route_fails(failure: Response) -> None:
    first, second = hashes(2)
    store = MemoryStorage().identities

    def answer(request: Request) -> Response:
        if request.url.endswith(IDS):
            return failure
        if request.url.endswith(first):
            return in_json(version_with(first))
        return in_json({"error": "Model not found"}, 404)

    found = answered_by(answer, store).identify([first, second])
    assert (ids(found[first]), ids(found[second])) == ([5], [])
    assert all(identity.asked_at for identity in found.values())
    assert store.of([first, second]) == found


def test_one_answer_that_is_garbled_does_not_stop_the_others() -> None:
    first, second, third = hashes(3)

    def answer(request: Request) -> Response:
        digest = request.url.rpartition("/")[2]
        if digest in ("ids", second):
            return page()
        return in_json(version_with(digest))

    found = answered_by(answer, MemoryStorage().identities).identify([first, second, third])
    assert [ids(found[first]), ids(found[third])] == [[5], [5]]
    assert second not in found or found[second].asked_at is None


def test_what_is_no_civitai_at_all_is_told_and_remembers_nothing() -> None:
    store = MemoryStorage().identities
    several = hashes(3)
    with pytest.raises(CivitaiGarbled):
        answered_by(lambda request: page(), store).identify(several)
    assert store.of(several) == {}


def test_answers_of_single_files_are_kept_when_civitai_breaks_amid_them() -> None:
    several = hashes(4)
    store = MemoryStorage().identities

    def answer(request: Request) -> Response:
        digest = request.url.rpartition("/")[2]
        if digest == "ids":
            return in_json(REFUSED, 405)
        if digest == several[2]:
            return in_json({"error": "overloaded"}, 503)
        return in_json(version_with(digest))

    with pytest.raises(CivitaiUnavailable):
        answered_by(answer, store).identify(several)
    assert set(store.of(several)) == set(several[:2])


def version_with(sha256: str) -> dict[str, object]:
    """A version as the route for one hash answers it."""
    return {"id": 5, "modelId": 50, "files": [{"hashes": {"SHA256": sha256.upper()}}]}
