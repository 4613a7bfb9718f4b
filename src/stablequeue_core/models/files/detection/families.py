"""Which family a written name belongs to, and which names a family has at Civitai."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from stablequeue_core.models.base_model import Family

_NOT_TELLING = re.compile(r"[^a-z0-9.]+")

_BEGINNINGS: tuple[tuple[str, Family], ...] = (
    ("sdxlrefiner", Family.SDXL_REFINER),
    ("stablediffusionxlv1refiner", Family.SDXL_REFINER),
    ("stablediffusionxl", Family.SDXL),
    ("stablediffusionv1", Family.SD1),
    ("stablediffusionv2", Family.SD2),
    ("stablediffusionv3", Family.SD3),
    ("stablediffusion1", Family.SD1),
    ("stablediffusion2", Family.SD2),
    ("stablediffusion3", Family.SD3),
    ("stablecascade", Family.STABLE_CASCADE),
    ("stablevideo", Family.STABLE_VIDEO),
    ("svd", Family.STABLE_VIDEO),
    ("sdxl", Family.SDXL),
    ("sdv1", Family.SD1),
    ("sdv2", Family.SD2),
    ("sd1", Family.SD1),
    ("sd2", Family.SD2),
    ("sd3", Family.SD3),
    ("ponyv7", Family.AURAFLOW),
    ("pony", Family.SDXL),
    ("illustrious", Family.SDXL),
    ("noob", Family.SDXL),
    ("animagine", Family.SDXL),
    ("playgroundv2", Family.SDXL),
    ("flux3", Family.UNKNOWN),
    ("flux.2", Family.FLUX2),
    ("flux2", Family.FLUX2),
    ("flux", Family.FLUX1),
    ("chroma", Family.CHROMA),
    ("kolors", Family.KOLORS),
    ("aura", Family.AURAFLOW),
    ("pixart", Family.PIXART),
    ("qwen2", Family.UNKNOWN),
    ("qwen3", Family.UNKNOWN),
    ("qwen", Family.QWEN_IMAGE),
    ("mageflow", Family.MAGE_FLOW),
    ("lumina", Family.LUMINA2),
    ("zimage", Family.Z_IMAGE),
    ("hunyuan1", Family.HUNYUAN_DIT),
    ("hunyuandit", Family.HUNYUAN_DIT),
    ("hunyuanimage", Family.HUNYUAN_IMAGE),
    ("hunyuanvideo", Family.HUNYUAN_VIDEO),
    ("hyvid", Family.HUNYUAN_VIDEO),
    ("wanimage", Family.UNKNOWN),
    ("wan", Family.WAN),
    ("ltxv", Family.LTXV),
    ("hidreamo1", Family.UNKNOWN),
    ("hidream", Family.HIDREAM),
    ("mochi", Family.MOCHI),
    ("anima", Family.ANIMA),
    ("krea2", Family.KREA2),
)
"""How names begin, without spaces and signs; the first that fits decides.

They serve Civitai's names (its ``basemodel.constants.ts`` at ebed6616), the four classes of Forge
(``SD1``), the architectures of modelspec (``stable-diffusion-xl-v1-base``), what kohya's trainer
calls a base (``sd_v1``), and the architectures of GGUF files (``hyvid``).
"""

NAMES: Mapping[Family, tuple[str, ...]] = MappingProxyType(
    {
        Family.SD1: ("SD 1.5", "SD 1.4"),
        Family.SD2: ("SD 2.1", "SD 2.0"),
        Family.SDXL: ("SDXL 1.0", "Pony", "Illustrious", "NoobAI"),
        Family.SDXL_REFINER: ("SDXL 1.0",),
        Family.SD3: ("SD 3", "SD 3.5 Medium", "SD 3.5 Large", "SD 3.5 Large Turbo"),
        Family.FLUX1: ("Flux.1 D", "Flux.1 S", "Flux.1 Krea", "Flux.1 Kontext"),
        Family.FLUX2: ("Flux.2 D", "Flux.2 Klein 9B", "Flux.2 Klein 4B"),
        Family.CHROMA: ("Chroma",),
        Family.KOLORS: ("Kolors",),
        Family.AURAFLOW: ("AuraFlow", "Pony V7"),
        Family.PIXART: ("PixArt E", "PixArt a"),
        Family.STABLE_CASCADE: ("Stable Cascade",),
        Family.STABLE_VIDEO: ("SVD XT", "SVD"),
        Family.QWEN_IMAGE: ("Qwen",),
        Family.MAGE_FLOW: ("MageFlow",),
        Family.LUMINA2: ("Lumina",),
        Family.Z_IMAGE: ("ZImageTurbo", "ZImageBase"),
        Family.HUNYUAN_DIT: ("Hunyuan 1",),
        Family.HUNYUAN_VIDEO: ("Hunyuan Video",),
        Family.WAN: ("Wan Video",),
        Family.LTXV: ("LTXV", "LTXV2", "LTXV 2.3"),
        Family.HIDREAM: ("HiDream",),
        Family.MOCHI: ("Mochi",),
        Family.ANIMA: ("Anima",),
        Family.KREA2: ("Krea 2",),
    }
)
"""What Civitai calls the models of a family, likeliest first; where tensors tell no more."""


_OF_ARCHITECTURES: Mapping[str, str] = MappingProxyType(
    {
        "flux-1-dev": "Flux.1 D",
        "flux-1-schnell": "Flux.1 S",
        "chroma": "Chroma",
        "lumina-2": "Lumina",
        "auraflow-v1": "AuraFlow",
        "anima-preview": "Anima",
        "hunyuan-video": "Hunyuan Video",
    }
)
"""Architectures of modelspec that stand for one name at Civitai, as trainers and SwarmUI write."""


def name_of_architecture(text: str) -> str | None:
    """What Civitai calls an architecture of modelspec; None for one of several names, or of none.

    Example:
        >>> name_of_architecture("flux-1-dev/lora")
        'Flux.1 D'
    """
    return _OF_ARCHITECTURES.get(text.partition("/")[0].strip().lower())


def family_of(name: str) -> Family:
    """The family that a base model's written name belongs to; any text is tolerated.

    Example:
        >>> family_of("Illustrious"), family_of("flux-1-dev/lora"), family_of("my own")
        (<Family.SDXL: 'sdxl'>, <Family.FLUX1: 'flux1'>, <Family.UNKNOWN: 'unknown'>)
    """
    text = _NOT_TELLING.sub("", name.casefold())
    return next((family for start, family in _BEGINNINGS if text.startswith(start)), Family.UNKNOWN)
