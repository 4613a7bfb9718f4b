"""Reading a small dict from a pickle without running it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models.files.forge_cache import read_pickled_dict

PROTOCOLS = st.integers(2, 5)
FLAT_DICTS = st.dictionaries(
    st.text(max_size=300),
    st.none() | st.floats(allow_nan=False) | st.integers(-(2**80), 2**80) | st.text(max_size=300),
    max_size=8,
)


@given(FLAT_DICTS, PROTOCOLS)
def test_a_flat_dict_is_read_as_it_was_written(entry: dict[str, object], protocol: int) -> None:
    assert read_pickled_dict(pickle.dumps(entry, protocol=protocol)) == entry


@given(PROTOCOLS)
def test_a_text_that_is_there_twice_is_read_twice(protocol: int) -> None:
    """Pickle writes it once, and then only where it stands."""
    text = "".join(["ab"] * 32)
    entry = {"sha256": text, "told": text, text: 1.5, "again": text}
    assert read_pickled_dict(pickle.dumps(entry, protocol=protocol)) == entry


@given(FLAT_DICTS, PROTOCOLS, st.data())
def test_a_damaged_pickle_is_no_dict_or_another_one(
    entry: dict[str, object], protocol: int, data: st.DataObject
) -> None:
    """Whatever stands there, nothing breaks and only plain values come out."""
    pickled = bytearray(pickle.dumps(entry, protocol=protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        pickled[data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    found = read_pickled_dict(bytes(pickled[: data.draw(st.integers(0, len(pickled)))]))
    assert all(isinstance(key, str) for key in found)
    assert all(value is None or isinstance(value, str | float | int) for value in found.values())


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert isinstance(read_pickled_dict(data), dict)


class Shell:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("hidden", [False, True])
def test_a_pickle_that_is_a_program_is_not_run(tmp_path: Path, protocol: int, hidden: bool) -> None:
    trace = tmp_path / "it-ran"
    program = Shell(f'echo ran > "{trace}"')
    entry = {"mtime": 1.5, "sha256": program} if hidden else program
    pickled = pickle.dumps(entry, protocol=protocol)
    assert read_pickled_dict(pickled) == {}
    assert not trace.exists()
    pickle.loads(pickled)
    assert trace.exists(), "the pickle is harmless, and the test shows nothing"


@pytest.mark.parametrize(
    "entry",
    [
        [],
        "text",
        1.5,
        None,
        {"nested": {}},
        {"list": [1]},
        {"tuple": ()},
        {"bytes": b"x"},
        {"flag": True},
        {1: "number as key"},
        {None: "none as key"},
    ],
)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_other_values_are_not_read(entry: object, protocol: int) -> None:
    assert read_pickled_dict(pickle.dumps(entry, protocol=protocol)) == {}


def test_a_dict_that_holds_itself_is_not_read() -> None:
    entry: dict[str, object] = {}
    entry["self"] = entry
    assert read_pickled_dict(pickle.dumps(entry)) == {}


@pytest.mark.parametrize("pickled", [b"", b".", b"}.", b"}}.", b"}(u.", b"}q\x00h\x00.", b"h\x07."])
def test_pickles_of_hardly_anything_are_empty_or_no_dict(pickled: bytes) -> None:
    assert read_pickled_dict(pickled) == {}
