"""Hashes and Civitai versions that no server lists: the local catalogue knows which file it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models import CheckpointNames, KnownFile, Resolution
from stablequeue_core.servers import ListedCheckpoint


@frozen
class Local:
    """A local file, by its path; what is in it is told by ``content``."""

    path: str
    content: str = "x"
    version: int | None = None
    autov1: str = "81761151"
    autov3: str = "0123456789ab"
    is_hashed: bool = True

    @property
    def sha256(self) -> str:
        return sha256_of(self.content)

    def as_known(self) -> KnownFile:
        return KnownFile(self.path, self.sha256 if self.is_hashed else None)


class Catalogue:
    """Local files; counts how often it is asked."""

    def __init__(self, *files: Local) -> None:
        self.files = files
        self.asked = 0

    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        self.asked += 1
        return [f.as_known() for f in self.files if self._has(f, digest)]

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        self.asked += 1
        return [f.as_known() for f in self.files if f.version == version_id]

    def _has(self, file: Local, digest: str) -> bool:
        by_content = file.is_hashed and file.sha256.startswith(digest)
        return by_content or digest in (file.autov1, file.autov3)


def sha256_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def listed(path: str, content: str | None = None, *, separator: str = "/") -> ListedCheckpoint:
    """As a server lists a file; it has hashed it if ``content`` is given."""
    name = path.replace("/", separator)
    digest = sha256_of(content) if content else None
    return ListedCheckpoint(
        title=f"{name} [{digest[:10]}]" if digest else name,
        model_name=path.replace("/", "_").rpartition(".")[0],
        shorthash=digest[:10] if digest else None,
        sha256=digest,
    )


def resolve(wanted: str, known: Sequence[Local], *on_server: ListedCheckpoint) -> Resolution:
    return CheckpointNames("Laptop", on_server, Catalogue(*known)).resolve(wanted)


OURS = Local("Pony/x.safetensors", version=128078)
OTHER = listed("y.safetensors", "y")

SAYINGS = [
    (OURS.sha256, f"hash {OURS.sha256}"),
    (OURS.sha256[:10].upper(), f"hash {OURS.sha256[:10]}"),
    ("0123456789AB", "hash 0123456789ab"),
    ("81761151", "hash 81761151"),
    ("128078", "Civitai version 128078"),
    ("civitai:101055@128078", "Civitai version 128078"),
    ("urn:air:sdxl:checkpoint:civitai:101055@128078", "Civitai version 128078"),
    ("https://civitai.com/models/101055/x?modelVersionId=128078", "Civitai version 128078"),
]


@pytest.mark.parametrize(("wanted", "said"), SAYINGS)
@pytest.mark.parametrize(
    ("there", "agreement"),
    [
        (listed("Pony/x.safetensors"), "same path"),
        (listed("Pony/x.safetensors", separator="\\"), "same path"),
        (listed("pony/X.safetensors"), "same path but for upper and lower case"),
        (listed("SDXL/Pony/x.safetensors"), "same end of the path"),
        (listed("x.safetensors"), "same end of the path"),
        (listed("SDXL/x.safetensors"), "same file name"),
    ],
)
def test_what_the_catalogue_knows_leads_to_the_servers_entry_and_what_must_be_proved(
    wanted: str, said: str, there: ListedCheckpoint, agreement: str
) -> None:
    assert resolve(f" {wanted} ", [OURS], OTHER, there) == Resolution(
        there, f"{said} is Pony/x.safetensors here: {agreement}", OURS.sha256
    )


@pytest.mark.parametrize("wanted", ["81761151", "0123456789ab", "128078"])
def test_a_file_that_the_server_has_hashed_is_found_under_any_name(wanted: str) -> None:
    there = listed("renamed.safetensors", "x")
    found = resolve(wanted, [OURS], OTHER, listed("Pony/x.safetensors", "other"), there)
    assert found.checkpoint == there
    assert found.reason.endswith("is Pony/x.safetensors here: same SHA-256")


@pytest.mark.parametrize("wanted", ["81761151", "0123456789ab", "128078", OURS.sha256])
def test_the_name_alone_is_nothing_when_the_server_knows_another_hash(wanted: str) -> None:
    with pytest.raises(NotOnServer):
        resolve(wanted, [OURS], listed("Pony/x.safetensors", "other"))


@pytest.mark.parametrize("wanted", ["81761151", "0123456789ab", "128078"])
@pytest.mark.parametrize(
    "there",
    [
        ("a/x.safetensors", "b/x.safetensors"),
        ("x.safetensors", "SDXL/Pony/x.safetensors"),
        ("PONY/x.safetensors", "pony/x.safetensors"),
    ],
)
def test_two_that_fit_are_refused_with_both(wanted: str, there: tuple[str, str]) -> None:
    for order in (there, there[::-1]):
        with pytest.raises(AmbiguousName) as caught:
            resolve(wanted, [OURS], *(listed(path) for path in order))
        assert caught.value.details["candidates"] == sorted(there)


def test_two_files_of_one_version_are_refused_only_if_the_server_has_both() -> None:
    full, pruned = Local("x.safetensors", "full", 5), Local("x_fp16.safetensors", "fp16", 5)
    there, also_there = listed("x.safetensors"), listed("x_fp16.safetensors", "fp16")

    assert resolve("civitai:1@5", [full, pruned], there).digest == sha256_of("full")
    assert resolve("civitai:1@5", [full, pruned], also_there).digest == sha256_of("fp16")
    with pytest.raises(AmbiguousName):
        resolve("civitai:1@5", [full, pruned], there, also_there)


def test_an_entry_that_may_be_either_of_two_different_files_is_only_suggested() -> None:
    """Which hash would have to be proved?"""
    files = [Local("a/x.safetensors", "one", 5), Local("b/x.safetensors", "two", 5)]
    with pytest.raises(NotOnServer) as caught:
        resolve("civitai:1@5", files, OTHER, listed("x.safetensors"))
    assert caught.value.details["available"] == ["x.safetensors", "y.safetensors"]


def test_copies_of_one_file_are_one_file() -> None:
    copies = [Local("a/x.safetensors"), Local("b/x_copy.safetensors")]
    there = listed("b/x_copy.safetensors")
    assert resolve("81761151", copies, OTHER, there).checkpoint == there


def test_a_file_that_is_called_otherwise_on_the_server_is_found_by_the_hash_behind_its_name() -> (
    None
):
    """People rename what they download; pictures tell the name that it has at home."""
    digest = sha256_of("x")[:10]
    found = resolve(
        f"harborMixXL [{digest}]", [], listed("renamed.ckpt", "x"), listed("y.ckpt", "y")
    )
    assert found.checkpoint.name == "renamed.ckpt"
    assert (found.reason, found.digest) == ("same hash, under another name", digest)


def test_of_two_that_the_server_has_not_hashed_ours_with_that_hash_is_meant() -> None:
    digest = sha256_of("x")[:10]
    there = [listed("Pony/x.ckpt"), listed("SDXL/x.ckpt")]
    found = resolve(f"x [{digest}]", [Local("SDXL/x.ckpt", "x")], *there)
    assert (found.checkpoint.name, found.digest) == ("SDXL/x.ckpt", digest)
    with pytest.raises(AmbiguousName):
        resolve(f"x [{digest}]", [], *there)


def test_our_file_with_the_hash_behind_a_name_is_found_by_the_name_that_it_has_here() -> None:
    """Pictures tell the name that a file had elsewhere; the server has not hashed ours yet."""
    wanted = f"harborMixXL [{OURS.sha256[:10]}]"
    there = listed("Pony/x.safetensors")
    assert resolve(wanted, [OURS], OTHER, there) == Resolution(
        there, f"hash {OURS.sha256[:10]} is Pony/x.safetensors here: same path", OURS.sha256
    )
    with pytest.raises(NotOnServer):
        resolve(wanted, [OURS], OTHER, listed("Pony/x.safetensors", "other"))
    nothing = Local("Pony/x.safetensors", autov3="e3b0c44298fc")
    with pytest.raises(NotOnServer):
        resolve("harborMixXL [e3b0c44298fc]", [nothing], OTHER, there)


class TestTheOldHash:
    """Eight digits of 64 KiB: two files may share it, so it must be proved, or is refused."""

    def test_a_collision_is_only_suggested(self) -> None:
        files = [Local("Pony/x.safetensors"), Local("z.safetensors", "z")]
        with pytest.raises(NotOnServer) as caught:
            resolve("81761151", files, OTHER, listed("Pony/x.safetensors"))
        assert caught.value.details["available"][0] == "Pony/x.safetensors"

    def test_a_file_whose_sha256_is_not_known_is_only_suggested(self) -> None:
        there = listed("Pony/x.safetensors")
        with pytest.raises(NotOnServer) as caught:
            resolve("81761151", [Local("Pony/x.safetensors", is_hashed=False)], OTHER, there)
        assert caught.value.details["available"][0] == "Pony/x.safetensors"

    def test_digits_that_are_another_files_version_too_are_only_suggested(self) -> None:
        files = [OURS, Local("z.safetensors", "z", version=81761151, autov1="")]
        with pytest.raises(NotOnServer):
            resolve("81761151", files, listed("Pony/x.safetensors"))
        assert resolve("81761151", files[1:], listed("z.safetensors")).digest == sha256_of("z")


@pytest.mark.parametrize("wanted", ["e3b0c442", "E3B0C44298FC", "e3b0c44298"])
def test_the_hash_of_nothing_is_no_evidence(wanted: str) -> None:
    """Files too short to have a hash share it with all others of their kind."""
    file = Local("Pony/x.safetensors", autov1="e3b0c442", autov3="e3b0c44298fc")
    with pytest.raises(NotOnServer):
        resolve(wanted, [file], listed("Pony/x.safetensors"))


def test_without_a_sha256_only_the_same_path_is_believed() -> None:
    """A namesake in another folder could not be told from the file that is meant."""
    unhashed = Local("Pony/x.safetensors", version=5, is_hashed=False)
    found = resolve("civitai:1@5", [unhashed], listed("pony/x.safetensors", "whatever"))
    assert found.digest is None
    for path in ("SDXL/x.safetensors", "x.safetensors", "SDXL/Pony/x.safetensors"):
        with pytest.raises(NotOnServer):
            resolve("civitai:1@5", [unhashed], listed(path))


@pytest.mark.parametrize(
    "wanted",
    ["civitai:101055@5", "5", "81761150", "a" * 12, "b" * 64, "https://civitai.com/models/101055"],
)
def test_what_the_catalogue_does_not_know_is_refused(wanted: str) -> None:
    with pytest.raises(NotOnServer) as caught:
        resolve(wanted, [OURS], listed("Pony/x.safetensors"))
    assert caught.value.details["wanted"] == wanted


@pytest.mark.parametrize("wanted", ["Pony/x.safetensors", "x", "128078", sha256_of("y")])
def test_the_catalogue_is_asked_only_for_what_the_server_does_not_list(wanted: str) -> None:
    catalogue = Catalogue(OURS)
    on_server = [listed("Pony/x.safetensors"), listed("128078.safetensors"), OTHER]
    names = CheckpointNames("Laptop", on_server, catalogue)
    names.resolve(wanted)
    with pytest.raises(NotOnServer):
        names.resolve("Pony/z.safetensors")
    assert catalogue.asked == 0


paths = st.sampled_from(["x.safetensors", "a/x.safetensors", "b/x.safetensors", "a/y.safetensors"])
contents = st.sampled_from(["x", "y", "z"])
locals_ = st.lists(
    st.builds(Local, paths, contents, st.integers(1, 3), is_hashed=st.booleans()), max_size=4
)
servers = st.lists(
    st.builds(listed, paths, st.none() | contents), max_size=4, unique_by=lambda c: c.name
)
sayings = st.sampled_from(["81761151", "0123456789ab", "1", "civitai:9@2", sha256_of("x")])


@given(locals_, servers, sayings)
def test_no_other_file_than_the_one_that_was_meant_is_ever_sent(
    known: list[Local], on_server: list[ListedCheckpoint], wanted: str
) -> None:
    """Either it is at the very path of a local file, or a hash says or will prove that it is it."""
    try:
        found = resolve(wanted, known, *on_server)
    except (NotOnServer, AmbiguousName):
        return
    assert found.checkpoint in on_server
    if found.reason != "same hash":
        assert found.checkpoint.sha256 is None or found.digest in (None, found.checkpoint.sha256)
        assert found.digest or found.checkpoint.name in {file.path for file in known}


@given(locals_, servers, st.data())
def test_the_order_of_lists_makes_no_difference(
    known: list[Local], on_server: list[ListedCheckpoint], data: st.DataObject
) -> None:
    wanted = data.draw(sayings)

    def outcome(known: list[Local], on_server: list[ListedCheckpoint]) -> object:
        try:
            found = resolve(wanted, known, *on_server)
        except (NotOnServer, AmbiguousName) as error:
            return error.code
        return (found.checkpoint, found.digest)

    assert outcome(known, on_server) == outcome(known[::-1], on_server[::-1])


class TestOfFile:
    """Where a server has a local file."""

    def test_its_entry_is_found_as_for_a_hash(self) -> None:
        there = listed("Pony/x.safetensors", separator="\\")
        names = CheckpointNames("Laptop", [OTHER, there])
        assert names.of_file(OURS.as_known()) == Resolution(there, "same path", OURS.sha256)

    def test_a_server_without_it_is_named_in_the_error(self) -> None:
        with pytest.raises(NotOnServer, match=r"'Laptop' has no checkpoint 'Pony/x\.safetensors'"):
            CheckpointNames("Laptop", [OTHER]).of_file(OURS.as_known())
