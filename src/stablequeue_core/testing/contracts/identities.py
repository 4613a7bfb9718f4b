"""What every store of identities must do."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from stablequeue_core.models import CivitaiCandidate, Identity
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import LATER, START


def identity(name: str = "a", **fields: object) -> Identity:
    """Of a file whose content is this."""
    return Identity(sha256=hashlib.sha256(name.encode()).hexdigest(), **fields)  # type: ignore[arg-type]


FULL = identity(
    "full",
    candidates=(
        CivitaiCandidate(version_id=2**40, model_id=1),
        CivitaiCandidate(version_id=7),
    ),
    pinned=CivitaiCandidate(version_id=7, model_id=2),
    asked_at=START,
    refreshed_at=LATER,
)


class IdentityStoreContract(StorageCase):
    """The promises of :class:`~stablequeue_core.models.identity.IdentityStore`, as tests."""

    def test_an_identity_comes_back_as_it_was(self, storage: Storage) -> None:
        """Candidates in their order, and an answer that there are none."""
        unknown = identity("unknown", asked_at=START)
        never_asked = identity("never", pinned=CivitaiCandidate(version_id=1))
        kept = {each.sha256: each for each in (FULL, unknown, never_asked)}
        storage.identities.save(list(kept.values()))
        assert storage.identities.of(kept.keys()) == kept

    def test_files_of_which_nothing_is_known_are_left_out(self, storage: Storage) -> None:
        """Nobody was asked about them."""
        storage.identities.save([FULL])
        assert storage.identities.of([identity("other").sha256, FULL.sha256, "x"]) == {
            FULL.sha256: FULL
        }
        assert storage.identities.of([]) == {}

    def test_a_hash_may_be_asked_for_in_any_case(self, storage: Storage) -> None:
        """And is told in lower case."""
        storage.identities.save([FULL])
        assert storage.identities.of([FULL.sha256.upper()]) == {FULL.sha256: FULL}

    def test_what_is_known_now_takes_the_place_of_what_was(self, storage: Storage) -> None:
        """Whole: a pin that was taken out is gone."""
        storage.identities.save([FULL])
        plain = evolve(FULL, pinned=None, candidates=(), asked_at=START + timedelta(days=9))
        storage.identities.save([plain])
        assert storage.identities.of([FULL.sha256]) == {FULL.sha256: plain}

    def test_the_later_of_two_for_one_file_counts(self, storage: Storage) -> None:
        """In one call."""
        plain = identity("full")
        storage.identities.save([FULL, plain])
        assert storage.identities.of([FULL.sha256]) == {FULL.sha256: plain}

    def test_thousands_may_be_kept_and_asked_for_at_once(self, storage: Storage) -> None:
        """As many as a library has files."""
        many = {each.sha256: each for each in (identity(str(n)) for n in range(10_000))}
        storage.identities.save(list(many.values()))
        assert storage.identities.of([*many, *many]) == many

    def test_one_call_for_many_identities_rings_once(self, storage: Storage) -> None:
        """And no bell for work; a call that keeps nothing does not ring."""
        work, changes = storage.work.rings, storage.changes.rings
        storage.identities.save([FULL, identity()])
        storage.identities.save([])
        assert (storage.work.rings, storage.changes.rings) == (work, changes + 1)

    def test_threads_may_keep_identities_at_once(self, storage: Storage) -> None:
        """Each finds what it has kept."""

        def keep(turn: int) -> bool:
            mine = [identity(f"{turn}-{n}", asked_at=START) for n in range(50)]
            storage.identities.save(mine)
            return list(storage.identities.of([each.sha256 for each in mine])) != []

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(keep, range(16)))

    def test_identities_of_another_process_are_seen(self, storage: Storage, tmp_path: Path) -> None:
        """At once."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        with self.opener(tmp_path)() as other:
            other.identities.save([FULL])
            assert storage.identities.of([FULL.sha256]) == {FULL.sha256: FULL}
