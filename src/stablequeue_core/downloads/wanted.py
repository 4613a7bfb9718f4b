"""A model that a job lacks, and the port: who sees to it that it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from stablequeue_core.downloads.download import Download
from stablequeue_core.models import ModelKind

FILES: Mapping[str, ModelKind] = {
    "checkpoint": ModelKind.CHECKPOINT,
    "LoRA": ModelKind.LORA,
    "module": ModelKind.VAE,
    "upscaler": ModelKind.UPSCALER,
}
"""What a server may lack that is a file, in the words of ``NotOnServer``: the rest is built in."""


@frozen(kw_only=True)
class WantedModel:
    """A model that a job names and a server lacks.

    Attributes:
        kind: in the words of ``NotOnServer``; one of :data:`FILES`.
        name: as the job says it.
        source: where the job says that it can be had: an AIR, an address at Civitai or the number
            of a version; None when it does not say.
    """

    kind: str
    name: str
    source: str | None = None

    @property
    def model_kind(self) -> ModelKind:
        """The folder that it belongs into."""
        return FILES[self.kind]


class ModelOrderer(Protocol):
    """Orders the models that jobs lack. Safe to use from several threads at once."""

    def order(self, wanted: WantedModel) -> Download:
        """Start the download of a model, or join the one that is under way.

        One that is under way is joined even when its file lies in its place already: then it is
        being shown to the servers. The file should get a name by which servers will know it as
        ``wanted.name``.

        Returns:
            the download; a completed one says that the file is here already.

        Raises:
            ModelFileExists: the file is here already, and nobody has to fetch it.
            CivitaiUnavailable: nobody can tell now; the job asks again in a while.
            StableQueueError: it cannot be had, and the sentence says what to do; most often
                ``ModelNotSupplied``.
        """
