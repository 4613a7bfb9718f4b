"""From any way to say a checkpoint to the one that the server understands, or to a refusal."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models import CheckpointNames, comparable, stem
from stablequeue_core.servers import ListedCheckpoint


def listed(path: str, *, hashed: bool = False, separator: str = "/") -> ListedCheckpoint:
    """As a server lists the file; never seen by it before, unless ``hashed``."""
    name = path.replace("/", separator)
    sha256 = hashlib.sha256(path.encode()).hexdigest() if hashed else None
    return ListedCheckpoint(
        title=f"{name} [{sha256[:10]}]" if sha256 else name,
        model_name=path.replace("/", "_").rpartition(".")[0],
        shorthash=sha256[:10] if sha256 else None,
        sha256=sha256,
    )


def names(*paths: str, hashed: bool = False, separator: str = "/") -> CheckpointNames:
    return CheckpointNames(
        "Laptop", [listed(path, hashed=hashed, separator=separator) for path in paths]
    )


def resolved(wanted: str, *paths: str, hashed: bool = False, separator: str = "/") -> str:
    return names(*paths, hashed=hashed, separator=separator).resolve(wanted).checkpoint.name


DIGEST = hashlib.sha256(b"Pony/x.safetensors").hexdigest()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("Pony/x.safetensors", "same path"),
        (r"Pony\x.safetensors", "same path"),
        ("/Pony/x.safetensors", "same path"),
        ("./Pony//x.safetensors", "same path"),
        (" Pony/x.safetensors ", "same path"),
        ("pony/X.SAFETENSORS", "same path but for upper and lower case"),
        ("Pony/x", "same path without extension"),
        ("x.safetensors", "same end of the path"),
        ("X", "same model name"),
        ("x", "same model name"),
        ("Pony_x", "same model name"),
        ("models/Stable-diffusion/Pony/x.safetensors", "end of the path"),
        ("Stable-diffusion/Pony/x.safetensors", "end of the path"),
        ("/srv/models/Stable-diffusion/Pony/x.safetensors", "end of the path"),
        (r"C:\models\Pony\x.safetensors", "end of the path"),
        (r"\\nas\share\models\Pony\x.safetensors", "end of the path"),
        (f"Pony/x.safetensors [{DIGEST[:10]}]", "same path"),
        (f"Pony/x.safetensors [{DIGEST.upper()}]", "same path"),
        (f"x [{DIGEST[:10]}]", "same model name"),
        ("Pony/x.safetensors [81761151]", "same path"),
        (DIGEST, "same hash"),
        (DIGEST[:10].upper(), "same hash"),
        (DIGEST[:12], "same hash"),
    ],
)
@pytest.mark.parametrize("separator", ["/", "\\"])
def test_every_way_to_say_it_leads_to_the_file(wanted: str, reason: str, separator: str) -> None:
    table = names("Pony/x.safetensors", "y.safetensors", hashed=True, separator=separator)
    resolution = table.resolve(wanted)
    assert resolution.checkpoint.name == f"Pony{separator}x.safetensors"
    assert resolution.reason == reason


@pytest.mark.parametrize(
    "wanted",
    [
        "SDXL/x.safetensors",
        "/SDXL/x.safetensors",
        "SDXL/x",
        "z/Pony_x",
        "x.ckpt",
        "Pony/x.ckpt",
        "Pony",
        "Pony/",
        "on/x.safetensors",
        "ony/x",
        "",
        " ",
        "/",
        ".safetensors",
        "[9f90c59f3a]",
        "0123456789",
        "SDXL/Pony/x.safetensors",
        "SDXL/Pony/x",
        "../x.safetensors",
        f"Pony/x.safetensors [{'0' * 10}]",
        f"x [{'0' * 64}]",
    ],
)
def test_what_fits_nothing_is_refused_with_all_that_there_is(wanted: str) -> None:
    with pytest.raises(NotOnServer) as caught:
        resolved(wanted, "Pony/x.safetensors", "y.safetensors", hashed=True)
    assert sorted(caught.value.details["available"]) == ["Pony/x.safetensors", "y.safetensors"]
    assert caught.value.details["wanted"] == wanted


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ("x", ("a/x.safetensors", "b/x.safetensors")),
        ("x", ("x.safetensors", "b/x.safetensors")),
        ("x", ("x.safetensors", "x.ckpt")),
        ("x.safetensors", ("a/x.safetensors", "b/x.safetensors")),
        ("a/x", ("a/x.safetensors", "a/x.ckpt")),
        ("a_b", ("a_b.safetensors", "a/b.safetensors")),
        ("a_b", ("c/a_b.safetensors", "a/b.safetensors")),
        ("c/x", ("a/c/x.safetensors", "b/c/x.safetensors")),
        ("X.safetensors", ("a/x.safetensors", "b/x.safetensors")),
        ("PONY/x.safetensors", ("Pony/x.safetensors", "pony/x.safetensors")),
    ],
)
def test_what_fits_two_is_refused_in_whatever_order_they_are_listed(
    wanted: str, paths: tuple[str, str]
) -> None:
    for order in (paths, paths[::-1]):
        with pytest.raises(AmbiguousName) as caught:
            resolved(wanted, *order)
        assert caught.value.details["candidates"] == sorted(paths)


@pytest.mark.parametrize(
    ("wanted", "paths", "expected"),
    [
        ("x.safetensors", ("x.safetensors", "b/x.safetensors"), "x.safetensors"),
        ("b/x", ("x.safetensors", "b/x.safetensors"), "b/x.safetensors"),
        ("Pony/x.safetensors", ("Pony/x.safetensors", "pony/x.safetensors"), "Pony/x.safetensors"),
        ("a_b.safetensors", ("a_b.safetensors", "a/b.safetensors"), "a_b.safetensors"),
        ("/m/d/x.safetensors", ("x.safetensors", "b/x.safetensors"), "x.safetensors"),
        ("/m/b/x.safetensors", ("x.safetensors", "b/x.safetensors"), "b/x.safetensors"),
        ("x.v2", ("x.v2.safetensors", "x.safetensors"), "x.v2.safetensors"),
    ],
)
def test_the_surest_reading_wins(wanted: str, paths: tuple[str, ...], expected: str) -> None:
    assert resolved(wanted, *paths) == expected


def test_a_hash_chooses_between_namesakes() -> None:
    paths = ("a/x.safetensors", "b/x.safetensors")
    digest = hashlib.sha256(b"b/x.safetensors").hexdigest()[:10]
    assert resolved(f"x [{digest}]", *paths, hashed=True) == "b/x.safetensors"


def test_a_file_that_was_never_hashed_may_have_any_hash_and_the_hash_is_handed_on() -> None:
    resolution = names("x.safetensors").resolve("x.safetensors [AAAAAAAAAA]")
    assert resolution.checkpoint.name == "x.safetensors"
    assert resolution.digest == "aaaaaaaaaa"
    assert names("x.safetensors").resolve("x.safetensors [81761151]").digest is None


def test_decomposed_names_meet_composed_ones() -> None:
    """A macOS server lists them decomposed; only its own spelling is sent."""
    nfd = unicodedata.normalize("NFD", "é/dé.safetensors")
    for wanted in ("é/dé.safetensors", "dé.safetensors", "dé", "é/dé", "é_dé"):
        assert resolved(wanted, nfd) == nfd


def test_an_entry_without_a_model_name_is_not_what_nothing_means() -> None:
    table = CheckpointNames("Laptop", [ListedCheckpoint(title="x.safetensors", model_name="")])
    with pytest.raises(NotOnServer):
        table.resolve(" ")


folders = st.sampled_from(["", "a/", "b/", "A/", "a/b/", "é/", "SDXL 1.0/"])
stems = st.sampled_from(["x", "X", "x.v2", "a_x", "b_x", "é", "x [v2]", "0123456789"])
files = st.builds("{}{}.{}".format, folders, stems, st.sampled_from(["safetensors", "ckpt"]))
shelves = st.lists(files, unique=True, min_size=1, max_size=8)
separators = st.sampled_from(["/", "\\"])
sayings = files | stems | st.builds("{}{}".format, folders, stems) | st.text("aAbx/\\. _[]")


@given(shelves, separators, separators, st.booleans(), st.data())
def test_a_listed_name_resolves_to_itself_with_either_separator(
    shelf: list[str], listing: str, saying: str, hashed: bool, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(shelf))
    entry = listed(path, hashed=hashed, separator=listing)
    table = names(*shelf, hashed=hashed, separator=listing)

    assert table.resolve(path.replace("/", saying)).checkpoint == entry
    assert table.resolve(entry.title).checkpoint == entry


@given(shelves, sayings, separators, st.booleans())
def test_what_comes_out_is_always_one_of_the_listed_and_never_of_another_folder(
    shelf: list[str], wanted: str, separator: str, hashed: bool
) -> None:
    table = names(*shelf, hashed=hashed, separator=separator)
    try:
        found = table.resolve(wanted)
    except (NotOnServer, AmbiguousName):
        return
    assert found.checkpoint in [listed(p, hashed=hashed, separator=separator) for p in shelf]
    if found.reason == "same hash":
        return
    asked_in = comparable(wanted).casefold().rpartition("/")[0]
    lies_in = comparable(found.checkpoint.name).casefold().rpartition("/")[0]
    assert f"/{lies_in}".endswith(f"/{asked_in}" if asked_in else "") or (
        wanted.strip()[0] in "/\\" and f"/{asked_in}".endswith(f"/{lies_in}" if lies_in else "")
    )


@given(shelves, sayings)
def test_the_order_of_the_list_makes_no_difference(shelf: list[str], wanted: str) -> None:
    def outcome(paths: list[str]) -> object:
        try:
            return names(*paths).resolve(wanted)
        except (NotOnServer, AmbiguousName) as error:
            return (error.code, error.message, error.details)

    assert outcome(shelf) == outcome(shelf[::-1])


@given(shelves, st.data())
def test_one_more_file_never_sends_a_name_to_another_of_the_old_ones(
    shelf: list[str], data: st.DataObject
) -> None:
    """It may make the name ambiguous, or be meant itself."""
    wanted, another = data.draw(sayings), data.draw(files)
    assume(another not in shelf)
    try:
        before = names(*shelf).resolve(wanted).checkpoint.name
        after = names(*shelf, another).resolve(wanted).checkpoint.name
    except (NotOnServer, AmbiguousName):
        return
    assert after in (before, another)


def test_both_stems_of_a_checkpoint_are_the_same() -> None:
    for path in ("x.safetensors", r"a\x.v2.ckpt", "a/x", ".hidden"):
        assert listed(path).stem == stem(path)
