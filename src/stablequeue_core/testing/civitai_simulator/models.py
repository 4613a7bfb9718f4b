"""Models at Civitai and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen

from stablequeue_core.testing.civitai_simulator.files import SimulatedFile
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedPicture

DAY = datetime(2026, 3, 1, 10, tzinfo=UTC)

_ECOSYSTEMS = {
    "Illustrious": "sdxl",
    "NoobAI": "sdxl",
    "Pony": "sdxl",
    "SDXL 1.0": "sdxl",
    "SD 1.5": "sd1",
    "Flux.1 D": "flux1",
}


@frozen(kw_only=True)
class SimulatedVersion:
    """One version of a model.

    Attributes:
        id: of the version.
        name: ``v2.0``.
        files: the first of those that Civitai prefers most is the primary one.
        pictures: what shows it, films among them.
        published_at: None where nobody tells.
        status: only ``Published`` versions are found by a hash.
        usage_control: ``Download``; with ``Generation`` it can only be used at Civitai.
        early_access_until: until then only those who bought it may have it.
        is_sold: only those who bought it may ever have it.
        is_private: nobody may have it who did not buy it, and nobody says why.
        is_listed: False leaves it out of its model's own list, as happens with new ones.
    """

    id: int
    name: str = "v1.0"
    files: Sequence[SimulatedFile] = ()
    pictures: Sequence[SimulatedPicture] = ()
    base_model: str = "Illustrious"
    trained_words: Sequence[str] = ()
    description: str | None = None
    nsfw_level: int = 1
    created_at: datetime = DAY
    updated_at: datetime = DAY
    published_at: datetime | None = DAY
    status: str = "Published"
    usage_control: str = "Download"
    early_access_until: datetime | None = None
    is_sold: bool = False
    is_private: bool = False
    is_listed: bool = True
    downloads: int = 4321
    thumbs_up: int = 210

    @property
    def primary(self) -> SimulatedFile | None:
        """The file that comes unless one is chosen."""
        chosen = next((file for file in self.files if file.primary), None)
        return chosen or max(self.files, key=lambda file: file.preference, default=None)


@frozen(kw_only=True)
class SimulatedModel:
    """A model.

    Attributes:
        id: of the model.
        versions: newest first.
        type: ``Checkpoint``, ``LORA``, ``VAE`` ...
        mode: ``Archived``: its files are gone; ``TakenDown``: its pictures are; None: it is as
            usual.
        is_nsfw: lists show it only with ``nsfw=true``.
        only_at_second: whether only the second host knows it.
        creator: None leaves it out.
        downloads: None where the author hides the number.
    """

    id: int
    name: str
    versions: Sequence[SimulatedVersion] = ()
    type: str = "Checkpoint"
    description: str | None = None
    tags: Sequence[str] = ()
    creator: str | None = "harbor_tester"
    nsfw_level: int = 1
    mode: str | None = None
    is_nsfw: bool = False
    only_at_second: bool = False
    downloads: int | None = 9876

    @property
    def is_archived(self) -> bool:
        """Whether its files are gone."""
        return self.mode == "Archived"

    @property
    def base_models(self) -> list[str]:
        """Of its versions, each once."""
        return list(dict.fromkeys(version.base_model for version in self.versions))

    def air(self, version: SimulatedVersion) -> str:
        """The resource name of one of its versions."""
        ecosystem = _ECOSYSTEMS.get(version.base_model, "other")
        kind = self.type.lower()
        return f"urn:air:{ecosystem}:{kind}:civitai:{self.id}@{version.id}"
