"""An infotext, read: the prompts, the settings, and what they mean beyond single words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from stablequeue_core.generation.infotext.civitai import METADATA, RESOURCES, read_line
from stablequeue_core.generation.infotext.grammar import named_hashes, number, split, whole_number
from stablequeue_core.generation.prompt import LoraMention, loras_in

_T = TypeVar("_T")

SAME_MODULES = "Use same choices"
_NO_VAE = frozenset({"None", "Automatic"})
_NAME_AND_HASH = re.compile(r"(.+?) ?\[([0-9a-fA-F]{8,64})\]", re.DOTALL)
_NUMBERED = re.compile(r"(Hires )?Module ([0-9]{1,4})")


@frozen(kw_only=True)
class Refiner:
    """The checkpoint that finished the picture.

    Attributes:
        name: without folder and extension.
        hash: the first ten digits of its SHA-256, None when the text does not say.
        switch_at: after which part of the steps, from 0 to 1; None when the text does not say.
    """

    name: str
    hash: str | None = None
    switch_at: float | None = None


@frozen(kw_only=True)
class Infotext:
    """What a picture tells of how it was made.

    Attributes:
        positive_prompt, negative_prompt: may have many lines.
        settings: the ``Key: value`` pairs in their order, as text; a size is two of them, such as
            ``Size-1`` and ``Size-2``. As Forge reads them, but for Civitai's JSON.
        civitai_resources: the models that Civitai's own generator used.
        civitai_metadata: what else it wrote.
    """

    positive_prompt: str = ""
    negative_prompt: str = ""
    settings: Mapping[str, str] = field(factory=dict)
    civitai_resources: tuple[Mapping[str, Any], ...] = ()
    civitai_metadata: Mapping[str, Any] = field(factory=dict)

    @property
    def width(self) -> int | None:
        """Of the first pass, in pixels."""
        return self._read("Size-1", whole_number)

    @property
    def height(self) -> int | None:
        """Of the first pass, in pixels."""
        return self._read("Size-2", whole_number)

    @property
    def model(self) -> str | None:
        """The checkpoint's name, without folder and extension."""
        return self.settings.get("Model")

    @property
    def model_hash(self) -> str | None:
        """The first ten digits of its SHA-256; of 2022, eight digits that several files share."""
        return self.settings.get("Model hash")

    @property
    def modules(self) -> tuple[str, ...]:
        """VAE and text encoders: Forge's ``Module 1`` and so on, or A1111's ``VAE``."""
        vae = self.settings.get("VAE")
        if vae:
            return () if vae in _NO_VAE else (vae,)
        return self._numbered_modules(of_second_pass=False)

    @property
    def hires_modules(self) -> tuple[str, ...]:
        """Those of the second pass; none when they are the same."""
        modules = self._numbered_modules(of_second_pass=True)
        return () if SAME_MODULES in modules else modules

    @property
    def loras(self) -> tuple[LoraMention, ...]:
        """Those of the first pass, with their weights."""
        return loras_in(self.positive_prompt)

    @property
    def lora_hashes(self) -> Mapping[str, str]:
        """By name, without its colons and commas; those LoRAs were applied."""
        return dict(named_hashes(self.settings.get("Lora hashes", "")))

    @property
    def ti_hashes(self) -> tuple[tuple[str, str], ...]:
        """Name and hash of each embedding, as often as it is listed."""
        return named_hashes(self.settings.get("TI hashes", ""))

    @property
    def refiner(self) -> Refiner | None:
        """The checkpoint that finished the picture; None when there was none."""
        written = self.settings.get("Refiner")
        if not written:
            return None
        name, digest = name_and_hash(written)
        switch_at = self._read("Refiner switch at", number)
        return Refiner(name=name, hash=digest, switch_at=switch_at)

    def _read(self, key: str, read: Callable[[str], _T]) -> _T | None:
        try:
            return read(self.settings[key])
        except (KeyError, ValueError):
            return None

    def _numbered_modules(self, *, of_second_pass: bool) -> tuple[str, ...]:
        numbered = {}
        for key, name in self.settings.items():
            found = module_key(key)
            if found and bool(found[1]) is of_second_pass:
                numbered[int(found[2])] = name
        return tuple(numbered[number] for number in sorted(numbered))


def read_infotext(text: str) -> Infotext:
    r"""Read what Forge, A1111 and Civitai write into their pictures. Any text can be read.

    The last line counts as settings only if it holds at least three pairs; in a text without such
    a line, everything is prompt.

    Example:
        >>> infotext = read_infotext("a cat\nNegative prompt: blur\nSteps: 9, Seed: 1, Size: 64x96")
        >>> (infotext.negative_prompt, infotext.settings["Steps"], infotext.height)
        ('blur', '9', 96)
    """
    positive, negative, last = split(text)
    line = read_line(last)
    resources, metadata = line.json.get(RESOURCES), line.json.get(METADATA)
    return Infotext(
        positive_prompt=positive,
        negative_prompt=negative,
        settings=line.settings,
        civitai_resources=tuple(one for one in resources or () if isinstance(one, dict)),
        civitai_metadata=metadata or {},
    )


def name_and_hash(written: str) -> tuple[str, str | None]:
    """``name [hash]`` in its two parts.

    Example:
        >>> name_and_hash("refinerXL [715f9963f3]")
        ('refinerXL', '715f9963f3')
    """
    found = _NAME_AND_HASH.fullmatch(written)
    return (found[1], found[2]) if found else (written, None)


def module_key(key: str) -> re.Match[str] | None:
    """``Module 1`` or ``Hires Module 1``: whether it is the second pass's, and the number."""
    return _NUMBERED.fullmatch(key)
