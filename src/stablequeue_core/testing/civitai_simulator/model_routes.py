"""Models and versions: lists, and one by its id."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.exchange import Answer, json_answer
from stablequeue_core.testing.civitai_simulator.models import SimulatedModel
from stablequeue_core.testing.civitai_simulator.shapes import model_shape, version_shape
from stablequeue_core.testing.civitai_simulator.visits import Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld

LARGEST_ID = 2**31 - 1

_TYPES = frozenset(
    {
        *("Checkpoint", "TextualInversion", "Hypernetwork", "AestheticGradient", "LORA", "LoCon"),
        *("DoRA", "Controlnet", "Upscaler", "MotionModule", "VAE", "TextEncoder", "UNet"),
        *("CLIPVision", "Poses", "Wildcards", "Workflows", "ComfyWorkflows", "Detection"),
        *("VisionLanguage", "CLIP", "LLM", "Other"),
    }
)
_SORTS = frozenset(
    {
        "Highest Rated",
        "Most Downloaded",
        "Most Liked",
        "Most Discussed",
        "Most Collected",
        "Most Images",
        "Newest",
        "Oldest",
    }
)
_TRUE = frozenset({"true", "1", "yes"})
_MOST = 100
_REACH = 1000
_CURSOR_PARTS = 3
_FOR_MINUTES = {"Cache-Control": "public, s-maxage=300, stale-while-revalidate=150"}


class ModelRoutes:
    """What is asked about models and versions."""

    def __init__(self, world: CivitaiWorld) -> None:
        self._world = world

    def models(self, visit: Visit) -> Answer:
        """``GET /models``."""
        if visit.incoming.method not in ("GET", "HEAD"):
            raise refusals.wrong_method()
        if visit.account is None and {"favorites", "hidden"} & set(visit.parameters):
            raise refusals.unauthorized()
        limit = number(visit, "limit", _MOST, least=0, most=_MOST)
        query = visit.parameter("query")
        start, page = self._start(visit, limit)
        found = self._found(visit, query)
        shown = found[start : start + limit]
        metadata: dict[str, object] = {}
        if start + limit < len(found):
            last = shown[-1] if shown else found[0]
            cursor = str(start + limit) if query is not None else f"512|{start + limit}|{last.id}"
            metadata |= visit.next_page(cursor)
        if page is not None:
            metadata |= {"currentPage": page, "pageSize": limit}
        items = [model_shape(each, visit.home, visit.origins, in_list=True) for each in shown]
        return json_answer({"items": items, "metadata": metadata}, headers=_FOR_MINUTES)

    def model(self, visit: Visit) -> Answer:
        """``GET /models/:id``."""
        model_id = last_id(visit)
        model = self._world.model(model_id)
        if model is None or not visit.shows(model.only_at_second):
            raise refusals.no_model(model_id)
        shape = model_shape(model, visit.home, visit.origins, in_list=False)
        return json_answer(shape, headers=_FOR_MINUTES)

    def version(self, visit: Visit) -> Answer:
        """``GET /model-versions/:id``."""
        listing = self._world.listing(last_id(visit))
        if listing is None or not visit.shows(listing.model.only_at_second):
            raise refusals.no_version()
        if not listing.version.files:
            raise refusals.no_file_at_all()
        shape = version_shape(listing, visit.home, visit.origins)
        return json_answer(shape, headers=_FOR_MINUTES)

    def _start(self, visit: Visit, limit: int) -> tuple[int, int | None]:
        """Where the page begins, and its number if it was asked for by number."""
        cursor = visit.parameter("cursor")
        if "page" in visit.parameters:
            if "query" in visit.parameters:
                raise refusals.page_with_query()
            page = number(visit, "page", 1, least=1, most=LARGEST_ID)
            if page * limit > _REACH:
                raise refusals.too_many_pages()
            return (page - 1) * limit, page
        if cursor is None:
            return 0, None
        parts = cursor.split("|")
        if "query" in visit.parameters and cursor.isdecimal():
            return int(cursor), None
        if len(parts) != _CURSOR_PARTS or not parts[1].isdecimal():
            raise refusals.bad_cursor(len(parts))
        return int(parts[1]), None

    def _found(self, visit: Visit, query: str | None) -> Sequence[SimulatedModel]:
        kinds = choices(visit, "types", _TYPES)
        choices(visit, "sort", _SORTS)
        model_ids, version_ids = id_list(visit, "ids"), id_list(visit, "modelVersionIds")
        tag, username = visit.parameter("tag"), visit.parameter("username")
        bases = visit.parameters.get("baseModels", [])
        nsfw = (visit.parameter("nsfw") or "").lower() in _TRUE
        return [
            model
            for model in self._world.models
            if visit.shows(model.only_at_second)
            and (nsfw or not model.is_nsfw)
            and (not kinds or model.type in kinds)
            and (not bases or set(bases) & set(model.base_models))
            and (not model_ids or model.id in model_ids)
            and (not version_ids or version_ids & {version.id for version in model.versions})
            and (tag is None or tag in model.tags)
            and (username is None or username == model.creator)
            and (query is None or _like(query, model.name))
        ]


def number(visit: Visit, name: str, usual: int, *, least: int, most: int) -> int:
    """A whole number from the query.

    Raises:
        Refusal: it is none, or out of range.
    """
    text = visit.parameter(name)
    if text is None:
        return usual
    try:
        value = int(text)
    except ValueError:
        message = "Invalid input: expected number, received NaN"
        raise refusals.bad_parameter(name, "invalid_type", message) from None
    if not least <= value <= most:
        small = value < least
        words = f"Too {'small' if small else 'big'}: expected number to be "
        words += f">={least}" if small else f"<={most}"
        raise refusals.bad_parameter(name, "too_small" if small else "too_big", words)
    return value


def id_list(visit: Visit, name: str) -> set[int]:
    """Ids from a list with commas.

    Raises:
        Refusal: one of them is no number.
    """
    parts = [part for text in visit.parameters.get(name, []) for part in text.split(",")]
    if any(not part.strip().isdecimal() for part in parts):
        message = "Invalid input: expected number, received NaN"
        raise refusals.bad_parameter(name, "invalid_type", message)
    return {int(part) for part in parts}


def choices(visit: Visit, name: str, known: frozenset[str]) -> set[str]:
    """The values of a parameter that may come several times; a list with commas is one value.

    Raises:
        Refusal: one of them is not known.
    """
    values = set(visit.parameters.get(name, []))
    if values - known:
        raise refusals.bad_parameter(name, "invalid_value", "Invalid option")
    return values


def last_id(visit: Visit) -> int:
    """The id that the path ends with.

    Raises:
        Refusal: it is none.
    """
    text = visit.path.rpartition("/")[2]
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_ID:
        raise refusals.bad_id()
    return int(text)


def _like(query: str, name: str) -> bool:
    """Text search forgives: every word of the query begins a word of the name."""
    words = name.lower().split()
    return all(any(word.startswith(part) for word in words) for part in query.lower().split())
