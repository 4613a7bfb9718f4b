"""Names of pictures: what is made fits, and nothing that fits can climb out of a folder."""

from __future__ import annotations

import ntpath
import posixpath
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.generation.image import ImageFormat
from stablequeue_core.images import attempt_prefix, is_picture_name, picture_name

job_ids = st.uuids().map(str)
moments = st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(2999, 1, 1), timezones=st.just(UTC)
)
indices = st.integers(0, 99_999)
seeds = st.integers(-(2**63), 2**64 - 1)
formats = st.sampled_from(ImageFormat)
# Hypothesis seldom hits on a dangerous name by itself, so it is given the pieces.
PIECES = (
    *("..", ".", "/", "\\", "%2f", "%5c", "C:", "CON", "NUL", "\0", "\n", "~", "$HOME", " "),
    *("8861f4e4_1747190088985_00000-42", ".png", ".tmp", ":stream", "１", "\u202e"),
)
hostile = st.lists(
    st.sampled_from(PIECES) | st.text(max_size=3),
    max_size=8,
).map("".join)


def test_a_name_tells_job_start_index_and_seed() -> None:
    name = picture_name(
        "8861f4e4-3a5c-4be1-9a55-0f6c9d3a3c11",
        datetime(2025, 5, 14, 2, 34, 48, 985000, tzinfo=UTC),
        3,
        -5,
        ImageFormat.JPEG,
    )
    assert name == "8861f4e4_1747190088985_00003--5.jpg"


@given(job_ids, moments, indices, seeds, formats)
def test_every_name_that_is_made_is_one_of_ours(
    job_id: str, started_at: datetime, index: int, seed: int, kind: ImageFormat
) -> None:
    name = picture_name(job_id, started_at, index, seed, kind)
    assert is_picture_name(name)
    assert name.startswith(attempt_prefix(job_id, started_at))
    assert name.endswith(f"-{seed}.{kind}")


@given(st.tuples(job_ids, moments), st.tuples(job_ids, moments), indices, seeds, formats)
def test_the_prefix_of_an_attempt_fits_its_own_pictures_only(
    one: tuple[str, datetime], other: tuple[str, datetime], index: int, seed: int, kind: ImageFormat
) -> None:
    name = picture_name(*one, index, seed, kind)
    same = attempt_prefix(*one) == attempt_prefix(*other)
    assert name.startswith(attempt_prefix(*other)) == same


@given(hostile | st.text())
def test_no_name_climbs_out(name: str) -> None:
    if is_picture_name(name):
        for system in (posixpath, ntpath):
            assert system.basename(name) == name
            assert system.dirname(system.normpath(system.join("folder", name))) == "folder"
            assert not system.isabs(name)
        assert not name.startswith(".")
        assert name.isascii()
        assert name.isprintable()


@pytest.mark.parametrize(
    ("job_id", "index"),
    [("../../etc-", 0), ("8861F4E4-3a5c", 0), ("short", 0), ("", 0), (str(UUID(int=0)), 100_000)],
)
def test_what_cannot_be_a_name_is_refused(job_id: str, index: int) -> None:
    with pytest.raises(ValueError, match="no picture"):
        picture_name(job_id, datetime(2025, 1, 1, tzinfo=UTC), index, 1, ImageFormat.PNG)
