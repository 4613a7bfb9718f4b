"""Which servers have a model, as far as their lists tell. Decides; asks nobody."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models.model import Model, ModelKind
from stablequeue_core.models.naming.known_files import KnownFile
from stablequeue_core.models.naming.resolution import CheckpointNames
from stablequeue_core.servers import Inventory


@frozen(kw_only=True)
class Availability:
    """Whether a server has a model.

    Attributes:
        server: its alias.
        available: None when nobody can tell: the server does not answer, or lists no such files.
        listed_as: the server's own name for it.
        reason: why we think so, or why not.
    """

    server: str
    available: bool | None
    listed_as: str | None = None
    reason: str


def availability(model: Model, server: str, inventory: Inventory) -> Availability:
    """Whether ``server``, which has ``inventory``, has ``model``.

    Servers tell hashes of checkpoints only, and only once they have loaded them; anything else is
    told by its name, which another file may have.
    """
    match model.kind:
        case ModelKind.CHECKPOINT:
            return _of_checkpoint(model, server, inventory)
        case ModelKind.LORA:
            names = [lora.name for lora in inventory.loras]
            return _by_name(model.stem, names, server, "LoRA")
        case ModelKind.VAE:
            return _by_name(model.filename, inventory.modules, server, "module")
        case ModelKind.UPSCALER:
            return _by_name(model.stem, inventory.upscalers, server, "upscaler")
        case _:
            reason = f"Servers list no {model.kind.value} files."
            return Availability(server=server, available=None, reason=reason)


def _of_checkpoint(model: Model, server: str, inventory: Inventory) -> Availability:
    names = CheckpointNames(server, inventory.checkpoints)
    try:
        found = names.of_file(KnownFile.of(model))
    except AmbiguousName as error:
        titles = error.details["candidates"]
        return Availability(
            server=server, available=True, listed_as=str(titles[0]), reason=error.message
        )
    except NotOnServer:
        reason = f"No checkpoint of server {server!r} has its hash, its path or its name."
        return Availability(server=server, available=False, reason=reason)
    title = found.checkpoint.title
    return Availability(server=server, available=True, listed_as=title, reason=found.reason)


def _by_name(name: str, listed: Collection[str], server: str, what: str) -> Availability:
    if name in listed:
        return Availability(server=server, available=True, listed_as=name, reason="same name")
    reason = f"No {what} of server {server!r} has its name."
    return Availability(server=server, available=False, reason=reason)
