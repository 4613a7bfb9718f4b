"""A picture's parameters with the names that its models have here. Pure.

A file that is here under another name is called by that one. What is not here keeps the name that
the picture has for it, as a server may know it so, and the job says where it can be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stablequeue_core.civitai.images.mentions import plain_name, same_name
from stablequeue_core.civitai.images.resources import Resource
from stablequeue_core.downloads.names import safe_filename
from stablequeue_core.generation import Recipe, loras_in, with_lora_names
from stablequeue_core.generation.model_sources import MODEL_SOURCES
from stablequeue_core.models import ModelKind, split_hash
from stablequeue_core.models.digests import AUTOV2_CHARS

_CHECKPOINT = "checkpoint_name"
_PROMPT = "positive_prompt"
_NEGATIVE_PROMPT = "negative_prompt"
_HIRES_PROMPT = "hr_prompt"
_OPTIONS = "override_settings"
_MODULES = "forge_additional_modules"
_UNSAYABLE = frozenset("<>:=\n\r")
"""A name with one of these cannot stand in a prompt's ``<lora:name:weight>``."""

_HEX = frozenset("0123456789abcdef")


def named_for_here(recipe: Recipe, resources: Sequence[Resource]) -> Recipe:
    """The recipe by the names of the files here, with ``model_sources`` for those that lack.

    LoRAs that only Civitai's list names, as pictures of its own generator do, are put into the
    prompt; what cannot be said in parameters is left out.

    Args:
        recipe: with the names that the picture uses.
        resources: its models. Those that it does not name itself count only where it names none.
    """
    return _Namer(recipe, resources).recipe()


class _Namer:
    """Sees to one kind of models after the other."""

    def __init__(self, recipe: Recipe, resources: Sequence[Resource]) -> None:
        self._params: dict[str, Any] = dict(recipe.params)
        self._left_out = list(recipe.left_out)
        self._sources: dict[str, str] = {}
        names_some = any(resource.was_used for resource in resources)
        self._resources = [r for r in resources if r.was_used or not names_some]
        self._all = resources

    def recipe(self) -> Recipe:
        self._checkpoint()
        for resource in self._resources:
            if resource.kind is ModelKind.LORA:
                self._lora(resource)
            elif resource.kind is ModelKind.VAE:
                self._module(resource)
            elif resource.kind is not ModelKind.CHECKPOINT:
                self._other(resource)
        if self._sources:
            self._params[MODEL_SOURCES] = self._sources
        return Recipe(self._params, tuple(dict.fromkeys(self._left_out)))

    def _checkpoint(self) -> None:
        """The first that the picture names; else the only one of its page."""
        every = [r for r in self._all if r.kind is ModelKind.CHECKPOINT]
        used = [r for r in every if r.was_used]
        chosen = used[:1] or (every if len(every) == 1 else [])
        for resource in chosen:
            name = self._checkpoint_name(resource)
            if name is not None:
                self._params[_CHECKPOINT] = name
                self._say_source(name, resource)

    def _checkpoint_name(self, resource: Resource) -> str | None:
        said: str | None = self._params.get(_CHECKPOINT)
        if resource.local is not None:
            digest = resource.local.hashes.autov2
            return f"{resource.local.path} [{digest}]" if digest else resource.local.path
        # With its hash it is that file or none, on any server.
        if said is not None and _has_hash(said):
            return said
        return resource.air or said or resource.mention.name

    def _lora(self, resource: Resource) -> None:
        here = resource.local
        name = self._prompts_name(resource)
        if name is None:
            self._append(resource)
            return
        if here is not None and here.stem != name:
            if not _is_sayable(here.stem):
                self._leave_out(resource)
                return
            for key in (_PROMPT, _HIRES_PROMPT):
                if key in self._params:
                    self._params[key] = with_lora_names(self._params[key], {name: here.stem})
        self._say_source(name, resource)

    def _prompts_name(self, resource: Resource) -> str | None:
        """What a prompt calls it, exactly as it stands there."""
        for key in (_PROMPT, _HIRES_PROMPT):
            for lora in loras_in(self._params.get(key, "")):
                if _is_called(resource, lora.name):
                    return lora.name
        return None

    def _append(self, resource: Resource) -> None:
        name = next((name for name in _names_here(resource) if _is_sayable(name)), None)
        if name is None:
            self._leave_out(resource)
            return
        unet = 1.0 if resource.mention.weight is None else resource.mention.weight
        clip = resource.mention.clip_weight
        weights = f"{unet:g}" if clip in (None, unet) else f"{clip:g}:{unet:g}"
        self._params[_PROMPT] = f"{self._params[_PROMPT]} <lora:{name}:{weights}>".lstrip()
        self._say_source(name, resource)

    def _module(self, resource: Resource) -> None:
        options: Mapping[str, Any] = self._params.get(_OPTIONS, {})
        modules: list[str] = list(options.get(_MODULES, ()))
        place = next((i for i, name in enumerate(modules) if _is_called(resource, name)), None)
        if place is None:
            self._leave_out(resource)
            return
        if resource.local is not None:
            modules[place] = resource.local.filename
            self._params[_OPTIONS] = {**options, _MODULES: modules}
        self._say_source(modules[place], resource)

    def _other(self, resource: Resource) -> None:
        """An embedding is named by a word of a prompt; of what else there is, no parameter is."""
        prompts = " ".join(self._params.get(key, "") for key in (_PROMPT, _NEGATIVE_PROMPT))
        names = [plain_name(name).casefold() for name in _names(resource)]
        is_named = any(name in prompts.casefold() for name in names)
        if resource.kind is not ModelKind.EMBEDDING or not is_named:
            self._leave_out(resource)

    def _leave_out(self, resource: Resource) -> None:
        name = next(_names(resource), None) or resource.version_id or "without a name"
        self._left_out.append(f"{resource.type} {name}")

    def _say_source(self, name: str, resource: Resource) -> None:
        if resource.local is None and resource.source is not None:
            self._sources[name] = resource.source


def _names(resource: Resource) -> Iterator[str]:
    """What it may be called: by the picture, by the file here, by the files at Civitai."""
    if resource.mention.name:
        yield resource.mention.name
    if resource.local is not None:
        yield resource.local.stem
    for file in resource.version.files if resource.version else ():
        if file.name:
            yield file.name


def _is_called(resource: Resource, name: str) -> bool:
    return any(same_name(name, known) for known in _names(resource))


def _names_here(resource: Resource) -> Iterator[str]:
    """What it is to be called where the picture does not: as its file is, or will be."""
    if resource.local is not None:
        yield resource.local.stem
        return
    if resource.file is not None:
        fallback = f"civitai_{resource.version_id}"
        yield plain_name(safe_filename(resource.file.name, fallback=fallback))
    if resource.mention.name:
        yield plain_name(resource.mention.name)


def _is_sayable(name: str) -> bool:
    return bool(name.strip()) and _UNSAYABLE.isdisjoint(name)


def _has_hash(name: str) -> bool:
    """Whether a checkpoint's name proves which file is meant."""
    digest = split_hash(name)[1] or name
    return len(digest) >= AUTOV2_CHARS and set(digest.lower()) <= _HEX
