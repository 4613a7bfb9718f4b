"""Which of Forge's own hashes are believed, wherever they are kept."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
from tests.models.files.forge_cache.forge_home import RAW, ForgeHome, insert

from stablequeue_core.models.files.forge_cache import MAX_FILE_BYTES, ForgeCache
from stablequeue_core.models.model import ModelKind

SHA256 = hashlib.sha256(b"tensors").hexdigest()
X = "x.safetensors"
KEY = f"checkpoint/{X}"


@pytest.fixture
def forge(tmp_path: Path) -> ForgeHome:
    return ForgeHome(tmp_path / "forge #1 100% äöü?" if os.name != "nt" else tmp_path / "forge #1")


def found(
    forge: ForgeHome, mtime_ns: int, path: str = X, kind: ModelKind = ModelKind.CHECKPOINT
) -> str | None:
    cache = ForgeCache.near(forge.checkpoints)
    return cache.sha256_of(kind, path, mtime_ns) if cache else None


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_hash_that_forge_computed_is_found(forge: ForgeHome, protocol: int) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256}, protocol=protocol)
    assert found(forge, mtime_ns) == SHA256


@pytest.mark.parametrize("key", ["checkpoint/Pony/x.safetensors", "checkpoint/Pony\\x.safetensors"])
def test_a_file_in_a_folder_is_found_with_the_separator_of_any_system(
    forge: ForgeHome, key: str
) -> None:
    mtime_ns = forge.add("Pony/x.safetensors")
    forge.remember(key, {"mtime": forge.mtime("Pony/x.safetensors"), "sha256": SHA256})
    assert found(forge, mtime_ns, "Pony/x.safetensors") == SHA256


def test_a_folder_below_forges_own_is_of_that_forge(forge: ForgeHome) -> None:
    mtime_ns = forge.add("Pony/v6/x.safetensors")
    entry = {"mtime": forge.mtime("Pony/v6/x.safetensors"), "sha256": SHA256}
    forge.remember("checkpoint/Pony/v6/x.safetensors", entry)
    cache = ForgeCache.near(forge.checkpoints / "Pony" / "v6")
    assert cache is not None
    assert cache.sha256_of(ModelKind.CHECKPOINT, X, mtime_ns) == SHA256


def test_what_a_running_forge_has_just_written_is_found(forge: ForgeHome) -> None:
    """It is in the log beside the database, and in the database only when Forge has ended."""
    mtime_ns = forge.add(X)
    running = forge.running()
    insert(running, KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    assert found(forge, mtime_ns) == SHA256
    running.execute("DELETE FROM Cache")
    assert found(forge, mtime_ns) is None
    running.close()


def test_nothing_of_forges_is_locked_or_changed(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    files = {file: file.read_bytes() for file in forge.database.parent.iterdir()}
    writing = forge.running()
    writing.execute("BEGIN EXCLUSIVE")
    assert found(forge, mtime_ns) == SHA256
    writing.execute("ROLLBACK")
    writing.close()
    assert {file: file.read_bytes() for file in forge.database.parent.iterdir()} == files


def test_the_cache_is_read_when_it_is_asked_for_and_only_once(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.running().close()
    cache = ForgeCache.near(forge.checkpoints)
    assert cache is not None
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    assert cache.sha256_of(ModelKind.CHECKPOINT, X, mtime_ns) == SHA256
    forge.database.write_bytes(b"")
    assert cache.sha256_of(ModelKind.CHECKPOINT, X, mtime_ns) == SHA256


@pytest.mark.parametrize("seconds", [0.01, 1.0, 3600.0, -0.01, -1.0])
def test_a_file_of_another_time_is_not_believed(forge: ForgeHome, seconds: float) -> None:
    """Forge itself believes it of older files, too."""
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X) + seconds, "sha256": SHA256})
    assert found(forge, mtime_ns) is None


@pytest.mark.parametrize("mtime_ns", [0, 1_000_000_000, 1_699_999_999_999_999_999, 10**19 + 1])
def test_a_time_is_the_same_although_forge_rounds_it(forge: ForgeHome, mtime_ns: int) -> None:
    forge.remember(KEY, {"mtime": mtime_ns / 1e9, "sha256": SHA256})
    assert found(forge, mtime_ns) == SHA256


@pytest.mark.parametrize("path", [X, "Pony/pony v6 (äöü).safetensors"])
def test_a_hash_of_the_files_name_is_not_believed(forge: ForgeHome, path: str) -> None:
    """What Forge wrote for some months, to save time."""
    mtime_ns = forge.add(path)
    of_name = hashlib.sha256(path.rpartition("/")[2].encode()).hexdigest()
    forge.remember(f"checkpoint/{path}", {"mtime": forge.mtime(path), "sha256": of_name})
    assert found(forge, mtime_ns, path) is None


@pytest.mark.parametrize(
    "sha256",
    [None, 7, "", "unknown", SHA256[:10], SHA256 + "0", "g" * 64, hashlib.sha256().hexdigest()],
)
def test_what_is_no_hash_of_a_file_is_not_believed(forge: ForgeHome, sha256: object) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": sha256})
    assert found(forge, mtime_ns) is None


@pytest.mark.parametrize("mtime", [None, "1700000000.1", 10**400, float("nan"), float("inf")])
def test_an_entry_without_a_time_is_not_believed(forge: ForgeHome, mtime: object) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": mtime, "sha256": SHA256})
    assert found(forge, mtime_ns) is None


def test_upper_case_becomes_lower_case(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256.upper()})
    assert found(forge, mtime_ns) == SHA256


@pytest.mark.parametrize("kind", [kind for kind in ModelKind if kind is not ModelKind.CHECKPOINT])
def test_only_checkpoints_are_looked_up(forge: ForgeHome, kind: ModelKind) -> None:
    """A LoRA's entry may be of its tensors, its file or its name; all VAEs share one."""
    mtime_ns = forge.add(X)
    entry = pickle.dumps({"mtime": forge.mtime(X), "sha256": SHA256})
    for cache in ("hashes", "hashes-addnet"):
        for key in (f"{kind.value}/{X}", f"{kind.value}/x", "vae"):
            forge.write(key, entry, cache=cache)
    assert found(forge, mtime_ns, kind=kind) is None


class Shell:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def test_a_program_in_the_cache_is_not_run(forge: ForgeHome, tmp_path: Path) -> None:
    mtime_ns = forge.add(X)
    trace = tmp_path / "it-ran"
    program = Shell(f'echo ran > "{trace}"')
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256, "extra": program})
    assert found(forge, mtime_ns) is None
    assert not trace.exists()


@pytest.mark.parametrize("value", [None, 1.5, "text", b"", b"x" * 5000])
def test_values_that_are_not_pickled_dicts_are_passed_over(forge: ForgeHome, value: object) -> None:
    mtime_ns = forge.add(X)
    forge.write(KEY, value)
    assert found(forge, mtime_ns) is None


def test_a_value_that_is_kept_raw_is_no_pickle(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    entry = pickle.dumps({"mtime": forge.mtime(X), "sha256": SHA256})
    forge.write(KEY, entry, mode=RAW)
    assert found(forge, mtime_ns) is None


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_database_that_is_none_tells_nothing(forge: ForgeHome, content: bytes) -> None:
    forge.database.parent.mkdir(parents=True)
    forge.database.write_bytes(content)
    assert found(forge, forge.add(X)) is None


def test_a_damaged_database_tells_nothing_wrong(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    whole = forge.database.read_bytes()
    answers = set()
    for start in range(0, len(whole), 512):
        forge.database.write_bytes(whole[:start] + b"\xff" * 512 + whole[start + 512 :])
        answers.add(found(forge, mtime_ns))
    assert answers == {None, SHA256}


def test_a_database_without_the_table_tells_nothing(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    connection = forge.running()
    connection.execute("DROP TABLE Cache")
    connection.close()
    assert found(forge, mtime_ns) is None


def test_a_key_that_is_no_text_is_passed_over(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    connection = forge.running()
    insert(connection, KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    connection.execute("UPDATE Cache SET key = CAST(X'FF' AS TEXT)")
    connection.close()
    assert found(forge, mtime_ns) is None


def test_a_huge_database_is_left_alone(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.remember(KEY, {"mtime": forge.mtime(X), "sha256": SHA256})
    os.truncate(forge.database, MAX_FILE_BYTES + 1)
    assert found(forge, mtime_ns) is None


def test_an_older_forge_keeps_them_in_one_file(forge: ForgeHome) -> None:
    mtime_ns = forge.add("Pony/x.safetensors")
    entry = {"mtime": forge.mtime("Pony/x.safetensors"), "sha256": SHA256}
    forge.write_old_file({"hashes": {"checkpoint/Pony\\x.safetensors": entry}})
    assert found(forge, mtime_ns, "Pony/x.safetensors") == SHA256


def test_the_old_file_is_not_looked_at_beside_a_database(forge: ForgeHome) -> None:
    """Forge does not either; it has taken over what was in it."""
    mtime_ns = forge.add(X)
    forge.running().close()
    forge.write_old_file({"hashes": {KEY: {"mtime": forge.mtime(X), "sha256": SHA256}}})
    assert found(forge, mtime_ns) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"hashes": []}',
        '{"hashes": {"checkpoint/x.safetensors": "text"}}',
        '{"hashes": {"checkpoint/x.safetensors": {}}}',
        '{"hashes-addnet": {"checkpoint/x.safetensors": {}}}',
        "[" * 100_000,
    ],
)
def test_an_old_file_that_is_broken_tells_nothing(forge: ForgeHome, content: str) -> None:
    mtime_ns = forge.add(X)
    forge.write_old_file(content)
    assert found(forge, mtime_ns) is None


def test_a_huge_old_file_is_left_alone(forge: ForgeHome) -> None:
    mtime_ns = forge.add(X)
    forge.write_old_file({"hashes": {KEY: {"mtime": forge.mtime(X), "sha256": SHA256}}})
    with (forge.folder / "cache.json").open("ab") as file:
        file.write(b" " * MAX_FILE_BYTES)
    assert found(forge, mtime_ns) is None


@pytest.mark.parametrize(
    "folder",
    ["models", "outputs", "models/Stable-diffusion/a/b/c/d", "elsewhere/models/Stable-diffusion"],
)
def test_a_folder_outside_forges_model_folders_has_no_cache(forge: ForgeHome, folder: str) -> None:
    forge.running().close()
    assert ForgeCache.near(forge.folder / folder) is None


def test_a_folder_without_a_forge_has_no_cache(forge: ForgeHome) -> None:
    assert ForgeCache.near(forge.checkpoints) is None
