"""All that is known of a model, for people."""

from __future__ import annotations

from collections.abc import Iterator

from stablequeue_core.models import BaseModel, Confidence, Model
from stablequeue_core.quantities import size_text
from stablequeue_core.serialization import to_iso
from stablequeue_flask.file_times import written_at
from stablequeue_flask.plain_text import Fact


def facts_of(model: Model) -> Iterator[Fact]:
    """What it is, where it is, and what people say of it."""
    card = model.card
    yield "Name", model.display_name
    yield "Version", card.version
    yield "Id", f"id:{model.id}"
    yield from _of_file(model)
    yield from _of_base_model(model.base_model)
    yield from _of_hashes(model)
    yield "Trigger words", ", ".join(card.trigger_words)
    yield "Negative text", card.negative_text
    yield "Weight", _number(card.preferred_weight)
    yield "Tags", ", ".join(card.tags)
    yield "Creator", card.creator
    yield "NSFW", None if card.nsfw is None else "yes" if card.nsfw else "no"
    yield "Description", card.description
    yield "Notes", card.notes
    yield "Civitai", model.civitai_url
    yield "Its version", None if card.version_id is None else str(card.version_id)
    yield "Downloads", _count(card.downloads)
    yield "Favorited", _count(card.favorited)
    yield "Rating", _number(card.rating)
    yield "Previews", ", ".join(model.previews) or ("in its header" if model.has_cover else None)
    yield "Said by", ", ".join(card.sources)
    for problem in model.problems:
        yield "Problem", problem.message


def base_model_text(base: BaseModel) -> str:
    """What a model was made from or for; ``?`` for what nobody knows, and behind a guess.

    Example:
        >>> base_model_text(BaseModel(name="Pony", confidence=Confidence.GUESS))
        'Pony?'
    """
    is_sure = base.confidence is not Confidence.GUESS
    return f"{base.label or ''}{'' if is_sure and base.label else '?'}"


def _of_file(model: Model) -> Iterator[Fact]:
    header = (f"{key.replace('_', ' ')}: {value}" for key, value in model.details.items())
    yield "File", model.path
    yield "Folder", model.root
    yield "Missing", "it is not there now" if model.missing else None
    yield "Kind", model.kind.value
    yield "Size", f"{size_text(model.size)} ({model.size:,} bytes)"
    yield "Created", to_iso(model.created_at)
    yield "Modified", written_at(model.mtime_ns)
    yield "Format", model.format.value
    yield "Header", "; ".join(header)


def _of_base_model(base: BaseModel) -> Iterator[Fact]:
    yield "Base model", f"{base.label or '?'} ({base.confidence}, by {base.source or 'nobody'})"
    yield "Family", base.family.label if base.name else None
    yield "It could be", ", ".join(base.candidates) if base.name is None else None
    yield "Variant", base.variant


def _of_hashes(model: Model) -> Iterator[Fact]:
    hashes = model.hashes
    yield "SHA-256", hashes.sha256 and f"{hashes.sha256} ({hashes.source})"
    yield "AutoV1", hashes.autov1
    yield "AutoV2", hashes.autov2
    yield "AutoV3", hashes.autov3
    yield "Told in header", hashes.told


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _count(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"
