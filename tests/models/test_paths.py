"""Spellings of a path: compared, taken apart, written for a server."""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.strategies import any_text, names, relative_paths, wild_paths

from stablequeue_core.models import (
    PathStyle,
    comparable,
    normalized,
    split_hash,
    split_title,
    stem,
)
from stablequeue_core.models.paths import bare, filename_of, folder_of, joined

styles = st.sampled_from(PathStyle)
written = wild_paths | any_text
tidy_paths = st.lists(st.from_regex(r"[a-zA-Zé0-9_]([ .a-zé]*[a-zA-Zé])?", fullmatch=True)).map(
    lambda parts: "/".join(["SDXL", *parts])
)
digests = st.none() | st.text("0123456789abcdef", min_size=8, max_size=64)


class TestNormalized:
    """The relative path in the words of one system that any spelling stands for."""

    @given(written, styles)
    def test_normalising_twice_changes_nothing(self, path: str, style: PathStyle) -> None:
        once = normalized(path, style)
        assert normalized(once, style) == once

    @given(written, styles, styles)
    def test_a_detour_over_the_other_system_changes_nothing(
        self, path: str, style: PathStyle, detour: PathStyle
    ) -> None:
        assert normalized(normalized(path, detour), style) == normalized(path, style)

    @given(written, styles, st.data())
    def test_either_separator_at_any_place_means_the_same(
        self, path: str, style: PathStyle, data: st.DataObject
    ) -> None:
        flipped = "".join(
            data.draw(st.sampled_from("/\\")) if letter in "/\\" else letter for letter in path
        )
        assert normalized(flipped, style) == normalized(path, style)

    @given(written)
    def test_only_the_systems_own_separator_is_written(self, path: str) -> None:
        assert "\\" not in normalized(path, PathStyle.POSIX)
        assert "/" not in normalized(path, PathStyle.WINDOWS)

    @pytest.mark.parametrize(
        ("style", "system", "root"),
        [
            (PathStyle.POSIX, posixpath, "/srv/models"),
            (PathStyle.WINDOWS, ntpath, r"D:\forge\models"),
            (PathStyle.WINDOWS, ntpath, r"\\nas\share\models"),
        ],
    )
    @given(path=written)
    def test_it_never_climbs_out_of_a_root(
        self, style: PathStyle, system: ModuleType, root: str, path: str
    ) -> None:
        found = normalized(path, style)

        assert not system.isabs(found)
        assert system.splitdrive(found)[0] == ""
        assert ".." not in found.split(style.separator)
        below = system.normpath(system.join(root, found))
        assert below == root or below.startswith(root + style.separator)

    @given(tidy_paths, styles)
    def test_case_is_kept(self, path: str, style: PathStyle) -> None:
        """On POSIX servers two names may differ by it alone."""
        upper, lower = normalized("Pony/" + path, style), normalized("pony/" + path, style)
        assert upper[0] + lower[0] == "Pp"
        assert upper[1:] == lower[1:]

    @given(written, styles)
    def test_composed_and_decomposed_letters_meet(self, path: str, style: PathStyle) -> None:
        """MacOS writes the one, the rest of the world the other."""
        nfd, nfc = (unicodedata.normalize(form, path) for form in ("NFD", "NFC"))
        assert normalized(nfd, style) == normalized(nfc, style) == normalized(path, style)
        assert unicodedata.is_normalized("NFC", normalized(path, style))

    @given(tidy_paths)
    def test_a_tidy_path_stays_as_it_is_but_for_its_separators(self, path: str) -> None:
        assert normalized(path, PathStyle.POSIX) == path
        assert normalized(path, PathStyle.WINDOWS) == path.replace("/", "\\")

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("Pony/x.safetensors", "Pony/x.safetensors"),
            (r"Pony\x.safetensors", "Pony/x.safetensors"),
            (r"Pony\SDXL/x.safetensors", "Pony/SDXL/x.safetensors"),
            ("  /Pony//./x.safetensors\n", "Pony/x.safetensors"),
            ("Pony/x.safetensors/", "Pony/x.safetensors"),
            ("/srv/models/x.safetensors", "srv/models/x.safetensors"),
            (r"C:\models\Pony\x.safetensors", "models/Pony/x.safetensors"),
            ("C:/models/Pony/x.safetensors", "models/Pony/x.safetensors"),
            ("C:x.safetensors", "x.safetensors"),
            ("/C:/x.safetensors", "x.safetensors"),
            ("../C:/../x.safetensors", "x.safetensors"),
            ("a/../C:x", "x"),
            ("\u212a:x", "x"),
            (r"\\nas\share\Pony\x.safetensors", "Pony/x.safetensors"),
            ("//nas/share/Pony/x.safetensors", "Pony/x.safetensors"),
            (r"\\?\C:\models\x.safetensors", "models/x.safetensors"),
            (r"\\?\UNC\nas\share\x.safetensors", "x.safetensors"),
            ("//Pony/x.safetensors", "Pony/x.safetensors"),
            ("//./Pony/SDXL/x.safetensors", "Pony/SDXL/x.safetensors"),
            ("Pony/../SDXL/x.safetensors", "SDXL/x.safetensors"),
            ("../../x.safetensors", "x.safetensors"),
            ("Pony/../../../etc/passwd", "etc/passwd"),
            (r"..\..\x.safetensors", "x.safetensors"),
            ("a/b:c/x.safetensors", "a/b:c/x.safetensors"),
            ("Pony/.hidden/..x", "Pony/.hidden/..x"),
            ("..", ""),
            ("C:", ""),
            ("//nas/share", "nas/share"),
            ("", ""),
        ],
    )
    def test_what_becomes_of_a_spelling(self, path: str, expected: str) -> None:
        assert normalized(path, PathStyle.POSIX) == expected
        assert normalized(path, PathStyle.WINDOWS) == expected.replace("/", "\\")

    def test_a_styles_separator_tells_the_style(self) -> None:
        assert [PathStyle.of(style.separator) for style in PathStyle] == list(PathStyle)


class TestSplitTitle:
    """A title's folder, stem, extension and hash."""

    @given(written | st.builds("{} [{}]".format, written, digests))
    def test_what_was_taken_apart_is_joined_again(self, title: str) -> None:
        parts = split_title(title)
        name, digest = split_hash(title)
        assert (parts.name, parts.digest) == (name, digest)
        assert parts.title == (f"{name} [{digest}]" if digest else title)

    @given(relative_paths, digests)
    def test_either_separator_gives_the_same_parts(self, path: str, digest: str | None) -> None:
        title = f"{path} [{digest}]" if digest else path
        one, other = split_title(title), split_title(title.replace("/", "\\"))
        assert (one.stem, one.extension, one.digest) == (other.stem, other.extension, other.digest)
        assert one.folder == other.folder.replace("\\", "/")

    @given(names)
    def test_a_stem_and_its_extension_are_the_file_name(self, name: str) -> None:
        parts = split_title(f"Pony/{name}")
        assert parts.stem + parts.extension == split_hash(name)[0]

    @pytest.mark.parametrize(
        ("title", "expected"),
        [
            ("x.safetensors", ("", "", "x", ".safetensors", None)),
            ("Pony/x.v2.ckpt [9F90C59F3A]", ("Pony", "/", "x.v2", ".ckpt", "9f90c59f3a")),
            (r"a\b/x.gguf", (r"a\b", "/", "x", ".gguf", None)),
            (r"a/b\x", ("a/b", "\\", "x", "", None)),
            ("/x.ckpt", ("", "/", "x", ".ckpt", None)),
            ("a.b/x [v2]", ("a.b", "/", "x [v2]", "", None)),
            ("", ("", "", "", "", None)),
        ],
    )
    def test_the_parts_of_a_title(self, title: str, expected: tuple[str | None, ...]) -> None:
        parts = split_title(title)
        found = (parts.folder, parts.separator, parts.stem, parts.extension, parts.digest)
        assert found == expected


@given(any_text)
def test_comparing_twice_changes_nothing(path: str) -> None:
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


@given(relative_paths)
def test_a_folder_and_a_file_name_are_joined_to_the_path_again(path: str) -> None:
    assert joined(folder_of(path), filename_of(path)) == path


@given(relative_paths)
def test_a_bare_path_ends_with_the_stem_and_keeps_its_folder(path: str) -> None:
    assert folder_of(bare(path)) == folder_of(path)
    assert filename_of(bare(path)) == stem(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x.safetensors", "x"),
        ("Pony/x.v2.safetensors", "Pony/x.v2"),
        ("folder.d/x", "folder.d/x"),
        ("folder.d/.hidden", "folder.d/.hidden"),
        (r"a\b.ckpt", r"a\b"),
        ("", ""),
    ],
)
def test_a_bare_path_has_no_extension(path: str, expected: str) -> None:
    assert bare(path) == expected


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
