"""What a prompt names beside words: LoRAs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from attrs import Factory, field, frozen

_NETWORK = re.compile(r"<(\w+):(.+)", re.DOTALL)
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")
_LORA_TAG = re.compile(r"<lora:", re.IGNORECASE)


@frozen
class LoraMention:
    """``<lora:name:weight>`` in a prompt.

    Attributes:
        name: as it stands in the prompt, spaces included: the server looks for exactly that.
        weight: of the text encoder.
        unet: of the UNet; that of the text encoder unless the prompt says otherwise.
        dyn: how many of its dimensions are used; None for all.
    """

    name: str
    weight: float = 1.0
    unet: float = field(default=Factory(lambda self: self.weight, takes_self=True))
    dyn: int | None = None

    @property
    def te(self) -> float:
        """The weight of the text encoder, by Forge's own name for it."""
        return self.weight


def loras_in(prompt: str) -> tuple[LoraMention, ...]:
    """The LoRAs that a prompt names, in order, each name once.

    Forge's grammar is ``<lora:name:te[:unet[:dyn]]>``, each also by name (``te=0.5``). A weight
    that is no number reads as if it were not there; to Forge it is an error, which switches off
    every LoRA. Other networks, such as ``<hypernet:name:1>``, are left alone.

    Example:
        >>> loras_in("a cat <lora:ink:0.5> at dawn")
        (LoraMention(name='ink', weight=0.5, unet=0.5, dyn=None),)
    """
    mentions: dict[str, LoraMention] = {}
    for text in _closed(prompt):
        found = _lora_tag(text)
        if found:
            mention = _mention(found.group(2).split(":"))
            mentions.setdefault(mention.name, mention)
    return tuple(mentions.values())


def ill_weighted_loras_in(prompt: str) -> tuple[str, ...]:
    """The names of LoRAs with a weight that is no number: to Forge that is an error.

    Example:
        >>> ill_weighted_loras_in("<lora:ink:much> <lora:fog:0.5> <lora:rain>")
        ('ink',)
    """
    return tuple(
        _mention(items).name
        for text in _closed(prompt)
        if (found := _lora_tag(text)) and not _has_numbers(items := found.group(2).split(":"))
    )


def without_ill_weighted_loras(prompt: str) -> str:
    """The prompt without the tags of those LoRAs.

    Example:
        >>> without_ill_weighted_loras("a cat <lora:ink:much> at dawn <lora:fog:0.5>")
        'a cat  at dawn <lora:fog:0.5>'
    """
    *closed, rest = prompt.split(">")
    kept = []
    for text in closed:
        found = _lora_tag(text)
        is_ill = found is not None and not _has_numbers(found.group(2).split(":"))
        kept.append(text[: found.start()] if found and is_ill else f"{text}>")
    return "".join([*kept, rest])


def with_plain_lora_tags(prompt: str) -> str:
    """The prompt with ``<LoRA:`` as ``<lora:``: the server does not know it by another case.

    Example:
        >>> with_plain_lora_tags("a cat <LoRA:Ink:1>")
        'a cat <lora:Ink:1>'
    """
    return _LORA_TAG.sub("<lora:", prompt)


def with_lora_names(prompt: str, rename: Mapping[str, str]) -> str:
    """The prompt with other names in its LoRA tags; weights and all else stay as they are.

    Args:
        prompt: any text.
        rename: from a name exactly as it stands in the prompt to the one that is to stand there.

    Example:
        >>> with_lora_names("<lora:styles/ink.safetensors:0.8>", {"styles/ink.safetensors": "ink"})
        '<lora:ink:0.8>'
    """
    *closed, rest = prompt.split(">")
    return ">".join([*(_renamed(text, rename) for text in closed), rest])


def _closed(prompt: str) -> Iterator[str]:
    """The prompt cut at each ``>``, without what follows the last.

    One expression for a whole tag needs quadratic time on a prompt with many ``<`` and no ``>``.
    """
    *closed, _ = prompt.split(">")
    yield from closed


def _lora_tag(text: str) -> re.Match[str] | None:
    """The tag at the end of a cut, if it is a LoRA's: its word, and what follows that."""
    found = _NETWORK.search(text)
    return found if found and found.group(1).lower() == "lora" else None


def _renamed(text: str, rename: Mapping[str, str]) -> str:
    found = _lora_tag(text)
    if not found:
        return text
    items = found.group(2).split(":")
    place = next((place for place, item in enumerate(items) if _is_positional(item)), None)
    if place is None or items[place] not in rename:
        return text
    items[place] = rename[items[place]]
    return text[: found.start(2)] + ":".join(items)


def _is_positional(item: str) -> bool:
    return item.count("=") != 1


def _mention(items: list[str]) -> LoraMention:
    positional = [item for item in items if _is_positional(item)]
    named = dict(item.split("=") for item in items if not _is_positional(item))
    name, te, unet, dyn = [*positional, *[""] * 4][:4]
    weight = _number(named.get("te", te), 1.0)
    dimensions = named.get("dyn", dyn)
    return LoraMention(
        name,
        weight,
        _number(named.get("unet", unet), weight),
        int(dimensions) if _WHOLE.fullmatch(dimensions) else None,
    )


def _has_numbers(items: list[str]) -> bool:
    """Whether every weight that is given is a number."""
    positional = [item for item in items if _is_positional(item)]
    named = dict(item.split("=") for item in items if not _is_positional(item))
    weights = [*positional[1:3], *(named[key] for key in ("te", "unet") if key in named)]
    dimensions = [*positional[3:4], *([named["dyn"]] if "dyn" in named else [])]
    return all(_number(text, math.nan) == _number(text, math.inf) for text in weights) and all(
        _WHOLE.fullmatch(text) for text in dimensions
    )


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
