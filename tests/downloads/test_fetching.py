"""A file is brought into its place, whole, and over nobody else's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from attrs import evolve
from tests.downloads.errands import CONTENT, FILENAME, SIZE, Errand, Links, fetcher_of, run, wanted

from stablequeue_core.errors import (
    CivitaiNotFound,
    FileNotPlaced,
    LoginNeeded,
    ModelFileExists,
    NotEnoughSpace,
)
from stablequeue_core.models import NO_HASHES, Hashes, HashSource
from stablequeue_core.testing.scripted_http import ScriptedHttp
from stablequeue_core.transport.requests_transport import RequestsTransport

SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_is_brought_into_its_folder(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    done = errand.fetch()
    assert done.file.read_bytes() == CONTENT
    assert errand.names == [FILENAME]
    assert (done.total, done.bytes_done, done.notes) == (SIZE, SIZE, ())


def test_its_hash_is_computed_and_civitais_others_are_taken_along(tmp_path: Path) -> None:
    told = Hashes(sha256=SHA256.upper(), autov1="a1b2c3d4", autov3="b9c80b5adeca")
    done = Errand(tmp_path, hashes=told).fetch()
    assert done.hashes == Hashes(
        sha256=SHA256, autov1="a1b2c3d4", autov3="b9c80b5adeca", source=HashSource.COMPUTED
    )


def test_without_a_told_hash_size_and_header_decide_and_that_is_said(tmp_path: Path) -> None:
    done = Errand(tmp_path, hashes=Hashes(autov3="b9c80b5adeca")).fetch()
    assert done.hashes == Hashes(sha256=SHA256, source=HashSource.COMPUTED)
    assert done.notes[0].startswith("unverified: ")


def test_progress_is_told_from_the_first_byte_to_the_last(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.fetch()
    assert errand.told == sorted(errand.told)
    assert (errand.told[0], errand.told[-1]) == ((0, SIZE), (SIZE, SIZE))


def test_the_etag_is_noted_before_the_first_byte_is_here(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    noted = []
    errand.on_bytes = lambda done: noted.append((done > 0, errand.download.etag is not None))
    errand.fetch()
    assert (True, False) not in noted


def test_the_key_goes_to_civitai_and_nowhere_else(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.fetch()
    assert not errand.civitai.leaks


def test_packed_answers_are_not_asked_for(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.fetch()
    assert errand.at_storage[-1].headers["accept-encoding"] == "identity"


def test_a_file_that_is_in_its_place_already_is_not_fetched(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.fetch()
    count = len(errand.civitai.requests)
    again = errand.fetch()
    assert (again.bytes_done, again.hashes.sha256) == (SIZE, SHA256)
    assert len(errand.civitai.requests) == count


@pytest.mark.parametrize("other", [b"mine", CONTENT[:-1] + b"!"], ids=["short", "as long"])
def test_another_file_of_its_name_is_left_alone(tmp_path: Path, other: bytes) -> None:
    errand = Errand(tmp_path)
    errand.download.file.parent.mkdir()
    errand.download.file.write_bytes(other)
    assert isinstance(errand.failure(), ModelFileExists)
    assert errand.download.file.read_bytes() == other
    assert not errand.civitai.requests


def test_without_a_told_hash_no_file_is_taken_for_the_same(tmp_path: Path) -> None:
    errand = Errand(tmp_path, hashes=NO_HASHES)
    errand.download.file.parent.mkdir()
    errand.download.file.write_bytes(CONTENT)
    assert isinstance(errand.failure(), ModelFileExists)


@pytest.mark.parametrize("what", ["a folder", "a link to nowhere"])
def test_whatever_has_its_name_is_left_alone(tmp_path: Path, what: str) -> None:
    errand = Errand(tmp_path)
    errand.download.file.parent.mkdir()
    if what == "a folder":
        errand.download.file.mkdir()
    else:
        _link(errand.download.file, tmp_path / "nowhere")
    assert isinstance(errand.failure(), ModelFileExists)
    assert os.path.lexists(errand.download.file)


def test_a_file_that_appears_while_it_is_fetched_is_not_overwritten(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.on_bytes = lambda done: _appear(errand.download.file, b"mine") if done == SIZE else None
    assert isinstance(errand.failure(), ModelFileExists)
    assert errand.download.file.read_bytes() == b"mine"
    assert errand.part.read_bytes() == CONTENT


def test_a_file_that_lost_its_place_gets_it_when_the_place_is_free_again(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.on_bytes = lambda done: _appear(errand.download.file, b"mine") if done == SIZE else None
    errand.failure()
    errand.on_bytes = lambda done: None
    errand.download.file.rename(tmp_path / "moved away")
    count = len(errand.civitai.requests)
    done = errand.fetch()
    assert (done.file.read_bytes(), done.notes) == (CONTENT, ())
    assert len(errand.civitai.requests) == count


def test_the_same_file_that_appears_while_it_is_fetched_is_as_good(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.on_bytes = lambda done: _appear(errand.download.file, CONTENT) if done == SIZE else None
    assert errand.fetch().hashes.sha256 == SHA256
    assert errand.names == [FILENAME]


def test_two_downloads_of_one_name_never_write_into_the_same_part(tmp_path: Path) -> None:
    first, second = Errand(tmp_path), Errand(tmp_path)
    assert first.part != second.part
    assert first.part.parent == second.part.parent == first.download.file.parent


def test_a_file_whose_process_died_before_it_could_tell_is_found_in_its_place(
    tmp_path: Path,
) -> None:
    errand = Errand(tmp_path, is_hash_told=False)
    errand.fetch()  # noted, but nobody was told that it came back
    count = len(errand.civitai.requests)
    errand.restart()
    done = errand.fetch()
    assert done.hashes.sha256 == SHA256
    assert done.notes[0].startswith("unverified: ")
    assert len(errand.civitai.requests) == count


def test_a_model_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    errand = Errand(tmp_path / "unplugged")
    error = errand.failure()
    assert isinstance(error, FileNotPlaced)
    assert "connected" in error.message
    assert str(tmp_path) not in error.message
    assert not (tmp_path / "unplugged").exists()


def test_a_link_in_the_model_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "models", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    _link(root / "SDXL", outside)
    assert isinstance(Errand(root, folder="SDXL/new").failure(), FileNotPlaced)
    assert list(outside.iterdir()) == []


def test_a_folder_that_climbs_out_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    assert isinstance(Errand(root, folder="../elsewhere").failure(), FileNotPlaced)
    assert not (tmp_path / "elsewhere").exists()


def test_a_model_folder_that_is_a_link_itself_is_fine(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    _link(tmp_path / "models", tmp_path / "disk")
    Errand(tmp_path / "models").fetch()
    assert (tmp_path / "disk" / "SDXL" / FILENAME).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "SDXL").write_bytes(b"a file has the folder's name")
    error = Errand(tmp_path).failure()
    assert isinstance(error, FileNotPlaced)
    assert str(tmp_path) not in f"{error.message} {error.details}"


def test_the_disk_is_asked_before_anybody_else(tmp_path: Path) -> None:
    errand = Errand(tmp_path, size=10**18)
    error = errand.failure()
    assert isinstance(error, NotEnoughSpace)
    assert error.details["needed"] == 10**18
    assert not errand.civitai.requests


def test_the_disk_is_asked_again_when_only_the_storage_tells_the_size(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        server.on("/x", lambda exchange: exchange.send(_head(10**18)))
        fetcher = fetcher_of(RequestsTransport(), Links(server.url + "/x"))
        with pytest.raises(NotEnoughSpace):
            run(fetcher, wanted(tmp_path))


def test_a_refusal_of_civitai_comes_through_and_nothing_is_left_behind(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.download = evolve(errand.download, version_id=1)
    assert isinstance(errand.failure(), CivitaiNotFound)
    errand = Errand(tmp_path, settings={"civitai_api_key": None})
    assert isinstance(errand.failure(), LoginNeeded)
    assert errand.names == []


def test_an_abort_keeps_what_is_here(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.stop_at(100_000)
    here = errand.part.read_bytes()
    assert 0 < len(here) < SIZE
    assert here == CONTENT[: len(here)]
    assert errand.fetcher.bytes_here(errand.download) == len(here)


def test_what_is_not_wanted_any_more_is_discarded(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.stop_at(1)
    errand.fetcher.discard(errand.download)
    errand.fetcher.discard(errand.download)
    assert errand.names == []
    assert errand.fetcher.bytes_here(errand.download) == 0


def test_no_representation_of_what_was_learnt_shows_a_signed_link(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    done = errand.fetch()
    assert "Signature" not in f"{done!r} {errand.download!r}"


def _appear(file: Path, content: bytes) -> None:
    if not file.exists():
        file.write_bytes(content)


def _link(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let us make links")


def _head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
