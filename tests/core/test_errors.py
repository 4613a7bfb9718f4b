"""One family of errors: each with its code, its sentence, and nothing secret."""

from __future__ import annotations

import inspect

import pytest

from stablequeue_core import errors
from stablequeue_core.errors import (
    AmbiguousModel,
    AmbiguousName,
    NoModelFolders,
    NotOnServer,
    PreviewNotFound,
    StableQueueError,
)

FAMILY = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, StableQueueError) and value.__name__[0] != "_"
]


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""

    assert [kind.__name__ for kind in FAMILY if kind.__name__ not in drawn] == []


def test_no_two_errors_share_a_code_by_accident() -> None:
    own = [kind.code for kind in FAMILY if "code" in vars(kind)]

    assert len(own) == len(set(own))


def test_every_error_has_a_code_that_programs_can_rely_on() -> None:
    assert [kind.__name__ for kind in FAMILY if not kind.code.replace("_", "").islower()] == []


@pytest.mark.parametrize(
    ("index", "count", "file", "sentence"),
    [
        (0, 0, None, "Model 'x' has no preview 0; it has none."),
        (3, 1, None, "Model 'x' has no preview 3; it has one (index 0)."),
        (-1, 2, None, "Model 'x' has no preview -1; it has 2 (index 0 to 1)."),
        (0, 1, None, "Preview 0 of 'x' is not there any more; scan its folder again."),
        (
            *(0, 1, "x.png"),
            "What should be preview 0 of 'x' ('x.png') is no picture or film; replace or delete "
            "it.",
        ),
    ],
)
def test_a_preview_that_is_missing_is_told_apart_from_one_that_is_none(
    index: int, count: int, file: str | None, sentence: str
) -> None:
    error = PreviewNotFound("x", index, count, file=file)

    assert error.message == sentence
    assert error.details == {"model": "x", "index": index, "count": count}


def test_a_name_that_fits_several_models_is_answered_with_names_that_fit_one() -> None:
    error = AmbiguousModel("x.safetensors", ["id:10", "SDXL/x.safetensors"])

    assert error.message == (
        "'x.safetensors' fits 2 model files. Name one of these instead: id:10, SDXL/x.safetensors."
    )
    assert error.details["candidates"] == ["id:10", "SDXL/x.safetensors"]


@pytest.mark.parametrize(
    ("available", "near", "hint"),
    [
        (["a", "b", "c", "d"], ["d", "c", "b", "a"], "Nearest: d, c, b."),
        (["a", "b"], ["b"], "Nearest: b."),
        (["a", "b", "c"], [], "It has: a, b, c."),
        (["a", "b", "c", "d", "e"], [], "It has: a, b, c and 2 more."),
        ([], [], "It has no sampler at all."),
    ],
)
def test_names_are_called_near_only_if_they_are(
    available: list[str], near: list[str], hint: str
) -> None:
    error = NotOnServer("sampler", "x", available, "Laptop", near=near)

    assert error.message == f"Server 'Laptop' has no sampler 'x'. {hint}"
    assert error.details["available"] == available


def test_where_no_folder_is_named_each_way_to_name_one_is_told() -> None:
    said = NoModelFolders().message

    for way in ("--checkpoints", "--loras", "STABLEQUEUE_CHECKPOINT_DIRS", "StableQueue.open("):
        assert way in said


def test_a_sentence_does_not_name_ten_thousand_things() -> None:
    """The details do."""
    many = [f"d{number}/same.safetensors" for number in range(10_000)]
    for error in (AmbiguousModel("same", many), AmbiguousName("checkpoint", "same", many, "L")):
        assert len(error.message) < 500
        assert "and 9990 more" in error.message
        assert error.details["candidates"] == many
