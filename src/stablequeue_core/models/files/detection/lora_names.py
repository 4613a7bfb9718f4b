"""The names of a LoRA's tensors: each tool spells the same layer in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stablequeue_core.models.files.headers import Tensor

_MARKS = (
    ".lora_down.weight\n",
    ".lora_A.weight\n",
    ".lora_up.weight\n",
    ".lora_B.weight\n",
    "\nlora_unet_",
    "\nlora_te",
    "\nlora_transformer_",
    ".lokr_w1\n",
    ".hada_w1_a\n",
    ".oft_blocks\n",
    ".dora_scale\n",
)
"""How a LoRA's names begin or end; nothing else has such."""

_INWARD = ("_lora_down_weight\n", "_lora_A_weight\n", "_hada_w1_b\n")
_OUTWARD = ("_lora_up_weight\n", "_lora_B_weight\n", "_hada_w1_a\n")
_RANKED = (".lora_down.weight\n", ".lora_A.weight\n")

_SCALE_OF_DORA = ".dora_scale"
_ALGORITHMS = {".lokr_w1\n": "LoKr", ".hada_w1_a\n": "LoHa", ".oft_blocks\n": "OFT"}


def is_lora(text: str) -> bool:
    """Whether these names, each between line breaks, are those of a LoRA."""
    return any(map(text.__contains__, _MARKS))


class LoraNames:
    """Answers what the table of LoRAs asks.

    kohya's trainer joins the parts of a layer's name with underscores, others with dots. Here all
    are underscores, so that one question serves both. All names are one text, which is searched
    at most once for each question.
    """

    def __init__(self, tensors: Mapping[str, Tensor], text: str) -> None:
        self._tensors = tensors
        self._text = text
        self._flat = text.replace(".", "_")
        self._held: dict[str, bool] = {}
        self._sizes: dict[str, int | None] = {}
        self._ranked = self._ranked_name()

    def holds(self, part: str) -> bool:
        """Whether a name holds this, or begins with it where it begins with a line break."""
        held = self._held.get(part)
        if held is None:
            held = self._held[part] = part in self._flat
        return held

    def inner(self, layers: Iterable[str]) -> set[int]:
        """How wide what enters layers is whose names end so."""
        return {size for layer in layers if (size := self._size(layer, _INWARD, 1)) is not None}

    def outer(self, layers: Iterable[str]) -> set[int]:
        """How wide what leaves layers is whose names end so."""
        return {size for layer in layers if (size := self._size(layer, _OUTWARD, 0)) is not None}

    @property
    def ranked(self) -> Tensor | None:
        """A tensor whose first size is the rank; None where the LoRA is of another kind."""
        return None if self._ranked is None else self._tensors.get(self._ranked)

    @property
    def algorithm(self) -> str | None:
        """What it is if it is no plain LoRA."""
        if self._ranked is None:
            return next((word for mark, word in _ALGORITHMS.items() if mark in self._text), None)
        layer = self._ranked.rpartition(".lora_")[0]
        return "DoRA" if layer + _SCALE_OF_DORA in self._tensors else None

    def _ranked_name(self) -> str | None:
        for ending in _RANKED:
            at = self._text.find(ending)
            if at >= 0:
                return self._name_at(at)
        return None

    def _size(self, layer: str, endings: Iterable[str], axis: int) -> int | None:
        key = f"{layer} {axis}"
        if key not in self._sizes:
            self._sizes[key] = self._measured(layer, endings, axis)
        return self._sizes[key]

    def _measured(self, layer: str, endings: Iterable[str], axis: int) -> int | None:
        for ending in endings:
            at = self._flat.find(layer + ending)
            tensor = self._tensors.get(self._name_at(at)) if at >= 0 else None
            if tensor is not None and len(tensor.shape) >= 2:
                return tensor.shape[axis]
        return None

    def _name_at(self, at: int) -> str:
        return self._text[self._text.rfind("\n", 0, at) + 1 : self._text.find("\n", at)]
