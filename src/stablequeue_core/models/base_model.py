"""What a model was made from or for, how surely that is known, and by whom."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Family(StrEnum):
    """Models of one family have the same tensors, so they go together: a LoRA fits its own only.

    Pony, Illustrious and NoobAI are of the family ``sdxl``: their files look alike.
    """

    UNKNOWN = "unknown"
    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SDXL_REFINER = "sdxl-refiner"
    SD3 = "sd3"
    FLUX1 = "flux1"
    FLUX2 = "flux2"
    CHROMA = "chroma"
    KOLORS = "kolors"
    AURAFLOW = "auraflow"
    PIXART = "pixart"
    STABLE_CASCADE = "stable-cascade"
    STABLE_VIDEO = "svd"
    QWEN_IMAGE = "qwen-image"
    MAGE_FLOW = "mage-flow"
    LUMINA2 = "lumina2"
    Z_IMAGE = "z-image"
    HUNYUAN_DIT = "hunyuan-dit"
    HUNYUAN_VIDEO = "hunyuan-video"
    HUNYUAN_IMAGE = "hunyuan-image"
    WAN = "wan"
    LTXV = "ltxv"
    HIDREAM = "hidream"
    MOCHI = "mochi"
    ANIMA = "anima"
    KREA2 = "krea2"

    @property
    def label(self) -> str | None:
        """What people call it: ``SDXL``; None for an unknown one."""
        return _LABELS.get(self, self.value.title()) if self is not Family.UNKNOWN else None


_LABELS = {
    Family.SD1: "SD 1.5",
    Family.SD2: "SD 2.1",
    Family.SDXL: "SDXL",
    Family.SDXL_REFINER: "SDXL Refiner",
    Family.SD3: "SD 3",
    Family.FLUX1: "Flux.1",
    Family.FLUX2: "Flux.2",
    Family.AURAFLOW: "AuraFlow",
    Family.PIXART: "PixArt",
    Family.STABLE_CASCADE: "Stable Cascade",
    Family.STABLE_VIDEO: "SVD",
    Family.QWEN_IMAGE: "Qwen",
    Family.MAGE_FLOW: "MageFlow",
    Family.LUMINA2: "Lumina",
    Family.Z_IMAGE: "Z-Image",
    Family.HUNYUAN_DIT: "Hunyuan 1",
    Family.HUNYUAN_VIDEO: "Hunyuan Video",
    Family.HUNYUAN_IMAGE: "Hunyuan Image",
    Family.WAN: "Wan Video",
    Family.LTXV: "LTXV",
    Family.HIDREAM: "HiDream",
    Family.KREA2: "Krea 2",
}


class Confidence(StrEnum):
    """How surely a base model is known, surest first."""

    CONFIRMED = "confirmed"
    """Civitai says it of this very file."""

    STATED = "stated"
    """Somebody wrote it down: the trainer into the header, or a tool beside the file."""

    SHAPE = "shape"
    """The tensors can be nothing else."""

    GUESS = "guess"
    """Names hint at it."""

    UNKNOWN = "unknown"


@frozen(kw_only=True)
class BaseModel:
    """What a model was made from or for.

    Attributes:
        family: by the tensors, or by what is written down.
        name: the exact name as Civitai spells it (``Pony``, ``SDXL 1.0``), None when only the
            family is known.
        candidates: the names that it could be, likeliest first.
        variant: what else the tensors tell: ``inpaint``, ``refiner``, ``v-pred`` ...
        confidence: how surely ``name``, or ``family`` where there is none, is known.
        source: who says so: ``civitai``, ``sidecar``, ``metadata``, ``tensors`` or ``name``.
    """

    family: Family = Family.UNKNOWN
    name: str | None = None
    candidates: tuple[str, ...] = ()
    variant: str | None = None
    confidence: Confidence = Confidence.UNKNOWN
    source: str | None = None

    @property
    def label(self) -> str | None:
        """One word for people: the exact name, else the family; None when nothing is known."""
        return self.name or self.family.label


UNKNOWN_BASE = BaseModel()
