"""From what a picture tells to the parameters of a job that makes it again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from string import hexdigits
from typing import Any

from attrs import frozen

from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.generation.fields import MAX_NAME_CHARS
from stablequeue_core.generation.infotext.civitai import METADATA, RESOURCES
from stablequeue_core.generation.infotext.labels import HIRES_MODULE, LABELS, MODULE, SIZES
from stablequeue_core.generation.infotext.reading import Infotext, module_key
from stablequeue_core.generation.plain_json import unfit_for_json

_LABELS = {label.key: label for label in LABELS}
_HALVES = {f"{size}-{half}": size for size in SIZES for half in (1, 2)}

_TELLING = frozenset(
    {"Created Date", "Lora hashes", "TI", "TI hashes", "User", "VAE", "VAE hash", "Version"}
)
"""Keys that ask for nothing beyond what other keys, or the prompt, say."""

_ASKS_FOR_SECOND_PASS = ("Hires upscale", "Hires resize-1", "Hires upscaler")
_OF_SECOND_PASS = frozenset({"denoising_strength", "upscaler_model"})

_OLD_SCHEDULERS = (" Karras", " Exponential")
"""Until A1111 1.9, a sampler's name ended in that of its scheduler; Civitai still says it so."""

AUTOMATIC = "Automatic"
UNDEFINED = "Undefined"
_MIN_HASH_DIGITS = 8
_OLD_FIRST_PASS_PIXELS = 512 * 512
_OLD_STEP = 64


@frozen
class Recipe:
    """How to make a picture again.

    Attributes:
        params: the parameters of a job, as ``submit`` and ``POST /generate`` take them.
        left_out: the keys that these do not say: what only img2img has, what an extension wrote,
            what is out of our range. Without them the picture may look different.
    """

    params: Mapping[str, Any]
    left_out: tuple[str, ...] = ()


def params_of(infotext: Infotext) -> Recipe:
    r"""Put an infotext into parameters that :func:`~.params.parse_params` accepts.

    A picture of img2img becomes a job of txt2img, which is another picture: its keys are listed in
    ``left_out``. What the text does not say is not said here either; so a job without ``Model``
    runs with whatever its server has loaded.

    Raises:
        InvalidInfotext: there are no settings, so nothing tells how the picture was made.

    Example:
        >>> from stablequeue_core.generation import read_infotext
        >>> recipe = params_of(read_infotext("a cat\nSteps: 9, Size: 64x96, Mask blur: 4"))
        >>> print(recipe.params, recipe.left_out)
        {'positive_prompt': 'a cat', 'steps': 9, 'width': 64, 'height': 96} ('Mask blur',)
    """
    if not infotext.settings:
        raise InvalidInfotext(
            "The text does not say how the picture was made: its last line must hold at least "
            "three settings, as in `Steps: 20, Sampler: Euler, Seed: 1`."
        )
    return _Translator(infotext).recipe()


CIVITAI_VERSION = "https://civitai.com/api/download/models/"
"""Before the number of a version: an address that names it, which checkpoints are resolved by."""


class _Translator:
    """Translates the settings one by one, then sees to those that depend on each other."""

    def __init__(self, infotext: Infotext) -> None:
        self._infotext = infotext
        self._settings = dict(_without_old_ways(infotext))
        self._params: dict[str, Any] = {}
        self._options: dict[str, Any] = {}
        self._left_out: dict[str, None] = {}

    def recipe(self) -> Recipe:
        infotext = self._infotext
        self._params["positive_prompt"] = infotext.positive_prompt
        if infotext.negative_prompt:
            self._params["negative_prompt"] = infotext.negative_prompt
        for key, text in self._settings.items():
            self._translate(key, text)
        self._sampling()
        self._checkpoint()
        self._modules()
        self._second_pass()
        if self._options:
            self._params["override_settings"] = self._options
        for key, said in (
            (RESOURCES, infotext.civitai_resources),
            (METADATA, infotext.civitai_metadata),
        ):
            if said:
                self._leave_out(key)
        return Recipe(self._params, tuple(self._left_out))

    def _translate(self, key: str, text: str) -> None:
        label = _LABELS.get(key)
        if label is None:
            if key not in _TELLING and not module_key(key):
                self._leave_out(key)
            return
        try:
            value = label.kind.read(text)
        except ValueError:
            self._leave_out(key)
            return
        if unfit_for_json({key: value}, key):
            self._leave_out(key)
            return
        (self._options if label.is_option else self._params)[label.param] = value

    def _leave_out(self, key: str) -> None:
        self._left_out[_HALVES.get(key, key)] = None

    def _sampling(self) -> None:
        if self._params.get("sampler_name") == UNDEFINED:
            del self._params["sampler_name"]
            self._leave_out("Sampler")
        if self._params.get("scheduler", AUTOMATIC) == AUTOMATIC:
            self._params.pop("scheduler", None)
            if self._params.get("hr_scheduler") == AUTOMATIC:
                del self._params["hr_scheduler"]
            self._scheduler_in_sampler()

    def _scheduler_in_sampler(self) -> None:
        name = self._params.get("sampler_name", "")
        for ending in _OLD_SCHEDULERS:
            if name.endswith(ending) and name != ending:
                self._params["sampler_name"] = name.removesuffix(ending)
                self._params["scheduler"] = ending.strip()

    def _checkpoint(self) -> None:
        """By name and hash where both are there: then it is that file or none."""
        digest = self._params.pop("model_hash", None)
        name = self._params.get("checkpoint_name")
        if digest is not None and _is_hash(digest):
            self._params["checkpoint_name"] = f"{name} [{digest}]" if name else digest
        elif not name:
            self._checkpoint_of_civitai()

    def _checkpoint_of_civitai(self) -> None:
        """What Civitai's own generator used is told by its version there, and by nothing else."""
        for resource in self._infotext.civitai_resources:
            version = resource.get("modelVersionId")
            if resource.get("type") == "checkpoint" and _is_version(version):
                self._params["checkpoint_name"] = f"{CIVITAI_VERSION}{version}"
                return

    def _modules(self) -> None:
        for modules, place, param, key in (
            (self._infotext.modules, self._options, "forge_additional_modules", MODULE),
            (self._infotext.hires_modules, self._params, "hr_additional_modules", HIRES_MODULE),
        ):
            names = list(modules)
            if unfit_for_json({key: names}, key) or any(len(n) > MAX_NAME_CHARS for n in names):
                self._leave_out(key)
            elif names:
                place[param] = names

    def _second_pass(self) -> None:
        """Of an infotext that asks for none, what is said about it belongs to img2img."""
        if any(key in self._settings for key in _ASKS_FOR_SECOND_PASS):
            self._params["enable_hires_fix"] = True
            # A1111 has one scale for both passes; Forge's API would take 1 for the second.
            if "cfg_scale" in self._params:
                self._params.setdefault("hr_cfg", self._params["cfg_scale"])
            return
        for param in [*self._params]:
            if param in _OF_SECOND_PASS or param.startswith("hr_"):
                del self._params[param]
        for label in LABELS:
            belongs = label.param in _OF_SECOND_PASS or label.param.startswith("hr_")
            if belongs and label.key in self._settings:
                self._leave_out(label.key)


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _without_old_ways(infotext: Infotext) -> Iterator[tuple[str, str]]:
    """The settings in the words of today, as Forge's own reader puts them."""
    settings = dict(infotext.settings)
    first_pass = _old_first_pass(infotext)
    if first_pass is not None:
        for half, side in zip((1, 2), first_pass, strict=True):
            settings.pop(f"First pass size-{half}", None)
            settings[f"Hires resize-{half}"] = settings.get(f"Size-{half}", "512")
            settings[f"Size-{half}"] = str(side)
    if _is_flux_of_civitai(infotext):
        settings.pop("Clip skip", None)
        if "CFG scale" in settings:
            settings["Distilled CFG Scale"] = settings["CFG scale"]
            settings["CFG scale"] = "1"
        if settings.get("Sampler") == UNDEFINED:
            settings |= {"Sampler": "Euler", "Schedule type": "Simple"}
    yield from settings.items()


def _old_first_pass(infotext: Infotext) -> tuple[int, int] | None:
    """Until 2023, ``Size`` was that of the finished picture; 0x0 left the first pass to A1111."""
    sides = [infotext.settings.get(f"First pass size-{half}", "") for half in (1, 2)]
    if not all(side.isdecimal() and len(side) < 6 for side in sides):
        return None
    width, height = map(int, sides)
    if width and height:
        return width, height
    width, height = infotext.width or 512, infotext.height or 512
    scale = math.sqrt(_OLD_FIRST_PASS_PIXELS / (width * height))
    return (
        math.ceil(scale * width / _OLD_STEP) * _OLD_STEP,
        math.ceil(scale * height / _OLD_STEP) * _OLD_STEP,
    )


def _is_flux_of_civitai(infotext: Infotext) -> bool:
    """Its generator writes Flux's own scale as ``CFG scale``, and a clip skip that Flux lacks."""
    return any(
        "FLUX" in str(one.get("modelName", ""))
        or str(one.get("baseModel", "")).startswith("Flux.1")
        for one in infotext.civitai_resources
    )


def _is_hash(text: str) -> bool:
    return len(text) >= _MIN_HASH_DIGITS and set(text) <= set(hexdigits)
