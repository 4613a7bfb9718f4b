"""Spellings of a path, brought to one form for comparing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models import comparable, split_hash, stem

names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc"]), min_size=1
).filter(lambda name: name not in (".", ".."))
relative_paths = st.lists(names, min_size=1, max_size=4).map("/".join)
any_text = st.text(st.sampled_from("aÉé./\\[] ")) | st.text()


@given(any_text)
def test_normalising_twice_changes_nothing(path: str) -> None:
    assert comparable(comparable(path)) == comparable(path)


@given(any_text)
def test_the_separator_makes_no_difference(path: str) -> None:
    assert comparable(path.replace("/", "\\")) == comparable(path)


@given(any_text)
def test_composed_and_decomposed_letters_meet(path: str) -> None:
    """MacOS writes the one, the rest of the world the other."""
    nfd, nfc = (unicodedata.normalize(form, path) for form in ("NFD", "NFC"))
    assert comparable(nfd) == comparable(nfc) == comparable(path)


@given(relative_paths, st.sampled_from(["/", "./", "//", ".//./", "\\"]))
def test_needless_parts_make_no_difference(path: str, needless: str) -> None:
    assert comparable(needless + path) == comparable(path)
    assert comparable(path.replace("/", "/./")) == comparable(path)


def test_case_is_kept_as_posix_servers_tell_names_apart_by_it() -> None:
    assert comparable("Pony/X.safetensors") != comparable("pony/x.safetensors")


@given(relative_paths)
def test_a_stem_has_no_folder_and_comes_from_the_last_part(path: str) -> None:
    found = stem(path)
    assert "/" not in found
    assert path.rpartition("/")[2].startswith(found)
    assert stem(path.replace("/", "\\")) == found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x.safetensors", "x"),
        ("Pony/x.v2.safetensors", "x.v2"),
        (r"Pony\x.ckpt", "x"),
        ("x", "x"),
        (".hidden", ".hidden"),
        ("folder.d/x", "x"),
        ("", ""),
    ],
)
def test_a_stem_is_the_file_name_without_its_extension(path: str, expected: str) -> None:
    assert stem(path) == expected


@pytest.mark.parametrize(
    ("title", "name", "digest"),
    [
        ("x.safetensors", "x.safetensors", None),
        ("x.safetensors [9f90c59f3a]", "x.safetensors", "9f90c59f3a"),
        ("x.safetensors [9F90C59F3A]", "x.safetensors", "9f90c59f3a"),
        ("x.ckpt [81761151]", "x.ckpt", "81761151"),
        ("x [v2].safetensors", "x [v2].safetensors", None),
        ("x [fp16]", "x [fp16]", None),
        ("x[9f90c59f3a]", "x[9f90c59f3a]", None),
        ("x [9f90c59f3a] [0123456789]", "x [9f90c59f3a]", "0123456789"),
        (f"x [{'a' * 64}]", "x", "a" * 64),
        (f"x [{'a' * 65}]", f"x [{'a' * 65}]", None),
    ],
)
def test_a_title_is_a_name_and_perhaps_a_hash(title: str, name: str, digest: str | None) -> None:
    assert split_hash(title) == (name, digest)
