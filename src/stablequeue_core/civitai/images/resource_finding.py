"""What the models of a picture are: asked of Civitai, and looked for among the files here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from attrs import evolve

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.images.mentions import Mention, each_once, same_name
from stablequeue_core.civitai.images.resources import Resource
from stablequeue_core.civitai.reading.digests import askable
from stablequeue_core.civitai.records import CivitaiVersion
from stablequeue_core.errors import CivitaiError, CivitaiNotFound, CivitaiRefused
from stablequeue_core.models import Model, ModelKind, ModelRoot, ModelStore
from stablequeue_core.models.digests import AUTOV2_CHARS
from stablequeue_core.transport import Abort

_T = TypeVar("_T")


class ResourceFinder:
    """Finds out what the models of a picture are.

    Args:
        client: asks Civitai.
        models: what is here.
        roots: the model folders; none means that all that is known counts.
    """

    def __init__(
        self, client: CivitaiClient, models: ModelStore, roots: Collection[ModelRoot] = ()
    ) -> None:
        self._client = client
        self._models = models
        self._roots = frozenset(root.name for root in roots) or None

    def find(
        self, used: Sequence[Mention], added: Sequence[Mention], abort: Abort
    ) -> tuple[Resource, ...]:
        """What these are, each once. What Civitai does not tell is missing, and fails nothing.

        Args:
            used: those that the picture names.
            added: those that its page names; one that is among the used ones adds nothing.
            abort: gives up.

        Raises:
            TransferAborted: the abort was pulled.
        """
        asking = _Asking(self._client, abort)
        found = _each_once(_asked(asking, mention) for mention in used)
        known = {resource.version_id for resource in found}
        for mention in (one for one in added if one.version_id not in known):
            resource = evolve(_asked(asking, mention), was_used=False)
            # One of which nobody can say what it is may be any of the used ones.
            if resource.version is not None or not used:
                _add(found, resource)
        return tuple(evolve(resource, local=self._local(resource)) for resource in found)

    def _local(self, resource: Resource) -> Model | None:
        """The file here: by the picture's hash, by Civitai's hashes, by the version."""
        return next((m for m in self._fitting(resource) if self._counts(m, resource)), None)

    def _fitting(self, resource: Resource) -> Iterator[Model]:
        digests = [resource.mention.hash or ""]
        if resource.version is not None:
            files = sorted(resource.version.files, key=lambda file: file != resource.file)
            digests += [file.hashes.sha256 or "" for file in files]
        for digest in digests:
            # Eight digits are of several files.
            if len(digest) >= AUTOV2_CHARS:
                yield from (m for m in self._models.of_hash(digest) if _has(m, digest))
        if resource.version_id is not None:
            yield from self._models.of_version(resource.version_id)

    def _counts(self, model: Model, resource: Resource) -> bool:
        is_ours = self._roots is None or model.root in self._roots
        return is_ours and not model.missing and resource.kind in (None, model.kind)


class _Asking:
    """Asks about one picture's models; once Civitai cannot be reached, it is left in peace."""

    def __init__(self, client: CivitaiClient, abort: Abort) -> None:
        self._client = client
        self._abort = abort
        self._has_failed = False

    def about(self, mention: Mention) -> CivitaiVersion | None:
        """The version that is meant; None: Civitai does not know it, or cannot say so now."""
        version_id, digest = mention.version_id, askable(mention.hash or "")
        if version_id is not None:
            return self._answer(lambda: self._client.version(version_id, abort=self._abort))
        if digest is not None:
            return self._answer(lambda: self._client.version_by_hash(digest, abort=self._abort))
        return None

    def _answer(self, ask: Callable[[], _T]) -> _T | None:
        if self._has_failed:
            return None
        try:
            return ask()
        except (CivitaiNotFound, CivitaiRefused):
            return None
        except CivitaiError:
            self._has_failed = True
            return None


def _asked(asking: _Asking, mention: Mention) -> Resource:
    return Resource(mention=mention, version=asking.about(mention))


def _each_once(resources: Iterator[Resource]) -> list[Resource]:
    """By version: one may be told by its number here, and by its hash there."""
    found: list[Resource] = []
    for resource in resources:
        place = next(
            (
                place
                for place, known in enumerate(found)
                if known.version_id is not None
                and (known.version_id, known.type) == (resource.version_id, resource.type)
            ),
            None,
        )
        if place is None:
            found.append(resource)
        else:
            found[place] = _merged(found[place], resource)
    return found


def _add(found: list[Resource], added: Resource) -> None:
    """Put a model of the picture's page among the used ones, or to the one that it is."""
    for place, used in enumerate(found):
        if used.version_id is None and _is_file_of(added, used.mention):
            found[place] = evolve(used, version=added.version)
            return
    found.append(added)


def _is_file_of(added: Resource, mention: Mention) -> bool:
    """Whether the picture names it as a file of it is called."""
    files = added.version.files if added.version else ()
    name = mention.name or ""
    return added.type == mention.type and any(same_name(file.name, name) for file in files)


def _has(model: Model, digest: str) -> bool:
    """Whether the hash is of the file; what a LoRA's header says of it, pictures say as well."""
    hashes = model.hashes
    told = hashes.told if model.kind is ModelKind.LORA else None
    begins_so = any((text or "").startswith(digest) for text in (hashes.sha256, told))
    return begins_so or digest == hashes.autov3


def _merged(known: Resource, other: Resource) -> Resource:
    (mention,) = each_once(
        evolve(one.mention, version_id=known.version_id, type=known.type) for one in (known, other)
    )
    return evolve(known, mention=mention, version=known.version or other.version)
