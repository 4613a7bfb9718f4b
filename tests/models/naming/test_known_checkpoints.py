"""One list of local checkpoints and of what servers list: each file once."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models import Hashes, Model, comparable
from stablequeue_core.models.naming.known_checkpoints import CachedModel, merged
from stablequeue_core.servers import Inventory, ListedCheckpoint
from stablequeue_core.testing.contracts.samples import model


def sha256_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def local(path: str, content: str | None = None, number: int = 1) -> Model:
    """A local file; it is hashed if ``content`` is given."""
    return model(path, id=number, hashes=Hashes(sha256=sha256_of(content) if content else None))


def listed(path: str, content: str | None = None, separator: str = "/") -> ListedCheckpoint:
    """As a server lists a file; it has hashed it if ``content`` is given."""
    name = path.replace("/", separator)
    digest = sha256_of(content) if content else None
    return ListedCheckpoint(
        title=f"{name} [{digest[:10]}]" if digest else name,
        model_name="",
        shorthash=digest[:10] if digest else None,
        sha256=digest,
    )


def on(*checkpoints: ListedCheckpoint) -> Inventory:
    return Inventory(checkpoints=checkpoints)


def paths_and_servers(known: Sequence[CachedModel]) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.path, one.servers) for one in known]


def test_a_file_of_ours_that_a_windows_server_has_is_one_entry_in_the_servers_words() -> None:
    path, digest = "Pony/x.safetensors", sha256_of("x")
    [known] = merged([local(path, number=7)], {"Desktop": on(listed(path, "x", "\\"))})
    assert known == CachedModel(
        id=7,
        name="x",
        path=path,
        normalized_path=r"Pony\x.safetensors",
        hash=digest[:10],
        title=rf"Pony\x.safetensors [{digest[:10]}]",
        aliases=(path, r"Pony\x.safetensors"),
        servers=("Desktop",),
    )


def test_a_file_that_no_server_knows_is_shown_in_our_own_words() -> None:
    [known] = merged([local("Pony/x.safetensors", "x")], {"Laptop": on()})
    assert (known.normalized_path, known.title) == ("Pony/x.safetensors", None)
    assert (known.hash, known.servers) == (sha256_of("x")[:10], ())
    [unhashed] = merged([local("y.safetensors")], {})
    assert unhashed.hash is None


def test_two_servers_with_different_separators_share_an_entry_and_the_first_one_speaks() -> None:
    path = "Pony/x.safetensors"
    [known] = merged([], {"Windows": on(listed(path, separator="\\")), "Linux": on(listed(path))})
    assert known.servers == ("Windows", "Linux")
    assert known.normalized_path == known.title == r"Pony\x.safetensors"
    assert known.aliases == (path, r"Pony\x.safetensors")


def test_a_hash_that_the_first_server_has_not_computed_yet_is_taken_from_the_second() -> None:
    [known] = merged([], {"A": on(listed("x.ckpt")), "B": on(listed("x.ckpt", "x"))})
    assert (known.title, known.hash) == ("x.ckpt", sha256_of("x")[:10])


def test_files_that_only_servers_have_are_numbered_behind_ours() -> None:
    inventory = on(listed("new.ckpt"), listed("x.ckpt"), listed("newer.ckpt"))
    known = merged([local("x.ckpt", number=7), local("y.ckpt", number=3)], {"Laptop": inventory})
    assert [(one.path, one.id) for one in known] == [
        ("x.ckpt", 7),
        ("y.ckpt", 3),
        ("new.ckpt", 8),
        ("newer.ckpt", 9),
    ]


def test_a_file_that_is_called_otherwise_on_the_server_is_known_by_its_hash() -> None:
    known = merged([local("Pony/x.ckpt", "x")], {"Laptop": on(listed("renamed.ckpt", "x"))})
    assert paths_and_servers(known) == [("Pony/x.ckpt", ("Laptop",))]
    assert known[0].aliases == ("Pony/x.ckpt", r"Pony\x.ckpt", "renamed.ckpt")


def test_namesakes_with_different_hashes_are_two_files() -> None:
    known = merged([local("x.ckpt", "ours")], {"Laptop": on(listed("x.ckpt", "theirs"))})
    assert paths_and_servers(known) == [("x.ckpt", ()), ("x.ckpt", ("Laptop",))]


def test_copies_on_one_server_stay_two_entries_and_the_path_decides_which_is_ours() -> None:
    inventory = on(listed("copy.ckpt", "x"), listed("Pony/x.ckpt", "x"))
    known = merged([local("Pony/x.ckpt", "x")], {"Laptop": inventory})
    assert paths_and_servers(known) == [("Pony/x.ckpt", ("Laptop",)), ("copy.ckpt", ("Laptop",))]
    assert known[0].aliases == ("Pony/x.ckpt", r"Pony\x.ckpt")


def test_decomposed_names_meet_composed_ones() -> None:
    nfd = unicodedata.normalize("NFD", "é.ckpt")
    [known] = merged([local("é.ckpt")], {"Mac": on(listed(nfd))})
    assert known.normalized_path == nfd


paths = st.sampled_from(["x.ckpt", "a/x.ckpt", "b/x.ckpt", "é.ckpt"])
contents = st.none() | st.sampled_from(["x", "y"])
separators = st.sampled_from(["/", "\\"])
lists = st.lists(st.tuples(paths, contents), max_size=4, unique_by=lambda pair: pair[0])
fleets = st.dictionaries(st.sampled_from(["A", "B", "C"]), st.tuples(lists, separators))


@given(lists, fleets)
def test_every_file_is_in_the_list_once_for_each_who_has_it(
    ours: list[tuple[str, str | None]],
    fleet: dict[str, tuple[list[tuple[str, str | None]], str]],
) -> None:
    models = [local(*file, number) for number, file in enumerate(ours, 1)]
    inventories = {
        alias: on(*(listed(*file, separator) for file in files))
        for alias, (files, separator) in fleet.items()
    }
    known = merged(models, inventories)

    assert len({one.id for one in known}) == len(known)
    assert [one.path for one in known[: len(models)]] == [m.path for m in models]
    for alias, inventory in inventories.items():
        assert [alias in one.servers for one in known].count(True) == len(inventory.checkpoints)
        for checkpoint in inventory.checkpoints:
            assert any(checkpoint.name in one.aliases for one in known if alias in one.servers)
    for one in known:
        assert one.aliases[0] == one.path == comparable(one.path)
        assert (one.title is None) == (one.servers == ())
        assert one.normalized_path in one.aliases
