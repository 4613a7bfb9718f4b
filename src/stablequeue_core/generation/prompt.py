"""What a prompt names beside words: LoRAs."""

from __future__ import annotations

import re

from attrs import frozen

_LORA = re.compile(r"<lora:([^>:]+)((?::[^>]*)?)>", re.IGNORECASE)


@frozen
class LoraMention:
    """``<lora:name:weight>`` in a prompt.

    Attributes:
        name: as it stands in the prompt.
        weight: of the text encoder and, unless the prompt says otherwise, of the UNet.
    """

    name: str
    weight: float = 1.0


def loras_in(prompt: str) -> tuple[LoraMention, ...]:
    """The LoRAs that a prompt names, in order, each name once.

    Forge's grammar is ``<lora:name:te[:unet[:dyn]]>``, the weights also by name (``te=0.5``);
    a weight that is no number counts as 1, as it does there.

    Example:
        >>> loras_in("a cat <lora:ink:0.5> at dawn")
        (LoraMention(name='ink', weight=0.5),)
    """
    mentions: dict[str, LoraMention] = {}
    if "<" not in prompt:
        return ()
    for name, rest in _LORA.findall(prompt):
        stripped = name.strip()
        mentions.setdefault(stripped, LoraMention(stripped, _weight(rest)))
    return tuple(mentions.values())


def _weight(rest: str) -> float:
    for part in rest.split(":"):
        key, equals, value = part.partition("=")
        text = value if equals and key.strip() == "te" else part
        try:
            return float(text)
        except ValueError:
            continue
    return 1.0
