"""Where the models of a job can be had, as the job says it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stablequeue_core.generation.civitai_names import civitai_name
from stablequeue_core.generation.fields import MAX_NAME_CHARS, FieldReader

MODEL_SOURCES = "model_sources"
MAX_SOURCES = 64
LARGEST_ID = 2**31 - 1
"""Civitai refuses a higher number without looking."""

_DIGITS = re.compile(r"[0-9]{1,18}")

_SHOWN_CHARS = 80
_WANTED = (
    "must name a model at Civitai: its AIR (urn:air:…@…), the address of its page, or the number "
    "of a version."
)


def names_a_model(source: object) -> bool:
    """Whether this says where a model can be had.

    Args:
        source: the number of a version at Civitai, also as text; the address of a model or of a
            version there; or its AIR.

    Example:
        >>> names_a_model("128078"), names_a_model("urn:air:sdxl:lora:civitai:101055@128078")
        (True, True)
        >>> names_a_model("https://example.org/x.safetensors")
        False
    """
    if isinstance(source, str) and _DIGITS.fullmatch(source.strip()):
        source = int(source)
    if isinstance(source, int) and not isinstance(source, bool):
        return 1 <= source <= LARGEST_ID
    named = civitai_name(source.strip()) if isinstance(source, str) else None
    ids = (named.model_id, named.version_id) if named else (None, None)
    return any(ids) and all(one is None or 1 <= one <= LARGEST_ID for one in ids)


def model_sources(reader: FieldReader) -> dict[str, str]:
    """The sources that a job gives, by the name of the model as the job says it.

    A source is text, or the number of a version; that one becomes text, too.
    """
    given = reader.take(MODEL_SOURCES)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        reader.problem(MODEL_SOURCES, "must be an object: from a model's name to its source.")
        return {}
    if len(given) > MAX_SOURCES:
        reader.problem(MODEL_SOURCES, f"has {len(given):,} sources; at most {MAX_SOURCES} fit.")
        return {}
    return dict(_checked(reader, given))


def _checked(reader: FieldReader, given: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    for name, source in given.items():
        # What is no text cannot be a key of JSON; that is told where all of JSON is checked.
        if not isinstance(name, str):
            continue
        path = f"{MODEL_SOURCES}.{name[:_SHOWN_CHARS]}".encode("utf-8", "backslashreplace").decode()
        if not name.strip() or len(name) > MAX_NAME_CHARS:
            reader.problem(path, "must have the model's name as its key.")
        elif isinstance(source, str) and len(source) > MAX_NAME_CHARS:
            reader.problem(path, f"has more than {MAX_NAME_CHARS:,} characters.")
        elif names_a_model(source):
            yield name, str(source).strip()
        else:
            reader.problem(path, _WANTED)
