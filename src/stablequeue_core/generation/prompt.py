"""What a prompt names beside words: LoRAs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

_NETWORK = re.compile(r"<(\w+):(.+)", re.DOTALL)
_LORA_TAG = re.compile(r"<lora:", re.IGNORECASE)


@frozen
class LoraMention:
    """``<lora:name:weight>`` in a prompt.

    Attributes:
        name: as it stands in the prompt, spaces included: the server looks for exactly that.
        weight: of the text encoder and, unless the prompt says otherwise, of the UNet.
    """

    name: str
    weight: float = 1.0


def loras_in(prompt: str) -> tuple[LoraMention, ...]:
    """The LoRAs that a prompt names, in order, each name once.

    Forge's grammar is ``<lora:name:te[:unet[:dyn]]>``, the weights also by name (``te=0.5``). A
    weight that is no number reads as 1; there it is an error, which switches off every LoRA.

    Example:
        >>> loras_in("a cat <lora:ink:0.5> at dawn")
        (LoraMention(name='ink', weight=0.5),)
    """
    mentions: dict[str, LoraMention] = {}
    for arguments in _lora_arguments(prompt):
        mention = _mention(arguments.split(":"))
        mentions.setdefault(mention.name, mention)
    return tuple(mentions.values())


def with_plain_lora_tags(prompt: str) -> str:
    """The prompt with ``<LoRA:`` as ``<lora:``: the server does not know it by another case.

    Example:
        >>> with_plain_lora_tags("a cat <LoRA:Ink:1>")
        'a cat <lora:Ink:1>'
    """
    return _LORA_TAG.sub("<lora:", prompt)


def _lora_arguments(prompt: str) -> Iterator[str]:
    # Cut at each `>` first: one expression for the whole tag needs quadratic time on a prompt
    # with many `<` and no `>`.
    *closed, _ = prompt.split(">")
    for text in closed:
        found = _NETWORK.search(text)
        if found and found.group(1).lower() == "lora":
            yield found.group(2)


def _mention(items: list[str]) -> LoraMention:
    positional = [item for item in items if item.count("=") != 1]
    named = dict(item.split("=") for item in items if item.count("=") == 1)
    weight = named.get("te", positional[1] if len(positional) > 1 else "1")
    try:
        return LoraMention(positional[0] if positional else "", float(weight))
    except ValueError:
        return LoraMention(positional[0])
