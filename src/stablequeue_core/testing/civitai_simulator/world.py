"""Everything there is at Civitai. Change it at any time; the next request sees it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property

from attrs import frozen

from stablequeue_core.testing.civitai_simulator.accounts import SimulatedAccount
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.models import SimulatedModel, SimulatedVersion
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedImage, SimulatedPicture


@frozen
class Listing:
    """A version and the model that it belongs to."""

    model: SimulatedModel
    version: SimulatedVersion

    @property
    def files(self) -> Sequence[SimulatedFile]:
        """What the API tells of its files: of an archived model none."""
        return () if self.model.is_archived else self.version.files


class CivitaiWorld:
    """The models, pictures and accounts. Thread-safe.

    Example::

        world.add(SimulatedModel(id=7, name="Fox", versions=[SimulatedVersion(id=70)]))
        world.remove_model(7)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[int, SimulatedModel] = {}
        self._images: dict[int, SimulatedImage] = {}
        self._accounts: dict[str, SimulatedAccount] = {}
        self._found: _Index | None = None

    def add(self, *things: SimulatedModel | SimulatedImage | SimulatedAccount) -> None:
        """Add them, or put them in the place of those with the same id or key."""
        with self._lock:
            self._found = None
            for thing in things:
                if isinstance(thing, SimulatedModel):
                    self._models[thing.id] = thing
                elif isinstance(thing, SimulatedImage):
                    self._images[thing.id] = thing
                else:
                    self._accounts[thing.key] = thing

    def remove_model(self, model_id: int) -> None:
        """Delete a model with its versions."""
        with self._lock:
            self._found = None
            del self._models[model_id]

    def remove_image(self, image_id: int) -> None:
        """Delete a posted picture."""
        with self._lock:
            self._found = None
            del self._images[image_id]

    def remove_account(self, key: str) -> None:
        """Revoke a key."""
        with self._lock:
            del self._accounts[key]

    @property
    def models(self) -> list[SimulatedModel]:
        """In the order in which they were added."""
        with self._lock:
            return list(self._models.values())

    @property
    def images(self) -> list[SimulatedImage]:
        """In the order in which they were added."""
        with self._lock:
            return list(self._images.values())

    def model(self, model_id: int) -> SimulatedModel | None:
        """The model of this id."""
        return self._models.get(model_id)

    def listing(self, version_id: int) -> Listing | None:
        """The version of this id."""
        return self._index().versions.get(version_id)

    def with_hash(self, digest: str) -> Sequence[Listing]:
        """The versions with a file of this hash, of whatever kind it is."""
        return self._index().hashes.get(digest.upper(), ())

    def file(self, file_id: int) -> SimulatedFile | None:
        """The file of this id."""
        return self._index().files.get(file_id)

    def image(self, image_id: int) -> SimulatedImage | None:
        """The posted picture of this id."""
        return self._images.get(image_id)

    def account(self, key: str | None) -> SimulatedAccount | None:
        """Whose key it is; nobody's if it is wrong, or its account is banned."""
        account = self._accounts.get(key or "")
        return None if account is None or account.status == "banned" else account

    def picture(self, uuid: str) -> SimulatedPicture | None:
        """The picture or film that the CDN has under this name."""
        return self._index().pictures.get(uuid)

    def _index(self) -> _Index:
        with self._lock:
            if self._found is None:
                self._found = _Index(tuple(self._models.values()), tuple(self._images.values()))
            return self._found


@frozen
class _Index:
    """Where to find what, until something changes; made when it is needed."""

    models: Sequence[SimulatedModel]
    images: Sequence[SimulatedImage]

    @cached_property
    def listings(self) -> Sequence[Listing]:
        return [Listing(model, version) for model in self.models for version in model.versions]

    @cached_property
    def versions(self) -> Mapping[int, Listing]:
        return {listing.version.id: listing for listing in self.listings}

    @cached_property
    def files(self) -> Mapping[int, SimulatedFile]:
        return {file.id: file for listing in self.listings for file in listing.version.files}

    @cached_property
    def hashes(self) -> Mapping[str, Sequence[Listing]]:
        found: dict[str, list[Listing]] = {}
        for listing in self.listings:
            hashes = [file.hashes for file in listing.version.files]
            for digest in {digest.upper() for each in hashes for digest in each.values()}:
                found.setdefault(digest, []).append(listing)
        return found

    @cached_property
    def pictures(self) -> Mapping[str, SimulatedPicture]:
        shown = [picture for listing in self.listings for picture in listing.version.pictures]
        return {each.uuid: each for each in (*shown, *(image.picture for image in self.images))}
