"""How a picture was made, as Civitai or the picture's own text tells it: a job, and its models.

Pure. Whatever stands there, the parameters are such that a job may have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from stablequeue_core.civitai.images.mentions import (
    Mention,
    by_hash,
    by_number,
    by_resource_name,
    by_version,
    each_once,
    mentions_of,
)
from stablequeue_core.civitai.images.meta import infotext_of_meta, mended
from stablequeue_core.civitai.reading.pictures import unwrapped
from stablequeue_core.errors import InvalidInfotext, InvalidParams
from stablequeue_core.generation import (
    Infotext,
    ParamLimits,
    Recipe,
    params_of,
    parse_params,
    without_ill_weighted_loras,
)
from stablequeue_core.generation.infotext import RESOURCES

_MOST_LEFT_OUT = 100
_LONGEST_KEY = 80


@frozen(kw_only=True)
class Told:
    """What a picture tells of how it was made.

    Attributes:
        recipe: parameters that :func:`parse_params` accepts, with the names that the picture uses.
        models: those that it names, each once.
    """

    recipe: Recipe
    models: tuple[Mention, ...] = ()


def read_meta(meta: Mapping[str, Any], *, base_model: str | None = None) -> Told:
    """What Civitai's ``meta`` tells; flat, or wrapped as ``{"id": …, "meta": {…}}``.

    Args:
        meta: any JSON object.
        base_model: what Civitai says that the picture's model is made for.

    Raises:
        InvalidInfotext: there is no prompt in it, or one that no job may have.

    Example:
        >>> recipe = read_meta({"prompt": "a fox", "steps": "9", "Mask blur": 4}).recipe
        >>> print(recipe.params, recipe.left_out)
        {'positive_prompt': 'a fox', 'steps': 9} ('Mask blur',)
    """
    flat = unwrapped(meta) or {}
    infotext, unreadable = infotext_of_meta(flat, base_model)
    if not infotext.positive_prompt:
        raise InvalidInfotext("Civitai does not tell the prompt of this picture.")
    models = each_once(
        [
            *by_version(list(infotext.civitai_resources)),
            *by_resource_name(flat.get("additionalResources")),
            *by_hash(flat.get("hashes"), flat.get("resources")),
            *mentions_of(infotext),
            *by_number(flat.get("versionIds")),
        ]
    )
    recipe = _recipe(infotext)
    return Told(recipe=evolve(recipe, left_out=_each(*recipe.left_out, *unreadable)), models=models)


def read_text(infotext: Infotext) -> Told:
    """What a picture's own text tells.

    Raises:
        InvalidInfotext: there are no settings in it, or a prompt that no job may have.
    """
    recipe = _recipe(infotext)
    return Told(
        recipe=evolve(recipe, left_out=_each(*recipe.left_out)),
        models=each_once(mentions_of(infotext)),
    )


def accepted(recipe: Recipe) -> Recipe:
    """The recipe without what the parameters of a job cannot be; that is left out.

    Raises:
        InvalidInfotext: without it, there is no prompt.
    """
    params, left_out = dict(recipe.params), recipe.left_out
    while problems := _problems(params):
        for key, message in problems.items():
            if key not in params or key == "positive_prompt":
                raise InvalidInfotext(f"The picture tells a `{key}` that {message}")
            del params[key]
        left_out += tuple(problems)
    return Recipe(params, left_out)


def _recipe(infotext: Infotext) -> Recipe:
    """The infotext's parameters, all of which a job may have; its models are told apart."""
    positive = without_ill_weighted_loras(infotext.positive_prompt)
    cured = evolve(infotext, positive_prompt=positive)
    recipe = params_of(cured) if infotext.settings else _prompts_alone(cured)
    left_out = [key for key in recipe.left_out if key != RESOURCES]
    if positive != infotext.positive_prompt:
        left_out.append("LoRA without a weight")
    return accepted(Recipe(recipe.params, tuple(left_out)))


def _prompts_alone(infotext: Infotext) -> Recipe:
    params = {"positive_prompt": infotext.positive_prompt}
    if infotext.negative_prompt:
        params["negative_prompt"] = infotext.negative_prompt
    return Recipe(params)


def _problems(params: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each parameter."""
    try:
        parse_params(params, ParamLimits())
    except InvalidParams as error:
        return {
            problem.path.partition(".")[0].partition("[")[0]: problem.message
            for problem in error.problems
        }
    return {}


def _each(*keys: str) -> tuple[str, ...]:
    """Keys for people to read: each once, none endless, and not endlessly many."""
    short = (mended(key)[:_LONGEST_KEY] for key in keys)
    return tuple(dict.fromkeys(filter(None, short)))[:_MOST_LEFT_OUT]
