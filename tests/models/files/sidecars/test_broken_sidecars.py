"""Nothing that lies beside a model breaks a scan; what is wrong is said."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.models.files.sidecars.beside import RECORDINGS, SHA256, Folder

from stablequeue_core.models import ModelCard
from stablequeue_core.models.files.sidecars import read_sidecars

SUFFIXES = (
    *(".json", ".civitai.info", ".civitai.json", ".api_info.json", ".metadata.json"),
    *(".cm-info.json", ".swarm.json"),
)
BROKEN = {
    "empty": (b"", "sidecar_broken"),
    "half written": (b'{"notes": "a', "sidecar_broken"),
    "a web page": (b"<!DOCTYPE html><p>Log in</p>", "sidecar_broken"),
    "zeros": (b"\0" * 4096, "sidecar_broken"),
    "two objects": (b"{} {}", "sidecar_broken"),
    "nested too deeply": (b'{"a": ' + b"[" * 100_000, "sidecar_broken"),
    "a list": (b"[]", "sidecar_not_an_object"),
    "text": (b'"Model not found"', "sidecar_not_an_object"),
    "null": (b"null", "sidecar_not_an_object"),
    "another encoding": ('{"notes": "caf\u00e9"}'.encode("latin-1"), "sidecar_not_utf8"),
    "UTF-16": ('{"notes": "a"}'.encode("utf-16"), "sidecar_not_utf8"),
    "too large": (b'{"notes": "' + b"a" * (8 * 2**20) + b'"}', "sidecar_too_large"),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("content", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_a_problem_and_the_others_are_read(
    folder: Folder, suffix: str, content: bytes, code: str
) -> None:
    file = folder.put(suffix, content)
    folder.put(".txt", b"still here")
    read = folder.read()
    assert read.card == ModelCard(description="still here", sources=("forge_json",))
    [problem] = read.problems
    assert (problem.code, problem.file) == (code, file.name)
    assert repr(file.name) in problem.message
    assert str(folder.path) not in problem.message


def test_a_sidecar_of_200_megabytes_is_not_read(folder: Folder) -> None:
    with folder.put(".json", b"{").open("r+b") as file:
        file.truncate(200 * 2**20)  # takes up no room on the disk
    [problem] = folder.read().problems
    assert problem.code == "sidecar_too_large"
    assert "8 MiB" in problem.message


def test_a_file_that_is_gone_by_now_was_never_there(tmp_path: Path) -> None:
    read = read_sidecars(tmp_path, "x", ["x.json", "x.txt"], size=1, mtime_ns=0)
    assert (read.card, read.problems) == (ModelCard(), ())


def test_a_folder_with_the_name_of_a_sidecar_is_a_problem(folder: Folder) -> None:
    (folder.path / "inkWash_v3.json").mkdir()
    [problem] = folder.read().problems
    assert problem.code == "sidecar_no_file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_holds_up_nobody(folder: Folder) -> None:
    os.mkfifo(folder.path / "inkWash_v3.json")
    [problem] = folder.read().problems
    assert problem.code == "sidecar_no_file"


def test_a_byte_order_mark_is_no_harm(folder: Folder) -> None:
    folder.put(".json", b'\xef\xbb\xbf{"notes": "a"}')
    assert folder.card.notes == "a"


def test_a_number_without_end_leaves_the_other_fields_alone(folder: Folder) -> None:
    folder.put(".civitai.info", b'{"id": ' + b"9" * 5000 + b', "stats": {"downloadCount": NaN}}')
    folder.put(".json", b'{"preferred weight": 1e999, "notes": "a"}')
    assert folder.card == ModelCard(notes="a", sources=("forge_json",))


def test_text_that_no_database_can_hold_is_made_harmless(folder: Folder) -> None:
    folder.put(
        ".json", rb'{"notes": "a\u0000b\ud800c\u001b[31m", "activation text": "\udfff\u0007"}'
    )
    assert folder.card.notes == "ab\ufffdc[31m"
    assert folder.card.trigger_words == ("\ufffd",)


def test_endless_text_is_shortened(folder: Folder) -> None:
    text = "fox " * 500_000
    folder.put(".json", {"description": text, "notes": text, "activation text": "a," * 10**6})
    folder.put(".swarm.json", {"modelspec.title": text})
    folder.put(".cm-info.json", {"TrainedWords": [str(n) for n in range(10**5)]})
    card = folder.card
    assert card.description is not None
    assert card.notes is not None
    assert card.name is not None
    assert len(card.description) <= 20_000
    assert len(card.notes) <= 20_000
    assert len(card.name) <= 300
    assert card.notes.endswith("…")
    assert card.trigger_words == ("a",)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["Model not found", SHA256, "7", "<p>", "a, b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def keys_of(value: object) -> set[str]:
    """Every key that stands anywhere in a value."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if isinstance(value, dict):
        return {*value, *keys_of(list(value.values()))}
    return set()


KEYS = sorted(
    set().union(*(keys_of(json.loads(file.read_bytes())) for file in RECORDINGS.iterdir()))
)


def with_one_value_replaced(value: Any, draw: Any) -> Any:
    """A value with anything in the place of one of the values in it."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: with_one_value_replaced(value[key], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        return [with_one_value_replaced(value[0], draw), *value[1:]]
    return draw(json_values)


@st.composite
def spoiled_recordings(draw: Any) -> tuple[str, bytes]:
    """A file that a program wrote, with one value replaced by anything."""
    file = draw(st.sampled_from(sorted(RECORDINGS.iterdir())))
    spoiled = with_one_value_replaced(json.loads(file.read_bytes()), draw)
    return file.name.partition(".")[2], json.dumps(spoiled).encode()


def card_problems(card: ModelCard) -> list[str]:
    """The fields that hold what a card must not: a wrong type, empty text, odd characters."""
    return [
        name
        for name, value in asdict(card).items()
        if not (value is None and name != "base_model_confirmed") and not ALLOWED[name](value)
    ]


def is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != "" and value.encode().decode() == value


def is_words(value: object) -> bool:
    return isinstance(value, tuple) and all(map(is_text, value)) and len(set(value)) == len(value)


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value != 0


ALLOWED: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("name", "version", "description", "notes", "base_model"), is_text),
    **dict.fromkeys(("creator", "negative_text"), is_text),
    **dict.fromkeys(("tags", "trigger_words", "sources"), is_words),
    **dict.fromkeys(("nsfw", "base_model_confirmed"), is_flag),
    **dict.fromkeys(("model_id", "version_id", "downloads", "favorited"), is_count),
    **dict.fromkeys(("preferred_weight", "rating"), is_number),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(file=spoiled_recordings())
def test_whatever_stands_in_a_field_a_card_keeps_to_its_types(
    folder: Folder, file: tuple[str, bytes]
) -> None:
    suffix, content = file
    written = folder.put(f".{suffix}", content)
    card = folder.read(sha256=SHA256).card
    written.unlink()
    assert card_problems(card) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    suffix=st.sampled_from(SUFFIXES),
    values=st.dictionaries(st.sampled_from(KEYS), json_values, max_size=8),
)
def test_whatever_stands_under_the_keys_of_all_programs_a_card_keeps_to_its_types(
    folder: Folder, suffix: str, values: dict[str, Any]
) -> None:
    written = folder.put(suffix, values)
    read = folder.read(sha256=SHA256)
    written.unlink()
    assert card_problems(read.card) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(suffix=st.sampled_from((*SUFFIXES, ".txt")), content=st.binary())
def test_a_file_of_any_bytes_is_at_most_one_problem(
    folder: Folder, suffix: str, content: bytes
) -> None:
    written = folder.put(suffix, content)
    read = folder.read()
    written.unlink()
    assert len(read.problems) <= 1
