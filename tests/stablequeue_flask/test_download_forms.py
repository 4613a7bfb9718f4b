"""What clients say when they want a model file, in the core's words; every bad field at once."""

from __future__ import annotations

from typing import Any

import pytest

from stablequeue_core.errors import FieldProblem, InvalidDownload
from stablequeue_core.models import ModelKind
from stablequeue_flask.download_forms import read_download


def problems_of(body: dict[str, Any]) -> dict[str, str]:
    """Field → what is wrong with it."""
    with pytest.raises(InvalidDownload) as caught:
        read_download(body)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("version", [700201, "700201", " 700201 "])
def test_a_version_may_be_a_number_or_text(version: object) -> None:
    assert read_download({"civitaiModelVersionId": version}).link == 700201


@pytest.mark.parametrize(
    "link",
    [
        "https://civitai.com/models/600101/harbor-mix?modelVersionId=700201",
        "https://civitai.red/models/600101",
        "urn:air:sdxl:checkpoint:civitai:600101@700201",
        "700201",
    ],
)
def test_a_link_may_be_whatever_names_a_model(link: str) -> None:
    assert read_download({"link": link, "civitaiModelVersionId": None}).link == link


def test_what_is_not_given_is_left_to_the_core() -> None:
    form = read_download({"civitaiModelVersionId": 1, "subfolder": None, "unknown": "field"})
    assert form.fields == {}


def test_everything_that_is_given_is_in_the_core_s_words() -> None:
    form = read_download(
        {
            "civitaiModelVersionId": 700201,
            "targetType": "checkpoint",
            "filenameOverride": "harbor.safetensors",
            "subfolder": "SDXL\\Harbor",
            "priority": -3,
            "fileId": "900102",
        }
    )
    assert form.fields == {
        "kind": ModelKind.CHECKPOINT,
        "filename": "harbor.safetensors",
        "subfolder": "SDXL/Harbor",
        "priority": -3,
        "file_id": 900102,
    }


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("lora", ModelKind.LORA),
        ("LORA", ModelKind.LORA),
        ("LoCon", ModelKind.LORA),
        ("Checkpoint", ModelKind.CHECKPOINT),
        ("TextualInversion", ModelKind.EMBEDDING),
        ("embedding", ModelKind.EMBEDDING),
        ("VAE", ModelKind.VAE),
    ],
)
def test_a_type_may_be_called_as_here_or_as_at_civitai(said: str, kind: ModelKind) -> None:
    form = read_download({"civitaiModelVersionId": 1, "targetType": said})
    assert form.fields["kind"] is kind


@pytest.mark.parametrize("kind", ModelKind)
def test_every_kind_can_be_wanted(kind: ModelKind) -> None:
    assert read_download({"link": "1", "targetType": kind.value}).fields["kind"] is kind


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("civitaiModelVersionId", "abc", "must be a whole number above zero."),
        ("civitaiModelVersionId", "7e5", "must be a whole number above zero."),
        ("civitaiModelVersionId", True, "must be a whole number above zero."),
        ("civitaiModelVersionId", 1.5, "must be a whole number above zero."),
        ("civitaiModelVersionId", 0, "must be a whole number above zero."),
        ("civitaiModelVersionId", -1, "must be a whole number above zero."),
        ("civitaiModelVersionId", 2**31, "does not name a model or a version of one at Civitai"),
        ("civitaiModelVersionId", "9" * 18, "does not name a model or a version"),
        ("civitaiModelVersionId", [1], "must be a whole number above zero."),
        ("link", "https://example.org/models/1", "does not name a model or a version"),
        ("link", 5, "must be text"),
        ("link", "", "does not name a model or a version"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(field: str, value: object, words: str) -> None:
    assert words in problems_of({field: value})[field]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("targetType", "painting", "must be one of checkpoint, lora, vae, embedding"),
        ("targetType", 5, "must be one of checkpoint"),
        ("filenameOverride", 5, "must be text."),
        ("filenameOverride", "../x.safetensors", "not every system allows"),
        ("filenameOverride", "CON.safetensors", "is a device of Windows"),
        ("filenameOverride", "x" * 300 + ".safetensors", "has more than 240 bytes"),
        ("filenameOverride", "a/b.safetensors", "not every system allows"),
        ("subfolder", "..\\..\\x", "nothing may lead out"),
        ("subfolder", "/etc", "name a folder below the model folder"),
        ("subfolder", ["a"], "must be text."),
        ("priority", "high", "must be a whole number from -1000000 to 1000000."),
        ("priority", 1.0, "must be a whole number"),
        ("priority", 10**7, "must be a whole number"),
        ("fileId", "first", "must be a whole number above zero."),
        ("fileId", 0, "must be a whole number above zero."),
    ],
)
def test_a_bad_field_is_named_as_the_client_named_it(field: str, value: object, words: str) -> None:
    problems = problems_of({"civitaiModelVersionId": 700201, field: value})
    assert list(problems) == [field]
    assert words in problems[field]


def test_every_bad_field_is_told_at_once() -> None:
    body = {
        "civitaiModelVersionId": "x",
        "targetType": "x",
        "filenameOverride": "..",
        "subfolder": "..",
        "priority": "x",
        "fileId": "x",
    }
    assert list(problems_of(body)) == list(body)


def test_a_request_that_names_nothing_says_how_to() -> None:
    problems = problems_of({"priority": "x"})
    assert problems["civitaiModelVersionId"].startswith("is required: the number of a version")
    assert "priority" in problems


def test_two_ways_to_name_it_are_one_too_many() -> None:
    assert problems_of({"civitaiModelVersionId": 1, "link": "1"}) == {
        "link": "stands beside `civitaiModelVersionId`; give one of them."
    }


@pytest.mark.parametrize(
    ("body", "core", "said"),
    [
        ({"civitaiModelVersionId": 1}, "link", "civitaiModelVersionId"),
        ({"link": "1"}, "link", "link"),
        ({"link": "1"}, "kind", "targetType"),
        ({"link": "1"}, "filename", "filenameOverride"),
        ({"link": "1"}, "subfolder", "subfolder"),
    ],
)
def test_what_the_core_finds_wrong_later_is_told_in_the_client_s_words(
    body: dict[str, Any], core: str, said: str
) -> None:
    error = InvalidDownload([FieldProblem(core, "is wrong.")])
    (problem,) = read_download(body).in_the_clients_words(error).problems
    assert problem == FieldProblem(said, "is wrong.")
