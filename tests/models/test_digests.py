"""Which texts are hashes, and which of those say nothing of a file."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models.digests import is_hash_of_nothing, is_sha256, key_of

NOTHING = hashlib.sha256().hexdigest()


@given(st.binary())
def test_what_hashing_gives_is_a_sha256(data: bytes) -> None:
    assert is_sha256(hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "text", ["", "ab" * 31, "ab" * 33, "AB" * 32, "xy" * 32, " " + "ab" * 32, "ab" * 32 + "\n"]
)
def test_other_texts_are_none(text: str) -> None:
    assert not is_sha256(text)


@pytest.mark.parametrize("digits", ["e3b0c442", "E3B0C44298FC", NOTHING])
def test_hashes_of_nothing_are_known(digits: str) -> None:
    assert is_hash_of_nothing(digits)


@pytest.mark.parametrize("digits", ["", "b9c80b5adeca", "e3b0c44298fd", NOTHING + "0"])
def test_other_hashes_are_not_of_nothing(digits: str) -> None:
    assert not is_hash_of_nothing(digits)


parts = st.lists(st.integers() | st.text(st.characters(exclude_characters="\0")), min_size=1)


@given(parts, parts)
def test_other_parts_have_another_key(some: list[object], others: list[object]) -> None:
    is_same = list(map(str, some)) == list(map(str, others))
    assert (key_of(*some) == key_of(*others)) is is_same


def test_a_name_that_is_no_text_has_a_key_too() -> None:
    """Linux has such names; Python writes their bytes as halves of surrogate pairs."""
    assert len(key_of("\udcff.png", 12)) == 40
